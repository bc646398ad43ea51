//! A room as others see it: its state to read, its inbox to post to.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{mpsc, oneshot};

use super::members::{By, MemberChange, MemberOutcome};
use super::outlet::{ConnRef, Payload};
use super::state::State;
use crate::base::allowance::Allowance;
use crate::base::bucket::Bucket;
use crate::base::error::{Error, Outage, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::rooms as limits;
use crate::base::lock::RwLockExt as _;
use crate::protocol::command::Draft;
use crate::store::chat::RoomChange;

/// A command of a connection to a room.
#[derive(Debug, Clone)]
pub struct Post {
    /// Whom to answer.
    pub conn: ConnRef,
    /// Who says it.
    pub uid: Uid,
    /// Whether that is an admin of the server.
    pub admin: bool,
    /// The `id` the answer echoes.
    pub id: Option<String>,
    /// What it says.
    pub action: Action,
    /// What its author may take.
    pub allowance: Arc<Allowance>,
}

/// What a connection asks of a room.
#[derive(Debug, Clone)]
pub enum Action {
    /// Follow it from here.
    Subscribe {
        /// The last `seq` the client has.
        since: u64,
    },
    /// Stop following.
    Unsubscribe,
    /// Change its messages.
    Send(Draft),
    /// "I am writing".
    Typing,
    /// "I have read this far".
    Read {
        /// The newest `seq` read.
        seq: u64,
    },
}

/// All that reaches an actor.
pub(super) enum Input {
    Post(Post),
    Member(By, Uid, MemberChange, oneshot::Sender<Result<MemberOutcome>>),
    /// Changes the room; the answer is what was not so already.
    Update(RoomChange, oneshot::Sender<Result<RoomChange>>),
    /// Removes the room; by whom.
    Remove(Option<Uid>, oneshot::Sender<Result<()>>),
    /// Hides, or shows again, what an author wrote.
    Hide(Uid, bool, oneshot::Sender<Result<()>>),
    /// An event that is not kept (presence).
    Announce(Payload),
    /// Finish what was accepted before.
    Settle(oneshot::Sender<Result<()>>),
    /// Tell a member what the room is like for him now.
    View(Uid),
    /// Look into the store for what was not published.
    Resync,
    /// Give back memory that is kept for few.
    ForgetOld,
}

/// A room: its state and the way to its actor.
pub struct Room {
    pub(super) id: RoomId,
    state: RwLock<State>,
    pub(super) tx: mpsc::Sender<Input>,
    /// Bytes that are sent into it.
    pub(super) bytes: Bucket,
}

impl Room {
    pub(super) fn new(state: State) -> (Arc<Self>, mpsc::Receiver<Input>) {
        let (tx, inbox) = mpsc::channel(limits::INBOX);
        let (id, state, bytes) = (state.id(), RwLock::new(state), Bucket::default());
        (Arc::new(Self { id, state, tx, bytes }), inbox)
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read_unpoisoned()
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write_unpoisoned()
    }
}

/// A command with a place in the inbox of its room. It must be sent soon: the room waits for it when it
/// ends.
pub struct Accepted {
    place: mpsc::OwnedPermit<Input>,
    post: Post,
}

impl Accepted {
    /// Puts it into the inbox, which wakes the room.
    pub fn send(self) {
        self.place.send(Input::Post(self.post));
    }
}

/// Where a connection posts to.
#[derive(Clone)]
pub struct RoomHandle {
    pub(super) room: Arc<Room>,
}

impl RoomHandle {
    /// Takes a place in the room's inbox for a command.
    ///
    /// # Errors
    /// The command comes back while the inbox is full (try again later) or the server stops.
    #[allow(clippy::result_large_err)] // it is the caller's own value, given back
    pub fn accept(&self, post: Post) -> Result<Accepted, Post> {
        match self.room.tx.clone().try_reserve_owned() {
            Ok(place) => Ok(Accepted { place, post }),
            Err(_) => Err(post),
        }
    }

    /// How many changes a member has missed who knows of `since`; nothing for anybody else, who must not
    /// find out about the room.
    pub fn missed(&self, uid: Uid, since: u64) -> u64 {
        let state = self.room.state();
        let is_member = state.members.contains_key(&uid);
        if is_member { state.row.last_seq.saturating_sub(since) } else { 0 }
    }

    pub(super) async fn call<T>(
        &self,
        input: impl FnOnce(oneshot::Sender<Result<T>>) -> Input,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let stopping = || Error::outage(Outage::Busy, "the room's actor is gone");
        self.room.tx.send(input(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}
