//! Transfers: requests whose body, or whose answer, goes piece by piece. They last for minutes, so they have slots of
//! their own: so many of one client, and so many of all.
//!
//! Uploads and downloads go on where they have ended, so ending one does no harm. While all slots are taken and somebody
//! waits for one, the slowest transfer gives way, if it has lasted for a while and is slower than any line needs to be.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::base::limits::http as limits;
use crate::base::lock::MutexExt as _;

/// A request whose body, or whose answer, goes piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    /// Its body.
    Upload,
    /// Its answer.
    Download,
}

/// When a transfer gives way to whoever waits for its slot.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long it may be slow.
    pub time: Duration,
    /// Bytes a second below which it is, on average since it began.
    pub rate: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { time: limits::TRANSFER_PATIENCE, rate: limits::TRANSFER_SLOW }
    }
}

/// Slots for each direction, of one client or of all.
#[derive(Debug)]
pub(super) struct Transfers {
    uploads: Arc<Slots>,
    downloads: Arc<Slots>,
}

/// The slots of one direction.
#[derive(Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    /// Those that have the others.
    under_way: Mutex<Vec<Arc<Speed>>>,
}

/// One of them; given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    _permit: OwnedSemaphorePermit,
}

/// The right of a transfer to go on: a slot of each of the client's networks, and one of all; given back when dropped.
#[derive(Debug)]
pub(super) struct TransferSlots {
    speed: Arc<Speed>,
    slots: Vec<Slot>,
}

/// How fast a transfer is.
#[derive(Debug)]
pub(super) struct Speed {
    begun: Instant,
    bytes: AtomicU64,
    gives_way: watch::Sender<bool>,
}

impl Transfers {
    pub fn new(uploads: usize, downloads: usize) -> Self {
        let slots = |most| {
            let free = Arc::new(Semaphore::new(most));
            Arc::new(Slots { free, under_way: Mutex::default() })
        };
        Self { uploads: slots(uploads), downloads: slots(downloads) }
    }

    pub fn of(&self, transfer: Transfer) -> Arc<Slots> {
        match transfer {
            Transfer::Upload => self.uploads.clone(),
            Transfer::Download => self.downloads.clone(),
        }
    }

    /// Whether somebody has a slot, or waits for one.
    pub fn are_in_use(&self) -> bool {
        [&self.uploads, &self.downloads].into_iter().any(|slots| Arc::strong_count(slots) > 1)
    }
}

impl Slots {
    /// Waits for a slot; for as long as it waits, slow transfers give way, one after the other. `None` cannot happen:
    /// nobody closes the slots.
    pub async fn take(self: Arc<Self>, patience: Patience) -> Option<Slot> {
        let mut waiting = pin!(self.free.clone().acquire_owned());
        let mut looks = tokio::time::interval(limits::TRANSFER_LOOK);
        let permit = loop {
            tokio::select! {
                biased;
                permit = &mut waiting => break permit.ok()?,
                _ = looks.tick() => self.end_slowest(patience),
            }
        };
        Some(Slot { slots: self, _permit: permit })
    }

    fn end_slowest(&self, patience: Patience) {
        let under_way = self.under_way.lock_unpoisoned();
        let slow = under_way.iter().filter_map(|speed| Some((speed.slow(patience)?, speed)));
        if let Some((_, slowest)) = slow.min_by_key(|(rate, _)| *rate) {
            slowest.gives_way.send_replace(true);
        }
    }
}

impl TransferSlots {
    /// A transfer that has all of its slots begins.
    pub fn begin(slots: Vec<Slot>) -> Self {
        let (begun, bytes) = (Instant::now(), AtomicU64::new(0));
        let speed = Arc::new(Speed { begun, bytes, gives_way: watch::Sender::new(false) });
        for slot in &slots {
            slot.slots.under_way.lock_unpoisoned().push(speed.clone());
        }
        Self { speed, slots }
    }

    /// What has to be told how it goes.
    pub fn speed(&self) -> &Arc<Speed> {
        &self.speed
    }
}

impl Drop for TransferSlots {
    fn drop(&mut self) {
        for slot in &self.slots {
            let mut under_way = slot.slots.under_way.lock_unpoisoned();
            under_way.retain(|speed| !Arc::ptr_eq(speed, &self.speed));
        }
    }
}

impl Speed {
    /// So many bytes more have gone.
    pub fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns when it has to end, because others wait.
    pub async fn gives_way(&self) {
        // It cannot fail: what would say so is here.
        let _ = self.gives_way.subscribe().wait_for(|gives_way| *gives_way).await;
    }

    /// Whether it has to end.
    pub fn has_given_way(&self) -> bool {
        *self.gives_way.borrow()
    }

    /// Bytes a second since it began, if it is one of those that may have to give way.
    fn slow(&self, patience: Patience) -> Option<u64> {
        let lasted = self.begun.elapsed();
        let ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = self.bytes.load(Ordering::Relaxed).saturating_mul(1_000) / ms;
        let is_slow = lasted >= patience.time && rate < patience.rate;
        (is_slow && !self.has_given_way()).then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);
    const LATER: Patience =
        Patience { time: limits::TRANSFER_PATIENCE, rate: limits::TRANSFER_SLOW };
    const AT_ONCE: Patience = Patience { time: Duration::ZERO, rate: 1 << 30 };

    /// One more that has a slot of each of these.
    async fn begin(of: &[&Arc<Slots>]) -> TransferSlots {
        let mut slots = Vec::new();
        for slot in of {
            slots.push((*slot).clone().take(LATER).await.unwrap());
        }
        TransferSlots::begin(slots)
    }

    fn ended(transfers: &[&TransferSlots]) -> Vec<bool> {
        transfers.iter().map(|transfer| transfer.speed.has_given_way()).collect()
    }

    #[tokio::test]
    async fn the_slowest_that_has_lasted_for_a_while_gives_way_to_whoever_waits() {
        let of = |most| Transfers::new(most, 1).of(Transfer::Upload);
        let (all, own, others) = (of(3), of(2), of(2));
        let (slow, slower) = (begin(&[&own, &all]).await, begin(&[&own, &all]).await);
        let fast = begin(&[&others, &all]).await;
        slow.speed.count(1 << 20);
        fast.speed.count(1 << 50);
        // Who has just begun is not slow yet.
        assert!(tokio::time::timeout(SOON, all.clone().take(LATER)).await.is_err());
        assert_eq!(ended(&[&slow, &slower, &fast]), [false; 3]);
        // Of the client's own one gives way.
        let mut wait = Box::pin(own.clone().take(AT_ONCE));
        assert!(tokio::time::timeout(SOON, &mut wait).await.is_err());
        assert_eq!(ended(&[&slow, &slower, &fast]), [false, true, false]);
        slower.speed.gives_way().await;
        drop(slower);
        let next = wait.await.unwrap();
        // Of all others too, but never one that is fast.
        let first = all.clone().take(AT_ONCE).await.unwrap();
        let mut wait = Box::pin(all.clone().take(AT_ONCE));
        assert!(tokio::time::timeout(SOON, &mut wait).await.is_err());
        assert_eq!(ended(&[&slow, &fast]), [true, false]);
        drop((slow, first, next, wait));
        assert_eq!((all.under_way.lock().unwrap().len(), all.free.available_permits()), (1, 2));
        drop(fast);
        for slots in [&own, &others, &all] {
            assert!(slots.under_way.lock().unwrap().is_empty());
            assert_eq!(Arc::strong_count(slots), 1);
        }
    }
}
