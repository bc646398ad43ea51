//! The files that people have sent, on their way from a backup into the folder of the new server.
//!
//! They are written into a folder beside the right one, compared with their rows, and moved into place before the rows
//! are committed: no message is there without its file. What a restore that failed has left is replaced by the next.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, chown, geteuid};
use sha2::{Digest as _, Sha256};
use tokio_postgres::Transaction;

use super::save::said;
use crate::base::ids::FileId;
use crate::files::{FileStore, Rendition};

/// A restored file, as far as its row must agree.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Written {
    size: u64,
    sha256: [u8; 32],
}

/// The file whose pieces are coming.
struct Coming {
    id: FileId,
    form: Rendition,
    file: File,
    hash: Sha256,
    size: u64,
}

/// Takes the files out of a backup.
pub(super) struct SentFiles {
    /// Where they belong.
    place: FileStore,
    /// Where they are until all of them are there.
    draft: FileStore,
    coming: Option<Coming>,
    written: HashMap<FileId, Written>,
}

impl SentFiles {
    /// For this data directory. A folder there that has files of another database stays, and the restore is refused.
    ///
    /// # Errors
    /// One sentence.
    pub fn begin(data_dir: &Path) -> Result<Self, String> {
        let draft = data_dir.join("files.part");
        match fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot(&draft, &error));
            }
            _ => {}
        }
        Ok(Self {
            place: FileStore::at(data_dir.join("files")),
            draft: FileStore::at(draft),
            coming: None,
            written: HashMap::new(),
        })
    }

    /// Writes a piece, on a thread that may block.
    ///
    /// # Errors
    /// One sentence.
    pub async fn write(
        &mut self,
        id: FileId,
        form: Rendition,
        piece: Vec<u8>,
    ) -> Result<(), String> {
        let is_same = self.coming.as_ref().is_some_and(|one| (one.id, one.form) == (id, form));
        if !is_same {
            self.end_of_file()?;
            let path = self.draft.path(id, form);
            let file = make(&path).map_err(|error| cannot(&path, &error))?;
            self.coming = Some(Coming { id, form, file, hash: Sha256::new(), size: 0 });
        }
        let Some(coming) = &mut self.coming else { return Ok(()) };
        coming.hash.update(&piece);
        coming.size += piece.len() as u64;
        coming.file.write_all(&piece).map_err(|error| cannot(self.draft.root(), &error))
    }

    fn end_of_file(&mut self) -> Result<(), String> {
        let Some(Coming { id, form, file, hash, size }) = self.coming.take() else { return Ok(()) };
        file.sync_all().map_err(|error| cannot(self.draft.root(), &error))?;
        if form == Rendition::Original {
            self.written.insert(id, Written { size, sha256: hash.finalize().into() });
        }
        Ok(())
    }

    /// Compares what was written with the rows, and ends those whose bytes the backup does not have; how many those
    /// are.
    ///
    /// # Errors
    /// One sentence, if a file is not the one that was sent.
    pub async fn compare(&mut self, chat: &Transaction<'_>) -> Result<u64, String> {
        self.end_of_file()?;
        if !has_files(chat).await? {
            return Ok(0);
        }
        let sql = "SELECT id, size, sha256 FROM chat.files WHERE state IN ('complete', 'used')";
        let mut missing = Vec::new();
        for row in chat.query(sql, &[]).await.map_err(|error| said(&error))? {
            let (id, sha256) = (row.get::<_, Vec<u8>>(0), row.get::<_, Vec<u8>>(2));
            let row = Written {
                size: row.get::<_, i64>(1).unsigned_abs(),
                sha256: sha256.try_into().unwrap_or_default(),
            };
            let Ok(key) = id.clone().try_into().map(FileId) else { continue };
            match self.written.get(&key) {
                Some(written) if *written == row => {}
                Some(_) => {
                    return Err(format!("the file {key} differs from the one that was sent"));
                }
                None => missing.push(id),
            }
        }
        // Uploads that were under way begin anew.
        let ended =
            "UPDATE chat.files SET state = 'erasing' WHERE id = ANY($1) OR state = 'arriving'";
        chat.execute(ended, &[&missing]).await.map_err(|error| said(&error))?;
        Ok(missing.len() as u64)
    }

    /// Moves all files into place, and marks the folder as that of the restored database.
    ///
    /// # Errors
    /// One sentence.
    pub async fn settle(&mut self, chat: &Transaction<'_>) -> Result<(), String> {
        let marks = match has_files(chat).await? {
            true => chat.query("SELECT mark FROM chat.file_store", &[]).await,
            false => Ok(Vec::new()),
        };
        let mark = marks.map_err(|error| said(&error))?.first().map(|row| row.get::<_, Vec<u8>>(0));
        let Some(mark) = mark.and_then(|mark| mark.try_into().ok()) else { return Ok(()) };
        let refused = |error: crate::base::error::Error| error.message().to_owned();
        if self.place.exists() && !self.place.is_marked(mark) {
            return Err(format!(
                "{} has the files of another database: move it away first",
                self.place.root().display()
            ));
        }
        self.place.prepare(mark).map_err(refused)?;
        for (id, form) in self.written.keys().flat_map(|id| Rendition::ALL.map(|form| (*id, form)))
        {
            let (from, to) = (self.draft.path(id, form), self.place.path(id, form));
            if from.exists() {
                move_into_place(&from, &to).map_err(|error| cannot(&to, &error))?;
            }
        }
        let _ = fs::remove_dir_all(self.draft.root());
        own(self.place.root()).map_err(|error| cannot(self.place.root(), &error))
    }
}

impl Drop for SentFiles {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.draft.root());
    }
}

/// A backup may be from before there were files.
async fn has_files(chat: &Transaction<'_>) -> Result<bool, String> {
    let sql = "SELECT to_regclass('chat.files') IS NOT NULL";
    Ok(chat.query_one(sql, &[]).await.map_err(|error| said(&error))?.get(0))
}

fn make(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn move_into_place(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::rename(from, to)?;
    File::open(folder)?.sync_all()
}

/// Gives everything in a folder to the owner of the folder around it, if somebody else restores: whoever runs the server
/// must read it.
fn own(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = fs::metadata(folder.parent().unwrap_or(Path::new(".")))?;
    if owner.uid() == geteuid().as_raw() {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    let mut waiting: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        chown(&path, Some(uid), Some(gid))?;
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        }
    }
    Ok(())
}

fn cannot(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
