//! Rooms: one actor each, one journal for all, and what they say to the delivery plane.
//!
//! ```text
//! shard --Post--> RoomHandle -> inbox -> actor --entries--> journal --one commit--> PostgreSQL
//!                                          |  <---outcomes---+
//!                                          +--Publication, Reply--> Outlet -> every shard
//! ```
//!
//! An actor takes all that waits in its inbox, makes it durable in one append, and only then
//! answers and publishes. It alone changes its room's [`state`], so nothing here is locked for
//! longer than a look. The actors never see a socket: they answer through [`outlet`], which
//! `delivery` implements.

mod actor;
mod blocks;
mod calls;
mod changes;
mod facts;
pub mod journal;
mod kept;
mod look;
mod making;
mod members;
pub mod outlet;
pub mod presence;
mod publish;
mod registry;
pub mod replays;
mod room;
mod settings;
mod state;
mod typing;

pub use calls::check_kind;
pub use look::{RoomCounts, RoomSummary, sort_key};
pub use making::{CreateRoom, Making};
pub use members::{By, MemberChange, MemberOutcome};
pub use registry::{Bounds, Inboxes, Rooms};
pub use room::{Accepted, Action, Post, RoomHandle};
pub use state::MemberView;
