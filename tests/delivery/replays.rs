//! Slow replays: what was missed comes a slice at a time while messages are deleted, members removed and
//! subscriptions ended.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Client, Socket};
use crate::support::crowd::{crowd, guest};
use crate::support::wire::{Wire, masked};

/// More than the buffers of both kernels and a slice together.
const MESSAGES: u64 = 800;
const LENGTH: i32 = 20_000;

/// A General of many long messages by the first of its people.
async fn server(people: i64) -> TestServer {
    let server = TestServer::start().await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    crowd(&database, people, |_| &[1]).await;
    let insert = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, body)
                  SELECT 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'msg', u.id, n, 0, n, 0, n, 0,
                      jsonb_build_object('t', repeat('x', $2::int))
                  FROM generate_series(1, $1::bigint) AS n,
                      (SELECT id FROM accounts.users WHERE username = 'guest1') AS u";
    sql.execute(insert, &[&(MESSAGES as i64), &LENGTH]).await.unwrap();
    let last = "UPDATE chat.rooms SET last_seq = $1 WHERE id = 1";
    sql.execute(last, &[&(MESSAGES as i64)]).await.unwrap();
    TestServer::start_on(&database, &[]).await
}

fn mid(n: u64) -> String {
    URL_SAFE_NO_PAD.encode(u128::from(n).to_be_bytes())
}

/// The answer to a subscription; nobody has read anything.
fn answer_to(id: &str, is_truncated: bool) -> Value {
    let mut answer = json!({"op": "ok", "id": id, "seq": MESSAGES, "read": 0});
    (answer["unread"], answer["mentions"]) = (json!(MESSAGES), json!(0));
    if is_truncated {
        answer["truncated"] = json!(true);
    }
    answer
}

async fn delete(author: &mut Socket, n: u64) {
    let msg = json!({"mid": mid(n), "rev": 1, "kind": "del"});
    author.ok(json!({"op": "msg.send", "room": "1", "msg": msg})).await;
}

async fn send_json(socket: &mut Wire, frame: Value) {
    socket.send(&masked(&frame.to_string())).await;
}

async fn read_json(socket: &mut Wire) -> Value {
    loop {
        let (opcode, payload) = socket.frame().await.expect("a frame, not the end");
        if opcode == support::wire::TEXT {
            return serde_json::from_slice(&payload).unwrap();
        }
    }
}

/// A socket that asks for everything and has read the first message of it.
async fn catching_up(client: &Client) -> Wire {
    let mut socket = Wire::open(client).await;
    send_json(&mut socket, json!({"op": "room.subscribe", "id": "s", "room": "1", "since": 0}))
        .await;
    while read_json(&mut socket).await["op"] != "msg" {}
    socket
}

/// Each message as the history says it is, by its `mid`: the `seq` of its last change.
async fn history(client: &Client) -> HashMap<String, u64> {
    let (mut all, mut before) = (HashMap::new(), u64::from(u32::MAX));
    loop {
        let page = client.get(&format!("/api/rooms/1/messages?before={before}&limit=100")).await;
        let page = page.expect(200);
        for entry in page["messages"].as_array().unwrap() {
            let mid = entry["msg"]["mid"].as_str().unwrap().to_owned();
            all.insert(mid, entry["seq"].as_u64().unwrap());
        }
        before = page["messages"][0]["msg"]["created_seq"].as_u64().unwrap();
        if page["more"] == false {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_replay_brings_each_change_once_in_order_and_nothing_that_was_deleted() {
    const GONE: std::ops::RangeInclusive<u64> = 600..=640;
    let server = server(4).await;
    let author = guest(server.address, 1);
    let mut readers = Vec::new();
    for n in 2..=4 {
        readers.push(catching_up(&guest(server.address, n)).await);
    }
    // They have read one message, and cannot have been sent these.
    let mut socket = author.socket().await;
    for n in GONE {
        delete(&mut socket, n).await;
    }
    let writing = tokio::spawn(async move {
        for n in (1..=MESSAGES).step_by(7).filter(|n| !GONE.contains(n)) {
            delete(&mut socket, n).await;
            socket.send_text("1", "meanwhile").await;
        }
        socket.send_text("1", "the end").await.1["seq"].as_u64().unwrap()
    });
    let read = async |mut socket: Wire, pause: Duration| {
        let (mut last, mut newest) = (1, HashMap::from([(mid(1), 1)]));
        let mut has_ok = false;
        loop {
            let frame = read_json(&mut socket).await;
            match frame["op"].as_str().unwrap() {
                "msg" => {
                    let seq = frame["seq"].as_u64().unwrap();
                    assert!(seq > last, "{seq} after {last}");
                    assert_eq!(has_ok, seq > MESSAGES, "what was missed comes first: {seq}");
                    last = seq;
                    let msg = &frame["msg"];
                    let created = msg["created_seq"].as_u64().unwrap();
                    assert!(
                        !GONE.contains(&created) || msg["kind"] == "del",
                        "{created} was deleted"
                    );
                    newest.insert(msg["mid"].as_str().unwrap().to_owned(), seq);
                    if msg["t"] == "the end" {
                        return (newest, last);
                    }
                }
                "ok" => {
                    assert_eq!((has_ok, &frame), (false, &answer_to("s", false)));
                    has_ok = true;
                }
                "typing" | "presence" | "read" => {}
                _ => panic!("{frame}"),
            }
            if last % 10 == 0 {
                tokio::time::sleep(pause).await;
            }
        }
    };
    let mut heard = Vec::new();
    let pauses = [0, 5, 20].map(Duration::from_millis);
    let reading = readers.into_iter().zip(pauses).map(|(socket, pause)| read(socket, pause));
    for reading in reading {
        heard.push(reading.await);
    }
    let end = writing.await.unwrap();
    let all = history(&author).await;
    for (newest, last) in heard {
        assert_eq!(last, end);
        assert_eq!(newest.len(), all.len());
        let differs = newest.iter().find(|(mid, seq)| all.get(*mid) != Some(seq));
        assert_eq!(differs, None, "not as it is now");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_ends_or_starts_over_in_the_middle_is_answered_once_and_drops_the_rest()
{
    let server = server(3).await;
    let author = guest(server.address, 1);
    let mut socket = catching_up(&guest(server.address, 2)).await;
    send_json(&mut socket, json!({"op": "room.unsubscribe", "id": "u", "room": "1"})).await;
    let (mut last, mut answers) = (1, Vec::new());
    while answers.len() < 2 {
        let frame = read_json(&mut socket).await;
        match frame["op"].as_str().unwrap() {
            "msg" => last = frame["seq"].as_u64().unwrap(),
            "ok" => answers.push(frame),
            _ => {}
        }
    }
    assert!(last < MESSAGES, "all of it came all the same");
    answers.sort_by_key(|answer| answer["id"].to_string());
    let cut = answer_to("s", true);
    assert_eq!(answers, [cut.clone(), json!({"op": "ok", "id": "u"})]);
    // It goes on where it was, and starts over once more on the way.
    for (id, since) in [("again", last), ("at last", last + 1)] {
        send_json(
            &mut socket,
            json!({"op": "room.subscribe", "id": id, "room": "1", "since": since}),
        )
        .await;
    }
    let (_, ok) = author.socket().await.send_text("1", "the end").await;
    assert_eq!(ok["seq"], MESSAGES + 1);
    let (mut answered, mut expected) = (Vec::new(), None);
    let mut is_end = false;
    while !is_end || answered.len() < 2 {
        let frame = read_json(&mut socket).await;
        match frame["op"].as_str().unwrap() {
            "ok" => answered.push(frame["id"].as_str().unwrap().to_owned()),
            "msg" => {
                let seq = frame["seq"].as_u64().unwrap();
                // Of the first subscription there may be a part, of the second there is all.
                let is_start = seq == last + 1 || seq == last + 2;
                assert!(expected == Some(seq) || is_start, "{seq}, expected {expected:?}");
                expected = Some(seq + 1);
                is_end = frame["msg"]["t"] == "the end";
            }
            _ => {}
        }
    }
    assert_eq!(answered, ["again", "at last"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_removed_during_a_replay_gets_no_more_of_it() {
    let server = server(2).await;
    let reader = guest(server.address, 2);
    let mut socket = catching_up(&reader).await;
    let me = reader.get("/api/me").await.expect(200)["uid"].clone();
    let path = format!("/api/rooms/1/members/{}", me.as_str().unwrap());
    assert_eq!(reader.delete(&path).await.status, 204);
    guest(server.address, 1).socket().await.send_text("1", "not for everybody").await;
    let (mut last, mut is_gone) = (1, false);
    send_json(&mut socket, json!({"op": "ping", "id": "p"})).await;
    loop {
        let frame = read_json(&mut socket).await;
        match frame["op"].as_str().unwrap() {
            "msg" => last = frame["seq"].as_u64().unwrap(),
            "room" => is_gone = frame["room"]["gone"] == true,
            "ok" if frame["id"] == "s" => assert_eq!(frame["truncated"], true),
            "ok" if is_gone => break,
            _ => {}
        }
    }
    assert!(last < MESSAGES, "all of it came all the same");
    send_json(&mut socket, json!({"op": "room.subscribe", "id": "s", "room": "1", "since": 0}))
        .await;
    loop {
        let frame = read_json(&mut socket).await;
        assert_ne!(frame["op"], "msg", "{frame}");
        if frame["id"] == "s" && frame["op"] == "err" {
            assert_eq!(frame["code"], "not_member");
            break;
        }
    }
    server.stop().await;
}
