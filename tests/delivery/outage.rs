//! The database goes away and comes back: meanwhile nothing is acknowledged falsely, and the server recovers by
//! itself.

use std::path::Path;
use std::time::{Duration, Instant};

use impulse::store::embedded::Embedded;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::disk::SmallDisk;
use crate::support;
use crate::support::TestServer;
use crate::support::client::new_mid;

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
    socket.send_text(&room, "before").await;

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
        let answer = socket.request(send.clone()).await;
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
async fn a_database_that_hangs_stops_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let running = database(folder.path()).await;
    let server = TestServer::start_on(&running.url(), &[]).await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let hello = socket.op("hello").await;
    let room = hello["rooms"][0]["id"].as_str().unwrap().to_owned();
    socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    let (mid, _) = socket.send_text(&room, "before").await;
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
    while socket.request(edit.clone()).await["op"] != "ok" {
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
async fn a_commit_that_hangs_is_given_up_and_a_message_sent_again_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let running = database(folder.path()).await;
    let server = TestServer::start_on(&running.url(), &[]).await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    socket.send_text("1", "before").await;
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
        while socket.request(message.clone()).await["op"] != "ok" {
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

/// Requests `/ready` until its status is as wanted; the body of that answer.
async fn ready_is(anna: &support::client::Client, status: u16) -> serde_json::Value {
    // A write is tried every few seconds.
    let patience = impulse::base::limits::store::PROBE + Duration::from_secs(3);
    let since = Instant::now();
    loop {
        let answer = anna.get("/ready").await;
        if answer.status == status {
            return answer.json();
        }
        assert!(since.elapsed() < patience, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A file that takes all that is left.
fn fill(disk: &SmallDisk) -> std::path::PathBuf {
    let path = disk.path().join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    let zeros = [0; 4096];
    while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_the_server_not_ready_for_that_reason() {
    // Where nobody may mount, the disk of the next test, which only says so, must do.
    let Some(disk) = SmallDisk::mount(200 * 1024 * 1024) else { return };
    let folder = disk.path().join("data");
    let running = database(&folder).await;
    let server = TestServer::start_on(&running.url(), &[]).await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    socket.send_text("1", "before").await;
    ready_is(&anna, 200).await;

    let filler = fill(&disk);
    let answer = ready_is(&anna, 503).await;
    let sentence = "The database cannot store anything: its disk is full.";
    assert_eq!(answer["error"]["message"], sentence);
    // Too much for what is left of the pages there are, and not to be compressed.
    let text: String = (0..1_200).map(|_| new_mid()).collect();
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": text});
    let send = json!({"op": "msg.send", "room": "1", "msg": msg});
    let refused = socket.err(send.clone(), "unavailable").await;
    assert_eq!(refused["message"], sentence);
    anna.get("/health").await.expect(200);
    anna.get("/api/rooms").await.expect(200);

    std::fs::remove_file(filler).unwrap();
    ready_is(&anna, 200).await;
    let back = Instant::now();
    while socket.request(send.clone()).await["op"] != "ok" {
        assert!(back.elapsed() < Duration::from_secs(5), "no recovery");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.stop().await;
    stop(running).await;
}

/// Whatever keeps a write from being committed, the sentence names it.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_is_not_ready_and_says_why() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    socket.send_text("1", "before").await;
    let sql = server.sql().await;
    let renew = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let fails_with = |code: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION public.fails() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'as ordered' USING ERRCODE = '{code}'; END $$;
             CREATE OR REPLACE TRIGGER fails BEFORE INSERT OR UPDATE ON chat.write_probe
                 FOR EACH STATEMENT EXECUTE FUNCTION public.fails();
             CREATE OR REPLACE TRIGGER fails BEFORE INSERT OR UPDATE ON chat.messages
                 FOR EACH STATEMENT EXECUTE FUNCTION public.fails()"
        )
    };
    let readonly = "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database()
                    || ' SET default_transaction_read_only = on'; END $$";
    let again = "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database()
                 || ' SET default_transaction_read_only = off'; END $$";
    let whole = "DROP TRIGGER fails ON chat.write_probe; DROP TRIGGER fails ON chat.messages";
    let cases = [
        (fails_with("53100"), whole, "The database cannot store anything: its disk is full."),
        (fails_with("53200"), whole, "The database cannot do this right now."),
        (readonly.to_owned(), again, "The database takes no changes right now: it is read-only."),
    ];
    for (breaks, mends, sentence) in cases {
        sql.batch_execute(&breaks).await.unwrap();
        sql.batch_execute(renew).await.unwrap();
        let answer = ready_is(&anna, 503).await;
        assert_eq!(answer["error"]["code"], "unavailable");
        let since = Instant::now();
        // The connections that were ended are noticed by whoever uses them next.
        while anna.get("/ready").await.json()["error"]["message"] != sentence {
            assert!(since.elapsed() < Duration::from_secs(3), "{sentence}: {answer}");
        }
        let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "meanwhile"});
        let send = json!({"op": "msg.send", "room": "1", "msg": msg});
        while socket.err(send.clone(), "unavailable").await["message"] != sentence {
            assert!(since.elapsed() < Duration::from_secs(6), "{sentence}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        sql.batch_execute(&format!("SET default_transaction_read_only = off; {mends}"))
            .await
            .unwrap();
        sql.batch_execute(renew).await.unwrap();
        ready_is(&anna, 200).await;
        let back = Instant::now();
        while socket.request(send.clone()).await["op"] != "ok" {
            assert!(back.elapsed() < Duration::from_secs(5), "no recovery");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    server.stop().await;
}

/// A hundred requests at once are answered from one check, and each store has one connection busy with it.
#[tokio::test(flavor = "multi_thread")]
async fn however_many_clients_ask_for_ready_the_stores_are_queried_once() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let sql = server.sql().await;
    // Held up in its write for as long as everybody asks.
    let lock = server.sql().await;
    lock.batch_execute("BEGIN; LOCK TABLE chat.write_probe IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let since = Instant::now();
    let asking: Vec<_> = (0..100)
        .map(|_| {
            let anna = anna.clone();
            tokio::spawn(async move { anna.get("/ready").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                   AND datname = current_database()";
    assert_eq!(sql.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0), 1);
    for answer in asking {
        let answer = answer.await.unwrap();
        assert_eq!(
            answer.json()["error"]["message"],
            "The database does not answer in time right now."
        );
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    lock.batch_execute("COMMIT").await.unwrap();
    ready_is(&anna, 200).await;
    // As long as a write committed a moment ago, none is tried.
    let written = "SELECT at FROM chat.write_probe";
    let at: i64 = sql.query_one(written, &[]).await.unwrap().get(0);
    assert!(at > 0);
    for _ in 0..20 {
        anna.get("/ready").await.expect(200);
    }
    assert_eq!(sql.query_one(written, &[]).await.unwrap().get::<_, i64>(0), at);
    server.stop().await;
}
