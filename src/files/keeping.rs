//! Where whole files are: in the folder, or in a bucket if there is one. Then the folder has what is arriving, and what is
//! not in the bucket yet; what is in the folder is read from there.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::bucket::{Bucket, BucketReader};
use super::refusal::Refusal;
use super::{FileStore, Rendition, refused};
use crate::base::crash_point::crash_point;
use crate::base::error::{Error, Result};
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use crate::config::FileSettings;

/// A file where it is.
#[derive(Debug)]
pub enum Kept {
    /// In the folder.
    Here(File),
    /// In the bucket.
    There(Bucket, FileId, Rendition),
}

impl Kept {
    /// Its first bytes, which say what it is.
    ///
    /// # Errors
    /// That they cannot be had.
    pub async fn head(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Here(file) => {
                let mut head = vec![0; limits::HEAD];
                let file = file.try_clone()?;
                let reading = tokio::task::spawn_blocking(move || {
                    let read = file.read_at(&mut head, 0)?;
                    head.truncate(read);
                    Ok(head)
                });
                reading.await.map_err(io::Error::other)?
            }
            Self::There(bucket, id, form) => {
                let mut reader = bucket.read(*id, *form, 0..limits::HEAD as u64);
                Ok(reader.next().await?.unwrap_or_default().to_vec())
            }
        }
    }

    /// Some bytes of one in the bucket, or the file in the folder.
    pub fn bytes(self, range: Range<u64>) -> KeptBytes {
        match self {
            Self::Here(file) => KeptBytes::Here(file, range),
            Self::There(bucket, id, form) => KeptBytes::There(bucket.read(id, form, range)),
        }
    }
}

/// Some bytes of a file where it is.
#[derive(Debug)]
pub enum KeptBytes {
    /// These of a file in the folder.
    Here(File, Range<u64>),
    /// They come from the bucket.
    There(BucketReader),
}

impl FileStore {
    /// In this folder, and in the bucket that the settings name, if they name one.
    ///
    /// # Errors
    /// One sentence that names the setting.
    pub fn open(root: PathBuf, settings: &FileSettings) -> std::result::Result<Self, String> {
        let place = settings.place()?;
        let bucket = place.as_ref().map(Bucket::open).transpose()?;
        Ok(Self { bucket, ..Self::at(root) })
    }

    /// The bucket, if there is one.
    pub fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref()
    }

    /// A file in this form, and how many bytes it has.
    ///
    /// # Errors
    /// `NotFound` if it is nowhere; others say that it cannot be had now.
    pub async fn find(
        &self,
        id: FileId,
        form: Rendition,
    ) -> std::result::Result<(Kept, u64), Refusal> {
        let folder = self.clone();
        let opening = tokio::task::spawn_blocking(move || {
            let file = folder.open_here(id, form)?;
            let size = file.metadata()?.len();
            Ok((Kept::Here(file), size))
        });
        let opened: io::Result<_> =
            opening.await.map_err(|lost| Refusal::Away(Error::internal(lost)))?;
        match (opened, &self.bucket) {
            (Ok(found), _) => Ok(found),
            (Err(error), Some(bucket)) if error.kind() == ErrorKind::NotFound => {
                let size = bucket.size(id, form).await?;
                Ok((Kept::There(bucket.clone(), id, form), size))
            }
            (Err(error), None) if error.kind() == ErrorKind::NotFound => Err(Refusal::NotFound),
            (Err(error), _) => Err(Refusal::Away(refused(error))),
        }
    }

    /// Brings a file from the folder into the bucket, if there is one. The original comes last: where it is, there are all
    /// forms. May be repeated; the file stays in the folder, too, until it is [released](Self::release).
    ///
    /// # Errors
    /// `unavailable`; then it is still in the folder.
    pub async fn hand_over(&self, id: FileId) -> Result<()> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        for form in Rendition::ALL.into_iter().rev() {
            let folder = self.clone();
            let opening = tokio::task::spawn_blocking(move || folder.open_here(id, form));
            match opening.await.map_err(Error::internal)? {
                Ok(file) => bucket.put(id, form, file).await?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(refused(error)),
            }
            crash_point("put");
        }
        Ok(())
    }

    /// Erases a file in the folder that is in the bucket. If that fails, a sweep does it.
    pub async fn release(&self, id: FileId) {
        if self.bucket.is_none() {
            return;
        }
        if let Err(error) = self.remove_here(id).await {
            tracing::warn!(file = %id, ?error, "a file in the bucket is in the folder, too");
        }
    }

    /// Erases a file in all its forms, whole or not, wherever it is. May be repeated.
    ///
    /// # Errors
    /// `unavailable`; then some of it may still be there.
    pub async fn remove(&self, id: FileId) -> Result<()> {
        self.remove_here(id).await?;
        match &self.bucket {
            Some(bucket) => bucket.remove(id).await,
            None => Ok(()),
        }
    }
}
