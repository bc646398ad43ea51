//! A file on its way to whoever reads it, as long as they may have it.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::auth::{Auth, Session};
use crate::base::error::Code;
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use crate::files::{BucketReader, KeptBytes};
use crate::http::{FileSource, NextPiece, Source, Withdrawn};
use crate::service::Files;

/// Its bytes, and what is looked at between them.
pub(super) struct Sent {
    bytes: SentBytes,
    files: Arc<Files>,
    auth: Arc<Auth>,
    session: Session,
    id: FileId,
    /// When the file was last found to be readable.
    looked: Instant,
}

enum SentBytes {
    Here(FileSource),
    There(BucketReader),
}

impl Sent {
    /// These bytes of a file that this session may read now.
    pub fn new(
        files: Arc<Files>,
        auth: Arc<Auth>,
        session: Session,
        id: FileId,
        bytes: KeptBytes,
    ) -> Self {
        let bytes = match bytes {
            KeptBytes::Here(file, range) => SentBytes::Here(FileSource::new(file, range)),
            KeptBytes::There(reader) => SentBytes::There(reader),
        };
        Self { bytes, files, auth, session, id, looked: Instant::now() }
    }

    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        if !self.auth.is_live(&self.session) {
            return Err(io::Error::other(Withdrawn));
        }
        if self.looked.elapsed() >= limits::LOOK {
            let found = self.files.readable(self.session.uid, self.id).await;
            // While the database is away nobody knows, and those who read go on.
            if found.is_err_and(|error| error.code() == Code::NotFound) {
                return Err(io::Error::other(Withdrawn));
            }
            self.looked = Instant::now();
        }
        match &mut self.bytes {
            SentBytes::Here(source) => source.next().await,
            SentBytes::There(reader) => reader.next().await,
        }
    }
}

impl Source for Sent {
    fn next(&mut self) -> NextPiece<'_> {
        Box::pin(self.read())
    }
}
