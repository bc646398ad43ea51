//! Heads, rows and entries of the directory are refused, or are exactly the bytes of what they say.

#![no_main]

use impulse::e2ee::directory::{Entry, Row, SignedHead};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let instance = [0xa0; 16];
    if let Ok(entry) = Entry::parse(&instance, bytes) {
        assert_eq!(entry.to_bytes(&instance), bytes);
    }
    if let Ok(head) = SignedHead::parse(bytes) {
        assert_eq!(head.to_bytes(), bytes);
    }
    if let Ok(rows) = Row::parse_all(bytes) {
        let written: Vec<u8> = rows.iter().flat_map(Row::to_bytes).collect();
        assert_eq!(written, bytes);
    }
});
