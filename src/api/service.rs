//! For those who watch over the server: is it alive, can it serve, what is it doing.

use std::time::Instant;

use serde_json::json;
use tokio::sync::Mutex;

use crate::base::error::{Error, Outage, Result};
use crate::base::limits::store::PROBE;
use crate::http::{Request, Response};
use crate::store::accounts::AccountStore;
use crate::store::chat::ChatStore;

use super::Api;

/// `GET /health`: the process runs and its loop turns.
pub(super) fn health() -> Response {
    Response::json(200, &json!({"status": "ok"}))
}

/// `GET /ready`: both stores answer, and take what is written.
pub(super) async fn ready(api: &Api) -> Result<Response> {
    match api.readiness.check(&api.accounts, &api.chat).await {
        None => Ok(Response::json(200, &json!({"status": "ready"}))),
        Some(outage) => Err(Error::outage(outage, "a store is not ready")),
    }
}

/// Whether the stores are ready, found out by one asker at a time for all who wait meanwhile: however
/// many ask, each store has one connection busy with it.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<Checked>>,
}

struct Checked {
    outage: Option<Outage>,
    at: Instant,
    /// When a write was tried last.
    wrote_at: Instant,
}

impl Readiness {
    /// What is the matter, if anything. A write is tried every [`PROBE`] while all is well, and always
    /// after something was not.
    async fn check(&self, accounts: &AccountStore, chat: &ChatStore) -> Option<Outage> {
        let asked_at = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(checked) = &*last
            && checked.at >= asked_at
        {
            return checked.outage;
        }
        let wrote_at = last.as_ref().filter(|last| last.outage.is_none()).map(|last| last.wrote_at);
        let recently = wrote_at.filter(|at| asked_at.duration_since(*at) < PROBE);
        let (one, other) = match recently {
            Some(_) => tokio::join!(accounts.database().ping(), chat.database().ping()),
            None => tokio::join!(accounts.try_write(), chat.try_write()),
        };
        let error = one.and(other).err();
        let outage = error.as_ref().map(|error| error.why_unavailable().unwrap_or(Outage::Failing));
        if let Some(error) = error {
            tracing::warn!(?error, "not ready");
        }
        *last =
            Some(Checked { outage, at: Instant::now(), wrote_at: recently.unwrap_or(asked_at) });
        outage
    }
}

/// `GET /metrics`: what all parts count, for Prometheus.
pub(super) async fn metrics(api: &Api, request: &Request) -> Response {
    let (content_type, text) = api.metrics.scrape(request.head.headers.all("accept")).await;
    Response::new(200, content_type, text).header("Cache-Control", "no-store")
}
