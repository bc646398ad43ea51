//! How the command line finds a running server: a file in its data directory, readable by its owner only,
//! with the address and a token that opens the administration. Who can read it can read the files of the
//! database as well.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name in the data directory.
const FILE: &str = "server.json";

/// What the file says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Control {
    /// Address and port.
    pub address: String,
    /// The `Host` of a request, if the server does not answer to every one.
    #[serde(default)]
    pub host: Option<String>,
    /// Where people open the server in a browser.
    #[serde(default)]
    pub url: String,
    /// Opens `/api/admin/…`.
    pub token: String,
    /// The server's process.
    pub pid: u32,
}

/// The file of a running server, removed when this is dropped.
#[derive(Debug)]
pub struct ControlFile {
    path: PathBuf,
    pid: u32,
}

impl ControlFile {
    /// Writes the file in one step, so that no program reads half of it.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn write(data_dir: &Path, control: &Control) -> std::io::Result<Self> {
        fs::create_dir_all(data_dir)?;
        let path = data_dir.join(FILE);
        let draft = data_dir.join(format!("{FILE}.{}", control.pid));
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec(control)?)?;
        drop(file);
        fs::rename(&draft, &path)?;
        Ok(Self { path, pid: control.pid })
    }
}

impl Drop for ControlFile {
    fn drop(&mut self) {
        // Another server may have written its own file since.
        if read_file(&self.path).is_some_and(|control| control.pid == self.pid) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The file of a server that runs or was killed.
pub fn read(data_dir: &Path) -> Option<Control> {
    read_file(&data_dir.join(FILE))
}

fn read_file(path: &Path) -> Option<Control> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_reads_the_file_and_it_is_removed_with_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let control = |pid| Control {
            address: "127.0.0.1:1".into(),
            host: None,
            url: "http://127.0.0.1:1".into(),
            token: "t".into(),
            pid,
        };
        let first = ControlFile::write(folder.path(), &control(1)).unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = ControlFile::write(folder.path(), &control(2)).unwrap();
        drop(first);
        assert_eq!(read(folder.path()).unwrap().pid, 2, "not the first one's any more");
        drop(second);
        assert!(read(folder.path()).is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
