//! How the index is filled: by one connection of its own, in transactions that see one moment.
//!
//! They do not wait for the disk (what is lost in a crash is filed again) nor for a lock: whoever changes a message
//! goes first.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, IsolationLevel, Row, Statement};

use super::{FINDABLE, SEARCHED, Searched, SeqRange, searched};
use crate::base::error::Result;
use crate::base::ids::RoomId;
use crate::base::limits::search as limits;
use crate::store::chat::ChatStore;
use crate::store::chat::message_rows::{to_limit, unsigned};
use crate::store::pool::failed;

/// The connection that fills the index.
pub struct SearchWriter {
    client: Client,
    read: Statement,
    upsert: Statement,
    remove_empty: Statement,
    note: Statement,
}

/// A block with what its messages are filed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledBlock {
    /// The room.
    pub room: RoomId,
    /// Its number.
    pub number: u64,
    /// When its first and its last message were created; nothing if there is no message in it.
    pub times: Option<(i64, i64)>,
    /// As PostgreSQL reads a `tsvector`.
    pub keys: String,
}

/// A block that was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfiled {
    /// The room.
    pub room: RoomId,
    /// Its number.
    pub number: u64,
}

/// How far a room is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The room.
    pub room: RoomId,
    /// What was created before this `seq` is filed.
    pub filed: u64,
    /// And is being filed again, up to here.
    pub again: Option<u64>,
}

const SETTINGS: &str = "
SET synchronous_commit = off;
SET enable_seqscan = off;
SET jit = off;
SET plan_cache_mode = force_generic_plan";

impl ChatStore {
    /// Connects whoever fills the index. An index by other rules than `version` is emptied.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn search_writer(&self, version: i32) -> Result<SearchWriter> {
        let mut client = self.database.connect().await?;
        let lock = format!("{SETTINGS}; SET lock_timeout = {}", limits::LOCK.as_millis());
        client.batch_execute(&lock).await.map_err(failed)?;
        let transaction = client.transaction().await.map_err(failed)?;
        let sql = "SELECT version FROM chat.search_rules";
        let known = transaction.query_opt(sql, &[]).await.map_err(failed)?;
        if known.is_none_or(|row| row.get::<_, i32>(0) != version) {
            let sql = "TRUNCATE chat.search, chat.search_rooms";
            transaction.batch_execute(sql).await.map_err(failed)?;
            let sql = "INSERT INTO chat.search_rules (version) VALUES ($1)
                       ON CONFLICT (one) DO UPDATE SET version = excluded.version";
            transaction.execute(sql, &[&version]).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        let read = format!(
            "SELECT {SEARCHED} FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS i(room_id, first, past)
             CROSS JOIN LATERAL (
                 SELECT room_id, created_seq, created_at, author, body FROM chat.messages
                 WHERE room_id = i.room_id AND created_seq >= i.first AND created_seq < i.past AND {FINDABLE}
                 ORDER BY created_seq
             ) m"
        );
        Ok(SearchWriter {
            read: client.prepare(&read).await.map_err(failed)?,
            upsert: client.prepare(UPSERT).await.map_err(failed)?,
            remove_empty: client.prepare(REMOVE_EMPTY).await.map_err(failed)?,
            note: client.prepare(NOTE).await.map_err(failed)?,
            client,
        })
    }

    /// Has everything that is filed be filed again.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn file_again(&self) -> Result<()> {
        let sql = "UPDATE chat.search_rooms SET again = 0 WHERE filed > 0";
        self.database.get().await?.execute(sql, &[]).await.map_err(failed)?;
        Ok(())
    }

    /// How far each room is filed that is at all.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn search_progress(&self) -> Result<Vec<Progress>> {
        let rows = self.database.get().await?.query(PROGRESS, &[]).await.map_err(failed)?;
        Ok(rows.iter().map(progress).collect())
    }
}

const PROGRESS: &str = "SELECT room_id, filed, again FROM chat.search_rooms";

fn progress(row: &Row) -> Progress {
    let again: Option<i64> = row.get(2);
    Progress {
        room: RoomId(row.get(0)),
        filed: unsigned(row, 1),
        again: again.map(i64::unsigned_abs),
    }
}

impl SearchWriter {
    /// How far each room is filed that is at all.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn progress(&self) -> Result<Vec<Progress>> {
        let rows = self.client.query(PROGRESS, &[]).await.map_err(failed)?;
        Ok(rows.iter().map(progress).collect())
    }

    /// Some of the blocks that were changed and are not filed again.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn changed(&self, limit: usize) -> Result<Vec<Unfiled>> {
        let sql = "SELECT room_id, block FROM chat.search WHERE keys IS NULL LIMIT $1";
        let rows = self.client.query(sql, &[&to_limit(limit)]).await.map_err(failed)?;
        let unfiled = |row: &Row| Unfiled { room: RoomId(row.get(0)), number: unsigned(row, 1) };
        Ok(rows.iter().map(unfiled).collect())
    }

    /// Reads these messages, has them filed under what `file` makes of them, and notes the progress of their rooms: all
    /// of it or nothing, and nothing if one of the messages is changed meanwhile.
    ///
    /// # Errors
    /// `unavailable`, and what `file` says.
    pub async fn file(
        &mut self,
        ranges: &[SeqRange],
        progress: &[Progress],
        file: impl AsyncFnOnce(Vec<Searched>) -> Result<Vec<FiledBlock>>,
    ) -> Result<Filed> {
        let builder =
            self.client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let transaction = builder.start().await.map_err(failed)?;
        let rooms: Vec<_> = ranges.iter().map(|range| range.room.0).collect();
        let from: Vec<_> = ranges.iter().map(|range| range.from.cast_signed()).collect();
        let to: Vec<_> = ranges.iter().map(|range| range.to.cast_signed()).collect();
        let values: [&(dyn ToSql + Sync); 3] = [&rooms, &from, &to];
        let rows = transaction.query(&self.read, &values).await.map_err(failed)?;
        let count = rows.len();
        let mut blocks = file(rows.iter().map(searched).collect()).await?;
        // In one order, as far as that helps: the lock is not waited for in any case.
        blocks.sort_unstable_by_key(|block| (block.room, block.number));
        let columns = Columns::of(&blocks);
        let written = transaction.execute(&self.upsert, &columns.values()).await;
        let outcome = async {
            written?;
            let empty: Vec<_> = blocks.iter().filter(|block| block.times.is_none()).collect();
            if !empty.is_empty() {
                let rooms: Vec<_> = empty.iter().map(|block| block.room.0).collect();
                let numbers: Vec<_> =
                    empty.iter().map(|block| block.number.cast_signed()).collect();
                transaction.execute(&self.remove_empty, &[&rooms, &numbers]).await?;
            }
            let rooms: Vec<_> = progress.iter().map(|one| one.room.0).collect();
            let filed: Vec<_> = progress.iter().map(|one| one.filed.cast_signed()).collect();
            let again: Vec<_> =
                progress.iter().map(|one| one.again.map(u64::cast_signed)).collect();
            transaction.execute(&self.note, &[&rooms, &filed, &again]).await?;
            transaction.commit().await
        };
        match outcome.await {
            Ok(()) => Ok(Filed::Yes { messages: count }),
            Err(error) if is_overtaken(&error) => Ok(Filed::Overtaken),
            Err(error) => Err(failed(error)),
        }
    }
}

/// What became of an attempt to file messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filed {
    /// They are.
    Yes {
        /// How many there were.
        messages: usize,
    },
    /// Somebody changed one of them at the same time; nothing is filed.
    Overtaken,
}

const UPSERT: &str = "
INSERT INTO chat.search (room_id, block, first_at, last_at, keys)
SELECT room_id, block, first_at, last_at, keys::tsvector
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
    AS i(room_id, block, first_at, last_at, keys)
ON CONFLICT (room_id, block) DO UPDATE
SET first_at = excluded.first_at, last_at = excluded.last_at, keys = excluded.keys";

const REMOVE_EMPTY: &str = "
DELETE FROM chat.search s USING unnest($1::bigint[], $2::bigint[]) AS i(room_id, block)
WHERE s.room_id = i.room_id AND s.block = i.block";

const NOTE: &str = "
INSERT INTO chat.search_rooms (room_id, filed, again)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
ON CONFLICT (room_id) DO UPDATE SET filed = excluded.filed, again = excluded.again";

/// Whether somebody else has changed, or is changing, what was to be written.
fn is_overtaken(error: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::SqlState;
    let codes = [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        &SqlState::LOCK_NOT_AVAILABLE,
        &SqlState::UNIQUE_VIOLATION,
    ];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// Blocks with messages, column by column.
struct Columns<'a> {
    rooms: Vec<i64>,
    numbers: Vec<i64>,
    first_at: Vec<i64>,
    last_at: Vec<i64>,
    keys: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(blocks: &'a [FiledBlock]) -> Self {
        let mut columns = Self {
            rooms: Vec::new(),
            numbers: Vec::new(),
            first_at: Vec::new(),
            last_at: Vec::new(),
            keys: Vec::new(),
        };
        for block in blocks {
            let Some((first_at, last_at)) = block.times else { continue };
            columns.rooms.push(block.room.0);
            columns.numbers.push(block.number.cast_signed());
            columns.first_at.push(first_at);
            columns.last_at.push(last_at);
            columns.keys.push(&block.keys);
        }
        columns
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 5] {
        [&self.rooms, &self.numbers, &self.first_at, &self.last_at, &self.keys]
    }
}
