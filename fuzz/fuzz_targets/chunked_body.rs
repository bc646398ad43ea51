//! A chunked body comes out the same however it is cut, and never larger than its limit.

#![no_main]

use bytes::BytesMut;
use impulse::http::{Body, Framing, Progress, Refusal};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 256;

fn decode(bytes: &[u8], step: usize) -> Result<Option<Vec<u8>>, Refusal> {
    let mut body = Body::new(Framing::Chunked, LIMIT)?;
    let mut input = BytesMut::new();
    for piece in bytes.chunks(step) {
        input.extend_from_slice(piece);
        if body.feed(&mut input)? == Progress::Done {
            return Ok(Some(body.into_bytes().to_vec()));
        }
    }
    Ok(None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((step, bytes)) = bytes.split_first() else { return };
    let whole = decode(bytes, bytes.len().max(1));
    assert_eq!(whole, decode(bytes, usize::from(*step).max(1)));
    if let Ok(Some(body)) = whole {
        assert!(body.len() <= LIMIT && body.len() <= bytes.len());
    }
});
