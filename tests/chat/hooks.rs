//! Incoming hooks: made by a room's admins, used by whoever has the address, and over when they are revoked.

use impulse::base::limits::auth as limits;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::{TestServer, postgres};

async fn room_of(user: &Client, name: &str) -> String {
    let made = user.post("/api/rooms", json!({"name": name, "kind": "closed"})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

fn hooks(room: &str) -> String {
    format!("/api/rooms/{room}/hooks")
}

/// A new hook, with its `path`.
async fn hook(by: &Client, room: &str, name: &str) -> Value {
    by.post(&hooks(room), json!({"name": name})).await.expect(201)
}

/// What another program sends to an address, without a session.
async fn send(server: &TestServer, path: &str, lines: &str, body: &str) -> Answer {
    let (address, length) = (server.address, body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{lines}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    Client::new(address).raw(head.as_bytes()).await
}

async fn say(server: &TestServer, hook: &Value, text: &str) -> Answer {
    send(server, hook["path"].as_str().unwrap(), "Content-Type: text/plain\r\n", text).await
}

async fn texts(by: &Client, room: &str) -> Vec<(String, String)> {
    let page = by.get(&format!("/api/rooms/{room}/messages?limit=100")).await.expect(200);
    let text = |entry: &Value, field: &str| entry["msg"][field].as_str().unwrap().to_owned();
    let entries = page["messages"].as_array().unwrap().iter();
    entries.map(|entry| (text(entry, "by"), text(entry, "t"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_writes_as_a_bot_whatever_form_its_message_has() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = room_of(&anna, "Deploys").await;
    let mut socket = anna.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    let made = hook(&anna, &room, "Build server").await;
    let (path, uid) = (made["path"].as_str().unwrap(), made["uid"].as_str().unwrap());
    assert!(path.strip_prefix("/hooks/").is_some_and(|secret| secret.len() == 43), "{path}");
    let form = "application/x-www-form-urlencoded";
    let payload = "payload=%7B%22text%22%3A%22from+Slack%22%7D";
    for (n, (kind, body, text)) in [
        ("application/json", r#"{"t":"ours"}"#, "ours"),
        ("application/json", r#"{"text":"theirs","username":"x","blocks":[]}"#, "theirs"),
        ("text/plain", "plain\n", "plain"),
        (form, "as curl -d", "as curl -d"),
        (form, payload, "from Slack"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = send(&server, path, &format!("Content-Type: {kind}\r\n"), body).await;
        assert_eq!(answer.expect(201)["seq"], n + 1);
        let event = socket.op("msg").await;
        assert_eq!((&event["msg"]["t"], &event["msg"]["by"]), (&json!(text), &json!(uid)));
    }
    for (kind, body) in [
        ("application/json", "{}"),
        ("application/json", "x"),
        (form, "payload=x"),
        (form, "payload=%7B%7D"),
        ("text/plain", ""),
    ] {
        let answer = send(&server, path, &format!("Content-Type: {kind}\r\n"), body).await;
        answer.refused(400, "bad_request");
    }
    let key = "Content-Type: text/plain\r\nIdempotency-Key: 7\r\n";
    let first = send(&server, path, key, "once").await.expect(201);
    assert_eq!(send(&server, path, key, "once").await.expect(201), first);
    send(&server, path, key, "twice").await.refused(409, "conflict");
    let bot = anna.get(&format!("/api/users/{uid}")).await.expect(200);
    assert_eq!((&bot["display_name"], &bot["bot"]), (&json!("Build server"), &json!(true)));
    let listed = anna.get(&hooks(&room)).await.expect(200)["hooks"][0].clone();
    assert!(listed["used_at"].is_i64() && listed["path"].is_null(), "{listed}");
    assert_eq!(texts(&anna, &room).await.len(), 6);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_of_the_room_manage_its_hooks() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let (room, other) = (room_of(&anna, "Deploys").await, room_of(&anna, "Other").await);
    let made = hook(&anna, &room, "CI").await;
    let id = made["id"].as_str().unwrap();
    let one = format!("{}/{id}", hooks(&room));
    bert.get(&hooks(&room)).await.refused(404, "not_found");
    anna.post(&format!("/api/rooms/{room}/members"), json!({"uid": bert.uid})).await.expect(201);
    bert.get(&hooks(&room)).await.refused(403, "forbidden");
    bert.post(&hooks(&room), json!({"name": "X"})).await.refused(403, "forbidden");
    bert.patch(&one, json!({"name": "X"})).await.refused(403, "forbidden");
    bert.delete(&one).await.refused(403, "forbidden");
    boss.get(&hooks(&room)).await.expect(200);
    anna.delete(&format!("{}/{id}", hooks(&other))).await.refused(404, "not_found");
    let direct = json!({"kind": "dm", "members": [bert.uid]});
    let direct = anna.post("/api/rooms", direct).await.expect(201)["id"].clone();
    anna.post(&hooks(direct.as_str().unwrap()), json!({"name": "X"}))
        .await
        .refused(403, "forbidden");
    // A name is one line, and nobody else's.
    for wrong in ["", " ", "a\nb", &"x".repeat(65)] {
        anna.post(&hooks(&room), json!({"name": wrong})).await.refused(400, "bad_request");
    }
    for taken in ["bert", "BERT", "ci", "Cl"] {
        anna.post(&hooks(&room), json!({"name": taken})).await.refused(409, "conflict");
    }
    hook(&anna, &other, "CI").await;
    anna.patch(&one, json!({"name": "bert"})).await.refused(409, "conflict");
    anna.patch(&one, json!({"name": "CI 2"})).await.expect(200);
    say(&server, &made, "renamed").await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_nobody_who_signs_in_is_written_to_or_is_put_elsewhere() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let room = room_of(&anna, "Deploys").await;
    let other = room_of(&anna, "Other").await;
    let made = hook(&anna, &room, "CI").await;
    let uid = made["uid"].as_str().unwrap();
    let bot = anna.get(&format!("/api/users/{uid}")).await.expect(200);
    let users = anna.get("/api/users").await.expect(200);
    assert!(!users.to_string().contains(bot["username"].as_str().unwrap()), "{users}");
    let direct = json!({"kind": "dm", "members": [uid]});
    assert!(anna.post("/api/rooms", direct).await.status >= 400);
    anna.post(&format!("/api/rooms/{other}/members"), json!({"uid": uid}))
        .await
        .refused(404, "not_found");
    let user = format!("/api/admin/users/{uid}");
    boss.get(&user).await.refused(404, "not_found");
    boss.post(&format!("{user}/reset"), json!({})).await.refused(404, "not_found");
    boss.patch(&user, json!({"admin": true})).await.refused(404, "not_found");
    let listed = boss.get("/api/admin/users").await.expect(200);
    assert_eq!(listed["total"], 2, "{listed}");
    let members = anna.get(&format!("/api/rooms/{room}/members?limit=10")).await.expect(200);
    assert!(members["members"].to_string().contains(r#""bot":true"#), "{members}");
    // In its room it is what its hook makes it: no admin, no owner, and gone only with the hook.
    let member = format!("/api/rooms/{room}/members/{uid}");
    for role in ["owner", "admin"] {
        anna.patch(&member, json!({"role": role})).await.refused(409, "conflict");
    }
    anna.delete(&member).await.refused(409, "conflict");
    boss.patch(&format!("/api/admin/rooms/{room}"), json!({"owner": uid}))
        .await
        .refused(404, "not_found");
    say(&server, &made, "still there").await.expect(201);
    // Who joined later inherits the room, and the bot does not.
    let bert = server.user("bert").await;
    anna.post(&format!("/api/rooms/{room}/members"), json!({"uid": bert.uid})).await.expect(201);
    boss.delete(&format!("/api/admin/users/{}", anna.uid)).await.expect(204);
    let inherited = bert.get(&format!("/api/rooms/{room}")).await.expect(200);
    assert_eq!(inherited["role"], "owner", "{inherited}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_ends_when_it_is_revoked_and_keeps_to_what_its_room_allows() {
    let database = postgres::database().await;
    let server = TestServer::start_on(&database, &[]).await;
    let anna = server.user("anna").await;
    let room = room_of(&anna, "Deploys").await;
    let (one, two) = (hook(&anna, &room, "One").await, hook(&anna, &room, "Two").await);
    say(&server, &one, "from one").await.expect(201);
    let path = format!("/api/rooms/{room}");
    anna.patch(&path, json!({"archived": true})).await.expect(200);
    say(&server, &one, "x").await.refused(403, "forbidden");
    anna.post(&hooks(&room), json!({"name": "Three"})).await.refused(403, "forbidden");
    assert_eq!(anna.get(&hooks(&room)).await.expect(200)["hooks"].as_array().unwrap().len(), 2);
    anna.patch(&path, json!({"archived": false})).await.expect(200);
    let all = json!({"t": "all", "m": ["all"]}).to_string();
    let json_type = "Content-Type: application/json\r\n";
    send(&server, one["path"].as_str().unwrap(), json_type, &all).await.expect(201);
    let id = one["id"].as_str().unwrap();
    anna.delete(&format!("{}/{id}", hooks(&room))).await.expect(204);
    anna.delete(&format!("{}/{id}", hooks(&room))).await.refused(404, "not_found");
    say(&server, &one, "x").await.refused(404, "not_found");
    send(&server, "/hooks/nothing", "", "x").await.refused(404, "not_found");
    send(&server, "/hooks/", "", "x").await.refused(404, "not_found");
    anna.get(two["path"].as_str().unwrap()).await.refused(405, "method_not_allowed");
    let members = anna.get(&format!("/api/rooms/{room}/members")).await.expect(200);
    assert_eq!(members["total"], 2, "the bot of the other hook is left: {members}");
    // What it wrote stays, by its name.
    assert_eq!(
        texts(&anna, &room).await[0],
        (one["uid"].as_str().unwrap().into(), "from one".into())
    );
    let bot = anna.get(&format!("/api/users/{}", one["uid"].as_str().unwrap())).await.expect(200);
    assert_eq!((&bot["display_name"], &bot["bot"]), (&json!("One"), &json!(true)));
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    say(&server, &two, "after a restart").await.expect(201);
    anna.at(server.address).delete(&path).await.expect(204);
    say(&server, &two, "x").await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_has_so_many_hooks_and_each_of_them_so_many_messages_a_minute() {
    let server = TestServer::start_with(&["--rate-limit-scale", "0.1"]).await;
    let anna = server.user("anna").await;
    let room = room_of(&anna, "Deploys").await;
    let mut made = Vec::new();
    for n in 0..4 {
        made.push(hook(&anna, &room, &format!("Hook number {n}")).await);
    }
    let (of_hook, of_room) = (limits::HOOK_MESSAGES / 10, limits::HOOK_MESSAGES_PER_ROOM / 10);
    let mut sent = 0;
    for hook in &made[..3] {
        for _ in 0..of_hook {
            say(&server, hook, "x").await.expect(201);
            sent += 1;
        }
        let refused = say(&server, hook, "x").await;
        assert!(refused.header("retry-after").is_some());
        refused.refused(429, "rate_limited");
    }
    assert_eq!(sent, of_room);
    say(&server, &made[3], "x").await.refused(429, "rate_limited");
    server.stop().await;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (room, other) = (room_of(&anna, "Deploys").await, room_of(&anna, "Other").await);
    for n in 0..limits::HOOKS_PER_ROOM {
        hook(&anna, &room, &format!("Hook number {n}")).await;
    }
    anna.post(&hooks(&room), json!({"name": "More"})).await.refused(409, "conflict");
    let sql = server.sql().await;
    let many = "INSERT INTO accounts.users (username, username_key, created_at, is_bot)
                SELECT 'b' || n, 'b' || n, 0, true FROM generate_series(1, $1::bigint) n";
    let missing = limits::HOOKS - limits::HOOKS_PER_ROOM;
    sql.execute(many, &[&missing]).await.unwrap();
    let many = "INSERT INTO accounts.hooks (user_id, room, digest, created_at)
                SELECT id, 99, sha256(username::bytea), 0 FROM accounts.users WHERE username ~ '^b[0-9]+$'";
    sql.execute(many, &[]).await.unwrap();
    anna.post(&hooks(&other), json!({"name": "More"})).await.refused(409, "conflict");
    sql.execute("DELETE FROM accounts.hooks WHERE id = (SELECT max(id) FROM accounts.hooks)", &[])
        .await
        .unwrap();
    hook(&anna, &other, "More").await;
    server.stop().await;
}
