//! Every bound in one place: sizes in bytes, times as `Duration`, rates per named period.
//! Each queue, buffer and wait in the program takes its bound from here.

pub mod acme;
pub mod admin;
pub mod api;
pub mod auth;
pub mod avatars;
pub mod backup;
pub mod chat;
pub mod config;
pub mod delivery;
pub mod demo;
pub mod descriptors;
pub mod directory;
pub mod doctor;
pub mod embedded;
pub mod encryption;
pub mod files;
pub mod http;
pub mod http2;
pub mod keys;
pub mod loadtest;
pub mod memory;
pub mod names;
pub mod net;
pub mod pictures;
pub mod rooms;
pub mod search;
pub mod server;
pub mod service;
pub mod store;
pub mod tls;
pub mod users;

/// How much may be taken at once, and how much of it comes back in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// A full bucket.
    pub at_once: f64,
    /// What comes back.
    pub per_second: f64,
}

impl Rate {
    /// So much within so many seconds, at once or spread.
    const fn within(seconds: f64, most: f64) -> Self {
        Self { at_once: most, per_second: most / seconds }
    }

    /// The same for a server that allows so many times as much. A smaller bucket than the plain one would
    /// refuse what is done at once without being too much.
    #[must_use]
    pub fn times(self, scale: f64) -> Self {
        Self { at_once: self.at_once * scale.max(1.0), per_second: self.per_second * scale }
    }
}
