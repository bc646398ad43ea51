//! The end of what was removed: after thirty days nothing is left that could be restored.
//!
//! Users first (their messages, if so chosen, then everything personal), then rooms, then links and
//! tickets that have long been over. Each step may be repeated, so a purge that was interrupted goes on at the next one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use crate::base::error::{Code, Result};
use crate::base::hex;
use crate::store::accounts::{AuditEntry, UserRow};
use crate::store::{now_ms, restorable_ms};

use super::Api;

/// Returns when the server stops. An error means that the sender is gone, which is the same.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Between two purges.
const EVERY: Duration = Duration::from_secs(3_600);
/// Between two attempts to finish what a failure interrupted.
const AGAIN: Duration = Duration::from_secs(2);
/// Users of one purge; the rest follows with the next.
const USERS: i64 = 100;

/// What a purge has erased.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// Accounts.
    pub users: usize,
    /// Rooms with all their messages.
    pub rooms: usize,
}

impl Api {
    /// Purges now and every hour until the server stops; finishes what was begun soon after it failed.
    pub async fn purge_for_ever(api: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if let Err(error) = api.purge().await {
                        tracing::warn!(?error, "the purge waits for the next hour");
                    }
                }
                () = api.removals.unsettled.notified() => {
                    let again = api.settle().await.is_err();
                    if again {
                        api.removals.unsettled.notify_one();
                    }
                    tokio::select! {
                        () = tokio::time::sleep(AGAIN) => {}
                        () = stopped(&mut stop) => return,
                    }
                }
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// Erases what was removed more than thirty days ago, and finishes removals that were
    /// interrupted. Also tells the log how far the audit log
    /// has come, so that whoever cuts off its end or writes it anew can be found out.
    ///
    /// # Errors
    /// `unavailable`; what was erased by then is gone.
    pub async fn purge(&self) -> Result<Purged> {
        let _turn = self.removals.purging.lock().await;
        self.settle().await?;
        let before = now_ms() - restorable_ms();
        let mut purged = Purged::default();
        for user in self.accounts.purgeable(before, USERS).await? {
            match self.purge_user(&user, before).await {
                Ok(()) => purged.users += 1,
                // Somebody moved its time: it is none of ours any more.
                Err(error) if error.code() == Code::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        for (room, name) in self.chat.purge_rooms(before).await? {
            let entry = AuditEntry {
                actor: None,
                actor_name: "thirty days",
                action: "room.purge",
                target_kind: "room",
                target_id: &room.to_string(),
                target_name: &name,
                detail: &json!({}),
            };
            self.accounts.record(&entry).await?;
            purged.rooms += 1;
        }
        self.accounts.purge_secrets(before).await?;
        let (last, _) = self.accounts.audit_page(&Default::default(), i64::MAX, 1).await?;
        if let Some(last) = last.first() {
            let hash = hex::encode(&last.hash);
            tracing::info!(n = last.n, hash, "the newest entry of the audit log");
        }
        Ok(purged)
    }

    async fn purge_user(&self, user: &UserRow, before: i64) -> Result<()> {
        if user.erases {
            while self.chat.erase_hidden(user.uid).await? {}
        }
        self.chat.forget_member(user.uid).await?;
        self.rooms.forget_blocks(user.uid).await?;
        self.accounts.purge_user(user.uid, before).await
    }
}
