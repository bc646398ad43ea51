//! Who has blocked whom, and since when.

use super::ChatStore;
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::time::now_ms;
use crate::store::pool::failed;

/// One person blocked by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRow {
    /// Who has blocked.
    pub by: Uid,
    /// Who is blocked.
    pub uid: Uid,
    /// Since when, in milliseconds.
    pub at: i64,
}

impl ChatStore {
    /// All blocks there are.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn blocks(&self) -> Result<Vec<BlockRow>> {
        let sql = "SELECT user_id, blocked_id, blocked_at FROM chat.blocks";
        let rows = self.database.get().await?.query(sql, &[]).await.map_err(failed)?;
        let block = |row: &tokio_postgres::Row| BlockRow {
            by: Uid(row.get(0)),
            uid: Uid(row.get(1)),
            at: row.get(2),
        };
        Ok(rows.iter().map(block).collect())
    }

    /// Blocks somebody. May be repeated.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn block(&self, by: Uid, uid: Uid) -> Result<BlockRow> {
        let at = now_ms();
        let sql = "INSERT INTO chat.blocks (user_id, blocked_id, blocked_at) VALUES ($1, $2, $3)
                   ON CONFLICT (user_id, blocked_id) DO UPDATE SET blocked_at = $3";
        let client = self.database.get().await?;
        client.execute(sql, &[&by.0, &uid.0, &at]).await.map_err(failed)?;
        Ok(BlockRow { by, uid, at })
    }

    /// Unblocks somebody. May be repeated.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn unblock(&self, by: Uid, uid: Uid) -> Result<()> {
        let sql = "DELETE FROM chat.blocks WHERE user_id = $1 AND blocked_id = $2";
        self.database.get().await?.execute(sql, &[&by.0, &uid.0]).await.map_err(failed)?;
        Ok(())
    }

    /// Removes all blocks by and against somebody who is gone for good.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn forget_blocks(&self, uid: Uid) -> Result<()> {
        let sql = "DELETE FROM chat.blocks WHERE user_id = $1 OR blocked_id = $1";
        self.database.get().await?.execute(sql, &[&uid.0]).await.map_err(failed)?;
        Ok(())
    }
}
