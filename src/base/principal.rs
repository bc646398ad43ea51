//! Who acts, as far as rights and records depend on it.

use super::ids::Uid;

/// Who asks for something or does it. What they may do is decided where it is done: in the store's
/// transaction, in the room's actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A user.
    User {
        /// Who.
        uid: Uid,
        /// Whether they act as an administrator of the server. An administrator who uses a token of a
        /// narrower scope, or who deletes their own account, does not.
        is_admin: bool,
    },
    /// Whoever runs the server's machine, through the command line. They may do what an administrator may, and
    /// no rate limit applies to them.
    Operator,
    /// The server itself, for default rooms, invite links and the purge. Its rights are not checked.
    Server,
}

impl Principal {
    /// The user, if it is one.
    pub fn uid(self) -> Option<Uid> {
        match self {
            Self::User { uid, .. } => Some(uid),
            Self::Operator | Self::Server => None,
        }
    }

    /// Whether this is that user.
    pub fn is(self, user: Uid) -> bool {
        self.uid() == Some(user)
    }

    /// Whether this is somebody with the rights of an administrator: a user who acts as one, or the operator.
    pub fn is_admin(self) -> bool {
        matches!(self, Self::User { is_admin: true, .. } | Self::Operator)
    }
}
