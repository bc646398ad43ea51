//! The log of a room, as it is fetched: records and entries are refused, or are exactly the bytes of what they say.

#![no_main]

use impulse::e2ee::room_log::wire::Record;
use impulse::e2ee::room_log::{Entry, State, replay};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::parse(bytes) {
        assert_eq!(entry.to_bytes(), bytes);
    }
    let Ok(records) = Record::parse_all(bytes) else { return };
    let (mut written, mut state) = (Vec::new(), State::default());
    for record in &records {
        record.write(&mut written);
        // Whatever a log says: the state follows without a panic.
        let _ = replay(&mut state, &record.signed);
    }
    assert_eq!(written, bytes);
});
