//! Who may read what is in the data directory.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::report::blocking;
use super::row::Row;
use super::site::Site;
use crate::base::limits::doctor as limits;

const CHECK: &str = "data-directory";

pub async fn check(site: &Site) -> Vec<Row> {
    let folder = site.data_dir.clone();
    blocking(CHECK, move || vec![judge(&folder)]).await
}

fn judge(folder: &Path) -> Row {
    let shown = folder.display();
    let meta = match fs::metadata(folder) {
        Ok(meta) if meta.is_dir() => meta,
        Ok(_) => {
            return Row::todo(CHECK, format!("{shown} is no folder"), "choose another --data-dir");
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Row::ok(CHECK, format!("{shown} is made at the first start"));
        }
        Err(error) => return Row::unknown(CHECK, format!("{shown} cannot be read: {error}")),
    };
    if meta.mode() & 0o022 != 0 {
        let found =
            format!("others may change what is in {shown} (mode {:o})", meta.mode() & 0o7777);
        return Row::todo(CHECK, found, format!("chmod go-w {shown}"));
    }
    let wide = secrets(folder).into_iter().find_map(|path| {
        let mode = fs::metadata(&path).ok()?.mode() & 0o7777;
        (mode & 0o077 != 0).then_some((path, mode))
    });
    match wide {
        Some((path, mode)) => Row::todo(
            CHECK,
            format!("others may read {} (mode {mode:o}), which is secret", path.display()),
            format!(
                "chmod go= {}; if others were able to log in there, replace what is in it",
                path.display()
            ),
        ),
        None => Row::ok(CHECK, format!("{shown}: others read nothing that is secret")),
    }
}

/// What holds keys, tokens or messages, as far as it is there and may be looked at.
fn secrets(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = ["server.json", "run", "postgres", "tls", "files"]
        .iter()
        .map(|name| folder.join(name))
        .collect();
    for keys in [folder.join("tls"), folder.join("tls/acme")] {
        let entries = fs::read_dir(keys).into_iter().flatten().take(limits::FILES);
        found.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    found.retain(|path| path.exists());
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::row::Status;
    use super::*;

    #[test]
    fn what_others_may_read_or_change_is_something_to_do() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        assert_eq!(judge(&folder).status, Status::Ok, "made later");
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap()
        };
        fs::create_dir_all(folder.join("tls/acme")).unwrap();
        for path in [folder.clone(), folder.join("tls"), folder.join("tls/acme")] {
            chmod(&path, 0o700);
        }
        assert_eq!(judge(&folder).status, Status::Ok);
        let key = folder.join("tls/acme/certificate.pem");
        fs::write(&key, "x").unwrap();
        chmod(&key, 0o644);
        let row = judge(&folder);
        assert!(row.status == Status::Todo && row.found.contains("certificate.pem"), "{row:?}");
        chmod(&key, 0o600);
        assert_eq!(judge(&folder).status, Status::Ok);
        chmod(&folder, 0o777);
        assert!(judge(&folder).found.contains("777"));
        assert_eq!(judge(&key).status, Status::Todo, "no folder");
    }
}
