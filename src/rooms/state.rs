//! The present state of a room, without its messages. Only its actor writes it; everybody may read it for a
//! moment.

use std::collections::HashMap;
use std::sync::Arc;

use super::blocks::Blocks;
use super::member::Member;
use super::recent::{RecentMessages, Unread};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::rooms as limits;
use crate::base::principal::Principal;
use crate::policy::{self, Action, Block, RoomFacts, Subject};
use crate::protocol::room::{ReadState, Role, RoomKind, RoomView};
use crate::store::chat::{BanRow, RoomRow};

/// A room's present state.
#[derive(Debug)]
pub struct State {
    /// Name, topic, kind.
    pub row: RoomRow,
    /// Its members.
    pub members: HashMap<Uid, Member>,
    /// Its bans.
    pub bans: HashMap<Uid, BanRow>,
    /// Its newest messages.
    pub recent: RecentMessages,
    /// The blocks of all users, here and elsewhere.
    blocks: Arc<Blocks>,
}

impl State {
    /// A room without members.
    pub fn new(row: RoomRow, recent: RecentMessages, blocks: Arc<Blocks>) -> Self {
        Self { row, members: HashMap::new(), bans: HashMap::new(), recent, blocks }
    }

    /// Whether `by` may do that here.
    ///
    /// # Errors
    /// As [`policy::decide`].
    pub fn authorize(&self, by: Principal, action: Action) -> Result<()> {
        if by == Principal::Server {
            return policy::decide_for_server(self.facts(), action);
        }
        let member = by.uid().and_then(|uid| self.members.get(&uid));
        let subject = Subject {
            is_admin: by.is_admin(),
            role: member.map(|member| member.role),
            is_muted: member.is_some_and(|member| member.muted().is_some()),
            is_banned: by.uid().is_some_and(|uid| self.bans.contains_key(&uid)),
            block: by.uid().map_or(Block::None, |uid| self.block_of(uid)),
        };
        policy::decide(subject, self.facts(), action)
    }

    /// The block between this user and the other member of a direct room of two.
    pub fn block_of(&self, uid: Uid) -> Block {
        if self.row.kind != RoomKind::Dm || self.members.len() != 2 {
            return Block::None;
        }
        match self.members.keys().find(|other| **other != uid) {
            Some(other) if self.blocks.has_blocked(uid, *other) => Block::Own,
            Some(other) if self.blocks.has_blocked(*other, uid) => Block::Others,
            _ => Block::None,
        }
    }

    /// Whether this is a direct room of these two and nobody else.
    pub fn is_pair_of(&self, one: Uid, other: Uid) -> bool {
        let members = &self.members;
        self.row.kind == RoomKind::Dm
            && members.len() == 2
            && members.contains_key(&one)
            && members.contains_key(&other)
    }

    /// Whether `by` has blocked `uid`.
    pub fn has_blocked(&self, by: Uid, uid: Uid) -> bool {
        self.blocks.has_blocked(by, uid)
    }

    /// The room as far as rights depend on it.
    pub fn facts(&self) -> RoomFacts {
        let RoomRow { kind, encryption, read_only, archived, group, .. } = self.row;
        RoomFacts {
            kind,
            is_read_only: read_only,
            is_archived: archived,
            is_group: group,
            is_encrypted: encryption.is_some(),
            is_small: self.members.len() <= limits::MENTION_ALL_MEMBERS,
        }
    }

    /// The member of this id.
    ///
    /// # Errors
    /// `not_found`.
    pub fn member(&self, uid: Uid) -> Result<&Member> {
        let none = || Error::new(Code::NotFound, "This user is not a member.");
        self.members.get(&uid).ok_or_else(none)
    }

    /// A room that has an owner keeps one: the last one may not leave or lose the role.
    ///
    /// # Errors
    /// `conflict`.
    pub fn check_owner_remains_without(&self, uid: Uid) -> Result<()> {
        let is_owner = |member: &Member| member.role == Role::Owner;
        let mut owners = self.members.iter().filter(|(_, member)| is_owner(member));
        if self.members.get(&uid).is_none_or(|member| !is_owner(member)) || owners.nth(1).is_some()
        {
            return Ok(());
        }
        let text = "This is the only owner of the room. Please make somebody else an owner first, \
                    or remove the room.";
        Err(Error::new(Code::Conflict, text))
    }

    /// Who becomes the owner when the account of the last one is removed: the admin, else the member, who joined
    /// first. Never a bot.
    pub fn heir_of(&self, uid: Uid, is_bot: impl Fn(Uid) -> bool) -> Option<Uid> {
        self.check_owner_remains_without(uid).err()?;
        let others = self.members.iter().filter(|(other, _)| **other != uid && !is_bot(**other));
        let key = |(uid, member): &(&Uid, &Member)| {
            (std::cmp::Reverse(member.role), member.joined_at, **uid)
        };
        others.min_by_key(key).map(|(uid, _)| *uid)
    }

    /// Counts what is unread for `uid`, who has read up to `read`.
    pub fn unread(&self, uid: Uid, read: u64) -> Unread {
        self.recent.unread(uid, read, self.blocks.blocked_by(uid).as_deref())
    }

    /// How far a member has read, and what is unread.
    pub fn read_state(&self, uid: Uid) -> Option<ReadState> {
        let read = self.members.get(&uid)?.read;
        let Unread { messages, mentions } = self.unread(uid, read);
        Some(ReadState { read, unread: messages, mentions })
    }

    /// Whether a message of `author` that `uid` has not read mentions `uid`.
    pub fn is_mentioned(&self, uid: Uid, author: Uid) -> bool {
        let member = self.members.get(&uid);
        member.is_some_and(|member| self.recent.mentions(uid, member.read, author))
    }

    /// Whether the member has hidden the room and nobody has written since.
    fn is_hidden(&self, member: &Member) -> bool {
        let newest = self.recent.newest();
        self.row.kind == RoomKind::Dm && member.hidden_seq.is_some_and(|seq| newest <= seq)
    }

    /// The room as `by` sees it.
    pub fn view_for(&self, by: Principal) -> RoomView {
        by.uid().map_or_else(|| self.view_without_member(None), |uid| self.view(uid))
    }

    /// The room as `uid` sees it.
    pub fn view(&self, uid: Uid) -> RoomView {
        let member = self.members.get(&uid);
        let unread = member.map_or_else(Unread::default, |member| self.unread(uid, member.read));
        self.view_with(uid, unread)
    }

    /// Whether `uid` sees the room otherwise than `sent`. Nothing is counted: as long as they block the same people,
    /// what is unread follows from the room's `seq` and from how far they have read.
    pub fn looks_other(&self, uid: Uid, sent: &RoomView) -> bool {
        let unread = Unread { messages: sent.unread, mentions: sent.mentions };
        self.view_with(uid, unread) != *sent
    }

    fn view_with(&self, uid: Uid, unread: Unread) -> RoomView {
        let member = self.members.get(&uid);
        RoomView {
            role: member.map(|member| member.role),
            read: member.map_or(0, |member| member.read),
            unread: unread.messages,
            mentions: unread.mentions,
            favourite: member.is_some_and(|member| member.favourite),
            notify: member.map(|member| member.notify).unwrap_or_default(),
            muted_until: member.and_then(Member::muted),
            hidden: member.is_some_and(|member| self.is_hidden(member)),
            ..self.view_without_member(Some(uid))
        }
    }

    /// What does not depend on a membership.
    fn view_without_member(&self, viewer: Option<Uid>) -> RoomView {
        let mut with = Vec::new();
        if self.row.kind == RoomKind::Dm {
            with.extend(self.members.keys().filter(|other| Some(**other) != viewer));
            with.sort_unstable();
        }
        RoomView {
            id: self.row.id,
            name: self.row.name.clone(),
            topic: self.row.topic.clone(),
            kind: self.row.kind,
            e2ee: self.row.encryption.is_some(),
            rid: self.row.encryption.map(|encryption| encryption.rid),
            log: self.row.encryption.map(|encryption| encryption.log),
            is_default: self.row.is_default,
            role: None,
            seq: self.row.last_seq,
            read: 0,
            unread: 0,
            mentions: 0,
            members: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
            with,
            read_only: self.row.read_only,
            archived: self.row.archived,
            favourite: false,
            notify: Default::default(),
            muted_until: None,
            hidden: false,
        }
    }

    /// The room's id.
    pub fn id(&self) -> RoomId {
        self.row.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::recent::tests::message;
    use crate::store::chat::{BlockRow, RecentMessage};

    fn state() -> State {
        let row = RoomRow {
            id: RoomId(1),
            name: "General".into(),
            topic: String::new(),
            kind: RoomKind::Open,
            encryption: None,
            is_default: true,
            last_seq: 4,
            read_only: false,
            archived: false,
            group: false,
            created_at: 0,
        };
        let mention = |created_seq, mentions: &[Uid]| RecentMessage {
            created_seq,
            author: Uid(2),
            mentions: mentions.to_vec().into(),
        };
        let recent = RecentMessages::new(vec![mention(2, &[Uid(1)]), mention(4, &[])]);
        State::new(row, recent, Arc::default())
    }

    #[test]
    fn the_only_owner_stays_and_the_heir_is_who_joined_first() {
        let mut state = state();
        let member = |role, joined_at| Member { joined_at, ..Member::new(role, 0) };
        state.members.insert(Uid(1), member(Role::Owner, 1));
        assert!(state.check_owner_remains_without(Uid(1)).is_err());
        assert_eq!(state.heir_of(Uid(1), |_| false), None, "nobody is there");
        state.members.insert(Uid(2), member(Role::Member, 2));
        state.members.insert(Uid(3), member(Role::Admin, 4));
        state.members.insert(Uid(4), member(Role::Admin, 3));
        assert_eq!(state.heir_of(Uid(1), |_| false), Some(Uid(4)));
        assert_eq!(state.heir_of(Uid(1), |uid| uid == Uid(4)), Some(Uid(3)), "no bot");
        assert_eq!(state.heir_of(Uid(2), |_| false), None, "an owner is left");
        state.members.insert(Uid(5), member(Role::Owner, 9));
        assert!(state.check_owner_remains_without(Uid(1)).is_ok());
    }

    #[test]
    fn a_room_looks_other_after_a_message_a_read_position_or_a_new_name_and_not_without() {
        let mut state = state();
        state.members.insert(Uid(1), Member::new(Role::Member, 0));
        let sent = state.view(Uid(1));
        assert_eq!((sent.unread, sent.mentions), (2, 1));
        assert!(!state.looks_other(Uid(1), &sent));
        state.members.get_mut(&Uid(1)).unwrap().read = 2;
        assert!(state.looks_other(Uid(1), &sent), "read");
        let sent = state.view(Uid(1));
        state.row.last_seq += 1;
        assert!(state.looks_other(Uid(1), &sent), "a message");
        let sent = state.view(Uid(1));
        state.row.name.push('s');
        assert!(state.looks_other(Uid(1), &sent), "a name");
    }

    #[test]
    fn a_room_is_small_up_to_so_many_members() {
        let mut state = state();
        for uid in 0..limits::MENTION_ALL_MEMBERS as i64 {
            state.members.insert(Uid(uid), Member::new(Role::Member, 0));
        }
        assert!(state.facts().is_small);
        state.members.insert(Uid(-1), Member::new(Role::Member, 0));
        assert!(!state.facts().is_small);
    }

    #[test]
    fn mentions_of_the_blocked_do_not_count_and_their_messages_do() {
        let blocks = |rows| Arc::new(Blocks::from_rows(rows));
        let mut state = state();
        state.blocks = blocks(vec![BlockRow { by: Uid(1), uid: Uid(2), at: 0 }]);
        assert_eq!(state.unread(Uid(1), 0), Unread { messages: 2, mentions: 0 });
        state.blocks = blocks(vec![BlockRow { by: Uid(2), uid: Uid(1), at: 0 }]);
        assert_eq!(state.unread(Uid(1), 0), Unread { messages: 2, mentions: 1 });
    }

    #[test]
    fn a_hidden_room_is_shown_again_by_a_new_message_only() {
        let mut state = state();
        let hidden = Member { hidden_seq: Some(4), ..Member::new(Role::Member, 0) };
        assert!(!state.is_hidden(&hidden), "no direct room");
        state.row.kind = RoomKind::Dm;
        assert!(state.is_hidden(&hidden));
        state.recent.note(&message(4, Some(vec![Uid(1)])), false);
        assert!(state.is_hidden(&hidden));
        state.recent.note(&message(5, Some(vec![])), true);
        assert!(!state.is_hidden(&hidden));
    }
}
