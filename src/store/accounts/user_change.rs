//! One change of a user by an administrator: when it fits, what it writes, and how the audit log calls it.

use serde_json::{Value, json};
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::sessions::{Ending, end_sessions};
use super::user_rows::UserRow;
use super::{directory_names, failed, name_skeletons, restorable_ms};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::names;
use crate::base::principal::Principal;
use crate::base::time::now_ms;

/// What is to change about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// Makes an administrator.
    Promote,
    /// Takes that back.
    Demote,
    /// Stops the user from signing in.
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
    pub(super) fn action(&self, by: Principal) -> &'static str {
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

    pub(super) fn detail(&self) -> Value {
        match self {
            Self::Rename { username, .. } => json!({"username": username}),
            Self::DisplayName(name) => json!({"display_name": name}),
            Self::Remove { erase } => json!({"messages": if *erase { "erase" } else { "keep" }}),
            _ => json!({}),
        }
    }

    /// Checks that the change still fits the user; if it does not, somebody else was faster.
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

    /// Whether the user is so already; then nothing is written.
    pub(super) fn is_so(&self, user: &UserRow) -> bool {
        match self {
            Self::Rename { username, .. } => *username == user.username,
            Self::DisplayName(name) => *name == user.display_name,
            _ => false,
        }
    }

    /// The actions in the audit log after which this change does not fit the user any more.
    pub(super) fn forestalled_by(&self, user: &UserRow) -> &'static [&'static str] {
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
    pub(super) fn takes_an_admin(&self) -> bool {
        matches!(self, Self::Demote | Self::Disable | Self::Remove { .. })
    }
}

/// Writes the change.
///
/// # Errors
/// `conflict` if a user name is taken, `unavailable`.
pub(super) async fn apply(
    transaction: &Transaction<'_>,
    uid: Uid,
    change: &UserChange,
) -> Result<()> {
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
        // A removed account is also a disabled one, so a query for disabled accounts finds both.
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
            directory_names::check_free(transaction, uid, username).await?;
            name_skeletons::reserve(transaction, uid, username).await?;
        }
        // Tokens of a disabled account open nothing, but are there again when it is enabled.
        UserChange::Disable => {
            drop(end_sessions(transaction, uid, Ending::Browsers { except: None }).await?)
        }
        UserChange::Remove { .. } => {
            drop(end_sessions(transaction, uid, Ending::Everything).await?)
        }
        _ => {}
    }
    Ok(())
}

fn name_taken(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return directory_names::taken();
    }
    failed(error)
}
