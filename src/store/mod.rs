//! PostgreSQL: pools, migrations and the two stores, which share no table and no join.

pub mod accounts;
pub mod backup;
pub mod chat;
mod child;
pub mod embedded;
pub mod migrate;
pub mod ownership;
pub mod pool;
pub mod schema;

use crate::base::limits::store::RESTORABLE;
use crate::base::time::millis;

/// How long a removal can be undone, in milliseconds.
pub fn restorable_ms() -> i64 {
    millis(RESTORABLE)
}
