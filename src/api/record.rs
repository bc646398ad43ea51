//! The audit log as handlers write it.

use std::time::Duration;

use serde_json::Value;

use crate::auth::Session;
use crate::ids::{InviteId, RoomId, Uid};
use crate::store::accounts::{AuditEntry, Authority};

use super::Api;

/// What was done something to.
#[derive(Debug)]
pub(super) struct Target {
    /// `user`, `room`, `invite` or `settings`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What it was called then.
    pub name: String,
}

impl Target {
    /// A room.
    pub fn room(id: RoomId, name: &str) -> Self {
        Self { kind: "room", id: id.to_string(), name: name.to_owned() }
    }

    /// A user.
    pub fn user(uid: Uid, name: &str) -> Self {
        Self { kind: "user", id: uid.to_string(), name: name.to_owned() }
    }

    /// An invite link.
    pub fn invite(id: InviteId, label: &str) -> Self {
        Self { kind: "invite", id: id.to_string(), name: label.to_owned() }
    }

    /// The server's settings.
    pub fn settings() -> Self {
        Self { kind: "settings", id: String::new(), name: String::new() }
    }
}

/// Between attempts to write an entry down.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

impl Api {
    /// Writes down what was done. It is done already and cannot be taken back here, so a store that
    /// does not answer is asked a few times more, beside the answer, and the entry is logged in any
    /// case.
    pub(super) async fn record(
        &self,
        by: &Session,
        action: &'static str,
        target: Target,
        detail: Value,
    ) {
        tracing::info!(by = by.username, action, target = ?target, %detail, "audit");
        let actor = Some(by.uid).filter(|uid| uid.0 > 0);
        let (accounts, actor_name) = (self.accounts.clone(), by.username.clone());
        let write = async move {
            let entry = AuditEntry {
                actor,
                actor_name: &actor_name,
                action,
                target_kind: target.kind,
                target_id: &target.id,
                target_name: &target.name,
                detail: &detail,
            };
            for pause in PAUSES {
                match accounts.record(&entry).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(action, ?error, "the audit log did not answer"),
                }
                tokio::time::sleep(pause).await;
            }
            if let Err(error) = accounts.record(&entry).await {
                tracing::error!(?entry, ?error, "an entry of the audit log was lost");
            }
        };
        // Usually at once; only an outage makes it outlive the request.
        let writing = tokio::spawn(write);
        let _ = tokio::time::timeout(PAUSES[0], writing).await;
    }
}

/// By what right a caller administrates.
pub(super) fn authority(caller: &Session) -> Authority<'_> {
    match caller.uid {
        Uid(0) => Authority::Operator,
        uid => Authority::Admin(uid, &caller.username),
    }
}
