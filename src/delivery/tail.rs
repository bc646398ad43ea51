//! Tails: HTTP responses without an end, in which a script reads what is published in one room, line by line.
//!
//! A tail is a subscription like any other, so it has the same order, bounds and revocations. Only its bytes differ: the
//! frames of its room's log are not written to it as they are, but moved into its send queue as lines, a chunk at a
//! time, when everything before them is written. It gets nothing but messages, and its end is a last line.

use slab::Slab;

use super::adoption::NewTail;
use super::command_rate::CommandRate;
use super::commands::reserve_permit;
use super::connection::{Chat, Connection, Tail};
use super::room_feed::{RoomFeed, Stage};
use super::shard::Shard;
use crate::base::ids::RoomId;
use crate::base::limits::delivery as limits;
use crate::protocol::event::Event;
use crate::rooms::publication::ConnRef;
use crate::rooms::{Post, ReplyTo, RoomCommand, Sender};

/// How every event begins that is about a message. A tail has no others: the log of an encrypted room is read where a
/// message names a newer entry.
const MESSAGE: &[u8] = br#"{"op":"msg","#;

impl Connection {
    /// Moves what is next in the log of a tail's room into its send queue.
    pub fn refill_lines(&mut self, feeds: &mut Slab<RoomFeed>) {
        if self.send_queue.as_ref().is_some_and(|queue| !queue.is_empty()) {
            return;
        }
        let Some(index) = self.written_subscriptions().first().copied() else { return };
        let Some((log, subscriber)) = index.get_mut(feeds) else { return };
        if subscriber.stage != Stage::Live {
            return;
        }
        let mut moved = 0;
        while moved < limits::REPLAY_CHUNK {
            let Some((payload, end)) = log.frame_at(subscriber.cursor.at) else { return };
            if payload.starts_with(MESSAGE) {
                self.send_queue().log.append_line(payload);
                moved += payload.len();
            }
            subscriber.cursor.at = end;
        }
    }
}

impl Shard {
    /// What is known of the user of a tail that begins.
    pub(super) fn begin_tail(&mut self, slot: usize, tail: &NewTail) -> Tail {
        self.users.entry(tail.uid).or_default().push(slot);
        let reader = Chat {
            uid: tail.uid,
            session: tail.session,
            checked_at: tail.checked_at,
            is_admin: tail.is_admin,
            rights: super::adoption::Rights::Read,
            member_of: Vec::new(),
            unnamed_rooms: Vec::new(),
            subscriptions: Vec::new(),
            pending_subscriptions: 1,
            pending_replays: Vec::new(),
            rate: CommandRate::full(self.clock.now_ms(), self.rate_scale),
            allowance: tail.allowance.clone(),
        };
        Tail { reader, room: tail.room, input: 0, is_cut: false }
    }

    /// Requests the subscription of a tail that was adopted.
    pub(super) fn subscribe_tail(&mut self, conn: ConnRef, tail: NewTail) {
        let NewTail { uid, is_admin, room, since, allowance, .. } = tail;
        let reply_to = ReplyTo::Connection { conn, id: None };
        let sender = Sender { uid, is_admin, allowance, reply_to };
        let command = RoomCommand::Subscribe { since, epoch: None };
        let outcome = reserve_permit(room, Post { sender, command }, &self.rooms);
        self.apply_outcome(conn.slot as usize, outcome);
        self.send_accepted();
    }

    /// Whether this is a tail of the room.
    pub(super) fn is_tail_of(&self, slot: usize, room: RoomId) -> bool {
        let connection = self.connections.get(slot);
        connection.and_then(Connection::tail).is_some_and(|tail| tail.room == room)
    }

    /// Ends a tail whose user is no member any more, or whose room was removed.
    pub(super) fn close_tail_of_gone(&mut self, slot: usize) {
        let bye = Event::Bye { code: "gone", retry_ms: None }.encode();
        self.close(slot, None, Some(&bye));
    }

    /// Ends a tail that has all that may be sent of what it had missed. The next request goes on after it.
    pub(super) fn close_cut_tail(&mut self, slot: usize) {
        let bye = Event::Bye { code: "truncated", retry_ms: Some(0) }.encode();
        self.close(slot, None, Some(&bye));
    }

    /// What a client sends on a tail is read and dropped; one that sends more than a little is not waited for.
    pub(super) fn drop_input_of_tail(&mut self, slot: usize, bytes: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let Some(tail) = connection.tail_mut() else { return };
        tail.input = tail.input.saturating_add(bytes);
        if tail.input > limits::TAIL_INPUT {
            self.drop_connection(slot);
        }
    }

    /// The heartbeat of a tail is an empty line, if nothing else waits.
    pub(super) fn push_heartbeat(&mut self, slot: usize) {
        let now_s = self.clock.now_s();
        let Some(connection) = self.connections.get_mut(slot).filter(|c| c.is_open()) else {
            return;
        };
        connection.last_read_s = now_s;
        if connection.waiting_bytes() == 0 {
            let _ = connection.push(b"\n");
            self.schedule_write(slot);
        }
    }
}
