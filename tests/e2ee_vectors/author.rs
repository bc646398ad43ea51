//! Whoever makes random entries for a room: most of them valid, some of them wrong in one way.

use impulse::base::hex;
use impulse::base::ids::Uid;
use impulse::e2ee::directory::{DirectoryView as _, EntryType};
use impulse::e2ee::pack::Hash;
use impulse::e2ee::room_log::{
    Body, Entry, EpochReason, KeyLink, Kind, Lid, RemoveReason, Role, State, apply, join_message,
};

use super::directory::T;
use super::draw::Draw;
use super::random_logs::Signed;
use super::world::{ANNA, BEN, CARL, DORA, ERIK, NOBODY, Room, World, key, link_key, sign};

const PEOPLE: [Uid; 5] = [ANNA, BEN, CARL, DORA, ERIK];
const EVERYBODY: [Uid; 6] = [ANNA, BEN, CARL, DORA, ERIK, NOBODY];

/// A room, and how far its people know the directory.
pub struct Author {
    pub room: Room,
    dn: u64,
}

/// Which entries are made how often, in a founding batch and after it.
#[derive(Clone, Copy)]
enum Type {
    Create,
    Add,
    LetBackIn,
    Leave,
    Remove,
    Ban,
    Unban,
    Role,
    Epoch,
    Link,
    Unlink,
    Join,
    Profile,
}

const FOUNDING: [(usize, Type); 4] =
    [(40, Type::Add), (10, Type::Profile), (2, Type::Epoch), (1, Type::Role)];

const LATER: [(usize, Type); 13] = [
    (1, Type::Create),
    (16, Type::Add),
    (14, Type::LetBackIn),
    (8, Type::Leave),
    (8, Type::Remove),
    (7, Type::Ban),
    (6, Type::Unban),
    (16, Type::Role),
    (26, Type::Epoch),
    (12, Type::Link),
    (4, Type::Unlink),
    (18, Type::Join),
    (6, Type::Profile),
];

impl Author {
    pub fn new(draw: &mut Draw) -> Self {
        let mut world = World::new();
        for _ in 0..4 + draw.below(10) {
            let kinds = [EntryType::Rotate, EntryType::Reset, EntryType::Rename];
            world.append(draw.pick(&PEOPLE), draw.pick(&kinds));
        }
        Self { room: Room { world, state: State::default() }, dn: 5 }
    }

    /// One to three entries, the last of which may be refused. Most refused ones are drawn again.
    pub fn batch(&mut self, state: &State, draw: &mut Draw) -> Vec<Signed> {
        let mut batch = Vec::new();
        self.room.state = state.clone();
        for _ in 0..draw.weighted(&[(6, 1), (3, 2), (1, 3)]) {
            let mut entry = self.entry(draw);
            for _ in 0..12 {
                if self.room.clone().judge(&entry).is_ok() || draw.happens(10) {
                    break;
                }
                entry = self.entry(draw);
            }
            let (signed, is_changed) = disturb(entry, draw);
            batch.push(signed.clone());
            let bytes = |text: &str| hex::decode(text).unwrap();
            let Ok(sig) = bytes(&signed.s).try_into() else { break };
            let signed = impulse::e2ee::room_log::SignedEntry { entry: bytes(&signed.e), sig };
            let verdict = apply(&mut self.room.state, &signed, &self.room.world.chain);
            if verdict.is_err() || is_changed {
                break;
            }
        }
        batch
    }

    fn entry(&mut self, draw: &mut Draw) -> Entry {
        if draw.happens(7) {
            self.dn = (self.dn + 1).min(self.room.world.chain.n());
        }
        let state = &self.room.state;
        let late = if draw.happens(10) { 1 } else { 0 };
        let dn = state.dn.max(self.dn.saturating_sub(late));
        let able: Vec<Uid> = self.members(|uid| !self.is_stale(uid, dn));
        let actor = match able.is_empty() || draw.happens(7) {
            true => draw.pick(&EVERYBODY),
            false => draw.pick(&able),
        };
        let (actor, body) = self.body(actor, dn, draw);
        let mut entry = self.room.entry(actor, body);
        entry.dn = dn;
        entry.dh = self.room.world.chain.hash_at(dn).unwrap();
        entry.actor_generation = self.room.world.chain.generation(actor, dn).unwrap_or(1);
        let pause = draw.pick(&[0, 1, 10, 1_000, 400_000, 90_000_000]);
        entry.time_ms = state.time_ms.max(T) + pause;
        entry
    }

    fn members(&self, of: impl Fn(Uid) -> bool) -> Vec<Uid> {
        self.room.state.members.keys().copied().filter(|uid| of(*uid)).collect()
    }

    fn is_stale(&self, uid: Uid, dn: u64) -> bool {
        let state = &self.room.state;
        state
            .members
            .get(&uid)
            .is_some_and(|member| state.is_stale(uid, member, dn, &self.room.world.chain))
    }

    fn root(&self, uid: Uid, dn: u64, draw: &mut Draw) -> Hash {
        let root = self.room.world.chain.root(uid, dn);
        root.filter(|_| !draw.happens(3)).unwrap_or_else(|| draw.bytes())
    }

    /// Somebody for whom it makes sense, if there is anybody.
    fn target(&self, sensible: &[Uid], draw: &mut Draw) -> Uid {
        if sensible.is_empty() || draw.happens(12) {
            draw.pick(&EVERYBODY)
        } else {
            draw.pick(sensible)
        }
    }

    /// What is done, and by whom: who joins is no member.
    fn body(&self, actor: Uid, dn: u64, draw: &mut Draw) -> (Uid, Body) {
        let state = &self.room.state;
        if state.is_empty() {
            return (actor, self.create(actor, dn, draw));
        }
        let is_founding = state.next_seq <= state.first;
        let kind = if is_founding { draw.weighted(&FOUNDING) } else { draw.weighted(&LATER) };
        let others = self.members(|uid| uid != actor);
        let outside: Vec<Uid> =
            PEOPLE.into_iter().filter(|uid| !state.members.contains_key(uid)).collect();
        let body = match kind {
            Type::Create => self.create(actor, dn, draw),
            Type::Add => {
                let uid = self.target(&outside, draw);
                let role = draw.weighted(&[(7, Role::Member), (3, Role::Admin), (1, Role::Owner)]);
                Body::Add { uid, root: self.root(uid, dn, draw), role }
            }
            Type::LetBackIn => self.let_back_in(actor, dn, draw),
            Type::Leave => Body::Remove { uid: actor, reason: RemoveReason::Left },
            Type::Remove => {
                Body::Remove { uid: self.target(&others, draw), reason: RemoveReason::Removed }
            }
            Type::Ban => Body::Remove {
                uid: self.target(&[&others[..], &outside].concat(), draw),
                reason: RemoveReason::Banned,
            },
            Type::Unban => {
                let banned: Vec<Uid> = state.banned.iter().copied().collect();
                Body::Unban { uid: self.target(&banned, draw) }
            }
            Type::Role => {
                let role = draw.pick(&[Role::Member, Role::Admin, Role::Owner]);
                Body::Role { uid: self.target(&self.members(|_| true), draw), role }
            }
            Type::Epoch => self.epoch(&others, draw),
            Type::Link => self.link(draw),
            Type::Unlink => Body::Unlink { lid: self.lid(draw) },
            Type::Join => {
                let joiner = self.target(&outside, draw);
                return (joiner, self.join(joiner, dn, draw));
            }
            Type::Profile => {
                let epoch = state.epoch() - u64::from(draw.happens(10));
                Body::Profile { epoch, sealed: vec![7; draw.pick(&[93, 200, 4_200, 4_201])] }
            }
        };
        (actor, body)
    }

    fn create(&self, actor: Uid, dn: u64, draw: &mut Draw) -> Body {
        Body::Create {
            nonce: draw.bytes(),
            root: self.root(actor, dn, draw),
            kind: draw.weighted(&[(4, Kind::Closed), (1, Kind::Dm)]),
            first: draw.weighted(&[(9, 1), (20, 2), (20, 3), (1, 0), (1, 127), (1, 128)]),
            kc: draw.bytes(),
        }
    }

    fn let_back_in(&self, actor: Uid, dn: u64, draw: &mut Draw) -> Body {
        let members = &self.room.state.members;
        let uid = self.target(&self.members(|uid| self.is_stale(uid, dn)), draw);
        let role = |uid: Uid| members.get(&uid).map_or(Role::Member, |member| member.role);
        let lower = role(uid).min(role(actor));
        let role = if draw.happens(90) { lower } else { Role::Admin };
        Body::Add { uid, root: self.root(uid, dn, draw), role }
    }

    fn epoch(&self, others: &[Uid], draw: &mut Draw) -> Body {
        let epoch = self.room.state.epoch();
        let n = if draw.happens(95) { epoch + 1 } else { epoch + draw.next() % 3 };
        let below = (1..n).rev().filter(|m| *m == epoch || draw.happens(25));
        let below: Vec<u64> = below.take(8).collect();
        let mut links: Vec<KeyLink> = below
            .into_iter()
            .map(|epoch| KeyLink { epoch, nonce: draw.bytes(), sealed: [5; 48] })
            .collect();
        if draw.happens(2) {
            links.reverse();
        }
        let mut skip: Vec<Uid> = match draw.happens(45) {
            true => others.iter().copied().filter(|_| draw.happens(45)).collect(),
            false => vec![],
        };
        if draw.happens(3) {
            skip.push(draw.pick(&EVERYBODY));
            skip.sort_unstable();
        }
        let reasons = [
            EpochReason::Member,
            EpochReason::Keys,
            EpochReason::Shut,
            EpochReason::Repair,
            EpochReason::Manual,
        ];
        Body::Epoch { n, kc: draw.bytes(), links, skip, reason: draw.pick(&reasons) }
    }

    fn link(&self, draw: &mut Draw) -> Body {
        let number = u8::try_from(draw.below(30)).unwrap();
        let life = draw.pick(&[0, 1, 20, 500_000, 2_592_000_000, 2_592_000_001, 2_682_000_000]);
        let small = draw.happens(4);
        Body::Link {
            lid: [number; 8],
            ed_pub: if small { [0; 32] } else { link_key(number).public() },
            expires_ms: self.room.state.time_ms + life,
            max_uses: draw.pick(&[0, 1, 1, 2, 5, 1_000, 1_001]),
        }
    }

    fn lid(&self, draw: &mut Draw) -> Lid {
        let known: Vec<Lid> = self.room.state.links.keys().copied().collect();
        if known.is_empty() || draw.happens(10) { draw.bytes() } else { draw.pick(&known) }
    }

    fn join(&self, joiner: Uid, dn: u64, draw: &mut Draw) -> Body {
        let (lid, root) = (self.lid(draw), self.root(joiner, dn, draw));
        let message = join_message(&self.room.state.rid, &lid, joiner, &root);
        let number = if draw.happens(95) { lid[0] } else { 77 };
        Body::Join { lid, root, link_sig: link_key(number).sign(&message) }
    }
}

/// Signed, and now and then with something wrong about it; then nothing follows.
fn disturb(mut entry: Entry, draw: &mut Draw) -> (Signed, bool) {
    let wrong = draw.below(120);
    match wrong {
        0 => entry.seq = entry.seq.saturating_sub(1),
        1 => entry.seq += 1,
        2 => entry.rid = draw.happens(50).then(|| draw.bytes()),
        3 => entry.prev_hash = draw.happens(50).then(|| draw.bytes()),
        4 => entry.time_ms -= 1_000_000,
        5 => entry.dn += 1,
        6 => entry.dn = entry.dn.saturating_sub(1),
        7 => entry.dh = draw.bytes(),
        8 => entry.actor_generation += 1,
        9 => entry.actor_generation = entry.actor_generation.saturating_sub(1),
        10 => entry.actor = draw.pick(&EVERYBODY),
        _ => {}
    }
    let mut signed = sign(&entry);
    let length = signed.entry.len();
    match wrong {
        11 => signed.sig[draw.below(64)] ^= 1,
        12 => signed.sig = key(draw.pick(&PEOPLE), 1).sign(&signed.entry),
        13 => signed.sig[..32].copy_from_slice(&[0; 32]),
        14..=16 => {
            signed.entry[draw.below(length)] ^= 1 << draw.below(8);
            signed.sig = key(entry.actor, entry.actor_generation).sign(&signed.entry);
        }
        17 => {
            signed.entry.truncate(length - 1 - draw.below(9));
            signed.sig = key(entry.actor, entry.actor_generation).sign(&signed.entry);
        }
        18 => signed.entry.push(0),
        _ => {}
    }
    let mut sig = signed.sig.to_vec();
    if wrong == 19 {
        sig.truncate(draw.below(64));
    }
    (Signed { e: hex::encode(&signed.entry), s: hex::encode(&sig) }, wrong < 20)
}
