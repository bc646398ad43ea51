//! Messages over HTTP, as scripts write them: with `curl` as it is typed, once for each key, with the rights and the
//! rates of a socket, and refused where a browser is made to send them.

use std::process::Command;

use impulse::base::limits;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client, Socket, new_mid};
use crate::support::{TestServer, postgres};

/// A room of this user, and a socket of theirs that follows it.
async fn room_of(user: &Client, kind: &str) -> (String, Socket) {
    let new = json!({"name": format!("Deploys, {kind}"), "kind": kind});
    let made = user.post("/api/rooms", new).await.expect(201);
    let room = made["id"].as_str().unwrap().to_owned();
    let mut socket = user.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    (room, socket)
}

/// The same user as a script.
async fn script(user: &Client, scope: &str) -> Client {
    let made = user.post("/api/tokens", json!({"label": "ci", "scope": scope})).await.expect(201);
    user.with_token(made["token"].as_str().unwrap())
}

/// A request with a body of any type and these header lines.
async fn send(by: &Client, method: &str, path: &str, lines: &str, body: &[u8]) -> Answer {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{}{lines}Content-Length: {length}\r\nConnection: close\r\n\r\n",
        by.fields()
    );
    by.raw(&[head.as_bytes(), body].concat()).await
}

const TEXT: &str = "Content-Type: text/plain\r\n";

fn messages(room: &str) -> String {
    format!("/api/rooms/{room}/messages")
}

/// Text and author of every message of a room.
async fn history(by: &Client, room: &str) -> Vec<String> {
    let page = by.get(&format!("{}?limit=100", messages(room))).await.expect(200);
    let entries = page["messages"].as_array().unwrap().iter();
    entries.map(|entry| entry["msg"]["t"].as_str().unwrap_or("(deleted)").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_as_it_is_typed_writes_a_message_and_prints_its_seq() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (room, mut socket) = room_of(&anna, "closed").await;
    let script = script(&anna, "write").await;
    let url = format!("http://{}{}", server.address, messages(&room));
    let bearer = format!("Authorization: Bearer {}", script.token.as_ref().unwrap());
    let curl = |args: &[&str]| {
        let output = Command::new("curl").args(["-s", "-H", &bearer]).args(args).arg(&url).output();
        serde_json::from_slice::<Value>(&output.unwrap().stdout).unwrap()
    };
    let first = curl(&["-d", "deployed"]);
    assert_eq!((&first["seq"], &first["room"]), (&json!(1), &json!(room)), "{first}");
    let event = socket.op("msg").await;
    assert_eq!((&event["msg"]["t"], &event["msg"]["by"]), (&json!("deployed"), &json!(anna.uid)));
    assert_eq!(event["msg"]["mid"], first["mid"]);
    assert_eq!(curl(&["-d", "a=b&c=d%20e"])["seq"], 2);
    assert_eq!(curl(&["--json", r#"{"t":"from JSON"}"#])["seq"], 3);
    assert_eq!(
        curl(&["-H", "Content-Type: text/plain", "--data-binary", "two\nlines\n"])["seq"],
        4
    );
    assert_eq!(history(&anna, &room).await, ["deployed", "a=b&c=d%20e", "from JSON", "two\nlines"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_changed_reacted_to_and_deleted_and_everybody_sees_it() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let (room, mut socket) = room_of(&anna, "open").await;
    let path = messages(&room);
    bert.post(&format!("/api/rooms/{room}/members"), json!({"uid": bert.uid})).await.expect(201);
    let (by_anna, by_bert) = (script(&anna, "write").await, script(&bert, "write").await);
    let first = by_anna.post(&path, json!({"t": "one", "m": [bert.uid]})).await.expect(201);
    let mid = first["mid"].as_str().unwrap().to_owned();
    let reply = by_bert.post(&path, json!({"t": "two", "re": mid})).await.expect(201);
    assert_eq!(reply["seq"], 2);
    let one = format!("{path}/{mid}");
    let edited = by_anna.patch(&one, json!({"t": "one!"})).await.expect(200);
    assert_eq!((&edited["rev"], &edited["seq"]), (&json!(1), &json!(3)));
    let event = socket.find("the edit", |frame| frame["seq"] == 3).await;
    assert_eq!((&event["msg"]["t"], &event["msg"]["m"]), (&json!("one!"), &json!([bert.uid])));
    assert_eq!(by_anna.patch(&one, json!({"t": "one!"})).await.expect(200)["seq"], 3, "as it is");
    by_anna.patch(&one, json!({"t": "late", "rev": 1})).await.refused(409, "rev_conflict");
    assert_eq!(by_anna.patch(&one, json!({"t": "one?", "rev": 2})).await.expect(200)["seq"], 4);
    by_bert.patch(&one, json!({"t": "mine"})).await.refused(403, "forbidden");
    let thumb = format!("{one}/reactions/%F0%9F%91%8D");
    for _ in 0..2 {
        by_bert.request("PUT", &thumb, None).await.expect(204);
    }
    let event = socket.find("the reaction", |frame| frame["seq"] == 5).await;
    assert_eq!(event["msg"]["reactions"][0]["by"], json!([bert.uid]));
    by_anna.delete(&thumb).await.expect(204);
    by_bert.delete(&thumb).await.expect(204);
    by_bert.delete(&thumb).await.expect(204);
    let event = socket.find("no reaction", |frame| frame["seq"] == 6).await;
    assert_eq!(event["msg"]["reactions"], Value::Null);
    by_bert.request("PUT", &format!("{one}/reactions/x"), None).await.refused(400, "bad_request");
    by_bert.delete(&one).await.refused(403, "forbidden");
    by_anna.delete(&format!("{one}?rev=9")).await.refused(409, "rev_conflict");
    for _ in 0..2 {
        by_anna.delete(&one).await.expect(204);
    }
    by_bert.delete(&one).await.refused(403, "forbidden");
    by_anna.patch(&one, json!({"t": "back"})).await.refused(409, "conflict");
    by_anna.delete(&format!("{path}/{}", new_mid())).await.refused(404, "not_found");
    assert_eq!(history(&anna, &room).await, ["(deleted)", "two"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_a_repetition_the_same_message_also_after_a_restart() {
    let database = postgres::database().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let (room, _) = room_of(&anna, "open").await;
    bert.post(&format!("/api/rooms/{room}/members"), json!({"uid": bert.uid})).await.expect(201);
    let path = messages(&room);
    let (by_anna, by_bert) = (script(&anna, "write").await, script(&bert, "write").await);
    let lines = format!("{TEXT}Idempotency-Key: build-42\r\n");
    let post =
        async |by: &Client, text: &str| send(by, "POST", &path, &lines, text.as_bytes()).await;
    let first = post(&by_anna, "green").await.expect(201);
    let at_once = futures_of(&by_anna, &path, &lines).await;
    assert!(at_once.iter().all(|again| *again == first), "{at_once:?}");
    post(&by_anna, "red").await.refused(409, "conflict");
    let of_bert = post(&by_bert, "green").await.expect(201);
    assert_ne!(of_bert["mid"], first["mid"], "keys are everybody's own");
    let both = json!({"t": "x", "mid": new_mid()}).to_string();
    let json_lines = lines.replace("text/plain", "application/json");
    send(&by_anna, "POST", &path, &json_lines, both.as_bytes()).await.refused(400, "bad_request");
    for wrong in ["".to_owned(), "x".repeat(limits::api::IDEMPOTENCY_KEY + 1), "ä".to_owned()] {
        let lines = format!("{TEXT}Idempotency-Key: {wrong}\r\n");
        send(&by_anna, "POST", &path, &lines, b"x").await.refused(400, "bad_request");
    }
    let longest =
        format!("{TEXT}Idempotency-Key: {}\r\n", "x".repeat(limits::api::IDEMPOTENCY_KEY));
    send(&by_anna, "POST", &path, &longest, b"last").await.expect(201);
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let by_anna = by_anna.at(server.address);
    assert_eq!(post(&by_anna, "green").await.expect(201), first, "after a restart");
    let mid = first["mid"].as_str().unwrap();
    by_anna.delete(&format!("{path}/{mid}")).await.expect(204);
    assert_eq!(post(&by_anna, "green").await.expect(201), first, "after its deletion");
    assert_eq!(history(&by_anna, &room).await, ["(deleted)", "green", "last"]);
    server.stop().await;
}

/// The same request many times at once.
async fn futures_of(by: &Client, path: &str, lines: &str) -> Vec<Value> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (by, path, lines) = (by.clone(), path.to_owned(), lines.to_owned());
        tasks.spawn(async move { send(&by, "POST", &path, &lines, b"green").await.expect(201) });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_may_write_who_may_on_a_socket() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let (open, _) = room_of(&anna, "open").await;
    let (closed, _) = room_of(&anna, "closed").await;
    let by_bert = script(&bert, "write").await;
    let post = async |by: &Client, room: &str| by.post(&messages(room), json!({"t": "x"})).await;
    post(&by_bert, &open).await.refused(403, "not_member");
    post(&by_bert, &closed).await.refused(404, "not_found");
    post(&by_bert, "999").await.refused(404, "not_found");
    let reader = script(&anna, "read").await;
    post(&reader, &open).await.refused(403, "forbidden");
    let one = format!("{}/{}", messages(&open), new_mid());
    reader.patch(&one, json!({"t": "x"})).await.refused(403, "forbidden");
    reader.delete(&one).await.refused(403, "forbidden");
    post(&Client::new(server.address), &open).await.refused(401, "unauthorized");
    let member = format!("/api/rooms/{open}/members/{}", bert.uid);
    bert.post(&format!("/api/rooms/{open}/members"), json!({"uid": bert.uid})).await.expect(201);
    post(&by_bert, &open).await.expect(201);
    anna.patch(&member, json!({"silenced_until": 253_402_300_799_999_i64})).await.expect(200);
    post(&by_bert, &open).await.refused(403, "forbidden");
    anna.patch(&member, json!({"silenced_until": null})).await.expect(200);
    anna.patch(&format!("/api/rooms/{open}"), json!({"read_only": true})).await.expect(200);
    post(&by_bert, &open).await.refused(403, "forbidden");
    post(&anna, &open).await.expect(201);
    anna.patch(&format!("/api/rooms/{open}"), json!({"archived": true})).await.expect(200);
    post(&anna, &open).await.refused(403, "forbidden");
    anna.patch(&format!("/api/rooms/{open}"), json!({"archived": false})).await.expect(200);
    anna.request("PUT", &format!("/api/rooms/{open}/bans/{}", bert.uid), None).await.expect(204);
    post(&by_bert, &open).await.refused(403, "not_member");
    let direct = json!({"kind": "dm", "members": [bert.uid]});
    let direct = anna.post("/api/rooms", direct).await.expect(201)["id"].clone();
    anna.request("PUT", &format!("/api/blocks/{}", bert.uid), None).await.expect(204);
    post(&by_bert, direct.as_str().unwrap()).await.refused(403, "forbidden");
    boss.delete(&format!("/api/admin/rooms/{closed}")).await.expect(204);
    post(&anna, &closed).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_cannot_make_a_browser_write() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (room, _) = room_of(&anna, "closed").await;
    let path = messages(&room);
    let own = send(&anna, "POST", &path, TEXT, b"from our page").await.expect(201);
    let one = format!("{path}/{}", own["mid"].as_str().unwrap());
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let mut browser = anna.clone();
        browser.origin = origin.map(str::to_owned);
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json", ""] {
            let lines = format!("Content-Type: {kind}\r\n");
            send(&browser, "POST", &path, &lines, br#"{"t":"x"}"#).await.refused(403, "bad_origin");
        }
        send(&browser, "PATCH", &one, TEXT, b"x").await.refused(403, "bad_origin");
        browser.delete(&one).await.refused(403, "bad_origin");
        browser
            .request("PUT", &format!("{one}/reactions/x"), None)
            .await
            .refused(403, "bad_origin");
    }
    assert_eq!(history(&anna, &room).await, ["from our page"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_refused_and_the_limits_of_a_text_are_those_of_a_socket() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (room, _) = room_of(&anna, "closed").await;
    let path = messages(&room);
    let post = async |kind: &str, body: &[u8]| {
        let lines = format!("Content-Type: {kind}\r\n");
        send(&anna, "POST", &path, &lines, body).await
    };
    let most = "x".repeat(limits::chat::TEXT);
    post("text/plain; charset=UTF-8", most.as_bytes()).await.expect(201);
    post("text/plain", format!("{most}x").as_bytes()).await.refused(413, "too_large");
    post("text/plain", &vec![b'x'; limits::http::BODY + 1]).await.refused(413, "too_large");
    for (kind, body, status, code) in [
        ("text/plain", &b"\xff"[..], 400, "bad_request"),
        ("text/plain", b"a\0b", 400, "bad_request"),
        ("text/plain", b"", 400, "bad_request"),
        ("text/plain", b" \n", 400, "bad_request"),
        ("text/plain; charset=iso-8859-1", b"x", 415, "unsupported_type"),
        ("multipart/form-data; boundary=x", b"x", 415, "unsupported_type"),
        ("application/json", b"deployed", 400, "bad_request"),
        ("application/json", b"[]", 400, "bad_request"),
        ("application/json", b"{}", 400, "bad_request"),
        ("application/json", br#"{"t":"x","kind":"del"}"#, 400, "bad_request"),
        ("application/json", br#"{"t":"x","m":["all"],"f":[1]}"#, 400, "bad_request"),
    ] {
        post(kind, body).await.refused(status, code);
    }
    let lines = format!("{TEXT}Content-Encoding: gzip\r\n");
    send(&anna, "POST", &path, &lines, b"x").await.refused(415, "unsupported_type");
    assert_eq!(history(&anna, &room).await.len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_of_requests_gets_no_more_than_the_sockets_of_its_user() {
    let server = TestServer::start_with(&["--rate-limit-scale", "0.1"]).await;
    let anna = server.user("anna").await;
    let (room, mut socket) = room_of(&anna, "closed").await;
    let script = script(&anna, "write").await;
    let mut sent = 0;
    let refused = loop {
        let answer = script.post(&messages(&room), json!({"t": "again"})).await;
        if answer.status != 201 {
            break answer;
        }
        sent += 1;
        assert!(sent < 5_000, "no end");
    };
    // What comes back meanwhile may be spent, too.
    assert!(sent >= limits::users::COMMANDS.at_once as usize - 10, "{sent}");
    assert!(refused.header("retry-after").is_some_and(|wait| wait.parse::<u32>().unwrap() >= 1));
    refused.refused(429, "rate_limited");
    // A socket of the same user has as little left.
    let mut is_refused = false;
    for _ in 0..20 {
        let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "x"});
        let answer = socket.request(json!({"op": "msg.send", "room": room, "msg": msg})).await;
        is_refused |= answer["code"] == "rate_limited";
    }
    assert!(is_refused);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_that_name_no_revision_all_count_or_are_refused() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (room, _) = room_of(&anna, "closed").await;
    let path = messages(&room);
    let mid = anna.post(&path, json!({"t": "0"})).await.expect(201)["mid"].clone();
    let one = format!("{path}/{}", mid.as_str().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 1..=40 {
        let (anna, one) = (anna.clone(), one.clone());
        tasks.spawn(async move { anna.patch(&one, json!({"t": n.to_string()})).await });
    }
    let mut revs = Vec::new();
    for answer in tasks.join_all().await {
        match answer.status {
            200 => revs.push(answer.expect(200)["rev"].as_u64().unwrap()),
            _ => answer.refused(409, "rev_conflict"),
        }
    }
    revs.sort_unstable();
    assert!(revs.len() >= limits::service::CHANGE_ATTEMPTS, "{revs:?}");
    assert!(revs.iter().copied().eq(1..=revs.len() as u64), "each its own: {revs:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_waits_in_vain_sends_again_and_its_message_is_there_once() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (room, _) = room_of(&anna, "closed").await;
    let path = messages(&room);
    let mut sql = server.sql().await;
    let lock = sql.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE chat.messages IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let post = async |n: u32| {
        let lines = format!("{TEXT}Idempotency-Key: {n}\r\n");
        send(&anna, "POST", &path, &lines, format!("{n}").as_bytes()).await
    };
    let refused = post(1).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(503, "unavailable");
    lock.commit().await.unwrap();
    for n in [1, 2, 1] {
        while post(n).await.status != 201 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    let mut texts = history(&anna, &room).await;
    texts.sort();
    assert_eq!(texts, ["1", "2"]);
    server.stop().await;
}
