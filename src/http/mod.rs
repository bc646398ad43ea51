//! HTTP/1.1 by hand over `httparse`: it knows requests, responses and files, but no chat.
//!
//! `head` and `body` are sans-IO parsers over the connection's buffer, `connection` drives them
//! with deadlines, `listener` accepts and caps. What is served is a [`Service`].

mod body;
mod connection;
mod cookie;
mod head;
mod json;
mod listener;
mod request;
mod response;
mod static_files;

pub use body::{Body, Progress};
pub use head::{Framing, Head, Headers, Method, Refusal, parse};
pub use listener::{Deadlines, Options, bind, serve};
pub use request::Request;
pub use response::{Response, Upgrade};
pub use static_files::Site;

use std::future::Future;
use std::pin::Pin;

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// The largest body this request may have; asked before a byte of it is read.
    fn body_limit(&self, head: &Head) -> usize;

    /// The answer.
    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>>;
}
