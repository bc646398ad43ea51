//! The end of files, and what does not fit together.

use super::{file_row, id_of, of_files};
use crate::base::error::Result;
use crate::base::ids::{FileId, Uid};
use crate::base::time::now_ms;
use crate::store::chat::ChatStore;
use crate::store::chat::files::FileRow;
use crate::store::chat::message_rows::to_limit;
use crate::store::pool::failed;

impl ChatStore {
    /// Gives up a file of somebody that is in no message; whether there was one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn give_up_file(&self, id: FileId, owner: Uid) -> Result<bool> {
        let sql = "UPDATE chat.files SET state = 'erasing', touched_at = $3
                   WHERE id = $1 AND owner = $2 AND state IN ('arriving', 'complete')";
        let client = self.database.get().await?;
        let given_up = client.execute(sql, &[&id.0.as_slice(), &owner.0, &now_ms()]).await;
        Ok(given_up.map_err(failed)? > 0)
    }

    /// Gives up files that have been in no message since before `before`; how many.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn expire_files(&self, before: i64) -> Result<u64> {
        let sql = "UPDATE chat.files SET state = 'erasing'
                   WHERE state IN ('arriving', 'complete') AND touched_at < $1";
        let client = self.database.get().await?;
        client.execute(sql, &[&before]).await.map_err(failed)
    }

    /// Some of the files whose bytes have to go.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn files_to_erase(&self, limit: usize) -> Result<Vec<FileId>> {
        let sql = "SELECT id FROM chat.files WHERE state = 'erasing' ORDER BY touched_at LIMIT $1";
        let client = self.database.get().await?;
        let rows = client.query(sql, &[&to_limit(limit)]).await.map_err(failed)?;
        Ok(rows.iter().filter_map(|row| id_of(row.get(0))).collect())
    }

    /// The bytes of these could not go: the others come before them.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn put_off_erasing(&self, ids: &[FileId]) -> Result<()> {
        let sql = "UPDATE chat.files SET touched_at = $2 WHERE id = ANY($1) AND state = 'erasing'";
        let client = self.database.get().await?;
        client.execute(sql, &[&of_files(ids), &now_ms()]).await.map_err(failed)?;
        Ok(())
    }

    /// The bytes of these are gone; how many rows went.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn forget_files(&self, ids: &[FileId]) -> Result<u64> {
        let sql = "DELETE FROM chat.files WHERE id = ANY($1) AND state = 'erasing'";
        let client = self.database.get().await?;
        client.execute(sql, &[&of_files(ids)]).await.map_err(failed)
    }

    /// Which of these there is a row of.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn known_files(&self, ids: &[FileId]) -> Result<Vec<FileId>> {
        let sql = "SELECT id FROM chat.files WHERE id = ANY($1)";
        let client = self.database.get().await?;
        let rows = client.query(sql, &[&of_files(ids)]).await.map_err(failed)?;
        Ok(rows.iter().filter_map(|row| id_of(row.get(0))).collect())
    }

    /// Rows after this id, by id.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn files_after(&self, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>> {
        let sql = format!(
            "{} WHERE f.id > coalesce($1::bytea, ''::bytea) ORDER BY f.id LIMIT $2",
            super::SELECT
        );
        let after = after.as_ref().map(|id| id.0.as_slice());
        let client = self.database.get().await?;
        let rows = client.query(&sql, &[&after, &to_limit(limit)]).await.map_err(failed)?;
        Ok(rows.iter().filter_map(file_row).collect())
    }

    /// Ends those of these files that their message does not have; how many there were. That cannot happen, but what
    /// somebody has changed by hand must not stay on disk for ever.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn end_stray_files(&self, ids: &[FileId]) -> Result<u64> {
        let sql = "UPDATE chat.files f SET state = 'erasing'
                   WHERE id = ANY($1) AND state = 'used' AND NOT EXISTS (
                       SELECT FROM chat.messages m WHERE m.room_id = f.room_id AND m.mid = f.mid
                         AND m.body -> 'f' @> jsonb_build_array(jsonb_build_object(
                             'id', translate(rtrim(encode(f.id, 'base64'), '='), '+/', '-_'))))";
        let client = self.database.get().await?;
        client.execute(sql, &[&of_files(ids)]).await.map_err(failed)
    }
}
