//! Invite links, by the SHA-256 of their secret.
//!
//! A link is live as long as it is neither revoked, nor expired, nor used up, and its maker may still invite.

use tokio_postgres::{GenericClient, Row, Transaction};

use super::locks::{Lock, lock};
use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{InviteId, RoomId, Uid};
use crate::base::time::now_ms;

/// A link to be stored.
pub struct NewInvite<'a> {
    /// The SHA-256 of its secret.
    pub digest: &'a [u8; 32],
    /// Whose it is; the operator's if nobody's.
    pub by: Option<Uid>,
    /// What it is for.
    pub label: &'a str,
    /// The rooms it opens.
    pub rooms: &'a [RoomId],
    /// Until when it is good; without an end if not set.
    pub expires_at: Option<i64>,
    /// How many people may use it; any number if not set.
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

/// Which links are listed.
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
pub(super) const COLUMNS: &str = "i.id, i.label, i.made_by,
     CASE WHEN u.removed_at IS NULL THEN u.username ELSE '' END,
     CASE WHEN u.removed_at IS NULL THEN u.display_name ELSE '' END,
     u.is_admin, i.rooms, i.created_at, i.expires_at, i.uses, i.uses_max,
     i.revoked_at IS NOT NULL, CASE WHEN u.removed_at IS NULL THEN u.avatar END";

pub(super) const FROM: &str =
    "FROM accounts.invites i LEFT JOIN accounts.users u ON u.id = i.made_by";

/// Whether a link may be used at all. `$1` is now, `$2` whether members may invite.
pub(super) const VALID: &str =
    "i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > $1)
     AND (i.made_by IS NULL OR EXISTS (
         SELECT 1 FROM accounts.users m WHERE m.id = i.made_by AND m.disabled_at IS NULL
           AND m.removed_at IS NULL AND (m.is_admin OR $2)))";

/// Whether there is a use left for somebody who has not used it yet.
pub(super) const LEFT: &str = "(i.uses_max IS NULL OR i.uses < i.uses_max)";

impl AccountStore {
    /// Stores a link, unless its maker has `most` live ones already.
    ///
    /// # Errors
    /// `conflict`, `unavailable`.
    pub async fn create_invite(&self, new: &NewInvite<'_>, most: i64) -> Result<InviteId> {
        let rooms: Vec<_> = new.rooms.iter().map(|room| room.0).collect();
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        lock_maker(&transaction, new.by).await?;
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

/// Links of one maker are made one after the other: each counts those before it.
async fn lock_maker(transaction: &Transaction<'_>, by: Option<Uid>) -> Result<()> {
    match by {
        Some(by) => {
            let lock = "SELECT 1 FROM accounts.users WHERE id = $1 FOR NO KEY UPDATE";
            transaction.execute(lock, &[&by.0]).await.map_err(failed)?;
        }
        None => lock(transaction, Lock::OperatorInvites).await?,
    }
    Ok(())
}

pub(super) async fn invite_by_id(client: &impl GenericClient, id: i64) -> Result<Option<Invite>> {
    let query = format!("SELECT {COLUMNS} {FROM} WHERE i.id = $1");
    let row = client.query_opt(&query, &[&id]).await.map_err(failed)?;
    Ok(row.as_ref().map(invite))
}

pub(super) fn invite(row: &Row) -> Invite {
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
