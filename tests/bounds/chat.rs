//! What a connection of the chat may send, how many a user may have, and how much is replayed to one.

use impulse::base::ids::FileId;
use impulse::base::limits::{chat, delivery, rooms};
use serde_json::{Value, json};

use crate::support::client::{Received, Socket, new_mid};
use crate::support::wire::{CLOSE, TEXT, Wire, masked};
use crate::support::{self, TestServer};

/// A command of exactly so many bytes.
fn ping(length: usize) -> String {
    let around = json!({"op": "ping", "id": "p", "x": ""}).to_string().len();
    json!({"op": "ping", "id": "p", "x": "x".repeat(length - around)}).to_string()
}

/// The same in so many fragments.
fn fragments(count: usize) -> Vec<u8> {
    let text = ping(count);
    let mut frames = Vec::new();
    for (n, byte) in text.bytes().enumerate() {
        let first = if n == 0 { 0x01 } else { 0x00 };
        let last = if n + 1 == count { 0x80 } else { 0x00 };
        frames.extend([first | last, 0x81, 0, 0, 0, 0, byte]);
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_larger_than_it_may_be_closes_its_connection_and_no_other() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let whole = |length: usize| masked(&ping(length));
    for (within, beyond) in [
        (whole(chat::COMMAND), whole(chat::COMMAND + 1)),
        (fragments(delivery::FRAGMENTS as usize), fragments(delivery::FRAGMENTS as usize + 1)),
    ] {
        let mut other = anna.socket().await;
        let mut socket = Wire::open(&anna).await;
        assert!(socket.text().await.contains("hello"));
        socket.send(&within).await;
        assert_eq!(socket.text().await, r#"{"op":"ok","id":"p"}"#);
        socket.send(&beyond).await;
        let (opcode, code) = socket.frame().await.expect("a close frame");
        assert_eq!((opcode, &code[..]), (CLOSE, &1009u16.to_be_bytes()[..]));
        other.ok(json!({"op": "ping"})).await;
    }
    server.stop().await;
}

/// The answer to a message with these fields.
async fn answer(socket: &mut Socket, fields: Value) -> Value {
    let mut msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "text"});
    for (name, value) in fields.as_object().unwrap() {
        msg[name] = value.clone();
    }
    socket.request(json!({"op": "msg.send", "room": "1", "msg": msg})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_hold_as_much_as_the_bounds_say_and_no_more() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let people = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>();
    let id = |n: usize| FileId((n as u128).to_be_bytes());
    let files = |count: usize| (1..=count).map(|n| json!({"id": id(n)})).collect::<Vec<_>>();
    let (mid, _) = socket.send_text("1", "to react to").await;
    let reaction = |emoji: &str| json!({"kind": "react", "ref": mid, "e": emoji});
    for (within, beyond, code) in [
        (
            json!({"t": "x".repeat(chat::TEXT)}),
            json!({"t": "x".repeat(chat::TEXT + 1)}),
            "too_large",
        ),
        (
            json!({"m": people(chat::MENTIONS)}),
            json!({"m": people(chat::MENTIONS + 1)}),
            "bad_request",
        ),
    ] {
        let good = answer(&mut socket, within).await;
        assert_eq!(good["op"], "ok", "{good}");
        let refused = answer(&mut socket, beyond.clone()).await;
        assert_eq!((&refused["op"], &refused["code"]), (&json!("err"), &json!(code)), "{beyond}");
    }
    // No message has been changed so often; what may be is looked for, what may not is not.
    let changed = answer(&mut socket, json!({"rev": chat::REV})).await;
    assert_eq!(changed["code"], "not_found", "{changed}");
    let changed = answer(&mut socket, json!({"rev": chat::REV + 1})).await;
    assert_eq!(changed["code"], "bad_request", "{changed}");

    // These files do not exist; what may be named is looked for, what may not is not.
    let said = |count: usize| json!({"f": [{"id": id(1), "alt": "ä".repeat(count)}]});
    for (within, beyond, code) in [
        (json!({"f": files(chat::FILES)}), json!({"f": files(chat::FILES + 1)}), "bad_request"),
        (said(chat::ALT), said(chat::ALT + 1), "too_large"),
    ] {
        let looked_for = answer(&mut socket, within).await;
        assert_eq!(looked_for["code"], "file_gone", "{looked_for}");
        let refused = answer(&mut socket, beyond).await;
        assert_eq!(refused["code"], code, "{refused}");
    }

    // No emoji is as long: what is within the bound is read, what is not is not.
    for (bytes, code) in [(chat::EMOJI, "bad_request"), (chat::EMOJI + 1, "too_large")] {
        let refused = answer(&mut socket, reaction(&"x".repeat(bytes))).await;
        assert_eq!(refused["code"], code, "{refused}");
    }
    for n in 0..chat::REACTIONS_PER_AUTHOR {
        let good = answer(&mut socket, reaction(support::emoji(n))).await;
        assert_eq!(good["op"], "ok", "{n}: {good}");
    }
    let refused = answer(&mut socket, reaction(support::emoji(chat::REACTIONS_PER_AUTHOR))).await;
    assert_eq!(refused["code"], "bad_request", "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_takes_so_many_reactions_of_all_together_and_one_more_when_one_is_taken_back() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let (mut of_anna, mut of_ben) = (anna.socket().await, ben.socket().await);
    let (target, _) = of_anna.send_text("1", "to react to").await;
    // One reaction each of many other authors.
    let insert = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, target, body)
                  SELECT 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'react', 1000 + n, 1, 0, 1, 0,
                      1, 0, m.mid, '{\"e\":\"+\"}'
                  FROM generate_series(1, $1::bigint) AS n, chat.messages m
                  WHERE m.room_id = 1 AND m.kind = 'msg'";
    let before = chat::REACTIONS as i64 - 1;
    server.sql().await.execute(insert, &[&before]).await.unwrap();

    let react = |mid: &str| json!({"mid": mid, "kind": "react", "ref": target, "e": "❗"});
    let (last, more) = (new_mid(), new_mid());
    let good = answer(&mut of_anna, react(&last)).await;
    assert_eq!(good["op"], "ok", "{good}");
    let refused = answer(&mut of_ben, react(&more)).await;
    assert_eq!(refused["code"], "bad_request", "{refused}");
    assert_eq!(answer(&mut of_anna, react(&last)).await["seq"], good["seq"], "a repetition");
    let taken_back = json!({"mid": last, "rev": 1, "kind": "del"});
    assert_eq!(answer(&mut of_anna, taken_back).await["op"], "ok");
    let good = answer(&mut of_ben, react(&more)).await;
    assert_eq!(good["op"], "ok", "{good}");
    let refused = answer(&mut of_anna, react(&new_mid())).await;
    assert_eq!(refused["code"], "bad_request", "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_words_are_as_long_as_they_may_be() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let id = "ä".repeat(chat::COMMAND_ID);
    socket.send(json!({"op": "ping", "id": id})).await;
    assert_eq!(socket.find("its answer", |frame| frame["id"] == *id).await["op"], "ok");
    socket.send(json!({"op": "ping", "id": format!("{id}x")})).await;
    assert_eq!(socket.op("err").await["code"], "bad_request");
    let words =
        |count: usize| json!({"op": "presence", "state": "online", "text": "ä".repeat(count)});
    socket.ok(words(chat::STATUS)).await;
    socket.err(words(chat::STATUS + 1), "bad_request").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_connections_and_is_refused_the_next() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let mut sockets = Vec::new();
    for _ in 0..delivery::CONNECTIONS_PER_USER {
        let mut socket = anna.socket().await;
        socket.op("hello").await;
        sockets.push(socket);
    }
    let refused = Socket::open(&anna).await.err().expect("no more of hers");
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    bert.socket().await.ok(json!({"op": "ping"})).await;
    for socket in &mut sockets {
        socket.ok(json!({"op": "ping"})).await;
    }
    server.stop().await;
}

/// All messages of General after `last`, each subscription going on where the last replay was cut.
async fn all_by_replays(mut socket: Wire, mut last: u64, total: u64) -> usize {
    let (mut subscriptions, mut bytes) = (0, 0);
    while last < total {
        subscriptions += 1;
        let since = json!({"op": "room.subscribe", "id": "s", "room": "1", "since": last});
        socket.send(&masked(&since.to_string())).await;
        let is_truncated = loop {
            let (opcode, frame) = socket.frame().await.expect("a frame, not the end");
            assert_eq!(opcode, TEXT);
            match frame.strip_prefix(br#"{"op":"msg","room":"1","seq":"#) {
                Some(rest) => {
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
                    let seq = digits.fold(0, |seq, digit| seq * 10 + u64::from(digit - b'0'));
                    assert_eq!(seq, last + 1, "a gap or a double");
                    (last, bytes) = (seq, bytes + frame.len());
                }
                None => {
                    let frame: Value = serde_json::from_slice(&frame).unwrap();
                    if frame["id"] == "s" {
                        assert_eq!(frame["op"], "ok", "{frame}");
                        break frame["truncated"] == true;
                    }
                }
            }
        };
        assert_eq!(is_truncated, last < total, "after {last}");
        assert!(bytes <= rooms::REPLAY_BYTES * subscriptions, "more than one replay may bring");
    }
    subscriptions
}

/// More messages, and more of their bytes, than one replay brings, for more people than are served
/// at a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_missed_more_than_a_replay_holds_goes_on_where_it_ended_and_so_does_everybody()
 {
    const MESSAGES: u64 = 1_700;
    const LONG: u64 = 600;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let database = server.database.clone();
    let sql = server.sql().await;
    server.stop().await;
    // The long ones are 18 MB.
    let insert = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, body)
                  SELECT 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'msg', 1, n, 0, n, 0, n, 0,
                      jsonb_build_object('t', repeat('x', CASE WHEN n <= 600 THEN 30000 ELSE 30 END))
                  FROM generate_series(1, 1700) AS n";
    sql.execute(insert, &[]).await.unwrap();
    sql.execute("UPDATE chat.rooms SET last_seq = 1700 WHERE id = 1", &[]).await.unwrap();
    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    let mut readers = Vec::new();
    for _ in 0..rooms::REPLAYS + 4 {
        readers.push(tokio::spawn(all_by_replays(Wire::open(&anna).await, LONG, MESSAGES)));
    }
    // Cut by bytes within the long ones, then by number.
    assert_eq!(all_by_replays(Wire::open(&anna).await, 0, MESSAGES).await, 3);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 2, "cut by number");
    }
    let page = async |query: &str| {
        let page = anna.get(&format!("/api/rooms/1/messages?{query}")).await.expect(200);
        page["messages"].as_array().unwrap().len()
    };
    assert_eq!(page(&format!("limit={}", chat::PAGE)).await, chat::PAGE);
    assert_eq!(page(&format!("limit={}", chat::PAGE + 1)).await, chat::PAGE);
    server.stop().await;
}

/// Rooms without a word in them, all of them the user's.
async fn with_rooms(count: i64) -> (TestServer, crate::support::client::Client) {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    let rooms = "INSERT INTO chat.rooms (name, kind, created_at)
                 SELECT 'Room ' || n, 'open', 0 FROM generate_series(1, $1::bigint) AS n";
    sql.execute(rooms, &[&count]).await.unwrap();
    let members = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                   SELECT id, $1, 'member', 0 FROM chat.rooms ON CONFLICT DO NOTHING";
    sql.execute(members, &[&anna.uid.parse::<i64>().unwrap()]).await.unwrap();
    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    (server, anna)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_follows_so_many_rooms_and_is_refused_the_next() {
    let (server, anna) = with_rooms(delivery::SUBSCRIPTIONS as i64).await;
    let made = json!({"name": "Elsewhere", "kind": "open"});
    let foreign =
        server.user("bert").await.post("/api/rooms", made).await.expect(201)["id"].clone();
    let mut socket = anna.socket().await;
    let hello = socket.op("hello").await;
    let rooms: Vec<&str> = hello["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|room| room["id"].as_str().unwrap())
        .collect();
    let (within, beyond) = rooms.split_at(delivery::SUBSCRIPTIONS);
    // A subscription that a room refuses does not count.
    for _ in 0..delivery::SUBSCRIPTIONS {
        socket.err(json!({"op": "room.subscribe", "room": foreign}), "not_member").await;
    }
    for room in within {
        socket.ok(json!({"op": "room.subscribe", "room": room})).await;
    }
    socket.err(json!({"op": "room.subscribe", "room": beyond[0]}), "too_large").await;
    // After an unsubscribe there may be another subscription.
    socket.ok(json!({"op": "room.unsubscribe", "room": within[0]})).await;
    socket.ok(json!({"op": "room.subscribe", "room": beyond[0]})).await;
    let (_, ok) = socket.send_text(within[1], "heard?").await;
    assert_eq!(socket.op("msg").await["seq"], ok["seq"]);
    server.stop().await;
}

/// A client that pipelines its subscriptions gets no more of them than one that waits for each answer.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_more_rooms_by_not_waiting_for_the_answers() {
    let (server, anna) = with_rooms(delivery::SUBSCRIPTIONS as i64 + 100).await;
    let mut socket = anna.socket().await;
    let hello = socket.op("hello").await;
    let rooms = hello["rooms"].as_array().unwrap();
    for (n, room) in rooms.iter().enumerate() {
        let id = n.to_string();
        socket.send(json!({"op": "room.subscribe", "id": id, "room": room["id"]})).await;
    }
    let (mut good, mut refused) = (0, 0);
    while good + refused < rooms.len() {
        match socket.receive().await {
            Received::Frame(frame) if frame["op"] == "ok" => good += 1,
            Received::Frame(frame) if frame["op"] == "err" => {
                assert_eq!(frame["code"], "too_large", "{frame}");
                refused += 1;
            }
            Received::Frame(_) => {}
            other => panic!("{other:?} after {good} and {refused}"),
        }
    }
    assert_eq!(good, delivery::SUBSCRIPTIONS);
    server.stop().await;
}
