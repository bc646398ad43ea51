//! The keys of accounts (`auth`, `service`; `e2ee.md` 4.4 and 13.1).

use std::time::Duration;

/// The account key under the password.
pub const AK_PASSWORD: usize = 61;
/// The account key under the recovery code.
pub const AK_RECOVERY: usize = 113;
/// What encryption adds: suite, nonce and tag. Nothing encrypted is shorter.
pub const BOX: usize = 29;
/// The private keys of all generations.
pub const BUNDLE: usize = 8 * 1024;
/// The trust store.
pub const TRUST: usize = 1024 * 1024;
/// Body of a request that may bring a trust store.
pub const TRUST_BODY: usize = 1_536 * 1024;
/// How long a challenge may be signed.
pub const CHALLENGE: Duration = Duration::from_secs(5 * 60);
/// Challenges of one user at once; beyond these the oldest are over.
pub const CHALLENGES: i64 = 16;
/// Recovery codes that are tried for one account from one network in an hour, right ones among them.
pub const RECOVERIES: u32 = 5;
