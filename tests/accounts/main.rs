//! Accounts and people over real sockets and a real database: how somebody gets in, who may do what to whom, and what is
//! recorded of it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod administration;
mod api;
mod audit;
mod getting_in;
mod invites;
mod people;
mod pictures;
mod removals;
mod scopes;
mod sign_in_limits;
mod store;
