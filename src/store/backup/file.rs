//! The file of a backup while it is written: under another name, so that what has the name of a backup is a whole one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A file that appears when it is complete. One that was there stays until then; if it is dropped before, nothing of it
/// stays.
pub struct BackupFile {
    file: File,
    path: PathBuf,
    part: PathBuf,
    is_finished: bool,
}

impl BackupFile {
    /// Begins `FILE.part`, readable by its owner only. What a killed backup has left there is overwritten.
    ///
    /// # Errors
    /// One sentence.
    pub fn create(path: &Path) -> Result<Self, String> {
        // A link stays, and what it leads to is replaced.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut part = OsString::from(path);
        part.push(".part");
        let part = PathBuf::from(part);
        let cannot = |error| format!("cannot write {}: {error}", part.display());
        if path.is_dir() {
            return Err(format!("{} is a folder: name a file in it", path.display()));
        }
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(format!("{} is no file: name one, or - for stdout", path.display()));
        }
        let mut options = OpenOptions::new();
        // Whatever its mode was; what is written is a secret.
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&part);
        let file = file.map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!("another backup is being written to {}", part.display()));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        // The other one may have finished between the two: then the name is free, and this file has it no more.
        let is_ours = fs::metadata(&part).is_ok_and(|named| {
            file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (named.dev(), named.ino()))
        });
        if !is_ours {
            return Err(format!("another backup was written to {} just now", path.display()));
        }
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(cannot)?;
        file.set_len(0).map_err(cannot)?;
        Ok(Self { file, path: path.to_owned(), part, is_finished: false })
    }

    /// Everything is written: it survives a power cut from here on, and has its name.
    ///
    /// # Errors
    /// One sentence.
    pub fn finish(mut self) -> Result<(), String> {
        let cannot = |error| format!("cannot write {}: {error}", self.path.display());
        self.file.sync_all().map_err(cannot)?;
        fs::rename(&self.part, &self.path).map_err(cannot)?;
        self.is_finished = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(cannot)?;
        folder.sync_all().map_err(cannot)
    }
}

impl Write for BackupFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BackupFile {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete_and_replaces_no_other_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.backup");
        fs::write(&path, "old").unwrap();
        fs::write(folder.path().join("a.backup.part"), "left by a kill, and longer").unwrap();
        let mut file = BackupFile::create(&path).unwrap();
        let busy = BackupFile::create(&path).err().unwrap();
        assert!(busy.contains("another backup"), "{busy}");
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut file = BackupFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
