//! One order of messages, reactions and batches of the log for every reader, whenever they come, and exactly once for every
//! author, whatever becomes of the server (`e2ee.md` 8.5, 13.3, 21.9).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use impulse::base::random;
use serde_json::{Value, json};

use crate::client::{Envelope, Person, Room};
use crate::envelopes::{mid_of, page, reaction, revision, send};
use crate::process::Process;
use crate::support::client::{Received, Socket, new_mid};
use crate::support::{TestServer, postgres};

/// What a client makes of what it gets: messages by their id, with their reactions by their `rev_seq`.
#[derive(Default)]
struct Timeline {
    seq: u64,
    messages: BTreeMap<String, Value>,
    reactions: BTreeMap<String, BTreeMap<u64, Value>>,
    batches: BTreeSet<u64>,
}

impl Timeline {
    /// An event or a replayed one: each is newer than what was before it.
    fn take(&mut self, frame: &Value) {
        let (op, seq) = (frame["op"].as_str().unwrap(), frame["seq"].as_u64().unwrap());
        assert!(seq > self.seq, "{seq} after {}: {frame}", self.seq);
        self.seq = seq;
        if op == "log" {
            return self.know_of_batch(frame);
        }
        let msg = &frame["msg"];
        let (mid, rev_seq) = (mid_of(msg), msg["rev_seq"].as_u64().unwrap());
        if let Some(target) = msg["ref"].as_str() {
            assert!(self.messages.contains_key(target), "a reaction to what never came: {frame}");
            let known = self.reactions.entry(target.to_owned()).or_default();
            match msg["kind"].as_str().unwrap() {
                "react" => drop(known.insert(rev_seq, msg["env"].clone())),
                _ => known.retain(|_, envelope| envelope["mid"] != mid),
            }
            return;
        }
        let mut state = msg.clone();
        let told = state.as_object_mut().unwrap().remove("reacts");
        if let Some(told) = told.as_ref().and_then(Value::as_array) {
            let one = |one: &Value| (one["rev_seq"].as_u64().unwrap(), one["env"].clone());
            self.reactions.insert(mid.clone(), told.iter().map(one).collect());
        } else if msg["kind"] == "del" || !msg["gone"].is_null() {
            self.reactions.remove(&mid);
        }
        self.messages.insert(mid, state);
    }

    fn know_of_batch(&mut self, frame: &Value) {
        self.batches.insert(frame["seq"].as_u64().unwrap());
    }

    /// As the pages of history are.
    fn page(&self) -> Vec<Value> {
        let mut page: Vec<_> = self.messages.values().cloned().collect();
        page.sort_by_key(|message| message["created_seq"].as_u64());
        for message in page.iter_mut().filter(|message| message["kind"] == "msg") {
            let known = self.reactions.get(&mid_of(message)).into_iter().flatten();
            let known = known.map(|(rev_seq, env)| json!({"rev_seq": rev_seq, "env": env}));
            message["reacts"] = known.collect();
        }
        page
    }
}

fn below(most: usize) -> usize {
    random::number() as usize % most
}

/// Follows until its time is over; what it then knows.
async fn follow_for(
    reader: &Person,
    room: &str,
    mut timeline: Timeline,
    time: Duration,
) -> Timeline {
    let mut socket = reader.client.socket().await;
    let command = json!({"op": "room.subscribe", "id": "s", "room": room, "since": timeline.seq});
    socket.send(command).await;
    let reading = async {
        let mut is_live = false;
        while let Received::Frame(frame) = socket.receive().await {
            match frame["op"].as_str().unwrap() {
                // A batch of the log reaches members who do not follow, too, and then comes again.
                "log" if !is_live => timeline.know_of_batch(&frame),
                "msg" | "log" if frame["room"] == room => timeline.take(&frame),
                "ok" if frame["id"] == "s" => {
                    assert_ne!(frame["truncated"], json!(true));
                    timeline.seq = frame["seq"].as_u64().unwrap();
                    is_live = true;
                }
                _ => {}
            }
        }
    };
    let _ = tokio::time::timeout(time, reading).await;
    timeline
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reader_whenever_they_come_knows_in_the_end_what_the_history_says() {
    const CHANGES: usize = 90;
    let server = TestServer::start().await;
    let (anna, ben) = (Person::new(&server, "anna").await, Person::new(&server, "ben").await);
    let mut room = Room::create(&[&anna, &ben]).await;
    let (id, is_over) = (room.id.clone(), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (client, id, is_over) = (ben.client.clone(), id.clone(), is_over.clone());
            let reader = Person::of(client, "ben");
            tokio::spawn(async move {
                let (reader, mut timeline) = (reader.await, Timeline::default());
                while !is_over.load(Ordering::Relaxed) {
                    if below(3) == 0 {
                        timeline = Timeline::default();
                    }
                    let time = Duration::from_millis(20 + below(150) as u64);
                    timeline = follow_for(&reader, &id, timeline, time).await;
                }
                timeline
            })
        })
        .collect();
    let mut writer = Writer::new(&anna).await;
    for n in 0..CHANGES {
        match below(20) {
            0 => drop(room.rotate(&anna, &[&anna, &ben]).await),
            // As many as a replay out of memory does not have.
            kind => writer.change(&room, kind, n < 30).await,
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let history = history(&anna, &room).await;
    let newest = anna.client.get(&room.path("")).await.expect(200)["seq"].as_u64().unwrap();
    for reader in readers {
        let mut timeline = reader.await.unwrap();
        let who = Person::of(ben.client.clone(), "ben").await;
        while timeline.seq < newest {
            timeline = follow_for(&who, &id, timeline, Duration::from_millis(300)).await;
        }
        assert_eq!(timeline.page(), history);
    }
    // No two changes share a number, and none is left out.
    let everything = follow_for(&ben, &id, Timeline::default(), Duration::from_millis(500)).await;
    assert_eq!(everything.page(), history);
    let log = room.log(&ben, 0).await;
    assert_eq!(everything.batches, log.iter().map(|record| record.batch).collect());
    let taken = everything.messages.values().map(|message| message["rev_seq"].as_u64().unwrap());
    assert!(taken.collect::<BTreeSet<_>>().is_disjoint(&everything.batches));
    server.stop().await;
}

/// All messages of a room, by page.
async fn history(reader: &Person, room: &Room) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map_or(json!(0), |message| message["created_seq"].clone());
        let path = room.path(&format!("/messages?limit=500&after={after}"));
        let page = reader.client.get(&path).await.expect(200);
        let messages = page["messages"].as_array().unwrap().iter();
        all.extend(messages.map(|entry| entry["msg"].clone()));
        if page["more"] != true {
            return all;
        }
    }
}

/// Somebody who changes things at random.
struct Writer<'a> {
    person: &'a Person,
    socket: Socket,
    /// Messages that are there, with their revision.
    messages: Vec<(String, u64)>,
    /// Reactions and their messages.
    reactions: Vec<(String, String)>,
}

impl<'a> Writer<'a> {
    async fn new(person: &'a Person) -> Self {
        let socket = person.client.socket().await;
        Self { person, socket, messages: Vec::new(), reactions: Vec::new() }
    }

    async fn change(&mut self, room: &Room, kind: usize, grows: bool) {
        let (one, person) = (below(self.messages.len().max(1)), self.person);
        let envelope = match kind {
            _ if self.messages.is_empty() || grows => self.say(room, 20_000).await,
            1..=4 => self.say(room, 20).await,
            5..=8 => {
                self.messages[one].1 += 1;
                let (mid, rev) = self.messages[one].clone();
                revision(room, person, &mid, rev, "msg").await
            }
            9 => {
                let (mid, rev) = self.messages.swap_remove(one);
                self.reactions.retain(|(_, target)| *target != mid);
                revision(room, person, &mid, rev + 1, "del").await
            }
            10..=12 if !self.reactions.is_empty() => {
                let one = below(self.reactions.len());
                let (mid, _) = self.reactions.swap_remove(one);
                revision(room, person, &mid, 1, "del").await
            }
            _ => {
                let target = self.messages[one].0.clone();
                let envelope = reaction(room, person, &target).await;
                self.reactions.push((mid_of(&envelope), target));
                envelope
            }
        };
        self.socket.ok(send(room, &envelope)).await;
    }

    async fn say(&mut self, room: &Room, length: usize) -> Value {
        let mid = new_mid();
        let (dn, dh) = self.person.directory().await;
        let fields =
            Envelope { mid: &mid, rev: 0, kind: "msg", reference: None, dn, dh, generation: 1 };
        self.messages.push((mid.clone(), 0));
        room.seal(self.person, &fields, Some(&json!({"t": "x".repeat(length)})))
    }
}

#[test]
fn what_was_on_its_way_when_the_server_was_killed_is_there_once_when_it_is_sent_again() {
    const MESSAGES: usize = 60;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (database, folder) = (runtime.block_on(postgres::database()), tempfile::tempdir().unwrap());
    let start = || Process::start(folder.path(), &[("DATABASE_URL", &database)]);
    let address = |process: &Process| process.address.parse().unwrap();
    let process = start();
    let (anna, room, envelopes, acknowledged) = runtime.block_on(async {
        let anna = Person::register(address(&process), "anna").await;
        let ben = Person::register(address(&process), "ben").await;
        let room = Room::create(&[&anna, &ben]).await;
        let (dn, dh) = anna.directory().await;
        let envelope = |_| {
            let mid = new_mid();
            let fields =
                Envelope { mid: &mid, rev: 0, kind: "msg", reference: None, dn, dh, generation: 1 };
            room.seal(&anna, &fields, Some(&json!({"t": "hi"})))
        };
        let envelopes: Vec<_> = (0..MESSAGES).map(envelope).collect();
        let mut socket = anna.client.socket().await;
        for (n, envelope) in envelopes.iter().enumerate() {
            let mut command = send(&room, envelope);
            command["id"] = json!(n.to_string());
            socket.send(command).await;
        }
        let mut acknowledged = BTreeMap::new();
        while acknowledged.len() < MESSAGES / 3 {
            let ok = socket.op("ok").await;
            acknowledged
                .insert(ok["id"].as_str().unwrap().parse::<usize>().unwrap(), ok["seq"].clone());
        }
        (anna, room, envelopes, acknowledged)
    });
    process.kill_9();
    let process = start();
    runtime.block_on(async {
        let anna = anna.at(address(&process));
        let mut socket = anna.client.socket().await;
        for (n, envelope) in envelopes.iter().enumerate() {
            let seq = socket.ok(send(&room, envelope)).await["seq"].clone();
            if let Some(known) = acknowledged.get(&n) {
                assert_eq!(seq, *known, "an acknowledged message");
            }
        }
        let stored = page(&anna.client, &room).await;
        let mut mids: Vec<_> = stored.iter().map(|entry| mid_of(&entry["msg"])).collect();
        mids.sort();
        let mut wanted: Vec<_> = envelopes.iter().map(mid_of).collect();
        wanted.sort();
        assert_eq!(mids, wanted);
        let seqs = stored.iter().map(|entry| entry["msg"]["created_seq"].as_u64().unwrap());
        assert!(seqs.eq(2..2 + MESSAGES as u64), "behind the founding batch, without a gap");
    });
    process.kill_9();
}
