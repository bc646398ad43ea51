//! Answers that are sent as they are read: where their pieces come from.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::base::limits::http as limits;

/// A piece in the making; `None` at the end.
pub type NextPiece<'a> = Pin<Box<dyn Future<Output = io::Result<Option<Bytes>>> + Send + 'a>>;

/// The bytes of an answer, piece by piece, as its reader takes them. It is dropped when they are sent, or when nobody
/// takes them any longer.
pub trait Source: Send {
    /// The next piece, of 1 to [`DOWNLOAD_PIECE`](limits::DOWNLOAD_PIECE) bytes.
    fn next(&mut self) -> NextPiece<'_>;
}

/// Why a source gives no more although nothing has failed: its reader may not have it any longer.
#[derive(Debug)]
pub struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader may not have it any longer")
    }
}

impl std::error::Error for Withdrawn {}

/// A part of a file. It is read by blocking threads, so many pieces at a time over all files.
pub struct FileSource {
    file: Arc<File>,
    left: Range<u64>,
}

/// Reads at the same time. A disk that hangs takes no more threads than that from everybody else.
static READS: Semaphore = Semaphore::const_new(limits::FILE_READS);

impl FileSource {
    /// Those bytes of a file. One that is shorter fails when they are read.
    pub fn new(file: File, bytes: Range<u64>) -> Self {
        Self { file: Arc::new(file), left: bytes }
    }

    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        let Range { start, end } = self.left;
        let length = end.saturating_sub(start).min(limits::DOWNLOAD_PIECE as u64);
        if length == 0 {
            return Ok(None);
        }
        let file = self.file.clone();
        let permit = READS.acquire().await.map_err(io::Error::other)?;
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut piece, start).map(|()| piece)
        });
        let piece = reading.await.map_err(io::Error::other)??;
        self.left.start = start + length;
        Ok(Some(piece.into()))
    }
}

impl Source for FileSource {
    fn next(&mut self) -> NextPiece<'_> {
        Box::pin(self.read())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    fn source(length: usize, range: Range<u64>) -> FileSource {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&pattern(length)).unwrap();
        FileSource::new(file, range)
    }

    #[tokio::test]
    async fn a_part_of_a_file_comes_in_pieces_and_ends_exactly() {
        let length = 2 * limits::DOWNLOAD_PIECE + 100;
        for (start, end) in
            [(0, length), (0, 0), (7, 8), (limits::DOWNLOAD_PIECE - 1, length), (100, 100)]
        {
            let mut source = source(length, start as u64..end as u64);
            let mut read = Vec::new();
            while let Some(piece) = source.next().await.unwrap() {
                assert!((1..=limits::DOWNLOAD_PIECE).contains(&piece.len()));
                read.extend_from_slice(&piece);
            }
            assert_eq!(read, pattern(length)[start..end]);
        }
    }

    #[tokio::test]
    async fn so_many_pieces_are_read_at_the_same_time_and_the_next_one_waits() {
        let mut source = source(9, 0..9);
        let all = READS.acquire_many(limits::FILE_READS as u32).await.unwrap();
        let soon = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, source.next()).await.is_err());
        drop(all);
        assert_eq!(source.next().await.unwrap().unwrap(), pattern(9));
    }

    #[tokio::test]
    async fn a_file_that_is_too_short_fails_instead_of_ending() {
        let mut source = source(limits::DOWNLOAD_PIECE + 1, 0..limits::DOWNLOAD_PIECE as u64 + 2);
        assert_eq!(source.next().await.unwrap().unwrap().len(), limits::DOWNLOAD_PIECE);
        assert_eq!(source.next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
