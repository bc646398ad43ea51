//! A text frame becomes a command for a room: parse, check the rate, reserve a permit in the inbox of the
//! room. Each command is answered exactly once.
//!
//! What a user may do in a room is decided by the room. The session was checked at the upgrade and is
//! ended by `Revoke`, so every command here comes from a signed-in user.

use super::adoption::Rights;
use super::command_rate::{Verdict, cost, cost_of_bytes};
use super::connection::Chat;
use super::shard::Shard;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits::{delivery as limits, users};
use crate::base::principal::Principal;
use crate::protocol::answer::{self, OkAnswer};
use crate::protocol::command::{Command, Request};
use crate::rooms::publication::{ConnRef, Payload};
use crate::rooms::{Accepted, Post, ReplyTo, RoomCommand, Rooms, Sender};

/// What a text frame came to.
pub(super) enum CommandOutcome {
    /// It is answered now.
    Answer(Payload),
    /// It has a permit in the inbox of its room, which will answer.
    Accepted(Box<Accepted>),
    /// The inbox of its room is full; it must be tried again.
    InboxFull(Box<(RoomId, Post)>),
    /// The connection has sent too much for too long and is closed.
    Flood,
}

impl Shard {
    /// Handles one text frame of a chat connection.
    pub(super) fn handle_text(&mut self, slot: usize, text: &str) -> CommandOutcome {
        let (shard, now_ms) = (self.number, self.clock.now_ms());
        let rooms = &self.rooms;
        let Some(connection) = self.connections.get_mut(slot) else { return CommandOutcome::Flood };
        let conn = ConnRef { shard, slot: slot as u32, generation: connection.generation };
        let Some(chat) = connection.chat() else { return CommandOutcome::Flood };
        let Request { id, command } = match Request::parse(text) {
            Ok(request) => request,
            Err(fault) => {
                self.counters.count_command(None);
                let cost = cost_of_bytes(text.len());
                return match chat.rate.charge(now_ms, cost, || chat.allowance.command(cost)) {
                    Verdict::Flood => CommandOutcome::Flood,
                    _ => refuse(rooms, fault.id.as_deref(), &fault.error),
                };
            }
        };
        self.counters.count_command(Some(&command));
        let cost = cost(&command, text.len(), chat.uid, rooms);
        let (rate, uid, allowance) = (&mut chat.rate, chat.uid, &chat.allowance);
        let charge_user = || {
            allowance.command(cost)?;
            match &command {
                Command::Send { .. } | Command::SendEnvelope { .. } => {
                    allowance.bytes(text.len() + users::CHANGE_BYTES)
                }
                Command::Presence { state, text }
                    if rooms.presence().would_change(uid, conn, *state, text.as_ref()) =>
                {
                    allowance.profile_change()
                }
                _ => Ok(()),
            }
        };
        match rate.charge(now_ms, cost, charge_user) {
            Verdict::Accept => {}
            Verdict::Flood => return CommandOutcome::Flood,
            Verdict::Refuse(error) => return refuse(rooms, id.as_deref(), &error),
        }
        let outcome = carry_out(id, command, conn, chat, rooms);
        if matches!(outcome, CommandOutcome::InboxFull(_)) {
            self.counters.inbox_full.inc();
        }
        outcome
    }
}

/// Answers a command that needs no room, or reserves a permit in the inbox of its room.
fn carry_out(
    id: Option<String>,
    command: Command,
    conn: ConnRef,
    chat: &mut Chat,
    rooms: &Rooms,
) -> CommandOutcome {
    if chat.rights == Rights::Read && command.writes() {
        let error = Error::new(Code::Forbidden, "This token may only read.");
        return refuse(rooms, id.as_deref(), &error);
    }
    let (room, command) = match command {
        Command::Ping => return CommandOutcome::Answer(OkAnswer::to(id.as_deref()).encode()),
        Command::Presence { state, text } => {
            return match rooms.presence().set(chat.uid, conn, state, text) {
                Ok(()) => CommandOutcome::Answer(OkAnswer::to(id.as_deref()).encode()),
                Err(error) => refuse(rooms, id.as_deref(), &error),
            };
        }
        Command::Subscribe { room, since, epoch } => {
            if let Err(error) = count_subscription(room, chat, rooms) {
                return refuse(rooms, id.as_deref(), &error);
            }
            (room, RoomCommand::Subscribe { since, epoch })
        }
        Command::Unsubscribe { room } => (room, RoomCommand::Unsubscribe),
        Command::Send { room, draft } => (room, RoomCommand::Send(draft)),
        Command::SendEnvelope { room, envelope } => (room, RoomCommand::SendEnvelope(envelope)),
        Command::Typing { room } => (room, RoomCommand::Typing),
        Command::Read { room, seq } => (room, RoomCommand::Read { seq }),
    };
    let allowance = chat.allowance.clone();
    let reply_to = ReplyTo::Connection { conn, id };
    let sender = Sender { uid: chat.uid, is_admin: chat.is_admin, allowance, reply_to };
    reserve_permit(room, Post { sender, command }, rooms)
}

/// Counts a subscription that the room has not decided about. Pipelined subscribe requests count before
/// they are answered.
fn count_subscription(room: RoomId, chat: &mut Chat, rooms: &Rooms) -> Result<()> {
    let pending = usize::from(chat.pending_subscriptions);
    if chat.subscriptions.len() + pending >= limits::SUBSCRIPTIONS {
        return Err(Error::new(Code::TooLarge, "This connection follows too many rooms."));
    }
    let by = Principal::User { uid: chat.uid, is_admin: chat.is_admin };
    rooms.visible(by, room)?;
    chat.pending_subscriptions += 1;
    Ok(())
}

/// Reserves a permit for a command in the inbox of its room.
pub(super) fn reserve_permit(room: RoomId, post: Post, rooms: &Rooms) -> CommandOutcome {
    // A room that the user must not know of is answered here, like one that does not exist: neither the
    // answer nor its order among others tells them apart.
    let handle = match rooms.visible(post.sender.principal(), room) {
        Ok(handle) => handle,
        Err(error) => return refuse(rooms, post.sender.id(), &error),
    };
    match handle.accept(post) {
        Ok(accepted) => CommandOutcome::Accepted(Box::new(accepted)),
        Err(post) => CommandOutcome::InboxFull(Box::new((room, post))),
    }
}

/// The answer to a command that is not carried out.
fn refuse(rooms: &Rooms, id: Option<&str>, error: &Error) -> CommandOutcome {
    rooms.refused().inc(error.code());
    CommandOutcome::Answer(answer::error(id, error))
}
