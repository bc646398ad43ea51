//! The index of messages: what is read from it ([`reading`](SearchReader)), how it is filled
//! ([`filing`](SearchWriter)), and what a change of a message does to it.
//!
//! A change erases what its message and its neighbours are filed under, in the same statement ([`UNFILE`]). Only the
//! writer files, in transactions of its own that see one moment: if a message of theirs is changed meanwhile they fail.

mod filing;
mod reading;

pub use filing::{Filed, FiledBlock, Progress, SearchWriter, Unfiled};
pub use reading::{Below, SearchConnection, SearchReader, Walked};

use tokio_postgres::Row;

use super::ChatStore;
use super::message_rows::unsigned;
use super::messages::select;
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::protocol::message::MessageState;
use crate::store::pool::failed;

/// How many `created_seq` belong to one block.
pub const BLOCK: u64 = 8;

/// Erases what the messages `$source(room_id, created_seq, created_at)` are filed under. They may be in one block.
macro_rules! unfile {
    ($source:literal) => {
        concat!(
            "INSERT INTO chat.search AS filed (room_id, block, first_at, last_at)
             SELECT room_id, created_seq / 8, min(created_at), max(created_at) FROM ",
            $source,
            " GROUP BY 1, 2
             ON CONFLICT (room_id, block) DO UPDATE SET keys = NULL,
                 first_at = least(filed.first_at, excluded.first_at),
                 last_at = greatest(filed.last_at, excluded.last_at)"
        )
    };
}
pub(super) use unfile;

/// The place of a message among those of all rooms: by time, then by room and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// When it was created, in milliseconds.
    pub at: i64,
    /// Its room.
    pub room: RoomId,
    /// Its `created_seq`.
    pub seq: u64,
}

impl Point {
    /// After everything.
    pub const END: Self = Self { at: i64::MAX, room: RoomId(i64::MAX), seq: i64::MAX as u64 };

    /// Before everything of this moment.
    pub fn begin_of(at: i64) -> Self {
        Self { at, room: RoomId(0), seq: 0 }
    }

    /// The last moment that may have something before this point.
    pub fn last_moment(&self) -> i64 {
        if self.room == RoomId(0) { self.at.saturating_sub(1) } else { self.at }
    }
}

/// Some messages of a room: those from one `created_seq` up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// The room.
    pub room: RoomId,
    /// The first.
    pub from: u64,
    /// The first that is none of them.
    pub to: u64,
}

/// A block that may have a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The room.
    pub room: RoomId,
    /// Its number.
    pub number: u64,
    /// When its first message was created.
    pub first_at: i64,
    /// When its last message was created.
    pub last_at: i64,
}

impl Block {
    /// Its messages.
    pub fn range(&self) -> SeqRange {
        let from = self.number.saturating_mul(BLOCK);
        SeqRange { room: self.room, from, to: from.saturating_add(BLOCK) }
    }

    /// Where its last message may be.
    pub fn end(&self) -> Point {
        Point { at: self.last_at, room: self.room, seq: self.range().to }
    }

    /// Whether a message is one of them.
    pub fn has(&self, message: &Point) -> bool {
        let Self { room, number, .. } = *self;
        (message.room, message.seq / BLOCK) == (room, number)
    }

    fn of(row: &Row) -> Self {
        Self {
            room: RoomId(row.get(0)),
            number: unsigned(row, 1),
            first_at: row.get(2),
            last_at: row.get(3),
        }
    }
}

/// A message as far as a search looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// Its place.
    pub point: Point,
    /// Its author.
    pub author: Uid,
    /// Its text.
    pub text: String,
    /// Names and descriptions of its files.
    pub files: Vec<String>,
    /// Whether it has files.
    pub has_files: bool,
}

/// The columns of a [`Searched`] message `m`.
const SEARCHED: &str =
    "m.room_id, m.created_seq, m.created_at, m.author, m.body->>'t', (m.body->'f')::text";

/// Which messages can be found.
const FINDABLE: &str = "target IS NULL AND kind = 'msg' AND NOT is_hidden AND gone IS NULL";

/// What people call a file.
#[derive(serde::Deserialize)]
struct FileTexts {
    #[serde(default)]
    name: String,
    #[serde(default)]
    alt: String,
}

/// What cannot be read is not found by its text.
fn searched(row: &Row) -> Searched {
    let point = Point { room: RoomId(row.get(0)), seq: unsigned(row, 1), at: row.get(2) };
    let files = row.get::<_, Option<&str>>(5);
    let files: Vec<FileTexts> =
        files.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    Searched {
        point,
        author: Uid(row.get(3)),
        text: row.get::<_, Option<String>>(4).unwrap_or_default(),
        has_files: !files.is_empty(),
        files: files.into_iter().flat_map(|file| [file.name, file.alt]).collect(),
    }
}

impl ChatStore {
    /// The present states of these messages, each named by its room and its `created_seq`, in no order. Those that are
    /// gone are left out.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn messages_at(&self, places: &[Point]) -> Result<Vec<(RoomId, MessageState)>> {
        let source = "(SELECT m.* FROM unnest($1::bigint[], $2::bigint[]) AS i(room_id, created_seq)
                       CROSS JOIN LATERAL (
                           SELECT * FROM chat.messages x
                           WHERE x.room_id = i.room_id AND x.created_seq = i.created_seq AND x.target IS NULL
                       ) m)";
        let rooms: Vec<_> = places.iter().map(|place| place.room.0).collect();
        let seqs: Vec<_> = places.iter().map(|place| place.seq.cast_signed()).collect();
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&select(source, "")).await.map_err(failed)?;
        let rows = client.query(&statement, &[&rooms, &seqs]).await.map_err(failed)?;
        let state = |row: &Row| {
            let room = RoomId(row.try_get("room_id").ok()?);
            Some((room, self.read_state(room, row)?))
        };
        Ok(rows.iter().filter_map(state).collect())
    }
}
