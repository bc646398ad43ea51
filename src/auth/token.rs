//! Personal access tokens: what a program may do, and until when.

use std::time::Duration;

use super::secret::new_token;
use super::session::Session;
use super::state::Auth;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth::TOKENS;
use crate::base::names;
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{NewToken, Scope, SessionInfo, SessionKind};

/// A token as its maker wants it.
#[derive(Debug, Clone, Copy)]
pub struct TokenWish<'a> {
    /// What it is for.
    pub label: &'a str,
    /// What it may do.
    pub scope: Scope,
    /// How long it is good; without an end if not set.
    pub lives: Option<Duration>,
}

/// A new token, which is shown only once.
#[derive(Debug)]
pub struct IssuedToken {
    /// The id by which it is listed and revoked.
    pub id: SessionId,
    /// The secret.
    pub token: String,
    /// Until when it is good.
    pub expires_at: Option<i64>,
}

impl Auth {
    /// A user's personal access tokens.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn tokens(&self, uid: Uid) -> Result<Vec<SessionInfo>> {
        self.store.sessions(uid, SessionKind::Token).await
    }

    /// A new personal access token for the user who is signed in.
    ///
    /// # Errors
    /// `forbidden` for administration if the user is no administrator, `conflict` if the user has too
    /// many, `unauthorized` if the session has just ended.
    pub async fn create_token(&self, by: &Session, wish: TokenWish<'_>) -> Result<IssuedToken> {
        if wish.scope.administers() && !by.admin {
            let sentence = "Only admins of the server may make tokens for administration.";
            return Err(Error::new(Code::Forbidden, sentence));
        }
        self.store_token(by.uid, Some(by.id), wish).await
    }

    /// A token for a user by name, for the operator's shell.
    ///
    /// # Errors
    /// `not_found` without such a user, `conflict` if the user has too many.
    pub async fn issue_token(&self, username: &str, wish: TokenWish<'_>) -> Result<IssuedToken> {
        let found = self.store.user_named(&names::key(username)).await?;
        let uid = found
            .ok_or_else(|| Error::new(Code::NotFound, format!("There is no user {username}.")))?;
        self.store_token(uid, None, wish).await
    }

    async fn store_token(
        &self,
        uid: Uid,
        asking: Option<SessionId>,
        wish: TokenWish<'_>,
    ) -> Result<IssuedToken> {
        let (token, digest) = new_token()?;
        let expires_at = wish.lives.map(|lives| now_ms().saturating_add(millis(lives)));
        let new = NewToken {
            digest: &digest,
            label: wish.label,
            scope: wish.scope,
            expires_at,
            asking,
            most: TOKENS,
        };
        let id = self.store.create_token(uid, &new).await?;
        Ok(IssuedToken { id, token, expires_at })
    }
}
