//! Impulse: self-hosted real-time group chat, written from the socket up.
//!
//! Two planes. The **control plane** (tokio) accepts, speaks HTTP, checks who you are and runs one
//! actor per room; the **delivery plane** (`delivery`, one thread per shard) owns every WebSocket.
//! `docs/architecture.md` follows one message through both.

pub mod admin;
pub mod api;
pub mod auth;
pub mod avatars;
pub mod base;
pub mod cli;
pub mod config;
pub mod control;
pub mod delivery;
pub mod demo;
pub mod e2ee;
pub mod files;
pub mod http;
pub mod loadtest;
pub mod metrics;
pub mod pictures;
pub mod policy;
pub mod protocol;
pub mod rooms;
pub mod search;
pub mod server;
pub mod service;
pub mod settings;
pub mod startup;
pub mod store;
pub mod tls;
pub mod ws;
