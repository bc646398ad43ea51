//! Certificates and where they come from.

pub mod challenges;
