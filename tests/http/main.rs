//! HTTP/1.1, HTTP/2 and WebSocket over real sockets, in good and in bad hands.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/transfers.rs"]
mod service;
#[path = "../support/mod.rs"]
mod support;

mod fuzz_corpus;
mod http1;
mod http2;
mod properties;
mod transfers;
mod websocket;
