//! One shard alone, which gets from the test what rooms would send it, and the clients of its connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustls::{ClientConfig, ServerConfig};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use impulse::base::allowance::Allowances;
use impulse::base::established::Established;
use impulse::base::ids::{RoomId, SessionId, Uid};
use impulse::base::memory::MemoryBudget;
use impulse::delivery::{
    self, Adoption, ConnectionKind, NewChat, NewTail, Rights, Settings, Shards,
};
use impulse::http::client::Trust;
use impulse::rooms::delivery::Delivery;
use impulse::rooms::publication::{ConnRef, Payload, Publication};
use impulse::rooms::publisher::{Publisher, ShardQueue};
use impulse::rooms::{Bounds, CreateRoom, Quota, Rooms};
use impulse::store::chat::ChatStore;
use impulse::store::pool::Database;

use super::link::Link;
use super::tls::Certified;
use super::wire::{PATIENCE, Wire};
use super::{postgres, raise_descriptor_limit};

pub const ROOM: RoomId = RoomId(1);
pub const UID: Uid = Uid(7);

/// Both sides of a handshake.
pub struct Handshake {
    pub client: Arc<ClientConfig>,
    pub server: Arc<ServerConfig>,
}

impl Default for Handshake {
    fn default() -> Self {
        let certified = Certified::of(&["chat.test"]);
        let trust = Trust::in_pem(certified.authority.as_bytes()).unwrap();
        Self { client: trust.config(), server: certified.server() }
    }
}

impl Handshake {
    /// Does it over these sockets.
    pub async fn between(&self, near: TcpStream, far: TcpStream) -> (Link, Established) {
        let connector = TlsConnector::from(self.client.clone());
        let acceptor = TlsAcceptor::from(self.server.clone());
        let name = "chat.test".try_into().unwrap();
        let (near, far) = tokio::join!(connector.connect(name, near), acceptor.accept(far));
        let (far, session) = far.unwrap().into_inner();
        let stream = Established::Tls(far.into_std().unwrap(), Box::new(session));
        (near.unwrap().into(), stream)
    }
}

/// A shard and the queue to it.
pub struct Bench {
    pub publisher: Publisher,
    pub shards: Shards,
    pub memory: MemoryBudget,
    /// A room that takes commands, but not for ever: nothing reads what it publishes.
    pub stuck: RoomId,
    adopted: u32,
    /// Of the server's end of new connections.
    pub send_buffer: Option<usize>,
    /// The handshake of new connections, if they have one.
    pub tls: Option<Handshake>,
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
        let directory = Arc::default();
        let rooms = Rooms::start_within(bounds, store, publisher, directory).await.unwrap();
        let create = CreateRoom {
            name: "Stuck".to_owned(),
            topic: String::new(),
            kind: impulse::protocol::room::RoomKind::Open,
            members: Vec::new(),
            is_default: false,
        };
        let stuck = rooms.create(Some(UID), create, Quota::Unbounded).await.unwrap().view.id;
        let (publisher, prepared) = delivery::prepare(1).unwrap();
        let shards = prepared.start(rooms, settings).unwrap();
        let (adopted, send_buffer, tls) = (0, None, None);
        Self { publisher, shards, memory, stuck, adopted, send_buffer, tls, _unheard: unheard }
    }

    /// The same, of which every connection has TLS.
    pub fn over_tls(mut self) -> Self {
        self.tls = Some(Handshake::default());
        self
    }

    /// A new connection. Slots are not reused as long as none has ended.
    pub async fn connect(&mut self) -> (Wire, ConnRef) {
        let (near, far) = self.sockets().await;
        let (link, stream) = match &self.tls {
            None => (near.into(), Established::Plain(far.into_std().unwrap())),
            Some(tls) => tls.between(near, far).await,
        };
        let conn = self.adopt(stream, Bytes::new());
        let mut peer = Wire::over(link);
        assert_eq!(peer.text().await, "hello");
        (peer, conn)
    }

    /// A new tail of the room that takes commands, which is live.
    pub async fn tail(&mut self) -> (TcpStream, ConnRef) {
        let (near, far) = self.sockets().await;
        let tail = NewTail {
            uid: UID,
            session: SessionId(1),
            checked_at: Instant::now(),
            is_admin: false,
            room: self.stuck,
            since: 0,
            allowance: Allowances::new(0.0).of(UID),
        };
        self.shards.adopt(Adoption {
            stream: Established::Plain(far.into_std().unwrap()),
            head: b"head\n".to_vec(),
            input: Bytes::new(),
            kind: ConnectionKind::Tail(Box::new(tail)),
        });
        self.adopted += 1;
        let conn = ConnRef { shard: 0, slot: self.adopted - 1, generation: self.adopted };
        self.deliver(Delivery::Subscribed(conn, self.stuck)).await;
        self.deliver(Delivery::Replayed(conn, self.stuck, vec![text("following")])).await;
        (near, conn)
    }

    /// The two ends of a new connection, the client's first.
    pub async fn sockets(&self) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let far = far.unwrap().0;
        if let Some(size) = self.send_buffer {
            SockRef::from(&far).set_send_buffer_size(size).unwrap();
        }
        (near.unwrap(), far)
    }

    /// Gives the shard a connection on which `hello` is the first frame.
    pub fn adopt(&mut self, stream: Established, input: Bytes) -> ConnRef {
        let chat = NewChat {
            uid: UID,
            session: SessionId(1),
            checked_at: Instant::now(),
            is_admin: false,
            rights: Rights::Write,
            status: impulse::protocol::presence::Status::default(),
            hello: Bytes::from_static(b"hello"),
            rooms: Vec::new(),
            rooms_in_hello: usize::MAX,
            allowance: Allowances::new(0.0).of(UID),
        };
        let kind = ConnectionKind::Chat(Box::new(chat));
        self.shards.adopt(Adoption { stream, head: Vec::new(), input, kind });
        self.adopted += 1;
        ConnRef { shard: 0, slot: self.adopted - 1, generation: self.adopted }
    }

    /// A new connection that follows the room.
    pub async fn follow(&mut self, room: RoomId) -> (Wire, ConnRef) {
        let (mut peer, conn) = self.connect().await;
        self.deliver(Delivery::Subscribed(conn, room)).await;
        self.deliver(Delivery::Replayed(conn, room, vec![text("following")])).await;
        assert_eq!(peer.text().await, "following");
        (peer, conn)
    }

    pub async fn deliver(&self, delivery: Delivery) {
        self.publisher.broadcast(delivery).await.unwrap();
    }

    pub async fn publish(&self, room: RoomId, events: Vec<Payload>) {
        let events = events.into_iter().map(Into::into).collect();
        let publication = Publication { room, events, activity: None, more_follows: false };
        self.deliver(Delivery::Publish(Arc::new(publication))).await;
    }

    /// Gives the shard so much to do that whatever is sent next waits in its queue together.
    pub async fn keep_busy(&mut self) -> Wire {
        const ELSEWHERE: RoomId = RoomId(99);
        let (peer, _) = self.follow(ELSEWHERE).await;
        self.publish(ELSEWHERE, vec![Bytes::from(vec![b'x'; 64 * 1024 * 1024])]).await;
        peer
    }

    pub fn lagging(&self) -> u64 {
        self.shards.counters().lagging.get()
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

pub fn text(text: &str) -> Payload {
    Bytes::from(text.to_owned())
}

pub fn events(numbers: std::ops::Range<usize>) -> Vec<Payload> {
    numbers.map(|n| text(&n.to_string())).collect()
}

pub fn numbers(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|n| n.to_string())
}
