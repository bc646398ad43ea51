//! A backup file is refused or read, whatever its bytes are, in the memory that its bounds allow.

#![no_main]

use impulse::store::backup::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut rows = 0;
    if let Ok(checked) = check(bytes, |part| rows += usize::from(format!("{part:?}").starts_with("Rows"))) {
        assert!(checked.header.tables.len() >= checked.end.rows.iter().filter(|rows| **rows > 0).count());
    }
});
