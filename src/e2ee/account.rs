//! The server's part of an account's keys: turning a password into them (`e2ee.md` 4.3), and what somebody signs to show
//! that they have the current ones (13.1).
//!
//! One Argon2id computation makes both the VERIFIER that is stored and the SHARE that the client
//! needs for its wrapping key, so a thief of the database pays for it with every guess.

use argon2::{Algorithm, Argon2, Params, Version};

use super::pack::{kdf, pack};
use crate::base::ids::Uid;

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

/// What a challenge is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofPurpose {
    /// The same keys under the same password, wrapped anew.
    Rewrap,
    /// The same keys under a new password.
    Password,
}

/// What proves possession of the current key: its signature of this.
pub fn proof_message(
    instance: &[u8; 16],
    uid: Uid,
    purpose: ProofPurpose,
    challenge: &[u8; 32],
) -> Vec<u8> {
    let purpose = match purpose {
        ProofPurpose::Rewrap => "rewrap",
        ProofPurpose::Password => "password",
    };
    pack("proof", &[instance, uid.to_string().as_bytes(), purpose.as_bytes(), challenge])
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
    fn what_is_signed_as_a_proof_is_as_published() {
        let message = proof_message(&[0xa0; 16], Uid(42), ProofPurpose::Rewrap, &[0xc1; 32]);
        let published = "00000014696d70756c73652f653265652f312f70726f6f6600000010\
            a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0000000023432000000067265777261700000002\
            0c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1";
        assert_eq!(crate::base::hex::encode(&message), published);
        let other = proof_message(&[0xa0; 16], Uid(42), ProofPurpose::Password, &[0xc1; 32]);
        assert_ne!(message, other);
    }

    #[test]
    fn parameters_argon2id_does_not_know_are_refused() {
        assert!(stretch(&[1; 32], &[2; 16], 1, 0, 0).is_err());
    }
}
