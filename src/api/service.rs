//! For those who watch over the server: is it alive, can it serve, what is it doing.

use std::sync::atomic::{AtomicU64, Ordering};

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
    let stats = api.shards.stats();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let lines = [
        ("gauge", "uptime_seconds", "Since the server started.", api.started.elapsed().as_secs()),
        (
            "gauge",
            "users_online",
            "Users with a connection.",
            number(api.rooms.presence().online()),
        ),
        ("gauge", "connections", "Open WebSockets.", number(api.shards.connections())),
        ("counter", "connections_total", "WebSockets since the start.", count(&stats.adopted)),
        ("counter", "lagging_total", "Connections that could not keep up.", count(&stats.lagging)),
        ("counter", "commands_total", "Commands read.", count(&stats.commands)),
        ("counter", "deliveries_total", "Frames of rooms written.", count(&stats.deliveries)),
        ("counter", "writes_total", "Writes that took them.", count(&stats.writes)),
    ];
    let mut text = String::new();
    for (kind, name, help, value) in lines {
        let name = format!("impulse_{name}");
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
    }
    Response::new(200, "text/plain; version=0.0.4; charset=utf-8", text)
        .header("Cache-Control", "no-store")
}
