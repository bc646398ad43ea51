//! Decides about drafts: authorship, role, revision, and whether one is a repetition.
//!
//! A new message is inserted without a query (the database knows whether its `mid` is used); everything else is
//! decided by the stored row.

use super::Actor;
use super::facts::Needs;
use super::files::edited;
use super::staged::{Decision, Effect};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, Uid};
use crate::base::limits::chat as limits;
use crate::policy::{Action, no_room};
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::file::NamedFile;
use crate::protocol::message::{Content, MessageState, TextBody};
use crate::rooms::inbox::Sender;
use crate::store::chat::change::Change;
use crate::store::chat::content::{digest, emoji_to_json, text_to_json};
use crate::store::chat::{Ack, Stored, StoredKind, StoredReaction};

impl Draft {
    /// Whether it is a new message, or a repetition of one.
    pub(super) fn is_new(&self) -> bool {
        self.rev == 0 && matches!(self.body, DraftBody::Text(..))
    }

    /// The messages it is about.
    pub(super) fn mids(&self) -> impl Iterator<Item = Mid> + use<> {
        let target = match &self.body {
            DraftBody::React { target, .. } => Some(*target),
            _ => None,
        };
        std::iter::once(self.mid).chain(target)
    }
}

impl Actor {
    /// A new message, which needs no query unless it has files.
    pub(super) async fn add(&mut self, sender: &Sender, draft: Draft) -> Result<Decision> {
        let uid = sender.uid;
        let DraftBody::Text(body, named) = &draft.body else { return Err(mid_exists()) };
        if self.facts.row(draft.mid).is_some() {
            // Many repetitions at once are one commit that changes nothing, not one each.
            return self.first_answer(uid, &draft).await.map(Decision::Answer);
        }
        let files = match self.authorize_mentions(sender, body) {
            Ok(()) => self.new_files(uid, named.as_deref().unwrap_or_default()).await,
            Err(refused) => Err(refused),
        };
        let files = match files {
            Ok(files) => files,
            Err(refused) => {
                // It may have been sent when that was allowed, and be a repetition.
                let answer = self.first_answer(uid, &draft).await.map(Decision::Answer);
                return answer.map_err(|error| match error.code() {
                    Code::NotFound => refused,
                    _ => error,
                });
            }
        };
        let body = TextBody { files, ..body.clone() };
        let (mid, files) = (draft.mid, body.files.iter().map(|file| file.id).collect());
        let change = Change::New { mid, author: uid, body: text_to_json(&body)?, files };
        let message = Box::new(MessageState::new(draft.mid, uid, Content::Plain(body)));
        self.facts.add(draft.mid);
        Ok(Decision::Append(change, Effect::New { message, draft: Box::new(draft) }))
    }

    fn authorize_mentions(&self, sender: &Sender, body: &TextBody) -> Result<()> {
        if body.mentions.all { self.authorize_mention_of_all(sender) } else { Ok(()) }
    }

    fn authorize_mention_of_all(&self, sender: &Sender) -> Result<()> {
        self.room.state().authorize(sender.principal(), Action::MentionAll)
    }

    /// Everything else is decided by what is stored, and by what was decided before it.
    pub(super) async fn decide(&mut self, sender: &Sender, draft: &Draft) -> Result<Decision> {
        self.fetch_rows_of(draft).await?;
        // The whole message is sent to everybody again, so all of it counts as sent.
        let bytes = self.facts.bytes_sent_again(draft);
        if bytes > 0 {
            sender.allowance.bytes(bytes)?;
            sender.allowance.bytes_into(&self.room.bytes, bytes)?;
        }
        let decision = self.decide_by_facts(sender, draft);
        let is_append = matches!(decision, Ok(Decision::Append(..)));
        if is_append || !self.facts.is_pending(draft.mids()) {
            return decision;
        }
        // An answer that relies on something pending waits until that is durable.
        self.flush().await;
        self.fetch_rows_of(draft).await?;
        self.decide_by_facts(sender, draft)
    }

    async fn fetch_rows_of(&mut self, draft: &Draft) -> Result<()> {
        self.fetch(Needs::of(draft)).await?;
        // The message of a reaction is read with it, but may have been changed and forgotten since.
        match self.facts.row(draft.mid).map(|row| &row.kind) {
            Some(&StoredKind::Reaction { target, .. }) => self.fetch(Needs::row(target)).await,
            _ => Ok(()),
        }
    }

    fn decide_by_facts(&mut self, sender: &Sender, draft: &Draft) -> Result<Decision> {
        match &draft.body {
            DraftBody::Text(body, named) => self.decide_edit(sender, draft, body, named.as_deref()),
            DraftBody::Delete => self.decide_delete(sender, draft),
            DraftBody::React { target, emoji } => {
                self.decide_react(sender.uid, draft.mid, *target, emoji)
            }
        }
    }

    fn decide_edit(
        &mut self,
        sender: &Sender,
        draft: &Draft,
        body: &TextBody,
        named: Option<&[NamedFile]>,
    ) -> Result<Decision> {
        let stored = self.facts.row(draft.mid).ok_or_else(no_message)?;
        if stored.author != sender.uid {
            return Err(Error::new(Code::Forbidden, "Only its author may edit a message."));
        }
        match &stored.kind {
            StoredKind::Reaction { .. } => Err(mid_exists()),
            StoredKind::Message { content, .. } if draft.rev == stored.rev => {
                if is_repeated(content, body, named) {
                    Ok(Decision::Answer(stored.rev_ack))
                } else {
                    Err(rev_conflict())
                }
            }
            StoredKind::Message { content, .. } if draft.rev == stored.rev + 1 => {
                // What a message says already may stay, whoever may write it now.
                if body.mentions.all && !content.mentions().is_some_and(|mentions| mentions.all) {
                    self.authorize_mention_of_all(sender)?;
                }
                let (present, replaced) = match content {
                    Content::Plain(present) => (present.files.as_slice(), Some(digest(present))),
                    _ => (&[][..], None),
                };
                let body = edited(body, named, present)?;
                let (mid, rev, body_json) = (draft.mid, draft.rev, text_to_json(&body)?);
                let files = body.files.iter().map(|file| file.id).collect();
                let change = Change::Edit { mid, rev, body: body_json, replaced, files };
                Ok(Decision::Append(change, Effect::Changed(self.facts.edit(mid, rev, &body))))
            }
            _ => self.repeated(draft, body).ok_or_else(rev_conflict).map(Decision::Answer),
        }
    }

    fn decide_delete(&mut self, sender: &Sender, draft: &Draft) -> Result<Decision> {
        let stored = self.facts.row(draft.mid).ok_or_else(no_message)?;
        if stored.author != sender.uid {
            self.room.state().authorize(sender.principal(), Action::Moderate)?;
        }
        let &Stored { mid, rev, rev_ack, .. } = stored;
        match stored.kind {
            StoredKind::Message { .. } if draft.rev == rev + 1 => {
                let change = Change::Delete { mid, rev: draft.rev, body: None };
                let changed = self.facts.delete(mid, draft.rev);
                Ok(Decision::Append(change, Effect::Changed(changed)))
            }
            StoredKind::Reaction { target, .. } if draft.rev == 1 => {
                let change = Change::Unreact { mid, target, body: None };
                let changed = self.facts.unreact(mid, target);
                Ok(Decision::Append(change, Effect::Changed(changed)))
            }
            StoredKind::Deleted { target: Some(_), .. } if draft.rev == 1 => {
                Ok(Decision::Answer(rev_ack))
            }
            StoredKind::Deleted { target: None, .. } if draft.rev == rev => {
                Ok(Decision::Answer(rev_ack))
            }
            _ => Err(rev_conflict()),
        }
    }

    fn decide_react(&mut self, uid: Uid, mid: Mid, target: Mid, emoji: &str) -> Result<Decision> {
        if let Some(stored) = self.facts.row(mid) {
            let is_same = match &stored.kind {
                StoredKind::Reaction { target: t, content } => {
                    *t == target && content.emoji().is_none_or(|known| known == emoji)
                }
                StoredKind::Deleted { target: t, .. } => *t == Some(target),
                StoredKind::Message { .. } => false,
            };
            if !is_same || stored.author != uid {
                return Err(mid_exists());
            }
            return Ok(Decision::Answer(stored.created_ack));
        }
        let Some(Stored { kind: StoredKind::Message { reactions, .. }, .. }) =
            self.facts.row(target)
        else {
            return Err(no_message());
        };
        check_reactions(reactions, uid, emoji)?;
        let change = Change::React { mid, author: uid, target, body: emoji_to_json(emoji) };
        let changed = self.facts.react(mid, uid, target, emoji);
        Ok(Decision::Append(change, Effect::Changed(changed)))
    }

    /// The first answer to a new message whose `mid` is in use, if this is its repetition.
    pub(super) async fn first_answer(&mut self, uid: Uid, draft: &Draft) -> Result<Ack> {
        let DraftBody::Text(body, named) = &draft.body else { return Err(mid_exists()) };
        self.fetch(Needs::of(draft)).await?;
        let stored = self.facts.row(draft.mid).ok_or_else(no_room)?;
        if stored.author != uid {
            return Err(mid_exists());
        }
        match &stored.kind {
            StoredKind::Message { content, .. } if stored.rev == 0 => {
                let named = Some(named.as_deref().unwrap_or_default());
                match is_repeated(content, body, named) {
                    true => Ok(stored.created_ack),
                    false => Err(mid_exists()),
                }
            }
            StoredKind::Message { .. } | StoredKind::Deleted { target: None, .. } => {
                self.repeated(draft, body).ok_or_else(mid_exists)
            }
            _ => Err(mid_exists()),
        }
    }

    /// The answer to an earlier revision with this content. Once the content is erased it cannot be compared any
    /// more, and its author's repetition is accepted as one.
    fn repeated(&self, draft: &Draft, body: &TextBody) -> Option<Ack> {
        let found = self.facts.superseded(draft.mid, draft.rev)?;
        let is_same = found.digest.as_ref().is_none_or(|known| *known == digest(body));
        is_same.then_some(found.ack)
    }
}

/// Whether one more reaction of `uid` fits beside these.
fn check_reactions(reactions: &[StoredReaction], uid: Uid, emoji: &str) -> Result<()> {
    let own = reactions.iter().filter(|reaction| reaction.by == uid);
    if own.clone().any(|reaction| reaction.content.emoji() == Some(emoji)) {
        return Err(Error::new(Code::Conflict, "You have reacted with this already."));
    }
    if own.count() >= limits::REACTIONS_PER_AUTHOR {
        let text = "You cannot react to this message more often.";
        return Err(Error::new(Code::BadRequest, text));
    }
    // Those that are hidden with their author's account are shown again with it.
    if reactions.len() >= limits::REACTIONS {
        let text = "This message has as many reactions as a message may have.";
        return Err(Error::new(Code::BadRequest, text));
    }
    Ok(())
}

/// Whether a draft is what is stored. Content that cannot be read cannot be compared, either: its author's
/// repetition is accepted as one, as it is when the content was erased.
fn is_repeated(content: &Content, body: &TextBody, named: Option<&[NamedFile]>) -> bool {
    match content {
        Content::Plain(present) => {
            present.says_the_same(body) && named.is_none_or(|named| present.has_files(named))
        }
        Content::Unreadable | Content::Deleted => true,
        // An encrypted room takes no texts.
        Content::Sealed(_) | Content::SealedDeleted { .. } | Content::Gone { .. } => false,
    }
}

pub(super) fn no_message() -> Error {
    Error::new(Code::NotFound, "There is no such message.")
}

pub(super) fn mid_exists() -> Error {
    Error::new(Code::MidExists, "This mid is in use for another message.")
}

pub(super) fn rev_conflict() -> Error {
    Error::new(Code::RevConflict, "The message has another revision.")
}
