//! How much of its disk the folder may take.

use std::fs::File;
use std::io::{self, ErrorKind, Write};

use nix::sys::statvfs::{Statvfs, fstatvfs};

use crate::base::limits::files as limits;

/// What has to stay free, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reserve(u64);

impl Default for Reserve {
    fn default() -> Self {
        // Between a look and the writing after it others write, too.
        Self(limits::FREE + limits::AT_ONCE)
    }
}

impl Reserve {
    /// How much is free besides it.
    pub fn beside(self, disk: &Statvfs) -> u64 {
        let free = disk.blocks_available().saturating_mul(disk.fragment_size());
        free.saturating_sub(self.0)
    }

    /// Makes sure that so many more bytes fit on the disk of a file. One that does not say what is free may be written to.
    ///
    /// # Errors
    /// `StorageFull`.
    pub fn check(self, file: &File, more: u64) -> io::Result<()> {
        match fstatvfs(file) {
            Ok(disk) if self.beside(&disk) < more => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    #[cfg(test)]
    pub fn of(bytes: u64) -> Self {
        Self(bytes)
    }
}

/// A file that is written piece by piece, each of them if there is space for it.
#[derive(Debug)]
pub(super) struct Draft {
    pub file: File,
    pub reserve: Reserve,
}

impl Write for Draft {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.reserve.check(&self.file, piece.len() as u64)?;
        self.file.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_stops_where_the_space_that_stays_free_begins() {
        let file = tempfile::tempfile().unwrap();
        let mut draft = Draft { file, reserve: Reserve::of(0) };
        draft.write_all(b"fits").unwrap();
        draft.reserve = Reserve::of(u64::MAX);
        let refused = draft.write_all(b"does not").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        assert_eq!(draft.file.metadata().unwrap().len(), 4);
    }
}
