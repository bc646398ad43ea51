//! The scenarios by name.

use clap::ValueEnum;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// How fast clients connect: TCP, upgrade, session check, first frame
    Connect,
    /// What a connection costs that sends nothing
    Idle,
    /// One room with all connections in it: what a delivery costs and how late it is
    Fanout,
    /// Many small rooms with a writer each
    Rooms,
    /// The server restarts (with --local) or all connections are cut, and all come back at once
    Storm,
    /// Messages per second that are on disk when they are acknowledged
    Durable,
}

impl Scenario {
    /// All, in the order in which they run.
    pub const ALL: [Self; 6] =
        [Self::Connect, Self::Idle, Self::Fanout, Self::Rooms, Self::Storm, Self::Durable];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Idle => "idle",
            Self::Fanout => "fanout",
            Self::Rooms => "rooms",
            Self::Storm => "storm",
            Self::Durable => "durable",
        }
    }
}
