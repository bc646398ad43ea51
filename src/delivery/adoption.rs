//! A socket on its way from HTTP to a shard.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use socket2::SockRef;

use crate::base::allowance::Allowance;
use crate::base::established::Established;
use crate::base::ids::{RoomId, SessionId, Uid};
use crate::base::limits::delivery as limits;
use crate::protocol::presence::Status;
use crate::rooms::publication::Payload;
use crate::ws::Limits;

/// A socket that a shard is to take over.
pub struct Adoption {
    /// The socket, and its TLS if it has any.
    pub stream: Established,
    /// The head of the response, which is not written yet.
    pub head: Vec<u8>,
    /// The bytes that were read behind the request.
    pub input: Bytes,
    /// What the connection is for.
    pub kind: ConnectionKind<NewChat, NewTail>,
}

/// What a connection is for: chat or a tail, with what is known about its user, or nothing but an echo.
pub enum ConnectionKind<C, T> {
    /// Chat, for a user whose session was checked.
    Chat(Box<C>),
    /// An HTTP response without an end: what is published in one room, line by line.
    Tail(Box<T>),
    /// Sends back what it gets, for conformance suites.
    Echo(Limits),
}

/// A client that has gone without a word acknowledges nothing any more. Nothing that it would have to send is waited
/// for, so the kernel finds that out.
pub(super) fn bound_silence(stream: &Established) {
    let (Established::Plain(stream) | Established::Tls(stream, _)) = stream;
    // Without it such a client is found out later.
    let _ = SockRef::from(stream).set_tcp_user_timeout(Some(limits::TAIL_UNACKNOWLEDGED));
}

/// A chat connection that begins.
pub struct NewChat {
    /// The user.
    pub uid: Uid,
    /// The session the user is signed in with.
    pub session: SessionId,
    /// When the session was looked up.
    pub checked_at: Instant,
    /// Whether the user is an admin of the server.
    pub is_admin: bool,
    /// What the commands of the connection may do.
    pub rights: Rights,
    /// The presence the user has chosen.
    pub status: Status,
    /// The first frame.
    pub hello: Payload,
    /// The user's rooms.
    pub rooms: Vec<RoomId>,
    /// How many of them the first frame names.
    pub rooms_in_hello: usize,
    /// The limits of the user over all connections.
    pub allowance: Arc<Allowance>,
}

/// A tail that begins.
pub struct NewTail {
    /// The user.
    pub uid: Uid,
    /// The session the user is signed in with.
    pub session: SessionId,
    /// When the session was looked up.
    pub checked_at: Instant,
    /// Whether the user is an admin of the server.
    pub is_admin: bool,
    /// The room.
    pub room: RoomId,
    /// It begins after this `seq`.
    pub since: u64,
    /// The limits of the user over all connections.
    pub allowance: Arc<Allowance>,
}

/// What the commands of a chat connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Follow rooms.
    Read,
    /// Everything that a token may.
    Write,
    /// The same. It belongs to a browser that signed in, which hears what happens to the account.
    Full,
}
