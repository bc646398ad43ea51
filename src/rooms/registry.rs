//! All rooms of this node: who finds which actor, who is in which room.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{Semaphore, mpsc, watch};

use super::actor::{Actor, stopping};
use super::journal::Journal;
use super::members::{By, MemberCall};
use super::outlet::{Delivery, Outlet, Payload};
use super::presence::Presence;
use super::room::{Input, Room, RoomHandle};
use super::state::{Member, MemberView, State};
use crate::error::{Code, Error, Result};
use crate::ids::{RoomId, Uid};
use crate::limits::{chat, rooms as limits};
use crate::protocol::event::{Event, Ok as OkAnswer, Role, RoomKind, RoomView};
use crate::protocol::message::MessageState;
use crate::store::chat::{ChatStore, NewRoom, Page, RoomChange};

/// What all actors share.
pub(super) struct Shared {
    pub(super) store: ChatStore,
    pub(super) outlet: Outlet,
    pub(super) journal: Journal,
    presence: Presence,
    rooms: RwLock<HashMap<RoomId, Arc<Room>>>,
    by_user: RwLock<HashMap<Uid, Vec<RoomId>>>,
    replays: Semaphore,
    /// One room is made at a time.
    creating: tokio::sync::Mutex<()>,
}

/// A room to be made.
#[derive(Debug, Clone)]
pub struct CreateRoom {
    /// Its name; nothing for a direct room.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Who may come in.
    pub kind: RoomKind,
    /// First members besides its maker.
    pub members: Vec<Uid>,
    /// Whether new users join it.
    pub is_default: bool,
}

/// The rooms. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    /// Held by every actor and service; when all are gone the channel ends.
    alive: Arc<std::sync::Mutex<Option<mpsc::Sender<()>>>>,
    ended: Arc<tokio::sync::Mutex<mpsc::Receiver<()>>>,
}

impl Rooms {
    /// Reads rooms and members and starts an actor for each, the journal and the presence tick.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn start(store: ChatStore, outlet: Outlet) -> Result<Self> {
        store.create_ready_made_rooms().await?;
        let (alive, ended) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            journal: Journal::start(store.database().clone()),
            outlet,
            presence: Presence::default(),
            rooms: RwLock::default(),
            by_user: RwLock::default(),
            replays: Semaphore::new(limits::REPLAYS),
            creating: tokio::sync::Mutex::default(),
            store,
        });
        let rooms = Self {
            shared,
            stop: watch::Sender::new(false),
            alive: Arc::new(std::sync::Mutex::new(Some(alive))),
            ended: Arc::new(tokio::sync::Mutex::new(ended)),
        };
        let mut members: HashMap<RoomId, HashMap<Uid, Member>> = HashMap::new();
        for row in rooms.shared.store.members().await? {
            let member = Member { role: row.role, read: row.read_seq };
            members.entry(row.room).or_default().insert(row.uid, member);
            rooms.shared.add_to_index(row.uid, row.room);
        }
        for row in rooms.shared.store.rooms().await? {
            let recent = if row.last_seq == 0 {
                Vec::new()
            } else {
                rooms.shared.store.recent(row.id, chat::UNREAD).await?
            };
            let mut state = State::new(row, recent);
            state.members = members.remove(&state.id()).unwrap_or_default();
            rooms.start_actor(state);
        }
        rooms.start_presence();
        Ok(rooms)
    }

    fn start_actor(&self, state: State) -> RoomHandle {
        let (room, inbox) = Room::new(state);
        self.shared.rooms_mut().insert(room.id, room.clone());
        let actor = Actor::new(room.clone(), inbox, self.shared.clone());
        let (stop, alive) = (self.stop.subscribe(), self.alive_token());
        tokio::spawn(async move {
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
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = tick.tick() => shared.tell_presence(),
                    () = stopping(&mut stop) => break,
                }
            }
            drop(alive);
        });
    }

    fn alive_token(&self) -> Option<mpsc::Sender<()>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finishes everything accepted: each command is made durable and answered, or refused. Bounded
    /// by [`limits::STOP`].
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut ended = self.ended.lock().await;
        if tokio::time::timeout(limits::STOP, ended.recv()).await.is_err() {
            tracing::warn!("some rooms did not finish in time");
        }
    }

    /// The way to a room's actor.
    pub fn handle(&self, room: RoomId) -> Option<RoomHandle> {
        self.shared.rooms().get(&room).map(|room| RoomHandle { room: room.clone() })
    }

    /// The user's rooms as he sees them, oldest room first.
    pub fn overview(&self, uid: Uid) -> Vec<RoomView> {
        self.rooms_of(uid).iter().filter_map(|id| self.view(*id, uid)).collect()
    }

    /// The rooms the user is in.
    pub fn rooms_of(&self, uid: Uid) -> Vec<RoomId> {
        self.shared.index().get(&uid).cloned().unwrap_or_default()
    }

    /// All rooms the user may see: his own and the open ones; an admin of the server sees every
    /// room but other people's direct ones.
    pub fn visible_to(&self, uid: Uid, admin: bool) -> Vec<RoomView> {
        let rooms: Vec<_> = self.shared.rooms().values().cloned().collect();
        let mut views: Vec<_> =
            rooms.iter().filter_map(|room| visible(&room.state(), uid, admin)).collect();
        views.sort_unstable_by_key(|view| view.id);
        views
    }

    /// A room as the user sees it, if he may.
    ///
    /// # Errors
    /// `not_found`, also for a room he may not know about.
    pub fn info(&self, room: RoomId, uid: Uid, admin: bool) -> Result<RoomView> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        let view = visible(&handle.room.state(), uid, admin);
        view.ok_or_else(no_room)
    }

    /// The members of a room, by id.
    ///
    /// # Errors
    /// `not_found`.
    pub fn members(&self, room: RoomId, uid: Uid, admin: bool) -> Result<Vec<MemberView>> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        let state = handle.room.state();
        visible(&state, uid, admin).ok_or_else(no_room)?;
        let members = state.members.iter().map(|(uid, m)| MemberView { uid: *uid, role: m.role });
        let mut members: Vec<_> = members.collect();
        members.sort_unstable_by_key(|member| member.uid);
        Ok(members)
    }

    /// Whether the user is a member.
    pub fn is_member(&self, room: RoomId, uid: Uid) -> bool {
        self.handle(room).is_some_and(|handle| handle.room.state().members.contains_key(&uid))
    }

    fn view(&self, room: RoomId, uid: Uid) -> Option<RoomView> {
        self.handle(room).map(|handle| handle.room.state().view(uid))
    }

    /// Makes a room; its maker is the owner. A direct room that exists is found: `false`.
    ///
    /// # Errors
    /// `conflict` for a name in use; `bad_request`; `unavailable`.
    pub async fn create(&self, by: Uid, create: CreateRoom) -> Result<(RoomView, bool)> {
        let dm_key = match create.kind {
            RoomKind::Dm => Some(dm_key(by, &create.members)?),
            _ => None,
        };
        // Two people who open the same direct room at once get the same one.
        let _turn = self.shared.creating.lock().await;
        if let Some(key) = &dm_key
            && let Some(found) = self.shared.store.direct_room(key).await?
            && let Some(view) = self.view(found, by)
        {
            return Ok((view, false));
        }
        let own = if dm_key.is_some() { Role::Member } else { Role::Owner };
        let mut members = vec![(by, own)];
        for uid in create.members {
            if !members.iter().any(|(known, _)| *known == uid) {
                members.push((uid, Role::Member));
            }
        }
        let new = NewRoom {
            name: create.name,
            topic: create.topic,
            kind: create.kind,
            is_default: create.is_default,
            dm_key,
            members: members.clone(),
        };
        let mut state = State::new(self.shared.store.create_room(&new).await?, Vec::new());
        state.members =
            members.iter().map(|(uid, role)| (*uid, Member { role: *role, read: 0 })).collect();
        let handle = self.start_actor(state);
        for (uid, _) in members {
            self.shared.add_to_index(uid, handle.room.id);
            let view = handle.room.state().view(uid);
            self.shared.tell_joined(uid, &view).await;
        }
        let view = handle.room.state().view(by);
        Ok((view, true))
    }

    /// Changes name, topic or default. Owners and admins of the room, and of the server.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn update(
        &self,
        by: Uid,
        admin: bool,
        room: RoomId,
        change: RoomChange,
    ) -> Result<RoomView> {
        let handle = self.administered(by, admin, room, Role::Admin)?;
        handle.call(|reply| Input::Update(change, reply)).await?;
        let view = handle.room.state().view(by);
        Ok(view)
    }

    /// Removes a room: owners, and admins of the server.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn remove(&self, by: Uid, admin: bool, room: RoomId) -> Result<()> {
        let handle = self.administered(by, admin, room, Role::Owner)?;
        handle.call(Input::Remove).await?;
        self.shared.rooms_mut().remove(&room);
        Ok(())
    }

    fn administered(&self, by: Uid, admin: bool, room: RoomId, least: Role) -> Result<RoomHandle> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        let (visible, enough, dm) = {
            let state = handle.room.state();
            let role = state.members.get(&by).map(|member| member.role);
            let visible = visible(&state, by, admin).is_some();
            (
                visible,
                admin || role.is_some_and(|role| role >= least),
                state.row.kind == RoomKind::Dm,
            )
        };
        match (visible, enough && !dm) {
            (false, _) => Err(no_room()),
            (true, false) => Err(Error::new(Code::Forbidden, "You may not change this room.")),
            (true, true) => Ok(handle),
        }
    }

    /// Adds a member or changes a role; one's own uid joins an open room.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn put_member(
        &self,
        by: Uid,
        admin: bool,
        room: RoomId,
        uid: Uid,
        role: Role,
    ) -> Result<()> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        let call = MemberCall::Put { by: By::User { uid: by, admin }, uid, role };
        handle.call(|reply| Input::Member(call, reply)).await
    }

    /// Removes a member; one's own uid leaves.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn remove_member(&self, by: Uid, admin: bool, room: RoomId, uid: Uid) -> Result<()> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        let call = MemberCall::Remove { by: By::User { uid: by, admin }, uid };
        handle.call(|reply| Input::Member(call, reply)).await
    }

    /// Puts a new user into every default room. May be repeated.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn join_defaults(&self, uid: Uid) -> Result<()> {
        let rooms: Vec<_> = self.shared.rooms().values().cloned().collect();
        let mut defaults: Vec<_> =
            rooms.into_iter().filter(|room| room.state().row.is_default).collect();
        defaults.sort_unstable_by_key(|room| room.id);
        for room in defaults {
            let call = MemberCall::Put { by: By::Server, uid, role: Role::Member };
            RoomHandle { room }.call(|reply| Input::Member(call, reply)).await?;
        }
        Ok(())
    }

    /// A page of a room's history. Members; in open rooms every user.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn history(
        &self,
        uid: Uid,
        admin: bool,
        room: RoomId,
        page: Page,
        limit: usize,
    ) -> Result<(Vec<MessageState>, bool)> {
        let view = self.info(room, uid, admin)?;
        if view.role.is_none() && view.kind != RoomKind::Open {
            return Err(Error::new(Code::NotMember, "You are not a member of this room."));
        }
        self.shared.store.page(room, page, limit.clamp(1, chat::PAGE)).await
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

    /// The way to the shards.
    pub fn outlet(&self) -> &Outlet {
        &self.shared.outlet
    }
}

impl Shared {
    fn rooms(&self) -> RwLockReadGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rooms_mut(&self) -> RwLockWriteGuard<'_, HashMap<RoomId, Arc<Room>>> {
        self.rooms.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> RwLockReadGuard<'_, HashMap<Uid, Vec<RoomId>>> {
        self.by_user.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_to_index(&self, uid: Uid, room: RoomId) {
        let mut index = self.by_user.write().unwrap_or_else(PoisonError::into_inner);
        let rooms = index.entry(uid).or_default();
        if let Err(place) = rooms.binary_search(&room) {
            rooms.insert(place, room);
        }
    }

    pub(super) fn remove_from_index(&self, uid: Uid, room: RoomId) {
        let mut index = self.by_user.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(rooms) = index.get_mut(&uid) {
            rooms.retain(|known| *known != room);
        }
    }

    async fn tell_joined(&self, uid: Uid, view: &RoomView) {
        // Gone only when the server stops.
        let _ = self.outlet.broadcast(Delivery::Joined(uid, view.id)).await;
        let event = Event::Room { room: view }.encode();
        let _ = self.outlet.broadcast(Delivery::ToUser(uid, event)).await;
    }

    /// What a subscriber missed between `since` and `upto`, then the `ok`.
    pub(super) async fn replay(
        &self,
        room: RoomId,
        since: u64,
        upto: u64,
        id: Option<&str>,
    ) -> Result<Vec<Payload>> {
        let _turn = self.replays.acquire().await.map_err(Error::internal)?;
        let missed = self.store.changed_since(room, since, chat::REPLAY + 1).await?;
        let mut truncated = missed.len() > chat::REPLAY;
        let (mut replay, mut bytes) = (Vec::new(), 0);
        // What changed after `upto` arrives live, in its own order.
        for msg in missed.iter().take(chat::REPLAY).filter(|message| message.seq <= upto) {
            let event = Event::Msg { room, seq: msg.seq, at: msg.at, msg }.encode();
            bytes += event.len();
            if bytes > limits::REPLAY_BYTES {
                truncated = true;
                break;
            }
            replay.push(event);
        }
        replay.push(OkAnswer::to(id).seq(upto).truncated(truncated).encode());
        Ok(replay)
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

fn visible(state: &State, uid: Uid, admin: bool) -> Option<RoomView> {
    let member = state.members.contains_key(&uid);
    let listed = match state.row.kind {
        RoomKind::Open => true,
        RoomKind::Closed => admin,
        RoomKind::Dm => false,
    };
    (member || listed).then(|| state.view(uid))
}

/// The two sides of a direct room, smaller id first.
fn dm_key(by: Uid, members: &[Uid]) -> Result<String> {
    match members {
        [other] if *other != by => Ok(format!("{}:{}", by.min(*other), by.max(*other))),
        _ => Err(Error::field("members", "of a direct room is one other user")),
    }
}

fn no_room() -> Error {
    Error::new(Code::NotFound, "There is no such room.")
}
