//! Catching up: further rooms, and slices of replays, fetched for those who have taken what came before. Why
//! nothing is missed, doubled or out of order: [`crate::rooms::replay`].

use super::connection::{Connection, Place};
use super::room::Stage;
use super::shard::Shard;
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::chat as limits;
use crate::protocol::event::Event;
use crate::rooms::publication::{ConnRef, Payload};
use crate::rooms::replay::{Replay, Slice, SliceEvents, SliceRequest};
use crate::ws::frame;

impl Shard {
    /// What was missed is known to the room, or can be read.
    pub(super) fn resumes(
        &mut self,
        slot: usize,
        mut replay: Replay,
        kept: Option<Vec<(Mid, Payload)>>,
    ) {
        let id = replay.room;
        let is_last = self.settle(slot, id);
        let is_wanted = is_last && self.follows(slot, id);
        let kept = if is_wanted {
            let stage = if kept.is_some() { Stage::Replaying } else { Stage::Awaiting };
            self.catches_up(slot, id, stage);
            kept
        } else {
            // Subscribed anew, or left: only the answer goes out.
            replay.truncate();
            Some(Vec::new())
        };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.out.get_or_insert_default().push_missed(replay, kept, is_last);
        self.list(slot);
    }

    /// Where the connection's subscription of the room stands, if there is one.
    fn place_of(&mut self, slot: usize, id: RoomId) -> Option<Place> {
        let index = *self.room_index.get(&id)?;
        let chat = self.connections.get_mut(slot).and_then(Connection::chat)?;
        chat.following.iter().find(|place| place.room == index).copied()
    }

    pub(super) fn follows(&mut self, slot: usize, id: RoomId) -> bool {
        self.place_of(slot, id).is_some()
    }

    /// A subscription that is not live has come this far.
    pub(super) fn catches_up(&mut self, slot: usize, id: RoomId, stage: Stage) {
        let Some(place) = self.place_of(slot, id) else { return };
        let Some(room) = self.rooms.get_mut(place.room) else { return };
        let subscriber = room.subscribers.get_mut(place.subscriber);
        if let Some(subscriber) = subscriber.filter(|one| one.stage != Stage::Live) {
            subscriber.stage = stage;
            // What has piled up until now waited for a slice, and so not for the reader.
            subscriber.cursor.excuse(&room.log);
        }
    }

    /// Everything that could be sent is sent: gets the next part of the rooms, or of a replay.
    pub(super) fn fetch_more(&mut self, slot: usize) {
        if !self.tell_rooms(slot) {
            self.ask_for_slice(slot);
        }
    }

    /// Names the next rooms of somebody who is in very many. False: all are named.
    fn tell_rooms(&mut self, slot: usize) -> bool {
        let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) else {
            return false;
        };
        if chat.untold.is_empty() {
            return false;
        }
        let views = self.hub.take_views(chat.uid, &mut chat.untold, limits::ROOMS_BYTES);
        let more = !chat.untold.is_empty();
        if !more {
            chat.untold = Vec::new();
        }
        self.push(slot, &frame::text(&Event::Rooms { rooms: &views, more }.encode()));
        true
    }

    /// Everything before it is written: asks for the next slice of a replay.
    fn ask_for_slice(&mut self, slot: usize) {
        let (shard, number) = (self.number, self.asked + 1);
        let (rooms, index) = (&self.rooms, &self.room_index);
        let changes = |id: RoomId| {
            let room = index.get(&id).and_then(|index| rooms.get(*index));
            room.map_or(0, |room| room.changed.count())
        };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let conn = ConnRef { shard, slot: slot as u32, generation: connection.generation };
        let Some(out) = connection.out.as_mut().filter(|out| out.wants_slice()) else { return };
        let Some(replay) = out.ask(number, changes) else { return };
        let Some(chat) = connection.chat() else { return };
        let (uid, room) = (chat.uid, replay.room);
        self.asked = number;
        self.hub.replay_readers().request(SliceRequest { conn, uid, number, replay });
        self.catches_up(slot, room, Stage::Awaiting);
    }

    /// A slice is here, unless nobody waits for it any more.
    pub(super) fn slice(&mut self, slot: usize, slice: Slice) {
        let Slice { number, room: id, read } = slice;
        let Some(out) = self.connections.get_mut(slot).and_then(|c| c.out.as_mut()) else {
            return;
        };
        let Some(changes) = out.asked(number) else { return };
        match read {
            Ok(SliceEvents { events, rest, held }) => {
                let room = self.room_index.get(&id).and_then(|index| self.rooms.get(*index));
                match room.and_then(|room| room.changed.since(changes)) {
                    Some(changed) => {
                        let said = events.into_iter().filter(|(mid, _)| !changed.contains(mid));
                        out.push_slice(said, rest, held);
                        self.catches_up(slot, id, Stage::Replaying);
                    }
                    None => out.ask_again(),
                }
            }
            Err(answer) => {
                out.fail_slice(answer);
                self.unfollow(slot, id);
            }
        }
        self.list(slot);
    }

    /// Messages of a room change by what is published next.
    pub(super) fn changed(&mut self, id: RoomId, mids: &[Mid]) {
        let Some(room) = self.room_index.get(&id).and_then(|index| self.rooms.get_mut(*index))
        else {
            return;
        };
        if room.behind == 0 {
            return;
        }
        room.changed.note(mids);
        for subscriber in room.subscribers.iter().filter(|one| one.stage != Stage::Live) {
            let connection = self.connections.get_mut(subscriber.slot);
            if let Some(out) = connection.and_then(|connection| connection.out.as_mut()) {
                out.forget_messages(id, mids);
            }
        }
    }
}
