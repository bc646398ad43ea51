//! Who acts, and under which name the audit log knows them.

use crate::auth::Session;
use crate::base::ids::Uid;
use crate::base::principal::Principal;

/// Who does something that may have to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What rights depend on.
    pub principal: Principal,
    /// The name in the audit log.
    pub name: String,
}

impl Actor {
    /// The user of this session.
    pub fn of(session: &Session) -> Self {
        Self { principal: session.principal(), name: session.username.clone() }
    }

    /// A user who acts without being signed in, as the holder of a ticket or of an invitation does.
    pub fn user(uid: Uid, name: &str) -> Self {
        Self { principal: Principal::User { uid, is_admin: false }, name: name.to_owned() }
    }

    /// Somebody who runs the server's machine, through the command line.
    pub fn operator() -> Self {
        Self { principal: Principal::Operator, name: "command line".to_owned() }
    }

    /// The user, if it is one.
    pub fn uid(&self) -> Option<Uid> {
        self.principal.uid()
    }

    /// Whether this is that user.
    pub fn is(&self, user: Uid) -> bool {
        self.principal.is(user)
    }

    /// Whether they have the rights of an administrator of the server.
    pub fn is_admin(&self) -> bool {
        self.principal.is_admin()
    }
}
