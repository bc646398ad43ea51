//! `/metrics`, for Prometheus and everything else that reads its text.
//!
//! Nothing is pushed here. Every part of the server counts for itself in plain atomics. This module is
//! built once, at the start, knows those parts and reads their counters at each scrape. So a server that
//! is not scraped pays for the counting only, and the delivery plane pays one addition per turn.
//!
//! The same metrics are written in two formats: OpenMetrics for a scraper that requests it, as Prometheus
//! does, and the older text (0.0.4) for all others. `docs/operations.md` lists names and meaning.

mod families;
mod page;
mod process;
mod sources;
mod text;

use prometheus_client::registry::Registry;

pub use sources::Sources;
use sources::Store;

/// All metrics, ready to be scraped.
pub struct Metrics {
    registry: Registry,
    /// One page is written at a time, however many are requested.
    scraping: tokio::sync::Mutex<()>,
    stores: [Store; 4],
}

impl Metrics {
    /// Registers all families.
    pub fn new(sources: Sources) -> Self {
        let stores = sources.stores.clone().map(|(name, database)| Store::new(name, database));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(process::Process { started: sources.started }));
        let ours = registry.sub_registry_with_prefix("impulse");
        families::register_histograms(ours, &sources);
        ours.register_collector(Box::new(families::Families { sources, stores: stores.clone() }));
        Self { registry, scraping: tokio::sync::Mutex::default(), stores }
    }

    /// The content type and the text, for these `Accept` headers. It pings the stores, so it may take as
    /// long as `/ready`.
    pub async fn scrape<'a>(
        &self,
        accept: impl Iterator<Item = &'a str>,
    ) -> (&'static str, String) {
        let _guard = self.scraping.lock().await;
        let [a, b, c, d] = &self.stores;
        tokio::join!(a.ping(), b.ping(), c.ping(), d.ping());
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "some metrics could not be written");
        }
        text::negotiate(accept, text)
    }
}
