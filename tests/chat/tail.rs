//! Tails: a room by HTTP, line by line and without an end. In order, resumable, within the bounds of a socket, and over
//! as soon as a socket would be.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use impulse::base::limits::{chat, delivery as limits};
use impulse::delivery::Settings;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::bench::Bench;
use crate::support::client::{Answer, Client, PATIENCE, Socket, new_mid, parse};
use crate::support::{TestServer, postgres};

/// The lines of a tail.
struct Tail {
    stream: BufReader<TcpStream>,
}

impl Tail {
    /// The tail, after its head; or the answer that refuses it.
    async fn open(by: &Client, room: &str, query: &str) -> Result<Self, Answer> {
        let mut stream = TcpStream::connect(by.address).await.unwrap();
        let path = format!("/api/rooms/{room}/tail{query}");
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", by.fields());
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut stream, mut head) = (BufReader::new(stream), Vec::new());
        while !head.ends_with(b"\r\n\r\n") {
            let read = timeout(PATIENCE, stream.read_until(b'\n', &mut head)).await.unwrap();
            assert!(read.unwrap() > 0, "an end in the head");
        }
        let answer = parse(&head);
        if answer.status == 200 {
            assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
            assert_eq!(answer.header("connection"), Some("close"));
            return Ok(Self { stream });
        }
        let length = answer.header("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        Err(Answer { body, ..answer })
    }

    /// The same, live, and its first line.
    async fn live(by: &Client, room: &str) -> Self {
        let mut tail = Self::open(by, room, "").await.unwrap();
        assert_eq!(tail.line().await.unwrap()["op"], "tail");
        assert_eq!(tail.line().await.unwrap()["op"], "ok");
        tail
    }

    /// The next line that is no heartbeat; none at the end.
    async fn line(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await.expect("a line");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(_) if line == "\n" => {}
                Ok(_) => {
                    assert!(line.ends_with('\n'), "a cut line: {line}");
                    return Some(serde_json::from_str(&line).expect("JSON"));
                }
            }
        }
    }

    /// The next message.
    async fn message(&mut self) -> Value {
        let line = self.line().await.expect("no end");
        assert_eq!(line["op"], "msg", "{line}");
        line
    }

    /// The last line and the end, both within a second.
    async fn ends_with(&mut self, code: &str) {
        let ending = async {
            let bye = self.line().await.expect("a last line");
            assert_eq!((&bye["op"], &bye["code"]), (&json!("bye"), &json!(code)), "{bye}");
            assert_eq!(self.line().await, None, "nothing behind it");
        };
        timeout(Duration::from_secs(1), ending).await.expect("within a second");
    }
}

async fn room_of(user: &Client) -> String {
    let new = json!({"name": "Deploys", "kind": "open"});
    user.post("/api/rooms", new).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn write(by: &Client, room: &str, text: &str) -> Value {
    by.post(&format!("/api/rooms/{room}/messages"), json!({"t": text})).await.expect(201)
}

async fn token(user: &Client, scope: &str) -> (Client, String) {
    let made = user.post("/api/tokens", json!({"label": "ci", "scope": scope})).await.expect(201);
    (user.with_token(made["token"].as_str().unwrap()), made["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_comes_first_and_then_every_change_in_order_and_nothing_else() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let room = room_of(&anna).await;
    for text in ["one", "two", "three"] {
        write(&anna, &room, text).await;
    }
    let (reader, _) = token(&anna, "read").await;
    let mut tail = Tail::open(&reader, &room, "?since=1").await.unwrap();
    let first = tail.line().await.unwrap();
    assert_eq!((&first["op"], &first["seq"]), (&json!("tail"), &json!(3)), "{first}");
    assert_eq!((&first["room"], &first["truncated"]), (&json!(room), &Value::Null));
    assert_eq!(tail.message().await["msg"]["t"], "two");
    let three = tail.message().await;
    assert_eq!(
        (&three["msg"]["t"], &three["seq"], &three["room"]),
        (&json!("three"), &json!(3), &json!(room))
    );
    assert_eq!(tail.line().await.unwrap()["op"], "ok");
    let mut live = Tail::live(&anna, &room).await;
    // Somebody joins, types and goes away again: none of it is a message.
    bert.post(&format!("/api/rooms/{room}/members"), json!({"uid": bert.uid})).await.expect(201);
    let mut socket = bert.socket().await;
    socket.ok(json!({"op": "typing", "room": room})).await;
    drop(socket);
    let one = format!("/api/rooms/{room}/messages/{}", three["msg"]["mid"].as_str().unwrap());
    anna.patch(&one, json!({"t": "three!"})).await.expect(200);
    bert.request("PUT", &format!("{one}/reactions/%F0%9F%91%8D"), None).await.expect(204);
    anna.delete(&one).await.expect(204);
    for tail in [&mut tail, &mut live] {
        let edited = tail.message().await;
        assert_eq!((&edited["seq"], &edited["msg"]["t"]), (&json!(4), &json!("three!")));
        assert_eq!(tail.message().await["msg"]["reactions"][0]["by"], json!([bert.uid]));
        let deleted = tail.message().await;
        assert_eq!((&deleted["seq"], &deleted["msg"]["kind"]), (&json!(6), &json!("del")));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_none_is_refused_and_one_of_another_history_begins_at_the_present() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let room = room_of(&anna).await;
    write(&anna, &room, "one").await;
    for query in [
        "?since=-1",
        "?since=x",
        "?since=",
        "?since=1.5",
        "?since=99999999999999999999",
        "?epoch=x",
    ] {
        let refused = Tail::open(&anna, &room, query).await.err().expect(query);
        refused.refused(400, "bad_request");
    }
    let own = Tail::open(&anna, &room, "").await.unwrap().line().await.unwrap();
    let epoch = own["epoch"].as_str().unwrap();
    for (query, truncated) in [
        ("?since=2".to_owned(), true),
        ("?since=9007199254740993".to_owned(), true),
        ("?since=0&epoch=AAAAAAAAAAAAAAAAAAAAAA".to_owned(), true),
        (format!("?since=1&epoch={epoch}"), false),
        (String::new(), false),
    ] {
        let mut tail = Tail::open(&anna, &room, &query).await.unwrap();
        let first = tail.line().await.unwrap();
        assert_eq!(
            first["truncated"],
            if truncated { json!(true) } else { Value::Null },
            "{query}"
        );
        assert_eq!((&first["seq"], &tail.line().await.unwrap()["op"]), (&json!(1), &json!("ok")));
    }
    Tail::open(&bert, &room, "").await.err().unwrap().refused(403, "not_member");
    Tail::open(&bert, "999", "").await.err().unwrap().refused(404, "not_found");
    Tail::open(&Client::new(server.address), &room, "")
        .await
        .err()
        .unwrap()
        .refused(401, "unauthorized");
    let mut other_site = anna.clone();
    other_site.origin = Some("https://evil.example".to_owned());
    Tail::open(&other_site, &room, "").await.err().unwrap().refused(403, "bad_origin");
    anna.post(&format!("/api/rooms/{room}/tail"), json!({}))
        .await
        .refused(405, "method_not_allowed");
    server.stop().await;
}

/// Every `seq` of a room from `since` to `last`, over as many tails as that takes.
async fn read_all(by: &Client, room: &str, mut since: u64, last: u64) -> (Vec<u64>, usize) {
    let (mut seqs, mut tails) = (Vec::new(), 0);
    while since < last {
        tails += 1;
        assert!(tails < 1_000, "no progress");
        let mut tail = Tail::open(by, room, &format!("?since={since}")).await.unwrap();
        while since < last
            && let Some(line) = tail.line().await
        {
            if line["op"] == "msg" {
                since = line["seq"].as_u64().unwrap();
                seqs.push(since);
            }
        }
    }
    (seqs, tails)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_messages_come_each_once_a_bounded_part_at_a_time() {
    const MESSAGES: u64 = 10_000;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = room_of(&anna).await;
    let mut live = Tail::live(&anna, &room).await;
    let mut writer = anna.socket().await;
    let writing = tokio::spawn({
        let room = room.clone();
        async move {
            for n in (0..MESSAGES).step_by(500) {
                for n in n..n + 500 {
                    let msg =
                        json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": n.to_string()});
                    writer
                        .send(json!({"op": "msg.send", "id": "x", "room": room, "msg": msg}))
                        .await;
                }
                for _ in 0..500 {
                    answer(&mut writer).await;
                }
            }
        }
    });
    for seq in 1..=MESSAGES {
        assert_eq!(live.message().await["seq"], seq);
    }
    writing.await.unwrap();
    let (seqs, tails) = read_all(&anna, &room, 0, MESSAGES).await;
    assert!(seqs.iter().copied().eq(1..=MESSAGES), "{} messages", seqs.len());
    assert_eq!(tails as u64, MESSAGES / chat::REPLAY as u64);
    let mut cut = Tail::open(&anna, &room, "?since=0").await.unwrap();
    cut.line().await.unwrap();
    for _ in 0..chat::REPLAY {
        cut.message().await;
    }
    cut.ends_with("truncated").await;
    server.stop().await;
}

/// The answer to a command; other frames are passed over.
async fn answer(socket: &mut Socket) -> Value {
    let answer = socket.find("an answer", |frame| frame["id"] == "x").await;
    assert_eq!(answer["op"], "ok", "{answer}");
    socket.aside.clear();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_socket_ends_a_tail_within_a_second_and_says_so() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let room = room_of(&anna).await;
    let members = format!("/api/rooms/{room}/members");
    let join = async || bert.post(&members, json!({"uid": bert.uid})).await.expect(201);
    join().await;
    let (script, id) = token(&bert, "read").await;
    let mut of_token = Tail::live(&script, &room).await;
    let mut of_browser = Tail::live(&bert, &room).await;
    bert.delete(&format!("/api/tokens/{id}")).await.expect(204);
    of_token.ends_with("revoked").await;
    write(&anna, &room, "still here").await;
    assert_eq!(of_browser.message().await["msg"]["t"], "still here");
    anna.delete(&format!("{members}/{}", bert.uid)).await.expect(204);
    of_browser.ends_with("gone").await;
    join().await;
    let mut tail = Tail::live(&bert, &room).await;
    anna.request("PUT", &format!("/api/rooms/{room}/bans/{}", bert.uid), None).await.expect(204);
    tail.ends_with("gone").await;
    anna.delete(&format!("/api/rooms/{room}/bans/{}", bert.uid)).await.expect(204);
    join().await;
    let mut tail = Tail::live(&bert, &room).await;
    let user = format!("/api/admin/users/{}", bert.uid);
    boss.patch(&user, json!({"disabled": true})).await.expect(200);
    tail.ends_with("revoked").await;
    let mut tail = Tail::live(&anna, &room).await;
    anna.delete(&format!("/api/rooms/{room}")).await.expect(204);
    tail.ends_with("gone").await;
    let room = "1";
    let mut tail = Tail::live(&anna, room).await;
    let stopping = tokio::spawn(server.stop());
    let bye = tail.line().await.unwrap();
    assert_eq!((&bye["code"], bye["retry_ms"].is_u64()), (&json!("restart"), true));
    assert_eq!(tail.line().await, None);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tails_count_as_connections_make_nobody_look_online_and_read_nothing() {
    let server = TestServer::start_with(&["--rate-limit-scale", "0.05"]).await;
    let anna = server.user("anna").await;
    let room = room_of(&anna).await;
    let most = limits::CONNECTIONS_PER_USER / 20;
    let mut tails = Vec::new();
    for _ in 0..most {
        tails.push(Tail::live(&anna, &room).await);
    }
    Tail::open(&anna, &room, "").await.err().unwrap().refused(429, "rate_limited");
    let refused = Socket::open(&anna).await.err().expect("sockets count, too");
    assert_eq!(refused.status, 429);
    let me = anna.get(&format!("/api/users/{}", anna.uid)).await.expect(200);
    assert_eq!(me["status"]["state"], "offline");
    // A little input is read and dropped, and more than that ends it.
    let mut tail = tails.pop().unwrap();
    tail.stream.write_all(&[b'x'; limits::TAIL_INPUT]).await.unwrap();
    write(&anna, &room, "hello").await;
    tail.message().await;
    tail.stream.write_all(b"x").await.unwrap();
    assert_eq!(tail.line().await, None);
    // Both are gone now, and so may come again.
    drop(tails);
    let again = async {
        while Tail::open(&anna, &room, "").await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("a place that is free again");
    server.stop().await;
}

/// Until a connection could not keep up.
async fn somebody_lags(client: &Client) {
    let lags = async {
        while !String::from_utf8_lossy(&client.get("/metrics").await.body)
            .contains("impulse_lagging_total 1")
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(2 * PATIENCE, lags).await.expect("one that lags");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_is_not_read_ends_as_lagging_and_harms_nobody() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = room_of(&anna).await;
    let (mut lazy, mut eager) = (Tail::live(&anna, &room).await, Tail::live(&anna, &room).await);
    const MESSAGES: u64 = 400;
    let writing = tokio::spawn({
        let (anna, room) = (anna.clone(), room.clone());
        async move {
            let mut writer = anna.socket().await;
            for _ in 0..MESSAGES {
                writer.send_text(&room, &"x".repeat(30_000)).await;
                writer.aside.clear();
            }
        }
    });
    // It reads on as soon as it has been given up: then it is waited for only a few seconds.
    let reading = tokio::spawn({
        let anna = anna.clone();
        async move {
            somebody_lags(&anna).await;
            let mut seen = 0;
            loop {
                let line = lazy.line().await.expect("a last line");
                if line["op"] != "msg" {
                    assert_eq!(lazy.line().await, None);
                    return (seen, line);
                }
                seen += 1;
                assert_eq!(line["seq"], seen);
            }
        }
    });
    for seq in 1..=MESSAGES {
        assert_eq!(eager.message().await["seq"], seq);
    }
    writing.await.unwrap();
    let (seen, bye) = reading.await.unwrap();
    assert_eq!((&bye["op"], &bye["code"]), (&json!("bye"), &json!("lagging")), "{bye}");
    assert!(bye["retry_ms"].is_u64() && seen < MESSAGES, "{bye}");
    let (seqs, _) = read_all(&anna, &room, seen, MESSAGES).await;
    assert!(seqs.into_iter().eq(seen + 1..=MESSAGES));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_tail_gets_an_empty_line_every_thirty_seconds_and_lives() {
    // Ten seconds in one.
    let settings = Settings { rate_limit_scale: 0.0, clock_speed: 10 };
    let mut bench = Bench::start_with(settings).await;
    let (stream, _) = bench.tail().await;
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("head"));
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("following"));
    let began = Instant::now();
    let heartbeats = 2 * limits::SILENT_S / limits::PING_AFTER_S;
    for _ in 0..heartbeats {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        assert_eq!(line.as_deref(), Some(""));
    }
    let passed = began.elapsed().as_secs_f64() * 10.0;
    assert!(passed > f64::from((heartbeats - 1) * limits::PING_AFTER_S), "{passed}");
    let messages = [1, 2].map(|n| Bytes::from(format!(r#"{{"op":"msg","n":{n}}}"#)));
    let typing = Bytes::from_static(br#"{"op":"typing"}"#);
    let room = bench.stuck;
    bench
        .publish(room, vec![typing.clone(), messages[0].clone(), typing, messages[1].clone()])
        .await;
    for message in messages {
        assert_eq!(lines.next_line().await.unwrap().unwrap().as_bytes(), message);
    }
    bench.shards.stop();
}

/// A program that ends with its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_comes_back_with_its_place_loses_nothing_over_restarts() {
    let database = postgres::database().await;
    let mut server = TestServer::start_on(&database, &[]).await;
    // The script knows one address, as behind a proxy.
    let address = server.address.to_string();
    let anna = server.user("anna").await;
    let room = room_of(&anna).await;
    let (script, _) = token(&anna, "read").await;
    let mut python = Killed(
        Command::new("python3")
            .args(["tests/examples/tail.py", &format!("http://{address}"), &room])
            .env("TOKEN", script.token.as_ref().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let curl = format!("http://{address}/api/rooms/{room}/tail?since=0");
    let bearer = format!("Authorization: Bearer {}", script.token.as_ref().unwrap());
    for round in 1..=3 {
        for n in 1..=20 {
            write(&anna, &room, &format!("{round}.{n}")).await;
        }
        if round < 3 {
            server.stop().await;
            server = TestServer::start_on(&database, &["--listen", &address]).await;
        }
    }
    let output = Command::new("curl").args(["-sN", "-m", "2", "-H", &bearer, &curl]).output();
    let lines = String::from_utf8(output.unwrap().stdout).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains(r#""op":"msg""#)).count(), 60);
    let stdout = python.0.stdout.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        use std::io::BufRead as _;
        let lines = std::io::BufReader::new(stdout).lines().map_while(Result::ok);
        lines.take(60).collect::<Vec<_>>()
    });
    let printed = timeout(PATIENCE, reading).await.expect("all of them").unwrap();
    drop(python);
    let expected: Vec<_> =
        (0..60).map(|n| format!("{} {}.{}", n + 1, n / 20 + 1, n % 20 + 1)).collect();
    assert_eq!(printed, expected);
    server.stop().await;
}
