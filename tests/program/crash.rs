//! Acknowledged messages survive: kill -9 of the server and of its database, stops under load, and what every writer
//! and reader has afterwards.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Client, PATIENCE, Process, new_mid, text};

/// What one writer saw: every message it sent, with the `seq` if it was acknowledged.
type Sent = BTreeMap<String, Option<u64>>;

/// What the writers share: whether to stop, and how many acknowledgements they have.
#[derive(Default)]
struct Work {
    stop: AtomicBool,
    acknowledged: AtomicUsize,
}

/// Sends until it is stopped or the connection breaks.
fn write_until(work: &Work, address: &str, token: &str, room: &str) -> Sent {
    let mut sent = Sent::new();
    let Ok(mut client) = Client::connect(address, token) else { return sent };
    for n in 0..100_000u32 {
        if work.stop.load(Ordering::Relaxed) {
            break;
        }
        let mid = new_mid();
        sent.insert(mid.clone(), None);
        match client.request(text(room, &mid, &format!("message {n}"))) {
            Ok(answer) if answer["op"] == "ok" => {
                sent.insert(mid, answer["seq"].as_u64());
                work.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    sent
}

/// Every message of the room, by page, oldest first.
fn history(server: &Process, token: &str, room: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for _ in 0..10_000 {
        let after = all.last().map_or(0, created_seq);
        let path = format!("/api/rooms/{room}/messages?after={after}&limit=100");
        let (status, page) = server.request("GET", &path, Some(token), None);
        assert_eq!(status, 200, "{page}");
        let messages = page["messages"].as_array().expect("messages").clone();
        all.extend(messages);
        if page["more"] != true {
            return all;
        }
    }
    panic!("the history does not end");
}

/// Messages of these tests are never changed, so their `seq` is that of their creation.
fn created_seq(message: &Value) -> u64 {
    message["seq"].as_u64().expect("a seq")
}

/// The promise: each acknowledged message once, at its `seq`; no gap; no doubles; nothing foreign.
fn check(server: &Process, token: &str, room: &str, sent: &Sent) {
    let all = history(server, token, room);
    for (at, message) in all.iter().enumerate() {
        assert_eq!(created_seq(message), at as u64 + 1, "a gap or a double in seq");
    }
    let stored: BTreeMap<_, _> = all
        .iter()
        .map(|message| (message["msg"]["mid"].as_str().expect("a mid"), created_seq(message)))
        .collect();
    assert_eq!(stored.len(), all.len(), "a mid is there twice");
    for (mid, seq) in sent {
        if let Some(seq) = seq {
            assert_eq!(stored.get(mid.as_str()), Some(seq), "an acknowledged message is lost");
        }
    }
    assert!(stored.keys().all(|mid| sent.contains_key(*mid)), "a message nobody sent");
}

fn first_room(server: &Process, token: &str) -> String {
    let hello = Client::connect(&server.address, token).expect("connects").hello;
    hello["rooms"][0]["id"].as_str().expect("a ready-made room").to_owned()
}

/// Writers at work while `disaster` strikes; what they sent.
fn under_load(server: &Process, token: &str, room: &str, disaster: impl FnOnce()) -> Sent {
    let work = Arc::new(Work::default());
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (work, address) = (work.clone(), server.address.clone());
            let (token, room) = (token.to_owned(), room.to_owned());
            std::thread::spawn(move || write_until(&work, &address, &token, &room))
        })
        .collect();
    // However slow the machine is, the writers are in the middle of their work.
    wait_until("the writers write", || work.acknowledged.load(Ordering::Relaxed) >= 100);
    disaster();
    work.stop.store(true, Ordering::Relaxed);
    writers.into_iter().flat_map(|writer| writer.join().expect("no panic")).collect()
}

fn postmaster(data_dir: &Path) -> Option<i32> {
    let mut folders = vec![data_dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            if entry.file_name() == "postmaster.pid" {
                let text = std::fs::read_to_string(entry.path()).ok()?;
                return text.lines().next()?.trim().parse().ok();
            }
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            // The cluster lies at most two levels deep; its own folders hold no such file.
            if is_folder && entry.path().components().count() < data_dir.components().count() + 3 {
                folders.push(entry.path());
            }
        }
    }
    None
}

fn alive(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn kill_9_of_the_server_loses_doubles_and_reorders_nothing_and_leaves_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let mut sent = Sent::new();
    let mut token = String::new();
    for round in 0..3 {
        let server = Process::start(folder.path(), &[]);
        if round == 0 {
            token = server.register("writer");
        }
        let room = first_room(&server, &token);
        check(&server, &token, &room, &sent);

        // What was not acknowledged is sent again with the same mid, as an outbox does.
        let mut client = Client::connect(&server.address, &token).unwrap();
        for (mid, seq) in sent.iter_mut().filter(|(_, seq)| seq.is_none()) {
            let n = "sent again";
            let answer = client.request(text(&room, mid, n)).unwrap();
            // Stored before the crash with its first text, or stored now.
            if answer["op"] == "ok" {
                *seq = answer["seq"].as_u64();
            } else {
                assert_eq!(answer["code"], "mid_exists", "{answer}");
            }
        }
        check(&server, &token, &room, &sent);

        let database = postmaster(folder.path()).expect("a private database runs");
        let mut doomed = Some(server);
        let server = doomed.as_ref().unwrap();
        let pid = nix::unistd::Pid::from_raw(server.pid() as i32);
        let more = under_load(server, &token, &room, || {
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        });
        assert!(more.values().flatten().count() > 10, "the writers hardly wrote");
        sent.extend(more);
        doomed.take().unwrap().kill_9();
        wait_until("the stray database is gone", || !alive(database));
    }
    let server = Process::start(folder.path(), &[]);
    let room = first_room(&server, &token);
    check(&server, &token, &room, &sent);
    assert!(server.terminate().success());
}

#[test]
fn kill_9_of_the_database_gives_no_false_ok_and_the_server_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("writer");
    let room = first_room(&server, &token);
    let database = postmaster(folder.path()).expect("a private database runs");

    let sent = under_load(&server, &token, &room, || {
        let pid = nix::unistd::Pid::from_raw(database);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        std::thread::sleep(Duration::from_secs(1));
    });
    assert!(sent.values().flatten().count() > 10, "the writers hardly wrote");

    // Without a restart of the server, and within seconds, sending works again.
    let mut sent = sent;
    let mid = new_mid();
    sent.insert(mid.clone(), None);
    wait_until("a message is acknowledged again", || {
        let Ok(mut client) = Client::connect(&server.address, &token) else { return false };
        match client.request(text(&room, &mid, "after the storm")) {
            Ok(answer) if answer["op"] == "ok" => {
                sent.insert(mid.clone(), answer["seq"].as_u64());
                true
            }
            Ok(answer) => {
                assert_eq!(answer["code"], "unavailable", "{answer}");
                assert!(answer["retry_ms"].as_u64().is_some(), "{answer}");
                false
            }
            Err(_) => false,
        }
    });
    check(&server, &token, &room, &sent);
    assert!(server.terminate().success());
}

#[test]
fn sigterm_under_load_answers_or_refuses_every_send_says_bye_and_leaves_within_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("writer");
    let room = first_room(&server, &token);
    let mut reader = Client::connect(&server.address, &token).unwrap();
    let answer = reader.request(json!({"op": "room.subscribe", "room": room, "since": 0})).unwrap();
    assert_eq!(answer["op"], "ok", "{answer}");

    let database = postmaster(folder.path()).expect("a private database runs");
    let pid = nix::unistd::Pid::from_raw(server.pid() as i32);
    let mut stopped_in = Duration::ZERO;
    let mut server = Some(server);
    let address_holder = server.as_ref().unwrap();
    let sent = {
        let work = Work::default();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| write_until(&work, &address_holder.address, &token, &room)))
                .collect();
            wait_until("the writers write", || work.acknowledged.load(Ordering::Relaxed) >= 100);
            let began = Instant::now();
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
            wait_until("the server is gone", || !alive(pid.as_raw()));
            stopped_in = began.elapsed();
            work.stop.store(true, Ordering::Relaxed);
            writers.into_iter().flat_map(|w| w.join().expect("no panic")).collect::<Sent>()
        })
    };
    assert!(stopped_in < Duration::from_secs(10), "took {stopped_in:?}");
    assert!(!alive(database), "the database outlived the server");

    let bye = reader.event(|event| event["op"] == "bye").expect("a bye before the close");
    assert_eq!(bye["code"], "restart", "{bye}");
    assert!(bye["retry_ms"].as_u64().is_some(), "{bye}");

    assert!(server.take().unwrap().terminate_gone().success());
    let server = Process::start(folder.path(), &[]);
    check(&server, &token, &room, &sent);
}
