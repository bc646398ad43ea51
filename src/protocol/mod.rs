//! The words on the wire (`docs/protocol.md`): commands in, events out. No I/O.

pub mod command;
pub mod event;
pub mod message;
pub mod status;
