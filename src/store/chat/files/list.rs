//! The files of a room, for its members.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::id_of;
use crate::base::error::Result;
use crate::base::ids::{Mid, RoomId, Uid};
use crate::protocol::file::MessageFile;
use crate::store::chat::ChatStore;
use crate::store::chat::message_rows::{mid_of, to_limit, unsigned};
use crate::store::pool::failed;

/// A place in the list of a room's files: after the file that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePlace {
    /// The `created_seq` of its message.
    pub created_seq: u64,
    /// Its place in the message when that was sent.
    pub place: u16,
}

/// A file in a message of a room.
#[derive(Debug)]
pub struct ListedFile {
    /// The file as its message has it.
    pub file: MessageFile,
    /// The message.
    pub mid: Mid,
    /// Its author.
    pub by: Uid,
    /// When it was created, in milliseconds.
    pub at: i64,
    /// Its place in the list.
    pub place: FilePlace,
}

/// Some files of a room, newest first.
#[derive(Debug)]
pub struct FilePage {
    /// The files.
    pub files: Vec<ListedFile>,
    /// Whether there are more.
    pub has_more: bool,
}

const SELECT: &str = "
SELECT f.id, f.place, m.mid, m.author, m.created_at, m.created_seq, (m.body -> 'f')::text
FROM chat.files f JOIN chat.messages m ON m.room_id = f.room_id AND m.mid = f.mid
WHERE f.room_id = $1 AND f.state = 'used' AND (f.created_seq, f.place) < ($2, $3)
  AND ($4 = '' OR position(lower($4) IN lower(f.name)) > 0)
  AND m.kind = 'msg' AND NOT m.is_hidden AND m.gone IS NULL
ORDER BY f.created_seq DESC, f.place DESC LIMIT $5";

impl ChatStore {
    /// The files in the messages of a room that are shown, newest first, whose names have `q` in them.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn room_files(
        &self,
        room: RoomId,
        q: &str,
        after: Option<FilePlace>,
        limit: usize,
    ) -> Result<FilePage> {
        let (seq, place) = match after {
            Some(FilePlace { created_seq, place }) => (created_seq.cast_signed(), i32::from(place)),
            None => (i64::MAX, 0),
        };
        let client = self.database.get().await?;
        let statement = client.prepare_cached(SELECT).await.map_err(failed)?;
        let values: [&(dyn ToSql + Sync); 5] = [&room.0, &seq, &place, &q, &to_limit(limit + 1)];
        let rows = client.query(&statement, &values).await.map_err(failed)?;
        let mut files: Vec<_> = rows.iter().take(limit).filter_map(listed).collect();
        files.shrink_to_fit();
        Ok(FilePage { files, has_more: rows.len() > limit })
    }
}

/// `None` for a file that its message does not have.
fn listed(row: &Row) -> Option<ListedFile> {
    let id = id_of(row.get(0))?;
    let files: Vec<MessageFile> = serde_json::from_str(row.get::<_, Option<&str>>(6)?).ok()?;
    let created_seq = unsigned(row, 5);
    Some(ListedFile {
        file: files.into_iter().find(|file| file.id == id)?,
        mid: mid_of(row.get(2))?,
        by: Uid(row.get(3)),
        at: row.get(4),
        place: FilePlace { created_seq, place: u16::try_from(row.get::<_, i32>(1)).ok()? },
    })
}
