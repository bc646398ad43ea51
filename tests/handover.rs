//! From the HTTP side to a shard: nothing that was sent behind the upgrade is lost, members on all
//! shards hear the same, crowds come in at once, and nobody hangs when there is no place or no time.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::TcpStream as StdStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use impulse::base::allowance::Allowances;
use impulse::base::ids::{RoomId, SessionId, Uid};
use impulse::base::limits::delivery as limits;
use impulse::delivery::{self, Adoption, ConnectionKind, NewChat, Rights, Settings, Shards};
use impulse::protocol::presence::Status;
use impulse::rooms::Rooms;
use impulse::rooms::delivery::Delivery;
use impulse::rooms::publication::{ConnRef, Publication};
use impulse::rooms::publisher::Publisher;
use impulse::store::chat::ChatStore;
use impulse::store::pool::Database;

use support::client::PATIENCE;
use support::wire::{CHAT, Wire, masked, upgrade};
use support::{TestServer, postgres, raise_descriptor_limit};

const ROOM: RoomId = RoomId(1);

/// Everything up to the end of TCP, whatever it is. Panics if there is no end.
async fn to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("an end, not a hang");
    all
}

/// The shards of a server without the server.
struct House {
    publisher: Publisher,
    shards: Shards,
}

impl House {
    async fn open(shards: usize) -> Self {
        raise_descriptor_limit();
        let (publisher, seeds) = delivery::prepare(shards).unwrap();
        let database = Database::new(&postgres::database().await).unwrap();
        let store = ChatStore::open(database).await.unwrap();
        let rooms = Rooms::start(store, publisher.clone()).await.unwrap();
        let settings = Settings { rate_limit_scale: 0.0, ..Settings::default() };
        let shards = seeds.start(rooms, settings).unwrap();
        Self { publisher, shards }
    }

    /// Adopts one end; the other one.
    fn let_in(&self) -> UnixStream {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        let chat = NewChat {
            uid: Uid(7),
            session: SessionId(1),
            checked_at: Instant::now(),
            admin: false,
            rights: Rights::Write,
            status: Status::default(),
            hello: Bytes::from_static(b"hello"),
            rooms: Vec::new(),
            rooms_in_hello: usize::MAX,
            allowance: Allowances::new(0.0).of(Uid(7)),
        };
        // To a shard a stream is a stream.
        let stream = StdStream::from(OwnedFd::from(far));
        let kind = ConnectionKind::Chat(Box::new(chat));
        self.shards.adopt(Adoption { stream, head: Vec::new(), input: Bytes::new(), kind });
        near
    }

    async fn follow(&self, conn: ConnRef) {
        let replay = vec![Bytes::from_static(b"following")];
        self.publisher.send_to(conn, Delivery::Subscribed(conn, ROOM)).await.unwrap();
        self.publisher.send_to(conn, Delivery::Replayed(conn, ROOM, replay)).await.unwrap();
    }

    async fn publish(&self, events: Vec<Bytes>) {
        let publication = Publication { room: ROOM, events, activity: None, more_follows: false };
        self.publisher.broadcast(Delivery::Publish(Arc::new(publication))).await.unwrap();
    }

    fn adopted(&self) -> u64 {
        self.shards.counters().adopted.get()
    }
}

/// The next bytes are exactly these.
fn expect(near: &mut impl std::io::Read, bytes: &[u8]) {
    let mut heard = vec![0; bytes.len()];
    near.read_exact(&mut heard).unwrap();
    assert_eq!(heard.escape_ascii().to_string(), bytes.escape_ascii().to_string());
}

const HELLO: &[u8] = b"\x81\x05hello";
const FOLLOWING: &[u8] = b"\x81\x09following";

#[tokio::test(flavor = "multi_thread")]
async fn frames_sent_right_behind_the_upgrade_are_all_answered_wherever_they_are_cut() {
    let server = TestServer::start_with(&["--shards", "3"]).await;
    let anna = server.user("anna").await;
    let frames = [
        masked(r#"{"op":"ping","id":"0"}"#),
        masked(r#"{"op":"room.subscribe","id":"1","room":"1","since":0}"#),
        masked(&json!({"op": "ping", "id": "2", "padding": "x".repeat(300)}).to_string()),
        masked(r#"{"op":"read","id":"3","room":"1","seq":0}"#),
    ]
    .concat();
    // In the packet of the request: nothing, all, and every part between.
    let cuts = (0..=frames.len()).step_by(9).chain([1, 2, 5, 6, frames.len()]);
    let lines: Vec<_> = cuts
        .map(|cut| {
            let (anna, frames) = (anna.clone(), frames.clone());
            tokio::spawn(async move {
                let mut line = Wire::open_with(&anna, &frames[..cut]).await;
                assert!(line.text().await.starts_with(r#"{"op":"hello""#));
                line.send(&frames[cut..]).await;
                let mut answered = Vec::new();
                while answered.len() < 4 {
                    let answer: Value = serde_json::from_str(&line.text().await).unwrap();
                    if answer["op"] == "ok" {
                        answered.push(answer["id"].as_str().unwrap().to_owned());
                    }
                }
                // Rooms answer for themselves, so only the shard's own answers have an order.
                assert!(
                    answered.iter().position(|id| id == "0")
                        < answered.iter().position(|id| id == "2")
                );
                answered.sort();
                assert_eq!(answered, ["0", "1", "2", "3"], "cut at {cut}");
                line
            })
        })
        .collect();
    let mut open = Vec::new();
    for line in lines {
        open.push(line.await.unwrap());
    }
    // Each of them follows the room now, once.
    let (_, ok) = anna.socket().await.say("1", "everybody?").await;
    for line in &mut open {
        let heard = loop {
            let frame: Value = serde_json::from_str(&line.text().await).unwrap();
            if frame["op"] == "msg" {
                break frame["seq"].clone();
            }
        };
        assert_eq!(heard, ok["seq"]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_byte_by_byte_with_frames_behind_it_is_handed_over_whole() {
    let server = TestServer::start_with(&["--shards", "2"]).await;
    let anna = server.user("anna").await;
    let all =
        [upgrade(&anna.fields(), "/ws", CHAT).into_bytes(), masked(r#"{"op":"ping","id":"slow"}"#)]
            .concat();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for bytes in all.chunks(3) {
        tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut heard = Vec::new();
    while !heard.ends_with(br#"{"op":"ok","id":"slow"}"#) {
        let read = timeout(PATIENCE, stream.read_buf(&mut heard)).await.expect("an answer");
        assert!(read.unwrap() > 0, "closed after {}", heard.escape_ascii());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_on_all_shards_hear_the_same_in_the_same_order() {
    const SHARDS: u16 = 4;
    const EACH: u32 = 6;
    let house = House::open(usize::from(SHARDS)).await;
    let mut members = Vec::new();
    for _ in 0..u32::from(SHARDS) * EACH {
        let mut near = house.let_in();
        expect(&mut near, HELLO);
        // A shard counts its connections at the end of its turn.
        while house.shards.connections() <= members.len() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        members.push(near);
    }
    // They were spread evenly, so each shard has the places 0 to 5.
    for shard in 0..SHARDS {
        for slot in 0..EACH {
            house.follow(ConnRef { shard, slot, generation: slot + 1 }).await;
        }
    }
    for near in &mut members {
        expect(near, FOLLOWING);
    }
    let numbers: Vec<String> = (0..3_000).map(|n| format!("{n:0>6}")).collect();
    for some in numbers.chunks(7) {
        house.publish(some.iter().map(|n| Bytes::from(n.clone())).collect()).await;
    }
    let all: Vec<u8> = numbers.iter().flat_map(|n| [b"\x81\x06", n.as_bytes()].concat()).collect();
    for near in &mut members {
        expect(near, &all);
    }
    house.shards.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_who_come_at_once_are_all_let_in() {
    const CROWD: usize = 600;
    let house = House::open(3).await;
    let mut crowd: Vec<_> = (0..CROWD).map(|_| house.let_in()).collect();
    for near in &mut crowd {
        expect(near, HELLO);
    }
    assert_eq!(house.adopted(), CROWD as u64);
    house.shards.stop();
}

/// What does not fit into the queue is closed at once, and what fitted is served as ever.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_user_s_upgrades_that_come_together_no_more_pass_than_one_by_one() {
    // A twentieth of all limits: five lines of one user.
    const MOST: usize = limits::CONNECTIONS_PER_USER / 20;
    let server = TestServer::start_with(&["--rate-limit-scale", "0.05"]).await;
    let anna = server.user("anna").await;
    for round in 0..3 {
        let mut streams = Vec::new();
        for _ in 0..2 * MOST {
            streams.push(TcpStream::connect(server.address).await.unwrap());
        }
        for stream in &mut streams {
            stream.write_all(upgrade(&anna.fields(), "/ws", CHAT).as_bytes()).await.unwrap();
        }
        let mut passed = 0;
        for stream in &mut streams {
            let mut status = [0; 12];
            timeout(PATIENCE, stream.read_exact(&mut status)).await.expect("an answer").unwrap();
            match &status {
                b"HTTP/1.1 101" => passed += 1,
                other => assert_eq!(other, b"HTTP/1.1 429"),
            }
        }
        assert_eq!(passed, MOST, "round {round}");
        drop(streams);
        // Places that are given back are given again.
        let is_gone = async {
            while metric(server.address, "impulse_connections").await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, is_gone).await.expect("the lines have ended");
    }
    server.stop().await;
}

/// A whole number of `/metrics`.
async fn metric(address: std::net::SocketAddr, name: &str) -> u64 {
    let text = support::client::Client::new(address).get("/metrics").await.body;
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_many_hand_overs_leaves_nobody_hanging() {
    let house = Arc::new(House::open(2).await);
    let count = Arc::new(AtomicUsize::new(0));
    let coming = std::thread::spawn({
        let (house, count) = (house.clone(), count.clone());
        move || {
            let let_in = |_| {
                count.fetch_add(1, Ordering::Relaxed);
                house.let_in()
            };
            (0..2_000).map(let_in).collect::<Vec<_>>()
        }
    });
    while count.load(Ordering::Relaxed) < 300 && !coming.is_finished() {
        std::thread::yield_now();
    }
    house.shards.stop();
    for mut near in coming.join().unwrap() {
        // We end our side, too, as clients do; theirs may have ended long ago.
        let _ = near.shutdown(std::net::Shutdown::Write);
        let mut heard = Vec::new();
        std::io::Read::read_to_end(&mut near, &mut heard).expect("an end, not a hang");
        assert!(heard.is_empty() || heard.starts_with(HELLO), "{}", heard.escape_ascii());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_while_clients_come_in_answers_or_closes_each_of_them() {
    let server = TestServer::start_with(&["--shards", "2"]).await;
    let anna = server.user("anna").await;
    let address = server.address;
    let clients: Vec<_> = (0..200u64)
        .map(|n| {
            let request = upgrade(&anna.fields(), "/ws", CHAT);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(n)).await;
                // Whom nobody listens to any more is told so by the kernel.
                let Ok(mut stream) = TcpStream::connect(address).await else { return false };
                if tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
                    .await
                    .is_err()
                {
                    return false;
                }
                let heard = to_the_end(&mut stream).await;
                let text = String::from_utf8_lossy(&heard);
                let is_in = text.starts_with("HTTP/1.1 101 ");
                assert!(!is_in || text.contains(r#""code":"restart""#), "no goodbye: {text}");
                is_in
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    timeout(PATIENCE, server.stop()).await.expect("it stops");
    let mut inside = 0;
    for client in clients {
        inside += usize::from(client.await.unwrap());
    }
    assert!(inside > 0, "it stopped before anybody was in");
}
