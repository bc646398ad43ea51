//! Encrypted messages, as far as the server knows them: an envelope is stored and sent as it came, a room that is
//! not encrypted refuses it, and the room says so, not the parser. No room can be encrypted yet, so these tests
//! mark one in the database.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};

use support::TestServer;
use support::client::{Client, new_mid};

const ROOM: &str = "1";
const PLAIN: &str = "This room is not encrypted; send \"msg\".";

fn envelope(mid: &str) -> Value {
    json!({"v": 1, "mid": mid, "rev": 0, "kind": "msg", "epoch": 2, "by": "42", "gen": 1, "ts": 1_767_225_600_004_i64,
        "ls": 2, "lh": "bGg", "dn": 1, "dh": "ZGg", "n": "bm9uY2U", "c": "Y2lwaGVydGV4dA", "s": "c2lnbmF0dXJl"})
}

fn send_envelope(room: &str, envelope: &Value) -> Value {
    json!({"op": "msg.send", "room": room, "env": envelope})
}

/// The `msg` of the history with this `mid`.
async fn history(client: &Client, mid: &str) -> Value {
    let page = client.get(&format!("/api/rooms/{ROOM}/messages")).await.expect(200);
    let messages = page["messages"].as_array().unwrap().clone();
    let found = messages.into_iter().find(|entry| entry["msg"]["mid"] == mid);
    found.expect("the message is in the history")["msg"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_not_encrypted_refuses_envelopes_whoever_sends_them() {
    let server = TestServer::start().await;
    let (anna, boss) = (server.user("anna").await, server.admin().await);
    let mut socket = anna.socket().await;
    for envelope in [envelope(&new_mid()), json!({}), json!("odd")] {
        let refused = socket.err(send_envelope(ROOM, &envelope), "bad_request").await;
        assert_eq!(refused["message"], PLAIN);
    }
    let room = async |kind: &str| {
        let room = boss.post("/api/rooms", json!({"kind": kind, "name": kind})).await.expect(201);
        room["id"].as_str().unwrap().to_owned()
    };
    // The form is wrong, whoever is a member.
    let refused = socket.err(send_envelope(&room("open").await, &json!({})), "bad_request").await;
    assert_eq!(refused["message"], PLAIN);
    // A room that she may not know of does not exist.
    socket.err(send_envelope(&room("closed").await, &json!({})), "not_found").await;
    socket.err(send_envelope("404", &json!({})), "not_found").await;
    socket.send_text(ROOM, "life goes on").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_room_takes_no_text_and_no_envelope_that_nothing_verifies() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mid = anna.socket().await.send_text(ROOM, "before").await.0;
    let sql = server.sql().await;
    let encrypt = "UPDATE chat.rooms SET e2ee = true, name = NULL, rid = sha256('rid'), log_seq = 0, \
                   log_head = sha256('head'), epoch = 1 WHERE id = 1";
    sql.execute(encrypt, &[]).await.unwrap();
    let database = server.database.clone();
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    let mut socket = anna.socket().await;
    let send = |msg: Value| json!({"op": "msg.send", "room": ROOM, "msg": msg});
    for msg in [
        json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "text"}),
        json!({"mid": mid, "rev": 1, "kind": "msg", "t": "another text"}),
        json!({"mid": mid, "rev": 1, "kind": "del"}),
        json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": "➕"}),
    ] {
        socket.err(send(msg), "bad_request").await;
    }
    socket.err(send_envelope(ROOM, &envelope(&new_mid())), "bad_request").await;
    let stored = "SELECT count(*) FROM chat.messages WHERE room_id = 1";
    let sql = server.sql().await;
    assert_eq!(sql.query_one(stored, &[]).await.unwrap().get::<_, i64>(0), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_is_stored_is_sent_as_it_came_with_the_seq_of_its_revision() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let (mid, said) = socket.send_text(ROOM, "to be sealed").await;
    let (sealed, rev_seq) = (envelope(&mid), said["seq"].clone());
    let sql = server.sql().await;
    let update = "UPDATE chat.messages SET body = $1 WHERE room_id = 1";
    sql.execute(update, &[&sealed]).await.unwrap();

    let msg = history(&anna, &mid).await;
    assert_eq!((&msg["env"], &msg["rev_seq"]), (&sealed, &rev_seq), "{msg}");
    assert_eq!((&msg["kind"], &msg["t"]), (&json!("msg"), &Value::Null), "{msg}");
    // A reaction moves the message, not its revision.
    let react = json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": "➕"});
    let seq = socket.ok(json!({"op": "msg.send", "room": ROOM, "msg": react})).await["seq"].clone();
    assert_ne!(seq, rev_seq);
    socket.send(json!({"op": "room.subscribe", "room": ROOM})).await;
    let event = socket.find("the message", |frame| frame["msg"]["mid"] == mid.as_str()).await;
    assert_eq!((&event["seq"], &event["msg"]["rev_seq"]), (&seq, &rev_seq), "{event}");
    assert_eq!(event["msg"]["env"], sealed);
    server.stop().await;
}
