//! `pack` and `kdf` of `e2ee.md` 3.2: labelled, injective bytes and keys derived under them.

use hkdf::Hkdf;
use sha2::Sha256;

/// `lp("impulse/e2ee/1/" + label) || lp(f1) || … || lp(fn)`
pub fn pack(label: &str, fields: &[&[u8]]) -> Vec<u8> {
    let label = format!("impulse/e2ee/1/{label}");
    let mut packed = Vec::new();
    for field in [label.as_bytes()].iter().chain(fields) {
        // Every field has a bound far below 4 GiB.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        packed.extend_from_slice(&length.to_be_bytes());
        packed.extend_from_slice(field);
    }
    packed
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
) -> std::result::Result<[&'a [u8]; N], Malformed> {
    let (found, mut rest) = split_field(packed)?;
    if found.strip_prefix(b"impulse/e2ee/1/") != Some(label.as_bytes()) {
        return Err(Malformed);
    }
    let mut fields = [&[][..]; N];
    for field in &mut fields {
        (*field, rest) = split_field(rest)?;
    }
    if rest.is_empty() { Ok(fields) } else { Err(Malformed) }
}

/// One `lp(x)` and what follows it.
fn split_field(bytes: &[u8]) -> std::result::Result<(&[u8], &[u8]), Malformed> {
    let (length, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed)?;
    rest.split_at_checked(length).ok_or(Malformed)
}

/// HKDF-SHA-256 without salt, 32 bytes, under a label and its context.
pub fn kdf(key: &[u8], label: &str, context: &[&[u8]]) -> [u8; 32] {
    let mut derived = [0; 32];
    // The only failure is an output longer than 8,160 bytes.
    let expanded = Hkdf::<Sha256>::new(None, key).expand(&pack(label, context), &mut derived);
    debug_assert!(expanded.is_ok());
    derived
}
