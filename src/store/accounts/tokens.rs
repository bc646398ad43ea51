//! Personal access tokens, which are stored as sessions of a kind of their own.

use super::scope::Scope;
use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::time::now_ms;

/// A personal access token to be stored.
pub struct NewToken<'a> {
    /// The SHA-256 of its secret.
    pub digest: &'a [u8; 32],
    /// What it is for.
    pub label: &'a str,
    /// What it may be used for.
    pub scope: Scope,
    /// When it ends, if it does.
    pub expires_at: Option<i64>,
    /// The session that makes it; none on the command line.
    pub asking: Option<SessionId>,
    /// How many the user may have.
    pub most: i64,
}

impl AccountStore {
    /// Stores a new personal access token if the session that makes it still exists: somebody who was signed out a
    /// moment ago must not come back by a token. The user's row is locked, so that of two tokens made at once the
    /// second counts the first.
    ///
    /// # Errors
    /// `conflict` if the user has as many as may be, `unauthorized` if the session has ended,
    /// `not_found` without such a user, `unavailable`.
    pub async fn create_token(&self, uid: Uid, new: &NewToken<'_>) -> Result<SessionId> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let lock = "SELECT 1 FROM accounts.users WHERE id = $1 FOR UPDATE";
        let found = transaction.query_opt(lock, &[&uid.0]).await.map_err(failed)?;
        found.ok_or_else(|| Error::new(Code::NotFound, "There is no such user."))?;
        if let Some(asking) = new.asking {
            let query = "SELECT 1 FROM accounts.sessions WHERE user_id = $1 AND id = $2";
            let found = transaction.query_opt(query, &[&uid.0, &asking.0]).await.map_err(failed)?;
            found.ok_or_else(|| Error::new(Code::Unauthorized, "This session has ended."))?;
        }
        let row = transaction
            .query_opt(
                "INSERT INTO accounts.sessions
                     (user_id, kind, digest, label, created_at, seen_at, scope, expires_at)
                 SELECT $1, 'token', $2, $3, $4, $4, $5, $6
                 WHERE (SELECT count(*) FROM accounts.sessions
                        WHERE user_id = $1 AND kind = 'token'
                          AND (expires_at IS NULL OR expires_at > $4)) < $7
                 RETURNING id",
                &[
                    &uid.0,
                    &new.digest.as_slice(),
                    &new.label,
                    &now_ms(),
                    &new.scope.as_str(),
                    &new.expires_at,
                    &new.most,
                ],
            )
            .await
            .map_err(failed)?;
        let row = row.ok_or_else(|| {
            Error::new(Code::Conflict, "You have too many tokens. Please delete one first.")
        })?;
        transaction.commit().await.map_err(failed)?;
        Ok(SessionId(row.get(0)))
    }
}
