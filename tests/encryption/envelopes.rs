//! Messages of encrypted rooms: what the server takes and what it refuses, in which order, and what everybody gets
//! (`e2ee.md` 8, 13.3, 15.3).

use std::time::Duration;

use impulse::base::base64url;
use impulse::base::limits::chat as limits;
use impulse::e2ee::pack::Hash;
use serde_json::{Value, json};

use crate::client::{Envelope, Person, Room};
use crate::support::TestServer;
use crate::support::client::{Client, Socket, new_mid};

/// What somebody sends into a room.
pub fn send(room: &Room, envelope: &Value) -> Value {
    json!({"op": "msg.send", "room": room.id, "env": envelope})
}

/// An envelope of this revision.
pub async fn revision(room: &Room, author: &Person, mid: &str, rev: u64, kind: &str) -> Value {
    let (dn, dh) = author.directory().await;
    let generation = author.generation;
    let fields = Envelope { mid, rev, kind, reference: None, dn, dh, generation };
    let plain = json!({"t": format!("revision {rev}")});
    room.seal(author, &fields, (kind != "del").then_some(&plain))
}

/// A new message.
pub async fn message(room: &Room, author: &Person) -> Value {
    revision(room, author, &new_mid(), 0, "msg").await
}

/// A reaction to a message.
pub async fn reaction(room: &Room, author: &Person, target: &str) -> Value {
    let (dn, dh) = author.directory().await;
    let (mid, generation) = (new_mid(), author.generation);
    let reference = Some(target);
    let fields = Envelope { mid: &mid, rev: 0, kind: "react", reference, dn, dh, generation };
    room.seal(author, &fields, Some(&json!({"e": "👍"})))
}

/// The `mid` of an envelope.
pub fn mid_of(envelope: &Value) -> String {
    envelope["mid"].as_str().unwrap().to_owned()
}

/// The entries of the newest page.
pub async fn page(reader: &Client, room: &Room) -> Vec<Value> {
    let page = reader.get(&room.path("/messages?limit=500")).await.expect(200);
    page["messages"].as_array().unwrap().clone()
}

/// The entry of this message.
pub async fn shown(reader: &Client, room: &Room, mid: &str) -> Value {
    let found = page(reader, room).await.into_iter().find(|entry| entry["msg"]["mid"] == mid);
    found.expect("the message is on the page")
}

/// The next `msg` about this message or reaction.
pub async fn event(socket: &mut Socket, mid: &str) -> Value {
    socket.find("a msg", |frame| frame["op"] == "msg" && frame["msg"]["mid"] == mid).await
}

/// Follows a room from its end.
pub async fn follow(socket: &mut Socket, room: &Room) -> u64 {
    let ok = socket.ok(json!({"op": "room.subscribe", "room": room.id})).await;
    socket.aside.clear();
    ok["seq"].as_u64().unwrap()
}

/// With other fields, and the signature of before.
fn with(envelope: &Value, fields: Value) -> Value {
    let mut changed = envelope.clone();
    for (name, value) in fields.as_object().unwrap() {
        changed[name] = value.clone();
    }
    changed
}

fn without(envelope: &Value, field: &str) -> Value {
    let mut changed = envelope.clone();
    changed.as_object_mut().unwrap().remove(field);
    changed
}

fn base64(hash: &Hash) -> String {
    base64url::encode(hash)
}

/// Refused with this code, and a sentence about this field.
async fn refused(socket: &mut Socket, command: Value, code: &str, field: &str) -> Value {
    let refused = socket.err(command, code).await;
    let names = refused["message"].as_str().unwrap().contains(&format!("\"{field}\""));
    assert!(field.is_empty() || names, "{refused}");
    refused
}

async fn pair(server: &TestServer) -> (Person, Person, Room) {
    let (anna, ben) = (Person::new(server, "anna").await, Person::new(server, "ben").await);
    let room = Room::create(&[&anna, &ben]).await;
    (anna, ben, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_belong_into_plain_rooms_and_envelopes_into_encrypted_ones_whoever_sends_them() {
    let server = TestServer::start().await;
    let (anna, _, room) = pair(&server).await;
    let mut socket = anna.client.socket().await;
    let said = message(&room, &anna).await;
    socket.ok(send(&room, &said)).await;
    for envelope in [message(&room, &anna).await, json!({}), json!("odd")] {
        let into_plain = json!({"op": "msg.send", "room": "1", "env": envelope});
        let answer = socket.err(into_plain, "bad_request").await;
        assert_eq!(answer["message"], "This room is not encrypted; send \"msg\".");
    }
    socket.err(json!({"op": "msg.send", "room": "404", "env": {}}), "not_found").await;
    let mid = mid_of(&said);
    for msg in [
        json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "CANARY"}),
        json!({"mid": mid, "rev": 1, "kind": "msg", "t": "CANARY"}),
        json!({"mid": mid, "rev": 1, "kind": "del"}),
        json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": "➕"}),
    ] {
        let into_encrypted = json!({"op": "msg.send", "room": room.id, "msg": msg});
        let answer = socket.err(into_encrypted, "bad_request").await;
        assert_eq!(answer["message"], "This room is encrypted; send \"env\".");
    }
    let plain =
        json!({"op": "msg.send", "room": room.id, "env": with(&said, json!({"t": "CANARY"}))});
    socket.err(plain, "bad_request").await;
    let sql = server.sql().await;
    let stored = "SELECT string_agg(m::text, ' ') || (SELECT string_agg(s::text, ' ') FROM chat.superseded s)
                  FROM chat.messages m";
    let stored: Option<String> = sql.query_one(stored, &[]).await.unwrap().get(0);
    assert!(!stored.unwrap_or_default().contains("CANARY"));
    assert_eq!(shown(&anna.client, &room, &mid).await["msg"]["env"], said);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_of_another_shape_is_refused() {
    let server = TestServer::start().await;
    let (anna, ben, room) = pair(&server).await;
    let mut socket = anna.client.socket().await;
    let good = message(&room, &anna).await;
    let deletion = revision(&room, &anna, &new_mid(), 1, "del").await;
    let react = reaction(&room, &anna, &mid_of(&good)).await;
    let text = |bytes: usize| base64url::encode(&vec![7; bytes]);
    for wrong in [
        json!([]),
        json!("env"),
        with(&good, json!({"v": 2})),
        with(&good, json!({"x": 1})),
        with(&good, json!({"rev": -1})),
        with(&good, json!({"rev": limits::REV + 1})),
        with(&good, json!({"kind": "odd"})),
        with(&good, json!({"epoch": 0})),
        with(&good, json!({"ls": 1u64 << 53})),
        with(&good, json!({"ts": "1"})),
        with(&good, json!({"lh": "bGg"})),
        with(&good, json!({"n": text(11)})),
        with(&good, json!({"c": text(81)})),
        with(&good, json!({"ref": new_mid()})),
        with(&good, json!({"s": format!("{}=", good["s"].as_str().unwrap())})),
        without(&good, "s"),
        without(&good, "c"),
        with(&deletion, json!({"rev": 0})),
        with(&deletion, json!({"n": text(12), "c": text(80)})),
        with(&react, json!({"rev": 1})),
        without(&react, "ref"),
    ] {
        let answer = socket.err(send(&room, &wrong), "bad_request").await;
        assert!(answer["message"].as_str().unwrap().contains("\"env"), "{wrong}: {answer}");
    }
    refused(&mut socket, send(&room, &with(&good, json!({"c": text(45_072)}))), "too_large", "")
        .await;
    let others = message(&room, &ben).await;
    refused(&mut socket, send(&room, &others), "bad_request", "env.by").await;
    // The largest there is: 40 KiB of plaintext.
    let mid = new_mid();
    let large = json!({"t": "x".repeat(40 * 1024 - 8)});
    let large = room.envelope(&anna, &mid, "msg", &large).await;
    socket.ok(send(&room, &large)).await;
    assert_eq!(shown(&ben.client, &room, &mid).await["msg"]["env"], large);
    assert_eq!(page(&anna.client, &room).await.len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_in_its_order() {
    let server = TestServer::start().await;
    let (mut anna, ben, mut room) = pair(&server).await;
    let mut socket = anna.client.socket().await;
    let (first, mid) = (anna.directory().await, new_mid());
    let said = revision(&room, &anna, &mid, 0, "msg").await;
    let seq = socket.ok(send(&room, &said)).await["seq"].clone();

    // An edit that is right once everything is done that it waits for; and from the last to the first, everything is
    // wrong with it.
    anna.rotate(&server).await;
    let rotation = room.rotation(&ben, &[], &[], &[&anna, &ben]).await;
    let (old, next) = (room.clone(), rotation.room.clone());
    let right = revision(&next, &anna, &mid, 1, "msg").await;
    let late = revision(&next, &anna, &mid, 5, "msg").await;
    let (ls, lh, dh) = (late["ls"].clone(), late["lh"].clone(), late["dh"].clone());
    let forged = with(&late, json!({"s": right["s"]}));
    let stale = with(&forged, json!({"gen": 1}));
    let early = with(&stale, json!({"dn": first.0, "dh": base64(&first.1)}));
    let foreign = with(&stale, json!({"dh": base64(&first.1)}));
    let before = with(&foreign, json!({"ls": 0, "lh": base64(&room.rid())}));
    let forked = with(&foreign, json!({"lh": base64(&room.rid())}));
    let outdated = with(&forked, json!({"epoch": 1}));
    let odd = with(&outdated, json!({"x": 1}));
    let block = format!("/api/blocks/{}", anna.client.uid);
    assert_eq!(ben.client.request("PUT", &block, None).await.status, 204);

    refused(&mut socket, send(&room, &odd), "bad_request", "env").await;
    refused(&mut socket, send(&room, &outdated), "forbidden", "").await;
    assert_eq!(ben.client.delete(&block).await.status, 204);
    let answer = refused(&mut socket, send(&room, &outdated), "rotation_required", "").await;
    let detail = json!({"why": "keys", "shut": [], "head": old.head()});
    assert_eq!(answer["detail"], detail, "{answer}");
    room.append(&ben, rotation).await;
    let answer = refused(&mut socket, send(&room, &outdated), "epoch_stale", "").await;
    assert_eq!(answer["detail"], json!({"epoch": 2, "head": room.head()}), "{answer}");
    refused(&mut socket, send(&room, &forked), "bad_request", "env.lh").await;
    refused(&mut socket, send(&room, &before), "bad_request", "env.ls").await;
    refused(&mut socket, send(&room, &foreign), "bad_request", "env.dh").await;
    refused(&mut socket, send(&room, &early), "bad_request", "env.dn").await;
    let answer = refused(&mut socket, send(&room, &stale), "gen_stale", "").await;
    assert_eq!(answer["detail"], json!({"gen": 2}), "{answer}");
    let answer = refused(&mut socket, send(&room, &forged), "bad_signature", "").await;
    assert_eq!(answer["detail"], json!({}), "{answer}");
    refused(&mut socket, send(&room, &late), "rev_conflict", "").await;
    assert_eq!((&late["ls"], &late["lh"], &late["dh"]), (&ls, &lh, &dh));

    socket.ok(send(&room, &right)).await;
    assert_eq!(socket.ok(send(&room, &said)).await["seq"], seq, "what is known comes first");
    let far = with(&right, json!({"ls": 1_000_000}));
    let far = with(&far, json!({"rev": 2}));
    refused(&mut socket, send(&room, &far), "bad_request", "env.lh").await;
    let unknown = with(&far, json!({"ls": room.state.seq(), "dn": 1_000_000}));
    refused(&mut socket, send(&room, &unknown), "bad_request", "env.dh").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_no_member_then_or_has_another_identity_is_refused_and_a_deletion_is_taken_while_a_key_is_due()
 {
    let server = TestServer::start().await;
    let (mut anna, ben, mut room) = pair(&server).await;
    let (mut of_anna, mut of_ben) = (anna.client.socket().await, ben.client.socket().await);
    // Ben came in by the entry after the first one.
    let at_first = json!({"ls": 0, "lh": base64(&room.rid())});
    let early = with(&message(&room, &ben).await, at_first);
    refused(&mut of_ben, send(&room, &early), "bad_request", "env.ls").await;

    let (said, liked) = (message(&room, &anna).await, new_mid());
    let mid = mid_of(&said);
    of_anna.ok(send(&room, &said)).await;
    let like = reaction(&room, &ben, &mid).await;
    let like_mid = mid_of(&like);
    of_ben.ok(send(&room, &like)).await;
    // A reaction is the one who has made it's to take back, and a message its author's to edit and to delete.
    for (kind, target, code, field) in [
        ("msg", &mid, "forbidden", ""),
        ("del", &mid, "bad_request", "env.ls"),
        ("msg", &liked, "not_found", ""),
        ("del", &liked, "not_found", ""),
    ] {
        let others = revision(&room, &ben, target, 1, kind).await;
        refused(&mut of_ben, send(&room, &others), code, field).await;
    }
    let others = revision(&room, &anna, &like_mid, 1, "del").await;
    refused(&mut of_anna, send(&room, &others), "bad_request", "env.ls").await;

    anna.reset(&server).await;
    let due = message(&room, &ben).await;
    let answer = refused(&mut of_ben, send(&room, &due), "rotation_required", "").await;
    assert_eq!(answer["detail"]["why"], "keys");
    assert_eq!(of_ben.ok(send(&room, &like)).await["op"], "ok", "it is known");
    let edit = revision(&room, &ben, &mid, 1, "msg").await;
    refused(&mut of_ben, send(&room, &edit), "rotation_required", "").await;
    let back = revision(&room, &ben, &like_mid, 1, "del").await;
    of_ben.ok(send(&room, &back)).await;
    // Anna has another identity than the log knows, and so may not even delete.
    let deletion = revision(&room, &anna, &mid, 1, "del").await;
    refused(&mut of_anna, send(&room, &deletion), "bad_request", "env.dn").await;

    let batch = room.rotation(&ben, &[], &[], &[&ben]).await;
    room.append(&ben, batch).await;
    of_ben.ok(send(&room, &message(&room, &ben).await)).await;
    let stranger = message(&room, &anna).await;
    refused(&mut of_anna, send(&room, &stranger), "bad_request", "env.dn").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_envelope_gets_its_first_answer_whatever_has_become_of_the_room() {
    let server = TestServer::start().await;
    let (anna, ben, mut room) = pair(&server).await;
    let mut socket = anna.client.socket().await;
    let (mid, other) = (new_mid(), new_mid());
    let say = async |room: &Room, mid: &str, rev, kind| revision(room, &anna, mid, rev, kind).await;
    let (said, said_otherwise) =
        (say(&room, &mid, 0, "msg").await, say(&room, &mid, 0, "msg").await);
    let first = socket.ok(send(&room, &said)).await;
    let again = socket.ok(send(&room, &said)).await;
    assert_eq!((&again["seq"], &again["at"]), (&first["seq"], &first["at"]));
    socket.err(send(&room, &said_otherwise), "mid_exists").await;
    let like = reaction(&room, &anna, &mid).await;
    let liked = socket.ok(send(&room, &like)).await["seq"].clone();
    let unlike = say(&room, &mid_of(&like), 1, "del").await;
    let edit = say(&room, &mid, 1, "msg").await;
    let edited = socket.ok(send(&room, &edit)).await["seq"].clone();
    let unliked = socket.ok(send(&room, &unlike)).await["seq"].clone();
    let kept = say(&room, &other, 0, "msg").await;
    let kept_seq = socket.ok(send(&room, &kept)).await["seq"].clone();
    let taken = reaction(&room, &anna, &other).await;
    socket.ok(send(&room, &taken)).await;
    // Somebody else's `mid`.
    let theirs = revision(&room, &ben, &mid, 0, "msg").await;
    ben.client.socket().await.err(send(&room, &theirs), "mid_exists").await;
    let reused = with(&reaction(&room, &anna, &mid).await, json!({"mid": mid}));
    socket.err(send(&room, &reused), "mid_exists").await;

    let check = async |socket: &mut Socket, room: &Room| {
        for (envelope, seq) in [
            (&said, &first["seq"]),
            (&edit, &edited),
            (&like, &liked),
            (&unlike, &unliked),
            (&kept, &kept_seq),
        ] {
            assert_eq!(socket.ok(send(room, envelope)).await["seq"], *seq, "{envelope}");
        }
        for (mid, rev, kind, code) in [
            (&mid, 0, "msg", "mid_exists"),
            (&mid, 1, "msg", "rev_conflict"),
            (&other, 0, "msg", "mid_exists"),
        ] {
            let another = revision(room, &anna, mid, rev, kind).await;
            socket.err(send(room, &another), code).await;
        }
    };
    check(&mut socket, &room).await;
    // Another key; the key of nobody; another process.
    room.rotate(&ben, &[&anna, &ben]).await;
    check(&mut socket, &room).await;
    let block = format!("/api/blocks/{}", anna.client.uid);
    assert_eq!(ben.client.request("PUT", &block, None).await.status, 204);
    check(&mut socket, &room).await;
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (of_anna, of_ben) = (anna.client.at(server.address), ben.client.at(server.address));
    let mut socket = of_anna.socket().await;
    for (envelope, seq) in [(&said, &first["seq"]), (&edit, &edited), (&kept, &kept_seq)] {
        assert_eq!(socket.ok(send(&room, envelope)).await["seq"], *seq);
    }
    assert_eq!(of_ben.delete(&block).await.status, 204);

    // A deletion is final, and what it has erased cannot be compared any more.
    let anna = anna.with(of_anna);
    let deletion = revision(&room, &anna, &mid, 2, "del").await;
    let deleted = socket.ok(send(&room, &deletion)).await["seq"].clone();
    for (envelope, seq) in [
        (&deletion, &deleted),
        (&said, &first["seq"]),
        (&said_otherwise, &first["seq"]),
        (&edit, &edited),
        (&like, &liked),
    ] {
        assert_eq!(socket.ok(send(&room, envelope)).await["seq"], *seq);
    }
    for (rev, kind) in [(2, "del"), (3, "msg"), (3, "del"), (2, "msg")] {
        let after = revision(&room, &anna, &mid, rev, kind).await;
        socket.err(send(&room, &after), "rev_conflict").await;
    }
    let late = reaction(&room, &anna, &mid).await;
    socket.err(send(&room, &late), "not_found").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_are_events_of_their_own_and_come_with_their_message_to_who_was_away() {
    let server = TestServer::start().await;
    let (anna, ben, room) = pair(&server).await;
    let (mut of_anna, mut of_ben) = (anna.client.socket().await, ben.client.socket().await);
    follow(&mut of_ben, &room).await;
    let said = message(&room, &anna).await;
    let mid = mid_of(&said);
    let ok = of_anna.ok(send(&room, &said)).await;
    let created_seq = ok["seq"].clone();
    let live = event(&mut of_ben, &mid).await;
    let fields: Vec<_> = live["msg"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["by", "created", "created_seq", "env", "kind", "mid", "rev", "rev_seq"]);
    assert_eq!((&live["msg"]["env"], &live["msg"]["rev_seq"]), (&said, &created_seq));
    assert_eq!((&live["seq"], &live["at"]), (&created_seq, &ok["at"]));

    let like = reaction(&room, &ben, &mid).await;
    let like_mid = mid_of(&like);
    let liked = of_ben.ok(send(&room, &like)).await["seq"].clone();
    let live = event(&mut of_ben, &like_mid).await;
    let wanted = json!({"mid": like_mid, "rev": 0, "kind": "react", "by": ben.client.uid, "ref": mid, "rev_seq": liked,
        "env": like});
    assert_eq!((&live["msg"], &live["seq"]), (&wanted, &liked));
    // Who was away gets the message as it is now, out of memory as well as from the store.
    let whole = |entry: &Value, rev_seq: &Value, reacts: Value| {
        assert_eq!(entry["msg"]["rev_seq"], *rev_seq, "{entry}");
        assert_eq!(entry["msg"]["reacts"], reacts, "{entry}");
    };
    let reacts = json!([{"rev_seq": liked, "env": like}]);
    let away = async |since: &Value| {
        let mut late = ben.client.socket().await;
        late.send(json!({"op": "room.subscribe", "room": room.id, "since": since})).await;
        event(&mut late, &mid).await
    };
    let missed = away(&created_seq).await;
    assert_eq!(missed["seq"], liked);
    whole(&missed, &created_seq, reacts.clone());
    whole(&shown(&ben.client, &room, &mid).await, &created_seq, reacts.clone());

    let edit = revision(&room, &anna, &mid, 1, "msg").await;
    let edited = of_anna.ok(send(&room, &edit)).await["seq"].clone();
    let live = event(&mut of_ben, &mid).await;
    assert_eq!((&live["msg"]["env"], &live["msg"]["reacts"]), (&edit, &Value::Null));
    assert!(live["msg"]["edited"].is_i64() && live["msg"]["rev_seq"] == edited);
    whole(&away(&liked).await, &edited, reacts);

    let unlike = revision(&room, &ben, &like_mid, 1, "del").await;
    let unliked = of_ben.ok(send(&room, &unlike)).await["seq"].clone();
    let live = event(&mut of_ben, &like_mid).await;
    let wanted = json!({"mid": like_mid, "rev": 1, "kind": "del", "by": ben.client.uid, "ref": mid, "rev_seq": unliked,
        "env": unlike});
    assert_eq!((&live["msg"], &live["seq"]), (&wanted, &unliked));
    whole(&away(&edited).await, &edited, json!([]));
    whole(&shown(&ben.client, &room, &mid).await, &edited, json!([]));

    let deletion = revision(&room, &anna, &mid, 2, "del").await;
    let deleted = of_anna.ok(send(&room, &deletion)).await["seq"].clone();
    let live = event(&mut of_ben, &mid).await;
    let entry = shown(&ben.client, &room, &mid).await;
    assert_eq!(live["msg"], entry["msg"]);
    let wanted = json!({"mid": mid, "rev": 2, "kind": "del", "by": anna.client.uid, "created": live["msg"]["created"],
        "created_seq": created_seq, "rev_seq": deleted, "env": deletion});
    assert_eq!(live["msg"], wanted);
    assert_eq!(away(&unliked).await["msg"], wanted);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_an_encrypted_room_takes_so_many_reactions_and_no_more() {
    let server = TestServer::start().await;
    let (anna, ben, room) = pair(&server).await;
    let mut socket = anna.client.socket().await;
    let said = message(&room, &anna).await;
    socket.ok(send(&room, &said)).await;
    let mut last = Value::Null;
    for _ in 0..limits::REACTIONS_PER_AUTHOR {
        last = reaction(&room, &anna, &mid_of(&said)).await;
        socket.ok(send(&room, &last)).await;
    }
    let more = reaction(&room, &anna, &mid_of(&said)).await;
    socket.err(send(&room, &more), "forbidden").await;
    assert_eq!(socket.ok(send(&room, &last)).await["op"], "ok", "a repetition");
    let back = revision(&room, &anna, &mid_of(&last), 1, "del").await;
    socket.ok(send(&room, &back)).await;
    // As many of other authors as there may be.
    let others = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, target, body)
                  SELECT room_id, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'react', 1000 + n, 1, 0, 1, 0, 1, 0, target, body
                  FROM generate_series(1, $1::bigint) AS n,
                      (SELECT * FROM chat.messages WHERE kind = 'react' LIMIT 1) m";
    let missing = limits::SEALED_REACTIONS - limits::REACTIONS_PER_AUTHOR + 1;
    server.sql().await.execute(others, &[&(missing as i64)]).await.unwrap();
    let one_more = reaction(&room, &ben, &mid_of(&said)).await;
    ben.client.socket().await.err(send(&room, &one_more), "forbidden").await;
    let entry = shown(&anna.client, &room, &mid_of(&said)).await;
    let reacts = entry["msg"]["reacts"].as_array().unwrap().len();
    assert_eq!(reacts, limits::SEALED_REACTIONS);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_unread_and_reactions_and_batches_of_the_log_are_not() {
    let server = TestServer::start().await;
    let (anna, ben, mut room) = pair(&server).await;
    let carl = Person::new(&server, "carl").await;
    let other = Room::create(&[&carl, &ben]).await;
    let (mut of_anna, mut of_ben) = (anna.client.socket().await, ben.client.socket().await);
    let unread = async |who: &Person, room: &Room| {
        let view = who.client.get(&room.path("")).await.expect(200);
        (view["unread"].as_u64().unwrap(), view["mentions"].as_u64().unwrap())
    };
    let mut last = json!(0);
    let mut mids = Vec::new();
    for _ in 0..3 {
        let said = message(&room, &anna).await;
        last = of_anna.ok(send(&room, &said)).await["seq"].clone();
        mids.push(mid_of(&said));
    }
    let activity =
        of_ben.find("activity", |frame| frame["op"] == "activity" && frame["unread"] == 3).await;
    assert_eq!((&activity["room"], &activity["mentions"]), (&json!(room.id), &json!(0)));
    let text = activity.to_string();
    assert!(!text.contains("env") && !text.contains("mid"), "{text}");
    let like = reaction(&room, &anna, &mids[0]).await;
    of_anna.ok(send(&room, &like)).await;
    room.rotate(&anna, &[&anna, &ben]).await;
    assert_eq!((unread(&ben, &room).await, unread(&anna, &room).await), ((3, 0), (0, 0)));
    assert_eq!(unread(&ben, &other).await, (0, 0));
    let deletion = revision(&room, &anna, &mids[1], 1, "del").await;
    of_anna.ok(send(&room, &deletion)).await;
    assert_eq!(unread(&ben, &room).await, (2, 0));
    let read = json!({"op": "read", "room": room.id, "seq": last});
    of_ben.ok(read).await;
    assert_eq!(unread(&ben, &room).await, (0, 0));

    // Typing goes to who follows, and ends with the message; a room of others is none.
    follow(&mut of_ben, &room).await;
    of_anna.ok(json!({"op": "typing", "room": room.id})).await;
    let typing = of_ben.op("typing").await;
    assert_eq!((&typing["room"], &typing["uid"]), (&json!(room.id), &json!(anna.client.uid)));
    let foreign = with(&message(&room, &anna).await, json!({}));
    of_anna.err(send(&other, &foreign), "not_found").await;
    let into_other = message(&room, &ben).await;
    of_ben.err(send(&other, &into_other), "epoch_stale").await;
    // The envelope of one room is none of another, whose log it does not know.
    let mut third = Room::create(&[&ben, &carl, &anna]).await;
    third.rotate(&ben, &[&ben, &carl, &anna]).await;
    refused(&mut of_ben, send(&third, &into_other), "bad_request", "env.lh").await;

    // Who is out hears nothing, and writes nothing.
    let leave = [Room::leave(&carl)];
    let batch = third.rotation(&carl, &leave, &[], &[&ben, &anna]).await;
    drop(batch);
    let gone = third.batch(&carl, &leave).await;
    let mut of_carl = carl.client.socket().await;
    let before = message(&third, &carl).await;
    of_carl.ok(send(&third, &before)).await;
    third.append(&carl, gone).await;
    of_carl.err(send(&third, &before), "not_found").await;
    let answer = of_ben.err(send(&third, &message(&third, &ben).await), "rotation_required").await;
    assert_eq!(answer["detail"]["why"], "left");
    let pages = carl.client.get(&third.path("/messages")).await;
    assert_eq!(pages.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_encrypted_room_has_up_to_five_hundred_messages() {
    const MESSAGES: usize = limits::SEALED_PAGE + 1;
    let server = TestServer::start().await;
    let (anna, _, room) = pair(&server).await;
    let mut socket = anna.client.socket().await;
    let (dn, dh) = anna.directory().await;
    for _ in 0..MESSAGES {
        let mid = new_mid();
        let fields =
            Envelope { mid: &mid, rev: 0, kind: "msg", reference: None, dn, dh, generation: 1 };
        let envelope = room.seal(&anna, &fields, Some(&json!({"t": "hi"})));
        socket.send(send(&room, &envelope)).await;
    }
    for _ in 0..MESSAGES {
        socket.op("ok").await;
    }
    let page = async |query: &str| {
        let page = anna.client.get(&room.path(&format!("/messages{query}"))).await.expect(200);
        (page["messages"].as_array().unwrap().len(), page["more"].clone())
    };
    assert_eq!(page("").await, (limits::PAGE_DEFAULT, json!(true)));
    assert_eq!(page("?limit=500").await, (limits::SEALED_PAGE, json!(true)));
    assert_eq!(page("?limit=501").await, (limits::SEALED_PAGE, json!(true)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_send_envelopes_and_read_events_and_texts_of_scripts_are_refused() {
    let server = TestServer::start().await;
    let (anna, ben, mut room) = pair(&server).await;
    let made = anna
        .client
        .post("/api/tokens", json!({"label": "bot", "scope": "write"}))
        .await
        .expect(201);
    let bot = anna.client.with_token(made["token"].as_str().unwrap());
    let mut tail = Tail::open(&bot, &room, 0).await;
    let said = message(&room, &anna).await;
    let mid = mid_of(&said);
    let posted = bot.post(&room.path("/messages"), json!({"env": said})).await.expect(201);
    assert_eq!((&posted["mid"], &posted["room"]), (&json!(mid), &json!(room.id)));
    let again = bot.post(&room.path("/messages"), json!({"env": said})).await.expect(201);
    assert_eq!(again["seq"], posted["seq"]);
    let edit = revision(&room, &anna, &mid, 1, "msg").await;
    bot.post(&room.path("/messages"), json!({"env": edit})).await.expect(201);
    let like = reaction(&room, &anna, &mid).await;
    bot.post(&room.path("/messages"), json!({"env": like})).await.expect(201);
    let late =
        bot.post(&room.path("/messages"), json!({"env": with(&edit, json!({"rev": 9}))})).await;
    late.refused(400, "bad_signature");
    room.rotate(&anna, &[&anna, &ben]).await;
    let stale = bot
        .post(&room.path("/messages"), json!({"env": with(&said, json!({"mid": new_mid()}))}))
        .await;
    assert_eq!(stale.json()["error"]["detail"]["epoch"], 2);
    stale.refused(409, "epoch_stale");
    for body in [json!({"t": "deployed"}), json!({"text": "deployed"})] {
        bot.post(&room.path("/messages"), body).await.refused(400, "bad_request");
    }
    let path = room.path(&format!("/messages/{mid}"));
    bot.patch(&path, json!({"t": "deployed"})).await.refused(400, "bad_request");
    bot.delete(&path).await.refused(400, "bad_request");
    let hook = anna.client.post(&room.path("/hooks"), json!({"name": "CI"})).await;
    hook.refused(403, "forbidden");
    // Into a plain room no envelope goes this way, either.
    bot.post("/api/rooms/1/messages", json!({"env": said})).await.refused(400, "bad_request");
    let keyed = format!(
        "POST {} HTTP/1.1\r\n{}Idempotency-Key: k\r\nContent-Type: application/json\r\n\
         Content-Length: 10\r\nConnection: close\r\n\r\n{{\"env\":{{}}}}",
        room.path("/messages"),
        bot.fields(),
    );
    let key = bot.raw(keyed.as_bytes());
    key.await.refused(400, "bad_request");
    // What the bot has sent, and nothing of the log, neither what was before nor what comes.
    let lines = tail.lines(6).await;
    let seqs: Vec<_> =
        lines.iter().map(|line| (line["op"].as_str(), line["seq"].as_u64())).collect();
    let of = |op, seq| (Some(op), Some(seq));
    let wanted = [of("tail", 1), of("ok", 1), of("msg", 2), of("msg", 3), of("msg", 4)];
    assert_eq!(seqs, wanted, "{lines:?}");
    server.stop().await;
}

/// A room followed by HTTP.
struct Tail {
    stream: tokio::io::BufReader<tokio::net::TcpStream>,
}

impl Tail {
    async fn open(client: &Client, room: &Room, since: u64) -> Self {
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(client.address).await.unwrap();
        let path = room.path(&format!("/tail?since={since}"));
        let head = format!("GET {path} HTTP/1.1\r\n{}\r\n", client.fields());
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut stream = tokio::io::BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
        }
        Self { stream }
    }

    /// The next lines, until nothing comes any more.
    async fn lines(&mut self, most: usize) -> Vec<Value> {
        use tokio::io::AsyncBufReadExt as _;
        let mut lines: Vec<Value> = Vec::new();
        let mut line = String::new();
        let quiet = Duration::from_millis(500);
        while lines.len() < most {
            line.clear();
            let read = tokio::time::timeout(quiet, self.stream.read_line(&mut line)).await;
            if !matches!(read, Ok(Ok(1..))) {
                break;
            }
            if line.trim().len() > 2 && line.starts_with('{') {
                lines.push(serde_json::from_str(&line).unwrap());
            }
        }
        lines
    }
}
