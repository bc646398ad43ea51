//! Search over real sockets and a real database: what is found in which language, by whom, in which order, and that
//! nothing is found that is not there any more.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod finder;
mod golden;
mod index;
mod queries;
mod stems;
