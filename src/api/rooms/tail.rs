//! `GET /api/rooms/{id}/tail`: what is published in a room, line by line and without an end.
//!
//! The request is checked like an upgrade, and the connection is handed to a delivery thread like a WebSocket, which
//! subscribes to the room for it. It counts among the connections of its user, who does not look online by it.

use std::sync::Arc;

use super::messages::{epoch_of, number};
use crate::api::context::Call;
use crate::api::socket::{adopt, check_room_for_one_more};
use crate::auth::{Auth, Session};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits::{chat, delivery as limits};
use crate::delivery::{ConnectionKind, NewTail, Shards};
use crate::http::{Response, Socket};
use crate::policy::Action;
use crate::protocol::event::Event;
use crate::rooms::Rooms;
use crate::rooms::delivery::{ConnectionsOf, Delivery};

/// `GET /api/rooms/{id}/tail?since=SEQ&epoch=EPOCH`: everything after `since`, then live; without it from now on.
pub async fn tail(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { api, services, caller, request, ids: room } = call;
    api.check_origin_if_any(request)?;
    let (asked, epoch) = (number(request, "since")?, epoch_of(request)?);
    let (rooms, by) = (&services.rooms, caller.principal());
    rooms.authorize(by, room, Action::Read)?;
    if !rooms.is_member(room, caller.uid) {
        return Err(Error::new(Code::NotMember, "You are not a member of this room."));
    }
    let seq = rooms.info(by, room)?.seq;
    let is_of_other =
        asked.is_some_and(|asked| asked > seq) || epoch.is_some_and(|epoch| epoch != rooms.epoch());
    let since = asked.filter(|_| !is_of_other).unwrap_or(seq);
    let missed = seq.saturating_sub(since).min(chat::REPLAY as u64) / limits::REPLAY_COST;
    let allowance = services.allowances.of(caller.uid);
    allowance.read(missed as f64, by)?;
    check_room_for_one_more(api, caller)?;
    let first = Event::Tail { room, seq, epoch: rooms.epoch(), truncated: is_of_other };
    let head = Response::empty(200)
        .header("Content-Type", "application/x-ndjson")
        .header("Cache-Control", "no-store")
        // A proxy that waits for more would hold the lines back.
        .header("X-Accel-Buffering", "no");
    let mut head = head.encode_endless();
    head.extend_from_slice(&first.encode());
    head.push(b'\n');
    let tail = NewTail {
        uid: caller.uid,
        session: caller.id,
        checked_at: caller.asked_at,
        is_admin: caller.admin,
        room,
        since,
        allowance,
    };
    let (session, auth) = (caller.clone(), services.auth.clone());
    let (rooms, shards) = (rooms.clone(), services.shards.clone());
    let handover = Handover { tail, session, auth, rooms, shards };
    Ok(Response::upgrade(move |socket, _| handover.run(socket, head)))
}

/// What outlives the request.
struct Handover {
    tail: NewTail,
    session: Session,
    auth: Arc<Auth>,
    rooms: Rooms,
    shards: Shards,
}

impl Handover {
    fn run(self, socket: Socket, head: Vec<u8>) {
        let uid = self.tail.uid;
        let kind = ConnectionKind::Tail(Box::new(self.tail));
        // What was sent behind the request is nothing that a tail reads.
        if !adopt(&self.shards, socket, head, bytes::Bytes::new(), kind) {
            return self.rooms.presence().release(uid);
        }
        if !self.auth.is_live(&self.session) {
            // It ended before the shard knew the connection.
            let session = ConnectionsOf::Session(self.session.id);
            let (rooms, until) = (self.rooms, self.session.asked_at);
            tokio::spawn(async move {
                let _ = rooms.publisher().broadcast(Delivery::Revoke(session, until)).await;
            });
        }
    }
}
