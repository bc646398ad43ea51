//! The server's part of turning a password into keys (`e2ee.md` 4.3).
//!
//! One Argon2id computation makes both the VERIFIER that is stored and the SHARE that the client
//! needs for its wrapping key, so a thief of the database pays for it with every guess.

use argon2::{Algorithm, Argon2, Params, Version};

use super::pack::kdf;

/// What AUTH comes to. Neither half is ever logged.
pub struct Stretched {
    /// Stored, compared in constant time.
    pub verifier: [u8; 32],
    /// Returned after a correct AUTH, never stored.
    pub share: [u8; 32],
}

/// Computes both. It takes `memory_kib` of memory and a good part of a second: never on an async
/// or a delivery thread.
///
/// # Errors
/// The parameters are outside what Argon2id allows.
pub fn stretch(
    auth: &[u8; 32],
    salt: &[u8; 16],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Result<Stretched, argon2::Error> {
    let params = Params::new(memory_kib, passes, lanes, Some(32))?;
    let mut stretched = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        auth,
        salt,
        &mut stretched,
    )?;
    Ok(Stretched {
        verifier: kdf(&stretched, "verifier", &[]),
        share: kdf(&stretched, "share", &[]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> [u8; 32] {
        crate::base::hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_published_vector_comes_out() {
        let auth = hex("6561635d96d0d468415c340370f0681fc44ae4df60a3d94bf552fbe5d163deaf");
        let out = stretch(&auth, &[0x12; 16], 65_536, 3, 1).unwrap();
        assert_eq!(
            out.verifier,
            hex("9e79818865f618b86d110e6e5f21e56107b355ca572df398fb1ea97bbc6dbbd8")
        );
        assert_eq!(
            out.share,
            hex("74ac4562ff3072daa6f4a1e759f68a51cb002275c7327d1471e85f2952dc628a")
        );
    }

    #[test]
    fn parameters_argon2id_does_not_know_are_refused() {
        assert!(stretch(&[1; 32], &[2; 16], 1, 0, 0).is_err());
    }
}
