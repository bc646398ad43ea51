//! Packed bytes of the encryption are refused, or pack again to exactly themselves.

#![no_main]

use impulse::e2ee::pack::{pack, unpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(fields) = unpack::<1>("test", bytes) {
        assert_eq!(pack("test", &fields), bytes);
    }
    if let Ok(fields) = unpack::<3>("test", bytes) {
        assert_eq!(pack("test", &fields), bytes);
        assert!(unpack::<2>("test", bytes).is_err() && unpack::<3>("other", bytes).is_err());
    }
});
