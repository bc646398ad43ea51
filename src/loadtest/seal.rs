//! The envelopes of a load test: signed as clients sign them, with any bytes where clients have what they encrypt.

use crate::base::base64url;
use crate::base::ids::{Mid, Uid};
use crate::e2ee::envelope::{Content, Envelope, Kind};
use crate::e2ee::pack::Hash;
use crate::e2ee::padding::bucket;
use crate::e2ee::signature::SigningKey;

/// A place in a log, or in the directory.
#[derive(Debug, Clone, Copy)]
pub struct Position {
    /// Its number.
    pub n: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What the envelopes of an encrypted room name. One of its people writes them all.
pub struct Seal {
    /// The room.
    pub rid: Hash,
    /// The commitment to its only key.
    pub kc: Hash,
    /// The newest entry of its log.
    pub log: Position,
    /// The newest position of the directory.
    pub directory: Position,
    /// Who writes.
    pub by: Uid,
    /// The writer's key.
    pub key: SigningKey,
}

impl Seal {
    /// The envelope of a message of `size` bytes, as JSON: the same for the same `mid`.
    pub fn envelope(&self, mid: Mid, size: usize) -> String {
        let [.., a, b, c, d] = mid.0;
        // Random enough for bytes that nobody opens, and the same when they are sent again.
        let filling = [a, b, c, d].into_iter().cycle();
        let sealed = bucket(size + 4) + 16;
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&mid.0[4..]);
        let mut envelope = Envelope {
            mid,
            rev: 0,
            kind: Kind::Msg,
            reference: None,
            epoch: 1,
            by: self.by,
            generation: 1,
            ts: 1,
            ls: self.log.n,
            lh: self.log.hash,
            dn: self.directory.n,
            dh: self.directory.hash,
            blobs: Vec::new(),
            content: Some(Content { n: nonce, c: filling.take(sealed).collect() }),
            s: [0; 64],
        };
        envelope.s = self.key.sign(&envelope.signed_bytes(&self.rid, &self.kc));
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

/// The `mid` of the first message in a payload.
pub fn mid_in(payload: &[u8]) -> Option<[u8; 16]> {
    let key = br#""mid":""#;
    let at = payload.windows(key.len()).position(|window| window == key)? + key.len();
    let text = payload.get(at..at + 22)?;
    base64url::decode_array(std::str::from_utf8(text).ok()?)
}
