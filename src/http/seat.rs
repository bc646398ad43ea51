//! Where a connection is between two requests, and whether somebody else needs its place.
//!
//! One number says whether the connection works, waits for a request since some moment, or was asked to
//! give way. Both sides change it with one atomic step, so a request that has begun is never cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::net::ClientPrefix;

/// It works on a request.
const WORKING: u64 = u64::MAX;
/// It was asked to give way.
const LEAVING: u64 = u64::MAX - 1;

/// What a connection and the doorman share.
#[derive(Debug)]
pub(super) struct Seat {
    pub client: ClientPrefix,
    pub id: u64,
    /// One of the two above, or the milliseconds at which it began to wait for a request.
    state: AtomicU64,
    leave: Notify,
    /// Who waits for a place of the same client.
    pub queue: Arc<Queue>,
}

/// Connections of one client that wait for a place.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub length: AtomicUsize,
    /// A place may be free.
    pub freed: Notify,
}

impl Seat {
    pub fn new(client: ClientPrefix, id: u64, queue: Arc<Queue>) -> Self {
        let (state, leave) = (AtomicU64::new(WORKING), Notify::new());
        Self { client, id, state, leave, queue }
    }

    /// From now on there is no request.
    pub fn rest(&self, now: Duration) {
        self.state.store(millis(now), Ordering::Release);
    }

    /// A request comes. False: the place is somebody else's already.
    pub fn work(&self) -> bool {
        self.state.swap(WORKING, Ordering::AcqRel) != LEAVING
    }

    /// Since when it waits for a request.
    pub fn idle_since(&self) -> Option<u64> {
        Some(self.state.load(Ordering::Acquire)).filter(|state| *state < LEAVING)
    }

    /// Asks it to leave, if it still waits as it did.
    pub fn ask_to_leave(&self, since: u64) -> bool {
        let order = Ordering::AcqRel;
        let asked = self.state.compare_exchange(since, LEAVING, order, Ordering::Relaxed).is_ok();
        if asked {
            self.leave.notify_one();
        }
        asked
    }

    /// Returns when it was asked to leave.
    pub async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Whether another connection of the same client waits for a place.
    pub fn is_wanted(&self) -> bool {
        self.queue.length.load(Ordering::Relaxed) > 0
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
        let seat = Seat::new(client, 1, Arc::default());
        assert_eq!(seat.idle_since(), None, "it has a request until it says otherwise");
        seat.rest(Duration::from_millis(5));
        assert_eq!(seat.idle_since(), Some(5));
        assert!(seat.work());
        assert!(!seat.ask_to_leave(5), "a request has come meanwhile");
        seat.rest(Duration::from_millis(7));
        assert!(!seat.ask_to_leave(5), "it has worked since");
        assert!(seat.ask_to_leave(7));
        seat.asked_to_leave().await;
        assert_eq!(seat.idle_since(), None, "it is asked once");
        assert!(!seat.work());
    }
}
