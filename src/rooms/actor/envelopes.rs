//! Decides about envelopes, the messages of encrypted rooms, in the order of `e2ee.md` 13.3: what is known is answered
//! as it was, whatever has become of the room; everything else must be right before it is stored, so that nobody gets
//! an envelope that fails.
//!
//! As in other rooms, a new message is inserted without a query, and everything else is decided by the stored row. Of
//! one message a commit has one change at most: what follows it names its `seq`.

use super::Actor;
use super::facts::Needs;
use super::messages::{mid_exists, no_message, rev_conflict};
use super::sealed::{SealedDraft, SealedEffect, Sealing};
use super::staged::{Decision, Effect};
use crate::base::encryption::EncryptionDetail;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, Uid};
use crate::base::limits::chat as limits;
use crate::e2ee::directory::{Chain, DirectoryView as _};
use crate::e2ee::envelope::{Envelope, Kind};
use crate::e2ee::room_log::Role;
use crate::policy::Action;
use crate::protocol::envelope::SentEnvelope;
use crate::protocol::message::{Content, Sealed};
use crate::rooms::encryption::Encryption;
use crate::rooms::inbox::Sender;
use crate::store::chat::change::Change;
use crate::store::chat::content::envelope_to_json;
use crate::store::chat::{Ack, Stored, StoredKind, StoredReaction};

impl Actor {
    /// The room takes envelopes, and the sender may know of it.
    pub(super) async fn handle_envelope(&mut self, sender: Sender, sent: SentEnvelope) {
        match self.decide_envelope(&sender, sent).await {
            Ok(Decision::Append(change, effect)) => {
                self.stage(sender, change, effect);
                if self.facts.is_large() {
                    self.flush().await;
                }
            }
            Ok(Decision::Answer(ack)) => self.answer(sender, Ok(ack)).await,
            Err(error) => self.answer(sender, Err(error)).await,
        }
    }

    async fn decide_envelope(&mut self, sender: &Sender, sent: SentEnvelope) -> Result<Decision> {
        let draft = SealedDraft::read(sent, sender.uid)?;
        sender.allowance.bytes_into(&self.room.bytes, draft.bytes())?;
        if self.facts.is_pending(draft.mids()) {
            self.flush().await;
        }
        if draft.is_new_message() {
            return self.add_sealed(sender, draft).await;
        }
        self.fetch_sealed(&draft).await?;
        // What a reaction is for may be changing, too.
        if self.facts.is_pending(self.target_of(&draft).into_iter()) {
            self.flush().await;
            self.fetch_sealed(&draft).await?;
        }
        match self.known(&draft)? {
            Some(ack) => Ok(Decision::Answer(ack)),
            None => self.change_sealed(sender, draft).await,
        }
    }

    /// A new message: its `mid` is looked up only if something is wrong with it.
    async fn add_sealed(&mut self, sender: &Sender, draft: SealedDraft) -> Result<Decision> {
        if self.facts.row(draft.envelope.mid).is_some() {
            // Many repetitions at once are one commit that changes nothing, not one each.
            let known = self.known_first(&draft).await?;
            return known.map(Decision::Answer).ok_or_else(mid_exists);
        }
        let admitted = self.admit(sender, &draft, Role::Member).await;
        if let Err(refused) = admitted.and_then(|()| draft.check_files()) {
            return match self.known_first(&draft).await? {
                Some(ack) => Ok(Decision::Answer(ack)),
                None => Err(refused),
            };
        }
        let (mid, author) = (draft.envelope.mid, sender.uid);
        let (body, files) = (envelope_to_json(&draft.json)?, Vec::new());
        let change = Change::New { mid, author, body, files };
        self.facts.add(mid);
        let effect = SealedEffect::new(draft, author, Sealing::New, None);
        Ok(Decision::Append(change, Effect::Sealed(Box::new(effect))))
    }

    async fn fetch_sealed(&mut self, draft: &SealedDraft) -> Result<()> {
        self.fetch(draft.needs()).await?;
        let earlier = self.facts.superseded(draft.envelope.mid, draft.rev);
        if earlier.is_some_and(|earlier| earlier.digest.is_some()) {
            // The digest of an envelope has the key of its room in it.
            self.load_encryption().await?;
        }
        // The message of a reaction is read with it, but may have been changed and forgotten since.
        match self.target_of(draft) {
            Some(target) => self.fetch(Needs::row(target)).await,
            None => Ok(()),
        }
    }

    /// The message that the reaction is for that a draft takes back.
    fn target_of(&self, draft: &SealedDraft) -> Option<Mid> {
        match self.facts.row(draft.envelope.mid)?.kind {
            StoredKind::Reaction { target, .. } => Some(target),
            _ => None,
        }
    }

    /// The first answer to a new message, if it is known.
    ///
    /// # Errors
    /// `mid_exists`; `unavailable`.
    pub(super) async fn known_first(&mut self, draft: &SealedDraft) -> Result<Option<Ack>> {
        self.fetch_sealed(draft).await?;
        self.known(draft)
    }

    /// The first answer to this envelope; nothing if its author has not sent this revision before. An envelope whose
    /// content was erased cannot be compared any more, and its author's repetition is accepted as one.
    ///
    /// # Errors
    /// `mid_exists`, `rev_conflict`: the author has sent another one.
    fn known(&self, draft: &SealedDraft) -> Result<Option<Ack>> {
        let Some(stored) = self.facts.row(draft.envelope.mid) else { return Ok(None) };
        match self.compare(stored, draft) {
            Known::New => Ok(None),
            Known::Same(ack) => Ok(Some(ack)),
            Known::Other => Err(if draft.rev == 0 { mid_exists() } else { rev_conflict() }),
        }
    }

    fn compare(&self, stored: &Stored, draft: &SealedDraft) -> Known {
        let rev = draft.rev;
        let is_own = stored.author == draft.envelope.by;
        let answered = match &stored.kind {
            StoredKind::Message { .. } | StoredKind::Deleted { target: None, .. }
                if rev < stored.rev =>
            {
                self.superseded(draft)
            }
            StoredKind::Message { content, .. } if rev == stored.rev => {
                let is_same = match content {
                    Content::Sealed(Sealed { envelope, .. }) => *envelope == draft.json,
                    _ => true,
                };
                is_same.then_some(stored.rev_ack)
            }
            StoredKind::Reaction { content, .. } if rev == 0 => {
                let is_same = content.sealed().is_none_or(|known| known.envelope == draft.json);
                is_same.then_some(stored.created_ack)
            }
            StoredKind::Deleted { target: Some(target), .. } if rev == 0 => {
                (draft.envelope.reference == Some(*target)).then_some(stored.created_ack)
            }
            StoredKind::Deleted { target, envelope }
                if rev == stored.rev || (target.is_some() && rev == 1) =>
            {
                match envelope {
                    // Somebody else than the author may have deleted it.
                    Some(envelope) if *envelope == draft.json => {
                        return Known::Same(stored.rev_ack);
                    }
                    Some(_) => None,
                    None => Some(stored.rev_ack),
                }
            }
            _ => return Known::New,
        };
        match answered {
            _ if !is_own => Known::New,
            Some(ack) => Known::Same(ack),
            None => Known::Other,
        }
    }

    /// The answer to an earlier revision, if it was this one.
    fn superseded(&self, draft: &SealedDraft) -> Option<Ack> {
        let found = self.facts.superseded(draft.envelope.mid, draft.rev)?;
        let Some(known) = &found.digest else { return Some(found.ack) };
        let is_same = self.digest(&draft.envelope).is_some_and(|digest| *known == digest);
        is_same.then_some(found.ack)
    }

    /// What tells a repetition from another envelope once there is a later one.
    fn digest(&self, envelope: &Envelope) -> Option<[u8; 32]> {
        let encryption = self.encryption.as_ref()?;
        Some(envelope.digest(encryption.rid(), &encryption.kc(envelope.epoch)?))
    }

    /// Whether the room takes it: its author may write, and what it names is as the room and the directory are now.
    async fn admit(&mut self, sender: &Sender, draft: &SealedDraft, least: Role) -> Result<()> {
        let (envelope, is_deletion) = (&draft.envelope, draft.envelope.kind == Kind::Del);
        {
            let state = self.room.state();
            if !state.members.contains_key(&sender.uid) {
                return Err(Error::new(Code::NotMember, "You are not a member of this room."));
            }
            // As everywhere, people may delete what they have written.
            if !is_deletion {
                state.authorize(sender.principal(), Action::Write)?;
            }
        }
        let (directory, seq) = (self.shared.directory.clone(), self.published);
        let encryption = self.load_encryption().await?;
        if !is_deletion && let Some(rotation) = encryption.rotation(&directory, seq) {
            return Err(rotation.into_error(encryption.head()));
        }
        let Cited { kc, ed_pub } =
            check_citations(encryption, &directory.read().chain, envelope, least)?;
        envelope
            .verify(encryption.rid(), &kc, &ed_pub)
            .map_err(|_| Error::with_detail(EncryptionDetail::BadSignature { index: None }))
    }

    /// An edit, a deletion, or a reaction.
    async fn change_sealed(&mut self, sender: &Sender, draft: SealedDraft) -> Result<Decision> {
        let author = self.facts.row(draft.envelope.mid).map(|stored| stored.author);
        let is_foreign = author.is_some_and(|author| author != sender.uid);
        let least = match draft.envelope.kind {
            Kind::Del if is_foreign => Role::Admin,
            _ => Role::Member,
        };
        self.admit(sender, &draft, least).await?;
        match draft.envelope.kind {
            Kind::Msg => self.edit_sealed(sender, draft),
            Kind::Del => self.delete_sealed(sender, draft),
            Kind::React => self.react_sealed(sender.uid, draft),
        }
    }

    fn edit_sealed(&mut self, sender: &Sender, draft: SealedDraft) -> Result<Decision> {
        let (mid, rev) = (draft.envelope.mid, draft.rev);
        let stored = self.facts.row(mid).ok_or_else(no_message)?;
        if stored.author != sender.uid {
            return Err(Error::new(Code::Forbidden, "Only its author may edit a message."));
        }
        let StoredKind::Message { content, .. } = &stored.kind else { return Err(rev_conflict()) };
        if rev != stored.rev + 1 {
            return Err(rev_conflict());
        }
        let replaced = match content {
            Content::Sealed(Sealed { envelope, .. }) => {
                let present = Envelope::from_json(envelope.json()).ok();
                present.and_then(|present| self.digest(&present))
            }
            Content::Gone { .. } => {
                let text = "This message was taken away and cannot be edited.";
                return Err(Error::new(Code::Forbidden, text));
            }
            _ => None,
        };
        draft.check_files()?;
        let before = stored.state();
        let body = envelope_to_json(&draft.json)?;
        let change = Change::Edit { mid, rev, body, replaced, files: Vec::new() };
        let effect = SealedEffect::new(draft, sender.uid, Sealing::Edit, Some(before));
        Ok(self.append_sealed(change, effect))
    }

    fn delete_sealed(&mut self, sender: &Sender, draft: SealedDraft) -> Result<Decision> {
        let (mid, rev) = (draft.envelope.mid, draft.rev);
        let stored = self.facts.row(mid).ok_or_else(no_message)?;
        let body = Some(envelope_to_json(&draft.json)?);
        match &stored.kind {
            StoredKind::Message { reactions, .. } => {
                if stored.author != sender.uid {
                    self.room.state().authorize(sender.principal(), Action::Moderate)?;
                }
                if rev != stored.rev + 1 {
                    return Err(rev_conflict());
                }
                let (author, before) = (stored.author, stored.state());
                // The reactions go with it.
                let reactions: Vec<_> = reactions.iter().map(|reaction| reaction.mid).collect();
                self.facts.note_pending(reactions, 0);
                let change = Change::Delete { mid, rev, body };
                let effect = SealedEffect::new(draft, author, Sealing::Delete, Some(before));
                Ok(self.append_sealed(change, effect))
            }
            StoredKind::Reaction { target, content } => {
                let target = *target;
                if stored.author != sender.uid {
                    let text = "Only its author may take a reaction back.";
                    return Err(Error::new(Code::Forbidden, text));
                }
                if rev != 1 {
                    return Err(rev_conflict());
                }
                let rev_seq = content.sealed().map_or(0, |sealed| sealed.rev_seq);
                let before = self.facts.row(target).map(Stored::state).ok_or_else(no_message)?;
                let change = Change::Unreact { mid, target, body };
                let sealing = Sealing::Unreact { target, rev_seq };
                let effect = SealedEffect::new(draft, sender.uid, sealing, Some(before));
                Ok(self.append_sealed(change, effect))
            }
            // A deletion is final.
            StoredKind::Deleted { .. } => Err(rev_conflict()),
        }
    }

    fn react_sealed(&mut self, uid: Uid, draft: SealedDraft) -> Result<Decision> {
        let mid = draft.envelope.mid;
        if self.facts.row(mid).is_some() {
            return Err(mid_exists());
        }
        let target = draft.envelope.reference.ok_or_else(no_message)?;
        let stored = self.facts.row(target).ok_or_else(no_message)?;
        let StoredKind::Message { content: Content::Sealed(_), reactions } = &stored.kind else {
            return Err(no_message());
        };
        check_reactions(reactions, uid)?;
        let before = stored.state();
        let body = envelope_to_json(&draft.json)?;
        let change = Change::React { mid, author: uid, target, body };
        let effect = SealedEffect::new(draft, uid, Sealing::React { target }, Some(before));
        Ok(self.append_sealed(change, effect))
    }

    fn append_sealed(&mut self, change: Change, effect: SealedEffect) -> Decision {
        let mids: Vec<Mid> = effect.mids().collect();
        self.facts.note_pending(mids, effect.bytes());
        Decision::Append(change, Effect::Sealed(Box::new(effect)))
    }
}

/// How a revision stands to what its author has sent before.
enum Known {
    /// The author has not sent this revision yet.
    New,
    /// It is the same envelope, which was answered so.
    Same(Ack),
    /// The author has sent another one.
    Other,
}

/// What an envelope is verified with.
struct Cited {
    /// The commitment to the key that it is under.
    kc: [u8; 32],
    /// The key that has signed it.
    ed_pub: [u8; 32],
}

/// Whether what an envelope names is there and fits: the room's key, the entry of the log at which its author was a
/// member of at least this role, the position of the directory, and the generation of the author's keys.
fn check_citations(
    encryption: &Encryption,
    chain: &Chain,
    envelope: &Envelope,
    least: Role,
) -> Result<Cited> {
    let &Envelope { epoch, by, generation, ls, ref lh, dn, ref dh, .. } = envelope;
    if epoch != encryption.epoch() {
        let (epoch, head) = (encryption.epoch(), encryption.head());
        return Err(Error::with_detail(EncryptionDetail::EpochStale { epoch, head }));
    }
    if encryption.hash_at(ls).as_ref() != Some(lh) {
        return Err(Error::field("env.lh", "is not the hash of that entry of the log"));
    }
    if encryption.entry_of(epoch).is_none_or(|entry| ls < entry) {
        return Err(Error::field("env.ls", "is an entry before that of the key"));
    }
    if encryption.role_at(by, ls).is_none_or(|role| role < least) {
        return Err(Error::field("env.ls", "is an entry after which its author may not do this"));
    }
    if chain.hash_at(dn).as_ref() != Some(dh) {
        return Err(Error::field("env.dh", "is not the hash of that position of the directory"));
    }
    if encryption.dn_at(ls).is_none_or(|cited| dn < cited) {
        return Err(Error::field(
            "env.dn",
            "is before the position that the entry of the log cites",
        ));
    }
    let root = chain.root(by, dn);
    if root.is_none() || root != encryption.root_at(by, ls) {
        return Err(Error::field("env.dn", "is a position at which its author has other keys"));
    }
    let newest = chain.generation(by, chain.n());
    if let Some(newest) = newest.filter(|newest| *newest != generation) {
        return Err(Error::with_detail(EncryptionDetail::GenStale { generation: newest }));
    }
    if chain.generation(by, dn) != Some(generation) {
        return Err(Error::field("env.gen", "is newer than the position of the directory"));
    }
    let kc = encryption.kc(epoch);
    let ed_pub = chain.ed_key(by, generation);
    let found = kc.zip(ed_pub).map(|(kc, ed_pub)| Cited { kc, ed_pub });
    found.ok_or_else(|| Error::internal("a key of a member is missing"))
}

/// Whether one more reaction of `uid` fits beside these. Which emoji they are is not the server's business.
fn check_reactions(reactions: &[StoredReaction], uid: Uid) -> Result<()> {
    let own = reactions.iter().filter(|reaction| reaction.by == uid).count();
    if own >= limits::REACTIONS_PER_AUTHOR {
        let text = "You cannot react to this message more often.";
        return Err(Error::new(Code::Forbidden, text));
    }
    if reactions.len() >= limits::SEALED_REACTIONS {
        let text = "This message has as many reactions as a message may have.";
        return Err(Error::new(Code::Forbidden, text));
    }
    Ok(())
}
