//! Every bound of `src/base/limits/`, reached on purpose and by one more: what is beyond is refused
//! with the right code, the connection and the others live on, and nothing is lost.
//!
//! [`table`] names for each bound the test that reaches it, here or elsewhere, and fails for a bound
//! that nobody has given a test.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod chat;
mod delivery;
mod http;
mod rates;
mod rooms;
mod table;
