//! `/metrics`, for Prometheus and whoever reads its text.
//!
//! Nothing is pushed here. Every part of the server counts for itself, in plain atomics; this module is
//! built once, at the start, knows where they are and reads them when it is asked. So a server that
//! nobody scrapes pays nothing but the counting, and the delivery plane pays one addition per turn.
//!
//! Two formats of the same figures: OpenMetrics for who asks for it, as Prometheus does, and the older
//! text (0.0.4) for everybody else. Names and meaning: `docs/operations.md`.

mod families;
mod page;
mod process;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use prometheus_client::registry::Registry;

use crate::auth::Auth;
use crate::delivery::Shards;
use crate::http::HttpCounters;
use crate::rooms::Rooms;
use crate::store::pool::Database;

/// Where the figures are.
pub struct Sources {
    /// When the server started.
    pub started: SystemTime,
    /// WebSockets that it takes at most.
    pub connections_max: usize,
    /// The delivery plane.
    pub shards: Shards,
    /// The rooms and their journal.
    pub rooms: Rooms,
    /// Passwords.
    pub auth: Arc<Auth>,
    /// The listeners.
    pub traffic: Arc<HttpCounters>,
    /// The stores and what they are called, and what the rooms reach theirs by.
    pub stores: [(&'static str, Database); 3],
}

/// All figures, ready to be asked.
pub struct Metrics {
    registry: Registry,
    /// One page is made at a time, however many ask.
    turn: tokio::sync::Mutex<()>,
    stores: [Store; 3],
}

/// A store, and whether it answered when it was last asked.
#[derive(Clone)]
struct Store {
    name: &'static str,
    database: Database,
    is_reachable: Arc<AtomicBool>,
}

impl Metrics {
    /// Knows where to look from now on.
    pub fn new(sources: Sources) -> Self {
        let stores = sources.stores.clone().map(|(name, database)| Store {
            name,
            database,
            is_reachable: Arc::default(),
        });
        let mut registry = Registry::default();
        registry.register_collector(Box::new(process::Process { started: sources.started }));
        let ours = registry.sub_registry_with_prefix("impulse");
        families::register_histograms(ours, &sources);
        ours.register_collector(Box::new(families::Families { sources, stores: stores.clone() }));
        Self { registry, turn: tokio::sync::Mutex::default(), stores }
    }

    /// The content type and the text, for these `Accept` headers. Asks the stores whether they are
    /// there, so it may take as long as `/ready`.
    pub async fn scrape<'a>(
        &self,
        accept: impl Iterator<Item = &'a str>,
    ) -> (&'static str, String) {
        let _turn = self.turn.lock().await;
        let [a, b, c] = &self.stores;
        tokio::join!(a.look(), b.look(), c.look());
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "some figures could not be written down");
        }
        text::negotiate(accept, text)
    }
}

impl Store {
    async fn look(&self) {
        self.is_reachable.store(self.database.is_reachable().await, Ordering::Relaxed);
    }
}
