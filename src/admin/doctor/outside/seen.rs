//! What the checks of the URL share.

use super::super::site::Target;
use crate::base::limits::doctor as limits;
use crate::http::client::{Client, Reply, Trust};

/// The address that a request is sent with in `X-Forwarded-For`: of a network for documentation, so nobody's.
pub const FORGED: &str = "192.0.2.77";

/// A client that takes any certificate: whether it is good is a check of its own.
pub fn client(target: &Target) -> Client {
    Client::of(&target.origin, &Trust::any()).with_timeout(limits::REQUEST)
}

/// An answer in a few words.
pub fn answer(reply: &Reply) -> String {
    let server = reply.header("server").map(|name| format!(", by {}", short(name)));
    format!("{} {}{}", reply.status, short(&reply.reason), server.unwrap_or_default())
}

/// What a foreign server wrote, short and on one line.
pub fn short(text: &str) -> String {
    text.trim().chars().take(limits::DETAIL).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
