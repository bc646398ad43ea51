//! How old the newest nightly backup is.

use std::path::Path;
use std::time::SystemTime;

use super::report::blocking;
use super::row::Row;
use super::site::Site;
use crate::base::limits::doctor as limits;
use crate::store::backup::folder;

const CHECK: &str = "backup";

pub async fn check(site: &Site) -> Vec<Row> {
    let dir = site.config.backup.backup_dir.clone();
    blocking(CHECK, move || vec![judge(dir.as_deref(), SystemTime::now())]).await
}

fn judge(dir: Option<&Path>, now: SystemTime) -> Row {
    let Some(dir) = dir else {
        return Row::todo(
            CHECK,
            "no backup is made at night",
            "set IMPULSE_BACKUP_DIR, best to a folder on another disk; by hand: impulse admin backup FILE",
        );
    };
    let shown = dir.display();
    match folder::newest(dir, now) {
        Err(error) => Row::todo(
            CHECK,
            format!("cannot read {shown}: {error}"),
            "give the server the folder, or choose another",
        ),
        Ok(None) => Row::todo(
            CHECK,
            format!("there is none in {shown} yet"),
            "wait for the night, or make one now: impulse admin backup FILE",
        ),
        Ok(Some(found)) => {
            let age = now.duration_since(found.at).unwrap_or_default();
            let said =
                format!("the newest is {} h old, {} MiB", age.as_secs() / 3_600, found.bytes >> 20);
            match age > limits::BACKUP_AGE {
                true => Row::todo(CHECK, said, "read in the server's log why none was made since"),
                false => Row::ok(CHECK, said),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[test]
    fn a_backup_that_is_missing_old_or_of_no_folder_is_something_to_do() {
        let now = SystemTime::now();
        assert_eq!(judge(None, now).status, Status::Todo);
        let place = tempfile::tempdir().unwrap();
        assert_eq!(judge(Some(place.path()), now).status, Status::Todo, "empty");
        let file = place.path().join(folder::name(now));
        std::fs::write(&file, "x").unwrap();
        assert_eq!(judge(Some(place.path()), now + limits::BACKUP_AGE / 2).status, Status::Ok);
        assert_eq!(judge(Some(place.path()), now + limits::BACKUP_AGE * 2).status, Status::Todo);
        assert_eq!(judge(Some(&file), now).status, Status::Todo, "no folder");
    }
}
