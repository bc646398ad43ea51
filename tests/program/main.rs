//! Impulse as a program: what a person with a shell gets, and what is left when it is killed.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/process.rs"]
mod process;
#[path = "../support/mod.rs"]
mod support;

mod admin_cli;
mod backup;
mod crash;
mod demo;
mod descriptors;
mod embedded;
mod loadtest;
mod order;
