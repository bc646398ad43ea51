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

/// HKDF-SHA-256 without salt, 32 bytes, under a label and its context.
pub fn kdf(key: &[u8], label: &str, context: &[&[u8]]) -> [u8; 32] {
    let mut derived = [0; 32];
    // The only failure is an output longer than 8,160 bytes.
    let expanded = Hkdf::<Sha256>::new(None, key).expand(&pack(label, context), &mut derived);
    debug_assert!(expanded.is_ok());
    derived
}
