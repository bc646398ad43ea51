//! The folders of the private database, and the lock on them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::base::hex;
use crate::base::limits::embedded as limits;

/// One server per data directory. The lock goes with the process, however it ends; a server that
/// is just stopping gets a moment.
pub(super) fn take_lock(data_dir: &Path) -> Result<File, String> {
    let path = data_dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let deadline = Instant::now() + limits::LOCK;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(limits::POLL);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "another impulse is running with the data directory {}; stop it, or choose another --data-dir",
                    data_dir.display()
                ));
            }
            Err(TryLockError::Error(error)) => {
                return Err(format!("cannot lock {}: {error}", path.display()));
            }
        }
    }
}

/// The kernel takes socket paths of at most 107 bytes; a deep data directory gets a short one.
pub(super) fn socket_folder(data_dir: &Path) -> PathBuf {
    let near = data_dir.join("run");
    if near.as_os_str().len() + "/.s.PGSQL.5432.lock".len() <= 107 {
        return near;
    }
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    PathBuf::from(format!("/tmp/impulse-{}", hex::encode(&digest[..8])))
}

pub(super) fn url(sockets: &Path) -> String {
    let host = sockets.to_string_lossy().replace('\\', "\\\\").replace('\'', "\\'");
    format!("host='{host}' user=impulse dbname=postgres")
}

/// Without links: a link to another disk is the operator's good right, and the folder behind it has
/// one name only.
pub(super) fn real(path: &Path) -> Result<PathBuf, String> {
    fs::canonicalize(path).map_err(|error| format!("cannot use {}: {error}", path.display()))
}

/// Sets permissions exactly, whatever the umask.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| format!("cannot protect {}: {error}", path.display()))
}
