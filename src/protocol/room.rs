//! A room as it appears on the wire, and the choices a room and its members have.

use serde::Serialize;

use super::names;
use crate::base::base64url;
use crate::base::encryption::LogHead;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::chat as limits;

/// A room as one of its members sees it: the objects of `hello.rooms` and `GET /api/rooms`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoomView {
    /// Its id.
    pub id: RoomId,
    /// Its name; empty if it is encrypted.
    pub name: String,
    /// What it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Open, closed or direct.
    pub kind: RoomKind,
    /// Whether its messages are end-to-end encrypted.
    pub e2ee: bool,
    /// What an encrypted room is called in signatures: the hash of the first entry of its log.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rid")]
    pub rid: Option<[u8; 32]>,
    /// The newest entry of the log of an encrypted room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogHead>,
    /// Whether new users are made members of it.
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
    /// It is archived: nobody writes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// The caller has marked it as a favourite.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub favourite: bool,
    /// What the caller is notified of.
    #[serde(skip_serializing_if = "Notify::is_default")]
    pub notify: Notify,
    /// A moderator has muted the caller until then, in milliseconds.
    #[serde(rename = "silenced_until", skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    /// The caller has hidden this direct room, and nobody has written in it since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// How far a member has read, and what is unread after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadState {
    /// The newest `seq` that is read.
    pub read: u64,
    /// Messages of others after that.
    pub unread: u32,
    /// Those among them that mention the reader.
    pub mentions: u32,
}

/// Which messages of a room a member is notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// The member has chosen nothing: every message of a direct room, mentions elsewhere.
    #[default]
    Usual,
    /// Every message.
    All,
    /// Messages that mention the member.
    Mentions,
    /// Nothing.
    None,
}

impl Notify {
    fn is_default(&self) -> bool {
        *self == Self::Usual
    }
}

/// Who may join a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Anybody signed in may join.
    Open,
    /// Members are added by its admins, or join by an invitation.
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

names!(RoomKind { Open = "open", Closed = "closed", Dm = "dm" });
names!(Role { Member = "member", Admin = "admin", Owner = "owner" });
names!(Notify { Usual = "usual", All = "all", Mentions = "mentions", None = "none" });

/// What an encrypted room is called where its members are not, because only they can read its name.
pub fn encrypted_name(room: RoomId) -> String {
    format!("Encrypted room {room}")
}

/// Written only if there is one.
fn rid<S: serde::Serializer>(rid: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&rid.map(|rid| base64url::encode(&rid)).unwrap_or_default())
}

impl RoomView {
    /// The name in the audit log.
    pub fn listed_name(&self) -> String {
        if self.e2ee { encrypted_name(self.id) } else { self.name.clone() }
    }

    /// About how many bytes it takes on the wire.
    pub fn size(&self) -> usize {
        let log = if self.e2ee { limits::ROOM_LOG } else { 0 };
        limits::ROOM_VIEW + log + self.name.len() + self.topic.len() + 24 * self.with.len()
    }
}
