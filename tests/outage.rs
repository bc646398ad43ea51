//! The database goes away and comes back: nothing false is said meanwhile, and nobody has to help.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use impulse::store::embedded::Embedded;
use serde_json::json;

use support::TestServer;
use support::client::new_mid;

async fn database(folder: &Path) -> Embedded {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || Embedded::start(&folder)).await.unwrap().unwrap()
}

async fn stop(database: Embedded) {
    tokio::task::spawn_blocking(move || database.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_server_says_so_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let running = database(folder.path()).await;
    let server = TestServer::start_on(&running.url(), &[]).await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let hello = socket.op("hello").await;
    let room = hello["rooms"][0]["id"].as_str().unwrap().to_owned();
    socket.say(&room, "before").await;

    stop(running).await;
    let since = Instant::now();
    let ready = anna.get("/ready").await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert!(ready.header("retry-after").is_some());
    ready.refused(503, "unavailable");
    anna.get("/health").await.expect(200);
    let mid = new_mid();
    let msg = json!({"mid": mid, "rev": 0, "kind": "msg", "t": "meanwhile"});
    let send = json!({"op": "msg.send", "room": room, "msg": msg});
    let refused = socket.err(send.clone(), "unavailable").await;
    assert!(refused["retry_ms"].as_u64().is_some_and(|ms| ms > 0), "{refused}");
    let login =
        json!({"username": "anna", "auth": support::client::auth_of("anna"), "device": "x"});
    anna.post("/api/auth/login", login).await.refused(503, "unavailable");

    let running = database(folder.path()).await;
    let back = Instant::now();
    let ok = loop {
        let answer = socket.ask(send.clone()).await;
        if answer["op"] == "ok" {
            break answer;
        }
        assert_eq!(answer["code"], "unavailable", "{answer}");
        assert!(back.elapsed() < Duration::from_secs(5), "no recovery: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(ok["seq"], 2, "nothing was kept that was refused: {ok}");
    anna.get("/ready").await.expect(200);
    server.stop().await;
    stop(running).await;
}
