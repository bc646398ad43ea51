//! Reading messages: those that changed, pages of history, the newest ones.

use tokio_postgres::Row;

use super::content::{ReactionContent, StoredBody};
use super::message_rows::{ReactionRow, mid_of, reactions as all_reactions, to_limit, unsigned};
use super::{ChatStore, LogBatch};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::store::REACTION_BYTES;
use crate::protocol::mentions::Mentions;
use crate::protocol::message::{Content, Gone, MessageState, Reaction, Sealed};
use crate::store::pool::failed;

/// Where a page of a room's history is, in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest messages.
    Newest,
    /// Those created before this `seq`.
    Before(u64),
    /// Those created after this `seq`.
    After(u64),
}

/// The place in a room's history that a page is around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Behind the message that was created at this `seq`, or would stand there.
    Seq(u64),
    /// Behind this message.
    Message(Mid),
}

/// The messages around a place.
#[derive(Debug)]
pub struct Around {
    /// Those before it, the message of [`Place::Message`] last.
    pub before: MessagePage,
    /// Those after it.
    pub after: MessagePage,
}

/// Some messages of a room.
#[derive(Debug)]
pub struct MessagePage {
    /// Their present states.
    pub messages: Vec<MessageState>,
    /// Whether there may be more.
    pub has_more: bool,
}

/// Whether the batches of a room's log are read, too. Only an encrypted room has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithLog {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// What was missed of a room, in the order of `seq`.
#[derive(Debug)]
pub struct Missed {
    /// The changes.
    pub changes: Vec<MissedChange>,
    /// Whether there may be more.
    pub has_more: bool,
}

/// A change that was missed.
#[derive(Debug)]
pub enum MissedChange {
    /// A message, as it is now.
    Message(MessageState),
    /// A batch of the room's log.
    Log(LogBatch),
}

impl MissedChange {
    /// The number of the change.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Message(message) => message.seq,
            Self::Log(batch) => batch.seq,
        }
    }
}

/// A message as far as unread counts need it.
#[derive(Debug, Clone)]
pub struct RecentMessage {
    /// Its place in the history.
    pub created_seq: u64,
    /// Its author.
    pub author: Uid,
    /// Whom it mentions.
    pub mentions: Mentions,
}

/// Selects the present states of the messages `m` that come from `source`, with their reactions.
pub(super) fn select(source: &str, rest: &str) -> String {
    format!(
        "SELECT m.mid, m.rev, m.author, m.seq, m.at, m.created_seq, m.created_at, m.rev_at, m.body::text,
                m.kind = 'del', m.is_hidden, m.gone, m.rev_seq, r.mids, r.authors, r.bodies, r.seqs,
                coalesce(octet_length(m.body::text), 0) + coalesce(r.bytes, 0)::int AS size, m.room_id
         FROM {source} m LEFT JOIN LATERAL (
             SELECT array_agg(x.mid ORDER BY x.created_seq) AS mids,
                    array_agg(x.author ORDER BY x.created_seq) AS authors,
                    array_agg(x.body::text ORDER BY x.created_seq) AS bodies,
                    array_agg(x.rev_seq ORDER BY x.created_seq) AS seqs,
                    sum(greatest(octet_length(x.body::text), {REACTION_BYTES})) AS bytes
             FROM chat.messages x
             WHERE x.room_id = m.room_id AND x.target = m.mid AND x.kind = 'react'
               AND NOT x.is_hidden AND NOT m.is_hidden AND m.gone IS NULL
         ) r ON true {rest}"
    )
}

/// Cuts what [`select`] finds before its contents exceed the bytes of parameter `$4`; the first message is always
/// there. The database adds up the sizes, so that what is cut off is never read here. The column `found` is
/// the number of messages before the cut.
fn cut_at_bytes(sql: &str, order: &str) -> String {
    format!(
        "SELECT * FROM (
             SELECT states.*, sum(size) OVER (ORDER BY {order}) - size AS before,
                 count(*) OVER () AS found
             FROM ({sql}) states
         ) summed WHERE before < $4 ORDER BY {order}"
    )
}

/// The messages of a room, without reactions, which are selected with their messages.
const OF_ROOM: &str = "WHERE m.room_id = $1 AND m.target IS NULL AND";

/// The first messages whose last change is after a `seq`: those that were created after it and never changed, and
/// those that were changed after it, whenever they were created. Each by an index of its own.
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
    /// Messages whose last change is after `since`, in the order of that change: at most `limit`, and of at most
    /// `bytes` of contents, but at least one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn changed_within(
        &self,
        room: RoomId,
        since: u64,
        limit: usize,
        bytes: usize,
    ) -> Result<MessagePage> {
        let (since, most, bytes) = (since.cast_signed(), to_limit(limit), to_limit(bytes));
        let sql = cut_at_bytes(&select(MISSED, "ORDER BY m.seq LIMIT $3"), "seq");
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let rows = client.query(&statement, &[&room.0, &since, &most, &bytes]).await;
        let rows = rows.map_err(failed)?;
        let has_more = is_cut(&rows)? || rows.len() >= limit;
        Ok(MessagePage { messages: self.read_states(room, &rows), has_more })
    }

    /// The same with the batches of the room's log, if it has one. They do not count as bytes: a large one is fetched.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn missed_within(
        &self,
        room: RoomId,
        since: u64,
        limit: usize,
        bytes: usize,
        log: WithLog,
    ) -> Result<Missed> {
        let batches = match log {
            WithLog::Yes => self.log_batches(room, since, limit).await?,
            WithLog::No => Vec::new(),
        };
        let MessagePage { messages, has_more } =
            self.changed_within(room, since, limit, bytes).await?;
        // What is behind the end of either list may have something of the other before it.
        let last_message = messages.last().filter(|_| has_more).map(|message| message.seq);
        let is_cut = limit > 0 && batches.len() >= limit;
        let last_batch = batches.last().filter(|_| is_cut).map(|batch| batch.seq);
        let end = last_message.unwrap_or(u64::MAX).min(last_batch.unwrap_or(u64::MAX));
        let batches = batches.into_iter().map(MissedChange::Log);
        let mut changes: Vec<_> =
            messages.into_iter().map(MissedChange::Message).chain(batches).collect();
        changes.retain(|change| change.seq() <= end);
        changes.sort_by_key(MissedChange::seq);
        Ok(Missed { changes, has_more: has_more || is_cut })
    }

    /// A page of history, oldest first: at most `limit` messages, and of at most `bytes` of contents, but at least
    /// one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn page(
        &self,
        room: RoomId,
        page: Page,
        limit: usize,
        bytes: usize,
    ) -> Result<MessagePage> {
        let (bound, compared, order, backwards) = match page {
            Page::Newest => (i64::MAX as u64, "<", "created_seq DESC", true),
            Page::Before(seq) => (seq, "<", "created_seq DESC", true),
            Page::After(seq) => (seq, ">", "created_seq", false),
        };
        let rest = format!("{OF_ROOM} m.created_seq {compared} $2 ORDER BY m.{order} LIMIT $3");
        let sql = cut_at_bytes(&select("chat.messages", &rest), order);
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let bound = bound.min(i64::MAX as u64).cast_signed();
        let (most, bytes) = (to_limit(limit + 1), to_limit(bytes));
        let rows = client.query(&statement, &[&room.0, &bound, &most, &bytes]).await;
        let rows = rows.map_err(failed)?;
        let mut messages = self.read_states(room, &rows);
        let has_more = is_cut(&rows)? || rows.len() > limit;
        messages.truncate(limit);
        if backwards {
            messages.reverse();
        }
        Ok(MessagePage { messages, has_more })
    }

    /// The page of history around a place: half of the messages, and of the bytes, on each side.
    ///
    /// # Errors
    /// `not_found` for a message that is not in this room; `unavailable`.
    pub async fn around(
        &self,
        room: RoomId,
        place: Place,
        limit: usize,
        bytes: usize,
    ) -> Result<Around> {
        let seq = match place {
            Place::Seq(seq) => seq,
            Place::Message(mid) => self.created_seq(room, mid).await?,
        };
        let (first, second) = (limit.div_ceil(2), limit / 2);
        let before = self.page(room, Page::Before(seq.saturating_add(1)), first, bytes / 2).await?;
        let after = self.page(room, Page::After(seq), second, bytes / 2).await?;
        Ok(Around { before, after })
    }

    /// The place of a message in its room, also of a deleted one.
    async fn created_seq(&self, room: RoomId, mid: Mid) -> Result<u64> {
        // By its key on purpose (`OFFSET 0`): the planner may take the index of messages without a target instead, and
        // read all of them.
        let sql = "SELECT created_seq FROM (
                       SELECT created_seq, target FROM chat.messages
                       WHERE room_id = $1 AND mid = $2 OFFSET 0
                   ) m WHERE target IS NULL";
        let client = self.database.get().await?;
        let row = client.query_opt(sql, &[&room.0, &mid.0.as_slice()]).await.map_err(failed)?;
        let none = || Error::new(Code::NotFound, "There is no such message.");
        Ok(unsigned(&row.ok_or_else(none)?, 0))
    }

    /// The newest messages as far as unread counts need them, oldest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn recent(&self, room: RoomId, limit: usize) -> Result<Vec<RecentMessage>> {
        let client = self.database.get().await?;
        let rows = client
            .query(
                "SELECT created_seq, author, (body->'m')::text FROM chat.messages
                 WHERE room_id = $1 AND target IS NULL AND kind = 'msg' AND NOT is_hidden AND gone IS NULL
                 ORDER BY created_seq DESC LIMIT $2",
                &[&room.0, &to_limit(limit)],
            )
            .await
            .map_err(failed)?;
        // Whom a message mentions that cannot be read is not known: it is unread all the same.
        let mentions = |json: Option<&str>| serde_json::from_str::<Mentions>(json?).ok();
        let read = |row: &Row| RecentMessage {
            created_seq: unsigned(row, 0),
            author: Uid(row.get(1)),
            mentions: mentions(row.get(2)).unwrap_or_default(),
        };
        Ok(rows.iter().rev().map(read).collect())
    }

    fn read_states(&self, room: RoomId, rows: &[Row]) -> Vec<MessageState> {
        rows.iter().filter_map(|row| self.read_state(room, row)).collect()
    }

    /// `None` cannot happen: the database keeps ids at their length.
    pub(super) fn read_state(&self, room: RoomId, row: &Row) -> Option<MessageState> {
        let mid = mid_of(row.get(0))?;
        let body = StoredBody {
            json: row.get(8),
            is_deleted: row.get(9),
            is_hidden: row.get(10),
            gone: row.get::<_, Option<&str>>(11).and_then(Gone::from_name),
            rev_seq: unsigned(row, 12),
        };
        let mut content = self.read_content(room, mid, body);
        let mut rev = row.get::<_, i32>(1).unsigned_abs();
        if body.is_hidden && content.is_deleted() {
            rev += 1;
        }
        let (mut reactions, mut sealed) = (Vec::new(), Vec::new());
        for ReactionRow { mid, by, json, rev_seq } in all_reactions(row, 13) {
            match self.read_reaction(room, mid, json, rev_seq) {
                ReactionContent::Emoji(emoji) => reactions.push(Reaction { mid, by, emoji }),
                ReactionContent::Sealed(reaction) => sealed.push(reaction),
                ReactionContent::Unreadable => {}
            }
        }
        if let Content::Sealed(Sealed { reacts, .. }) = &mut content {
            *reacts = Some(sealed);
        }
        Some(MessageState {
            mid,
            rev,
            by: Uid(row.get(2)),
            seq: unsigned(row, 3),
            at: row.get(4),
            created_seq: unsigned(row, 5),
            created_at: row.get(6),
            edited_at: (rev > 0 && content.is_shown()).then(|| row.get(7)),
            content,
            reactions,
        })
    }
}

/// Whether [`cut_at_bytes`] has left out some of what was found.
fn is_cut(rows: &[Row]) -> Result<bool> {
    let Some(first) = rows.first() else { return Ok(false) };
    let found: i64 = first.try_get("found").map_err(Error::internal)?;
    Ok(found > to_limit(rows.len()))
}
