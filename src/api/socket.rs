//! From HTTP to the delivery plane: the upgrade is checked, `hello` is made, and the socket is handed over for
//! good.
//!
//! The first write is the 101 and `hello` together, so a client that reads the upgrade has its rooms. Between
//! making `hello` and the shard knowing the connection, a session may end or a membership change without a
//! message to that shard; so both are compared once more after the hand-over. A change after that reaches the
//! shard in its queue, behind the connection.

use std::sync::Arc;

use bytes::Bytes;

use super::context::Api;
use crate::auth::{Auth, Scope, Session};
use crate::base::allowance::Allowance;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits;
use crate::base::memory::{Holder, Kind, Reservation};
use crate::base::time::now_ms;
use crate::delivery::{Adoption, ConnectionKind, NewChat, NewTail, Rights, Shards};
use crate::e2ee::{DirectoryState, SharedDirectory};
use crate::http::{RefusalReason, Request, Response, Socket};
use crate::protocol::event::{DirectoryHead, Event};
use crate::protocol::room::RoomView;
use crate::rooms::Rooms;
use crate::rooms::delivery::{ConnectionsOf, Delivery};
use crate::ws::handshake::{self, OriginRule};

/// The subprotocol of version 1.
const SUBPROTOCOL: &str = "impulse.v1";

/// `GET /ws`
pub async fn chat(api: &Api, request: &Request) -> Result<Response> {
    let head = match handshake::accept(request, OriginRule::Required(&api.origins), SUBPROTOCOL) {
        Ok(head) => head,
        Err(refusal) => return Ok(refusal),
    };
    let session = api.session(request).await?;
    let allowance = api.services.allowances.of(session.uid);
    allowance.read(limits::users::UPGRADE_COST, session.principal())?;
    let reservation = reserve_hello(api, &session)?;
    check_room_for_one_more(api, &session)?;
    let handover = Handover {
        allowance,
        session,
        auth: api.services.auth.clone(),
        rooms: api.services.rooms.clone(),
        directory: api.services.directory.shared().clone(),
        shards: api.services.shards.clone(),
        build: api.site.build(),
    };
    Ok(Response::upgrade(move |socket, input| handover.run(reservation, socket, head, input)))
}

/// Refuses clearly before the process runs out of descriptors, and one user before they take all.
pub(super) fn check_room_for_one_more(api: &Api, session: &Session) -> Result<()> {
    // Those on their way to a shard are counted; only as many as this machine has cores can pass together.
    if api.services.shards.connections() >= api.settings.sockets {
        api.traffic.count_refused(RefusalReason::Sockets);
        let error =
            Error::new(Code::Unavailable, "The server has as many connections as it can hold.");
        return Err(error.retry_after(limits::api::SOCKET_RETRY_MS));
    }
    if !api.services.rooms.presence().reserve(session.uid, api.settings.sockets_per_user) {
        api.traffic.count_refused(RefusalReason::User);
        let error = Error::new(Code::RateLimited, "You have too many connections.");
        return Err(error.retry_after(limits::api::SOCKET_RETRY_MS));
    }
    Ok(())
}

/// Memory for the first frame, which waits until a delivery thread has time for the connection. More
/// rooms than fit into one are named when the reader has taken it.
fn reserve_hello(api: &Api, session: &Session) -> Result<Reservation> {
    const ROOM: usize = 256;
    let rooms = api.services.rooms.rooms_of(session.uid).len();
    let bytes = (rooms * ROOM).min(limits::chat::HELLO_BYTES);
    Ok(api.services.rooms.memory().reserve(Kind::Hellos, Holder::User(session.uid), bytes)?)
}

/// `--dev-echo PATH`: the same handshake and frame code, no login, nothing but echo. Conformance suites
/// send no `Origin`, and there is no session that a page could use; a page of another site is refused
/// as everywhere.
pub fn echo(api: &Api, request: &Request) -> Response {
    let head = match handshake::accept(request, OriginRule::IfAny(&api.origins), "") {
        Ok(head) => head,
        Err(refusal) => return refusal,
    };
    let (shards, limits) = (api.services.shards.clone(), api.settings.dev_echo_limits);
    Response::upgrade(move |socket, input| {
        adopt(&shards, socket, head, input, ConnectionKind::Echo(limits));
    })
}

/// A first frame and its part of the budget of memory.
struct Hello {
    frame: Bytes,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Hello {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

/// What outlives the request.
struct Handover {
    allowance: Arc<Allowance>,
    session: Arc<Session>,
    auth: Arc<Auth>,
    rooms: Rooms,
    directory: Arc<SharedDirectory>,
    shards: Shards,
    /// The build of the client that a reload would get.
    build: Option<String>,
}

impl Handover {
    fn run(self, mut reservation: Reservation, socket: Socket, head: Vec<u8>, input: Bytes) {
        let uid = self.session.uid;
        // Before the rooms, whose counts depend on it.
        let blocked = self.rooms.blocked_by(uid);
        let rooms = self.rooms.rooms_of(uid);
        let mut unsent: Vec<RoomId> = rooms.iter().rev().copied().collect();
        let views = self.rooms.take_views(uid, &mut unsent, limits::chat::HELLO_BYTES);
        let (rooms_in_hello, more) = (rooms.len() - unsent.len(), !unsent.is_empty());
        let heartbeat_ms = limits::delivery::PING_AFTER_S.saturating_mul(1_000);
        let directory = self.directory.read();
        let hello = Event::Hello {
            uid,
            at: now_ms(),
            epoch: self.rooms.epoch(),
            rooms: &views,
            blocked: &blocked,
            dir: DirectoryHead {
                n: directory.head().n,
                h: directory.head().h,
                missing: directory.missing(),
                closed: directory.state != DirectoryState::Open,
            },
            heartbeat_ms,
            more,
            build: self.build.as_deref(),
        };
        let hello = hello.encode();
        drop(directory);
        reservation.resize(hello.len());
        let chat = NewChat {
            uid,
            session: self.session.id,
            checked_at: self.session.asked_at,
            is_admin: self.session.admin,
            rights: rights(self.session.scope),
            status: self.session.status.clone(),
            hello: Bytes::from_owner(Hello { frame: hello, _reservation: reservation }),
            rooms: rooms.clone(),
            rooms_in_hello,
            allowance: self.allowance.clone(),
        };
        let kind = ConnectionKind::Chat(Box::new(chat));
        if !adopt(&self.shards, socket, head, input, kind) {
            return self.rooms.presence().release(uid);
        }
        let missed = self.missed(&rooms, &blocked, &views);
        if !missed.is_empty() {
            tokio::spawn(catch_up(self.rooms, missed));
        }
    }

    /// What changed between `hello` and the hand-over: nearly always nothing.
    fn missed(&self, sent: &[RoomId], blocked: &[Uid], views: &[RoomView]) -> Vec<Delivery> {
        let uid = self.session.uid;
        if !self.auth.is_live(&self.session) {
            let session = ConnectionsOf::Session(self.session.id);
            return vec![Delivery::Revoke(session, self.session.asked_at)];
        }
        let mut missed = Vec::new();
        let blocked_now = self.rooms.blocked_by(uid);
        let blocks_others = blocked_now != *blocked;
        if blocks_others {
            let event = Event::Blocks { blocked: &blocked_now }.encode();
            missed.push(Delivery::ToUser(uid, event));
        }
        // A message, a read position, a new name: whatever happened before the shard knew the connection.
        let is_changed = |sent: &&RoomView| blocks_others || self.rooms.looks_other(uid, sent);
        let changed = views.iter().filter(is_changed);
        missed.extend(changed.map(|sent| Delivery::View(uid, sent.id)));
        let now = self.rooms.rooms_of(uid);
        if now == *sent {
            return missed;
        }
        let left = sent.iter().filter(|room| !now.contains(room));
        let left = left.map(|room| Delivery::Left(uid, *room));
        let joined = now.iter().filter(|room| !sent.contains(room));
        missed.extend(left.chain(joined.map(|room| Delivery::Joined(uid, *room))));
        missed
    }
}

fn rights(scope: Scope) -> Rights {
    match scope {
        Scope::Full => Rights::Full,
        scope if scope.writes() => Rights::Write,
        _ => Rights::Read,
    }
}

/// Sends the shards what one of them has missed. A shard that is gone has closed its sockets.
async fn catch_up(rooms: Rooms, missed: Vec<Delivery>) {
    for delivery in missed {
        let _ = rooms.publisher().broadcast(delivery).await;
    }
}

/// False: the socket is gone.
pub(super) fn adopt(
    shards: &Shards,
    socket: Socket,
    head: Vec<u8>,
    input: Bytes,
    kind: ConnectionKind<NewChat, NewTail>,
) -> bool {
    match socket.into_established() {
        Ok(stream) => shards.adopt(Adoption { stream, head, input, kind }),
        Err(error) => {
            tracing::debug!(%error, "the socket was lost at the hand-over");
            false
        }
    }
}
