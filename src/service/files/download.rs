//! Who may read a file.

use std::io;

use super::Files;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{FileId, Uid};
use crate::base::principal::Principal;
use crate::files::{Kept, Kind, Refusal, Rendition, refused};
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

/// A file that is open to be sent.
#[derive(Debug)]
pub struct Opened {
    /// Its bytes.
    pub bytes: Kept,
    /// How many there are.
    pub size: u64,
    /// Their media type.
    pub media_type: String,
    /// In which form the file is.
    pub form: Rendition,
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

    /// Waits until somebody may read one more file; the right to it, which is given back when it is dropped.
    ///
    /// # Errors
    /// `rate_limited` if too many of theirs wait, `unavailable` if it takes too long.
    pub async fn reading(&self, uid: Uid) -> Result<impl Send + use<>> {
        self.readings.take(uid).await
    }

    /// Opens the bytes of a file, or of a smaller form of a picture: the file itself if that is not larger than the form
    /// would be, or cannot be drawn.
    ///
    /// # Errors
    /// `not_found`, `disk_full`, `unavailable`.
    pub async fn open(&self, file: &MessageFile, form: Rendition) -> Result<Opened> {
        let longest = file.width.max(file.height).unwrap_or_default();
        if form.edge().is_some_and(|edge| longest > edge) {
            if let Some(opened) = self.open_form(file, form).await? {
                return Ok(opened);
            }
            // In the bucket the original was put last, so its forms are there.
            if self.disk.is_settled(file.id) {
                self.redraw(file, form).await?;
                if let Some(opened) = self.open_form(file, form).await? {
                    return Ok(opened);
                }
            }
        }
        match self.open_form(file, Rendition::Original).await? {
            Some(opened) if opened.size == file.size => Ok(opened),
            Some(_) => Err(refused(io::Error::other("a file has another size than its row"))),
            None => {
                // If the whole folder is away, the file is not gone.
                self.prepare().await?;
                tracing::error!(file = %file.id, "a file is not in its folder");
                Err(no_file())
            }
        }
    }

    /// Nothing if it is not there in this form.
    async fn open_form(&self, file: &MessageFile, form: Rendition) -> Result<Option<Opened>> {
        let (bytes, size) = match self.disk.find(file.id, form).await {
            Ok(found) => found,
            Err(Refusal::Away(error)) => return Err(error),
            Err(Refusal::NotFound | Refusal::Exists) => return Ok(None),
        };
        let media_type = match form {
            Rendition::Original => file.media_type.clone(),
            _ => Kind::of(&bytes.head().await.map_err(refused)?, "").told(""),
        };
        Ok(Some(Opened { bytes, size, media_type, form }))
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
