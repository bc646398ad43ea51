//! Tickets: how somebody without a password gets one, and without anybody else ever knowing it.

use std::net::IpAddr;

use super::{Auth, millis, neighbourhood, session};
use crate::error::{Code, Error, Result};
use crate::ids::Uid;
use crate::limits::auth::TICKET;
use crate::store::accounts::{NewTicket, TicketRecord};
use crate::store::now_ms;

/// A ticket, told this once.
pub struct IssuedTicket {
    /// The secret.
    pub ticket: String,
    /// Until when it is good.
    pub expires_at: i64,
}

impl Auth {
    /// A ticket by which this user sets a password; earlier ones are not good any more. With
    /// `compromised` the old password, every session and every token end at once; the sockets are
    /// the caller's matter (`Target::User`).
    ///
    /// # Errors
    /// `not_found` for who is not there or shut out, `unavailable`.
    pub async fn issue_ticket(
        &self,
        uid: Uid,
        by: Option<Uid>,
        compromised: bool,
    ) -> Result<IssuedTicket> {
        let (ticket, digest) = session::new_token()?;
        let expires_at = now_ms() + millis(TICKET);
        let new = NewTicket {
            uid,
            digest: &digest,
            issued_by: by,
            is_compromised: compromised,
            expires_at,
        };
        let ended = self.store.put_ticket(&new).await?;
        self.sessions.end(&ended);
        Ok(IssuedTicket { ticket, expires_at })
    }

    /// Whose password a ticket sets.
    ///
    /// # Errors
    /// `not_found` if it is not good, `rate_limited`.
    pub async fn ticket(&self, ticket: &str, peer: IpAddr) -> Result<TicketRecord> {
        self.links.take(neighbourhood(peer))?;
        let found = self.store.ticket(&session::digest(ticket)).await?;
        found.ok_or_else(|| {
            Error::new(Code::NotFound, "This link is not valid any more. Please ask for a new one.")
        })
    }
}
