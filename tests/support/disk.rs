//! A disk that is small enough to be filled.

use std::path::Path;

use tempfile::TempDir;

/// A file system of its own; gone when dropped.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// With so many bytes. Nothing where nobody may mount.
    pub fn mount(size: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounting = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "tmpfs"])
            .arg(folder.path())
            .status();
        mounting.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
