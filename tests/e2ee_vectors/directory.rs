//! The published directory: names, entries, chain and head, and what its rules refuse.

use std::sync::LazyLock;

use impulse::base::ids::Uid;
use impulse::base::names;
use impulse::e2ee::directory::{
    Chain, DirectoryView as _, Entry, Instance, Row, SignedEntry, SignedHead, Stored, first_hash,
    node, tag,
};
use impulse::e2ee::signature::SigningKey;
use serde_json::Value;

use super::{array, bytes, vectors};

pub const INSTANCE: Instance = [0xa0; 16];
pub const T: u64 = 1_767_225_600_000;

fn positions() -> Vec<Value> {
    vectors()["directory"]["out"]["positions"].as_array().unwrap().clone()
}

fn signed(position: &Value) -> SignedEntry {
    let sig_old = bytes(&position["sig_old"]);
    SignedEntry {
        entry: bytes(&position["entry"]),
        sig_new: array(&position["sig_new"]),
        sig_old: (!sig_old.is_empty()).then(|| sig_old.try_into().unwrap()),
    }
}

fn row(position: &Value) -> Row {
    Row::parse(&bytes(&position["row"])).unwrap()
}

/// The published chain.
pub fn chain() -> Chain {
    CHAIN.clone()
}

static CHAIN: LazyLock<Chain> = LazyLock::new(appended);

/// The published chain, appended entry by entry.
fn appended() -> Chain {
    let mut chain = Chain::new(INSTANCE);
    for position in positions() {
        let uid: Uid = position["uid"].as_str().unwrap().parse().unwrap();
        let allowed = [tag(&INSTANCE, position["name"].as_str().unwrap())];
        let checked = chain.check(uid, &allowed, &[signed(&position)], T + 2_000).unwrap();
        chain.append(&checked).unwrap();
    }
    chain
}

#[test]
fn names_have_the_published_keys_and_tags() {
    for name in vectors()["name_key"]["out"].as_array().unwrap() {
        let text = name["name"].as_str().unwrap();
        assert_eq!(names::key(text), name["key"].as_str().unwrap());
        assert_eq!(tag(&INSTANCE, text).to_vec(), bytes(&name["tag"]), "{text}");
    }
}

#[test]
fn the_published_entries_are_appended_and_give_the_published_chain() {
    let chain = appended();
    assert_eq!(first_hash(&INSTANCE).to_vec(), bytes(&vectors()["directory"]["out"]["H0"]));
    assert_eq!(chain.n(), 7);
    for position in positions() {
        let n = position["n"].as_u64().unwrap();
        let (row, signed) = (row(&position), signed(&position));
        let entry = Entry::parse(&INSTANCE, &signed.entry).unwrap();
        assert_eq!(entry.to_bytes(&INSTANCE), signed.entry);
        assert_eq!(entry.kind.as_str(), position["type"].as_str().unwrap());
        assert_eq!(entry.generation, position["gen"].as_u64().unwrap());
        assert_eq!(signed.leaf().to_vec(), bytes(&position["leaf"]));
        assert_eq!((row.tag.to_vec(), row.leaf), (bytes(&position["tag"]), signed.leaf()));
        assert_eq!(row.to_bytes().to_vec(), bytes(&position["row"]));
        assert_eq!(chain.row(n), Some(&row));
        assert_eq!(chain.hash_at(n).unwrap().to_vec(), bytes(&position["H"]));
    }
    let rows: Vec<u8> = positions().iter().flat_map(|position| bytes(&position["row"])).collect();
    assert_eq!(chain.rows(1, 100), rows);
    assert_eq!(Row::parse_all(&rows).unwrap().len(), 7);
}

#[test]
fn the_published_chain_loads_from_a_store() {
    let mut loaded = Chain::new(INSTANCE);
    for position in positions() {
        let (row, node) = (row(&position), array(&position["H"]));
        loaded.load(Stored { row, node, entry: Some(signed(&position)) }).unwrap();
    }
    for n in 0..=7 {
        assert_eq!(loaded.hash_at(n), chain().hash_at(n));
        for uid in [42, 43, 44, 45].map(Uid) {
            assert_eq!(loaded.root(uid, n), chain().root(uid, n));
            assert_eq!(loaded.generation(uid, n), chain().generation(uid, n));
        }
    }
}

#[test]
fn the_published_head_is_signed_and_travels_in_its_published_form() {
    let vectors = vectors();
    let key = SigningKey::from_seed(&[0x59; 32]);
    let out = &vectors["dir_head"]["out"];
    assert_eq!(key.public().to_vec(), bytes(&out["public"]));
    let h = chain().hash();
    let head = SignedHead::sign(&key, &INSTANCE, 7, h, T + 2_000);
    let out = &vectors["directory_head"]["out"];
    assert_eq!(head.sig.to_vec(), bytes(&out["sig"]));
    assert_eq!(head.to_bytes().to_vec(), bytes(&out["wire"]));
    assert_eq!(SignedHead::parse(&head.to_bytes()), Ok(head));
    assert!(head.is_by(&key.public(), &INSTANCE));
    assert!(!SignedHead { n: 6, ..head }.is_by(&key.public(), &INSTANCE));
}

#[test]
fn a_single_head_has_the_published_message() {
    let vectors = vectors();
    let out = &vectors["dir_head"]["out"];
    let h1 = array(&vectors["given"]["out"]["H1"]);
    let message = bytes(&out["message"]);
    let t = u64::from_be_bytes(message[message.len() - 8..].try_into().unwrap());
    let found = impulse::e2ee::directory::head::head_message(&INSTANCE, 1, &h1, t);
    assert_eq!(found, message);
    let head = SignedHead::sign(&SigningKey::from_seed(&[0x59; 32]), &INSTANCE, 1, h1, t);
    assert_eq!(head.sig.to_vec(), bytes(&out["sig"]));
}

#[test]
fn a_node_is_bound_to_its_place() {
    let position = &positions()[0];
    let row = row(position);
    let first = first_hash(&INSTANCE);
    assert_eq!(node(&first, 1, &row).to_vec(), bytes(&position["H"]));
    assert_ne!(node(&first, 2, &row).to_vec(), bytes(&position["H"]));
}
