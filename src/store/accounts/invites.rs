//! Invite links, by the SHA-256 of their secret.
//!
//! A link is live as long as it is neither revoked, nor expired, nor used up, and its maker may
//! still invite. Whoever uses it locks it first, so of two people who use the last use at once one is
//! too late, and one person who uses it several times at once is counted once.

use tokio_postgres::{GenericClient, Row, Transaction};

use super::users::InviteUse;
use super::{AccountStore, failed, now_ms};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{InviteId, RoomId, Uid};
use crate::base::limits::auth::INVITE_REPEAT;

/// A link to be kept.
pub struct NewInvite<'a> {
    /// By which it is found.
    pub digest: &'a [u8; 32],
    /// Whose it is; the operator's if nobody's.
    pub by: Option<Uid>,
    /// What it is for.
    pub label: &'a str,
    /// The rooms it opens.
    pub rooms: &'a [RoomId],
    /// Until when it is good; for ever if not said.
    pub expires_at: Option<i64>,
    /// How many people it lets in; all if not said.
    pub uses_max: Option<i32>,
}

/// Who made a link.
#[derive(Debug, Clone)]
pub struct Maker {
    /// Who.
    pub uid: Uid,
    /// The name they log in with.
    pub username: String,
    /// The name they are shown with.
    pub display_name: String,
    /// The name of their picture's files.
    pub avatar: Option<String>,
    /// Whether they are an administrator.
    pub is_admin: bool,
}

/// A link.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The link.
    pub id: InviteId,
    /// What it is for.
    pub label: String,
    /// Whose it is; the operator's if nobody's.
    pub by: Option<Maker>,
    /// The rooms it opens, if its maker still may.
    pub rooms: Vec<RoomId>,
    /// When it was made.
    pub created_at: i64,
    /// Until when it is good.
    pub expires_at: Option<i64>,
    /// How many people it has let in.
    pub uses: i32,
    /// How many it may.
    pub uses_max: Option<i32>,
    /// Whether it was taken back.
    pub is_revoked: bool,
}

/// Which links are asked for.
#[derive(Debug, Clone, Default)]
pub struct InviteFilter {
    /// Only this user's.
    pub by: Option<Uid>,
    /// Only live ones, and whether those of members are.
    pub live: Option<bool>,
    /// What the label or the maker's name contains.
    pub q: String,
    /// Only older ones than this.
    pub before: Option<InviteId>,
}

/// A removed maker is a neutral author here, too.
const COLUMNS: &str = "i.id, i.label, i.made_by,
     CASE WHEN u.removed_at IS NULL THEN u.username ELSE '' END,
     CASE WHEN u.removed_at IS NULL THEN u.display_name ELSE '' END,
     u.is_admin, i.rooms, i.created_at, i.expires_at, i.uses, i.uses_max,
     i.revoked_at IS NOT NULL, CASE WHEN u.removed_at IS NULL THEN u.avatar END";

const FROM: &str = "FROM accounts.invites i LEFT JOIN accounts.users u ON u.id = i.made_by";

/// Whether a link may be used at all. `$1` is now, `$2` whether members may invite.
const VALID: &str = "i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > $1)
     AND (i.made_by IS NULL OR EXISTS (
         SELECT 1 FROM accounts.users m WHERE m.id = i.made_by AND m.disabled_at IS NULL
           AND m.removed_at IS NULL AND (m.is_admin OR $2)))";

/// Whether there is a use left for somebody who has not used it yet.
const LEFT: &str = "(i.uses_max IS NULL OR i.uses < i.uses_max)";

impl AccountStore {
    /// Keeps a link, unless its maker has `most` live ones already.
    ///
    /// # Errors
    /// `conflict`, `unavailable`.
    pub async fn create_invite(&self, new: &NewInvite<'_>, most: i64) -> Result<InviteId> {
        let rooms: Vec<_> = new.rooms.iter().map(|room| room.0).collect();
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        one_at_a_time(&transaction, new.by).await?;
        let made = transaction
            .query_opt(
                "INSERT INTO accounts.invites
                     (digest, made_by, label, rooms, created_at, expires_at, uses_max)
                 SELECT $1, $2, $3, $4, $5, $6, $7
                 WHERE (SELECT count(*) FROM accounts.invites
                        WHERE made_by IS NOT DISTINCT FROM $2 AND revoked_at IS NULL
                          AND (expires_at IS NULL OR expires_at > $5)
                          AND (uses_max IS NULL OR uses < uses_max)) < $8
                 RETURNING id",
                &[
                    &new.digest.as_slice(),
                    &new.by.map(|by| by.0),
                    &new.label,
                    &rooms,
                    &now_ms(),
                    &new.expires_at,
                    &new.uses_max,
                    &most,
                ],
            )
            .await
            .map_err(failed)?;
        let made = made.ok_or_else(|| {
            Error::new(Code::Conflict, "You have too many invitations. Please revoke one first.")
        })?;
        transaction.commit().await.map_err(failed)?;
        Ok(InviteId(made.get(0)))
    }

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
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let Some(held) = hold_invite(&transaction, using).await? else { return Ok(None) };
        let is_new = note_use(&transaction, &held, uid).await?;
        if is_new && !held.has_left {
            return Ok(None);
        }
        if is_new {
            count_use(&transaction, &held).await?;
        }
        let invite = invite_by_id(&*transaction, held.id).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(invite.map(|invite| (invite, is_new)))
    }

    /// Takes the use of a user back that led nowhere.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn return_invite(&self, id: InviteId, uid: Uid) -> Result<()> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        // The link first, as whoever uses it does: in the other order the two wait for each other.
        let hold = "SELECT 1 FROM accounts.invites WHERE id = $1 FOR NO KEY UPDATE";
        transaction.execute(hold, &[&id.0]).await.map_err(failed)?;
        let statement = "WITH returned AS (
                 DELETE FROM accounts.invite_uses WHERE invite_id = $1 AND user_id = $2 RETURNING 1)
             UPDATE accounts.invites SET uses = uses - 1
             WHERE id = $1 AND uses > 0 AND EXISTS (SELECT 1 FROM returned)";
        transaction.execute(statement, &[&id.0, &uid.0]).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// A link by its id.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn invite(&self, id: InviteId) -> Result<Option<Invite>> {
        invite_by_id(&**self.database.get().await?, id.0).await
    }

    /// Links, newest first, at most `limit`, and how many there are without `before`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn invites(&self, filter: &InviteFilter, limit: usize) -> Result<(Vec<Invite>, i64)> {
        let InviteFilter { by, live, q, before } = filter;
        let wanted = format!(
            "{FROM}
             WHERE (NOT $3 OR ({VALID} AND {LEFT})) AND ($4::bigint IS NULL OR i.made_by = $4)
               AND (position($5 in lower(i.label)) > 0
                    OR position($5 in coalesce(u.username_key, '')) > 0
                    OR position($5 in coalesce(u.display_key, '')) > 0)"
        );
        let (now, members, only_live, by) =
            (now_ms(), live.unwrap_or(true), live.is_some(), by.map(|uid| uid.0));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.database.get().await?;
        let page = format!(
            "SELECT {COLUMNS} {wanted} AND i.id < coalesce($6, 9223372036854775807)
             ORDER BY i.id DESC LIMIT $7"
        );
        let (q, before) = (crate::base::names::key(q), before.map(|id| id.0));
        let rows = client
            .query(&page, &[&now, &members, &only_live, &by, &q, &before, &limit])
            .await
            .map_err(failed)?;
        let count = format!("SELECT count(*) {wanted}");
        let total = client
            .query_one(&count, &[&now, &members, &only_live, &by, &q])
            .await
            .map_err(failed)?;
        Ok((rows.iter().map(invite).collect(), total.get(0)))
    }

    /// Erases links, tickets and prepared passwords that have been good for nothing since `before`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn purge_secrets(&self, before: i64) -> Result<()> {
        let client = self.database.get().await?;
        for statement in [
            "DELETE FROM accounts.invites
             WHERE least(revoked_at, expires_at) < $1 OR (uses >= uses_max AND created_at < $1)",
            "DELETE FROM accounts.tickets WHERE expires_at < $1",
            "DELETE FROM accounts.auth_slots WHERE kind = 'pending' AND expires_at < $1",
        ] {
            client.execute(statement, &[&before]).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Takes a link back, `by` whose it is or by anybody; its label, if there was such a link.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn revoke_invite(&self, id: InviteId, by: Option<Uid>) -> Result<Option<String>> {
        let client = self.database.get().await?;
        let row = client
            .query_opt(
                "UPDATE accounts.invites SET revoked_at = $2
                 WHERE id = $1 AND revoked_at IS NULL AND ($3::bigint IS NULL OR made_by = $3)
                 RETURNING label",
                &[&id.0, &now_ms(), &by.map(|uid| uid.0)],
            )
            .await
            .map_err(failed)?;
        Ok(row.map(|row| row.get(0)))
    }
}

/// A link that is locked until the transaction ends.
pub(super) struct HeldInvite {
    id: i64,
    /// Whether there is a use left for somebody who has not used it yet.
    pub has_left: bool,
    now: i64,
}

/// Locks the valid link of this digest.
pub(super) async fn hold_invite(
    transaction: &Transaction<'_>,
    InviteUse { digest, members_invite }: InviteUse<'_>,
) -> Result<Option<HeldInvite>> {
    let query = format!(
        "SELECT i.id, {LEFT} FROM accounts.invites i WHERE {VALID} AND i.digest = $3
         FOR NO KEY UPDATE OF i"
    );
    let now = now_ms();
    let held = transaction
        .query_opt(&query, &[&now, &members_invite, &digest.as_slice()])
        .await
        .map_err(failed)?;
    Ok(held.map(|row| HeldInvite { id: row.get(0), has_left: row.get(1), now }))
}

/// Somebody who used a link since then is not counted again.
fn counted_since(now: i64) -> i64 {
    now.saturating_sub(i64::try_from(INVITE_REPEAT.as_millis()).unwrap_or(i64::MAX))
}

/// Notes that a user used the link; whether that is to be counted.
async fn note_use(transaction: &Transaction<'_>, held: &HeldInvite, uid: Uid) -> Result<bool> {
    let noted = transaction
        .execute(
            "INSERT INTO accounts.invite_uses AS u (invite_id, user_id, used_at)
             VALUES ($1, $2, $3)
             ON CONFLICT (invite_id, user_id) DO UPDATE SET used_at = $3 WHERE u.used_at < $4",
            &[&held.id, &uid.0, &held.now, &counted_since(held.now)],
        )
        .await
        .map_err(failed)?;
    Ok(noted > 0)
}

async fn count_use(transaction: &Transaction<'_>, held: &HeldInvite) -> Result<()> {
    let statement = "UPDATE accounts.invites SET uses = uses + 1 WHERE id = $1";
    transaction.execute(statement, &[&held.id]).await.map_err(failed)?;
    Ok(())
}

/// Counts the use of a user who was made in the same transaction; the link.
pub(super) async fn use_held_invite(
    transaction: &Transaction<'_>,
    held: &HeldInvite,
    uid: Uid,
) -> Result<Option<Invite>> {
    note_use(transaction, held, uid).await?;
    count_use(transaction, held).await?;
    invite_by_id(transaction, held.id).await
}

/// Links of one maker are made one after the other: counting sees those before.
async fn one_at_a_time(transaction: &Transaction<'_>, by: Option<Uid>) -> Result<()> {
    const OPERATOR: i64 = 0x696e_7669_7465_7321;
    match by {
        Some(by) => {
            let lock = "SELECT 1 FROM accounts.users WHERE id = $1 FOR NO KEY UPDATE";
            transaction.execute(lock, &[&by.0]).await.map_err(failed)?;
        }
        None => {
            let lock = "SELECT pg_advisory_xact_lock($1)";
            transaction.execute(lock, &[&OPERATOR]).await.map_err(failed)?;
        }
    }
    Ok(())
}

async fn invite_by_id(client: &impl GenericClient, id: i64) -> Result<Option<Invite>> {
    let query = format!("SELECT {COLUMNS} {FROM} WHERE i.id = $1");
    let row = client.query_opt(&query, &[&id]).await.map_err(failed)?;
    Ok(row.as_ref().map(invite))
}

fn invite(row: &Row) -> Invite {
    let by: Option<i64> = row.get(2);
    let maker = |uid| Maker {
        uid: Uid(uid),
        username: row.get(3),
        display_name: row.get(4),
        avatar: row.get(12),
        is_admin: row.get(5),
    };
    let rooms: Vec<i64> = row.get(6);
    Invite {
        id: InviteId(row.get(0)),
        label: row.get(1),
        by: by.map(maker),
        rooms: rooms.into_iter().map(RoomId).collect(),
        created_at: row.get(7),
        expires_at: row.get::<_, Option<i64>>(8).map(crate::base::time::stored),
        uses: row.get(9),
        uses_max: row.get(10),
        is_revoked: row.get(11),
    }
}
