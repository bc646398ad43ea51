//! Administration of users: changes that keep the rules whoever acts at the same time.
//!
//! All changes take turns by one lock, and each checks within its own transaction that whoever acts
//! still may, that the user is still in the state the change starts from, and that somebody who can
//! administrate is left. So of two administrators who act at once one wins and the other is told. The
//! entry of the audit log is part of the transaction.

use serde_json::{Value, json};
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::audit::{self, AuditEntry};
use super::sessions::end_sessions;
use super::tickets::{NewTicket, keep_ticket};
use super::user_rows::{UserRow, no_user, row_in};
use super::users::{NewUser, insert_user};
use super::{AccountStore, failed, name_skeletons, now_ms, restorable_ms};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::names;
use crate::base::principal::Principal;

/// Changes of users take turns. Any constant does.
const LOCK: i64 = 0x0061_646d_696e;

/// Who changes something, for the audit log.
pub(super) struct Actor {
    pub(super) uid: Option<Uid>,
    pub(super) name: String,
}

/// What is to change about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// Makes an administrator.
    Promote,
    /// Takes that back.
    Demote,
    /// Keeps the user from signing in.
    Disable,
    /// Lets the user in again.
    Enable,
    /// Another name to sign in with, and how it is compared.
    Rename {
        /// As people see it.
        username: String,
        /// As it is compared.
        key: String,
    },
    /// Another name to be shown with.
    DisplayName(String),
    /// Removes the account, and what it wrote if so wished.
    Remove {
        /// Whether the messages go, too.
        erase: bool,
    },
    /// Takes a removal back.
    Restore,
}

impl UserChange {
    fn action(&self, by: Principal) -> &'static str {
        match self {
            Self::Promote => "user.promote",
            Self::Demote => "user.demote",
            Self::Disable => "user.disable",
            Self::Enable => "user.enable",
            Self::Rename { .. } | Self::DisplayName(_) => "user.update",
            Self::Remove { .. } if matches!(by, Principal::User { is_admin: false, .. }) => {
                "user.delete_self"
            }
            Self::Remove { .. } => "user.remove",
            Self::Restore => "user.restore",
        }
    }

    fn detail(&self) -> Value {
        match self {
            Self::Rename { username, .. } => json!({"username": username}),
            Self::DisplayName(name) => json!({"display_name": name}),
            Self::Remove { erase } => json!({"messages": if *erase { "erase" } else { "keep" }}),
            _ => json!({}),
        }
    }

    /// Whether the user is as the change needs him: if not, somebody else was faster.
    ///
    /// # Errors
    /// `conflict`.
    pub fn check(&self, user: &UserRow) -> Result<()> {
        let wrong = match (self, user.removed_at) {
            (Self::Restore, None) => "This account is not removed.",
            (Self::Restore, Some(at)) if at < now_ms() - restorable_ms() => {
                "This account was removed too long ago to be restored."
            }
            (Self::Restore, Some(_)) => return Ok(()),
            (_, Some(_)) => "This account has been removed already.",
            (Self::Promote, _) if user.is_admin => "This user is an admin already.",
            (Self::Demote, _) if !user.is_admin => "This user is no admin.",
            (Self::Disable, _) if user.is_disabled => "This account has been disabled already.",
            (Self::Enable, _) if !user.is_disabled => "This account is not disabled.",
            _ => return Ok(()),
        };
        Err(Error::new(Code::Conflict, wrong))
    }

    /// Whether the user is so already, which is nothing to be told of.
    fn is_so(&self, user: &UserRow) -> bool {
        match self {
            Self::Rename { username, .. } => *username == user.username,
            Self::DisplayName(name) => *name == user.display_name,
            _ => false,
        }
    }

    /// The deeds by which a user becomes such that this change does not fit.
    fn forestalled_by(&self, user: &UserRow) -> &'static [&'static str] {
        match (self, user.removed_at) {
            (Self::Restore, None) => &["user.restore"],
            (Self::Restore, Some(_)) => &[],
            (_, Some(_)) => &["user.remove", "user.delete_self"],
            (Self::Promote, _) => &["user.promote"],
            (Self::Demote, _) => &["user.demote"],
            (Self::Disable, _) => &["user.disable"],
            (Self::Enable, _) => &["user.enable"],
            _ => &[],
        }
    }

    /// Whether somebody who could administrate no longer can.
    fn takes_an_admin(&self) -> bool {
        matches!(self, Self::Demote | Self::Disable | Self::Remove { .. })
    }
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
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let uid = insert_user(&transaction, new).await?;
        keep_ticket(&transaction, uid, by.uid(), ticket).await?;
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
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let user = row_in(&transaction, uid).await?;
        if user.is_disabled {
            let text = "This account is disabled or removed. Please enable or restore it first.";
            return Err(Error::new(Code::Conflict, text));
        }
        keep_ticket(&transaction, uid, by.uid(), ticket).await?;
        let detail = json!({"compromised": ticket.is_compromised});
        note(&transaction, &actor, "user.reset", uid, &user.username, &detail).await?;
        transaction.commit().await.map_err(failed)
    }

    /// Ends the sessions of a user, tokens left out; which ones.
    ///
    /// # Errors
    /// `forbidden` for somebody who is no administrator any more, `not_found`.
    pub async fn end_sessions_by(&self, by: Principal, uid: Uid) -> Result<Vec<SessionId>> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let user = row_in(&transaction, uid).await?;
        let ended = end_sessions(&transaction, uid, None, false).await?;
        if ended.is_empty() {
            return Ok(ended);
        }
        note(&transaction, &actor, "user.sessions", uid, &user.username, &json!({})).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    /// Makes all of these changes, or none; the user then, and which of them were not so already.
    ///
    /// # Errors
    /// `forbidden` for somebody who may not (any more) and if nobody could administrate any more,
    /// `conflict` if the user is not as the change needs him, `not_found`.
    pub async fn change_user(
        &self,
        by: Principal,
        uid: Uid,
        changes: &[UserChange],
    ) -> Result<(UserRow, Vec<UserChange>)> {
        let mut done = Vec::new();
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        // Deleting one's own account takes no right of an administrator.
        let actor = match (by, changes) {
            (Principal::User { uid: own, is_admin: false }, [UserChange::Remove { .. }])
                if own == uid =>
            {
                take_turn(&transaction).await?;
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
    /// The number stays, so that what it wrote keeps an author, and the name is free again.
    ///
    /// # Errors
    /// `unavailable`; `not_found` if it was restored meanwhile.
    pub async fn purge_user(&self, uid: Uid, before: i64) -> Result<()> {
        let mut client = self.database.get().await?;
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
        for statement in [
            "DELETE FROM accounts.name_skeletons WHERE user_id = $1",
            "DELETE FROM accounts.avatars WHERE user_id = $1",
            "DELETE FROM accounts.auth_slots WHERE user_id = $1",
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

/// Takes the turn and checks that whoever acts may still change other users.
///
/// # Errors
/// `forbidden` for a user who is no administrator any more, `unavailable`.
pub(super) async fn begin(transaction: &Transaction<'_>, by: Principal) -> Result<Actor> {
    take_turn(transaction).await?;
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

async fn take_turn(transaction: &Transaction<'_>) -> Result<()> {
    let lock = "SELECT pg_advisory_xact_lock($1)";
    transaction.execute(lock, &[&LOCK]).await.map_err(failed)?;
    Ok(())
}

async fn keep_an_admin(transaction: &Transaction<'_>, without: Uid) -> Result<()> {
    let sql = "SELECT FROM accounts.users
               WHERE is_admin AND disabled_at IS NULL AND id <> $1 LIMIT 1";
    let other = transaction.query_opt(sql, &[&without.0]).await.map_err(failed)?;
    let text = "This is the last admin. Please make somebody else an admin first.";
    other.map(|_| ()).ok_or_else(|| Error::new(Code::Forbidden, text))
}

async fn apply(transaction: &Transaction<'_>, uid: Uid, change: &UserChange) -> Result<()> {
    let now = now_ms();
    let folded;
    let (set, values): (&str, Vec<&(dyn ToSql + Sync)>) = match change {
        UserChange::Promote => ("is_admin = true", vec![]),
        UserChange::Demote => ("is_admin = false", vec![]),
        UserChange::Disable => ("disabled_at = $2", vec![&now]),
        UserChange::Enable => ("disabled_at = NULL", vec![]),
        UserChange::Rename { username, key } => {
            ("username = $2, username_key = $3", vec![username, key])
        }
        UserChange::DisplayName(name) => {
            folded = names::key(name);
            ("display_name = $2, display_key = $3", vec![name, &folded])
        }
        // A removed account is a disabled one, too: nothing that asks for the one need ask for both.
        UserChange::Remove { erase } => (
            "removed_at = $2, disabled_at = coalesce(disabled_at, $2), erases_messages = $3",
            vec![&now, erase],
        ),
        // Who was disabled before is so again.
        UserChange::Restore => (
            "disabled_at = CASE WHEN disabled_at < removed_at THEN disabled_at END,
             removed_at = NULL, erases_messages = false",
            vec![],
        ),
    };
    let sql = format!("UPDATE accounts.users SET {set} WHERE id = $1");
    let values: Vec<_> = std::iter::once(&uid.0 as &(dyn ToSql + Sync)).chain(values).collect();
    transaction.execute(&sql, &values).await.map_err(name_taken)?;
    match change {
        UserChange::Rename { username, .. } => {
            name_skeletons::reserve(transaction, uid, username).await?
        }
        // Tokens of a disabled account open nothing, but are there again when it is enabled.
        UserChange::Disable => drop(end_sessions(transaction, uid, None, false).await?),
        UserChange::Remove { .. } => drop(end_sessions(transaction, uid, None, true).await?),
        _ => {}
    }
    Ok(())
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

fn name_taken(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Error::new(Code::Conflict, "That user name is taken.");
    }
    failed(error)
}
