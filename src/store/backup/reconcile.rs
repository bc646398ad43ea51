//! Brings two stores in line that were read one after the other: what the accounts, which are of a later moment, know
//! and the rooms do not.

use tokio_postgres::Transaction;

use super::save::said;

/// How much was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Accounts that had been restored meanwhile: members again, with their messages.
    pub reinstated: u64,
    /// New people who join the first rooms when they sign in next.
    pub to_join: u64,
    /// Memberships, bans and blocks of people whom no account is of.
    pub forgotten: u64,
}

/// Changes both within their transactions. An account that was removed meanwhile and still has rooms is what the
/// server itself finishes when it starts.
pub(super) async fn reconcile(
    chat: &Transaction<'_>,
    accounts: &Transaction<'_>,
    made_at: i64,
) -> Result<Reconciled, String> {
    let fail = |error: tokio_postgres::Error| said(&error);
    let users = "SELECT id, removed_at IS NULL FROM accounts.users ORDER BY id";
    let users = accounts.query(users, &[]).await.map_err(fail)?;
    let all: Vec<i64> = users.iter().map(|row| row.get(0)).collect();
    let present: Vec<i64> = users.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect();

    let members = "WITH again AS (
            UPDATE chat.members SET suspended_at = NULL
            WHERE suspended_at IS NOT NULL AND user_id = ANY($1) RETURNING user_id
        ) SELECT count(DISTINCT user_id) FROM again";
    let reinstated: i64 = chat.query_one(members, &[&present]).await.map_err(fail)?.get(0);
    let shown = "UPDATE chat.messages SET is_hidden = false WHERE is_hidden AND author = ANY($1)";
    chat.execute(shown, &[&present]).await.map_err(fail)?;

    let mut forgotten = 0;
    for unknown in [
        "DELETE FROM chat.members WHERE NOT user_id = ANY($1)",
        "DELETE FROM chat.bans WHERE NOT user_id = ANY($1)",
        "DELETE FROM chat.blocks WHERE NOT (user_id = ANY($1) AND blocked_id = ANY($1))",
    ] {
        forgotten += chat.execute(unknown, &[&all]).await.map_err(fail)?;
    }

    let members =
        chat.query("SELECT DISTINCT user_id FROM chat.members", &[]).await.map_err(fail)?;
    let members: Vec<i64> = members.iter().map(|row| row.get(0)).collect();
    let joining = "UPDATE accounts.users SET has_joined = false
                   WHERE has_joined AND created_at >= $1 AND NOT id = ANY($2)";
    let to_join = accounts.execute(joining, &[&made_at, &members]).await.map_err(fail)?;
    Ok(Reconciled { reinstated: reinstated.unsigned_abs(), to_join, forgotten })
}
