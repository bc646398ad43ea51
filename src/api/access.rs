//! What a session must be good for to make a call.

use crate::auth::{Scope, Session};
use crate::base::error::{Code, Error, Result};

/// What a session must be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reading. Every session may also end itself.
    Read,
    /// Writing, as a member.
    Write,
    /// Administration of the server.
    Admin,
    /// A browser that signed in: how the account is signed in to is at stake.
    Full,
}

impl Access {
    /// Refuses a session that is not good for it. Whether its user is an administrator is another
    /// question.
    ///
    /// # Errors
    /// `forbidden`, saying which scope is missing.
    pub fn check(self, session: &Session) -> Result<()> {
        let (is_met, sentence) = match self {
            Self::Read => (true, ""),
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
        use Access::{Admin, Full, Read, Write};
        let met = |scope| {
            let session = Session { scope, ..Session::of_user(Uid(1), "anna") };
            [Read, Write, Admin, Full].map(|access| access.check(&session).is_ok())
        };
        assert_eq!(met(Scope::Read), [true, false, false, false]);
        assert_eq!(met(Scope::Write), [true, true, false, false]);
        assert_eq!(met(Scope::Admin), [true, true, true, false]);
        assert_eq!(met(Scope::Full), [true; 4]);
    }
}
