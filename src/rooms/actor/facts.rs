//! What the store has of the messages of one batch: read by one query, and updated by what the batch changes, so
//! that each change is decided as if those before it were stored already.
//!
//! Only the room's actor changes messages, and everything here is forgotten when its batch ends. What was
//! changed is forgotten as soon as it is committed: its `seq` and time are then in the store.

use std::collections::{HashMap, HashSet};

use crate::base::ids::{Mid, Uid};
use crate::base::limits::rooms as limits;
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::envelope::SentEnvelope;
use crate::protocol::message::{Content, MessageState, Reaction, Sealed, SealedReaction, TextBody};
use crate::store::chat::content::ReactionContent;
use crate::store::chat::{Ack, Found, Stored, StoredKind, StoredReaction, Superseded};

/// What must be known to decide about some drafts.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    pub mids: Vec<Mid>,
    pub revisions: Vec<(Mid, u32)>,
}

impl Needs {
    /// Of a draft.
    pub fn of(draft: &Draft) -> Self {
        let mut needs = Self::default();
        needs.add(draft);
        needs
    }

    /// Of one row.
    pub fn row(mid: Mid) -> Self {
        Self { mids: vec![mid], revisions: Vec::new() }
    }

    pub fn add(&mut self, draft: &Draft) {
        self.mids.push(draft.mid);
        match &draft.body {
            DraftBody::Text(..) => self.revisions.push((draft.mid, draft.rev)),
            DraftBody::React { target, .. } => self.mids.push(*target),
            DraftBody::Delete => {}
        }
    }

    /// Adds what an envelope names that is not read yet.
    pub fn add_sent(&mut self, sent: &SentEnvelope) {
        self.mids.extend(sent.mids());
        self.revisions.extend(sent.mids().next().zip(sent.rev()));
    }

    /// Together with others.
    pub fn with(mut self, others: Self) -> Self {
        self.mids.extend(others.mids);
        self.revisions.extend(others.revisions);
        self
    }

    /// How many rows it is.
    pub fn len(&self) -> usize {
        self.mids.len() + self.revisions.len()
    }
}

/// A message after a change.
#[derive(Debug)]
pub struct Changed {
    /// The message. Nothing if it does not exist, which the store does not allow.
    pub message: Option<Box<MessageState>>,
    /// Whether its text is edited by this batch, and so at the time of its commit.
    pub is_edited: bool,
}

/// What is known of the messages of a batch.
#[derive(Debug, Default)]
pub struct Facts {
    rows: HashMap<Mid, Option<Stored>>,
    superseded: HashMap<(Mid, u32), Option<Superseded>>,
    /// Changed by what is staged and not committed yet.
    pending: HashSet<Mid>,
    /// Those of them that are new messages: nothing else in a commit may be about them.
    added: HashSet<Mid>,
    /// Those of them whose text is edited.
    edited: HashSet<Mid>,
    /// About how many bytes the states take that pending changes have produced.
    bytes: usize,
}

impl Facts {
    /// What of these is not known.
    pub fn missing(&self, needs: Needs) -> Needs {
        let Needs { mut mids, mut revisions } = needs;
        mids.retain(|mid| !self.rows.contains_key(mid));
        revisions.retain(|revision| !self.superseded.contains_key(revision));
        mids.sort_unstable();
        mids.dedup();
        revisions.sort_unstable();
        revisions.dedup();
        Needs { mids, revisions }
    }

    /// Adds what the store has found of `needs`. What it has not found does not exist.
    pub fn insert_found(&mut self, needs: Needs, found: Found) {
        for mid in needs.mids {
            self.rows.insert(mid, None);
        }
        for revision in needs.revisions {
            self.superseded.insert(revision, None);
        }
        for row in found.rows {
            // The message of a reaction may be known already, and changed since.
            let known = self.rows.entry(row.mid).or_default();
            if known.is_none() {
                *known = Some(row);
            }
        }
        for revision in found.superseded {
            self.superseded.insert((revision.mid, revision.rev), Some(revision));
        }
    }

    pub fn row(&self, mid: Mid) -> Option<&Stored> {
        self.rows.get(&mid)?.as_ref()
    }

    pub fn superseded(&self, mid: Mid, rev: u32) -> Option<&Superseded> {
        self.superseded.get(&(mid, rev))?.as_ref()
    }

    /// Whether one of these is changed by something that is not committed yet.
    pub fn is_pending(&self, mut mids: impl Iterator<Item = Mid>) -> bool {
        mids.any(|mid| self.pending.contains(&mid))
    }

    /// Whether one of these is a message that is being added.
    pub fn is_added(&self, mut mids: impl Iterator<Item = Mid>) -> bool {
        mids.any(|mid| self.added.contains(&mid))
    }

    /// About how many stored bytes are sent to everybody again because of this draft, besides its own: a reaction
    /// comes with its message, and an edited message with its reactions.
    pub fn bytes_sent_again(&self, draft: &Draft) -> usize {
        let own = self.row(draft.mid);
        let (message, keeps_content) = match (&draft.body, own.map(|row| &row.kind)) {
            (DraftBody::React { target, .. }, None) => (self.row(*target), true),
            (DraftBody::Delete, Some(StoredKind::Reaction { target, .. })) => {
                (self.row(*target), true)
            }
            (DraftBody::Text(..), Some(_)) => (own.filter(|row| draft.rev > row.rev), false),
            // A deleted message has no content, and a repetition is not published.
            _ => (None, false),
        };
        let Some(StoredKind::Message { content, reactions }) = message.map(|row| &row.kind) else {
            return 0;
        };
        let text = if keeps_content { size_of_content(content) } else { 0 };
        let size = |one: &StoredReaction| size_of::<StoredReaction>() + one.content.size();
        let reactions = reactions.iter().map(size);
        text + reactions.sum::<usize>()
    }

    /// Whether what is pending should be committed before more is staged.
    pub fn is_large(&self) -> bool {
        self.bytes >= limits::STATES_BYTES
    }

    /// A message is being added.
    pub fn add(&mut self, mid: Mid) {
        self.pending.insert(mid);
        self.added.insert(mid);
    }

    /// These messages change by what is staged, which takes so many bytes.
    pub fn note_pending(&mut self, mids: impl IntoIterator<Item = Mid>, bytes: usize) {
        self.pending.extend(mids);
        self.bytes += bytes;
    }

    /// A message has another text from now on.
    pub fn edit(&mut self, mid: Mid, rev: u32, body: &TextBody) -> Changed {
        self.edited.insert(mid);
        self.change(mid, |row| {
            row.rev = rev;
            if let StoredKind::Message { content, .. } = &mut row.kind {
                *content = Content::Plain(body.clone());
            }
        })
    }

    /// A message is erased, and every reaction to it.
    pub fn delete(&mut self, mid: Mid, rev: u32) -> Changed {
        let reactions = match self.row(mid).map(|row| &row.kind) {
            Some(StoredKind::Message { reactions, .. }) => reactions.clone(),
            _ => Vec::new(),
        };
        for StoredReaction { mid: reaction, by, .. } in reactions {
            // Also those that were not read yet: the store would still have them.
            let kind = StoredKind::Deleted { target: Some(mid), envelope: None };
            self.insert(reaction, by, kind);
        }
        self.change(mid, |row| {
            row.rev = rev;
            row.kind = StoredKind::Deleted { target: None, envelope: None };
        })
    }

    /// Somebody reacts to a message.
    pub fn react(&mut self, mid: Mid, by: Uid, target: Mid, emoji: &str) -> Changed {
        let content = ReactionContent::Emoji(emoji.to_owned());
        self.insert(mid, by, StoredKind::Reaction { target, content: content.clone() });
        self.change(target, |row| {
            if let StoredKind::Message { reactions, .. } = &mut row.kind {
                reactions.push(StoredReaction { mid, by, content, is_hidden: false });
            }
        })
    }

    /// A reaction is withdrawn.
    pub fn unreact(&mut self, mid: Mid, target: Mid) -> Changed {
        self.change(mid, |row| {
            row.rev = 1;
            row.kind = StoredKind::Deleted { target: Some(target), envelope: None };
        });
        self.change(target, |row| {
            if let StoredKind::Message { reactions, .. } = &mut row.kind {
                reactions.retain(|reaction| reaction.mid != mid);
            }
        })
    }

    /// Adds a row whose acknowledgement is known only after the commit.
    fn insert(&mut self, mid: Mid, author: Uid, kind: StoredKind) {
        let (rev_ack, created_ack) = (Ack::default(), Ack::default());
        self.rows.insert(mid, Some(Stored { mid, kind, author, rev: 0, rev_ack, created_ack }));
        self.pending.insert(mid);
    }

    fn change(&mut self, mid: Mid, change: impl FnOnce(&mut Stored)) -> Changed {
        self.pending.insert(mid);
        let row = self.rows.get_mut(&mid).and_then(Option::as_mut);
        let message = row.map(|row| {
            change(row);
            Box::new(row.state())
        });
        self.bytes += message.as_deref().map_or(0, size_of_state);
        Changed { message, is_edited: self.edited.contains(&mid) }
    }

    /// What was pending is committed or given up: from now on only the store has it.
    pub fn forget_pending(&mut self) {
        let Self { rows, superseded, pending, .. } = self;
        rows.retain(|mid, _| !pending.contains(mid));
        superseded.retain(|(mid, _), _| !pending.contains(mid));
        self.pending.clear();
        self.added.clear();
        self.edited.clear();
        self.bytes = 0;
    }
}

/// About how many bytes a message has.
pub fn size_of_state(message: &MessageState) -> usize {
    let text = size_of_content(&message.content);
    let reactions = message.reactions.iter();
    let reactions: usize = reactions.map(|one| size_of::<Reaction>() + one.emoji.len()).sum();
    text + size_of::<MessageState>() + reactions
}

fn size_of_content(content: &Content) -> usize {
    match content {
        Content::Plain(body) => body.size(),
        Content::Sealed(Sealed { envelope, reacts, .. }) => {
            let reacts = reacts.iter().flatten();
            let size = |one: &SealedReaction| size_of::<SealedReaction>() + one.envelope.size();
            envelope.size() + reacts.map(size).sum::<usize>()
        }
        Content::SealedDeleted { envelope, .. } => envelope.size(),
        Content::Gone { .. } | Content::Unreadable | Content::Deleted => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::chat;

    const TARGET: Mid = Mid([0; 16]);

    fn mid(n: usize) -> Mid {
        Mid((n as u128).to_be_bytes())
    }

    fn found(row: Stored) -> Found {
        Found { rows: vec![row], superseded: Vec::new() }
    }

    fn facts() -> Facts {
        let content =
            Content::Plain(TextBody { text: "x".repeat(chat::TEXT), ..TextBody::default() });
        let kind = StoredKind::Message { content, reactions: Vec::new() };
        let ack = Ack { seq: 7, at: 70 };
        let row =
            Stored { mid: TARGET, kind, author: Uid(1), rev: 0, rev_ack: ack, created_ack: ack };
        let mut facts = Facts::default();
        facts.insert_found(Needs::row(TARGET), found(row));
        facts
    }

    #[test]
    fn what_is_pending_is_committed_before_it_is_larger_than_the_bound() {
        let mut facts = facts();
        let most = limits::STATES_BYTES / chat::TEXT;
        let mut reactions = 0;
        while !facts.is_large() {
            reactions += 1;
            facts.react(mid(reactions), Uid(2), TARGET, "+");
        }
        assert!((most * 3 / 4..=most).contains(&reactions), "{reactions} of {most}");
        facts.forget_pending();
        assert!(!facts.is_large());
    }

    #[test]
    fn what_is_sent_to_everybody_again_is_counted_and_a_repetition_is_not() {
        let draft = |mid, rev, body| Draft { mid, rev, body };
        let react = |n| draft(mid(n), 0, DraftBody::React { target: TARGET, emoji: "+".into() });
        let edit = |rev| draft(TARGET, rev, DraftBody::Text(TextBody::default(), None));
        let delete = |mid, rev| draft(mid, rev, DraftBody::Delete);
        let mut facts = facts();
        assert_eq!(facts.bytes_sent_again(&react(1)), chat::TEXT);
        assert_eq!(facts.bytes_sent_again(&edit(1)), 0, "the text comes with it");
        facts.react(mid(1), Uid(2), TARGET, "+");
        let reaction = size_of::<StoredReaction>() + 1;
        assert_eq!(facts.bytes_sent_again(&react(2)), chat::TEXT + reaction);
        assert_eq!(facts.bytes_sent_again(&delete(mid(1), 1)), chat::TEXT + reaction);
        assert_eq!(facts.bytes_sent_again(&edit(1)), reaction);
        assert_eq!(facts.bytes_sent_again(&react(1)), 0, "a repetition");
        assert_eq!(facts.bytes_sent_again(&edit(0)), 0, "a repetition");
        assert_eq!(facts.bytes_sent_again(&delete(TARGET, 1)), 0);
        facts.unreact(mid(1), TARGET);
        assert_eq!(facts.bytes_sent_again(&delete(mid(1), 1)), 0, "a repetition");
        assert_eq!(facts.bytes_sent_again(&delete(mid(9), 1)), 0);
    }

    #[test]
    fn each_change_sees_those_before_it_until_they_are_committed() {
        let mut facts = facts();
        let reactions = |changed: Changed| {
            let message = changed.message.unwrap();
            message.reactions.iter().map(|reaction| reaction.mid).collect::<Vec<_>>()
        };
        assert_eq!(reactions(facts.react(mid(1), Uid(2), TARGET, "+")), [mid(1)]);
        assert_eq!(reactions(facts.react(mid(2), Uid(3), TARGET, "-")), [mid(1), mid(2)]);
        assert_eq!(reactions(facts.unreact(mid(1), TARGET)), [mid(2)]);
        let edited = facts.edit(TARGET, 1, &TextBody { text: "y".into(), ..TextBody::default() });
        assert!(edited.is_edited && edited.message.unwrap().rev == 1);
        assert!(facts.react(mid(3), Uid(3), TARGET, "+").is_edited);
        assert_eq!(facts.delete(TARGET, 2).message.unwrap().content, Content::Deleted);
        for reaction in 1..=3 {
            let kind = StoredKind::Deleted { target: Some(TARGET), envelope: None };
            assert_eq!(facts.row(mid(reaction)).unwrap().kind, kind);
            assert!(facts.is_pending(std::iter::once(mid(reaction))));
        }
        facts.forget_pending();
        assert!(facts.row(TARGET).is_none() && facts.row(mid(1)).is_none());
        assert_eq!(facts.missing(Needs::row(TARGET)).len(), 1);
    }

    #[test]
    fn the_reactions_to_a_deleted_message_go_with_it_also_those_that_were_not_read() {
        let mut row = facts_row();
        let content = ReactionContent::Emoji("+".to_owned());
        let reaction = StoredReaction { mid: mid(5), by: Uid(2), content, is_hidden: false };
        row.kind = StoredKind::Message { content: Content::Unreadable, reactions: vec![reaction] };
        let mut facts = Facts::default();
        facts.insert_found(Needs::row(TARGET), found(row));
        facts.delete(TARGET, 1);
        assert_eq!(facts.missing(Needs::row(mid(5))).len(), 0);
        let kind = StoredKind::Deleted { target: Some(TARGET), envelope: None };
        assert_eq!(facts.row(mid(5)).unwrap().kind, kind);
    }

    #[test]
    fn what_is_known_and_changed_is_not_overwritten_by_a_later_query() {
        let mut facts = facts();
        facts.react(mid(1), Uid(2), TARGET, "+");
        let stale = facts_row();
        facts.insert_found(Needs::row(mid(9)), found(stale));
        let StoredKind::Message { reactions, .. } = &facts.row(TARGET).unwrap().kind else {
            panic!("no message")
        };
        assert_eq!(reactions.len(), 1);
    }

    fn facts_row() -> Stored {
        facts().row(TARGET).unwrap().clone()
    }
}
