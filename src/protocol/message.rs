//! The current state of one message: what `msg` events, resume and history pages all carry.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::envelope::Envelope;
use super::file::{MessageFile, NamedFile};
use super::mentions::Mentions;
use super::names;
use crate::base::ids::{Mid, Uid};

/// A message as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageState {
    /// Its id.
    pub mid: Mid,
    /// How often it changed.
    pub rev: u32,
    /// Its author.
    pub by: Uid,
    /// The room's `seq` of its last change.
    pub seq: u64,
    /// When that was, in milliseconds.
    pub at: i64,
    /// The `seq` of its creation: its place in the history.
    pub created_seq: u64,
    /// When it was created, in milliseconds.
    pub created_at: i64,
    /// When its text was last edited, in milliseconds.
    pub edited_at: Option<i64>,
    /// Its content.
    pub content: Content,
    /// Who reacted with what, oldest first.
    pub reactions: Vec<Reaction>,
}

impl MessageState {
    /// A message that is not stored yet: the commit gives it its place and its times.
    pub fn new(mid: Mid, by: Uid, content: Content) -> Self {
        Self {
            mid,
            rev: 0,
            by,
            seq: 0,
            at: 0,
            created_seq: 0,
            created_at: 0,
            edited_at: None,
            content,
            reactions: Vec::new(),
        }
    }
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text that the server can read.
    Plain(TextBody),
    /// An envelope that only members of the room can open.
    Sealed(Sealed),
    /// The content was erased by an envelope, which says by whom.
    SealedDeleted {
        /// The envelope, which has no content.
        envelope: Envelope,
        /// The room's `seq` of this revision.
        rev_seq: u64,
    },
    /// The server has taken an envelope away, which is no revision.
    Gone {
        /// Why.
        why: Gone,
        /// The room's `seq` of the revision that it took.
        rev_seq: u64,
    },
    /// What is stored cannot be read. Nothing of it is shown, and the message can be deleted.
    Unreadable,
    /// The content was erased.
    Deleted,
}

/// An encrypted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The envelope.
    pub envelope: Envelope,
    /// The room's `seq` of this revision. Reactions change the message's `seq` and not this.
    pub rev_seq: u64,
    /// The reactions to it, oldest first. None in an event for those who know them.
    pub reacts: Option<Vec<SealedReaction>>,
}

/// A reaction to an encrypted message, as it is told with the message: `{"rev_seq","env"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedReaction {
    /// The room's `seq` of the reaction.
    pub rev_seq: u64,
    /// Its envelope.
    #[serde(rename = "env")]
    pub envelope: Envelope,
}

/// Why the server has taken an encrypted message away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// The account of its author was removed with all that it had written. It comes back with the account.
    Account,
    /// It was older than the server keeps messages.
    Retention,
    /// An administrator of the server took it away.
    Admin,
}

names!(Gone { Account = "account", Retention = "retention", Admin = "admin" });

impl Content {
    /// Whom it mentions, if the server can read that.
    pub fn mentions(&self) -> Option<&Mentions> {
        match self {
            Self::Plain(body) => Some(&body.mentions),
            _ => None,
        }
    }

    /// Whether the content was erased.
    pub fn is_deleted(&self) -> bool {
        matches!(self, Self::Deleted | Self::SealedDeleted { .. })
    }

    /// Whether there is anything to read, for those who can.
    pub fn is_shown(&self) -> bool {
        !self.is_deleted() && !matches!(self, Self::Gone { .. })
    }
}

/// The text of a message and what belongs to it. Every field has a type of its own: what cannot be parsed
/// into it is refused, so that what is stored comes back as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct TextBody {
    /// The text.
    #[serde(rename = "t")]
    pub text: String,
    /// The message this one replies to.
    #[serde(rename = "re", default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Mid>,
    /// Whom it mentions.
    #[serde(rename = "m", default, skip_serializing_if = "Mentions::is_empty")]
    pub mentions: Mentions,
    /// Its files. One that is being sent only names them (`DraftBody::Text`).
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<MessageFile>,
}

impl TextBody {
    /// Whether everything but the files is the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self { text, reply_to, mentions, files: _ } = self;
        *text == other.text && *reply_to == other.reply_to && *mentions == other.mentions
    }

    /// Whether these are its files, in this order and with these words.
    pub fn has_files(&self, named: &[NamedFile]) -> bool {
        named.len() == self.files.len()
            && named.iter().zip(&self.files).all(|(named, file)| named.names(file))
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        self.text.len() + self.files.iter().map(MessageFile::size_in_memory).sum::<usize>()
    }
}

/// One reaction of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The reaction's own id: its author deletes it by this.
    pub mid: Mid,
    /// Who.
    pub by: Uid,
    /// With what.
    pub emoji: String,
}

/// `{"mid","rev","kind","by","t"|"env"|"gone"|"unreadable",…,"edited"?,"reactions"|"reacts"?}`: the `msg` object of
/// the wire.
impl Serialize for MessageState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("mid", &self.mid)?;
        map.serialize_entry("rev", &self.rev)?;
        let is_deleted = self.content.is_deleted();
        map.serialize_entry("kind", if is_deleted { "del" } else { "msg" })?;
        map.serialize_entry("by", &self.by)?;
        map.serialize_entry("created", &self.created_at)?;
        map.serialize_entry("created_seq", &self.created_seq)?;
        match &self.content {
            Content::Plain(body) => {
                map.serialize_entry("t", &body.text)?;
                if let Some(mid) = body.reply_to {
                    map.serialize_entry("re", &mid)?;
                }
                if !body.mentions.is_empty() {
                    map.serialize_entry("m", &body.mentions)?;
                }
                if !body.files.is_empty() {
                    map.serialize_entry("f", &body.files)?;
                }
            }
            Content::Sealed(Sealed { envelope, rev_seq, .. })
            | Content::SealedDeleted { envelope, rev_seq } => {
                map.serialize_entry("rev_seq", rev_seq)?;
                map.serialize_entry("env", envelope)?;
            }
            Content::Gone { why, rev_seq } => {
                map.serialize_entry("rev_seq", rev_seq)?;
                map.serialize_entry("gone", why)?;
            }
            Content::Unreadable => map.serialize_entry("unreadable", &true)?,
            Content::Deleted => {}
        }
        if self.content.is_shown() {
            if let Some(edited) = self.edited_at {
                map.serialize_entry("edited", &edited)?;
            }
            if !self.reactions.is_empty() {
                map.serialize_entry("reactions", &ByEmoji(&self.reactions))?;
            }
            if let Content::Sealed(Sealed { reacts: Some(reacts), .. }) = &self.content {
                map.serialize_entry("reacts", reacts)?;
            }
        }
        map.end()
    }
}

/// `[{"e":"👍","by":["42"],"mids":["…"]}…]`, emoji in the order of their first use.
struct ByEmoji<'a>(&'a [Reaction]);

#[derive(Serialize)]
struct Group<'a> {
    e: &'a str,
    by: Vec<Uid>,
    mids: Vec<Mid>,
}

impl Serialize for ByEmoji<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for reaction in self.0 {
            let group = match groups.iter_mut().position(|group| group.e == reaction.emoji) {
                Some(at) => groups.get_mut(at),
                None => {
                    groups.push(Group { e: &reaction.emoji, by: Vec::new(), mids: Vec::new() });
                    groups.last_mut()
                }
            };
            if let Some(group) = group {
                group.by.push(reaction.by);
                group.mids.push(reaction.mid);
            }
        }
        serializer.collect_seq(groups)
    }
}

/// A reaction in an encrypted room, or its withdrawal: `{"mid","rev","kind","by","ref","rev_seq","env"}`. Those get it who
/// have the message that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReactionState {
    /// Its id.
    pub mid: Mid,
    /// 0, or 1 if it is taken back.
    pub rev: u32,
    /// `react`, or `del` if it is taken back.
    pub kind: ReactionKind,
    /// Its author.
    pub by: Uid,
    /// The message it is for.
    #[serde(rename = "ref")]
    pub target: Mid,
    /// The room's `seq` of this change.
    pub rev_seq: u64,
    /// Its envelope.
    #[serde(rename = "env")]
    pub envelope: Envelope,
}

/// What becomes of a reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReactionKind {
    /// It is added.
    React,
    /// It is taken back.
    Del,
}

/// One entry of a history page: `{"seq","at","msg"}`, as in the `msg` event.
#[derive(Debug, Serialize)]
pub struct PageEntry<'a> {
    /// The room's `seq` of the message's last change.
    pub seq: u64,
    /// When that was, in milliseconds.
    pub at: i64,
    /// The message.
    pub msg: &'a MessageState,
}

impl<'a> From<&'a MessageState> for PageEntry<'a> {
    fn from(msg: &'a MessageState) -> Self {
        Self { seq: msg.seq, at: msg.at, msg }
    }
}
