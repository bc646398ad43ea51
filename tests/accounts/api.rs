//! Every call of the HTTP interface over a real socket and a real database: what it answers, and
//! what it refuses.

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Client, Socket, auth_of, registration};

/// The room of that name as its member sees it.
async fn room_named(client: &Client, name: &str) -> Value {
    let rooms = client.get("/api/rooms").await.expect(200);
    let rooms = rooms["rooms"].as_array().expect("a list").clone();
    let found = rooms.iter().find(|room| room["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {rooms:?}")).clone()
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_that_it_lives_and_what_it_is() {
    let server = TestServer::start_with(&["--name", "Our chat"]).await;
    let nobody = Client::new(server.address);

    assert_eq!(nobody.get("/health").await.status, 200);
    assert_eq!(nobody.get("/ready").await.status, 200);
    let metrics = nobody.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(String::from_utf8(metrics.body).unwrap().contains("impulse_"));

    let info = nobody.get("/api/info").await.expect(200);
    assert_eq!(info["name"], "Our chat");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["registration"], "open");
    assert!(info["limits"]["text"].is_u64(), "{info}");
    assert_eq!(info["kdf"]["alg"], "pbkdf2-sha256", "{info}");

    let encryption = nobody.get("/api/e2ee/info").await.expect(200);
    assert_eq!(encryption["suites"], json!([1]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_wrong_methods_are_told_apart() {
    let server = TestServer::start().await;
    let nobody = Client::new(server.address);

    nobody.get("/api/nothing").await.refused(404, "not_found");
    nobody.get("/api/rooms/abc").await.refused(404, "not_found");
    let wrong = nobody.request("PUT", "/api/me", None).await;
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, PATCH, DELETE"));
    wrong.refused(405, "method_not_allowed");
    nobody.get("/api/auth/login").await.refused(405, "method_not_allowed");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_api_answers_without_a_session() {
    let server = TestServer::start().await;
    let nobody = Client::new(server.address);
    let paths = ["me", "sessions", "tokens", "users", "users/1", "rooms", "rooms/1"];
    for path in paths {
        nobody.get(&format!("/api/{path}")).await.refused(401, "unauthorized");
    }
    nobody.get("/api/rooms/1/messages").await.refused(401, "unauthorized");
    nobody.get("/api/rooms/1/members").await.refused(401, "unauthorized");
    nobody
        .post("/api/rooms", json!({"name": "x", "kind": "open"}))
        .await
        .refused(401, "unauthorized");

    let guesser = nobody.with_token("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    guesser.get("/api/me").await.refused(401, "unauthorized");
    let mut stranger = nobody.clone();
    stranger.cookie = Some("impulse_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into());
    stranger.get("/api/me").await.refused(401, "unauthorized");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_signed_in_and_in_the_default_rooms() {
    let server = TestServer::start().await;
    let mut anna = Client::new(server.address);
    let answer = anna.post("/api/auth/register", registration("anna")).await;
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    for part in ["impulse_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain HTTP: {cookie}");
    anna.keep_cookie(&answer);
    let body = answer.expect(201);
    assert!(body["share"].is_string() && body["uid"].is_string(), "{body}");
    assert_eq!(body.get("token"), None, "only on demand: {body}");

    let me = anna.get("/api/me").await.expect(200);
    assert_eq!((&me["id"], &me["username"]), (&body["uid"], &json!("anna")));
    assert_eq!(me["admin"], false);
    let rooms = anna.get("/api/rooms").await.expect(200);
    let mut names = names(&rooms["rooms"], "name");
    names.sort();
    assert_eq!(names, ["General", "Help", "Random"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_refuses_a_taken_name_and_names_what_is_wrong() {
    let server = TestServer::start().await;
    server.user("anna").await;
    let nobody = Client::new(server.address);

    nobody.post("/api/auth/register", registration("anna")).await.refused(409, "conflict");
    nobody.post("/api/auth/register", registration("ANNA")).await.refused(409, "conflict");
    for (field, value) in [
        ("username", json!("")),
        ("username", json!("a b")),
        ("username", json!(7)),
        ("auth", json!("short")),
        ("salt", json!("!!")),
        ("iter", json!(1000)),
        ("alg", json!("md5")),
    ] {
        let mut body = registration("bert");
        body[field] = value;
        let answer = nobody.post("/api/auth/register", body).await;
        let sentence = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(sentence.contains(field), "{field}: {sentence}");
        answer.refused(400, "bad_request");
    }
    let mut missing = registration("bert");
    missing.as_object_mut().unwrap().remove("auth");
    let answer = nobody.post("/api/auth/register", missing).await;
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("auth"));
    answer.refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_server_takes_no_accounts_but_the_first_admin() {
    let server = TestServer::start_with(&["--registration", "closed"]).await;
    let code = server.setup_code().expect("no admin yet");
    let mut admin = Client::new(server.address);
    admin
        .post("/api/auth/register", registration("bert"))
        .await
        .refused(403, "registration_closed");

    let mut wrong = registration("boss");
    wrong["setup"] = json!("not-the-code");
    assert!(admin.post("/api/auth/register", wrong).await.status >= 400);

    let mut body = registration("boss");
    body["setup"] = json!(code);
    let answer = admin.post("/api/auth/register", body.clone()).await;
    admin.keep_cookie(&answer);
    answer.expect(201);
    assert_eq!(admin.get("/api/me").await.expect(200)["admin"], true);
    assert_eq!(server.setup_code(), None, "used up");

    body["username"] = json!("boss2");
    assert!(admin.post("/api/auth/register", body).await.status >= 400);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_gives_the_same_share_and_tells_wrong_from_unknown_in_nothing() {
    let server = TestServer::start().await;
    let nobody = Client::new(server.address);
    let share =
        nobody.post("/api/auth/register", registration("anna")).await.expect(201)["share"].clone();

    let login =
        json!({"username": "anna", "auth": auth_of("anna"), "device": "test", "token": true});
    let body = nobody.post("/api/auth/login", login).await.expect(200);
    assert_eq!(body["share"], share);
    assert_eq!(body["locked"], false);
    assert!(body["keys"].is_null(), "{body}");
    let script = nobody.with_token(body["token"].as_str().expect("a token"));
    assert_eq!(script.get("/api/me").await.expect(200)["username"], "anna");

    let wrong = json!({"username": "anna", "auth": auth_of("x"), "device": "test"});
    let unknown = json!({"username": "nobody", "auth": auth_of("x"), "device": "test"});
    let wrong = nobody.post("/api/auth/login", wrong).await;
    let unknown = nobody.post("/api/auth/login", unknown).await;
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.header("set-cookie"), None);
    wrong.refused(401, "bad_credentials");
    unknown.refused(401, "bad_credentials");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prelogin_answers_unknown_names_with_a_salt_that_stays() {
    let server = TestServer::start().await;
    server.user("anna").await;
    let nobody = Client::new(server.address);
    let ask = |name: &'static str| {
        let nobody = nobody.clone();
        async move { nobody.post("/api/auth/prelogin", json!({"username": name})).await.expect(200) }
    };
    let known = ask("anna").await;
    assert_eq!(known["salt"], registration("anna")["salt"]);
    assert_eq!(known["iter"], 1_000_000);
    let unknown = ask("ghost").await;
    assert_eq!(unknown["alg"], "pbkdf2-sha256");
    assert_eq!(unknown["iter"], impulse::base::limits::auth::ITERATIONS);
    assert_eq!(unknown, ask("ghost").await);
    assert_ne!(unknown["salt"], ask("wraith").await["salt"]);
    nobody.post("/api/auth/prelogin", json!({})).await.refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_cannot_use_the_cookie() {
    let server = TestServer::start_with(&["--origins", "https://friend.example"]).await;
    let anna = server.user("anna").await;
    let bio = json!({"bio": "hi"});
    for origin in [
        Some("https://evil.example".to_owned()),
        Some("null".to_owned()),
        Some(format!("https://{}", server.address)),
        Some(format!("http://{}.evil.example", server.address)),
        None,
    ] {
        let foreign = Client { origin: origin.clone(), ..anna.clone() };
        foreign.patch("/api/me", bio.clone()).await.refused(403, "bad_origin");
        let refused = Socket::open(&foreign).await.err().expect("no upgrade");
        assert_eq!(refused.status, 403, "{origin:?}");
        foreign.get("/api/me").await.expect(200);
    }
    let evil = Some("https://evil.example".to_owned());
    let foreign = Client { origin: evil, ..Client::new(server.address) };
    let login = json!({"username": "anna", "auth": auth_of("anna"), "device": "x"});
    foreign.post("/api/auth/login", login).await.refused(403, "bad_origin");

    let friend = Client { origin: Some("https://friend.example".into()), ..anna.clone() };
    friend.patch("/api/me", bio.clone()).await.expect(200);
    assert!(Socket::open(&friend).await.is_ok(), "a friend may");
    anna.patch("/api/me", bio).await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_one_person_is_not_answered_with_the_cookie_of_another() {
    let server = TestServer::start().await;
    let (anna, bela) = (server.user("anna").await, server.user("bela").await);
    let stale = Client { page_of: Some(anna.uid.clone()), ..bela.clone() };
    stale.patch("/api/me", json!({"bio": "I am Anna"})).await.refused(401, "unauthorized");
    stale
        .post("/api/rooms", json!({"name": "Anna's", "kind": "open"}))
        .await
        .refused(401, "unauthorized");
    stale.post("/api/auth/logout", json!({})).await.refused(401, "unauthorized");
    stale.get("/api/rooms").await.refused(401, "unauthorized");
    assert_eq!(bela.get("/api/me").await.expect(200)["bio"], "", "and is still signed in");
    let own = Client { page_of: Some(bela.uid.clone()), ..bela.clone() };
    own.patch("/api/me", json!({"bio": "I am Bela"})).await.expect(200);
    assert_eq!(bela.get("/api/info").await.expect(200)["uid"], bela.uid.as_str());
    assert!(Client::new(server.address).get("/api/info").await.expect(200).get("uid").is_none());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_required_and_read_strictly() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let send = |kind: &'static str, body: String| {
        let anna = anna.clone();
        async move {
            let request = format!(
                "PATCH /api/me HTTP/1.1\r\n{}Connection: close\r\nContent-Type: {kind}\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                anna.fields(),
                body.len()
            );
            anna.raw(request.as_bytes()).await
        }
    };
    send("text/plain", r#"{"bio":"x"}"#.into()).await.refused(415, "unsupported_type");
    send("application/json", "{".into()).await.refused(400, "bad_request");
    send("application/json", "[".repeat(5_000)).await.refused(400, "bad_request");
    send("application/json", r#"{"bio":"a\u0000b"}"#.into()).await.refused(400, "bad_request");
    send("application/json", r#"{"bio":7}"#.into()).await.refused(400, "bad_request");
    send("application/json", r#"{"unknown":1}"#.into()).await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_by_its_owner_and_seen_by_others() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;

    let change = json!({"display_name": "Anna B.", "bio": "Hello", "locale": "ru"});
    let me = anna.patch("/api/me", change).await.expect(200);
    assert_eq!((&me["display_name"], &me["locale"]), (&json!("Anna B."), &json!("ru")));
    let seen = bert.get(&format!("/api/users/{}", anna.uid)).await.expect(200);
    assert_eq!((&seen["display_name"], &seen["bio"]), (&json!("Anna B."), &json!("Hello")));
    assert_eq!(seen.get("admin"), None, "not for everybody: {seen}");

    anna.patch("/api/me", json!({"display_name": "x".repeat(500)}))
        .await
        .refused(400, "bad_request");
    anna.patch("/api/me", json!({"bio": "x".repeat(10_000)})).await.refused(400, "bad_request");
    anna.patch("/api/me", json!({"locale": "../../x"})).await.refused(400, "bad_request");
    bert.get("/api/users/999999").await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_finds_by_name() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    server.user("bert").await;
    let list = anna.get("/api/users").await.expect(200);
    assert_eq!(names(&list["users"], "username"), ["anna", "bert"]);
    let list = anna.get("/api/users?q=BER").await.expect(200);
    assert_eq!(names(&list["users"], "username"), ["bert"]);
    let list = anna.get("/api/users?q=%25").await.expect(200);
    assert_eq!(list["users"], json!([]), "a pattern is no wildcard");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_by_one() {
    let server = TestServer::start().await;
    let here = server.user("anna").await;
    let there = Client::login(server.address, "anna").await;
    let bert = server.user("bert").await;

    let list = here.get("/api/sessions").await.expect(200);
    let sessions = list["sessions"].as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 2, "{list}");
    let other = sessions.iter().find(|session| session["current"] == false).expect("the other");
    let path = format!("/api/sessions/{}", other["id"].as_str().expect("an id"));

    bert.delete(&path).await.refused(404, "not_found");
    let mut socket = there.socket().await;
    socket.op("hello").await;
    assert_eq!(here.delete(&path).await.status, 204);
    assert_eq!(socket.op("bye").await["code"], "revoked");
    assert_eq!(socket.closed().await, Some(1008));
    there.get("/api/me").await.refused(401, "unauthorized");
    here.get("/api/me").await.expect(200);
    here.delete(&path).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_shown_once_and_end_when_deleted() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let made = anna.post("/api/tokens", json!({"label": "my script"})).await.expect(201);
    let token = made["token"].as_str().expect("shown once");
    let path = format!("/api/tokens/{}", made["id"].as_str().expect("an id"));

    let script = anna.with_token(token);
    assert_eq!(script.get("/api/me").await.expect(200)["id"], json!(anna.uid));
    let list = anna.get("/api/tokens").await.expect(200);
    assert_eq!(names(&list["tokens"], "label"), ["my script"]);
    assert!(!list.to_string().contains(token), "never again");

    let mut socket = script.socket().await;
    socket.op("hello").await;
    assert_eq!(anna.delete(&path).await.status, 204);
    assert_eq!(socket.closed().await, Some(1008));
    script.get("/api/me").await.refused(401, "unauthorized");
    anna.delete(&path).await.refused(404, "not_found");
    anna.post("/api/tokens", json!({"label": "x".repeat(1_000)})).await.refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_session_and_its_sockets_only() {
    let server = TestServer::start().await;
    let here = server.user("anna").await;
    let there = Client::login(server.address, "anna").await;
    let mut leaving = here.socket().await;
    let mut staying = there.socket().await;
    leaving.op("hello").await;
    staying.op("hello").await;

    let answer = here.post("/api/auth/logout", json!({})).await;
    assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(answer.status, 204);
    let started = std::time::Instant::now();
    assert_eq!(leaving.op("bye").await["code"], "revoked");
    assert_eq!(leaving.closed().await, Some(1008));
    assert!(started.elapsed() < std::time::Duration::from_secs(1));
    here.get("/api/me").await.refused(401, "unauthorized");
    staying.ok(json!({"op": "ping"})).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_rooms_are_joined_and_left_by_anyone() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let made = json!({"name": "Garden", "topic": "Plants", "kind": "open"});
    let made = anna.post("/api/rooms", made).await.expect(201);
    let path = format!("/api/rooms/{}", made["id"].as_str().expect("an id"));
    assert_eq!((&made["name"], &made["topic"]), (&json!("Garden"), &json!("Plants")));

    let seen = room_named(&bert, "Garden").await;
    assert!(seen["role"].is_null(), "seen, not joined: {seen}");
    bert.get(&format!("{path}/messages")).await.expect(200);
    bert.post(&format!("{path}/members"), json!({"uid": bert.uid})).await.expect(201);
    bert.get(&format!("{path}/messages")).await.expect(200);
    let members = bert.get(&format!("{path}/members")).await.expect(200);
    let mut uids = names(&members["members"], "uid");
    uids.sort();
    assert_eq!(uids, [anna.uid.as_str(), bert.uid.as_str()]);
    let state_of_bert = |members: &serde_json::Value| {
        let members = members["members"].as_array().unwrap().iter();
        members.clone().find(|m| m["uid"] == bert.uid).unwrap()["state"].clone()
    };
    assert_eq!(state_of_bert(&members), "offline");
    let socket = bert.socket().await;
    assert_eq!(state_of_bert(&bert.get(&format!("{path}/members")).await.expect(200)), "online");
    drop(socket);

    assert_eq!(bert.delete(&format!("{path}/members/{}", bert.uid)).await.status, 204);
    assert!(room_named(&bert, "Garden").await["role"].is_null(), "left");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_room_is_invisible_until_one_is_invited() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let made =
        anna.post("/api/rooms", json!({"name": "Secret", "kind": "closed"})).await.expect(201);
    let path = format!("/api/rooms/{}", made["id"].as_str().expect("an id"));

    let list = bert.get("/api/rooms").await.expect(200);
    assert!(!names(&list["rooms"], "name").contains(&"Secret".to_owned()));
    bert.get(&path).await.refused(404, "not_found");
    bert.get(&format!("{path}/members")).await.refused(404, "not_found");
    bert.post(&format!("{path}/members"), json!({"uid": bert.uid})).await.refused(404, "not_found");

    anna.post(&format!("{path}/members"), json!({"uid": bert.uid})).await.expect(201);
    bert.get(&path).await.expect(200);
    bert.patch(&path, json!({"name": "Mine"})).await.refused(403, "forbidden");
    bert.delete(&path).await.refused(403, "forbidden");
    anna.post(&format!("{path}/members"), json!({"uid": "999999"})).await.refused(404, "not_found");

    assert_eq!(anna.delete(&format!("{path}/members/{}", bert.uid)).await.status, 204);
    bert.get(&path).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_have_one_direct_room() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let first =
        anna.post("/api/rooms", json!({"kind": "dm", "members": [bert.uid]})).await.expect(201);
    let again =
        anna.post("/api/rooms", json!({"kind": "dm", "members": [bert.uid]})).await.expect(200);
    let other =
        bert.post("/api/rooms", json!({"kind": "dm", "members": [anna.uid]})).await.expect(200);
    assert_eq!((&first["id"], &first["id"]), (&again["id"], &other["id"]));
    anna.post("/api/rooms", json!({"kind": "dm", "members": ["999999"]}))
        .await
        .refused(404, "not_found");
    anna.post("/api/rooms", json!({"kind": "dm"})).await.refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_renames_and_removes_a_room() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let made = anna.post("/api/rooms", json!({"name": "Old", "kind": "open"})).await.expect(201);
    let path = format!("/api/rooms/{}", made["id"].as_str().expect("an id"));
    let changed = anna.patch(&path, json!({"name": "New", "topic": "t"})).await.expect(200);
    assert_eq!((&changed["name"], &changed["topic"]), (&json!("New"), &json!("t")));
    anna.patch(&path, json!({"name": ""})).await.refused(400, "bad_request");
    anna.patch(&path, json!({"name": 5})).await.refused(400, "bad_request");
    assert_eq!(anna.delete(&path).await.status, 204);
    anna.get(&path).await.refused(404, "not_found");

    for body in [
        json!({}),
        json!({"name": "x", "kind": "weird"}),
        json!({"name": "x".repeat(200), "kind": "open"}),
    ] {
        anna.post("/api/rooms", body).await.refused(400, "bad_request");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_paged_in_both_directions() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = room_named(&anna, "General").await["id"].as_str().unwrap().to_owned();
    let mut socket = anna.socket().await;
    for n in 1..=7 {
        socket.send_text(&room, &format!("m{n}")).await;
    }
    let page = async |query: &str| {
        let path = format!("/api/rooms/{room}/messages{query}");
        let page = anna.get(&path).await.expect(200);
        let texts = page["messages"].as_array().unwrap().iter();
        let texts: Vec<_> = texts.map(|m| m["msg"]["t"].as_str().unwrap().to_owned()).collect();
        (texts, page["more"].as_bool().expect("more"))
    };
    assert_eq!(page("?limit=3").await, (vec!["m5".into(), "m6".into(), "m7".into()], true));
    assert_eq!(
        page("?before=5&limit=3").await,
        (vec!["m2".into(), "m3".into(), "m4".into()], true)
    );
    assert_eq!(page("?before=2&limit=3").await, (vec!["m1".into()], false));
    assert_eq!(page("?after=5").await, (vec!["m6".into(), "m7".into()], false));
    assert_eq!(page("?after=1&limit=2").await, (vec!["m2".into(), "m3".into()], true));
    for query in ["?limit=x", "?limit=0", "?before=-1", "?after=1e9"] {
        anna.get(&format!("/api/rooms/{room}/messages{query}")).await.refused(400, "bad_request");
    }
    anna.get("/api/rooms/999999/messages").await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_slowed_down_and_told_when_to_try_again() {
    // A fifth of the usual ten a minute: every guess costs a full computation.
    let server = TestServer::start_with(&["--rate-limit-scale", "0.2"]).await;
    let nobody = Client::new(server.address);
    // The bucket refills while the guesses are computed, so their number is not exact.
    let mut guesses = 0;
    let refused = loop {
        let guess = json!({"username": "anna", "auth": auth_of("guess"), "device": "test"});
        let answer = nobody.post("/api/auth/login", guess).await;
        if answer.status == 429 {
            break answer;
        }
        answer.refused(401, "bad_credentials");
        guesses += 1;
        assert!(guesses < 60, "nothing slows the guessing down");
    };
    assert!(guesses >= 2, "refused after {guesses}");
    let wait = refused.header("retry-after").and_then(|wait| wait.parse::<u32>().ok());
    assert!(wait.is_some_and(|wait| (1..=60).contains(&wait)), "{refused:?}");
    refused.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_logs_in_anew_gives_up_its_old_session() {
    let server = TestServer::start().await;
    let old = server.user("anna").await;
    let elsewhere = Client::login(server.address, "anna").await;
    let mut new = old.clone();
    let login = json!({"username": "anna", "auth": auth_of("anna"), "device": "test"});
    let answer = new.post("/api/auth/login", login).await;
    new.keep_cookie(&answer);
    assert_ne!(new.cookie, old.cookie);
    new.get("/api/me").await.expect(200);
    elsewhere.get("/api/me").await.expect(200);
    old.get("/api/me").await.refused(401, "unauthorized");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_default_rooms_missed_they_take_in_at_the_next_login_and_only_then() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let room = room_named(&bert, "Random").await["id"].as_str().unwrap().to_owned();
    let left = bert.delete(&format!("/api/rooms/{room}/members/{}", bert.uid)).await;
    assert_eq!(left.status, 204);
    let database = server.database.clone();
    server.stop().await;

    // As if the chat store had been away when anna registered.
    let (sql, connection) =
        tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let lost = format!(
        "DELETE FROM chat.members WHERE user_id = {0};
         UPDATE accounts.users SET has_joined = false WHERE id = {0}",
        anna.uid
    );
    sql.batch_execute(&lost).await.unwrap();

    let server = TestServer::start_on(&database, &[]).await;
    let anna = Client::login(server.address, "anna").await;
    assert_eq!(room_named(&anna, "Random").await["role"], "member");
    let bert = Client::login(server.address, "bert").await;
    assert!(room_named(&bert, "Random").await["role"].is_null(), "who left stays away");
    server.stop().await;
}
