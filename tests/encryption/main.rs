//! The encryption as a client meets it, on a real server (`e2ee.md`): keys of accounts, the directory, the logs of
//! rooms, messages.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/process.rs"]
mod process;
#[path = "../support/mod.rs"]
mod support;

mod abuse;
mod client;
mod directory;
mod envelopes;
mod keys;
mod log;
mod long_log;
mod order;
mod person;
mod restored;
mod signer;
mod taken_away;
mod wraps;
