//! For those who watch over the server: is it alive, can it serve, what is it doing.

use serde_json::json;

use crate::error::{Error, Result};
use crate::http::{Request, Response};

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

/// `GET /metrics`: what all parts count, for Prometheus.
pub(super) async fn metrics(api: &Api, request: &Request) -> Response {
    let (content_type, text) = api.metrics.scrape(request.head.headers.all("accept")).await;
    Response::new(200, content_type, text).header("Cache-Control", "no-store")
}
