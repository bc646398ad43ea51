//! What one user can make the server hold: each share of the budget of memory is filled to its bound, the
//! bound holds, everybody else is served, and what was held is given back.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use impulse::base::ids::RoomId;
use impulse::base::limits::{chat, http, memory as limits, rooms};
use impulse::base::memory::MemoryBudget;
use impulse::base::process_usage;
use impulse::delivery::Settings;
use impulse::rooms::Bounds;
use impulse::rooms::delivery::Delivery;
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use support::TestServer;
use support::bench::{Bench, text};
use support::client::{Client, PATIENCE};
use support::crowd::{crowd, guest};
use support::wire::{Wire, masked};

/// The memory of the process is measured, and the servers of all these tests are in it.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Messages of so many characters in General, written by nobody in particular.
async fn long_messages(sql: &tokio_postgres::Client, count: i64, length: i32) {
    let insert = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, body)
                  SELECT 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'msg', 1, n, 0, n, 0, n, 0,
                      jsonb_build_object('t', repeat('x', $2::int))
                  FROM generate_series(1, $1::bigint) AS n";
    sql.execute(insert, &[&count, &length]).await.unwrap();
    sql.execute("UPDATE chat.rooms SET last_seq = $1 WHERE id = 1", &[&count]).await.unwrap();
}

/// A server with the smallest budget there is, a General of so many long messages, and a crowd in it.
async fn small_server(messages: i64, people: i64) -> TestServer {
    let server = TestServer::start().await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    long_messages(&sql, messages, 30_000).await;
    crowd(&database, people, |_| &[1]).await;
    let budget = limits::BUDGET_MIN.to_string();
    TestServer::start_on(&database, &["--memory-budget", &budget]).await
}

/// Of one kind: what is held, and what may be.
async fn held(client: &Client, kind: &str) -> (usize, usize) {
    let answer = client.get("/metrics").await;
    let text = String::from_utf8(answer.body).unwrap();
    let sample = |name: &str| {
        let series = format!("{name}{{kind=\"{kind}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series}")).parse().unwrap()
    };
    (sample("impulse_buffer_bytes"), sample("impulse_buffer_bytes_max"))
}

/// Until nothing of this kind is held any more.
async fn given_back(client: &Client, kind: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while held(client, kind).await.0 > 0 {
        assert!(tokio::time::Instant::now() < deadline, "{kind} are kept for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A connection that takes as little as TCP allows.
async fn reluctant(client: &Client) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    SockRef::from(&socket).set_recv_buffer_size(4 * 1_024).unwrap();
    socket.connect(client.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_where_its_bytes_do_and_the_next_one_goes_on_there() {
    let _alone = ALONE.lock().await;
    const MESSAGES: i64 = 60;
    let server = small_server(MESSAGES, 1).await;
    let anna = guest(server.address, 1);
    for (direction, forwards) in [("before", false), ("after", true)] {
        let (mut seen, mut at, mut pages) =
            (Vec::new(), if forwards { 0 } else { MESSAGES + 1 }, 0);
        loop {
            let path = format!("/api/rooms/1/messages?{direction}={at}&limit={}", chat::PAGE);
            let answer = anna.get(&path).await;
            assert!(answer.body.len() < chat::PAGE_BYTES + 40_000, "{}", answer.body.len());
            let page = answer.expect(200);
            let seqs: Vec<i64> = page["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m["seq"].as_i64().unwrap())
                .collect();
            assert!(!seqs.is_empty() && seqs.is_sorted(), "{seqs:?}");
            at = if forwards { *seqs.last().unwrap() } else { seqs[0] };
            seen.extend(seqs);
            pages += 1;
            if page["more"] == Value::Bool(false) {
                break;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=MESSAGES).collect::<Vec<_>>());
        assert!(pages > 2, "{pages} pages");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_requests_pages_and_reads_none_is_refused_the_next_and_others_get_theirs() {
    let _alone = ALONE.lock().await;
    const CONNECTIONS: usize = 40;
    let server = small_server(40, 2).await;
    let (greedy, other) = (guest(server.address, 1), guest(server.address, 2));
    let page = format!("GET /api/rooms/1/messages HTTP/1.1\r\n{}\r\n", greedy.fields());
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = reluctant(&greedy).await;
        stream.write_all(page.repeat(20).as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let mut most_held = 0;
    let refused = async {
        loop {
            let (now, most) = held(&other, "answers").await;
            most_held = most_held.max(now);
            assert!(now <= most, "{now} of {most}");
            let answer = greedy.get("/api/rooms/1/messages").await;
            if answer.status != 200 {
                assert!(answer.header("retry-after").is_some());
                return answer.refused(429, "rate_limited");
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("no end of pages for one user");
    let one = (limits::BUDGET_MIN / limits::PARTS * limits::ANSWERS) / limits::USERS;
    assert!(most_held <= one + 2 * chat::PAGE_BYTES, "{most_held}");
    for _ in 0..10 {
        other.get("/api/rooms/1/messages").await.expect(200);
    }
    drop(streams);
    given_back(&other, "answers").await;
    greedy.get("/api/rooms/1/messages").await.expect(200);
    server.stop().await;
}

/// Sixty connections ask for all of a large room and read nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn replays_that_nobody_reads_hold_no_more_than_one_user_may_and_others_get_theirs() {
    let _alone = ALONE.lock().await;
    const CONNECTIONS: usize = 60;
    const MESSAGES: u64 = 500; // 15 MB
    let server = small_server(MESSAGES as i64, 2).await;
    let (greedy, other) = (guest(server.address, 1), guest(server.address, 2));
    let before = process_usage::of(std::process::id()).unwrap().rss;
    let subscribe = json!({"op": "room.subscribe", "id": "s", "room": "1", "since": 0});
    let mut sockets = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut socket = Wire::open(&greedy).await;
        for _ in 0..3 {
            socket.send(&masked(&subscribe.to_string())).await;
        }
        sockets.push(socket);
    }
    let most_of_one = (limits::BUDGET_MIN / limits::PARTS * limits::REPLAYS) / limits::USERS;
    let replayed = async |mut socket: Wire| {
        socket.send(&masked(&subscribe.to_string())).await;
        let mut last = 0;
        loop {
            let frame: Value = serde_json::from_str(&socket.text().await).unwrap();
            match frame["op"].as_str().unwrap() {
                "msg" => {
                    assert_eq!(frame["seq"], last + 1);
                    last += 1;
                }
                "ok" => {
                    let expected = (&json!("s"), &json!(MESSAGES), None);
                    let answer = (&frame["id"], &frame["seq"], frame.get("truncated"));
                    break assert_eq!(answer, expected);
                }
                "hello" => {}
                _ => panic!("{frame}"),
            }
        }
        assert_eq!(last, MESSAGES);
        socket
    };
    for _ in 0..3 {
        replayed(Wire::open(&other).await).await;
        let (now, most) = held(&other, "replays").await;
        assert!(now <= most && now <= most_of_one + most_of_one / 2, "{now} of {most}");
    }
    let grown = process_usage::of(std::process::id()).unwrap().rss.saturating_sub(before);
    assert!(grown < limits::BUDGET_MIN as u64, "{grown} bytes more");
    // A client that reads late gets all of it, or an `err` that says when to try again.
    let mut late = sockets.pop().unwrap();
    let mut last = 0;
    while let Some((_, frame)) = late.frame().await {
        let Ok(frame) = serde_json::from_slice::<Value>(&frame) else { break };
        match frame["op"].as_str().unwrap() {
            "msg" => {
                // A second subscription starts over.
                let seq = frame["seq"].as_u64().unwrap();
                assert!(seq == last + 1 || seq == 1, "{seq} after {last}");
                last = seq;
            }
            "ok" if last == MESSAGES => break,
            "err" => assert!(frame["retry_ms"].as_u64().is_some(), "{frame}"),
            _ => {}
        }
    }
    drop((sockets, late));
    given_back(&other, "replays").await;
    replayed(Wire::open(&greedy).await).await;
    server.stop().await;
}

/// So many open rooms with a topic as long as it may be, all of them the user's.
async fn many_rooms(sql: &tokio_postgres::Client, uid: i64, count: i64, role: &str) {
    let rooms = "INSERT INTO chat.rooms (name, topic, kind, created_at)
                 SELECT 'Room ' || n, repeat('x', $2::int), 'open', 0
                 FROM generate_series(1, $1::bigint) AS n";
    sql.execute(rooms, &[&count, &(chat::ROOM_TOPIC as i32)]).await.unwrap();
    let members = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                   SELECT id, $1, $2, 0 FROM chat.rooms ON CONFLICT DO NOTHING";
    sql.execute(members, &[&uid, &role]).await.unwrap();
}

fn ids(rooms: &Value) -> impl Iterator<Item = u64> + '_ {
    rooms.as_array().unwrap().iter().map(|room| room["id"].as_str().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_rooms_are_named_in_parts_and_as_the_reader_takes_them() {
    let _alone = ALONE.lock().await;
    const ROOMS: i64 = 3_000;
    const SOCKETS: usize = 60;
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    many_rooms(&sql, anna.uid.parse().unwrap(), ROOMS, "member").await;
    let budget = limits::BUDGET_MIN.to_string();
    let server = TestServer::start_on(&database, &["--memory-budget", &budget]).await;
    let (anna, bert) = (anna.at(server.address), bert.at(server.address));

    let mut socket = Wire::open(&anna).await;
    // It can be spoken on before all are named.
    socket.send(&masked(r#"{"op":"room.subscribe","id":"s","room":"1","since":0}"#)).await;
    let (mut named, mut more, mut parts) = (Vec::new(), true, 0);
    while more {
        let text = socket.text().await;
        let frame: Value = serde_json::from_str(&text).unwrap();
        let most = match frame["op"].as_str().unwrap() {
            "hello" => chat::HELLO_BYTES,
            "rooms" => chat::ROOMS_BYTES,
            "ok" | "presence" => continue,
            _ => panic!("{frame}"),
        };
        assert_eq!(frame["op"] == "hello", parts == 0);
        assert!(text.len() < most + 1_000, "{} bytes", text.len());
        named.extend(ids(&frame["rooms"]));
        more = frame["more"].as_bool().unwrap();
        parts += 1;
    }
    assert!(parts > 10, "{parts} parts");
    assert!(named.is_sorted() && named.len() as i64 == ROOMS + 3, "{} rooms", named.len());

    // The same over HTTP, in pages.
    let (mut listed, mut path) = (Vec::new(), "/api/rooms".to_owned());
    loop {
        let page = anna.get(&path).await.expect(200);
        listed.extend(ids(&page["rooms"]));
        if page["more"] != true {
            break;
        }
        path = format!("/api/rooms?after={}", listed.last().unwrap());
    }
    assert_eq!(listed, named);
    anna.get("/api/rooms?after=x").await.refused(400, "bad_request");

    let before = process_usage::of(std::process::id()).unwrap().rss;
    let mut unread = Vec::new();
    for _ in 0..SOCKETS {
        let mut stream = reluctant(&anna).await;
        stream
            .write_all(
                support::wire::upgrade(&anna.fields(), "/ws", support::wire::CHAT).as_bytes(),
            )
            .await
            .unwrap();
        unread.push(stream);
    }
    for _ in 0..10 {
        for kind in ["hellos", "send_queues"] {
            let (now, most) = held(&bert, kind).await;
            assert!(now <= most, "{kind}: {now} of {most}");
        }
        bert.socket().await.ok(json!({"op": "ping"})).await;
    }
    let grown = process_usage::of(std::process::id()).unwrap().rss.saturating_sub(before);
    assert!(grown < limits::BUDGET_MIN as u64, "{grown} bytes more");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_as_many_rooms_as_allowed_is_refused_the_next_and_an_admin_is_not() {
    let _alone = ALONE.lock().await;
    let server = TestServer::start().await;
    let (boss, anna, bert) =
        (server.admin().await, server.user("anna").await, server.user("bert").await);
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    let uid = |client: &Client| client.uid.parse::<i64>().unwrap();
    many_rooms(&sql, uid(&anna), rooms::OWNED as i64 - 1, "owner").await;
    // The ready-made ones are hers as well now: she gives them back.
    sql.execute("DELETE FROM chat.members WHERE room_id <= 3", &[]).await.unwrap();
    let joined = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                  SELECT id, $1, 'member', 0 FROM chat.rooms WHERE id > 3 ON CONFLICT DO NOTHING";
    let more = "INSERT INTO chat.rooms (name, kind, created_at)
                SELECT 'More ' || n, 'open', 0 FROM generate_series(1, $1::bigint) AS n";
    sql.execute(more, &[&((rooms::JOINED - rooms::OWNED) as i64)]).await.unwrap();
    sql.execute(joined, &[&uid(&bert)]).await.unwrap();
    let server = TestServer::start_on(&database, &["--rate-limit-scale", "1"]).await;
    let [boss, anna, bert] = [boss, anna, bert].map(|client| client.at(server.address));
    let room = |name: &str| json!({"name": name, "kind": "open"});

    let last = anna.post("/api/rooms", room("The last")).await.expect(201)["id"].clone();
    let last = last.as_str().unwrap();
    anna.post("/api/rooms", room("One more")).await.refused(409, "conflict");
    // One removed makes space for one.
    assert_eq!(anna.delete(&format!("/api/rooms/{last}")).await.status, 204);
    anna.post("/api/rooms", room("One more")).await.expect(201);

    let myself = json!({"uid": bert.uid});
    bert.post("/api/rooms/1/members", myself.clone()).await.expect(201);
    bert.post("/api/rooms/2/members", myself).await.refused(409, "conflict");
    bert.post("/api/rooms", room("Mine")).await.refused(409, "conflict");
    let direct = json!({"kind": "dm", "members": [anna.uid]});
    bert.post("/api/rooms", direct).await.refused(409, "conflict");
    // But others may still open direct rooms with such a user.
    anna.post("/api/rooms", json!({"kind": "dm", "members": [bert.uid]})).await.expect(201);
    sql.execute("UPDATE chat.members SET role = 'owner' WHERE user_id = $1", &[&uid(&boss)])
        .await
        .unwrap();
    boss.post("/api/rooms", room("By an admin")).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_rooms_are_made_in_an_hour_and_opening_one_again_counts_for_nothing() {
    let _alone = ALONE.lock().await;
    let server = TestServer::start().await;
    let (boss, anna) = (server.admin().await, server.user("anna").await);
    let bert = server.user("bert").await;
    let database = server.database.clone();
    server.stop().await;
    let people = rooms::DIRECT_PER_HOUR as usize + 1;
    crowd(&database, people as i64, |_| &[1]).await;
    let server = TestServer::start_on(&database, &["--rate-limit-scale", "1"]).await;
    let (boss, anna) = (boss.at(server.address), anna.at(server.address));
    let bert = bert.at(server.address);
    let made = async |by: &Client, n: u32| {
        by.post("/api/rooms", json!({"name": format!("Room {n}"), "kind": "open"})).await
    };
    for n in 0..rooms::MADE_PER_HOUR {
        made(&anna, n).await.expect(201);
    }
    let refused = made(&anna, rooms::MADE_PER_HOUR).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    made(&boss, rooms::MADE_PER_HOUR).await.expect(201);

    // Somebody else, who may still change as much as one may in a minute.
    let first = bert.uid.parse::<usize>().unwrap() + 1;
    let direct = async |n: usize| {
        bert.post("/api/rooms", json!({"kind": "dm", "members": [(first + n).to_string()]})).await
    };
    for n in 0..people - 1 {
        direct(n).await.expect(201);
        if n == 0 {
            direct(n).await.expect(200);
            // All these are one change more than may be made at once, whatever they change.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    direct(people - 1).await.refused(429, "rate_limited");
    server.stop().await;
}

/// A shard with the smallest budget there is.
async fn small_shard() -> Bench {
    let bounds = Bounds { memory: MemoryBudget::new(limits::BUDGET_MIN), ..Bounds::default() };
    let mut bench =
        Bench::start_within(bounds, Settings { rate_limit_scale: 0.0, ..Settings::default() })
            .await;
    bench.send_buffer = Some(16 * 1024);
    bench
}

/// Of one kind: bytes held, bytes that may be held, readers cut.
fn usage_of(bench: &Bench, kind: &str) -> (usize, usize, u64) {
    let usage = bench.memory.usage().find(|usage| usage.kind == kind).unwrap();
    (usage.used, usage.most, usage.refused)
}

/// Each of them holds less than one may, and all together more than all may.
#[tokio::test(flavor = "multi_thread")]
async fn when_the_logs_of_rooms_use_up_their_share_those_who_hold_most_are_cut_and_who_reads_is_not()
 {
    let _alone = ALONE.lock().await;
    const ROOMS: usize = 64;
    let mut bench = small_shard().await;
    let rooms = || (0..ROOMS).map(|n| RoomId(1_000 + n as i64));
    let mut lazy = Vec::new();
    for room in rooms() {
        lazy.push(bench.follow(room).await.0);
    }
    bench.send_buffer = None;
    let (mut eager, conn) = bench.connect().await;
    for room in rooms() {
        bench.deliver(Delivery::Subscribed(conn, room)).await;
        bench.deliver(Delivery::Replayed(conn, room, vec![text("following")])).await;
        assert_eq!(eager.text().await, "following");
    }
    let event = "x".repeat(32_000);
    let mut rounds = 0;
    while usage_of(&bench, "room_logs").2 == 0 {
        rounds += 1;
        assert!(
            rounds < 200,
            "there is no end to what is kept: {:?}",
            usage_of(&bench, "room_logs")
        );
        for room in rooms() {
            bench.publish(room, vec![text(&event)]).await;
            eager.expect_texts([event.clone()]).await;
        }
        let (used, most, _) = usage_of(&bench, "room_logs");
        // What is allocated at once for a log that grows, until the turn of the shard ends.
        assert!(used <= most + most / 4, "{used} of {most}");
    }
    assert!(bench.lagging() > 0);
    for room in rooms() {
        bench.publish(room, vec![text("after it")]).await;
        eager.expect_texts(["after it".to_owned()]).await;
    }
    assert!(bench.lagging() < ROOMS as u64, "as many as it takes, not all");
    drop(lazy);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while usage_of(&bench, "room_logs").0 > ROOMS * 20 * 1_024 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", usage_of(&bench, "room_logs"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_users_send_queues_hold_no_more_than_one_may_however_many_connections_there_are() {
    let _alone = ALONE.lock().await;
    const CONNECTIONS: usize = 40;
    let mut bench = small_shard().await;
    let mut lazy = Vec::new();
    for _ in 0..CONNECTIONS {
        lazy.push(bench.connect().await);
    }
    let answer = "x".repeat(16_000);
    let mut rounds = 0;
    while usage_of(&bench, "send_queues").2 == 0 {
        rounds += 1;
        assert!(rounds < 400, "{:?}", usage_of(&bench, "send_queues"));
        for (_, conn) in &lazy {
            bench.deliver(Delivery::Reply(*conn, text(&answer))).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (used, most, _) = usage_of(&bench, "send_queues");
        assert!(used <= most, "{used} of {most}");
    }
    let (mut other, conn) = bench.connect().await;
    bench.deliver(Delivery::Reply(conn, text("an answer"))).await;
    other.expect_texts(["an answer".to_owned()]).await;
    assert!(bench.lagging() > 0);
}

/// Large bodies of which the last byte does not come, from one address.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_finished_hold_no_more_than_their_part_and_others_are_answered() {
    let _alone = ALONE.lock().await;
    const CONNECTIONS: usize = 100;
    let server = small_server(1, 1).await;
    let anna = guest(server.address, 1);
    let most_of_one = limits::BUDGET_MIN / limits::PARTS * limits::REQUESTS / limits::ADDRESSES;
    assert!(CONNECTIONS * http::BODY > most_of_one);
    let head = format!(
        "POST /api/keys/rewrap HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        server.address,
        http::BODY
    );
    let (mut begun, mut refused) = (Vec::new(), 0);
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; http::BODY - 1]).await.unwrap();
        let (used, most) = held(&anna, "requests").await;
        assert!(used <= most_of_one && used < most, "{used} of {most}");
        let mut status = [0; 12];
        let answer = stream.read_exact(&mut status);
        if tokio::time::timeout(Duration::from_millis(20), answer).await.is_ok() {
            assert_eq!(&status, b"HTTP/1.1 503");
            refused += 1;
        } else {
            begun.push(stream);
        }
    }
    assert!(refused > 0 && begun.len() >= most_of_one / http::BODY / 2, "{refused} refused");
    anna.get("/api/me").await.expect(200);
    drop(begun);
    given_back(&anna, "requests").await;
    server.stop().await;
}
