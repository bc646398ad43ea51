//! Files: rows of who uploaded them, what has arrived, and which message they are in. A message and the use of its
//! files are committed together ([`commit`](super::commit)), and so are its end and theirs: a row then says `erasing`
//! until the bytes are gone, too.

mod life;
mod list;
mod usage;

pub use list::{FilePage, FilePlace, ListedFile};
pub use usage::{FileCount, FileUsage, Totals};

use tokio_postgres::types::ToSql;
use tokio_postgres::{GenericClient, Row};

use super::ChatStore;
use super::message_rows::{mid_of, unsigned};
use crate::base::error::{Error, Result};
use crate::base::file_detail::{FileDetail, Quota};
use crate::base::ids::{FileId, Mid, RoomId, Uid};
use crate::base::limits::files as limits;
use crate::base::time::now_ms;
use crate::files::disk_full;
use crate::protocol::file::MessageFile;
use crate::protocol::names;
use crate::store::pool::failed;

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Not all of it is there.
    Arriving,
    /// All of it is there, and it is in no message.
    Complete,
    /// It is in a message.
    Used,
    /// It is nothing any more, and its bytes are about to go.
    Erasing,
}

names!(FileState { Arriving = "arriving", Complete = "complete", Used = "used", Erasing = "erasing" });

/// A file as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// What everybody sees of it in a message, without its words there.
    pub file: MessageFile,
    /// Who has uploaded it.
    pub owner: Uid,
    /// How many of its bytes are on disk.
    pub received: u64,
    /// What has become of it.
    pub state: FileState,
    /// Whether a picture keeps where and by which camera it was taken.
    pub keeps_metadata: bool,
    /// The SHA-256 of a complete one.
    pub sha256: Option<[u8; 32]>,
    /// The message that it is or was in.
    pub message: Option<(RoomId, Mid)>,
    /// Whether that message is there and shown.
    pub is_shown: bool,
}

/// A file that is going to be uploaded.
#[derive(Debug)]
pub struct NewFile<'a> {
    /// Its id.
    pub id: FileId,
    /// Who uploads it.
    pub owner: Uid,
    /// With whom they share what one person may keep, themselves among them; the first is the same for each of them.
    pub sharers: &'a [Uid],
    /// Its name.
    pub name: &'a str,
    /// Its type, as its owner says.
    pub media_type: &'a str,
    /// Its size.
    pub size: u64,
    /// Whether a picture keeps its metadata.
    pub keeps_metadata: bool,
}

/// How many bytes there may be, if that is bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Of one person.
    pub person: Option<u64>,
    /// Of all together.
    pub server: Option<u64>,
}

/// What a file is, now that all of it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Its type, as its bytes say.
    pub media_type: String,
    /// Its size: that of a picture may have changed.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Width and height of a picture.
    pub pixels: Option<(u32, u32)>,
}

const SELECT: &str = "
SELECT f.id, f.name, f.type, f.size, f.width, f.height, f.owner, f.received, f.state, f.keeps_metadata, f.sha256,
       f.room_id, f.mid, coalesce(m.kind = 'msg' AND NOT m.is_hidden AND m.gone IS NULL, false)
FROM chat.files f LEFT JOIN chat.messages m ON m.room_id = f.room_id AND m.mid = f.mid";

/// Two uploads that one person begins at once, or those who share what a person may keep, are counted one after the other.
const LOCK_OF_OWNER: i32 = 0x4649_4c45;

impl ChatStore {
    /// Begins a file, if there is place for it: also on a disk with so many free bytes, as far as that is known, besides
    /// what its owner, or who shares with them, has announced before and not brought yet. What others have announced does
    /// not count: who brings nothing would keep everybody from uploading.
    ///
    /// # Errors
    /// `quota_full`, `disk_full`, `unavailable`.
    pub async fn create_file(
        &self,
        new: &NewFile<'_>,
        quotas: Quotas,
        free: Option<u64>,
    ) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        // The bound of all together is no matter of one person.
        let first = new.sharers.first().unwrap_or(&new.owner);
        let whose = if quotas.server.is_some() { 0 } else { (first.0 & 0x7fff_ffff) as i32 };
        let lock = "SELECT pg_advisory_xact_lock($1, $2)";
        transaction.execute(lock, &[&LOCK_OF_OWNER, &whose]).await.map_err(failed)?;
        let own = "SELECT coalesce(sum(size), 0)::bigint,
                          count(*) FILTER (WHERE owner = $2 AND state IN ('arriving', 'complete')),
                          coalesce(sum(size - received) FILTER (WHERE state = 'arriving'), 0)::bigint
                   FROM chat.files WHERE owner = ANY($1) AND state <> 'erasing'";
        let sharers: Vec<_> = new.sharers.iter().map(|uid| uid.0).collect();
        let row = transaction.query_one(own, &[&sharers, &new.owner.0]).await.map_err(failed)?;
        let full = |of| Error::with_detail(FileDetail::QuotaFull { of });
        if unsigned(&row, 1) >= limits::UNSENT {
            return Err(full(Quota::Unsent));
        }
        if is_over(quotas.person, unsigned(&row, 0), new.size) {
            return Err(full(Quota::Person));
        }
        if is_over(free, unsigned(&row, 2), new.size) {
            return Err(disk_full());
        }
        if quotas.server.is_some() {
            let all =
                "SELECT coalesce(sum(size), 0)::bigint FROM chat.files WHERE state <> 'erasing'";
            let row = transaction.query_one(all, &[]).await.map_err(failed)?;
            if is_over(quotas.server, unsigned(&row, 0), new.size) {
                return Err(full(Quota::Server));
            }
        }
        let sql = "INSERT INTO chat.files
                       (id, owner, name, type, size, keeps_metadata, created_at, touched_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
        let (id, size) = (new.id.0.as_slice(), new.size.cast_signed());
        let values: [&(dyn ToSql + Sync); 7] =
            [&id, &new.owner.0, &new.name, &new.media_type, &size, &new.keeps_metadata, &now_ms()];
        transaction.execute(sql, &values).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// A file, whatever has become of it.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn file(&self, id: FileId) -> Result<Option<FileRow>> {
        Ok(self.files(&[id]).await?.pop())
    }

    /// These files, as far as they exist, in any order.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn files(&self, ids: &[FileId]) -> Result<Vec<FileRow>> {
        let ids = of_files(ids);
        let client = self.database.get().await?;
        let sql = format!("{SELECT} WHERE f.id = ANY($1)");
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let rows = client.query(&statement, &[&ids]).await.map_err(failed)?;
        Ok(rows.iter().filter_map(file_row).collect())
    }

    /// More of a file is on disk; whether it still waits for that.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn note_received(&self, id: FileId, received: u64) -> Result<bool> {
        let sql = "UPDATE chat.files SET received = $2, touched_at = $3
                   WHERE id = $1 AND state = 'arriving' AND $2 <= size";
        let client = self.database.get().await?;
        let values: [&(dyn ToSql + Sync); 3] =
            [&id.0.as_slice(), &received.cast_signed(), &now_ms()];
        Ok(client.execute(sql, &values).await.map_err(failed)? > 0)
    }

    /// All of a file is on disk, in its place; whether it still waited for that.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn complete_file(&self, id: FileId, completed: &Completed) -> Result<bool> {
        let Completed { media_type, size, sha256, pixels } = completed;
        let (width, height) = pixels.map_or((None, None), |(width, height)| {
            (Some(width.cast_signed()), Some(height.cast_signed()))
        });
        let sql = "UPDATE chat.files SET state = 'complete', type = $2, size = $3, received = $3, sha256 = $4,
                       width = $5, height = $6, touched_at = $7
                   WHERE id = $1 AND state = 'arriving'";
        let client = self.database.get().await?;
        let (id, size, sha256) = (id.0.as_slice(), size.cast_signed(), sha256.as_slice());
        let values: [&(dyn ToSql + Sync); 7] =
            [&id, media_type, &size, &sha256, &width, &height, &now_ms()];
        Ok(client.execute(sql, &values).await.map_err(failed)? > 0)
    }

    /// How many bytes the files of a room have.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn room_file_bytes(&self, room: RoomId) -> Result<u64> {
        let sql = "SELECT coalesce(sum(size), 0)::bigint FROM chat.files
                   WHERE room_id = $1 AND state = 'used'";
        let client = self.database.get().await?;
        Ok(unsigned(&client.query_one(sql, &[&room.0]).await.map_err(failed)?, 0))
    }

    /// The mark of the folder that belongs to this database; the first call makes it.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn file_store_mark(&self, new: [u8; 16]) -> Result<[u8; 16]> {
        let client = self.database.get().await?;
        let insert = "INSERT INTO chat.file_store (mark) VALUES ($1) ON CONFLICT DO NOTHING";
        client.execute(insert, &[&new.as_slice()]).await.map_err(failed)?;
        let row =
            client.query_one("SELECT mark FROM chat.file_store", &[]).await.map_err(failed)?;
        let mark = row.get::<_, &[u8]>(0).try_into();
        mark.map_err(|_| Error::internal("the stored mark has the wrong length"))
    }

    /// Whether this database has a folder of files.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn has_file_store(&self) -> Result<bool> {
        let client = self.database.get().await?;
        let row = client.query_one("SELECT EXISTS (SELECT FROM chat.file_store)", &[]).await;
        Ok(row.map_err(failed)?.get(0))
    }

    /// The mark that the folder must have already, because there are files.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn mark_of_files(&self) -> Result<Option<[u8; 16]>> {
        let client = self.database.get().await?;
        mark_of_files(client.client()).await.map_err(failed)
    }
}

/// The mark that the folder of this database must have already; nothing if there are no files.
///
/// # Errors
/// Those of the database.
pub async fn mark_of_files(
    client: &(impl GenericClient + Sync),
) -> std::result::Result<Option<[u8; 16]>, tokio_postgres::Error> {
    let sql = "SELECT mark FROM chat.file_store WHERE EXISTS (SELECT FROM chat.files)";
    let row = client.query_opt(sql, &[]).await?;
    Ok(row.and_then(|row| row.get::<_, &[u8]>(0).try_into().ok()))
}

fn is_over(quota: Option<u64>, used: u64, more: u64) -> bool {
    quota.is_some_and(|quota| used.saturating_add(more) > quota)
}

/// As a parameter of a statement.
pub(super) fn of_files(ids: &[FileId]) -> Vec<&[u8]> {
    ids.iter().map(|id| id.0.as_slice()).collect()
}

/// An id, if it has its length.
fn id_of(bytes: &[u8]) -> Option<FileId> {
    bytes.try_into().map(FileId).ok()
}

/// `None` cannot happen: the database keeps ids at their length, and states to those there are.
fn file_row(row: &Row) -> Option<FileRow> {
    let pixels = |column| row.get::<_, Option<i32>>(column).map(i32::unsigned_abs);
    let (room, mid) = (row.get::<_, Option<i64>>(11), row.get::<_, Option<&[u8]>>(12));
    Some(FileRow {
        file: MessageFile {
            id: id_of(row.get(0))?,
            name: row.get(1),
            media_type: row.get(2),
            size: unsigned(row, 3),
            width: pixels(4),
            height: pixels(5),
            alt: None,
        },
        owner: Uid(row.get(6)),
        received: unsigned(row, 7),
        state: FileState::from_name(row.get(8))?,
        keeps_metadata: row.get(9),
        sha256: row.get::<_, Option<&[u8]>>(10).and_then(|hash| hash.try_into().ok()),
        message: room.map(RoomId).zip(mid.and_then(mid_of)),
        is_shown: row.get(13),
    })
}
