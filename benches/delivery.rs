//! What a room's log costs, and a sweep over a thousand real sockets.
//!
//! The log is measured alone, in memory. The sweep is one running shard that gets by hand what a room would
//! send it, as in `tests/delivery/shard.rs`. Its rooms need a database, so PostgreSQL's programs must be installed.
//! The time of a sweep is from the publication to the moment when the kernel has taken the frame for every
//! member. The members' ends are read outside of that time, so that no member is slow. Nearly all of it is
//! spent in the kernel: it is the price of a `write` on loopback.
//!
//! `cargo bench --bench delivery`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/support/postgres.rs"]
mod postgres;

use std::hint::black_box;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

use impulse::base::allowance::Allowances;
use impulse::base::established::Established;
use impulse::base::ids::{RoomId, SessionId, Uid};
use impulse::delivery::frame_log::FrameLog;
use impulse::delivery::{self, Adoption, ConnectionKind, NewChat, Rights, Settings, Shards};
use impulse::protocol::presence::Status;
use impulse::rooms::Rooms;
use impulse::rooms::delivery::Delivery;
use impulse::rooms::publication::{ConnRef, Publication};
use impulse::rooms::publisher::Publisher;
use impulse::store::chat::ChatStore;
use impulse::store::pool::Database;

/// Frames of a log that is not swept yet.
const FRAMES: u64 = 1_000;
const PAYLOAD: [u8; 128] = [b'x'; 128];
/// A payload and its header.
const FRAME: u64 = 132;

fn filled() -> FrameLog {
    let mut log = FrameLog::default();
    (0..FRAMES).for_each(|_| log.append(&PAYLOAD));
    log
}

fn room_log(c: &mut Criterion) {
    let mut group = c.benchmark_group("room log");
    let mut log = FrameLog::default();
    group.throughput(Throughput::Elements(1));
    group.bench_function("append, then forget", |b| {
        b.iter(|| {
            log.append(black_box(&PAYLOAD));
            log.forget(log.end());
        });
    });
    group.throughput(Throughput::Elements(FRAMES));
    group.bench_function("append 1,000", |b| {
        b.iter_batched_ref(
            FrameLog::default,
            |log| (0..FRAMES).for_each(|_| log.append(black_box(&PAYLOAD))),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("forget 1,000, one by one", |b| {
        b.iter_batched_ref(
            filled,
            |log| (1..=FRAMES).for_each(|n| log.forget(black_box(n * FRAME))),
            BatchSize::SmallInput,
        );
    });
    let log = filled();
    let middle = FRAMES / 2 * FRAME;
    assert_eq!(log.end(), FRAMES * FRAME);
    group.throughput(Throughput::Elements(1));
    group.bench_function("since the middle", |b| b.iter(|| log.since(black_box(middle)).len()));
    group.bench_function("advance to the end", |b| {
        b.iter(|| log.advance(black_box(middle), (FRAMES / 2 * FRAME) as usize));
    });
    group.bench_function("advance into a frame", |b| {
        b.iter(|| log.advance(black_box(middle), (100 * FRAME + 40) as usize));
    });
    group.bench_function("backlog of the middle", |b| b.iter(|| log.backlog(black_box(middle))));
    group.finish();
}

const MEMBERS: usize = 1_000;
const ROOM: RoomId = RoomId(1);

/// A shard and the members' ends of its sockets, all in one room.
struct ShardBench {
    runtime: Runtime,
    publisher: Publisher,
    shards: Shards,
    members: Vec<TcpStream>,
}

impl ShardBench {
    fn open() -> Self {
        raise_descriptor_limit();
        let runtime = Runtime::new().unwrap();
        let (publisher, seeds) = delivery::prepare(1).unwrap();
        let rooms = runtime.block_on(async {
            let database = Database::new(&postgres::database().await).unwrap();
            Rooms::start(ChatStore::open(database).await.unwrap(), publisher.clone()).await.unwrap()
        });
        let settings = Settings { rate_limit_scale: 0.0, ..Settings::default() };
        let shards = seeds.start(rooms, settings).unwrap();
        let mut bench = Self { runtime, publisher, shards, members: Vec::new() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for _ in 0..MEMBERS {
            bench.add_member(&listener);
        }
        bench
    }

    fn add_member(&mut self, listener: &TcpListener) {
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap().0;
        stream.set_nonblocking(true).unwrap();
        near.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
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
        let kind = ConnectionKind::Chat(Box::new(chat));
        self.shards.adopt(Adoption {
            stream: Established::Plain(stream),
            head: Vec::new(),
            input: Bytes::new(),
            kind,
        });
        near.read_exact(&mut [0; 7]).unwrap();
        let slot = self.members.len() as u32;
        let conn = ConnRef { shard: 0, slot, generation: slot + 1 };
        self.send(Delivery::Subscribed(conn, ROOM));
        self.send(Delivery::Replayed(conn, ROOM, vec![Bytes::from_static(b"following")]));
        near.read_exact(&mut [0; 11]).unwrap();
        self.members.push(near);
    }

    fn send(&self, delivery: Delivery) {
        self.runtime.block_on(self.publisher.broadcast(delivery)).unwrap();
    }

    /// Publishes, and waits until the kernel has all frames for all members.
    fn sweep(&self, publication: &Arc<Publication>) -> Duration {
        let frames = (publication.events.len() * MEMBERS) as u64;
        let delivered = || self.shards.counters().deliveries.get();
        let wanted = delivered() + frames;
        let began = Instant::now();
        self.send(Delivery::Publish(publication.clone()));
        while delivered() < wanted {
            assert!(began.elapsed() < Duration::from_secs(20), "a sweep does not end");
            std::thread::yield_now();
        }
        began.elapsed()
    }

    fn read_everything(&mut self, publication: &Publication) {
        let mut frames = vec![0; publication.events.len() * FRAME as usize];
        for member in &mut self.members {
            member.read_exact(&mut frames).unwrap();
        }
    }
}

fn sweep(c: &mut Criterion) {
    let mut bench = ShardBench::open();
    let mut group = c.benchmark_group("sweep over 1,000 sockets");
    for events in [1, 16, 128] {
        let event = Bytes::from_static(&PAYLOAD);
        let publication = Publication {
            room: ROOM,
            events: vec![event.into(); events],
            activity: None,
            more_follows: false,
        };
        let publication = Arc::new(publication);
        group.throughput(Throughput::Elements((events * MEMBERS) as u64));
        group.bench_function(format!("{events} to each"), |b| {
            b.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    spent += bench.sweep(&publication);
                    bench.read_everything(&publication);
                }
                spent
            });
        });
    }
    group.finish();
    assert_eq!(bench.shards.counters().lagging.get(), 0, "no member was slow");
    bench.members.clear();
    bench.shards.stop();
}

/// Both ends of every socket are in this process.
fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

criterion_group! {
    name = logs;
    config = Criterion::default();
    targets = room_log
}
criterion_group! {
    name = sweeps;
    config = Criterion::default().sample_size(20);
    targets = sweep
}
criterion_main!(logs, sweeps);
