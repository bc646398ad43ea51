//! Secrets that are given out once and found again by their SHA-256: session tokens, tickets, invitations.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::base::error::Result;
use crate::base::random;

/// A new token of 256 bits, and the digest that is stored of it.
///
/// # Errors
/// No randomness.
pub fn new_token() -> Result<(String, [u8; 32])> {
    let token = URL_SAFE_NO_PAD.encode(random::bytes::<32>()?);
    let digest = digest(&token);
    Ok((token, digest))
}

/// What is stored of a token.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, digest_of_one) = new_token().unwrap();
        let (two, _) = new_token().unwrap();
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
        assert_eq!(digest(&one), digest_of_one);
    }
}
