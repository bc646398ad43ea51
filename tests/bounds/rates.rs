//! What one user may do over all connections and calls together, whatever each of them may; and frames that
//! are no commands.

use std::time::{Duration, Instant};

use impulse::base::limits::{delivery, rooms, users};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::bench::Bench;
use crate::support::client::{Answer, Client, Socket, new_mid};
use crate::support::crowd::{crowd, guest};
use crate::support::wire::{CLOSE, TEXT, Wire, masked};
use crate::support::{self, TestServer};

/// Some people in General, and a server with the limits of people.
async fn with_limits(people: i64, scale: &str) -> TestServer {
    let server = TestServer::start().await;
    let database = server.database.clone();
    server.stop().await;
    crowd(&database, people, |_| &[1]).await;
    TestServer::start_on(&database, &["--rate-limit-scale", scale]).await
}

const LONG: usize = 32_000;

fn message(text: &str) -> Value {
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": text});
    json!({"op": "msg.send", "room": "1", "msg": msg})
}

/// A refusal by a rate has a `retry_ms`.
fn is_limited(answer: &Value) -> bool {
    assert_eq!(answer["op"], "err", "{answer}");
    assert_eq!(answer["code"], "rate_limited", "{answer}");
    assert!(answer["retry_ms"].as_u64().is_some_and(|ms| ms > 0), "{answer}");
    true
}

/// The sum of what was kept.
async fn kept_bytes(server: &TestServer) -> usize {
    let sum = "SELECT coalesce(sum(length(body ->> 't')), 0)::bigint FROM chat.messages";
    let bytes: i64 = server.sql().await.query_one(sum, &[]).await.unwrap().get(0);
    bytes as usize
}

/// On 40 connections of one user as many large commands as one connection may send; each task counts those that
/// no rate refused.
fn flood_of_forty(
    user: &Client,
    command: fn(&str) -> Value,
    is_accepted: fn(&Value) -> bool,
) -> Vec<JoinHandle<usize>> {
    let connection = |_| {
        let user = user.clone();
        tokio::spawn(async move {
            let mut socket = user.socket().await;
            let text = "x".repeat(LONG);
            let mut accepted = 0;
            for _ in 0..3 {
                for _ in 0..10 {
                    let answer = socket.request(command(&text)).await;
                    accepted += usize::from(is_accepted(&answer) || !is_limited(&answer));
                }
                sleep(Duration::from_millis(1_300)).await;
            }
            accepted
        })
    };
    (0..40).map(connection).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_messages_count_as_the_bytes_they_are_although_every_room_refuses_them() {
    let server = with_limits(1, "1").await;
    let anna = guest(server.address, 1);
    let began = Instant::now();
    let envelope = |text: &str| json!({"op": "msg.send", "room": "1", "env": {"v": 1, "ct": text}});
    let mut accepted = 0;
    for one in flood_of_forty(&anna, envelope, |answer| answer["code"] == "bad_request") {
        accepted += one.await.unwrap();
    }
    let (bytes, seconds) = (accepted * LONG, began.elapsed().as_secs_f64());
    let minute = users::BYTES_A_MINUTE;
    let most = minute.at_once + minute.per_second * seconds + LONG as f64;
    assert!((bytes as f64) < most && bytes > 2_000_000, "{bytes} of {most}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_connections_of_one_user_get_no_more_than_one_user_may_and_another_is_always_answered()
 {
    let server = with_limits(2, "1").await;
    let (anna, bert) = (guest(server.address, 1), guest(server.address, 2));
    let began = Instant::now();
    let flood = flood_of_forty(&anna, message, |answer| answer["op"] == "ok");
    let mut socket = bert.socket().await;
    let mut answered = 0;
    while !flood.iter().all(JoinHandle::is_finished) {
        socket.ok(message("I am still here")).await;
        answered += 1;
        sleep(Duration::from_millis(50)).await;
    }
    let mut accepted = 0;
    for one in flood {
        accepted += one.await.unwrap();
    }
    let (bytes, seconds) = (accepted * LONG, began.elapsed().as_secs_f64());
    let minute = users::BYTES_A_MINUTE;
    let most = minute.at_once + minute.per_second * seconds + LONG as f64;
    assert!((bytes as f64) < most, "{bytes} of {most}");
    assert!(bytes > 2_000_000, "{bytes}: one person's share is let through");
    assert!(answered > 20, "{answered}");
    assert!(kept_bytes(&server).await < most as usize + answered * 20);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_all_connections_of_a_user_count_together() {
    let server = with_limits(2, "1").await;
    let (anna, bert) = (guest(server.address, 1), guest(server.address, 2));
    let began = Instant::now();
    let mut passed = 0;
    for _ in 0..12 {
        let mut socket = anna.socket().await;
        // Fewer than one connection may send at once.
        for _ in 0..100 {
            let answer = socket.request(json!({"op": "ping"})).await;
            passed += usize::from(answer["op"] == "ok" || !is_limited(&answer));
        }
    }
    let rate = users::COMMANDS;
    let most = rate.at_once + rate.per_second * began.elapsed().as_secs_f64() + 1.0;
    assert!((passed as f64) <= most && passed as f64 >= rate.at_once, "{passed} of {most}");
    bert.socket().await.ok(json!({"op": "ping"})).await;
    server.stop().await;
}

/// Each of them is looked up in the store, alone, while everybody else in the room waits.
#[tokio::test(flavor = "multi_thread")]
async fn reactions_of_one_user_over_many_connections_are_bounded_by_what_they_cost() {
    let server = with_limits(2, "1").await;
    let (anna, bert) = (guest(server.address, 1), guest(server.address, 2));
    let mut socket = bert.socket().await;
    let (mid, _) = socket.send_text("1", "to react to").await;
    let began = Instant::now();
    let flood: Vec<_> = (0..20)
        .map(|_| {
            let (anna, mid) = (anna.clone(), mid.clone());
            tokio::spawn(async move {
                let mut socket = anna.socket().await;
                let mut decided = 0;
                for _ in 0..38 {
                    let msg =
                        json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": "❌"});
                    let send = json!({"op": "msg.send", "room": "1", "msg": msg});
                    decided += usize::from(socket.request(send).await["code"] != "rate_limited");
                }
                decided
            })
        })
        .collect();
    while !flood.iter().all(JoinHandle::is_finished) {
        socket.send_text("1", "meanwhile").await;
    }
    let mut decided = 0;
    for one in flood {
        decided += one.await.unwrap();
    }
    let cost = f64::from(delivery::LOOKUP_COST);
    let most = (users::COMMANDS.at_once
        + users::COMMANDS.per_second * began.elapsed().as_secs_f64())
        / cost;
    assert!((decided as f64) <= most + 1.0 && decided > 50, "{decided} of {most}");
    server.stop().await;
}

/// Each of them is small and sends a large message to everybody once more.
#[tokio::test(flavor = "multi_thread")]
async fn reactions_to_a_large_message_count_the_bytes_that_are_sent_again() {
    const SOCKETS: usize = 6;
    let server = with_limits(2, "1").await;
    let (anna, bert) = (guest(server.address, 1), guest(server.address, 2));
    let mut socket = bert.socket().await;
    let (large, _) = socket.send_text("1", &"x".repeat(LONG)).await;
    let (small, _) = socket.send_text("1", "short").await;
    let began = Instant::now();
    let flood: Vec<_> = (0..SOCKETS)
        .map(|n| {
            let (anna, large) = (anna.clone(), large.clone());
            tokio::spawn(async move {
                let (mut socket, mut mine, mut accepted) = (anna.socket().await, None, 0);
                let emoji = support::emoji(n);
                while began.elapsed() < Duration::from_secs(5) {
                    let mid = mine.clone().unwrap_or_else(new_mid);
                    let msg = match &mine {
                        Some(mid) => json!({"mid": mid, "rev": 1, "kind": "del"}),
                        None => {
                            json!({"mid": mid, "rev": 0, "kind": "react", "ref": large, "e": emoji})
                        }
                    };
                    let send = json!({"op": "msg.send", "room": "1", "msg": msg});
                    let answer = socket.request(send).await;
                    if answer["op"] == "ok" {
                        mine = if mine.is_none() { Some(mid) } else { None };
                        accepted += 1;
                    } else {
                        is_limited(&answer);
                        sleep(Duration::from_millis(200)).await;
                    }
                }
                accepted
            })
        })
        .collect();
    while !flood.iter().all(JoinHandle::is_finished) {
        socket.send_text("1", "meanwhile").await;
        sleep(Duration::from_millis(50)).await;
    }
    let mut accepted = 0;
    for one in flood {
        accepted += one.await.unwrap();
    }
    let minute = users::BYTES_A_MINUTE;
    let most = minute.at_once + minute.per_second * began.elapsed().as_secs_f64();
    let bytes = accepted * LONG;
    assert!((bytes as f64) <= most && bytes > 2_000_000, "{bytes} of {most}");
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": small, "e": "❌"});
    socket.ok(json!({"op": "msg.send", "room": "1", "msg": msg})).await;
    server.stop().await;
}

/// Each of ten people within his own limit.
#[tokio::test(flavor = "multi_thread")]
async fn what_many_people_send_into_one_room_is_bounded_and_other_rooms_go_on() {
    let server = with_limits(11, "1").await;
    let other = guest(server.address, 11);
    let room = other.post("/api/rooms", json!({"name": "Elsewhere", "kind": "open"})).await;
    let room = room.expect(201)["id"].as_str().unwrap().to_owned();
    let began = Instant::now();
    let writers: Vec<_> = (1..=10)
        .map(|n| {
            let client = guest(server.address, n);
            tokio::spawn(async move {
                let text = "x".repeat(LONG);
                let mut refused = String::new();
                'all: for _ in 0..20 {
                    let mut socket = client.socket().await;
                    for _ in 0..20 {
                        let answer = socket.request(message(&text)).await;
                        if answer["op"] == "ok" {
                            continue;
                        }
                        is_limited(&answer);
                        refused = answer["message"].as_str().unwrap().to_owned();
                        if !refused.contains("slow down") {
                            break 'all;
                        }
                        sleep(Duration::from_millis(answer["retry_ms"].as_u64().unwrap())).await;
                    }
                }
                refused
            })
        })
        .collect();
    let mut reasons = Vec::new();
    for writer in writers {
        reasons.push(writer.await.unwrap());
    }
    assert!(reasons.iter().any(|reason| reason.contains("this room")), "{reasons:?}");
    let minute = users::ROOM_BYTES_A_MINUTE;
    let most = minute.at_once + minute.per_second * began.elapsed().as_secs_f64();
    let kept = kept_bytes(&server).await as f64;
    assert!((minute.at_once * 0.8..most).contains(&kept), "{kept} of {most}");
    other.socket().await.send_text(&room, &"x".repeat(LONG)).await;
    server.stop().await;
}

/// Opens a socket and reads its `hello`.
async fn open_socket(client: &Client) -> Wire {
    let mut socket = Wire::open(client).await;
    assert!(socket.text().await.contains("hello"));
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_commands_are_slowed_down_and_then_closed_and_harm_nobody() {
    let server = with_limits(4, "1").await;
    let (fin, first, empty) = ([0x80, 0x80, 0, 0, 0, 0], [0x01, 0x80, 0, 0, 0, 0], [0; 0]);
    let kinds: [(&str, Vec<u8>); 3] = [
        ("pings", [&[0x89, 0x80, 0, 0, 0, 0][..], &empty].concat()),
        ("pongs", vec![0x8a, 0x80, 0, 0, 0, 0]),
        ("fragments", [first, fin].concat()),
    ];
    let floods: Vec<_> = kinds
        .into_iter()
        .enumerate()
        .map(|(n, (what, frame))| {
            let client = guest(server.address, n + 1);
            tokio::spawn(async move {
                let (mut socket, began) = (open_socket(&client).await, Instant::now());
                socket.send(&frame.repeat(60_000 / frame.len())).await;
                let (mut answers, mut bye) = (0, String::new());
                while let Some((opcode, payload)) = socket.frame().await {
                    let text = String::from_utf8_lossy(&payload).into_owned();
                    match opcode {
                        CLOSE => {
                            assert_eq!(&payload[..], 1008u16.to_be_bytes(), "{what}");
                            break;
                        }
                        TEXT if text.contains("bye") => bye = text,
                        _ => answers += 1,
                    }
                }
                assert!(bye.contains(r#""limit""#), "{what}: {bye}");
                // Ten thousand were sent.
                assert!(answers < 600, "{what}: {answers} answers");
                (what, began.elapsed())
            })
        })
        .collect();
    let mut socket = guest(server.address, 4).socket().await;
    let mut longest = Duration::ZERO;
    while !floods.iter().all(JoinHandle::is_finished) {
        let asked = Instant::now();
        socket.ok(json!({"op": "ping"})).await;
        longest = longest.max(asked.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    for flood in floods {
        let (what, time) = flood.await.unwrap();
        if what != "fragments" {
            let least = Duration::from_secs(u64::from(delivery::PAUSES) - 2);
            assert!(time > least, "{what} were not slowed down: {time:?}");
        }
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    // A client that pings now and then, however many at once, is no flood.
    let mut calm = open_socket(&guest(server.address, 1)).await;
    calm.send(&[0x89, 0x80, 0, 0, 0, 0].repeat(150)).await;
    calm.send(&masked(r#"{"op":"ping","id":"p"}"#)).await;
    let mut pongs = 0;
    while !calm.frame().await.expect("an answer").1.ends_with(br#""id":"p"}"#) {
        pongs += 1;
    }
    assert_eq!(pongs, 150);
    server.stop().await;
}

/// Without limits, as in a load test: more frames than one turn takes are worked off all the same.
#[tokio::test(flavor = "multi_thread")]
async fn more_frames_than_the_turn_of_one_connection_takes_wait_for_the_next_and_none_is_lost() {
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.connect().await;
    let began = Instant::now();
    let frames = delivery::FRAMES * 9 + 5;
    peer.send(
        &[&[0x8a, 0x80, 0, 0, 0, 0].repeat(frames)[..], &masked(r#"{"op":"ping"}"#)].concat(),
    )
    .await;
    assert_eq!(peer.text().await, r#"{"op":"ok"}"#);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_written_in_more_bytes_than_it_needs_ends_the_connection() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let text = br#"{"op":"ping"}"#;
    for head in [
        vec![0x81, 0xfe, 0, text.len() as u8],
        [&[0x81, 0xff][..], &(text.len() as u64).to_be_bytes()].concat(),
    ] {
        let mut socket = open_socket(&anna).await;
        socket.send(&[&head[..], &[0; 4], text].concat()).await;
        let (opcode, code) = socket.frame().await.expect("a close frame");
        assert_eq!((opcode, &code[..]), (CLOSE, &1002u16.to_be_bytes()[..]), "{head:x?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_as_long_as_retry_ms_says_can_follow_a_thousand_rooms() {
    let server = with_limits(1, "4").await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    let rooms = "INSERT INTO chat.rooms (name, kind, created_at)
                 SELECT 'Room ' || n, 'open', 0 FROM generate_series(1, 990) AS n";
    sql.execute(rooms, &[]).await.unwrap();
    let members = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                   SELECT r.id, u.id, 'member', 0 FROM chat.rooms AS r, accounts.users AS u
                   ON CONFLICT DO NOTHING";
    sql.execute(members, &[]).await.unwrap();
    let server = TestServer::start_on(&database, &["--rate-limit-scale", "4"]).await;
    let mut socket = guest(server.address, 1).socket().await;
    let hello = socket.op("hello").await;
    let rooms = hello["rooms"].as_array().unwrap();
    assert!(rooms.len() > 990);
    let mut refused = 0;
    for room in rooms {
        loop {
            let answer = socket.request(json!({"op": "room.subscribe", "room": room["id"]})).await;
            if answer["op"] == "ok" {
                break;
            }
            is_limited(&answer);
            refused += 1;
            sleep(Duration::from_millis(answer["retry_ms"].as_u64().unwrap())).await;
        }
    }
    assert!(refused > 0, "the rate was reached");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_much_costs_more_than_one_of_nothing() {
    let server = with_limits(2, "1").await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    let insert = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, body)
                  SELECT 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'msg', 1, n, 0, n, 0, n, 0,
                      jsonb_build_object('t', 'x')
                  FROM generate_series(1, 1000) AS n";
    sql.execute(insert, &[]).await.unwrap();
    sql.execute("UPDATE chat.rooms SET last_seq = 1000 WHERE id = 1", &[]).await.unwrap();
    let server = TestServer::start_on(&database, &["--rate-limit-scale", "1"]).await;
    let replays = async |client: Client, since: u64| {
        let mut socket = client.socket().await;
        for n in 0..100 {
            let subscribe = json!({"op": "room.subscribe", "room": "1", "since": since});
            let answer = socket.request(subscribe).await;
            if answer["op"] == "err" {
                is_limited(&answer);
                return n;
            }
        }
        100
    };
    let whole = replays(guest(server.address, 1), 0).await;
    assert!((10..60).contains(&whole), "{whole}");
    assert_eq!(replays(guest(server.address, 2), 1_000).await, 100);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_presence_and_profile_are_bounded_and_what_changes_nothing_is_free() {
    let server = with_limits(2, "1").await;
    let (anna, bert) = (guest(server.address, 1), guest(server.address, 2));
    let mut socket = anna.socket().await;
    let mut say =
        async |state: &str| socket.request(json!({"op": "presence", "state": state})).await;
    for _ in 0..80 {
        assert_eq!(say("online").await["op"], "ok", "as it was");
    }
    sleep(Duration::from_secs(2)).await;
    let mut changes = 0;
    loop {
        let answer = say(if changes % 2 == 0 { "away" } else { "online" }).await;
        if answer["op"] == "err" {
            is_limited(&answer);
            break;
        }
        changes += 1;
    }
    let most = users::PROFILE_CHANGES.at_once as usize;
    assert!((most..most + 10).contains(&changes), "{changes}");
    let refused = anna.patch("/api/me", json!({"bio": "Again"})).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    bert.patch("/api/me", json!({"bio": "Mine"})).await.expect(200);
    server.stop().await;
}

/// Somebody types without end: the others see it once a second.
#[tokio::test(flavor = "multi_thread")]
async fn typing_is_published_once_a_second_and_of_a_few_people() {
    let server = with_limits(8, "1").await;
    let mut reader = guest(server.address, 8).socket().await;
    reader.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let mut sockets = Vec::new();
    for n in 1..=7 {
        sockets.push(guest(server.address, n).socket().await);
    }
    let began = Instant::now();
    for _ in 0..10 {
        for socket in &mut sockets {
            socket.ok(json!({"op": "typing", "room": "1"})).await;
        }
    }
    let seconds = began.elapsed().as_secs() as usize + 2;
    reader.ok(json!({"op": "ping"})).await;
    sockets[0].send_text("1", "the last").await;
    reader.op("msg").await;
    let notices = reader.aside.iter().filter(|frame| frame["op"] == "typing").count();
    assert!((1..=seconds * rooms::TYPING).contains(&notices), "{notices} within {seconds} s");
    assert!(notices < 70, "{notices}");
    server.stop().await;
}

async fn make(client: &Client, room: Value) -> Answer {
    client.post("/api/rooms", room).await
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_people_may_be_put_into_rooms_within_an_hour_and_nobody_is_kept_from_joining() {
    let server = with_limits(110, "1").await;
    let (anna, bert) = (guest(server.address, 1), guest(server.address, 2));
    let everybody = bert.get("/api/users?limit=200").await.expect(200);
    let uids: Vec<_> =
        everybody["users"].as_array().unwrap().iter().map(|u| u["uid"].clone()).collect();
    let own = anna.get("/api/me").await.expect(200)["uid"].clone();
    let others: Vec<_> = uids.iter().filter(|uid| **uid != own).cloned().collect();
    let direct = json!({"kind": "dm", "members": [others[0]]});
    make(&anna, direct.clone()).await.expect(201);
    for _ in 0..5 {
        make(&anna, direct.clone()).await.expect(200);
    }
    // One direct room, and two rooms of a hundred: what is there already counts nothing.
    let room = |name: &str, people: usize| json!({"name": name, "kind": "closed", "members": others[..people]});
    for name in ["one", "two"] {
        make(&anna, room(name, 100)).await.expect(201);
    }
    make(&anna, room("two", 90)).await.refused(409, "conflict");
    make(&anna, room("three", users::MEMBERS_ADDED.at_once as usize - 202)).await.expect(201);
    let open = json!({"name": "open", "kind": "open"});
    let open = make(&anna, open).await.expect(201)["id"].clone();
    let path = format!("/api/rooms/{}/members", open.as_str().unwrap());
    anna.post(&path, json!({"uid": others[1]})).await.expect(201);
    // One place comes back every twelve seconds.
    let mut answers = Vec::new();
    for uid in &others[2..8] {
        let answer = anna.post(&path, json!({"uid": uid})).await;
        answers.push((answer.status, answer.header("retry-after").is_some()));
        let answer = make(&anna, json!({"kind": "dm", "members": [uid]})).await;
        answers.push((answer.status, answer.header("retry-after").is_some()));
    }
    let refused = answers.iter().filter(|answer| **answer == (429, true)).count();
    assert!(refused >= 9, "{answers:?}");
    make(&anna, json!({"kind": "dm", "members": others[..9]})).await.refused(429, "rate_limited");
    make(&anna, room("four", 50)).await.refused(429, "rate_limited");
    // A change of role adds nobody, and joining by oneself is not counted.
    anna.post(&path, json!({"uid": others[1], "role": "admin"})).await.expect(201);
    bert.post(&path, json!({"uid": bert.get("/api/me").await.expect(200)["uid"]}))
        .await
        .expect(201);
    make(&bert, room("of bert", 10)).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_user_are_bounded_whatever_they_are_and_ending_a_session_is_not() {
    let server = with_limits(2, "1").await;
    let (anna, bert) = (guest(server.address, 1), guest(server.address, 2));
    let until_refused = async |method: &str, path: &str, body: Option<Value>| {
        for n in 0..3_000 {
            let answer = anna.request(method, path, body.clone()).await;
            if answer.status == 429 {
                assert!(answer.header("retry-after").is_some());
                answer.refused(429, "rate_limited");
                return n;
            }
            assert_eq!(answer.status, 200, "{method} {path}");
        }
        panic!("{method} {path} is never refused");
    };
    let like = Some(json!({"favourite": true}));
    let changes = until_refused("PATCH", "/api/rooms/1/me", like.clone()).await;
    assert!(changes as f64 >= users::CHANGES.at_once, "{changes}");
    let reads = until_refused("GET", "/api/rooms", None).await;
    assert!(reads as f64 >= users::READS.at_once / 2.0, "{reads}");
    bert.request("PATCH", "/api/rooms/1/me", like).await.expect(200);
    bert.get("/api/rooms").await.expect(200);
    anna.request("POST", "/api/auth/logout", None).await.expect(204);
    server.stop().await;
}

/// A room of some nine thousand, owned by its first member.
async fn large_room(scale: f64) -> (TestServer, Client) {
    let server = with_limits(1, "1").await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    let members = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                   SELECT 1, n, 'member', 0 FROM generate_series(1000, 10000) AS n";
    sql.execute(members, &[]).await.unwrap();
    sql.execute("UPDATE chat.members SET role = 'owner' WHERE user_id < 1000", &[]).await.unwrap();
    let scale = scale.to_string();
    let server = TestServer::start_on(&database, &["--rate-limit-scale", &scale]).await;
    let anna = guest(server.address, 1);
    (server, anna)
}

/// Every name is compared. At a tenth of the rate, because a slow machine takes longer for a search than its cost takes
/// to come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_among_many_members_costs_more() {
    const SCALE: f64 = 0.1;
    let (server, anna) = large_room(SCALE).await;
    let most = (users::READS.at_once * users::SEARCHED_PER_COST / 9_000.0) as usize;
    let search = "/api/rooms/1/members?begins=zzz&limit=1";
    for n in 0..=most {
        let answer = anna.get(search).await;
        if answer.status == 429 {
            answer.refused(429, "rate_limited");
            assert!(n > most / 2, "{n}");
            // What a search leaves may be less than one request: the time of five, and of half a search.
            tokio::time::sleep(Duration::from_secs_f64(5.0 / users::READS.per_second / SCALE))
                .await;
            anna.get("/api/me").await.expect(200);
            return server.stop().await;
        }
        answer.expect(200);
    }
    panic!("never refused");
}

/// Renaming a large room tells each of its members.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_sent_to_many_costs_more() {
    let (server, anna) = large_room(1.0).await;
    anna.patch("/api/rooms/1", json!({"topic": "One"})).await.expect(200);
    anna.patch("/api/rooms/1", json!({"topic": "Two"})).await.refused(429, "rate_limited");
    server.stop().await;
}

/// Whatever room somebody was put into, and whatever was done to it since.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_put_into_a_room_can_leave_it() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bert, carl) =
        (server.user("anna").await, server.user("bert").await, server.user("carl").await);
    let leave = async |room: &Value| {
        let path = format!("/api/rooms/{}/members/{}", room.as_str().unwrap(), bert.uid);
        bert.delete(&path).await
    };
    let made = async |room: Value| make(&anna, room).await.expect(201)["id"].clone();
    let with = json!([bert.uid, carl.uid]);
    let path = |room: &Value| format!("/api/rooms/{}", room.as_str().unwrap());
    let closed = made(json!({"name": "closed", "kind": "closed", "members": with})).await;
    let open = made(json!({"name": "open", "kind": "open", "members": with})).await;
    let group = made(json!({"kind": "dm", "members": with})).await;
    let archived = made(json!({"name": "archived", "kind": "closed", "members": with})).await;
    anna.patch(&path(&archived), json!({"archived": true})).await.expect(200);
    let quiet = made(json!({"name": "quiet", "kind": "closed", "members": with})).await;
    anna.patch(&path(&quiet), json!({"read_only": true})).await.expect(200);
    let until = json!({"silenced_until": 4_000_000_000_000u64});
    anna.patch(&format!("{}/members/{}", path(&quiet), bert.uid), until).await.expect(200);
    let of_all = json!({"name": "of all", "kind": "closed", "default": true, "members": with});
    let of_all = make(&boss, of_all).await.expect(201)["id"].clone();
    for room in [closed, open, group, archived, quiet, of_all, json!("1")] {
        leave(&room).await.expect(204);
        let rooms = bert.get("/api/rooms").await.expect(200);
        let mine = rooms["rooms"].as_array().unwrap().iter();
        assert!(!mine.clone().any(|one| one["id"] == room && one["role"].is_string()), "{room}");
    }
    // Who was made an owner against his will passes it on, or removes the room if he is alone.
    let left_behind = made(json!({"name": "left behind", "kind": "closed", "members": with})).await;
    let member = |uid: &str| format!("{}/members/{uid}", path(&left_behind));
    anna.patch(&member(&bert.uid), json!({"role": "owner"})).await.expect(200);
    anna.delete(&member(&anna.uid)).await.expect(204);
    leave(&left_behind).await.refused(409, "conflict");
    bert.patch(&member(&carl.uid), json!({"role": "owner"})).await.expect(200);
    leave(&left_behind).await.expect(204);
    carl.delete(&path(&left_behind)).await.expect(204);
    server.stop().await;
}

/// Somebody who only opens as many sockets as allowed is not refused as a flood.
#[tokio::test(flavor = "multi_thread")]
async fn as_many_upgrades_as_connections_may_be_are_no_flood() {
    let server = with_limits(1, "1").await;
    let anna = guest(server.address, 1);
    let mut sockets = Vec::new();
    for _ in 0..delivery::CONNECTIONS_PER_USER {
        sockets.push(anna.socket().await);
    }
    drop(sockets);
    sleep(Duration::from_millis(300)).await;
    let mut refused = false;
    for _ in 0..10_000 {
        let Err(answer) = Socket::open(&anna).await else { continue };
        assert!(answer.header("retry-after").is_some());
        refused =
            answer.json()["error"]["message"].as_str().unwrap().contains("asking for too much");
        answer.refused(429, "rate_limited");
        if refused {
            break;
        }
        sleep(Duration::from_millis(20)).await; // those before it have not ended yet
    }
    assert!(refused, "upgrades have no end");
    server.stop().await;
}
