//! What a client may say on the socket.

use crate::ids::{Mid, RoomId};

/// A client's frame: the command and the `id` its one answer echoes.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Echoed in the answer; at most [`crate::limits::chat::COMMAND_ID`] characters.
    pub id: Option<String>,
    /// What to do.
    pub command: Command,
}

/// One thing a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Follow a room: everything after `since`, then live.
    Subscribe { room: RoomId, since: u64 },
    /// Stop following.
    Unsubscribe { room: RoomId },
    /// A durable change of a room's messages.
    Send { room: RoomId, draft: Draft },
    /// I am writing; expires after five seconds.
    Typing { room: RoomId },
    /// I have read up to `seq`.
    Read { room: RoomId, seq: u64 },
    /// How I want to be seen.
    Presence { state: PresenceState, text: Option<String> },
    /// Are you there?
    Ping,
}

/// A message as its author sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Chosen by the author's client; the same on every retry.
    pub mid: Mid,
    /// 0 for a new message, one more for each edit and for the deletion.
    pub rev: u32,
    /// What the change is.
    pub body: DraftBody,
}

/// What a draft does.
#[derive(Debug, Clone, PartialEq)]
pub enum DraftBody {
    /// `kind:"msg"`: new text, or an edit of it.
    Text(TextBody),
    /// `kind:"del"`: of a message, or taking a reaction back.
    Delete,
    /// `kind:"react"`: `e` to the message `target`.
    React { target: Mid, emoji: String },
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct TextBody {
    /// The text.
    #[serde(rename = "t")]
    pub text: String,
    /// The message this one replies to.
    #[serde(rename = "re", default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Mid>,
    /// Mentioned users.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<crate::ids::Uid>,
    /// Files, as the upload answered them.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<serde_json::Value>,
}

/// A state a user may choose. Offline is the server's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceState {
    /// Here.
    Online,
    /// Signed in, but away from the keyboard.
    Away,
    /// Do not disturb.
    Dnd,
}
