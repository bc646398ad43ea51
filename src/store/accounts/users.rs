//! Users: making one, finding one, changing what they say about themselves.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Row, Transaction};

use super::invites::{Invite, hold_invite, use_held_invite};
use super::passwords::{AuthSlot, insert_slot};
use super::{AccountStore, failed, name_skeletons, now_ms};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::names;
use crate::base::time;
use crate::protocol::presence::{PresenceState, Status};

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

/// An invitation that lets a user in.
#[derive(Clone, Copy)]
pub struct InviteUse<'a> {
    /// By which it is found.
    pub digest: &'a [u8; 32],
    /// Whether those of members are good.
    pub members_invite: bool,
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
    /// What they chose to be seen as, unless that has ended.
    pub status: Status,
    /// The name of their picture's files.
    pub avatar: Option<String>,
    /// Whether they administrate the server.
    pub is_admin: bool,
    /// Whether they may not sign in.
    pub is_disabled: bool,
    /// Whether the account was removed: a neutral author is left.
    pub is_removed: bool,
    /// Whether the name they are shown with could be taken for another person's.
    pub is_ambiguous: bool,
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
    /// A new status.
    pub status: Option<Status>,
}

pub(super) const PROFILE: &str = "id, username, display_name, bio, locale, avatar, is_admin,
    disabled_at IS NOT NULL, removed_at IS NOT NULL, status_state, status_text, status_until, is_ambiguous";

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
        let uid = insert_user(&transaction, new).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(uid)
    }

    /// Makes a user who came by himself: not more than there may be, and with the invitation used
    /// in the same transaction, so that it is used exactly if the account exists.
    ///
    /// # Errors
    /// `conflict` if the name is taken, `registration_closed` if there are enough, `not_found` if
    /// the invitation is not live.
    pub async fn register_user(
        &self,
        new: &NewUser<'_>,
        users_max: Option<u32>,
        invite: Option<InviteUse<'_>>,
    ) -> Result<(Uid, Option<Invite>)> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        if let Some(most) = users_max {
            check_room_for_one_more(&transaction, most).await?;
        }
        let spent = || Error::new(Code::NotFound, "This invitation is not valid any more.");
        let held = match invite {
            None => None,
            Some(using) => {
                let held = hold_invite(&transaction, using).await?;
                Some(held.filter(|held| held.has_left).ok_or_else(spent)?)
            }
        };
        let uid = insert_user(&transaction, new).await?;
        let invite = match &held {
            None => None,
            Some(held) => use_held_invite(&transaction, held, uid).await?,
        };
        transaction.commit().await.map_err(failed)?;
        Ok((uid, invite))
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

    /// The profile of an account, disabled and removed ones too.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn profile(&self, uid: Uid) -> Result<Option<Profile>> {
        let query = format!("SELECT {PROFILE} FROM accounts.users WHERE id = $1");
        let client = self.database.get().await?;
        let row = client.query_opt(&query, &[&uid.0]).await.map_err(failed)?;
        Ok(row.as_ref().map(profile))
    }

    /// Profiles of open accounts whose name contains `q`, in the order of their user names from after
    /// `after` on; each with the name as it is sorted. Reads the index of names in order and looks at
    /// each: a search that finds nothing among 10,000 users takes about two milliseconds.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn profiles(
        &self,
        q: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(Profile, String)>> {
        let query = format!(
            "SELECT {PROFILE}, username_key FROM accounts.users
             WHERE disabled_at IS NULL AND username_key > $2
               AND ($1 = '' OR position($1 in username_key) > 0 OR position($1 in display_key) > 0)
             ORDER BY username_key LIMIT $3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.database.get().await?;
        let rows = client.query(&query, &[&names::key(q), &after, &limit]).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (profile(row), row.get(13))).collect())
    }

    /// Changes what is named and not so already; whether there was anything.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn change_profile(&self, uid: Uid, change: &ProfileChange) -> Result<bool> {
        let status = change.status.as_ref();
        let state = status.map(|status| status.state.as_str());
        let text = status.map(|status| status.text.as_str());
        let until = status.and_then(|status| status.until);
        let display_key = change.display_name.as_deref().map(names::key);
        let changed = self
            .database
            .get()
            .await?
            .execute(
                "UPDATE accounts.users SET
                     display_name = coalesce($2, display_name),
                     display_key = coalesce($8, display_key),
                     bio = coalesce($3, bio),
                     locale = coalesce($4, locale),
                     status_state = coalesce($5, status_state),
                     status_text = coalesce($6, status_text),
                     status_until = CASE WHEN $5 IS NULL THEN status_until ELSE $7 END
                 WHERE id = $1
                   AND (display_name IS DISTINCT FROM coalesce($2, display_name)
                        OR bio IS DISTINCT FROM coalesce($3, bio)
                        OR locale IS DISTINCT FROM coalesce($4, locale)
                        OR ($5::text IS NOT NULL AND (status_state, status_text, status_until)
                            IS DISTINCT FROM ($5::text, $6::text, $7::bigint)))",
                &[
                    &uid.0,
                    &change.display_name,
                    &change.bio,
                    &change.locale,
                    &state,
                    &text,
                    &until,
                    &display_key,
                ],
            )
            .await
            .map_err(failed)?;
        Ok(changed > 0)
    }
}

impl AccountStore {
    /// Writes down what users chose, of those who are still there.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn persist_statuses(&self, choices: &[(Uid, Status)]) -> Result<()> {
        let uids: Vec<_> = choices.iter().map(|(uid, _)| uid.0).collect();
        let states: Vec<_> = choices.iter().map(|(_, chosen)| chosen.state.as_str()).collect();
        let texts: Vec<_> = choices.iter().map(|(_, chosen)| chosen.text.as_str()).collect();
        let ends: Vec<_> = choices.iter().map(|(_, chosen)| chosen.until).collect();
        let sql = "UPDATE accounts.users u
                   SET status_state = c.state, status_text = c.text, status_until = c.until
                   FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
                        AS c(id, state, text, until)
                   WHERE u.id = c.id AND u.removed_at IS NULL";
        let client = self.database.get().await?;
        client.execute(sql, &[&uids, &states, &texts, &ends]).await.map_err(failed)?;
        Ok(())
    }
}

/// Whoever registers while there is a bound does it one after the other: counting sees those before.
async fn check_room_for_one_more(transaction: &Transaction<'_>, most: u32) -> Result<()> {
    const COUNTING: i64 = 0x636f_756e_7469_6e67;
    let lock = "SELECT pg_advisory_xact_lock($1)";
    transaction.execute(lock, &[&COUNTING]).await.map_err(failed)?;
    let count = "SELECT count(*) FROM accounts.users WHERE removed_at IS NULL";
    let there: i64 = transaction.query_one(count, &[]).await.map_err(failed)?.get(0);
    if there < i64::from(most) {
        return Ok(());
    }
    Err(Error::new(
        Code::RegistrationClosed,
        "This server has as many accounts as it may have. Please ask an admin.",
    ))
}

pub(super) async fn insert_user(transaction: &Transaction<'_>, new: &NewUser<'_>) -> Result<Uid> {
    let made = transaction
        .query_one(
            "INSERT INTO accounts.users
                 (username, username_key, is_admin, created_at, display_name, display_key)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            &[
                &new.username,
                &new.username_key,
                &new.is_admin,
                &now_ms(),
                &new.display_name,
                &names::key(new.display_name),
            ],
        )
        .await;
    let uid = match made {
        Ok(row) => Uid(row.get(0)),
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            return Err(Error::new(Code::Conflict, "That user name is taken."));
        }
        Err(error) => return Err(failed(error)),
    };
    name_skeletons::reserve(transaction, uid, new.username).await?;
    if let Some(slot) = new.slot {
        insert_slot(transaction, uid, "current", slot).await?;
    }
    Ok(uid)
}

pub(super) fn profile(row: &Row) -> Profile {
    Profile {
        uid: Uid(row.get(0)),
        username: row.get(1),
        display_name: row.get(2),
        bio: row.get(3),
        locale: row.get(4),
        avatar: row.get(5),
        is_admin: row.get(6),
        is_disabled: row.get(7),
        is_removed: row.get(8),
        status: status(row, 9).at(now_ms()),
        is_ambiguous: row.get(12),
    }
}

/// State, text and end in three columns from `first` on.
pub(super) fn status(row: &Row, first: usize) -> Status {
    Status {
        state: PresenceState::from_name(row.get(first)).unwrap_or(PresenceState::Online),
        text: row.get(first + 1),
        until: row.get::<_, Option<i64>>(first + 2).map(time::stored),
    }
}
