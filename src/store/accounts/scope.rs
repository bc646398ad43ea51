//! What carries a token, and what it may be used for.

use serde::{Deserialize, Serialize};

/// What carries the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A login.
    Browser,
    /// A personal access token.
    Token,
}

impl SessionKind {
    /// Its word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Token => "token",
        }
    }
}

/// What a session or a token may be used for. Each may do what the one before it may, but for the last
/// two: only a browser that signed in by password changes how the account is signed in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Reading.
    Read,
    /// Reading and writing, as a member.
    Write,
    /// The same, and the administration of the server, if the user is an administrator.
    Admin,
    /// Everything, of a browser that signed in.
    Full,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Admin, Self::Full];

    /// Its word in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Full => "full",
        }
    }

    /// The scope of a word in the database. An unknown word is worth the least.
    pub(super) fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word).unwrap_or(Self::Read)
    }

    /// Whether it writes, as a member.
    pub fn writes(self) -> bool {
        self != Self::Read
    }

    /// Whether it may do what an administrator does, if the user is one.
    pub fn administers(self) -> bool {
        matches!(self, Self::Admin | Self::Full)
    }
}
