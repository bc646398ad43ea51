//! One shard: a thread, an epoll, and the connections it owns.
//!
//! A turn of the loop: sockets that have something, deliveries and adoptions that wait, answers to
//! write, 128 members of the sweep. It sleeps only when none of these is left.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Token};
use slab::Slab;
use tokio::sync::mpsc;

use super::commands::{Reaction, hand_over, react};
use super::connection::{Bucket, Chat, Connection, Flushed, Held, Phase, Purpose};
use super::stats::Stats;
use super::sweep::{Room, SweepQueue};
use super::{Adoption, Door, Role, Seed, Settings};
use crate::ids::{RoomId, Uid};
use crate::limits::chat as chat_limits;
use crate::limits::delivery as limits;
use crate::protocol::event::Event;
use crate::rooms::Rooms;
use crate::rooms::outlet::{ConnRef, Delivery};
use crate::ws::{Codec, Limits, Message, frame};

/// The token that is no socket.
pub(super) const WAKE: Token = Token(usize::MAX);

/// Sockets looked at per turn.
const EVENTS: usize = 1_024;

pub(super) struct Shard {
    pub(super) number: u16,
    poll: mio::Poll,
    door: Arc<Door>,
    queue: mpsc::Receiver<Delivery>,
    adoptions: std_mpsc::Receiver<Adoption>,
    pub(super) hub: Rooms,
    settings: Settings,
    pub(super) stats: Arc<Stats>,
    began: Instant,
    pub(super) connections: Slab<Connection>,
    generations: u32,
    pub(super) rooms: Slab<Room>,
    pub(super) room_index: HashMap<RoomId, usize>,
    pub(super) users: HashMap<Uid, Vec<usize>>,
    pub(super) sweep: SweepQueue,
    scratch: Vec<u8>,
    /// Connections with something in their outbox.
    to_write: Vec<usize>,
    /// Connections whose socket may hold more than was read.
    to_read: Vec<usize>,
    /// Connections whose command waits for a place in a room's inbox.
    to_retry: Vec<usize>,
    /// Rooms whose `activity` waits.
    pub(super) active: Vec<RoomId>,
    last_tick_s: u32,
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
            adoptions,
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
            active: Vec::new(),
            last_tick_s: 0,
        }
    }

    pub fn door(&self) -> Arc<Door> {
        self.door.clone()
    }

    /// Works until told to stop; then says goodbye.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut deliveries = Vec::new();
        loop {
            self.turn(&mut events, &mut deliveries);
            if self.door.is_stopping.load(Ordering::SeqCst) {
                return self.say_goodbye(&mut events, &mut deliveries);
            }
        }
    }

    fn turn(&mut self, events: &mut Events, deliveries: &mut Vec<Delivery>) {
        self.wait(events);
        for event in events.iter() {
            let slot = event.token().0;
            if event.token() == WAKE || !self.connections.contains(slot) {
                continue;
            }
            if event.is_writable()
                && let Some(connection) = self.connections.get_mut(slot)
            {
                connection.is_blocked = false;
                connection.blocked_s = None;
                self.list(slot);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(slot);
            }
        }
        for slot in std::mem::take(&mut self.to_read) {
            self.read(slot);
        }
        self.take_deliveries(deliveries);
        for slot in std::mem::take(&mut self.to_retry) {
            self.retry(slot);
        }
        self.write_listed();
        self.sweep_turn();
        self.tick();
        self.door.connections.store(self.connections.len(), Ordering::Relaxed);
    }

    /// Sleeps until something happens, unless there is work left.
    fn wait(&mut self, events: &mut Events) {
        self.door.is_awake.store(false, Ordering::SeqCst);
        let busy = !self.sweep.is_empty()
            || !self.to_read.is_empty()
            || !self.to_write.is_empty()
            || !self.queue.is_empty()
            || self.door.is_stopping.load(Ordering::SeqCst);
        let timeout = match (busy, self.to_retry.is_empty()) {
            (true, _) => Duration::ZERO,
            // A room's inbox does not tell when it has a place again; rooms drain in milliseconds.
            (false, false) => Duration::from_millis(2),
            (false, true) => Duration::from_millis(500),
        };
        if let Err(error) = self.poll.poll(events, Some(timeout))
            && error.kind() != ErrorKind::Interrupted
        {
            tracing::error!(%error, "epoll failed");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.door.is_awake.store(true, Ordering::SeqCst);
    }

    /// Deliveries are taken out before adoptions, and worked on after them: whatever was said
    /// about a connection after its adoption finds it.
    fn take_deliveries(&mut self, deliveries: &mut Vec<Delivery>) {
        for _ in 0..limits::QUEUE {
            let Ok(delivery) = self.queue.try_recv() else { break };
            deliveries.push(delivery);
        }
        while let Ok(adoption) = self.adoptions.try_recv() {
            self.adopt(adoption);
        }
        for delivery in deliveries.drain(..) {
            self.deliver(delivery);
        }
    }

    fn adopt(&mut self, adoption: Adoption) {
        let mut stream = mio::net::TcpStream::from_std(adoption.stream);
        // A socket that cannot be told to hurry still works.
        let _ = stream.set_nodelay(true);
        let slot = self.connections.vacant_key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut stream, Token(slot), interest) {
            tracing::warn!(%error, "a socket could not be registered");
            return;
        }
        self.generations = self.generations.wrapping_add(1);
        let conn = ConnRef { shard: self.number, slot: slot as u32, generation: self.generations };
        let mut first = adoption.head;
        let purpose = match adoption.role {
            Role::Echo(limits) => Purpose::Echo(limits),
            Role::Chat { uid, session, admin, hello, rooms } => {
                first.extend_from_slice(&frame::text(&hello));
                self.users.entry(uid).or_default().push(slot);
                for room in &rooms {
                    self.listen(*room, slot);
                }
                self.hub.presence().connected(uid, conn);
                let bucket = Bucket::full(self.now_ms());
                let following = Vec::new();
                Purpose::Chat(Box::new(Chat {
                    uid,
                    session,
                    admin,
                    member_of: rooms,
                    following,
                    bucket,
                }))
            }
        };
        let mut connection = Connection::new(stream, self.generations, purpose, self.now_s());
        let _ = connection.push(&first);
        if !adoption.input.is_empty() {
            connection.input = Some(Box::new(Held { bytes: adoption.input.to_vec(), post: None }));
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
        if connection.push(frames) { self.list(slot) } else { self.lag(slot) }
    }

    pub(super) fn list(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.is_listed, true)
        {
            self.to_write.push(slot);
        }
    }

    fn write_listed(&mut self) {
        for slot in std::mem::take(&mut self.to_write) {
            if let Some(connection) = self.connections.get_mut(slot) {
                connection.is_listed = false;
                self.flush(slot);
            }
        }
    }

    fn flush(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        match connection.flush(&mut self.rooms) {
            Flushed::Broken => self.drop_connection(slot),
            Flushed::Waiting => {}
            Flushed::All => {
                if let Phase::Closing { until_s } = connection.phase {
                    // Our part is said; the other side ends TCP, or the tick does.
                    let _ = connection.stream.shutdown(Shutdown::Write);
                    connection.phase = Phase::Shut { until_s };
                }
                if connection.input.as_ref().is_some_and(|input| input.post.is_none()) {
                    self.to_retry.push(slot);
                }
            }
        }
    }

    fn sweep_turn(&mut self) {
        if self.sweep.is_empty() {
            return;
        }
        let swept = self.sweep.turn(&mut self.rooms, &mut self.connections);
        Stats::add(&self.stats.deliveries, swept.frames);
        Stats::add(&self.stats.writes, swept.writes);
        for slot in swept.broken {
            self.drop_connection(slot);
        }
        for slot in swept.lost {
            self.lag(slot);
        }
    }

    /// Reads and works on what came, a bounded number of times.
    fn read(&mut self, slot: usize) {
        let mut scratch = std::mem::take(&mut self.scratch);
        for turn in 0..=limits::READS {
            let Some(connection) = self.connections.get_mut(slot) else { break };
            if connection.input.is_some() {
                break; // what came before has not been worked on: TCP waits
            }
            if turn == limits::READS {
                self.to_read.push(slot);
                break;
            }
            match connection.stream.read(&mut scratch) {
                Ok(0) => {
                    self.drop_connection(slot);
                    break;
                }
                Ok(count) => {
                    let is_all = count < scratch.len();
                    if let Some(bytes) = scratch.get_mut(..count) {
                        self.heard(slot);
                        self.feed(slot, bytes);
                    }
                    if is_all {
                        break; // the socket is empty, or epoll will say (epoll(7))
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.drop_connection(slot);
                    break;
                }
            }
        }
        self.scratch = scratch;
    }

    fn heard(&mut self, slot: usize) {
        let now_s = self.now_s();
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.heard_s = now_s;
            connection.is_pinged = false;
        }
    }

    /// Works on bytes of a connection, until they are used up or something must wait.
    fn feed(&mut self, slot: usize, bytes: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.phase != Phase::Open {
            return; // after our close frame nothing is listened to (RFC 6455, 5.5.1)
        }
        let limits = match &connection.role {
            Purpose::Echo(limits) => *limits,
            Purpose::Chat(_) => {
                Limits { message: chat_limits::COMMAND, fragments: limits::FRAGMENTS }
            }
        };
        let mut codec = std::mem::take(&mut connection.codec);
        let was_partial = codec.is_partial();
        let mut input = bytes;
        let mut goes_on = true;
        while goes_on {
            match codec.next(limits, &mut input) {
                Ok(Some(message)) => goes_on = self.take_message(slot, message),
                Ok(None) => break,
                Err(fault) => {
                    tracing::debug!(%fault, "a connection broke the protocol");
                    self.close(slot, Some(fault.code()), None);
                    return;
                }
            }
        }
        let rest = input.to_vec();
        self.put_back(slot, codec, was_partial, rest);
    }

    fn put_back(&mut self, slot: usize, codec: Codec, was_partial: bool, rest: Vec<u8>) {
        let now_s = self.now_s();
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.phase != Phase::Open {
            return;
        }
        if codec.is_partial() && !was_partial {
            connection.unfinished_s = now_s;
        }
        connection.codec = codec;
        if !rest.is_empty() {
            connection.input.get_or_insert_default().bytes = rest;
        }
        if connection.input.is_some() {
            self.to_retry.push(slot);
        }
    }

    /// One message or control frame. False: stop reading for now.
    fn take_message(&mut self, slot: usize, message: Message<'_>) -> bool {
        match message {
            Message::Text(text) => return self.take_text(slot, &text),
            Message::Binary(data) => {
                let is_echo =
                    self.connections.get(slot).is_some_and(|c| matches!(c.role, Purpose::Echo(_)));
                if !is_echo {
                    self.close(slot, Some(1003), None);
                    return false;
                }
                return self.echo(slot, &frame::binary(&data));
            }
            Message::Ping(payload) => {
                // A peer that pings but does not read gets one answer, not a queue of them.
                let waiting = self.connections.get(slot).map_or(0, Connection::waiting);
                if waiting < limits::REPLAY_CHUNK {
                    self.push(slot, &frame::pong(&payload));
                }
            }
            Message::Pong => {}
            Message::Close(code) => {
                self.close(slot, code, None);
                return false;
            }
        }
        true
    }

    fn take_text(&mut self, slot: usize, text: &str) -> bool {
        let (number, now_ms) = (self.number, self.now_ms());
        let scale = self.settings.rate_limit_scale as f32;
        let Some(connection) = self.connections.get_mut(slot) else { return false };
        if matches!(connection.role, Purpose::Echo(_)) {
            return self.echo(slot, &frame::text(text.as_bytes()));
        }
        let conn = ConnRef { shard: number, slot: slot as u32, generation: connection.generation };
        Stats::add(&self.stats.commands, 1);
        let reaction = react(text, conn, connection, &self.hub, now_ms, scale);
        self.follow(slot, reaction)
    }

    fn follow(&mut self, slot: usize, reaction: Reaction) -> bool {
        match reaction {
            Reaction::Posted => true,
            Reaction::Answer(payload) => {
                self.push(slot, &frame::text(&payload));
                true
            }
            Reaction::Full(waiting) => {
                if let Some(connection) = self.connections.get_mut(slot) {
                    connection.input.get_or_insert_default().post = Some(*waiting);
                }
                false
            }
            Reaction::Flood => {
                let bye = Event::Bye { code: "limit", retry_ms: Some(10_000) }.encode();
                self.close(slot, Some(1008), Some(&bye));
                false
            }
        }
    }

    /// Sends a frame back; the other side is not read while too much waits for it.
    fn echo(&mut self, slot: usize, bytes: &[u8]) -> bool {
        self.push(slot, bytes);
        self.flush(slot);
        let waiting = self.connections.get(slot).map_or(0, Connection::waiting);
        if waiting > limits::LOG_BYTES
            && let Some(connection) = self.connections.get_mut(slot)
        {
            connection.input.get_or_insert_default();
            return false;
        }
        self.connections.contains(slot)
    }

    /// Goes on with what had to wait: a command for a full inbox, then the bytes behind it.
    fn retry(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let is_echo = matches!(connection.role, Purpose::Echo(_));
        if is_echo && connection.waiting() > limits::LOG_BYTES {
            return; // the flush that empties the outbox lists it again
        }
        let Some(mut held) = connection.input.take() else { return };
        if let Some((room, post)) = held.post.take() {
            let reaction = hand_over(room, post, &self.hub);
            if !self.follow(slot, reaction) {
                if let Some(connection) = self.connections.get_mut(slot)
                    && let Some(input) = connection.input.as_mut()
                {
                    input.bytes = held.bytes;
                    self.to_retry.push(slot);
                }
                return;
            }
        }
        self.feed(slot, &mut held.bytes);
        // Edge-triggered: what came while we did not read has been announced already.
        if self.connections.get(slot).is_some_and(|connection| connection.input.is_none()) {
            self.to_read.push(slot);
        }
    }

    /// Says `bye` (if given) and a close frame; TCP follows within [`limits::CLOSE_S`].
    pub(super) fn close(&mut self, slot: usize, code: Option<u16>, bye: Option<&[u8]>) {
        let until_s = self.now_s() + limits::CLOSE_S;
        if !self.connections.get(slot).is_some_and(|c| c.phase == Phase::Open) {
            return;
        }
        self.detach(slot);
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.forget_replays();
        connection.input = None;
        connection.codec = Codec::default();
        if let Some(bye) = bye {
            let _ = connection.push(&frame::text(bye));
        }
        let _ = connection.push(&frame::close(code));
        connection.phase = Phase::Closing { until_s };
        self.list(slot);
    }

    /// The reader could not keep up: it is told, and comes back with `since`.
    pub(super) fn lag(&mut self, slot: usize) {
        let bye =
            Event::Bye { code: "lagging", retry_ms: Some(jitter(limits::LAGGING_MS)) }.encode();
        Stats::add(&self.stats.lagging, 1);
        self.close(slot, Some(1013), Some(&bye));
    }

    pub(super) fn drop_connection(&mut self, slot: usize) {
        if !self.connections.contains(slot) {
            return;
        }
        if self.connections.get(slot).is_some_and(|c| c.phase == Phase::Open) {
            self.detach(slot);
        }
        let mut connection = self.connections.remove(slot);
        // The descriptor closes with the stream; an error here changes nothing.
        let _ = self.poll.registry().deregister(&mut connection.stream);
    }

    /// Once a second: silence, stalled readers, unfinished frames, overdue goodbyes.
    fn tick(&mut self) {
        let now_s = self.now_s();
        self.tell_activity();
        if now_s == self.last_tick_s {
            return;
        }
        self.last_tick_s = now_s;
        let mut overdue = Vec::new();
        let mut silent = Vec::new();
        for (slot, connection) in &mut self.connections {
            let quiet_s = now_s.saturating_sub(connection.heard_s);
            let unfinished_s = now_s.saturating_sub(connection.unfinished_s);
            if connection.is_blocked {
                connection.blocked_s.get_or_insert(now_s);
            }
            let blocked_s = connection.blocked_s.map_or(0, |since_s| now_s.saturating_sub(since_s));
            let is_over = match connection.phase {
                Phase::Closing { until_s } | Phase::Shut { until_s } => now_s >= until_s,
                Phase::Open => {
                    quiet_s >= limits::SILENT_S
                        || (connection.codec.is_partial() && unfinished_s >= limits::UNFINISHED_S)
                        || blocked_s >= limits::STALLED_S
                }
            };
            if is_over {
                overdue.push(slot);
            } else if quiet_s >= limits::PING_AFTER_S && !connection.is_pinged {
                silent.push(slot);
            }
        }
        for slot in overdue {
            self.drop_connection(slot);
        }
        for slot in silent {
            if let Some(connection) = self.connections.get_mut(slot) {
                connection.is_pinged = true;
            }
            self.push(slot, &frame::ping());
        }
    }

    /// Everybody hears `bye restart`; what waits is written as far as the kernel takes it.
    fn say_goodbye(&mut self, events: &mut Events, deliveries: &mut Vec<Delivery>) {
        let until = Instant::now() + limits::STOP;
        self.take_deliveries(deliveries);
        let open: Vec<_> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in open {
            self.flush(slot);
            let bye = Event::Bye { code: "restart", retry_ms: Some(jitter(limits::RESTART_MS)) };
            self.close(slot, Some(1001), Some(&bye.encode()));
        }
        while !self.connections.is_empty() && Instant::now() < until {
            let _ = self.poll.poll(events, Some(Duration::from_millis(50)));
            for event in events.iter() {
                let slot = event.token().0;
                if let Some(connection) = self.connections.get_mut(slot) {
                    connection.is_blocked &= !event.is_writable();
                    self.list(slot);
                    self.read(slot);
                }
            }
            for slot in std::mem::take(&mut self.to_read) {
                self.read(slot);
            }
            self.write_listed();
            self.tick();
        }
    }

    pub(super) fn now_s(&self) -> u32 {
        u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX)
    }

    /// Wraps after 49 days; only differences are used.
    fn now_ms(&self) -> u32 {
        self.began.elapsed().as_millis() as u32
    }
}

/// A wait spread between two bounds, so that clients do not come back all at once.
fn jitter((least, most): (u32, u32)) -> u32 {
    let mut random = [0u8; 4];
    // Without randomness all wait the same, which is only less polite.
    let _ = getrandom::fill(&mut random);
    least + u32::from_le_bytes(random) % (most - least).max(1)
}
