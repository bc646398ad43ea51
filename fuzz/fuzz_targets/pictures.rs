//! Pictures: their structure is read whatever they are, what stays of one is no longer than it was, has the same size, and
//! nothing goes from it a second time. The first byte chooses the format.

#![no_main]

use std::io::Cursor;

use impulse::pictures::{Format, Part, dissect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((format, bytes)) = bytes.split_first() else { return };
    let format = match format % 4 {
        0 => Format::Jpeg,
        1 => Format::Png,
        2 => Format::Gif,
        _ => Format::WebP,
    };
    let read = |bytes: &[u8]| dissect(format, Cursor::new(bytes), bytes.len() as u64).unwrap();
    let anatomy = read(bytes);
    let Some(parts) = anatomy.without_metadata else { return };
    let mut left = Vec::new();
    for part in parts {
        match part {
            Part::Kept(range) => left.extend(&bytes[range.start as usize..range.end as usize]),
            Part::New(new) => left.extend(new),
        }
    }
    assert!(left.len() <= bytes.len());
    let again = read(&left);
    assert_eq!((again.pixels, again.is_animated), (anatomy.pixels, anatomy.is_animated));
    assert_eq!(again.without_metadata, None);
});
