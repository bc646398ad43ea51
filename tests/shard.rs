//! One shard alone, told by hand what rooms would tell it: bursts of any size in one turn of its
//! loop, replays that come late, and peers that end TCP in every state. The rooms behind it are
//! stuck on purpose, so nothing is said that the test does not say.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use impulse::delivery::{self, Adoption, Role, Settings, Shards};
use impulse::ids::{RoomId, SessionId, Uid};
use impulse::rooms::outlet::{ConnRef, Delivery, Outlet, Payload, Publication, ShardLink};
use impulse::rooms::{CreateRoom, Rooms};
use impulse::store::chat::ChatStore;
use impulse::store::pool::Database;

use support::client::PATIENCE;
use support::postgres;

const ROOM: RoomId = RoomId(1);
const UID: Uid = Uid(7);

/// A shard and the queue to it.
struct Bench {
    outlet: Outlet,
    shards: Shards,
    /// A room that takes commands, but not for ever: nobody listens to what it says.
    stuck: RoomId,
    adopted: u32,
    /// Of the server's end of new connections.
    send_buffer: Option<usize>,
    _unheard: mpsc::Receiver<Delivery>,
}

impl Bench {
    async fn start() -> Self {
        let database = Database::new(&postgres::database().await).unwrap();
        let store = ChatStore::open(database).await.unwrap();
        let (tx, unheard) = mpsc::channel(100);
        let link = ShardLink::new(tx, Arc::new(|| ()));
        let rooms = Rooms::start(store, Outlet::new(vec![link])).await.unwrap();
        let create = CreateRoom {
            name: "Stuck".to_owned(),
            topic: String::new(),
            kind: impulse::protocol::event::RoomKind::Open,
            members: Vec::new(),
            is_default: false,
        };
        let stuck = rooms.create(Some(UID), create).await.unwrap().0.id;
        let (outlet, seeds) = delivery::prepare(1).unwrap();
        let settings = Settings { rate_limit_scale: 0.0, ..Settings::default() };
        let shards = seeds.start(rooms, settings).unwrap();
        Self { outlet, shards, stuck, adopted: 0, send_buffer: None, _unheard: unheard }
    }

    /// A new connection. Slots are not reused as long as none has ended.
    async fn connect(&mut self) -> (Peer, ConnRef) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let stream = far.unwrap().0.into_std().unwrap();
        if let Some(size) = self.send_buffer {
            SockRef::from(&stream).set_send_buffer_size(size).unwrap();
        }
        self.shards.adopt(Adoption {
            stream,
            head: Vec::new(),
            input: Bytes::new(),
            role: Role::Chat {
                uid: UID,
                session: SessionId(1),
                admin: false,
                status: impulse::protocol::status::Status::default(),
                hello: Bytes::from_static(b"hello"),
                rooms: Vec::new(),
            },
        });
        self.adopted += 1;
        let conn = ConnRef { shard: 0, slot: self.adopted - 1, generation: self.adopted };
        let mut peer = Peer { stream: near.unwrap(), buffer: Vec::new() };
        assert_eq!(peer.text().await, "hello");
        (peer, conn)
    }

    /// A new connection that follows the room.
    async fn follow(&mut self, room: RoomId) -> (Peer, ConnRef) {
        let (mut peer, conn) = self.connect().await;
        self.tell(Delivery::Subscribed(conn, room)).await;
        self.tell(Delivery::Replayed(conn, room, vec![text("following")])).await;
        assert_eq!(peer.text().await, "following");
        (peer, conn)
    }

    async fn tell(&self, delivery: Delivery) {
        self.outlet.broadcast(delivery).await.unwrap();
    }

    async fn publish(&self, room: RoomId, events: Vec<Payload>) {
        let publication = Publication { room, events, activity: None };
        self.tell(Delivery::Publish(Arc::new(publication))).await;
    }

    /// Gives the shard so much to do that whatever is told next waits in its queue together.
    async fn keep_busy(&mut self) -> Peer {
        const ELSEWHERE: RoomId = RoomId(99);
        let (peer, _) = self.follow(ELSEWHERE).await;
        self.publish(ELSEWHERE, vec![Bytes::from(vec![b'x'; 64 * 1024 * 1024])]).await;
        peer
    }

    async fn lagging(&self) -> u64 {
        self.shards.stats().lagging.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Waits until no connection is left.
    async fn all_ended(&self) {
        let ended = async {
            while self.shards.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("the connection has ended");
    }
}

/// The other end of a connection.
struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Peer {
    /// The next frame: opcode and payload. `None` at the end of TCP.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            self.buffer.reserve(256 * 1024);
            let reading = self.stream.read_buf(&mut self.buffer);
            match timeout(PATIENCE, reading).await.expect("a frame in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        let &[first, second, ..] = self.buffer.as_slice() else { return None };
        let (length, start) = match second {
            126 => (u16::from_be_bytes(self.buffer.get(2..4)?.try_into().unwrap()) as usize, 4),
            127 => (u64::from_be_bytes(self.buffer.get(2..10)?.try_into().unwrap()) as usize, 10),
            n => (n as usize, 2),
        };
        let payload = self.buffer.get(start..start + length)?.to_vec();
        self.buffer.drain(..start + length);
        Some((first & 0xf, payload))
    }

    async fn text(&mut self) -> String {
        let (opcode, payload) = self.frame().await.expect("a frame, not the end");
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert_eq!(opcode, 1, "{text}");
        text
    }

    /// The next frames are exactly these.
    async fn expect(&mut self, texts: impl IntoIterator<Item = String>) {
        for wanted in texts {
            let heard = self.text().await;
            assert!(heard == wanted, "heard {:.60}, expected {:.60}", heard, wanted);
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The last bytes, and the end of TCP in the same segment.
    async fn send_and_end(&mut self, bytes: &[u8]) {
        SockRef::from(&self.stream).set_tcp_cork(true).unwrap();
        self.send(bytes).await;
        self.stream.shutdown().await.unwrap();
    }
}

fn text(text: &str) -> Payload {
    Bytes::from(text.to_owned())
}

fn events(numbers: std::ops::Range<usize>) -> Vec<Payload> {
    numbers.map(|n| text(&n.to_string())).collect()
}

fn numbers(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|n| n.to_string())
}

/// A masked text frame; a mask of zeros is one, too.
fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let head = if length < 126 { vec![0x81, 0x80 | length] } else { vec![0x81, 0xfe, 0, length] };
    [&head, &[0; 4][..], text.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_commands_is_answered_however_many_they_are() {
    const COMMANDS: usize = 20_000;
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.connect().await;
    peer.send(&masked(r#"{"op":"ping"}"#).repeat(COMMANDS)).await;
    peer.expect((0..COMMANDS).map(|_| r#"{"op":"ok"}"#.to_owned())).await;
    assert_eq!(bench.lagging().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_all_at_once_reach_who_reads_them() {
    const ANSWERS: usize = 8_000;
    let mut bench = Bench::start().await;
    let (mut peer, conn) = bench.connect().await;
    let _busy = bench.keep_busy().await;
    for answer in events(0..ANSWERS) {
        bench.tell(Delivery::Reply(conn, answer)).await;
    }
    peer.expect(numbers(0..ANSWERS)).await;
    assert_eq!(bench.lagging().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_of_any_size_reaches_who_reads() {
    let mut bench = Bench::start().await;
    let mut peers = Vec::new();
    for _ in 0..300 {
        peers.push(bench.follow(ROOM).await.0);
    }
    bench.publish(ROOM, events(0..5_000)).await;
    for peer in &mut peers {
        peer.expect(numbers(0..5_000)).await;
    }
    assert_eq!(bench.lagging().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_larger_than_any_buffer_and_what_follows_reach_who_reads() {
    const LARGE: usize = 500;
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.follow(ROOM).await;
    let large: Vec<String> = (0..LARGE).map(|n| format!("{n:0>30000}")).collect();
    bench.publish(ROOM, large.iter().map(|event| text(event)).collect()).await;
    for event in events(0..500) {
        bench.publish(ROOM, vec![event]).await;
    }
    peer.expect(large).await;
    peer.expect(numbers(0..500)).await;
    assert_eq!(bench.lagging().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn publications_that_come_all_at_once_reach_who_reads() {
    const EVENTS: usize = 8_000;
    let mut bench = Bench::start().await;
    let mut peers = Vec::new();
    for _ in 0..10 {
        peers.push(bench.follow(ROOM).await.0);
    }
    let _busy = bench.keep_busy().await;
    for event in events(0..EVENTS) {
        bench.publish(ROOM, vec![event]).await;
    }
    for peer in &mut peers {
        peer.expect(numbers(0..EVENTS)).await;
    }
    assert_eq!(bench.lagging().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_replay_misses_nothing_that_is_said_meanwhile() {
    let mut bench = Bench::start().await;
    let (mut live, _) = bench.follow(ROOM).await;
    let (mut late, conn) = bench.connect().await;
    bench.tell(Delivery::Subscribed(conn, ROOM)).await;
    for first in (1_000..9_000).step_by(500) {
        bench.publish(ROOM, events(first..first + 500)).await;
    }
    live.expect(numbers(1_000..9_000)).await;
    bench.tell(Delivery::Replayed(conn, ROOM, events(0..1_000))).await;
    late.expect(numbers(0..9_000)).await;
    bench.publish(ROOM, events(9_000..9_001)).await;
    late.expect(numbers(9_000..9_001)).await;
    assert_eq!(bench.lagging().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_is_told_that_he_lags_when_he_looks_up_and_only_he() {
    let mut bench = Bench::start().await;
    let (mut eager, _) = bench.follow(ROOM).await;
    let (mut lazy, _) = bench.follow(ROOM).await;
    let mut published = 0;
    while bench.lagging().await == 0 {
        assert!(published < 1_000, "30 MB wait for a socket that takes nothing");
        bench.publish(ROOM, vec![text(&format!("{published:0>30000}"))]).await;
        eager.expect([format!("{published:0>30000}")]).await;
        published += 1;
    }
    // Longer than a close frame waits otherwise.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut heard = 0;
    let (opcode, payload) = loop {
        match lazy.frame().await.expect("a goodbye") {
            (1, payload) if payload.len() == 30_000 => {
                assert_eq!(payload, format!("{heard:0>30000}").as_bytes());
                heard += 1;
            }
            (1, bye) => {
                let bye: serde_json::Value = serde_json::from_slice(&bye).unwrap();
                assert_eq!((&bye["op"], &bye["code"]), (&"bye".into(), &"lagging".into()));
            }
            other => break other,
        }
    };
    assert_eq!((opcode, payload.as_slice()), (8, &1013u16.to_be_bytes()[..]));
    assert_eq!(lazy.frame().await, None);
    assert!(heard < published);
    assert_eq!(bench.lagging().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_small_rooms_together_count_against_who_takes_nothing() {
    let mut bench = Bench::start().await;
    let (peer, conn) = bench.connect().await;
    for room in 1..=1_000 {
        bench.tell(Delivery::Subscribed(conn, RoomId(room))).await;
        bench.tell(Delivery::Replayed(conn, RoomId(room), vec![text("following")])).await;
    }
    let large = text(&"x".repeat(100_000));
    let mut published = 0;
    while bench.lagging().await == 0 {
        assert!(published < 200, "20 MB wait for a socket that takes nothing");
        bench.publish(RoomId(1 + published), vec![large.clone()]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        published += 1;
    }
    drop(peer);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_while_his_replay_is_read_gets_nothing_of_it_but_the_answer() {
    let mut bench = Bench::start().await;
    let (mut peer, conn) = bench.connect().await;
    bench.tell(Delivery::Joined(UID, ROOM)).await;
    bench.tell(Delivery::Subscribed(conn, ROOM)).await;
    bench.tell(Delivery::Left(UID, ROOM)).await;
    bench.publish(ROOM, events(5..6)).await;
    bench.tell(Delivery::Replayed(conn, ROOM, vec![text("secret"), text("answer")])).await;
    bench.tell(Delivery::Reply(conn, text("next"))).await;
    let heard = [peer.text().await, peer.text().await];
    assert!(
        heard.contains(&"answer".to_owned()) && heard.contains(&"next".to_owned()),
        "{heard:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_twice_hears_nothing_live_before_both_replays() {
    let mut bench = Bench::start().await;
    let (mut peer, conn) = bench.connect().await;
    bench.tell(Delivery::Subscribed(conn, ROOM)).await;
    bench.publish(ROOM, events(3..4)).await;
    bench.tell(Delivery::Unsubscribed(conn, ROOM, text("left"))).await;
    bench.tell(Delivery::Subscribed(conn, ROOM)).await;
    bench.tell(Delivery::Replayed(conn, ROOM, vec![text("1"), text("2"), text("ok")])).await;
    peer.expect(["left", "1", "2", "ok"].map(str::to_owned)).await;
    bench.publish(ROOM, events(4..5)).await;
    bench.tell(Delivery::Reply(conn, text("between"))).await;
    peer.expect(["between".to_owned()]).await;
    bench.tell(Delivery::Replayed(conn, ROOM, vec![text("2"), text("3"), text("ok")])).await;
    peer.expect(["2", "3", "ok", "4"].map(str::to_owned)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_ends_with_its_last_words_is_gone_at_once() {
    let ping = masked(r#"{"op":"ping"}"#);
    let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let last_words: [&[u8]; 6] =
        [b"", &ping, &ping[..7], &ping[..1], &ping.repeat(4_000), &[&ping[..], &close].concat()];
    for words in last_words {
        let mut bench = Bench::start().await;
        let (mut peer, _) = bench.connect().await;
        peer.send_and_end(words).await;
        bench.all_ended().await;
        // What was ready is still said.
        let mut heard = Vec::new();
        while let Some((opcode, _)) = peer.frame().await {
            heard.push(opcode);
        }
        let answers = words.len() / ping.len();
        assert!(heard.iter().filter(|opcode| **opcode == 1).count() == answers, "{heard:?}");
        assert_eq!(heard.contains(&8), words.ends_with(&close), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_ends_while_its_commands_wait_for_a_room_is_gone_at_once() {
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.connect().await;
    let command = masked(&format!(r#"{{"op":"typing","room":"{}"}}"#, bench.stuck));
    peer.send(&command.repeat(3_000)).await;
    // The inbox is full and the rest waits, as the next command shows.
    tokio::time::sleep(Duration::from_millis(300)).await;
    peer.send_and_end(&command).await;
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_ends_while_much_waits_for_it_is_gone_at_once() {
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.follow(ROOM).await;
    bench.publish(ROOM, vec![text(&"x".repeat(30_000)); 500]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    peer.send_and_end(&masked(r#"{"op":"ping"}"#)).await;
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_ends_behind_our_close_is_gone_at_once() {
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.connect().await;
    peer.send(&[0x88, 0x80, 0, 0, 0, 0]).await;
    assert_eq!(peer.frame().await, Some((8, vec![])));
    peer.send_and_end(&masked("late")).await;
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_every_pace_hear_two_rooms_in_order_without_a_gap() {
    const ROOMS: [RoomId; 2] = [RoomId(1), RoomId(2)];
    const EVENTS: usize = 800;
    let mut bench = Bench::start().await;
    // Writes are cut anywhere, and sockets take no more again and again.
    bench.send_buffer = Some(16 * 1024);
    let mut readers = Vec::new();
    for pace in 0..24usize {
        let (mut peer, conn) = bench.follow(ROOMS[0]).await;
        bench.tell(Delivery::Subscribed(conn, ROOMS[1])).await;
        bench.tell(Delivery::Replayed(conn, ROOMS[1], vec![text("following")])).await;
        assert_eq!(peer.text().await, "following");
        readers.push(tokio::spawn(async move {
            let mut heard = [0, 0];
            while heard != [EVENTS; 2] {
                let text = peer.text().await;
                if text.starts_with('{') {
                    return (heard, peer.frame().await);
                }
                let mut words = text.split(' ');
                let mut number = || words.next().unwrap().parse::<usize>().unwrap();
                let (room, event) = (number(), number());
                assert_eq!(event, heard[room], "reader {pace} of room {room}");
                heard[room] += 1;
                if pace % 3 > 0 && event % (7 * pace) == 0 {
                    tokio::time::sleep(Duration::from_millis(pace as u64)).await;
                }
            }
            (heard, None)
        }));
    }
    for event in 0..EVENTS {
        for (number, room) in ROOMS.into_iter().enumerate() {
            let padding = "x".repeat(event * 7_919 % 5_000);
            bench.publish(room, vec![text(&format!("{number} {event} {padding}"))]).await;
        }
        if event % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    for reader in readers {
        let (heard, close) = reader.await.unwrap();
        let lagged = close.map(|(opcode, code)| (opcode, u16::from_be_bytes([code[0], code[1]])));
        assert!(heard == [EVENTS; 2] || lagged == Some((8, 1013)), "{heard:?} {lagged:?}");
    }
}
