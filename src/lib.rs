//! Impulse: self-hosted real-time group chat, written from the socket up.
//!
//! Two planes. The **control plane** (tokio) accepts, speaks HTTP, checks who you are and runs one
//! actor per room; the **delivery plane** (`delivery`, one thread per shard) owns every WebSocket.
//! `docs/architecture.md` follows one message through both.

pub mod admin;
pub mod allowance;
pub mod api;
pub mod auth;
pub mod avatars;
pub mod bucket;
pub mod cli;
pub mod complaint;
pub mod config;
pub mod control;
pub mod count;
pub mod delivery;
pub mod demo;
pub mod descriptors;
pub mod e2ee;
pub mod error;
pub mod http;
pub mod ids;
pub mod limits;
pub mod loadtest;
pub mod memory;
pub mod metrics;
pub mod names;
pub mod net;
pub mod policy;
pub mod protocol;
pub mod rooms;
pub mod runtime;
pub mod server;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod usage;
pub mod ws;
