//! Sessions of users: finding one by its token, ending some or all. The caller closes the sockets of the sessions that
//! end here.

use std::sync::Arc;
use std::time::Instant;

use super::secret::digest;
use super::session::Session;
use super::state::Auth;
use crate::base::error::Result;
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth as limits;
use crate::base::principal::Principal;
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{SessionInfo, SessionKind};

impl Auth {
    /// The live session of a token.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn session(&self, token: &str) -> Result<Option<Arc<Session>>> {
        let digest = digest(token);
        if let Some(session) = self.sessions.get(&digest) {
            return Ok(Some(session));
        }
        let (generation, now) = (self.sessions.generation(), now_ms());
        let asked_at = Instant::now();
        let Some(row) = self.store.session(&digest, now - millis(limits::SESSION_IDLE)).await?
        else {
            return Ok(None);
        };
        if row.seen_at < now - millis(limits::SESSION_TOUCH) {
            self.store.touch_session(row.id, row.uid).await?;
        }
        let session = Session {
            id: row.id,
            uid: row.uid,
            username: row.username,
            admin: row.is_admin && row.scope.administers(),
            kind: row.kind,
            scope: row.scope,
            expires_at: row.expires_at,
            status: row.status,
            asked_at,
        };
        Ok(self.sessions.put(generation, digest, session))
    }

    /// Whether a session that was live a moment ago still is.
    pub fn is_live(&self, session: &Session) -> bool {
        self.sessions.is_live(session)
    }

    /// Where a user is signed in.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sessions(&self, uid: Uid) -> Result<Vec<SessionInfo>> {
        self.store.sessions(uid, SessionKind::Browser).await
    }

    /// Ends a session or token of a user; whether there was one. Its sockets are the caller's matter.
    ///
    /// # Errors
    /// `unavailable`: then it lives on.
    pub async fn revoke(&self, uid: Uid, kind: SessionKind, id: SessionId) -> Result<bool> {
        let was_there = self.store.remove_session(uid, kind, id).await?;
        if was_there {
            self.sessions.end(&[id]);
        }
        Ok(was_there)
    }

    /// Ends the other sessions of a user, but not the personal access tokens; which ones.
    ///
    /// # Errors
    /// `unavailable`: then they live on.
    pub async fn end_other_sessions(&self, uid: Uid, own: SessionId) -> Result<Vec<SessionId>> {
        let ended = self.store.end_other_sessions(uid, own).await?;
        self.sessions.end(&ended);
        Ok(ended)
    }

    /// Ends a user's sessions, tokens left out, in an administrator's name; which ones. Their sockets
    /// are the caller's matter.
    ///
    /// # Errors
    /// `forbidden` for somebody who is no administrator any more, `not_found`.
    pub async fn end_sessions_by(&self, by: Principal, uid: Uid) -> Result<Vec<SessionId>> {
        let ended = self.store.end_sessions_by(by, uid).await?;
        self.sessions.end(&ended);
        Ok(ended)
    }

    /// Notes sessions that the store has ended. Their sockets are the caller's matter.
    pub fn forget_sessions(&self, ended: &[SessionId]) {
        self.sessions.end(ended);
    }

    /// Reads a user from the store again at the next request, because the name or the status has changed.
    pub fn forget(&self, uid: Uid) {
        self.sessions.forget(uid);
    }

    /// The same for a user who was shut out or has other rights. A socket that is being opened with a session read
    /// before is closed, too. The caller closes the open ones: those whose session was read no later than the returned
    /// moment.
    pub fn shut(&self, uid: Uid) -> Instant {
        self.sessions.shut(uid)
    }

    /// Ends sessions and tokens that have come to their end; which ones.
    ///
    /// # Errors
    /// `unavailable`: then they are ended by the next attempt, and open nothing until then.
    pub async fn end_expired(&self) -> Result<Vec<SessionId>> {
        let now = now_ms();
        let idle_since = now - millis(limits::SESSION_IDLE);
        let ended = self.store.end_expired(now, idle_since, limits::SESSIONS_SWEPT).await?;
        self.sessions.end(&ended);
        Ok(ended)
    }
}
