//! Folders for databases that are thrown away.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{hex, random};

/// A folder that is removed with what is in it when this is dropped.
#[derive(Debug)]
pub struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes a new folder `impulse-PURPOSE-…` among the temporary files. Its name cannot be guessed and a folder that
    /// is already there is refused, so nobody else on the machine owns it. Others may pass through it, because the
    /// database of root runs as another user.
    ///
    /// # Errors
    /// One sentence.
    pub fn new(purpose: &str) -> Result<Self, String> {
        let random: [u8; 8] =
            random::bytes().map_err(|error| format!("the system has no randomness: {error}"))?;
        let name = format!("impulse-{purpose}-{}", hex::encode(&random));
        let path = std::env::temp_dir().join(name);
        let made = DirBuilder::new().mode(0o711).create(&path);
        made.map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "{} stays behind", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn each_is_new_belongs_to_us_alone_and_goes_away_with_what_is_in_it() {
        let folders =
            [TemporaryFolder::new("test").unwrap(), TemporaryFolder::new("test").unwrap()];
        assert_ne!(folders[0].path(), folders[1].path());
        let path = folders[0].path().to_owned();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o711, 0, "nobody else lists it or writes into it");
        std::fs::write(path.join("file"), "content").unwrap();
        drop(folders);
        assert!(!path.exists());
    }
}
