//! The server itself: what a client must know before anybody signs in, and what those need who watch over it.

mod info;

pub use info::{encryption_info, info};

use serde_json::json;

use crate::api::context::Api;
use crate::base::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::tls::trust_page;

/// `GET /health`: the process runs and answers.
pub async fn health(_: &Api, _: &Request) -> Result<Response> {
    Ok(Response::json(200, &json!({"status": "ok"})))
}

/// `GET /ready`: both stores answer, and take what is written.
pub async fn ready(api: &Api, _: &Request) -> Result<Response> {
    match api.services.readiness.check().await {
        None => Ok(Response::json(200, &json!({"status": "ready"}))),
        Some(outage) => Err(Error::outage(outage, "a store is not ready")),
    }
}

/// `GET /metrics`: what all parts count, for Prometheus.
pub async fn metrics(api: &Api, request: &Request) -> Result<Response> {
    let (content_type, text) = api.metrics.scrape(request.head.headers.all("accept")).await;
    Ok(Response::new(200, content_type, text).header("Cache-Control", "no-store"))
}

/// `GET /ca` and `GET /ca.crt`: how to trust the server's own authority, and its certificate.
pub async fn trust(api: &Api, request: &Request) -> Result<Response> {
    let authority = api.settings.authority.as_ref();
    let answer = authority.and_then(|authority| trust_page::respond(authority, &request.head));
    answer.ok_or_else(|| {
        Error::new(Code::NotFound, "This server has no certificate authority of its own.")
    })
}
