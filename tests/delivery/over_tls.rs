//! The same shard, and every connection has TLS.

use crate::support::bench::Bench;

async fn bench() -> Bench {
    Bench::start().await.over_tls()
}

#[expect(clippy::duplicate_mod)]
#[path = "shard.rs"]
mod shard;
