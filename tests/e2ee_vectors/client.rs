//! What only clients do, a second time: boxes, HPKE, padding and keys of rooms.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use impulse::e2ee::padding::bucket;

pub fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// EK_n of the vectors.
pub fn epoch_key(n: u64) -> [u8; 32] {
    [0x70 + u8::try_from(n).unwrap(); 32]
}

pub fn open_aes(key: &[u8; 32], nonce: &[u8; 12], msg: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let cipher = Aes256Gcm::new(&(*key).into());
    cipher.decrypt(&(*nonce).into(), Payload { msg, aad }).ok()
}

pub fn pad(plain: &[u8]) -> Vec<u8> {
    let mut padded = u32::try_from(plain.len()).unwrap().to_be_bytes().to_vec();
    padded.extend_from_slice(plain);
    padded.resize(bucket(padded.len()), 0);
    padded
}

pub fn unpad(padded: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_be_bytes(*padded.first_chunk()?)).ok()?;
    let plain = padded.get(4..4 + length)?;
    (pad(plain) == padded).then(|| plain.to_vec())
}
