//! Names and the directory: a name whose tag ever stood there is its owner's for ever (`e2ee.md` 5.1, 14.16, 14.17).

use tokio_postgres::Transaction;

use super::failed;
use super::rows::bytes;
use super::user_rows::no_user;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::e2ee::directory::{Instance, Tag, tag};

/// Which installation this is.
pub(super) async fn instance_of(transaction: &Transaction<'_>) -> Result<Instance> {
    let row = transaction.query_one("SELECT id FROM accounts.instance", &[]).await;
    bytes(row.map_err(failed)?.get(0))
}

/// Who owns the tag of a name, and whether that person has an account: after a restore there may be none.
pub(super) struct Owner {
    pub(super) uid: Uid,
    pub(super) has_account: bool,
}

/// The owner of a name's tag, if it ever stood in the directory.
pub(super) async fn owner_of(
    transaction: &Transaction<'_>,
    username: &str,
) -> Result<Option<Owner>> {
    // A store that no server has opened yet has no directory.
    let instance = "SELECT id FROM accounts.instance";
    let Some(row) = transaction.query_opt(instance, &[]).await.map_err(failed)? else {
        return Ok(None);
    };
    let tag = tag(&bytes(row.get(0))?, username);
    let sql = "SELECT user_id, EXISTS (SELECT FROM accounts.users u WHERE u.id = e.user_id)
               FROM accounts.dir_entries e WHERE tag = $1 LIMIT 1";
    let row = transaction.query_opt(sql, &[&tag.as_slice()]).await.map_err(failed)?;
    Ok(row.map(|row| Owner { uid: Uid(row.get(0)), has_account: row.get(1) }))
}

/// Refuses a name that is another person's for ever. It is asked for in the transaction that has given the name, so
/// whoever had it before has either got it into the directory by now or never will.
///
/// # Errors
/// `conflict`, `unavailable`.
pub(super) async fn check_free(
    transaction: &Transaction<'_>,
    uid: Uid,
    username: &str,
) -> Result<()> {
    match owner_of(transaction, username).await? {
        Some(owner) if owner.uid != uid => Err(taken()),
        _ => Ok(()),
    }
}

/// What those read who want a name that is somebody's.
pub(super) fn taken() -> Error {
    Error::new(Code::Conflict, "That user name is taken.")
}

/// Reads the name of a user whose account is open, and locks the row until the transaction ends.
///
/// # Errors
/// `not_found`, `unavailable`.
pub(super) async fn username_of(transaction: &Transaction<'_>, uid: Uid) -> Result<String> {
    let sql = "SELECT username FROM accounts.users
               WHERE id = $1 AND disabled_at IS NULL AND NOT is_bot FOR UPDATE";
    let row = transaction.query_opt(sql, &[&uid.0]).await.map_err(failed)?;
    Ok(row.ok_or_else(no_user)?.get(0))
}

/// Remembers the name behind a tag, as it is written now.
pub(super) async fn store_name(
    transaction: &Transaction<'_>,
    tag: &Tag,
    username: &str,
) -> Result<()> {
    let sql = "INSERT INTO accounts.dir_names (tag, username) VALUES ($1, $2)
               ON CONFLICT (tag) DO UPDATE SET username = excluded.username";
    transaction.execute(sql, &[&tag.as_slice(), &username]).await.map_err(failed)?;
    Ok(())
}

/// Erases the names of a user from the directory. The tags stay.
pub(super) async fn forget_names(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    let sql = "DELETE FROM accounts.dir_names
               WHERE tag IN (SELECT tag FROM accounts.dir_entries WHERE user_id = $1)";
    transaction.execute(sql, &[&uid.0]).await.map_err(failed)?;
    Ok(())
}
