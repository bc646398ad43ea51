//! Advisory locks of the account store. Whoever takes one keeps it until the transaction ends, so changes that must not
//! run at the same time run one after the other.

use tokio_postgres::Transaction;

use super::failed;
use crate::base::error::Result;

/// What is done one at a time. The numbers only have to differ.
#[derive(Debug, Clone, Copy)]
#[repr(i64)]
pub(super) enum Lock {
    /// Changes of users by administrators.
    Administration = 0x0061_646d_696e,
    /// Appends to the audit log.
    Audit = 0x0061_7564_6974,
    /// Updates of ambiguous names: of two users who take the same name at once the second sees the first.
    AmbiguousNames = 0x0073_686f_776e,
    /// Registrations while the number of accounts is limited.
    Registration = 0x636f_756e_7469_6e67,
    /// Appends to the directory of keys.
    Directory = 0x0064_6972_6563,
    /// New hooks and new names of them: each is compared with those before it.
    Hooks = 0x0068_6f6f_6b73,
    /// New invite links of the operator.
    OperatorInvites = 0x696e_7669_7465_7321,
}

/// Waits for the lock.
///
/// # Errors
/// `unavailable`.
pub(super) async fn lock(transaction: &Transaction<'_>, lock: Lock) -> Result<()> {
    let statement = "SELECT pg_advisory_xact_lock($1)";
    transaction.execute(statement, &[&(lock as i64)]).await.map_err(failed)?;
    Ok(())
}
