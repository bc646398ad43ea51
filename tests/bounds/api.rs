//! What the fields of a request may hold.

use std::collections::BTreeMap;

use impulse::base::limits::avatars;
use impulse::base::limits::{api, auth, chat};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::TestServer;
use crate::support::client::{Client, registration};
use crate::support::crowd::{crowd, guest};

/// Says `within`, which is good, then `beyond`, which is refused with the field's name.
async fn bounded(by: &Client, method: &str, path: &str, field: &str, within: Value, beyond: Value) {
    let answer = by.request(method, path, Some(within)).await;
    assert!((200..300).contains(&answer.status), "{path} {field}: {answer:?}");
    let refused = by.request(method, path, Some(beyond)).await;
    let sentence = refused.json()["error"]["message"].to_string();
    assert!(sentence.contains(field), "{path}: {sentence}");
    refused.refused(400, "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_as_long_as_they_may_be_and_not_a_character_longer() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    // Characters, not bytes.
    let long = |characters: usize| "ä".repeat(characters);
    let room = |name: String, topic: String| json!({"name": name, "topic": topic, "kind": "open"});
    let status = |text: String| json!({"status": {"state": "online", "text": text}});
    type Body<'a> = &'a dyn Fn(usize) -> Value;
    let texts: [(&str, &str, &str, usize, Body); 9] = [
        (
            "PATCH",
            "/api/me",
            "display_name",
            api::DISPLAY_NAME,
            &|n| json!({"display_name": long(n)}),
        ),
        ("PATCH", "/api/me", "bio", api::BIO, &|n| json!({"bio": long(n)})),
        ("PATCH", "/api/me", "locale", api::LOCALE, &|n| json!({"locale": "a".repeat(n)})),
        ("PATCH", "/api/me", "status", chat::STATUS, &|n| status(long(n))),
        ("POST", "/api/tokens", "label", api::LABEL, &|n| json!({"label": long(n)})),
        ("POST", "/api/invites", "label", api::LABEL, &|n| json!({"label": long(n)})),
        ("PATCH", "/api/admin/settings", "name", api::SERVER_NAME, &|n| json!({"name": long(n)})),
        ("POST", "/api/rooms", "name", chat::ROOM_NAME, &|n| room(long(n), String::new())),
        ("POST", "/api/rooms", "topic", chat::ROOM_TOPIC, &|n| room("Small".into(), long(n))),
    ];
    for (method, path, field, most, body) in texts {
        bounded(&boss, method, path, field, body(most), body(most + 1)).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_as_large_and_as_small_as_they_may_be() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let invite = |field: &str, number: u64| json!({field: number});
    let most_uses = u64::try_from(auth::INVITE_USES).unwrap();
    let (shortest, longest) = (auth::INVITE_LIFE_MIN.as_secs(), auth::INVITE_LIFE_MAX.as_secs());
    for (field, good, bad) in [
        ("uses_max", most_uses, most_uses + 1),
        ("uses_max", 1, 0),
        ("expires_in_s", shortest, shortest - 1),
        ("expires_in_s", longest, longest + 1),
    ] {
        bounded(&boss, "POST", "/api/invites", field, invite(field, good), invite(field, bad))
            .await;
    }
    let users = |most: u32| json!({"users_max": most});
    let path = "/api/admin/settings";
    bounded(&boss, "PATCH", path, "users_max", users(auth::USERS_MAX), users(auth::USERS_MAX + 1))
        .await;

    let people = BTreeMap::from([
        ("least", (*auth::ITERATIONS_RANGE.start(), auth::ITERATIONS_RANGE.start() - 1)),
        ("most", (*auth::ITERATIONS_RANGE.end(), auth::ITERATIONS_RANGE.end() + 1)),
    ]);
    for (name, (good, bad)) in people {
        let with = |rounds: u32| {
            let mut body = registration(name);
            body["iter"] = json!(rounds);
            body
        };
        let nobody = Client::new(server.address);
        bounded(&nobody, "POST", "/api/auth/register", "iter", with(good), with(bad)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn of_very_many_members_so_many_are_listed_with_the_number_of_all() {
    let server = TestServer::start().await;
    let database = server.database.clone();
    server.stop().await;
    crowd(&database, 1, |_| &[1]).await;
    let (sql, connection) =
        tokio_postgres::connect(&database, tokio_postgres::NoTls).await.expect("connect");
    tokio::spawn(connection);
    let members = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                   SELECT 1, 1000 + n, 'member', 1 FROM generate_series(1, $1::bigint) n";
    sql.execute(members, &[&(api::MEMBERS as i64)]).await.expect("members");
    let server = TestServer::start_on(&database, &[]).await;
    let guest = guest(server.address, 1);
    let listed = guest.get("/api/rooms/1/members").await.expect(200);
    assert_eq!(listed["members"].as_array().map(Vec::len), Some(api::MEMBERS));
    assert_eq!(listed["total"], api::MEMBERS + 1);
    let last = api::MEMBERS + 1000;
    let last = Value::from(last.to_string());
    assert!(listed["members"].as_array().unwrap().iter().all(|one| one["uid"] != last));
    let page = guest.get("/api/rooms/1/members?limit=200&q=guest1").await.expect(200);
    assert_eq!(page["members"].as_array().map(Vec::len), Some(1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_people_rooms_and_entries_as_the_bounds_say_and_not_one_more() {
    let server = TestServer::start().await;
    let database = server.database.clone();
    server.stop().await;
    crowd(&database, 210, |_| &[1]).await;
    let server = TestServer::start_on(&database, &[]).await;
    let anna = guest(server.address, 1);
    let page = anna.get("/api/users?limit=200").await.expect(200);
    let people: Vec<String> = page["users"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user["username"] != "guest1")
        .map(|user| user["uid"].as_str().or(user["id"].as_str()).unwrap().to_owned())
        .collect();

    let room = |name: &str, members: usize| json!({"name": name, "kind": "closed", "members": people[..members]});
    let most = api::FIRST_MEMBERS;
    bounded(&anna, "POST", "/api/rooms", "members", room("Full", most), room("More", most + 1))
        .await;
    // Whoever makes it is one of them.
    let direct = |members: usize| json!({"kind": "dm", "members": people[..members]});
    let most = api::GROUP_DIRECT;
    bounded(&anna, "POST", "/api/rooms", "members", direct(most - 1), direct(most)).await;

    let mut rooms = Vec::new();
    for n in 0..=auth::INVITE_ROOMS {
        let made = json!({"name": format!("room {n}"), "kind": "open"});
        rooms.push(anna.post("/api/rooms", made).await.expect(201)["id"].clone());
    }
    let invite = |count: usize| json!({"rooms": rooms[..count]});
    let most = auth::INVITE_ROOMS;
    bounded(&anna, "POST", "/api/invites", "rooms", invite(most), invite(most + 1)).await;

    for (path, by_itself) in [("/api/users", api::DIRECTORY), ("/api/rooms/1/members", api::PAGE)] {
        let length = async |path: String| {
            let answer = anna.get(&path).await.expect(200);
            let list = answer["users"].as_array().or(answer["members"].as_array());
            list.unwrap_or_else(|| panic!("{path}: {answer}")).len()
        };
        let most = format!("{path}?q=guest&limit={}", api::PAGE_MAX);
        assert_eq!(length(most).await, api::PAGE_MAX, "{path}");
        assert_eq!(length(format!("{path}?q=guest")).await, by_itself, "{path}");
        let beyond = format!("{path}?limit={}", api::PAGE_MAX + 1);
        anna.get(&beyond).await.refused(400, "bad_request");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_links_may_be_live_and_so_many_made_in_an_hour() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let database = server.database.clone();
    for _ in 0..auth::INVITES {
        anna.post("/api/invites", json!({})).await.expect(201);
    }
    anna.post("/api/invites", json!({})).await.refused(409, "conflict");
    server.stop().await;

    let server = TestServer::start_on(&database, &["--rate-limit-scale", "1"]).await;
    let bert = server.user("bert").await;
    for _ in 0..auth::INVITES_PER_HOUR {
        bert.post("/api/invites", json!({})).await.expect(201);
    }
    let refused = bert.post("/api/invites", json!({})).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_that_is_not_chosen_is_as_the_bounds_say() {
    let server = TestServer::start().await;
    let mut nobody = Client::new(server.address);
    let answer = nobody.post("/api/auth/register", registration("anna")).await;
    let age = format!("Max-Age={};", api::COOKIE_AGE.as_secs());
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert!(format!("{cookie};").contains(&age), "{cookie}");
    let age = format!("Max-Age={};", api::DEVICE_COOKIE_AGE.as_secs());
    let device = answer.headers.iter().find(|(_, value)| value.starts_with("impulse_device="));
    assert!(format!("{};", device.unwrap().1).contains(&age), "{device:?}");
    nobody.keep_cookie(&answer);
    let link = nobody.post("/api/invites", json!({})).await.expect(201);
    let lives = link["expires_at"].as_i64().unwrap() - link["created_at"].as_i64().unwrap();
    let week = i64::try_from(auth::INVITE_LIFE.as_millis()).unwrap();
    // Two looks at the clock.
    assert!((week - 60_000..=week).contains(&lives), "{lives}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_browsers_are_signed_in_and_the_oldest_gives_way() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let fill = format!(
        "INSERT INTO accounts.sessions (user_id, kind, digest, created_at, seen_at, expires_at)
         SELECT {0}, 'browser', decode(lpad(to_hex(n), 64, '0'), 'hex'), {1}, {1}, {1} + 60000
         FROM generate_series(2, {2}) n",
        anna.uid,
        impulse::base::time::now_ms(),
        auth::SESSIONS
    );
    server.sql().await.batch_execute(&fill).await.unwrap();
    let newest = Client::login(server.address, "anna").await;
    anna.get("/api/me").await.refused(401, "unauthorized");
    let sessions = newest.get("/api/sessions").await.expect(200);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), auth::SESSIONS);
    server.stop().await;
}

/// Uploads that have begun and do not end.
#[tokio::test(flavor = "multi_thread")]
async fn so_many_pictures_may_be_on_their_way_and_the_next_is_refused_with_a_time_to_wait() {
    let server = TestServer::start().await;
    let database = server.database.clone();
    server.stop().await;
    crowd(&database, avatars::UPLOADS as i64 + 1, |_| &[1]).await;
    let server = TestServer::start_on(&database, &[]).await;
    let begin = async |n: usize| {
        let head = format!(
            "PUT /api/me/avatar HTTP/1.1\r\n{}Connection: close\r\nContent-Type: image/png\r\n\
             Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
            guest(server.address, n).fields()
        );
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        (stream, String::from_utf8_lossy(&status).into_owned())
    };
    let mut uploads = Vec::new();
    for n in 1..=avatars::UPLOADS {
        let (stream, status) = begin(n).await;
        assert_eq!(status, "HTTP/1.1 100", "{n}");
        uploads.push(stream);
    }
    let (mut refused, status) = begin(avatars::UPLOADS + 1).await;
    assert_eq!(status, "HTTP/1.1 503");
    let mut rest = String::new();
    refused.read_to_string(&mut rest).await.unwrap();
    let wait = format!("Retry-After: {}\r\n", avatars::RETRY_MS / 1_000);
    assert!(rest.contains(&wait), "{rest}");
    // Somebody gives up.
    uploads.pop();
    let deadline = tokio::time::Instant::now() + crate::support::client::PATIENCE;
    while begin(avatars::UPLOADS + 1).await.1 != "HTTP/1.1 100" {
        assert!(tokio::time::Instant::now() < deadline, "the place is not free again");
    }
    server.stop().await;
}
