//! The end of what was removed: after thirty days nothing is left that could be restored.
//!
//! Users first (their messages, if so chosen, then everything personal), then rooms, then links and
//! tickets that have long been over. Each step may be repeated, so a purge that was interrupted goes on at the
//! next one.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Mutex;

use super::accounts::Accounts;
use crate::base::error::{Code, Result};
use crate::base::hex;
use crate::base::limits::service as limits;
use crate::base::time::now_ms;
use crate::rooms::Rooms;
use crate::store::accounts::{AccountStore, AuditEntry, UserRow};
use crate::store::chat::ChatStore;
use crate::store::restorable_ms;

/// What a purge has erased.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// Accounts.
    pub users: usize,
    /// Rooms with all their messages.
    pub rooms: usize,
}

/// Erases what can no longer be restored.
pub struct Purge {
    store: AccountStore,
    chat: ChatStore,
    rooms: Rooms,
    accounts: Arc<Accounts>,
    /// One purge at a time.
    turn: Mutex<()>,
}

impl Purge {
    /// Of both stores.
    pub fn new(
        store: AccountStore,
        chat: ChatStore,
        rooms: Rooms,
        accounts: Arc<Accounts>,
    ) -> Self {
        Self { store, chat, rooms, accounts, turn: Mutex::default() }
    }

    /// Erases what was removed more than thirty days ago, and finishes removals that were interrupted. Also
    /// logs the newest entry of the audit log, so that a log whose end was cut off or written anew can be
    /// found out.
    ///
    /// # Errors
    /// `unavailable`; what was erased by then is gone.
    pub async fn run(&self) -> Result<Purged> {
        let _turn = self.turn.lock().await;
        self.accounts.finish_interrupted().await?;
        let before = now_ms() - restorable_ms();
        let mut purged = Purged::default();
        for user in self.store.purgeable(before, limits::PURGED_USERS).await? {
            match self.purge_user(&user, before).await {
                Ok(()) => purged.users += 1,
                // It was restored or purged meanwhile.
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
            self.store.record(&entry).await?;
            self.store.revoke_hooks_of(room).await?;
            purged.rooms += 1;
        }
        self.store.purge_secrets(before).await?;
        self.store.purge_keys(before).await?;
        self.store.forget_lost_names(before).await?;
        let (last, _) = self.store.audit_page(&Default::default(), i64::MAX, 1).await?;
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
        self.store.purge_user(user.uid, before).await
    }
}
