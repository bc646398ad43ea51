//! Uploads: announced, then brought in one piece or several, by one request at a time.
//!
//! How far an upload is, only its row and the requests that bring it know. A request that begins where the upload is
//! takes it over from another one, so that a line that has died without a word does not stop it. Whoever is at another
//! place is told the right one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{MutexGuard, watch};

use super::Files;
use super::incoming::{Arriving, HeldIncoming};
use crate::base::crash_point::crash_point;
use crate::base::error::{Code, Error, Result};
use crate::base::file_detail::FileDetail;
use crate::base::ids::{FileId, Uid};
use crate::base::limits::files as limits;
use crate::base::lock::MutexExt as _;
use crate::base::random;
use crate::files::{Arrival, Metadata, has_metadata, name};
use crate::protocol::file::MessageFile;
use crate::store::chat::files::{FileRow, FileState, NewFile};

/// A file that somebody is going to upload.
#[derive(Debug)]
pub struct Announced {
    /// Its name, as it is there.
    pub name: String,
    /// Its type, as it is believed to be there.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether a picture keeps where and by which camera it was taken.
    pub keeps_metadata: bool,
}

/// Whose an upload is.
#[derive(Debug)]
pub struct Uploader {
    uid: Uid,
    sharers: Vec<Uid>,
}

impl Uploader {
    /// Somebody who may keep what one person may.
    pub fn person(uid: Uid) -> Self {
        Self { uid, sharers: vec![uid] }
    }

    /// Who it is.
    pub fn uid(&self) -> Uid {
        self.uid
    }

    /// One of those who may keep that together, always in the same order.
    pub fn one_of(uid: Uid, sharers: Vec<Uid>) -> Self {
        Self { uid, sharers }
    }
}

/// How far an upload is: `{"id","name","type","size",…,"offset","complete"}`.
#[derive(Debug, Serialize)]
pub struct Uploaded {
    /// The file. Its type is what its owner says until it is complete.
    #[serde(flatten)]
    pub file: MessageFile,
    /// How many bytes have arrived.
    pub offset: u64,
    /// Whether a message can have it.
    pub complete: bool,
}

/// One request that brings a part of a file, or all of it.
pub struct Upload {
    files: Arc<Files>,
    id: FileId,
    incoming: HeldIncoming,
    number: u64,
    changes: watch::Receiver<()>,
    /// The size of the file, and how much of it was missing at first.
    size: u64,
    rest: u64,
    slot: Slot,
}

/// What a request that wants to bring a part of a file has to do.
pub enum Start {
    /// Bring it.
    Upload(Upload),
    /// Nothing: all of it is there.
    Done {
        /// How far it is.
        done: Uploaded,
        /// Whether it may have become smaller, so that the rest of what was announced may still come.
        may_be_smaller: bool,
    },
}

/// One of the uploads that a person may have under way.
struct Slot {
    files: Arc<Files>,
    uid: Uid,
}

impl Files {
    /// Begins an upload; how far it is: an empty file is complete.
    ///
    /// # Errors
    /// `too_large`, `quota_full`, `disk_full`, `rate_limited`, `unavailable`.
    pub async fn announce(self: &Arc<Self>, uid: Uid, file: &Announced) -> Result<Uploaded> {
        let by = Uploader::person(uid);
        if file.size > 0 {
            let id = self.create(&by, file).await?;
            return self.progress(uid, id).await;
        }
        match self.bring(&by, file).await? {
            Start::Upload(upload) => upload.finish().await,
            Start::Done { done, .. } => Ok(done),
        }
    }

    /// Begins an upload whose bytes come with its announcement.
    ///
    /// # Errors
    /// As [`announce`](Self::announce).
    pub async fn bring(self: &Arc<Self>, by: &Uploader, file: &Announced) -> Result<Start> {
        let uid = by.uid;
        let slot = self.slot(uid)?;
        let id = self.create(by, file).await?;
        let begun = self.start(uid, id, 0, slot).await;
        if begun.is_err() {
            // Nobody knows its id, so nobody goes on with it.
            let _ = self.give_up(uid, id).await;
        }
        begun
    }

    /// Gives a file its row, if there is place for it.
    async fn create(&self, by: &Uploader, file: &Announced) -> Result<FileId> {
        let most = self.size_max();
        if file.size > most {
            return Err(too_large(most));
        }
        self.prepare().await?;
        let disk = self.disk.clone();
        let free = tokio::task::spawn_blocking(move || disk.free());
        let free = free.await.map_err(Error::internal)?;
        let (id, name) = (FileId(random::bytes()?), name::safe(&file.name));
        let new = NewFile {
            id,
            owner: by.uid,
            sharers: &by.sharers,
            name: &name,
            media_type: &file.media_type,
            size: file.size,
            keeps_metadata: file.keeps_metadata,
        };
        let _turn = self.announcements.take(by.uid).await?;
        self.store.create_file(&new, self.quotas(), free).await?;
        crash_point("announced");
        Ok(id)
    }

    /// How far an upload of somebody is that is in no message.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn progress(&self, uid: Uid, id: FileId) -> Result<Uploaded> {
        let incoming = self.incoming.hold(id);
        // While it is completed this waits, and the row says how far it is only then.
        let place = incoming.arriving.lock().await;
        let row = self.unsent(uid, id).await?;
        if let Some(Arriving { arrival, file, .. }) = &*place {
            return Ok(Uploaded { file: file.clone(), offset: arrival.length(), complete: false });
        }
        Ok(uploaded(row))
    }

    /// Gives up an upload, or a file that is in no message.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn give_up(&self, uid: Uid, id: FileId) -> Result<()> {
        if self.store.give_up_file(id, uid).await? { Ok(()) } else { Err(no_upload()) }
    }

    /// Takes over an upload at this place, which must be where it is.
    ///
    /// # Errors
    /// `not_found`, `wrong_offset`, `rate_limited`, `disk_full`, `unavailable`.
    pub async fn upload(self: &Arc<Self>, uid: Uid, id: FileId, offset: u64) -> Result<Start> {
        let slot = self.slot(uid)?;
        self.start(uid, id, offset, slot).await
    }

    async fn start(
        self: &Arc<Self>,
        uid: Uid,
        id: FileId,
        offset: u64,
        slot: Slot,
    ) -> Result<Start> {
        self.prepare().await?;
        let begun = self.begin(uid, id, offset, slot).await;
        if !matches!(begun, Ok(Start::Upload(_))) {
            self.counts.refused.inc();
        }
        begun
    }

    async fn begin(
        self: &Arc<Self>,
        uid: Uid,
        id: FileId,
        offset: u64,
        slot: Slot,
    ) -> Result<Start> {
        let incoming = self.incoming.hold(id);
        let mut place = incoming.arriving.lock().await;
        let row = self.unsent(uid, id).await?;
        if place.is_none() {
            if row.state == FileState::Complete {
                let may_be_smaller = may_be_smaller(&row);
                return done_at(uploaded(row), offset, may_be_smaller);
            }
            // A crash may have come between its name and its row.
            if self.disk.is_settled(id) {
                let done = self.complete(&row.file, metadata(&row), 0).await?;
                return done_at(done, offset, may_be_smaller(&row));
            }
            let arrival = self.resume(&row).await?;
            let metadata = metadata(&row);
            *place = Some(Arriving { arrival, file: row.file, metadata, noted: row.received });
        }
        let (length, size) = match &*place {
            Some(Arriving { arrival, file, .. }) => (arrival.length(), file.size),
            None => return Err(no_upload()),
        };
        if length != offset {
            return Err(wrong_offset(length));
        }
        let number = incoming.number.fetch_add(1, Ordering::Relaxed) + 1;
        let changes = incoming.changed.subscribe();
        incoming.changed.send_replace(());
        drop(place);
        let (files, rest) = (self.clone(), size - length);
        let mut upload = Upload { files, id, incoming, number, changes, size, rest, slot };
        upload.changes.mark_unchanged();
        Ok(Start::Upload(upload))
    }

    /// What is known to be there of a file. If the disk has lost that, and does not only refuse it now, it begins anew.
    async fn resume(&self, row: &FileRow) -> Result<Arrival> {
        let (id, received) = (row.file.id, row.received);
        if received == 0 || self.disk.has_arrived(id, received).await? {
            return self.disk.resume(id, received).await;
        }
        tracing::warn!(file = %id, "what had arrived of a file is lost; it begins anew");
        let arrival = self.disk.resume(id, 0).await?;
        self.store.note_received(id, 0).await?;
        Ok(arrival)
    }

    /// A file of somebody that is in no message.
    async fn unsent(&self, uid: Uid, id: FileId) -> Result<FileRow> {
        let row = self.store.file(id).await?;
        let is_unsent = |row: &FileRow| {
            row.owner == uid && matches!(row.state, FileState::Arriving | FileState::Complete)
        };
        row.filter(is_unsent).ok_or_else(no_upload)
    }

    fn slot(self: &Arc<Self>, uid: Uid) -> Result<Slot> {
        let mut slots = self.slots.lock_unpoisoned();
        let used = slots.entry(uid).or_default();
        if *used >= limits::ARRIVING {
            let text = "Too many of your uploads are under way. Wait for one of them.";
            return Err(Error::new(Code::RateLimited, text).retry_after(limits::RETRY_MS));
        }
        *used += 1;
        Ok(Slot { files: self.clone(), uid })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.files.slots.lock_unpoisoned();
        if let Some(used) = slots.get_mut(&self.uid) {
            *used -= 1;
            if *used == 0 {
                slots.remove(&self.uid);
            }
        }
    }
}

impl Upload {
    /// Which file it brings.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// Returns when another request has taken over.
    pub async fn taken_over(&mut self) {
        while self.is_mine() {
            if self.changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// How many bytes may still come.
    pub fn rest(&self) -> u64 {
        self.rest
    }

    /// The answer to more than that.
    pub fn too_many(&self) -> Error {
        too_many(self.size)
    }

    /// Writes the next piece.
    ///
    /// # Errors
    /// `wrong_offset` if another request has taken over, `too_large` for more than was announced, `disk_full`,
    /// `unavailable`.
    pub async fn write(&mut self, piece: Bytes) -> Result<()> {
        let mut place = self.incoming.arriving.lock().await;
        let Arriving { arrival, file, noted, .. } = self.mine(&mut place).await?;
        if arrival.length() + piece.len() as u64 > file.size {
            return Err(self.too_many());
        }
        self.files.counts.received_bytes.add(piece.len() as u64);
        arrival.write(piece).await?;
        if arrival.length() - *noted >= limits::CHECKPOINT && arrival.length() < file.size {
            *noted = self.files.note(arrival).await?;
        }
        Ok(())
    }

    /// The request has brought all that it wanted; how far the upload is.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn finish(self) -> Result<Uploaded> {
        let ended = self.end(true).await;
        self.leave().await;
        ended
    }

    /// The request was cut: what it has brought stays.
    pub async fn keep(self) {
        self.files.counts.interrupted.inc();
        if let Err(error) = self.end(false).await
            && !matches!(error.code(), Code::WrongOffset | Code::NotFound)
        {
            tracing::debug!(file = %self.id, ?error, "what arrived last of an upload is lost");
        }
        self.leave().await;
    }

    async fn end(&self, is_whole: bool) -> Result<Uploaded> {
        let mut place = self.incoming.arriving.lock().await;
        let Arriving { arrival, file, metadata, noted } = self.mine(&mut place).await?;
        if is_whole && arrival.length() == file.size {
            arrival.sync().await?;
            crash_point("synced");
            if self.files.disk.bucket().is_some() {
                // If the bucket is away, whoever tries again need not bring it all again.
                *noted = self.files.note(arrival).await?;
            }
            let completed = self.files.complete(file, *metadata, *noted).await;
            *place = None;
            return completed;
        }
        if arrival.length() != *noted {
            *noted = self.files.note(arrival).await?;
        }
        Ok(Uploaded { file: file.clone(), offset: *noted, complete: false })
    }

    /// The next request reads from the row how far the upload is.
    async fn leave(self) {
        let mut place = self.incoming.arriving.lock().await;
        if self.is_mine() {
            *place = None;
        }
    }

    async fn mine<'a>(
        &self,
        place: &'a mut MutexGuard<'_, Option<Arriving>>,
    ) -> Result<&'a mut Arriving> {
        let is_mine = self.is_mine();
        match place.as_mut() {
            Some(arriving) if is_mine => Ok(arriving),
            Some(arriving) => Err(wrong_offset(arriving.arrival.length())),
            None if is_mine => Err(no_upload()),
            // Whoever has taken over has ended meanwhile.
            None => {
                let row = self.files.unsent(self.slot.uid, self.id).await?;
                Err(wrong_offset(row.received))
            }
        }
    }

    fn is_mine(&self) -> bool {
        self.incoming.number.load(Ordering::Relaxed) == self.number
    }
}

impl Files {
    /// Makes what has arrived durable, and notes that; how much it is.
    async fn note(&self, arrival: &mut Arrival) -> Result<u64> {
        let length = arrival.sync().await?;
        crash_point("part synced");
        match self.store.note_received(arrival.id(), length).await? {
            true => Ok(length),
            // It was given up meanwhile.
            false => Err(no_upload()),
        }
    }
}

/// How far a file is by its row.
fn uploaded(row: FileRow) -> Uploaded {
    let complete = row.state == FileState::Complete;
    Uploaded { offset: row.received, complete, file: row.file }
}

/// Whether a picture keeps its metadata.
fn metadata(row: &FileRow) -> Metadata {
    if row.keeps_metadata { Metadata::Kept } else { Metadata::Removed }
}

/// Whether a file may have become smaller than it was announced.
fn may_be_smaller(row: &FileRow) -> bool {
    metadata(row) == Metadata::Removed && has_metadata(&row.file.media_type)
}

/// All of it is there: whoever goes on at its end has nothing to bring. Where that was announced to be, nobody knows any
/// more of what may have become smaller.
fn done_at(done: Uploaded, offset: u64, may_be_smaller: bool) -> Result<Start> {
    let is_end = offset == done.offset || (may_be_smaller && offset > done.offset);
    if is_end { Ok(Start::Done { done, may_be_smaller }) } else { Err(wrong_offset(done.offset)) }
}

impl Uploaded {
    /// The answer to more bytes than all of them.
    pub fn too_many(&self) -> Error {
        too_many(self.file.size)
    }
}

fn too_large(max: u64) -> Error {
    Error::with_detail(FileDetail::TooLarge { max })
}

fn too_many(max: u64) -> Error {
    Error::with_detail(FileDetail::TooMany { max })
}

fn wrong_offset(offset: u64) -> Error {
    Error::with_detail(FileDetail::WrongOffset { offset })
}

pub(super) fn no_upload() -> Error {
    Error::new(Code::NotFound, "There is no such upload.")
}
