//! What a room knows about itself. Written by its actor only; read by anybody for a moment.

use std::collections::{HashMap, VecDeque};

use crate::ids::{RoomId, Uid};
use crate::limits::chat as limits;
use crate::protocol::event::{Role, RoomKind, RoomView};
use crate::protocol::message::MessageState;
use crate::store::chat::RoomRow;

/// A member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// What it may do.
    pub role: Role,
    /// How far it has read.
    pub read: u64,
}

/// A member as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberView {
    /// Who.
    pub uid: Uid,
    /// What it may do.
    pub role: Role,
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
        Self { row, members: HashMap::new(), recent: recent.collect() }
    }

    /// A message was created.
    pub fn note_new(&mut self, message: &MessageState) {
        let Some(body) = &message.body else { return };
        if self.recent.len() == limits::UNREAD {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent {
            created_seq: message.created_seq,
            author: message.by,
            mentions: body.mentions.as_slice().into(),
        });
    }

    /// The same for a message that may be known already.
    pub fn note_new_once(&mut self, message: &MessageState) {
        if self.recent.back().is_none_or(|recent| recent.created_seq < message.created_seq) {
            self.note_new(message);
        }
    }

    /// A message was erased: nobody needs to read it any more.
    pub fn note_deleted(&mut self, created_seq: u64) {
        if let Ok(at) = self.recent.binary_search_by_key(&created_seq, |recent| recent.created_seq)
        {
            self.recent.remove(at);
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

    fn state() -> State {
        let row = RoomRow {
            id: RoomId(1),
            name: "General".into(),
            topic: String::new(),
            kind: RoomKind::Open,
            e2ee: false,
            is_default: true,
            last_seq: 4,
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

    #[test]
    fn an_erased_message_is_not_unread() {
        let mut state = state();
        state.note_deleted(2);
        state.note_deleted(3);
        assert_eq!(state.unread(Uid(1), 0), (1, 0));
    }
}
