//! What a room knows about itself. Written by its actor only; read by anybody for a moment.

use std::collections::{HashMap, VecDeque};

use crate::error::{Code, Error, Result};
use crate::ids::{RoomId, Uid};
use crate::limits::chat as limits;
use crate::policy::{self, Action, Asker, Place};
use crate::protocol::event::{Notify, Role, RoomKind, RoomView};
use crate::protocol::message::MessageState;
use crate::store::chat::{BanRow, MemberRow, RoomRow};
use crate::store::now_ms;

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
}

impl Member {
    /// Somebody who has just come in, having read everything up to `read`.
    pub fn new(role: Role, read: u64) -> Self {
        let (joined_at, notify) = (now_ms(), Notify::Usual);
        Self { role, read, joined_at, favourite: false, notify, silenced_until: None }
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
}

impl State {
    /// From what is stored.
    pub fn new(row: RoomRow, recent: Vec<(u64, Uid, Vec<Uid>)>) -> Self {
        let recent = recent.into_iter().map(|(created_seq, author, mentions)| Recent {
            created_seq,
            author,
            mentions: mentions.into(),
        });
        Self { row, members: HashMap::new(), bans: HashMap::new(), recent: recent.collect() }
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
        };
        policy::decide(asker, self.place(), action)
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
        let text = "This is the only owner of the room. Please make somebody else an owner first.";
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

    /// Messages of others after `read`, and those among them that mention `uid`.
    pub fn unread(&self, uid: Uid, read: u64) -> (u32, u32) {
        let first = self.recent.partition_point(|recent| recent.created_seq <= read);
        let others = self.recent.range(first..).filter(|recent| recent.author != uid);
        others.fold((0, 0), |(unread, mentions), recent| {
            (unread + 1, mentions + u32::from(recent.mentions.contains(&uid)))
        })
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
    use crate::ids::Mid;
    use crate::protocol::command::TextBody;
    use crate::protocol::message::Content;

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
        State::new(row, recent)
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
    fn no_more_is_counted_than_the_bound() {
        let mut state = state();
        for created_seq in 5..2_000 {
            state.note(&message(created_seq, Some(vec![])), true);
        }
        assert_eq!(state.unread(Uid(1), 0).0 as usize, limits::UNREAD);
    }
}
