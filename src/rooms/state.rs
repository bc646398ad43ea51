//! What a room knows about itself. Written by its actor only; read by anybody for a moment.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::blocks::Blocks;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::chat as limits;
use crate::base::time::now_ms;
use crate::policy::{self, Action, Asker, Block, Place};
use crate::protocol::message::MessageState;
use crate::protocol::room::{Notify, Role, RoomKind, RoomView};
use crate::store::chat::{BanRow, MemberRow, RoomRow};

/// A member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// What it may do.
    pub role: Role,
    /// How far it has read.
    pub read: u64,
    /// When it joined, in milliseconds.
    pub joined_at: i64,
    /// Whether the user keeps the room at hand.
    pub favourite: bool,
    /// What the user wants to hear of.
    pub notify: Notify,
    /// Until when a moderator took its word, in milliseconds; may be over.
    pub silenced_until: Option<i64>,
    /// What a direct room had come to when the user put it out of sight.
    pub hidden_seq: Option<u64>,
}

impl Member {
    /// Somebody who has just come in, having read everything up to `read`.
    pub fn new(role: Role, read: u64) -> Self {
        let (joined_at, notify) = (now_ms(), Notify::Usual);
        let (silenced_until, hidden_seq) = (None, None);
        Self { role, read, joined_at, favourite: false, notify, silenced_until, hidden_seq }
    }

    /// As stored.
    pub fn of(row: &MemberRow) -> Self {
        Self {
            role: row.role,
            read: row.read_seq,
            joined_at: row.joined_at,
            favourite: row.favourite,
            notify: row.notify,
            silenced_until: row.silenced_until,
            hidden_seq: row.hidden_seq,
        }
    }

    /// Until when it may not write, if it may not now.
    pub fn silenced(&self) -> Option<i64> {
        self.silenced_until.filter(|until| *until > now_ms())
    }
}

/// A member as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberView {
    /// Who.
    pub uid: Uid,
    /// What it may do.
    pub role: Role,
    /// Until when it may not write, in milliseconds.
    pub silenced_until: Option<i64>,
    /// When it joined, in milliseconds.
    pub joined_at: i64,
}

/// A message as far as unread counts need it.
#[derive(Debug, Clone)]
struct Recent {
    created_seq: u64,
    author: Uid,
    mentions: Box<[Uid]>,
}

/// A room's present state, without its messages.
#[derive(Debug)]
pub struct State {
    /// Name, topic, kind.
    pub row: RoomRow,
    /// Its members.
    pub members: HashMap<Uid, Member>,
    /// Who may not come back.
    pub bans: HashMap<Uid, BanRow>,
    /// The newest messages, oldest first; at most [`limits::UNREAD`].
    recent: VecDeque<Recent>,
    /// Who has blocked whom, here and elsewhere.
    blocks: Arc<Blocks>,
}

impl State {
    /// From what is stored.
    pub fn new(row: RoomRow, recent: Vec<(u64, Uid, Vec<Uid>)>, blocks: Arc<Blocks>) -> Self {
        let recent = recent.into_iter().map(|(created_seq, author, mentions)| Recent {
            created_seq,
            author,
            mentions: mentions.into(),
        });
        let (members, bans) = (HashMap::new(), HashMap::new());
        Self { row, members, bans, recent: recent.collect(), blocks }
    }

    /// Whether this user may do that here.
    ///
    /// # Errors
    /// As [`policy::decide`].
    pub fn may(&self, uid: Uid, admin: bool, action: Action) -> Result<()> {
        let member = self.members.get(&uid);
        let asker = Asker {
            admin,
            role: member.map(|member| member.role),
            silenced: member.is_some_and(|member| member.silenced().is_some()),
            banned: self.bans.contains_key(&uid),
            block: self.block_of(uid),
        };
        policy::decide(asker, self.place(), action)
    }

    /// What stands between this user and the other one of a direct room of two.
    pub fn block_of(&self, uid: Uid) -> Block {
        if self.row.kind != RoomKind::Dm || self.members.len() != 2 {
            return Block::None;
        }
        match self.members.keys().find(|other| **other != uid) {
            Some(other) if self.blocks.has(uid, *other) => Block::Own,
            Some(other) if self.blocks.has(*other, uid) => Block::Others,
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
        self.blocks.has(by, uid)
    }

    fn place(&self) -> Place {
        let RoomRow { kind, read_only, archived, group, .. } = self.row;
        Place { kind, read_only, archived, group }
    }

    /// A room that has an owner keeps one: the last may not go or step down.
    ///
    /// # Errors
    /// `conflict`.
    pub fn keeps_an_owner_without(&self, uid: Uid) -> Result<()> {
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

    /// Who becomes the owner if the last one's account goes: the admin, else the member, who has
    /// been here longest.
    pub fn heir_of(&self, uid: Uid) -> Option<Uid> {
        self.keeps_an_owner_without(uid).err()?;
        let others = self.members.iter().filter(|(other, _)| **other != uid);
        let key = |(uid, member): &(&Uid, &Member)| {
            (std::cmp::Reverse(member.role), member.joined_at, **uid)
        };
        others.min_by_key(key).map(|(uid, _)| *uid)
    }

    /// A message is published, in its present state: a new one is to be read, an edit may mention
    /// others than before, an erased one is nobody's to read any more.
    pub fn note(&mut self, message: &MessageState, is_new: bool) {
        let key = message.created_seq;
        let place = self.recent.binary_search_by_key(&key, |recent| recent.created_seq);
        let mentions = message.content.mentions();
        match (message.content.is_deleted(), place) {
            (false, Ok(at)) => {
                if let Some(known) = self.recent.get_mut(at) {
                    known.mentions = mentions.into();
                }
            }
            // After an unknown outcome messages may come out of the order of their creation.
            (false, Err(at)) if is_new => {
                let mentions = mentions.into();
                self.recent.insert(at, Recent { created_seq: key, author: message.by, mentions });
                if self.recent.len() > limits::UNREAD {
                    self.recent.pop_front();
                }
            }
            (true, Ok(at)) => {
                self.recent.remove(at);
            }
            (_, Err(_)) => {}
        }
    }

    /// Messages of others after `read`, and those among them that mention `uid`; whom `uid` has
    /// blocked cannot mention it. Counted at every look, so that the end of a block counts, too.
    pub fn unread(&self, uid: Uid, read: u64) -> (u32, u32) {
        let first = self.recent.partition_point(|recent| recent.created_seq <= read);
        let others = self.recent.range(first..).filter(|recent| recent.author != uid);
        let blocked = self.blocks.of(uid);
        let counts = |recent: &Recent| {
            recent.mentions.contains(&uid)
                && blocked.as_ref().is_none_or(|blocked| !blocked.contains_key(&recent.author))
        };
        others.fold((0, 0), |(unread, mentions), recent| {
            (unread + 1, mentions + u32::from(counts(recent)))
        })
    }

    /// Whether something of `author` that `uid` has not read mentions it.
    pub fn is_mentioned(&self, uid: Uid, author: Uid) -> bool {
        let Some(member) = self.members.get(&uid) else { return false };
        let first = self.recent.partition_point(|recent| recent.created_seq <= member.read);
        let mut unread = self.recent.range(first..);
        unread.any(|recent| recent.author == author && recent.mentions.contains(&uid))
    }

    /// Whether the member has put the room out of sight and nobody has written since.
    fn is_hidden(&self, member: &Member) -> bool {
        let newest = self.recent.back().map_or(0, |recent| recent.created_seq);
        self.row.kind == RoomKind::Dm && member.hidden_seq.is_some_and(|seq| newest <= seq)
    }

    /// The room as `uid` sees it.
    pub fn view(&self, uid: Uid) -> RoomView {
        let member = self.members.get(&uid).copied();
        let read = member.map_or(0, |member| member.read);
        let (unread, mentions) = if member.is_some() { self.unread(uid, read) } else { (0, 0) };
        let mut with = Vec::new();
        if self.row.kind == RoomKind::Dm {
            with.extend(self.members.keys().filter(|other| **other != uid));
            with.sort_unstable();
        }
        RoomView {
            id: self.row.id,
            name: self.row.name.clone(),
            topic: self.row.topic.clone(),
            kind: self.row.kind,
            e2ee: self.row.e2ee,
            is_default: self.row.is_default,
            role: member.map(|member| member.role),
            seq: self.row.last_seq,
            read,
            unread,
            mentions,
            members: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
            with,
            read_only: self.row.read_only,
            archived: self.row.archived,
            favourite: member.is_some_and(|member| member.favourite),
            notify: member.map(|member| member.notify).unwrap_or_default(),
            silenced_until: member.and_then(|member| member.silenced()),
            hidden: member.is_some_and(|member| self.is_hidden(&member)),
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
    use crate::base::ids::Mid;
    use crate::protocol::message::{Content, TextBody};
    use crate::store::chat::BlockRow;

    fn state() -> State {
        let row = RoomRow {
            id: RoomId(1),
            name: "General".into(),
            topic: String::new(),
            kind: RoomKind::Open,
            e2ee: false,
            is_default: true,
            last_seq: 4,
            read_only: false,
            archived: false,
            group: false,
            created_at: 0,
        };
        let recent = vec![(1, Uid(1), vec![]), (2, Uid(2), vec![Uid(1)]), (4, Uid(2), vec![])];
        State::new(row, recent, Arc::default())
    }

    #[test]
    fn only_messages_of_others_after_the_read_position_are_unread() {
        let state = state();
        assert_eq!(state.unread(Uid(1), 0), (2, 1));
        assert_eq!(state.unread(Uid(1), 2), (1, 0));
        assert_eq!(state.unread(Uid(2), 0), (1, 0));
        assert_eq!(state.unread(Uid(3), 9), (0, 0));
    }

    fn message(created_seq: u64, mentions: Option<Vec<Uid>>) -> MessageState {
        MessageState {
            mid: Mid([0; 16]),
            rev: 0,
            by: Uid(2),
            seq: created_seq,
            at: 0,
            created_seq,
            created_at: 0,
            edited_at: None,
            content: mentions.map_or(Content::Deleted, |mentions| {
                Content::Plain(TextBody { mentions, ..TextBody::default() })
            }),
            reactions: Vec::new(),
        }
    }

    #[test]
    fn an_erased_message_is_not_unread() {
        let mut state = state();
        state.note(&message(2, None), false);
        state.note(&message(3, None), false);
        assert_eq!(state.unread(Uid(1), 0), (1, 0));
    }

    #[test]
    fn an_edit_changes_who_is_mentioned_but_not_how_much_is_unread() {
        let mut state = state();
        state.note(&message(4, Some(vec![Uid(1)])), false);
        assert_eq!(state.unread(Uid(1), 2), (1, 1));
        state.note(&message(4, Some(vec![])), false);
        assert_eq!(state.unread(Uid(1), 2), (1, 0));
    }

    #[test]
    fn messages_that_come_late_or_twice_are_counted_once_each() {
        let mut state = state();
        for created_seq in [6, 5, 6, 5] {
            state.note(&message(created_seq, Some(vec![])), true);
        }
        assert_eq!(state.unread(Uid(1), 4), (2, 0));
        assert_eq!(state.unread(Uid(1), 5), (1, 0));
    }

    #[test]
    fn the_only_owner_stays_and_is_inherited_by_who_has_been_here_longest() {
        let mut state = state();
        let member = |role, joined_at| Member { joined_at, ..Member::new(role, 0) };
        state.members.insert(Uid(1), member(Role::Owner, 1));
        assert!(state.keeps_an_owner_without(Uid(1)).is_err());
        assert_eq!(state.heir_of(Uid(1)), None, "nobody is there");
        state.members.insert(Uid(2), member(Role::Member, 2));
        state.members.insert(Uid(3), member(Role::Admin, 4));
        state.members.insert(Uid(4), member(Role::Admin, 3));
        assert_eq!(state.heir_of(Uid(1)), Some(Uid(4)));
        assert_eq!(state.heir_of(Uid(2)), None, "an owner is left");
        state.members.insert(Uid(5), member(Role::Owner, 9));
        assert!(state.keeps_an_owner_without(Uid(1)).is_ok());
    }

    #[test]
    fn mentions_of_the_blocked_do_not_count_and_their_messages_do() {
        let blocks = |rows| Arc::new(Blocks::of_rows(rows));
        let mut state = state();
        state.blocks = blocks(vec![BlockRow { by: Uid(1), uid: Uid(2), at: 0 }]);
        assert_eq!(state.unread(Uid(1), 0), (2, 0));
        state.blocks = blocks(vec![BlockRow { by: Uid(2), uid: Uid(1), at: 0 }]);
        assert_eq!(state.unread(Uid(1), 0), (2, 1));
    }

    #[test]
    fn a_hidden_room_is_shown_by_what_is_new_in_it_and_by_nothing_else() {
        let mut state = state();
        let hidden = Member { hidden_seq: Some(4), ..Member::new(Role::Member, 0) };
        assert!(!state.is_hidden(&hidden), "no direct room");
        state.row.kind = RoomKind::Dm;
        assert!(state.is_hidden(&hidden));
        state.note(&message(4, Some(vec![Uid(1)])), false);
        assert!(state.is_hidden(&hidden));
        state.note(&message(5, Some(vec![])), true);
        assert!(!state.is_hidden(&hidden));
    }

    #[test]
    fn no_more_is_counted_than_the_bound() {
        let mut state = state();
        for created_seq in 5..2_000 {
            state.note(&message(created_seq, Some(vec![])), true);
        }
        assert_eq!(state.unread(Uid(1), 0).0 as usize, limits::UNREAD);
    }
}
