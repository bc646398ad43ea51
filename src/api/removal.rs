//! Removing and restoring accounts, over two stores that share no transaction.
//!
//! The account store is right: a removal is decided and committed there, then rooms and messages
//! follow; a restoration goes the other way round, so that whatever fails or stops in between leaves
//! an account that is removed and still has rooms. [`Api::settle`] looks for those, at the start, every
//! hour and soon after something failed, and finishes what was begun.

use tokio::sync::{Mutex, Notify};

use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::principal::Principal;
use crate::rooms::delivery::ConnectionsOf;
use crate::store::accounts::{UserChange, UserRow};

use super::Api;
use super::auth::end_sockets_until;
use super::users::tell_profile;

/// What keeps removals in order.
#[derive(Debug, Default)]
pub struct Removals {
    /// One account is removed, restored or settled at a time.
    turn: Mutex<()>,
    /// One purge at a time.
    pub(super) purging: Mutex<()>,
    /// Something was begun and not finished.
    pub(super) unsettled: Notify,
}

impl Api {
    /// Removes an account: it is out at once; rooms and messages follow even if they cannot now.
    ///
    /// # Errors
    /// What [`change_user`](crate::store::accounts::AccountStore::change_user) says.
    pub(super) async fn remove_user(&self, by: Principal, uid: Uid, erase: bool) -> Result<()> {
        let _turn = self.removals.turn.lock().await;
        let _ = self.change_user(by, uid, &[UserChange::Remove { erase }]).await?;
        // Before the rooms forget him: those who share one with him see whom they have lost.
        tell_profile(self, uid).await;
        if let Err(error) = self.rooms.suspend(uid, erase).await {
            tracing::warn!(%uid, ?error, "the rooms of a removed user wait");
            self.removals.unsettled.notify_one();
        }
        Ok(())
    }

    /// Takes a removal back: rooms and messages first, then the account.
    ///
    /// # Errors
    /// `conflict`, `forbidden`, `not_found`, `unavailable`: then the account stays removed.
    pub(super) async fn restore_user(&self, by: Principal, uid: Uid) -> Result<UserRow> {
        let _turn = self.removals.turn.lock().await;
        UserChange::Restore.check(&self.accounts.user_row(uid).await?)?;
        let restored = async {
            self.rooms.reinstate(uid).await?;
            self.change_user(by, uid, &[UserChange::Restore]).await
        };
        let (user, _) = restored.await.inspect_err(|_| self.removals.unsettled.notify_one())?;
        tell_profile(self, uid).await;
        Ok(user)
    }

    /// Changes a user: the user then, and what was not so already. Whoever loses or gains a right is looked
    /// up anew, and open sockets close: they come back with what is true now, or not at all.
    ///
    /// # Errors
    /// What [`change_user`](crate::store::accounts::AccountStore::change_user) says.
    pub(super) async fn change_user(
        &self,
        by: Principal,
        uid: Uid,
        changes: &[UserChange],
    ) -> Result<(UserRow, Vec<UserChange>)> {
        let changed = self.accounts.change_user(by, uid, changes).await;
        let matters = |change: &UserChange| {
            !matches!(change, UserChange::Rename { .. } | UserChange::DisplayName(_))
        };
        match &changed {
            Ok((_, done)) if done.iter().any(matters) => self.shut(uid).await,
            Ok((_, done)) if done.is_empty() => {}
            Ok(_) => self.auth.forget(uid),
            // It may have been committed all the same.
            Err(error) if may_be_done(error) => self.removals.unsettled.notify_one(),
            Err(_) => {}
        }
        changed
    }

    async fn shut(&self, uid: Uid) {
        let since = self.auth.shut(uid);
        end_sockets_until(self, ConnectionsOf::User(uid), since).await;
    }

    /// Lets rooms, messages and sockets agree with the account store.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub(super) async fn settle(&self) -> Result<()> {
        for found in self.accounts.shut_out().await? {
            let uid = found.uid;
            if self.rooms.presence().connections_of(uid) > 0 {
                self.shut(uid).await;
            }
            if found.is_removed {
                let _turn = self.removals.turn.lock().await;
                // As it is now that nobody else may change it.
                let user = self.accounts.user_row(uid).await;
                let Some(user) = there(user)?.filter(|user| user.removed_at.is_some()) else {
                    continue;
                };
                self.rooms.suspend(uid, user.erases).await?;
            }
        }
        Ok(())
    }
}

/// Nobody is an answer, too.
pub(super) fn there(user: Result<UserRow>) -> Result<Option<UserRow>> {
    match user {
        Err(error) if error.code() == Code::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn may_be_done(error: &Error) -> bool {
    matches!(error.code(), Code::Unavailable | Code::Internal)
}
