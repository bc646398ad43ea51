//! What files take, for the administrators of the server.

use tokio_postgres::Row;

use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::store::chat::ChatStore;
use crate::store::chat::files::FileState;
use crate::store::chat::message_rows::{to_limit, unsigned};
use crate::store::pool::failed;

/// Some files together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCount {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// All files, by what has become of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// In messages.
    pub used: FileCount,
    /// In no message, complete or not.
    pub unsent: FileCount,
    /// About to go.
    pub erasing: FileCount,
}

/// Who takes how much.
#[derive(Debug, Default)]
pub struct FileUsage {
    /// All of it.
    pub totals: Totals,
    /// Those people who have most, most first.
    pub people: Vec<(Uid, FileCount)>,
    /// Those rooms that have most, most first.
    pub rooms: Vec<(RoomId, FileCount)>,
}

impl ChatStore {
    /// How many files there are, and their bytes.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn file_totals(&self) -> Result<Totals> {
        let sql =
            "SELECT state, count(*), coalesce(sum(size), 0)::bigint FROM chat.files GROUP BY state";
        let client = self.database.get().await?;
        let mut totals = Totals::default();
        for row in client.query(sql, &[]).await.map_err(failed)? {
            let sum = match FileState::from_name(row.get(0)) {
                Some(FileState::Used) => &mut totals.used,
                Some(FileState::Arriving | FileState::Complete) => &mut totals.unsent,
                Some(FileState::Erasing) => &mut totals.erasing,
                None => continue,
            };
            let more = count(&row);
            *sum = FileCount { files: sum.files + more.files, bytes: sum.bytes + more.bytes };
        }
        Ok(totals)
    }

    /// Who takes how much: the first `limit` people and rooms.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn file_usage(&self, limit: usize) -> Result<FileUsage> {
        let totals = self.file_totals().await?;
        let client = self.database.get().await?;
        let people = "SELECT owner, count(*), sum(size)::bigint FROM chat.files
                      WHERE state <> 'erasing' GROUP BY owner ORDER BY 3 DESC, 1 LIMIT $1";
        let people = client.query(people, &[&to_limit(limit)]).await.map_err(failed)?;
        let rooms = "SELECT room_id, count(*), sum(size)::bigint FROM chat.files
                     WHERE state = 'used' GROUP BY room_id ORDER BY 3 DESC, 1 LIMIT $1";
        let rooms = client.query(rooms, &[&to_limit(limit)]).await.map_err(failed)?;
        Ok(FileUsage {
            totals,
            people: people.iter().map(|row| (Uid(row.get(0)), count(row))).collect(),
            rooms: rooms.iter().map(|row| (RoomId(row.get(0)), count(row))).collect(),
        })
    }
}

fn count(row: &Row) -> FileCount {
    FileCount { files: unsigned(row, 1), bytes: unsigned(row, 2) }
}
