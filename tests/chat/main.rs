//! Rooms and messages over real sockets and a real database.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod batches;
mod blocking;
mod contents;
mod epoch;
mod hooks;
mod private_rooms;
mod protocol_vectors;
mod rooms;
mod scripts;
mod sockets;
mod store;
mod tail;
mod unread;
