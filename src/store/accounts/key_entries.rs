//! What is written beside an entry of the directory that gives an account other keys (`e2ee.md` 13.1): the first ones,
//! the next generation, or fresh ones for an account that is locked.

use tokio_postgres::Transaction;

use super::AccountStore;
use super::directory::Also;
use super::failed;
use super::key_changes::{
    Earlier, Generation, KeyChange, OpenedBy, is_made, key_state, replace_keys,
};
use super::keys::use_challenge;
use super::passwords::{lock_open_user, take_pending};
use super::sessions::device_of;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};

/// What an entry does to the keys of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEntryKind {
    /// Gives the first ones.
    First,
    /// Gives the next ones.
    Rotate,
    /// Gives fresh ones to an account that is locked.
    Reset,
}

/// The password that opens the new keys.
#[derive(Debug, Clone, Copy)]
pub enum KeyPassword<'a> {
    /// The present one, which had this verifier when it was checked.
    Current(&'a [u8; 32]),
    /// The one that waits under this digest.
    Pending(&'a [u8; 32]),
}

/// New keys of an account, beside the entry of the directory that says so.
pub struct KeyEntry<'a> {
    /// Whose.
    pub uid: Uid,
    /// The session that makes them.
    pub session: SessionId,
    /// What the entry does.
    pub kind: KeyEntryKind,
    /// The generation in it.
    pub generation: u64,
    /// The blobs.
    pub change: &'a KeyChange,
    /// What opens them.
    pub password: KeyPassword<'a>,
    /// What becomes of the version before.
    pub earlier: Earlier,
}

impl Also for KeyEntry<'_> {
    /// What the session calls its device.
    type Outcome = String;

    /// Writes the keys. A change that was made already, whose answer was lost, is not made again.
    ///
    /// # Errors
    /// `unauthorized` if the session has ended, `conflict` for first keys of an account that has some, `forbidden` for
    /// fresh ones of an account that is not locked, `not_found` if the password does not wait any more, and those of
    /// [`replace_keys`].
    async fn write(self, transaction: &Transaction<'_>) -> Result<String> {
        let Self { uid, session, kind, generation, change, password, earlier } = self;
        let device = device_of(transaction, uid, session).await?;
        if is_made(transaction, uid, change).await? {
            return Ok(device);
        }
        match (kind, key_state(transaction, uid).await?) {
            (KeyEntryKind::First, Some(_)) => {
                return Err(Error::new(Code::Conflict, "This account has keys already."));
            }
            (KeyEntryKind::Reset, Some(is_locked)) if !is_locked => {
                let text = "These keys are not locked: they can be changed, but not given up.";
                return Err(Error::new(Code::Forbidden, text));
            }
            _ => {}
        }
        let by = match password {
            KeyPassword::Current(verifier) => OpenedBy::Current(verifier),
            KeyPassword::Pending(digest) => {
                take_pending(transaction, uid, digest).await?;
                OpenedBy::Pending
            }
        };
        replace_keys(transaction, uid, change, Generation::New(generation), by, earlier).await?;
        Ok(device)
    }
}

impl AccountStore {
    /// Wraps the keys of a user anew, under the present password, which had this verifier when it was checked; the
    /// device of the session. `challenge` is the digest of what was signed with the current key.
    ///
    /// # Errors
    /// `unauthorized` if the session has ended, `not_found` if the challenge is not good any more, and those of
    /// [`replace_keys`].
    pub async fn rewrap_keys(
        &self,
        uid: Uid,
        session: SessionId,
        verifier: &[u8; 32],
        change: &KeyChange,
        challenge: &[u8; 32],
    ) -> Result<String> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        lock_open_user(&transaction, uid).await?;
        let device = device_of(&transaction, uid, session).await?;
        use_challenge(&transaction, uid, challenge).await?;
        let by = OpenedBy::Current(verifier);
        let (same, keep) = (Generation::Same, Earlier::Keep);
        replace_keys(&transaction, uid, change, same, by, keep).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(device)
    }
}
