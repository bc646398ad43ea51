//! What a search reads. All of it is bounded: by numbers of rows, and by the time that a statement may take.

use std::pin::Pin;

use deadpool_postgres::{Object, Transaction};
use futures_util::StreamExt as _;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Row, RowStream};

use super::{Block, FINDABLE, SEARCHED, Searched, SeqRange, searched};
use crate::base::error::Result;
use crate::base::ids::RoomId;
use crate::base::limits::search as limits;
use crate::store::chat::ChatStore;
use crate::store::chat::message_rows::{to_limit, unsigned};
use crate::store::pool::failed;

/// A connection for one search at a time.
pub struct SearchConnection(Object);

/// The index and the messages at one moment.
pub struct SearchReader<'a>(Transaction<'a>);

/// A block of a room, and whether it may have a match.
#[derive(Debug, Clone, Copy)]
pub struct Walked {
    /// The block.
    pub block: Block,
    /// Whether its keys are what is asked for.
    pub may_match: bool,
}

impl ChatStore {
    /// A connection for a search.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn search_connection(&self) -> Result<SearchConnection> {
        Ok(SearchConnection(self.database.get().await?))
    }
}

impl SearchConnection {
    /// Begins to read.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn begin(&mut self) -> Result<SearchReader<'_>> {
        let builder = self.0.build_transaction();
        let begun = builder.isolation_level(IsolationLevel::RepeatableRead).read_only(true).start();
        let reader = SearchReader(begun.await.map_err(failed)?);
        // Each of these statements has one good plan, whatever the planner knows of the words in it.
        let settings = format!(
            "SET LOCAL statement_timeout = {}; SET LOCAL enable_seqscan = off; SET LOCAL jit = off;
             SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL plan_cache_mode = force_generic_plan",
            limits::STATEMENT.as_millis()
        );
        reader.0.batch_execute(&settings).await.map_err(failed)?;
        Ok(reader)
    }
}

impl SearchReader<'_> {
    async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let statement = self.0.prepare_cached(sql).await.map_err(failed)?;
        self.0.query(&statement, values).await.map_err(failed)
    }

    /// Of these rooms those with messages that are not filed yet, and which.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn unfiled(&self, rooms: &[RoomId]) -> Result<Vec<SeqRange>> {
        let sql = "SELECT r.id, coalesce(s.filed, 0), r.last_seq + 1
                   FROM unnest($1::bigint[]) AS i(room_id) JOIN chat.rooms r ON r.id = i.room_id
                   LEFT JOIN chat.search_rooms s ON s.room_id = r.id
                   WHERE r.last_seq >= coalesce(s.filed, 0)";
        let rows = self.query(sql, &[&numbers(rooms)]).await?;
        let range = |row: &Row| SeqRange {
            room: RoomId(row.get(0)),
            from: unsigned(row, 1),
            to: unsigned(row, 2),
        };
        Ok(rows.iter().map(range).collect())
    }

    /// Blocks of these rooms that were changed and are not filed again yet, up to [`limits::UNFILED`].
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn changed_blocks(&self, rooms: &[RoomId]) -> Result<Vec<Block>> {
        let sql = "SELECT room_id, block, first_at, last_at FROM chat.search
                   WHERE keys IS NULL AND room_id = ANY($1) LIMIT $2";
        let rows = self.query(sql, &[&numbers(rooms), &to_limit(limits::UNFILED)]).await?;
        Ok(rows.iter().map(Block::of).collect())
    }

    /// The blocks of these rooms with these keys (a `tsquery`) and with messages of a span of time, in no order: at most
    /// `limit`.
    ///
    /// # Errors
    /// `unavailable`; a query that takes too long, too.
    pub async fn blocks_with(
        &self,
        keys: &str,
        rooms: &[RoomId],
        (since, until): (i64, i64),
        limit: usize,
    ) -> Result<Vec<Block>> {
        // The sums keep the planner from reading the other index as well, which has all blocks of these rooms.
        let sql = "SELECT room_id, block, first_at, last_at FROM chat.search
                   WHERE keys @@ $1::text::tsquery AND room_id + 0 = ANY($2) AND first_at <= $3 AND last_at + 0 >= $4
                   LIMIT $5";
        let values: [&(dyn ToSql + Sync); 5] =
            [&keys, &numbers(rooms), &until, &since, &to_limit(limit)];
        let rows = self.query(sql, &values).await?;
        Ok(rows.iter().map(Block::of).collect())
    }

    /// The next older blocks of some rooms, newest first: `count` of each, before the block whose end is `below`. A block
    /// with messages on both sides of that moment is the first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn older_blocks(
        &self,
        keys: Option<&str>,
        rooms: &[(RoomId, Below)],
        count: usize,
    ) -> Result<Vec<Walked>> {
        let sql = "SELECT s.room_id, s.block, s.first_at, s.last_at, coalesce(s.keys @@ $5::text::tsquery, true)
                   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[])
                       WITH ORDINALITY AS i(room_id, last_at, block, is_first, n)
                   CROSS JOIN LATERAL (
                       (SELECT * FROM chat.search
                        WHERE room_id = i.room_id AND i.is_first AND last_at > i.last_at AND first_at <= i.last_at
                        ORDER BY last_at, block LIMIT 1)
                       UNION ALL
                       (SELECT * FROM chat.search
                        WHERE room_id = i.room_id AND (last_at, block) < (i.last_at, i.block)
                        ORDER BY last_at DESC, block DESC LIMIT $6)
                   ) s
                   ORDER BY i.n, s.last_at DESC, s.block DESC";
        let of: Vec<_> = rooms.iter().map(|(room, _)| room.0).collect();
        let at: Vec<_> = rooms.iter().map(|(_, below)| below.at).collect();
        let block: Vec<_> = rooms.iter().map(|(_, below)| below.block).collect();
        let is_first: Vec<_> = rooms.iter().map(|(_, below)| below.is_first).collect();
        let values: [&(dyn ToSql + Sync); 6] =
            [&of, &at, &block, &is_first, &keys, &to_limit(count)];
        let rows = self.query(sql, &values).await?;
        Ok(rows.iter().map(|row| Walked { block: Block::of(row), may_match: row.get(4) }).collect())
    }

    /// The messages in these ranges that can be found and were created by then: range by range, of each the newest
    /// `limit`, newest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn messages(
        &self,
        ranges: &[SeqRange],
        until: i64,
        limit: usize,
    ) -> Result<Messages> {
        let sql = format!(
            "SELECT {SEARCHED} FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
                 WITH ORDINALITY AS i(room_id, first, past, n)
             CROSS JOIN LATERAL (
                 SELECT room_id, created_seq, created_at, author, body FROM chat.messages
                 WHERE room_id = i.room_id AND created_seq >= i.first AND created_seq < i.past
                   AND created_at <= $4 AND {FINDABLE}
                 ORDER BY created_seq DESC LIMIT $5
             ) m ORDER BY i.n, m.created_seq DESC"
        );
        let rooms: Vec<_> = ranges.iter().map(|range| range.room.0).collect();
        let from: Vec<_> = ranges.iter().map(|range| range.from.cast_signed()).collect();
        let to: Vec<_> = ranges.iter().map(|range| range.to.cast_signed()).collect();
        let values: [&(dyn ToSql + Sync); 5] = [&rooms, &from, &to, &until, &to_limit(limit)];
        let statement = self.0.prepare_cached(&sql).await.map_err(failed)?;
        let rows = self.0.query_raw(&statement, values).await.map_err(failed)?;
        Ok(Messages(Box::pin(rows)))
    }
}

/// Messages, one after the other: together they may be large.
pub struct Messages(Pin<Box<RowStream>>);

impl Messages {
    /// The next one, if there is one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn next(&mut self) -> Result<Option<Searched>> {
        let row = self.0.next().await.transpose().map_err(failed)?;
        Ok(row.as_ref().map(searched))
    }
}

/// Where the walk through a room's blocks has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Below {
    /// The end of the oldest block that was read, or the moment at which the walk begins.
    pub at: i64,
    /// The number of that block.
    pub block: i64,
    /// Whether the walk begins here.
    pub is_first: bool,
}

impl Below {
    /// A walk that begins at this moment.
    pub fn moment(at: i64) -> Self {
        Self { at, block: i64::MAX, is_first: true }
    }

    /// One that goes on after this block.
    pub fn block(block: &Block) -> Self {
        Self { at: block.last_at, block: block.number.cast_signed(), is_first: false }
    }
}

fn numbers(rooms: &[RoomId]) -> Vec<i64> {
    rooms.iter().map(|room| room.0).collect()
}
