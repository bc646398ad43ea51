//! The HTTP interface of `docs/protocol.md`.
//!
//! `routes` names every path, `router` answers a request by its route, handlers read the request, call a service
//! and make the response. Nothing here holds state of its own or runs by itself, and nothing here runs on a
//! delivery thread: a socket is handed over in `socket` and never comes back.

mod access;
mod account;
mod admin;
mod caller;
mod charge;
mod context;
mod directory;
mod fields;
mod files;
mod invites;
mod page;
mod rooms;
mod router;
mod routes;
mod script_body;
mod search;
mod sent_file;
mod server;
mod socket;
mod users;

pub use context::{Api, Demo, Settings};
pub use routes::all as routes;

use std::future::Future;
use std::pin::Pin;

use crate::base::error::{Code, Error, Result};
use crate::base::limits::api as limits;
use crate::base::memory::Holder;
use crate::http::{
    BodyAuthorization, BodyPermit, Cost, Head, Request, Response, Service, readable,
};

impl Service for Api {
    fn body_limit(&self, head: &Head) -> usize {
        routes::find(&head.path).map_or(limits::SMALL_BODY, |(route, _)| route.body_limit)
    }

    fn streams(&self, head: &Head) -> Option<u64> {
        routes::find(&head.path).and_then(|(route, _)| (route.streams)(self, head))
    }

    fn cost(&self, head: &Head) -> Cost {
        routes::find(&head.path).map_or(Cost::Light, |(route, _)| route.request_cost)
    }

    fn authorize_body<'a>(&'a self, request: &'a Request) -> BodyAuthorization<'a> {
        Box::pin(async move {
            let admitted = match self.origins.check_host(request) {
                Ok(()) => self.authorize_large_body(request).await,
                Err(error) => Err(error),
            };
            admitted.map_err(|error| self.refusal(request, &error))
        })
    }

    fn upgraded(&self) -> usize {
        self.services.shards.connections()
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.answer(&request).await;
            let answer =
                answer.and_then(|answer| self.reserve_memory(answer, Holder::of(request.peer)));
            let response = answer.unwrap_or_else(|error| self.refusal(&request, &error));
            let response = self.with_hsts(readable(response, &request.head), &request);
            if may_be_packed(&request) {
                self.packer.pack(response, &request.head).await
            } else {
                response
            }
        })
    }
}

/// Whether the answer may be compressed. Codes, tokens and tickets are in answers to `POST` alone, and the length of
/// a compressed answer would tell something of a secret beside a text that somebody else has chosen.
fn may_be_packed(request: &Request) -> bool {
    matches!(request.head.method.as_str(), "GET" | "HEAD") && request.head.path.starts_with("/api/")
}

/// Requested by the checks of containers under whatever host name they use.
const ON_ANY_HOST: [&str; 2] = ["/health", "/ready"];

/// For a year: nobody can sign in without https, so nothing is lost if it is never given up.
const HSTS: &str = "max-age=31536000";

impl Api {
    /// The right to a large body, before a byte of it is read: for somebody who is signed in. A picture takes more than
    /// memory and has limits of its own.
    async fn authorize_large_body(&self, request: &Request) -> Result<BodyPermit> {
        match request.head.method.as_str() {
            "PUT" | "POST" if !request.head.path.ends_with("/avatar") => {
                self.session(request).await?;
                Ok(Box::new(()))
            }
            _ => account::avatar::authorize_body(self, request).await,
        }
    }

    async fn answer(&self, request: &Request) -> Result<Response> {
        let path = request.head.path.as_str();
        if !ON_ANY_HOST.contains(&path) {
            self.origins.check_host(request)?;
        }
        if self.settings.dev_echo.as_deref() == Some(path) {
            return Ok(socket::echo(self, request));
        }
        match routes::find(path) {
            Some((route, numbers)) => route.endpoints.answer(self, request, numbers).await,
            None if path == "/api" || path.starts_with("/api/") => Err(no_such_path()),
            None => self.site.respond(&request.head).await.ok_or_else(no_such_path),
        }
    }

    /// Tells a browser that has come by https to do so from now on.
    fn with_hsts(&self, response: Response, request: &Request) -> Response {
        match self.settings.hsts && request.secure {
            true => response.header("Strict-Transport-Security", HSTS),
            false => response,
        }
    }

    /// The one place where a handler's error becomes a response.
    fn refusal(&self, request: &Request, error: &Error) -> Response {
        let path = logged(&request.head.path);
        match error.code() {
            // Its sentence may quote what was sent, which may be a password.
            Code::BadRequest => tracing::debug!(path, error = "bad_request", "refused"),
            _ => tracing::debug!(path, ?error, "refused"),
        }
        self.traffic.errors.inc(error.code());
        let response = Response::error(error);
        match error.code() {
            Code::Unauthorized => response.header("WWW-Authenticate", "Bearer"),
            _ => response,
        }
    }
}

/// A path as it may be logged: that of a hook ends with its secret.
fn logged(path: &str) -> &str {
    if path.starts_with(rooms::hooks::PREFIX) { rooms::hooks::PREFIX } else { path }
}

fn no_such_path() -> Error {
    Error::new(Code::NotFound, "There is nothing here.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_hook_is_not_logged() {
        assert_eq!(logged("/hooks/a-secret"), "/hooks/");
        assert_eq!(logged("/api/rooms/4/hooks"), "/api/rooms/4/hooks");
    }
}
