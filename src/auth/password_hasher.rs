//! Argon2id of AUTH, away from the async threads and bounded in number.
//!
//! One computation takes 64 MiB and a tenth of a second, so at most as many run as there are cores. The others wait in
//! a queue that is fair between networks and bounded: what does not fit is refused.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::credentials::CheckedPassword;
use super::fair_queue::{Bounds, Client, FairQueue, QueueLoad};
use crate::base::error::{Error, Result};
use crate::base::limits::auth as limits;
use crate::base::random;
use crate::base::runtime::{cores, in_background};
use crate::e2ee::account::{Stretched, stretch};
use crate::store::accounts::{AuthSlot, StretchParams};

/// Runs the computations of passwords.
pub struct PasswordHasher {
    cores: Arc<FairQueue>,
}

/// How many computations of passwords run and wait now.
#[derive(Debug, Clone, Copy)]
pub struct HasherLoad {
    /// Computations on a core.
    pub running: usize,
    /// Computations waiting for one.
    pub waiting: usize,
    /// Refused since the start, because too many waited.
    pub refused: u64,
}

impl PasswordHasher {
    /// As many at once as there are cores.
    pub fn new() -> Self {
        let bounds = Bounds {
            at_once: cores(),
            waiting_per_network: limits::HASHES_WAITING_PER_NETWORK,
            waiting: limits::HASHES_WAITING,
        };
        Self { cores: FairQueue::new(bounds) }
    }

    /// How many computations run and wait.
    pub fn load(&self) -> HasherLoad {
        let QueueLoad { working, waiting, refused } = self.cores.load();
        HasherLoad { running: working, waiting, refused }
    }

    /// VERIFIER and SHARE of `auth`.
    ///
    /// # Errors
    /// `unavailable` if too many wait already.
    pub async fn hash(
        &self,
        auth: [u8; 32],
        params: StretchParams,
        client: Client,
    ) -> Result<Stretched> {
        let core = self.cores.acquire(client).await?;
        let StretchParams { salt, memory_kib, passes, lanes } = params;
        let computed = tokio::task::spawn_blocking(move || {
            // Held until the computation ends, even if the client has gone meanwhile.
            let _core = core;
            in_background();
            stretch(&auth, &salt, memory_kib, passes, lanes)
        });
        computed.await.map_err(Error::internal)?.map_err(|error| Error::internal(error.to_string()))
    }

    /// The slot of a new password, and its share.
    ///
    /// # Errors
    /// As [`PasswordHasher::hash`].
    pub async fn hash_new(
        &self,
        new: CheckedPassword,
        client: Client,
    ) -> Result<(AuthSlot, [u8; 32])> {
        let stretch = new_params()?;
        let stretched = self.hash(new.auth, stretch, client).await?;
        Ok((AuthSlot { kdf: new.kdf, stretch, verifier: stretched.verifier }, stretched.share))
    }
}

impl Default for PasswordHasher {
    fn default() -> Self {
        Self::new()
    }
}

/// Parameters for a new password.
///
/// # Errors
/// No randomness.
pub fn new_params() -> Result<StretchParams> {
    Ok(StretchParams {
        salt: random::bytes()?,
        memory_kib: limits::HASH_MEMORY_KIB,
        passes: limits::HASH_PASSES,
        lanes: limits::HASH_LANES,
    })
}

/// Compares in a time that does not depend on where the difference is.
pub fn matches(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
