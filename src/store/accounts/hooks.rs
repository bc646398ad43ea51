//! Incoming hooks, by the SHA-256 of their secret. Each has a bot: a user without a password, by whose name and picture
//! it is known. A hook that is revoked is gone; its bot stays, disabled, as the author of what it wrote.

use tokio_postgres::{Row, Transaction};

use super::locks::{Lock, lock};
use super::users::{NewUser, insert_user};
use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{HookId, RoomId, Uid};
use crate::base::limits::auth as limits;
use crate::base::names;
use crate::base::time::now_ms;

/// A hook to be made.
pub struct NewHook<'a> {
    /// The SHA-256 of its secret.
    pub digest: &'a [u8; 32],
    /// The room it writes into.
    pub room: RoomId,
    /// The user name of its bot, which nobody sees.
    pub username: &'a str,
    /// The name it writes by.
    pub name: &'a str,
    /// Who makes it; nobody for the command line.
    pub by: Option<Uid>,
}

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The hook.
    pub id: HookId,
    /// Its bot.
    pub uid: Uid,
    /// The room it writes into.
    pub room: RoomId,
    /// The name it writes by.
    pub name: String,
    /// The name of its picture's files.
    pub avatar: Option<String>,
    /// Who made it; nobody for the command line.
    pub by: Option<Uid>,
    /// When it was made.
    pub created_at: i64,
    /// When it was last used, to the minute.
    pub used_at: Option<i64>,
}

const HOOK: &str =
    "SELECT h.id, h.user_id, h.room, u.display_name, u.avatar, h.made_by, h.created_at, h.used_at
    FROM accounts.hooks h JOIN accounts.users u ON u.id = h.user_id WHERE ";

impl AccountStore {
    /// Makes a hook and its bot.
    ///
    /// # Errors
    /// `conflict` if the room or the server has as many as may be, or the name looks like another one; `unavailable`.
    pub async fn create_hook(&self, new: &NewHook<'_>) -> Result<Hook> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        lock(&transaction, Lock::Hooks).await?;
        check_count(&transaction, new.room).await?;
        let key = names::key(new.username);
        let user = NewUser {
            username: new.username,
            username_key: &key,
            is_admin: false,
            display_name: new.name,
            slot: None,
        };
        let uid = insert_user(&transaction, &user).await?;
        let mark = "UPDATE accounts.users SET is_bot = true, has_joined = true WHERE id = $1";
        transaction.execute(mark, &[&uid.0]).await.map_err(failed)?;
        check_name(&transaction, uid, new.room, new.name).await?;
        let made = transaction
            .query_one(
                "INSERT INTO accounts.hooks (user_id, room, digest, made_by, created_at)
                 VALUES ($1, $2, $3, $4, $5) RETURNING id",
                &[&uid.0, &new.room.0, &new.digest.as_slice(), &new.by.map(|by| by.0), &now_ms()],
            )
            .await
            .map_err(failed)?;
        let hook = hook_in(&transaction, new.room, HookId(made.get(0))).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(hook)
    }

    /// The hooks of a room, oldest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn hooks(&self, room: RoomId) -> Result<Vec<Hook>> {
        let sql = format!("{HOOK} h.room = $1 ORDER BY h.id");
        let client = self.database.get().await?;
        let rows = client.query(&sql, &[&room.0]).await.map_err(failed)?;
        Ok(rows.iter().map(hook).collect())
    }

    /// The bots of all hooks.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn bots(&self) -> Result<Vec<Uid>> {
        let client = self.database.get().await?;
        let rows = client.query("SELECT user_id FROM accounts.hooks", &[]).await.map_err(failed)?;
        Ok(rows.iter().map(|row| Uid(row.get(0))).collect())
    }

    /// A hook of a room.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn hook(&self, room: RoomId, id: HookId) -> Result<Hook> {
        let sql = format!("{HOOK} h.room = $1 AND h.id = $2");
        let client = self.database.get().await?;
        let row = client.query_opt(&sql, &[&room.0, &id.0]).await.map_err(failed)?;
        row.as_ref().map(hook).ok_or_else(no_hook)
    }

    /// The hook whose secret has this digest.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn hook_of_secret(&self, digest: &[u8; 32]) -> Result<Hook> {
        let sql = format!("{HOOK} h.digest = $1");
        let client = self.database.get().await?;
        let row = client.query_opt(&sql, &[&digest.as_slice()]).await.map_err(failed)?;
        row.as_ref().map(hook).ok_or_else(no_hook)
    }

    /// Gives a hook another name.
    ///
    /// # Errors
    /// `not_found`, `conflict` if the name looks like another one, `unavailable`.
    pub async fn rename_hook(&self, room: RoomId, id: HookId, name: &str) -> Result<Hook> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        lock(&transaction, Lock::Hooks).await?;
        let before = hook_in(&transaction, room, id).await?;
        check_name(&transaction, before.uid, room, name).await?;
        let sql = "UPDATE accounts.users SET display_name = $2, display_key = $3 WHERE id = $1";
        let key = names::key(name);
        transaction.execute(sql, &[&before.uid.0, &name, &key]).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(Hook { name: name.to_owned(), ..before })
    }

    /// Ends a hook. Its bot stays as an author.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn revoke_hook(&self, room: RoomId, id: HookId) -> Result<Hook> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let revoked = hook_in(&transaction, room, id).await?;
        let sql = "DELETE FROM accounts.hooks WHERE id = $1";
        transaction.execute(sql, &[&id.0]).await.map_err(failed)?;
        let sql = "UPDATE accounts.users SET disabled_at = $2 WHERE id = $1";
        transaction.execute(sql, &[&revoked.uid.0, &now_ms()]).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(revoked)
    }

    /// Notes that a hook was used, once a minute.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn touch_hook(&self, id: HookId) -> Result<()> {
        let sql = "UPDATE accounts.hooks SET used_at = $2::bigint
                   WHERE id = $1 AND coalesce(used_at, 0) < $2::bigint - 60000";
        self.database.get().await?.execute(sql, &[&id.0, &now_ms()]).await.map_err(failed)?;
        Ok(())
    }

    /// Ends all hooks of a room that is gone for good.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn revoke_hooks_of(&self, room: RoomId) -> Result<()> {
        for hook in self.hooks(room).await? {
            self.revoke_hook(room, hook.id).await?;
        }
        Ok(())
    }
}

async fn check_count(transaction: &Transaction<'_>, room: RoomId) -> Result<()> {
    let sql = "SELECT count(*) FILTER (WHERE room = $1), count(*) FROM accounts.hooks";
    let row = transaction.query_one(sql, &[&room.0]).await.map_err(failed)?;
    let (here, everywhere): (i64, i64) = (row.get(0), row.get(1));
    if here >= limits::HOOKS_PER_ROOM {
        let text = "This room has as many hooks as it may have. Please revoke one first.";
        return Err(Error::new(Code::Conflict, text));
    }
    if everywhere >= limits::HOOKS {
        let text = "This server has as many hooks as it may have. Please ask an admin.";
        return Err(Error::new(Code::Conflict, text));
    }
    Ok(())
}

/// Nobody may take a hook for a person, nor for another hook of its room.
async fn check_name(
    transaction: &Transaction<'_>,
    uid: Uid,
    room: RoomId,
    name: &str,
) -> Result<()> {
    let sql = "SELECT FROM accounts.users u
               WHERE u.id <> $1 AND u.removed_at IS NULL
                 AND (NOT u.is_bot OR EXISTS (
                     SELECT FROM accounts.hooks h WHERE h.user_id = u.id AND h.room = $2))
                 AND (EXISTS (SELECT FROM accounts.shown_skeletons s
                              WHERE s.user_id = u.id AND s.skeleton = ANY($3))
                      OR EXISTS (SELECT FROM accounts.name_skeletons s
                                 WHERE s.user_id = u.id AND s.skeleton = ANY($3)))
               LIMIT 1";
    let skeletons = names::shown_skeletons(name);
    let found = transaction.query_opt(sql, &[&uid.0, &room.0, &skeletons]).await;
    if found.map_err(failed)?.is_some() {
        let text = "This name looks like that of somebody else here. Please choose another one.";
        return Err(Error::new(Code::Conflict, text));
    }
    Ok(())
}

async fn hook_in(transaction: &Transaction<'_>, room: RoomId, id: HookId) -> Result<Hook> {
    let sql = format!("{HOOK} h.room = $1 AND h.id = $2 FOR UPDATE OF h");
    let row = transaction.query_opt(&sql, &[&room.0, &id.0]).await.map_err(failed)?;
    row.as_ref().map(hook).ok_or_else(no_hook)
}

fn hook(row: &Row) -> Hook {
    Hook {
        id: HookId(row.get(0)),
        uid: Uid(row.get(1)),
        room: RoomId(row.get(2)),
        name: row.get(3),
        avatar: row.get(4),
        by: row.get::<_, Option<i64>>(5).map(Uid),
        created_at: row.get(6),
        used_at: row.get(7),
    }
}

/// The answer for a hook that never was, was revoked, or is another room's.
fn no_hook() -> Error {
    Error::new(Code::NotFound, "There is no such hook.")
}
