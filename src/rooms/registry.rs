//! All rooms of this server: starts their actors, finds them, and stops them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::actor::Actor;
use super::delivery::Delivery;
use super::journal::Journal;
use super::member::Member;
use super::presence::Presence;
use super::publisher::Publisher;
use super::recent::RecentMessages;
use super::replay_readers::{Readers, ReplayReaders};
use super::room::{Room, RoomHandle};
use super::shared::{Bounds, Shared};
use super::state::State;
use crate::base::counter::CounterByCode;
use crate::base::error::Result;
use crate::base::ids::{Epoch, RoomId, Uid};
use crate::base::limits::{chat, encryption, rooms as limits};
use crate::base::lock::MutexExt as _;
use crate::base::memory::MemoryBudget;
use crate::base::shutdown::stopped;
use crate::e2ee::SharedDirectory;
use crate::protocol::event::Event;
use crate::store::chat::{BanRow, ChatStore, MemberRow, RoomRow};

/// The rooms. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    pub(super) shared: Arc<Shared>,
    /// For what callers read from the store themselves: it never takes a connection from the actors.
    pub(super) store: ChatStore,
    /// Where actors run, whoever starts them.
    pub(super) runtime: Handle,
    replay_readers: ReplayReaders,
    stop: watch::Sender<bool>,
    /// A clone is held by every actor and service; when all are gone the channel ends.
    alive: Arc<std::sync::Mutex<Option<mpsc::Sender<()>>>>,
    ended: Arc<tokio::sync::Mutex<mpsc::Receiver<()>>>,
}

impl Rooms {
    /// Reads rooms and members and starts an actor for each room, the journal and the presence tick, all
    /// in the runtime this is called in.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn start(store: ChatStore, publisher: Publisher) -> Result<Self> {
        let directory = Arc::new(SharedDirectory::default());
        Self::start_within(Bounds::default(), store, publisher, directory).await
    }

    /// The same within these bounds, with the keys of this directory.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn start_within(
        bounds: Bounds,
        store: ChatStore,
        publisher: Publisher,
        directory: Arc<SharedDirectory>,
    ) -> Result<Self> {
        store.create_ready_made_rooms().await?;
        let (alive, ended) = mpsc::channel(1);
        let shared = Arc::new(Shared::start(bounds, store, publisher, directory).await?);
        let (replay_readers, requests) = ReplayReaders::new();
        let rooms = Self {
            store: shared.store.clone(),
            runtime: Handle::current(),
            shared,
            replay_readers,
            stop: watch::Sender::new(false),
            alive: Arc::new(std::sync::Mutex::new(Some(alive))),
            ended: Arc::new(tokio::sync::Mutex::new(ended)),
        };
        rooms.open_all().await?;
        rooms.start_ticks();
        let readers = Readers::new(rooms.shared.clone());
        tokio::spawn(readers.run(requests, rooms.stop.subscribe()));
        Ok(rooms)
    }

    /// How many bytes the files of one room may have from now on.
    pub fn bound_files(&self, bytes: Option<u64>) {
        self.shared.file_bytes_max.store(bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The same rooms for callers elsewhere, which read through this store.
    pub fn with_callers_store(self, store: ChatStore) -> Self {
        Self { store, ..self }
    }

    /// Starts the actors of all stored rooms.
    async fn open_all(&self) -> Result<()> {
        let mut members: HashMap<RoomId, Vec<MemberRow>> = HashMap::new();
        for row in self.shared.store.members(None).await? {
            members.entry(row.room).or_default().push(row);
        }
        let mut bans: HashMap<RoomId, Vec<BanRow>> = HashMap::new();
        for row in self.shared.store.bans(None).await? {
            bans.entry(row.room).or_default().push(row);
        }
        for row in self.shared.store.rooms().await? {
            let id = row.id;
            let members = members.remove(&id).unwrap_or_default();
            self.open(row, members, bans.remove(&id).unwrap_or_default()).await?;
        }
        Ok(())
    }

    /// Starts the actor of a stored room.
    pub(super) async fn open(
        &self,
        row: RoomRow,
        members: Vec<MemberRow>,
        bans: Vec<BanRow>,
    ) -> Result<RoomHandle> {
        let recent = match row.last_seq {
            0 => Vec::new(),
            _ => self.store.recent(row.id, chat::RECENT).await?,
        };
        let mut state = State::new(row, RecentMessages::new(recent), self.shared.blocks.clone());
        state.members = members.iter().map(|row| (row.uid, Member::from(row))).collect();
        state.bans = bans.into_iter().map(|ban| (ban.uid, ban)).collect();
        for row in &members {
            self.shared.add_to_index(row.uid, row.room);
        }
        Ok(self.start_actor(state))
    }

    pub(super) fn start_actor(&self, state: State) -> RoomHandle {
        let (room, inbox) = Room::new(state);
        self.shared.rooms_mut().insert(room.id, room.clone());
        let actor = Actor::new(room.clone(), inbox, self.shared.clone());
        let (stop, alive) = (self.stop.subscribe(), self.alive_token());
        self.runtime.spawn(async move {
            actor.run(stop).await;
            drop(alive);
        });
        RoomHandle { room }
    }

    /// Publishes presence and trims replay buffers, each at its interval.
    fn start_ticks(&self) {
        let (shared, mut stop, alive) =
            (self.shared.clone(), self.stop.subscribe(), self.alive_token());
        tokio::spawn(async move {
            let mut presence = tokio::time::interval(limits::PRESENCE_TICK);
            let mut trim = tokio::time::interval(limits::REPLAY_BUFFER_IDLE);
            let mut forget = tokio::time::interval(encryption::LOG_IDLE);
            presence.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = presence.tick() => shared.publish_presence(),
                    _ = trim.tick() => shared.trim_replay_buffers(),
                    _ = forget.tick() => shared.forget_logs(),
                    () = stopped(&mut stop) => break,
                }
            }
            drop(alive);
        });
    }

    fn alive_token(&self) -> Option<mpsc::Sender<()>> {
        self.alive.lock_unpoisoned().clone()
    }

    /// Whether the server is stopping.
    pub(super) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Finishes everything that was accepted: each command is made durable and answered, or refused. Bounded
    /// by [`limits::STOP`].
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.alive.lock_unpoisoned().take();
        let mut ended = self.ended.lock().await;
        if tokio::time::timeout(limits::STOP, ended.recv()).await.is_err() {
            tracing::warn!("some rooms did not finish in time");
        }
    }

    /// The way to a room's actor.
    pub fn handle(&self, room: RoomId) -> Option<RoomHandle> {
        self.shared.rooms().get(&room).map(|room| RoomHandle { room: room.clone() })
    }

    /// All rooms there are, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Room>> {
        self.shared.rooms().values().cloned().collect()
    }

    /// The rooms the user is in.
    pub fn rooms_of(&self, uid: Uid) -> Vec<RoomId> {
        self.shared.rooms_of(uid)
    }

    /// Sends a changed profile to all connections of the user, and publishes it in those of their rooms that are
    /// small enough.
    pub async fn publish_profile(&self, uid: Uid, profile: &serde_json::Value) {
        let event = Event::User { user: profile }.encode();
        self.shared.publish_about(uid, &event);
        let _ = self.shared.publisher.broadcast(Delivery::ToUser(uid, event)).await;
    }

    /// Notes that these users are bots of hooks.
    pub fn add_bots(&self, bots: impl IntoIterator<Item = Uid>) {
        self.shared.add_bots(bots);
    }

    /// Notes that the hook of this bot is gone.
    pub fn forget_bot(&self, bot: Uid) {
        self.shared.forget_bot(bot);
    }

    /// Who is online.
    pub fn presence(&self) -> &Presence {
        &self.shared.presence
    }

    /// Changes of messages made durable since the start.
    pub fn committed(&self) -> u64 {
        self.shared.journal.committed()
    }

    /// The writer of what becomes durable.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// Commands that were not carried out, by the reason.
    pub fn refused(&self) -> &CounterByCode {
        &self.shared.refused
    }

    /// How much waits in the inboxes of all rooms.
    pub fn inboxes(&self) -> Inboxes {
        let mut inboxes = Inboxes::default();
        for room in self.shared.rooms().values() {
            let waiting = room.tx.max_capacity() - room.tx.capacity();
            inboxes.waiting += waiting;
            inboxes.longest = inboxes.longest.max(waiting);
        }
        inboxes
    }

    /// The readers of replays.
    pub fn replay_readers(&self) -> &ReplayReaders {
        &self.replay_readers
    }

    /// Which history the rooms have.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// The memory of everything that waits for clients.
    pub fn memory(&self) -> &MemoryBudget {
        &self.shared.memory
    }

    /// The way to the shards and the other sinks.
    pub fn publisher(&self) -> &Publisher {
        &self.shared.publisher
    }
}

/// What waits in the inboxes of rooms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inboxes {
    /// In all of them.
    pub waiting: usize,
    /// In the fullest.
    pub longest: usize,
}
