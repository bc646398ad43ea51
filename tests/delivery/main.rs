//! From a room to its readers, however many and slow they are: shards, replays, and what breaks in between.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/disk.rs"]
mod disk;
#[path = "../support/mod.rs"]
mod support;

mod handover;
mod load;
mod metrics;
mod outage;
mod over_tls;
mod plain;
mod readers;
mod replays;
