//! Signatures, and the keys and signatures that are refused before they are used (`e2ee.md` 3.4). The engines of
//! browsers differ about points of small order and numbers that are not reduced; refusing both makes all agree.

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};

/// The seven y of points of small order, two of them a second time as y + p; with either sign they are the fourteen
/// encodings there are.
const SMALL_ORDER_Y: [[u8; 32]; 7] = [
    edge(0x00, 0x00),
    edge(0x01, 0x00),
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\
       \xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\
       \x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    edge(0xec, 0xff),
    edge(0xed, 0xff),
    edge(0xee, 0xff),
];

/// The seven u of X25519 that give zeros or one of few secrets.
const SMALL_ORDER_U: [[u8; 32]; 7] = [
    edge(0x00, 0x00),
    edge(0x01, 0x00),
    *b"\x5f\x9c\x95\xbc\xa3\x50\x8c\x24\xb1\xd0\xb1\x55\x9c\x83\xef\x5b\
       \x04\x44\x5c\xc4\x58\x1c\x8e\x86\xd8\x22\x4e\xdd\xd0\x9f\x11\x57",
    *b"\xe0\xeb\x7a\x7c\x3b\x41\xb8\xae\x16\x56\xe3\xfa\xf1\x9f\xc4\x6a\
       \xda\x09\x8d\xeb\x9c\x32\xb1\xfd\x86\x62\x05\x16\x5f\x49\xb8\x00",
    edge(0xec, 0xff),
    edge(0xed, 0xff),
    edge(0xee, 0xff),
];

/// 2^255 - 19, little-endian.
const P: [u8; 32] = edge(0xed, 0xff);

/// The order of the base point, 2^252 + 27742317777372353535851937790883648493, little-endian.
const L: [u8; 32] = *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\
                       \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10";

/// A number near 0 or 2^255: its lowest byte, and what the others are.
const fn edge(lowest: u8, others: u8) -> [u8; 32] {
    let mut bytes = [others; 32];
    bytes[0] = lowest;
    bytes[31] &= 0x7f;
    bytes
}

/// A key or a signature that is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Rule 1 of 3.4: a point of small order.
    #[error("a point of small order")]
    SmallOrder,
    /// Rule 2: a coordinate that is not reduced.
    #[error("a coordinate that is not reduced")]
    NotReduced,
    /// Rule 3: an S that is not reduced.
    #[error("a signature that is not reduced")]
    LargeS,
    /// No point of the curve, or a signature of something else.
    #[error("the signature does not verify")]
    Wrong,
}

/// Whether an Ed25519 public key may be used or stored. One that is no point of the curve passes: browsers cannot
/// tell, and nothing verifies under it.
///
/// # Errors
/// Rules 1 and 2.
pub fn check_ed_public(key: &[u8; 32]) -> Result<(), Refused> {
    check_point(key)
}

/// Whether an X25519 public key may be used or stored.
///
/// # Errors
/// It is of small order.
pub fn check_x_public(key: &[u8; 32]) -> Result<(), Refused> {
    if SMALL_ORDER_U.contains(&without_sign(key)) { Err(Refused::SmallOrder) } else { Ok(()) }
}

/// Whether `signature` is one of `message` under `public`: the rules of 3.4 first, then the equation without the
/// cofactor. It takes about 40 µs.
///
/// # Errors
/// It is not, or must not be accepted.
pub fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), Refused> {
    let (r, s) = halves(signature);
    check_point(public)?;
    check_point(r)?;
    if !is_below(s, &L) {
        return Err(Refused::LargeS);
    }
    let key = VerifyingKey::from_bytes(public).map_err(|_| Refused::Wrong)?;
    key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| Refused::Wrong)
}

/// R and S.
fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    match signature.as_chunks().0 {
        [r, s] => (r, s),
        // Sixty-four bytes are two chunks.
        _ => (&P, &L),
    }
}

/// Rules 1 and 2, for a key as for an R.
fn check_point(point: &[u8; 32]) -> Result<(), Refused> {
    let y = without_sign(point);
    if SMALL_ORDER_Y.contains(&y) {
        return Err(Refused::SmallOrder);
    }
    if is_below(&y, &P) { Ok(()) } else { Err(Refused::NotReduced) }
}

fn without_sign(point: &[u8; 32]) -> [u8; 32] {
    let mut y = *point;
    y[31] &= 0x7f;
    y
}

/// Compares little-endian numbers.
fn is_below(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// A key that signs: the server's own for the heads of the directory, and those of people in tests.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// What others verify with.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// The seed stays out of every log.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_verifies_for_its_message_and_key_alone() {
        let (key, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let signature = key.sign(b"message");
        assert_eq!(verify(&key.public(), b"message", &signature), Ok(()));
        assert_eq!(verify(&key.public(), b"another", &signature), Err(Refused::Wrong));
        assert_eq!(verify(&other.public(), b"message", &signature), Err(Refused::Wrong));
        assert_eq!(check_ed_public(&key.public()), Ok(()));
    }

    #[test]
    fn numbers_are_compared_from_their_last_byte() {
        assert!(is_below(&edge(0xec, 0xff), &P) && !is_below(&P, &P));
        assert!(!is_below(&edge(0xee, 0xff), &P) && is_below(&[0; 32], &L));
    }

    #[test]
    fn the_debug_form_of_a_key_tells_nothing() {
        assert_eq!(format!("{:?}", SigningKey::from_seed(&[7; 32])), "SigningKey(…)");
    }
}
