//! The sweep: passes over the subscribers of rooms, one write for each subscriber.
//!
//! A publication only appends to the log of its room and marks the room. A pass then gives every subscriber
//! everything since its cursor. It pauses after [`limits::SWEEP_STEP`] subscribers, so that the shard reads
//! its sockets and takes more publications, which the rest of the pass carries along. That is why a busy
//! room needs far fewer system calls than deliveries.
//!
//! A pass over a large room costs milliseconds of system calls, whether it carries one frame or twenty. So
//! if more of the room is about to come out of the journal, the pass waits for that, a third of its own
//! cost at most ([`limits::COALESCE`]): what was sent together is delivered by one pass. A room that one
//! step can pass over never waits.
//!
//! Nothing a subscriber needs is forgotten. A pass finds the connections whose socket takes nothing while
//! more piles up than may, which are then closed as lagging; it forgets what all others have. A log that
//! grows faster than its pass ([`SweepQueue::is_full`]) makes the shard finish the pass before it takes
//! more publications, so a burst lengthens the queue to the shard and not the log.

use std::collections::VecDeque;
use std::time::Instant;

use slab::Slab;

use super::connection::{Connection, Flushed};
use super::room_feed::{RoomFeed, Stage, SubscriptionIndex, SweepPass};
use crate::base::limits::delivery as limits;

/// The rooms of a shard that have something to write.
#[derive(Default)]
pub(super) struct SweepQueue {
    /// Rooms with a pass under way.
    feeds: VecDeque<usize>,
    /// Rooms whose pass waits for more to carry.
    coalescing: Vec<usize>,
    /// The room whose log grew faster than its pass. There is at most one: nothing more is published
    /// until it is swept.
    full: Option<usize>,
}

/// How far a pass has come.
enum Progress {
    /// All subscribers have been offered everything.
    Done,
    /// There are more subscribers.
    Unfinished,
    /// More was published meanwhile, so the first subscribers need another pass.
    Again,
}

/// What one step of the sweep came to.
#[derive(Default)]
pub(super) struct StepOutcome {
    /// Connections whose socket broke.
    pub broken: Vec<usize>,
    /// Connections that do not take what waits for them.
    pub lagging: Vec<usize>,
    /// Connections that have taken everything and have more to fetch.
    pub wanting_more: Vec<usize>,
}

impl SweepQueue {
    /// The log of the room has grown.
    pub fn mark(&mut self, index: usize, feeds: &mut Slab<RoomFeed>) {
        let Some(feed) = feeds.get_mut(index) else { return };
        if feed.is_full() {
            self.full = Some(index);
        }
        if feed.pass.is_none() {
            self.begin(index, feeds);
        }
    }

    /// Begins a pass, unless it waits for more to carry.
    fn begin(&mut self, index: usize, feeds: &mut Slab<RoomFeed>) {
        let Some(feed) = feeds.get_mut(index) else { return };
        if !feed.waits_to_coalesce() {
            feed.coalesce_until = None;
            feed.pass = Some(SweepPass::over(&feed.log));
            self.feeds.push_back(index);
        } else if !self.coalescing.contains(&index) {
            self.coalescing.push(index);
        }
    }

    /// Begins the passes that have waited long enough; returns until when the next one waits.
    pub fn begin_due(&mut self, feeds: &mut Slab<RoomFeed>) -> Option<Instant> {
        for index in std::mem::take(&mut self.coalescing) {
            if feeds.get(index).is_some_and(|feed| feed.pass.is_none() && !feed.log.is_empty()) {
                self.begin(index, feeds);
            }
        }
        let until = |index: &usize| feeds.get(*index).and_then(|feed| feed.coalesce_until);
        self.coalescing.iter().filter_map(until).min()
    }

    /// Marks every room whose log is not empty: subscribers that have caught up need it no more, and
    /// subscribers that have not may be too far behind.
    pub fn mark_non_empty(&mut self, feeds: &mut Slab<RoomFeed>) {
        let non_empty = feeds.iter().filter(|(_, feed)| !feed.log.is_empty());
        for index in non_empty.map(|(index, _)| index).collect::<Vec<_>>() {
            self.mark(index, feeds);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    /// Whether a log must be swept before anything more is published.
    pub fn is_full(&mut self, feeds: &Slab<RoomFeed>) -> bool {
        let is_full = |index: &usize| feeds.get(*index).is_some_and(RoomFeed::is_full);
        self.full = self.full.filter(is_full);
        self.full.is_some()
    }

    /// Writes to the next [`limits::SWEEP_STEP`] subscribers.
    pub fn run_step(
        &mut self,
        feeds: &mut Slab<RoomFeed>,
        connections: &mut Slab<Connection>,
    ) -> StepOutcome {
        let mut outcome = StepOutcome::default();
        let mut left = limits::SWEEP_STEP;
        while left > 0 {
            let Some(index) = self.feeds.pop_front() else { break };
            match continue_pass(index, &mut left, feeds, connections, &mut outcome) {
                Progress::Done => {}
                Progress::Unfinished => self.feeds.push_back(index),
                Progress::Again => self.begin(index, feeds),
            }
        }
        outcome
    }
}

/// Goes on with the pass over one room, for at most `left` subscribers that are behind.
fn continue_pass(
    index: usize,
    left: &mut usize,
    feeds: &mut Slab<RoomFeed>,
    connections: &mut Slab<Connection>,
    outcome: &mut StepOutcome,
) -> Progress {
    let Some(mut pass) = feeds.get_mut(index).and_then(|feed| feed.pass.take()) else {
        return Progress::Done;
    };
    while *left > 0 {
        let Some(feed) = feeds.get(index) else { return Progress::Done };
        let Some(subscriber) = feed.subscribers.get(pass.next) else { break };
        let at = SubscriptionIndex { feed: index, subscriber: pass.next };
        pass.next += 1;
        if subscriber.cursor.at == feed.log.end() {
            continue;
        }
        *left -= 1;
        deliver_to(at, feeds, connections, outcome);
        pass.least = at.get(feeds).map_or(pass.least, |(_, s)| pass.least.min(s.cursor.at));
    }
    let Some(feed) = feeds.get_mut(index) else { return Progress::Done };
    if pass.next < feed.subscribers.len() {
        feed.pass = Some(pass);
        return Progress::Unfinished;
    }
    feed.log.forget(pass.least);
    feed.swept_to = pass.end;
    if feed.log.end() > pass.end { Progress::Again } else { Progress::Done }
}

/// Writes everything since its cursor to one subscriber, if its socket takes it.
fn deliver_to(
    at: SubscriptionIndex,
    feeds: &mut Slab<RoomFeed>,
    connections: &mut Slab<Connection>,
    outcome: &mut StepOutcome,
) {
    let Some((feed, subscriber)) = at.get(feeds) else { return };
    let slot = subscriber.slot;
    let Some(connection) = connections.get_mut(slot) else { return };
    if subscriber.stage == Stage::Awaiting {
        if subscriber.exceeds_replay_backlog(&feed.log) {
            outcome.lagging.push(slot);
        }
        return;
    }
    if connection.is_blocked && !connection.is_lagging(feeds) {
        return;
    }
    // A socket that was blocked is tried once more before its reader is closed as lagging.
    connection.is_blocked = false;
    let flushed = at.get_mut(feeds).and_then(|(log, subscriber)| {
        let is_live = subscriber.stage == Stage::Live;
        is_live.then(|| connection.write_one_feed(log, &mut subscriber.cursor))?
    });
    match flushed.unwrap_or_else(|| connection.flush(feeds)) {
        Flushed::All if connection.wants_more() => outcome.wanting_more.push(slot),
        Flushed::All => {}
        Flushed::Blocked if connection.is_lagging(feeds) => outcome.lagging.push(slot),
        Flushed::Blocked => {}
        Flushed::Broken => outcome.broken.push(slot),
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame_log::Cursor;
    use super::super::room_feed::Subscriber;
    use super::*;
    use crate::base::ids::RoomId;

    fn feed_with(subscribers: usize) -> (Slab<RoomFeed>, usize) {
        let mut feed = RoomFeed::new(RoomId(1));
        feed.log.append(b"an event");
        let cursor = Cursor::default();
        let subscriber = |slot| Subscriber { slot, index: 0, cursor, stage: Stage::Live };
        feed.subscribers = (0..subscribers).map(subscriber).collect();
        let mut feeds = Slab::new();
        let index = feeds.insert(feed);
        (feeds, index)
    }

    #[test]
    fn a_pass_of_many_steps_waits_for_what_is_being_committed_and_not_for_ever() {
        let (mut feeds, index) = feed_with(limits::SWEEP_STEP + 1);
        let mut sweep = SweepQueue::default();
        feeds[index].more_follows = true;
        sweep.mark(index, &mut feeds);
        assert!(sweep.is_empty(), "it waits");
        let until = feeds[index].coalesce_until.unwrap();
        assert!(until <= Instant::now() + limits::COALESCE * (limits::SWEEP_STEP as u32 + 1));
        while Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!(sweep.begin_due(&mut feeds), None);
        assert!(!sweep.is_empty(), "it has waited long enough");
    }

    #[test]
    fn a_pass_begins_at_once_when_nothing_follows_any_more() {
        let (mut feeds, index) = feed_with(limits::SWEEP_STEP + 1);
        let mut sweep = SweepQueue::default();
        for more_follows in [true, false] {
            feeds[index].more_follows = more_follows;
            sweep.mark(index, &mut feeds);
            assert_eq!(sweep.is_empty(), more_follows);
        }
    }

    #[test]
    fn a_pass_of_one_step_never_waits() {
        let (mut feeds, index) = feed_with(limits::SWEEP_STEP);
        let mut sweep = SweepQueue::default();
        feeds[index].more_follows = true;
        sweep.mark(index, &mut feeds);
        assert!(!sweep.is_empty());
    }
}
