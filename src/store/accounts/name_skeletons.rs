//! The skeletons of user names: of two names that look the same only the first is given out.

use tokio_postgres::{GenericClient, Transaction};

use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::names;

/// Reserves the skeletons of a name for a user, within the transaction that gives them the name.
///
/// # Errors
/// `conflict` if another user's name looks the same.
pub(super) async fn reserve(transaction: &Transaction<'_>, uid: Uid, username: &str) -> Result<()> {
    release(transaction, uid).await?;
    let skeletons = names::skeletons(username);
    let inserted = insert(transaction, uid, &skeletons).await?;
    if inserted < skeletons.len() {
        let text = "That user name looks like another one that is taken.";
        return Err(Error::new(Code::Conflict, text));
    }
    Ok(())
}

/// Lets others have a name that looks like this user's.
async fn release(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    let sql = "DELETE FROM accounts.name_skeletons WHERE user_id = $1";
    transaction.execute(sql, &[&uid.0]).await.map_err(failed)?;
    Ok(())
}

/// Inserts those that are free; how many they were. PostgreSQL waits for a transaction that inserts the same.
async fn insert(client: &impl GenericClient, uid: Uid, skeletons: &[String]) -> Result<usize> {
    let sql =
        "INSERT INTO accounts.name_skeletons (skeleton, user_id) SELECT unnest($2::text[]), $1
               ON CONFLICT DO NOTHING";
    let inserted = client.execute(sql, &[&uid.0, &skeletons]).await.map_err(failed)?;
    Ok(usize::try_from(inserted).unwrap_or(usize::MAX))
}

impl AccountStore {
    /// Computes skeletons and search keys of names from before they were stored. Of two names that look the same
    /// the older one gets the skeleton.
    pub(super) async fn fill_in_skeletons(&self) -> Result<()> {
        let client = self.database.get().await?;
        let sql = "SELECT id, username FROM accounts.users u
                   WHERE purged_at IS NULL
                     AND NOT EXISTS (SELECT FROM accounts.name_skeletons s WHERE s.user_id = u.id)
                   ORDER BY id";
        for row in client.query(sql, &[]).await.map_err(failed)? {
            insert(&**client, Uid(row.get(0)), &names::skeletons(row.get(1))).await?;
        }
        let sql = "SELECT id, display_name FROM accounts.users
                   WHERE display_name <> '' AND display_key = ''";
        for row in client.query(sql, &[]).await.map_err(failed)? {
            let (uid, key) = (row.get::<_, i64>(0), names::key(row.get(1)));
            let sql = "UPDATE accounts.users SET display_key = $2 WHERE id = $1";
            client.execute(sql, &[&uid, &key]).await.map_err(failed)?;
        }
        Ok(())
    }
}
