//! Who runs the database: PostgreSQL refuses root.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Uid, User, geteuid};

use super::folders::set_mode;

/// The user the database runs as; `None` is ourselves.
pub(super) struct Owner {
    user: Option<(u32, u32)>,
}

impl Owner {
    /// Ourselves, unless we are root: then the data directory's owner, else `impulse`, `postgres`
    /// or `nobody`.
    pub fn choose(data_dir: &Path) -> Result<Self, String> {
        if !geteuid().is_root() {
            return Ok(Self { user: None });
        }
        if let Ok(meta) = fs::metadata(data_dir)
            && meta.uid() != 0
        {
            return Ok(Self { user: Some((meta.uid(), meta.gid())) });
        }
        for name in ["impulse", "postgres", "nobody"] {
            if let Ok(Some(user)) = User::from_name(name) {
                return Ok(Self { user: Some((user.uid.as_raw(), user.gid.as_raw())) });
            }
        }
        Err("PostgreSQL does not run as root, and there is no user impulse, postgres or nobody; \
             create one, or run impulse as an ordinary user"
            .into())
    }

    /// Makes the child run as this user.
    pub fn apply(&self, command: &mut Command) {
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
    }

    /// Why a program of the database did not start, and what to do if it is a folder nobody may pass.
    pub fn explain(&self, program: &str, folder: &Path, error: &std::io::Error) -> String {
        let Some((uid, _)) = self.user.filter(|_| error.kind() == ErrorKind::PermissionDenied)
        else {
            return format!("cannot run {program}: {error}");
        };
        let name = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        format!(
            "cannot run {program}: {error}. It runs as the user {}, who must be able to reach {}: let others pass \
             through the folders above it (chmod o+x), or choose another place with IMPULSE_DATA_DIR",
            name.unwrap_or_else(|| uid.to_string()),
            folder.display()
        )
    }

    /// A folder that belongs to this user, with this mode if it matters.
    pub fn make_folder(&self, path: &Path, mode: Option<u32>) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("cannot use {}: {error}", path.display());
        fs::create_dir_all(path).map_err(failed)?;
        let meta = fs::symlink_metadata(path).map_err(failed)?;
        if let Some((uid, gid)) = self.user
            && meta.is_dir()
            && meta.uid() != uid
        {
            chown(path, Some(uid), Some(gid)).map_err(failed)?;
        }
        // Ours (or the database's) and a real folder, or somebody has put something in its place.
        let wanted = self.user.map_or(geteuid().as_raw(), |(uid, _)| uid);
        let meta = fs::symlink_metadata(path).map_err(failed)?;
        if !meta.is_dir() || meta.uid() != wanted {
            return Err(format!("{} does not belong to the user of the database", path.display()));
        }
        mode.map_or(Ok(()), |mode| set_mode(path, mode))
    }
}

/// `/var/lib/impulse` for root, `~/.local/share/impulse` (or `$XDG_DATA_HOME/impulse`) else.
pub fn default_data_dir() -> PathBuf {
    if geteuid().is_root() {
        return "/var/lib/impulse".into();
    }
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").or_else(|| Some(User::from_uid(Uid::effective()).ok()??.dir));
    let base = set("XDG_DATA_HOME").or_else(|| Some(home()?.join(".local/share")));
    base.unwrap_or_else(|| ".".into()).join("impulse")
}
