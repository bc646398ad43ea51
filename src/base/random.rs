//! Randomness of the operating system. It is good enough for secrets, and it is needed too rarely for a generator with
//! state of its own.

use rand::TryRng as _;
use rand::rngs::{SysError, SysRng};

/// Bytes that nobody can guess.
///
/// # Errors
/// The system has no randomness.
pub fn bytes<const N: usize>() -> Result<[u8; N], SysError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}

/// A number where a guess does no harm; 0 if the system has no randomness.
pub fn number() -> u32 {
    SysRng.try_next_u32().unwrap_or_default()
}
