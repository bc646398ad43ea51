//! Whether a connection is serving a request, and whether another connection needs its permit.
//!
//! One atomic number holds whether the connection is busy, idle since some moment, or evicted. The connection and
//! admission control both change it with one atomic step, so a request that has begun is never cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::net::ClientPrefix;

/// It serves a request.
const BUSY: u64 = u64::MAX;
/// Another connection gets its permit.
const EVICTED: u64 = u64::MAX - 1;

/// What a connection and admission control share.
#[derive(Debug)]
pub(super) struct PermitState {
    pub client: ClientPrefix,
    pub id: u64,
    /// One of the two above, or the milliseconds since when it is idle.
    state: AtomicU64,
    evicted: Notify,
    /// Connections of the same client that wait for a permit.
    pub queue: Arc<WaitQueue>,
}

/// Connections of one client that wait for a permit.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    pub length: AtomicUsize,
    /// A permit may be free.
    pub freed: Notify,
}

impl WaitQueue {
    pub fn is_empty(&self) -> bool {
        self.length.load(Ordering::Relaxed) == 0
    }
}

impl PermitState {
    pub fn new(client: ClientPrefix, id: u64, queue: Arc<WaitQueue>) -> Self {
        let (state, evicted) = (AtomicU64::new(BUSY), Notify::new());
        Self { client, id, state, evicted, queue }
    }

    /// From now on there is no request.
    pub fn set_idle(&self, now: Duration) {
        self.state.store(millis(now), Ordering::Release);
    }

    /// A request begins. False: the permit has gone to another connection.
    pub fn set_busy(&self) -> bool {
        self.state.swap(BUSY, Ordering::AcqRel) != EVICTED
    }

    /// Since when it waits for a request.
    pub fn idle_since(&self) -> Option<u64> {
        Some(self.state.load(Ordering::Acquire)).filter(|state| *state < EVICTED)
    }

    /// Takes its permit, if it is still idle since that moment.
    pub fn evict(&self, since: u64) -> bool {
        let order = Ordering::AcqRel;
        let evicted = self.state.compare_exchange(since, EVICTED, order, Ordering::Relaxed).is_ok();
        if evicted {
            self.evicted.notify_one();
        }
        evicted
    }

    /// Returns when it is evicted.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_gives_way_only_while_it_has_no_request() {
        let client = crate::base::net::client_prefix("192.0.2.1".parse().unwrap());
        let permit = PermitState::new(client, 1, Arc::default());
        assert_eq!(permit.idle_since(), None, "it has a request until it says otherwise");
        permit.set_idle(Duration::from_millis(5));
        assert_eq!(permit.idle_since(), Some(5));
        assert!(permit.set_busy());
        assert!(!permit.evict(5), "a request has come meanwhile");
        permit.set_idle(Duration::from_millis(7));
        assert!(!permit.evict(5), "it has been busy since");
        assert!(permit.evict(7));
        permit.evicted().await;
        assert_eq!(permit.idle_since(), None, "it is evicted once");
        assert!(!permit.set_busy());
    }
}
