//! All rooms of this node: who finds which actor, who is in which room.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::actor::{Actor, stopping};
use super::blocks::Blocks;
use super::journal::Journal;
use super::outlet::{Delivery, Outlet, Payload};
use super::presence::Presence;
use super::replays::{Readers, Replays};
use super::room::{Input, Room, RoomHandle};
use super::state::{Member, State};
use crate::base::counter::CounterByCode;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::{chat, rooms as limits};
use crate::base::lock::{MutexExt as _, RwLockExt as _};
use crate::base::memory::{Kind, MemoryBudget};
use crate::protocol::event::{Event, RoomView};
use crate::store::chat::{BanRow, ChatStore, MemberRow, RoomRow};

/// What all actors share.
pub(super) struct Shared {
    pub(super) store: ChatStore,
    pub(super) outlet: Outlet,
    pub(super) memory: MemoryBudget,
    pub(super) bounds: Bounds,
    pub(super) journal: Journal,
    presence: Presence,
    pub(super) blocks: Arc<Blocks>,
    rooms: RwLock<HashMap<RoomId, Arc<Room>>>,
    by_user: RwLock<HashMap<Uid, Vec<RoomId>>>,
    /// Commands that were not carried out, here or on a shard.
    pub(super) refused: CounterByCode,
    /// One room is made, removed or restored at a time.
    pub(super) making: tokio::sync::Mutex<()>,
}

/// The rooms. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    pub(super) shared: Arc<Shared>,
    /// For what callers ask of the store themselves: it never takes a connection from the actors.
    pub(super) store: ChatStore,
    /// Where actors run, whoever starts them.
    pub(super) runtime: Handle,
    replays: Replays,
    stop: watch::Sender<bool>,
    /// Held by every actor and service; when all are gone the channel ends.
    alive: Arc<std::sync::Mutex<Option<mpsc::Sender<()>>>>,
    ended: Arc<tokio::sync::Mutex<mpsc::Receiver<()>>>,
}

/// What the rooms of a server may come to.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// What everything that waits for clients may hold; the shards share it.
    pub memory: MemoryBudget,
    /// Rooms one user may own.
    pub owned: usize,
    /// Rooms one user may be in.
    pub joined: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        let memory = MemoryBudget::default();
        Self { memory, owned: limits::OWNED, joined: limits::JOINED }
    }
}

impl Rooms {
    /// Reads rooms and members and starts an actor for each, the journal and the presence tick, all
    /// in the runtime this is called in.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn start(store: ChatStore, outlet: Outlet) -> Result<Self> {
        Self::start_within(Bounds::default(), store, outlet).await
    }

    /// The same within these bounds.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn start_within(bounds: Bounds, store: ChatStore, outlet: Outlet) -> Result<Self> {
        store.create_ready_made_rooms().await?;
        let (alive, ended) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            journal: Journal::start(store.database().clone()),
            outlet,
            memory: bounds.memory.clone(),
            bounds,
            presence: Presence::default(),
            blocks: Arc::new(Blocks::of_rows(store.blocks().await?)),
            rooms: RwLock::default(),
            by_user: RwLock::default(),
            refused: CounterByCode::default(),
            making: tokio::sync::Mutex::default(),
            store,
        });
        let (replays, requests) = Replays::new();
        let rooms = Self {
            store: shared.store.clone(),
            runtime: Handle::current(),
            shared,
            replays,
            stop: watch::Sender::new(false),
            alive: Arc::new(std::sync::Mutex::new(Some(alive))),
            ended: Arc::new(tokio::sync::Mutex::new(ended)),
        };
        let mut members: HashMap<RoomId, Vec<MemberRow>> = HashMap::new();
        for row in rooms.shared.store.members(None).await? {
            members.entry(row.room).or_default().push(row);
        }
        let mut bans: HashMap<RoomId, Vec<BanRow>> = HashMap::new();
        for row in rooms.shared.store.bans(None).await? {
            bans.entry(row.room).or_default().push(row);
        }
        for row in rooms.shared.store.rooms().await? {
            let id = row.id;
            let members = members.remove(&id).unwrap_or_default();
            rooms.open(row, members, bans.remove(&id).unwrap_or_default()).await?;
        }
        rooms.start_presence();
        let readers = Readers::new(rooms.shared.clone());
        tokio::spawn(readers.run(requests, rooms.stop.subscribe()));
        Ok(rooms)
    }

    /// The same rooms for callers elsewhere, whose own questions go through this store.
    pub fn with_callers_store(self, store: ChatStore) -> Self {
        Self { store, ..self }
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
            _ => self.store.recent(row.id, chat::UNREAD).await?,
        };
        let mut state = State::new(row, recent, self.shared.blocks.clone());
        state.members = members.iter().map(|row| (row.uid, Member::of(row))).collect();
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

    fn start_presence(&self) {
        let (shared, mut stop, alive) =
            (self.shared.clone(), self.stop.subscribe(), self.alive_token());
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(limits::PRESENCE_TICK);
            let mut forgets = tokio::time::interval(limits::KEPT_FOR);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = tick.tick() => shared.tell_presence(),
                    _ = forgets.tick() => shared.forget_old(),
                    () = stopping(&mut stop) => break,
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

    /// Finishes everything accepted: each command is made durable and answered, or refused. Bounded
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
        self.shared.index().get(&uid).cloned().unwrap_or_default()
    }

    /// Tells those who share a small enough room with the user, and all of his connections, what
    /// he is like now.
    pub async fn tell_profile(&self, uid: Uid, profile: &serde_json::Value) {
        let event = Event::User { user: profile }.encode();
        self.shared.announce(uid, &event);
        let _ = self.shared.outlet.broadcast(Delivery::ToUser(uid, event)).await;
    }

    /// Who is here.
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

    /// What waits in the inboxes of all rooms.
    pub fn inboxes(&self) -> Inboxes {
        let mut inboxes = Inboxes::default();
        for room in self.shared.rooms().values() {
            let waiting = room.tx.max_capacity() - room.tx.capacity();
            inboxes.waiting += waiting;
            inboxes.longest = inboxes.longest.max(waiting);
        }
        inboxes
    }

    /// Who reads replays.
    pub fn replays(&self) -> &Replays {
        &self.replays
    }

    /// What everything that waits for clients may hold.
    pub fn memory(&self) -> &MemoryBudget {
        &self.shared.memory
    }

    /// The way to the shards.
    pub fn outlet(&self) -> &Outlet {
        &self.shared.outlet
    }
}

/// What waits for the rooms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inboxes {
    /// In all of them.
    pub waiting: usize,
    /// In the fullest.
    pub longest: usize,
}

impl Shared {
    pub(super) fn rooms(&self) -> RwLockReadGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.read_unpoisoned()
    }

    pub(super) fn rooms_mut(&self) -> RwLockWriteGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.write_unpoisoned()
    }

    fn index(&self) -> RwLockReadGuard<'_, HashMap<Uid, Vec<RoomId>>> {
        self.by_user.read_unpoisoned()
    }

    pub(super) fn add_to_index(&self, uid: Uid, room: RoomId) {
        let mut index = self.by_user.write_unpoisoned();
        let rooms = index.entry(uid).or_default();
        if let Err(place) = rooms.binary_search(&room) {
            rooms.insert(place, room);
        }
    }

    /// Whether the user may be in one room more.
    ///
    /// # Errors
    /// `conflict`.
    pub(super) fn may_join(&self, uid: Uid) -> Result<()> {
        let joined = self.index().get(&uid).map_or(0, Vec::len);
        if joined < self.bounds.joined {
            return Ok(());
        }
        Err(Error::new(Code::Conflict, "This user is in as many rooms as one may be in."))
    }

    pub(super) fn remove_from_index(&self, uid: Uid, room: RoomId) {
        let mut index = self.by_user.write_unpoisoned();
        if let Some(rooms) = index.get_mut(&uid) {
            rooms.retain(|known| *known != room);
            if rooms.is_empty() {
                index.remove(&uid);
            }
        }
    }

    pub(super) async fn tell_joined(&self, uid: Uid, view: &RoomView) {
        // Gone only when the server stops.
        let _ = self.outlet.broadcast(Delivery::Joined(uid, view.id)).await;
        let event = Event::Room { room: view }.encode();
        let _ = self.outlet.broadcast(Delivery::ToUser(uid, event)).await;
    }

    /// While rooms keep much, those in which nothing happens are asked to give it back.
    fn forget_old(&self) {
        let used = self.memory.used(Kind::Kept);
        if used <= self.memory.most(Kind::Kept) / 4 {
            return;
        }
        for room in self.rooms().values() {
            // A room whose inbox is full is none of these.
            let _ = room.tx.try_send(Input::ForgetOld);
        }
    }

    fn tell_presence(&self) {
        for (uid, event) in self.presence.news() {
            self.announce(uid, &event);
        }
    }

    /// To whoever follows a room of the user's.
    fn announce(&self, uid: Uid, event: &Payload) {
        let rooms = self.index().get(&uid).cloned().unwrap_or_default();
        for id in rooms {
            let Some(room) = self.rooms().get(&id).cloned() else { continue };
            if room.state().members.len() <= limits::PRESENCE_MEMBERS {
                // What is told about people is the first thing to drop when a room is behind.
                let _ = room.tx.try_send(Input::Announce(event.clone()));
            }
        }
    }
}
