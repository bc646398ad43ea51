//! What only clients do, a second time: boxes, padding, HPKE and the bytes of keys and files.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use impulse::e2ee::pack::pack;
use impulse::e2ee::padding::bucket;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};

pub fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// EK_n of the vectors.
pub fn epoch_key(n: u64) -> [u8; 32] {
    [0x70 + u8::try_from(n).unwrap(); 32]
}

pub fn x_public(private: [u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(private)).to_bytes()
}

/// AES-GCM with a key of 16 or 32 bytes.
pub fn seal_aes(key: &[u8], nonce: &[u8; 12], msg: &[u8], aad: &[u8]) -> Vec<u8> {
    let (nonce, payload) = ((*nonce).into(), Payload { msg, aad });
    match key.len() {
        16 => Aes128Gcm::new_from_slice(key).unwrap().encrypt(&nonce, payload).unwrap(),
        _ => Aes256Gcm::new_from_slice(key).unwrap().encrypt(&nonce, payload).unwrap(),
    }
}

pub fn open_aes(key: &[u8], nonce: &[u8; 12], msg: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let (nonce, payload) = ((*nonce).into(), Payload { msg, aad });
    match key.len() {
        16 => Aes128Gcm::new_from_slice(key).unwrap().decrypt(&nonce, payload).ok(),
        _ => Aes256Gcm::new_from_slice(key).unwrap().decrypt(&nonce, payload).ok(),
    }
}

/// `box` of 3.2.
pub fn seal_box(
    key: &[u8; 32],
    nonce: [u8; 12],
    label: &str,
    context: &[&[u8]],
    plain: &[u8],
) -> Vec<u8> {
    let sealed = seal_aes(key, &nonce, plain, &pack(label, context));
    [&[1], &nonce[..], &sealed].concat()
}

pub fn open_box(key: &[u8; 32], label: &str, context: &[&[u8]], boxed: &[u8]) -> Option<Vec<u8>> {
    let (suite, rest) = boxed.split_first()?;
    let (nonce, sealed) = rest.split_first_chunk()?;
    (*suite == 1).then(|| open_aes(key, nonce, sealed, &pack(label, context)))?
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

/// The AEADs of RFC 9180 with keys of 16 and 32 bytes.
#[derive(Clone, Copy)]
pub enum Aead {
    Aes128 = 1,
    Aes256 = 2,
}

/// Key and nonce of the first message of an HPKE context in base mode.
pub struct Context {
    pub key: Vec<u8>,
    pub nonce: [u8; 12],
}

/// RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), written a second time.
pub mod rfc9180 {
    use super::{Aead, Context, Hkdf, PublicKey, Sha256, StaticSecret};

    const KEM: &[u8] = b"KEM\x00\x20";

    fn suite(aead: Aead) -> Vec<u8> {
        [b"HPKE\x00\x20\x00\x01\x00", &[aead as u8][..]].concat()
    }

    fn extract(suite: &[u8], salt: &[u8], label: &str, ikm: &[u8]) -> [u8; 32] {
        let labelled = [b"HPKE-v1", suite, label.as_bytes(), ikm].concat();
        let (prk, _) = Hkdf::<Sha256>::extract(Some(salt), &labelled);
        prk.into()
    }

    fn expand<const N: usize>(suite: &[u8], prk: &[u8; 32], label: &str, info: &[u8]) -> [u8; N] {
        let length = u16::try_from(N).unwrap().to_be_bytes();
        let labelled = [&length[..], b"HPKE-v1", suite, label.as_bytes(), info].concat();
        let mut out = [0; N];
        Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&labelled, &mut out).unwrap();
        out
    }

    fn kem(shared: &[u8; 32], enc: &[u8; 32], recipient: &[u8; 32]) -> [u8; 32] {
        let prk = extract(KEM, b"", "eae_prk", shared);
        expand(KEM, &prk, "shared_secret", &[&enc[..], recipient].concat())
    }

    fn context(aead: Aead, secret: &[u8; 32], info: &[u8]) -> Context {
        let suite = suite(aead);
        let ids = extract(&suite, b"", "psk_id_hash", b"");
        let info = extract(&suite, b"", "info_hash", info);
        let context = [&[0], &ids[..], &info].concat();
        let prk = extract(&suite, secret, "secret", b"");
        let key = match aead {
            Aead::Aes128 => expand::<16>(&suite, &prk, "key", &context).to_vec(),
            Aead::Aes256 => expand::<32>(&suite, &prk, "key", &context).to_vec(),
        };
        Context { key, nonce: expand(&suite, &prk, "base_nonce", &context) }
    }

    /// The sender's side with a given ephemeral key: `enc`, the shared secret and the context.
    pub fn send(
        aead: Aead,
        ephemeral: [u8; 32],
        recipient: &[u8; 32],
        info: &[u8],
    ) -> ([u8; 32], [u8; 32], Context) {
        let private = StaticSecret::from(ephemeral);
        let enc = PublicKey::from(&private).to_bytes();
        let shared = private.diffie_hellman(&PublicKey::from(*recipient));
        let secret = kem(shared.as_bytes(), &enc, recipient);
        (enc, secret, context(aead, &secret, info))
    }

    /// The receiver's side.
    pub fn receive(aead: Aead, private: [u8; 32], enc: &[u8; 32], info: &[u8]) -> Context {
        let private = StaticSecret::from(private);
        let recipient = PublicKey::from(&private).to_bytes();
        let shared = private.diffie_hellman(&PublicKey::from(*enc));
        context(aead, &kem(shared.as_bytes(), enc, &recipient), info)
    }
}

/// `hpke` of 3.2, with a given ephemeral key.
pub fn seal_hpke(
    ephemeral: [u8; 32],
    recipient: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
) -> Vec<u8> {
    let (enc, _, context) = rfc9180::send(Aead::Aes256, ephemeral, recipient, info);
    let sealed = seal_aes(&context.key, &context.nonce, plain, aad);
    [&[1], &enc[..], &sealed].concat()
}

pub fn open_hpke(private: [u8; 32], info: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (suite, rest) = sealed.split_first()?;
    let (enc, sealed) = rest.split_first_chunk()?;
    let context = rfc9180::receive(Aead::Aes256, private, enc, info);
    (*suite == 1).then(|| open_aes(&context.key, &context.nonce, sealed, aad))?
}
