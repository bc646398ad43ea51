//! The bot of the demo. It hears what rooms publish, and writes through the rooms like anybody: now and then by itself
//! while somebody is connected, and whenever it is mentioned or written to.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::cast::{Cast, PULSE};
use super::seats::no_connection;
use super::words::{answer_to, by_itself};
use crate::base::allowance::Allowance;
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::demo as limits;
use crate::base::random;
use crate::base::shutdown::stopped;
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::mentions::Mentions;
use crate::protocol::message::TextBody;
use crate::protocol::room::RoomKind;
use crate::rooms::publication::Publication;
use crate::rooms::publisher::Sink;
use crate::rooms::{Post, ReplyTo, RoomCommand, Rooms, Sender};
use crate::service::{Profiles, Services};

/// What the bot hears.
pub struct Ears(mpsc::Receiver<Arc<Publication>>);

/// A sink for the rooms, and the ears at its other end.
pub fn ears() -> (Sink, Ears) {
    let (sink, heard) = mpsc::channel(limits::HEARD);
    (sink, Ears(heard))
}

/// The bot.
pub struct Bot {
    uid: Uid,
    rooms: Rooms,
    profiles: Arc<Profiles>,
    ears: Ears,
    allowance: Arc<Allowance>,
    talk: Talk,
}

/// An answer that is being written.
#[derive(Debug, PartialEq)]
struct Answer {
    room: RoomId,
    to: Mid,
    text: &'static str,
}

/// When the bot speaks, and what it says.
#[derive(Debug)]
struct Talk {
    /// When it may speak by itself again.
    next: Instant,
    answer: Option<(Instant, Answer)>,
    /// How often it has spoken by itself since somebody else said something.
    unheard: u32,
    turns: usize,
}

/// A message as it is published, as far as the bot reads it.
#[derive(Deserialize)]
struct Heard {
    op: String,
    msg: HeardMessage,
}

#[derive(Deserialize)]
struct HeardMessage {
    mid: Mid,
    rev: u32,
    by: Uid,
    #[serde(rename = "t", default)]
    text: String,
    #[serde(rename = "m", default)]
    mentions: Mentions,
}

impl Bot {
    /// The bot of this cast, if it is there.
    pub fn new(cast: &Cast, services: &Services, ears: Ears) -> Option<Self> {
        let uid = cast.uid(PULSE)?;
        let (rooms, profiles) = (services.rooms.clone(), services.profiles.clone());
        let talk = Talk::new(Instant::now(), random::number());
        Some(Self { uid, rooms, profiles, ears, allowance: services.allowances.of(uid), talk })
    }

    /// Listens and speaks until the server stops. `connections` says how many sockets there are.
    pub async fn run(mut self, connections: impl Fn() -> usize, mut stop: watch::Receiver<bool>) {
        loop {
            let due = self.talk.due();
            tokio::select! {
                Some(publication) = self.ears.0.recv() => self.hear(&publication),
                () = tokio::time::sleep_until(due) => self.speak(connections() > 0),
                () = stopped(&mut stop) => return,
            }
        }
    }

    fn hear(&mut self, publication: &Publication) {
        let is_new = publication.activity.as_ref().is_some_and(|activity| activity.new > 0);
        if !is_new || !self.rooms.is_member(publication.room, self.uid) {
            return;
        }
        let room = publication.room;
        let messages = publication
            .events
            .iter()
            .filter_map(|event| serde_json::from_slice::<Heard>(&event.payload).ok());
        for Heard { op, msg } in messages {
            if op == "msg" && msg.rev == 0 && msg.by != self.uid {
                let is_asked = msg.mentions.users.contains(&self.uid) || self.is_direct(room);
                if self.talk.heard(Instant::now(), room, &msg, is_asked) {
                    self.post(room, RoomCommand::Typing);
                }
            }
        }
    }

    fn is_direct(&self, room: RoomId) -> bool {
        self.rooms.summary(room).is_some_and(|summary| summary.row.kind == RoomKind::Dm)
    }

    fn speak(&mut self, is_anybody_here: bool) {
        if let Some(Answer { room, to, text }) = self.talk.take_answer(Instant::now()) {
            self.say(room, text.to_owned(), Some(to));
        } else if let Some((name, text)) =
            self.talk.turn(Instant::now(), is_anybody_here, random::number())
        {
            let own = self.rooms.rooms_of(self.uid).into_iter();
            let mut rooms = own.filter_map(|room| self.rooms.summary(room));
            // An admin may have renamed or removed it.
            if let Some(summary) = rooms.find(|summary| summary.row.name == name) {
                self.say(summary.row.id, text, None);
            }
        }
    }

    fn say(&self, room: RoomId, text: String, reply_to: Option<Mid>) {
        let Ok(mid) = random::bytes() else { return };
        let body = TextBody { text, reply_to, ..TextBody::default() };
        let draft = Draft { mid: Mid(mid), rev: 0, body: DraftBody::Text(body, None) };
        self.post(room, RoomCommand::Send(draft));
    }

    /// Puts a command into the inbox of a room, unless an administrator has shut the bot out. What a full one does not
    /// take is not said.
    fn post(&self, room: RoomId, command: RoomCommand) {
        let sender = Sender {
            uid: self.uid,
            is_admin: false,
            allowance: self.allowance.clone(),
            reply_to: ReplyTo::Connection { conn: no_connection(u32::MAX), id: None },
        };
        let Some(room) = self.rooms.handle(room) else { return };
        let (uid, profiles) = (self.uid, self.profiles.clone());
        // Rooms wait for the bot's ears, so these wait for no database.
        tokio::spawn(async move {
            if profiles.active(uid).await.is_ok()
                && let Ok(accepted) = room.accept(Post { sender, command })
            {
                accepted.send();
            }
        });
    }
}

impl Talk {
    fn new(now: Instant, number: u32) -> Self {
        Self { next: now + pause(number), answer: None, unheard: 0, turns: 0 }
    }

    /// When it speaks next.
    fn due(&self) -> Instant {
        self.answer.as_ref().map_or(self.next, |(at, _)| self.next.min(*at))
    }

    /// Somebody has said something; whether that begins an answer.
    fn heard(&mut self, now: Instant, room: RoomId, msg: &HeardMessage, is_asked: bool) -> bool {
        self.unheard = 0;
        if !is_asked || self.answer.is_some() {
            return false;
        }
        let text = answer_to(&msg.text, self.turns);
        self.answer = Some((now + limits::ANSWER_AFTER, Answer { room, to: msg.mid, text }));
        self.turns += 1;
        true
    }

    fn take_answer(&mut self, now: Instant) -> Option<Answer> {
        self.answer.take_if(|(at, _)| *at <= now).map(|(_, answer)| answer)
    }

    /// What it says by itself now, and where: nothing to an empty house, and nothing more to one that does not listen.
    fn turn(
        &mut self,
        now: Instant,
        is_anybody_here: bool,
        number: u32,
    ) -> Option<(&'static str, String)> {
        if now < self.next {
            return None;
        }
        self.next = now + pause(number);
        if !is_anybody_here || self.unheard >= limits::UNHEARD {
            return None;
        }
        self.unheard += 1;
        self.turns += 1;
        Some(by_itself(self.turns, 1_000 + number % 9_000))
    }
}

/// A pause between two messages.
fn pause(number: u32) -> Duration {
    let (least, most) = (*limits::PAUSE_SECONDS.start(), *limits::PAUSE_SECONDS.end());
    Duration::from_secs(u64::from(least + number % (most - least + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> HeardMessage {
        let (mid, by, mentions) = (Mid([7; 16]), Uid(1), Mentions::default());
        HeardMessage { mid, rev: 0, by, text: text.into(), mentions }
    }

    #[test]
    fn it_speaks_at_its_pauses_while_somebody_is_there_and_falls_silent_when_nobody_says_a_word() {
        let mut now = Instant::now();
        let mut talk = Talk::new(now, 3);
        assert_eq!(talk.turn(now, true, 0), None, "not before its time");
        let mut said = 0;
        for number in 0..100 {
            let before = now;
            now = talk.due();
            assert!((40..=90).contains(&(now - before).as_secs()));
            assert_eq!(talk.turn(now, false, number), None, "to an empty house");
            now = talk.due();
            said += usize::from(talk.turn(now, true, number).is_some());
        }
        assert_eq!(said, 12);
        talk.heard(now, RoomId(1), &message("hm"), false);
        assert!(talk.turn(talk.due(), true, 0).is_some(), "somebody has said something");
    }

    #[test]
    fn it_answers_one_question_at_a_time_a_moment_later() {
        let now = Instant::now();
        let mut talk = Talk::new(now, 0);
        assert!(!talk.heard(now, RoomId(1), &message("to nobody"), false));
        assert!(talk.heard(now, RoomId(1), &message("hello"), true));
        assert!(!talk.heard(now, RoomId(2), &message("and now?"), true));
        assert_eq!(talk.take_answer(now), None);
        assert_eq!(talk.due(), now + limits::ANSWER_AFTER);
        let answer = talk.take_answer(talk.due()).expect("an answer");
        assert_eq!((answer.room, answer.to), (RoomId(1), Mid([7; 16])));
        assert_eq!(talk.take_answer(talk.due()), None, "once");
    }

    #[test]
    fn a_pause_is_as_long_as_its_bounds_say() {
        let of = |number| pause(number).as_secs();
        assert_eq!((of(0), of(50), of(51)), (40, 90, 40));
    }
}
