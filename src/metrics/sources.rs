//! The parts of the server whose counters `/metrics` reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use crate::auth::Auth;
use crate::delivery::Shards;
use crate::files::FileCounts;
use crate::http::HttpCounters;
use crate::rooms::Rooms;
use crate::service::Search;
use crate::store::backup::nightly::Nightly;
use crate::store::pool::Database;
use crate::tls::Certificates;

/// The parts of the server that count.
pub struct Sources {
    /// When the server started.
    pub started: SystemTime,
    /// WebSockets beyond which new ones are refused.
    pub connections_max: usize,
    /// The delivery plane.
    pub shards: Shards,
    /// The rooms and their journal.
    pub rooms: Rooms,
    /// Passwords.
    pub auth: Arc<Auth>,
    /// The listeners.
    pub http: Arc<HttpCounters>,
    /// Nightly backups.
    pub backups: Arc<Nightly>,
    /// What has happened to files.
    pub files: Arc<FileCounts>,
    /// The certificate, if the server speaks TLS.
    pub certificates: Option<Certificates>,
    /// The stores by name, and the pools of connections to theirs that only rooms and only searches use.
    pub stores: [(&'static str, Database); 4],
    /// Searches, and the index.
    pub search: Arc<Search>,
}

/// A store, and whether it answered when it was pinged last.
#[derive(Clone)]
pub(super) struct Store {
    pub name: &'static str,
    pub database: Database,
    is_reachable: Arc<AtomicBool>,
}

impl Store {
    pub fn new(name: &'static str, database: Database) -> Self {
        Self { name, database, is_reachable: Arc::default() }
    }

    pub async fn ping(&self) {
        self.is_reachable.store(self.database.is_reachable().await, Ordering::Relaxed);
    }

    pub fn is_reachable(&self) -> bool {
        self.is_reachable.load(Ordering::Relaxed)
    }
}
