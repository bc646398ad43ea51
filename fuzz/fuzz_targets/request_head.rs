//! A head is judged the same whatever follows it, and never has what it must not have.

#![no_main]

use impulse::http::{Framing, Version, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some((head, length))) = parse(bytes) else { return };
    assert!(length <= bytes.len());
    assert!(head.path.starts_with('/') && !head.path.contains('\0'));
    let codings = head.headers.all("transfer-encoding").count();
    let lengths = head.headers.all("content-length").count();
    assert!(codings + lengths <= 1);
    assert_eq!(head.framing == Framing::Chunked, codings == 1);
    assert!(head.version == Version::Http10 || head.headers.all("host").count() == 1);
    let alone = parse(&bytes[..length]).ok().flatten().map(|(_, length)| length);
    assert_eq!(alone, Some(length));
});
