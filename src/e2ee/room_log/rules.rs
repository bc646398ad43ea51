//! The table of `e2ee.md` 6.3, 5: what each type of entry needs, its columns from left to right.

use super::body::{Body, Kind, Lid, RemoveReason, Role};
use super::entry::Entry;
use super::rule::{Rule, require};
use super::standing::rank_of;
use super::state::{Member, State};
use crate::base::ids::Uid;
use crate::base::limits::encryption::{FOUNDING, LINK_MS, LINK_USES, LINKS};
use crate::e2ee::directory::DirectoryView;
use crate::e2ee::pack::{Hash, UidText, pack};
use crate::e2ee::signature::{check_ed_public, verify};

/// An entry whose bytes, place, signature and actor are right.
pub struct Candidate<'a, D> {
    /// The room before it.
    pub state: &'a State,
    /// The entry.
    pub entry: &'a Entry,
    /// The directory.
    pub dir: &'a D,
}

impl<D: DirectoryView> Candidate<'_, D> {
    /// Whether the entry may be applied.
    ///
    /// # Errors
    /// The first rule of its type that it breaks.
    pub fn check(&self) -> Result<(), Rule> {
        match &self.entry.body {
            Body::Create { root, first, .. } => self.create(root, *first),
            Body::Add { uid, root, role } => match self.state.members.get(uid) {
                None => self.add(*uid, root, *role),
                Some(member) => self.let_back_in(*uid, member, root, *role),
            },
            Body::Remove { uid, reason } => match reason {
                RemoveReason::Left => self.leave(*uid),
                RemoveReason::Removed => self.remove(*uid),
                RemoveReason::Banned => self.ban(*uid),
            },
            Body::Unban { uid } => self.unban(*uid),
            Body::Role { uid, role } => self.role(*uid, *role),
            Body::Epoch { n, skip, .. } => self.epoch(*n, skip),
            Body::Link { lid, ed_pub, expires_ms, max_uses } => {
                self.link(lid, ed_pub, *expires_ms, *max_uses)
            }
            Body::Unlink { lid } => self.unlink(lid),
            Body::Join { lid, root, link_sig } => self.join(lid, root, link_sig),
            Body::Profile { epoch, .. } => {
                self.require_rank(2)?;
                require(*epoch == self.state.epoch(), Rule::Epoch)
            }
        }
    }

    fn rank(&self) -> u8 {
        self.state.rank(self.entry.actor, self.entry.dn, self.dir)
    }

    fn require_rank(&self, least: u8) -> Result<(), Rule> {
        require(self.rank() >= least, Rule::Role)
    }

    fn require_root(&self, uid: Uid, root: &Hash) -> Result<(), Rule> {
        require(self.dir.root(uid, self.entry.dn).as_ref() == Some(root), Rule::Root)
    }

    fn create(&self, root: &Hash, first: u64) -> Result<(), Rule> {
        self.require_root(self.entry.actor, root)?;
        require((1..=FOUNDING).contains(&first), Rule::Founding)
    }

    /// A new member.
    fn add(&self, uid: Uid, root: &Hash, role: Role) -> Result<(), Rule> {
        let state = self.state;
        let rank = match state.kind {
            Kind::Closed => self.rank(),
            Kind::Dm => {
                let actor = state.members.get(&self.entry.actor);
                let is_creator = actor.is_some_and(|actor| actor.since_seq == 0);
                require(is_creator && self.entry.seq <= state.first, Rule::Founding)?;
                // Nobody comes into a direct chat as more than a member.
                2
            }
        };
        require(rank >= 2, Rule::Role)?;
        require(!state.banned.contains(&uid), Rule::Banned)?;
        self.require_root(uid, root)?;
        require(role == Role::Member || (role == Role::Admin && rank == 3), Rule::Role)
    }

    /// Somebody whose keys were reset.
    fn let_back_in(&self, uid: Uid, member: &Member, root: &Hash, role: Role) -> Result<(), Rule> {
        require(uid != self.entry.actor, Rule::Target)?;
        require(self.state.is_stale(uid, member, self.entry.dn, self.dir), Rule::Member)?;
        self.require_root(uid, root)?;
        let actor = self.state.members.get(&self.entry.actor).ok_or(Rule::Actor)?;
        require(role == member.role.min(actor.role), Rule::Role)
    }

    fn leave(&self, uid: Uid) -> Result<(), Rule> {
        require(uid == self.entry.actor, Rule::Target)?;
        match self.state.kind {
            Kind::Closed => require(!self.state.is_only_owner(uid), Rule::LastOwner),
            Kind::Dm => require(self.state.members.len() > 2, Rule::Kind),
        }
    }

    fn remove(&self, uid: Uid) -> Result<(), Rule> {
        let rank = self.rank();
        require(rank >= 2, Rule::Role)?;
        require(uid != self.entry.actor, Rule::Target)?;
        let member = self.state.members.get(&uid).ok_or(Rule::Member)?;
        require(rank_of(member.role) < rank, Rule::Target)
    }

    fn ban(&self, uid: Uid) -> Result<(), Rule> {
        let rank = self.rank();
        require(rank >= 2, Rule::Role)?;
        require(uid != self.entry.actor, Rule::Target)?;
        match self.state.members.get(&uid) {
            Some(member) => require(rank_of(member.role) < rank, Rule::Target),
            None => require(!self.state.banned.contains(&uid), Rule::Banned),
        }
    }

    fn unban(&self, uid: Uid) -> Result<(), Rule> {
        self.require_rank(2)?;
        require(self.state.banned.contains(&uid), Rule::Banned)
    }

    fn role(&self, uid: Uid, role: Role) -> Result<(), Rule> {
        self.require_rank(3)?;
        let member = self.state.members.get(&uid).ok_or(Rule::Member)?;
        require(member.role != role, Rule::Role)?;
        require(!self.state.is_only_owner(uid), Rule::LastOwner)
    }

    fn epoch(&self, n: u64, skip: &[Uid]) -> Result<(), Rule> {
        require(n == self.state.epoch() + 1, Rule::Epoch)?;
        let may_skip = |uid: &Uid| *uid != self.entry.actor && self.state.members.contains_key(uid);
        require(skip.iter().all(may_skip), Rule::Skip)
    }

    fn link(
        &self,
        lid: &Lid,
        ed_pub: &[u8; 32],
        expires_ms: u64,
        max_uses: u64,
    ) -> Result<(), Rule> {
        let (state, now) = (self.state, self.entry.time_ms);
        self.require_rank(2)?;
        require(!state.links.contains_key(lid), Rule::Link)?;
        check_ed_public(ed_pub).map_err(|_| Rule::Key)?;
        require(now < expires_ms && expires_ms <= now.saturating_add(LINK_MS), Rule::Link)?;
        require((1..=LINK_USES).contains(&max_uses), Rule::Link)?;
        let is_live = |link: &&_| state.is_live(link, now, self.entry.dn, self.dir);
        require(state.links.values().filter(is_live).count() < LINKS, Rule::Link)
    }

    fn unlink(&self, lid: &Lid) -> Result<(), Rule> {
        let link = self.state.links.get(lid).ok_or(Rule::Link)?;
        require(!link.is_ended, Rule::Link)?;
        require(link.by == self.entry.actor || self.rank() >= 2, Rule::Role)
    }

    fn join(&self, lid: &Lid, root: &Hash, link_sig: &[u8; 64]) -> Result<(), Rule> {
        let (state, entry) = (self.state, self.entry);
        require(!state.banned.contains(&entry.actor), Rule::Banned)?;
        let link = state.live_link(lid, entry.time_ms, entry.dn, self.dir).ok_or(Rule::Link)?;
        require(!state.members.contains_key(&entry.actor), Rule::Member)?;
        self.require_root(entry.actor, root)?;
        // Who had other keys here comes back by `add` only, so that somebody looks.
        let mut past = state.past.get(&entry.actor).into_iter().flatten();
        require(past.all(|interval| interval.root == *root), Rule::Root)?;
        let message = join_message(&state.rid, lid, entry.actor, root);
        verify(&link.ed_pub, &message, link_sig).map_err(|_| Rule::Link)
    }
}

/// What a joiner signs with the key of a link (`e2ee.md` 10).
pub fn join_message(rid: &Hash, lid: &Lid, uid: Uid, root: &Hash) -> Vec<u8> {
    pack("join", &[rid, lid, UidText::default().of(uid), root])
}
