//! Files, from the first byte of an upload to the last one on disk, over real sockets.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/disk.rs"]
mod disk;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/mod.rs"]
mod support;

mod backups;
#[cfg(feature = "s3")]
mod bucket;
mod crashes;
mod downloads;
mod house;
mod life;
mod messages;
mod pictures;
mod quotas;
mod uploads;
