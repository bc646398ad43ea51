//! The keys of accounts as the browsers encrypted them (`e2ee.md` 4.4, 12.1): what opens with the present password,
//! the trust store, what the recovery code opens, and the challenges that somebody may sign.
//!
//! `ak_password` stands beside the password that opens it, in `auth_slots`; everything else in `keys`. Both are read by
//! one statement and written by one transaction, so nobody gets halves of two changes. How they change is in
//! [`key_changes`](super::key_changes).

use tokio_postgres::{Row, Transaction};

use super::rows::bytes;
use super::{AccountStore, failed};
use crate::base::encryption::EncryptionDetail;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::time::now_ms;

/// The keys of an account. All byte strings are opaque here.
#[derive(Clone)]
pub struct AccountKeys {
    /// Counts the account keys.
    pub ak_gen: u64,
    /// The account key under the present password; `None` while locked.
    pub ak_password: Option<Vec<u8>>,
    /// The account key under the recovery code, if there is one.
    pub ak_recovery: Option<Vec<u8>>,
    /// The private keys under the account key.
    pub bundle: Vec<u8>,
    /// The trust store.
    pub trust: Option<Vec<u8>>,
    /// Counts the trust stores; 0 without one.
    pub trust_rev: u64,
    /// Whether the present password was set without the keys.
    pub is_locked: bool,
}

/// What the recovery code of an account opens.
pub struct RecoveryRecord {
    /// The user.
    pub uid: Uid,
    /// The SHA-256 of what proves possession of the code.
    pub rauth_digest: [u8; 32],
    /// The keys.
    pub keys: AccountKeys,
}

/// Columns of [`account_keys`], for a query that knows the keys as `k` and the slot of the password as `s`.
const COLUMNS: &str =
    "k.ak_gen, CASE WHEN NOT k.locked THEN s.ak_password END, k.ak_recovery, k.bundle, k.trust,
     k.trust_rev, k.locked";

/// The keys in seven columns from `first` on, if there are any.
fn account_keys(row: &Row, first: usize) -> Option<AccountKeys> {
    let ak_gen: Option<i64> = row.get(first);
    Some(AccountKeys {
        ak_gen: ak_gen?.unsigned_abs(),
        ak_password: row.get(first + 1),
        ak_recovery: row.get(first + 2),
        bundle: row.get(first + 3),
        trust: row.get(first + 4),
        trust_rev: row.get::<_, i64>(first + 5).unsigned_abs(),
        is_locked: row.get(first + 6),
    })
}

/// The keys of a user whose row is locked, as the present password opens them.
pub(super) async fn keys_in(
    transaction: &Transaction<'_>,
    uid: Uid,
) -> Result<Option<AccountKeys>> {
    let query = format!(
        "SELECT {COLUMNS} FROM accounts.keys k
         LEFT JOIN accounts.auth_slots s ON s.user_id = k.user_id AND s.kind = 'current'
         WHERE k.user_id = $1"
    );
    let row = transaction.query_opt(&query, &[&uid.0]).await.map_err(failed)?;
    Ok(row.and_then(|row| account_keys(&row, 0)))
}

impl AccountStore {
    /// The keys of a user whose present password has this verifier; the outer `None` if it is not the present one any
    /// more.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn keys_opened_by(
        &self,
        uid: Uid,
        verifier: &[u8; 32],
    ) -> Result<Option<Option<AccountKeys>>> {
        let query = format!(
            "SELECT {COLUMNS} FROM accounts.users u
             JOIN accounts.auth_slots s ON s.user_id = u.id AND s.kind = 'current'
             LEFT JOIN accounts.keys k ON k.user_id = u.id
             WHERE u.id = $1 AND s.verifier = $2 AND u.disabled_at IS NULL"
        );
        let client = self.database.get().await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
            [&uid.0, &verifier.as_slice()];
        let row = client.query_opt(&query, &values).await.map_err(failed)?;
        Ok(row.map(|row| account_keys(&row, 0)))
    }

    /// The keys of a user, without anything that a password opens.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sealed_keys(&self, uid: Uid) -> Result<Option<AccountKeys>> {
        let query = format!(
            "SELECT {COLUMNS} FROM accounts.keys k
             LEFT JOIN accounts.auth_slots s ON s.user_id = k.user_id AND s.kind = 'current'
             WHERE k.user_id = $1"
        );
        let client = self.database.get().await?;
        let row = client.query_opt(&query, &[&uid.0]).await.map_err(failed)?;
        Ok(row
            .and_then(|row| account_keys(&row, 0))
            .map(|keys| AccountKeys { ak_password: None, ..keys }))
    }

    /// What the recovery code of the user of this name opens, if the account is open and has one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn recovery_record(&self, username_key: &str) -> Result<Option<RecoveryRecord>> {
        let query = format!(
            "SELECT u.id, k.rauth_digest, {COLUMNS} FROM accounts.users u
             JOIN accounts.keys k ON k.user_id = u.id
             LEFT JOIN accounts.auth_slots s ON s.user_id = u.id AND s.kind = 'current'
             WHERE u.username_key = $1 AND u.disabled_at IS NULL AND k.rauth_digest IS NOT NULL"
        );
        let client = self.database.get().await?;
        let row = client.query_opt(&query, &[&username_key]).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let Some(keys) = account_keys(&row, 2) else { return Ok(None) };
        Ok(Some(RecoveryRecord { uid: Uid(row.get(0)), rauth_digest: bytes(row.get(1))?, keys }))
    }

    /// Replaces the trust store of a user, if `rev` is the next number.
    ///
    /// # Errors
    /// `conflict` without keys, `keys_conflict` if another one was faster.
    pub async fn put_trust(&self, uid: Uid, rev: u64, trust: &[u8]) -> Result<()> {
        let client = self.database.get().await?;
        let rev = i64::try_from(rev).unwrap_or(i64::MAX);
        let statement = "UPDATE accounts.keys SET trust = $3, trust_rev = $2
             WHERE user_id = $1 AND trust_rev = $2::bigint - 1";
        let written = client.execute(statement, &[&uid.0, &rev, &trust]).await.map_err(failed)?;
        if written == 1 {
            return Ok(());
        }
        let query = "SELECT ak_gen, trust_rev FROM accounts.keys WHERE user_id = $1";
        let row = client.query_opt(query, &[&uid.0]).await.map_err(failed)?;
        Err(row.map_or_else(no_keys, |row| {
            let (ak_gen, trust_rev): (i64, i64) = (row.get(0), row.get(1));
            keys_conflict(ak_gen.unsigned_abs(), trust_rev.unsigned_abs())
        }))
    }

    /// Stores a challenge of a user, of whom no more than `most` are kept: the oldest go.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn put_challenge(
        &self,
        uid: Uid,
        digest: &[u8; 32],
        expires_at: i64,
        most: i64,
    ) -> Result<()> {
        let client = self.database.get().await?;
        let statement = "WITH kept AS (
                 SELECT digest FROM accounts.proofs WHERE user_id = $2 AND expires_at > $4
                 ORDER BY expires_at DESC, digest LIMIT $5::bigint - 1),
             gone AS (
                 DELETE FROM accounts.proofs
                 WHERE user_id = $2 AND digest NOT IN (SELECT digest FROM kept))
             INSERT INTO accounts.proofs (digest, user_id, expires_at) VALUES ($1, $2, $3)";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&digest.as_slice(), &uid.0, &expires_at, &now_ms(), &most];
        client.execute(statement, &values).await.map_err(failed)?;
        Ok(())
    }

    /// Deletes earlier versions of keys that were replaced before that moment, with the passwords that open them, and
    /// challenges that are over.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn purge_keys(&self, before: i64) -> Result<()> {
        let client = self.database.get().await?;
        let statement = "WITH old AS (
                 DELETE FROM accounts.keys_old WHERE replaced_at < $1 RETURNING user_id)
             DELETE FROM accounts.auth_slots s USING old
             WHERE s.user_id = old.user_id AND s.kind = 'previous'";
        client.execute(statement, &[&before]).await.map_err(failed)?;
        let statement = "DELETE FROM accounts.proofs WHERE expires_at <= $1";
        client.execute(statement, &[&now_ms()]).await.map_err(failed)?;
        Ok(())
    }
}

/// Uses up a challenge of a user: what is changed by its proof is changed by the same transaction.
///
/// # Errors
/// `not_found` if it is unknown, was used or is over.
pub(super) async fn use_challenge(
    transaction: &Transaction<'_>,
    uid: Uid,
    digest: &[u8; 32],
) -> Result<()> {
    let statement =
        "DELETE FROM accounts.proofs WHERE digest = $1 AND user_id = $2 AND expires_at > $3";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&digest.as_slice(), &uid.0, &now_ms()];
    match transaction.execute(statement, &values).await.map_err(failed)? {
        0 => Err(Error::new(
            Code::NotFound,
            "This took too long or is not valid any more. Please start again.",
        )),
        _ => Ok(()),
    }
}

/// Somebody else was faster.
pub(super) fn keys_conflict(ak_gen: u64, trust_rev: u64) -> Error {
    Error::with_detail(EncryptionDetail::KeysConflict { ak_gen, trust_rev })
}

pub(super) fn no_keys() -> Error {
    Error::new(Code::Conflict, "This account has no keys yet.")
}
