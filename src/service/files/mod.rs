//! Files from the first byte of an upload to the last one on disk. Rows are in the chat store, bytes in a folder
//! (`files`); what has a row may have bytes, and what has bytes has a row: a row is there first, and goes last.

mod complete;
mod download;
mod incoming;
mod life;
mod pause;
mod sweep;
mod upload;
mod work;

pub use download::{Opened, Readable};
pub use sweep::Swept;
pub use upload::{Announced, Start, Upload, Uploaded, Uploader};

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::turns::{TurnBounds, Turns};
use crate::auth::Auth;
use crate::base::error::{Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::files as limits;
use crate::base::limits::http::DOWNLOADS;
use crate::base::principal::Principal;
use crate::base::random;
use crate::files::{FileCounts, FileStore};
use crate::policy::{Action, no_room};
use crate::rooms::Rooms;
use crate::settings::RuntimeSettings;
use crate::store::chat::ChatStore;
use crate::store::chat::files::{FilePage, FilePlace, FileUsage, Quotas};
use incoming::IncomingTable;
use pause::Pause;
use work::Work;

/// Who announces a file waits here and not with a connection to the database in hand.
const ANNOUNCEMENTS: TurnBounds = TurnBounds {
    at_once: limits::ANNOUNCED_AT_ONCE,
    of_one: 1,
    waiting: limits::ANNOUNCING,
    wait: limits::ANNOUNCEMENT_WAIT,
    too_many: "Too many of your uploads begin at once. Please wait a moment.",
};

/// Who reads many files leaves some of the slots for downloads to others.
const READINGS: TurnBounds = TurnBounds {
    at_once: DOWNLOADS,
    of_one: limits::READING,
    waiting: limits::READING_WAITING,
    wait: limits::READING_WAIT,
    too_many: "Too many of your downloads are under way. Please wait a moment.",
};

/// Takes, keeps, gives and erases files.
pub struct Files {
    store: ChatStore,
    disk: FileStore,
    rooms: Rooms,
    auth: Arc<Auth>,
    counts: Arc<FileCounts>,
    /// The mark of the folder, since it was there for the first time.
    mark: OnceCell<[u8; 16]>,
    /// When what cannot be erased is tried again.
    erasing: Mutex<Pause>,
    announcements: Turns,
    readings: Turns,
    /// Files that are arriving.
    incoming: Arc<IncomingTable>,
    /// How many uploads each person has under way.
    slots: Mutex<HashMap<Uid, usize>>,
    work: Work,
}

impl Files {
    /// With their rows in this store and their bytes in this folder.
    pub fn new(store: ChatStore, disk: FileStore, rooms: Rooms, auth: Arc<Auth>) -> Arc<Self> {
        let files = Self {
            store,
            disk,
            rooms,
            auth,
            counts: Arc::default(),
            mark: OnceCell::new(),
            erasing: Mutex::default(),
            announcements: Turns::new(ANNOUNCEMENTS),
            readings: Turns::new(READINGS),
            incoming: Arc::default(),
            slots: Mutex::default(),
            work: Work::default(),
        };
        files.follow_settings();
        Arc::new(files)
    }

    /// What has happened to files, for those who watch.
    pub fn counts(&self) -> &Arc<FileCounts> {
        &self.counts
    }

    /// The size of the largest file that is taken.
    pub fn size_max(&self) -> u64 {
        let most = self.settings().file_size_max;
        self.disk.bucket().map_or(most, |bucket| most.min(bucket.size_max()))
    }

    /// The settings have changed: the rooms need to know theirs.
    pub fn follow_settings(&self) {
        self.rooms.bound_files(self.settings().files_room_max);
    }

    /// The files in the messages of a room, newest first, for its members.
    ///
    /// # Errors
    /// `not_found`, `not_member`, `unavailable`.
    pub async fn of_room(
        &self,
        by: Principal,
        room: RoomId,
        q: &str,
        after: Option<FilePlace>,
        limit: usize,
    ) -> Result<FilePage> {
        self.rooms.authorize(by, room, Action::Read)?;
        if !by.uid().is_some_and(|uid| self.rooms.is_member(room, uid)) {
            return Err(no_room());
        }
        self.store.room_files(room, q, after, limit).await
    }

    /// Who takes how much, for administrators, and how many bytes are free, if that is known.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn usage(&self) -> Result<(FileUsage, Option<u64>)> {
        let usage = self.store.file_usage(limits::LISTED).await?;
        let disk = self.disk.clone();
        let free = tokio::task::spawn_blocking(move || disk.free()).await;
        Ok((usage, free.map_err(Error::internal)?))
    }

    fn settings(&self) -> Arc<RuntimeSettings> {
        self.auth.settings().current()
    }

    fn quotas(&self) -> Quotas {
        let settings = self.settings();
        Quotas { person: settings.files_user_max, server: settings.files_server_max }
    }

    /// Makes sure that the folder is there and this database's. It may go away at any time: a disk is unmounted, a folder
    /// renamed.
    async fn prepare(&self) -> Result<()> {
        let mark = *self.mark.get_or_try_init(|| self.prepare_first()).await?;
        let disk = self.disk.clone();
        let looking = tokio::task::spawn_blocking(move || disk.require(mark));
        looking.await.map_err(Error::internal)?
    }

    /// Makes the folder, unless it must be there already; its mark.
    async fn prepare_first(&self) -> Result<[u8; 16]> {
        let mark = self.store.file_store_mark(random::bytes()?).await?;
        let had = self.store.mark_of_files().await?;
        let disk = self.disk.clone();
        let preparing = tokio::task::spawn_blocking(move || {
            // A new mark would make an empty folder look like the one with the files.
            had.map_or(Ok(()), |mark| disk.require(mark))?;
            disk.prepare(mark)
        });
        preparing.await.map_err(Error::internal)??;
        if let Some(bucket) = self.disk.bucket() {
            bucket.prepare(mark).await?;
        }
        Ok(mark)
    }
}
