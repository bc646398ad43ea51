//! Why an entry of a room's log is refused.

/// A rule of `e2ee.md` 6.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The bytes are no entry.
    Form,
    /// It does not follow the newest entry.
    Chain,
    /// Its time is before that of the newest entry.
    Time,
    /// It names an older or another directory.
    Dn,
    /// It is signed by other keys than the actor's newest.
    Generation,
    /// The actor is no member, or has other keys than those that were let in.
    Actor,
    /// Direct chats have no such entry.
    Kind,
    /// A founding batch has no such entry.
    Founding,
    /// Another identity than the directory's.
    Root,
    /// Banned, or not banned.
    Banned,
    /// The actor's role does not allow it, or the role cannot be given.
    Role,
    /// It cannot be done to that person.
    Target,
    /// A member, or no member.
    Member,
    /// The last owner stays.
    LastOwner,
    /// Another epoch than the next, or than the newest.
    Epoch,
    /// Somebody cannot be skipped.
    Skip,
    /// The invitation link is not, or no more, as it must be.
    Link,
    /// A key that may not be used.
    Key,
}

impl Rule {
    /// All there are.
    pub const ALL: [Self; 18] = [
        Self::Form,
        Self::Chain,
        Self::Time,
        Self::Dn,
        Self::Generation,
        Self::Actor,
        Self::Kind,
        Self::Founding,
        Self::Root,
        Self::Banned,
        Self::Role,
        Self::Target,
        Self::Member,
        Self::LastOwner,
        Self::Epoch,
        Self::Skip,
        Self::Link,
        Self::Key,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Chain => "chain",
            Self::Time => "time",
            Self::Dn => "dn",
            Self::Generation => "generation",
            Self::Actor => "actor",
            Self::Kind => "kind",
            Self::Founding => "founding",
            Self::Root => "root",
            Self::Banned => "banned",
            Self::Role => "role",
            Self::Target => "target",
            Self::Member => "member",
            Self::LastOwner => "last_owner",
            Self::Epoch => "epoch",
            Self::Skip => "skip",
            Self::Link => "link",
            Self::Key => "key",
        }
    }
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It breaks a rule.
    Rule(Rule),
    /// Its signature does not verify.
    Signature,
}

impl Refusal {
    /// The word of the verdict: a rule, or `bad_signature`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.as_str(),
            Self::Signature => "bad_signature",
        }
    }
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

/// A rule holds, or it is the refusal.
pub(super) fn require(holds: bool, rule: Rule) -> Result<(), Rule> {
    if holds { Ok(()) } else { Err(rule) }
}
