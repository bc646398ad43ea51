//! Work on the disk: on threads that may block, few at a time, and what it means for clients if it fails.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::base::error::{Code, Error, Result};
use crate::base::limits::files as limits;

/// The right to work on the disk.
#[derive(Debug, Clone)]
pub(super) struct Writers(Arc<Semaphore>);

impl Default for Writers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::WRITERS)))
    }
}

impl Writers {
    /// Does something on a thread that may block, when it is its turn.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.attempt(work).await?.map_err(refused)
    }

    /// The same for whoever says himself what is the matter.
    pub async fn attempt<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<io::Result<T>> {
        let permit = self.0.clone().acquire_owned().await.map_err(Error::internal)?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        working.await.map_err(Error::internal)
    }
}

/// Why the disk did not do something, for clients.
pub fn refused(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            tracing::warn!(%error, "the disk for files is full");
            disk_full()
        }
        _ => unavailable(error.to_string()),
    }
}

/// The answer while the disk is full.
pub fn disk_full() -> Error {
    let text = "The disk for files is full. Nothing is lost: go on when there is space again.";
    Error::new(Code::DiskFull, text)
}

/// The answer while the folder cannot be used, for this reason.
pub(super) fn unavailable(cause: String) -> Error {
    tracing::warn!(cause, "files are not available");
    unusable(cause)
}

/// The same for whoever says himself what is the matter.
pub(super) fn unusable(cause: String) -> Error {
    Error::new(Code::Unavailable, "The server cannot use its folder for files right now.")
        .retry_after(limits::RETRY_MS)
        .because(cause)
}
