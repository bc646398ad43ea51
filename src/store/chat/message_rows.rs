//! Columns of messages. Contents are read as text and parsed row by row ([`content`]), so that no row makes a
//! query fail.

use tokio_postgres::Row;

use super::content::{ReactionContent, StoredBody};
use super::{ChatStore, content};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::protocol::message::Content;

impl ChatStore {
    /// The content of a message; what cannot be read is reported.
    pub(super) fn read_content(&self, room: RoomId, mid: Mid, body: StoredBody<'_>) -> Content {
        body.content().unwrap_or_else(|cause| {
            self.unreadable.report(room, mid, cause);
            Content::Unreadable
        })
    }

    /// What somebody has reacted with; what cannot be read is reported.
    pub(super) fn read_reaction(
        &self,
        room: RoomId,
        mid: Mid,
        json: &str,
        rev_seq: u64,
    ) -> ReactionContent {
        content::reaction_of(json, rev_seq).unwrap_or_else(|cause| {
            self.unreadable.report(room, mid, cause);
            ReactionContent::Unreadable
        })
    }
}

/// As a parameter of a statement.
pub(super) fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A number that is never negative.
pub(super) fn unsigned(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column).unsigned_abs()
}

/// An id, if it has its length.
pub(super) fn mid_of(bytes: &[u8]) -> Option<Mid> {
    bytes.try_into().map(Mid).ok()
}

/// A reaction in the columns of its message.
pub(super) struct ReactionRow<'a> {
    /// Its id.
    pub mid: Mid,
    /// Its author.
    pub by: Uid,
    /// Its content.
    pub json: &'a str,
    /// The `seq` of its revision.
    pub rev_seq: u64,
}

/// The reactions in four columns from `first` on: ids, authors, contents and revisions, in step.
pub(super) fn reactions(row: &Row, first: usize) -> impl Iterator<Item = ReactionRow<'_>> {
    let mids: Option<Vec<&[u8]>> = row.get(first);
    let authors: Option<Vec<i64>> = row.get(first + 1);
    let bodies: Option<Vec<Option<&str>>> = row.get(first + 2);
    let seqs: Option<Vec<i64>> = row.get(first + 3);
    let ids = mids.unwrap_or_default().into_iter().zip(authors.unwrap_or_default());
    let contents = bodies.unwrap_or_default().into_iter().zip(seqs.unwrap_or_default());
    ids.zip(contents).filter_map(|((mid, by), (json, seq))| {
        let (json, rev_seq) = (json.unwrap_or_default(), seq.unsigned_abs());
        Some(ReactionRow { mid: mid_of(mid)?, by: Uid(by), json, rev_seq })
    })
}
