//! A body that its handler reads piece by piece, whatever protocol carries it.

use std::fmt;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::refusal::Refusal;
use crate::base::error::{Code, Error};

/// Why a body ends before its end. Nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It has more bytes than it may.
    #[error("the body is too large")]
    TooLarge,
    /// It breaks the protocol.
    #[error("the body is malformed")]
    Malformed,
    /// The client sends too little.
    #[error("the body takes too long")]
    TooSlow,
    /// The client has left, or has taken the request back.
    #[error("the client has left")]
    Gone,
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        let (code, sentence) = match error {
            BodyError::TooLarge => (Code::TooLarge, "The body is too large."),
            BodyError::Malformed => (Code::BadRequest, "The chunked body is malformed."),
            BodyError::TooSlow => (Code::Timeout, "The request body took too long."),
            BodyError::Gone => (Code::Unavailable, "The connection was cut."),
            BodyError::Stopping => (Code::Unavailable, "The server is stopping."),
        };
        Self::new(code, sentence).because(error)
    }
}

impl From<Refusal> for BodyError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Answer(413, _) => Self::TooLarge,
            Refusal::Answer(..) | Refusal::Silent => Self::Malformed,
        }
    }
}

/// A piece of a body, or nothing at its end.
pub(super) type Piece = Result<Option<Bytes>, BodyError>;

/// The body of a request, piece by piece. The client is asked for it with the first piece, and held back while the
/// handler does something else.
pub struct BodyReader {
    length: Option<u64>,
    /// Until the first piece is asked for.
    begin: Option<oneshot::Sender<()>>,
    pieces: mpsc::Receiver<Piece>,
    end: Option<Result<(), BodyError>>,
}

impl BodyReader {
    /// Bytes that the client says it has; it has as many, or ends with an error.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece, of 1 to [`PIECE`](crate::base::limits::http::PIECE) bytes; `None` when all of the body was there. A call that is
    /// given up loses nothing.
    ///
    /// # Errors
    /// The body ends before its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        if let Some(end) = self.end {
            return end.map(|()| None);
        }
        if let Some(begin) = self.begin.take() {
            let _ = begin.send(());
        }
        // Whoever reads the connection has ended without a word if there is nothing.
        let piece = self.pieces.recv().await.unwrap_or(Err(BodyError::Gone));
        self.end = match &piece {
            Ok(Some(_)) => None,
            Ok(None) => Some(Ok(())),
            Err(error) => Some(Err(*error)),
        };
        piece
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader").field("length", &self.length).finish_non_exhaustive()
    }
}

/// The other end of a [`BodyReader`], which the connection feeds.
pub(super) struct BodyFeed {
    /// The first piece was asked for.
    pub begun: oneshot::Receiver<()>,
    pub pieces: mpsc::Sender<Piece>,
}

/// A body of that length, if it is known, and what feeds it.
pub(super) fn body_reader(length: Option<u64>) -> (BodyFeed, BodyReader) {
    let (begin, begun) = oneshot::channel();
    let (feed, pieces) = mpsc::channel(1);
    (BodyFeed { begun, pieces: feed }, BodyReader { length, begin: Some(begin), pieces, end: None })
}
