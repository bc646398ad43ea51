//! Using an invite link. Every use locks the link first, so of two people who want the last use at once one is too
//! late, and one person who uses it several times at once is counted once.

use tokio_postgres::Transaction;

use super::invites::{COLUMNS, FROM, Invite, LEFT, VALID, invite, invite_by_id};
use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::ids::{InviteId, Uid};
use crate::base::limits::auth::INVITE_REPEAT;
use crate::base::time::{millis, now_ms};

/// A link that somebody wants to use.
#[derive(Clone, Copy)]
pub struct InviteUse<'a> {
    /// The SHA-256 of its secret.
    pub digest: &'a [u8; 32],
    /// Whether members may invite now; otherwise only administrators' links are good.
    pub members_invite: bool,
}

impl AccountStore {
    /// The live link of this digest; for `by` also one whose last use was theirs a moment ago.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn live_invite(
        &self,
        InviteUse { digest, members_invite }: InviteUse<'_>,
        by: Option<Uid>,
    ) -> Result<Option<Invite>> {
        let query = format!(
            "SELECT {COLUMNS} {FROM} WHERE {VALID} AND i.digest = $3
               AND ({LEFT} OR EXISTS (
                   SELECT 1 FROM accounts.invite_uses o
                   WHERE o.invite_id = i.id AND o.user_id = $4 AND o.used_at >= $5))"
        );
        let now = now_ms();
        let (by, since) = (by.map(|uid| uid.0), counted_since(now));
        let client = self.database.get().await?;
        let row = client
            .query_opt(&query, &[&now, &members_invite, &digest.as_slice(), &by, &since])
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(invite))
    }

    /// Uses a link for a user; what it is, and whether this use was counted. A user who used it a
    /// moment ago is not counted again, even if nothing is left.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn use_invite(
        &self,
        using: InviteUse<'_>,
        uid: Uid,
    ) -> Result<Option<(Invite, bool)>> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let Some(locked) = lock_invite(&transaction, using).await? else { return Ok(None) };
        let is_new = note_use(&transaction, &locked, uid).await?;
        if is_new && !locked.has_left {
            return Ok(None);
        }
        if is_new {
            count_use(&transaction, &locked).await?;
        }
        let invite = invite_by_id(&*transaction, locked.id).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(invite.map(|invite| (invite, is_new)))
    }

    /// Takes back the use of a user who came into no room by it.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn return_invite(&self, id: InviteId, uid: Uid) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        // The link first, as every use does: in the other order the two would wait for each other.
        let lock = "SELECT 1 FROM accounts.invites WHERE id = $1 FOR NO KEY UPDATE";
        transaction.execute(lock, &[&id.0]).await.map_err(failed)?;
        let statement = "WITH returned AS (
                 DELETE FROM accounts.invite_uses WHERE invite_id = $1 AND user_id = $2 RETURNING 1)
             UPDATE accounts.invites SET uses = uses - 1
             WHERE id = $1 AND uses > 0 AND EXISTS (SELECT 1 FROM returned)";
        transaction.execute(statement, &[&id.0, &uid.0]).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }
}

/// A link whose row is locked until the transaction ends.
pub(super) struct LockedInvite {
    id: i64,
    /// Whether there is a use left for somebody who has not used it yet.
    pub has_left: bool,
    now: i64,
}

/// Locks the valid link of this digest.
pub(super) async fn lock_invite(
    transaction: &Transaction<'_>,
    InviteUse { digest, members_invite }: InviteUse<'_>,
) -> Result<Option<LockedInvite>> {
    let query = format!(
        "SELECT i.id, {LEFT} FROM accounts.invites i WHERE {VALID} AND i.digest = $3
         FOR NO KEY UPDATE OF i"
    );
    let now = now_ms();
    let locked = transaction
        .query_opt(&query, &[&now, &members_invite, &digest.as_slice()])
        .await
        .map_err(failed)?;
    Ok(locked.map(|row| LockedInvite { id: row.get(0), has_left: row.get(1), now }))
}

/// Somebody who used a link since then is not counted again.
fn counted_since(now: i64) -> i64 {
    now.saturating_sub(millis(INVITE_REPEAT))
}

/// Notes that a user used the link; whether that counts as a new use.
async fn note_use(transaction: &Transaction<'_>, locked: &LockedInvite, uid: Uid) -> Result<bool> {
    let noted = transaction
        .execute(
            "INSERT INTO accounts.invite_uses AS u (invite_id, user_id, used_at)
             VALUES ($1, $2, $3)
             ON CONFLICT (invite_id, user_id) DO UPDATE SET used_at = $3 WHERE u.used_at < $4",
            &[&locked.id, &uid.0, &locked.now, &counted_since(locked.now)],
        )
        .await
        .map_err(failed)?;
    Ok(noted > 0)
}

async fn count_use(transaction: &Transaction<'_>, locked: &LockedInvite) -> Result<()> {
    let statement = "UPDATE accounts.invites SET uses = uses + 1 WHERE id = $1";
    transaction.execute(statement, &[&locked.id]).await.map_err(failed)?;
    Ok(())
}

/// Counts the use of a user who is created in the same transaction; the link.
pub(super) async fn use_locked_invite(
    transaction: &Transaction<'_>,
    locked: &LockedInvite,
    uid: Uid,
) -> Result<Option<Invite>> {
    note_use(transaction, locked, uid).await?;
    count_use(transaction, locked).await?;
    invite_by_id(transaction, locked.id).await
}
