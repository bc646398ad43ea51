//! A session as requests and sockets see it.

use std::time::Instant;

use crate::base::ids::{SessionId, Uid};
use crate::base::principal::Principal;
use crate::protocol::presence::Status;
use crate::store::accounts::{Scope, SessionKind};

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// The user.
    pub uid: Uid,
    /// Their name.
    pub username: String,
    /// Whether they are an administrator, and the session may do what one does.
    pub admin: bool,
    /// A browser or a token.
    pub kind: SessionKind,
    /// What it may be used for.
    pub scope: Scope,
    /// When it ends for good, if it does.
    pub expires_at: Option<i64>,
    /// The status the user had chosen when the session was read.
    pub status: Status,
    /// When it was read from the store.
    pub asked_at: Instant,
}

impl Session {
    /// Who acts by this session.
    pub fn principal(&self) -> Principal {
        Principal::User { uid: self.uid, is_admin: self.admin }
    }

    /// Any session of a user, for tests.
    #[cfg(test)]
    pub fn of_user(uid: Uid, username: &str) -> Self {
        Self {
            id: SessionId(0),
            uid,
            username: username.to_owned(),
            admin: false,
            kind: SessionKind::Token,
            scope: Scope::Admin,
            expires_at: None,
            status: Status::default(),
            asked_at: Instant::now(),
        }
    }
}
