//! What members have read of a room, for the shards, which tell it to their connections.

use super::recent::Unread;
use super::registry::Rooms;
use super::unread_index::UnreadIndex;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::rooms as limits;
use crate::protocol::room::ReadState;

/// What members have read of a room, and the newest change that is counted.
#[derive(Debug)]
pub struct ReadStates<T> {
    /// The `seq` of that change.
    pub upto: u64,
    /// What they have read.
    pub of: T,
}

impl Rooms {
    /// What a member has read.
    pub fn read_state(&self, room: RoomId, uid: Uid) -> Option<ReadStates<ReadState>> {
        let handle = self.handle(room)?;
        let state = handle.room.state();
        Some(ReadStates { upto: state.row.last_seq, of: state.read_state(uid)? })
    }

    /// What these members have read, in their order; nothing for somebody who is no member. The room is locked for some
    /// of them at a time, so that its actor never waits long.
    pub fn read_states(&self, room: RoomId, uids: &[Uid]) -> ReadStates<Vec<Option<ReadState>>> {
        let mut states = ReadStates { upto: 0, of: vec![None; uids.len()] };
        let Some(handle) = self.handle(room) else { return states };
        if let Some(few) = few_of(uids) {
            let state = handle.room.state();
            states.upto = state.row.last_seq;
            let counted: Vec<_> = few.iter().map(|uid| (*uid, state.read_state(*uid))).collect();
            for (uid, found) in uids.iter().zip(&mut states.of) {
                *found =
                    counted.iter().find(|(known, _)| known == uid).and_then(|(_, state)| *state);
            }
            return states;
        }
        let index = {
            let state = handle.room.state();
            states.upto = state.row.last_seq;
            UnreadIndex::new(&state.recent)
        };
        let (uids, found) =
            (uids.chunks(limits::COUNTED_AT_ONCE), states.of.chunks_mut(limits::COUNTED_AT_ONCE));
        for (uids, found) in uids.zip(found) {
            let state = handle.room.state();
            for (uid, found) in uids.iter().zip(found) {
                let Some(member) = state.members.get(uid) else { continue };
                let Unread { messages, mentions } =
                    index.unread(*uid, member.read, &self.shared.blocks);
                *found = Some(ReadState { read: member.read, unread: messages, mentions });
            }
        }
        states
    }
}

/// The users among these, each once, if they are few: counting message by message is less work for them than an index
/// of a thousand messages, each of which may mention many.
fn few_of(uids: &[Uid]) -> Option<Vec<Uid>> {
    let mut few = Vec::new();
    for uid in uids {
        if few.contains(uid) {
            continue;
        }
        if few.len() == limits::COUNTED_SINGLY {
            return None;
        }
        few.push(*uid);
    }
    Some(few)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_users_are_few_however_many_connections_they_have() {
        let uids =
            |users: usize| (0..users as i64).cycle().take(3 * users).map(Uid).collect::<Vec<_>>();
        let most = limits::COUNTED_SINGLY;
        assert_eq!(few_of(&uids(most)), Some(uids(most)[..most].to_vec()));
        assert_eq!(few_of(&uids(most + 1)), None);
        assert_eq!(few_of(&[]), Some(vec![]));
    }
}
