//! Files that hold private keys: only their owner reads them, and they are written as a whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use crate::base::limits::tls as limits;

/// The rights of a folder and of a file.
const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Makes the folder, or takes it from everybody but its owner.
///
/// # Errors
/// One sentence.
pub fn folder(path: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER).create(path);
    made.map_err(|error| format!("cannot make the folder {}: {error}", path.display()))?;
    tighten(path, FOLDER)
}

/// The content, unless there is no such file. Others lose their rights to it.
///
/// # Errors
/// One sentence: the file cannot be read, is not one, or is too large to be one of ours.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
        Ok(found) if !found.is_file() => return Err(format!("{} is not a file", path.display())),
        Ok(_) => tighten(path, FILE)?,
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(limits::FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > limits::FILE {
        return Err(format!(
            "{} is too large for a file with a key and certificates",
            path.display()
        ));
    }
    Ok(Some(bytes))
}

/// Puts `bytes` in the place of what is there.
///
/// # Errors
/// One sentence; then what was there is still there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let draft = draft(path, bytes)?;
    let moved = fs::rename(&draft, path).and_then(|()| sync_folder(path));
    moved.map_err(|error| {
        let _ = fs::remove_file(&draft);
        format!("cannot write {}: {error}", path.display())
    })
}

/// Writes a file that does not exist. If one does by now, that one stays, and `false` is the answer.
///
/// # Errors
/// One sentence.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, String> {
    let draft = draft(path, bytes)?;
    // Unlike a rename, a link never takes the place of a file.
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    match linked.and_then(|()| sync_folder(path)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(format!("cannot write {}: {error}", path.display())),
    }
}

/// The whole content on the disk, under another name.
fn draft(path: &Path, bytes: &[u8]) -> Result<PathBuf, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = PathBuf::from(name);
    let write = || {
        // One that a killed process left may have other rights.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&draft);
        format!("cannot write {}: {error}", path.display())
    })?;
    Ok(draft)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Takes rights that are wider than `most` away, and says so: others may have read the file until now.
fn tighten(path: &Path, most: u32) -> Result<(), String> {
    let name = path.display();
    let found = fs::metadata(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let mode = found.mode() & 0o7777;
    if mode & !most == 0 {
        return Ok(());
    }
    let tightened = fs::set_permissions(path, fs::Permissions::from_mode(mode & most));
    tightened.map_err(|error| {
        format!("other users may read {name}, which holds private keys, and that cannot be changed: {error}")
    })?;
    tracing::warn!(
        "other users were able to read {name} (mode {mode:o}); its mode is {:o} now",
        mode & most
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn only_the_owner_reads_what_is_written_and_what_was_open_to_others_is_closed() {
        let place = tempfile::tempdir().unwrap();
        let keys = place.path().join("a/keys");
        folder(&keys).unwrap();
        let file = keys.join("key");
        assert_eq!(read(&file), Ok(None));
        write(&file, b"1").unwrap();
        write(&file, b"2").unwrap();
        assert_eq!((mode(&keys), mode(&file)), (0o700, 0o600));
        for path in [&keys, &file] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder(&keys).unwrap();
        assert_eq!(read(&file), Ok(Some(b"2".to_vec())));
        assert_eq!((mode(&keys), mode(&file)), (0o700, 0o600));
        assert_eq!(names(&keys), ["key"], "no draft is left");
    }

    #[test]
    fn a_file_that_is_there_is_never_replaced_by_a_new_one() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("key");
        assert_eq!(write_new(&file, b"first"), Ok(true));
        assert_eq!(write_new(&file, b"second"), Ok(false));
        assert_eq!(read(&file), Ok(Some(b"first".to_vec())));
        assert_eq!(names(place.path()), ["key"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there_and_what_is_no_key_file_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("key");
        write(&file, b"good").unwrap();
        // The draft cannot be made: a folder has its name.
        let draft = place.path().join(format!("key.{}.new", std::process::id()));
        fs::create_dir(&draft).unwrap();
        assert!(write(&file, b"bad").unwrap_err().contains("cannot write"));
        assert_eq!(read(&file), Ok(Some(b"good".to_vec())));
        assert!(read(&draft).unwrap_err().contains("is not a file"));
        fs::write(&file, vec![b'x'; usize::try_from(limits::FILE).unwrap() + 1]).unwrap();
        assert!(read(&file).unwrap_err().contains("too large"));
    }
}
