//! Unread counts and mentions as clients see them: whatever happens, what a client has come to by the frames it got
//! is what `GET /api/rooms` says.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Client, PATIENCE, Received, Socket, new_mid};

/// What a client knows of one room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Numbers {
    /// The numbers count up to this `seq`.
    counted: u64,
    read: u64,
    unread: u64,
    mentions: u64,
}

/// One socket of somebody, which counts as `docs/protocol.md` says.
struct Counting {
    client: Client,
    socket: Socket,
    rooms: HashMap<String, Numbers>,
    blocked: HashSet<String>,
    /// Commands that were sent, and what the answer to each is about.
    following: HashMap<String, String>,
    answered: u32,
    sent: u32,
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

impl Counting {
    async fn open(client: &Client) -> Self {
        let mut counting = Self {
            client: client.clone(),
            socket: client.socket().await,
            rooms: HashMap::new(),
            blocked: HashSet::new(),
            following: HashMap::new(),
            answered: 0,
            sent: 0,
        };
        let hello = counting.socket.op("hello").await;
        counting.take(&hello);
        counting
    }

    async fn send(&mut self, mut command: Value) -> String {
        self.sent += 1;
        let id = self.sent.to_string();
        command["id"] = json!(id);
        self.socket.send(command).await;
        id
    }

    async fn follow(&mut self, room: &str, since: u64) {
        let command = json!({"op": "room.subscribe", "room": room, "since": since});
        let id = self.send(command).await;
        self.following.insert(id, room.to_owned());
    }

    /// Reads until everything sent is answered, and then what has arrived besides.
    async fn settle(&mut self, quiet: Duration) {
        while self.answered < self.sent {
            match self.socket.receive().await {
                Received::Frame(frame) => self.take(&frame),
                other => panic!("{other:?}"),
            }
        }
        while let Ok(received) = tokio::time::timeout(quiet, self.socket.receive()).await {
            match received {
                Received::Frame(frame) => self.take(&frame),
                other => panic!("{other:?}"),
            }
        }
    }

    fn take(&mut self, frame: &Value) {
        match frame["op"].as_str().unwrap() {
            "hello" => {
                let blocked = frame["blocked"].as_array().into_iter().flatten();
                self.blocked = blocked.map(id).collect();
                for room in frame["rooms"].as_array().unwrap() {
                    self.rooms.insert(id(&room["id"]), of_room(room));
                }
            }
            "blocks" => {
                self.blocked = frame["blocked"].as_array().unwrap().iter().map(id).collect();
            }
            "room" if frame["room"]["gone"] == true => {
                self.rooms.remove(&id(&frame["room"]["id"]));
            }
            "room" => self.take_numbers(&id(&frame["room"]["id"]), of_room(&frame["room"])),
            "activity" => {
                let room = id(&frame["room"]);
                let Some(known) = self.rooms.get(&room) else { return };
                let numbers = Numbers { counted: number(&frame["seq"]), ..of(frame, known.read) };
                self.take_numbers(&room, numbers);
            }
            "read" => {
                let read = number(&frame["seq"]);
                let numbers = Numbers { counted: number(&frame["upto"]), ..of(frame, read) };
                self.take_numbers(&id(&frame["room"]), numbers);
            }
            "msg" => self.count(frame),
            "ok" => {
                self.answered += 1;
                if let Some(room) = self.following.remove(&id(&frame["id"])) {
                    let read = number(&frame["read"]);
                    let numbers = Numbers { counted: number(&frame["seq"]), ..of(frame, read) };
                    self.take_numbers(&room, numbers);
                }
            }
            "err" => self.answered += 1,
            _ => {}
        }
    }

    /// Absolute numbers, unless they are older than what is known.
    fn take_numbers(&mut self, room: &str, numbers: Numbers) {
        let known = self.rooms.entry(room.to_owned()).or_default();
        if (numbers.counted, numbers.read) >= (known.counted, known.read) {
            *known = numbers;
        }
    }

    /// A message of a room that is followed.
    fn count(&mut self, frame: &Value) {
        let Some(known) = self.rooms.get_mut(&id(&frame["room"])) else { return };
        let (msg, me) = (&frame["msg"], &self.client.uid);
        let (created, by) = (number(&msg["created_seq"]), id(&msg["by"]));
        if msg["kind"] == "msg" && created > known.counted && created > known.read && by != *me {
            known.unread += 1;
            let mentioned: Vec<_> = msg["m"].as_array().into_iter().flatten().map(id).collect();
            let is_mentioned = mentioned.contains(me) || mentioned.contains(&"all".to_owned());
            known.mentions += u64::from(is_mentioned && !self.blocked.contains(&by));
        }
        known.counted = known.counted.max(number(&frame["seq"]));
    }
}

fn of(frame: &Value, read: u64) -> Numbers {
    let (unread, mentions) = (number(&frame["unread"]), number(&frame["mentions"]));
    Numbers { counted: 0, read, unread, mentions }
}

fn of_room(room: &Value) -> Numbers {
    Numbers { counted: number(&room["seq"]), ..of(room, number(&room["read"])) }
}

/// A few numbers, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The people of the test, their sockets, and what they have written.
struct World {
    server: TestServer,
    boss: Client,
    people: Vec<Client>,
    sockets: Vec<Counting>,
    rooms: Vec<String>,
    /// Room, `mid`, `rev` and the number of the author.
    written: Vec<(String, String, u64, usize)>,
    /// Whose accounts are removed.
    removed: HashSet<usize>,
    random: Random,
}

impl World {
    async fn begin(seed: u64) -> Self {
        let server = TestServer::start().await;
        let boss = server.admin().await;
        let mut people = Vec::new();
        for name in ["anna", "bert", "carl", "dora", "emil"] {
            people.push(server.user(name).await);
        }
        let uids: Vec<_> = people.iter().skip(1).map(|client| client.uid.clone()).collect();
        let club = json!({"name": "Club", "kind": "closed", "members": uids});
        let club = people[0].post("/api/rooms", club).await.expect(201);
        let pair = json!({"kind": "dm", "members": [people[1].uid]});
        let pair = people[0].post("/api/rooms", pair).await.expect(201);
        let rooms = vec!["1".to_owned(), id(&club["id"]), id(&pair["id"])];
        let mut sockets = Vec::new();
        // Two devices of each: the first follows a room, the other none at first.
        for client in &people {
            sockets.push(Counting::open(client).await);
            sockets.push(Counting::open(client).await);
        }
        let (written, removed, random) = (Vec::new(), HashSet::new(), Random(seed));
        Self { server, boss, people, sockets, rooms, written, removed, random }
    }

    /// Something happens. The last person's account comes and goes.
    async fn step(&mut self) {
        let device = self.random.below(self.sockets.len());
        let person = device / 2;
        if self.removed.contains(&person) {
            return self.restore(person).await;
        }
        let room = self.random.of(&self.rooms).clone();
        match self.random.below(20) {
            0..=7 => self.write(device, &room).await,
            8..=10 => self.change(device).await,
            11 | 12 => {
                let read = self.sockets[device].rooms.get(&room).map_or(0, |known| known.counted);
                let seq = read.saturating_sub(self.random.below(4) as u64);
                self.sockets[device].send(json!({"op": "read", "room": room, "seq": seq})).await;
            }
            13 | 14 => {
                let since = self.sockets[device].rooms.get(&room).map_or(0, |known| known.counted);
                let since = since.saturating_sub(self.random.below(6) as u64);
                self.sockets[device].follow(&room, since).await;
            }
            15 => {
                let stop = json!({"op": "room.unsubscribe", "room": room});
                self.sockets[device].send(stop).await;
            }
            16 | 17 => {
                let other = self.random.of(&self.people).uid.clone();
                let method = if self.random.below(2) == 0 { "PUT" } else { "DELETE" };
                let path = format!("/api/blocks/{other}");
                self.people[person].request(method, &path, None).await;
            }
            18 => {
                self.sockets[device] = Counting::open(&self.people[person]).await;
            }
            _ => self.remove(self.people.len() - 1).await,
        }
    }

    fn mentions(&mut self) -> Vec<String> {
        let count = self.random.below(3);
        let all = (self.random.below(8) == 0).then(|| "all".to_owned());
        (0..count).map(|_| self.random.of(&self.people).uid.clone()).chain(all).collect()
    }

    async fn write(&mut self, device: usize, room: &str) {
        let (mid, m) = (new_mid(), self.mentions());
        let msg = json!({"mid": mid, "rev": 0, "kind": "msg", "t": "text", "m": m});
        let command = json!({"op": "msg.send", "room": room, "msg": msg});
        self.sockets[device].send(command).await;
        self.written.push((room.to_owned(), mid, 0, device / 2));
    }

    /// Edits or deletes something of one's own.
    async fn change(&mut self, device: usize) {
        let own = self.written.iter_mut().filter(|(.., author)| *author == device / 2);
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            return;
        }
        let chosen = self.random.below(own.len());
        let Some((room, mid, rev, _)) = own.into_iter().nth(chosen) else { return };
        *rev += 1;
        let (room, mid, rev) = (room.clone(), mid.clone(), *rev);
        let msg = match self.random.below(2) {
            0 => json!({"mid": mid, "rev": rev, "kind": "del"}),
            _ => {
                json!({"mid": mid, "rev": rev, "kind": "msg", "t": "edited", "m": self.mentions()})
            }
        };
        self.sockets[device].send(json!({"op": "msg.send", "room": room, "msg": msg})).await;
    }

    async fn remove(&mut self, person: usize) {
        if !self.removed.insert(person) {
            return;
        }
        let path = format!("/api/admin/users/{}", self.people[person].uid);
        let messages = if self.random.below(2) == 0 { "erase" } else { "keep" };
        let body = Some(json!({"messages": messages}));
        assert_eq!(self.boss.request("DELETE", &path, body).await.status, 204);
    }

    async fn restore(&mut self, person: usize) {
        self.removed.remove(&person);
        let path = format!("/api/admin/users/{}/restore", self.people[person].uid);
        self.boss.post(&path, json!({})).await.expect(200);
        let name = ["anna", "bert", "carl", "dora", "emil"][person];
        self.people[person] = Client::login(self.server.address, name).await;
        for device in [2 * person, 2 * person + 1] {
            self.sockets[device] = Counting::open(&self.people[person]).await;
        }
    }

    /// Every socket has come to what `GET /api/rooms` says, within a moment.
    async fn compare(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        for device in 0..self.sockets.len() {
            if self.removed.contains(&(device / 2)) {
                continue;
            }
            let socket = &mut self.sockets[device];
            loop {
                socket.settle(Duration::from_millis(20)).await;
                let answer = self.people[device / 2].get("/api/rooms").await.expect(200);
                let rooms = answer["rooms"].as_array().unwrap().iter();
                let member = rooms.filter(|room| room["role"].is_string());
                let expected: HashMap<_, _> =
                    member.map(|room| (id(&room["id"]), of_room(room))).collect();
                if expected == socket.rooms {
                    break;
                }
                let known = &socket.rooms;
                assert!(Instant::now() < deadline, "{device}: {known:?} is not {expected:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_every_client_comes_to_the_numbers_of_the_server() {
    let mut world = World::begin(15).await;
    for device in (0..world.sockets.len()).step_by(2) {
        let room = world.rooms[(device / 2) % 2].clone();
        world.sockets[device].follow(&room, 0).await;
    }
    for step in 1..=240 {
        world.step().await;
        if step % 60 == 0 {
            world.compare().await;
        }
    }
    world.server.stop().await;
}

fn mentioning_all(mid: &str, rev: u32) -> Value {
    let msg = json!({"mid": mid, "rev": rev, "kind": "msg", "t": "@all lunch", "m": ["all"]});
    json!({"op": "msg.send", "room": "1", "msg": msg})
}

fn mentions_in(hello: &Value) -> Value {
    let rooms = hello["rooms"].as_array().unwrap();
    rooms.iter().find(|room| room["id"] == "1").expect("General")["mentions"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_mentioned_but_the_author_and_those_who_have_blocked_the_author() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let carl = server.user("carl").await;
    assert_eq!(carl.request("PUT", &format!("/api/blocks/{}", anna.uid), None).await.status, 204);
    let (mut hers, mut his, mut follower) =
        (anna.socket().await, ben.socket().await, ben.socket().await);
    follower.ok(json!({"op": "room.subscribe", "room": "1", "since": 0})).await;
    let mid = new_mid();
    hers.ok(mentioning_all(&mid, 0)).await;
    let told = his.op("activity").await;
    assert_eq!((&told["unread"], &told["mentions"]), (&json!(1), &json!(1)));
    assert_eq!(follower.op("msg").await["msg"]["m"], json!(["all"]));
    for (client, expected) in [(&anna, 0), (&ben, 1), (&carl, 0)] {
        assert_eq!(client.get("/api/rooms/1").await.expect(200)["mentions"], expected);
        assert_eq!(mentions_in(&client.socket().await.op("hello").await), expected);
    }
    // An edit drops it, and another adds it again.
    for (rev, m, expected) in [(1, json!([]), 0), (2, json!(["all", ben.uid]), 1)] {
        let mut edit = mentioning_all(&mid, rev);
        edit["msg"]["m"] = m;
        hers.ok(edit).await;
        let told = his.op("activity").await;
        assert_eq!((&told["unread"], &told["mentions"]), (&json!(1), &json!(expected)));
        let told = follower.op("read").await;
        assert_eq!((&told["unread"], &told["mentions"]), (&json!(1), &json!(expected)));
    }
    // A restart reads the same from the store.
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let hello = ben.at(server.address).socket().await.op("hello").await;
    assert_eq!(mentions_in(&hello), 1);
    server.stop().await;
}

/// A few readers are counted one by one, and many by an index of the messages.
#[tokio::test(flavor = "multi_thread")]
async fn few_readers_and_many_get_their_own_numbers() {
    let server = TestServer::start_with(&["--shards", "1"]).await;
    let anna = server.user("anna").await;
    let mut hers = anna.socket().await;
    hers.op("hello").await;
    let mut readers = Vec::new();
    for sent in 1u64..=2 {
        for n in 0..sent * 10 {
            let reader = server.user(&format!("reader{sent}x{n}")).await;
            let mut socket = reader.socket().await;
            socket.op("hello").await;
            readers.push((reader.uid.clone(), socket, sent));
        }
        let called = readers.last().unwrap().0.clone();
        let first = readers[9].0.clone();
        let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "Who?", "m": [called]});
        hers.ok(json!({"op": "msg.send", "room": "1", "msg": msg})).await;
        for (uid, socket, since) in &mut readers {
            let told = socket.op("activity").await;
            let unread = sent + 1 - *since;
            // The last of each group is called, and reads nothing.
            let mentions = u64::from(*uid == called || *uid == first);
            assert_eq!((number(&told["unread"]), number(&told["mentions"])), (unread, mentions));
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_large_room_only_its_admins_mention_everybody_and_in_a_direct_room_nobody_does() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let pair = json!({"kind": "dm", "members": [ben.uid]});
    let pair = id(&anna.post("/api/rooms", pair).await.expect(201)["id"]);
    let (kept, mut added) = (new_mid(), mentioning_all(&new_mid(), 0));
    let mut hers = anna.socket().await;
    hers.ok(mentioning_all(&kept, 0)).await;
    let mut direct = mentioning_all(&new_mid(), 0);
    direct["room"] = json!(pair);
    hers.err(direct, "forbidden").await;
    added["msg"]["m"] = json!([]);
    hers.ok(added.clone()).await;

    // The room grows by people who are only in the database.
    let sql = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
               SELECT 1, n, 'member', 0 FROM generate_series(1000, 1023) n";
    assert_eq!(server.sql().await.execute(sql, &[]).await.unwrap(), 24, "with two more too many");
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let mut hers = anna.at(server.address).socket().await;
    let refused = hers.err(mentioning_all(&new_mid(), 0), "forbidden").await;
    let sentence = "In a room of this size only its admins may mention everybody.";
    assert_eq!(refused["message"], sentence);
    (added["msg"]["rev"], added["msg"]["m"]) = (json!(1), json!(["all"]));
    hers.err(added, "forbidden").await;
    hers.ok(mentioning_all(&kept, 0)).await;
    hers.ok(mentioning_all(&kept, 1)).await;
    let sql = "UPDATE chat.members SET role = 'admin' WHERE room_id = 1 AND user_id = $1";
    let uid: i64 = ben.uid.parse().unwrap();
    server.sql().await.execute(sql, &[&uid]).await.unwrap();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    ben.at(server.address).socket().await.ok(mentioning_all(&new_mid(), 0)).await;
    server.stop().await;
}
