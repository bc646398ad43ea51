//! Inserts the new messages of a batch that have no files by one statement, which takes them column by column.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::change::{Change, Entry, Outcome};

/// Which of some messages exist, by their number in the arrays. One subquery per row on purpose: for `EXISTS` the
/// planner may choose a join that reads every message of the room.
pub(super) const DUPLICATES: &str = "
SELECT i.number FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS i(room_id, mid, number)
WHERE (SELECT true FROM chat.messages m WHERE m.room_id = i.room_id AND m.mid = i.mid)";

/// Inserts messages, the nth of a room as its nth next change: all of them or, if one `mid` is in use, none.
/// The arrays are read in step, row by row, and not first copied into a table, as `FROM unnest` would.
pub(super) const INSERT: &str = "
WITH taken AS (
    UPDATE chat.rooms r SET last_seq = r.last_seq + c.n
    FROM unnest($1::bigint[], $2::bigint[]) AS c(room_id, n)
    WHERE r.id = c.room_id AND r.deleted_at IS NULL
    RETURNING r.id, r.last_seq - c.n AS base
), added AS (
    INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
    SELECT t.id, i.mid, 'msg', i.author, t.base + i.n, $8, t.base + i.n, $8, t.base + i.n, $8, i.body::jsonb
    FROM (SELECT unnest($3::bigint[]) AS room_id, unnest($4::bigint[]) AS n, unnest($5::bytea[]) AS mid,
                 unnest($6::bigint[]) AS author, unnest($7::text[]) AS body) i
    JOIN taken t ON t.id = i.room_id
)
SELECT id, base FROM taken";

/// New messages, column by column.
#[derive(Default)]
pub(super) struct InsertBatch<'a> {
    /// How many each room gets. In order, so that writers of two processes lock rooms in one order.
    counts: BTreeMap<i64, i64>,
    /// The index of each among the entries.
    indexes: Vec<usize>,
    rooms: Vec<i64>,
    /// The number of each within its room, from 1.
    numbers: Vec<i64>,
    mids: Vec<&'a [u8]>,
    authors: Vec<i64>,
    bodies: Vec<&'a str>,
}

impl<'a> InsertBatch<'a> {
    /// The new messages without files among `entries`, and without the `duplicates`.
    pub fn new(entries: &'a [Entry], duplicates: &HashSet<usize>) -> Self {
        let mut batch = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            if let Change::New { mid, author, body, files } = &entry.change
                && files.is_empty()
                && !duplicates.contains(&index)
            {
                let number = batch.counts.entry(entry.room.0).or_insert(0);
                *number += 1;
                batch.numbers.push(*number);
                batch.indexes.push(index);
                batch.rooms.push(entry.room.0);
                batch.mids.push(&mid.0);
                batch.authors.push(author.0);
                batch.bodies.push(body);
            }
        }
        batch
    }

    pub fn len(&self) -> usize {
        self.indexes.len()
    }

    /// The indexes of those that are stored already; `statement` is [`DUPLICATES`].
    pub async fn duplicates(
        &self,
        client: &Client,
        statement: &Statement,
    ) -> Result<HashSet<usize>, Error> {
        if self.indexes.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = client.query(statement, &[&self.rooms, &self.mids]).await?;
        let index = |row: &Row| {
            let number = usize::try_from(row.get::<_, i64>(0) - 1).ok()?;
            self.indexes.get(number).copied()
        };
        Ok(rows.iter().filter_map(index).collect())
    }

    /// Stores them and notes their `seq`; those of rooms that are gone keep their outcome. `statement`
    /// is [`INSERT`].
    pub async fn insert(
        &self,
        client: &Client,
        statement: &Statement,
        at: i64,
        outcomes: &mut [Outcome],
    ) -> Result<(), Error> {
        if self.indexes.is_empty() {
            return Ok(());
        }
        let (rooms, counts): (Vec<i64>, Vec<i64>) = self.counts.iter().unzip();
        let values: [&(dyn ToSql + Sync); 8] = [
            &rooms,
            &counts,
            &self.rooms,
            &self.numbers,
            &self.mids,
            &self.authors,
            &self.bodies,
            &at,
        ];
        let rows = client.query(statement, &values).await?;
        let bases: HashMap<i64, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        for ((index, room), number) in self.indexes.iter().zip(&self.rooms).zip(&self.numbers) {
            if let (Some(base), Some(outcome)) = (bases.get(room), outcomes.get_mut(*index)) {
                *outcome = Outcome::Done { seq: (base + number).unsigned_abs() };
            }
        }
        Ok(())
    }
}
