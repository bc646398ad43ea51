//! One shard alone, told by hand what rooms would tell it: peers that end TCP in every state. The
//! rooms behind it are stuck on purpose, so nothing is said that the test does not say.

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
        let stuck = rooms.create(UID, create).await.unwrap().0.id;
        let (outlet, seeds) = delivery::prepare(1).unwrap();
        let shards = seeds.start(rooms, Settings { rate_limit_scale: 0.0 }).unwrap();
        Self { outlet, shards, stuck, adopted: 0, _unheard: unheard }
    }

    /// A new connection. Slots are not reused as long as none has ended.
    async fn connect(&mut self) -> (Peer, ConnRef) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        self.shards.adopt(Adoption {
            stream: far.unwrap().0.into_std().unwrap(),
            head: Vec::new(),
            input: Bytes::new(),
            role: Role::Chat {
                uid: UID,
                session: SessionId(1),
                admin: false,
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

/// A masked text frame; a mask of zeros is one, too.
fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let head = if length < 126 { vec![0x81, 0x80 | length] } else { vec![0x81, 0xfe, 0, length] };
    [&head, &[0; 4][..], text.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_ends_with_its_last_words_is_gone_at_once() {
    let ping = masked(r#"{"op":"ping"}"#);
    let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let last_words: [&[u8]; 6] =
        [b"", &ping, &ping[..7], &ping[..1], &ping.repeat(1_000), &[&ping[..], &close].concat()];
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
