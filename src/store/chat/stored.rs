//! Rows of messages as they are stored, for whoever decides about a change of them.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::ChatStore;
use super::message_rows::{mid_of, reactions, unsigned};
use crate::base::error::Result;
use crate::base::ids::{Mid, RoomId, Uid};
use crate::protocol::message::{Content, MessageState, Reaction};
use crate::store::pool::failed;

/// The `seq` and time that a change was acknowledged with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ack {
    /// The number of the change in its room.
    pub seq: u64,
    /// When it was committed, in milliseconds.
    pub at: i64,
}

/// A row of the messages table, whatever its kind, with everything that is needed to decide about a change of
/// it.
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
    /// What its present revision was acknowledged with.
    pub rev_ack: Ack,
    /// What its creation was acknowledged with.
    pub created_ack: Ack,
}

/// The kind of a stored row.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredKind {
    /// A message that was not deleted.
    Message {
        /// Its content.
        content: Content,
        /// Every reaction to it, oldest first.
        reactions: Vec<StoredReaction>,
    },
    /// A reaction to `target`.
    Reaction {
        /// The message reacted to.
        target: Mid,
        /// The emoji, if it can be read.
        emoji: Option<String>,
    },
    /// A message or a reaction that was erased.
    Deleted {
        /// The message that a reaction was for.
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
    /// The emoji, if it can be read.
    pub emoji: Option<String>,
    /// Whether it is hidden, because its author's account was removed.
    pub is_hidden: bool,
}

/// An earlier revision of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// The message.
    pub mid: Mid,
    /// The revision.
    pub rev: u32,
    /// What it was acknowledged with.
    pub ack: Ack,
    /// The digest of its content; none once the content is erased.
    pub digest: Option<Vec<u8>>,
}

/// What was found of some messages and revisions.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows.
    pub rows: Vec<Stored>,
    /// Earlier revisions.
    pub superseded: Vec<Superseded>,
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
            seq: self.rev_ack.seq,
            at: self.rev_ack.at,
            created_seq: self.created_ack.seq,
            created_at: self.created_ack.at,
            edited_at: (self.rev > 0 && !content.is_deleted()).then_some(self.rev_ack.at),
            content,
            reactions: reactions.iter().filter_map(shown).collect(),
        }
    }
}

/// Rows by their ids, and the messages that reactions among them are for. The index is searched for each row on
/// purpose (`OFFSET 0`): for a join the planner may scan every message of the room.
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

/// Superseded revisions, found one by one as above.
const SUPERSEDED: &str = "
SELECT i.mid, i.rev, s.seq, s.at, s.digest
FROM unnest($2::bytea[], $3::int[]) AS i(mid, rev)
CROSS JOIN LATERAL (
    SELECT seq, at, digest FROM chat.superseded
    WHERE room_id = $1 AND mid = i.mid AND rev = i.rev OFFSET 0
) s";

impl ChatStore {
    /// The rows with these ids, of any kind, and the messages that reactions among them are for; and these
    /// revisions, as far as they are superseded. One round trip.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn stored(
        &self,
        room: RoomId,
        mids: &[Mid],
        revisions: &[(Mid, u32)],
    ) -> Result<Found> {
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
        Ok(Found {
            rows: rows.iter().filter_map(|row| self.read_stored(room, row)).collect(),
            superseded: acks.iter().filter_map(superseded).collect(),
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
                    content: self.read_content(room, mid, json, unsigned(row, 4)),
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
            rev_ack: Ack { seq: unsigned(row, 4), at: row.get(5) },
            created_ack: Ack { seq: unsigned(row, 6), at: row.get(7) },
        })
    }
}

fn superseded(row: &Row) -> Option<Superseded> {
    Some(Superseded {
        mid: mid_of(row.get(0))?,
        rev: row.get::<_, i32>(1).unsigned_abs(),
        ack: Ack { seq: unsigned(row, 2), at: row.get(3) },
        digest: row.get(4),
    })
}
