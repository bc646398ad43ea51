//! What user names look like: of two names that look the same only the first is given out.

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use super::{AccountStore, failed};
use crate::error::{Code, Error, Result};
use crate::ids::Uid;
use crate::names;

/// Takes the look of a name for a user, within the transaction that gives him the name.
///
/// # Errors
/// `conflict` if another user's name looks the same.
pub(super) async fn take(transaction: &Transaction<'_>, uid: Uid, key: &str) -> Result<()> {
    let sql = "UPDATE accounts.users SET username_look = $2 WHERE id = $1";
    match transaction.execute(sql, &[&uid.0, &names::look(key)]).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            Err(Error::new(Code::Conflict, "That user name looks like another one that is taken."))
        }
        Err(error) => Err(failed(error)),
    }
}

impl AccountStore {
    /// Names from before looks were kept get theirs. Of two that look the same the older keeps it.
    pub(super) async fn fill_in_looks(&self) -> Result<()> {
        let client = self.database.get().await?;
        let sql = "SELECT id, username_key FROM accounts.users
                   WHERE username_look IS NULL AND purged_at IS NULL ORDER BY id";
        let rows = client.query(sql, &[]).await.map_err(failed)?;
        let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let looks: Vec<_> = rows.iter().map(|row| names::look(row.get(1))).collect();
        let fill = "
            WITH old AS (
                SELECT DISTINCT ON (look) id, look
                FROM unnest($1::bigint[], $2::text[]) AS o(id, look) ORDER BY look, id
            )
            UPDATE accounts.users u SET username_look = old.look FROM old
            WHERE u.id = old.id
              AND NOT EXISTS (SELECT FROM accounts.users x WHERE x.username_look = old.look)";
        client.execute(fill, &[&ids, &looks]).await.map_err(failed)?;
        Ok(())
    }
}
