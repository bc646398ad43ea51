//! `IMPULSE_DEMO=1`: a server that is already lived in, for somebody who only wants to look around.
//!
//! People, rooms and conversations are written directly into the stores of an empty server before its rooms start,
//! when nobody can be connected yet, and only once. A bot then takes part through the rooms, like anybody. Everybody
//! knows the password, so this is never on by default, and a server with other people never gets it.

mod account;
mod bot;
mod cast;
mod face;
mod fill;
mod lines;
mod script;
mod seats;
mod stage;
mod words;

pub use bot::Bot;
pub use cast::PASSWORD;
pub use fill::Parts;
pub use stage::{Stage, open, warn_of_leftovers};
