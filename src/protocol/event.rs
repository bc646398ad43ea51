//! The events the server sends on the socket; each is encoded to complete JSON.
//!
//! Events of a room are encoded once, whatever the number of members. The shapes are fixed by
//! `docs/protocol.md` and by the golden vectors in `tests/vectors/events.json`.

use bytes::Bytes;
use serde::Serialize;

use super::encode::to_json;
use super::encryption::{LogEntry, OwnWrap};
use super::message::{MessageState, ReactionState};
use super::room::{Role, RoomView};
use crate::base::base64url;
use crate::base::encryption::{RotationReason, WrapId};
use crate::base::ids::{Epoch, RoomId, SessionId, Uid};

/// Every frame the server sends, except the answers to commands.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Event<'a> {
    /// First frame of a connection.
    Hello {
        /// Who you are.
        uid: Uid,
        /// The server's clock, in milliseconds.
        at: i64,
        /// Which history the rooms have; see [`Epoch`].
        epoch: Epoch,
        /// Your rooms.
        rooms: &'a [RoomView],
        /// Whom you have blocked.
        #[serde(skip_serializing_if = "<[Uid]>::is_empty")]
        blocked: &'a [Uid],
        /// The directory of keys.
        dir: DirectoryHead<'a>,
        /// How often the server pings, in milliseconds.
        heartbeat_ms: u32,
        /// Further rooms of yours follow in [`Event::Rooms`].
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        more: bool,
        /// The build of the client that the server serves.
        #[serde(skip_serializing_if = "Option::is_none")]
        build: Option<&'a str>,
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
    /// A reaction to a message of an encrypted room, or its withdrawal; both change the message.
    #[serde(rename = "msg")]
    Reaction {
        /// The room.
        room: RoomId,
        /// The change's number, which is the message's from now on, too.
        seq: u64,
        /// When, in milliseconds.
        at: i64,
        /// The reaction.
        msg: &'a ReactionState,
    },
    /// Entries were appended to the log of an encrypted room.
    Log {
        /// The room.
        room: RoomId,
        /// The change's number, among those of messages.
        seq: u64,
        /// When, in milliseconds.
        at: i64,
        /// The number of the first of them in the log.
        from: u64,
        /// The entries; absent if they are too large for an event, and are to be fetched.
        #[serde(skip_serializing_if = "Option::is_none")]
        entries: Option<&'a [LogEntry]>,
    },
    /// A key of an encrypted room, for you alone.
    Wrap {
        /// The room.
        room: RoomId,
        /// The key, encrypted for you.
        #[serde(flatten)]
        wrap: &'a OwnWrap,
    },
    /// Members of an encrypted room lack its key: whoever has it can give it to them.
    #[serde(rename = "wraps.needed")]
    WrapsNeeded {
        /// The room.
        room: RoomId,
        /// Who, and which key.
        needed: &'a [WrapId],
        /// They have joined just now, and are waiting.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        join: bool,
    },
    /// An encrypted room needs a new key before its next message.
    #[serde(rename = "rotation.due")]
    RotationDue {
        /// The room.
        room: RoomId,
        /// The reason.
        why: RotationReason,
        /// Members whose account is shut and who have the present key.
        #[serde(skip_serializing_if = "<[Uid]>::is_empty")]
        shut: &'a [Uid],
    },
    /// Something changed in a room of yours that you do not follow.
    Activity {
        /// The room.
        room: RoomId,
        /// Its newest `seq`.
        seq: u64,
        /// Messages that are new since the last `activity` of this room.
        new: u32,
        /// Unread messages up to this `seq`.
        unread: u32,
        /// Mentions among them.
        mentions: u32,
    },
    /// A room of yours as you see it now, after you joined it or it changed.
    Room {
        /// The room.
        room: &'a RoomView,
    },
    /// You are no longer a member, or the room was removed.
    #[serde(rename = "room")]
    RoomGone {
        /// Its id, and that it is gone.
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
        /// Until when a moderator has muted this member, in milliseconds.
        #[serde(rename = "silenced_until", skip_serializing_if = "Option::is_none")]
        muted_until: Option<i64>,
    },
    /// The presence of a user changed.
    Presence {
        /// Who.
        uid: Uid,
        /// `online`, `away`, `dnd` or `offline`.
        state: &'a str,
        /// The status text.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
        /// When this text ends, in milliseconds.
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
    /// Your read position was moved by one of your connections, or what is unread has changed otherwise than by a new
    /// message.
    Read {
        /// The room.
        room: RoomId,
        /// Read up to here.
        seq: u64,
        /// The numbers count up to this `seq` of the room.
        upto: u64,
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
    /// Your keys or your password were changed in another browser.
    #[serde(rename = "keys.changed")]
    KeysChanged {
        /// What that browser calls its device; empty if it was no browser that is signed in.
        device: &'a str,
    },
    /// You signed in somewhere else.
    #[serde(rename = "signed_in")]
    SignedIn {
        /// The new session, as `GET /api/sessions` lists it.
        session: NewSession<'a>,
    },
    /// First line of a tail.
    Tail {
        /// The room.
        room: RoomId,
        /// Its newest `seq`.
        seq: u64,
        /// The history that counts so.
        epoch: Epoch,
        /// The place that was asked for is not in it: the tail begins at the present.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        truncated: bool,
    },
    /// The server is about to close.
    Bye {
        /// `restart`, `lagging`, `revoked` or `limit`; of a tail also `gone` or `truncated`.
        code: &'a str,
        /// When to connect again, in milliseconds, spread over the clients.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u32>,
    },
}

/// `{"id":"9","device":"Firefox on Linux","created_at":1795428816197}`.
#[derive(Debug, Serialize)]
pub struct NewSession<'a> {
    /// Its id.
    pub id: SessionId,
    /// What it calls its device.
    pub device: &'a str,
    /// When it began, in milliseconds.
    pub created_at: i64,
}

/// The directory of keys in `hello`.
#[derive(Debug, Serialize)]
pub struct DirectoryHead<'a> {
    /// Its newest position.
    pub n: u64,
    /// The hash there.
    #[serde(with = "base64url::array")]
    pub h: [u8; 32],
    /// Positions whose entries a restore has lost.
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    pub missing: &'a [u64],
    /// It takes no new entries.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// `{"id":"7","gone":true}`.
#[derive(Debug, Serialize)]
pub struct Gone {
    /// The room.
    pub id: RoomId,
    /// Always true.
    pub gone: bool,
}

impl Event<'_> {
    /// The complete JSON text.
    pub fn encode(&self) -> Bytes {
        to_json(self)
    }
}
