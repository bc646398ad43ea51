//! Rows of messages as they are stored, for whoever decides about a change of them.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::ChatStore;
use super::content::{ReactionContent, StoredBody};
use super::message_rows::{ReactionRow, mid_of, reactions, unsigned};
use crate::base::error::Result;
use crate::base::ids::{Mid, RoomId, Uid};
use crate::protocol::envelope::Envelope;
use crate::protocol::message::{Content, Gone, MessageState, Reaction, Sealed};
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
        /// With what.
        content: ReactionContent,
    },
    /// A message or a reaction that was erased.
    Deleted {
        /// The message that a reaction was for.
        target: Option<Mid>,
        /// The envelope that has erased it, in an encrypted room.
        envelope: Option<Envelope>,
    },
}

/// A reaction as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReaction {
    /// Its id.
    pub mid: Mid,
    /// Its author.
    pub by: Uid,
    /// With what.
    pub content: ReactionContent,
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
        let rev_seq = self.rev_ack.seq;
        let (mut content, reactions) = match &self.kind {
            StoredKind::Message { content, reactions } => (content.clone(), reactions.as_slice()),
            StoredKind::Deleted { envelope: Some(envelope), .. } => {
                (Content::SealedDeleted { envelope: envelope.clone(), rev_seq }, &[][..])
            }
            _ => (Content::Deleted, &[][..]),
        };
        let shown = reactions.iter().filter(|reaction| !reaction.is_hidden);
        if let Content::Sealed(Sealed { reacts, .. }) = &mut content {
            let sealed = shown.clone().filter_map(|reaction| reaction.content.sealed());
            *reacts = Some(sealed.cloned().collect());
        }
        let plain = |reaction: &StoredReaction| {
            let emoji = reaction.content.emoji()?.to_owned();
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
            edited_at: (self.rev > 0 && content.is_shown()).then_some(self.rev_ack.at),
            content,
            reactions: shown.filter_map(plain).collect(),
        }
    }
}

/// Rows by their ids, and the messages that reactions among them are for. The index is searched for each row on
/// purpose (`OFFSET 0`): for a join the planner may scan every message of the room.
const STORED: &str = "
SELECT m.mid, m.kind, m.author, m.rev, m.rev_seq, m.rev_at, m.created_seq, m.created_at, m.target, m.body::text,
       m.is_hidden, m.gone, r.mids, r.authors, r.bodies, r.seqs, r.hidden
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
           array_agg(x.rev_seq ORDER BY x.created_seq) AS seqs,
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
        let is_hidden: bool = row.get(10);
        let body = StoredBody {
            json: row.get(9),
            is_deleted: row.get::<_, &str>(1) == "del",
            is_hidden,
            gone: row.get::<_, Option<&str>>(11).and_then(Gone::from_name),
            rev_seq: unsigned(row, 4),
        };
        let mut rev = row.get::<_, i32>(3).unsigned_abs();
        let kind = match (row.get::<_, &str>(1), target) {
            ("msg", _) => match self.read_content(room, mid, body) {
                Content::Deleted => {
                    // Hidden in a plain room, which reads as a deletion.
                    rev += 1;
                    StoredKind::Deleted { target, envelope: None }
                }
                content => {
                    StoredKind::Message { content, reactions: self.read_reactions(room, row) }
                }
            },
            ("react", Some(target)) if !is_hidden => {
                let json = body.json.unwrap_or_default();
                let content = self.read_reaction(room, mid, json, body.rev_seq);
                StoredKind::Reaction { target, content }
            }
            ("react", target) => {
                rev += 1;
                StoredKind::Deleted { target, envelope: None }
            }
            (_, target) => {
                StoredKind::Deleted { target, envelope: body.json.and_then(Envelope::parse) }
            }
        };
        Some(Stored {
            mid,
            kind,
            author: Uid(row.get(2)),
            rev,
            rev_ack: Ack { seq: unsigned(row, 4), at: row.get(5) },
            created_ack: Ack { seq: unsigned(row, 6), at: row.get(7) },
        })
    }

    fn read_reactions(&self, room: RoomId, row: &Row) -> Vec<StoredReaction> {
        let hidden: Option<Vec<bool>> = row.get(16);
        let all = reactions(row, 12).zip(hidden.unwrap_or_default());
        all.map(|(ReactionRow { mid, by, json, rev_seq }, is_hidden)| {
            let content = self.read_reaction(room, mid, json, rev_seq);
            StoredReaction { mid, by, content, is_hidden }
        })
        .collect()
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
