//! Everything that `shard.rs` tests, over TLS: `support::bench` sees the name of this program.

#[path = "shard.rs"]
mod shard;
