//! The slots of `accounts.auth_slots`: each has a salt, the cost of the computation and its result.
//!
//! `current` opens the account. `pending` waits, found by the digest of a secret, to become it. What was current
//! before stays as `previous`, because keys may still be wrapped with it (`e2ee.md` 14.12).

use tokio_postgres::{Row, Transaction};

use super::failed;
use super::rows::bytes;
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::time::now_ms;

/// How a browser turns a password into AUTH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdfParams {
    /// The algorithm's name on the wire.
    pub alg: String,
    /// Chosen by the client when the password was set.
    pub salt: [u8; 16],
    /// Iterations.
    pub iterations: u32,
}

/// How the server stretches AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StretchParams {
    /// Chosen by the server when the password was set.
    pub salt: [u8; 16],
    /// Memory of one computation.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// What somebody logs in with.
#[derive(Clone)]
pub struct AuthSlot {
    /// The browser's part.
    pub kdf: KdfParams,
    /// The server's part.
    pub stretch: StretchParams,
    /// What the two must come to.
    pub verifier: [u8; 32],
}

/// The current password, if there is one, opens nothing any more. It stays as `previous`, unless the account has keys
/// that it does not open: then the slot that opens them stays (`e2ee.md` 13.7). No earlier version of the keys has a
/// password any more, so none is kept.
pub(super) async fn retire_current(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    let query = "SELECT s.ak_password IS NOT NULL OR k.user_id IS NULL
         FROM accounts.auth_slots s LEFT JOIN accounts.keys k ON k.user_id = s.user_id
         WHERE s.user_id = $1 AND s.kind = 'current'";
    let row = transaction.query_opt(query, &[&uid.0]).await.map_err(failed)?;
    let Some(row) = row else { return Ok(()) };
    if !row.get::<_, bool>(0) {
        return drop_slot(transaction, uid, "current").await;
    }
    for statement in [
        "DELETE FROM accounts.auth_slots WHERE user_id = $1 AND kind = 'previous'",
        "UPDATE accounts.auth_slots SET kind = 'previous' WHERE user_id = $1 AND kind = 'current'",
        "DELETE FROM accounts.keys_old WHERE user_id = $1",
    ] {
        transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
    }
    Ok(())
}

/// The password that waits becomes the current one, of which there is none. `ak_password` is what it opens.
pub(super) async fn make_pending_current(
    transaction: &Transaction<'_>,
    uid: Uid,
    ak_password: Option<&[u8]>,
) -> Result<()> {
    let statement = "UPDATE accounts.auth_slots SET kind = 'current', pending_digest = NULL,
             ticket_digest = NULL, expires_at = NULL, by_recovery = false, ak_password = $2
         WHERE user_id = $1 AND kind = 'pending'";
    transaction.execute(statement, &[&uid.0, &ak_password]).await.map_err(failed)?;
    Ok(())
}

pub(super) async fn drop_slot(
    transaction: &Transaction<'_>,
    uid: Uid,
    kind: &'static str,
) -> Result<()> {
    let statement = "DELETE FROM accounts.auth_slots WHERE user_id = $1 AND kind = $2";
    transaction.execute(statement, &[&uid.0, &kind]).await.map_err(failed)?;
    Ok(())
}

/// Stores a slot of a kind that the user does not have.
pub(super) async fn insert_slot(
    transaction: &Transaction<'_>,
    uid: Uid,
    kind: &'static str,
    slot: &AuthSlot,
) -> Result<()> {
    let AuthSlot { kdf, stretch, verifier } = slot;
    transaction
        .execute(
            "INSERT INTO accounts.auth_slots (user_id, kind, kdf, kdf_salt, kdf_iterations,
                 server_salt, argon_memory_kib, argon_passes, argon_lanes, verifier, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                &uid.0,
                &kind,
                &kdf.alg,
                &kdf.salt.as_slice(),
                &signed(kdf.iterations),
                &stretch.salt.as_slice(),
                &signed(stretch.memory_kib),
                &signed(stretch.passes),
                &signed(stretch.lanes),
                &verifier.as_slice(),
                &now_ms(),
            ],
        )
        .await
        .map_err(failed)?;
    Ok(())
}

/// A slot in eight columns from `first` on: kdf, kdf_salt, kdf_iterations, server_salt, argon_memory_kib,
/// argon_passes, argon_lanes, verifier.
pub(super) fn slot(row: &Row, first: usize) -> Result<AuthSlot> {
    Ok(AuthSlot {
        kdf: KdfParams {
            alg: row.get(first),
            salt: bytes(row.get(first + 1))?,
            iterations: unsigned(row.get(first + 2)),
        },
        stretch: StretchParams {
            salt: bytes(row.get(first + 3))?,
            memory_kib: unsigned(row.get(first + 4)),
            passes: unsigned(row.get(first + 5)),
            lanes: unsigned(row.get(first + 6)),
        },
        verifier: bytes(row.get(first + 7))?,
    })
}

/// PostgreSQL knows no unsigned numbers; ours are far below the border.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn unsigned(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
