//! What a `Range` field selects is a part of the file, of the right length, and the same without the blanks.

#![no_main]

use impulse::http::{ByteRange, byte_range};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((length, field)) = bytes.split_first_chunk::<8>() else { return };
    let length = u64::from_be_bytes(*length);
    let field = String::from_utf8_lossy(field);
    match byte_range(&field, length) {
        ByteRange::Part(part) => {
            assert!(part.start < part.end && part.end <= length);
            let plain = format!("bytes={}-{}", part.start, part.end - 1);
            assert_eq!(byte_range(&plain, length), ByteRange::Part(part));
        }
        ByteRange::Whole => {}
        ByteRange::Unsatisfiable => assert!(field.contains('-')),
    }
});
