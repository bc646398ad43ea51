//! Users as administrators see them: pages, figures, and who is shut out.

use tokio_postgres::{Row, Transaction};

use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::names;
use crate::base::time::now_ms;

/// A user as administrators see them.
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
    /// Whether they may not sign in.
    pub is_disabled: bool,
    /// When the account was removed, in milliseconds.
    pub removed_at: Option<i64>,
    /// Whether what it wrote goes with it.
    pub erases: bool,
    /// Whether there is no password yet.
    pub is_new: bool,
    /// When the account was made.
    pub created_at: i64,
    /// When it was last used, to about ten minutes.
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

/// Somebody who is shut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutOut {
    /// Who.
    pub uid: Uid,
    /// Whether the account was removed, not only disabled.
    pub is_removed: bool,
    /// Whether what it wrote goes with it.
    pub erases: bool,
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
        u.created_at, u.seen_at,
        (SELECT count(*) FROM accounts.sessions s WHERE s.user_id = u.id AND s.kind = 'browser')
    FROM accounts.users u WHERE u.purged_at IS NULL AND NOT u.is_bot AND ";

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
            "{} AND ($1 = '' OR position($1 in username_key) > 0 OR position($1 in display_key) > 0)",
            filter.condition()
        );
        let (q, limit) = (names::key(q), i64::try_from(limit).unwrap_or(i64::MAX));
        let client = self.database.get().await?;
        let page = format!("{ROW} {fits} AND username_key > $2 ORDER BY username_key LIMIT $3");
        let rows = client.query(&page, &[&q, &after, &limit]).await.map_err(failed)?;
        let count = format!(
            "SELECT count(*) FROM accounts.users WHERE purged_at IS NULL AND NOT is_bot AND {fits}"
        );
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
            FROM accounts.users WHERE purged_at IS NULL AND NOT is_bot";
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
                   WHERE created_at >= $2 AND NOT is_bot GROUP BY 1";
        let client = self.database.get().await?;
        let rows = client.query(sql, &[&day_ms, &(first * day_ms)]).await.map_err(failed)?;
        let mut counts = vec![0; days];
        for row in rows {
            let index = usize::try_from(row.get::<_, i64>(0) - first).ok();
            if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
                *count = row.get(1);
            }
        }
        Ok(counts)
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

    /// Everybody who is shut out, removed or disabled, but not purged yet.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn shut_out(&self) -> Result<Vec<ShutOut>> {
        let sql = "SELECT id, removed_at IS NOT NULL, erases_messages FROM accounts.users
                   WHERE disabled_at IS NOT NULL AND purged_at IS NULL ORDER BY id";
        let rows = self.database.get().await?.query(sql, &[]).await.map_err(failed)?;
        let shut = |row: &Row| ShutOut {
            uid: Uid(row.get(0)),
            is_removed: row.get(1),
            erases: row.get(2),
        };
        Ok(rows.iter().map(shut).collect())
    }
}

/// Reads a user and locks the row until the transaction ends.
pub(super) async fn row_in(transaction: &Transaction<'_>, uid: Uid) -> Result<UserRow> {
    let sql = format!("{ROW} u.id = $1 FOR UPDATE OF u");
    let row = transaction.query_opt(&sql, &[&uid.0]).await.map_err(failed)?;
    row.as_ref().map(user_row).ok_or_else(no_user)
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

pub(super) fn no_user() -> Error {
    Error::new(Code::NotFound, "There is no such user.")
}
