//! One shard alone, told by hand what rooms would tell it, and the other ends of its connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use impulse::base::allowance::Allowances;
use impulse::base::ids::{RoomId, SessionId, Uid};
use impulse::base::memory::MemoryBudget;
use impulse::delivery::{self, Adoption, Rights, Role, Settings, Shards};
use impulse::rooms::delivery::Delivery;
use impulse::rooms::publication::{ConnRef, Payload, Publication};
use impulse::rooms::publisher::{Publisher, ShardQueue};
use impulse::rooms::{Bounds, CreateRoom, Rooms};
use impulse::store::chat::ChatStore;
use impulse::store::pool::Database;

use super::{postgres, raise_descriptor_limit};

pub const ROOM: RoomId = RoomId(1);
pub const UID: Uid = Uid(7);

/// Longest wait for a frame. A reader that had stopped for long is looked at by TCP as late again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shard and the queue to it.
pub struct Bench {
    pub publisher: Publisher,
    pub shards: Shards,
    pub memory: MemoryBudget,
    /// A room that takes commands, but not for ever: nobody listens to what it says.
    pub stuck: RoomId,
    adopted: u32,
    /// Of the server's end of new connections.
    pub send_buffer: Option<usize>,
    _unheard: mpsc::Receiver<Delivery>,
}

impl Bench {
    pub async fn start() -> Self {
        Self::start_with(Settings { rate_limit_scale: 0.0, ..Settings::default() }).await
    }

    pub async fn start_with(settings: Settings) -> Self {
        Self::start_within(Bounds::default(), settings).await
    }

    pub async fn start_within(bounds: Bounds, settings: Settings) -> Self {
        let memory = bounds.memory.clone();
        raise_descriptor_limit();
        let database = Database::new(&postgres::database().await).unwrap();
        let store = ChatStore::open(database).await.unwrap();
        let (tx, unheard) = mpsc::channel(100);
        let link = ShardQueue::new(tx, Arc::new(|| ()));
        let publisher = Publisher::new(vec![link]);
        let rooms = Rooms::start_within(bounds, store, publisher).await.unwrap();
        let create = CreateRoom {
            name: "Stuck".to_owned(),
            topic: String::new(),
            kind: impulse::protocol::room::RoomKind::Open,
            members: Vec::new(),
            is_default: false,
        };
        let stuck = rooms.create(Some(UID), create).await.unwrap().0.id;
        let (publisher, seeds) = delivery::prepare(1).unwrap();
        let shards = seeds.start(rooms, settings).unwrap();
        Self { publisher, shards, memory, stuck, adopted: 0, send_buffer: None, _unheard: unheard }
    }

    /// A new connection. Slots are not reused as long as none has ended.
    pub async fn connect(&mut self) -> (Peer, ConnRef) {
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
                asked_at: Instant::now(),
                admin: false,
                rights: Rights::Write,
                status: impulse::protocol::presence::Status::default(),
                hello: Bytes::from_static(b"hello"),
                rooms: Vec::new(),
                told: usize::MAX,
                allowance: Allowances::new(0.0).of(UID),
            },
        });
        self.adopted += 1;
        let conn = ConnRef { shard: 0, slot: self.adopted - 1, generation: self.adopted };
        let mut peer = Peer { stream: near.unwrap(), buffer: Vec::new() };
        assert_eq!(peer.text().await, "hello");
        (peer, conn)
    }

    /// A new connection that follows the room.
    pub async fn follow(&mut self, room: RoomId) -> (Peer, ConnRef) {
        let (mut peer, conn) = self.connect().await;
        self.tell(Delivery::Subscribed(conn, room)).await;
        self.tell(Delivery::Replayed(conn, room, vec![text("following")])).await;
        assert_eq!(peer.text().await, "following");
        (peer, conn)
    }

    pub async fn tell(&self, delivery: Delivery) {
        self.publisher.broadcast(delivery).await.unwrap();
    }

    pub async fn publish(&self, room: RoomId, events: Vec<Payload>) {
        let publication = Publication { room, events, activity: None, more_follows: false };
        self.tell(Delivery::Publish(Arc::new(publication))).await;
    }

    /// Gives the shard so much to do that whatever is told next waits in its queue together.
    pub async fn keep_busy(&mut self) -> Peer {
        const ELSEWHERE: RoomId = RoomId(99);
        let (peer, _) = self.follow(ELSEWHERE).await;
        self.publish(ELSEWHERE, vec![Bytes::from(vec![b'x'; 64 * 1024 * 1024])]).await;
        peer
    }

    pub fn lagging(&self) -> u64 {
        self.shards.stats().lagging.get()
    }

    /// Waits until no connection is left.
    pub async fn all_ended(&self) {
        let ended = async {
            while self.shards.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("the connection has ended");
    }
}

/// The other end of a connection.
pub struct Peer {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

impl Peer {
    /// The next frame: opcode and payload. `None` at the end of TCP.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
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

    pub async fn text(&mut self) -> String {
        let (opcode, payload) = self.frame().await.expect("a frame, not the end");
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert_eq!(opcode, 1, "{text}");
        text
    }

    /// The next frames are exactly these.
    pub async fn expect(&mut self, texts: impl IntoIterator<Item = String>) {
        for wanted in texts {
            let heard = self.text().await;
            assert!(heard == wanted, "heard {:.60}, expected {:.60}", heard, wanted);
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The last bytes, and the end of TCP in the same segment.
    pub async fn send_and_end(&mut self, bytes: &[u8]) {
        SockRef::from(&self.stream).set_tcp_cork(true).unwrap();
        self.send(bytes).await;
        self.stream.shutdown().await.unwrap();
    }
}

pub fn text(text: &str) -> Payload {
    Bytes::from(text.to_owned())
}

pub fn events(numbers: std::ops::Range<usize>) -> Vec<Payload> {
    numbers.map(|n| text(&n.to_string())).collect()
}

pub fn numbers(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|n| n.to_string())
}
