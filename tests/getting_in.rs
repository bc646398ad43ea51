//! Getting in: passwords that are changed and set by tickets, invitations, and who may register.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use tokio_postgres::NoTls;

use support::TestServer;
use support::client::{Answer, Client, auth_of, registration};

/// A connection of the test's own to the server's database: to age a row instead of waiting.
async fn sql(server: &TestServer) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.database, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

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
    let mut weak = prepare(by.clone(), "new");
    weak["iter"] = json!(1_000);
    anna.post(path, weak).await.refused(400, "bad_request");
    let mut foreign = anna.clone();
    foreign.origin = Some("https://evil.example".into());
    foreign.post(path, prepare(by.clone(), "new")).await.refused(403, "bad_origin");

    // What anna prepared is nothing to bert, to nobody, and to a session that has ended.
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

    let sql = sql(&server).await;
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
