//! The newest messages of a room, as far as unread counts need them.

use std::collections::{HashMap, VecDeque};

use crate::base::ids::Uid;
use crate::base::limits::chat as limits;
use crate::protocol::message::MessageState;
use crate::store::chat::RecentMessage;

/// How many messages are unread, and how many of them mention the reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// Messages of others.
    pub messages: u32,
    /// Those of them that mention the reader.
    pub mentions: u32,
}

/// The newest messages that are not deleted, oldest first. Some more than count are known, so that a deletion
/// seldom needs the store.
#[derive(Debug, Default)]
pub struct RecentMessages {
    messages: VecDeque<RecentMessage>,
    /// The store has older ones.
    has_older: bool,
}

/// What a changed message means for what readers have not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Nothing but, if it is new, one message more: whoever gets the message counts it.
    Plain,
    /// The numbers are other ones.
    Recounted,
}

impl RecentMessages {
    /// As stored: the newest [`limits::RECENT`], or all there are.
    pub fn new(stored: Vec<RecentMessage>) -> Self {
        Self { has_older: stored.len() >= limits::RECENT, messages: stored.into() }
    }

    /// As stored, without what was committed after this `seq` and is not published yet.
    pub fn up_to(seq: u64, stored: Vec<RecentMessage>) -> Self {
        let mut recent = Self::new(stored);
        recent.messages.retain(|message| message.created_seq <= seq);
        recent
    }

    /// Notes the present state of a message: a new one is unread, an edit may mention others than before, a
    /// deleted one counts no more, and one that was hidden may be shown again.
    pub fn note(&mut self, message: &MessageState, is_new: bool) -> Noted {
        let created_seq = message.created_seq;
        let index = self.messages.binary_search_by_key(&created_seq, |known| known.created_seq);
        let mentions = message.content.mentions().cloned().unwrap_or_default();
        match (message.content.is_shown(), index) {
            (true, Ok(at)) => match self.messages.get_mut(at) {
                Some(known) if known.mentions != mentions => {
                    known.mentions = mentions;
                    Noted::Recounted
                }
                _ => Noted::Plain,
            },
            (true, Err(0)) if !is_new && self.has_older => Noted::Plain,
            (true, Err(at)) => {
                let recent = RecentMessage { created_seq, author: message.by, mentions };
                self.insert(at, recent, is_new)
            }
            (false, Ok(at)) => {
                self.messages.remove(at);
                Noted::Recounted
            }
            (false, Err(_)) => Noted::Plain,
        }
    }

    /// After a commit of unknown outcome messages may arrive in another order than they were created.
    fn insert(&mut self, at: usize, message: RecentMessage, is_new: bool) -> Noted {
        let is_last = at == self.messages.len();
        let oldest = self.window().next().filter(|_| self.messages.len() >= limits::UNREAD);
        let drops_mention = oldest.is_some_and(|oldest| !oldest.mentions.is_empty());
        self.messages.insert(at, message);
        if self.messages.len() > limits::RECENT {
            self.messages.pop_front();
            self.has_older = true;
        }
        if is_new && is_last && !drops_mention { Noted::Plain } else { Noted::Recounted }
    }

    /// Whether so many were deleted that older ones count again, which only the store knows.
    pub fn needs_store(&self) -> bool {
        self.has_older && self.messages.len() < limits::UNREAD
    }

    /// Counts the messages of others that are unread for `uid`, who has read up to `read`. People in `blocked` cannot
    /// mention `uid`; that is decided here, each time, so that it holds as long as the block does.
    pub fn unread(&self, uid: Uid, read: u64, blocked: Option<&HashMap<Uid, i64>>) -> Unread {
        let counts = |message: &RecentMessage| {
            message.mentions.contains(uid)
                && blocked.is_none_or(|blocked| !blocked.contains_key(&message.author))
        };
        let others = self.after(read).filter(|message| message.author != uid);
        others.fold(Unread::default(), |unread, message| Unread {
            messages: unread.messages + 1,
            mentions: unread.mentions + u32::from(counts(message)),
        })
    }

    /// Whether a message of `author` after `read` mentions `uid`.
    pub fn mentions(&self, uid: Uid, read: u64, author: Uid) -> bool {
        self.after(read).any(|message| message.author == author && message.mentions.contains(uid))
    }

    /// The `created_seq` of the newest message; 0 if there is none.
    pub fn newest(&self) -> u64 {
        self.messages.back().map_or(0, |message| message.created_seq)
    }

    /// The messages that may count as unread: the newest [`limits::UNREAD`].
    pub fn window(&self) -> impl Iterator<Item = &RecentMessage> {
        self.messages.range(self.messages.len().saturating_sub(limits::UNREAD)..)
    }

    fn after(&self, read: u64) -> impl Iterator<Item = &RecentMessage> {
        let first = self.messages.partition_point(|message| message.created_seq <= read);
        self.messages.range(first.max(self.messages.len().saturating_sub(limits::UNREAD))..)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::ids::Mid;
    use crate::protocol::message::{Content, TextBody};

    fn recent() -> RecentMessages {
        let message = |created_seq, author, mentions: &[Uid]| RecentMessage {
            created_seq,
            author: Uid(author),
            mentions: mentions.to_vec().into(),
        };
        RecentMessages::new(vec![message(1, 1, &[]), message(2, 2, &[Uid(1)]), message(4, 2, &[])])
    }

    /// A message of user 2 with these mentions, or a deleted one.
    pub(in crate::rooms) fn message(created_seq: u64, mentions: Option<Vec<Uid>>) -> MessageState {
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
                Content::Plain(TextBody { mentions: mentions.into(), ..TextBody::default() })
            }),
            reactions: Vec::new(),
        }
    }

    fn unread(recent: &RecentMessages, uid: i64, read: u64) -> (u32, u32) {
        let Unread { messages, mentions } = recent.unread(Uid(uid), read, None);
        (messages, mentions)
    }

    #[test]
    fn only_messages_of_others_after_the_read_position_are_unread() {
        let recent = recent();
        assert_eq!(unread(&recent, 1, 0), (2, 1));
        assert_eq!(unread(&recent, 1, 2), (1, 0));
        assert_eq!(unread(&recent, 2, 0), (1, 0));
        assert_eq!(unread(&recent, 3, 9), (0, 0));
    }

    #[test]
    fn a_mention_by_somebody_who_is_blocked_does_not_count() {
        let recent = recent();
        let blocked = HashMap::from([(Uid(2), 0)]);
        assert_eq!(recent.unread(Uid(1), 0, Some(&blocked)), Unread { messages: 2, mentions: 0 });
        assert!(recent.mentions(Uid(1), 0, Uid(2)) && !recent.mentions(Uid(1), 2, Uid(2)));
    }

    #[test]
    fn an_erased_message_is_not_unread() {
        let mut recent = recent();
        recent.note(&message(2, None), false);
        recent.note(&message(3, None), false);
        assert_eq!(unread(&recent, 1, 0), (1, 0));
    }

    #[test]
    fn an_edit_changes_who_is_mentioned_but_not_how_much_is_unread() {
        let mut recent = recent();
        recent.note(&message(4, Some(vec![Uid(1)])), false);
        assert_eq!(unread(&recent, 1, 2), (1, 1));
        recent.note(&message(4, Some(vec![])), false);
        assert_eq!(unread(&recent, 1, 2), (1, 0));
    }

    #[test]
    fn messages_that_come_late_or_twice_are_counted_once_each() {
        let mut recent = recent();
        for created_seq in [6, 5, 6, 5] {
            recent.note(&message(created_seq, Some(vec![])), true);
        }
        assert_eq!(unread(&recent, 1, 4), (2, 0));
        assert_eq!(unread(&recent, 1, 5), (1, 0));
    }

    #[test]
    fn a_message_that_is_shown_again_counts_again_unless_it_is_older_than_all_that_are_known() {
        let mut recent = recent();
        assert_eq!(recent.note(&message(2, None), false), Noted::Recounted);
        assert_eq!(recent.note(&message(2, Some(vec![Uid(1)])), false), Noted::Recounted);
        assert_eq!(unread(&recent, 1, 0), (2, 1));
        for created_seq in 5..2_000 {
            recent.note(&message(created_seq, Some(vec![])), true);
        }
        assert_eq!(recent.note(&message(3, Some(vec![])), false), Noted::Plain);
    }

    #[test]
    fn only_what_readers_cannot_count_themselves_is_a_recount() {
        let mut recent = recent();
        let mention = || Some(vec![Uid(1)]);
        assert_eq!(recent.note(&message(5, mention()), true), Noted::Plain);
        assert_eq!(recent.note(&message(5, mention()), false), Noted::Plain, "as it was");
        assert_eq!(recent.note(&message(5, Some(vec![])), false), Noted::Recounted);
        assert_eq!(recent.note(&message(7, None), true), Noted::Plain, "it never counted");
        assert_eq!(recent.note(&message(3, Some(vec![])), true), Noted::Recounted, "late");
        for created_seq in 8..8 + limits::UNREAD as u64 - 5 {
            assert_eq!(recent.note(&message(created_seq, Some(vec![])), true), Noted::Plain);
        }
        let next = 2_000..;
        let noted: Vec<_> =
            next.take(3).map(|seq| recent.note(&message(seq, Some(vec![])), true)).collect();
        assert_eq!(noted, [Noted::Plain, Noted::Recounted, Noted::Plain], "a mention is too old");
    }

    #[test]
    fn so_many_deletions_need_no_store_and_one_more_does() {
        let mut recent = RecentMessages::default();
        let last = 2 * limits::RECENT as u64;
        for created_seq in 1..=last {
            recent.note(&message(created_seq, Some(vec![])), true);
        }
        for created_seq in (0..250).map(|n| last - n) {
            recent.note(&message(created_seq, None), false);
            assert!(!recent.needs_store());
            assert_eq!(unread(&recent, 1, 0).0 as usize, limits::UNREAD);
        }
        recent.note(&message(last - 250, None), false);
        assert!(recent.needs_store());
    }

    #[test]
    fn what_is_not_published_yet_is_left_out_and_older_messages_are_still_known_to_exist() {
        let stored = |created_seq| RecentMessage {
            created_seq,
            author: Uid(2),
            mentions: Vec::new().into(),
        };
        let newest = limits::RECENT as u64;
        let mut recent = RecentMessages::up_to(newest - 1, (1..=newest).map(stored).collect());
        assert_eq!(recent.newest(), newest - 1);
        for deleted in 1..newest - limits::UNREAD as u64 {
            assert!(!recent.needs_store());
            recent.note(&message(deleted, None), false);
        }
        recent.note(&message(newest - 1, None), false);
        assert!(recent.needs_store());
    }

    #[test]
    fn no_more_is_counted_than_the_bound() {
        let mut recent = recent();
        for created_seq in 5..2_000 {
            recent.note(&message(created_seq, Some(vec![])), true);
        }
        assert_eq!(unread(&recent, 1, 0).0 as usize, limits::UNREAD);
    }
}
