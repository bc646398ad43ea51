//! A file while it arrives.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

use super::space::Reserve;
use super::writers::Writers;
use crate::base::error::Result;
use crate::base::ids::FileId;

/// What has arrived of a file so far, and where more goes.
#[derive(Debug)]
pub struct Arrival {
    writers: Writers,
    reserve: Reserve,
    id: FileId,
    file: Arc<File>,
    length: u64,
}

impl Arrival {
    pub(super) fn new(
        writers: Writers,
        reserve: Reserve,
        id: FileId,
        file: File,
        length: u64,
    ) -> Self {
        Self { writers, reserve, id, file: Arc::new(file), length }
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// How many bytes there are, whether or not they are on disk yet.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes a piece behind what is there, if the disk has space for it besides what stays free.
    ///
    /// # Errors
    /// `disk_full`, `unavailable`; then the piece is not there.
    pub async fn write(&mut self, piece: Bytes) -> Result<()> {
        let (file, at, more) = (self.file.clone(), self.length, piece.len() as u64);
        let reserve = self.reserve;
        let writing = move || {
            reserve.check(&file, more)?;
            file.write_all_at(&piece, at)
        };
        self.writers.run(writing).await?;
        self.length += more;
        Ok(())
    }

    /// Makes what is there durable; how many bytes that is.
    ///
    /// # Errors
    /// `disk_full`, `unavailable`.
    pub async fn sync(&mut self) -> Result<u64> {
        let (file, length) = (self.file.clone(), self.length);
        self.writers
            .run(move || {
                // What a write that failed has left behind the end.
                if file.metadata()?.len() != length {
                    file.set_len(length)?;
                }
                file.sync_all()
            })
            .await?;
        Ok(length)
    }
}
