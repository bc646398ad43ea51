//! The journal's transaction: the changes of many rooms in one commit.
//!
//! New messages of all rooms are inserted by **one** statement ([`insert`](super::insert)), which also takes the
//! next `seq` of each room; with nothing else to do that statement is its own transaction, one round trip for
//! hundreds of messages. It assumes that no `mid` is in use. If one is (a client repeats a message because it
//! missed the answer), nothing is inserted, and the batch is checked for duplicates and committed without them; so
//! are the batches of the next moment, because repetitions seldom come alone. Messages with files, and changes of
//! existing messages (rarer) take one statement each, sent without waiting for the answer to the one before.
//! `rooms.last_seq` is updated in the same transaction, so `seq` has no gap, and the row lock makes the database the
//! sequencer.

use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::change::{Change, Entry, Outcome};
use super::insert::{DUPLICATES, INSERT, InsertBatch};
use super::log_change::{self, LOG};
use super::search::unfile;
use crate::base::error::Result;
use crate::base::ids::FileId;
use crate::base::limits::store as limits;
use crate::store::pool::{Database, failed};

/// The journal's own connection, with its statements prepared.
pub struct Writer {
    client: Client,
    /// Until then batches are checked for duplicates first.
    check_duplicates_until: Option<Instant>,
    duplicates: Statement,
    insert: Statement,
    insert_with_files: Statement,
    edit: Statement,
    delete: Statement,
    react: Statement,
    unreact: Statement,
    log: Statement,
    read: Statement,
}

/// The statements are planned once, and never for a small table: in a new database the planner knows only empty
/// tables, and a plan for those would read all messages for every commit.
const SETTINGS: &str = "
SET synchronous_commit = on;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan";

/// A new message with files, which are in no message yet, or nothing.
const INSERT_WITH_FILES: &str = "
WITH named AS (
    SELECT id FROM chat.files WHERE id = ANY($6) AND owner = $3 AND state = 'complete' FOR UPDATE
), taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + 1
    WHERE id = $1 AND deleted_at IS NULL AND (SELECT count(*) FROM named) = cardinality($6)
      AND NOT EXISTS (SELECT FROM chat.messages WHERE room_id = $1 AND mid = $2) RETURNING last_seq
), added AS (
    INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
    SELECT $1, $2, 'msg', $3, last_seq, $5, last_seq, $5, last_seq, $5, $4::text::jsonb FROM taken
), used AS (
    UPDATE chat.files f SET state = 'used', room_id = $1, mid = $2, created_seq = t.last_seq, place = n.place::int
    FROM taken t, unnest($6) WITH ORDINALITY AS n(id, place) WHERE f.id = n.id
)
SELECT last_seq FROM taken";

const EDIT: &str = concat!(
    "
WITH old AS (
    SELECT rev, rev_seq, rev_at, created_seq, created_at FROM chat.messages
    WHERE room_id = $1 AND mid = $2 AND rev = $3 - 1 AND kind = 'msg' FOR UPDATE
), taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + 1
    WHERE id = $1 AND deleted_at IS NULL AND EXISTS (SELECT FROM old) RETURNING last_seq, e2ee
), unfiled AS (
    ",
    unfile!("(SELECT $1 AS room_id, created_seq, created_at FROM old, taken WHERE NOT e2ee) u"),
    "
), kept AS (
    INSERT INTO chat.superseded (room_id, mid, rev, seq, at, digest)
    SELECT $1, $2, old.rev, old.rev_seq, old.rev_at, $5 FROM old, taken
), changed AS (
    UPDATE chat.messages SET rev = $3, body = $4::text::jsonb,
        seq = t.last_seq, at = $6, rev_seq = t.last_seq, rev_at = $6
    FROM taken t WHERE room_id = $1 AND mid = $2
), erased AS (
    UPDATE chat.files SET state = 'erasing'
    WHERE room_id = $1 AND mid = $2 AND state = 'used' AND NOT id = ANY($7) AND EXISTS (SELECT FROM taken)
)
SELECT last_seq FROM taken"
);

const DELETE: &str = concat!(
    "
WITH old AS (
    SELECT rev, rev_seq, rev_at, created_seq, created_at FROM chat.messages
    WHERE room_id = $1 AND mid = $2 AND rev = $3 - 1 AND kind = 'msg' FOR UPDATE
), taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + 1
    WHERE id = $1 AND deleted_at IS NULL AND EXISTS (SELECT FROM old) RETURNING last_seq, e2ee
), unfiled AS (
    ",
    unfile!("(SELECT $1 AS room_id, created_seq, created_at FROM old, taken WHERE NOT e2ee) u"),
    "
), kept AS (
    INSERT INTO chat.superseded (room_id, mid, rev, seq, at, digest)
    SELECT $1, $2, old.rev, old.rev_seq, old.rev_at, NULL FROM old, taken
), forgotten AS (
    UPDATE chat.superseded SET digest = NULL
    WHERE room_id = $1 AND mid = $2 AND EXISTS (SELECT FROM taken)
), erased AS (
    UPDATE chat.messages SET kind = 'del', rev = $3, body = $5::text::jsonb, gone = NULL, is_hidden = false,
        seq = t.last_seq, at = $4, rev_seq = t.last_seq, rev_at = $4
    FROM taken t WHERE room_id = $1 AND mid = $2
), reactions AS (
    UPDATE chat.messages SET kind = 'del', body = NULL
    WHERE room_id = $1 AND target = $2 AND kind = 'react' AND EXISTS (SELECT FROM taken)
), files AS (
    UPDATE chat.files SET state = 'erasing'
    WHERE room_id = $1 AND mid = $2 AND state = 'used' AND EXISTS (SELECT FROM taken)
)
SELECT last_seq FROM taken"
);

const REACT: &str = "
WITH goal AS (
    SELECT FROM chat.messages WHERE room_id = $1 AND mid = $4 AND kind = 'msg' FOR UPDATE
), taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + 1
    WHERE id = $1 AND deleted_at IS NULL AND EXISTS (SELECT FROM goal) RETURNING last_seq
), added AS (
    INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, target, body)
    SELECT $1, $2, 'react', $3, last_seq, $6, last_seq, $6, last_seq, $6, $4, $5::text::jsonb FROM taken
), moved AS (
    UPDATE chat.messages SET seq = t.last_seq, at = $6 FROM taken t WHERE room_id = $1 AND mid = $4
)
SELECT last_seq FROM taken";

const UNREACT: &str = "
WITH old AS (
    SELECT FROM chat.messages WHERE room_id = $1 AND mid = $2 AND kind = 'react' FOR UPDATE
), taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + 1
    WHERE id = $1 AND deleted_at IS NULL AND EXISTS (SELECT FROM old) RETURNING last_seq
), erased AS (
    UPDATE chat.messages SET kind = 'del', rev = 1, body = $5::text::jsonb,
        seq = t.last_seq, at = $4, rev_seq = t.last_seq, rev_at = $4
    FROM taken t WHERE room_id = $1 AND mid = $2
), moved AS (
    UPDATE chat.messages SET seq = t.last_seq, at = $4 FROM taken t WHERE room_id = $1 AND mid = $3
)
SELECT last_seq FROM taken";

const READ: &str = "
UPDATE chat.members m SET read_seq = i.seq
FROM (SELECT room_id, user_id, max(seq) AS seq
      FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS i(room_id, user_id, seq)
      GROUP BY 1, 2) i
WHERE m.room_id = i.room_id AND m.user_id = i.user_id AND m.read_seq < i.seq";

impl Writer {
    /// Connects and prepares.
    ///
    /// # Errors
    /// `unavailable` when the database does not answer.
    pub async fn connect(database: &Database) -> Result<Self> {
        let client = database.connect().await?;
        client.batch_execute(SETTINGS).await.map_err(failed)?;
        Ok(Self {
            check_duplicates_until: None,
            duplicates: client.prepare(DUPLICATES).await.map_err(failed)?,
            insert: client.prepare(INSERT).await.map_err(failed)?,
            insert_with_files: client.prepare(INSERT_WITH_FILES).await.map_err(failed)?,
            edit: client.prepare(EDIT).await.map_err(failed)?,
            delete: client.prepare(DELETE).await.map_err(failed)?,
            react: client.prepare(REACT).await.map_err(failed)?,
            unreact: client.prepare(UNREACT).await.map_err(failed)?,
            log: client.prepare(LOG).await.map_err(failed)?,
            read: client.prepare(READ).await.map_err(failed)?,
            client,
        })
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Makes a batch durable, all of it or nothing. `at` is the time of the changes, in milliseconds.
    ///
    /// New messages without files come first, then the others and changes in their order. No two entries may add the
    /// same `mid` to a room.
    ///
    /// # Errors
    /// The outcome may be unknown: the commit can have happened although its answer was lost. The
    /// caller must drop this writer and read the rooms again.
    pub async fn commit(&mut self, entries: &[Entry], at: i64) -> Result<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Refused; entries.len()];
        let batch = InsertBatch::new(entries, &HashSet::new());
        let checks_duplicates =
            self.check_duplicates_until.is_some_and(|until| Instant::now() < until);
        if batch.len() == entries.len() && !checks_duplicates {
            match batch.insert(&self.client, &self.insert, at, &mut outcomes).await {
                Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                    self.check_duplicates_until = Some(Instant::now() + limits::CHECK_DUPLICATES);
                }
                inserted => return inserted.map(|()| outcomes).map_err(failed),
            }
        }
        self.client.batch_execute("BEGIN").await.map_err(failed)?;
        let duplicates = batch.duplicates(&self.client, &self.duplicates).await.map_err(failed)?;
        let batch = InsertBatch::new(entries, &duplicates);
        batch.insert(&self.client, &self.insert, at, &mut outcomes).await.map_err(failed)?;
        for (entries, outcomes) in
            entries.chunks(limits::STATEMENTS).zip(outcomes.chunks_mut(limits::STATEMENTS))
        {
            let changes = entries.iter().map(|entry| self.change(entry, at));
            for (outcome, done) in outcomes.iter_mut().zip(in_order(changes).await) {
                if let Some(done) = done? {
                    *outcome = done;
                }
            }
        }
        self.move_reads(entries, &mut outcomes).await?;
        self.client.batch_execute("COMMIT").await.map_err(failed)?;
        Ok(outcomes)
    }

    async fn change(&self, entry: &Entry, at: i64) -> Result<Option<Outcome>> {
        let room = entry.room.0;
        let rev_of = |rev: u32| i32::try_from(rev).unwrap_or(i32::MAX);
        let row = match &entry.change {
            Change::Read { .. } => return Ok(None),
            Change::New { files, .. } if files.is_empty() => return Ok(None),
            Change::New { mid, author, body, files } => {
                let (mid, files) = (mid.0.as_slice(), ids(files));
                let values: [&(dyn ToSql + Sync); 6] = [&room, &mid, &author.0, body, &at, &files];
                self.client.query_opt(&self.insert_with_files, &values).await
            }
            Change::Edit { mid, rev, body, replaced, files } => {
                let (mid, rev, files) = (mid.0.as_slice(), rev_of(*rev), ids(files));
                let replaced = replaced.as_ref().map(<[u8; 32]>::as_slice);
                let values: [&(dyn ToSql + Sync); 7] =
                    [&room, &mid, &rev, body, &replaced, &at, &files];
                self.client.query_opt(&self.edit, &values).await
            }
            Change::Delete { mid, rev, body } => {
                let (mid, rev) = (mid.0.as_slice(), rev_of(*rev));
                self.client.query_opt(&self.delete, &[&room, &mid, &rev, &at, body]).await
            }
            Change::React { mid, author, target, body } => {
                let (mid, target) = (mid.0.as_slice(), target.0.as_slice());
                let values: [&(dyn ToSql + Sync); 6] = [&room, &mid, &author.0, &target, body, &at];
                self.client.query_opt(&self.react, &values).await
            }
            Change::Unreact { mid, target, body } => {
                let (mid, target) = (mid.0.as_slice(), target.0.as_slice());
                self.client.query_opt(&self.unreact, &[&room, &mid, &target, &at, body]).await
            }
            Change::Log(change) => {
                log_change::append(&self.client, &self.log, entry.room, change, at).await
            }
        };
        Ok(Some(match row.map_err(failed)? {
            Some(row) => Outcome::Done { seq: row.get::<_, i64>(0).unsigned_abs() },
            None => Outcome::Refused,
        }))
    }

    async fn move_reads(&self, entries: &[Entry], outcomes: &mut [Outcome]) -> Result<()> {
        let (mut rooms, mut users, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, outcome) in entries.iter().zip(outcomes) {
            if let Change::Read { uid, seq } = entry.change {
                rooms.push(entry.room.0);
                users.push(uid.0);
                seqs.push(seq.cast_signed());
                *outcome = Outcome::Done { seq: 0 };
            }
        }
        if !rooms.is_empty() {
            let moved = self.client.execute(&self.read, &[&rooms, &users, &seqs]).await;
            moved.map_err(failed)?;
        }
        Ok(())
    }
}

fn ids(files: &[FileId]) -> Vec<&[u8]> {
    files.iter().map(|file| file.0.as_slice()).collect()
}

/// Polls all of them at once and starts each in its order, so that the statements of one connection are sent, and
/// executed, in this order.
async fn in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(Box::pin).collect();
    let mut results: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_ready = true;
        for (future, result) in waiting.iter_mut().zip(&mut results) {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *result = Some(output),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn futures_start_in_order_and_each_result_is_in_its_place() {
        let begun = std::sync::Mutex::new(Vec::new());
        let one = |n: u64| {
            let begun = &begun;
            async move {
                begun.lock().unwrap().push(n);
                for _ in 0..(5 - n) {
                    tokio::task::yield_now().await;
                }
                n
            }
        };
        assert_eq!(in_order((0..5).map(one)).await, [0, 1, 2, 3, 4]);
        assert_eq!(*begun.lock().unwrap(), [0, 1, 2, 3, 4]);
        assert!(in_order(std::iter::empty::<std::future::Ready<()>>()).await.is_empty());
    }
}
