//! From the last byte of an upload to a file that a message can have: it is looked at, a picture loses what is about it,
//! its smaller forms are drawn, and it gets its name.

use std::io;
use std::time::Instant;

use super::Files;
use super::upload::{Uploaded, no_upload};
use super::work::run;
use crate::base::crash_point::crash_point;
use crate::base::error::{Error, Result};
use crate::base::ids::FileId;
use crate::files::{Arrived, FileCounts, Metadata, Rendition};
use crate::protocol::file::MessageFile;
use crate::store::chat::files::{Completed, FileState};

/// Draws a picture, and counts that.
fn counted(
    counts: &FileCounts,
    draw: impl FnOnce() -> io::Result<Option<(u32, u32)>>,
) -> io::Result<Option<(u32, u32)>> {
    let begun = Instant::now();
    let drawn = draw();
    counts.pictures_us.add(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    match &drawn {
        Ok(Some(_)) => counts.pictures_drawn.inc(),
        // What the disk refuses is tried again, and no fault of the picture.
        Ok(None) => counts.pictures_refused.inc(),
        Err(_) => {}
    }
    drawn
}

impl Files {
    /// All of a file is on disk, and at least so many bytes: it gets its name, and then its row says so.
    pub(super) async fn complete(
        &self,
        file: &MessageFile,
        metadata: Metadata,
        noted: u64,
    ) -> Result<Uploaded> {
        let id = file.id;
        let taken = self.take_in(file, metadata, noted).await;
        if taken.is_err() {
            // If it was given up meanwhile, its smaller forms may have been drawn after that.
            let _ = self.remove_if_ended(id).await;
        }
        let (arrived, pixels) = taken?;
        crash_point("settled");
        self.disk.hand_over(id).await?;
        let Arrived { kind, size, sha256, .. } = arrived;
        let completed = Completed { media_type: kind.told(&file.media_type), size, sha256, pixels };
        if !self.store.complete_file(id, &completed).await? {
            self.remove_if_ended(id).await?;
            return Err(no_upload());
        }
        crash_point("completed");
        self.disk.release(id).await;
        self.counts.completed.inc();
        let (width, height) = pixels.unzip();
        let media_type = completed.media_type;
        let file = MessageFile { media_type, size, width, height, ..file.clone() };
        Ok(Uploaded { file, offset: size, complete: true })
    }

    /// Looks at what has arrived, draws it if it is a picture, and gives it its name.
    async fn take_in(
        &self,
        file: &MessageFile,
        metadata: Metadata,
        noted: u64,
    ) -> Result<(Arrived, Option<(u32, u32)>)> {
        let (id, disk, told) = (file.id, self.disk.clone(), file.media_type.clone());
        let claim = self.work.claim(id, &self.work.completing).await?;
        let (arrived, mut claim) = run(claim, move || disk.examine(id, &told, metadata)).await?;
        if arrived.came < noted {
            return Err(Error::internal("a file is smaller than what had arrived of it"));
        }
        crash_point("examined");
        if let Some(pixels) = arrived.pixels {
            // What is no picture does not wait for those that are.
            self.work.change_turn(&mut claim, &self.work.drawing).await?;
            self.work.claim_pixels(&mut claim, pixels).await?;
        }
        let (disk, counts) = (self.disk.clone(), self.counts.clone());
        let naming = move || {
            let pixels = match arrived.is_picture {
                true => counted(&counts, || disk.draw_arrived(id, &arrived))?,
                false => None,
            };
            disk.settle(id, &arrived)?;
            Ok((arrived, pixels))
        };
        let (taken, _) = run(claim, naming).await?;
        Ok(taken)
    }

    /// Draws a picture again whose smaller forms are not there: after a restore, or because they are drawn
    /// differently now. What asks for it waits for its turn.
    ///
    /// # Errors
    /// `unavailable`, `disk_full`.
    pub(super) async fn redraw(&self, file: &MessageFile, form: Rendition) -> Result<()> {
        let id = file.id;
        self.prepare().await?;
        let mut claim = self.work.claim(id, &self.work.redrawing).await?;
        let (disk, media_type) = (self.disk.clone(), file.media_type.clone());
        if disk.path(id, form).exists() {
            // Somebody else has asked before.
            return Ok(());
        }
        if let Some(pixels) = file.width.zip(file.height) {
            self.work.claim_pixels(&mut claim, pixels).await?;
        }
        let counts = self.counts.clone();
        run(claim, move || counted(&counts, || disk.draw_again(id, &media_type))).await?;
        self.remove_if_ended(id).await
    }

    /// Erases the bytes of a file that was given up while they were made: its row may be gone already.
    async fn remove_if_ended(&self, id: FileId) -> Result<()> {
        match self.store.file(id).await?.map(|row| row.state) {
            None | Some(FileState::Erasing) => self.disk.remove(id).await,
            Some(FileState::Arriving | FileState::Complete | FileState::Used) => Ok(()),
        }
    }
}
