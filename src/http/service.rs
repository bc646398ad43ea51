//! What answers requests.

use std::future::Future;
use std::pin::Pin;

use super::head::Head;
use super::request::Request;
use super::request_limiter::Cost;
use super::response::Response;

/// The right to send a large body, given back when this is dropped.
pub type BodyPermit = Box<dyn Send>;

/// A permit for a large body, or the response that refuses it.
pub type BodyAuthorization<'a> =
    Pin<Box<dyn Future<Output = Result<BodyPermit, Response>> + Send + 'a>>;

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// The largest body this request may have. Called before a byte of it is read.
    fn body_limit(&self, head: &Head) -> usize;

    /// Up to how many bytes the handler itself reads the body of this request, piece by piece ([`Request::stream`]);
    /// `None` if it gets the body whole. Called before a byte is read.
    fn streams(&self, head: &Head) -> Option<u64> {
        let _ = head;
        None
    }

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
