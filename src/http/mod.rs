//! HTTP/1.1 by hand over `httparse`. It knows requests, responses and files, but no chat.
//!
//! `head` and `body` parse without I/O. `connection` drives them over a socket with deadlines, `listener`
//! accepts, `admission` bounds connections and `request_limiter` what each client requests. What answers
//! requests is a [`Service`]. `client` is the other side: the requests that our own programs make.

mod admission;
mod body;
mod buffered_socket;
pub mod client;
mod close;
mod connection;
mod connection_table;
mod cookie;
mod counters;
mod head;
mod headers;
mod json;
mod listener;
mod listener_shared;
mod options;
mod permit_state;
mod refusal;
mod request;
mod request_limiter;
mod reserve_fd;
mod response;
mod socket;
mod static_files;
mod target;

pub use body::{Body, Progress};
pub use counters::{HttpCounters, RefusalReason};
pub use head::{Framing, Head, Method, parse};
pub use headers::Headers;
pub use listener::serve;
pub use options::{Deadlines, Options};
pub use refusal::Refusal;
pub use request::Request;
pub use request_limiter::{Cost, RequestLimiter};
pub use response::{Response, Upgrade};
pub use socket::{Listener, Socket, bind};
pub use static_files::Site;

use std::future::Future;
use std::pin::Pin;

/// The right to send a large body, given back when this is dropped.
pub type BodyPermit = Box<dyn Send>;

/// A permit for a large body, or the response that refuses it.
pub type BodyAuthorization<'a> =
    Pin<Box<dyn Future<Output = Result<BodyPermit, Response>> + Send + 'a>>;

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// The largest body this request may have. Called before a byte of it is read.
    fn body_limit(&self, head: &Head) -> usize;

    /// Whether this request, whose body is not read yet, may send one of more than
    /// [`crate::base::limits::http::BODY`]. The permit is held until the response is made.
    fn authorize_body<'a>(&'a self, request: &'a Request) -> BodyAuthorization<'a> {
        let _ = request;
        Box::pin(async { Ok(Box::new(()) as BodyPermit) })
    }

    /// What a request costs. Called before its body is read.
    fn cost(&self, head: &Head) -> Cost {
        let _ = head;
        Cost::Call
    }

    /// Sockets it has taken over by upgrades and still holds: descriptors, too.
    fn upgraded(&self) -> usize {
        0
    }

    /// The response to a request.
    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>>;
}
