//! HTTP/1.1 by hand over `httparse`: it knows requests, responses and files, but no chat.
//!
//! `head` and `body` are sans-IO parsers over the connection's buffer, `connection` drives them
//! with deadlines, `listener` accepts, `doorman` caps connections and `clients` what each client asks.
//! What is served is a [`Service`].

mod body;
pub mod client;
mod clients;
mod connection;
mod cookie;
mod counts;
mod doorman;
mod head;
mod json;
mod listener;
mod request;
mod response;
mod seat;
mod socket;
mod spare;
mod static_files;

pub use body::{Body, Progress};
pub use clients::{Clients, Cost};
pub use counts::{Counts, Refused};
pub use head::{Framing, Head, Headers, Method, Refusal, parse};
pub use listener::{Deadlines, Options, serve};
pub use request::Request;
pub use response::{Response, Upgrade};
pub use socket::{Listener, Socket, bind};
pub use static_files::Site;

use std::future::Future;
use std::pin::Pin;

/// A place for a large body; it is free again when this is dropped.
pub type Place = Box<dyn Send>;

/// A place, or why there is none.
pub type Admission<'a> = Pin<Box<dyn Future<Output = Result<Place, Response>> + Send + 'a>>;

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// The largest body this request may have; asked before a byte of it is read.
    fn body_limit(&self, head: &Head) -> usize;

    /// Whether this request, whose body is not there yet, may send one of more than
    /// [`crate::base::limits::http::BODY`]: a large body is not read for just anybody. What is given is
    /// kept until the answer is made.
    fn admit<'a>(&'a self, request: &'a Request) -> Admission<'a> {
        let _ = request;
        Box::pin(async { Ok(Box::new(()) as Place) })
    }

    /// What a request costs, asked before its body is read.
    fn cost(&self, head: &Head) -> Cost {
        let _ = head;
        Cost::Call
    }

    /// Sockets it has taken over by upgrades and still holds: descriptors, too.
    fn upgraded(&self) -> usize {
        0
    }

    /// The answer.
    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>>;
}
