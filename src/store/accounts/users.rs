//! Users: making one, finding one, changing what they say about themselves.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::passwords::{AuthSlot, insert_slot};
use super::{AccountStore, failed, now_ms};
use crate::error::{Code, Error, Result};
use crate::ids::Uid;

/// A user to be made.
pub struct NewUser<'a> {
    /// The name as people see it.
    pub username: &'a str,
    /// The name as it is compared.
    pub username_key: &'a str,
    /// Whether it is an administrator.
    pub is_admin: bool,
    /// The name it is shown with; empty for the user name.
    pub display_name: &'a str,
    /// The password, so to speak; without one a ticket sets the first.
    pub slot: Option<&'a AuthSlot>,
}

/// What a user says about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The user.
    pub uid: Uid,
    /// The name they log in with.
    pub username: String,
    /// The name they are shown with; empty for the user name.
    pub display_name: String,
    /// A few words.
    pub bio: String,
    /// The language they chose; empty for the browser's.
    pub locale: String,
    /// The state they chose.
    pub status_state: String,
    /// A few words about what they are doing.
    pub status_text: String,
    /// When these end, in milliseconds.
    pub status_until: Option<i64>,
}

/// What changes; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// A new display name.
    pub display_name: Option<String>,
    /// A new bio.
    pub bio: Option<String>,
    /// Another language.
    pub locale: Option<String>,
    /// State, text and end of a new status.
    pub status: Option<(String, String, Option<i64>)>,
}

const PROFILE: &str =
    "id, username, display_name, bio, locale, status_state, status_text, status_until";

impl AccountStore {
    /// Whether anybody could do an administrator's work.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn has_admin(&self) -> Result<bool> {
        let query =
            "SELECT EXISTS (SELECT 1 FROM accounts.users WHERE is_admin AND disabled_at IS NULL)";
        let row = self.database.get().await?.query_one(query, &[]).await.map_err(failed)?;
        Ok(row.get(0))
    }

    /// Makes a user.
    ///
    /// # Errors
    /// `conflict` if the name is taken.
    pub async fn create_user(&self, new: &NewUser<'_>) -> Result<Uid> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let made = transaction
            .query_one(
                "INSERT INTO accounts.users
                     (username, username_key, is_admin, created_at, display_name)
                 VALUES ($1, $2, $3, $4, $5) RETURNING id",
                &[&new.username, &new.username_key, &new.is_admin, &now_ms(), &new.display_name],
            )
            .await;
        let uid: i64 = match made {
            Ok(row) => row.get(0),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                return Err(Error::new(Code::Conflict, "That user name is taken."));
            }
            Err(error) => return Err(failed(error)),
        };
        if let Some(slot) = new.slot {
            insert_slot(&transaction, Uid(uid), "current", slot).await?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(Uid(uid))
    }

    /// The user of this name, if the account is open.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn user_named(&self, username_key: &str) -> Result<Option<Uid>> {
        let query = "SELECT id FROM accounts.users WHERE username_key = $1 AND disabled_at IS NULL";
        let client = self.database.get().await?;
        let row = client.query_opt(query, &[&username_key]).await.map_err(failed)?;
        Ok(row.map(|row| Uid(row.get(0))))
    }

    /// Remembers that the default rooms know the user.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn mark_joined(&self, uid: Uid) -> Result<()> {
        let statement = "UPDATE accounts.users SET has_joined = true WHERE id = $1";
        self.database.get().await?.execute(statement, &[&uid.0]).await.map_err(failed)?;
        Ok(())
    }

    /// The profile of an open account.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn profile(&self, uid: Uid) -> Result<Option<Profile>> {
        let query =
            format!("SELECT {PROFILE} FROM accounts.users WHERE id = $1 AND disabled_at IS NULL");
        let client = self.database.get().await?;
        let row = client.query_opt(&query, &[&uid.0]).await.map_err(failed)?;
        Ok(row.as_ref().map(profile))
    }

    /// Profiles whose name contains `q`, in alphabetical order.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn profiles(&self, q: &str, limit: usize) -> Result<Vec<Profile>> {
        let query = format!(
            "SELECT {PROFILE} FROM accounts.users
             WHERE disabled_at IS NULL
               AND (position(lower($1) in username_key) > 0 OR position(lower($1) in lower(display_name)) > 0)
             ORDER BY username_key LIMIT $2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.database.get().await?;
        let rows = client.query(&query, &[&q, &limit]).await.map_err(failed)?;
        Ok(rows.iter().map(profile).collect())
    }

    /// Changes what is named.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn change_profile(&self, uid: Uid, change: &ProfileChange) -> Result<()> {
        let (state, text, until) = match &change.status {
            Some((state, text, until)) => (Some(state), Some(text), *until),
            None => (None, None, None),
        };
        self.database
            .get()
            .await?
            .execute(
                "UPDATE accounts.users SET
                     display_name = coalesce($2, display_name),
                     bio = coalesce($3, bio),
                     locale = coalesce($4, locale),
                     status_state = coalesce($5, status_state),
                     status_text = coalesce($6, status_text),
                     status_until = CASE WHEN $5 IS NULL THEN status_until ELSE $7 END
                 WHERE id = $1",
                &[&uid.0, &change.display_name, &change.bio, &change.locale, &state, &text, &until],
            )
            .await
            .map_err(failed)?;
        Ok(())
    }
}

fn profile(row: &Row) -> Profile {
    Profile {
        uid: Uid(row.get(0)),
        username: row.get(1),
        display_name: row.get(2),
        bio: row.get(3),
        locale: row.get(4),
        status_state: row.get(5),
        status_text: row.get(6),
        status_until: row.get(7),
    }
}
