//! What a conversation of the demo is made of.

use crate::protocol::room::RoomKind;

/// A room with what was said in it.
#[derive(Debug)]
pub struct Scene {
    pub place: Place,
    /// Who is in it, as places in [`PEOPLE`](super::cast::PEOPLE). The first owns it.
    pub members: &'static [usize],
    /// How many of its last lines `demo` has not read.
    pub unread: usize,
    /// Whether `demo` has it among the favourites.
    pub is_favourite: bool,
    pub talks: &'static [Talk],
}

/// Which room it is.
#[derive(Debug)]
pub enum Place {
    /// One of those that every server starts with; everybody is in it.
    ReadyMade(&'static str),
    /// One of the demo's own.
    Room { name: &'static str, topic: &'static str, kind: RoomKind },
    /// Between its members.
    Direct,
}

/// Lines that follow each other within minutes.
#[derive(Debug)]
pub struct Talk {
    /// When the first was written: so many minutes ago.
    pub ago: i64,
    pub lines: &'static [Line],
}

/// One message.
#[derive(Debug)]
pub struct Line {
    pub by: usize,
    pub text: &'static str,
    /// It replies to the line that stands so many lines above it in its room.
    pub replies_up: Option<usize>,
    /// What it said at first.
    pub at_first: Option<&'static str>,
    /// Who reacted with what.
    pub reactions: &'static [(usize, &'static str)],
}

/// Somebody says something.
pub const fn say(by: usize, text: &'static str) -> Line {
    Line { by, text, replies_up: None, at_first: None, reactions: &[] }
}

impl Line {
    pub const fn replying(self, lines_up: usize) -> Self {
        Self { replies_up: Some(lines_up), ..self }
    }

    pub const fn edited_from(self, at_first: &'static str) -> Self {
        Self { at_first: Some(at_first), ..self }
    }

    pub const fn with(self, reactions: &'static [(usize, &'static str)]) -> Self {
        Self { reactions, ..self }
    }

    /// How long it takes to read what was before and to write this, in milliseconds.
    pub fn takes(&self) -> i64 {
        let letters = i64::try_from(self.text.len()).unwrap_or_default();
        15_000 + letters.min(200) * 300
    }
}
