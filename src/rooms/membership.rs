//! What can happen to a membership, and what became of it.

use crate::protocol::room::{Notify, Role};

/// A change of one membership.
#[derive(Debug, Clone, Copy)]
pub enum MemberChange {
    /// Becomes a member with this role, or has it from now on.
    Put(Role),
    /// Leaves, or is removed.
    Remove,
    /// Is removed, and may not join again.
    Ban,
    /// May join again.
    Unban,
    /// Is muted until then, or unmuted.
    Mute(Option<i64>),
    /// Becomes the only owner.
    Own,
    /// Hides a direct room until somebody writes, or shows it again.
    Hide(bool),
    /// Changes their own settings of the room, as far as named.
    Prefer(Option<bool>, Option<Notify>),
    /// Their account was removed.
    Suspend,
    /// Their account was restored.
    Reinstate,
}

/// What became of a change of membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum MemberOutcome {
    /// It was so already: nothing was written or sent.
    AsBefore,
    /// Somebody has joined.
    Joined,
    /// A membership, or a ban, is another one now, or gone.
    Changed,
}
