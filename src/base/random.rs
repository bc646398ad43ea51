//! Randomness of the operating system. It is good enough for secrets, and nothing here is asked for so often
//! that a generator of our own would be worth its state.

use rand::TryRng as _;
use rand::rngs::SysRng;

use super::error::{Error, Result};

/// Bytes that nobody can guess.
///
/// # Errors
/// `internal` if the system has no randomness.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// A number where a guess does no harm; 0 if the system has no randomness.
pub fn number() -> u32 {
    SysRng.try_next_u32().unwrap_or_default()
}
