//! Finding the installed PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Oldest version that will do.
const OLDEST: u32 = 14;

/// The folder with `postgres` and `initdb`.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    major: u32,
}

impl Programs {
    /// The newest installed version, or the one that wrote the existing cluster.
    pub fn find(cluster: &Path) -> Result<Self, String> {
        let folders = folders();
        let mut found: Vec<_> = folders.iter().filter_map(|folder| Self::at(folder)).collect();
        found.sort_by_key(|programs| std::cmp::Reverse(programs.major));
        let old = versions(&found);
        let written = fs::read_to_string(cluster.join("PG_VERSION")).ok();
        match written.and_then(|text| text.trim().parse::<u32>().ok()) {
            Some(major) => match found.iter().find(|programs| programs.major == major) {
                Some(programs) => Ok(programs.clone()),
                None => Err(wrong_version(cluster, major, &found)),
            },
            None => match found.into_iter().find(|programs| programs.major >= OLDEST) {
                Some(programs) => Ok(programs),
                None => Err(missing(&folders, &old)),
            },
        }
    }

    fn at(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(Self { folder: folder.to_owned(), major: major(&text)? })
    }

    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.
fn major(text: &str) -> Option<u32> {
    let version =
        text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Where distributions put the programs, then the PATH, then what pg_config says.
fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, inside) in [("/usr/lib/postgresql", "bin"), ("/usr/lib64/postgresql", "bin")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            folders.push(entry.path().join(inside));
        }
    }
    for entry in fs::read_dir("/usr").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("pgsql-") {
            folders.push(entry.path().join("bin"));
        }
    }
    folders.push("/usr/local/pgsql/bin".into());
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    folders.retain(|folder| !folder.as_os_str().is_empty());
    folders.dedup();
    folders
}

fn missing(folders: &[PathBuf], old: &str) -> String {
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    format!(
        "no PostgreSQL {OLDEST} or newer was found (installed: {old}; looked for postgres and initdb in \
         /usr/lib/postgresql/*/bin, {}). Three ways out:\n  \
         1. install it: apt-get install postgresql (or ./run, which does)\n  \
         2. use one that runs: DATABASE_URL=postgres://user:password@host/name impulse\n  \
         3. use Docker: docker compose up --build",
        folders.join(", ")
    )
}

fn versions(found: &[Programs]) -> String {
    let versions: Vec<_> = found.iter().map(|programs| programs.major.to_string()).collect();
    if versions.is_empty() { "none".to_owned() } else { versions.join(", ") }
}

fn wrong_version(cluster: &Path, major: u32, found: &[Programs]) -> String {
    let installed = versions(found);
    format!(
        "{} was written by PostgreSQL {major}, but installed is: {installed}. Three ways out:\n  \
         1. install that version: apt-get install postgresql-{major}\n  \
         2. move: `impulse admin backup` with the old version, `impulse admin restore` into another --data-dir with \
         the new one\n  \
         3. start with another --data-dir",
        cluster.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18devel"), Some(18));
        assert_eq!(major("bash"), None);
    }

    #[test]
    fn a_missing_postgresql_says_where_it_was_looked_for_and_three_ways_out() {
        let text = missing(&["/somewhere/bin".into()], "12");
        for part in
            ["installed: 12", "/somewhere/bin", "apt-get install", "DATABASE_URL", "docker compose"]
        {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_cluster_of_a_version_that_is_not_installed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("PG_VERSION"), "9\n").unwrap();
        let error = Programs::find(folder.path()).unwrap_err();
        assert!(error.contains("written by PostgreSQL 9"), "{error}");
    }
}
