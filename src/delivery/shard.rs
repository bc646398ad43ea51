//! One shard: a thread, an epoll, and the connections it owns.
//!
//! One turn of its loop: sockets that are ready, deliveries and adoptions that wait, answers to write, and
//! one step of the sweep. It sleeps only when none of these is left.

use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Token};
use slab::Slab;
use tokio::sync::mpsc;

use super::adoption::{Adoption, ConnectionKind, NewChat, bound_silence};
use super::command_rate::CommandRate;
use super::connection::{Chat, Connection, PausedInput};
use super::counters::{self, Counters};
use super::room_feed::RoomFeed;
use super::shared::ShardShared;
use super::sweep::SweepQueue;
use super::transport::Transport;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::delivery as limits;
use crate::rooms::delivery::Delivery;
use crate::rooms::publication::ConnRef;
use crate::rooms::{Accepted, Rooms};
use crate::ws::frame;

/// The token that is no socket.
pub(super) const WAKE: Token = Token(usize::MAX);

/// How the shards behave.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Multiplies the command rates; 0 lifts them.
    pub rate_limit_scale: f64,
    /// How many seconds the timers count for each second that passes: 1 except in tests.
    pub clock_speed: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rate_limit_scale: 1.0, clock_speed: 1 }
    }
}

/// What a shard is made of.
pub(super) struct Parts {
    pub number: usize,
    pub poll: mio::Poll,
    pub shared: Arc<ShardShared>,
    pub deliveries: mpsc::Receiver<Delivery>,
    pub adoptions: std_mpsc::Receiver<Adoption>,
    pub rooms: Rooms,
    pub settings: Settings,
    pub counters: Arc<Counters>,
}

pub(super) struct Shard {
    pub(super) number: u16,
    /// How many shards there are.
    pub(super) shard_count: usize,
    pub(super) poll: mio::Poll,
    pub(super) shared: Arc<ShardShared>,
    deliveries: mpsc::Receiver<Delivery>,
    /// Taken out of the queue and not yet worked on.
    staged: VecDeque<Delivery>,
    adoptions: std_mpsc::Receiver<Adoption>,
    pub(super) rooms: Rooms,
    pub(super) rate_scale: f32,
    pub(super) counters: Arc<Counters>,
    pub(super) clock: Clock,
    pub(super) connections: Slab<Connection>,
    generations: u32,
    pub(super) feeds: Slab<RoomFeed>,
    pub(super) feed_index: HashMap<RoomId, usize>,
    pub(super) users: HashMap<Uid, Vec<usize>>,
    pub(super) sweep: SweepQueue,
    /// Where every read goes.
    pub(super) scratch: Vec<u8>,
    /// Connections with something in their send queue.
    pub(super) to_write: Vec<usize>,
    /// Connections whose socket may hold more than was read.
    pub(super) to_read: Vec<usize>,
    /// Connections whose paused input may go on.
    pub(super) to_retry: Vec<usize>,
    /// One of those was paused only so that others come first.
    pub(super) has_unfinished_input: bool,
    /// Commands with a permit that are not sent to their rooms yet.
    pub(super) accepted: Vec<Accepted>,
    /// Rooms whose `activity` waits.
    pub(super) active: Vec<RoomId>,
    /// When `activity` was sent the last time.
    pub(super) activity_sent_at: Instant,
    pub(super) last_timers_s: u32,
    /// The number of the last slice of a replay that was requested.
    pub(super) last_slice: u64,
    /// When readers were closed the last time because a share of the budget of memory was exceeded.
    pub(super) shed_at: Option<Instant>,
}

impl Shard {
    pub fn new(parts: Parts) -> Self {
        Self {
            number: u16::try_from(parts.number).unwrap_or(u16::MAX),
            shard_count: parts.rooms.publisher().waiting().count().max(1),
            poll: parts.poll,
            shared: parts.shared,
            deliveries: parts.deliveries,
            staged: VecDeque::new(),
            adoptions: parts.adoptions,
            rooms: parts.rooms,
            rate_scale: parts.settings.rate_limit_scale as f32,
            counters: parts.counters,
            clock: Clock { began: Instant::now(), speed: parts.settings.clock_speed },
            connections: Slab::new(),
            generations: 0,
            feeds: Slab::new(),
            feed_index: HashMap::new(),
            users: HashMap::new(),
            sweep: SweepQueue::default(),
            scratch: vec![0; limits::SCRATCH],
            to_write: Vec::new(),
            to_read: Vec::new(),
            to_retry: Vec::new(),
            has_unfinished_input: false,
            accepted: Vec::new(),
            active: Vec::new(),
            activity_sent_at: Instant::now(),
            last_timers_s: 0,
            last_slice: 0,
            shed_at: None,
        }
    }

    /// Works until it is to stop; then closes its connections.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(limits::EVENTS);
        loop {
            self.run_turn(&mut events);
            if self.shared.is_stopping() {
                return self.shut_down(&mut events);
            }
        }
    }

    fn run_turn(&mut self, events: &mut Events) {
        self.wait(events);
        for event in events.iter() {
            self.handle_event(event);
        }
        for slot in std::mem::take(&mut self.to_read) {
            self.read(slot);
        }
        self.send_accepted();
        self.handle_deliveries();
        for slot in std::mem::take(&mut self.to_retry) {
            self.retry(slot);
        }
        self.send_accepted();
        self.write_scheduled();
        self.run_sweep_step();
        if !self.sweep.is_empty() {
            // A pass over a large room takes milliseconds. The journal and the database, which may wait
            // for this core, need microseconds, and the next pass waits for them.
            std::thread::yield_now();
        }
        self.run_timers();
        self.shed_excess();
        self.publish_load();
    }

    /// Sends commands to their rooms, all of them at once: the first one wakes the control plane, which
    /// would commit it alone if the others were still being read.
    pub(super) fn send_accepted(&mut self) {
        for accepted in self.accepted.drain(..) {
            accepted.send();
        }
    }

    /// What epoll reports of a socket. It reports each thing once, so what cannot be done now is noted.
    pub(super) fn handle_event(&mut self, event: &Event) {
        let slot = event.token().0;
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.has_ended |= event.is_read_closed();
        if event.is_writable() {
            connection.is_blocked = false;
            self.schedule_write(slot);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(slot);
        }
    }

    /// Sleeps until something happens, unless there is work left.
    fn wait(&mut self, events: &mut Events) {
        self.shared.set_awake(false);
        // An adoption sent before that line has woken nobody, and its queue cannot tell whether it is empty.
        self.handle_adoptions();
        let pass_due = self.sweep.begin_due(&mut self.feeds);
        let is_busy = !self.sweep.is_empty()
            || !self.to_read.is_empty()
            || !self.to_write.is_empty()
            || std::mem::take(&mut self.has_unfinished_input)
            || self.has_deliveries()
            || self.shared.is_stopping();
        let timeout = if is_busy {
            Duration::ZERO
        } else if !self.to_retry.is_empty() {
            limits::RETRY
        } else if !self.active.is_empty() {
            limits::ACTIVITY_TICK
        } else {
            limits::IDLE_POLL
        };
        let timeout = match pass_due {
            Some(at) => timeout.min(at.saturating_duration_since(Instant::now())),
            None => timeout,
        };
        if let Err(error) = self.poll.poll(events, Some(timeout))
            && error.kind() != ErrorKind::Interrupted
        {
            tracing::error!(%error, "epoll failed");
            std::thread::sleep(limits::POLL_FAILED);
        }
        self.shared.set_awake(true);
    }

    pub(super) fn has_deliveries(&self) -> bool {
        !self.staged.is_empty() || !self.deliveries.is_empty()
    }

    /// Deliveries are staged before adoptions and handled after them: whatever was sent about a connection
    /// after its adoption finds the connection. A log that is full is swept before the next delivery.
    pub(super) fn handle_deliveries(&mut self) {
        if self.staged.is_empty() {
            for _ in 0..limits::QUEUE {
                let Ok(delivery) = self.deliveries.try_recv() else { break };
                self.staged.push_back(delivery);
            }
        }
        self.handle_adoptions();
        while !self.sweep.is_full(&self.feeds) {
            let Some(delivery) = self.staged.pop_front() else { break };
            self.deliver(delivery);
        }
    }

    fn handle_adoptions(&mut self) {
        while let Ok(adoption) = self.adoptions.try_recv() {
            self.adopt(adoption);
            self.shared.finish_adoption(self.connections.len());
        }
    }

    fn adopt(&mut self, adoption: Adoption) {
        let Adoption { stream, head: mut first, input, kind } = adoption;
        let slot = self.connections.vacant_key();
        if matches!(kind, ConnectionKind::Tail(_)) {
            bound_silence(&stream);
        }
        let transport = match Transport::register(stream, self.poll.registry(), Token(slot)) {
            Ok(transport) => transport,
            Err(error) => {
                tracing::warn!(%error, "a socket could not be registered");
                match kind {
                    ConnectionKind::Chat(chat) => self.rooms.presence().release(chat.uid),
                    ConnectionKind::Tail(tail) => self.rooms.presence().release(tail.uid),
                    ConnectionKind::Echo(_) => {}
                }
                return;
            }
        };
        self.generations = self.generations.wrapping_add(1);
        let generation = self.generations;
        let conn = ConnRef { shard: self.number, slot: slot as u32, generation };
        let mut new_tail = None;
        let kind = match kind {
            ConnectionKind::Echo(limits) => ConnectionKind::Echo(limits),
            ConnectionKind::Tail(new) => {
                let begun = ConnectionKind::Tail(Box::new(self.begin_tail(slot, &new)));
                new_tail = Some(new);
                begun
            }
            ConnectionKind::Chat(chat) => {
                first.extend_from_slice(&frame::text(&chat.hello));
                ConnectionKind::Chat(Box::new(self.begin_chat(slot, conn, *chat)))
            }
        };
        let mut connection = Connection::new(transport, generation, kind, self.clock.now_s());
        let _ = connection.push(&first);
        if !input.is_empty() {
            let bytes = input.to_vec();
            connection.paused = Some(Box::new(PausedInput { bytes, ..PausedInput::default() }));
            self.to_retry.push(slot);
        } else if connection.transport.is_tls() {
            self.to_read.push(slot); // what came with the handshake
        }
        self.connections.insert(connection);
        self.schedule_write(slot);
        self.counters.adopted.inc();
        if let Some(tail) = new_tail {
            self.subscribe_tail(conn, *tail);
        }
    }

    fn begin_chat(&mut self, slot: usize, conn: ConnRef, chat: NewChat) -> Chat {
        self.users.entry(chat.uid).or_default().push(slot);
        for room in &chat.rooms {
            self.add_member_connection(*room, slot);
        }
        self.rooms.presence().connected(chat.uid, conn, chat.status);
        let unnamed = chat.rooms.get(chat.rooms_in_hello..).unwrap_or_default();
        Chat {
            uid: chat.uid,
            session: chat.session,
            checked_at: chat.checked_at,
            is_admin: chat.is_admin,
            rights: chat.rights,
            unnamed_rooms: unnamed.iter().rev().copied().collect(),
            member_of: chat.rooms,
            subscriptions: Vec::new(),
            pending_subscriptions: 0,
            pending_replays: Vec::new(),
            rate: CommandRate::full(self.clock.now_ms(), self.rate_scale),
            allowance: chat.allowance,
        }
    }

    /// The slot of the connection that `conn` names, if it is still that one and open.
    pub(super) fn find(&self, conn: ConnRef) -> Option<usize> {
        let slot = conn.slot as usize;
        let connection = self.connections.get(slot)?;
        (connection.generation == conn.generation && connection.is_open()).then_some(slot)
    }

    /// The chat connection in a slot.
    pub(super) fn chat(&mut self, slot: usize) -> Option<&mut Chat> {
        self.connections.get_mut(slot).and_then(Connection::chat)
    }

    /// The open connections of a user on this shard.
    pub(super) fn open_slots(&self, uid: Uid) -> Vec<usize> {
        let slots = self.users.get(&uid).map(Vec::as_slice).unwrap_or_default();
        let is_open = |slot: &usize| self.connections.get(*slot).is_some_and(Connection::is_open);
        slots.iter().copied().filter(is_open).collect()
    }

    pub(super) fn run_sweep_step(&mut self) {
        if self.sweep.is_empty() {
            return;
        }
        let outcome = self.sweep.run_step(&mut self.feeds, &mut self.connections);
        for slot in outcome.broken {
            self.drop_connection(slot);
        }
        for slot in outcome.lagging {
            self.close_lagging(slot);
        }
        for slot in outcome.wanting_more {
            self.fetch_more(slot);
        }
    }

    /// What other threads may know of this shard, and what it has written since the last turn.
    fn publish_load(&self) {
        self.shared.set_connections(self.connections.len());
        self.shared.set_staged(self.staged.len());
        counters::add_writes(&self.counters);
    }
}

/// The shard's clock.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
    speed: u32,
}

impl Clock {
    /// Seconds since the shard began, as the timers count them.
    pub fn now_s(self) -> u32 {
        let passed = self.began.elapsed().saturating_mul(self.speed);
        u32::try_from(passed.as_secs()).unwrap_or(u32::MAX)
    }

    /// Milliseconds for the rates. They wrap after 49 days; only differences are used.
    pub fn now_ms(self) -> u32 {
        self.began.elapsed().as_millis() as u32
    }
}
