//! The encrypted part of a room: what its log makes of it (`e2ee.md` 6.2), where each entry stands, and who has its
//! present key (7.4, 7.5). Only the room's actor has it. It is read from the store when it is first needed, and given
//! back when nothing happens.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::base::encryption::{EncryptionDetail, LogHead, RotationReason, WrapId};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::encryption as limits;
use crate::e2ee::SharedDirectory;
use crate::e2ee::directory::{Chain, DirectoryView as _};
use crate::e2ee::pack::Hash;
use crate::e2ee::room_log::{Kind, Role, SignedEntry, State, replay};
use crate::e2ee::wraps::needed;
use crate::rooms::judge::is_of_before;
use crate::store::chat::change::KeptWraps;
use crate::store::chat::{LogRow, StoredWraps};

/// The encrypted part of a room.
pub struct Encryption {
    log: Arc<State>,
    places: Vec<Place>,
    /// The wraps of the present key.
    present: HashSet<WrapId>,
    /// Who is barred from posting which of them.
    barred: HashSet<(WrapId, Uid)>,
    /// The key under which each member was last seen to write.
    sent: HashMap<Uid, u64>,
    /// Entries that were appended again since the latest restore.
    again: u64,
    outlook: Option<(Moment, Outlook)>,
    announced: Announced,
}

/// Where an entry of the log stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: Hash,
    /// The position of the directory that it cites.
    dn: u64,
    /// The room's `seq` of the batch that brought it.
    batch: u64,
}

/// What an [`Outlook`] depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    log: u64,
    directory: u64,
}

/// What must be done about the key of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Why a new key is needed, by the log and the directory.
    due: Option<RotationReason>,
    /// Members whose account is shut and who have the present key.
    pub shut: Vec<Uid>,
    /// Members who lack it.
    pub needed: Vec<WrapId>,
    /// Members whose keys are others than those that the log knows.
    stale: BTreeSet<Uid>,
    /// Nobody in a direct chat can sign any more.
    pub is_dead: bool,
}

/// A rotation that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The reason.
    pub why: RotationReason,
    /// Members whose account is shut and who have the present key.
    pub shut: Vec<Uid>,
}

impl Rotation {
    /// The refusal of a message.
    pub fn into_error(self, head: LogHead) -> Error {
        let Self { why, shut } = self;
        Error::with_detail(EncryptionDetail::RotationRequired { why, shut, head })
    }
}

/// What members have been told of by events.
#[derive(Debug, Default)]
struct Announced {
    due: Option<Rotation>,
    stale: BTreeSet<Uid>,
    needed: BTreeSet<WrapId>,
}

/// What they have not been told of yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// A rotation is due, for another reason than before, or as the keys of one more member were reset.
    pub due: Option<Rotation>,
    /// Members who lack the key.
    pub needed: Vec<WrapId>,
}

/// A log that is being read from the store.
#[derive(Default)]
pub struct Reading {
    log: State,
    places: Vec<Place>,
    restored_at: Option<i64>,
    again: u64,
}

impl Reading {
    /// Of a server that was restored then, if members may still bring back what that has lost.
    pub fn after_restore(restored_at: Option<i64>) -> Self {
        Self { restored_at, ..Self::default() }
    }

    /// How many entries it has.
    pub fn next_seq(&self) -> u64 {
        self.log.next_seq
    }

    /// Adds the next entries. They were valid when they came.
    ///
    /// # Errors
    /// `internal`: what is stored is no log.
    pub fn add(&mut self, rows: Vec<LogRow>) -> Result<()> {
        for LogRow { seq, batch, at, logged } in rows {
            let signed = SignedEntry { entry: logged.entry, sig: logged.signature };
            let applied = replay(&mut self.log, &signed).map_err(|rule| {
                Error::internal(format!(
                    "entry {seq} of a stored log breaks the rule {}",
                    rule.as_str()
                ))
            })?;
            if applied.hash != logged.hash {
                return Err(Error::internal(format!(
                    "entry {seq} of a stored log has another hash"
                )));
            }
            self.places.push(Place { hash: applied.hash, dn: applied.entry.dn, batch });
            let is_again =
                |restored: i64| at >= restored && is_of_before(restored, applied.entry.time_ms);
            self.again += u64::from(self.restored_at.is_some_and(is_again));
        }
        Ok(())
    }

    /// All of it is read.
    pub fn finish(self, wraps: StoredWraps) -> Encryption {
        Encryption {
            log: Arc::new(self.log),
            places: self.places,
            present: wraps.present.into_iter().collect(),
            barred: wraps.barred.into_iter().collect(),
            sent: wraps.sent.into_iter().collect(),
            again: self.again,
            outlook: None,
            announced: Announced::default(),
        }
    }

    /// The number of the key after what is read.
    pub fn epoch(&self) -> u64 {
        self.log.epoch()
    }
}

impl Encryption {
    /// What the log makes of the room.
    pub fn state(&self) -> &Arc<State> {
        &self.log
    }

    /// The room in signatures.
    pub fn rid(&self) -> &Hash {
        &self.log.rid
    }

    /// The newest entry of the log.
    pub fn head(&self) -> LogHead {
        LogHead { seq: self.log.seq(), hash: self.log.head }
    }

    /// The number of the present key.
    pub fn epoch(&self) -> u64 {
        self.log.epoch()
    }

    /// The commitment to a key.
    pub fn kc(&self, epoch: u64) -> Option<Hash> {
        self.log.epoch_at(epoch).map(|epoch| epoch.kc)
    }

    /// The entry of the log that made a key.
    pub fn entry_of(&self, epoch: u64) -> Option<u64> {
        self.log.epoch_at(epoch).map(|epoch| epoch.entry)
    }

    /// The hash of an entry of the log.
    pub fn hash_at(&self, seq: u64) -> Option<Hash> {
        self.place(seq).map(|place| place.hash)
    }

    /// The position of the directory that an entry of the log cites.
    pub fn dn_at(&self, seq: u64) -> Option<u64> {
        self.place(seq).map(|place| place.dn)
    }

    /// The room's `seq` of the batch that made a key.
    pub fn batch_of(&self, epoch: u64) -> Option<u64> {
        self.place(self.entry_of(epoch)?).map(|place| place.batch)
    }

    /// What somebody could do when an entry was the newest; nothing for who was no member.
    pub fn role_at(&self, uid: Uid, seq: u64) -> Option<Role> {
        self.log.role_at(uid, seq)
    }

    /// The identity under which somebody was a member when an entry was the newest.
    pub fn root_at(&self, uid: Uid, seq: u64) -> Option<Hash> {
        self.log.root_at(uid, seq)
    }

    fn place(&self, seq: u64) -> Option<&Place> {
        self.places.get(usize::try_from(seq).ok()?)
    }

    /// The batch `batch` is committed: `state` is what it makes of the room, and each of its entries has this hash and
    /// cites this position of the directory.
    pub fn advance(
        &mut self,
        state: State,
        batch: u64,
        entries: impl IntoIterator<Item = (Hash, u64)>,
    ) {
        if state.epoch() != self.epoch() {
            self.present.clear();
            self.barred.clear();
        }
        self.log = Arc::new(state);
        self.places.extend(entries.into_iter().map(|(hash, dn)| Place { hash, dn, batch }));
    }

    /// Whether so many more entries may be appended again: nothing else bounds what has an old time.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn check_again(&self, entries: usize) -> Result<()> {
        if self.again.saturating_add(entries as u64) <= limits::LOG_AGAIN {
            return Ok(());
        }
        let text = "This room has taken back as many changes as it may after a restore.";
        Err(Error::new(Code::Forbidden, text))
    }

    /// So many entries were appended again.
    pub fn note_again(&mut self, entries: usize) {
        self.again = self.again.saturating_add(entries as u64);
    }

    /// These wraps are there from now on.
    pub fn add_wraps(&mut self, wraps: impl IntoIterator<Item = WrapId>) {
        let epoch = self.epoch();
        self.present.extend(wraps.into_iter().filter(|id| id.epoch == epoch));
        self.outlook = None;
    }

    /// This wrap was bad: it is gone, and its poster may not post another.
    pub fn remove_wrap(&mut self, id: WrapId, poster: Uid) {
        self.present.remove(&id);
        if id.epoch == self.epoch() {
            self.barred.insert((id, poster));
        }
        self.outlook = None;
    }

    /// Whether somebody may not post this wrap, because an earlier one was bad.
    pub fn is_barred(&self, id: WrapId, poster: Uid) -> bool {
        self.barred.contains(&(id, poster))
    }

    /// The wraps of the present key.
    pub fn wraps(&self) -> &HashSet<WrapId> {
        &self.present
    }

    /// A member has written under this key, and so has it.
    pub fn note_sent(&mut self, uid: Uid, epoch: u64) {
        let sent = self.sent.entry(uid).or_default();
        *sent = epoch.max(*sent);
    }

    /// What is kept of the wraps of each member once `state` has a new key: those of the newest two, and all since the
    /// member has written (7.4). The store keeps not very many of them.
    pub fn kept_wraps(&self, state: &State, chain: &Chain) -> Vec<KeptWraps> {
        let epoch = state.epoch();
        let kept = |uid: &Uid| {
            let sent_epoch = self.sent.get(uid).copied().unwrap_or_default();
            let from_epoch = sent_epoch.min(epoch.saturating_sub(1));
            let generation = chain.generation(*uid, chain.n()).unwrap_or_default();
            KeptWraps { uid: *uid, sent_epoch, from_epoch, generation }
        };
        state.members.keys().map(kept).collect()
    }

    /// Accounts were shut or opened: what follows is found anew.
    pub fn forget_outlook(&mut self) {
        self.outlook = None;
    }

    /// What must be done about the key, as the directory is now.
    pub fn outlook(&mut self, directory: &SharedDirectory) -> &Outlook {
        let moment = Moment { log: self.log.next_seq, directory: directory.n() };
        let kept = self.outlook.take().filter(|(of, _)| *of == moment);
        let outlook = kept.map_or_else(|| self.look(directory), |(_, outlook)| outlook);
        &self.outlook.insert((moment, outlook)).1
    }

    fn look(&self, directory: &SharedDirectory) -> Outlook {
        let (directory, log) = (directory.read(), &self.log);
        let (chain, n) = (&directory.chain, directory.chain.n());
        let is_open = |uid| directory.is_open(uid);
        let needed = needed(log, n, chain, is_open, |id| self.present.contains(id));
        let stale = |(uid, member): (&Uid, _)| log.is_stale(*uid, member, n, chain).then_some(*uid);
        let stale: BTreeSet<Uid> = log.members.iter().filter_map(stale).collect();
        let lack_it: HashSet<Uid> = needed.iter().map(|id| id.uid).collect();
        let has_it = |uid: &Uid| is_open(*uid) && !stale.contains(uid) && !lack_it.contains(uid);
        let givers: Vec<Uid> = log.members.keys().copied().filter(has_it).collect();
        // Everybody who could give it is barred: nobody else would ever have this key.
        let has_no_giver = |id: &WrapId| givers.iter().all(|uid| self.is_barred(*id, *uid));
        let is_stuck = !givers.is_empty() && needed.iter().any(has_no_giver);
        let due = match log.gone {
            true => Some(RotationReason::Left),
            false => (is_stuck || log.is_due(n, chain)).then_some(RotationReason::Keys),
        };
        let has_key: HashSet<Uid> = self.present.iter().map(|id| id.uid).collect();
        let is_shut = |uid: &Uid| !directory.is_open(*uid) && has_key.contains(uid);
        Outlook {
            due,
            shut: log.members.keys().copied().filter(is_shut).collect(),
            needed,
            stale,
            is_dead: log.kind == Kind::Dm && log.is_dead(n, chain),
        }
    }

    /// The rotation that the next message waits for; `seq` is the room's newest.
    pub fn rotation(&mut self, directory: &SharedDirectory, seq: u64) -> Option<Rotation> {
        // Every message has taken a `seq`.
        let changes = self.batch_of(self.epoch()).map_or(0, |batch| seq.saturating_sub(batch));
        let Outlook { due, shut, .. } = self.outlook(directory);
        let shut_out = (!shut.is_empty()).then_some(RotationReason::Shut);
        let full = (changes >= limits::EPOCH_MESSAGES).then_some(RotationReason::Full);
        let why = due.or(shut_out).or(full)?;
        Some(Rotation { why, shut: shut.clone() })
    }

    /// What members have not been told of yet, and are now. That somebody left, the log tells them.
    pub fn news(&mut self, directory: &SharedDirectory, seq: u64) -> News {
        let due = self.rotation(directory, seq);
        let Outlook { needed, stale, .. } = self.outlook(directory);
        let (needed, stale) = (needed.iter().copied().collect(), stale.clone());
        let before = std::mem::replace(&mut self.announced, Announced { due, stale, needed });
        let is_reset = !self.announced.stale.is_subset(&before.stale);
        let is_new = |due: &Rotation| is_reset || before.due.as_ref() != Some(due);
        let due = self.announced.due.clone().filter(is_new);
        News {
            due: due.filter(|due| due.why != RotationReason::Left),
            needed: self.announced.needed.difference(&before.needed).copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::room_log::{Body, Entry};
    use crate::store::chat::change::LoggedEntry;

    /// The log of a direct chat of two, made at 1 by the room's change 7, and stored at 5.
    fn founding() -> Vec<LogRow> {
        let (root, kind, kc) = ([1; 32], Kind::Dm, [2; 32]);
        let add = Body::Add { uid: Uid(2), root, role: Role::Member };
        let bodies = [Body::Create { nonce: [3; 16], root, kind, first: 1, kc }, add];
        let (mut rows, mut first) = (Vec::<LogRow>::new(), None);
        for (seq, body) in (0..).zip(bodies) {
            let entry = Entry {
                rid: first,
                seq,
                prev_hash: rows.last().map(|row| row.logged.hash),
                actor: Uid(1),
                actor_generation: 1,
                time_ms: 1,
                dn: seq + 2,
                dh: [0; 32],
                body,
            };
            let signed = SignedEntry { entry: entry.to_bytes(), sig: [0; 64] };
            let hash = signed.hash();
            first = first.or(Some(hash));
            let logged = LoggedEntry { hash, entry: signed.entry, signature: signed.sig };
            rows.push(LogRow { seq, batch: 7, at: 5, logged });
        }
        rows
    }

    fn encryption() -> Encryption {
        let mut reading = Reading::default();
        reading.add(founding()).unwrap();
        reading.finish(StoredWraps::default())
    }

    #[test]
    fn a_log_that_is_stored_wrongly_is_none() {
        let encryption = encryption();
        let row = |seq, hash| LogRow {
            seq,
            batch: 8,
            at: 0,
            logged: LoggedEntry { entry: vec![1], signature: [0; 64], hash },
        };
        let mut reading = Reading { log: State::clone(encryption.state()), ..Reading::default() };
        assert!(reading.add(vec![row(2, [0; 32])]).is_err());
        assert_eq!(reading.next_seq(), 2);
    }

    #[test]
    fn entries_of_before_a_restore_that_came_after_it_count_as_appended_again_up_to_their_bound() {
        let restored = |restored_at| {
            let mut reading = Reading::after_restore(restored_at);
            reading.add(founding()).unwrap();
            reading.finish(StoredWraps::default())
        };
        assert_eq!([None, Some(6), Some(5), Some(1)].map(|at| restored(at).again), [0, 0, 2, 2]);
        let mut again = restored(Some(5));
        let rest = usize::try_from(limits::LOG_AGAIN).unwrap() - 2;
        again.check_again(rest).unwrap();
        assert_eq!(again.check_again(rest + 1).unwrap_err().code(), Code::Forbidden);
        again.note_again(rest);
        assert!(again.check_again(1).is_err());
    }

    #[test]
    fn what_an_entry_was_when_it_was_the_newest_is_known() {
        let encryption = encryption();
        assert_eq!(encryption.hash_at(0), Some(*encryption.rid()));
        assert_eq!(encryption.hash_at(1), Some(encryption.head().hash));
        assert_eq!((encryption.dn_at(1), encryption.dn_at(2)), (Some(3), None));
        assert_eq!(
            (encryption.role_at(Uid(2), 0), encryption.role_at(Uid(2), 1)),
            (None, Some(Role::Member))
        );
        assert_eq!((encryption.entry_of(1), encryption.batch_of(1)), (Some(0), Some(7)));
    }

    #[test]
    fn a_key_that_has_encrypted_so_many_messages_is_full() {
        let (mut encryption, directory) = (encryption(), SharedDirectory::default());
        let mut why = |seq| encryption.rotation(&directory, seq).map(|rotation| rotation.why);
        assert_eq!(why(7 + limits::EPOCH_MESSAGES - 1), None);
        assert_eq!(why(7 + limits::EPOCH_MESSAGES), Some(RotationReason::Full));
    }

    #[test]
    fn who_is_shut_and_has_the_key_makes_a_new_one_due_and_members_are_told_once() {
        let mut encryption = encryption();
        let directory = SharedDirectory::default();
        directory.set_open(Uid(2), false);
        assert_eq!(encryption.news(&directory, 7), News::default(), "he has no key");
        encryption.add_wraps([WrapId { uid: Uid(2), epoch: 1, generation: 1 }]);
        let due = Rotation { why: RotationReason::Shut, shut: vec![Uid(2)] };
        assert_eq!(encryption.news(&directory, 7).due, Some(due));
        assert_eq!(encryption.news(&directory, 7), News::default());
        directory.set_open(Uid(2), true);
        encryption.forget_outlook();
        assert_eq!(encryption.rotation(&directory, 7), None);
    }
}
