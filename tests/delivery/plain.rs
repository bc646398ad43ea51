//! One shard alone.

use crate::support::bench::Bench;

async fn bench() -> Bench {
    Bench::start().await
}

#[path = "shard.rs"]
mod shard;
