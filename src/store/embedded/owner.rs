//! Who runs the database: PostgreSQL refuses root.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{AccessFlags, Uid, User, access, getegid, geteuid};

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

    /// Lends a name to a user without one (`docker run --user`), because initdb wants one: by nss_wrapper, which the
    /// image has. The name is in a file beside `folder`, for the caller to remove.
    pub fn lend_name(&self, command: &mut Command, folder: &Path) -> Option<PathBuf> {
        if self.user.is_some() || matches!(User::from_uid(geteuid()), Ok(Some(_))) {
            return None;
        }
        let file = folder.with_extension("passwd");
        let line = format!("impulse:x:{}:{}::/:/bin/false\n", geteuid(), getegid());
        fs::write(&file, line).ok()?;
        command.env("LD_PRELOAD", "libnss_wrapper.so").env("NSS_WRAPPER_PASSWD", &file);
        command.env("NSS_WRAPPER_GROUP", "/etc/group");
        Some(file)
    }

    /// Makes the data directory ready. It may be somebody else's if we can write there (a volume of Kubernetes belongs
    /// to root and to our group); the cluster in it may not.
    pub fn take_data_dir(&self, data_dir: &Path, is_new: bool) -> Result<(), String> {
        if is_new || self.user.is_some() {
            // The mode of a folder that was there is its maker's matter.
            return self.make_folder(data_dir, is_new.then_some(0o700));
        }
        let cluster = data_dir.join("postgres");
        if fs::metadata(&cluster).is_ok_and(|meta| meta.uid() != geteuid().as_raw()) {
            return Err(not_ours(&cluster));
        }
        let is_writable = access(data_dir, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
        if is_writable { Ok(()) } else { Err(not_ours(data_dir)) }
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

/// Whose it is, and what to do.
fn not_ours(path: &Path) -> String {
    let owner = fs::metadata(path).map(|meta| (meta.uid(), meta.gid())).unwrap_or_default();
    let (uid, gid, path) = (geteuid(), getegid(), path.display());
    let as_owner = match owner {
        (0, _) => String::new(),
        (uid, gid) => format!(", or run the server as its owner (with Docker: --user {uid}:{gid})"),
    };
    format!(
        "{path} belongs to the user {}, and the server runs as {uid} and cannot use it: give it to this user (chown -R \
         {uid}:{gid}, with Docker on the folder that is mounted there){as_owner}",
        owner.0
    )
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
