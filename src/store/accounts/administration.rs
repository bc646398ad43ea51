//! Administration of users, with rules that hold even if several administrators act at the same time.
//!
//! One lock makes all changes run one after the other. Each checks within its own transaction that whoever acts still
//! may, that the user is still in the state the change starts from, and that an administrator is left. So of two
//! administrators who act at once one succeeds and the other gets an error. The entry of the audit log is part of the
//! transaction.

use serde_json::{Value, json};
use tokio_postgres::Transaction;

use super::audit::{self, AuditEntry};
use super::key_changes::swap_earlier;
use super::locks::{Lock, lock};
use super::passwords::lock_open_user;
use super::sessions::{Ending, end_sessions};
use super::tickets::{NewTicket, store_ticket};
use super::user_change::{UserChange, apply};
use super::user_rows::{UserRow, no_user, row_in};
use super::users::{NewUser, insert_user};
use super::{AccountStore, directory_names, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::principal::Principal;
use crate::base::time::now_ms;

/// Why nothing is done about how somebody signs in.
const SHUT: &str = "This account is disabled or removed. Please enable or restore it first.";

/// Who changes something, for the audit log.
pub(super) struct Actor {
    pub(super) uid: Option<Uid>,
    pub(super) name: String,
}

impl AccountStore {
    /// Makes a user without a password, and the ticket that sets the first.
    ///
    /// # Errors
    /// `conflict` if the name is taken, `forbidden` for somebody who is no administrator any more.
    pub async fn create_user_by(
        &self,
        by: Principal,
        new: &NewUser<'_>,
        ticket: &NewTicket,
    ) -> Result<UserRow> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let uid = insert_user(&transaction, new).await?;
        store_ticket(&transaction, uid, by.uid(), ticket).await?;
        let detail = json!({"admin": new.is_admin});
        note(&transaction, &actor, "user.create", uid, new.username, &detail).await?;
        let user = row_in(&transaction, uid).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(user)
    }

    /// Gives a user a ticket in the place of earlier ones.
    ///
    /// # Errors
    /// `conflict` if the account is shut, `forbidden` for somebody who is no administrator any
    /// more, `not_found`.
    pub async fn reset_user(&self, by: Principal, uid: Uid, ticket: &NewTicket) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let user = row_in(&transaction, uid).await?;
        if user.is_disabled {
            return Err(Error::new(Code::Conflict, SHUT));
        }
        store_ticket(&transaction, uid, by.uid(), ticket).await?;
        let detail = json!({"compromised": ticket.is_compromised});
        note(&transaction, &actor, "user.reset", uid, &user.username, &detail).await?;
        transaction.commit().await.map_err(failed)
    }

    /// Ends the sessions of a user, tokens left out; which ones.
    ///
    /// # Errors
    /// `forbidden` for somebody who is no administrator any more, `not_found`.
    pub async fn end_sessions_by(&self, by: Principal, uid: Uid) -> Result<Vec<SessionId>> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let user = row_in(&transaction, uid).await?;
        let ended = end_sessions(&transaction, uid, Ending::Browsers { except: None }).await?;
        if ended.is_empty() {
            return Ok(ended);
        }
        note(&transaction, &actor, "user.sessions", uid, &user.username, &json!({})).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    /// Puts back the earlier version of a user's keys and the password that opens it, and ends the user's browsers:
    /// whoever signed in by what is undone signs in again. Tickets are not good any more. Returns the sessions that
    /// ended.
    ///
    /// # Errors
    /// `conflict` if there is no earlier version from after `not_before`, if the user has made other keys since, or if
    /// the account is shut; `forbidden` for somebody who is no administrator any more, `not_found`.
    pub async fn restore_keys(
        &self,
        by: Principal,
        uid: Uid,
        not_before: i64,
    ) -> Result<Vec<SessionId>> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let user = row_in(&transaction, uid).await?;
        if lock_open_user(&transaction, uid).await?.is_none() {
            return Err(Error::new(Code::Conflict, SHUT));
        }
        swap_earlier(&transaction, uid, not_before).await?;
        let statement = "DELETE FROM accounts.tickets WHERE user_id = $1";
        transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
        let ended = end_sessions(&transaction, uid, Ending::Browsers { except: None }).await?;
        note(&transaction, &actor, "keys.restore", uid, &user.username, &json!({})).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    /// Makes all of these changes, or none; the user then, and which of them were not so already.
    ///
    /// # Errors
    /// `forbidden` for somebody who may not (any more) and if nobody could administrate any more,
    /// `conflict` if a change does not fit the user any more, `not_found`.
    pub async fn change_user(
        &self,
        by: Principal,
        uid: Uid,
        changes: &[UserChange],
    ) -> Result<(UserRow, Vec<UserChange>)> {
        let mut done = Vec::new();
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        // Deleting one's own account takes no right of an administrator.
        let actor = match (by, changes) {
            (Principal::User { uid: own, is_admin: false }, [UserChange::Remove { .. }])
                if own == uid =>
            {
                lock(&transaction, Lock::Administration).await?;
                Actor { uid: Some(own), name: row_in(&transaction, own).await?.username }
            }
            _ => begin(&transaction, by).await?,
        };
        for change in changes {
            let user = row_in(&transaction, uid).await?;
            if let Err(error) = change.check(&user) {
                let winner = audit::last_actor(&transaction, uid, change.forestalled_by(&user));
                let winner =
                    winner.await?.map_or_else(String::new, |name| format!(" It was {name}."));
                return Err(Error::new(error.code(), format!("{}{winner}", error.message())));
            }
            if change.is_so(&user) {
                continue;
            }
            if change.takes_an_admin() && user.is_admin && !user.is_disabled {
                keep_an_admin(&transaction, uid).await?;
            }
            apply(&transaction, uid, change).await?;
            note(&transaction, &actor, change.action(by), uid, &user.username, &change.detail())
                .await?;
            done.push(change.clone());
        }
        let user = row_in(&transaction, uid).await?;
        transaction.commit().await.map_err(failed)?;
        Ok((user, done))
    }

    /// Erases everything personal about a removed account: names, words, picture, password, sessions.
    /// The number stays, so that what it wrote keeps an author. The name is free again, unless it ever stood in the
    /// directory of keys: then it is forgotten, and nobody else ever gets it.
    ///
    /// # Errors
    /// `unavailable`; `not_found` if it was restored meanwhile.
    pub async fn purge_user(&self, uid: Uid, before: i64) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, Principal::Server).await?;
        let emptied = transaction
            .execute(
                "UPDATE accounts.users SET username = '', username_key = 'purged:' || id,
                     display_name = '', display_key = '', bio = '', locale = '', status_text = '', status_until = NULL,
                     avatar = NULL, is_admin = false, seen_at = NULL, purged_at = $2
                 WHERE id = $1 AND removed_at < $3 AND purged_at IS NULL",
                &[&uid.0, &now_ms(), &before],
            )
            .await
            .map_err(failed)?;
        if emptied == 0 {
            return Err(no_user());
        }
        directory_names::forget_names(&transaction, uid).await?;
        for statement in [
            "DELETE FROM accounts.name_skeletons WHERE user_id = $1",
            "DELETE FROM accounts.avatars WHERE user_id = $1",
            "DELETE FROM accounts.auth_slots WHERE user_id = $1",
            "DELETE FROM accounts.keys WHERE user_id = $1",
            "DELETE FROM accounts.keys_old WHERE user_id = $1",
            "DELETE FROM accounts.proofs WHERE user_id = $1",
            "DELETE FROM accounts.sessions WHERE user_id = $1",
            "DELETE FROM accounts.tickets WHERE user_id = $1",
            "DELETE FROM accounts.invites WHERE made_by = $1",
            "DELETE FROM accounts.invite_uses WHERE user_id = $1",
        ] {
            transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
        }
        note(&transaction, &actor, "user.purge", uid, "", &json!({})).await?;
        transaction.commit().await.map_err(failed)
    }
}

/// Takes the lock and checks that whoever acts may still change other users.
///
/// # Errors
/// `forbidden` for a user who is no administrator any more, `unavailable`.
pub(super) async fn begin(transaction: &Transaction<'_>, by: Principal) -> Result<Actor> {
    lock(transaction, Lock::Administration).await?;
    let name = match by {
        Principal::User { uid, .. } => {
            let sql = "SELECT username FROM accounts.users
                       WHERE id = $1 AND is_admin AND disabled_at IS NULL";
            let row = transaction.query_opt(sql, &[&uid.0]).await.map_err(failed)?;
            let refused = || Error::new(Code::Forbidden, "You are not an admin of the server.");
            row.ok_or_else(refused)?.get(0)
        }
        Principal::Operator => "command line".to_owned(),
        // The purge is the only change that the server makes by itself.
        Principal::Server => "thirty days".to_owned(),
    };
    Ok(Actor { uid: by.uid(), name })
}

async fn keep_an_admin(transaction: &Transaction<'_>, without: Uid) -> Result<()> {
    let sql = "SELECT FROM accounts.users
               WHERE is_admin AND disabled_at IS NULL AND id <> $1 LIMIT 1";
    let other = transaction.query_opt(sql, &[&without.0]).await.map_err(failed)?;
    let text = "This is the last admin. Please make somebody else an admin first.";
    other.map(|_| ()).ok_or_else(|| Error::new(Code::Forbidden, text))
}

async fn note(
    transaction: &Transaction<'_>,
    actor: &Actor,
    action: &str,
    uid: Uid,
    name: &str,
    detail: &Value,
) -> Result<()> {
    let target_id = uid.to_string();
    let entry = AuditEntry {
        actor: actor.uid,
        actor_name: &actor.name,
        action,
        target_kind: "user",
        target_id: &target_id,
        target_name: name,
        detail,
    };
    audit::append(transaction, &entry).await
}
