//! What can be set at the start (`config`).

/// Delivery threads. A shard is named by a `u16`, and more shards than cores never help.
pub const SHARDS_MAX: usize = 256;
/// Factor of the rate limits.
pub const RATE_LIMIT_SCALE_MAX: f64 = 1e6;
