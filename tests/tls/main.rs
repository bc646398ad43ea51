//! TLS over real sockets, with clients that are not ours (`openssl s_client`, Python's `ssl`) beside rustls; certificates
//! and where they come from; web servers in front.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/process.rs"]
mod process;
#[path = "../support/mod.rs"]
mod support;

mod acme;
mod chat;
mod client;
mod doctor;
mod handshake;
mod http2;
mod outgoing;
mod outside;
mod own_authority;
mod proxies;
mod running;
mod server;
#[path = "../support/transfers.rs"]
mod service;
mod shard;
mod transfers;
