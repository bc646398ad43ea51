//! Feeds a handler that reads a body piece by piece, whatever protocol carries it.
//!
//! A piece is read when the handler has taken the last one but one, so a client is held back by a handler that is slow.
//! It is handed over when it is full, or the body is at its end or cut: a client that sends single bytes costs its
//! handler no more than one that sends many. Two pieces are held at most, one here and one by the handler.

use std::pin::pin;

use bytes::BytesMut;
use tokio::time::{Instant, timeout_at};

use super::body::Progress;
use super::body_reader::{BodyError, BodyFeed};
use super::listener_shared::ListenerShared;
use super::transfers::Speed;
use crate::base::limits::http as limits;

/// The bytes of a body, as its protocol carries them.
pub(super) trait BodyBytes {
    /// Tells a client that waits for that to send the body.
    async fn begin(&mut self) -> Result<(), BodyError>;

    /// Adds more of the body to a piece that is not full, as soon as there is some. A call that is given up loses nothing.
    async fn more(&mut self, piece: &mut BytesMut) -> Result<Progress, BodyError>;
}

impl BodyFeed {
    /// Feeds the reader until the body ends or nobody reads it. Whether the client has left before.
    pub async fn run(
        self,
        bytes: &mut impl BodyBytes,
        speed: &Speed,
        shared: &ListenerShared,
    ) -> bool {
        let Self { begun, pieces } = self;
        if begun.await.is_err() {
            return false;
        }
        let mut end = bytes.begin().await.err().map(Err);
        loop {
            let Ok(place) = pieces.reserve().await else { return false };
            if let Some(end) = end {
                place.send(end.map(|()| None));
                return end == Err(BodyError::Gone);
            }
            let mut piece = BytesMut::new();
            end = fill(&mut piece, bytes, speed, shared).await;
            if !piece.is_empty() {
                place.send(Ok(Some(piece.freeze())));
            }
        }
    }
}

/// Fills a piece, and says how the body has ended if it has.
async fn fill(
    piece: &mut BytesMut,
    bytes: &mut impl BodyBytes,
    speed: &Speed,
    shared: &ListenerShared,
) -> Option<Result<(), BodyError>> {
    let by = Instant::now() + shared.deadlines.piece;
    let (mut stopped, mut gives_way) = (pin!(shared.stopped()), pin!(speed.gives_way()));
    while piece.len() < limits::PIECE {
        let before = piece.len();
        let more = tokio::select! {
            biased;
            () = &mut stopped => Err(BodyError::Stopping),
            () = &mut gives_way => Err(BodyError::TooSlow),
            more = timeout_at(by, bytes.more(piece)) => more.unwrap_or(Err(BodyError::TooSlow)),
        };
        speed.count(piece.len() - before);
        match more {
            Ok(Progress::More) => {}
            Ok(Progress::Done) => return Some(Ok(())),
            Err(error) => return Some(Err(error)),
        }
    }
    None
}
