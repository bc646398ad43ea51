//! The people of the demo: who they are, how they look, and whether they sit at their desks.

use super::face::{Face, Hair};
use crate::base::ids::Uid;
use crate::protocol::presence::PresenceState;

/// The password of every demo user.
pub const PASSWORD: &str = "impulse demo";

/// One of them.
#[derive(Debug)]
pub struct Person {
    /// To sign in with.
    pub username: &'static str,
    /// To be shown with.
    pub name: &'static str,
    /// About them.
    pub bio: &'static str,
    /// Their status text.
    pub status: &'static str,
    /// Whether they are there when nobody has signed in as them.
    pub seat: Seat,
    /// Their picture.
    pub face: Face,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// Shown like this.
    At(PresenceState),
    /// Offline.
    Empty,
}

/// Places in [`PEOPLE`].
pub const DEMO: usize = 0;
pub const ADA: usize = 1;
pub const GRACE: usize = 2;
pub const LINUS: usize = 3;
pub const KATHERINE: usize = 4;
pub const HEDY: usize = 5;
pub const PULSE: usize = 6;

/// All of them; the last is the bot.
pub const PEOPLE: [Person; 7] = [
    Person {
        username: "demo",
        name: "Demo",
        bio: "That is you: have a look around. You administrate this server, so the shield is yours, too.",
        status: "",
        seat: Seat::Empty,
        face: Face::new([0x5b5bd6, 0x8e4ec6], 0xf2c9a1, 0x3b2a20, 0x22304a, Hair::Short),
    },
    Person {
        username: "ada",
        name: "Ada Lovelace",
        bio: "Notes on the engine, and on everything else.",
        status: "🎂 baking",
        seat: Seat::At(PresenceState::Online),
        face: Face::new([0xf76b15, 0xffba18], 0xf6d3b3, 0x2b1a12, 0x7a1f3d, Hair::Bun),
    },
    Person {
        username: "grace",
        name: "Grace Hopper",
        bio: "It is easier to ask forgiveness than permission.",
        status: "⚓ at sea, back at four",
        seat: Seat::At(PresenceState::Dnd),
        face: Face::new([0x0b6e99, 0x3db9cf], 0xf3cfae, 0xb9b4ad, 0x16263f, Hair::Short)
            .with_glasses(),
    },
    Person {
        username: "linus",
        name: "Linus Pauling",
        bio: "The best way to have a good idea is to have many.",
        status: "",
        seat: Seat::At(PresenceState::Away),
        face: Face::new([0x2b9a66, 0x94ce9a], 0xf0c6a0, 0x8c8c88, 0x4a4238, Hair::Curls),
    },
    Person {
        username: "katherine",
        name: "Katherine Johnson",
        bio: "Ask me about trajectories. Or check my numbers: I did.",
        status: "🛰️ in orbit",
        seat: Seat::At(PresenceState::Online),
        face: Face::new([0xd6409f, 0xe796c8], 0x8d5a3b, 0x1c1310, 0x2f5d50, Hair::Curls)
            .with_glasses(),
    },
    Person {
        username: "hedy",
        name: "Hedy Lamarr",
        bio: "Frequencies by night, films by day.",
        status: "",
        seat: Seat::Empty,
        face: Face::new([0x3e63dd, 0xab4aba], 0xf7d8bd, 0x17110f, 0x8c1d2f, Hair::Long),
    },
    Person {
        username: "pulse",
        name: "Pulse",
        bio: "The bot of this demo. Mention me, or write to me: I answer.",
        status: "🤖 counting heartbeats",
        seat: Seat::At(PresenceState::Online),
        face: Face::new([0x11264a, 0x30a5ff], 0xdfe8f2, 0x30a5ff, 0x9fb3c8, Hair::Antenna),
    },
];

/// The people as they exist on this server.
#[derive(Debug, Clone)]
pub struct Cast {
    /// Their accounts in the order of [`PEOPLE`]; none for somebody who has left or has another password by now.
    pub uids: [Option<Uid>; PEOPLE.len()],
}

impl Cast {
    /// The account of one of them.
    pub fn uid(&self, person: usize) -> Option<Uid> {
        self.uids.get(person).copied().flatten()
    }

    /// Each with their account.
    pub fn people(&self) -> impl Iterator<Item = (Uid, &'static Person)> {
        self.uids.iter().zip(&PEOPLE).filter_map(|(uid, person)| Some(((*uid)?, person)))
    }

    /// Those as whom a visitor may sign in: everybody but the bot.
    pub fn visitors(&self) -> Vec<Uid> {
        self.uids.iter().take(PULSE).filter_map(|uid| *uid).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::PEOPLE;

    #[test]
    fn everybody_has_a_picture_of_their_own() {
        let pictures: Vec<_> = PEOPLE.iter().map(|person| person.face.draw().unwrap()).collect();
        for (number, picture) in pictures.iter().enumerate() {
            assert!(image::load_from_memory(picture).is_ok());
            assert!(pictures.iter().skip(number + 1).all(|other| other != picture));
        }
    }
}
