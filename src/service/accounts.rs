//! Changing, removing and restoring accounts, over two stores that share no transaction.
//!
//! The account store decides: a removal is committed there, then rooms and messages follow; a restoration
//! goes the other way round. So a failure or a stop in between leaves an account that is removed and still
//! has rooms. [`Accounts::finish_interrupted`] finds those at the start, every hour and soon after something
//! failed, and completes their removal.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::{Mutex, Notify, watch};

use super::directory::Directory;
use super::jobs;
use super::profiles::Profiles;
use super::revocation::Revocation;
use crate::auth::Auth;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::service as limits;
use crate::base::principal::Principal;
use crate::rooms::Rooms;
use crate::store::accounts::{AccountStore, UserChange, UserFilter, UserRow};

/// What becomes of the messages of an account that is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RemovedMessages {
    /// They stay, with a neutral author.
    #[default]
    Keep,
    /// They read as deleted from now on, and are gone for good with the purge.
    Erase,
}

/// The accounts, for those who administrate them.
pub struct Accounts {
    store: AccountStore,
    rooms: Rooms,
    auth: Arc<Auth>,
    revocation: Arc<Revocation>,
    profiles: Arc<Profiles>,
    directory: Arc<Directory>,
    /// One account is removed, restored or completed at a time.
    turn: Mutex<()>,
    /// Notified when something was begun and not finished.
    interrupted: Notify,
}

impl Accounts {
    /// Over this store and these rooms.
    pub fn new(
        store: AccountStore,
        rooms: Rooms,
        auth: Arc<Auth>,
        revocation: Arc<Revocation>,
        profiles: Arc<Profiles>,
        directory: Arc<Directory>,
    ) -> Self {
        let (turn, interrupted) = (Mutex::default(), Notify::new());
        Self { store, rooms, auth, revocation, profiles, directory, turn, interrupted }
    }

    /// Users whose name contains `q`, by name from after a sort key; and how many there are altogether.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn page(
        &self,
        q: &str,
        filter: UserFilter,
        after: &str,
        most: usize,
    ) -> Result<(Vec<UserRow>, i64)> {
        self.store.users_page(q, filter, after, most).await
    }

    /// One user.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn find(&self, uid: Uid) -> Result<UserRow> {
        self.store.user_row(uid).await
    }

    /// The user of that name, removed or not, if there is one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn find_named(&self, username_key: &str) -> Result<Option<UserRow>> {
        if_found(self.store.user_row_named(username_key).await)
    }

    /// Removes an account: its sessions and sockets end at once; rooms and messages follow, later if they cannot now.
    ///
    /// # Errors
    /// Those of [`change_user`](AccountStore::change_user).
    pub async fn remove(&self, by: Principal, uid: Uid, messages: RemovedMessages) -> Result<()> {
        let _turn = self.turn.lock().await;
        let erase = messages == RemovedMessages::Erase;
        let _ = self.change(by, uid, &[UserChange::Remove { erase }]).await?;
        // Before the rooms forget the user: those who share one with them see whom they have lost.
        self.profiles.publish(uid).await;
        if let Err(error) = self.rooms.suspend(uid, erase).await {
            tracing::warn!(%uid, ?error, "the rooms of a removed user wait");
            self.interrupted.notify_one();
        }
        Ok(())
    }

    /// Takes a removal back: rooms and messages first, then the account.
    ///
    /// # Errors
    /// `conflict`, `forbidden`, `not_found`, `unavailable`: then the account stays removed.
    pub async fn restore(&self, by: Principal, uid: Uid) -> Result<UserRow> {
        let _turn = self.turn.lock().await;
        UserChange::Restore.check(&self.store.user_row(uid).await?)?;
        let restored = async {
            self.rooms.reinstate(uid).await?;
            self.change(by, uid, &[UserChange::Restore]).await
        };
        let (user, _) = restored.await.inspect_err(|_| self.interrupted.notify_one())?;
        self.profiles.publish(uid).await;
        Ok(user)
    }

    /// Changes a user; the user as they are then, and those changes that were not so already. When somebody
    /// loses or gains a right, their sessions are read anew and their open sockets close.
    ///
    /// # Errors
    /// Those of [`change_user`](AccountStore::change_user).
    pub async fn change(
        &self,
        by: Principal,
        uid: Uid,
        changes: &[UserChange],
    ) -> Result<(UserRow, Vec<UserChange>)> {
        let changed = self.store.change_user(by, uid, changes).await;
        let matters = |change: &UserChange| {
            !matches!(change, UserChange::Rename { .. } | UserChange::DisplayName(_))
        };
        match &changed {
            Ok((_, done)) if done.iter().any(matters) => {
                self.revocation.shut_out(uid).await;
                self.directory.follow_account(uid).await;
            }
            Ok((_, done)) if done.is_empty() => {}
            Ok(_) => self.auth.forget(uid),
            // It may have been committed all the same.
            Err(error) if may_be_done(error) => self.interrupted.notify_one(),
            Err(_) => {}
        }
        changed
    }

    /// Finishes what a failure interrupted, soon after it and until nothing is left, while the server runs.
    pub async fn finish_when_interrupted(&self, stop: watch::Receiver<bool>) {
        jobs::on_demand(&self.interrupted, limits::RETRY, stop, || async {
            if self.finish_interrupted().await.is_err() {
                self.interrupted.notify_one();
            }
        })
        .await;
    }

    /// Brings rooms, messages and sockets in line with the account store.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn finish_interrupted(&self) -> Result<()> {
        self.directory.follow_accounts().await?;
        for found in self.store.shut_out().await? {
            let uid = found.uid;
            if self.rooms.presence().connections_of(uid) > 0 {
                self.revocation.shut_out(uid).await;
            }
            if found.is_removed {
                let _turn = self.turn.lock().await;
                // Read again, now that nobody else may change it.
                let user = if_found(self.store.user_row(uid).await)?;
                let Some(user) = user.filter(|user| user.removed_at.is_some()) else { continue };
                self.rooms.suspend(uid, user.erases).await?;
            }
        }
        Ok(())
    }
}

fn if_found(user: Result<UserRow>) -> Result<Option<UserRow>> {
    match user {
        Err(error) if error.code() == Code::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn may_be_done(error: &Error) -> bool {
    matches!(error.code(), Code::Unavailable | Code::Internal)
}
