//! The published envelopes: what is bound, what is signed, how long they are, and their JSON.

use std::sync::LazyLock;

use impulse::base::ids::{Mid, Uid};
use impulse::e2ee::directory::DirectoryView as _;
use impulse::e2ee::envelope::{Content, Envelope, Kind};
use impulse::e2ee::pack::{kdf, number};
use impulse::e2ee::padding::bucket;
use impulse::e2ee::room_log::{SignedEntry, State, apply};
use serde_json::{Value, json};

use super::client::{self, open_aes};
use super::directory::{T, chain};
use super::{array, bytes, vectors};

const MID: Mid = Mid([0x91; 16]);

fn commitment(epoch: u64) -> [u8; 32] {
    array(&vectors()["commitments"]["out"][epoch.to_string()])
}

/// The first envelope: in a room of its own.
fn given() -> (Envelope, [u8; 32]) {
    let vectors = vectors();
    let (given, out) = (&vectors["given"]["out"], &vectors["envelope"]["out"]);
    let envelope = Envelope {
        mid: MID,
        rev: 0,
        kind: Kind::Msg,
        reference: None,
        epoch: 2,
        by: Uid(42),
        generation: 1,
        ts: T + 4,
        ls: 2,
        lh: array(&given["lh"]),
        dn: 1,
        dh: array(&given["H1"]),
        blobs: vec![],
        content: Some(Content { n: array(&out["n"]), c: bytes(&out["c"]) }),
        s: array(&out["s"]),
    };
    (envelope, array(&given["rid"]))
}

fn key_of(generation: u64) -> [u8; 32] {
    chain().ed_key(Uid(42), generation).unwrap()
}

/// Checks what is bound, that it is signed, and that it opens to what was padded.
fn check(envelope: &Envelope, rid: &[u8; 32], published: &Value) {
    let kc = commitment(envelope.epoch);
    assert_eq!(envelope.aad(rid, &kc), bytes(&published["aad"]));
    assert_eq!(envelope.verify(rid, &kc, &key_of(1)), Ok(()));
    assert!(envelope.verify(&[1; 32], &kc, &key_of(1)).is_err());
    assert!(envelope.verify(rid, &[1; 32], &key_of(1)).is_err());
    let Some(content) = &envelope.content else { return };
    let key = kdf(&client::epoch_key(envelope.epoch), "msg", &[rid, &number(envelope.epoch)]);
    let padded = open_aes(&key, &content.n, &content.c, &bytes(&published["aad"])).unwrap();
    assert_eq!(padded, bytes(&published["padded"]));
    if let Some(plain) = published["plaintext"].as_str() {
        assert_eq!(client::unpad(&padded).unwrap(), plain.as_bytes());
    }
}

#[test]
fn the_published_message_and_its_tombstone_are_bound_signed_and_open() {
    let (envelope, rid) = given();
    check(&envelope, &rid, &vectors()["envelope"]["out"]);
    let out = &vectors()["tombstone"]["out"];
    let tombstone = Envelope {
        rev: 1,
        kind: Kind::Del,
        ts: T + 5,
        content: None,
        s: array(&out["s"]),
        ..envelope
    };
    check(&tombstone, &rid, out);
}

static ROOM: LazyLock<State> = LazyLock::new(founded);

/// The room of `room_log` after entry 14.
fn room() -> &'static State {
    &ROOM
}

fn founded() -> State {
    let (chain, vectors) = (chain(), vectors());
    let mut state = State::default();
    for entry in vectors["room_log"]["out"]["entries"].as_array().unwrap().iter().take(15) {
        let signed = SignedEntry { entry: bytes(&entry["entry"]), sig: array(&entry["sig"]) };
        apply(&mut state, &signed, &chain).unwrap();
    }
    state
}

/// One of the envelopes in that room.
fn in_room(name: &str) -> Envelope {
    let (state, vectors) = (room(), vectors());
    let out = &vectors["room_envelopes"]["out"][name];
    let content = out.get("c").map(|c| Content { n: array(&out["n"]), c: bytes(c) });
    let message = Envelope {
        mid: Mid([0x92; 16]),
        rev: 0,
        kind: Kind::Msg,
        reference: None,
        epoch: 5,
        by: Uid(42),
        generation: 1,
        ts: T + 500,
        ls: state.seq(),
        lh: state.head,
        dn: 4,
        dh: chain().hash_at(4).unwrap(),
        blobs: vec![],
        content,
        s: array(&out["s"]),
    };
    match name {
        "message" => message,
        "file" => {
            let blobs = vec![[0xb1; 16], [0xb2; 16]];
            Envelope { mid: Mid([0x93; 16]), ts: T + 501, blobs, ..message }
        }
        "reaction" => {
            let reference = Some(Mid([0x92; 16]));
            let (mid, kind) = (Mid([0x94; 16]), Kind::React);
            Envelope { mid, kind, reference, ts: T + 502, ..message }
        }
        _ => Envelope { rev: 1, kind: Kind::Del, ts: T + 503, ..message },
    }
}

#[test]
fn the_published_envelopes_of_a_room_are_bound_signed_and_open() {
    let rid = room().rid;
    for name in ["message", "file", "reaction", "deletion"] {
        check(&in_room(name), &rid, &vectors()["room_envelopes"]["out"][name]);
    }
}

#[test]
fn an_envelope_has_the_published_digest_and_the_published_json() {
    let (message, vectors) = (in_room("message"), vectors());
    let digest = message.digest(&room().rid, &commitment(5));
    assert_eq!(digest.to_vec(), bytes(&vectors["envelope_digest"]["out"]));
    let wire = &vectors["wire_message"]["out"];
    assert_eq!(serde_json::to_value(&message).unwrap(), *wire);
    assert_eq!(Envelope::from_json(wire).unwrap(), message);
    assert_eq!(Envelope::parse(&wire.to_string()).unwrap(), message);
    for name in ["file", "reaction", "deletion"] {
        let envelope = in_room(name);
        let json = serde_json::to_string(&envelope).unwrap();
        assert_eq!(Envelope::parse(&json).unwrap(), envelope);
    }
}

#[test]
fn lengths_are_padded_as_published() {
    let lengths = [5, 60, 64, 65, 1_000, 1_025, 1_500, 5_000, 70_000].map(bucket);
    assert_eq!(json!(lengths), vectors()["bucket"]["out"]);
}

/// The published JSON of a message, a reaction or a deletion with one change.
fn changed(name: &str, change: impl Fn(&mut serde_json::Map<String, Value>)) -> String {
    let mut wire = serde_json::to_value(in_room(name)).unwrap();
    change(wire.as_object_mut().unwrap());
    wire.to_string()
}

#[test]
fn an_envelope_of_another_form_is_refused() {
    let long = client::url(&[0; 45_056 + 64]);
    let blobs = json!(vec![client::url(&[7; 16]); 21]);
    let cases: &[(&str, &str, Value)] = &[
        ("message", "v", json!(2)),
        ("message", "x", json!("in plain words")),
        ("message", "mid", json!("kpKSkpKSkpKSkpKSkpKSkh")),
        ("message", "rev", json!(-1)),
        ("message", "rev", json!(0.5)),
        ("message", "rev", json!(9_007_199_254_740_992_u64)),
        ("message", "kind", json!("edit")),
        ("message", "ref", json!("kpKSkpKSkpKSkpKSkpKSkg")),
        ("message", "ref", json!(null)),
        ("message", "ref", json!("")),
        ("message", "epoch", json!(0)),
        ("message", "gen", json!(0)),
        ("message", "by", json!(42)),
        ("message", "by", json!("042")),
        ("message", "by", json!("9007199254740992")),
        ("message", "lh", json!(client::url(&[0; 31]))),
        ("message", "dh", json!("=")),
        ("message", "blobs", json!([])),
        ("message", "blobs", json!(null)),
        ("message", "blobs", json!([client::url(&[7; 15])])),
        ("message", "blobs", blobs),
        ("message", "n", json!("")),
        ("message", "n", json!(client::url(&[0; 11]))),
        ("message", "c", json!("")),
        ("message", "c", json!(client::url(&[0; 16]))),
        ("message", "c", json!(client::url(&[0; 81]))),
        ("message", "c", json!(long)),
        ("message", "s", json!(client::url(&[0; 63]))),
        ("reaction", "blobs", json!([client::url(&[7; 16])])),
        ("deletion", "ref", json!("kpKSkpKSkpKSkpKSkpKSkg")),
        ("deletion", "rev", json!(0)),
        ("deletion", "n", json!(client::url(&[0; 12]))),
        ("deletion", "c", json!(client::url(&[0; 80]))),
        ("deletion", "blobs", json!([client::url(&[7; 16])])),
    ];
    for (name, field, value) in cases {
        let json = changed(name, |wire| _ = wire.insert((*field).into(), value.clone()));
        let error = Envelope::parse(&json).expect_err(&json);
        assert_eq!(error.code().as_str(), "bad_request");
    }
    for (name, fields) in [("message", 15), ("reaction", 16), ("deletion", 13)] {
        let wire = serde_json::to_value(in_room(name)).unwrap();
        assert_eq!(wire.as_object().unwrap().len(), fields);
        for field in wire.as_object().unwrap().keys() {
            let json = changed(name, |wire| _ = wire.remove(field));
            assert!(Envelope::parse(&json).is_err(), "{name} without {field}");
        }
    }
    let content = [("n", json!(client::url(&[0; 12]))), ("c", json!(client::url(&[0; 80])))];
    let sealed = changed("deletion", |wire| {
        wire.extend(content.iter().map(|(name, value)| ((*name).into(), value.clone())));
    });
    assert!(Envelope::parse(&sealed).is_err(), "a deletion with a content");
    let empty = changed("message", |wire| wire.retain(|name, _| name != "n" && name != "c"));
    assert!(Envelope::parse(&empty).is_err(), "a message without one");
    let twice = changed("message", |_| {}).replacen('{', r#"{"rev":0,"#, 1);
    assert!(Envelope::parse(&twice).is_err());
}

#[test]
fn a_content_may_be_as_long_as_the_longest_plaintext_padded() {
    let with = |padded: usize| {
        let c = client::url(&vec![0; padded + 16]);
        Envelope::parse(&changed("message", |wire| _ = wire.insert("c".into(), json!(c))))
    };
    let longest = bucket(4 + 40 * 1_024);
    assert!(with(longest).is_ok());
    assert!(with(bucket(longest + 1)).is_err());
    assert!(with(64).is_ok());
}

/// Each field of what is signed, changed: the signature does not verify any more.
#[test]
fn no_field_can_be_changed_under_a_signature() {
    let (rid, kc, key) = (room().rid, commitment(5), key_of(1));
    let file = in_room("file");
    let changes: &[fn(&mut Envelope)] = &[
        |envelope| envelope.mid = Mid([0; 16]),
        |envelope| envelope.rev += 1,
        |envelope| envelope.kind = Kind::React,
        |envelope| envelope.reference = Some(Mid([0; 16])),
        |envelope| envelope.epoch += 1,
        |envelope| envelope.by = Uid(43),
        |envelope| envelope.generation += 1,
        |envelope| envelope.ts += 1,
        |envelope| envelope.ls += 1,
        |envelope| envelope.lh[0] ^= 1,
        |envelope| envelope.dn += 1,
        |envelope| envelope.dh[31] ^= 1,
        |envelope| envelope.blobs.reverse(),
        |envelope| _ = envelope.blobs.pop(),
        |envelope| envelope.content.as_mut().unwrap().n[0] ^= 1,
        |envelope| envelope.content.as_mut().unwrap().c[0] ^= 1,
        |envelope| envelope.content = None,
        |envelope| envelope.s[0] ^= 1,
        |envelope| envelope.s[40] ^= 1,
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut changed = file.clone();
        change(&mut changed);
        assert!(changed.verify(&rid, &kc, &key).is_err(), "{index}");
        assert_ne!(changed.digest(&rid, &kc), file.digest(&rid, &kc), "{index}");
    }
}
