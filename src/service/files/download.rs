//! Who may read a file.

use super::Files;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{FileId, Uid};
use crate::base::principal::Principal;
use crate::files::{Kept, Refusal, Rendition};
use crate::policy::Action;
use crate::protocol::file::MessageFile;
use crate::store::chat::files::{FileRow, FileState};

/// A file that somebody may read.
#[derive(Debug)]
pub struct Readable {
    /// What it is.
    pub file: MessageFile,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

impl Files {
    /// A file for somebody who may read it: a member of its room, as long as its message is shown; or its owner, until it
    /// is in a message. Whoever may not gets the same answer as for a file that does not exist.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn readable(&self, uid: Uid, id: FileId) -> Result<Readable> {
        let row = self.store.file(id).await?.filter(|row| self.may_read(uid, row));
        let readable = row.and_then(|row| Some(Readable { sha256: row.sha256?, file: row.file }));
        readable.ok_or_else(no_file)
    }

    /// Finds the bytes of a file in this form, to be sent; also how many there are.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn open(&self, id: FileId, form: Rendition) -> Result<(Kept, u64)> {
        self.disk.find(id, form).await.map_err(|refusal| match refusal {
            Refusal::Away(error) => error,
            Refusal::NotFound | Refusal::Exists => {
                tracing::error!(file = %id, ?form, "a file is not where it is kept");
                no_file()
            }
        })
    }

    fn may_read(&self, uid: Uid, row: &FileRow) -> bool {
        let by = Principal::User { uid, is_admin: false };
        match (row.state, row.message) {
            (FileState::Complete, _) => row.owner == uid,
            (FileState::Used, Some((room, _))) => {
                row.is_shown
                    && self.rooms.is_member(room, uid)
                    && self.rooms.authorize(by, room, Action::Read).is_ok()
            }
            _ => false,
        }
    }
}

fn no_file() -> Error {
    Error::new(Code::NotFound, "There is no such file.")
}
