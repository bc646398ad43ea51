//! Looking through messages, newest first, until a page is full.
//!
//! Messages come from several sources: of each room those that are not filed yet, and blocks of the index that may have
//! a match. Either the blocks are a list (the index has said which, and there are not too many), or each room is walked
//! through from its newest block on. A source knows its bound: nothing that it has not given yet is at or after it. A
//! match is final once it is not before the bound of any source. So the sources with the latest bounds are read on,
//! until there are enough final matches, nothing is left, or the time is over; then the page ends at the latest bound.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::scope::Scope;
use crate::base::error::Result;
use crate::base::ids::RoomId;
use crate::base::limits::search as limits;
use crate::search::keys::Conditions;
use crate::search::matcher::marks;
use crate::search::query::{Attached, Has, Query, has_link};
use crate::store::chat::search::{
    BLOCK, Below, Block, Point, SearchConnection, SearchReader, Searched, SeqRange,
};

/// What to look for, and where.
pub(super) struct Look<'a> {
    /// The query.
    pub query: &'a Query,
    /// The rooms and people.
    pub scope: &'a Scope,
    /// Only before this place.
    pub below: Point,
    /// How many matches make a page.
    pub limit: usize,
}

/// A page of matches.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Their places, newest first.
    pub points: Vec<Point>,
    /// The place before which there may be more.
    pub next: Option<Point>,
    /// Whether the page ends because the time was over.
    pub is_time_up: bool,
    /// How many messages were looked at.
    pub looked_at: usize,
}

/// Where blocks come from.
enum Blocks {
    /// These, the newest last.
    Listed(Vec<Block>),
    /// Those of each room, one after the other.
    Walked,
}

impl Look<'_> {
    /// Looks where the index says that there may be matches.
    ///
    /// # Errors
    /// `unavailable`; as slow, if the index takes too long.
    pub async fn run(
        &self,
        connection: &mut SearchConnection,
        conditions: &Conditions,
    ) -> Result<Looked> {
        let reader = connection.begin().await?;
        let blocks = self.blocks(&reader, conditions).await?;
        self.through(&reader, conditions, blocks).await
    }

    /// Looks through all blocks.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn walk(
        &self,
        connection: &mut SearchConnection,
        conditions: &Conditions,
    ) -> Result<Looked> {
        let reader = connection.begin().await?;
        self.through(&reader, conditions, Blocks::Walked).await
    }

    async fn blocks(&self, reader: &SearchReader<'_>, conditions: &Conditions) -> Result<Blocks> {
        let Some(keys) = &conditions.selective else { return Ok(Blocks::Walked) };
        let rooms = &self.scope.rooms;
        let changed = reader.changed_blocks(rooms).await?;
        if changed.len() >= limits::UNFILED {
            return Ok(Blocks::Walked);
        }
        let span = (self.since(), self.until());
        let mut found = reader.blocks_with(keys, rooms, span, limits::BLOCKS + 1).await?;
        if found.len() > limits::BLOCKS {
            return Ok(Blocks::Walked);
        }
        found.extend(changed);
        found.sort_unstable_by_key(Block::end);
        Ok(Blocks::Listed(found))
    }

    async fn through(
        &self,
        reader: &SearchReader<'_>,
        conditions: &Conditions,
        blocks: Blocks,
    ) -> Result<Looked> {
        let below = self.bound();
        let mut sources = Sources { below, ..Sources::default() };
        for range in reader.unfiled(&self.scope.rooms).await? {
            sources.unfiled.push(Source { bound: below, at: range });
        }
        match blocks {
            Blocks::Listed(listed) => sources.listed = listed,
            Blocks::Walked => {
                let start = Below::moment(self.until());
                let walks = self.scope.rooms.iter();
                sources.walks.extend(walks.map(|room| Source { bound: below, at: (*room, start) }));
            }
        }
        let mut matches = Matches::default();
        loop {
            sources.drop_older_than(self.since());
            let bound = sources.bound();
            let last = matches.last_of(self.limit);
            let is_full = last.is_some_and(|last| bound.is_none_or(|bound| last >= bound));
            let is_time_up = sources.walked > limits::WALKED || matches.are_enough();
            if is_full || bound.is_none() || is_time_up {
                return Ok(matches.page(self.limit, bound, is_time_up && !is_full));
            }
            // What is before the last match that a page has room for is of no use now.
            sources.read_on(self, reader, conditions, last, &mut matches).await?;
        }
    }

    /// The first place that is too new.
    fn bound(&self) -> Point {
        let until = self.query.until.map_or(Point::END, Point::begin_of);
        self.below.min(until)
    }

    /// The last moment that may have a match.
    fn until(&self) -> i64 {
        self.bound().last_moment()
    }

    /// The first moment that may have a match.
    fn since(&self) -> i64 {
        self.query.since.unwrap_or(i64::MIN)
    }

    fn matches(&self, message: &Searched) -> bool {
        let Scope { authors, not_by, .. } = self.scope;
        let has = |has: &Has| {
            let is_there = match has.what {
                Attached::File => message.has_files,
                Attached::Link => has_link(&message.text),
            };
            is_there != has.is_negated
        };
        let files: Vec<&str> = message.files.iter().map(String::as_str).collect();
        message.point < self.bound()
            && message.point.at >= self.since()
            && authors.as_ref().is_none_or(|authors| authors.contains(&message.author))
            && !not_by.contains(&message.author)
            && self.query.has.iter().all(has)
            && marks(self.query, &message.text, &files).is_some()
    }
}

/// The matches so far, and what it took to find them.
struct Matches {
    found: BTreeSet<Point>,
    looked_at: usize,
    begun: Instant,
    /// Bytes of texts since others had their turn.
    in_a_row: usize,
}

impl Default for Matches {
    fn default() -> Self {
        Self { found: BTreeSet::new(), looked_at: 0, begun: Instant::now(), in_a_row: 0 }
    }
}

impl Matches {
    /// Looks at a message. Long texts take a while, so others of this thread have their turn between them.
    async fn add(&mut self, look: &Look<'_>, message: &Searched) {
        self.looked_at += 1;
        if look.matches(message) {
            self.found.insert(message.point);
        }
        self.in_a_row += message.text.len();
        if self.in_a_row > limits::IN_A_ROW {
            self.in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Whether no more is looked at.
    fn are_enough(&self) -> bool {
        self.looked_at > limits::LOOKED_AT || self.begun.elapsed() > limits::TIME
    }

    /// The last match of a full page.
    fn last_of(&self, limit: usize) -> Option<Point> {
        self.found.iter().rev().nth(limit.saturating_sub(1)).copied()
    }

    /// The final matches: those that are not before the bound.
    fn page(self, limit: usize, bound: Option<Point>, is_time_up: bool) -> Looked {
        let looked_at = self.looked_at;
        let is_final = |point: &Point| bound.is_none_or(|bound| *point >= bound);
        let mut found = self.found.into_iter().rev().filter(is_final);
        let points: Vec<_> = found.by_ref().take(limit).collect();
        let has_more = found.next().is_some();
        let last = points.last().copied();
        let next = match is_time_up {
            true => bound,
            false if points.len() == limit && (has_more || bound.is_some()) => last,
            false => None,
        };
        Looked { points, next, is_time_up, looked_at }
    }
}

/// A source of messages or blocks, and the place before which everything is that it has not given.
struct Source<T> {
    bound: Point,
    at: T,
}

#[derive(Default)]
struct Sources {
    /// Of each room what is not filed and has not been read.
    unfiled: Vec<Source<SeqRange>>,
    /// Blocks that may have a match, the newest last.
    listed: Vec<Block>,
    /// Where the walk through each room has come to.
    walks: Vec<Source<(RoomId, Below)>>,
    /// How many blocks they have passed by.
    walked: usize,
    below: Point,
}

impl Default for Point {
    fn default() -> Self {
        Self::END
    }
}

impl Sources {
    /// Everything that has not been read is before this; nothing is left if there is none.
    fn bound(&self) -> Option<Point> {
        let listed = self.listed.last().map(Block::end).map(|end| end.min(self.below));
        let unfiled = self.unfiled.iter().map(|source| source.bound);
        let walks = self.walks.iter().map(|source| source.bound);
        unfiled.chain(walks).chain(listed).max()
    }

    fn drop_older_than(&mut self, since: i64) {
        self.unfiled.retain(|source| source.bound.at >= since);
        self.walks.retain(|source| source.bound.at >= since);
        self.listed.retain(|block| block.last_at >= since);
    }

    /// Reads on where the newest messages are that have not been read, but nothing that is before `last` for sure.
    async fn read_on(
        &mut self,
        look: &Look<'_>,
        reader: &SearchReader<'_>,
        conditions: &Conditions,
        last: Option<Point>,
        matches: &mut Matches,
    ) -> Result<()> {
        let (unfiled, rest) = newest(&mut self.unfiled, last);
        self.unfiled = rest;
        if !unfiled.is_empty() {
            let count = limits::UNFILED_STEP / unfiled.len().min(limits::UNFILED_STEP);
            self.read_unfiled(look, reader, unfiled, count.max(4), matches).await?;
        }
        let (walks, rest) = newest(&mut self.walks, last);
        self.walks = rest;
        let mut blocks = Vec::new();
        if !walks.is_empty() {
            let count = (limits::STEP / walks.len().min(limits::STEP)).max(2);
            blocks = self.walk_on(reader, conditions, walks, count).await?;
        }
        let most = limits::STEP / usize::try_from(BLOCK).unwrap_or(1);
        let is_wanted = |block: &Block| last.is_none_or(|last| block.end() > last);
        while blocks.len() < most
            && let Some(block) = self.listed.pop_if(|block| is_wanted(block))
        {
            blocks.push(block);
        }
        self.read_blocks(look, reader, blocks, matches).await
    }

    /// Reads blocks, the newest first. Those that there is no time for are listed again, once one is read and everything
    /// that reaches beyond the end of the last page: so the next page ends earlier than the last.
    async fn read_blocks(
        &mut self,
        look: &Look<'_>,
        reader: &SearchReader<'_>,
        mut blocks: Vec<Block>,
        matches: &mut Matches,
    ) -> Result<()> {
        blocks.sort_unstable_by_key(|block| std::cmp::Reverse(block.end()));
        let most = limits::STEP / usize::try_from(BLOCK).unwrap_or(1);
        let mut read = 0;
        // The blocks of a walk may be many.
        for part in blocks.chunks(most.max(1)) {
            let ranges: Vec<_> = part.iter().map(Block::range).collect();
            let mut messages = reader.messages(&ranges, look.until(), limits::STEP).await?;
            while let Some(message) = messages.next().await? {
                let of = blocks.iter().skip(read).position(|block| block.has(&message.point));
                let has_next_begun = of.is_some_and(|of| of > 0);
                read += of.unwrap_or(0);
                let is_earlier = blocks.get(read).is_none_or(|next| next.end() < self.below);
                if has_next_begun && is_earlier && matches.are_enough() {
                    self.listed.extend(blocks.iter().skip(read));
                    self.listed.sort_unstable_by_key(Block::end);
                    return Ok(());
                }
                matches.add(look, &message).await;
            }
        }
        Ok(())
    }

    async fn read_unfiled(
        &mut self,
        look: &Look<'_>,
        reader: &SearchReader<'_>,
        sources: Vec<Source<SeqRange>>,
        count: usize,
        matches: &mut Matches,
    ) -> Result<()> {
        let ranges: Vec<_> = sources.iter().map(|source| source.at).collect();
        let mut messages = reader.messages(&ranges, look.until(), count).await?;
        let mut read: BTreeMap<RoomId, (usize, Point)> = BTreeMap::new();
        while let Some(message) = messages.next().await? {
            let (n, last) = read.entry(message.point.room).or_insert((0, message.point));
            (*n, *last) = (*n + 1, message.point);
            matches.add(look, &message).await;
        }
        for mut source in sources {
            match read.get(&source.at.room) {
                Some((n, last)) if *n >= count => {
                    source.at.to = last.seq;
                    source.bound = source.bound.min(*last);
                    self.unfiled.push(source);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Goes on with some walks; the blocks that may have a match.
    async fn walk_on(
        &mut self,
        reader: &SearchReader<'_>,
        conditions: &Conditions,
        sources: Vec<Source<(RoomId, Below)>>,
        count: usize,
    ) -> Result<Vec<Block>> {
        let rooms: Vec<_> = sources.iter().map(|source| source.at).collect();
        let walked = reader.older_blocks(conditions.all.as_deref(), &rooms, count).await?;
        self.walked += walked.len();
        let mut read: BTreeMap<RoomId, (usize, Block)> = BTreeMap::new();
        for step in &walked {
            let (n, last) = read.entry(step.block.room).or_insert((0, step.block));
            (*n, *last) = (*n + 1, step.block);
        }
        for mut source in sources {
            let (room, _) = source.at;
            if let Some((_, last)) = read.get(&room).filter(|(n, _)| *n >= count) {
                source.at.1 = Below::block(last);
                let end = Point { at: last.last_at, room, seq: last.range().from };
                source.bound = source.bound.min(end);
                self.walks.push(source);
            }
        }
        Ok(walked.iter().filter(|step| step.may_match).map(|step| step.block).collect())
    }
}

/// Takes those sources out that are to be read next: the half with the latest bounds, but none that is before `last`.
fn newest<T>(
    sources: &mut Vec<Source<T>>,
    last: Option<Point>,
) -> (Vec<Source<T>>, Vec<Source<T>>) {
    let mut all = std::mem::take(sources);
    all.sort_by_key(|source| std::cmp::Reverse(source.bound));
    let first = all.first().map(|source| source.bound);
    let as_new = all.iter().take_while(|source| Some(source.bound) == first).count();
    let wanted =
        all.iter().take_while(|source| last.is_none_or(|last| source.bound > last)).count();
    let most = as_new.max(all.len().div_ceil(2)).min(limits::ROOMS).min(wanted);
    let rest = all.split_off(most);
    (all, rest)
}
