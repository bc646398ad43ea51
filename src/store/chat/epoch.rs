//! The epoch: which history the rooms of this installation have.

use super::ChatStore;
use crate::base::error::{Error, Result};
use crate::base::ids::Epoch;
use crate::base::random;
use crate::base::time::now_ms;
use crate::store::pool::failed;

impl ChatStore {
    /// The present epoch; the first call makes it. What has numbers already has had them since the first room.
    ///
    /// # Errors
    /// `unavailable`, or no randomness.
    pub async fn epoch(&self) -> Result<Epoch> {
        let new = random::bytes::<16>()?;
        let client = self.database.get().await?;
        let insert = "INSERT INTO chat.instance (epoch, began_at)
                      VALUES ($1, coalesce((SELECT min(created_at) FROM chat.rooms), $2))
                      ON CONFLICT DO NOTHING";
        client.execute(insert, &[&new.as_slice(), &now_ms()]).await.map_err(failed)?;
        let row = client.query_one("SELECT epoch FROM chat.instance", &[]).await.map_err(failed)?;
        let epoch = row.get::<_, &[u8]>(0).try_into();
        epoch.map(Epoch).map_err(|_| Error::internal("the stored epoch has the wrong length"))
    }

    /// When a restore began the present epoch, in milliseconds; nothing if none has.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn restored_at(&self) -> Result<Option<i64>> {
        let client = self.database.get().await?;
        let row = client.query_opt("SELECT restored_at FROM chat.instance", &[]).await;
        Ok(row.map_err(failed)?.and_then(|row| row.get(0)))
    }
}
