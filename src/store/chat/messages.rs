//! Reading messages: what was missed, pages of history, single ones.

use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::ChatStore;
use crate::error::{Error, Result};
use crate::ids::{Mid, RoomId, Uid};
use crate::protocol::command::TextBody;
use crate::protocol::message::{MessageState, Reaction};
use crate::store::pool::failed;

/// Which page of a room's history, by creation order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest messages.
    Newest,
    /// Those created before this `seq`.
    Before(u64),
    /// Those created after this `seq`.
    After(u64),
}

/// A row of the messages table, whatever its kind: what deciding about a change needs.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its id.
    pub mid: Mid,
    /// What it is.
    pub kind: StoredKind,
    /// Its author.
    pub author: Uid,
    /// Its present revision.
    pub rev: u32,
    /// The `seq` and time its present revision was acknowledged with.
    pub rev_ack: (u64, i64),
    /// The `seq` and time it was created with.
    pub created_ack: (u64, i64),
}

/// What a stored row is.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredKind {
    /// A message and its content.
    Message(TextBody),
    /// A reaction to `target`.
    Reaction {
        /// The message reacted to.
        target: Mid,
        /// With what.
        emoji: String,
    },
    /// Erased; of a reaction, `target` says of what.
    Deleted {
        /// The message a reaction was for.
        target: Option<Mid>,
    },
}

/// Tells a repetition from another content, without keeping the content.
pub fn digest(body: &TextBody) -> [u8; 32] {
    // A struct of strings and JSON values always encodes, and always in the same order.
    Sha256::digest(serde_json::to_vec(body).unwrap_or_default()).into()
}

/// The present states of the messages `m` that come from `source`, with their reactions.
fn look(source: &str, rest: &str) -> String {
    format!(
        "SELECT m.mid, m.rev + m.is_hidden::int, m.author, m.seq, m.at, m.created_seq, m.created_at,
                m.rev_at, CASE WHEN NOT m.is_hidden THEN m.body END, r.mids, r.authors, r.emoji,
                coalesce(octet_length(m.body::text), 0)
                    + coalesce(cardinality(r.mids), 0) * {REACTION_BYTES} AS size
         FROM {source} m LEFT JOIN LATERAL (
             SELECT array_agg(x.mid ORDER BY x.created_seq) AS mids,
                    array_agg(x.author ORDER BY x.created_seq) AS authors,
                    array_agg(x.body->>'e' ORDER BY x.created_seq) AS emoji
             FROM chat.messages x
             WHERE x.room_id = m.room_id AND x.target = m.mid AND x.kind = 'react'
               AND NOT x.is_hidden AND NOT m.is_hidden
         ) r ON true {rest}"
    )
}

/// About what one reaction adds to a message on the wire.
const REACTION_BYTES: usize = 64;

/// Cuts what `look` selects before its contents exceed the bytes of parameter `$4`; the first message
/// is always there. The database adds up the sizes, so that what is cut off is never read here. The
/// last column says whether anything was.
fn cut_at_bytes(sql: &str, order: &str) -> String {
    format!(
        "SELECT * FROM (
             SELECT look.*, sum(size) OVER (ORDER BY {order}) - size AS before,
                 count(*) OVER () AS found
             FROM ({sql}) look
         ) summed WHERE before < $4 ORDER BY {order}"
    )
}

/// The messages of a room; reactions are looked at with theirs.
const OF_ROOM: &str = "WHERE m.room_id = $1 AND m.target IS NULL AND";

/// The first messages whose last change is after a `seq`: those that were created after it and never
/// changed, and those that were changed after it, wherever they stand. Each by an index of its own.
const MISSED: &str = "(
    (SELECT * FROM chat.messages
     WHERE room_id = $1 AND target IS NULL AND created_seq > $2 AND seq = created_seq
     ORDER BY created_seq LIMIT $3)
    UNION ALL
    (SELECT * FROM chat.messages
     WHERE room_id = $1 AND target IS NULL AND seq > $2 AND seq <> created_seq
     ORDER BY seq LIMIT $3)
)";

impl ChatStore {
    /// Messages whose last change is after `since`, by that change, at most `limit`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn changed_since(
        &self,
        room: RoomId,
        since: u64,
        limit: usize,
    ) -> Result<Vec<MessageState>> {
        Ok(self.changed_within(room, since, limit, usize::MAX).await?.0)
    }

    /// The same, cut when their contents exceed `bytes`, and whether there may be more: because of
    /// that, or because there are as many as the limit.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn changed_within(
        &self,
        room: RoomId,
        since: u64,
        limit: usize,
        bytes: usize,
    ) -> Result<(Vec<MessageState>, bool)> {
        let (since, most, bytes) = (since.cast_signed(), to_limit(limit), to_limit(bytes));
        let sql = cut_at_bytes(&look(MISSED, "ORDER BY m.seq LIMIT $3"), "seq");
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let rows = client.query(&statement, &[&room.0, &since, &most, &bytes]).await;
        let rows = rows.map_err(failed)?;
        let is_cut = is_cut(&rows)?;
        let states = rows.iter().map(state).collect::<Result<Vec<_>>>()?;
        let more = is_cut || states.len() >= limit;
        Ok((states, more))
    }

    /// A page of history, oldest first, of at most `bytes` of contents, and whether there is more in
    /// its direction.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn page(
        &self,
        room: RoomId,
        page: Page,
        limit: usize,
        bytes: usize,
    ) -> Result<(Vec<MessageState>, bool)> {
        let (bound, compared, order, backwards) = match page {
            Page::Newest => (i64::MAX as u64, "<", "created_seq DESC", true),
            Page::Before(seq) => (seq, "<", "created_seq DESC", true),
            Page::After(seq) => (seq, ">", "created_seq", false),
        };
        let rest = format!("{OF_ROOM} m.created_seq {compared} $2 ORDER BY m.{order} LIMIT $3");
        let sql = cut_at_bytes(&look("chat.messages", &rest), order);
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let bound = bound.min(i64::MAX as u64).cast_signed();
        let (most, bytes) = (to_limit(limit + 1), to_limit(bytes));
        let rows = client.query(&statement, &[&room.0, &bound, &most, &bytes]).await;
        let rows = rows.map_err(failed)?;
        let is_cut = is_cut(&rows)?;
        let mut states: Vec<_> = rows.iter().map(state).collect::<Result<_>>()?;
        let more = is_cut || states.len() > limit;
        states.truncate(limit);
        if backwards {
            states.reverse();
        }
        Ok((states, more))
    }

    /// The current states of some messages, in no order.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn states(&self, room: RoomId, mids: &[Mid]) -> Result<Vec<MessageState>> {
        let mids: Vec<_> = mids.iter().map(|mid| mid.0.as_slice()).collect();
        let sql = look("chat.messages", &format!("{OF_ROOM} m.mid = ANY($2)"));
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let rows = client.query(&statement, &[&room.0, &mids]).await.map_err(failed)?;
        rows.iter().map(state).collect()
    }

    /// The rows with these ids, of any kind.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn stored(&self, room: RoomId, mids: &[Mid]) -> Result<Vec<Stored>> {
        let mids: Vec<_> = mids.iter().map(|mid| mid.0.as_slice()).collect();
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT mid, CASE WHEN is_hidden THEN 'del' ELSE kind END, author,
                     rev + is_hidden::int, rev_seq, rev_at, created_seq, created_at, target, body
                 FROM chat.messages WHERE room_id = $1 AND mid = ANY($2)",
            )
            .await
            .map_err(failed)?;
        let rows = client.query(&statement, &[&room.0, &mids]).await.map_err(failed)?;
        rows.iter().map(stored).collect()
    }

    /// What an earlier revision was acknowledged with, and the digest of its content while that
    /// has not been erased.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn superseded(
        &self,
        room: RoomId,
        mid: Mid,
        rev: u32,
    ) -> Result<Option<((u64, i64), Option<Vec<u8>>)>> {
        let rev = i32::try_from(rev).unwrap_or(i32::MAX);
        let mid = mid.0.as_slice();
        let client = self.database.get().await?;
        let row = client
            .query_opt(
                "SELECT seq, at, digest FROM chat.superseded WHERE room_id = $1 AND mid = $2 AND rev = $3",
                &[&room.0, &mid, &rev],
            )
            .await
            .map_err(failed)?;
        Ok(row.map(|row| ((unsigned(&row, 0), row.get(1)), row.get(2))))
    }

    /// How often `author` has reacted to `target`, and whether with this emoji.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn reactions_by(
        &self,
        room: RoomId,
        target: Mid,
        author: Uid,
        emoji: &str,
    ) -> Result<(usize, bool)> {
        let target = target.0.as_slice();
        let client = self.database.get().await?;
        let row = client
            .query_one(
                "SELECT count(*), coalesce(bool_or(body->>'e' = $4), false) FROM chat.messages
                 WHERE room_id = $1 AND target = $2 AND author = $3 AND kind = 'react'",
                &[&room.0, &target, &author.0, &emoji],
            )
            .await
            .map_err(failed)?;
        Ok((usize::try_from(row.get::<_, i64>(0)).unwrap_or(usize::MAX), row.get(1)))
    }

    /// Of the newest messages: where they stand, who wrote them, whom they mention; oldest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn recent(&self, room: RoomId, limit: usize) -> Result<Vec<(u64, Uid, Vec<Uid>)>> {
        let client = self.database.get().await?;
        let rows = client
            .query(
                "SELECT created_seq, author, coalesce(body->'m', '[]') FROM chat.messages
                 WHERE room_id = $1 AND target IS NULL AND kind = 'msg' AND NOT is_hidden
                 ORDER BY created_seq DESC LIMIT $2",
                &[&room.0, &to_limit(limit)],
            )
            .await
            .map_err(failed)?;
        let read = |row: &Row| {
            let Json(mentions): Json<Vec<Uid>> = row.try_get(2).map_err(Error::internal)?;
            Ok((unsigned(row, 0), Uid(row.get(1)), mentions))
        };
        rows.iter().rev().map(read).collect()
    }
}

/// Whether [`cut_at_bytes`] has left out some of what was found.
fn is_cut(rows: &[Row]) -> Result<bool> {
    let Some(first) = rows.first() else { return Ok(false) };
    let found: i64 = first.try_get("found").map_err(Error::internal)?;
    Ok(found > to_limit(rows.len()))
}

fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column).unsigned_abs()
}

fn mid_of(bytes: &[u8]) -> Result<Mid> {
    bytes.try_into().map(Mid).map_err(Error::internal)
}

fn state(row: &Row) -> Result<MessageState> {
    let rev = row.get::<_, i32>(1).unsigned_abs();
    let body: Option<Json<TextBody>> = row.try_get(8).map_err(Error::internal)?;
    let mids: Option<Vec<&[u8]>> = row.get(9);
    let authors: Option<Vec<i64>> = row.get(10);
    let emoji: Option<Vec<String>> = row.get(11);
    let mut reactions = Vec::new();
    let columns = mids.unwrap_or_default().into_iter().zip(authors.unwrap_or_default());
    for ((mid, by), emoji) in columns.zip(emoji.unwrap_or_default()) {
        reactions.push(Reaction { mid: mid_of(mid)?, by: Uid(by), emoji });
    }
    Ok(MessageState {
        mid: mid_of(row.get(0))?,
        rev,
        by: Uid(row.get(2)),
        seq: unsigned(row, 3),
        at: row.get(4),
        created_seq: unsigned(row, 5),
        created_at: row.get(6),
        edited_at: (rev > 0 && body.is_some()).then(|| row.get(7)),
        body: body.map(|Json(body)| body),
        reactions,
    })
}

fn stored(row: &Row) -> Result<Stored> {
    #[derive(serde::Deserialize)]
    struct Emoji {
        e: String,
    }
    let target = row.get::<_, Option<&[u8]>>(8).map(mid_of).transpose()?;
    let kind = match (row.get::<_, &str>(1), target) {
        ("msg", _) => {
            let Json(body) = row.try_get(9).map_err(Error::internal)?;
            StoredKind::Message(body)
        }
        ("react", Some(target)) => {
            let Json(Emoji { e }) = row.try_get(9).map_err(Error::internal)?;
            StoredKind::Reaction { target, emoji: e }
        }
        (_, target) => StoredKind::Deleted { target },
    };
    Ok(Stored {
        mid: mid_of(row.get(0))?,
        kind,
        author: Uid(row.get(2)),
        rev: row.get::<_, i32>(3).unsigned_abs(),
        rev_ack: (unsigned(row, 4), row.get(5)),
        created_ack: (unsigned(row, 6), row.get(7)),
    })
}
