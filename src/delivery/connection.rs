//! One WebSocket, owned by its shard for life: no lock, no task, no buffer while it is idle.
//!
//! What waits for the socket has two sources: the send queue of the connection (answers, replays, `bye`)
//! and, per subscription, everything since its cursor in the log of the room.

use std::sync::Arc;
use std::time::Instant;

use slab::Slab;

use super::adoption::{ConnectionKind, Rights};
use super::command_rate::CommandRate;
use super::frame_log::Backlog;
use super::room_feed::{RoomFeed, Stage, SubscriptionIndex};
use super::send_queue::{Form, SendQueue};
use super::transport::Transport;
use crate::base::allowance::Allowance;
use crate::base::ids::{RoomId, SessionId, Uid};
use crate::rooms::Post;
use crate::rooms::publication::Payload;
use crate::ws::Codec;

/// A connection and what it is for. Seconds are those of the shard's clock.
pub(super) struct Connection {
    pub transport: Transport,
    /// Tells this connection from others that had or will have its slot.
    pub generation: u32,
    pub codec: Codec,
    pub send_queue: Option<Box<SendQueue>>,
    /// Nothing is read while this is set.
    pub paused: Option<Box<PausedInput>>,
    pub kind: ConnectionKind<Chat, Tail>,
    pub phase: Phase,
    /// The kernel takes no more; epoll reports when it does.
    pub is_blocked: bool,
    /// The other side has ended its half of TCP. What it sent before may still be unread.
    pub has_ended: bool,
    /// In the shard's list of connections to write to.
    pub is_scheduled: bool,
    pub is_pinged: bool,
    /// How many rooms it follows whose logs are written to it as they are: none if it is a tail.
    pub subscription_count: u32,
    pub last_read_s: u32,
    /// When the frame or message began that is not complete yet.
    pub partial_since_s: u32,
    /// Since when the kernel takes nothing, as the timers saw it.
    pub blocked_since_s: Option<u32>,
}

/// What is known of the signed-in user of a connection, and what it follows.
pub(super) struct Chat {
    pub uid: Uid,
    pub session: SessionId,
    /// When the session was looked up.
    pub checked_at: Instant,
    pub is_admin: bool,
    pub rights: Rights,
    /// Rooms whose `activity` it gets.
    pub member_of: Vec<RoomId>,
    /// Rooms that no frame has named yet, the next one last.
    pub unnamed_rooms: Vec<RoomId>,
    pub subscriptions: Vec<SubscriptionIndex>,
    /// Subscriptions that were requested and that no room has decided about yet.
    pub pending_subscriptions: u16,
    /// Rooms that will send it a replay, each as often as it was requested.
    pub pending_replays: Vec<RoomId>,
    pub rate: CommandRate,
    /// The limits of the user over all connections.
    pub allowance: Arc<Allowance>,
}

/// The connection of a script that reads a room by HTTP.
pub(super) struct Tail {
    /// What is known of its user, and its one subscription.
    pub reader: Chat,
    pub room: RoomId,
    /// Bytes that the client has sent, which nobody reads.
    pub input: usize,
    /// Of what was missed only the first part is sent; then the tail ends.
    pub is_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// A close frame is in the send queue; TCP ends at this second at the latest.
    Closing {
        until_s: u32,
    },
    /// Everything is written and our side has ended; only the end of the other side is awaited.
    Shut {
        until_s: u32,
    },
}

/// Input that could not be worked on yet.
#[derive(Default)]
pub(super) struct PausedInput {
    /// A command that found the inbox of its room full.
    pub command: Option<(RoomId, Post)>,
    /// Bytes that follow it.
    pub bytes: Vec<u8>,
    pub reason: PauseReason,
}

/// Why input waits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum PauseReason {
    /// For a permit in the inbox of a room, or for space in the send queue of an echo.
    #[default]
    Capacity,
    /// Other connections come first now.
    Fairness,
    /// The connection sends frames too fast and is not read until the next second.
    Rate,
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing waits.
    All,
    /// The kernel takes no more.
    Blocked,
    /// The socket is broken.
    Broken,
}

impl Connection {
    pub fn new(
        transport: Transport,
        generation: u32,
        kind: ConnectionKind<Chat, Tail>,
        now_s: u32,
    ) -> Self {
        Self {
            transport,
            generation,
            codec: Codec::default(),
            send_queue: None,
            paused: None,
            kind,
            phase: Phase::Open,
            is_blocked: false,
            has_ended: false,
            is_scheduled: false,
            is_pinged: false,
            subscription_count: 0,
            last_read_s: now_s,
            partial_since_s: now_s,
            blocked_since_s: None,
        }
    }

    /// What is known of its user.
    pub fn chat(&mut self) -> Option<&mut Chat> {
        match &mut self.kind {
            ConnectionKind::Chat(chat) => Some(chat),
            ConnectionKind::Tail(tail) => Some(&mut tail.reader),
            ConnectionKind::Echo(_) => None,
        }
    }

    pub fn is_echo(&self) -> bool {
        matches!(self.kind, ConnectionKind::Echo(_))
    }

    pub fn is_tail(&self) -> bool {
        matches!(self.kind, ConnectionKind::Tail(_))
    }

    pub fn tail(&self) -> Option<&Tail> {
        match &self.kind {
            ConnectionKind::Tail(tail) => Some(tail),
            ConnectionKind::Chat(_) | ConnectionKind::Echo(_) => None,
        }
    }

    pub fn tail_mut(&mut self) -> Option<&mut Tail> {
        match &mut self.kind {
            ConnectionKind::Tail(tail) => Some(tail),
            ConnectionKind::Chat(_) | ConnectionKind::Echo(_) => None,
        }
    }

    /// Its send queue, which begins to exist.
    pub fn send_queue(&mut self) -> &mut SendQueue {
        let form = if self.is_tail() { Form::Lines } else { Form::Frames };
        self.send_queue.get_or_insert_with(|| Box::new(SendQueue::of(form)))
    }

    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether its last frame is on the way.
    pub fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    /// Puts whole frames into the send queue. False: more waits than may.
    #[must_use]
    pub fn push(&mut self, frames: &[u8]) -> bool {
        let is_echo = self.is_echo();
        let queue = self.send_queue();
        queue.log.append_raw(frames);
        is_echo || !queue.exceeds_limit()
    }

    /// Queues a replay; if it `goes_live`, the subscription is live behind it. False: more waits than may.
    #[must_use]
    pub fn push_replay(&mut self, room: RoomId, events: Vec<Payload>, goes_live: bool) -> bool {
        let queue = self.send_queue();
        queue.push_replay(room, events, goes_live);
        !queue.exceeds_limit()
    }

    /// Bytes of the send queue that the kernel has not taken.
    pub fn waiting_bytes(&self) -> usize {
        self.send_queue.as_ref().map_or(0, |queue| queue.waiting_bytes())
    }

    /// Whether everything that could be sent is sent and there is more to be fetched for it.
    pub fn wants_more(&self) -> bool {
        let has_more = match &self.kind {
            ConnectionKind::Chat(chat) => !chat.unnamed_rooms.is_empty(),
            ConnectionKind::Tail(tail) => tail.is_cut,
            ConnectionKind::Echo(_) => false,
        };
        let queue = self.send_queue.as_ref();
        self.is_open()
            && (has_more && queue.is_none_or(|queue| queue.log.is_empty())
                || queue.is_some_and(|queue| queue.wants_slice()))
    }

    /// Whether more has piled up, since the socket took no more, than may wait for it.
    pub fn is_lagging(&self, feeds: &Slab<RoomFeed>) -> bool {
        if self.is_echo() {
            return false; // an echo is not read instead
        }
        // What is sealed for the socket waits, too.
        let mut sum = Backlog { bytes: self.transport.unsent(), frames: 0 };
        if let Some(queue) = &self.send_queue {
            if queue.exceeds_limit() {
                return true;
            }
            sum += queue.cursor.piled_up(&queue.log);
        }
        for index in self.written_subscriptions() {
            if let Some((feed, subscriber)) = index.get(feeds)
                && subscriber.stage != Stage::Awaiting
            {
                if subscriber.exceeds_replay_backlog(&feed.log) {
                    return true;
                }
                sum += subscriber.cursor.piled_up(&feed.log);
            }
        }
        sum.exceeds_limit()
    }

    /// The subscriptions that are written to: none any more once the connection closes.
    pub fn written_subscriptions(&self) -> &[SubscriptionIndex] {
        match &self.kind {
            ConnectionKind::Chat(chat) if self.is_open() => &chat.subscriptions,
            ConnectionKind::Tail(tail) if self.is_open() => &tail.reader.subscriptions,
            _ => &[],
        }
    }
}
