//! What the server does, apart from any HTTP request: each service is a struct of its own over the stores, the
//! rooms and the sessions. Handlers call them, and so do the server's own jobs.

mod accounts;
mod actor;
mod audit;
mod backups;
mod directory;
mod files;
mod hooks;
mod jobs;
mod keys;
mod messages;
mod onboarding;
mod profiles;
mod purge;
mod readiness;
mod revocation;
mod room_changes;
mod search;
mod stats;
mod status_writer;
mod turns;

pub use accounts::{Accounts, RemovedMessages};
pub use actor::Actor;
pub use audit::{Audit, AuditTarget};
pub use backups::{Backups, Plan};
pub use directory::{
    Appended, Counting, Directory, Dropped, InTheWay, Offered, OfferedEntry, Report, RivalReport,
    TakenBack,
};
pub use files::{Announced, Files, Opened, Readable, Start, Swept, Upload, Uploaded, Uploader};
pub use hooks::{Hook, Hooks};
pub use keys::{EnteredKeys, Keys, NewPassword, ProvenKeys};
pub use messages::{Messages, Posted, Posting};
pub use onboarding::{Joined, Onboarding};
pub use profiles::{NameMatch, Profiles, avatar_urls};
pub use purge::{Purge, Purged};
pub use readiness::Readiness;
pub use revocation::Revocation;
pub use room_changes::RoomChanges;
pub use search::{Found, Match, Point, Search, SearchWish};
pub use stats::StatsSampler;
pub use status_writer::StatusWriter;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth::Auth;
use crate::base::allowance::Allowances;
use crate::base::limits::auth::SESSIONS_SWEEP;
use crate::base::limits::directory::{QUIET, QUIET_CHECK};
use crate::base::limits::encryption;
use crate::base::limits::files as files_limits;
use crate::base::limits::rooms::PRESENCE_TICK;
use crate::base::limits::service as limits;
use crate::base::shutdown::stopped;
use crate::delivery::Shards;
use crate::e2ee::SharedDirectory;
use crate::rooms::Rooms;
use crate::store::accounts::AccountStore;
use crate::store::chat::ChatStore;

/// What the services work with.
pub struct Parts {
    /// Accounts, sessions and the audit log.
    pub accounts: AccountStore,
    /// Rooms and messages.
    pub chat: ChatStore,
    /// Logins and tokens.
    pub auth: Arc<Auth>,
    /// Rooms, members and history.
    pub rooms: Rooms,
    /// Searches, which the metrics know, too.
    pub search: Arc<Search>,
    /// The directory of keys, as the rooms have it.
    pub directory: Arc<SharedDirectory>,
    /// The delivery threads.
    pub shards: Shards,
    /// Nightly backups.
    pub backups: Plan,
    /// The bytes of files.
    pub files: Arc<Files>,
    /// Multiplies every limit; 0 lifts them.
    pub rate_limit_scale: f64,
}

/// All services, and the parts below them that callers use directly.
pub struct Services {
    /// Logins and tokens.
    pub auth: Arc<Auth>,
    /// Rooms, members and history, to read; what is done to them goes through `room_changes`.
    pub rooms: Rooms,
    /// The delivery threads.
    pub shards: Shards,
    /// What each user may take of the server.
    pub allowances: Arc<Allowances>,
    /// Changing, removing and restoring accounts.
    pub accounts: Arc<Accounts>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Which key is whose.
    pub directory: Arc<Directory>,
    /// What people see of each other.
    pub profiles: Arc<Profiles>,
    /// Ending sessions and their sockets.
    pub revocation: Arc<Revocation>,
    /// Uploads, downloads and the end of files.
    pub files: Arc<Files>,
    /// The keys of accounts.
    pub keys: Keys,
    /// Incoming hooks.
    pub hooks: Hooks,
    /// Messages of scripts.
    pub messages: Arc<Messages>,
    /// Changing rooms and memberships.
    pub room_changes: Arc<RoomChanges>,
    /// The first rooms of new people.
    pub onboarding: Onboarding,
    /// Searching the messages of all rooms.
    pub search: Arc<Search>,
    /// Erasing what was removed.
    pub purge: Purge,
    /// Statuses on their way into accounts.
    pub status_writer: StatusWriter,
    /// The figures of the last hour.
    pub stats: StatsSampler,
    /// Nightly backups.
    pub backups: Backups,
    /// Whether the stores are ready.
    pub readiness: Readiness,
}

impl Services {
    /// Builds each service from those below it.
    pub fn new(parts: Parts) -> Self {
        let Parts { accounts: store, chat, auth, rooms, shards, rate_limit_scale, .. } = parts;
        let (backups, search, files) = (parts.backups, parts.search, parts.files);
        let allowances = Arc::new(Allowances::new(rate_limit_scale));
        let audit = Arc::new(Audit::new(store.clone(), rate_limit_scale));
        let profiles = Arc::new(Profiles::new(store.clone(), rooms.clone(), auth.clone()));
        let revocation = Arc::new(Revocation::new(auth.clone(), rooms.clone()));
        let room_changes = Arc::new(RoomChanges::new(
            rooms.clone(),
            auth.clone(),
            allowances.clone(),
            profiles.clone(),
            audit.clone(),
        ));
        let directory = Arc::new(Directory::new(
            store.clone(),
            parts.directory,
            rooms.clone(),
            auth.instance(),
            rate_limit_scale,
        ));
        let accounts = Arc::new(Accounts::new(
            store.clone(),
            rooms.clone(),
            auth.clone(),
            revocation.clone(),
            profiles.clone(),
            directory.clone(),
        ));
        let keys = Keys::new(
            store.clone(),
            auth.clone(),
            directory.clone(),
            rooms.clone(),
            revocation.clone(),
            audit.clone(),
        );
        let messages = Arc::new(Messages::new(rooms.clone(), allowances.clone(), auth.clone()));
        let hooks = hooks::Parts {
            store: store.clone(),
            rooms: rooms.clone(),
            auth: auth.clone(),
            room_changes: room_changes.clone(),
            profiles: profiles.clone(),
            audit: audit.clone(),
            messages: messages.clone(),
        };
        Self {
            onboarding: Onboarding::new(
                store.clone(),
                rooms.clone(),
                profiles.clone(),
                room_changes.clone(),
            ),
            purge: Purge::new(store.clone(), chat.clone(), rooms.clone(), accounts.clone()),
            status_writer: StatusWriter::new(store.clone(), rooms.clone(), auth.clone()),
            stats: StatsSampler::new(store.clone(), chat.clone(), rooms.clone(), shards.clone())
                .with_backups(backups.nightly.clone()),
            backups: Backups::new(backups),
            readiness: Readiness::new(store, chat),
            hooks: Hooks::new(hooks, rate_limit_scale),
            files,
            search,
            keys,
            messages,
            auth,
            rooms,
            shards,
            allowances,
            accounts,
            audit,
            directory,
            profiles,
            revocation,
            room_changes,
        }
    }

    /// Starts what the server does by itself until it stops.
    pub fn start_jobs(self: &Arc<Self>, tasks: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
        let sample = self.job(|services| async move { services.stats.sample() });
        tasks.spawn(jobs::every(limits::STATS_SAMPLED, stop.clone(), sample));
        let purge = self.job(|services| async move {
            if let Err(error) = services.purge.run().await {
                tracing::warn!(?error, "the purge waits for the next hour");
            }
        });
        tasks.spawn(jobs::every(limits::PURGE, stop.clone(), purge));
        self.start_jobs_of_files(tasks, stop);
        let end_expired = self.job(|services| async move {
            if let Err(error) = services.revocation.end_expired().await {
                tracing::warn!(?error, "sessions that are over wait for the next attempt");
            }
        });
        tasks.spawn(jobs::every(SESSIONS_SWEEP, stop.clone(), end_expired));
        let audit_log = self.job(|services| async move {
            if let Err(error) = services.rooms.audit_any_log().await {
                tracing::error!(?error, "an encrypted room is not as its log says");
            }
        });
        tasks.spawn(jobs::every(encryption::AUDIT, stop.clone(), audit_log));
        let write_statuses = self.job(|services| async move {
            if let Err(error) = services.status_writer.write_pending().await {
                tracing::debug!(?error, "statuses wait for the database");
            }
        });
        tasks.spawn(jobs::every(PRESENCE_TICK, stop.clone(), write_statuses));
        let open_directory = self.job(|services| async move {
            if let Err(error) = services.directory.open_when_quiet(QUIET).await {
                tracing::debug!(?error, "the directory of keys waits for the database");
            }
        });
        tasks.spawn(jobs::every(QUIET_CHECK, stop.clone(), open_directory));
        let (services, of_directory) = (self.clone(), stop.clone());
        tasks.spawn(async move { services.directory.finish_when_interrupted(of_directory).await });
        let (services, of_backups) = (self.clone(), stop.clone());
        tasks.spawn(async move {
            services.backups.run(of_backups.clone()).await;
            // A task that ends would end the server.
            stopped(&mut of_backups.clone()).await;
        });
        let (search, of_search) = (self.search.clone(), stop.clone());
        tasks.spawn(async move { search.keep_filed(of_search).await });
        let (services, stop) = (self.clone(), stop.clone());
        tasks.spawn(async move { services.accounts.finish_when_interrupted(stop).await });
    }

    fn start_jobs_of_files(
        self: &Arc<Self>,
        tasks: &mut JoinSet<()>,
        stop: &watch::Receiver<bool>,
    ) {
        let erase = self.job(|services| async move {
            if let Err(error) = services.files.erase_ended().await {
                tracing::debug!(?error, "files wait to be erased");
            }
        });
        tasks.spawn(jobs::every(files_limits::ERASE, stop.clone(), erase));
        let expire = self.job(|services| async move {
            if let Err(error) = services.files.expire_unsent().await {
                tracing::debug!(?error, "files that were not sent wait to be given up");
            }
        });
        tasks.spawn(jobs::every(files_limits::EXPIRE, stop.clone(), expire));
        let sweep = self.job(|services| async move {
            if let Err(error) = services.files.sweep().await {
                tracing::warn!(?error, "files could not be compared with their rows");
            }
        });
        tasks.spawn(jobs::every(files_limits::SWEEP, stop.clone(), sweep));
    }

    /// A job that works with the services as often as it is run.
    fn job<F, W: Fn(Arc<Self>) -> F>(self: &Arc<Self>, work: W) -> impl FnMut() -> F + use<F, W> {
        let services = self.clone();
        move || work(services.clone())
    }
}
