//! What is put into the inbox of a room.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::membership::{MemberChange, MemberOutcome};
use super::publication::{ConnRef, Payload};
use crate::base::allowance::Allowance;
use crate::base::error::Result;
use crate::base::ids::{Epoch, Uid};
use crate::base::principal::Principal;
use crate::protocol::answer::OkAnswer;
use crate::protocol::command::Draft;
use crate::store::chat::RoomChange;

/// A command of a connection to a room.
#[derive(Debug, Clone)]
pub struct Post {
    /// Who sends it.
    pub sender: Sender,
    /// What is to be done.
    pub command: RoomCommand,
}

/// Who sends a command, and where its answer goes.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The connection.
    pub conn: ConnRef,
    /// Whose connection that is.
    pub uid: Uid,
    /// Whether that is an administrator of the server.
    pub is_admin: bool,
    /// The `id` of the command, which the answer echoes.
    pub id: Option<String>,
    /// How much the user may still send.
    pub allowance: Arc<Allowance>,
}

impl Sender {
    /// Who acts.
    pub fn principal(&self) -> Principal {
        Principal::User { uid: self.uid, is_admin: self.is_admin }
    }

    /// The beginning of the answer to a command that was carried out.
    pub fn ok(&self) -> OkAnswer<'_> {
        OkAnswer::to(self.id.as_deref())
    }
}

/// A command to a room.
#[derive(Debug, Clone)]
pub enum RoomCommand {
    /// Follow it from here.
    Subscribe {
        /// The last `seq` the client has.
        since: u64,
        /// The epoch in which it got that.
        epoch: Option<Epoch>,
    },
    /// Stop following.
    Unsubscribe,
    /// Change its messages.
    Send(Draft),
    /// Change its messages by an envelope.
    SendEnvelope,
    /// The user is typing.
    Typing,
    /// The user has read up to here.
    Read {
        /// The newest `seq` read.
        seq: u64,
    },
}

/// Where an actor sends the outcome of a request.
pub type Reply<T> = oneshot::Sender<Result<T>>;

/// Everything an actor may find in its inbox.
pub enum Input {
    /// A command of a connection.
    Post(Post),
    /// Change a membership.
    ChangeMember {
        /// Who changes it.
        by: Principal,
        /// Whose it is.
        uid: Uid,
        /// The change.
        change: MemberChange,
        /// What became of it.
        reply: Reply<MemberOutcome>,
    },
    /// Change the room; the reply is what was not so already.
    Update(RoomChange, Reply<RoomChange>),
    /// Remove the room.
    Remove(Principal, Reply<()>),
    /// Hide, or show again, everything an author has written.
    HideAuthor {
        /// The author.
        author: Uid,
        /// Whether it is hidden from now on.
        hidden: bool,
        /// When that is done.
        reply: Reply<()>,
    },
    /// Publish an event that is not durable (presence, profiles).
    Publish(Payload),
    /// Finish what was accepted before.
    Flush(Reply<()>),
    /// Read from the store what was committed and not published.
    Resync,
    /// Give back the memory of the replay buffer if nothing has happened for long.
    TrimReplayBuffer,
}
