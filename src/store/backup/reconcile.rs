//! Brings two stores in line that were read one after the other: what the accounts, which are of a later moment, know
//! and the rooms do not.

use tokio_postgres::Transaction;

use super::save::said;
use crate::base::time::now_ms;

/// How much was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Accounts that had been restored meanwhile: members again, with their messages.
    pub reinstated: u64,
    /// New people who join the first rooms when they sign in next.
    pub to_join: u64,
    /// Memberships, bans and blocks of people whom no account is of, and memberships of the bots of hooks that were
    /// revoked meanwhile.
    pub forgotten: u64,
    /// Hooks made meanwhile whose bots are members of their rooms now.
    pub hooks_kept: u64,
    /// Hooks of rooms that are not there: revoked.
    pub hooks_ended: u64,
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
        // In an encrypted room the log says who is a member, and an account may come back by the directory.
        "DELETE FROM chat.members m USING chat.rooms r
         WHERE r.id = m.room_id AND NOT r.e2ee AND NOT m.user_id = ANY($1)",
        "DELETE FROM chat.bans WHERE NOT user_id = ANY($1)",
        "DELETE FROM chat.blocks WHERE NOT (user_id = ANY($1) AND blocked_id = ANY($1))",
    ] {
        forgotten += chat.execute(unknown, &[&all]).await.map_err(fail)?;
    }

    let (left, hooks_kept, hooks_ended) = hooks(chat, accounts).await?;
    forgotten += left;

    let members =
        chat.query("SELECT DISTINCT user_id FROM chat.members", &[]).await.map_err(fail)?;
    let members: Vec<i64> = members.iter().map(|row| row.get(0)).collect();
    let joining = "UPDATE accounts.users SET has_joined = false
                   WHERE has_joined AND NOT is_bot AND created_at >= $1 AND NOT id = ANY($2)";
    let to_join = accounts.execute(joining, &[&made_at, &members]).await.map_err(fail)?;
    let reinstated = reinstated.unsigned_abs();
    Ok(Reconciled { reinstated, to_join, forgotten, hooks_kept, hooks_ended })
}

/// The bot of each hook is a member of the hook's room and nothing else of a bot is. What changed: memberships taken
/// away, memberships made, and hooks ended because their room is not there.
async fn hooks(
    chat: &Transaction<'_>,
    accounts: &Transaction<'_>,
) -> Result<(u64, u64, u64), String> {
    let fail = |error: tokio_postgres::Error| said(&error);
    let known = accounts.query("SELECT user_id, room FROM accounts.hooks ORDER BY id", &[]).await;
    let (bots, rooms): (Vec<i64>, Vec<i64>) =
        known.map_err(fail)?.iter().map(|row| (row.get::<_, i64>(0), row.get::<_, i64>(1))).unzip();
    let retired = "SELECT id FROM accounts.users u
                   WHERE is_bot AND NOT EXISTS (SELECT FROM accounts.hooks h WHERE h.user_id = u.id)";
    let retired = accounts.query(retired, &[]).await.map_err(fail)?;
    let retired: Vec<i64> = retired.iter().map(|row| row.get(0)).collect();
    let leave = "DELETE FROM chat.members WHERE user_id = ANY($1)";
    let left = chat.execute(leave, &[&retired]).await.map_err(fail)?;
    let join = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                SELECT r.id, h.bot, 'member', r.created_at FROM unnest($1::bigint[], $2::bigint[]) h (bot, room)
                JOIN chat.rooms r ON r.id = h.room ON CONFLICT DO NOTHING";
    let kept = chat.execute(join, &[&bots, &rooms]).await.map_err(fail)?;
    let there = chat.query("SELECT id FROM chat.rooms WHERE id = ANY($1)", &[&rooms]).await;
    let there: Vec<i64> = there.map_err(fail)?.iter().map(|row| row.get(0)).collect();
    let end =
        "WITH ended AS (DELETE FROM accounts.hooks WHERE NOT room = ANY($1) RETURNING user_id)
               UPDATE accounts.users SET disabled_at = $2 WHERE id IN (SELECT user_id FROM ended)";
    let ended = accounts.execute(end, &[&there, &now_ms()]).await.map_err(fail)?;
    Ok((left, kept, ended))
}
