//! From HTTP to a shard: nothing that was sent behind the upgrade is lost, members on all shards get the
//! same, hundreds are adopted at once, and no client hangs when there is no space or no time.

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
use impulse::base::established::Established;
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

use crate::support;
use crate::support::client::PATIENCE;
use crate::support::wire::{CHAT, Wire, masked, upgrade};
use crate::support::{TestServer, postgres, raise_descriptor_limit};

const ROOM: RoomId = RoomId(1);

/// Everything up to the end of TCP, whatever it is. Panics if there is no end.
async fn to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("an end, not a hang");
    all
}

/// The shards of a server without the server.
struct TestShards {
    publisher: Publisher,
    shards: Shards,
}

impl TestShards {
    async fn start(shards: usize) -> Self {
        raise_descriptor_limit();
        let (publisher, prepared) = delivery::prepare(shards).unwrap();
        let database = Database::new(&postgres::database().await).unwrap();
        let store = ChatStore::open(database).await.unwrap();
        let rooms = Rooms::start(store, publisher.clone()).await.unwrap();
        let settings = Settings { rate_limit_scale: 0.0, ..Settings::default() };
        let shards = prepared.start(rooms, settings).unwrap();
        Self { publisher, shards }
    }

    /// Has one end of a new connection adopted; the other end.
    fn adopt(&self) -> UnixStream {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        let chat = NewChat {
            uid: Uid(7),
            session: SessionId(1),
            checked_at: Instant::now(),
            is_admin: false,
            rights: Rights::Write,
            status: Status::default(),
            hello: Bytes::from_static(b"hello"),
            rooms: Vec::new(),
            rooms_in_hello: usize::MAX,
            allowance: Allowances::new(0.0).of(Uid(7)),
        };
        // A shard does not ask what kind of a stream it is.
        let stream = StdStream::from(OwnedFd::from(far));
        let kind = ConnectionKind::Chat(Box::new(chat));
        self.shards.adopt(Adoption {
            stream: Established::Plain(stream),
            head: Vec::new(),
            input: Bytes::new(),
            kind,
        });
        near
    }

    async fn follow(&self, conn: ConnRef) {
        let replay = vec![Bytes::from_static(b"following")];
        self.publisher.send_to(conn, Delivery::Subscribed(conn, ROOM)).await.unwrap();
        self.publisher.send_to(conn, Delivery::Replayed(conn, ROOM, replay)).await.unwrap();
    }

    async fn publish(&self, events: Vec<Bytes>) {
        let events = events.into_iter().map(Into::into).collect();
        let publication = Publication { room: ROOM, events, activity: None, more_follows: false };
        self.publisher.broadcast(Delivery::Publish(Arc::new(publication))).await.unwrap();
    }

    fn adopted(&self) -> u64 {
        self.shards.counters().adopted.get()
    }
}

/// The next bytes are exactly these.
fn expect(near: &mut impl std::io::Read, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    near.read_exact(&mut received).unwrap();
    assert_eq!(received.escape_ascii().to_string(), bytes.escape_ascii().to_string());
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
    let opening: Vec<_> = cuts
        .map(|cut| {
            let (anna, frames) = (anna.clone(), frames.clone());
            tokio::spawn(async move {
                let mut wire = Wire::open_with(&anna, &frames[..cut]).await;
                assert!(wire.text().await.starts_with(r#"{"op":"hello""#));
                wire.send(&frames[cut..]).await;
                let mut answered = Vec::new();
                while answered.len() < 4 {
                    let answer: Value = serde_json::from_str(&wire.text().await).unwrap();
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
                wire
            })
        })
        .collect();
    let mut open = Vec::new();
    for wire in opening {
        open.push(wire.await.unwrap());
    }
    // Each connection follows the room now, once.
    let (_, ok) = anna.socket().await.send_text("1", "everybody?").await;
    for wire in &mut open {
        let received = loop {
            let frame: Value = serde_json::from_str(&wire.text().await).unwrap();
            if frame["op"] == "msg" {
                break frame["seq"].clone();
            }
        };
        assert_eq!(received, ok["seq"]);
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
    let mut received = Vec::new();
    while !received.ends_with(br#"{"op":"ok","id":"slow"}"#) {
        let read = timeout(PATIENCE, stream.read_buf(&mut received)).await.expect("an answer");
        assert!(read.unwrap() > 0, "closed after {}", received.escape_ascii());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_on_all_shards_get_the_same_events_in_the_same_order() {
    const SHARDS: u16 = 4;
    const EACH: u32 = 6;
    let test = TestShards::start(usize::from(SHARDS)).await;
    let mut members = Vec::new();
    for _ in 0..u32::from(SHARDS) * EACH {
        let mut near = test.adopt();
        expect(&mut near, HELLO);
        // A shard counts its connections at the end of its turn.
        while test.shards.connections() <= members.len() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        members.push(near);
    }
    // They were spread evenly, so each shard has the slots 0 to 5.
    for shard in 0..SHARDS {
        for slot in 0..EACH {
            test.follow(ConnRef { shard, slot, generation: slot + 1 }).await;
        }
    }
    for near in &mut members {
        expect(near, FOLLOWING);
    }
    let numbers: Vec<String> = (0..3_000).map(|n| format!("{n:0>6}")).collect();
    for some in numbers.chunks(7) {
        test.publish(some.iter().map(|n| Bytes::from(n.clone())).collect()).await;
    }
    let all: Vec<u8> = numbers.iter().flat_map(|n| [b"\x81\x06", n.as_bytes()].concat()).collect();
    for near in &mut members {
        expect(near, &all);
    }
    test.shards.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_connections_that_come_at_once_are_all_adopted() {
    const CONNECTIONS: usize = 600;
    let test = TestShards::start(3).await;
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| test.adopt()).collect();
    for near in &mut connections {
        expect(near, HELLO);
    }
    assert_eq!(test.adopted(), CONNECTIONS as u64);
    test.shards.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_of_one_user_pass_in_the_same_number_together_as_one_by_one() {
    // A twentieth of all limits: five connections of one user.
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
        // A connection that has ended makes room for another.
        let is_gone = async {
            while metric(server.address, "impulse_connections").await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, is_gone).await.expect("the connections have ended");
    }
    server.stop().await;
}

/// A whole number of `/metrics`.
pub async fn metric(address: std::net::SocketAddr, name: &str) -> u64 {
    let text = support::client::Client::new(address).get("/metrics").await.body;
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_many_adoptions_leaves_no_client_hanging() {
    let test = Arc::new(TestShards::start(2).await);
    let count = Arc::new(AtomicUsize::new(0));
    let adopting = std::thread::spawn({
        let (test, count) = (test.clone(), count.clone());
        move || {
            let adopt = |_| {
                count.fetch_add(1, Ordering::Relaxed);
                test.adopt()
            };
            (0..2_000).map(adopt).collect::<Vec<_>>()
        }
    });
    while count.load(Ordering::Relaxed) < 300 && !adopting.is_finished() {
        std::thread::yield_now();
    }
    test.shards.stop();
    for mut near in adopting.join().unwrap() {
        // The test ends its side, too, as clients do; the other side may have ended long ago.
        let _ = near.shutdown(std::net::Shutdown::Write);
        let mut received = Vec::new();
        std::io::Read::read_to_end(&mut near, &mut received).expect("an end, not a hang");
        assert!(received.is_empty() || received.starts_with(HELLO), "{}", received.escape_ascii());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_while_clients_connect_answers_or_closes_each_of_them() {
    let server = TestServer::start_with(&["--shards", "2"]).await;
    let anna = server.user("anna").await;
    let address = server.address;
    let clients: Vec<_> = (0..200u64)
        .map(|n| {
            let request = upgrade(&anna.fields(), "/ws", CHAT);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(n)).await;
                // Once the server does not listen any more, the kernel refuses.
                let Ok(mut stream) = TcpStream::connect(address).await else { return false };
                if tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
                    .await
                    .is_err()
                {
                    return false;
                }
                let received = to_the_end(&mut stream).await;
                let text = String::from_utf8_lossy(&received);
                let is_upgraded = text.starts_with("HTTP/1.1 101 ");
                assert!(!is_upgraded || text.contains(r#""code":"restart""#), "no bye: {text}");
                is_upgraded
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    timeout(PATIENCE, server.stop()).await.expect("it stops");
    let mut upgraded = 0;
    for client in clients {
        upgraded += usize::from(client.await.unwrap());
    }
    assert!(upgraded > 0, "it stopped before any client was adopted");
}
