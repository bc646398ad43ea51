//! A room as one shard knows it: its log, who follows it here, how far the walk over them is.

use std::collections::HashSet;
use std::time::Instant;

use super::frame_log::{Cursor, FrameLog};
use crate::ids::RoomId;
use crate::limits::delivery as limits;
use crate::rooms::outlet::Activity;

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
}

/// A connection that follows the room.
pub(super) struct Subscriber {
    pub slot: usize,
    /// Its place in the connection's own list.
    pub index: usize,
    pub cursor: Cursor,
    pub stage: Stage,
}

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The room reads what was missed. Whatever piles up meanwhile is not the reader's fault.
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
            log: FrameLog::default(),
            subscribers: Vec::new(),
            listeners: HashSet::new(),
            walk: None,
            swept: 0,
            more_follows: false,
            gathers_until: None,
            activity: None,
            activity_at: None,
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
