//! The disk of the data directory: whether there is room, and how long a flush takes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

use super::report::blocking;
use super::row::Row;
use super::site::Site;
use crate::base::limits::doctor as limits;

pub async fn check(site: &Site) -> Vec<Row> {
    let folder = site.data_dir.clone();
    blocking("disk", move || vec![room(&folder), flush(&folder)]).await
}

/// The folder, or what is there of the way to it.
fn existing(folder: &Path) -> PathBuf {
    let found = folder.ancestors().find(|path| path.exists());
    found.unwrap_or(Path::new("/")).to_owned()
}

fn room(folder: &Path) -> Row {
    const CHECK: &str = "disk";
    let shown = folder.display();
    match statvfs(&existing(folder)) {
        Err(error) => Row::unknown(CHECK, format!("the space of {shown} cannot be read: {error}")),
        Ok(found) => {
            let free = found.blocks_available().saturating_mul(found.fragment_size());
            judge_room(free, found.files_available(), &shown.to_string())
        }
    }
}

fn judge_room(free: u64, files: u64, shown: &str) -> Row {
    let found = format!("{} MiB free for {shown}", free >> 20);
    if free < limits::FREE {
        let least = limits::FREE >> 20;
        return Row::todo(
            "disk",
            found,
            format!("free some: below {least} MiB a day's messages may not fit"),
        );
    }
    // File systems that make inodes as they are needed count none.
    if (1..1_000).contains(&files) {
        return Row::todo(
            "disk",
            format!("only {files} more files fit"),
            "remove files: the inodes are used up",
        );
    }
    Row::ok("disk", found)
}

fn flush(folder: &Path) -> Row {
    const CHECK: &str = "flush";
    if !folder.is_dir() {
        return Row::unknown(CHECK, format!("{} is made at the first start", folder.display()));
    }
    match measure(folder) {
        Ok(median) => judge_flush(median),
        Err(error) => Row::todo(
            CHECK,
            format!("cannot write into {}: {error}", folder.display()),
            "run this as the user of the server, or as root; if the server cannot write there, either, \
             give it the folder (chown) and free space",
        ),
    }
}

fn judge_flush(median: Duration) -> Row {
    let found = format!("takes {:.1} ms", median.as_secs_f64() * 1_000.0);
    match median > limits::SLOW_FLUSH {
        true => Row::todo(
            "flush",
            found,
            "every message waits for one: use a faster disk (no network disk, no SD card)",
        ),
        false => Row::ok("flush", found),
    }
}

fn measure(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join(format!("doctor.{}", std::process::id()));
    let measured = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut times = Vec::new();
        for _ in 0..limits::FLUSHES {
            let began = Instant::now();
            file.write_all(&[0; 4_096])?;
            file.sync_data()?;
            times.push(began.elapsed());
        }
        times.sort();
        Ok(times.get(times.len() / 2).copied().unwrap_or_default())
    })();
    let _ = fs::remove_file(&path);
    measured
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[test]
    fn a_disk_without_room_and_a_slow_one_are_something_to_do() {
        let status = |free, files| judge_room(free, files, "x").status;
        assert_eq!(status(limits::FREE, 0), Status::Ok);
        assert_eq!(status(limits::FREE - 1, 0), Status::Todo);
        assert_eq!(status(limits::FREE, 5), Status::Todo);
        assert_eq!(judge_flush(limits::SLOW_FLUSH).status, Status::Ok);
        assert_eq!(judge_flush(limits::SLOW_FLUSH * 2).status, Status::Todo);
    }

    #[test]
    fn nothing_is_left_of_a_measurement() {
        let folder = tempfile::tempdir().unwrap();
        assert_ne!(flush(folder.path()).status, Status::Unknown);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(flush(&folder.path().join("none")).status, Status::Unknown);
        assert_eq!(room(&folder.path().join("none/yet")).check, "disk");
    }
}
