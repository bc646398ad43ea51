//! Rooms, their members and their messages.

pub mod bans;
pub mod encrypted;
pub mod hooks;
pub mod members;
pub mod messages;
pub mod posting;
pub mod room;
pub mod tail;
