//! The keys of accounts (`e2ee.md` 4.4, 13.1): who may change them, what is written with it, and who is told.
//!
//! Changes of wrapping (another password, another recovery code) need a signature by the current key and leave the
//! directory alone. Changes of the keys themselves append an entry to it in the same transaction.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::json;

use super::actor::Actor;
use super::audit::{Audit, AuditTarget};
use super::directory::{Counting, Directory};
use super::revocation::Revocation;
use crate::auth::{AccountKeys, AllowedBy, Auth, Session, SignedIn, digest};
use crate::base::base64url;
use crate::base::encryption::EncryptionDetail;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::principal::Principal;
use crate::base::time::now_ms;
use crate::e2ee::account::{ProofPurpose, proof_message};
use crate::e2ee::directory::{Entry, EntryType, SignedEntry};
use crate::e2ee::signature::verify;
use crate::protocol::event::{Event, NewSession};
use crate::rooms::Rooms;
use crate::rooms::delivery::Delivery;
use crate::store::accounts::{
    AccountStore, Earlier, KeyChange, KeyEntry, KeyEntryKind, KeyPassword, Switched,
};
use crate::store::restorable_ms;

/// The keys of accounts.
pub struct Keys {
    store: AccountStore,
    auth: Arc<Auth>,
    directory: Arc<Directory>,
    rooms: Rooms,
    revocation: Arc<Revocation>,
    audit: Arc<Audit>,
}

/// What the keys are under from now on.
pub enum NewPassword {
    /// The present password, given as AUTH in base64url.
    Current(String),
    /// A password that was prepared, by its secret.
    Prepared(String),
}

/// New keys, and the entry of the directory that says so.
pub struct EnteredKeys {
    /// What opens them.
    pub password: NewPassword,
    /// The entry.
    pub entry: SignedEntry,
    /// The blobs.
    pub change: KeyChange,
    /// What becomes of the version before.
    pub earlier: Earlier,
}

/// Blobs of the same keys, and the proof that whoever made them has the keys.
pub struct ProvenKeys {
    /// The blobs.
    pub change: KeyChange,
    /// The challenge, base64url.
    pub challenge: String,
    /// Its signature, base64url.
    pub proof: String,
}

impl Keys {
    /// Over this store and this directory.
    pub fn new(
        store: AccountStore,
        auth: Arc<Auth>,
        directory: Arc<Directory>,
        rooms: Rooms,
        revocation: Arc<Revocation>,
        audit: Arc<Audit>,
    ) -> Self {
        Self { store, auth, directory, rooms, revocation, audit }
    }

    /// Whether the directory knows keys of a user who has none here: the account came back after a restore and is
    /// locked (11.4).
    pub fn are_lost(&self, uid: Uid) -> bool {
        self.directory.shared().has_keys(uid)
    }

    /// Gives an account other keys: the first ones, the next generation, or fresh ones.
    ///
    /// # Errors
    /// `bad_credentials`, `conflict`, `forbidden` or `not_found` for what does not fit the account, `keys_conflict`,
    /// and those of [`Directory::append`].
    pub async fn enter(
        &self,
        caller: &Session,
        kind: KeyEntryKind,
        new: EnteredKeys,
        peer: IpAddr,
    ) -> Result<()> {
        let EnteredKeys { password, entry, change, earlier } = new;
        let generation = self.generation_in(&entry, kind)?;
        let mut counting = Counting::Counted;
        let secret = match &password {
            NewPassword::Current(auth) => {
                self.auth.check_password(caller.uid, caller.id, auth, peer).await?
            }
            NewPassword::Prepared(pending) => {
                if self.prepared_for(caller.uid, pending, peer).await == Some(AllowedBy::Ticket) {
                    counting = Counting::ByTicket;
                }
                digest(pending)
            }
        };
        let password = match password {
            NewPassword::Current(_) => KeyPassword::Current(&secret),
            NewPassword::Prepared(_) => KeyPassword::Pending(&secret),
        };
        let (uid, session) = (caller.uid, caller.id);
        let also = KeyEntry { uid, session, kind, generation, change: &change, password, earlier };
        let appended = match self.directory.append(uid, &[entry], counting, also).await {
            Ok(appended) => appended,
            Err(error) => return Err(self.overtaken(uid, kind, change.from, error).await),
        };
        if kind == KeyEntryKind::Reset {
            let target = AuditTarget::user(uid, &caller.username);
            self.audit.record(&Actor::of(caller), "keys.reset", target, json!({})).await;
        }
        self.tell_changed(uid, Some(session), &appended.outcome).await;
        Ok(())
    }

    /// Of two browsers that change the keys at once the slower one has an entry that follows a former one. What it is
    /// told is that the keys are others now.
    async fn overtaken(&self, uid: Uid, kind: KeyEntryKind, from: u64, error: Error) -> Error {
        if !matches!(error.code(), Code::BadEntry | Code::BadSignature) {
            return error;
        }
        match (kind, self.store.sealed_keys(uid).await) {
            (KeyEntryKind::First, Ok(Some(_))) => {
                Error::new(Code::Conflict, "This account has keys already.")
            }
            (_, Ok(Some(keys))) if keys.ak_gen != from => {
                let AccountKeys { ak_gen, trust_rev, .. } = keys;
                Error::with_detail(EncryptionDetail::KeysConflict { ak_gen, trust_rev })
            }
            _ => error,
        }
    }

    /// The generation in an entry, which must be of the kind that the call is for.
    fn generation_in(&self, entry: &SignedEntry, kind: KeyEntryKind) -> Result<u64> {
        let wanted = match kind {
            KeyEntryKind::First => EntryType::Create,
            KeyEntryKind::Rotate => EntryType::Rotate,
            KeyEntryKind::Reset => EntryType::Reset,
        };
        let instance = *self.directory.shared().read().chain.instance();
        let bad = |rule| Error::with_detail(EncryptionDetail::BadEntry { index: 0, rule });
        let parsed = Entry::parse(&instance, &entry.entry).map_err(|_| bad("form"))?;
        if parsed.kind != wanted {
            return Err(bad("type"));
        }
        Ok(parsed.generation)
    }

    /// What allowed this user's prepared password. Whether it is good the transaction decides.
    async fn prepared_for(&self, uid: Uid, pending: &str, peer: IpAddr) -> Option<AllowedBy> {
        let (owner, by) = self.auth.prepared_for(pending, peer).await.ok()?;
        (owner == uid).then_some(by)
    }

    /// Wraps the keys of the caller anew, under the present password.
    ///
    /// # Errors
    /// `bad_credentials`, `bad_signature`, `not_found` for a challenge that is not good any more, `keys_conflict`.
    pub async fn rewrap(
        &self,
        caller: &Session,
        auth: &str,
        new: ProvenKeys,
        peer: IpAddr,
    ) -> Result<()> {
        let ProvenKeys { change, challenge, proof } = new;
        let (uid, session) = (caller.uid, caller.id);
        let verifier = self.auth.check_password(uid, session, auth, peer).await?;
        self.check_proof(uid, ProofPurpose::Rewrap, &challenge, &proof)?;
        let challenge = digest(&challenge);
        let device = self.store.rewrap_keys(uid, session, &verifier, &change, &challenge).await?;
        self.tell_changed(uid, Some(session), &device).await;
        Ok(())
    }

    /// Makes a prepared password the current one, with the keys under it, and ends what shall end with the old one.
    ///
    /// # Errors
    /// Those of [`Auth::commit`]; `bad_signature`.
    pub async fn commit(
        &self,
        pending: &str,
        session: Option<&Session>,
        sign_out_others: bool,
        keys: Option<ProvenKeys>,
        peer: IpAddr,
    ) -> Result<Switched> {
        if let Some(ProvenKeys { challenge, proof, .. }) = &keys {
            let (uid, _) = self.auth.prepared_for(pending, peer).await?;
            self.check_proof(uid, ProofPurpose::Password, challenge, proof)?;
        }
        let proven = keys.as_ref().map(|keys| (&keys.change, keys.challenge.as_str()));
        let changed = self.auth.commit(pending, session, sign_out_others, proven, peer).await?;
        self.revocation.close_sockets_of(&changed.ended).await;
        let action = match changed.by {
            AllowedBy::Password => None,
            AllowedBy::Ticket => Some("password.reset"),
            AllowedBy::Recovery => Some("password.recover"),
        };
        if let Some(action) = action {
            let by = Actor::user(changed.uid, &changed.username);
            let target = AuditTarget::user(changed.uid, &changed.username);
            let detail = if changed.is_locked { json!({"locked": true}) } else { json!({}) };
            self.audit.record(&by, action, target, detail).await;
        }
        let own = session.filter(|session| session.uid == changed.uid).map(|session| session.id);
        self.tell_changed(changed.uid, own, &changed.device).await;
        Ok(changed)
    }

    /// The keys of a user, without anything that a password opens.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sealed(&self, uid: Uid) -> Result<Option<AccountKeys>> {
        self.store.sealed_keys(uid).await
    }

    /// Replaces the trust store of a user.
    ///
    /// # Errors
    /// `conflict` without keys, `keys_conflict` if `rev` is not the next number.
    pub async fn put_trust(&self, uid: Uid, rev: u64, trust: &[u8]) -> Result<()> {
        self.store.put_trust(uid, rev, trust).await
    }

    /// Puts back the version of a user's keys before the present one, with the password that opens it. Their browsers
    /// are signed out.
    ///
    /// # Errors
    /// Those of [`AccountStore::restore_keys`].
    pub async fn restore(&self, by: Principal, uid: Uid) -> Result<()> {
        let ended = self.store.restore_keys(by, uid, now_ms() - restorable_ms()).await?;
        self.auth.forget_sessions(&ended);
        self.revocation.close_sockets_of(&ended).await;
        Ok(())
    }

    /// Tells the other browsers of somebody who has signed in.
    pub async fn tell_signed_in(&self, signed_in: &SignedIn) {
        let SignedIn { uid, session: id, created_at, device, .. } = signed_in;
        let session = NewSession { id: *id, device, created_at: *created_at };
        self.tell(*uid, Some(*id), &Event::SignedIn { session }).await;
    }

    async fn tell_changed(&self, uid: Uid, by: Option<SessionId>, device: &str) {
        self.tell(uid, by, &Event::KeysChanged { device }).await;
    }

    /// A shard that is gone has closed its sockets: their clients look when they come back.
    async fn tell(&self, uid: Uid, except: Option<SessionId>, event: &Event<'_>) {
        let delivery = Delivery::ToBrowsers(uid, except, event.encode());
        let _ = self.rooms.publisher().broadcast(delivery).await;
    }

    /// Whether the current key of this user has signed the challenge. Whether that is good the transaction decides.
    fn check_proof(
        &self,
        uid: Uid,
        purpose: ProofPurpose,
        challenge: &str,
        proof: &str,
    ) -> Result<()> {
        let field = |name, bytes| {
            move || Error::field(name, &format!("must be {bytes} bytes in base64url"))
        };
        let challenge = base64url::decode_array(challenge).ok_or_else(field("challenge", 32))?;
        let proof = base64url::decode_array(proof).ok_or_else(field("proof", 64))?;
        let (instance, key) = {
            let directory = self.directory.shared().read();
            let latest = directory.chain.latest(uid).and_then(|step| step.known);
            (*directory.chain.instance(), latest.map(|known| known.ed_pub))
        };
        let key = key.ok_or_else(|| Error::new(Code::Conflict, "This account has no keys yet."))?;
        verify(&key, &proof_message(&instance, uid, purpose, &challenge), &proof)
            .map_err(|_| Error::with_detail(EncryptionDetail::BadSignature { index: None }))
    }
}
