//! Sessions of browsers and of personal access tokens, found by the digest of their token.

use tokio_postgres::Transaction;

use super::keys::{AccountKeys, keys_in};
use super::rows::status;
use super::scope::{Scope, SessionKind};
use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::time::now_ms;
use crate::protocol::presence::Status;

/// A browser that signs in.
pub struct NewSession<'a> {
    /// The SHA-256 of its secret.
    pub digest: &'a [u8; 32],
    /// The device.
    pub label: &'a str,
    /// What it may be used for.
    pub scope: Scope,
    /// When it ends for good.
    pub expires_at: i64,
}

/// A session that has begun.
pub struct StartedSession {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: i64,
    /// The keys of the user, if there are any, as the password of this sign-in opens them.
    pub keys: Option<AccountKeys>,
}

/// A session with its user.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub uid: Uid,
    /// Their name.
    pub username: String,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// What it is.
    pub kind: SessionKind,
    /// What it may be used for.
    pub scope: Scope,
    /// When it ends for good, if it does.
    pub expires_at: Option<i64>,
    /// When it was last used, in milliseconds.
    pub seen_at: i64,
    /// What the user chose to be seen as.
    pub status: Status,
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// The session.
    pub id: SessionId,
    /// The device or what the token is for.
    pub label: String,
    /// When it began.
    pub created_at: i64,
    /// When it was last used.
    pub seen_at: i64,
    /// What it may be used for.
    pub scope: Scope,
    /// When it ends for good, if it does.
    pub expires_at: Option<i64>,
}

/// Somebody is here.
const SEEN: &str = "UPDATE accounts.users SET seen_at = $2 WHERE id = $1";

impl AccountStore {
    /// Signs a browser in, if what was checked is still the user's current password: a password
    /// that was replaced, or an account that was shut, while the computation ran opens nothing. The keys are of the same
    /// moment.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sign_in(
        &self,
        uid: Uid,
        verifier: &[u8; 32],
        new: &NewSession<'_>,
    ) -> Result<Option<StartedSession>> {
        let created_at = now_ms();
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        lock_user(&transaction, uid).await?;
        let row = transaction
            .query_opt(
                "INSERT INTO accounts.sessions
                     (user_id, kind, digest, label, created_at, seen_at, scope, expires_at)
                 SELECT u.id, 'browser', $3, $4, $5, $5, $6, $7
                 FROM accounts.users u JOIN accounts.auth_slots s ON s.user_id = u.id
                 WHERE u.id = $1 AND u.disabled_at IS NULL AND s.kind = 'current' AND s.verifier = $2
                 RETURNING id",
                &[
                    &uid.0,
                    &verifier.as_slice(),
                    &new.digest.as_slice(),
                    &new.label,
                    &created_at,
                    &new.scope.as_str(),
                    &new.expires_at,
                ],
            )
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        transaction.execute(SEEN, &[&uid.0, &created_at]).await.map_err(failed)?;
        let keys = keys_in(&transaction, uid).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(Some(StartedSession { id: SessionId(row.get(0)), created_at, keys }))
    }

    /// Ends the other sessions of a user, but not the personal access tokens; which ones.
    ///
    /// # Errors
    /// `unavailable`: then they live on.
    pub async fn end_other_sessions(&self, uid: Uid, own: SessionId) -> Result<Vec<SessionId>> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let lock = "SELECT 1 FROM accounts.users WHERE id = $1 FOR UPDATE";
        transaction.execute(lock, &[&uid.0]).await.map_err(failed)?;
        let ending = Ending::Browsers { except: Some(own) };
        let ended = end_sessions(&transaction, uid, ending).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    /// Ends what has come to its end: everything whose time is over, and browsers that were last seen
    /// before `idle_since`; at most `most`, which ones.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn end_expired(
        &self,
        now: i64,
        idle_since: i64,
        most: i64,
    ) -> Result<Vec<SessionId>> {
        let client = self.database.get().await?;
        let rows = client
            .query(
                "DELETE FROM accounts.sessions WHERE id IN (
                     SELECT id FROM accounts.sessions WHERE expires_at <= $1
                     UNION ALL
                     SELECT id FROM accounts.sessions WHERE kind = 'browser' AND seen_at < $2
                     LIMIT $3)
                 RETURNING id",
                &[&now, &idle_since, &most],
            )
            .await
            .map_err(failed)?;
        Ok(rows.iter().map(|row| SessionId(row.get(0))).collect())
    }

    /// The live session of this digest. A browser's that was last seen before `idle_since` is not.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn session(&self, digest: &[u8; 32], idle_since: i64) -> Result<Option<SessionRow>> {
        let client = self.database.get().await?;
        let row = client
            .query_opt(
                "SELECT s.id, u.id, u.username, u.is_admin, s.kind = 'token', s.seen_at,
                     u.status_state, u.status_text, u.status_until, s.scope, s.expires_at
                 FROM accounts.sessions s JOIN accounts.users u ON u.id = s.user_id
                 WHERE s.digest = $1 AND u.disabled_at IS NULL
                   AND (s.kind = 'token' OR s.seen_at >= $2)
                   AND (s.expires_at IS NULL OR s.expires_at > $3)",
                &[&digest.as_slice(), &idle_since, &now_ms()],
            )
            .await
            .map_err(failed)?;
        Ok(row.map(|row| SessionRow {
            id: SessionId(row.get(0)),
            uid: Uid(row.get(1)),
            username: row.get(2),
            is_admin: row.get(3),
            kind: if row.get(4) { SessionKind::Token } else { SessionKind::Browser },
            seen_at: row.get(5),
            status: status(&row, 6),
            scope: Scope::from_word(row.get(9)),
            expires_at: row.get(10),
        }))
    }

    /// Notes that a session and its user were active now. The two statements share no transaction, because ending
    /// sessions locks the user before the sessions.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn touch_session(&self, id: SessionId, uid: Uid) -> Result<()> {
        let now = now_ms();
        let client = self.database.get().await?;
        let statement = "UPDATE accounts.sessions SET seen_at = $2 WHERE id = $1";
        client.execute(statement, &[&id.0, &now]).await.map_err(failed)?;
        client.execute(SEEN, &[&uid.0, &now]).await.map_err(failed)?;
        Ok(())
    }

    /// A user's sessions of one kind, newest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sessions(&self, uid: Uid, kind: SessionKind) -> Result<Vec<SessionInfo>> {
        let client = self.database.get().await?;
        let rows = client
            .query(
                "SELECT id, label, created_at, seen_at, scope, expires_at FROM accounts.sessions
                 WHERE user_id = $1 AND kind = $2 AND (expires_at IS NULL OR expires_at > $3)
                 ORDER BY id DESC",
                &[&uid.0, &kind.as_str(), &now_ms()],
            )
            .await
            .map_err(failed)?;
        let info = |row: &tokio_postgres::Row| SessionInfo {
            id: SessionId(row.get(0)),
            label: row.get(1),
            created_at: row.get(2),
            seen_at: row.get(3),
            scope: Scope::from_word(row.get(4)),
            expires_at: row.get(5),
        };
        Ok(rows.iter().map(info).collect())
    }

    /// Ends a user's session; whether there was one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_session(&self, uid: Uid, kind: SessionKind, id: SessionId) -> Result<bool> {
        let client = self.database.get().await?;
        let removed = client
            .execute(
                "DELETE FROM accounts.sessions WHERE user_id = $1 AND kind = $2 AND id = $3",
                &[&uid.0, &kind.as_str(), &id.0],
            )
            .await
            .map_err(failed)?;
        Ok(removed > 0)
    }

    /// Ends a user's oldest sessions of one kind beyond the newest `keep`; which ones.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn trim_sessions(
        &self,
        uid: Uid,
        kind: SessionKind,
        keep: usize,
    ) -> Result<Vec<SessionId>> {
        let keep = i64::try_from(keep).unwrap_or(i64::MAX);
        let client = self.database.get().await?;
        let rows = client
            .query(
                "DELETE FROM accounts.sessions WHERE id IN (
                     SELECT id FROM accounts.sessions WHERE user_id = $1 AND kind = $2
                     ORDER BY id DESC OFFSET $3)
                 RETURNING id",
                &[&uid.0, &kind.as_str(), &keep],
            )
            .await
            .map_err(failed)?;
        Ok(rows.iter().map(|row| SessionId(row.get(0))).collect())
    }
}

/// Locks the user's row against a change of the password and against an end of all sessions: the next statement sees
/// all of such a change, or the change sees all of what the statement does.
async fn lock_user(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    let lock = "SELECT 1 FROM accounts.users WHERE id = $1 FOR SHARE";
    transaction.execute(lock, &[&uid.0]).await.map_err(failed)?;
    Ok(())
}

/// What a session calls its device; empty without a session.
pub(super) async fn device(
    transaction: &Transaction<'_>,
    session: Option<SessionId>,
) -> Result<String> {
    let Some(session) = session else { return Ok(String::new()) };
    let query = "SELECT label FROM accounts.sessions WHERE id = $1";
    let row = transaction.query_opt(query, &[&session.0]).await.map_err(failed)?;
    Ok(row.map(|row| row.get(0)).unwrap_or_default())
}

/// What a live session of a user calls its device.
///
/// # Errors
/// `unauthorized` if it has ended: then it changes nothing.
pub(super) async fn device_of(
    transaction: &Transaction<'_>,
    uid: Uid,
    session: SessionId,
) -> Result<String> {
    let query = "SELECT label FROM accounts.sessions WHERE id = $1 AND user_id = $2";
    let row = transaction.query_opt(query, &[&session.0, &uid.0]).await.map_err(failed)?;
    let ended = || Error::new(Code::Unauthorized, "This session has ended. Please sign in again.");
    Ok(row.ok_or_else(ended)?.get(0))
}

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// The browsers, except this one.
    Browsers {
        /// The session that stays.
        except: Option<SessionId>,
    },
    /// The browsers and the personal access tokens.
    Everything,
}

/// Ends sessions of a user; which ones. The caller has locked the user's row.
pub(super) async fn end_sessions(
    transaction: &Transaction<'_>,
    uid: Uid,
    ending: Ending,
) -> Result<Vec<SessionId>> {
    let (except, ends_tokens) = match ending {
        Ending::Browsers { except } => (except.map(|session| session.0), false),
        Ending::Everything => (None, true),
    };
    let rows = transaction
        .query(
            "DELETE FROM accounts.sessions
             WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND (kind = 'browser' OR $3)
             RETURNING id",
            &[&uid.0, &except, &ends_tokens],
        )
        .await
        .map_err(failed)?;
    Ok(rows.iter().map(|row| SessionId(row.get(0))).collect())
}
