//! Reading messages: what was missed, pages of history, single ones.
//!
//! No row makes a query fail: content is read as text and parsed row by row ([`content`]).

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{ChatStore, content};
use crate::base::error::{Error, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::protocol::message::{Content, MessageState, Reaction};
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
#[derive(Debug, Clone, PartialEq)]
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
    /// A message that was not deleted.
    Message {
        /// What it says.
        content: Content,
        /// Every reaction to it, oldest first.
        reactions: Vec<StoredReaction>,
    },
    /// A reaction to `target`.
    Reaction {
        /// The message reacted to.
        target: Mid,
        /// With what, if that can be read.
        emoji: Option<String>,
    },
    /// Erased; of a reaction, `target` says of what.
    Deleted {
        /// The message a reaction was for.
        target: Option<Mid>,
    },
}

/// A reaction as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReaction {
    /// Its id.
    pub mid: Mid,
    /// Its author.
    pub by: Uid,
    /// With what, if that can be read.
    pub emoji: Option<String>,
    /// Its author's account was removed together with everything it wrote.
    pub is_hidden: bool,
}

/// What an earlier revision was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// The message.
    pub mid: Mid,
    /// The revision.
    pub rev: u32,
    /// The `seq` and time it was acknowledged with.
    pub ack: (u64, i64),
    /// Digest of its content, while that can be told.
    pub digest: Option<Vec<u8>>,
}

impl Stored {
    /// The message as everybody sees it; `seq` and `at` are those of its revision.
    pub fn state(&self) -> MessageState {
        let (content, reactions) = match &self.kind {
            StoredKind::Message { content, reactions } => (content.clone(), reactions.as_slice()),
            _ => (Content::Deleted, &[][..]),
        };
        let shown = |reaction: &StoredReaction| {
            let emoji = reaction.emoji.clone().filter(|_| !reaction.is_hidden)?;
            Some(Reaction { mid: reaction.mid, by: reaction.by, emoji })
        };
        MessageState {
            mid: self.mid,
            rev: self.rev,
            by: self.author,
            seq: self.rev_ack.0,
            at: self.rev_ack.1,
            created_seq: self.created_ack.0,
            created_at: self.created_ack.1,
            edited_at: (self.rev > 0 && !content.is_deleted()).then_some(self.rev_ack.1),
            content,
            reactions: reactions.iter().filter_map(shown).collect(),
        }
    }
}

/// The present states of the messages `m` that come from `source`, with their reactions.
fn look(source: &str, rest: &str) -> String {
    format!(
        "SELECT m.mid, m.rev + m.is_hidden::int, m.author, m.seq, m.at, m.created_seq, m.created_at,
                m.rev_at, CASE WHEN NOT m.is_hidden THEN m.body::text END, r.mids, r.authors, r.bodies,
                coalesce(octet_length(m.body::text), 0)
                    + coalesce(cardinality(r.mids), 0) * {REACTION_BYTES} AS size
         FROM {source} m LEFT JOIN LATERAL (
             SELECT array_agg(x.mid ORDER BY x.created_seq) AS mids,
                    array_agg(x.author ORDER BY x.created_seq) AS authors,
                    array_agg(x.body::text ORDER BY x.created_seq) AS bodies
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

/// Rows by their ids, and the messages that reactions among them are for. A look into the index per row
/// on purpose (`OFFSET 0`): of a join the planner may make a walk over every message of the room.
const STORED: &str = "
SELECT m.mid, CASE WHEN m.is_hidden THEN 'del' ELSE m.kind END, m.author, m.rev + m.is_hidden::int,
       m.rev_seq, m.rev_at, m.created_seq, m.created_at, m.target, m.body::text,
       r.mids, r.authors, r.bodies, r.hidden
FROM (
    SELECT unnest($2::bytea[]) AS mid
    UNION
    SELECT target FROM chat.messages WHERE room_id = $1 AND mid = ANY($2) AND kind = 'react'
) n
CROSS JOIN LATERAL (
    SELECT * FROM chat.messages WHERE room_id = $1 AND mid = n.mid OFFSET 0
) m
LEFT JOIN LATERAL (
    SELECT array_agg(x.mid ORDER BY x.created_seq) AS mids,
           array_agg(x.author ORDER BY x.created_seq) AS authors,
           array_agg(x.body::text ORDER BY x.created_seq) AS bodies,
           array_agg(x.is_hidden ORDER BY x.created_seq) AS hidden
    FROM chat.messages x
    WHERE x.room_id = $1 AND x.target = m.mid AND x.kind = 'react' AND m.kind = 'msg'
) r ON true";

/// What revisions were answered with, found one by one as above.
const SUPERSEDED: &str = "
SELECT i.mid, i.rev, s.seq, s.at, s.digest
FROM unnest($2::bytea[], $3::int[]) AS i(mid, rev)
CROSS JOIN LATERAL (
    SELECT seq, at, digest FROM chat.superseded
    WHERE room_id = $1 AND mid = i.mid AND rev = i.rev OFFSET 0
) s";

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
        let more = is_cut(&rows)? || rows.len() >= limit;
        Ok((self.read_states(room, &rows), more))
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
        let mut states = self.read_states(room, &rows);
        let more = is_cut(&rows)? || rows.len() > limit;
        states.truncate(limit);
        if backwards {
            states.reverse();
        }
        Ok((states, more))
    }

    /// The rows with these ids, of any kind, and of the reactions among them the messages reacted to;
    /// and what these revisions were answered with, as far as they are superseded. One round trip.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn stored(
        &self,
        room: RoomId,
        mids: &[Mid],
        revisions: &[(Mid, u32)],
    ) -> Result<(Vec<Stored>, Vec<Superseded>)> {
        let mids: Vec<_> = mids.iter().map(|mid| mid.0.as_slice()).collect();
        let client = self.database.get().await?;
        let rows_of = client.prepare_cached(STORED).await.map_err(failed)?;
        let values: [&(dyn ToSql + Sync); 2] = [&room.0, &mids];
        let rows = client.query(&rows_of, &values);
        let (rows, acks) = if revisions.is_empty() {
            (rows.await.map_err(failed)?, Vec::new())
        } else {
            let (of, revs): (Vec<_>, Vec<_>) = revisions
                .iter()
                .map(|(mid, rev)| (mid.0.as_slice(), i32::try_from(*rev).unwrap_or(i32::MAX)))
                .unzip();
            let acks_of = client.prepare_cached(SUPERSEDED).await.map_err(failed)?;
            let values: [&(dyn ToSql + Sync); 3] = [&room.0, &of, &revs];
            // Sent one after the other without waiting, and so answered together.
            tokio::try_join!(rows, client.query(&acks_of, &values)).map_err(failed)?
        };
        let stored = rows.iter().filter_map(|row| self.read_stored(room, row)).collect();
        Ok((stored, acks.iter().filter_map(superseded).collect()))
    }

    /// Of the newest messages: where they stand, who wrote them, whom they mention; oldest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn recent(&self, room: RoomId, limit: usize) -> Result<Vec<(u64, Uid, Vec<Uid>)>> {
        let client = self.database.get().await?;
        let rows = client
            .query(
                "SELECT created_seq, author, (body->'m')::text FROM chat.messages
                 WHERE room_id = $1 AND target IS NULL AND kind = 'msg' AND NOT is_hidden
                 ORDER BY created_seq DESC LIMIT $2",
                &[&room.0, &to_limit(limit)],
            )
            .await
            .map_err(failed)?;
        // Who is mentioned by a message that cannot be read is not known: it is unread all the same.
        let mentions = |json: Option<&str>| serde_json::from_str(json?).ok();
        let read = |row: &Row| {
            (unsigned(row, 0), Uid(row.get(1)), mentions(row.get(2)).unwrap_or_default())
        };
        Ok(rows.iter().rev().map(read).collect())
    }

    fn read_states(&self, room: RoomId, rows: &[Row]) -> Vec<MessageState> {
        rows.iter().filter_map(|row| self.read_state(room, row)).collect()
    }

    /// `None` cannot happen: the database keeps ids at their length.
    fn read_state(&self, room: RoomId, row: &Row) -> Option<MessageState> {
        let mid = mid_of(row.get(0))?;
        let rev = row.get::<_, i32>(1).unsigned_abs();
        let content = match row.get::<_, Option<&str>>(8) {
            Some(json) => self.read_content(room, mid, json),
            None => Content::Deleted,
        };
        let shown = |(mid, by, json): (Mid, Uid, &str)| {
            let emoji = self.read_emoji(room, mid, json)?;
            Some(Reaction { mid, by, emoji })
        };
        Some(MessageState {
            mid,
            rev,
            by: Uid(row.get(2)),
            seq: unsigned(row, 3),
            at: row.get(4),
            created_seq: unsigned(row, 5),
            created_at: row.get(6),
            edited_at: (rev > 0 && !content.is_deleted()).then(|| row.get(7)),
            content,
            reactions: reactions(row, 9).filter_map(shown).collect(),
        })
    }

    /// `None` cannot happen: the database keeps ids at their length.
    fn read_stored(&self, room: RoomId, row: &Row) -> Option<Stored> {
        let mid = mid_of(row.get(0))?;
        let target = row.get::<_, Option<&[u8]>>(8).and_then(mid_of);
        let json = row.get::<_, Option<&str>>(9).unwrap_or_default();
        let kind = match (row.get::<_, &str>(1), target) {
            ("msg", _) => {
                let hidden: Option<Vec<bool>> = row.get(13);
                let all = reactions(row, 10).zip(hidden.unwrap_or_default());
                let reaction = |((mid, by, json), is_hidden): ((Mid, Uid, &str), bool)| {
                    let emoji = self.read_emoji(room, mid, json);
                    StoredReaction { mid, by, emoji, is_hidden }
                };
                StoredKind::Message {
                    content: self.read_content(room, mid, json),
                    reactions: all.map(reaction).collect(),
                }
            }
            ("react", Some(target)) => {
                StoredKind::Reaction { target, emoji: self.read_emoji(room, mid, json) }
            }
            (_, target) => StoredKind::Deleted { target },
        };
        Some(Stored {
            mid,
            kind,
            author: Uid(row.get(2)),
            rev: row.get::<_, i32>(3).unsigned_abs(),
            rev_ack: (unsigned(row, 4), row.get(5)),
            created_ack: (unsigned(row, 6), row.get(7)),
        })
    }

    fn read_content(&self, room: RoomId, mid: Mid, json: &str) -> Content {
        match content::text_of(json) {
            Ok(body) => Content::Plain(body),
            Err(cause) => {
                self.unreadable.report(room, mid, cause);
                Content::Unreadable
            }
        }
    }

    fn read_emoji(&self, room: RoomId, mid: Mid, json: &str) -> Option<String> {
        let emoji = content::emoji_of(json);
        emoji.map_err(|cause| self.unreadable.report(room, mid, cause)).ok()
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

fn mid_of(bytes: &[u8]) -> Option<Mid> {
    bytes.try_into().map(Mid).ok()
}

/// The reactions in three columns from `first` on: ids, authors and contents, in step.
fn reactions(row: &Row, first: usize) -> impl Iterator<Item = (Mid, Uid, &str)> {
    let mids: Option<Vec<&[u8]>> = row.get(first);
    let authors: Option<Vec<i64>> = row.get(first + 1);
    let bodies: Option<Vec<Option<&str>>> = row.get(first + 2);
    let ids = mids.unwrap_or_default().into_iter().zip(authors.unwrap_or_default());
    let all = ids.zip(bodies.unwrap_or_default());
    all.filter_map(|((mid, by), json)| Some((mid_of(mid)?, Uid(by), json.unwrap_or_default())))
}

fn superseded(row: &Row) -> Option<Superseded> {
    Some(Superseded {
        mid: mid_of(row.get(0))?,
        rev: row.get::<_, i32>(1).unsigned_abs(),
        ack: (unsigned(row, 2), row.get(3)),
        digest: row.get(4),
    })
}
