//! What a draft may do: authorship, role, revision, and whether it is a repetition.
//!
//! A new message is tried at once (the database knows whether its `mid` is used); everything else
//! looks at the stored row first.

use super::actor::{Actor, Meaning};
use crate::error::{Code, Error, Result};
use crate::ids::{Mid, Uid};
use crate::limits::chat as limits;
use crate::policy::Action as Right;
use crate::protocol::command::{Draft, DraftBody, TextBody};
use crate::protocol::message::MessageState;
use crate::store::chat::commit::Change;
use crate::store::chat::{Stored, StoredKind, digest};

/// What is to be done about a draft.
pub(super) enum Decision {
    /// Make this durable.
    Append(Change, Meaning),
    /// It already is: the `seq` and time of the first answer.
    Answer(u64, i64),
}

impl Actor {
    /// The messages a draft touches; no two changes of one batch may share any.
    pub(super) fn names(draft: &Draft) -> impl Iterator<Item = Mid> + use<> {
        let target = match &draft.body {
            DraftBody::React { target, .. } => Some(*target),
            _ => None,
        };
        std::iter::once(draft.mid).chain(target)
    }

    pub(super) async fn decide(&mut self, uid: Uid, admin: bool, draft: Draft) -> Result<Decision> {
        match &draft.body {
            DraftBody::Text(body) if draft.rev == 0 => {
                let change = Change::New { mid: draft.mid, author: uid, body: to_json(body)? };
                let message = Box::new(new_message(draft.mid, uid, body.clone()));
                Ok(Decision::Append(change, Meaning::New { message, draft: Box::new(draft) }))
            }
            DraftBody::Text(body) => self.decide_edit(uid, &draft, body).await,
            DraftBody::Delete => self.decide_delete(uid, admin, &draft).await,
            DraftBody::React { target, emoji } => {
                self.decide_react(uid, draft.mid, *target, emoji).await
            }
        }
    }

    async fn decide_edit(&mut self, uid: Uid, draft: &Draft, body: &TextBody) -> Result<Decision> {
        let stored = self.find(draft.mid).await?.ok_or_else(no_message)?;
        if stored.author != uid {
            return Err(Error::new(Code::Forbidden, "Only its author may edit a message."));
        }
        match &stored.kind {
            StoredKind::Reaction { .. } => Err(mid_exists()),
            StoredKind::Message(present) if draft.rev == stored.rev => {
                if present != body {
                    return Err(rev_conflict());
                }
                Ok(Decision::Answer(stored.rev_ack.0, stored.rev_ack.1))
            }
            StoredKind::Message(present) if draft.rev == stored.rev + 1 => {
                let change = Change::Edit {
                    mid: draft.mid,
                    rev: draft.rev,
                    body: to_json(body)?,
                    replaced: digest(present),
                };
                Ok(Decision::Append(change, Meaning::Changed { target: draft.mid }))
            }
            _ => self.repeated(draft, body).await?.ok_or_else(rev_conflict).map(answer),
        }
    }

    async fn decide_delete(&mut self, uid: Uid, admin: bool, draft: &Draft) -> Result<Decision> {
        let stored = self.find(draft.mid).await?.ok_or_else(no_message)?;
        if stored.author != uid {
            self.room.state().may(uid, admin, Right::Moderate)?;
        }
        let Stored { mid, rev, rev_ack, .. } = stored;
        match stored.kind {
            StoredKind::Message(_) if draft.rev == rev + 1 => {
                let change = Change::Delete { mid, rev: draft.rev };
                Ok(Decision::Append(change, Meaning::Changed { target: mid }))
            }
            StoredKind::Reaction { target, .. } if draft.rev == 1 => {
                // Moves the target too: its event must not share a batch with another of its changes.
                if !self.claim(target).await {
                    self.claim(mid).await;
                    return Box::pin(self.decide_delete(uid, admin, draft)).await;
                }
                let change = Change::Unreact { mid, target };
                Ok(Decision::Append(change, Meaning::Changed { target }))
            }
            StoredKind::Deleted { target: Some(_) } if draft.rev == 1 => Ok(answer(rev_ack)),
            StoredKind::Deleted { target: None } if draft.rev == rev => Ok(answer(rev_ack)),
            _ => Err(rev_conflict()),
        }
    }

    async fn decide_react(
        &mut self,
        uid: Uid,
        mid: Mid,
        target: Mid,
        emoji: &str,
    ) -> Result<Decision> {
        if let Some(stored) = self.find(mid).await? {
            let same = match &stored.kind {
                StoredKind::Reaction { target: t, emoji: e } => *t == target && e == emoji,
                StoredKind::Deleted { target: t } => *t == Some(target),
                StoredKind::Message(_) => false,
            };
            if !same || stored.author != uid {
                return Err(mid_exists());
            }
            return Ok(answer(stored.created_ack));
        }
        let goal = self.find(target).await?;
        if !matches!(goal, Some(Stored { kind: StoredKind::Message(_), .. })) {
            return Err(no_message());
        }
        let store = self.shared.store.clone();
        let (count, same) =
            self.bounded(store.reactions_by(self.room.id, target, uid, emoji)).await?;
        if same {
            return Err(Error::new(Code::Conflict, "You have reacted with this already."));
        }
        if count >= limits::REACTIONS_PER_AUTHOR {
            return Err(Error::new(
                Code::BadRequest,
                "You cannot react to this message more often.",
            ));
        }
        let body = serde_json::json!({ "e": emoji }).to_string();
        let change = Change::React { mid, author: uid, target, body };
        Ok(Decision::Append(change, Meaning::Changed { target }))
    }

    /// The first answer to a new message whose `mid` is in use, if this is its repetition.
    pub(super) async fn existing(&mut self, uid: Uid, draft: &Draft) -> Result<(u64, i64)> {
        let DraftBody::Text(body) = &draft.body else { return Err(mid_exists()) };
        let gone = || Error::new(Code::NotFound, "There is no such room.");
        let stored = self.find(draft.mid).await?.ok_or_else(gone)?;
        if stored.author != uid {
            return Err(mid_exists());
        }
        match &stored.kind {
            StoredKind::Message(present) if stored.rev == 0 => {
                if present == body {
                    Ok(stored.created_ack)
                } else {
                    Err(mid_exists())
                }
            }
            StoredKind::Message(_) | StoredKind::Deleted { target: None } => {
                self.repeated(draft, body).await?.ok_or_else(mid_exists)
            }
            _ => Err(mid_exists()),
        }
    }

    /// What an earlier revision with this content was answered with. Once the content is erased
    /// nobody can compare it any more, and its author's repetition is believed.
    async fn repeated(&mut self, draft: &Draft, body: &TextBody) -> Result<Option<(u64, i64)>> {
        let store = self.shared.store.clone();
        let found = self.bounded(store.superseded(self.room.id, draft.mid, draft.rev)).await?;
        let same =
            |known: &Option<Vec<u8>>| known.as_ref().is_none_or(|known| *known == digest(body));
        Ok(found.filter(|(_, known)| same(known)).map(|(ack, _)| ack))
    }

    async fn find(&mut self, mid: Mid) -> Result<Option<Stored>> {
        let store = self.shared.store.clone();
        Ok(self.bounded(store.stored(self.room.id, &[mid])).await?.pop())
    }
}

fn answer((seq, at): (u64, i64)) -> Decision {
    Decision::Answer(seq, at)
}

fn to_json(body: &TextBody) -> Result<String> {
    serde_json::to_string(body).map_err(Error::internal)
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
        body: Some(body),
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
