//! Getting in: passwords that are changed, and set by tickets.

use serde_json::{Value, json};

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Answer, Client, auth_of, registration};

/// The body of `prepare` for a password that `auth_of(password)` stands for.
fn prepare(by: Value, password: &str) -> Value {
    let mut body = registration(password);
    body.as_object_mut().unwrap().remove("username");
    body["by"] = by;
    body
}

async fn prepared(client: &Client, by: Value, password: &str) -> Value {
    client.post("/api/auth/password/prepare", prepare(by, password)).await.expect(200)
}

async fn login(server: &TestServer, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "auth": auth_of(password), "device": "test"});
    Client::new(server.address).post("/api/auth/login", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_signs_out_the_others_and_their_sockets_but_not_this_one() {
    let server = TestServer::start().await;
    let here = server.user("anna").await;
    let there = Client::login(server.address, "anna").await;
    let made = here.post("/api/tokens", json!({"label": "script"})).await.expect(201);
    let script = here.with_token(made["token"].as_str().unwrap());
    let (mut mine, mut other) = (here.socket().await, there.socket().await);
    mine.op("hello").await;
    other.op("hello").await;

    let pending = prepared(&here, json!({"auth": auth_of("anna")}), "new").await;
    login(&server, "anna", "anna").await.expect(200);
    let commit = json!({"pending": pending["pending"]});
    assert_eq!(here.post("/api/auth/password/commit", commit.clone()).await.status, 204);

    let ended = tokio::time::timeout(std::time::Duration::from_secs(1), other.closed()).await;
    assert_eq!(ended.expect("within a second"), Some(1008));
    assert_eq!(other.op("bye").await["code"], "revoked");
    there.get("/api/me").await.refused(401, "unauthorized");
    here.get("/api/me").await.expect(200);
    mine.ok(json!({"op": "ping"})).await;
    script.get("/api/me").await.expect(200);
    login(&server, "anna", "anna").await.refused(401, "bad_credentials");
    let share = login(&server, "anna", "new").await.expect(200)["share"].clone();
    assert_eq!(share, pending["share"], "what the keys were wrapped with");
    here.post("/api/auth/password/commit", commit).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_browsers_stay_signed_in_if_that_is_wished() {
    let server = TestServer::start().await;
    let here = server.user("anna").await;
    let there = Client::login(server.address, "anna").await;
    let pending = prepared(&here, json!({"auth": auth_of("anna")}), "new").await;
    let commit = json!({"pending": pending["pending"], "sign_out_others": false});
    assert_eq!(here.post("/api/auth/password/commit", commit).await.status, 204);
    there.get("/api/me").await.expect(200);

    assert_eq!(there.delete("/api/sessions").await.status, 204);
    here.get("/api/me").await.refused(401, "unauthorized");
    there.get("/api/me").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_changed_by_who_does_not_know_it_or_is_not_there() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let nobody = Client::new(server.address);
    let path = "/api/auth/password/prepare";

    let by = json!({"auth": auth_of("wrong")});
    anna.post(path, prepare(by, "new")).await.refused(401, "bad_credentials");
    let by = json!({"auth": auth_of("anna")});
    nobody.post(path, prepare(by.clone(), "new")).await.refused(401, "unauthorized");
    for by in [json!({}), json!({"auth": auth_of("anna"), "ticket": "x"}), json!("auth")] {
        anna.post(path, prepare(by, "new")).await.refused(400, "bad_request");
    }
    for (by, shown) in [
        (json!("auth"), "string \"auth\", expected struct By."),
        (json!([]), "length 0, expected struct By with 4 elements."),
    ] {
        let refused = anna.post(path, prepare(by, "new")).await.json();
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("Field \"by\": invalid ") && message.ends_with(shown),
            "{message}"
        );
    }
    let mut weak = prepare(by.clone(), "new");
    weak["iter"] = json!(1_000);
    anna.post(path, weak).await.refused(400, "bad_request");
    let mut foreign = anna.clone();
    foreign.origin = Some("https://evil.example".into());
    foreign.post(path, prepare(by.clone(), "new")).await.refused(403, "bad_origin");

    // What anna prepared cannot be committed by bert, without a session, or by a session that has ended.
    let pending = prepared(&anna, by.clone(), "new").await["pending"].clone();
    let commit = json!({"pending": pending});
    let path = "/api/auth/password/commit";
    bert.post(path, commit.clone()).await.refused(404, "not_found");
    nobody.post(path, commit.clone()).await.refused(404, "not_found");
    let elsewhere = Client::login(server.address, "anna").await;
    elsewhere.delete("/api/sessions").await;
    anna.post(path, commit.clone()).await.refused(404, "not_found");
    assert_eq!(elsewhere.post(path, commit).await.status, 204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_password_waits_ten_minutes_and_only_the_last_one() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let by = json!({"auth": auth_of("anna")});
    let first = prepared(&anna, by.clone(), "one").await["pending"].clone();
    let second = prepared(&anna, by.clone(), "two").await["pending"].clone();
    let path = "/api/auth/password/commit";
    anna.post(path, json!({"pending": first})).await.refused(404, "not_found");

    let sql = server.sql().await;
    let left: i64 = sql
        .query_one(
            "SELECT expires_at - created_at FROM accounts.auth_slots WHERE kind = 'pending'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!((595_000..=605_000).contains(&left), "{left}");
    let age = "UPDATE accounts.auth_slots SET expires_at = created_at WHERE kind = 'pending'";
    sql.batch_execute(age).await.unwrap();
    anna.post(path, json!({"pending": second})).await.refused(404, "not_found");
    login(&server, "anna", "two").await.refused(401, "bad_credentials");
    login(&server, "anna", "anna").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unlocking_answers_the_share_to_who_knows_the_password() {
    let server = TestServer::start().await;
    let mut anna = Client::new(server.address);
    let answer = anna.post("/api/auth/register", registration("anna")).await;
    anna.keep_cookie(&answer);
    let share = answer.expect(201)["share"].clone();
    let path = "/api/auth/unlock";
    let unlocked = anna.post(path, json!({"auth": auth_of("anna")})).await.expect(200);
    assert_eq!((&unlocked["share"], &unlocked["keys"]), (&share, &Value::Null));
    anna.post(path, json!({"auth": auth_of("x")})).await.refused(401, "bad_credentials");
    let nobody = Client::new(server.address);
    nobody.post(path, json!({"auth": auth_of("anna")})).await.refused(401, "unauthorized");
    server.stop().await;
}

/// A ticket for `uid`, as an administrator gets it.
async fn ticket(boss: &Client, uid: &str, compromised: bool) -> String {
    let body = json!({"compromised": compromised});
    let made = boss.post(&format!("/api/admin/users/{uid}/reset"), body).await.expect(201);
    let secret = made["ticket"].as_str().expect("told once").to_owned();
    assert_eq!(made["path"], json!(format!("/reset#{secret}")));
    secret
}

async fn look_at_ticket(client: &Client, ticket: &str) -> Answer {
    client.post("/api/auth/ticket", json!({"ticket": ticket})).await
}

async fn spend_ticket(client: &Client, ticket: &str, password: &str) -> Answer {
    let pending = prepared(client, json!({"ticket": ticket}), password).await;
    client.post("/api/auth/password/commit", json!({"pending": pending["pending"]})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_made_by_an_admin_chooses_the_first_password_by_the_ticket() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let new = json!({"username": "carla", "display_name": "Carla"});
    let made = boss.post("/api/admin/users", new).await.expect(201);
    let secret = made["ticket"].as_str().unwrap();
    let nobody = Client::new(server.address);

    // Until then the account is as an unknown name.
    let salt = nobody.post("/api/auth/prelogin", json!({"username": "carla"})).await.expect(200);
    let guess = login(&server, "carla", "guess").await;
    let unknown = login(&server, "ghost", "guess").await;
    assert_eq!(guess.body, unknown.body);
    guess.refused(401, "bad_credentials");

    let look = look_at_ticket(&nobody, secret).await.expect(200);
    let wanted =
        json!({"uid": made["uid"], "username": "carla", "display_name": "Carla", "new": true});
    assert_eq!(look, wanted);
    assert_eq!(spend_ticket(&nobody, secret, "first").await.status, 204);
    let again = nobody.post("/api/auth/prelogin", json!({"username": "carla"})).await.expect(200);
    assert_ne!(again["salt"], salt["salt"], "now it is her own");
    login(&server, "carla", "first").await.expect(200);
    look_at_ticket(&nobody, secret).await.refused(404, "not_found");
    let path = "/api/auth/password/prepare";
    let by = json!({"ticket": secret});
    nobody.post(path, prepare(by, "second")).await.refused(404, "not_found");

    let log = boss.get("/api/admin/audit?action=password.reset").await.expect(200);
    assert_eq!(log["entries"][0]["target"]["name"], "carla", "{log}");
    assert_eq!(log["entries"][0]["actor"]["name"], "carla", "{log}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_replaced_by_the_next_one_and_ends_after_a_day() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let nobody = Client::new(server.address);
    let first = ticket(&boss, &anna.uid, false).await;
    let pending = prepared(&nobody, json!({"ticket": first}), "first").await;
    let second = ticket(&boss, &anna.uid, false).await;
    look_at_ticket(&nobody, &first).await.refused(404, "not_found");
    look_at_ticket(&nobody, "no ticket").await.refused(404, "not_found");
    // What the first one had prepared went with it.
    let commit = json!({"pending": pending["pending"]});
    nobody.post("/api/auth/password/commit", commit).await.refused(404, "not_found");

    assert_eq!(look_at_ticket(&nobody, &second).await.expect(200)["new"], false);
    let pending = prepared(&nobody, json!({"ticket": second}), "second").await;
    let sql = server.sql().await;
    let lives = "SELECT expires_at - created_at FROM accounts.tickets";
    let lives: i64 = sql.query_one(lives, &[]).await.unwrap().get(0);
    assert!((86_395_000..=86_405_000).contains(&lives), "{lives}");
    sql.batch_execute("UPDATE accounts.tickets SET expires_at = created_at").await.unwrap();
    look_at_ticket(&nobody, &second).await.refused(404, "not_found");
    let commit = json!({"pending": pending["pending"]});
    nobody.post("/api/auth/password/commit", commit).await.refused(404, "not_found");
    login(&server, "anna", "anna").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_keeps_the_browser_that_chooses_the_new_one_signed_in() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let here = server.user("anna").await;
    let there = Client::login(server.address, "anna").await;
    let secret = ticket(&boss, &here.uid, false).await;
    here.get("/api/me").await.expect(200);
    // Of two who use it at once one is too late.
    let (one, two) = (
        prepared(&here, json!({"ticket": secret}), "new").await,
        prepared(&here, json!({"ticket": secret}), "new").await,
    );
    let path = "/api/auth/password/commit";
    let (one, two) = tokio::join!(
        here.post(path, json!({"pending": one["pending"]})),
        here.post(path, json!({"pending": two["pending"]})),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    here.get("/api/me").await.expect(200);
    there.get("/api/me").await.refused(401, "unauthorized");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_wrong_hands_opens_nothing_from_the_ticket_on() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let made = anna.post("/api/tokens", json!({"label": "script"})).await.expect(201);
    let script = anna.with_token(made["token"].as_str().unwrap());
    let mut socket = script.socket().await;
    socket.op("hello").await;

    let secret = ticket(&boss, &anna.uid, true).await;
    assert_eq!(socket.closed().await, Some(1008));
    anna.get("/api/me").await.refused(401, "unauthorized");
    script.get("/api/me").await.refused(401, "unauthorized");
    login(&server, "anna", "anna").await.refused(401, "bad_credentials");

    let nobody = Client::new(server.address);
    assert_eq!(look_at_ticket(&nobody, &secret).await.expect(200)["new"], false);
    assert_eq!(spend_ticket(&nobody, &secret, "new").await.status, 204);
    login(&server, "anna", "anna").await.refused(401, "bad_credentials");
    login(&server, "anna", "new").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_shut_out_does_not_come_back_by_a_ticket() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let secret = ticket(&boss, &anna.uid, false).await;
    let nobody = Client::new(server.address);
    let pending = prepared(&nobody, json!({"ticket": secret}), "new").await;
    let path = format!("/api/admin/users/{}", anna.uid);
    boss.patch(&path, json!({"disabled": true})).await.expect(200);
    look_at_ticket(&nobody, &secret).await.refused(404, "not_found");
    let commit = json!({"pending": pending["pending"]});
    nobody.post("/api/auth/password/commit", commit).await.refused(404, "not_found");
    server.stop().await;
}

/// Returns when somebody waits for a lock that the test holds.
async fn somebody_waits(sql: &tokio_postgres::Client) {
    let query = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                 WHERE NOT l.granted AND a.datname = current_database()";
    let started = std::time::Instant::now();
    while sql.query_one(query, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(started.elapsed() < support::client::PATIENCE, "nobody came");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_while_the_password_changed_opens_nothing_afterwards() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (changing, watching) = (server.sql().await, server.sql().await);
    let lock = format!("BEGIN; SELECT FROM accounts.users WHERE id = {} FOR UPDATE", anna.uid);

    // The right password, checked before it changed.
    changing.batch_execute(&lock).await.unwrap();
    let entering = tokio::spawn({
        let body = json!({"username": "anna", "auth": auth_of("anna"), "device": "test"});
        let nobody = Client::new(server.address);
        async move { nobody.post("/api/auth/login", body).await }
    });
    somebody_waits(&watching).await;
    let change = "UPDATE accounts.auth_slots SET kind = 'previous'; COMMIT";
    changing.batch_execute(change).await.unwrap();
    entering.await.unwrap().refused(401, "bad_credentials");

    // A token, asked for by a session that ends.
    changing.batch_execute(&lock).await.unwrap();
    let asking = tokio::spawn({
        let anna = anna.clone();
        async move { anna.post("/api/tokens", json!({"label": "script"})).await }
    });
    somebody_waits(&watching).await;
    changing.batch_execute("DELETE FROM accounts.sessions; COMMIT").await.unwrap();
    asking.await.unwrap().refused(401, "unauthorized");
    let left = watching.query_one("SELECT count(*) FROM accounts.sessions", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_links_and_tickets_is_slowed_down() {
    let server = TestServer::start_with(&["--rate-limit-scale", "0.1"]).await;
    let nobody = Client::new(server.address);
    for guess in ["look", "ticket"] {
        let mut refused = None;
        for _ in 0..20 {
            let answer = match guess {
                "look" => nobody.post("/api/invites/look", json!({"code": "guess"})).await,
                _ => look_at_ticket(&nobody, "guess").await,
            };
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
            answer.refused(404, "not_found");
        }
        let refused = refused.expect("slowed down");
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        refused.refused(429, "rate_limited");
    }
    server.stop().await;
}
