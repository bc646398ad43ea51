//! Durable changes of a room as they are published: once for those who follow the room, and as whole states for those
//! who have missed what was before.

use super::publication::{Audience, LiveEvent, Payload};
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::encryption as limits;
use crate::protocol::event::Event;
use crate::protocol::message::{Content, MessageState, ReactionState, Sealed};
use crate::store::chat::{LogBatch, MissedChange};

/// A durable change of a room.
#[derive(Debug)]
pub enum Published {
    /// A message has a new state.
    Message {
        /// The whole of it.
        state: Box<MessageState>,
        /// What of it those get who follow the room.
        live: Live,
    },
    /// Entries were appended to the log of an encrypted room.
    Log(LogBatch),
}

/// What those get who follow a room.
#[derive(Debug)]
pub enum Live {
    /// The whole state.
    Whole,
    /// An encrypted message without its reactions, which they have.
    WithoutReactions,
    /// The reaction that has changed the message.
    Reaction(Box<ReactionState>),
}

impl Published {
    /// A message, of which everybody gets the whole state.
    pub fn whole(state: MessageState) -> Self {
        Self::Message { state: Box::new(state), live: Live::Whole }
    }

    /// What somebody has missed, as it is stored.
    pub fn stored(missed: MissedChange) -> Self {
        match missed {
            MissedChange::Message(state) => Self::whole(state),
            MissedChange::Log(batch) => Self::Log(batch),
        }
    }

    /// The number of the change.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Message { state, .. } => state.seq,
            Self::Log(batch) => batch.seq,
        }
    }

    /// The message that has changed.
    pub fn message(&self) -> Option<&MessageState> {
        match self {
            Self::Message { state, .. } => Some(state),
            Self::Log(_) => None,
        }
    }

    /// The message that has changed and was there before `known`.
    pub fn changed_after(&self, known: u64) -> Option<Mid> {
        self.message().filter(|message| message.created_seq <= known).map(|message| message.mid)
    }

    /// The event, encoded.
    pub fn encode(&self, room: RoomId) -> LiveEvent {
        match self {
            Self::Message { state, live: Live::Whole } => encode(room, state).into(),
            Self::Message { state, live: Live::WithoutReactions } => {
                let mut known = state.clone();
                if let Content::Sealed(Sealed { reacts, .. }) = &mut known.content {
                    *reacts = None;
                }
                let whole = Some(encode(room, state));
                LiveEvent { whole, ..encode(room, &known).into() }
            }
            Self::Message { state, live: Live::Reaction(reaction) } => {
                let MessageState { seq, at, .. } = **state;
                let event = Event::Reaction { room, seq, at, msg: reaction };
                LiveEvent { whole: Some(encode(room, state)), ..event.encode().into() }
            }
            Self::Log(batch) => {
                LiveEvent { audience: Audience::Members, ..encode_log(room, batch).into() }
            }
        }
    }
}

/// A batch of the log. One that is too large for an event is fetched.
pub fn encode_log(room: RoomId, batch: &LogBatch) -> Payload {
    let &LogBatch { seq, at, from, ref entries } = batch;
    let event = |entries| Event::Log { room, seq, at, from, entries }.encode();
    let bytes = entries.iter().map(|entry| entry.entry.len() + entry.signature.len());
    if bytes.sum::<usize>() > limits::LOG_EVENT {
        return event(None);
    }
    let payload = event(Some(entries));
    if payload.len() > limits::LOG_EVENT { event(None) } else { payload }
}

fn encode(room: RoomId, msg: &MessageState) -> Payload {
    Event::Msg { room, seq: msg.seq, at: msg.at, msg }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::encryption::LogEntry;

    #[test]
    fn a_batch_that_is_too_large_for_an_event_is_fetched() {
        let event = |bytes: usize| {
            let entry = LogEntry { entry: vec![1; bytes], signature: vec![1; 64] };
            let batch = LogBatch { seq: 9, at: 1, from: 4, entries: vec![entry] };
            encode_log(RoomId(1), &batch)
        };
        let small = event(limits::LOG_EVENT / 4 * 3 - 200);
        assert!(small.len() <= limits::LOG_EVENT && small.len() > limits::LOG_EVENT - 300);
        for bytes in [limits::LOG_EVENT / 4 * 3, limits::LOG_EVENT + 1] {
            let large: serde_json::Value = serde_json::from_slice(&event(bytes)).unwrap();
            assert!(large["entries"].is_null());
            assert_eq!((large["seq"].as_u64(), large["from"].as_u64()), (Some(9), Some(4)));
        }
    }
}
