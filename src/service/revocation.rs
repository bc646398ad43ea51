//! Ending sessions and tokens, and with them the sockets that were opened by them.

use std::sync::Arc;
use std::time::Instant;

use crate::auth::{Auth, Session, SessionKind};
use crate::base::error::Result;
use crate::base::ids::{SessionId, Uid};
use crate::base::principal::Principal;
use crate::rooms::Rooms;
use crate::rooms::delivery::{ConnectionsOf, Delivery};

/// Ends sessions and closes their sockets.
pub struct Revocation {
    auth: Arc<Auth>,
    rooms: Rooms,
}

impl Revocation {
    /// Over these sessions, and the sockets that these rooms reach.
    pub fn new(auth: Arc<Auth>, rooms: Rooms) -> Self {
        Self { auth, rooms }
    }

    /// Ends the session of the caller.
    ///
    /// # Errors
    /// `unavailable`: then it lives on.
    pub async fn sign_out(&self, session: &Session) -> Result<()> {
        self.auth.revoke(session.uid, session.kind, session.id).await?;
        self.close_sockets(ConnectionsOf::Session(session.id)).await;
        Ok(())
    }

    /// Ends a session or a token of a user; whether there was one.
    ///
    /// # Errors
    /// `unavailable`: then it lives on.
    pub async fn end(&self, uid: Uid, kind: SessionKind, id: SessionId) -> Result<bool> {
        let was_there = self.auth.revoke(uid, kind, id).await?;
        if was_there {
            self.close_sockets(ConnectionsOf::Session(id)).await;
        }
        Ok(was_there)
    }

    /// Ends all sessions of the caller but this one. Personal access tokens stay.
    ///
    /// # Errors
    /// `unavailable`: then they live on.
    pub async fn end_others(&self, session: &Session) -> Result<()> {
        let ended = self.auth.end_other_sessions(session.uid, session.id).await?;
        self.close_sockets_of(&ended).await;
        Ok(())
    }

    /// Ends all sessions of a user, personal access tokens left out, in an administrator's name.
    ///
    /// # Errors
    /// `forbidden` for somebody who is no administrator any more, `not_found`.
    pub async fn end_all(&self, by: Principal, uid: Uid) -> Result<()> {
        let ended = self.auth.end_sessions_by(by, uid).await?;
        self.close_sockets_of(&ended).await;
        Ok(())
    }

    /// Ends what has come to its end by itself.
    ///
    /// # Errors
    /// `unavailable`: then it opens nothing, and ends with the next attempt.
    pub async fn end_expired(&self) -> Result<()> {
        let ended = self.auth.end_expired().await?;
        self.close_sockets_of(&ended).await;
        Ok(())
    }

    /// Closes the sockets of a user who was kept out or has other rights: they come back with what is
    /// true now, or not at all. Sessions that were read from the store before open none any more.
    pub async fn shut_out(&self, uid: Uid) {
        let since = self.auth.shut(uid);
        self.close_sockets_until(ConnectionsOf::User(uid), since).await;
    }

    /// Closes the sockets of sessions that have ended.
    pub async fn close_sockets_of(&self, ended: &[SessionId]) {
        for session in ended {
            self.close_sockets(ConnectionsOf::Session(*session)).await;
        }
    }

    /// Closes the sockets that are open now.
    pub async fn close_sockets(&self, of: ConnectionsOf) {
        self.close_sockets_until(of, Instant::now()).await;
    }

    /// Closes the sockets whose session was read from the store no later than that. A shard that is gone has
    /// closed its sockets already.
    async fn close_sockets_until(&self, of: ConnectionsOf, until: Instant) {
        let _ = self.rooms.publisher().broadcast(Delivery::Revoke(of, until)).await;
    }
}
