//! What somebody counts for at a position of the directory: `stale`, `able`, `acting`, `rank`, `live` and `due` of
//! `e2ee.md` 6.2.

use std::cmp::Reverse;

use super::body::{Kind, Lid, Role};
use super::state::{Link, Member, State};
use crate::base::ids::Uid;
use crate::e2ee::directory::DirectoryView;

impl State {
    /// Whether the person's keys were reset and nobody has let them back in.
    pub fn is_stale(&self, uid: Uid, member: &Member, n: u64, dir: &impl DirectoryView) -> bool {
        dir.root(uid, n) != Some(member.root)
    }

    /// Whether a member can sign and has the newest key.
    pub fn is_able(&self, uid: Uid, member: &Member, n: u64, dir: &impl DirectoryView) -> bool {
        !self.skipped.contains(&uid) && !self.is_stale(uid, member, n, dir)
    }

    /// Whether nobody is left who can sign and has the newest key.
    pub fn is_dead(&self, n: u64, dir: &impl DirectoryView) -> bool {
        !self.members.iter().any(|(uid, member)| self.is_able(*uid, member, n, dir))
    }

    /// Who keeps the room usable while no owner is able: the able member with the highest role, of several the one who
    /// came first.
    pub fn acting(&self, n: u64, dir: &impl DirectoryView) -> Option<Uid> {
        if self.kind == Kind::Dm {
            return None;
        }
        let able = self.members.iter().filter(|(uid, member)| self.is_able(**uid, member, n, dir));
        let (uid, member) =
            able.max_by_key(|(_, member)| (member.role, Reverse(member.since_seq)))?;
        (member.role != Role::Owner).then_some(*uid)
    }

    /// What a member may do, as a number: 1 as a member, 2 as an admin, 3 as an owner. 0 for who is no member.
    pub fn rank(&self, uid: Uid, n: u64, dir: &impl DirectoryView) -> u8 {
        let Some(member) = self.members.get(&uid) else { return 0 };
        // An owner never acts for one.
        if member.role == Role::Owner || self.acting(n, dir) != Some(uid) {
            return rank_of(member.role);
        }
        let has_owner = self.members.values().any(|member| member.role == Role::Owner);
        if has_owner { 2 } else { 3 }
    }

    /// Whether people can join by a link.
    pub fn is_live(&self, link: &Link, time_ms: u64, n: u64, dir: &impl DirectoryView) -> bool {
        if link.is_ended || time_ms > link.expires_ms || link.uses >= link.max_uses {
            return false;
        }
        self.members.get(&link.by).is_some_and(|maker| {
            maker.root == link.by_root
                && !self.is_stale(link.by, maker, n, dir)
                && (maker.role >= Role::Admin || self.acting(n, dir) == Some(link.by))
        })
    }

    /// The same for a link by its id.
    pub fn live_link(
        &self,
        lid: &Lid,
        time_ms: u64,
        n: u64,
        dir: &impl DirectoryView,
    ) -> Option<&Link> {
        self.links.get(lid).filter(|link| self.is_live(link, time_ms, n, dir))
    }

    /// Whether a new key is needed before the next message. It looks at every member: keep the answer for as long as
    /// neither the state nor the directory changes.
    pub fn is_due(&self, n: u64, dir: &impl DirectoryView) -> bool {
        self.gone
            || self
                .members
                .iter()
                .any(|(uid, member)| dir.keys_changed(*uid, self.epoch_dn.max(member.since_dn), n))
    }
}

/// The number of a role.
pub fn rank_of(role: Role) -> u8 {
    match role {
        Role::Member => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}
