//! Why an entry of the directory is refused.

use crate::base::encryption::EncryptionDetail;
use crate::base::error::Error;

/// A rule of `e2ee.md` 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The bytes are no entry.
    Form,
    /// Somebody else's entry.
    Actor,
    /// A first entry that is no `create`, or a further one that is.
    Type,
    /// `prev_leaf` is not the person's latest leaf.
    Prev,
    /// Another generation than the next, or, for a name, the same one.
    Generation,
    /// A key that may not be used, was used before, or is somebody else's.
    Key,
    /// Another tag than the name has, or than the rule allows.
    Tag,
    /// The tag belongs to somebody else.
    Taken,
}

impl Rule {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Actor => "actor",
            Self::Type => "type",
            Self::Prev => "prev",
            Self::Generation => "generation",
            Self::Key => "key",
            Self::Tag => "tag",
            Self::Taken => "taken",
        }
    }
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It breaks a rule.
    Rule(Rule),
    /// A signature does not verify.
    Signature,
    /// Its time is ahead of the clock.
    Time,
}

impl From<Rule> for Reason {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

/// The first of several entries that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Which one.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

impl Refusal {
    /// The error for the client, at this time of the server's clock.
    pub fn into_error(self, now_ms: u64) -> Error {
        let index = self.index;
        Error::with_detail(match self.reason {
            Reason::Rule(rule) => EncryptionDetail::BadEntry { index, rule: rule.as_str() },
            Reason::Signature => EncryptionDetail::BadSignature { index: Some(index) },
            Reason::Time => EncryptionDetail::BadTime { now: now_ms },
        })
    }
}
