//! What user names look like: of two names that look the same only the first is given out.

use tokio_postgres::{GenericClient, Transaction};

use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::names;

/// Takes the looks of a name for a user, within the transaction that gives him the name.
///
/// # Errors
/// `conflict` if another user's name looks the same.
pub(super) async fn take(transaction: &Transaction<'_>, uid: Uid, username: &str) -> Result<()> {
    give_back(transaction, uid).await?;
    let looks = names::looks(username);
    let taken = insert(transaction, uid, &looks).await?;
    if taken < looks.len() {
        let text = "That user name looks like another one that is taken.";
        return Err(Error::new(Code::Conflict, text));
    }
    Ok(())
}

/// Others may have a name that looks like this user's.
async fn give_back(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    let sql = "DELETE FROM accounts.looks WHERE user_id = $1";
    transaction.execute(sql, &[&uid.0]).await.map_err(failed)?;
    Ok(())
}

/// How many of them were free. Whoever takes the same at this moment is waited for.
async fn insert(client: &impl GenericClient, uid: Uid, looks: &[String]) -> Result<usize> {
    let sql = "INSERT INTO accounts.looks (look, user_id) SELECT unnest($2::text[]), $1
               ON CONFLICT DO NOTHING";
    let inserted = client.execute(sql, &[&uid.0, &looks]).await.map_err(failed)?;
    Ok(usize::try_from(inserted).unwrap_or(usize::MAX))
}

impl AccountStore {
    /// Names from before these were kept get their looks and what they are searched by. Of two that
    /// look the same the older one keeps it.
    pub(super) async fn fill_in_names(&self) -> Result<()> {
        let client = self.database.get().await?;
        let sql = "SELECT id, username FROM accounts.users u
                   WHERE purged_at IS NULL
                     AND NOT EXISTS (SELECT FROM accounts.looks l WHERE l.user_id = u.id)
                   ORDER BY id";
        for row in client.query(sql, &[]).await.map_err(failed)? {
            insert(&**client, Uid(row.get(0)), &names::looks(row.get(1))).await?;
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
