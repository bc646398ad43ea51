//! `pack`, hashes and `kdf` of `e2ee.md` 3.2: labelled, injective bytes, and keys derived under them.

use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};

use crate::base::ids::Uid;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What every label begins with.
const PREFIX: &[u8] = b"impulse/e2ee/1/";

/// The greatest number: browsers count no further exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// `lp("impulse/e2ee/1/" + label) || lp(f1) || … || lp(fn)`
pub fn pack(label: &str, fields: &[&[u8]]) -> Vec<u8> {
    let length: usize = fields.iter().map(|field| 4 + field.len()).sum();
    let mut packed = Vec::with_capacity(4 + PREFIX.len() + label.len() + length);
    packed.extend_from_slice(&length_of(PREFIX.len() + label.len()));
    packed.extend_from_slice(PREFIX);
    packed.extend_from_slice(label.as_bytes());
    for field in fields {
        push_field(&mut packed, field);
    }
    packed
}

/// Appends `lp(field)`.
pub fn push_field(packed: &mut Vec<u8>, field: &[u8]) {
    packed.extend_from_slice(&length_of(field.len()));
    packed.extend_from_slice(field);
}

/// SHA-256 of the packed bytes, which are never put together.
pub fn hash(label: &str, fields: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(length_of(PREFIX.len() + label.len()));
    hash.update(PREFIX);
    hash.update(label);
    for field in fields {
        hash.update(length_of(field.len()));
        hash.update(field);
    }
    hash.finalize().into()
}

/// Every field has a bound far below 4 GiB.
fn length_of(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// HKDF-SHA-256 without salt, 32 bytes, under a label and its context.
pub fn kdf(key: &[u8], label: &str, context: &[&[u8]]) -> [u8; 32] {
    let mut derived = [0; 32];
    // The only failure is an output longer than 8,160 bytes.
    let expanded = Hkdf::<Sha256>::new(None, key).expand(&pack(label, context), &mut derived);
    debug_assert!(expanded.is_ok());
    derived
}

/// Packed bytes that are not what their label says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packed bytes are malformed")]
pub struct Malformed;

/// The `N` fields under `label`, borrowed: nothing is allocated for a length that was only declared.
///
/// # Errors
/// Another label, a field too many or too few, bytes left over.
pub fn unpack<'a, const N: usize>(
    label: &str,
    packed: &'a [u8],
) -> Result<[&'a [u8]; N], Malformed> {
    let (found, mut rest) = split_field(packed)?;
    if found.strip_prefix(PREFIX) != Some(label.as_bytes()) {
        return Err(Malformed);
    }
    let mut fields = [&[][..]; N];
    for field in &mut fields {
        (*field, rest) = split_field(rest)?;
    }
    if rest.is_empty() { Ok(fields) } else { Err(Malformed) }
}

/// One `lp(x)` and what follows it.
///
/// # Errors
/// The bytes end before the field does.
pub fn split_field(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (length, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed)?;
    rest.split_at_checked(length).ok_or(Malformed)
}

/// The bytes of a number in a field.
pub fn number(value: u64) -> [u8; 8] {
    value.to_be_bytes()
}

/// A field that is a number.
///
/// # Errors
/// Not 8 bytes, or 2^53 and more.
pub fn parse_number(field: &[u8]) -> Result<u64, Malformed> {
    let value = u64::from_be_bytes(array(field)?);
    if value <= MAX_NUMBER { Ok(value) } else { Err(Malformed) }
}

/// A field of exactly `N` bytes.
///
/// # Errors
/// Another length.
pub fn array<const N: usize>(field: &[u8]) -> Result<[u8; N], Malformed> {
    field.try_into().map_err(|_| Malformed)
}

/// A field of `N` bytes, or an empty one.
///
/// # Errors
/// Another length.
pub fn optional_array<const N: usize>(field: &[u8]) -> Result<Option<[u8; N]>, Malformed> {
    if field.is_empty() { Ok(None) } else { array(field).map(Some) }
}

/// A field that is the text of a user's id.
///
/// # Errors
/// Anything but decimal digits without a leading zero, from 1 to 2^53 - 1.
pub fn parse_uid(field: &[u8]) -> Result<Uid, Malformed> {
    let text = std::str::from_utf8(field).map_err(|_| Malformed)?;
    let uid: Uid = text.parse().map_err(|_| Malformed)?;
    if uid_number(uid) <= MAX_NUMBER { Ok(uid) } else { Err(Malformed) }
}

/// The id as a number of the encryption.
pub fn uid_number(uid: Uid) -> u64 {
    uid.0.unsigned_abs()
}

/// The text of a user's id, without an allocation.
#[derive(Default)]
pub struct UidText(itoa::Buffer);

impl UidText {
    /// The bytes of a field.
    pub fn of(&mut self, uid: Uid) -> &[u8] {
        self.0.format(uid.0).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_eight_bytes_and_end_where_browsers_count_no_further() {
        assert_eq!(parse_number(&number(258)), Ok(258));
        assert_eq!(parse_number(&number(MAX_NUMBER)), Ok(MAX_NUMBER));
        assert_eq!(parse_number(&number(MAX_NUMBER + 1)), Err(Malformed));
        assert_eq!(parse_number(&[0; 7]), Err(Malformed));
        assert_eq!(parse_number(&[0; 9]), Err(Malformed));
    }

    #[test]
    fn a_uid_is_the_text_of_the_api() {
        assert_eq!(parse_uid(b"42"), Ok(Uid(42)));
        assert_eq!(parse_uid(b"9007199254740991"), Ok(Uid(9_007_199_254_740_991)));
        assert_eq!(UidText::default().of(Uid(42)), b"42");
        let wrong: [&[u8]; 7] = [b"", b"0", b"042", b"-1", b"+1", b"4 ", b"9007199254740992"];
        for wrong in wrong {
            assert_eq!(parse_uid(wrong), Err(Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn a_hash_is_that_of_the_packed_bytes() {
        let packed = Sha256::digest(pack("test", &[b"ab", b""]));
        assert_eq!(hash("test", &[b"ab", b""]), <Hash>::from(packed));
    }
}
