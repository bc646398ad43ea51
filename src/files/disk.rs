//! What is done to folders and files of the system.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The rights of folders and files: those of the server's user alone.
const FOLDER: u32 = 0o700;
pub(super) const FILE: u32 = 0o600;

/// Makes a folder and those above it.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A new file, instead of one that may be left from an attempt.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    remove(path)?;
    OpenOptions::new().write(true).create_new(true).mode(FILE).open(path)
}

/// Writes a small file as a whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("part");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(FILE).open(&draft)?;
    file.write_all_at(bytes, 0)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Erases a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
