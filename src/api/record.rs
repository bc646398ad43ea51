//! The audit log as handlers write it.

use serde_json::Value;

use crate::auth::Session;

use super::Api;

/// What was done something to.
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
    pub fn room(id: crate::ids::RoomId, name: &str) -> Self {
        Self { kind: "room", id: id.to_string(), name: name.to_owned() }
    }

    /// A user.
    pub fn user(uid: crate::ids::Uid, name: &str) -> Self {
        Self { kind: "user", id: uid.to_string(), name: name.to_owned() }
    }
}

impl Api {
    /// Writes down what was done. It is done already: a store that does not answer now is only logged.
    pub(super) async fn record(
        &self,
        by: &Session,
        action: &'static str,
        target: Target,
        detail: Value,
    ) {
        tracing::info!(by = %by.uid, action, kind = target.kind, id = target.id, name = target.name, %detail, "audit");
    }
}
