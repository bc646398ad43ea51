//! Rooms: one actor each, one journal for all, and what they publish to the delivery plane.
//!
//! ```text
//! shard --Post--> RoomHandle -> inbox -> actor --entries--> journal --one commit--> PostgreSQL
//!                                          |  <---outcomes---+
//!                                          +--Publication, answers--> Publisher -> every shard, every sink
//! ```
//!
//! An actor takes everything that waits in its inbox, makes it durable in one append, and only then answers and
//! publishes. It alone changes its room's [`state`], so nothing here is locked for longer than it takes to read.
//! The actors never see a socket: they answer through the [`publisher`].

mod actor;
mod blocking;
mod blocks;
pub mod delivery;
mod encryption;
mod inbox;
pub mod journal;
mod judge;
mod lifecycle;
mod log_audit;
mod log_requests;
mod member;
mod membership;
mod missing_wraps;
mod people_changed;
pub mod presence;
mod proposal;
pub mod publication;
mod published;
pub mod publisher;
mod queries;
mod read_states;
mod recent;
mod registry;
pub mod replay;
mod replay_readers;
mod requests;
mod room;
mod rotations;
mod searching;
mod shared;
mod state;
mod unread_index;

pub use inbox::{Post, ReplyTo, RoomCommand, Sender};
pub use lifecycle::{CreateRoom, CreatedRoom, Quota, dm_key};
pub use member::MemberView;
pub use membership::{MemberChange, MemberOutcome};
pub use proposal::{Appended, KeyView, Proposal};
pub use queries::{RoomCounts, RoomPage, RoomSummary, sort_key};
pub use read_states::ReadStates;
pub use registry::{Inboxes, Rooms};
pub use replay_readers::ReplayReaders;
pub use requests::{UpdatedRoom, check_kind};
pub use room::{Accepted, RoomHandle};
pub use searching::Readable;
pub use shared::Bounds;
