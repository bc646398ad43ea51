//! Files in a bucket of a service that speaks the protocol of S3.
//!
//! A file goes there when it is whole, under a name that is never given twice, and is looked at before anybody is told
//! that it is there. A service that does not answer is left alone for a few seconds, so that nobody waits for it whom it
//! would only refuse.

use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _,
    PutMode, PutOptions, PutPayload, RetryConfig,
};
// It is what speaks TLS for `object_store`, which leaves that to its features.
use reqwest as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Rendition;
use super::refusal::Refusal;
use crate::base::error::{Code, Error, Result};
use crate::base::hex;
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use crate::base::limits::http::DOWNLOAD_PIECE;
use crate::base::lock::MutexExt as _;
use crate::base::random;
use crate::config::BucketPlace;

/// A bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<AmazonS3>,
    prefix: String,
    shown: Arc<str>,
    puts: Arc<Semaphore>,
    /// Until when it is left alone.
    away: Arc<Mutex<Option<Instant>>>,
}

/// What the service answered.
type Asked<T> = std::result::Result<T, Refusal>;

impl Bucket {
    /// A bucket at this place. Nobody is asked yet whether it is there.
    ///
    /// # Errors
    /// One sentence.
    pub fn open(place: &BucketPlace<'_>) -> std::result::Result<Self, String> {
        // The client takes the provider of the process, and there may be one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = ClientOptions::new()
            .with_allow_http(place.endpoint.starts_with("http://"))
            .with_http1_only()
            .with_connect_timeout(limits::BUCKET_CONNECT)
            // A reader may take its time. What we wait for is bounded below.
            .with_timeout_disabled()
            .with_read_timeout(limits::BUCKET_PART_TIME);
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: limits::BUCKET_RETRIES,
            retry_timeout: limits::BUCKET_ANSWER,
        };
        let store = AmazonS3Builder::new()
            .with_endpoint(place.endpoint)
            .with_bucket_name(place.bucket)
            .with_region(place.region)
            .with_access_key_id(place.key)
            .with_secret_access_key(place.secret)
            .with_virtual_hosted_style_request(false)
            .with_checksum_algorithm(Checksum::SHA256)
            .with_client_options(client)
            .with_retry(retry)
            .build()
            .map_err(|error| format!("--files-s3: {error}"))?;
        let slash = if place.prefix.is_empty() { "" } else { "/" };
        Ok(Self {
            store: Arc::new(store),
            prefix: format!("{}{slash}", place.prefix),
            shown: format!("{}/{}/{}", place.endpoint, place.bucket, place.prefix).into(),
            puts: Arc::new(Semaphore::new(limits::BUCKET_PUTS)),
            away: Arc::default(),
        })
    }

    /// Its address, for people.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The largest file that it takes.
    pub fn size_max(&self) -> u64 {
        limits::BUCKET_PART as u64 * limits::BUCKET_PARTS
    }

    /// Marks the bucket as that of a database, or makes sure that it is.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn prepare(&self, mark: [u8; 16]) -> Result<()> {
        let at = self.path("store-id");
        let wanted = Bytes::from(hex::encode(&mark));
        let put = self.create(&at, wanted.clone()).await;
        if !matches!(put, Err(Refusal::Exists)) {
            return put.map_err(unavailable);
        }
        let reading = async { self.store.get(&at).await?.bytes().await };
        match self.ask(limits::BUCKET_ANSWER, reading).await.map_err(unavailable)? {
            found if found == wanted => Ok(()),
            _ => Err(away(format!("{} has the files of another database", self.shown))),
        }
    }

    /// Writes, reads and erases something.
    ///
    /// # Errors
    /// One sentence: what does not work.
    pub async fn check(&self) -> std::result::Result<(), String> {
        let said = |what: &str, refusal: Refusal| format!("{what}: {}", refusal.cause());
        let name: [u8; 8] = random::bytes().map_err(|error| error.to_string())?;
        let (at, bytes) = (self.path(&format!("check-{}", hex::encode(&name))), &b"impulse"[..]);
        let put = self.create(&at, Bytes::from_static(bytes)).await;
        put.map_err(|refusal| said("it cannot be written to", refusal))?;
        let reading = async { self.store.get(&at).await?.bytes().await };
        let read = self.ask(limits::BUCKET_ANSWER, reading).await;
        let again = self.create(&at, Bytes::from_static(bytes)).await;
        let removed = self.ask(limits::BUCKET_ANSWER, self.store.delete(&at)).await;
        if read.map_err(|refusal| said("it cannot be read", refusal))? != bytes {
            return Err("it does not give back what was written".into());
        }
        if !matches!(again, Err(Refusal::Exists)) {
            return Err("it lets what is there be written over (If-None-Match)".into());
        }
        removed.map_err(|refusal| said("nothing can be erased", refusal))
    }

    /// Puts a whole file there. May be repeated. When this returns, it is there.
    ///
    /// # Errors
    /// `unavailable`; then it may or may not be there.
    pub async fn put(&self, id: FileId, form: Rendition, file: File) -> Result<()> {
        let _turn = self.puts.acquire().await.map_err(Error::internal)?;
        let size = file.metadata().map_err(Error::internal)?.len();
        let (at, file) = (self.object(id, form), Arc::new(file));
        match self.size(id, form).await {
            Ok(found) if found == size => return Ok(()),
            Ok(_) => return Err(away(format!("{at} is there with another size"))),
            Err(Refusal::NotFound) => {}
            Err(refusal) => return Err(unavailable(refusal)),
        }
        let sent = match size <= limits::BUCKET_PART as u64 {
            true => self.create(&at, part(&file, 0..size).await?).await,
            false => self.put_parts(&at, &file, size).await,
        };
        match sent {
            // Somebody else has just brought it.
            Ok(()) | Err(Refusal::Exists) => {}
            Err(refusal) => return Err(unavailable(refusal)),
        }
        // A service that answers nonsense must not make us erase the only copy.
        match self.size(id, form).await {
            Ok(found) if found == size => Ok(()),
            Ok(found) => Err(away(format!("{at} has {found} bytes and not {size}"))),
            Err(refusal) => Err(unavailable(refusal)),
        }
    }

    async fn create(&self, at: &Path, bytes: Bytes) -> Asked<()> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let putting = self.store.put_opts(at, PutPayload::from_bytes(bytes), options);
        self.ask(limits::BUCKET_PART_TIME, putting).await.map(drop)
    }

    async fn put_parts(&self, at: &Path, file: &Arc<File>, size: u64) -> Asked<()> {
        let mut upload = self.ask(limits::BUCKET_ANSWER, self.store.put_multipart(at)).await?;
        let parts = async {
            let mut from = 0;
            while from < size {
                let to = size.min(from + limits::BUCKET_PART as u64);
                let bytes = part(file, from..to).await.map_err(Refusal::Away)?;
                let putting = upload.put_part(PutPayload::from_bytes(bytes));
                self.ask(limits::BUCKET_PART_TIME, putting).await?;
                from = to;
            }
            self.ask(limits::BUCKET_PART_TIME, upload.complete()).await.map(drop)
        };
        let sent = parts.await;
        if sent.is_err() {
            // Parts that stay behind are nobody's; a rule of the bucket may remove them.
            let _ = timeout(limits::BUCKET_ANSWER, upload.abort()).await;
        }
        sent
    }

    /// How many bytes a file has in this form.
    ///
    /// # Errors
    /// That it is not there, or nobody answers.
    pub async fn size(&self, id: FileId, form: Rendition) -> Asked<u64> {
        let at = self.object(id, form);
        Ok(self.ask(limits::BUCKET_ANSWER, self.store.head(&at)).await?.size)
    }

    /// Some bytes of a file, as they are taken.
    pub fn read(&self, id: FileId, form: Rendition, bytes: Range<u64>) -> BucketReader {
        BucketReader {
            bucket: self.clone(),
            at: self.object(id, form),
            left: bytes,
            coming: None,
            piece: Bytes::new(),
        }
    }

    /// Erases a file in all its forms. May be repeated.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove(&self, id: FileId) -> Result<()> {
        for form in Rendition::ALL {
            let at = self.object(id, form);
            match self.ask(limits::BUCKET_ANSWER, self.store.delete(&at)).await {
                Ok(()) | Err(Refusal::NotFound) => {}
                Err(refusal) => return Err(unavailable(refusal)),
            }
        }
        Ok(())
    }

    /// Some of the files that are there, in all their forms and by name, behind this one. Other names are passed over.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self, after: Option<FileId>, most: usize) -> Result<Vec<FileId>> {
        let folder = self.path("files");
        let listed = async {
            let mut listing = match after {
                None => self.store.list(Some(&folder)),
                Some(id) => {
                    let start = self.path(&format!("files/{}", behind(id)));
                    self.store.list_with_offset(Some(&folder), &start)
                }
            };
            let mut found = Vec::new();
            while found.len() < most
                && let Some(object) = listing.next().await
            {
                let object = object?;
                let name = object.location.filename().unwrap_or_default();
                found.extend(super::sweep::id_of(name));
            }
            Ok(found)
        };
        self.ask(limits::BUCKET_PART_TIME, listed).await.map_err(unavailable)
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}{name}", self.prefix))
    }

    fn object(&self, id: FileId, form: Rendition) -> Path {
        self.path(&format!("files/{}{}", hex::encode(&id.0), form.suffix()))
    }

    /// Asks for something, and waits so long for the answer.
    async fn ask<T>(
        &self,
        within: Duration,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Asked<T> {
        let until = *self.away.lock_unpoisoned();
        if until.is_some_and(|until| Instant::now() < until) {
            return Err(Refusal::Away(away("it did not answer a moment ago".into())));
        }
        let cause = match timeout(within, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(object_store::Error::NotFound { .. })) => return Err(Refusal::NotFound),
            Ok(Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            )) => return Err(Refusal::Exists),
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        *self.away.lock_unpoisoned() = Some(Instant::now() + limits::BUCKET_PAUSE);
        Err(Refusal::Away(away(cause)))
    }
}

/// A part of a file, on its way.
pub struct BucketReader {
    bucket: Bucket,
    at: Path,
    left: Range<u64>,
    coming: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    /// What has come and was not taken.
    piece: Bytes,
}

impl std::fmt::Debug for BucketReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BucketReader({}, {:?})", self.at, self.left)
    }
}

impl BucketReader {
    /// The next bytes, at most [`DOWNLOAD_PIECE`] of them; nothing at the end.
    ///
    /// # Errors
    /// That they do not come, also if there are fewer than there should be.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        while self.piece.is_empty() {
            self.piece = self.come().await?;
        }
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let piece = self.piece.split_to(self.piece.len().min(left).min(DOWNLOAD_PIECE));
        self.left.start += piece.len() as u64;
        Ok(Some(piece))
    }

    async fn come(&mut self) -> io::Result<Bytes> {
        let failed = |refusal: Refusal| io::Error::other(refusal.cause());
        let coming = match &mut self.coming {
            Some(coming) => coming,
            none => {
                let range = Some(GetRange::Bounded(self.left.clone()));
                let options = GetOptions { range, ..GetOptions::default() };
                let getting = self.bucket.store.get_opts(&self.at, options);
                let got = self.bucket.ask(limits::BUCKET_ANSWER, getting).await;
                none.insert(got.map_err(failed)?.into_stream())
            }
        };
        match timeout(limits::BUCKET_PIECE, coming.next()).await? {
            Some(piece) => piece.map_err(io::Error::other),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// What is behind all names of a file, and before those of the next one. `~` would be written as `%7E`, which is before
/// `-480`.
fn behind(id: FileId) -> String {
    format!("{}z", hex::encode(&id.0))
}

/// Some bytes of a file on this machine.
async fn part(file: &Arc<File>, bytes: Range<u64>) -> Result<Bytes> {
    let file = file.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let length = usize::try_from(bytes.end - bytes.start).map_err(io::Error::other)?;
        let mut part = vec![0; length];
        file.read_exact_at(&mut part, bytes.start).map(|()| Bytes::from(part))
    });
    reading.await.map_err(Error::internal)?.map_err(super::refused)
}

fn unavailable(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Away(error) => error,
        other => away(other.cause()),
    }
}

/// The answer while the bucket cannot be used, for this reason.
fn away(cause: String) -> Error {
    tracing::warn!(cause, "the bucket for files is not available");
    let text = "The server cannot reach its storage for files right now. Nothing is lost.";
    Error::new(Code::Unavailable, text).retry_after(limits::RETRY_MS).because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_behind_all_forms_of_a_file_and_before_the_next_one() {
        let name = |id: FileId, form: Rendition| {
            Path::from(format!("files/{}{}", hex::encode(&id.0), form.suffix()))
        };
        let (id, next) = (FileId([0xff; 16]), FileId([0xfe; 16]));
        for form in Rendition::ALL {
            assert!(name(id, form) < Path::from(format!("files/{}", behind(id))));
            assert!(name(id, form) > Path::from(format!("files/{}", behind(next))));
        }
    }
}
