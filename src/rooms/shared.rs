//! What all actors share: the store, the journal, the way out, and who is in which room.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::blocks::Blocks;
use super::delivery::Delivery;
use super::inbox::{Input, LogRequest};
use super::journal::Journal;
use super::missing_wraps::MissingWraps;
use super::presence::Presence;
use super::publication::Payload;
use super::publisher::Publisher;
use super::room::Room;
use crate::base::counter::CounterByCode;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Epoch, RoomId, Uid};
use crate::base::limits::{encryption, rooms as limits};
use crate::base::lock::RwLockExt as _;
use crate::base::memory::{Kind, MemoryBudget};
use crate::base::time::now_ms;
use crate::e2ee::SharedDirectory;
use crate::store::chat::ChatStore;

/// The bounds that a start sets.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The memory of everything that waits for clients; the shards share it.
    pub memory: MemoryBudget,
    /// Rooms one user may own.
    pub owned: usize,
    /// Rooms one user may be in.
    pub joined: usize,
    /// New keys a member may make for a room without need, in an hour.
    pub rotations: usize,
    /// How long a member may lack the key of a room until that counts.
    pub wrap_missing: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let memory = MemoryBudget::default();
        let (owned, joined, rotations) = (limits::OWNED, limits::JOINED, encryption::ROTATIONS);
        let wrap_missing = encryption::WRAP_MISSING;
        Self { memory, owned, joined, rotations, wrap_missing }
    }
}

/// What all actors share.
pub struct Shared {
    /// The chat store, by connections that only the actors use.
    pub store: ChatStore,
    /// The way to the shards and the other sinks.
    pub publisher: Publisher,
    /// The memory of everything that waits for clients.
    pub memory: MemoryBudget,
    /// Which history the rooms have.
    pub epoch: Epoch,
    /// The bounds of this server.
    pub bounds: Bounds,
    /// The writer of messages.
    pub journal: Journal,
    /// Who is online.
    pub presence: Presence,
    /// Who lacks the key of an encrypted room.
    pub missing_wraps: MissingWraps,
    /// When the databases were restored, in milliseconds, if they were.
    restored_at: Option<i64>,
    /// Who has blocked whom.
    pub blocks: Arc<Blocks>,
    /// Whose keys are whose, and whose account is open.
    pub directory: Arc<SharedDirectory>,
    rooms: RwLock<HashMap<RoomId, Arc<Room>>>,
    by_user: RwLock<HashMap<Uid, Vec<RoomId>>>,
    bots: RwLock<HashSet<Uid>>,
    /// Bytes that the files of one room may have; the largest number if that is not bounded.
    pub file_bytes_max: AtomicU64,
    /// Commands that were not carried out, here or on a shard.
    pub refused: CounterByCode,
    /// Held while a room is created, removed or restored: one at a time.
    pub lifecycle: tokio::sync::Mutex<()>,
}

impl Shared {
    /// Without rooms yet. Starts the journal.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn start(
        bounds: Bounds,
        store: ChatStore,
        publisher: Publisher,
        directory: Arc<SharedDirectory>,
    ) -> Result<Self> {
        Ok(Self {
            journal: Journal::start(store.database().clone()),
            publisher,
            memory: bounds.memory.clone(),
            bounds,
            epoch: store.epoch().await?,
            presence: Presence::default(),
            missing_wraps: MissingWraps::default(),
            restored_at: store.restored_at().await?,
            blocks: Arc::new(Blocks::from_rows(store.blocks().await?)),
            directory,
            rooms: RwLock::default(),
            by_user: RwLock::default(),
            bots: RwLock::default(),
            file_bytes_max: AtomicU64::new(u64::MAX),
            refused: CounterByCode::default(),
            lifecycle: tokio::sync::Mutex::default(),
            store,
        })
    }

    /// When the databases were restored, if that is so recent that members may still bring back what it lost (`e2ee.md`
    /// 11.4).
    pub fn restored_recently(&self) -> Option<i64> {
        self.restored_at.filter(|at| now_ms().saturating_sub(*at) < encryption::RESTORED_MS)
    }

    /// All rooms, by id.
    pub fn rooms(&self) -> RwLockReadGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.read_unpoisoned()
    }

    /// The same, to change.
    pub fn rooms_mut(&self) -> RwLockWriteGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.write_unpoisoned()
    }

    /// The rooms the user is in, by id.
    pub fn rooms_of(&self, uid: Uid) -> Vec<RoomId> {
        self.by_user.read_unpoisoned().get(&uid).cloned().unwrap_or_default()
    }

    /// Notes that the user is in the room.
    pub fn add_to_index(&self, uid: Uid, room: RoomId) {
        let mut by_user = self.by_user.write_unpoisoned();
        let rooms = by_user.entry(uid).or_default();
        if let Err(at) = rooms.binary_search(&room) {
            rooms.insert(at, room);
        }
    }

    /// Notes that the user is not in the room any more.
    pub fn remove_from_index(&self, uid: Uid, room: RoomId) {
        let mut by_user = self.by_user.write_unpoisoned();
        if let Some(rooms) = by_user.get_mut(&uid) {
            rooms.retain(|known| *known != room);
            if rooms.is_empty() {
                by_user.remove(&uid);
            }
        }
    }

    /// Whether this member is the bot of a hook.
    pub fn is_bot(&self, uid: Uid) -> bool {
        self.bots.read_unpoisoned().contains(&uid)
    }

    /// Notes that these are bots of hooks, which no room belongs to.
    pub fn add_bots(&self, bots: impl IntoIterator<Item = Uid>) {
        self.bots.write_unpoisoned().extend(bots);
    }

    /// Notes that the hook of this bot is gone.
    pub fn forget_bot(&self, bot: Uid) {
        self.bots.write_unpoisoned().remove(&bot);
    }

    /// Whether the user may join one more room.
    ///
    /// # Errors
    /// `conflict`.
    pub fn check_joined(&self, uid: Uid) -> Result<()> {
        let joined = self.by_user.read_unpoisoned().get(&uid).map_or(0, Vec::len);
        if joined < self.bounds.joined {
            return Ok(());
        }
        Err(Error::new(Code::Conflict, "This user is in as many rooms as one may be in."))
    }

    /// Lets the user's connections know of a room they are in from now on.
    pub async fn send_joined(&self, uid: Uid, room: RoomId) {
        // Gone only when the server stops.
        let _ = self.publisher.broadcast(Delivery::Joined(uid, room)).await;
        let _ = self.publisher.broadcast(Delivery::View(uid, room)).await;
    }

    /// While replay buffers hold much memory, rooms in which nothing happens give theirs back.
    pub fn trim_replay_buffers(&self) {
        let used = self.memory.used(Kind::ReplayBuffers);
        if used <= self.memory.most(Kind::ReplayBuffers) / 4 {
            return;
        }
        for room in self.rooms().values() {
            // A room whose inbox is full is none of these.
            let _ = room.tx.try_send(Input::TrimReplayBuffer);
        }
    }

    /// Encrypted rooms in which nothing happens give the memory of their logs back.
    pub fn forget_logs(&self) {
        for room in self.rooms().values() {
            if room.state().row.encryption.is_some() {
                // A room whose inbox is full is none of these.
                let _ = room.tx.try_send(Input::Log(LogRequest::Forget));
            }
        }
    }

    /// Publishes how people's presence has changed since the last time.
    pub fn publish_presence(&self) {
        for (uid, event) in self.presence.drain_changes() {
            self.publish_about(uid, &event);
        }
    }

    /// Publishes an event about a user in each of their rooms that is small enough.
    pub fn publish_about(&self, uid: Uid, event: &Payload) {
        for id in self.rooms_of(uid) {
            let Some(room) = self.rooms().get(&id).cloned() else { continue };
            if room.state().members.len() <= limits::PRESENCE_MEMBERS {
                // Such events are the first to be dropped when a room is behind.
                let _ = room.tx.try_send(Input::Publish(event.clone()));
            }
        }
    }
}
