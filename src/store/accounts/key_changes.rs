//! Changes of an account's keys (`e2ee.md` 4.4). Each replaces what the present password opens as a whole and keeps one
//! earlier version: the blobs in `keys_old`, and the password that opens them in the slot `previous`.
//!
//! Without a row in `keys_old`, `previous` opens the keys themselves: the account is locked, or an administrator has
//! ended its password. Whoever calls these has locked the user's row, so of two changes one comes after the other; the
//! second finds another `ak_gen` and is refused.

use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::auth_slots::{drop_slot, make_pending_current};
use super::failed;
use super::keys::{keys_conflict, no_keys};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::time::now_ms;

/// New blobs of an account, of the right sizes.
pub struct KeyChange {
    /// The `ak_gen` that they are made from; 0 for the first keys.
    pub from: u64,
    /// Theirs.
    pub ak_gen: u64,
    /// The account key under the password.
    pub ak_password: Vec<u8>,
    /// The account key under the recovery code, if there is one.
    pub ak_recovery: Option<Vec<u8>>,
    /// What a new recovery code is recognised by.
    pub rauth_digest: Option<[u8; 32]>,
    /// The private keys.
    pub bundle: Vec<u8>,
    /// The trust store and its number, if it changes.
    pub trust: Option<(u64, Vec<u8>)>,
}

/// The password that opens the new blobs.
#[derive(Debug, Clone, Copy)]
pub enum OpenedBy<'a> {
    /// The present one, which had this verifier when it was checked.
    Current(&'a [u8; 32]),
    /// The one that waits, which becomes the present one.
    Pending,
}

/// What becomes of the version before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It is kept for thirty days.
    Keep,
    /// It may be in wrong hands: nothing earlier is kept.
    Forget,
}

/// Which generation of the directory the new bundle ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The one it ended with before.
    Same,
    /// This one.
    New(u64),
}

/// Replaces the keys of a user, or gives the first ones. They are not locked afterwards.
///
/// # Errors
/// `keys_conflict` if they are not made from the present ones, `bad_credentials` if the password is not the present one
/// any more, `bad_request` for a recovery code that nobody could use, `conflict` if there are none to be changed.
pub(super) async fn replace_keys(
    transaction: &Transaction<'_>,
    uid: Uid,
    change: &KeyChange,
    generation: Generation,
    by: OpenedBy<'_>,
    earlier: Earlier,
) -> Result<()> {
    let digest = check(transaction, uid, change).await?;
    match earlier {
        Earlier::Keep => keep_earlier(transaction, uid).await?,
        Earlier::Forget => forget_earlier(transaction, uid).await?,
    }
    match by {
        OpenedBy::Current(verifier) => {
            let statement = "UPDATE accounts.auth_slots SET ak_password = $3
                 WHERE user_id = $1 AND kind = 'current' AND verifier = $2";
            let values: [&(dyn ToSql + Sync); 3] =
                [&uid.0, &verifier.as_slice(), &change.ak_password];
            let written = transaction.execute(statement, &values).await.map_err(failed)?;
            if written == 0 {
                return Err(Error::new(Code::BadCredentials, "That is not your password."));
            }
        }
        OpenedBy::Pending => {
            drop_slot(transaction, uid, "current").await?;
            make_pending_current(transaction, uid, Some(&change.ak_password)).await?;
        }
    }
    write(transaction, uid, change, generation, digest).await
}

/// Whether this very change has been made: its answer was lost.
///
/// # Errors
/// `unavailable`.
pub(super) async fn is_made(
    transaction: &Transaction<'_>,
    uid: Uid,
    change: &KeyChange,
) -> Result<bool> {
    let query = "SELECT 1 FROM accounts.keys WHERE user_id = $1 AND ak_gen = $2 AND bundle = $3";
    let values: [&(dyn ToSql + Sync); 3] = [&uid.0, &signed(change.ak_gen), &change.bundle];
    let row = transaction.query_opt(query, &values).await.map_err(failed)?;
    Ok(row.is_some())
}

/// Compares with the keys as they are; the digest of the recovery code from now on.
async fn check(
    transaction: &Transaction<'_>,
    uid: Uid,
    change: &KeyChange,
) -> Result<Option<[u8; 32]>> {
    let query = "SELECT ak_gen, trust_rev, rauth_digest FROM accounts.keys
         WHERE user_id = $1 FOR UPDATE";
    let row = transaction.query_opt(query, &[&uid.0]).await.map_err(failed)?;
    let (ak_gen, trust_rev, stored) = match &row {
        Some(row) => (row.get(0), row.get(1), row.get(2)),
        None => (0_i64, 0_i64, None::<&[u8]>),
    };
    let (ak_gen, trust_rev) = (ak_gen.unsigned_abs(), trust_rev.unsigned_abs());
    let is_behind = change.trust.as_ref().is_some_and(|(rev, _)| *rev <= trust_rev);
    if change.from != ak_gen || is_behind {
        return Err(keys_conflict(ak_gen, trust_rev));
    }
    match (&change.ak_recovery, change.rauth_digest) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(Error::field("rauth_digest", "is not allowed without \"ak_recovery\""))
        }
        (Some(_), Some(new)) => Ok(Some(new)),
        (Some(_), None) => {
            let stored = stored.and_then(|digest| digest.try_into().ok());
            stored.map(Some).ok_or_else(|| Error::field("rauth_digest", "is missing"))
        }
    }
}

async fn write(
    transaction: &Transaction<'_>,
    uid: Uid,
    change: &KeyChange,
    generation: Generation,
    digest: Option<[u8; 32]>,
) -> Result<()> {
    let KeyChange { ak_gen, ak_recovery, bundle, trust, .. } = change;
    let ak_gen = signed(*ak_gen);
    let digest = digest.as_ref().map(<[u8; 32]>::as_slice);
    let trust_rev = trust.as_ref().map(|(rev, _)| signed(*rev));
    let trust = trust.as_ref().map(|(_, blob)| blob);
    let values: [&(dyn ToSql + Sync); 7] =
        [&uid.0, &ak_gen, bundle, ak_recovery, &digest, &trust, &trust_rev];
    let written = match generation {
        Generation::Same => {
            let statement = "UPDATE accounts.keys SET ak_gen = $2, bundle = $3, ak_recovery = $4,
                     rauth_digest = $5, trust = coalesce($6, trust),
                     trust_rev = coalesce($7, trust_rev), locked = false
                 WHERE user_id = $1";
            transaction.execute(statement, &values).await
        }
        Generation::New(generation) => {
            let statement = "INSERT INTO accounts.keys AS k (user_id, ak_gen, bundle, ak_recovery,
                     rauth_digest, trust, trust_rev, generation)
                 VALUES ($1, $2, $3, $4, $5, $6, coalesce($7::bigint, 0), $8)
                 ON CONFLICT (user_id) DO UPDATE SET ak_gen = $2, bundle = $3, ak_recovery = $4,
                     rauth_digest = $5, trust = coalesce($6, k.trust),
                     trust_rev = coalesce($7, k.trust_rev), generation = $8, locked = false";
            let generation = signed(generation);
            let all: Vec<_> = values.into_iter().chain([&generation as _]).collect();
            transaction.execute(statement, &all).await
        }
    };
    if written.map_err(failed)? == 0 { Err(no_keys()) } else { Ok(()) }
}

/// Keeps the present version, with the password that opens it, in the place of the one before.
async fn keep_earlier(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    for statement in [
        "DELETE FROM accounts.auth_slots
         WHERE user_id = $1 AND kind = 'previous' AND EXISTS (
             SELECT 1 FROM accounts.auth_slots
             WHERE user_id = $1 AND kind = 'current' AND ak_password IS NOT NULL)",
        // While locked the slot that opens the keys is `previous` already.
        "INSERT INTO accounts.auth_slots (user_id, kind, kdf, kdf_salt, kdf_iterations,
             server_salt, argon_memory_kib, argon_passes, argon_lanes, verifier, ak_password, created_at)
         SELECT user_id, 'previous', kdf, kdf_salt, kdf_iterations,
             server_salt, argon_memory_kib, argon_passes, argon_lanes, verifier, ak_password, created_at
         FROM accounts.auth_slots
         WHERE user_id = $1 AND kind = 'current' AND ak_password IS NOT NULL",
        "DELETE FROM accounts.keys_old WHERE user_id = $1",
    ] {
        transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
    }
    let statement =
        "INSERT INTO accounts.keys_old (user_id, ak_gen, generation, bundle, ak_recovery,
             rauth_digest, trust, trust_rev, replaced_at)
         SELECT k.user_id, k.ak_gen, k.generation, k.bundle, k.ak_recovery,
             k.rauth_digest, k.trust, k.trust_rev, $2
         FROM accounts.keys k JOIN accounts.auth_slots s ON s.user_id = k.user_id
         WHERE k.user_id = $1 AND s.kind = 'previous' AND s.ak_password IS NOT NULL";
    transaction.execute(statement, &[&uid.0, &now_ms()]).await.map_err(failed)?;
    Ok(())
}

async fn forget_earlier(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    drop_slot(transaction, uid, "previous").await?;
    let statement = "DELETE FROM accounts.keys_old WHERE user_id = $1";
    transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
    Ok(())
}

/// Marks the keys of a user as locked, if there are any: the password that becomes the present one does not open them.
/// Whether there were any.
pub(super) async fn lock_keys(transaction: &Transaction<'_>, uid: Uid) -> Result<bool> {
    let statement = "UPDATE accounts.keys SET locked = true WHERE user_id = $1";
    let written = transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
    Ok(written > 0)
}

/// Whether a user has keys, and whether they are locked.
///
/// # Errors
/// `unavailable`.
pub(super) async fn key_state(transaction: &Transaction<'_>, uid: Uid) -> Result<Option<bool>> {
    let query = "SELECT locked FROM accounts.keys WHERE user_id = $1";
    let row = transaction.query_opt(query, &[&uid.0]).await.map_err(failed)?;
    Ok(row.map(|row| row.get(0)))
}

/// Puts back the version before and the password that opens it. What was present takes its place, unless nothing was
/// opened by the present password.
///
/// # Errors
/// `conflict` if there is none, or if the keys in the directory are others since.
pub(super) async fn swap_earlier(
    transaction: &Transaction<'_>,
    uid: Uid,
    not_before: i64,
) -> Result<()> {
    let query = "SELECT o.user_id IS NOT NULL, o.replaced_at >= $2, o.generation = k.generation
         FROM accounts.keys k
         JOIN accounts.auth_slots s ON s.user_id = k.user_id
         LEFT JOIN accounts.keys_old o ON o.user_id = k.user_id
         WHERE k.user_id = $1 AND s.kind = 'previous' AND s.ak_password IS NOT NULL
         FOR UPDATE OF k, s";
    let row = transaction.query_opt(query, &[&uid.0, &not_before]).await.map_err(failed)?;
    let none = || Error::new(Code::Conflict, "There is no earlier version of this user's keys.");
    let row = row.ok_or_else(none)?;
    let has_blobs: bool = row.get(0);
    drop_slot(transaction, uid, "pending").await?;
    if !has_blobs {
        drop_slot(transaction, uid, "current").await?;
        return swap(transaction, uid, UNLOCK).await;
    }
    if row.get::<_, Option<bool>>(1) != Some(true) {
        return Err(none());
    }
    if row.get::<_, Option<bool>>(2) != Some(true) {
        let text = "This user has made other keys since, which the earlier version does not have.";
        return Err(Error::new(Code::Conflict, text));
    }
    swap(transaction, uid, SWAP).await?;
    let statement = "WITH old AS (SELECT * FROM accounts.keys_old WHERE user_id = $1),
             present AS (SELECT * FROM accounts.keys WHERE user_id = $1),
             restored AS (
                 UPDATE accounts.keys k SET ak_gen = old.ak_gen, bundle = old.bundle,
                     ak_recovery = old.ak_recovery, rauth_digest = old.rauth_digest,
                     trust = old.trust, trust_rev = old.trust_rev, locked = false
                 FROM old WHERE k.user_id = old.user_id)
         UPDATE accounts.keys_old o SET ak_gen = present.ak_gen, bundle = present.bundle,
             ak_recovery = present.ak_recovery, rauth_digest = present.rauth_digest,
             trust = present.trust, trust_rev = present.trust_rev, replaced_at = $2
         FROM present WHERE o.user_id = present.user_id";
    transaction.execute(statement, &[&uid.0, &now_ms()]).await.map_err(failed)?;
    Ok(())
}

/// No two slots of a user are of one kind at any moment, so one of them waits as `pending`.
const SWAP: &[&str] = &[
    "UPDATE accounts.auth_slots SET kind = 'pending' WHERE user_id = $1 AND kind = 'current'",
    "UPDATE accounts.auth_slots SET kind = 'current' WHERE user_id = $1 AND kind = 'previous'",
    "UPDATE accounts.auth_slots SET kind = 'previous' WHERE user_id = $1 AND kind = 'pending'",
];

/// The keys are those of `previous` still.
const UNLOCK: &[&str] = &[
    "UPDATE accounts.auth_slots SET kind = 'current' WHERE user_id = $1 AND kind = 'previous'",
    "UPDATE accounts.keys SET locked = false WHERE user_id = $1",
];

async fn swap(transaction: &Transaction<'_>, uid: Uid, statements: &[&str]) -> Result<()> {
    for statement in statements {
        transaction.execute(*statement, &[&uid.0]).await.map_err(failed)?;
    }
    Ok(())
}

/// The numbers of keys are below 2^53.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
