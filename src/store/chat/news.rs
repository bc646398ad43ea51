//! The new messages of a batch, column by column, as one statement takes them.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::commit::{Change, Entry, Outcome};

/// Which of some messages are there. A question per row on purpose: of `EXISTS` the planner may make
/// a join that reads every message of the room.
pub(super) const KNOWN: &str = "
SELECT i.place FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS i(room_id, mid, place)
WHERE (SELECT true FROM chat.messages m WHERE m.room_id = i.room_id AND m.mid = i.mid)";

/// Adds messages, the nth of a room as its nth next change. All of them or, if one `mid` is in use, none.
/// The arrays are read in step, row by row, and not first copied into a table, as `FROM unnest` would.
pub(super) const ADD: &str = "
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

#[derive(Default)]
pub(super) struct News<'a> {
    /// How many each room gets. In order, so that writers of two processes lock rooms in one order.
    counts: BTreeMap<i64, i64>,
    /// Where they stand in the batch.
    places: Vec<usize>,
    rooms: Vec<i64>,
    /// The how manieth of its room each is, from 1.
    numbers: Vec<i64>,
    mids: Vec<&'a [u8]>,
    authors: Vec<i64>,
    bodies: Vec<&'a str>,
}

impl<'a> News<'a> {
    /// Those among `entries`, but not at the places `known`.
    pub fn of(entries: &'a [Entry], known: &HashSet<usize>) -> Self {
        let mut news = Self::default();
        for (place, entry) in entries.iter().enumerate() {
            if let Change::New { mid, author, body } = &entry.change
                && !known.contains(&place)
            {
                let number = news.counts.entry(entry.room.0).or_insert(0);
                *number += 1;
                news.numbers.push(*number);
                news.places.push(place);
                news.rooms.push(entry.room.0);
                news.mids.push(&mid.0);
                news.authors.push(author.0);
                news.bodies.push(body);
            }
        }
        news
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The places in the batch of those that are stored already; `statement` is [`KNOWN`].
    pub async fn known(
        &self,
        client: &Client,
        statement: &Statement,
    ) -> Result<HashSet<usize>, Error> {
        if self.places.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = client.query(statement, &[&self.rooms, &self.mids]).await?;
        let place = |row: &Row| {
            let index = usize::try_from(row.get::<_, i64>(0) - 1).ok()?;
            self.places.get(index).copied()
        };
        Ok(rows.iter().filter_map(place).collect())
    }

    /// Stores them and notes their `seq`; those of rooms that are gone keep their outcome. `statement`
    /// is [`ADD`].
    pub async fn add(
        &self,
        client: &Client,
        statement: &Statement,
        at: i64,
        outcomes: &mut [Outcome],
    ) -> Result<(), Error> {
        if self.places.is_empty() {
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
        for ((place, room), number) in self.places.iter().zip(&self.rooms).zip(&self.numbers) {
            if let (Some(base), Some(outcome)) = (bases.get(room), outcomes.get_mut(*place)) {
                *outcome = Outcome::Done { seq: (base + number).unsigned_abs() };
            }
        }
        Ok(())
    }
}
