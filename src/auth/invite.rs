//! Invite links: a secret that lets its holder register and join rooms.
//!
//! A link is worth what its maker may do now: it ends with the maker's account, and with the right
//! to invite.

use std::net::IpAddr;
use std::time::Duration;

use super::secret::{digest, new_token};
use super::state::Auth;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{InviteId, RoomId, Uid};
use crate::base::limits::auth::INVITES;
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{Invite, InviteFilter, InviteUse, NewInvite};

/// A link as its maker wants it.
pub struct InviteWish<'a> {
    /// What it is for.
    pub label: &'a str,
    /// The rooms it opens.
    pub rooms: &'a [RoomId],
    /// How long it is good; without an end if not set.
    pub lives: Option<Duration>,
    /// How many people may use it; any number if not set.
    pub uses_max: Option<i32>,
}

impl Auth {
    /// A new link of a user, or of the operator; its secret, which is shown only once.
    ///
    /// # Errors
    /// `conflict` if the maker has too many, `rate_limited`, `unavailable`.
    pub async fn create_invite(
        &self,
        by: Option<Uid>,
        wish: InviteWish<'_>,
    ) -> Result<(Invite, String)> {
        if let Some(by) = by {
            self.invite_creations.take(by)?;
        }
        let (code, digest) = new_token()?;
        let new = NewInvite {
            digest: &digest,
            by,
            label: wish.label,
            rooms: wish.rooms,
            expires_at: wish.lives.map(|lives| now_ms().saturating_add(millis(lives))),
            uses_max: wish.uses_max,
        };
        let id = self.store.create_invite(&new, INVITES).await?;
        let made = self.store.invite(id).await?;
        Ok((made.ok_or_else(|| Error::internal("the new invite is gone"))?, code))
    }

    /// The live link of this secret, if the user `by`, or without one a stranger, may use it.
    ///
    /// # Errors
    /// `not_found`, `rate_limited`, `unavailable`.
    pub async fn invite(&self, code: &str, by: Option<Uid>, peer: IpAddr) -> Result<Invite> {
        let digest = digest(code);
        let using =
            InviteUse { digest: &digest, members_invite: self.settings.current().member_invites };
        let permit = self.lookup(peer).await?;
        let found = self.store.live_invite(using, by).await?;
        drop(permit);
        self.good_link(peer, found.ok_or_else(spent))
    }

    /// Uses the link of this secret for a user; the link, and whether this call counted a use. Repeated calls, also at
    /// the same time, count one use.
    ///
    /// # Errors
    /// `not_found` if somebody else had the last one, `rate_limited`, `unavailable`.
    pub async fn use_invite(&self, code: &str, uid: Uid, peer: IpAddr) -> Result<(Invite, bool)> {
        let digest = digest(code);
        let using =
            InviteUse { digest: &digest, members_invite: self.settings.current().member_invites };
        let permit = self.lookup(peer).await?;
        let used = self.store.use_invite(using, uid).await?;
        drop(permit);
        self.good_link(peer, used.ok_or_else(spent))
    }

    /// Gives back a counted use by which no room was joined.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn return_invite(&self, id: InviteId, uid: Uid) -> Result<()> {
        self.store.return_invite(id, uid).await
    }

    /// Links, newest first, and how many there are.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn invites(&self, filter: &InviteFilter, limit: usize) -> Result<(Vec<Invite>, i64)> {
        self.store.invites(filter, limit).await
    }

    /// Revokes a link and returns its label. With `by` it must be a link of that user.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn revoke_invite(&self, id: InviteId, by: Option<Uid>) -> Result<String> {
        let label = self.store.revoke_invite(id, by).await?;
        label.ok_or_else(|| Error::new(Code::NotFound, "There is no such invitation."))
    }
}

/// The answer for a link that was never made, is over or used up: the same for all.
fn spent() -> Error {
    Error::new(Code::NotFound, "This invitation is not valid any more.")
}
