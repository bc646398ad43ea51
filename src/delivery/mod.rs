//! The delivery plane: the threads that own the WebSockets.
//!
//! A shard is one thread with one epoll (`mio`): no task, no lock and no read buffer per connection.
//! PostgreSQL, HTTP and Argon2 never run here. A delivery costs a share of one vectored write; an idle
//! connection costs about half a kilobyte here, and what the kernel keeps.
//!
//! The way of a message from a socket to its room, and from the room to the sockets of its members:
//!
//! 1. `read.rs` (`Shard::read`) reads bytes and cuts them into frames.
//! 2. `commands.rs` (`Shard::handle_text`) parses a command, checks the rates (`command_rate.rs`) and reserves a
//!    permit in the inbox of the room. If the inbox is full the connection is paused, and the pressure reaches
//!    TCP. `Shard::send_accepted` sends all commands of a turn to their rooms together.
//! 3. `deliver.rs` (`Shard::deliver`) handles what rooms send, which comes in one ordered queue
//!    ([`crate::rooms::publisher`]). `Shard::publish` appends events to the log (`frame_log.rs`) of the room on this
//!    shard (`room_feed.rs`) and marks the room for the sweep.
//! 4. `sweep.rs` passes over the subscribers of the room, and `write.rs` writes everything since its cursor to
//!    each one, behind what waits for that connection alone (`send_queue.rs`).
//!
//! `tail.rs` writes to scripts that read a room by HTTP. `shard.rs` has the loop of the thread. `subscriptions.rs`, `replays.rs` and `activity.rs` decide what a
//! connection gets, `close.rs` and `timers.rs` end connections, `shedding.rs` keeps to the budget of memory, and
//! `transport.rs` is the socket itself, plain or through TLS (`tls.rs`).

mod activity;
mod adoption;
mod close;
mod command_rate;
mod commands;
mod connection;
mod counters;
mod deliver;
pub mod frame_log;
mod memory;
mod read;
mod received;
mod replays;
mod room_feed;
mod send_queue;
mod shard;
mod shards;
mod shared;
mod shedding;
mod subscriptions;
mod sweep;
mod tail;
mod timers;
mod tls;
mod transport;
mod write;

pub use adoption::{Adoption, ConnectionKind, NewChat, NewTail, Rights};
pub use command_rate::cost_of_bytes;
pub use counters::Counters;
pub use shard::Settings;
pub use shards::{Load, PreparedShards, Shards, prepare};
