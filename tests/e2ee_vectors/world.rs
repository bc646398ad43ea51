//! People with keys, a directory of them, and a room whose log they sign.

use std::collections::BTreeMap;

use impulse::base::ids::Uid;
use impulse::e2ee::directory::{Chain, DirectoryView, Entry, EntryType, SignedEntry, tag};
use impulse::e2ee::pack::Hash;
use impulse::e2ee::room_log::{
    self, Applied, Body, EpochReason, KeyLink, Kind, Refusal, Role, Rule, State, apply,
    join_message,
};
use impulse::e2ee::signature::SigningKey;
use x25519_dalek::{PublicKey, StaticSecret};

use super::directory::{INSTANCE, T};

pub const ANNA: Uid = Uid(1);
pub const BEN: Uid = Uid(2);
pub const CARL: Uid = Uid(3);
pub const DORA: Uid = Uid(4);
pub const ERIK: Uid = Uid(5);
/// Has no keys.
pub const NOBODY: Uid = Uid(99);

/// The directory, and the private keys of everybody in it.
#[derive(Clone)]
pub struct World {
    pub chain: Chain,
    /// All entries, in order.
    pub entries: Vec<SignedEntry>,
    names: BTreeMap<Uid, u32>,
}

/// The key of a generation of a person: the same in every run.
pub fn key(uid: Uid, generation: u64) -> SigningKey {
    SigningKey::from_seed(&seed(uid, generation, 1))
}

fn seed(uid: Uid, generation: u64, use_: u8) -> [u8; 32] {
    let mut seed = [use_; 32];
    seed[..8].copy_from_slice(&uid.0.to_be_bytes());
    seed[8..16].copy_from_slice(&generation.to_be_bytes());
    seed
}

pub fn x_public(uid: Uid, generation: u64) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(seed(uid, generation, 2))).to_bytes()
}

impl World {
    /// Five people with first keys.
    pub fn new() -> Self {
        let chain = Chain::new(INSTANCE);
        let mut world = Self { chain, entries: Vec::new(), names: BTreeMap::new() };
        for uid in [ANNA, BEN, CARL, DORA, ERIK] {
            world.append(uid, EntryType::Create);
        }
        world
    }

    pub fn generation(&self, uid: Uid) -> u64 {
        self.chain.latest(uid).map_or(0, |step| step.known.unwrap().generation)
    }

    pub fn root(&self, uid: Uid) -> Hash {
        self.chain.root(uid, self.chain.n()).unwrap_or_default()
    }

    pub fn name(&self, uid: Uid) -> String {
        format!("person{uid}-{}", self.names.get(&uid).unwrap_or(&0))
    }

    /// The next entry of this type, as the person would make it.
    pub fn next(&self, uid: Uid, kind: EntryType) -> Entry {
        let before = self.generation(uid);
        let generation = before + u64::from(kind != EntryType::Rename);
        let name = match kind {
            EntryType::Rename => format!("person{uid}-{}", self.names.get(&uid).unwrap_or(&0) + 1),
            _ => self.name(uid),
        };
        Entry {
            uid,
            tag: tag(&INSTANCE, &name),
            kind,
            generation,
            ed_pub: key(uid, generation).public(),
            x_pub: x_public(uid, generation),
            prev_leaf: self.chain.latest(uid).map(|step| step.leaf),
            time_ms: T + self.chain.n(),
        }
    }

    /// Signed by the keys that must.
    pub fn sign(entry: &Entry) -> SignedEntry {
        let bytes = entry.to_bytes(&INSTANCE);
        let sig_new = key(entry.uid, entry.generation).sign(&bytes);
        let sig_old = (entry.kind == EntryType::Rotate)
            .then(|| key(entry.uid, entry.generation - 1).sign(&bytes));
        SignedEntry { entry: bytes, sig_new, sig_old }
    }

    /// Appends the person's next entry.
    pub fn append(&mut self, uid: Uid, kind: EntryType) {
        let entry = self.next(uid, kind);
        let signed = Self::sign(&entry);
        let checked =
            self.chain.check(uid, &[entry.tag], std::slice::from_ref(&signed), T).unwrap();
        self.chain.append(&checked).unwrap();
        self.entries.push(signed);
        if kind == EntryType::Rename {
            *self.names.entry(uid).or_default() += 1;
        }
    }
}

/// A room in that world.
#[derive(Clone)]
pub struct Room {
    pub world: World,
    pub state: State,
}

/// The commitment to a key; what it is a commitment to does not matter here.
pub fn kc(n: u64) -> Hash {
    [u8::try_from(n % 251).unwrap(); 32]
}

impl Room {
    /// A room of Anna with Ben as admin, Carl and Dora as members; Erik stays outside.
    pub fn closed() -> Self {
        let mut room = Self { world: World::new(), state: State::default() };
        room.take(ANNA, room.create(ANNA, Kind::Closed, 4));
        room.take(ANNA, room.profile(1));
        room.take(ANNA, room.add(BEN, Role::Admin));
        room.take(ANNA, room.add(CARL, Role::Member));
        room.take(ANNA, room.add(DORA, Role::Member));
        room
    }

    /// A direct chat of Anna, Ben and Carl.
    pub fn direct() -> Self {
        let mut room = Self { world: World::new(), state: State::default() };
        room.take(ANNA, room.create(ANNA, Kind::Dm, 2));
        room.take(ANNA, room.add(BEN, Role::Member));
        room.take(ANNA, room.add(CARL, Role::Member));
        room
    }

    pub fn create(&self, uid: Uid, kind: Kind, first: u64) -> Body {
        Body::Create { nonce: [7; 16], root: self.world.root(uid), kind, first, kc: kc(1) }
    }

    pub fn add(&self, uid: Uid, role: Role) -> Body {
        Body::Add { uid, root: self.world.root(uid), role }
    }

    pub fn profile(&self, epoch: u64) -> Body {
        Body::Profile { epoch, sealed: vec![1; 93] }
    }

    /// The next epoch, linked to the newest.
    pub fn epoch(&self, skip: &[Uid]) -> Body {
        let n = self.state.epoch() + 1;
        let link = KeyLink { epoch: n - 1, nonce: [3; 12], sealed: [4; 48] };
        let (links, skip) = (vec![link], skip.to_vec());
        Body::Epoch { n, kc: kc(n), links, skip, reason: EpochReason::Manual }
    }

    /// A link with this number.
    pub fn link(&self, number: u8) -> Body {
        let expires_ms = self.state.time_ms + 1_000_000;
        Body::Link { lid: [number; 8], ed_pub: link_key(number).public(), expires_ms, max_uses: 5 }
    }

    pub fn join(&self, uid: Uid, number: u8) -> Body {
        let (lid, root) = ([number; 8], self.world.root(uid));
        let link_sig = link_key(number).sign(&join_message(&self.state.rid, &lid, uid, &root));
        Body::Join { lid, root, link_sig }
    }

    /// The next entry, as this actor would make it.
    pub fn entry(&self, actor: Uid, body: Body) -> room_log::Entry {
        let (state, n) = (&self.state, self.world.chain.n());
        let before = (!state.is_empty()).then_some((state.rid, state.head));
        room_log::Entry {
            rid: before.map(|(rid, _)| rid),
            seq: state.next_seq,
            prev_hash: before.map(|(_, head)| head),
            actor,
            actor_generation: self.world.generation(actor),
            time_ms: state.time_ms.max(T) + 10,
            dn: n,
            dh: self.world.chain.hash_at(n).unwrap(),
            body,
        }
    }

    /// Judges an entry; a refused one changes nothing.
    pub fn judge(&mut self, entry: &room_log::Entry) -> Result<Applied, Refusal> {
        let before = self.state.clone();
        let verdict = apply(&mut self.state, &sign(entry), &self.world.chain);
        if verdict.is_err() {
            assert_eq!(self.state, before);
        }
        verdict
    }

    /// Appends what must be valid.
    pub fn take(&mut self, actor: Uid, body: Body) {
        let entry = self.entry(actor, body);
        if let Err(refusal) = self.judge(&entry) {
            panic!("{}: {entry:?}", refusal.as_str());
        }
    }

    /// The rule that refuses this.
    pub fn rule(&self, actor: Uid, body: Body) -> Option<Rule> {
        match self.clone().judge(&self.entry(actor, body)) {
            Ok(_) => None,
            Err(Refusal::Rule(rule)) => Some(rule),
            Err(Refusal::Signature) => panic!("a wrong signature"),
        }
    }
}

/// Signed by the actor's key of the generation that the entry names.
pub fn sign(entry: &room_log::Entry) -> room_log::SignedEntry {
    let bytes = entry.to_bytes();
    let sig = key(entry.actor, entry.actor_generation).sign(&bytes);
    room_log::SignedEntry { entry: bytes, sig }
}

/// The key of a link.
pub fn link_key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}
