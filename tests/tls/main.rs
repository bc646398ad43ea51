//! TLS over real sockets, with clients that are not ours (`openssl s_client`, Python's `ssl`) beside rustls.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/tls.rs"]
mod certified;
mod client;
mod handshake;
mod outside;
mod running;
