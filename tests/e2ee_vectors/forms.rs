//! Every published entry has one form: each truncation, each extension and each changed length is refused, and so is
//! each changed byte, by the form, the chain or the signature.

use impulse::e2ee::directory::{self, Row, SignedHead};
use impulse::e2ee::pack::{Malformed, pack, unpack};
use impulse::e2ee::room_log::wire::Record;
use impulse::e2ee::room_log::{Entry, SignedEntry, State, apply};
use proptest::prelude::*;

use super::directory::{INSTANCE, chain};
use super::{array, bytes, vectors};

fn published(name: &str, list: &str) -> Vec<Vec<u8>> {
    let entries = vectors()[name]["out"][list].as_array().unwrap();
    entries.iter().map(|entry| bytes(&entry["entry"])).collect()
}

/// Where the lengths of fields stand.
fn lengths(packed: &[u8]) -> Vec<usize> {
    let (mut at, mut found) = (0, Vec::new());
    while at < packed.len() {
        found.push(at);
        at += 4 + u32::from_be_bytes(packed[at..at + 4].try_into().unwrap()) as usize;
    }
    found
}

fn has_one_form(good: &[u8], parses: impl Fn(&[u8]) -> bool) {
    assert!(parses(good));
    for length in 0..good.len() {
        assert!(!parses(&good[..length]), "cut to {length}");
    }
    for more in [&[0][..], &[0; 4], &[1; 8]] {
        assert!(!parses(&[good, more].concat()), "with {more:?} after it");
    }
    for at in lengths(good) {
        let length = u32::from_be_bytes(good[at..at + 4].try_into().unwrap());
        for wrong in [0, length.wrapping_sub(1), length + 1, length + 4, u32::MAX] {
            let mut changed = good.to_vec();
            changed[at..at + 4].copy_from_slice(&wrong.to_be_bytes());
            assert!(wrong == length || !parses(&changed), "length {wrong} at {at}");
        }
    }
}

#[test]
fn entries_of_logs_and_directories_have_one_form() {
    for log in ["room_log", "dm_log"] {
        for entry in published(log, "entries") {
            has_one_form(&entry, |bytes| Entry::parse(bytes).is_ok());
        }
    }
    for entry in published("directory", "positions") {
        has_one_form(&entry, |bytes| directory::Entry::parse(&INSTANCE, bytes).is_ok());
    }
}

#[test]
fn no_byte_of_an_entry_can_be_changed_under_its_signature() {
    let (chain, mut state) = (chain(), State::default());
    for published in vectors()["room_log"]["out"]["entries"].as_array().unwrap() {
        let signed =
            SignedEntry { entry: bytes(&published["entry"]), sig: array(&published["sig"]) };
        for at in (0..signed.entry.len()).step_by(7) {
            let mut changed = signed.clone();
            changed.entry[at] ^= 1;
            assert!(apply(&mut state, &changed, &chain).is_err(), "byte {at}");
        }
        for at in (0..64).step_by(9) {
            let mut changed = signed.clone();
            changed.sig[at] ^= 1;
            assert!(apply(&mut state, &changed, &chain).is_err(), "byte {at} of the signature");
        }
        apply(&mut state, &signed, &chain).unwrap();
    }
}

#[test]
fn a_fetched_log_has_one_form() {
    let mut log = Vec::new();
    let entries = vectors()["dm_log"]["out"]["entries"].as_array().unwrap();
    let mut ends = vec![0];
    for (seq, entry) in entries.iter().enumerate() {
        let signed = SignedEntry { entry: bytes(&entry["entry"]), sig: array(&entry["sig"]) };
        Record { batch: 1, at: 2, signed }.write(&mut log);
        ends.push(log.len());
        assert_eq!(Record::parse_all(&log).unwrap().len(), seq + 1);
    }
    for length in 0..log.len() {
        assert_eq!(Record::parse_all(&log[..length]).is_ok(), ends.contains(&length), "{length}");
    }
    log[..8].copy_from_slice(&(1_u64 << 53).to_be_bytes());
    assert!(Record::parse_all(&log).is_err());
}

#[test]
fn a_head_has_one_length() {
    let wire = bytes(&vectors()["directory_head"]["out"]["wire"]);
    assert!(SignedHead::parse(&wire).is_ok());
    assert!(SignedHead::parse(&wire[1..]).is_err());
    assert!(SignedHead::parse(&[&wire[..], &[0]].concat()).is_err());
    for at in [0, 40] {
        let mut large = wire.clone();
        large[at + 1] = 0x20;
        assert!(SignedHead::parse(&large).is_err(), "2^53 at {at}");
    }
}

proptest! {
    #[test]
    fn whatever_parses_is_exactly_the_bytes_of_what_it_says(
        noise: Vec<u8>, place in 0_usize..400, entry in 0_usize..18,
    ) {
        let mut bytes = published("room_log", "entries").swap_remove(entry);
        let place = place % bytes.len();
        bytes.splice(place..(place + noise.len()).min(bytes.len()), noise);
        if let Ok(entry) = Entry::parse(&bytes) {
            prop_assert_eq!(entry.to_bytes(), bytes);
        }
    }

    #[test]
    fn rows_that_parse_are_their_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(rows) = Row::parse_all(&bytes) {
            prop_assert_eq!(rows.iter().flat_map(Row::to_bytes).collect::<Vec<_>>(), bytes);
        }
    }

    #[test]
    fn packed_fields_have_one_form(fields: [Vec<u8>; 4], at in 0_usize..6, wrong: u32) {
        let refs = fields.each_ref().map(Vec::as_slice);
        let mut packed = pack("test", &refs);
        prop_assert_eq!(unpack::<4>("test", &packed), Ok(refs));
        let places = lengths(&packed);
        let place = places[at % places.len()];
        let length = &mut packed[place..place + 4];
        if length != wrong.to_be_bytes() {
            length.copy_from_slice(&wrong.to_be_bytes());
            prop_assert_eq!(unpack::<4>("test", &packed), Err(Malformed));
        }
    }
}
