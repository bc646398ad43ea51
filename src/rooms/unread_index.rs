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
pub struct UnreadIndex {
    /// The places of all of them, in order.
    places: Vec<u64>,
    /// The places of each author's own.
    own: HashMap<Uid, Vec<u64>>,
    /// Where each user is mentioned, and by whom.
    mentions: HashMap<Uid, Vec<(u64, Uid)>>,
}

impl UnreadIndex {
    /// Of these messages.
    pub fn new(recent: &RecentMessages) -> Self {
        let mut index = Self { places: Vec::new(), own: HashMap::new(), mentions: HashMap::new() };
        for message in recent.window() {
            let (place, author) = (message.created_seq, message.author);
            index.places.push(place);
            index.own.entry(author).or_default().push(place);
            for uid in message.mentions.iter().filter(|uid| **uid != author) {
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
        let mentions = self.mentions.get(&uid).map_or(0, |mentions| {
            let blocked = blocks.blocked_by(uid).unwrap_or_default();
            let unread = mentions.iter().filter(|(place, _)| *place > read);
            unread.filter(|(_, author)| !blocked.contains_key(author)).count()
        });
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Unread { messages: number(messages), mentions: number(mentions) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::chat::{BlockRow, RecentMessage};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_index_counts_as_one_by_one(
            messages in prop::collection::vec((1i64..5, prop::collection::vec(1i64..5, 0..3)), 0..40),
            blocks in prop::collection::vec((1i64..5, 1i64..5), 0..4),
            read in 0u64..90,
        ) {
            let stored = messages.into_iter().enumerate().map(|(n, (author, mut mentions))| {
                mentions.dedup();
                mentions.sort_unstable();
                mentions.dedup();
                let mentions = mentions.into_iter().map(Uid).collect();
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
