//! A room as one shard knows it: its log, who follows it here, how far the walk over them is.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use super::frame_log::{Cursor, FrameLog};
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::delivery as limits;
use crate::base::memory::Kind;
use crate::rooms::publication::Activity;

/// A room on one shard.
pub(super) struct Room {
    pub id: RoomId,
    pub log: FrameLog,
    pub subscribers: Vec<Subscriber>,
    /// Connections of members, for `activity`.
    pub listeners: HashSet<usize>,
    pub walk: Option<Walk>,
    /// Up to here everybody has been offered everything.
    pub swept: u64,
    /// More is about to be published.
    pub more_follows: bool,
    /// The next walk waits for that until then.
    pub gathers_until: Option<Instant>,
    pub activity: Option<Activity>,
    pub activity_at: Option<Instant>,
    /// Subscribers that are not live yet.
    pub behind: usize,
    /// Messages that change meanwhile.
    pub changed: Changed,
}

/// Messages that have changed since somebody began to catch up, in their order.
#[derive(Default)]
pub(super) struct Changed {
    mids: VecDeque<Mid>,
    /// Those before the first one that is still known.
    gone: u64,
}

impl Changed {
    /// How many there have been.
    pub fn count(&self) -> u64 {
        self.gone + self.mids.len() as u64
    }

    pub fn note(&mut self, mids: &[Mid]) {
        self.mids.extend(mids);
        while self.mids.len() > limits::CHANGED {
            self.mids.pop_front();
            self.gone += 1;
        }
    }

    /// Those since there were so many; `None` if not all of them are known.
    pub fn since(&self, count: u64) -> Option<HashSet<Mid>> {
        let first = usize::try_from(count.checked_sub(self.gone)?).ok()?;
        Some(self.mids.range(first.min(self.mids.len())..).copied().collect())
    }

    /// Nobody catches up any more.
    pub fn forget(&mut self) {
        self.gone = self.count();
        self.mids = VecDeque::new();
    }
}

/// A connection that follows the room.
pub(super) struct Subscriber {
    pub slot: usize,
    /// Its place in the connection's own list.
    pub index: usize,
    pub cursor: Cursor,
    pub stage: Stage,
}

impl Subscriber {
    /// Whether the room's log holds more for it, until it is live, than may be.
    pub fn is_owed_too_much(&self, log: &FrameLog) -> bool {
        self.stage != Stage::Live && log.end() - self.cursor.at > limits::OWED_BYTES
    }
}

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// What was missed is being read. Whatever piles up meanwhile is not the reader's fault.
    Awaiting,
    /// What was missed is being written.
    Replaying,
    /// Everything since the cursor may be written.
    Live,
}

/// A walk under way.
pub(super) struct Walk {
    /// The next subscriber.
    pub next: usize,
    /// The end of the log when it began.
    pub end: u64,
    /// Somebody still needs what follows this.
    pub least: u64,
}

impl Walk {
    pub fn over(log: &FrameLog) -> Self {
        Self { next: 0, end: log.end(), least: log.end() }
    }
}

impl Room {
    pub fn new(id: RoomId) -> Self {
        Self {
            id,
            log: FrameLog::of(Kind::RoomLogs),
            subscribers: Vec::new(),
            listeners: HashSet::new(),
            walk: None,
            swept: 0,
            more_follows: false,
            gathers_until: None,
            activity: None,
            activity_at: None,
            behind: 0,
            changed: Changed::default(),
        }
    }

    /// Nobody on this shard has anything to do with it.
    pub fn is_unused(&self) -> bool {
        self.subscribers.is_empty() && self.listeners.is_empty()
    }

    /// More than may wait for one socket has not been offered to everybody.
    pub fn is_full(&self) -> bool {
        self.log.backlog(self.swept).is_over()
    }

    /// Whether the next walk would better wait for what is about to be published.
    pub fn gathers(&mut self) -> bool {
        if !self.more_follows || self.subscribers.len() <= limits::SWEEP || self.is_full() {
            return false;
        }
        let now = Instant::now();
        let members = u32::try_from(self.subscribers.len()).unwrap_or(u32::MAX);
        let patience = limits::GATHER.saturating_mul(members);
        *self.gathers_until.get_or_insert(now + patience) > now
    }

    /// Merges what members who do not follow the room are to hear.
    pub fn note_activity(&mut self, news: &Activity) {
        let activity =
            self.activity.get_or_insert(Activity { seq: 0, new: 0, mentions: Vec::new() });
        activity.seq = activity.seq.max(news.seq);
        activity.new = activity.new.saturating_add(news.new);
        for uid in &news.mentions {
            if activity.mentions.len() < MENTIONS && !activity.mentions.contains(uid) {
                activity.mentions.push(*uid);
            }
        }
    }

    /// The `activity` that is due now.
    pub fn take_activity(&mut self, now: Instant) -> Option<Activity> {
        let waited = self.activity_at.is_none_or(|at| now.duration_since(at) >= limits::ACTIVITY);
        if !waited || self.activity.is_none() {
            return None;
        }
        self.activity_at = Some(now);
        self.activity.take()
    }
}

/// Users a coalesced `activity` can mention.
const MENTIONS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_known_since_any_moment_until_they_are_too_many() {
        let mut changed = Changed::default();
        let mid = |n: usize| Mid((n as u128).to_be_bytes());
        changed.note(&[mid(1), mid(2)]);
        let then = changed.count();
        assert_eq!(changed.since(then), Some(HashSet::new()));
        changed.note(&[mid(3)]);
        assert_eq!(changed.since(then), Some(HashSet::from([mid(3)])));
        assert_eq!(changed.since(0).map(|mids| mids.len()), Some(3));
        changed.forget();
        assert_eq!((changed.count(), changed.since(then)), (3, None));
        let mids: Vec<_> = (0..=limits::CHANGED).map(mid).collect();
        changed.note(&mids);
        assert_eq!(changed.since(3), None, "one too many");
        assert_eq!(changed.since(4).map(|mids| mids.len()), Some(limits::CHANGED));
    }
}
