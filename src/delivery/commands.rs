//! From a text frame to a room: parse, rate, hand over. Each command is answered exactly once.
//!
//! Who may do what in a room is the room's business; the session was checked at the upgrade and is
//! ended by `Revoke`, so every command here is signed in.

use super::connection::{Bucket, Connection};
use super::stats::Stats;
use crate::error::{Code, Error};
use crate::ids::RoomId;
use crate::limits::delivery as limits;
use crate::protocol::command::{Command, Request};
use crate::protocol::event::{Ok as OkAnswer, err};
use crate::rooms::outlet::{ConnRef, Payload};
use crate::rooms::{Accepted, Action, Post, Rooms};

/// What a text frame came to.
pub(super) enum Reaction {
    /// Say this.
    Answer(Payload),
    /// The room takes it.
    Accepted(Box<Accepted>),
    /// The room's inbox is full; try again later.
    Full(Box<(RoomId, Post)>),
    /// Too much, too long: close with 1008.
    Flood,
}

/// Works on one text frame of a chat connection.
pub(super) fn react(
    text: &str,
    conn: ConnRef,
    connection: &mut Connection,
    rooms: &Rooms,
    stats: &Stats,
    now_ms: u32,
    scale: f32,
) -> Reaction {
    let Some(chat) = connection.chat() else { return Reaction::Flood };
    let request = match Request::parse(text) {
        Ok(request) => request,
        Err(fault) => {
            stats.command(None);
            return match chat.bucket.take(now_ms, scale) {
                Rate::Flood => Reaction::Flood,
                _ => refuse(rooms, fault.id.as_deref(), &fault.error),
            };
        }
    };
    stats.command(Some(&request.command));
    match chat.bucket.take(now_ms, scale) {
        Rate::Good => {}
        Rate::Flood => return Reaction::Flood,
        Rate::Wait(retry_ms) => {
            let error = Error::new(Code::RateLimited, "Too many commands; slow down.");
            return refuse(rooms, request.id.as_deref(), &error.retry_after(retry_ms));
        }
    }
    let id = request.id;
    let (room, action) = match request.command {
        Command::Ping => return Reaction::Answer(OkAnswer::to(id.as_deref()).encode()),
        Command::Presence { state, words } => {
            return match rooms.presence().set(chat.uid, conn, state, words) {
                Ok(()) => Reaction::Answer(OkAnswer::to(id.as_deref()).encode()),
                Err(error) => refuse(rooms, id.as_deref(), &error),
            };
        }
        Command::Subscribe { room, since } => (room, Action::Subscribe { since }),
        Command::Unsubscribe { room } => (room, Action::Unsubscribe),
        Command::Send { room, draft } => (room, Action::Send(draft)),
        Command::Typing { room } => (room, Action::Typing),
        Command::Read { room, seq } => (room, Action::Read { seq }),
    };
    if matches!(action, Action::Subscribe { .. }) {
        // Whoever does not wait for answers gets no more than who does.
        if chat.following.len() + usize::from(chat.asked) >= limits::SUBSCRIPTIONS {
            let error = Error::new(Code::TooLarge, "This connection follows too many rooms.");
            return refuse(rooms, id.as_deref(), &error);
        }
        chat.asked += u16::from(rooms.visible(room, chat.uid, chat.admin).is_ok());
    }
    let post = Post { conn, uid: chat.uid, admin: chat.admin, id, action };
    let reaction = accept(room, post, rooms);
    if matches!(reaction, Reaction::Full(_)) {
        stats.inbox_full.inc();
    }
    reaction
}

/// The answer to a command that is not carried out.
fn refuse(rooms: &Rooms, id: Option<&str>, error: &Error) -> Reaction {
    rooms.refused().inc(error.code());
    Reaction::Answer(err(id, error))
}

/// Finds a command a place in its room's inbox.
pub(super) fn accept(room: RoomId, post: Post, rooms: &Rooms) -> Reaction {
    // A room that must not be known of is answered here, as one that is not there: neither the answer
    // nor its order among others tells them apart.
    let handle = match rooms.visible(room, post.uid, post.admin) {
        Ok(handle) => handle,
        Err(error) => return refuse(rooms, post.id.as_deref(), &error),
    };
    match handle.accept(post) {
        Ok(accepted) => Reaction::Accepted(Box::new(accepted)),
        Err(post) => Reaction::Full(Box::new((room, post))),
    }
}

/// What the rate says about one more command.
enum Rate {
    Good,
    Wait(u32),
    Flood,
}

impl Bucket {
    pub fn full(now_ms: u32) -> Self {
        Self { tokens: limits::BURST, at_ms: now_ms, refused: 0 }
    }

    fn take(&mut self, now_ms: u32, scale: f32) -> Rate {
        if scale == 0.0 {
            return Rate::Good;
        }
        let rate = limits::RATE * scale;
        let passed = now_ms.wrapping_sub(self.at_ms) as f32 / 1_000.0;
        self.at_ms = now_ms;
        self.tokens = (self.tokens + passed * rate).min(limits::BURST * scale.max(1.0));
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            self.refused = self.refused.saturating_sub(1);
            return Rate::Good;
        }
        self.refused = self.refused.saturating_add(1);
        if self.refused > limits::FLOOD {
            return Rate::Flood;
        }
        Rate::Wait(((1.0 - self.tokens) / rate * 1_000.0) as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_a_flood_ends_it() {
        let mut bucket = Bucket::full(0);
        for _ in 0..limits::BURST as u32 {
            assert!(matches!(bucket.take(0, 1.0), Rate::Good));
        }
        assert!(matches!(bucket.take(0, 1.0), Rate::Wait(1..)));
        assert!(matches!(bucket.take(1_000, 1.0), Rate::Good));
        for _ in 0..limits::RATE as u32 + u32::from(limits::FLOOD) {
            bucket.take(1_000, 1.0);
        }
        assert!(matches!(bucket.take(1_000, 1.0), Rate::Flood));
    }

    /// How it ends if somebody sends one command after the other, so many a second.
    fn stream(a_second: u32) -> Option<u32> {
        let mut bucket = Bucket::full(0);
        (0..a_second * 60).find(|n| matches!(bucket.take(n * 1_000 / a_second, 1.0), Rate::Flood))
    }

    #[test]
    fn a_flood_ends_however_slowly_it_comes_and_who_is_refused_now_and_then_is_no_flood() {
        let rate = limits::RATE as u32;
        for many in [3, 10, 100] {
            assert!(stream(many * rate).is_some(), "{many} times what may be");
        }
        // As often accepted as refused: as somebody who tries again when he was told to.
        assert_eq!(stream(2 * rate), None);
    }

    #[test]
    fn scale_zero_lifts_the_limit() {
        let mut bucket = Bucket::full(0);
        assert!((0..10_000).all(|_| matches!(bucket.take(0, 0.0), Rate::Good)));
    }
}
