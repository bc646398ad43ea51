//! From a text frame to a room: parse, rate, hand over. Each command is answered exactly once.
//!
//! Who may do what in a room is the room's business; the session was checked at the upgrade and is
//! ended by `Revoke`, so every command here is signed in.

use super::Rights;
use super::connection::{Bucket, Chat, Connection};
use super::stats::Stats;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits::{chat as chat_limits, delivery as limits, users};
use crate::protocol::answer::{self, OkAnswer};
use crate::protocol::command::{Command, DraftBody, Request};
use crate::rooms::publication::{ConnRef, Payload};
use crate::rooms::{Accepted, Post, RoomCommand, Rooms, Sender};

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
            let cost = cost_of_bytes(text.len());
            return match chat.bucket.take(now_ms, scale, cost, || chat.allowance.command(cost)) {
                Rate::Flood => Reaction::Flood,
                _ => refuse(rooms, fault.id.as_deref(), &fault.error),
            };
        }
    };
    stats.command(Some(&request.command));
    let cost = cost(&request.command, text.len(), chat, rooms);
    let command = &request.command;
    let (conn_of, allowance, uid) = (conn, &chat.allowance, chat.uid);
    let of_user = || {
        allowance.command(cost)?;
        match command {
            Command::Send { .. } => allowance.bytes(text.len() + users::CHANGE_BYTES),
            Command::Presence { state, text }
                if rooms.presence().would_change(uid, conn_of, *state, text.as_ref()) =>
            {
                allowance.profile_change()
            }
            _ => Ok(()),
        }
    };
    match chat.bucket.take(now_ms, scale, cost, of_user) {
        Rate::Good => {}
        Rate::Flood => return Reaction::Flood,
        Rate::Wait(error) => return refuse(rooms, request.id.as_deref(), &error),
    }
    let id = request.id;
    if chat.rights == Rights::Read && request.command.writes() {
        let error = Error::new(Code::Forbidden, "This token may only read.");
        return refuse(rooms, id.as_deref(), &error);
    }
    let (room, command) = match request.command {
        Command::Ping => return Reaction::Answer(OkAnswer::to(id.as_deref()).encode()),
        Command::Presence { state, text } => {
            return match rooms.presence().set(chat.uid, conn, state, text) {
                Ok(()) => Reaction::Answer(OkAnswer::to(id.as_deref()).encode()),
                Err(error) => refuse(rooms, id.as_deref(), &error),
            };
        }
        Command::Subscribe { room, since } => (room, RoomCommand::Subscribe { since }),
        Command::Unsubscribe { room } => (room, RoomCommand::Unsubscribe),
        Command::Send { room, draft } => (room, RoomCommand::Send(draft)),
        Command::SendEnvelope { room } => (room, RoomCommand::SendEnvelope),
        Command::Typing { room } => (room, RoomCommand::Typing),
        Command::Read { room, seq } => (room, RoomCommand::Read { seq }),
    };
    let allowance = chat.allowance.clone();
    let sender = Sender { conn, uid: chat.uid, is_admin: chat.admin, id, allowance };
    if matches!(command, RoomCommand::Subscribe { .. }) {
        // Whoever does not wait for answers gets no more than who does.
        if chat.following.len() + usize::from(chat.asked) >= limits::SUBSCRIPTIONS {
            let error = Error::new(Code::TooLarge, "This connection follows too many rooms.");
            return refuse(rooms, sender.id.as_deref(), &error);
        }
        chat.asked += u16::from(rooms.visible(sender.principal(), room).is_ok());
    }
    let reaction = accept(room, Post { sender, command }, rooms);
    if matches!(reaction, Reaction::Full(_)) {
        stats.inbox_full.inc();
    }
    reaction
}

/// What a command costs of the rates: the more, the more work it makes.
fn cost(command: &Command, bytes: usize, chat: &Chat, rooms: &Rooms) -> f32 {
    let more = match command {
        Command::Subscribe { room, since } => {
            let missed = rooms.handle(*room).map_or(0, |room| room.missed(chat.uid, *since));
            (missed.min(chat_limits::REPLAY as u64) / limits::REPLAY_COST) as f32
        }
        // Only a new message is tried without a look at what is stored.
        Command::Send { draft, .. }
            if draft.rev > 0 || !matches!(draft.body, DraftBody::Text(_)) =>
        {
            limits::ASKING_COST - 1.0
        }
        _ => 0.0,
    };
    more + cost_of_bytes(bytes)
}

/// Parsing costs by the byte, whatever it comes to.
fn cost_of_bytes(bytes: usize) -> f32 {
    1.0 + (bytes / limits::COST_BYTES) as f32
}

/// The answer to a command that is not carried out.
fn refuse(rooms: &Rooms, id: Option<&str>, error: &Error) -> Reaction {
    rooms.refused().inc(error.code());
    Reaction::Answer(answer::error(id, error))
}

/// Finds a command a place in its room's inbox.
pub(super) fn accept(room: RoomId, post: Post, rooms: &Rooms) -> Reaction {
    // A room that must not be known of is answered here, as one that is not there: neither the answer
    // nor its order among others tells them apart.
    let handle = match rooms.visible(post.sender.principal(), room) {
        Ok(handle) => handle,
        Err(error) => return refuse(rooms, post.sender.id.as_deref(), &error),
    };
    match handle.accept(post) {
        Ok(accepted) => Reaction::Accepted(Box::new(accepted)),
        Err(post) => Reaction::Full(Box::new((room, post))),
    }
}

/// What the rate says about one more command.
enum Rate {
    Good,
    Wait(Error),
    Flood,
}

/// What the rate says about one more frame that is no command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Good,
    /// The connection is not to be read for a moment.
    Pause,
    Flood,
}

impl Bucket {
    pub fn full(now_ms: u32) -> Self {
        Self { tokens: limits::BURST, at_ms: now_ms, refused: 0, pauses: 0 }
    }

    /// One more command, if the user's other limits allow it, too.
    fn take(
        &mut self,
        now_ms: u32,
        scale: f32,
        cost: f32,
        of_user: impl FnOnce() -> Result<()>,
    ) -> Rate {
        if scale == 0.0 {
            return Rate::Good;
        }
        self.refill(now_ms, scale);
        let allowed = if self.tokens >= cost {
            of_user()
        } else {
            let wait_ms = (cost - self.tokens) / (limits::RATE * scale) * 1_000.0;
            let error = Error::new(Code::RateLimited, "Too many commands; slow down.");
            Err(error.retry_after(wait_ms as u32 + 1))
        };
        let Err(error) = allowed else {
            self.tokens -= cost;
            self.refused = self.refused.saturating_sub(cost as u16);
            return Rate::Good;
        };
        // Reading it was work already, the more the larger it is.
        self.refused = self.refused.saturating_add(cost as u16);
        if self.refused > limits::FLOOD { Rate::Flood } else { Rate::Wait(error) }
    }

    /// One more frame that is no command. It is there already, so it counts even if there is nothing left.
    pub fn frame(&mut self, now_ms: u32, scale: f32) -> Pace {
        if scale == 0.0 {
            return Pace::Good;
        }
        self.refill(now_ms, scale);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 {
            return Pace::Good;
        }
        self.pauses = self.pauses.saturating_add(1);
        if self.pauses > limits::PAUSES { Pace::Flood } else { Pace::Pause }
    }

    fn refill(&mut self, now_ms: u32, scale: f32) {
        let most = limits::BURST * scale.max(1.0);
        let passed = now_ms.wrapping_sub(self.at_ms) as f32 / 1_000.0;
        self.at_ms = now_ms;
        self.tokens = (self.tokens + passed * limits::RATE * scale).min(most);
        // More than comes back in the second of a pause: there was none that was needed.
        if self.tokens >= most / 2.0 {
            self.pauses = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One more command of somebody who has no other connection.
    fn take(bucket: &mut Bucket, now_ms: u32, scale: f32) -> Rate {
        bucket.take(now_ms, scale, 1.0, || Ok(()))
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_a_flood_ends_it() {
        let mut bucket = Bucket::full(0);
        for _ in 0..limits::BURST as u32 {
            assert!(matches!(take(&mut bucket, 0, 1.0), Rate::Good));
        }
        assert!(
            matches!(take(&mut bucket, 0, 1.0), Rate::Wait(error) if error.retry_ms() > Some(0))
        );
        assert!(matches!(take(&mut bucket, 1_000, 1.0), Rate::Good));
        for _ in 0..limits::RATE as u32 + u32::from(limits::FLOOD) {
            take(&mut bucket, 1_000, 1.0);
        }
        assert!(matches!(take(&mut bucket, 1_000, 1.0), Rate::Flood));
    }

    /// How it ends if somebody sends one command after the other, so many a second.
    fn stream(a_second: u32) -> Option<u32> {
        let mut bucket = Bucket::full(0);
        (0..a_second * 60)
            .find(|n| matches!(take(&mut bucket, n * 1_000 / a_second, 1.0), Rate::Flood))
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
        assert!((0..10_000).all(|_| matches!(take(&mut bucket, 0, 0.0), Rate::Good)));
    }

    #[test]
    fn what_makes_more_work_costs_more_and_the_wait_grows_with_it() {
        let mut bucket = Bucket::full(0);
        let most = (limits::BURST / limits::ASKING_COST) as u32;
        for _ in 0..most {
            assert!(matches!(bucket.take(0, 1.0, limits::ASKING_COST, || Ok(())), Rate::Good));
        }
        let Rate::Wait(error) = bucket.take(0, 1.0, 10.0, || Ok(())) else { panic!("too much") };
        let wait_ms = (10.0 / limits::RATE * 1_000.0) as u32;
        assert!(error.retry_ms().is_some_and(|ms| ms.abs_diff(wait_ms) <= 1), "{error:?}");
        assert_eq!(cost_of_bytes(100), 1.0);
        assert_eq!(cost_of_bytes(chat_limits::COMMAND), 9.0);
    }

    #[test]
    fn what_the_user_may_not_over_all_connections_is_refused_on_each_and_costs_it_nothing() {
        let mut bucket = Bucket::full(0);
        let none = || Err(Error::new(Code::RateLimited, "Too much.").retry_after(7));
        for _ in 0..limits::FLOOD {
            let refused = bucket.take(0, 1.0, 1.0, none);
            assert!(matches!(refused, Rate::Wait(error) if error.retry_ms() == Some(7)));
        }
        assert_eq!(bucket.tokens, limits::BURST);
        let mut large = Bucket::full(0);
        let of_9 = (0..).take_while(|_| !matches!(large.take(0, 1.0, 9.0, none), Rate::Flood));
        assert_eq!(of_9.count(), usize::from(limits::FLOOD) / 9, "large ones count as more");
        assert!(matches!(bucket.take(0, 1.0, 1.0, none), Rate::Flood));
    }

    #[test]
    fn frames_that_are_no_commands_are_slowed_down_and_then_end_the_connection() {
        let mut bucket = Bucket::full(0);
        let mut pauses = 0;
        for second in 0..60 {
            // As many as come until it is not read any more.
            let paced = (0..100_000).find_map(|_| match bucket.frame(second * 1_000, 1.0) {
                Pace::Good => None,
                other => Some(other),
            });
            match paced.expect("an end") {
                Pace::Flood => break,
                _ => pauses += 1,
            }
        }
        assert_eq!(pauses, limits::PAUSES);
        // One a second is nothing, and a burst now and then is no flood.
        let mut calm = Bucket::full(0);
        assert!((0..3_600).all(|second| calm.frame(second * 1_000, 1.0) == Pace::Good));
        for n in 0..10 {
            let now_ms = 4_000_000 + n * 10_000;
            while calm.frame(now_ms, 1.0) == Pace::Good {}
            assert_eq!(calm.pauses, 1);
        }
        assert!((0..10_000).all(|_| calm.frame(0, 0.0) == Pace::Good), "lifted");
    }
}
