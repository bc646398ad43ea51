//! Envelopes on their way: read once, and what each means for the room when it is durable.

use super::facts::{Needs, size_of_state};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, Uid};
use crate::base::limits::encryption::{CONTENT, REACTION_CONTENT};
use crate::base::limits::{chat, users};
use crate::e2ee::envelope::{Envelope, Kind};
use crate::protocol::envelope::{self, SentEnvelope};
use crate::protocol::message::{
    Content, MessageState, ReactionKind, ReactionState, Sealed, SealedReaction,
};
use crate::rooms::published::{Live, Published};

/// An envelope that somebody sends.
pub struct SealedDraft {
    /// What is in it.
    pub envelope: Envelope,
    /// As it is stored and sent.
    pub json: envelope::Envelope,
    /// Its revision.
    pub rev: u32,
}

impl SealedDraft {
    /// Reads what somebody has sent.
    ///
    /// # Errors
    /// `bad_request`, `too_large`.
    pub fn read(sent: SentEnvelope, by: Uid) -> Result<Self> {
        // Base64 takes four characters for three bytes.
        if sent.0["c"].as_str().is_some_and(|c| c.len() > CONTENT.div_ceil(3) * 4) {
            return Err(Error::new(Code::TooLarge, "The content of the envelope is too large."));
        }
        let envelope = Envelope::from_json(&sent.0)?;
        if envelope.by != by {
            return Err(Error::field("env.by", "is who sends it"));
        }
        let rev = u32::try_from(envelope.rev).ok().filter(|rev| *rev <= chat::REV);
        let rev = rev.ok_or_else(|| Error::field("env.rev", "is too large"))?;
        if envelope.kind == Kind::React {
            check_reaction(&envelope)?;
        }
        let json = envelope::Envelope::of(sent.0);
        let json = json.ok_or_else(|| Error::field("env", "is an envelope"))?;
        Ok(Self { envelope, json, rev })
    }

    /// Whether it is a new message, or a repetition of one.
    pub fn is_new_message(&self) -> bool {
        self.rev == 0 && self.envelope.kind == Kind::Msg
    }

    /// The messages it is about.
    pub fn mids(&self) -> impl Iterator<Item = Mid> + use<> {
        std::iter::once(self.envelope.mid).chain(self.envelope.reference)
    }

    /// What must be known to decide about it.
    pub fn needs(&self) -> Needs {
        let revisions = vec![(self.envelope.mid, self.rev)];
        Needs { mids: self.mids().collect(), revisions }
    }

    /// About how many bytes it takes in memory and on disk.
    pub fn bytes(&self) -> usize {
        self.json.size() + users::CHANGE_BYTES
    }

    /// Whether its files are there and its author's.
    ///
    /// # Errors
    /// `bad_request`: this server takes no files yet.
    pub fn check_files(&self) -> Result<()> {
        match self.envelope.blobs.is_empty() {
            true => Ok(()),
            false => Err(Error::field("env.blobs", "names files that are not here")),
        }
    }
}

/// A reaction never changes, and is no place for more than an emoji: a message goes out with all of its reactions.
fn check_reaction(envelope: &Envelope) -> Result<()> {
    if envelope.rev != 0 {
        return Err(Error::field("env.rev", "of a reaction is 0"));
    }
    let bytes = envelope.content.as_ref().map_or(0, |content| content.c.len());
    if bytes > REACTION_CONTENT {
        return Err(Error::new(Code::TooLarge, "The content of a reaction is too large."));
    }
    Ok(())
}

/// What an envelope does.
pub enum Sealing {
    /// A new message.
    New,
    /// Another content of a message.
    Edit,
    /// The end of a message.
    Delete,
    /// A reaction.
    React {
        /// The message it is for.
        target: Mid,
    },
    /// A reaction is taken back.
    Unreact {
        /// The message it was for.
        target: Mid,
        /// The `seq` that it had.
        rev_seq: u64,
    },
}

/// What a durable envelope means for the room.
pub struct SealedEffect {
    /// The envelope, which is compared with a repetition of it.
    pub draft: SealedDraft,
    /// The author of the message.
    author: Uid,
    sealing: Sealing,
    /// The message before, unless it is new.
    before: Option<Box<MessageState>>,
}

impl SealedEffect {
    pub fn new(
        draft: SealedDraft,
        author: Uid,
        sealing: Sealing,
        before: Option<MessageState>,
    ) -> Self {
        Self { draft, author, sealing, before: before.map(Box::new) }
    }

    /// The messages that change.
    pub fn mids(&self) -> impl Iterator<Item = Mid> {
        let target = self.before.as_ref().map(|before| before.mid);
        std::iter::once(self.draft.envelope.mid).chain(target)
    }

    /// About how many bytes it takes until it is published.
    pub fn bytes(&self) -> usize {
        self.draft.bytes() + self.before.as_deref().map_or(0, size_of_state)
    }

    /// Whether somebody has said something new.
    pub fn is_new_message(&self) -> bool {
        matches!(self.sealing, Sealing::New)
    }

    /// What is published: it is durable as number `seq` since `at`.
    pub fn publish(self, seq: u64, at: i64) -> Published {
        let Self { draft: SealedDraft { envelope, json, rev }, author, sealing, before } = self;
        let sealed =
            |reacts| Content::Sealed(Sealed { envelope: json.clone(), rev_seq: seq, reacts });
        let mut state = before.map_or_else(
            || MessageState::new(envelope.mid, author, Content::Deleted),
            |before| *before,
        );
        (state.seq, state.at) = (seq, at);
        let reaction = |target, kind, rev| {
            let (mid, envelope) = (envelope.mid, json.clone());
            let state =
                ReactionState { mid, rev, kind, by: author, target, rev_seq: seq, envelope };
            Live::Reaction(Box::new(state))
        };
        let live = match sealing {
            Sealing::New => {
                (state.created_seq, state.created_at, state.content) = (seq, at, sealed(None));
                Live::Whole
            }
            Sealing::Edit => {
                let reacts = reacts_of(&mut state).map(std::mem::take);
                (state.rev, state.edited_at, state.content) = (rev, Some(at), sealed(reacts));
                Live::WithoutReactions
            }
            Sealing::Delete => {
                state.content = Content::SealedDeleted { envelope: json, rev_seq: seq };
                (state.rev, state.edited_at) = (rev, None);
                Live::Whole
            }
            Sealing::React { target } => {
                if let Some(reacts) = reacts_of(&mut state) {
                    reacts.push(SealedReaction { rev_seq: seq, envelope: json.clone() });
                }
                reaction(target, ReactionKind::React, 0)
            }
            Sealing::Unreact { target, rev_seq } => {
                if let Some(reacts) = reacts_of(&mut state) {
                    reacts.retain(|reaction| reaction.rev_seq != rev_seq);
                }
                reaction(target, ReactionKind::Del, 1)
            }
        };
        Published::Message { state: Box::new(state), live }
    }
}

fn reacts_of(state: &mut MessageState) -> Option<&mut Vec<SealedReaction>> {
    match &mut state.content {
        Content::Sealed(Sealed { reacts, .. }) => reacts.as_mut(),
        _ => None,
    }
}
