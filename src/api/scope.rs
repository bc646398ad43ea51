//! What a session must be good for to do something: one table for every path and method.
//!
//! A path that is added has to be given its place here, or it does not compile.

use crate::auth::{Scope, Session};
use crate::base::error::{Code, Error, Result};

use super::router::Resource;

/// What a session must be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No session at all.
    Nothing,
    /// Reading. Everybody may also end the own session.
    Read,
    /// Writing, as a member.
    Write,
    /// Administration of the server.
    Admin,
    /// A browser that signed in: how the account is signed in to is at stake.
    Full,
}

impl Need {
    /// Of this method on that resource; `HEAD` is as `GET`.
    pub fn of(method: &str, resource: Resource) -> Self {
        use Resource as R;
        let is_read = matches!(method, "GET" | "HEAD");
        match resource {
            R::Health
            | R::Ready
            | R::Metrics
            | R::Info
            | R::EncryptionInfo
            | R::Prelogin
            | R::Register
            | R::Login
            | R::Ticket
            | R::InviteLook
            | R::Avatar => Self::Nothing,
            // By the old password they need a session, which is looked at there; by a ticket none.
            R::PasswordPrepare | R::PasswordCommit => Self::Nothing,
            R::Logout | R::Socket => Self::Read,
            R::Unlock | R::Sessions | R::Session(_) | R::Tokens | R::Token(_) => Self::Full,
            R::Me if method == "DELETE" => Self::Full,
            R::Me
            | R::MyAvatar
            | R::Users
            | R::User(_)
            | R::Rooms
            | R::Directory
            | R::Room(_)
            | R::Mine(_)
            | R::Restore(_)
            | R::Bans(_)
            | R::Ban(..)
            | R::Members(_)
            | R::Member(..)
            | R::Messages(_)
            | R::Invites
            | R::InviteAccept
            | R::Invite(_)
            | R::Blocks
            | R::Block(_) => {
                if is_read {
                    Self::Read
                } else {
                    Self::Write
                }
            }
            R::Admin(_) => Self::Admin,
        }
    }

    /// Refuses a session that is not good for it. Whether its user is an administrator is another
    /// question.
    ///
    /// # Errors
    /// `forbidden`, saying which scope is missing.
    pub fn check(self, session: &Session) -> Result<()> {
        let (is_met, sentence) = match self {
            Self::Nothing | Self::Read => (true, ""),
            Self::Write => (session.scope.writes(), "This token may only read."),
            Self::Admin => {
                (session.scope.administers(), "This token is not good for administration.")
            }
            Self::Full => (
                session.scope == Scope::Full,
                "A token may not do this. Please sign in with your password in a browser.",
            ),
        };
        if is_met { Ok(()) } else { Err(Error::new(Code::Forbidden, sentence)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Uid;

    #[test]
    fn each_scope_meets_what_it_is_for() {
        use Need::{Admin, Full, Nothing, Read, Write};
        let met = |scope| {
            let session = Session { scope, ..Session::of_user(Uid(1), "anna") };
            [Nothing, Read, Write, Admin, Full].map(|need| need.check(&session).is_ok())
        };
        assert_eq!(met(Scope::Read), [true, true, false, false, false]);
        assert_eq!(met(Scope::Write), [true, true, true, false, false]);
        assert_eq!(met(Scope::Admin), [true, true, true, true, false]);
        assert_eq!(met(Scope::Full), [true; 5]);
    }
}
