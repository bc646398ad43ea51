//! Everything that `shard.rs` tests, over TLS: `support::bench` sees the name of this program.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "shard.rs"]
mod shard;
