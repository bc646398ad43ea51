//! A member of a room: what the room knows, and what other members see.

use crate::base::ids::Uid;
use crate::base::time::now_ms;
use crate::protocol::room::{Notify, Role};
use crate::store::chat::MemberRow;

/// A member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The role.
    pub role: Role,
    /// The newest `seq` the member has read.
    pub read: u64,
    /// When the user joined, in milliseconds.
    pub joined_at: i64,
    /// Whether the room is one of the user's favourites.
    pub favourite: bool,
    /// What the user is notified of.
    pub notify: Notify,
    /// Until when a moderator has muted the member, in milliseconds; may be over.
    pub muted_until: Option<i64>,
    /// The room's `seq` when the user hid it, if it is a direct room that they hid.
    pub hidden_seq: Option<u64>,
}

impl Member {
    /// Somebody who has just joined, with everything up to `read` counted as read.
    pub fn new(role: Role, read: u64) -> Self {
        let (joined_at, notify) = (now_ms(), Notify::Usual);
        let (muted_until, hidden_seq) = (None, None);
        Self { role, read, joined_at, favourite: false, notify, muted_until, hidden_seq }
    }

    /// Until when the member may not write, if that is so now.
    pub fn muted(&self) -> Option<i64> {
        self.muted_until.filter(|until| *until > now_ms())
    }
}

impl From<&MemberRow> for Member {
    fn from(row: &MemberRow) -> Self {
        Self {
            role: row.role,
            read: row.read_seq,
            joined_at: row.joined_at,
            favourite: row.favourite,
            notify: row.notify,
            muted_until: row.muted_until,
            hidden_seq: row.hidden_seq,
        }
    }
}

/// A member as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberView {
    /// The user.
    pub uid: Uid,
    /// The role.
    pub role: Role,
    /// Until when the member may not write, in milliseconds.
    pub muted_until: Option<i64>,
    /// When the user joined, in milliseconds.
    pub joined_at: i64,
}

impl MemberView {
    /// Of a member.
    pub fn new(uid: Uid, member: &Member) -> Self {
        let &Member { role, joined_at, .. } = member;
        Self { uid, role, muted_until: member.muted(), joined_at }
    }
}
