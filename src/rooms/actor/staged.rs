//! Changes that wait for the next append to the journal.

use super::facts::Changed;
use super::sealed::SealedEffect;
use crate::base::error::Result;
use crate::protocol::command::Draft;
use crate::protocol::message::MessageState;
use crate::rooms::inbox::{Reply, Sender};
use crate::rooms::publication::{ConnRef, Payload};
use crate::store::chat::Ack;
use crate::store::chat::change::Change;

/// What is to be done about a draft.
pub enum Decision {
    /// Make this durable.
    Append(Change, Effect),
    /// It already is: this was the first answer.
    Answer(Ack),
}

/// Answers that are about to be sent.
#[derive(Default)]
pub struct Answers {
    /// To connections.
    pub to_connections: Vec<(ConnRef, Payload)>,
    /// To callers who wait.
    pub to_callers: Vec<(Reply<Ack>, Result<Ack>)>,
}

/// A staged change: who is answered, and what it means once it is durable.
pub struct Staged {
    pub sender: Sender,
    pub effect: Effect,
}

/// What a durable change means for the room.
pub enum Effect {
    /// A new message; the draft is compared with a repetition of it.
    New { message: Box<MessageState>, draft: Box<Draft> },
    /// A message has a new state.
    Changed(Changed),
    /// What an envelope has changed.
    Sealed(Box<SealedEffect>),
    /// A read position.
    Read { seq: u64 },
}

impl Effect {
    /// Whether it relies on what is stored.
    pub fn changes_what_is_stored(&self) -> bool {
        match self {
            Self::Changed(_) => true,
            Self::Sealed(effect) => !effect.is_new_message(),
            Self::New { .. } | Self::Read { .. } => false,
        }
    }
}
