//! A room as everybody but its actor uses it: the state can be read, the inbox can be written to.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{mpsc, oneshot};

use super::inbox::{Input, Post, Reply};
use super::state::State;
use crate::base::error::{Error, Outage, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::rooms as limits;
use crate::base::lock::RwLockExt as _;
use crate::base::token_bucket::TokenBucket;

/// A room: its state and the way to its actor.
pub struct Room {
    pub(super) id: RoomId,
    state: RwLock<State>,
    pub(super) tx: mpsc::Sender<Input>,
    /// The rate of the bytes that all users together send into it.
    pub(super) bytes: TokenBucket,
}

impl Room {
    pub(super) fn new(state: State) -> (Arc<Self>, mpsc::Receiver<Input>) {
        let (tx, inbox) = mpsc::channel(limits::INBOX);
        let (id, state, bytes) = (state.id(), RwLock::new(state), TokenBucket::default());
        (Arc::new(Self { id, state, tx, bytes }), inbox)
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read_unpoisoned()
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write_unpoisoned()
    }
}

/// A command with a permit for the inbox of its room. It must be sent soon, because the permit takes up space in
/// the inbox until then.
pub struct Accepted {
    permit: mpsc::OwnedPermit<Input>,
    post: Post,
}

impl Accepted {
    /// Puts it into the inbox, which wakes the room.
    pub fn send(self) {
        self.permit.send(Input::Post(self.post));
    }
}

/// The way to a room. Cheap to clone.
#[derive(Clone)]
pub struct RoomHandle {
    pub(super) room: Arc<Room>,
}

impl RoomHandle {
    /// Reserves a permit in the room's inbox for a command.
    ///
    /// # Errors
    /// The command comes back while the inbox is full (try again later) or the server stops.
    #[allow(clippy::result_large_err)] // it is the caller's own value, given back
    pub fn accept(&self, post: Post) -> Result<Accepted, Post> {
        match self.room.tx.clone().try_reserve_owned() {
            Ok(permit) => Ok(Accepted { permit, post }),
            Err(_) => Err(post),
        }
    }

    /// How many changes a member has missed since `since`; 0 for anybody else, who must not find out about the
    /// room.
    pub fn missed(&self, uid: Uid, since: u64) -> u64 {
        let state = self.room.state();
        let is_member = state.members.contains_key(&uid);
        if is_member { state.row.last_seq.saturating_sub(since) } else { 0 }
    }

    /// Sends a request to the actor and waits for its reply.
    pub(super) async fn call<T>(&self, input: impl FnOnce(Reply<T>) -> Input) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let gone = || Error::outage(Outage::Busy, "the room's actor is gone");
        self.room.tx.send(input(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}
