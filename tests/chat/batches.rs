//! Many changes of messages at once: decided by one query, with the same answers, events and results as one after
//! the other. Over real sockets and a real database.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use impulse::base::limits::chat as limits;

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Client, Received, Socket, new_mid};

/// The same numbers in the same order for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// The messages that a script is about.
struct Ids {
    anna: Vec<String>,
    ben: Vec<String>,
    reactions: Vec<String>,
    fresh: Vec<String>,
}

impl Ids {
    fn new() -> Self {
        let some = |n: usize| (0..n).map(|_| new_mid()).collect();
        Self { anna: some(3), ben: some(2), reactions: some(14), fresh: some(4) }
    }
}

/// Whether a script adds messages, too.
#[derive(Clone, Copy, PartialEq)]
enum Adds {
    Nothing,
    Messages,
}

/// What Anna sends, one command after the other. Ids come from small pools, so that she repeats and
/// contradicts herself.
fn script(dice: &mut Dice, ids: &Ids, length: usize, adds: Adds) -> Vec<Value> {
    let mut all: Vec<_> = ids.anna.iter().chain(&ids.ben).cloned().collect();
    if adds == Adds::Messages {
        all.extend(ids.fresh.iter().cloned());
    }
    let pick = |dice: &mut Dice, from: &[String]| from[dice.roll(from.len())].clone();
    let command = |dice: &mut Dice| {
        let rev = dice.roll(7);
        match dice.roll(if adds == Adds::Messages { 24 } else { 20 }) {
            0..=8 => {
                let emoji = ["👍", "🎉", "❤️"][dice.roll(3)];
                let (mid, target) = (pick(dice, &ids.reactions), pick(dice, &all));
                json!({"mid": mid, "rev": 0, "kind": "react", "ref": target, "e": emoji})
            }
            9..=13 => json!({"mid": pick(dice, &ids.reactions), "rev": 1, "kind": "del"}),
            14..=17 => {
                let text = ["one", "two"][dice.roll(2)];
                json!({"mid": pick(dice, &all), "rev": 1 + rev, "kind": "msg", "t": text})
            }
            18 => json!({"mid": pick(dice, &all), "rev": 1 + rev, "kind": "del"}),
            // An id of another kind.
            19 => {
                json!({"mid": pick(dice, &all), "rev": 0, "kind": "react",
                       "ref": pick(dice, &ids.reactions), "e": "👍"})
            }
            _ => {
                let from = if dice.roll(5) == 0 { &ids.reactions } else { &ids.fresh };
                let text = if dice.roll(6) == 0 { "another" } else { "new" };
                json!({"mid": pick(dice, from), "rev": 0, "kind": "msg", "t": text})
            }
        }
    };
    (0..length).map(|_| command(dice)).collect()
}

struct Stage {
    room: String,
    anna: Socket,
}

/// A room of Anna's in which she and Ben have written.
async fn stage(anna: &Client, ben: &Client, name: &str, ids: &Ids) -> Stage {
    let room = json!({"name": name, "kind": "open"});
    let made = anna.post("/api/rooms", room).await.expect(201);
    let room = made["id"].as_str().unwrap().to_owned();
    let join = format!("/api/rooms/{room}/members");
    ben.post(&join, json!({"uid": ben.uid})).await.expect(201);
    let mut sockets = [anna.socket().await, ben.socket().await];
    for (socket, mids) in sockets.iter_mut().zip([&ids.anna, &ids.ben]) {
        for mid in mids {
            let msg = json!({"mid": mid, "rev": 0, "kind": "msg", "t": "zero"});
            socket.ok(json!({"op": "msg.send", "room": room, "msg": msg})).await;
        }
    }
    let [mut anna, _] = sockets;
    let since = ids.anna.len() + ids.ben.len();
    anna.ok(json!({"op": "room.subscribe", "room": room, "since": since})).await;
    anna.aside.clear();
    Stage { room, anna }
}

/// The answers to all of it, and the events it leads to, in their order.
async fn play(stage: &mut Stage, script: &[Value], window: usize) -> (Vec<Value>, Vec<Value>) {
    let (mut answers, mut events) = (Vec::new(), Vec::new());
    for (turn, part) in script.chunks(window).enumerate() {
        for (n, msg) in part.iter().enumerate() {
            let id = format!("{turn}.{n}");
            let frame = json!({"op": "msg.send", "id": id, "room": stage.room, "msg": msg});
            stage.anna.send(frame).await;
        }
        let mut got = BTreeMap::new();
        while got.len() < part.len() {
            let Received::Frame(frame) = stage.anna.receive().await else { panic!("closed") };
            match frame["id"].as_str() {
                Some(id) => {
                    let n: usize = id.split_once('.').unwrap().1.parse().unwrap();
                    assert!(got.insert(n, frame).is_none(), "answered twice");
                }
                None if frame["op"] == "msg" => events.push(frame),
                None => {}
            }
        }
        answers.extend(got.into_values());
    }
    // A change may be answered before its event comes.
    let newest = answers.iter().filter_map(|answer| answer["seq"].as_u64()).max().unwrap_or(0);
    let seq_of = |event: &Value| event["seq"].as_u64().unwrap();
    while !events.iter().any(|event| seq_of(event) == newest) {
        let event = stage.anna.op("msg").await;
        events.push(event);
    }
    let seqs: Vec<_> = events.iter().map(seq_of).collect();
    assert!(
        seqs.is_sorted_by(|one, next| one + 1 == *next),
        "a gap or a double: {seqs:?} of {window}"
    );
    (answers, events)
}

/// Without what depends on the room and the time of day.
fn bare(frame: &Value) -> Value {
    let mut frame = frame.clone();
    for field in ["id", "room", "at"] {
        frame.as_object_mut().unwrap().remove(field);
    }
    if let Some(msg) = frame.get_mut("msg").and_then(Value::as_object_mut) {
        msg.remove("created");
        if msg.contains_key("edited") {
            msg.insert("edited".to_owned(), json!(true));
        }
    }
    frame
}

async fn page(client: &Client, room: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/rooms/{room}/messages?limit=100")).await.expect(200);
    page["messages"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_sent_at_once_get_the_answers_and_make_the_events_of_those_sent_one_by_one() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    for seed in 1..=12u64 {
        let ids = Ids::new();
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let script = script(&mut dice, &ids, 150, Adds::Nothing);
        let mut single = stage(&anna, &ben, &format!("single {seed}"), &ids).await;
        let mut pipelined = stage(&anna, &ben, &format!("pipelined {seed}"), &ids).await;
        let one = play(&mut single, &script, 1).await;
        let all = play(&mut pipelined, &script, script.len()).await;
        for (n, (one, all)) in one.0.iter().zip(&all.0).enumerate() {
            assert_eq!(bare(one), bare(all), "seed {seed}, {n}: {}", script[n]);
        }
        let taken = one.0.iter().filter(|answer| answer["op"] == "ok").count();
        assert!((20..140).contains(&taken), "a script that does something: {taken}");
        assert_eq!(one.1.len(), all.1.len());
        for (one, all) in one.1.iter().zip(&all.1) {
            assert_eq!(bare(one), bare(all), "seed {seed}");
        }
        for (stage, (_, events)) in [(&single, &one), (&pipelined, &all)] {
            let newest: BTreeMap<_, _> =
                events.iter().map(|event| (event["msg"]["mid"].to_string(), event)).collect();
            for entry in page(&anna, &stage.room).await {
                // The last event about a message is what is stored, with its times.
                let Some(event) = newest.get(&entry["msg"]["mid"].to_string()) else { continue };
                for field in ["seq", "at", "msg"] {
                    assert_eq!(event[field], entry[field], "seed {seed}");
                }
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_changes_sent_at_once_get_the_answers_of_those_sent_one_by_one() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    for seed in 1..=8u64 {
        let ids = Ids::new();
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let script = script(&mut dice, &ids, 150, Adds::Messages);
        let mut single = stage(&anna, &ben, &format!("single {seed}"), &ids).await;
        let mut pipelined = stage(&anna, &ben, &format!("pipelined {seed}"), &ids).await;
        let (one, _) = play(&mut single, &script, 1).await;
        let (all, _) = play(&mut pipelined, &script, script.len()).await;
        for (n, (one, all)) in one.iter().zip(&all).enumerate() {
            // Of one commit new messages take their numbers first.
            let answer = |answer: &Value| (answer["op"].clone(), answer["code"].clone());
            assert_eq!(answer(one), answer(all), "seed {seed}, {n}: {}", script[n]);
        }
        let mut pages = [page(&anna, &single.room).await, page(&anna, &pipelined.room).await];
        for page in &mut pages {
            page.sort_by_key(|entry| entry["msg"]["mid"].to_string());
            for entry in page {
                *entry = bare(entry)["msg"].take();
                entry.as_object_mut().unwrap().remove("created_seq");
            }
        }
        assert_eq!(pages[0], pages[1], "seed {seed}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_reaction_twice_at_once_is_a_conflict_and_so_is_one_too_many() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let (target, _) = socket.send_text("1", "to react to").await;
    let mut sent = Vec::new();
    for n in 0..=limits::REACTIONS_PER_AUTHOR {
        for emoji in [support::emoji(n); 2] {
            let mid = new_mid();
            let msg = json!({"mid": mid, "rev": 0, "kind": "react", "ref": target, "e": emoji});
            socket.send(json!({"op": "msg.send", "id": mid, "room": "1", "msg": msg})).await;
            sent.push(mid);
        }
    }
    for (n, mid) in sent.into_iter().enumerate() {
        let answer = socket.find("the answer", |frame| frame["id"] == mid).await;
        let expected = match n {
            _ if n >= 2 * limits::REACTIONS_PER_AUTHOR => json!("bad_request"),
            _ if n % 2 == 1 => json!("conflict"),
            _ => Value::Null,
        };
        assert_eq!(answer["code"], expected, "{n}: {answer}");
    }
    server.stop().await;
}

/// How many transactions this database has seen. Exact once its connections have ended.
async fn transactions(database: &str) -> i64 {
    let (other, name) = database.split_once("dbname=").expect("a name");
    let (client, connection) =
        tokio_postgres::connect(&format!("{other}dbname=postgres"), tokio_postgres::NoTls)
            .await
            .expect("connect");
    tokio::spawn(connection);
    let sql = "SELECT xact_commit FROM pg_stat_database WHERE datname = $1";
    client.query_one(sql, &[&name]).await.expect("a row").get(0)
}

/// Hundreds of reactions, repetitions and edits need a handful of transactions, not several each.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_queries_the_store_once_however_many_messages_it_is_about() {
    const EACH: usize = 300;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let targets: Vec<_> = (0..EACH).map(|_| new_mid()).collect();
    let message = |mid: &String| json!({"mid": mid, "rev": 0, "kind": "msg", "t": "text"});
    let edit = |mid: &String| json!({"mid": mid, "rev": 1, "kind": "msg", "t": "edited"});
    let react = |target: &String| json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": target, "e": "👍"});
    // All to one message, each taken back by the next.
    let mut toggles = Vec::new();
    while toggles.len() < EACH {
        let mut reaction = react(&targets[0]);
        reaction["e"] = json!("🎉");
        let back = json!({"mid": reaction["mid"], "rev": 1, "kind": "del"});
        toggles.extend([reaction, back]);
    }
    let rounds: [Vec<Value>; 6] = [
        targets.iter().map(message).collect(),
        targets.iter().map(message).collect(),
        targets.iter().map(react).collect(),
        targets.iter().map(edit).collect(),
        toggles,
        // Of one and the same.
        vec![message(&targets[0]); EACH],
    ];
    for (n, round) in rounds.iter().enumerate() {
        for (m, msg) in round.iter().enumerate() {
            let id = format!("{n}.{m}");
            socket.send(json!({"op": "msg.send", "id": id, "room": "1", "msg": msg})).await;
        }
        for m in 0..round.len() {
            let id = format!("{n}.{m}");
            let answer = socket.find("the answer", |frame| frame["id"] == id).await;
            assert_eq!(answer["op"], "ok", "{answer}");
        }
    }
    let database = server.database.clone();
    server.stop().await;
    let mut spent = transactions(&database).await;
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        spent = spent.max(transactions(&database).await);
    }
    println!("{spent} transactions for {} commands", rounds.len() * EACH);
    assert!(spent < EACH as i64, "{spent} transactions");
}
