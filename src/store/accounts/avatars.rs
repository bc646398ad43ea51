//! Pictures of people, as they are served.

use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::time::now_ms;

impl AccountStore {
    /// Puts a new picture in the place of the old one; `name` is where it will be found, with the
    /// extension.
    ///
    /// # Errors
    /// `not_found` if the account was removed meanwhile, `unavailable`.
    pub async fn put_avatar(
        &self,
        uid: Uid,
        name: &str,
        content_type: &str,
        squares: &[(u32, Vec<u8>)],
    ) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        // The user's row first: of two pictures at once one is later, and finds the other one's rows.
        let point = "UPDATE accounts.users SET avatar = $2 WHERE id = $1 AND removed_at IS NULL";
        if transaction.execute(point, &[&uid.0, &name]).await.map_err(failed)? == 0 {
            return Err(Error::new(Code::NotFound, "There is no such user."));
        }
        let old = "DELETE FROM accounts.avatars WHERE user_id = $1";
        transaction.execute(old, &[&uid.0]).await.map_err(failed)?;
        for (size, data) in squares {
            let size = i32::try_from(*size).unwrap_or(i32::MAX);
            transaction
                .execute(
                    "INSERT INTO accounts.avatars (name, size, user_id, content_type, data, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    &[&name, &size, &uid.0, &content_type, data, &now_ms()],
                )
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// Takes the picture away; whether there was one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_avatar(&self, uid: Uid) -> Result<bool> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let point = "UPDATE accounts.users SET avatar = NULL WHERE id = $1 AND avatar IS NOT NULL";
        if transaction.execute(point, &[&uid.0]).await.map_err(failed)? == 0 {
            return Ok(false);
        }
        let old = "DELETE FROM accounts.avatars WHERE user_id = $1";
        transaction.execute(old, &[&uid.0]).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    /// A picture in one size: its type and bytes. Those of removed accounts are not shown.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn avatar(&self, name: &str, size: u32) -> Result<Option<(String, Vec<u8>)>> {
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        let sql = "SELECT a.content_type, a.data
                   FROM accounts.avatars a JOIN accounts.users u ON u.id = a.user_id
                   WHERE a.name = $1 AND a.size = $2 AND u.removed_at IS NULL";
        let client = self.database.get().await?;
        let row = client.query_opt(sql, &[&name, &size]).await.map_err(failed)?;
        Ok(row.map(|row| (row.get(0), row.get(1))))
    }
}
