//! One order for all clients: many writers and readers, cut connections, repeated sends, clients that are slow
//! or vanish. Against the real binary, from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use impulse::base::limits::delivery as limits;
use serde_json::{Value, json};

use crate::process;
use crate::process::{Client, Process, new_mid, text};

const ROOMS: usize = 5;
const WRITERS: usize = 50;
const READERS: usize = 20;
const EACH: usize = 20;

fn rooms_of(client: &Client) -> Vec<String> {
    let rooms = client.hello["rooms"].as_array().unwrap();
    rooms.iter().map(|room| room["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows a room. What is left in `events` came by that: a member that does not follow the room gets
/// `activity`, which has a `seq`, too.
fn subscribe(client: &mut Client, room: &str, since: u64) -> Value {
    let ask = json!({"op": "room.subscribe", "room": room, "since": since});
    let ok = client.request(ask).unwrap();
    client.events.retain(|event| event["op"] != "activity");
    ok
}

/// Reads every room up to `wanted` changes, cutting the connection now and then and resuming by `since`.
fn read_all(
    address: &str,
    token: &str,
    rooms: &[String],
    wanted: u64,
    cut_every: usize,
) -> BTreeMap<String, Vec<(u64, String)>> {
    let mut received: BTreeMap<String, Vec<(u64, String)>> =
        rooms.iter().map(|room| (room.clone(), Vec::new())).collect();
    let is_complete = |received: &BTreeMap<String, Vec<(u64, String)>>| {
        received.values().all(|events| events.len() as u64 >= wanted)
    };
    for _ in 0..1_000 {
        let mut client = Client::connect(address, token).unwrap();
        let mut budget = cut_every;
        for room in rooms {
            let since = received[room].last().map_or(0, |(seq, _)| *seq);
            let ok = subscribe(&mut client, room, since);
            assert_eq!(ok["op"], "ok", "{ok}");
            assert_eq!(ok["truncated"], Value::Null, "{ok}");
        }
        while budget > 0 && !(client.events.is_empty() && is_complete(&received)) {
            let event = client.event(|_| true).unwrap();
            if event["op"] == "msg" {
                let seq = event["seq"].as_u64().unwrap();
                let mid = event["msg"]["mid"].as_str().unwrap().to_owned();
                received.get_mut(event["room"].as_str().unwrap()).unwrap().push((seq, mid));
                budget -= 1;
            }
        }
        if is_complete(&received) {
            return received;
        }
        // Dropped in the middle of whatever the server is writing.
    }
    panic!("the readers did not get everything");
}

#[test]
fn fifty_writers_and_twenty_readers_with_cut_connections_agree_on_one_order_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("everybody");
    for n in 0..ROOMS - 3 {
        let room = json!({"name": format!("room {n}"), "kind": "open"});
        let (status, body) = server.request("POST", "/api/rooms", Some(&token), Some(room));
        assert_eq!(status, 201, "{body}");
    }
    let rooms = rooms_of(&Client::connect(&server.address, &token).unwrap());
    assert_eq!(rooms.len(), ROOMS);
    let wanted = (WRITERS * EACH / ROOMS) as u64;

    let received: Vec<_> = std::thread::scope(|scope| {
        let (address, token, rooms) = (&server.address, &token, &rooms);
        let readers: Vec<_> = (0..READERS)
            .map(|n| scope.spawn(move || read_all(address, token, rooms, wanted, 40 + 13 * n)))
            .collect();
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let mut client = Client::connect(address, token).unwrap();
                for n in 0..EACH {
                    let (mid, room) = (new_mid(), &rooms[(writer + n) % ROOMS]);
                    let first = client.request(text(room, &mid, &format!("{writer}/{n}"))).unwrap();
                    assert_eq!(first["op"], "ok", "{first}");
                    if n % 5 == 0 {
                        let again =
                            client.request(text(room, &mid, &format!("{writer}/{n}"))).unwrap();
                        assert_eq!((&again["seq"], &again["at"]), (&first["seq"], &first["at"]));
                    }
                }
            });
        }
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    for room in &rooms {
        let seqs: Vec<u64> = received[0][room].iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, (1..=wanted).collect::<Vec<_>>(), "a gap, a double or a wrong order");
        let mids: BTreeSet<_> = received[0][room].iter().map(|(_, mid)| mid).collect();
        assert_eq!(mids.len() as u64, wanted, "a message twice");
        assert!(
            received.iter().all(|reader| reader[room] == received[0][room]),
            "readers disagree"
        );
    }
}

#[test]
fn the_same_message_on_two_connections_at_once_is_one_message_with_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("twin");
    let mut clients = [0, 1].map(|_| Client::connect(&server.address, &token).unwrap());
    let room = rooms_of(&clients[0])[0].clone();
    for n in 1..=100u64 {
        let (mid, body) = (new_mid(), format!("message {n}"));
        let ids: Vec<_> = clients
            .iter_mut()
            .map(|client| client.send(text(&room, &mid, &body)).unwrap())
            .collect();
        for (client, id) in clients.iter_mut().zip(ids) {
            let answer = client.event(|frame| frame["id"] == id.as_str()).unwrap();
            assert_eq!((&answer["op"], &answer["seq"]), (&json!("ok"), &json!(n)), "{answer}");
        }
    }
}

#[test]
fn a_client_that_missed_more_than_a_replay_gets_truncated_and_reads_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("writer");
    let mut client = Client::connect(&server.address, &token).unwrap();
    let room = rooms_of(&client)[0].clone();
    let ids: Vec<_> = (0..1_100)
        .map(|n| client.send(text(&room, &new_mid(), &format!("message {n}"))).unwrap())
        .collect();
    for id in ids {
        assert_eq!(client.event(|frame| frame["id"] == id.as_str()).unwrap()["op"], "ok");
    }
    let mut late = Client::connect(&server.address, &token).unwrap();
    let ok = subscribe(&mut late, &room, 0);
    assert_eq!((&ok["truncated"], &ok["seq"]), (&json!(true), &json!(1_100)), "{ok}");
    let replayed: Vec<_> = late.events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(replayed, (1..=1_000).collect::<Vec<_>>());

    let mut found = 0;
    for _ in 0..20 {
        let path = format!("/api/rooms/{room}/messages?after={found}&limit=100");
        let page = server.request("GET", &path, Some(&token), None).1;
        found += page["messages"].as_array().unwrap().len();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(found, 1_100);

    let mut nearly = Client::connect(&server.address, &token).unwrap();
    let ok = subscribe(&mut nearly, &room, 150);
    assert_eq!((&ok["truncated"], nearly.events.len()), (&Value::Null, 950), "{ok}");
}

#[test]
fn a_client_that_stops_reading_gets_bye_lagging_harms_no_other_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("writer");
    let mut good = Client::connect(&server.address, &token).unwrap();
    let room = rooms_of(&good)[0].clone();
    subscribe(&mut good, &room, 0);
    let mut stalled = Client::connect(&server.address, &token).unwrap();
    subscribe(&mut stalled, &room, 0);
    let mut disappearing = Client::connect(&server.address, &token).unwrap();
    subscribe(&mut disappearing, &room, 0);

    // Enough to fill the kernel's buffers and the log of the room several times over.
    let body = "x".repeat(16_000);
    let mut writer = Client::connect(&server.address, &token).unwrap();
    let total = 900u64;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..total {
                let answer = writer.request(text(&room, &new_mid(), &body)).unwrap();
                assert_eq!(answer["seq"], json!(n + 1), "{answer}");
            }
            done.store(true, Ordering::Relaxed);
        });
        drop(disappearing);
        for seq in 1..=total {
            let event = good.event(|event| event["op"] == "msg").unwrap();
            assert_eq!(event["seq"], json!(seq));
        }
    });
    assert!(done.load(Ordering::Relaxed));

    // Now it reads: a part, in order, then `bye`; it comes back for the rest.
    let mut last = 0;
    let bye = loop {
        match stalled.event(|_| true) {
            Ok(event) if event["op"] == "msg" => {
                assert_eq!(event["seq"], json!(last + 1), "a gap before the bye");
                last += 1;
            }
            Ok(event) if event["op"] == "bye" => break Some(event),
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    assert!(last < total, "the stalled reader was never behind");
    if let Some(bye) = bye {
        assert_eq!(bye["code"], "lagging", "{bye}");
    }
    let mut back = Client::connect(&server.address, &token).unwrap();
    let ok = subscribe(&mut back, &room, last);
    assert_eq!(ok["op"], "ok", "{ok}");
    let rest: Vec<_> = back.events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(rest, (last + 1..=total).collect::<Vec<_>>());
}

#[test]
fn a_client_that_floods_is_slowed_down_and_then_closed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[("IMPULSE_RATE_LIMIT_SCALE", "1")]);
    let token = server.register("flood");
    let mut client = Client::connect(&server.address, &token).unwrap();
    // Some pass meanwhile, the more the slower the machine is.
    for _ in 0..5_000 {
        if client.send(json!({"op": "ping"})).is_err() {
            break;
        }
    }
    let (mut good, mut slowed, mut bye) = (0, 0, false);
    while let Ok(frame) = client.read() {
        match frame["op"].as_str().unwrap() {
            "ok" => good += 1,
            "err" => {
                assert_eq!(frame["code"], "rate_limited", "{frame}");
                assert!(frame["retry_ms"].as_u64().is_some());
                slowed += 1;
            }
            "bye" => {
                assert_eq!(frame["retry_ms"], limits::FLOOD_RETRY_MS, "{frame}");
                bye = frame["code"] == "limit";
            }
            _ => {}
        }
    }
    assert!(good >= 100 && slowed >= 100 && bye, "{good} answered, {slowed} slowed, bye {bye}");
}

#[test]
fn a_frame_cut_anywhere_is_neither_lost_nor_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("cut");
    let mut client = Client::connect(&server.address, &token).unwrap();
    let room = rooms_of(&client)[0].clone();
    for n in 1..=40u64 {
        let mid = new_mid();
        let mut cut = Client::connect(&server.address, &token).unwrap();
        // A whole frame, then a part of the next: the connection breaks inside it.
        cut.send(text(&room, &mid, "once")).unwrap();
        let _ = cut.stream().write_all(&[0x81, 0xfe, 0x00][..(n % 4).min(3) as usize]);
        drop(cut);
        std::thread::sleep(Duration::from_millis(n % 3));
        let again = client.request(text(&room, &mid, "once")).unwrap();
        assert_eq!((&again["op"], &again["seq"]), (&json!("ok"), &json!(n)), "{again}");
    }
}

#[test]
fn one_user_cannot_take_all_connections() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[("IMPULSE_RATE_LIMIT_SCALE", "0.05")]);
    let token = server.register("greedy");
    let mut open: Vec<_> =
        (0..5).map(|_| Client::connect(&server.address, &token).unwrap()).collect();
    let refused = Client::connect(&server.address, &token).err().unwrap().to_string();
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("Retry-After"), "{refused}");
    open.pop();
    let deadline = std::time::Instant::now() + process::PATIENCE;
    while Client::connect(&server.address, &token).is_err() {
        assert!(
            std::time::Instant::now() < deadline,
            "a connection that has ended never makes room for another"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn two_people_who_open_the_same_direct_room_at_once_get_the_same_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let people = ["left", "right"].map(|name| {
        let token = server.register(name);
        let uid = Client::connect(&server.address, &token).unwrap().hello["uid"].clone();
        (token, uid)
    });
    let ids: Vec<_> = std::thread::scope(|scope| {
        let open = |own: usize| {
            let (server, people) = (&server, &people);
            let room = json!({"kind": "dm", "members": [people[1 - own].1]});
            scope.spawn(move || {
                server.request("POST", "/api/rooms", Some(&people[own].0), Some(room))
            })
        };
        let opening = [open(0), open(1), open(0), open(1)];
        opening.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let made = ids.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(made, 1, "{ids:?}");
    assert!(ids.iter().all(|(_, room)| room["id"] == ids[0].1["id"]), "{ids:?}");
}
