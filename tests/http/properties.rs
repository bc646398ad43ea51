//! The parsers give the same result however the bytes are cut, and never panic, whatever the bytes are.

use bytes::BytesMut;
use impulse::http::{Body, Framing, Progress, Refusal, parse};
use proptest::prelude::*;

/// Bytes that look enough like HTTP to get somewhere.
fn almost_http() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"POST /api/x?y=%41 HTTP/1.0\r\n".to_vec()),
        Just(b"Host: h\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Cookie: a=b; c\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b" ".to_vec()),
        "[ -~]{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn almost_chunked() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"5\r\nhello\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"A;ext=1\r\n0123456789\r\n".to_vec()),
        Just(b"0\r\nTrailer: x\r\n\r\n".to_vec()),
        "[0-9a-fA-F;=\r\n]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// What a decoder makes of `bytes` that arrive in pieces of `step`.
fn decode(bytes: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, Refusal> {
    let mut body = Body::new(Framing::Chunked, 64)?;
    let mut input = BytesMut::new();
    let mut arrived = 0;
    for piece in bytes.chunks(step) {
        input.extend_from_slice(piece);
        arrived += piece.len();
        if body.feed(&mut input)? == Progress::Done {
            return Ok(Some((body.into_bytes().to_vec(), arrived - input.len())));
        }
    }
    Ok(None)
}

proptest! {
    #[test]
    fn a_head_is_parsed_the_same_with_more_behind_it(bytes in almost_http(), more in almost_http()) {
        if let Ok(Some((head, length))) = parse(&bytes) {
            prop_assert!(length <= bytes.len());
            prop_assert!(head.path.starts_with('/') && !head.path.contains('\0'));
            let longer = [bytes.as_slice(), more.as_slice()].concat();
            let (_, same) = parse(&longer).unwrap().unwrap();
            prop_assert_eq!(length, same);
        }
    }

    #[test]
    fn what_is_refused_early_is_refused_in_the_end(bytes in almost_http(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(bytes.len() + 1);
        if parse(&bytes[..cut]).is_err() {
            prop_assert!(parse(&bytes).is_err());
        }
    }

    #[test]
    fn a_chunked_body_does_not_depend_on_how_it_is_cut(bytes in almost_chunked(), step in 1usize..9) {
        let whole = decode(&bytes, bytes.len().max(1));
        let pieces = decode(&bytes, step);
        prop_assert_eq!(whole, pieces);
    }
}
