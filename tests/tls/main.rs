//! TLS over real sockets, with clients that are not ours (`openssl s_client`, Python's `ssl`) beside rustls.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod client;
mod handshake;
mod http2;
mod outside;
mod running;
mod server;
#[path = "../support/transfers.rs"]
mod service;
#[path = "../support/mod.rs"]
mod support;
mod transfers;
