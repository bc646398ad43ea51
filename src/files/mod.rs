//! The bytes of files: a folder on this machine. It knows no messages and no people.
//!
//! A file arrives under another name, in a folder of its own, and gets its name when all of it is on disk: written,
//! flushed, renamed, and the folder flushed, in this order. So what has the name of a file is a whole one, also after a
//! power cut. Names follow from random ids, never from people, and the folder is not served: what is in it can neither be
//! guessed nor run. No name is ever given twice.
//!
//! ```text
//! files/store-id        which database the folder belongs to
//! files/arriving/ID     what has arrived of a file; ID-clean, ID-480, ID-1280 while they are made
//! files/3f/ID           a file; ID-480, ID-1280 for smaller forms of a picture
//! files/stray/          what no database knows, for a week
//! files/unknown/ID      that no database knows a file in the bucket, since this was made
//! ```

mod arrival;
#[cfg(feature = "s3")]
mod bucket;
#[cfg(not(feature = "s3"))]
#[path = "no_bucket.rs"]
mod bucket;
mod counts;
mod disk;
mod drawing;
mod keeping;
pub mod kind;
pub mod name;
mod refusal;
mod space;
mod sweep;
mod writers;

pub use arrival::Arrival;
pub use bucket::{Bucket, BucketReader};
pub use counts::FileCounts;
pub use drawing::{Arrived, Metadata, has_metadata};
pub use keeping::{Kept, KeptBytes};
pub use kind::Kind;
pub use refusal::Refusal;
pub use sweep::{Found, Sweep};
pub use writers::{disk_full, refused};

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::crash_point::crash_point;
use crate::base::error::Result;
use crate::base::hex;
use crate::base::ids::FileId;
use disk::{FILE, make_folder, remove, sync_folder, write_whole};
use space::Reserve;
use writers::{Writers, unavailable, unusable};

const MARK: &str = "store-id";
const ARRIVING: &str = "arriving";
const STRAY: &str = "stray";
const UNKNOWN: &str = "unknown";
const CLEANED: &str = "-clean";

/// The forms in which a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// The file itself.
    Original,
    /// A picture that fits into a square of 480 pixels.
    Edge480,
    /// A picture that fits into a square of 1,280 pixels.
    Edge1280,
}

impl Rendition {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Original, Self::Edge480, Self::Edge1280];

    /// The square that it fits into, in pixels.
    pub fn edge(self) -> Option<u32> {
        match self {
            Self::Original => None,
            Self::Edge480 => Some(480),
            Self::Edge1280 => Some(1280),
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Original => "",
            Self::Edge480 => "-480",
            Self::Edge1280 => "-1280",
        }
    }
}

/// The folder, and the bucket if there is one.
#[derive(Debug, Clone)]
pub struct FileStore {
    root: Arc<PathBuf>,
    reserve: Reserve,
    writers: Writers,
    bucket: Option<Bucket>,
}

impl FileStore {
    /// In this folder, which is made when it is first needed.
    pub fn at(root: PathBuf) -> Self {
        let (reserve, writers) = (Reserve::default(), Writers::default());
        Self { root: Arc::new(root), reserve, writers, bucket: None }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is such a folder.
    pub fn exists(&self) -> bool {
        self.root.join(MARK).exists()
    }

    /// Whether it has this mark.
    pub fn is_marked(&self, mark: [u8; 16]) -> bool {
        let found = fs::read_to_string(self.root.join(MARK));
        found.is_ok_and(|found| found.trim() == hex::encode(&mark))
    }

    /// Makes sure that the folder is there: one without this mark is another one, or the place where it is mounted.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn require(&self, mark: [u8; 16]) -> Result<()> {
        match self.is_marked(mark) {
            true => Ok(()),
            false => Err(unavailable(self.absence(mark))),
        }
    }

    /// What to do if the folder has not this mark, for operators.
    pub fn absence(&self, mark: [u8; 16]) -> String {
        let (shown, mark) = (self.root.display(), hex::encode(&mark));
        format!(
            "{shown} is not the folder with the files of this database: mount it, or move it back. If it is lost, \
             restore a backup, or write {mark} into {shown}/{MARK} to go on without its files"
        )
    }

    /// Makes the folder, or makes sure that it is the one with this mark: files of another database would look like
    /// strays, and go.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn prepare(&self, mark: [u8; 16]) -> Result<()> {
        let shown = self.root.display();
        let cannot = |error: io::Error| unavailable(format!("cannot use {shown}: {error}"));
        make_folder(&self.root).map_err(cannot)?;
        let (path, wanted) = (self.root.join(MARK), hex::encode(&mark));
        match fs::read_to_string(&path) {
            Ok(found) if found.trim() == wanted => {}
            Ok(_) => {
                return Err(unavailable(format!(
                    "{shown} has the files of another database; name another data directory"
                )));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                write_whole(&path, wanted.as_bytes()).map_err(cannot)?;
            }
            Err(error) => return Err(cannot(error)),
        }
        for folder in [ARRIVING, STRAY] {
            make_folder(&self.root.join(folder)).map_err(cannot)?;
        }
        sync_folder(&self.root).map_err(cannot)
    }

    /// How many bytes are free on its disk, besides what no upload may take; `None` if that cannot be read.
    pub fn free(&self) -> Option<u64> {
        let there = self.root.ancestors().find(|path| path.exists())?;
        let found = nix::sys::statvfs::statvfs(there).ok()?;
        Some(self.reserve.beside(&found))
    }

    /// Begins a file. It must not exist in any form.
    ///
    /// # Errors
    /// `disk_full`, `unavailable`.
    pub async fn create(&self, id: FileId) -> Result<Arrival> {
        self.open_arriving(id, 0, OpenOptions::new().write(true).create_new(true)).await
    }

    /// Goes on with a file of which so many bytes are known to be on disk: what was written behind them is written
    /// again. If nothing is known to be there, it begins anew.
    ///
    /// # Errors
    /// `disk_full`, `unavailable`.
    pub async fn resume(&self, id: FileId, received: u64) -> Result<Arrival> {
        let create = received == 0;
        let mut options = OpenOptions::new();
        self.open_arriving(id, received, options.write(true).create(create)).await
    }

    /// Whether so many bytes of a file are there.
    ///
    /// # Errors
    /// `unavailable`: nobody knows that now.
    pub async fn has_arrived(&self, id: FileId, received: u64) -> Result<bool> {
        let path = self.arriving(id);
        let looking = move || match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            found => Ok(found?.len() >= received),
        };
        self.writers.run(looking).await
    }

    async fn open_arriving(
        &self,
        id: FileId,
        received: u64,
        options: &mut OpenOptions,
    ) -> Result<Arrival> {
        let (path, mut options) = (self.arriving(id), options.clone());
        let file = self
            .writers
            .run(move || {
                let file = options.mode(FILE).open(&path)?;
                if file.metadata()?.len() < received {
                    return Err(io::Error::other("a part of a file is missing"));
                }
                file.set_len(received)?;
                Ok(file)
            })
            .await?;
        Ok(Arrival::new(self.writers.clone(), self.reserve, id, file, received))
    }

    /// Whether a file is there under its name: then all of it is.
    pub fn is_settled(&self, id: FileId) -> bool {
        self.path(id, Rendition::Original).is_file()
    }

    /// Opens a file in the folder to be read.
    ///
    /// # Errors
    /// Those of the system; `NotFound` if it is not there in this form.
    pub fn open_here(&self, id: FileId, form: Rendition) -> io::Result<File> {
        File::open(self.path(id, form))
    }

    /// Erases a file in the folder.
    async fn remove_here(&self, id: FileId) -> Result<()> {
        let forms = Rendition::ALL.map(|form| self.path(id, form));
        let drafts = Rendition::ALL.map(|form| self.draft(id, form));
        let cleaned = self.cleaned(id);
        let removing = self
            .writers
            .attempt(move || {
                for path in forms.iter().chain(&drafts).chain([&cleaned]) {
                    remove(path)?;
                    crash_point("unlinked");
                }
                Ok(())
            })
            .await?;
        // Whoever erases many says once what is the matter.
        removing.map_err(|error| unusable(error.to_string()))
    }

    /// Where what has arrived of a file is.
    pub fn arriving(&self, id: FileId) -> PathBuf {
        self.draft(id, Rendition::Original)
    }

    /// Where a form of a file is until all of it is there.
    fn draft(&self, id: FileId, form: Rendition) -> PathBuf {
        self.root.join(ARRIVING).join(format!("{}{}", hex::encode(&id.0), form.suffix()))
    }

    /// Where a picture is without its metadata, until it gets its name.
    fn cleaned(&self, id: FileId) -> PathBuf {
        self.root.join(ARRIVING).join(format!("{}{CLEANED}", hex::encode(&id.0)))
    }

    /// Where a file is in this form.
    pub fn path(&self, id: FileId, form: Rendition) -> PathBuf {
        let name = hex::encode(&id.0);
        let folder = name.get(..2).unwrap_or_default();
        self.root.join(folder).join(format!("{name}{}", form.suffix()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Code;
    use bytes::Bytes;
    use sha2::{Digest as _, Sha256};

    const ID: FileId = FileId([0x3f; 16]);

    fn store() -> (tempfile::TempDir, FileStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::at(folder.path().join("files"));
        store.prepare([1; 16]).unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn a_file_has_its_name_when_all_of_it_is_there_and_goes_in_all_its_forms() {
        let (_folder, store) = store();
        let mut arrival = store.create(ID).await.unwrap();
        arrival.write(Bytes::from_static(b"hello ")).await.unwrap();
        assert_eq!(arrival.sync().await.unwrap(), 6);
        arrival.write(Bytes::from_static(b"lost")).await.unwrap();
        drop(arrival);
        assert!(store.create(ID).await.is_err(), "no name is given twice");
        let mut arrival = store.resume(ID, 6).await.unwrap();
        arrival.write(Bytes::from_static(b"world")).await.unwrap();
        assert_eq!(arrival.sync().await.unwrap(), 11);
        assert!(!store.is_settled(ID));
        for _ in 0..2 {
            let arrived = store.examine(ID, "", Metadata::Removed).unwrap();
            assert_eq!((arrived.came, arrived.size, arrived.kind), (11, 11, Kind::Unknown));
            assert_eq!(arrived.sha256, <[u8; 32]>::from(Sha256::digest(b"hello world")));
            store.settle(ID, &arrived).unwrap();
            assert!(store.is_settled(ID) && !store.arriving(ID).exists());
        }
        assert!(store.open_here(ID, Rendition::Original).is_ok());
        fs::write(store.path(ID, Rendition::Edge480), "small").unwrap();
        for _ in 0..2 {
            store.remove(ID).await.unwrap();
            assert!(store.open_here(ID, Rendition::Original).is_err());
            assert!(store.open_here(ID, Rendition::Edge480).is_err());
        }
    }

    #[tokio::test]
    async fn what_is_missing_of_a_file_is_not_made_up() {
        let (_folder, store) = store();
        assert!(store.resume(ID, 5).await.is_err());
        assert!(!store.has_arrived(ID, 5).await.unwrap());
        let mut arrival = store.resume(ID, 0).await.unwrap();
        assert!(store.resume(ID, 5).await.is_err());
        assert!(!store.has_arrived(ID, 5).await.unwrap());
        arrival.write(Bytes::from_static(b"hello")).await.unwrap();
        assert!(store.has_arrived(ID, 5).await.unwrap());
        // A folder that cannot be read has lost nothing yet.
        let arriving = store.root().join(ARRIVING);
        fs::rename(&arriving, store.root().join("away")).unwrap();
        fs::write(&arriving, "no folder").unwrap();
        assert!(store.has_arrived(ID, 5).await.is_err());
        assert!(store.examine(FileId([1; 16]), "", Metadata::Removed).is_err());
    }

    #[tokio::test]
    async fn what_is_free_is_looked_at_before_each_piece_and_each_form_that_is_written() {
        let (_folder, mut store) = store();
        let mut arrival = store.create(ID).await.unwrap();
        arrival.write(Bytes::from_static(b"hello ")).await.unwrap();
        arrival.sync().await.unwrap();
        drop(arrival);
        let reserve = std::mem::replace(&mut store.reserve, Reserve::of(u64::MAX));
        assert_eq!(store.free(), Some(0));
        let mut arrival = store.resume(ID, 6).await.unwrap();
        let refused = arrival.write(Bytes::from_static(b"world")).await.unwrap_err();
        assert_eq!((refused.code(), arrival.length()), (Code::DiskFull, 6));
        drop(arrival);
        // There is space again.
        store.reserve = reserve;
        let mut arrival = store.resume(ID, 6).await.unwrap();
        arrival.write(Bytes::from_static(b"world")).await.unwrap();
        arrival.sync().await.unwrap();
        assert_eq!(fs::read(store.arriving(ID)).unwrap(), b"hello world");
    }

    #[test]
    fn a_folder_of_another_database_is_left_alone() {
        let (_folder, store) = store();
        store.prepare([1; 16]).unwrap();
        assert_eq!(store.prepare([2; 16]).unwrap_err().code(), Code::Unavailable);
    }

    #[test]
    fn a_folder_that_was_there_is_looked_for_and_not_made_again() {
        let (_folder, store) = store();
        store.require([1; 16]).unwrap();
        assert!(store.require([2; 16]).is_err());
        fs::remove_dir_all(store.root()).unwrap();
        for _ in 0..2 {
            assert_eq!(store.require([1; 16]).unwrap_err().code(), Code::Unavailable);
            let _ = fs::create_dir(store.root());
        }
        assert!(!store.exists());
    }

    #[test]
    fn a_full_disk_is_said_to_be_one() {
        let full = |kind: ErrorKind| refused(kind.into()).code();
        assert_eq!(full(ErrorKind::StorageFull), Code::DiskFull);
        assert_eq!(full(ErrorKind::QuotaExceeded), Code::DiskFull);
        assert_eq!(full(ErrorKind::PermissionDenied), Code::Unavailable);
        let no_descriptor = io::Error::from(nix::errno::Errno::EMFILE);
        assert_eq!(refused(no_descriptor).code(), Code::Unavailable);
    }
}
