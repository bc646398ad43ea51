//! For those who watch over the server: is it alive, can it serve, what is it doing.

use std::fmt::Write as _;

use serde_json::json;

use crate::error::{Error, Result};
use crate::http::Response;

use super::Api;

/// `GET /health`: the process runs and its loop turns.
pub(super) fn health() -> Response {
    Response::json(200, &json!({"status": "ok"}))
}

/// `GET /ready`: both stores answer.
pub(super) async fn ready(api: &Api) -> Result<Response> {
    let (accounts, chat) =
        tokio::join!(api.accounts.database().is_reachable(), api.chat.database().is_reachable());
    if accounts && chat {
        return Ok(Response::json(200, &json!({"status": "ready"})));
    }
    Err(Error::unavailable("a store does not answer"))
}

/// `GET /metrics`: Prometheus text.
pub(super) fn metrics(api: &Api) -> Response {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: u64| {
        let _ = writeln!(
            text,
            "# HELP impulse_{name} {help}\n# TYPE impulse_{name} gauge\nimpulse_{name} {value}"
        );
    };
    let seconds = api.started.elapsed().as_secs();
    gauge("uptime_seconds", "Since the server started.", seconds);
    let online = api.rooms.presence().online();
    gauge("users_online", "Users with a connection.", u64::try_from(online).unwrap_or(u64::MAX));
    Response::new(200, "text/plain; version=0.0.4; charset=utf-8", text)
        .header("Cache-Control", "no-store")
}
