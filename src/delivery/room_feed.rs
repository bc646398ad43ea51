//! A room as one shard knows it: its log, the connections that follow it here, and how far the pass of the
//! sweep over them is.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use slab::Slab;

use super::frame_log::{Cursor, FrameLog};
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::delivery as limits;
use crate::base::memory::Kind;
use crate::rooms::publication::Activity;

/// A room on one shard.
pub(super) struct RoomFeed {
    pub id: RoomId,
    pub log: FrameLog,
    pub subscribers: Vec<Subscriber>,
    /// Connections of members: those that do not follow the room get its `activity`.
    pub member_connections: HashSet<usize>,
    pub pass: Option<SweepPass>,
    /// Up to here every subscriber has been offered everything.
    pub swept_to: u64,
    /// More is about to be published.
    pub more_follows: bool,
    /// Until then the next pass waits for that.
    pub coalesce_until: Option<Instant>,
    pub activity: PendingActivity,
    /// Subscribers that are not live yet.
    behind: usize,
    /// Messages that change meanwhile.
    pub changed: ChangedMessages,
}

/// A connection that follows the room.
pub(super) struct Subscriber {
    pub slot: usize,
    /// The index of the subscription in the connection's own list.
    pub index: usize,
    pub cursor: Cursor,
    pub stage: Stage,
}

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// What was missed is being read. Whatever piles up meanwhile does not count as lag.
    Awaiting,
    /// What was missed is being written.
    Replaying,
    /// Everything since the cursor may be written.
    Live,
}

/// Where a subscription is: the room on this shard, and the subscriber in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SubscriptionIndex {
    pub feed: usize,
    pub subscriber: usize,
}

/// A pass over the subscribers of a room that is under way.
pub(super) struct SweepPass {
    /// The next subscriber.
    pub next: usize,
    /// The end of the log when it began.
    pub end: u64,
    /// Some subscriber still needs what follows this.
    pub least: u64,
}

/// `activity` that waits to be sent.
#[derive(Default)]
pub(super) struct PendingActivity {
    pending: Option<Activity>,
    sent_at: Option<Instant>,
}

/// Messages that have changed since some subscriber began to catch up, in their order.
#[derive(Default)]
pub(super) struct ChangedMessages {
    mids: VecDeque<Mid>,
    /// How many came before the first one that is still known.
    forgotten: u64,
}

impl RoomFeed {
    pub fn new(id: RoomId) -> Self {
        Self {
            id,
            log: FrameLog::of(Kind::RoomLogs),
            subscribers: Vec::new(),
            member_connections: HashSet::new(),
            pass: None,
            swept_to: 0,
            more_follows: false,
            coalesce_until: None,
            activity: PendingActivity::default(),
            behind: 0,
            changed: ChangedMessages::default(),
        }
    }

    /// No connection on this shard has anything to do with it.
    pub fn is_unused(&self) -> bool {
        self.subscribers.is_empty() && self.member_connections.is_empty()
    }

    /// More than may wait for one socket has not been offered to all subscribers.
    pub fn is_full(&self) -> bool {
        self.log.backlog(self.swept_to).exceeds_limit()
    }

    /// Adds a subscriber that has missed something.
    pub fn add_subscriber(&mut self, subscriber: Subscriber) {
        self.subscribers.push(subscriber);
        self.behind += 1;
    }

    /// Whether some subscriber is not live yet.
    pub fn has_subscribers_behind(&self) -> bool {
        self.behind > 0
    }

    /// A subscriber that was not live is now, or is gone.
    pub fn one_less_behind(&mut self) {
        self.behind = self.behind.saturating_sub(1);
        if self.behind == 0 {
            self.changed.forget();
        }
    }

    /// Whether the next pass should wait for what is about to be published.
    pub fn waits_to_coalesce(&mut self) -> bool {
        if !self.more_follows || self.subscribers.len() <= limits::SWEEP_STEP || self.is_full() {
            return false;
        }
        let now = Instant::now();
        let members = u32::try_from(self.subscribers.len()).unwrap_or(u32::MAX);
        let wait = limits::COALESCE.saturating_mul(members);
        *self.coalesce_until.get_or_insert(now + wait) > now
    }
}

impl Subscriber {
    /// Whether the log holds more for it, until it is live, than may be.
    pub fn exceeds_replay_backlog(&self, log: &FrameLog) -> bool {
        self.stage != Stage::Live && log.end() - self.cursor.at > limits::REPLAY_BACKLOG_BYTES
    }
}

impl SubscriptionIndex {
    pub fn get(self, feeds: &Slab<RoomFeed>) -> Option<(&RoomFeed, &Subscriber)> {
        let feed = feeds.get(self.feed)?;
        Some((feed, feed.subscribers.get(self.subscriber)?))
    }

    pub fn get_mut(self, feeds: &mut Slab<RoomFeed>) -> Option<(&FrameLog, &mut Subscriber)> {
        let feed = feeds.get_mut(self.feed)?;
        Some((&feed.log, feed.subscribers.get_mut(self.subscriber)?))
    }
}

impl SweepPass {
    pub fn over(log: &FrameLog) -> Self {
        Self { next: 0, end: log.end(), least: log.end() }
    }
}

impl PendingActivity {
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Adds to what waits.
    pub fn merge(&mut self, more: Activity) {
        let pending = self.pending.get_or_insert(Activity { new: 0, recounts: false });
        pending.new = pending.new.saturating_add(more.new);
        pending.recounts |= more.recounts;
    }

    /// What waits, if it may be sent now.
    pub fn take_due(&mut self, now: Instant) -> Option<Activity> {
        if self.sent_at.is_some_and(|at| now.duration_since(at) < limits::ACTIVITY) {
            return None;
        }
        let due = self.pending.take()?;
        self.sent_at = Some(now);
        Some(due)
    }
}

impl ChangedMessages {
    /// How many there have been.
    pub fn count(&self) -> u64 {
        self.forgotten + self.mids.len() as u64
    }

    pub fn add(&mut self, mids: &[Mid]) {
        self.mids.extend(mids);
        while self.mids.len() > limits::CHANGED {
            self.mids.pop_front();
            self.forgotten += 1;
        }
    }

    /// Those since there were so many; `None` if not all of them are known.
    pub fn since(&self, count: u64) -> Option<HashSet<Mid>> {
        let first = usize::try_from(count.checked_sub(self.forgotten)?).ok()?;
        Some(self.mids.range(first.min(self.mids.len())..).copied().collect())
    }

    /// Nothing needs them any more.
    fn forget(&mut self) {
        self.forgotten = self.count();
        self.mids = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_known_since_any_moment_until_they_are_too_many() {
        let mut changed = ChangedMessages::default();
        let mid = |n: usize| Mid((n as u128).to_be_bytes());
        changed.add(&[mid(1), mid(2)]);
        let then = changed.count();
        assert_eq!(changed.since(then), Some(HashSet::new()));
        changed.add(&[mid(3)]);
        assert_eq!(changed.since(then), Some(HashSet::from([mid(3)])));
        assert_eq!(changed.since(0).map(|mids| mids.len()), Some(3));
        changed.forget();
        assert_eq!((changed.count(), changed.since(then)), (3, None));
        let mids: Vec<_> = (0..=limits::CHANGED).map(mid).collect();
        changed.add(&mids);
        assert_eq!(changed.since(3), None, "one too many");
        assert_eq!(changed.since(4).map(|mids| mids.len()), Some(limits::CHANGED));
    }

    #[test]
    fn activity_adds_up_and_is_due_once_a_second() {
        let mut activity = PendingActivity::default();
        for recounts in [true, false] {
            activity.merge(Activity { new: 1, recounts });
        }
        let now = Instant::now();
        assert_eq!(activity.take_due(now), Some(Activity { new: 2, recounts: true }));
        activity.merge(Activity { new: 1, recounts: false });
        assert_eq!(activity.take_due(now), None, "one a second");
        let next = activity.take_due(now + limits::ACTIVITY);
        assert_eq!(next, Some(Activity { new: 1, recounts: false }));
    }
}
