//! What all connections of a listener share.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::counters::HttpCounters;
use super::options::{Deadlines, Options};
use super::proxies::{Transport, TrustedProxies};
use super::request_limiter::RequestLimiter;
use super::service::Service;
use super::transfers::Patience;
use crate::base::limits::http as limits;
use crate::base::memory::MemoryBudget;
use crate::base::shutdown;

/// What all connections of a listener share.
pub(super) struct ListenerShared {
    pub service: Arc<dyn Service>,
    /// How its connections speak TLS; they are plain if there is nothing here.
    pub tls: Option<TlsAcceptor>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
    pub trusted_proxies: TrustedProxies,
    pub stop: watch::Receiver<bool>,
    pub deadlines: Deadlines,
    pub patience: Patience,
    pub counters: Arc<HttpCounters>,
    pub limiter: Arc<RequestLimiter>,
    pub memory: MemoryBudget,
    /// Closed when the last connection has ended.
    _alive: mpsc::Sender<()>,
}

impl ListenerShared {
    pub fn new(
        service: Arc<dyn Service>,
        options: &Options,
        stop: watch::Receiver<bool>,
        alive: mpsc::Sender<()>,
    ) -> Self {
        Self {
            service,
            tls: options.tls.clone().map(TlsAcceptor::from),
            trusted_proxies: options.trusted_proxies.clone(),
            stop,
            deadlines: options.deadlines,
            patience: options.patience,
            counters: options.counters.clone(),
            limiter: options.limiter.clone(),
            memory: options.memory.clone(),
            _alive: alive,
        }
    }

    /// Whether its connections have TLS.
    pub fn transport(&self) -> Transport {
        if self.tls.is_some() { Transport::Tls } else { Transport::Plain }
    }

    /// Returns a moment after the server stops.
    pub async fn must_end_downloads(&self) {
        self.stopped().await;
        tokio::time::sleep(limits::DOWNLOAD_STOP).await;
    }

    /// Returns when the server stops.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        shutdown::stopped(&mut stop).await;
    }
}
