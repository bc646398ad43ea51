//! Filling the index: what was committed is read back and filed, a few blocks at a time, never in the journal's
//! transaction.
//!
//! How far each room is filed is in the store, so a restart goes on where it was, and after a restore everything is filed
//! anew. What there is to do is seen from the numbers that the rooms have in memory; with nothing to do nothing is asked
//! of the database.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::base::counter::Counter;
use crate::base::error::{Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits::search as limits;
use crate::base::shutdown::stopped;
use crate::rooms::Rooms;
use crate::search::keys::Keys;
use crate::search::query::{Attached, has_link};
use crate::store::chat::ChatStore;
use crate::store::chat::search::{
    BLOCK, Filed, FiledBlock, Point, Progress, SearchWriter, Searched, SeqRange, Unfiled,
};

/// Which rules make the keys. Another number has every server make its index anew.
const VERSION: i32 = 1;

/// What fills the index.
pub struct Filing {
    store: ChatStore,
    rooms: Rooms,
    /// Messages that were filed, again or not.
    pub filed: Counter,
    /// Attempts that failed because the database was away.
    pub failed: Counter,
    /// How far the rooms are ahead, in their numbers.
    behind: AtomicU64,
    wake: Notify,
}

/// How the index stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilingReport {
    /// Rooms in it.
    pub rooms: usize,
    /// Changes of rooms that it has not seen.
    pub behind: u64,
    /// How far it is made anew, if it is.
    pub rebuilding: Option<Rebuilding>,
}

/// How far the index is made anew, in changes of rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilding {
    /// So many are done.
    pub done: u64,
    /// Of so many.
    pub of: u64,
}

/// What the writer knows of a room.
#[derive(Debug, Clone, Copy)]
struct Known {
    filed: u64,
    again: Option<u64>,
    /// The number it had, and since when.
    seq: u64,
    since: Instant,
}

/// A piece of work: these messages, and the progress of their rooms once they are filed.
#[derive(Debug, Default)]
struct Work {
    ranges: Vec<SeqRange>,
    progress: Vec<Progress>,
    /// Whether there is more.
    has_more: bool,
}

impl Filing {
    pub(super) fn new(store: ChatStore, rooms: Rooms) -> Self {
        Self {
            store,
            rooms,
            filed: Counter::default(),
            failed: Counter::default(),
            behind: AtomicU64::new(0),
            wake: Notify::new(),
        }
    }

    /// Changes of rooms that the index has not seen.
    pub fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Has everything be filed again, while searches go on with what there is.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn rebuild(&self) -> Result<()> {
        self.store.file_again().await?;
        self.wake.notify_one();
        Ok(())
    }

    /// How the index stands.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn report(&self) -> Result<FilingReport> {
        let progress = self.store.search_progress().await?;
        let again = progress.iter().filter_map(|one| Some((one.again?, one.filed)));
        let (done, of) = again.fold((0, 0), |(done, of), one| (done + one.0, of + one.1));
        let filed: HashMap<_, _> = progress.iter().map(|one| (one.room, one.filed)).collect();
        let behind = |(room, seq): &(RoomId, u64)| {
            (seq + 1).saturating_sub(filed.get(room).copied().unwrap_or(1).max(1))
        };
        Ok(FilingReport {
            rooms: progress.iter().filter(|one| one.filed > 0).count(),
            behind: self.rooms.plain().iter().map(behind).sum(),
            rebuilding: (of > 0).then_some(Rebuilding { done, of }),
        })
    }

    pub(super) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut retry = limits::RETRY;
        loop {
            let failure = tokio::select! {
                failure = self.file(&mut retry) => failure,
                () = stopped(&mut stop) => return,
            };
            self.failed.inc();
            tracing::warn!(error = ?failure, "the search index waits for the database");
            tokio::select! {
                () = tokio::time::sleep(retry) => {}
                () = stopped(&mut stop) => return,
            }
            retry = (retry * 2).min(limits::RETRY_MAX);
        }
    }

    /// Files until something fails.
    async fn file(&self, retry: &mut Duration) -> crate::base::error::Error {
        let mut writer = match self.store.search_writer(VERSION).await {
            Ok(writer) => writer,
            Err(error) => return error,
        };
        let mut desk = Desk::default();
        loop {
            let begun = Instant::now();
            let has_more = match self.file_some(&mut writer, &mut desk).await {
                Ok(has_more) => has_more,
                Err(error) => return error,
            };
            *retry = limits::RETRY;
            let pause = if has_more { begun.elapsed() * limits::REST } else { limits::TICK };
            tokio::select! {
                () = tokio::time::sleep(pause.min(limits::RETRY)) => {}
                () = self.wake.notified() => desk.refresh_at = None,
            }
        }
    }

    /// Files a few blocks if there are any to be filed; whether there are more.
    async fn file_some(&self, writer: &mut SearchWriter, desk: &mut Desk) -> Result<bool> {
        let rooms = self.rooms.plain();
        let committed = self.rooms.committed();
        if desk.must_refresh(&rooms) {
            desk.refresh(writer.progress().await?);
        }
        let work = desk.work(&rooms, Instant::now());
        let behind: u64 = desk.behind(&rooms);
        self.behind.store(behind, Ordering::Relaxed);
        let mut changed = Vec::new();
        if desk.may_have_changed(committed) {
            changed = writer.changed(limits::FILED_AT_ONCE).await?;
            let is_all = changed.len() < limits::FILED_AT_ONCE;
            desk.unchanged = is_all.then(|| (committed, Instant::now()));
        }
        if work.ranges.is_empty() && changed.is_empty() {
            return Ok(false);
        }
        let mut ranges = work.ranges;
        ranges.extend(changed.iter().map(range_of));
        let make = async |messages: Vec<Searched>| {
            let ranges = ranges.clone();
            let made = tokio::task::spawn_blocking(move || blocks(&ranges, &messages));
            made.await.map_err(Error::internal)
        };
        match writer.file(&ranges, &work.progress, make).await? {
            Filed::Yes { messages } => {
                self.filed.add(u64::try_from(messages).unwrap_or(u64::MAX));
                desk.note(&work.progress);
                Ok(work.has_more || desk.unchanged.is_none())
            }
            Filed::Overtaken => {
                desk.refresh_at = None;
                desk.unchanged = None;
                Ok(true)
            }
        }
    }
}

fn range_of(block: &Unfiled) -> SeqRange {
    let from = block.number.saturating_mul(BLOCK);
    SeqRange { room: block.room, from, to: from.saturating_add(BLOCK) }
}

/// What the blocks of these ranges are filed under.
fn blocks(ranges: &[SeqRange], messages: &[Searched]) -> Vec<FiledBlock> {
    let mut by_block: BTreeMap<(RoomId, u64), Vec<&Searched>> = BTreeMap::new();
    for range in ranges {
        for number in range.from / BLOCK..range.to.div_ceil(BLOCK) {
            by_block.entry((range.room, number)).or_default();
        }
    }
    for message in messages {
        let Point { room, seq, .. } = message.point;
        if let Some(of_block) = by_block.get_mut(&(room, seq / BLOCK)) {
            of_block.push(message);
        }
    }
    by_block.into_iter().map(|((room, number), messages)| filed(room, number, &messages)).collect()
}

fn filed(room: RoomId, number: u64, messages: &[&Searched]) -> FiledBlock {
    let mut keys = Keys::default();
    keys.add_room(room);
    let mut times: Option<(i64, i64)> = None;
    for message in messages {
        let at = message.point.at;
        times = Some(times.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        keys.add_author(message.author);
        let mut bytes = keys.add_text(&message.text, limits::KEY_BYTES);
        for text in &message.files {
            bytes = keys.add_text(text, bytes);
        }
        if message.has_files {
            keys.add_attached(Attached::File);
        }
        if has_link(&message.text) {
            keys.add_attached(Attached::Link);
        }
    }
    FiledBlock { room, number, times, keys: keys.to_tsvector() }
}

/// What the writer remembers between its turns.
#[derive(Default)]
struct Desk {
    rooms: HashMap<RoomId, Known>,
    /// When the store is asked how far the rooms are filed; now if there is no such moment.
    refresh_at: Option<Instant>,
    /// How many commits there had been when no changed block was left, and when that was.
    unchanged: Option<(u64, Instant)>,
}

impl Desk {
    fn must_refresh(&mut self, rooms: &[(RoomId, u64)]) -> bool {
        let is_due = self.refresh_at.is_none_or(|at| at <= Instant::now());
        // A room that was restored has lost what was filed of it.
        is_due
            || rooms.iter().any(|(room, _)| !self.rooms.contains_key(room))
            || self.rooms.len() > rooms.len()
    }

    /// Whether there may be blocks that were changed: the journal has committed something, or, as a removal of an account
    /// passes it by, some time has gone by.
    fn may_have_changed(&self, committed: u64) -> bool {
        let is_same =
            |(then, at): &(u64, Instant)| *then == committed && at.elapsed() < limits::CHANGED;
        !self.unchanged.as_ref().is_some_and(is_same)
    }

    fn refresh(&mut self, progress: Vec<Progress>) {
        self.refresh_at = Some(Instant::now() + limits::REFRESH);
        self.unchanged = None;
        // Of a room that is not filed yet it stays known how long nothing has happened in it.
        for known in self.rooms.values_mut() {
            (known.filed, known.again) = (0, None);
        }
        for Progress { room, filed, again } in progress {
            let now = Known { filed, again, seq: 0, since: Instant::now() };
            let known = self.rooms.entry(room).or_insert(now);
            (known.filed, known.again) = (filed, again);
        }
    }

    fn note(&mut self, progress: &[Progress]) {
        for Progress { room, filed, again } in progress {
            if let Some(known) = self.rooms.get_mut(room) {
                (known.filed, known.again) = (*filed, *again);
            }
        }
    }

    fn behind(&self, rooms: &[(RoomId, u64)]) -> u64 {
        let behind = |(room, seq): &(RoomId, u64)| {
            let filed = self.rooms.get(room).map_or(0, |known| known.filed).max(1);
            (seq + 1).saturating_sub(filed)
        };
        rooms.iter().map(behind).sum()
    }

    /// What is to be filed next of these rooms, which have come to these numbers.
    fn work(&mut self, rooms: &[(RoomId, u64)], now: Instant) -> Work {
        let known: std::collections::HashSet<_> = rooms.iter().map(|(room, _)| *room).collect();
        self.rooms.retain(|room, _| known.contains(room));
        let mut work = Work::default();
        let mut left = limits::FILED_AT_ONCE as u64;
        for (room, seq) in rooms {
            let fresh = Known { filed: 0, again: None, seq: *seq, since: now };
            let known = self.rooms.entry(*room).or_insert(fresh);
            if known.seq != *seq {
                (known.seq, known.since) = (*seq, now);
            }
            let Some(step) = known.next_step(*room, now) else { continue };
            if left == 0 {
                work.has_more = true;
                break;
            }
            let most = left.min(limits::FILED_OF_ROOM as u64);
            let end = (step.range.from / BLOCK + most) * BLOCK;
            let to = step.range.to.min(end);
            work.has_more |= to < step.range.to;
            left -= (to.div_ceil(BLOCK) - step.range.from / BLOCK).min(left);
            work.ranges.push(SeqRange { to, ..step.range });
            work.progress.push(step.progress(known, to));
        }
        work
    }
}

/// The next messages of a room that are to be filed.
struct Step {
    range: SeqRange,
    is_again: bool,
}

impl Step {
    fn progress(&self, known: &Known, to: u64) -> Progress {
        let (room, filed) = (self.range.room, known.filed);
        if self.is_again {
            return Progress { room, filed, again: Some(to).filter(|to| *to < filed) };
        }
        Progress { room, filed: to, again: known.again }
    }
}

impl Known {
    fn next_step(&self, room: RoomId, now: Instant) -> Option<Step> {
        let from = self.filed / BLOCK * BLOCK;
        let full = (self.seq + 1) / BLOCK * BLOCK;
        let is_quiet = now.duration_since(self.since) >= limits::QUIET;
        let to = if is_quiet { self.seq + 1 } else { full };
        if to > self.filed.max(1) {
            return Some(Step { range: SeqRange { room, from, to }, is_again: false });
        }
        let again = self.again?;
        let from = again / BLOCK * BLOCK;
        Some(Step { range: SeqRange { room, from, to: self.filed }, is_again: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(filed: u64, again: Option<u64>) -> Desk {
        let mut desk = Desk::default();
        desk.refresh(vec![Progress { room: RoomId(1), filed, again }]);
        desk
    }

    fn next(desk: &mut Desk, seq: u64, now: Instant) -> Option<(u64, u64, u64, Option<u64>)> {
        let work = desk.work(&[(RoomId(1), seq)], now);
        let (range, progress) = (work.ranges.first()?, work.progress.first()?);
        desk.note(&work.progress);
        Some((range.from, range.to, progress.filed, progress.again))
    }

    #[test]
    fn full_blocks_are_filed_at_once_and_the_last_one_when_the_room_is_quiet() {
        let (mut desk, now) = (desk(0, None), Instant::now());
        assert_eq!(next(&mut desk, 6, now), None);
        assert_eq!(next(&mut desk, 7, now), Some((0, 8, 8, None)));
        assert_eq!(next(&mut desk, 7, now), None);
        assert_eq!(next(&mut desk, 20, now), Some((8, 16, 16, None)));
        let later = now + limits::QUIET;
        assert_eq!(next(&mut desk, 21, later), None, "something has happened");
        let later = later + limits::QUIET;
        assert_eq!(next(&mut desk, 21, later), Some((16, 22, 22, None)));
        assert_eq!(next(&mut desk, 21, later), None);
        assert_eq!(next(&mut desk, 23, later), Some((16, 24, 24, None)), "the whole block again");
    }

    #[test]
    fn a_room_of_few_messages_is_filed_once_it_is_quiet_however_often_others_are_asked_for() {
        let (mut desk, now) = (Desk::default(), Instant::now());
        assert_eq!(next(&mut desk, 3, now), None);
        desk.refresh(Vec::new());
        let later = now + limits::QUIET;
        assert_eq!(next(&mut desk, 3, later), Some((0, 4, 4, None)));
    }

    #[test]
    fn what_is_filed_again_follows_what_is_new_and_ends() {
        let (mut desk, now) = (desk(16, Some(0)), Instant::now());
        assert_eq!(next(&mut desk, 23, now), Some((16, 24, 24, Some(0))));
        assert_eq!(next(&mut desk, 23, now), Some((0, 24, 24, None)));
        assert_eq!(next(&mut desk, 23, now), None);
    }

    #[test]
    fn so_many_blocks_are_filed_at_a_time_and_of_one_room() {
        let mut desk = Desk::default();
        let rooms: Vec<_> = (1..=3).map(|room| (RoomId(room), 100_000)).collect();
        assert!(desk.must_refresh(&rooms));
        let work = desk.work(&rooms, Instant::now());
        let blocks = |range: &SeqRange| (range.to - range.from) / BLOCK;
        let each: Vec<_> = work.ranges.iter().map(blocks).collect();
        assert_eq!(
            each,
            [limits::FILED_OF_ROOM as u64; limits::FILED_AT_ONCE / limits::FILED_OF_ROOM]
        );
        assert!(work.has_more);
        assert_eq!(desk.behind(&rooms), 300_000);
    }
}
