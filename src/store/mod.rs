//! PostgreSQL: pools, migrations and the two stores, which share no table and no join.

pub mod accounts;
pub mod chat;
mod child;
pub mod embedded;
pub mod migrate;
pub mod pool;

pub use crate::base::time::now_ms;

/// How long a removal can be taken back, in milliseconds.
pub fn restorable_ms() -> i64 {
    i64::try_from(crate::base::limits::store::RESTORABLE.as_millis()).unwrap_or(i64::MAX)
}
