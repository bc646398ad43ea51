//! The database goes away and comes back: nothing false is said meanwhile, and nobody has to help.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use impulse::store::embedded::Embedded;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
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

/// A database that neither answers nor closes its connections, as after a lost network or a full
/// disk. Goes on when dropped.
struct Frozen(Vec<Pid>);

impl Frozen {
    fn freeze(folder: &Path) -> Self {
        let file = std::fs::read_to_string(postmaster(folder)).unwrap();
        let postmaster: i32 = file.lines().next().unwrap().trim().parse().unwrap();
        let parent_of = |pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<i32>().ok()
        };
        kill(Pid::from_raw(postmaster), Signal::SIGSTOP).unwrap();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let children = pids.filter(|pid| parent_of(pid) == Some(postmaster));
        let all = children.chain([postmaster]).map(Pid::from_raw).collect::<Vec<_>>();
        for pid in &all {
            let _ = kill(*pid, Signal::SIGSTOP);
        }
        Self(all)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

/// Wherever the cluster lies below its folder.
fn postmaster(folder: &Path) -> std::path::PathBuf {
    let below = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut places = below.chain([folder.to_owned()]).map(|place| place.join("postmaster.pid"));
    places.find(|place| place.exists()).expect("a running cluster")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_silences_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let running = database(folder.path()).await;
    let server = TestServer::start_on(&running.url(), &[]).await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let hello = socket.op("hello").await;
    let room = hello["rooms"][0]["id"].as_str().unwrap().to_owned();
    socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    let (mid, _) = socket.say(&room, "before").await;
    let edit = json!({"op": "msg.send", "room": room,
        "msg": {"mid": mid, "rev": 1, "kind": "msg", "t": "after"}});

    let frozen = Frozen::freeze(folder.path());
    let since = Instant::now();
    for _ in 0..3 {
        let refused = socket.err(edit.clone(), "unavailable").await;
        assert!(refused["retry_ms"].as_u64().is_some_and(|ms| ms > 0), "{refused}");
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());

    drop(frozen);
    let back = Instant::now();
    while socket.ask(edit.clone()).await["op"] != "ok" {
        assert!(back.elapsed() < Duration::from_secs(5), "no recovery");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let event = socket.find("the edit", |event| event["msg"]["rev"] == 1).await;
    assert_eq!((&event["seq"], &event["msg"]["t"]), (&json!(2), &json!("after")));
    server.stop().await;
    stop(running).await;
}

/// The first message hangs in its commit, the second finds no new connection. Both are refused, and
/// said again they are there once.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_is_given_up_and_what_is_said_again_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let running = database(folder.path()).await;
    let server = TestServer::start_on(&running.url(), &[]).await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    socket.say("1", "before").await;
    let messages = ["one", "two"].map(|text| {
        let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": text});
        json!({"op": "msg.send", "room": "1", "msg": msg})
    });

    let frozen = Frozen::freeze(folder.path());
    for message in &messages {
        let refused = socket.err(message.clone(), "unavailable").await;
        assert!(refused["retry_ms"].as_u64().is_some_and(|ms| ms > 0), "{refused}");
    }
    drop(frozen);
    let back = Instant::now();
    for message in messages {
        while socket.ask(message.clone()).await["op"] != "ok" {
            assert!(back.elapsed() < support::client::PATIENCE, "no recovery");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let page = anna.get("/api/rooms/1/messages").await.expect(200);
    let texts: Vec<_> =
        page["messages"].as_array().unwrap().iter().map(|entry| &entry["msg"]["t"]).collect();
    assert_eq!(texts, ["before", "one", "two"]);
    server.stop().await;
    stop(running).await;
}
