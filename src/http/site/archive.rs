//! The files of this and of earlier builds on disk. A page that was loaded before an update goes on with the modules
//! that it was made for.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use super::build::Build;
use crate::base::limits::http::{BUILD_ABANDONED, BUILDS_KEPT};

/// Begins the name of a folder that is not complete.
const BEGUN: &str = ".begun-";

/// A folder with a folder for each build.
#[derive(Debug, Clone)]
pub(super) struct Archive(PathBuf);

impl Archive {
    /// The archive in a data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self(data_dir.join("web"))
    }

    /// Keeps a build, or notes that it is still in use. The builds that were in use longest ago are removed.
    pub fn keep(&self, build: &Build) -> io::Result<()> {
        let folder = self.0.join(&build.id);
        if folder.is_dir() {
            File::open(&folder)?.set_modified(SystemTime::now())?;
        } else {
            self.write(build, &folder)?;
        }
        self.forget_old()
    }

    /// Complete or not at all: written beside its place, and then moved there.
    fn write(&self, build: &Build, folder: &Path) -> io::Result<()> {
        let begun = self.0.join(format!("{BEGUN}{}.{}", build.id, std::process::id()));
        for (name, bytes) in build.all() {
            let path = begun.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&begun))?;
            fs::write(path, bytes)?;
        }
        fs::rename(&begun, folder).or_else(|error| {
            fs::remove_dir_all(&begun)?;
            // Another server on the same folder was faster.
            if folder.is_dir() { Ok(()) } else { Err(error) }
        })
    }

    fn forget_old(&self) -> io::Result<()> {
        let mut builds = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let (name, modified) = (entry.file_name(), entry.metadata()?.modified()?);
            let name = name.to_string_lossy();
            if is_build_id(&name) {
                builds.push((modified, entry.path()));
            } else if name.starts_with(BEGUN)
                && modified.elapsed().is_ok_and(|age| age > BUILD_ABANDONED)
            {
                fs::remove_dir_all(entry.path())?;
            }
        }
        builds.sort_unstable();
        let kept_from = builds.len().saturating_sub(BUILDS_KEPT);
        builds.drain(..kept_from).try_for_each(|(_, path)| fs::remove_dir_all(path))
    }

    /// Whether a file of a build is there. Both names have been checked.
    pub fn has(&self, build: &str, name: &str) -> bool {
        self.0.join(build).join(name).is_file()
    }

    /// A file of a build.
    pub fn read(&self, build: &str, name: &str) -> io::Result<Bytes> {
        fs::read(self.0.join(build).join(name)).map(Bytes::from)
    }
}

/// Whether this can be the name of a build.
pub(super) fn is_build_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_builds_that_were_in_use_longest_ago_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(folder.path());
        let id = |n: usize| format!("{n:016x}");
        for n in 0..=BUILDS_KEPT {
            let path = folder.path().join("web").join(id(n));
            fs::create_dir_all(&path).unwrap();
            let used = SystemTime::now() - Duration::from_secs(1_000 - n as u64);
            File::open(&path).unwrap().set_modified(used).unwrap();
        }
        // What is none of ours stays, and so does what another server may be writing.
        for name in ["notes", ".begun-a.1", ".begun-b.2"] {
            fs::create_dir_all(folder.path().join("web").join(name)).unwrap();
        }
        let abandoned = folder.path().join("web/.begun-a.1");
        let long_ago = SystemTime::now() - 2 * BUILD_ABANDONED;
        File::open(&abandoned).unwrap().set_modified(long_ago).unwrap();
        let build = Build::read().linked();
        archive.keep(&build).unwrap();
        let left = |n: usize| folder.path().join("web").join(id(n)).is_dir();
        assert!(!left(0) && !left(1) && (2..=BUILDS_KEPT).all(left));
        assert!(folder.path().join("web/notes").is_dir() && !abandoned.exists());
        assert!(folder.path().join("web/.begun-b.2").is_dir());
        assert!(archive.has(&build.id, "app.js") && archive.has(&build.id, "index.html"));
        assert_eq!(archive.read(&build.id, "app.js").unwrap(), build.get("app.js").unwrap());
        // A build that is in use again is the newest.
        let oldest = folder.path().join("web").join(&build.id);
        File::open(&oldest).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::create_dir_all(folder.path().join("web").join(id(99))).unwrap();
        archive.keep(&build).unwrap();
        assert!(oldest.is_dir() && !left(2) && left(3));
    }
}
