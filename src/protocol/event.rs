//! What the server says on the socket: one encoder per frame, each giving complete JSON.
//!
//! Events of a room are encoded once, whatever the number of members. The shapes are fixed by
//! `docs/protocol.md` and by the golden vectors in `tests/vectors/events.json`.

use bytes::Bytes;
use serde::Serialize;

use super::command::PresenceState;
use super::message::MessageState;
use crate::base::error::Error;
use crate::base::ids::{RoomId, Uid};

/// A room as one of its members sees it: the objects of `hello.rooms` and `GET /api/rooms`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoomView {
    /// The room.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// What it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Open, closed or direct.
    pub kind: RoomKind,
    /// Whether its messages are end-to-end encrypted.
    pub e2ee: bool,
    /// Whether new users join it by themselves.
    #[serde(rename = "default")]
    pub is_default: bool,
    /// The caller's role; absent for somebody who is not a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The room's newest `seq`.
    pub seq: u64,
    /// How far the caller has read.
    pub read: u64,
    /// Messages of others after that, at most [`crate::base::limits::chat::UNREAD`].
    pub unread: u32,
    /// Those among them that mention the caller.
    pub mentions: u32,
    /// How many members the room has.
    pub members: u32,
    /// The other members of a direct room.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<Uid>,
    /// Only its admins write.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// It was put away: nobody writes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// The caller keeps it at hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub favourite: bool,
    /// What the caller wants to hear of.
    #[serde(skip_serializing_if = "Notify::is_default")]
    pub notify: Notify,
    /// A moderator took the caller's word until then, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silenced_until: Option<i64>,
    /// The caller has put this direct room out of sight, and nobody has written since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// What a member wants to hear of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// Nothing chosen: every message of a direct room, mentions elsewhere.
    #[default]
    Usual,
    /// Every message.
    All,
    /// Messages that mention me.
    Mentions,
    /// Nothing.
    None,
}

impl Notify {
    fn is_default(&self) -> bool {
        *self == Self::Usual
    }
}

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Anybody signed in may join.
    Open,
    /// By invitation.
    Closed,
    /// Direct messages.
    Dm,
}

/// What a member may do; the order is the order of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also removes messages and members.
    Admin,
    /// Also changes roles and the room itself.
    Owner,
}

macro_rules! words {
    ($kind:ident { $($name:ident = $word:literal),* }) => {
        impl $kind {
            /// The word on the wire and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $($kind::$name => $word,)* }
            }

            /// From its word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($kind::$name),)* _ => None }
            }
        }
    };
}

words!(RoomKind { Open = "open", Closed = "closed", Dm = "dm" });
words!(Role { Member = "member", Admin = "admin", Owner = "owner" });
words!(Notify { Usual = "usual", All = "all", Mentions = "mentions", None = "none" });
words!(PresenceState { Online = "online", Away = "away", Dnd = "dnd" });

/// Everything the server says but the answers to commands.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Event<'a> {
    /// First frame of a connection.
    Hello {
        /// Who you are.
        uid: Uid,
        /// Your rooms.
        rooms: &'a [RoomView],
        /// Whom you have blocked.
        #[serde(skip_serializing_if = "<[Uid]>::is_empty")]
        blocked: &'a [Uid],
        /// How often the server pings, in milliseconds.
        heartbeat_ms: u32,
        /// Further rooms of yours follow in [`Event::Rooms`].
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
    /// Further rooms of yours.
    Rooms {
        /// The next ones.
        rooms: &'a [RoomView],
        /// Further ones follow.
        more: bool,
    },
    /// The current state of a message after a durable change.
    Msg {
        /// The room.
        room: RoomId,
        /// The change's number.
        seq: u64,
        /// When, in milliseconds.
        at: i64,
        /// The message.
        msg: &'a MessageState,
    },
    /// Something changed in a room of yours that you do not follow.
    Activity {
        /// The room.
        room: RoomId,
        /// Its newest `seq`.
        seq: u64,
        /// Messages that are new since the last `activity` of this room.
        new: u32,
        /// You are mentioned.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        mention: bool,
    },
    /// A room you are in, as you see it now (joined, renamed); `gone` when you are not any more.
    Room {
        /// The room.
        room: &'a RoomView,
    },
    /// You are no longer a member, or the room was removed.
    #[serde(rename = "room")]
    RoomGone {
        /// What is left to say.
        room: Gone,
    },
    /// Somebody joined, left or changed role.
    Member {
        /// The room.
        room: RoomId,
        /// Who.
        uid: Uid,
        /// The role; absent when the user is no longer a member.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
        /// Until when a moderator took this member's word, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        silenced_until: Option<i64>,
    },
    /// How somebody is to be seen.
    Presence {
        /// Who.
        uid: Uid,
        /// `online`, `away`, `dnd` or `offline`.
        state: &'a str,
        /// A few words beside it.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
        /// When these words end, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
    },
    /// Somebody is writing; forget it after five seconds.
    Typing {
        /// The room.
        room: RoomId,
        /// Who.
        uid: Uid,
    },
    /// Your read position, moved by one of your connections.
    Read {
        /// The room.
        room: RoomId,
        /// Read up to here.
        seq: u64,
        /// What is still unread.
        unread: u32,
        /// Mentions among it.
        mentions: u32,
    },
    /// A user's public profile changed.
    User {
        /// The profile, as `GET /api/users/{id}` answers it.
        user: &'a serde_json::Value,
    },
    /// Whom you have blocked changed, on one of your devices.
    Blocks {
        /// All of them from now on.
        blocked: &'a [Uid],
    },
    /// The server is about to close.
    Bye {
        /// `restart`, `lagging`, `revoked` or `limit`.
        code: &'a str,
        /// When to come back, in milliseconds, spread over the clients.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u32>,
    },
}

/// `{"id":"7","gone":true}`.
#[derive(Debug, Serialize)]
pub struct Gone {
    /// The room.
    pub id: RoomId,
    /// Always true.
    pub gone: bool,
}

impl RoomView {
    /// About how many bytes it takes on the wire.
    pub fn size(&self) -> usize {
        // What else it says, and the quotes.
        const REST: usize = 200;
        REST + self.name.len() + self.topic.len() + 24 * self.with.len()
    }
}

impl Event<'_> {
    /// The complete JSON text.
    pub fn encode(&self) -> Bytes {
        to_json(self)
    }
}

/// `{"op":"ok","id":…,…}`.
#[derive(Debug, Default, Serialize)]
pub struct Ok<'a> {
    op: OkWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
enum OkWord {
    #[default]
    Ok,
}

impl<'a> Ok<'a> {
    /// The answer to the command with this `id`.
    pub fn to(id: Option<&'a str>) -> Self {
        Self { id, ..Self::default() }
    }

    /// With the `seq` it is about.
    pub fn seq(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }

    /// With the time of a change, in milliseconds.
    pub fn at(mut self, at: i64) -> Self {
        self.at = Some(at);
        self
    }

    /// More was missed than is replayed.
    pub fn truncated(mut self, truncated: bool) -> Self {
        self.truncated = truncated;
        self
    }

    /// The complete JSON text.
    pub fn encode(&self) -> Bytes {
        to_json(self)
    }
}

/// `{"op":"err","id":…,"code":…,"message":…,"retry_ms"?}`.
pub fn err(id: Option<&str>, error: &Error) -> Bytes {
    #[derive(Serialize)]
    struct Err<'a> {
        op: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        code: &'static str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u32>,
    }
    to_json(&Err {
        op: "err",
        id,
        code: error.code().as_str(),
        message: error.message(),
        retry_ms: error.retry_ms(),
    })
}

/// Room for most frames, so that few have to grow.
const FRAME: usize = 448;

/// None of the frames has a map key that is not a string or a number that is not finite, the only
/// ways in which serialising to memory can fail.
fn to_json(value: &impl Serialize) -> Bytes {
    let mut json = Vec::with_capacity(FRAME);
    match serde_json::to_writer(&mut json, value) {
        std::result::Result::Ok(()) => json.into(),
        Err(error) => {
            tracing::error!(%error, "a frame could not be encoded");
            Bytes::from_static(br#"{"op":"err","code":"internal","message":"Encoding failed."}"#)
        }
    }
}
