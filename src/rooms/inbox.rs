//! What is put into the inbox of a room.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::membership::{MemberChange, MemberOutcome};
use super::proposal::{Appended, KeyView, Proposal};
use super::publication::{ConnRef, Payload};
use crate::base::allowance::Allowance;
use crate::base::encryption::WrapId;
use crate::base::error::Result;
use crate::base::ids::{Epoch, Mid, Uid};
use crate::base::principal::Principal;
use crate::e2ee::room_log::State;
use crate::protocol::answer::OkAnswer;
use crate::protocol::command::Draft;
use crate::protocol::encryption::PostedWrap;
use crate::protocol::envelope::SentEnvelope;
use crate::store::chat::{Ack, RoomChange};

/// A command to a room.
#[derive(Debug)]
pub struct Post {
    /// Who sends it.
    pub sender: Sender,
    /// What is to be done.
    pub command: RoomCommand,
}

/// Who sends a command, and where its answer goes.
#[derive(Debug)]
pub struct Sender {
    /// The user.
    pub uid: Uid,
    /// Whether that is an administrator of the server.
    pub is_admin: bool,
    /// How much the user may still send.
    pub allowance: Arc<Allowance>,
    /// Where the answer goes.
    pub reply_to: ReplyTo,
}

/// Where the answer to a command goes.
#[derive(Debug)]
pub enum ReplyTo {
    /// To a connection.
    Connection {
        /// The connection.
        conn: ConnRef,
        /// The `id` of the command, which the answer echoes.
        id: Option<String>,
    },
    /// To a caller who waits for it. Only a change of messages has such a sender.
    Caller(Reply<Ack>),
}

impl Sender {
    /// Who acts.
    pub fn principal(&self) -> Principal {
        Principal::User { uid: self.uid, is_admin: self.is_admin }
    }

    /// The connection that is answered, if it is one.
    pub fn conn(&self) -> Option<ConnRef> {
        match &self.reply_to {
            ReplyTo::Connection { conn, .. } => Some(*conn),
            ReplyTo::Caller(_) => None,
        }
    }

    /// The `id` that the answer echoes.
    pub fn id(&self) -> Option<&str> {
        match &self.reply_to {
            ReplyTo::Connection { id, .. } => id.as_deref(),
            ReplyTo::Caller(_) => None,
        }
    }

    /// The beginning of the answer to a command that was carried out.
    pub fn ok(&self) -> OkAnswer<'_> {
        OkAnswer::to(self.id())
    }
}

/// What a room is to do.
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
    SendEnvelope(SentEnvelope),
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

/// A request to the actor of an encrypted room.
pub enum LogRequest {
    /// Append a batch.
    Append(Proposal, Reply<Appended>),
    /// What is to be done about the key.
    Key(Reply<KeyView>),
    /// Wraps for members who lack them, and a member's own.
    AddWraps(Uid, Vec<PostedWrap>, Reply<usize>),
    /// A member's wrap is bad.
    BadWrap(WrapId, Reply<()>),
    /// The directory, or an account, has changed: tell the members what follows.
    LookAgain,
    /// Look again, and say whether the direct room is of no use any more.
    IsDead(Reply<bool>),
    /// Compare what is stored and known with this log, read and verified anew.
    Audit(Box<State>, Reply<()>),
    /// Give back the memory if nothing has happened for long.
    Forget,
}

/// Everything an actor may find in its inbox.
pub enum Input {
    /// A command.
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
    /// Take away what messages of an encrypted room say, for good; the reply is how many of them still said something.
    TakeAway(Vec<Mid>, Reply<u64>),
    /// Publish an event that is not durable (presence, profiles).
    Publish(Payload),
    /// Something about the encryption of the room.
    Log(LogRequest),
    /// Finish what was accepted before.
    Flush(Reply<()>),
    /// Read from the store what was committed and not published.
    Resync,
    /// Give back the memory of the replay buffer if nothing has happened for long.
    TrimReplayBuffer,
}
