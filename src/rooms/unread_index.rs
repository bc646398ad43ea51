//! What many members of a room have not read, counted at once.
//!
//! `activity` tells every reader their own numbers. Counting message by message for each of ten thousand readers
//! would hold the room for milliseconds; an index of the newest messages is made once, and a reader then costs two
//! searches.

use std::collections::HashMap;

use super::blocks::Blocks;
use super::recent::{RecentMessages, Unread};
use crate::base::ids::Uid;

/// The newest messages of a room, by whom they concern.
#[derive(Default)]
pub struct UnreadIndex {
    /// The places of all of them, in order.
    places: Vec<u64>,
    /// The places of each author's own.
    own: HashMap<Uid, Vec<u64>>,
    /// Where each user is mentioned, and by whom.
    mentions: HashMap<Uid, Vec<(u64, Uid)>>,
    /// Where everybody is, and by whom.
    mentions_of_all: Vec<(u64, Uid)>,
}

impl UnreadIndex {
    /// Of these messages.
    pub fn new(recent: &RecentMessages) -> Self {
        let mut index = Self::default();
        for message in recent.window() {
            let (place, author) = (message.created_seq, message.author);
            index.places.push(place);
            index.own.entry(author).or_default().push(place);
            if message.mentions.all {
                index.mentions_of_all.push((place, author));
                continue;
            }
            for uid in message.mentions.users.iter().filter(|uid| **uid != author) {
                index.mentions.entry(*uid).or_default().push((place, author));
            }
        }
        index
    }

    /// The same as [`RecentMessages::unread`].
    pub fn unread(&self, uid: Uid, read: u64, blocks: &Blocks) -> Unread {
        let after = |places: &[u64]| places.len() - places.partition_point(|place| *place <= read);
        let own = self.own.get(&uid).map_or(0, |places| after(places));
        let messages = after(&self.places) - own;
        let mentions = self.mentions.get(&uid).map(Vec::as_slice).unwrap_or_default();
        let mut mentions = mentions.iter().chain(&self.mentions_of_all).peekable();
        let mentions = if mentions.peek().is_some() {
            let blocked = blocks.blocked_by(uid).unwrap_or_default();
            let unread = mentions.filter(|(place, author)| *place > read && *author != uid);
            unread.filter(|(_, author)| !blocked.contains_key(author)).count()
        } else {
            0
        };
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Unread { messages: number(messages), mentions: number(mentions) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::mentions::Mentions;
    use crate::store::chat::{BlockRow, RecentMessage};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_index_counts_as_one_by_one(
            messages in prop::collection::vec(
                (1i64..5, prop::collection::vec(1i64..5, 0..3), prop::bool::weighted(0.2)),
                0..40,
            ),
            blocks in prop::collection::vec((1i64..5, 1i64..5), 0..4),
            read in 0u64..90,
        ) {
            let stored = messages.into_iter().enumerate().map(|(n, (author, mut users, all))| {
                users.sort_unstable();
                users.dedup();
                let mentions = Mentions { all, users: users.into_iter().map(Uid).collect() };
                RecentMessage { created_seq: 2 * n as u64 + 1, author: Uid(author), mentions }
            });
            let recent = RecentMessages::new(stored.collect());
            let rows = blocks.into_iter().filter(|(by, uid)| by != uid);
            let rows = rows.map(|(by, uid)| BlockRow { by: Uid(by), uid: Uid(uid), at: 0 });
            let blocks = Blocks::from_rows(rows.collect());
            let index = UnreadIndex::new(&recent);
            for uid in (1..6).map(Uid) {
                let expected = recent.unread(uid, read, blocks.blocked_by(uid).as_deref());
                prop_assert_eq!(index.unread(uid, read, &blocks), expected);
            }
        }
    }
}
