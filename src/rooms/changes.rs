//! What a draft may do: authorship, role, revision, and whether it is a repetition.
//!
//! A new message is tried at once (the database knows whether its `mid` is used); everything else
//! looks at the stored row first.

use super::actor::{Actor, Meaning};
use super::facts::Needs;
use crate::base::allowance::Allowance;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, Uid};
use crate::base::limits::chat as limits;
use crate::policy::{Action as Right, no_room};
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::message::{Content, MessageState, TextBody};
use crate::store::chat::commit::Change;
use crate::store::chat::content::{digest, emoji_to_json, text_to_json};
use crate::store::chat::{Stored, StoredKind};

/// What is to be done about a draft.
pub(super) enum Decision {
    /// Make this durable.
    Append(Change, Meaning),
    /// It already is: the `seq` and time of the first answer.
    Answer(u64, i64),
}

impl Draft {
    /// A message that is not there yet, unless this is a repetition.
    pub(super) fn is_new(&self) -> bool {
        self.rev == 0 && matches!(self.body, DraftBody::Text(_))
    }

    /// The messages it is about.
    pub(super) fn names(&self) -> impl Iterator<Item = Mid> + use<> {
        let target = match &self.body {
            DraftBody::React { target, .. } => Some(*target),
            _ => None,
        };
        std::iter::once(self.mid).chain(target)
    }
}

impl Actor {
    /// A new message is tried without a look.
    pub(super) fn add(&mut self, uid: Uid, draft: Draft) -> Result<Decision> {
        let DraftBody::Text(body) = &draft.body else { return Err(mid_exists()) };
        let change = Change::New { mid: draft.mid, author: uid, body: text_to_json(body)? };
        let message = Box::new(new_message(draft.mid, uid, body.clone()));
        self.facts.add(draft.mid);
        Ok(Decision::Append(change, Meaning::New { message, draft: Box::new(draft) }))
    }

    /// Everything else is decided by what is stored, and by what was decided before it.
    pub(super) async fn decide(
        &mut self,
        uid: Uid,
        admin: bool,
        draft: &Draft,
        allowance: &Allowance,
    ) -> Result<Decision> {
        self.learn_about(draft).await?;
        // Everybody is told the whole message again, so all of it counts as sent.
        let retold = self.facts.retold(draft);
        if retold > 0 {
            allowance.bytes(retold)?;
            allowance.bytes_into(&self.room.bytes, retold)?;
        }
        let decision = self.judge(uid, admin, draft);
        let is_done = matches!(decision, Ok(Decision::Append(..)));
        if is_done || !self.facts.is_pending(draft.names()) {
            return decision;
        }
        // An answer waits until what it counts on is durable.
        self.flush().await;
        self.learn_about(draft).await?;
        self.judge(uid, admin, draft)
    }

    async fn learn_about(&mut self, draft: &Draft) -> Result<()> {
        self.learn(Needs::of(draft)).await?;
        // The message of a reaction comes with it, but may have been changed and forgotten since.
        match self.facts.row(draft.mid).map(|row| &row.kind) {
            Some(&StoredKind::Reaction { target, .. }) => self.learn(Needs::row(target)).await,
            _ => Ok(()),
        }
    }

    fn judge(&mut self, uid: Uid, admin: bool, draft: &Draft) -> Result<Decision> {
        match &draft.body {
            DraftBody::Text(body) => self.judge_edit(uid, draft, body),
            DraftBody::Delete => self.judge_delete(uid, admin, draft),
            DraftBody::React { target, emoji } => self.judge_react(uid, draft.mid, *target, emoji),
        }
    }

    fn judge_edit(&mut self, uid: Uid, draft: &Draft, body: &TextBody) -> Result<Decision> {
        let stored = self.facts.row(draft.mid).ok_or_else(no_message)?;
        if stored.author != uid {
            return Err(Error::new(Code::Forbidden, "Only its author may edit a message."));
        }
        match &stored.kind {
            StoredKind::Reaction { .. } => Err(mid_exists()),
            StoredKind::Message { content, .. } if draft.rev == stored.rev => {
                if is_repeated(content, body) {
                    Ok(answer(stored.rev_ack))
                } else {
                    Err(rev_conflict())
                }
            }
            StoredKind::Message { content, .. } if draft.rev == stored.rev + 1 => {
                let replaced = match content {
                    Content::Plain(present) => Some(digest(present)),
                    Content::Unreadable | Content::Deleted => None,
                };
                let (mid, rev, body_json) = (draft.mid, draft.rev, text_to_json(body)?);
                let change = Change::Edit { mid, rev, body: body_json, replaced };
                Ok(Decision::Append(change, Meaning::Changed(self.facts.edit(mid, rev, body))))
            }
            _ => self.repeated(draft, body).ok_or_else(rev_conflict).map(answer),
        }
    }

    fn judge_delete(&mut self, uid: Uid, admin: bool, draft: &Draft) -> Result<Decision> {
        let stored = self.facts.row(draft.mid).ok_or_else(no_message)?;
        if stored.author != uid {
            self.room.state().may(uid, admin, Right::Moderate)?;
        }
        let &Stored { mid, rev, rev_ack, .. } = stored;
        match stored.kind {
            StoredKind::Message { .. } if draft.rev == rev + 1 => {
                let change = Change::Delete { mid, rev: draft.rev };
                let changed = self.facts.delete(mid, draft.rev);
                Ok(Decision::Append(change, Meaning::Changed(changed)))
            }
            StoredKind::Reaction { target, .. } if draft.rev == 1 => {
                let change = Change::Unreact { mid, target };
                let changed = self.facts.unreact(mid, target);
                Ok(Decision::Append(change, Meaning::Changed(changed)))
            }
            StoredKind::Deleted { target: Some(_) } if draft.rev == 1 => Ok(answer(rev_ack)),
            StoredKind::Deleted { target: None } if draft.rev == rev => Ok(answer(rev_ack)),
            _ => Err(rev_conflict()),
        }
    }

    fn judge_react(&mut self, uid: Uid, mid: Mid, target: Mid, emoji: &str) -> Result<Decision> {
        if let Some(stored) = self.facts.row(mid) {
            let same = match &stored.kind {
                StoredKind::Reaction { target: t, emoji: e } => {
                    *t == target && e.as_deref().is_none_or(|e| e == emoji)
                }
                StoredKind::Deleted { target: t } => *t == Some(target),
                StoredKind::Message { .. } => false,
            };
            if !same || stored.author != uid {
                return Err(mid_exists());
            }
            return Ok(answer(stored.created_ack));
        }
        let Some(Stored { kind: StoredKind::Message { reactions, .. }, .. }) =
            self.facts.row(target)
        else {
            return Err(no_message());
        };
        let own = reactions.iter().filter(|reaction| reaction.by == uid);
        if own.clone().any(|reaction| reaction.emoji.as_deref() == Some(emoji)) {
            return Err(Error::new(Code::Conflict, "You have reacted with this already."));
        }
        if own.count() >= limits::REACTIONS_PER_AUTHOR {
            return Err(Error::new(
                Code::BadRequest,
                "You cannot react to this message more often.",
            ));
        }
        // Those that are hidden with their author's account come back with it.
        if reactions.len() >= limits::REACTIONS {
            return Err(Error::new(
                Code::BadRequest,
                "This message has as many reactions as a message may have.",
            ));
        }
        let change = Change::React { mid, author: uid, target, body: emoji_to_json(emoji) };
        let changed = self.facts.react(mid, uid, target, emoji);
        Ok(Decision::Append(change, Meaning::Changed(changed)))
    }

    /// The first answer to a new message whose `mid` is in use, if this is its repetition.
    pub(super) async fn existing(&mut self, uid: Uid, draft: &Draft) -> Result<(u64, i64)> {
        let DraftBody::Text(body) = &draft.body else { return Err(mid_exists()) };
        self.learn(Needs::of(draft)).await?;
        let stored = self.facts.row(draft.mid).ok_or_else(no_room)?;
        if stored.author != uid {
            return Err(mid_exists());
        }
        match &stored.kind {
            StoredKind::Message { content, .. } if stored.rev == 0 => {
                if is_repeated(content, body) { Ok(stored.created_ack) } else { Err(mid_exists()) }
            }
            StoredKind::Message { .. } | StoredKind::Deleted { target: None } => {
                self.repeated(draft, body).ok_or_else(mid_exists)
            }
            _ => Err(mid_exists()),
        }
    }

    /// What an earlier revision with this content was answered with. Once the content is erased
    /// nobody can compare it any more, and its author's repetition is believed.
    fn repeated(&self, draft: &Draft, body: &TextBody) -> Option<(u64, i64)> {
        let found = self.facts.superseded(draft.mid, draft.rev)?;
        let is_same = found.digest.as_ref().is_none_or(|known| *known == digest(body));
        is_same.then_some(found.ack)
    }
}

/// Whether a draft says what is stored. What cannot be read cannot be compared, either: its author's
/// repetition is believed, as it is when the content was erased.
fn is_repeated(content: &Content, body: &TextBody) -> bool {
    match content {
        Content::Plain(present) => present == body,
        Content::Unreadable | Content::Deleted => true,
    }
}

fn answer((seq, at): (u64, i64)) -> Decision {
    Decision::Answer(seq, at)
}

fn new_message(mid: Mid, by: Uid, body: TextBody) -> MessageState {
    MessageState {
        mid,
        rev: 0,
        by,
        seq: 0,
        at: 0,
        created_seq: 0,
        created_at: 0,
        edited_at: None,
        content: Content::Plain(body),
        reactions: Vec::new(),
    }
}

fn no_message() -> Error {
    Error::new(Code::NotFound, "There is no such message.")
}

fn mid_exists() -> Error {
    Error::new(Code::MidExists, "This mid is in use for another message.")
}

fn rev_conflict() -> Error {
    Error::new(Code::RevConflict, "The message has another revision.")
}
