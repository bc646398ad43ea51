//! PostgreSQL: pools, migrations and the two stores, which share no table and no join.

pub mod accounts;
pub mod chat;
mod child;
pub mod embedded;
pub mod migrate;
pub mod pool;

pub use chat::now_ms;
