//! Administration of users: the list, and changes that keep the rules whoever acts at the same time.
//!
//! All changes take turns by one lock, and each checks within its own transaction that whoever acts
//! still may, that the user is still in the state the change starts from, and that somebody who can
//! administrate is left. So of two administrators who act at once one wins and the other is told. The
//! entry of the audit log is part of the transaction.

use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Transaction};

use super::audit::{self, AuditEntry};
use super::{AccountStore, failed, looks, now_ms};
use crate::error::{Code, Error, Result};
use crate::ids::Uid;

/// Changes of users take turns. Any constant does.
const LOCK: i64 = 0x0061_646d_696e;

/// Who acts.
#[derive(Debug, Clone, Copy)]
pub enum Authority<'a> {
    /// An administrator, if he still is one.
    Admin(Uid, &'a str),
    /// The operator, from the command line.
    Operator,
    /// The user himself.
    Oneself(Uid, &'a str),
    /// The server's own clockwork.
    Purge,
}

impl Authority<'_> {
    fn entry_of(&self) -> (Option<Uid>, &str) {
        match self {
            Self::Admin(uid, name) | Self::Oneself(uid, name) => (Some(*uid), name),
            Self::Operator => (None, "command line"),
            Self::Purge => (None, "thirty days"),
        }
    }
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
    fn action(&self, by: Authority<'_>) -> &'static str {
        match self {
            Self::Promote => "user.promote",
            Self::Demote => "user.demote",
            Self::Disable => "user.disable",
            Self::Enable => "user.enable",
            Self::Rename { .. } | Self::DisplayName(_) => "user.update",
            Self::Remove { .. } if matches!(by, Authority::Oneself(..)) => "user.delete_self",
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

    /// Whether somebody who could administrate no longer can.
    fn takes_an_admin(&self) -> bool {
        matches!(self, Self::Demote | Self::Disable | Self::Remove { .. })
    }
}

/// A user as administrators see him.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// Who.
    pub uid: Uid,
    /// The name to sign in with.
    pub username: String,
    /// How it is compared; what lists are sorted by.
    pub key: String,
    /// The name to be shown with.
    pub display_name: String,
    /// The name of the picture's files.
    pub avatar: Option<String>,
    /// Whether an administrator.
    pub is_admin: bool,
    /// Whether kept from signing in.
    pub is_disabled: bool,
    /// When the account was removed, in milliseconds.
    pub removed_at: Option<i64>,
    /// Whether what it wrote goes with it.
    pub erases: bool,
    /// Whether there is no password yet.
    pub is_new: bool,
    /// When the account was made.
    pub created_at: i64,
    /// When it was last used.
    pub seen_at: Option<i64>,
    /// Where it is signed in, tokens left out.
    pub sessions: u32,
}

/// Which users are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserFilter {
    /// All that are not removed.
    Present,
    /// Those who may sign in.
    Active,
    /// Those who may not.
    Disabled,
    /// Those whose account was removed and can be restored.
    Removed,
    /// Administrators.
    Admin,
}

impl UserFilter {
    fn condition(self) -> &'static str {
        match self {
            Self::Present => "removed_at IS NULL",
            Self::Active => "removed_at IS NULL AND disabled_at IS NULL",
            Self::Disabled => "removed_at IS NULL AND disabled_at IS NOT NULL",
            Self::Removed => "removed_at IS NOT NULL",
            Self::Admin => "removed_at IS NULL AND is_admin",
        }
    }
}

/// How many users there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Those who may sign in.
    pub active: i64,
    /// Those who may not.
    pub disabled: i64,
    /// Those who can be restored.
    pub removed: i64,
    /// Those made within the last seven days.
    pub new_week: i64,
}

const ROW: &str = "
    SELECT u.id, u.username, u.username_key, u.display_name, u.avatar, u.is_admin,
        u.disabled_at IS NOT NULL, u.removed_at, u.erases_messages,
        NOT EXISTS (SELECT FROM accounts.auth_slots s
                    WHERE s.user_id = u.id AND s.kind IN ('current', 'previous')),
        u.created_at,
        (SELECT max(s.seen_at) FROM accounts.sessions s WHERE s.user_id = u.id),
        (SELECT count(*) FROM accounts.sessions s WHERE s.user_id = u.id AND s.kind = 'browser')
    FROM accounts.users u WHERE u.purged_at IS NULL AND ";

impl AccountStore {
    /// A page of users in the order of their names, from after `after` on, and how many there are in
    /// all.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn users_page(
        &self,
        q: &str,
        filter: UserFilter,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<UserRow>, i64)> {
        let fits = format!(
            "{} AND ($1 = '' OR position(lower($1) in username_key) > 0
                 OR position(lower($1) in lower(display_name)) > 0)",
            filter.condition()
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.database.get().await?;
        let page = format!("{ROW} {fits} AND username_key > $2 ORDER BY username_key LIMIT $3");
        let rows = client.query(&page, &[&q, &after, &limit]).await.map_err(failed)?;
        let count =
            format!("SELECT count(*) FROM accounts.users WHERE purged_at IS NULL AND {fits}");
        let total = client.query_one(&count, &[&q]).await.map_err(failed)?.get(0);
        Ok((rows.iter().map(user_row).collect(), total))
    }

    /// One user.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn user_row(&self, uid: Uid) -> Result<UserRow> {
        let sql = format!("{ROW} u.id = $1");
        let row = self.database.get().await?.query_opt(&sql, &[&uid.0]).await.map_err(failed)?;
        row.as_ref().map(user_row).ok_or_else(no_user)
    }

    /// The user of that name, removed ones too.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn user_row_named(&self, username_key: &str) -> Result<UserRow> {
        let sql = format!("{ROW} u.username_key = $1");
        let row = self.database.get().await?.query_opt(&sql, &[&username_key]).await;
        row.map_err(failed)?.as_ref().map(user_row).ok_or_else(no_user)
    }

    /// How many users there are.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn user_counts(&self) -> Result<UserCounts> {
        let sql = "SELECT
                count(*) FILTER (WHERE removed_at IS NULL AND disabled_at IS NULL),
                count(*) FILTER (WHERE removed_at IS NULL AND disabled_at IS NOT NULL),
                count(*) FILTER (WHERE removed_at IS NOT NULL),
                count(*) FILTER (WHERE removed_at IS NULL AND created_at > $1)
            FROM accounts.users WHERE purged_at IS NULL";
        let week = now_ms() - 7 * 24 * 3_600_000;
        let row = self.database.get().await?.query_one(sql, &[&week]).await.map_err(failed)?;
        Ok(UserCounts {
            active: row.get(0),
            disabled: row.get(1),
            removed: row.get(2),
            new_week: row.get(3),
        })
    }

    /// How many users were made on each of the last `days` days (UTC), oldest first; the last is today.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn users_by_day(&self, days: usize) -> Result<Vec<i64>> {
        let (day_ms, span) = (24 * 3_600_000_i64, i64::try_from(days).unwrap_or(30));
        let first = now_ms() / day_ms - span + 1;
        let sql = "SELECT created_at / $1, count(*) FROM accounts.users
                   WHERE created_at >= $2 GROUP BY 1";
        let client = self.database.get().await?;
        let rows = client.query(sql, &[&day_ms, &(first * day_ms)]).await.map_err(failed)?;
        let mut counts = vec![0; days];
        for row in rows {
            let place = usize::try_from(row.get::<_, i64>(0) - first).ok();
            if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                *count = row.get(1);
            }
        }
        Ok(counts)
    }

    /// Makes a user without a password: a ticket lets him choose one.
    ///
    /// # Errors
    /// `conflict` if the name is taken, `forbidden` for somebody who is no administrator any more.
    pub async fn create_user_without_password(
        &self,
        by: Authority<'_>,
        username: &str,
        key: &str,
        display_name: &str,
        is_admin: bool,
    ) -> Result<UserRow> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        begin(&transaction, by).await?;
        let made = transaction
            .query_one(
                "INSERT INTO accounts.users (username, username_key, display_name, is_admin, created_at)
                 VALUES ($1, $2, $3, $4, $5) RETURNING id",
                &[&username, &key, &display_name, &is_admin, &now_ms()],
            )
            .await
            .map_err(name_taken)?;
        let uid = Uid(made.get(0));
        looks::take(&transaction, uid, key).await?;
        let detail = json!({"admin": is_admin});
        note(&transaction, by, "user.create", uid, username, &detail).await?;
        transaction.commit().await.map_err(failed)?;
        self.user_row(uid).await
    }

    /// Makes all of these changes, or none.
    ///
    /// # Errors
    /// `forbidden` for somebody who may not (any more), `conflict` if the user is not as the change
    /// needs him or is the last administrator, `not_found`.
    pub async fn change_user(
        &self,
        by: Authority<'_>,
        uid: Uid,
        changes: &[UserChange],
    ) -> Result<UserRow> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        begin(&transaction, by).await?;
        for change in changes {
            let sql = format!("{ROW} u.id = $1");
            let row = transaction.query_opt(&sql, &[&uid.0]).await.map_err(failed)?;
            let user = row.as_ref().map(user_row).ok_or_else(no_user)?;
            fits(&user, change)?;
            if change.takes_an_admin() && user.is_admin && !user.is_disabled {
                keep_an_admin(&transaction, uid).await?;
            }
            apply(&transaction, uid, change).await?;
            note(&transaction, by, change.action(by), uid, &user.username, &change.detail())
                .await?;
        }
        transaction.commit().await.map_err(failed)?;
        self.user_row(uid).await
    }

    /// Accounts removed before `before`, oldest removal first, with what becomes of their messages.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn purgeable(&self, before: i64, limit: i64) -> Result<Vec<UserRow>> {
        let sql = format!("{ROW} u.removed_at < $1 ORDER BY u.removed_at LIMIT $2");
        let rows = self.database.get().await?.query(&sql, &[&before, &limit]).await;
        Ok(rows.map_err(failed)?.iter().map(user_row).collect())
    }

    /// Erases everything personal about a removed account: names, words, picture, password, sessions.
    /// The number stays, so that what it wrote keeps an author, and the name is free again.
    ///
    /// # Errors
    /// `unavailable`; `not_found` if it was restored meanwhile.
    pub async fn purge_user(&self, uid: Uid, before: i64) -> Result<()> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        begin(&transaction, Authority::Purge).await?;
        let emptied = transaction
            .execute(
                "UPDATE accounts.users SET username = '', username_key = 'purged:' || id, username_look = NULL,
                     display_name = '', bio = '', locale = '', status_text = '', status_until = NULL,
                     avatar = NULL, is_admin = false, purged_at = $2
                 WHERE id = $1 AND removed_at < $3 AND purged_at IS NULL",
                &[&uid.0, &now_ms(), &before],
            )
            .await
            .map_err(failed)?;
        if emptied == 0 {
            return Err(no_user());
        }
        for statement in [
            "DELETE FROM accounts.avatars WHERE user_id = $1",
            "DELETE FROM accounts.auth_slots WHERE user_id = $1",
            "DELETE FROM accounts.sessions WHERE user_id = $1",
            "DELETE FROM accounts.tickets WHERE user_id = $1",
            "DELETE FROM accounts.invites WHERE made_by = $1",
        ] {
            transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
        }
        note(&transaction, Authority::Purge, "user.purge", uid, "", &json!({})).await?;
        transaction.commit().await.map_err(failed)
    }
}

/// Takes the turn and asks whether whoever acts still may.
async fn begin(transaction: &Transaction<'_>, by: Authority<'_>) -> Result<()> {
    let lock = "SELECT pg_advisory_xact_lock($1)";
    transaction.execute(lock, &[&LOCK]).await.map_err(failed)?;
    if let Authority::Admin(uid, _) = by {
        let sql = "SELECT FROM accounts.users WHERE id = $1 AND is_admin AND disabled_at IS NULL";
        let row = transaction.query_opt(sql, &[&uid.0]).await.map_err(failed)?;
        row.ok_or_else(|| Error::new(Code::Forbidden, "You are not an admin of the server."))?;
    }
    Ok(())
}

/// Whether the user is as the change needs him: if not, somebody else was faster.
fn fits(user: &UserRow, change: &UserChange) -> Result<()> {
    let wrong = match (change, user.removed_at) {
        (UserChange::Restore, None) => "This account is not removed (any more).",
        (UserChange::Restore, Some(at)) if at < now_ms() - super::restorable_ms() => {
            "This account was removed too long ago to be restored."
        }
        (UserChange::Restore, Some(_)) => return Ok(()),
        (_, Some(_)) => "This account has been removed already.",
        (UserChange::Promote, _) if user.is_admin => "This user is an admin already.",
        (UserChange::Demote, _) if !user.is_admin => "This user is no admin (any more).",
        (UserChange::Disable, _) if user.is_disabled => "This account has been disabled already.",
        (UserChange::Enable, _) if !user.is_disabled => "This account is not disabled (any more).",
        _ => return Ok(()),
    };
    Err(Error::new(Code::Conflict, wrong))
}

async fn keep_an_admin(transaction: &Transaction<'_>, without: Uid) -> Result<()> {
    let sql = "SELECT FROM accounts.users
               WHERE is_admin AND disabled_at IS NULL AND id <> $1 LIMIT 1";
    let other = transaction.query_opt(sql, &[&without.0]).await.map_err(failed)?;
    let text = "This is the last admin. Please make somebody else an admin first.";
    other.map(|_| ()).ok_or_else(|| Error::new(Code::Conflict, text))
}

async fn apply(transaction: &Transaction<'_>, uid: Uid, change: &UserChange) -> Result<()> {
    let now = now_ms();
    let (set, values): (&str, Vec<&(dyn ToSql + Sync)>) = match change {
        UserChange::Promote => ("is_admin = true", vec![]),
        UserChange::Demote => ("is_admin = false", vec![]),
        UserChange::Disable => ("disabled_at = $2", vec![&now]),
        UserChange::Enable => ("disabled_at = NULL", vec![]),
        UserChange::Rename { username, key } => {
            ("username = $2, username_key = $3", vec![username, key])
        }
        UserChange::DisplayName(name) => ("display_name = $2", vec![name]),
        // A removed account is a disabled one, too: nothing that asks for the one need ask for both.
        UserChange::Remove { erase } => (
            "removed_at = $2, disabled_at = coalesce(disabled_at, $2), erases_messages = $3",
            vec![&now, erase],
        ),
        UserChange::Restore => {
            ("removed_at = NULL, disabled_at = NULL, erases_messages = false", vec![])
        }
    };
    let sql = format!("UPDATE accounts.users SET {set} WHERE id = $1");
    let values: Vec<_> = std::iter::once(&uid.0 as &(dyn ToSql + Sync)).chain(values).collect();
    transaction.execute(&sql, &values).await.map_err(name_taken)?;
    match change {
        UserChange::Rename { key, .. } => looks::take(transaction, uid, key).await,
        _ => Ok(()),
    }
}

async fn note(
    transaction: &Transaction<'_>,
    by: Authority<'_>,
    action: &str,
    uid: Uid,
    name: &str,
    detail: &Value,
) -> Result<()> {
    let (actor, actor_name) = by.entry_of();
    let target_id = uid.to_string();
    let entry = AuditEntry {
        actor,
        actor_name,
        action,
        target_kind: "user",
        target_id: &target_id,
        target_name: name,
        detail,
    };
    audit::append(transaction, &entry).await
}

fn user_row(row: &Row) -> UserRow {
    UserRow {
        uid: Uid(row.get(0)),
        username: row.get(1),
        key: row.get(2),
        display_name: row.get(3),
        avatar: row.get(4),
        is_admin: row.get(5),
        is_disabled: row.get(6),
        removed_at: row.get(7),
        erases: row.get(8),
        is_new: row.get(9),
        created_at: row.get(10),
        seen_at: row.get(11),
        sessions: u32::try_from(row.get::<_, i64>(12)).unwrap_or(u32::MAX),
    }
}

fn name_taken(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Error::new(Code::Conflict, "That user name is taken.");
    }
    failed(error)
}

fn no_user() -> Error {
    Error::new(Code::NotFound, "There is no such user.")
}
