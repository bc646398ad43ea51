//! The bytes of files: a folder on this machine. It knows no messages and no people.
//!
//! A file arrives under another name, in a folder of its own, and gets its name when all of it is on disk: written,
//! flushed, renamed, and the folder flushed, in this order. So what has the name of a file is a whole one, also after a
//! power cut. Names follow from random ids, never from people, and the folder is not served: what is in it can neither be
//! guessed nor run. No name is ever given twice.
//!
//! ```text
//! files/store-id        which database the folder belongs to
//! files/arriving/ID     what has arrived of a file
//! files/3f/ID           a file; ID-480, ID-1280 for smaller forms of a picture
//! files/stray/          what no database knows, for a week
//! ```

mod arrival;
#[cfg(feature = "s3")]
mod bucket;
#[cfg(not(feature = "s3"))]
#[path = "no_bucket.rs"]
mod bucket;
mod counts;
mod keeping;
pub mod kind;
pub mod name;
mod refusal;
mod sweep;
mod writers;

pub use arrival::Arrival;
pub use bucket::{Bucket, BucketReader};
pub use counts::FileCounts;
pub use keeping::{Kept, KeptBytes};
pub use kind::Kind;
pub use refusal::{FoundObject, Refusal};
pub use sweep::{Found, Sweep};
pub use writers::{disk_full, refused};

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::base::crash_point::crash_point;
use crate::base::error::Result;
use crate::base::hex;
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use writers::{Writers, unavailable};

/// The rights of folders and files: those of the server's user alone.
const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;
const MARK: &str = "store-id";
const ARRIVING: &str = "arriving";
const STRAY: &str = "stray";

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
    writers: Writers,
    bucket: Option<Bucket>,
}

impl FileStore {
    /// In this folder, which is made when it is first needed.
    pub fn at(root: PathBuf) -> Self {
        Self { root: Arc::new(root), writers: Writers::default(), bucket: None }
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
        let free = found.blocks_available().saturating_mul(found.fragment_size());
        Some(free.saturating_sub(limits::FREE))
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
        Ok(Arrival::new(self.writers.clone(), id, file, received))
    }

    /// Gives an arrived file its name; from then on it is there, also after a power cut. May be repeated.
    ///
    /// # Errors
    /// `disk_full`, `unavailable`.
    pub async fn settle(&self, id: FileId) -> Result<()> {
        let (from, to) = (self.arriving(id), self.path(id, Rendition::Original));
        self.writers
            .run(move || {
                let folder = to.parent().unwrap_or(Path::new("."));
                if !folder.exists() {
                    make_folder(folder)?;
                    sync_folder(folder.parent().unwrap_or(Path::new(".")))?;
                }
                match fs::rename(&from, &to) {
                    // It had its name before a crash.
                    Err(error) if error.kind() == ErrorKind::NotFound && to.exists() => {}
                    renamed => renamed?,
                }
                crash_point("renamed");
                sync_folder(folder)
            })
            .await
    }

    /// Whether all of a file is there under its name.
    pub fn is_settled(&self, id: FileId, size: u64) -> bool {
        let found = fs::metadata(self.path(id, Rendition::Original));
        found.is_ok_and(|found| found.is_file() && found.len() == size)
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
        let arriving = self.arriving(id);
        self.writers
            .run(move || {
                for path in forms.iter().chain([&arriving]) {
                    match fs::remove_file(path) {
                        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                    crash_point("unlinked");
                }
                Ok(())
            })
            .await
    }

    /// The first bytes of what has arrived of a file, and the SHA-256 of all of it. On a thread that may block.
    ///
    /// # Errors
    /// Those of the system.
    pub fn examine(&self, id: FileId) -> io::Result<(Vec<u8>, [u8; 32], u64)> {
        let arriving = File::open(self.arriving(id));
        let mut file = match arriving {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.open_here(id, Rendition::Original)?
            }
            file => file?,
        };
        let (mut head, mut hash, mut size) = (Vec::new(), Sha256::new(), 0);
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = file.read(&mut piece)?;
            let read = piece.get(..read).unwrap_or_default();
            if read.is_empty() {
                return Ok((head, hash.finalize().into(), size));
            }
            let more = limits::HEAD.saturating_sub(head.len()).min(read.len());
            head.extend_from_slice(read.get(..more).unwrap_or_default());
            hash.update(read);
            size += read.len() as u64;
        }
    }

    /// Where what has arrived of a file is.
    pub fn arriving(&self, id: FileId) -> PathBuf {
        self.root.join(ARRIVING).join(hex::encode(&id.0))
    }

    /// Where a file is in this form.
    pub fn path(&self, id: FileId, form: Rendition) -> PathBuf {
        let name = hex::encode(&id.0);
        let folder = name.get(..2).unwrap_or_default();
        self.root.join(folder).join(format!("{name}{}", form.suffix()))
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a small file as a whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("part");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(FILE).open(&draft)?;
    file.write_all_at(bytes, 0)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Code;
    use bytes::Bytes;

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
        assert!(!store.is_settled(ID, 11));
        let (head, hash, size) = store.examine(ID).unwrap();
        assert_eq!((head.as_slice(), size), (&b"hello world"[..], 11));
        assert_eq!(hash, <[u8; 32]>::from(Sha256::digest(b"hello world")));
        for _ in 0..2 {
            store.settle(ID).await.unwrap();
            assert!(store.is_settled(ID, 11) && !store.arriving(ID).exists());
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
        drop(store.resume(ID, 0).await.unwrap());
        assert!(store.resume(ID, 5).await.is_err());
        assert!(store.settle(FileId([1; 16])).await.is_err());
    }

    #[test]
    fn a_folder_of_another_database_is_left_alone() {
        let (_folder, store) = store();
        store.prepare([1; 16]).unwrap();
        assert_eq!(store.prepare([2; 16]).unwrap_err().code(), Code::Unavailable);
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
