//! The delivery plane: the threads that own the WebSockets.
//!
//! A shard is one thread with one epoll (`mio`): no task, no lock and no read buffer per connection.
//! PostgreSQL, HTTP and Argon2 never run here. A delivery costs a share of one vectored write; an idle
//! connection costs about half a kilobyte here, and what the kernel keeps.
//!
//! The way of a message from a socket to a room, and from a room to the sockets:
//!
//! - [`read`](mod@read) reads bytes and cuts them into frames; [`commands`] parses a command, checks its
//!   rate ([`command_rate`]) and reserves a permit in the inbox of its room. A full inbox pauses the
//!   connection, so the pressure reaches TCP.
//! - [`deliver`] takes what rooms publish out of one ordered queue ([`crate::rooms::publisher`]) and appends
//!   events to the [`room_feed`] of their room, whose [`frame_log`] holds them encoded.
//! - [`sweep`] passes over the subscribers of that feed, and [`write`](mod@write) gives each one everything
//!   since its cursor, after what waits for that connection alone ([`send_queue`]).
//!
//! Around that: [`subscriptions`] and [`replays`] say who gets what, [`close`] and [`timers`] end
//! connections, [`shedding`] keeps to the budget of memory, [`counters`] count.

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
mod replays;
mod room_feed;
mod send_queue;
mod shard;
mod shards;
mod shared;
mod shedding;
mod subscriptions;
mod sweep;
mod timers;
mod transport;
mod write;

pub use adoption::{Adoption, ConnectionKind, NewChat, Rights};
pub use counters::Counters;
pub use shard::Settings;
pub use shards::{Load, PreparedShards, Shards, prepare};
