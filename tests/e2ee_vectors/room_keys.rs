//! The keys of rooms, invitations and files, as clients make them.

use impulse::base::ids::Uid;
use impulse::e2ee::pack::{kdf, number, pack};
use impulse::e2ee::room_log::{Body, Entry, KeyLink, join_message};
use impulse::e2ee::signature::SigningKey;
use impulse::e2ee::wraps::is_wrap;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::client::{
    epoch_key, open_aes, open_box, open_hpke, pad, seal_aes, seal_box, seal_hpke, unpad, url,
    x_public,
};
use super::{array, bytes, vectors};

fn commitment(n: u64) -> [u8; 32] {
    kdf(&epoch_key(n), "commit", &[&number(n)])
}

fn rid() -> [u8; 32] {
    array(&vectors()["room_log"]["out"]["rid"])
}

fn given(name: &str) -> [u8; 32] {
    array(&vectors()["given"]["out"][name])
}

#[test]
fn the_log_commits_to_the_keys_of_a_room() {
    for (n, wanted) in vectors()["commitments"]["out"].as_object().unwrap() {
        assert_eq!(commitment(n.parse().unwrap()).to_vec(), bytes(wanted));
    }
    let key = kdf(&epoch_key(2), "msg", &[&given("rid"), &number(2)]);
    assert_eq!(key.to_vec(), bytes(&vectors()["message_key"]["out"]));
}

/// Whom a wrap is for, in its info.
fn wrap_info(rid: &[u8; 32], epoch: u64, uid: &str, generation: u64) -> Vec<u8> {
    let (epoch, generation) = (number(epoch), number(generation));
    pack("wrap", &[rid, &epoch, b"user", uid.as_bytes(), &generation])
}

#[test]
fn wraps_are_sealed_and_open_as_published() {
    let info = wrap_info(&given("rid"), 1, "42", 1);
    let wrap = seal_hpke([0x45; 32], &x_public([0x52; 32]), &info, &commitment(1), &epoch_key(1));
    assert_eq!(wrap, bytes(&vectors()["wrap"]["out"]));
    let private = |uid: &str, generation: u64| match (uid, generation) {
        ("42", 2) => [0x54; 32],
        ("43", 1) => [0xa2; 32],
        ("44", 2) => [0xa6; 32],
        other => panic!("{other:?}"),
    };
    let published = vectors()["room_wraps"]["out"].as_array().unwrap().clone();
    for (index, wrap) in published.iter().enumerate() {
        let (epoch, uid) = (wrap["epoch"].as_u64().unwrap(), wrap["uid"].as_str().unwrap());
        let generation = wrap["gen"].as_u64().unwrap();
        let (private, ephemeral) = (private(uid, generation), 0x46 + u8::try_from(index).unwrap());
        let info = wrap_info(&rid(), epoch, uid, generation);
        let aad = commitment(epoch);
        let bytes = bytes(&wrap["w"]);
        let made = seal_hpke([ephemeral; 32], &x_public(private), &info, &aad, &epoch_key(epoch));
        assert_eq!(made, bytes);
        assert!(is_wrap(&bytes));
        assert_eq!(open_hpke(private, &info, &aad, &bytes).unwrap(), epoch_key(epoch));
        let other = wrap_info(&rid(), epoch, uid, generation + 1);
        assert_eq!(open_hpke(private, &other, &aad, &bytes), None);
    }
}

fn entries() -> Vec<Entry> {
    let vectors = vectors();
    let entries = vectors["room_log"]["out"]["entries"].as_array().unwrap();
    entries.iter().map(|entry| Entry::parse(&bytes(&entry["entry"])).unwrap()).collect()
}

#[test]
fn the_links_between_the_keys_of_the_published_room_open() {
    let mut nonces = Vec::new();
    for entry in entries() {
        let Body::Epoch { n, kc, links, .. } = entry.body else { continue };
        assert_eq!(kc, commitment(n));
        for KeyLink { epoch, nonce, sealed } in links {
            let key = kdf(&epoch_key(n), "hist", &[&rid(), &number(n)]);
            let fields: [&[u8]; 4] = [&rid(), &number(n), &number(epoch), &commitment(epoch)];
            let aad = pack("hist-aad", &fields);
            assert_eq!(open_aes(&key, &nonce, &sealed, &aad).unwrap(), epoch_key(epoch));
            assert_eq!(seal_aes(&key, &nonce, &epoch_key(epoch), &aad), sealed);
            nonces.push((n, epoch, nonce[0]));
        }
    }
    assert_eq!(nonces, [(2, 1, 3), (3, 2, 7), (4, 2, 8), (5, 4, 9), (5, 3, 10), (6, 5, 13)]);
}

#[test]
fn the_profile_of_the_published_room_opens() {
    let body = entries().swap_remove(1).body;
    let Body::Profile { epoch, sealed } = body else { panic!() };
    let key = kdf(&epoch_key(epoch), "profile", &[&rid(), &number(epoch)]);
    let padded = open_box(&key, "profile", &[&rid(), &number(epoch)], &sealed).unwrap();
    let profile: Value = serde_json::from_slice(&unpad(&padded).unwrap()).unwrap();
    assert!(profile["name"].is_string() && profile["topic"].is_string(), "{profile}");
    assert_eq!(sealed[1..13], [6; 12]);
}

const SECRET: [u8; 16] = [0x55; 16];
const LID: [u8; 8] = [0x56; 8];

fn part(rid: &[u8; 32]) -> String {
    url(&[&[1], &LID[..], &rid[..16], &SECRET].concat())
}

#[test]
fn an_invitation_is_made_of_its_secret_as_published() {
    let vectors = vectors();
    let out = &vectors["link"]["out"];
    let key = SigningKey::from_seed(&kdf(&SECRET, "link-ed25519", &[&LID]));
    assert_eq!(key.public().to_vec(), bytes(&out["ed"]));
    let message = join_message(&given("rid"), &LID, Uid(44), &[0x9b; 32]);
    assert_eq!(message, bytes(&out["join_message"]));
    assert_eq!(key.sign(&message).to_vec(), bytes(&out["join_sig"]));
    assert_eq!(part(&given("rid")), out["part"].as_str().unwrap());
    let lauth = kdf(&SECRET, "link-auth", &[&LID]);
    let out = &vectors["link_auth"]["out"];
    assert_eq!(lauth.to_vec(), bytes(&out["LAUTH"]));
    assert_eq!(Sha256::digest(lauth).to_vec(), bytes(&out["digest"]));
    let card = seal_box(
        &kdf(&SECRET, "link-card", &[&LID]),
        [0x0c; 12],
        "link-card",
        &[&LID],
        &pad(b"Garden"),
    );
    assert_eq!(card, bytes(&vectors["link_card"]["out"]));
    let url = format!("https://chat.example.org/invite#vO6l8y1lTq0c.{}", part(&rid()));
    assert_eq!(url, vectors["invitation"]["out"].as_str().unwrap());
}

/// A blob, and `d` of the message that refers to it.
fn file(key: u8, plain: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let chunks: Vec<&[u8]> = plain.chunks(65_536).collect();
    let (mut blob, mut digests) = (Vec::new(), Sha256::new());
    for (index, chunk) in chunks.iter().enumerate() {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&u32::try_from(index).unwrap().to_be_bytes());
        nonce[11] = u8::from(index + 1 == chunks.len());
        let sealed = seal_aes(&[key; 32], &nonce, chunk, b"impulse/e2ee/1/file");
        digests.update(Sha256::digest(&sealed));
        blob.extend(sealed);
    }
    (blob, digests.finalize().into())
}

#[test]
fn files_are_sealed_in_chunks_as_published() {
    let vectors = vectors();
    let padded = |plain: &[u8], length: usize| {
        let mut padded = plain.to_vec();
        padded.resize(length, 0);
        padded
    };
    let hello = padded(b"hello", 1_024);
    let cases = [
        (&vectors["file"]["out"], file(0x66, &[7; 70_000])),
        (&vectors["file_padded"]["out"][0], file(0x67, &hello)),
        (&vectors["file_padded"]["out"][1], file(0x68, &padded(&[8; 70_000], 71_680))),
    ];
    for (wanted, (blob, digest)) in cases {
        assert_eq!(blob.len(), usize::try_from(wanted["length"].as_u64().unwrap()).unwrap());
        assert_eq!(Sha256::digest(&blob).to_vec(), bytes(&wanted["sha256"]));
        assert_eq!(digest.to_vec(), bytes(&wanted["digest"]));
    }
}
