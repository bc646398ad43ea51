//! The encryption against the published vectors, every value of them, and against what its rules promise. What only
//! clients do is written a second time here.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::sync::LazyLock;

use impulse::base::hex;
use impulse::e2ee::pack::{Malformed, pack, unpack};
use proptest::prelude::*;
use serde_json::Value;

mod account;
mod author;
mod client;
mod directory;
mod directory_rules;
mod draw;
mod envelope;
mod forms;
mod hpke;
mod random_logs;
mod rfc;
mod room_keys;
mod room_log;
mod rules;
mod server_rules;
mod signatures;
mod world;

static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../vectors/e2ee-vectors.json")).unwrap());

fn vectors() -> &'static Value {
    &VECTORS
}

fn bytes(vector: &Value) -> Vec<u8> {
    hex::decode(vector.as_str().expect("a vector of this name")).unwrap()
}

fn array<const N: usize>(vector: &Value) -> [u8; N] {
    bytes(vector).try_into().unwrap()
}

#[test]
fn packing_gives_the_published_bytes_and_unpacking_the_fields() {
    let wanted = bytes(&vectors()["pack"]["out"]);
    let number = 258_u64.to_be_bytes();
    assert_eq!(pack("test", &[b"ab", &number, b""]), wanted);
    assert_eq!(unpack::<3>("test", &wanted), Ok([&b"ab"[..], &number, b""]));
}

#[test]
fn a_declared_length_beyond_the_end_is_refused() {
    let mut packed = pack("test", &[b"ab"]);
    let at = packed.len() - 6;
    packed[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(unpack::<1>("test", &packed), Err(Malformed));
}

proptest! {
    #[test]
    fn what_was_packed_comes_back(label in "[a-z-]{0,20}", a: Vec<u8>, b: Vec<u8>, c: Vec<u8>) {
        let packed = pack(&label, &[&a, &b, &c]);
        prop_assert_eq!(unpack::<3>(&label, &packed), Ok([&a[..], &b[..], &c[..]]));
        prop_assert_eq!(unpack::<2>(&label, &packed), Err(Malformed));
        prop_assert_eq!(unpack::<4>(&label, &packed), Err(Malformed));
        prop_assert_eq!(unpack::<3>(&format!("{label}x"), &packed), Err(Malformed));
    }

    #[test]
    fn a_missing_or_an_added_byte_is_refused(a: Vec<u8>, b: Vec<u8>, extra: u8) {
        let mut packed = pack("test", &[&a, &b]);
        prop_assert_eq!(unpack::<2>("test", &packed[..packed.len() - 1]), Err(Malformed));
        packed.push(extra);
        prop_assert_eq!(unpack::<2>("test", &packed), Err(Malformed));
    }

    #[test]
    fn whatever_unpacks_packs_to_the_same_bytes(noise: Vec<u8>) {
        for bytes in [noise.clone(), [pack("test", &[]), noise].concat()] {
            if let Ok(fields) = unpack::<2>("test", &bytes) {
                prop_assert_eq!(pack("test", &fields), bytes);
            }
        }
    }
}
