//! Walks through the whole folder, a step at a time, to find what belongs to nothing.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::disk::{make_folder, remove};
use super::{ARRIVING, CLEANED, FILE, FileStore, Rendition, STRAY, UNKNOWN};
use crate::base::hex;
use crate::base::ids::FileId;

/// A walk through the folder. It holds the names of one of its folders at a time.
#[derive(Debug)]
pub struct Sweep {
    folders: VecDeque<PathBuf>,
    names: Vec<Found>,
}

/// Something in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// The file that it is of; none for what has no such name.
    pub id: Option<FileId>,
}

impl FileStore {
    /// Begins a walk. On a thread that may block.
    ///
    /// # Errors
    /// Those of the system.
    pub fn walk(&self) -> io::Result<Sweep> {
        let mut folders = VecDeque::from([self.root.join(ARRIVING)]);
        for entry in fs::read_dir(&*self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_shard = name.to_str().is_some_and(|name| name.len() == 2 && is_hex(name));
            if is_shard && entry.file_type()?.is_dir() {
                folders.push_back(entry.path());
            }
        }
        Ok(Sweep { folders, names: Vec::new() })
    }

    /// Puts something away that belongs to nothing; whether it was still there. It stays for a week, in case that is a
    /// mistake.
    ///
    /// # Errors
    /// Those of the system.
    pub fn put_away(&self, found: &Found) -> io::Result<bool> {
        let stray = self.root.join(STRAY);
        make_folder(&stray)?;
        let name = found.path.file_name().ok_or(ErrorKind::InvalidInput)?;
        match fs::rename(&found.path, stray.join(name)) {
            // Its message has gone meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            renamed => renamed.map(|()| true),
        }
    }

    /// Notes that no row knows a file in the bucket; for how long that has been so. What has been in the bucket for years
    /// may be unknown since a moment ago: when the database was set back.
    ///
    /// # Errors
    /// Those of the system.
    pub fn note_unknown(&self, id: FileId) -> io::Result<Duration> {
        let path = self.unknown(id);
        make_folder(&self.root.join(UNKNOWN))?;
        match OpenOptions::new().write(true).create_new(true).mode(FILE).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => drop(opened?),
        }
        let since = fs::metadata(&path)?.modified()?;
        Ok(since.elapsed().unwrap_or_default())
    }

    /// Takes that back: a row knows it, or it is erased.
    ///
    /// # Errors
    /// Those of the system.
    pub fn forget_unknown(&self, id: FileId) -> io::Result<()> {
        remove(&self.unknown(id))
    }

    fn unknown(&self, id: FileId) -> PathBuf {
        self.root.join(UNKNOWN).join(hex::encode(&id.0))
    }

    /// Brings a file back that was put away, if it was; whether it is back.
    pub fn bring_back(&self, id: FileId) -> bool {
        let mut is_back = false;
        for form in Rendition::ALL {
            let (path, stray) = (self.path(id, form), self.root.join(STRAY));
            let Some(name) = path.file_name() else { continue };
            let folder = path.parent().map(make_folder);
            let is_there = folder.is_some_and(|made| made.is_ok());
            let moved = is_there && fs::rename(stray.join(name), &path).is_ok();
            is_back |= moved && form == Rendition::Original;
        }
        is_back
    }

    /// Erases what was put away longer ago than that; how many files.
    ///
    /// # Errors
    /// Those of the system.
    pub fn erase_strays(&self, kept: Duration) -> io::Result<usize> {
        let mut erased = 0;
        let entries = match fs::read_dir(self.root.join(STRAY)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let meta = entry.metadata()?;
            // A rename changes no other time of a file.
            let moved = u64::try_from(meta.ctime()).unwrap_or_default();
            let moved = SystemTime::UNIX_EPOCH + Duration::from_secs(moved);
            let is_old = SystemTime::now().duration_since(moved).is_ok_and(|age| age >= kept);
            if meta.is_file() && is_old {
                fs::remove_file(entry.path())?;
                erased += 1;
            }
        }
        Ok(erased)
    }
}

impl Sweep {
    /// The next few things in the folder; nothing at the end.
    ///
    /// # Errors
    /// Those of the system.
    pub fn next(&mut self, most: usize) -> io::Result<Vec<Found>> {
        while self.names.is_empty() {
            let Some(folder) = self.folders.pop_front() else { return Ok(Vec::new()) };
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    let id = entry.file_name().to_str().and_then(id_of);
                    self.names.push(Found { path: entry.path(), id });
                }
            }
        }
        let rest = self.names.len().saturating_sub(most);
        Ok(self.names.split_off(rest))
    }
}

fn is_hex(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The id in the name of a file in any of its forms.
pub(super) fn id_of(name: &str) -> Option<FileId> {
    let (id, suffix) = name.split_at_checked(32)?;
    let is_form = suffix == CLEANED || Rendition::ALL.iter().any(|form| form.suffix() == suffix);
    let bytes = hex::decode(id).filter(|_| is_form && is_hex(id))?;
    bytes.try_into().map(FileId).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_finds_everything_and_what_was_put_away_can_come_back_or_goes() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::at(folder.path().join("files"));
        store.prepare([1; 16]).unwrap();
        let ids = [FileId([1; 16]), FileId([2; 16]), FileId([3; 16])];
        for id in ids {
            let path = store.path(id, Rendition::Edge1280);
            make_folder(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
            fs::write(store.path(id, Rendition::Original), "y").unwrap();
        }
        fs::write(store.arriving(ids[0]), "z").unwrap();
        fs::write(store.root().join("01/notes.txt"), "?").unwrap();
        let mut walk = store.walk().unwrap();
        let mut found = Vec::new();
        loop {
            let step = walk.next(2).unwrap();
            assert!(step.len() <= 2);
            if step.is_empty() {
                break;
            }
            found.extend(step);
        }
        assert_eq!(found.len(), 8);
        for id in ids {
            assert!(found.iter().filter(|one| one.id == Some(id)).count() >= 2);
        }
        let foreign: Vec<_> = found.iter().filter(|one| one.id.is_none()).collect();
        assert_eq!(foreign.len(), 1);
        for one in found.iter().filter(|one| one.id == Some(ids[1])) {
            assert!(store.put_away(one).unwrap());
            assert!(!store.put_away(one).unwrap(), "it is gone, which ends no sweep");
        }
        assert!(store.open_here(ids[1], Rendition::Original).is_err());
        assert_eq!(store.erase_strays(Duration::from_secs(3_600)).unwrap(), 0);
        assert!(store.bring_back(ids[1]) && !store.bring_back(ids[1]));
        assert!(store.open_here(ids[1], Rendition::Edge1280).is_ok());
        store.put_away(&found.into_iter().find(|one| one.id == Some(ids[1])).unwrap()).unwrap();
        assert_eq!(store.erase_strays(Duration::ZERO).unwrap(), 1);
    }

    #[test]
    fn how_long_nobody_knows_a_file_counts_from_when_that_was_first_seen() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::at(folder.path().join("files"));
        let (id, week) = (FileId([7; 16]), Duration::from_secs(7 * 24 * 3_600));
        assert!(store.note_unknown(id).unwrap() < week);
        let note = fs::File::options().write(true).open(store.unknown(id)).unwrap();
        note.set_modified(SystemTime::now() - week).unwrap();
        assert!(store.note_unknown(id).unwrap() >= week);
        assert_eq!(store.erase_strays(Duration::ZERO).unwrap(), 0);
        assert!(!store.bring_back(id), "it is a note and no file");
        for _ in 0..2 {
            store.forget_unknown(id).unwrap();
        }
        assert!(store.note_unknown(id).unwrap() < week, "it was known meanwhile");
    }
}
