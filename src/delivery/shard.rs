//! One shard: a thread, an epoll, and the connections it owns.
//!
//! A turn of the loop: sockets that have something, deliveries and adoptions that wait, answers to
//! write, 128 members of the sweep. It sleeps only when none of these is left.

use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Token};
use slab::Slab;
use tokio::sync::mpsc;

use super::connection::{Bucket, Chat, Connection, Flushed, Held, Phase, Purpose};
use super::room::Room;
use super::stats::Stats;
use super::sweep::SweepQueue;
use super::{Adoption, Door, Role, Seed, Settings};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::delivery as limits;
use crate::rooms::delivery::Delivery;
use crate::rooms::publication::ConnRef;
use crate::rooms::{Accepted, Rooms};
use crate::ws::frame;

/// The token that is no socket.
pub(super) const WAKE: Token = Token(usize::MAX);

/// Sockets looked at per turn.
const EVENTS: usize = 1_024;

pub(super) struct Shard {
    pub(super) number: u16,
    pub(super) poll: mio::Poll,
    pub(super) door: Arc<Door>,
    queue: mpsc::Receiver<Delivery>,
    /// Taken out of the queue and not yet worked on.
    pub(super) taken: VecDeque<Delivery>,
    adoptions: std_mpsc::Receiver<Adoption>,
    pub(super) hub: Rooms,
    pub(super) settings: Settings,
    /// How many of them there are.
    pub(super) shards: usize,
    pub(super) stats: Arc<Stats>,
    began: Instant,
    pub(super) connections: Slab<Connection>,
    generations: u32,
    pub(super) rooms: Slab<Room>,
    pub(super) room_index: HashMap<RoomId, usize>,
    pub(super) users: HashMap<Uid, Vec<usize>>,
    pub(super) sweep: SweepQueue,
    pub(super) scratch: Vec<u8>,
    /// Connections with something in their outbox.
    to_write: Vec<usize>,
    /// Connections whose socket may hold more than was read.
    pub(super) to_read: Vec<usize>,
    /// Connections whose command waits for a place in a room's inbox.
    pub(super) to_retry: Vec<usize>,
    /// One of those waits for nothing but the others' turn.
    pub(super) has_rest: bool,
    /// Commands for rooms, not handed over yet.
    pub(super) accepted: Vec<Accepted>,
    /// Rooms whose `activity` waits.
    pub(super) active: Vec<RoomId>,
    /// When `activity` went out the last time.
    pub(super) told_at: Instant,
    pub(super) last_tick_s: u32,
    /// Slices of replays asked for, which numbers them.
    pub(super) asked: u64,
    /// When a share of the budget of memory was exceeded and readers were cut the last time.
    pub(super) relieved_at: Option<Instant>,
}

impl Shard {
    pub fn new(
        number: usize,
        seed: Seed,
        adoptions: std_mpsc::Receiver<Adoption>,
        hub: Rooms,
        settings: Settings,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            number: u16::try_from(number).unwrap_or(u16::MAX),
            poll: seed.poll,
            door: seed.door,
            queue: seed.queue,
            taken: VecDeque::new(),
            adoptions,
            shards: hub.publisher().waiting().count().max(1),
            hub,
            settings,
            stats,
            began: Instant::now(),
            connections: Slab::new(),
            generations: 0,
            rooms: Slab::new(),
            room_index: HashMap::new(),
            users: HashMap::new(),
            sweep: SweepQueue::default(),
            scratch: vec![0; limits::SCRATCH],
            to_write: Vec::new(),
            to_read: Vec::new(),
            to_retry: Vec::new(),
            has_rest: false,
            accepted: Vec::new(),
            active: Vec::new(),
            told_at: Instant::now(),
            last_tick_s: 0,
            asked: 0,
            relieved_at: None,
        }
    }

    pub fn door(&self) -> Arc<Door> {
        self.door.clone()
    }

    /// Works until told to stop; then says goodbye.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            self.turn(&mut events);
            if self.door.is_stopping.load(Ordering::SeqCst) {
                return self.say_goodbye(&mut events);
            }
        }
    }

    fn turn(&mut self, events: &mut Events) {
        self.wait(events);
        for event in events.iter() {
            self.ready(event);
        }
        for slot in std::mem::take(&mut self.to_read) {
            self.read(slot);
        }
        self.hand_over();
        self.take_deliveries();
        for slot in std::mem::take(&mut self.to_retry) {
            self.retry(slot);
        }
        self.hand_over();
        self.write_listed();
        self.sweep_turn();
        if !self.sweep.is_empty() {
            // A walk over a large room takes milliseconds. The journal and the database, whose turn it
            // may be on this core, need microseconds, and the next walk waits for them.
            std::thread::yield_now();
        }
        self.tick();
        self.keep_to_budget();
        self.tell_door();
    }

    /// Gives rooms what they are asked. All of it at once: the first one wakes the control plane, which would
    /// commit it alone if the others were still being read.
    pub(super) fn hand_over(&mut self) {
        for accepted in self.accepted.drain(..) {
            accepted.send();
        }
    }

    /// What epoll says of a socket. It says each thing once, so what cannot be done now is noted.
    pub(super) fn ready(&mut self, event: &Event) {
        let slot = event.token().0;
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.has_ended |= event.is_read_closed();
        if event.is_writable() {
            connection.is_blocked = false;
            self.list(slot);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(slot);
        }
    }

    /// Sleeps until something happens, unless there is work left.
    fn wait(&mut self, events: &mut Events) {
        self.door.is_awake.store(false, Ordering::SeqCst);
        // Who came before this line has woken nobody, and this queue cannot be asked if it is empty.
        self.take_adoptions();
        let begins = self.sweep.begin_due(&mut self.rooms);
        let busy = !self.sweep.is_empty()
            || !self.to_read.is_empty()
            || !self.to_write.is_empty()
            || std::mem::take(&mut self.has_rest)
            || self.has_deliveries()
            || self.door.is_stopping.load(Ordering::SeqCst);
        let timeout = match (busy, self.to_retry.is_empty()) {
            (true, _) => Duration::ZERO,
            // A room's inbox does not tell when it has a place again; rooms drain in milliseconds.
            (false, false) => Duration::from_millis(2),
            (false, true) if !self.active.is_empty() => limits::ACTIVITY_TICK,
            (false, true) => Duration::from_millis(500),
        };
        let timeout = match begins {
            Some(at) => timeout.min(at.saturating_duration_since(Instant::now())),
            None => timeout,
        };
        if let Err(error) = self.poll.poll(events, Some(timeout))
            && error.kind() != ErrorKind::Interrupted
        {
            tracing::error!(%error, "epoll failed");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.door.is_awake.store(true, Ordering::SeqCst);
    }

    pub(super) fn has_deliveries(&self) -> bool {
        !self.taken.is_empty() || !self.queue.is_empty()
    }

    /// Deliveries are taken out before adoptions, and worked on after them: whatever was said
    /// about a connection after its adoption finds it. A log that is full must be swept first.
    pub(super) fn take_deliveries(&mut self) {
        if self.taken.is_empty() {
            for _ in 0..limits::QUEUE {
                let Ok(delivery) = self.queue.try_recv() else { break };
                self.taken.push_back(delivery);
            }
        }
        self.take_adoptions();
        while !self.sweep.is_full(&self.rooms) {
            let Some(delivery) = self.taken.pop_front() else { break };
            self.deliver(delivery);
        }
    }

    fn take_adoptions(&mut self) {
        while let Ok(adoption) = self.adoptions.try_recv() {
            self.adopt(adoption);
            self.door.has_adopted(self.connections.len());
        }
    }

    fn adopt(&mut self, adoption: Adoption) {
        let mut stream = mio::net::TcpStream::from_std(adoption.stream);
        let slot = self.connections.vacant_key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut stream, Token(slot), interest) {
            tracing::warn!(%error, "a socket could not be registered");
            if let Role::Chat { uid, .. } = adoption.role {
                self.hub.presence().release(uid);
            }
            return;
        }
        self.generations = self.generations.wrapping_add(1);
        let conn = ConnRef { shard: self.number, slot: slot as u32, generation: self.generations };
        let mut first = adoption.head;
        let purpose = match adoption.role {
            Role::Echo(limits) => Purpose::Echo(limits),
            Role::Chat {
                uid,
                session,
                asked_at,
                admin,
                rights,
                status,
                hello,
                rooms,
                told,
                allowance,
            } => {
                first.extend_from_slice(&frame::text(&hello));
                self.users.entry(uid).or_default().push(slot);
                for room in &rooms {
                    self.listen(*room, slot);
                }
                self.hub.presence().connected(uid, conn, status);
                let bucket = Bucket::full(self.now_ms());
                let untold = rooms.get(told..).unwrap_or_default().iter().rev().copied().collect();
                Purpose::Chat(Box::new(Chat {
                    uid,
                    session,
                    asked_at,
                    admin,
                    rights,
                    member_of: rooms,
                    untold,
                    following: Vec::new(),
                    asked: 0,
                    owed: Vec::new(),
                    bucket,
                    allowance,
                }))
            }
        };
        let mut connection = Connection::new(stream, self.generations, purpose, self.now_s());
        let _ = connection.push(&first);
        if !adoption.input.is_empty() {
            let bytes = adoption.input.to_vec();
            connection.input = Some(Box::new(Held { bytes, ..Held::default() }));
        }
        let held = connection.input.is_some();
        self.connections.insert(connection);
        self.list(slot);
        if held {
            self.to_retry.push(slot);
        }
        Stats::add(&self.stats.adopted, 1);
    }

    /// The connection `conn` names, if it still is that one.
    pub(super) fn find(&mut self, conn: ConnRef) -> Option<usize> {
        let slot = conn.slot as usize;
        let connection = self.connections.get(slot)?;
        (connection.generation == conn.generation && connection.phase == Phase::Open)
            .then_some(slot)
    }

    /// Puts whole frames into a connection's outbox; it is written at the end of the turn.
    pub(super) fn push(&mut self, slot: usize, frames: &[u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.phase != Phase::Open {
            return;
        }
        if connection.push(frames) { self.list(slot) } else { self.offer_again(slot) }
    }

    /// More waits than may: the socket is asked once more before its reader is called slow.
    pub(super) fn offer_again(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.is_blocked = false;
        self.flush(slot);
        if self.connections.get(slot).is_some_and(|connection| connection.is_over(&self.rooms)) {
            self.lag(slot);
        }
    }

    pub(super) fn list(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.is_listed, true)
        {
            self.to_write.push(slot);
        }
    }

    pub(super) fn write_listed(&mut self) {
        for slot in std::mem::take(&mut self.to_write) {
            if let Some(connection) = self.connections.get_mut(slot) {
                connection.is_listed = false;
                self.flush(slot);
            }
        }
    }

    pub(super) fn flush(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        match connection.flush(&mut self.rooms) {
            Flushed::Broken => self.drop_connection(slot),
            Flushed::Waiting => {}
            Flushed::All => {
                if let Phase::Closing { until_s } = connection.phase {
                    // Our part is said; the other side ends TCP, or the tick does.
                    let _ = connection.stream.shutdown(Shutdown::Write);
                    let until_s = until_s.min(clock_s(self.began, self.settings) + limits::CLOSE_S);
                    connection.phase = Phase::Shut { until_s };
                }
                let wants_more = connection.wants_more();
                if connection.input.as_ref().is_some_and(|input| input.post.is_none()) {
                    self.to_retry.push(slot);
                }
                if wants_more {
                    self.fetch_more(slot);
                }
            }
        }
    }

    pub(super) fn sweep_turn(&mut self) {
        if self.sweep.is_empty() {
            return;
        }
        let swept = self.sweep.turn(&mut self.rooms, &mut self.connections);
        for slot in swept.broken {
            self.drop_connection(slot);
        }
        for slot in swept.lagging {
            self.lag(slot);
        }
        for slot in swept.wanting {
            self.fetch_more(slot);
        }
    }

    pub(super) fn now_s(&self) -> u32 {
        clock_s(self.began, self.settings)
    }

    /// Wraps after 49 days; only differences are used.
    pub(super) fn now_ms(&self) -> u32 {
        self.began.elapsed().as_millis() as u32
    }
}

/// The shard's clock, in seconds.
fn clock_s(began: Instant, settings: Settings) -> u32 {
    let passed = began.elapsed().saturating_mul(settings.haste);
    u32::try_from(passed.as_secs()).unwrap_or(u32::MAX)
}
