//! Tickets: one-time links by which somebody without a password chooses one that nobody else knows.

use std::net::IpAddr;

use super::secret::{digest, new_token};
use super::state::{Auth, client_network};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::auth::TICKET;
use crate::base::principal::Principal;
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{NewTicket, NewUser, TicketRecord, UserRow};

/// A ticket, which is shown only once.
pub struct IssuedTicket {
    /// The secret.
    pub ticket: String,
    /// Until when it is good.
    pub expires_at: i64,
}

impl Auth {
    /// Makes a user without a password, and the ticket that sets the first.
    ///
    /// # Errors
    /// `conflict` if the name is taken, `forbidden` for somebody who is no administrator any more.
    pub async fn create_user(
        &self,
        by: Principal,
        new: &NewUser<'_>,
    ) -> Result<(UserRow, IssuedTicket)> {
        let (issued, ticket) = new_ticket(false)?;
        Ok((self.store.create_user_by(by, new, &ticket).await?, issued))
    }

    /// A ticket by which this user sets another password; earlier ones are not good any more. With
    /// `compromised` the old password, every session and every token end at once; the sockets are
    /// the caller's matter (`ConnectionsOf::User`).
    ///
    /// # Errors
    /// `not_found`, `conflict` for a user who is disabled or removed, `forbidden` for somebody who is no administrator
    /// any more.
    pub async fn reset_user(
        &self,
        by: Principal,
        uid: Uid,
        compromised: bool,
    ) -> Result<IssuedTicket> {
        let (issued, ticket) = new_ticket(compromised)?;
        self.store.reset_user(by, uid, &ticket).await?;
        if compromised {
            self.sessions.shut(uid);
        }
        Ok(issued)
    }

    /// Whose password a ticket sets.
    ///
    /// # Errors
    /// `not_found` if it is not good, `rate_limited`.
    pub async fn ticket(&self, ticket: &str, peer: IpAddr) -> Result<TicketRecord> {
        let permit = self.lookup(peer).await?;
        let found = self.store.ticket(&digest(ticket)).await?;
        drop(permit);
        self.good_link(
            peer,
            found.ok_or_else(|| {
                Error::new(
                    Code::NotFound,
                    "This link is not valid any more. Please ask for a new one.",
                )
            }),
        )
    }

    /// Counts links that are not good. A good one never counts, so guesses of others do not slow down its holder.
    ///
    /// # Errors
    /// `rate_limited` instead of one `not_found` too many.
    pub(super) fn good_link<T>(&self, peer: IpAddr, found: Result<T>) -> Result<T> {
        if found.as_ref().is_err_and(|error| error.code() == Code::NotFound) {
            self.bad_links.take(client_network(peer))?;
        }
        found
    }
}

fn new_ticket(is_compromised: bool) -> Result<(IssuedTicket, NewTicket)> {
    let (ticket, digest) = new_token()?;
    let expires_at = now_ms() + millis(TICKET);
    Ok((IssuedTicket { ticket, expires_at }, NewTicket { digest, is_compromised, expires_at }))
}
