//! Columns of messages. Contents are read as text and parsed row by row ([`content`]), so that no row makes a
//! query fail.

use tokio_postgres::Row;

use super::{ChatStore, content};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::protocol::message::Content;

impl ChatStore {
    /// The content of a message; what cannot be read is reported.
    pub(super) fn read_content(&self, room: RoomId, mid: Mid, json: &str, rev_seq: u64) -> Content {
        content::content_of(json, rev_seq).unwrap_or_else(|cause| {
            self.unreadable.report(room, mid, cause);
            Content::Unreadable
        })
    }

    /// The emoji of a reaction, if it can be read.
    pub(super) fn read_emoji(&self, room: RoomId, mid: Mid, json: &str) -> Option<String> {
        let emoji = content::emoji_of(json);
        emoji.map_err(|cause| self.unreadable.report(room, mid, cause)).ok()
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

/// The reactions in three columns from `first` on: ids, authors and contents, in step.
pub(super) fn reactions(row: &Row, first: usize) -> impl Iterator<Item = (Mid, Uid, &str)> {
    let mids: Option<Vec<&[u8]>> = row.get(first);
    let authors: Option<Vec<i64>> = row.get(first + 1);
    let bodies: Option<Vec<Option<&str>>> = row.get(first + 2);
    let ids = mids.unwrap_or_default().into_iter().zip(authors.unwrap_or_default());
    let all = ids.zip(bodies.unwrap_or_default());
    all.filter_map(|((mid, by), json)| Some((mid_of(mid)?, Uid(by), json.unwrap_or_default())))
}
