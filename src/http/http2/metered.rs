//! A connection's stream of bytes as `h2` gets it: counted, in turns with other connections, and ended with a
//! lingering read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::frames::{Frame, FrameScanner, Kind};
use crate::base::limits::http as http_limits;
use crate::base::limits::{Rate, http2 as limits};
use crate::base::lock::MutexExt as _;
use crate::base::token_bucket::TokenBucket;

/// What the stream knows and the connection acts upon.
pub(super) struct Meter {
    began: Instant,
    scanner: FrameScanner,
    frames: TokenBucket,
    resets: TokenBucket,
    /// Bytes written that no frame was earned for.
    written: usize,
    /// Bytes that are still read in this turn.
    turn: usize,
    /// The client has sent more than it may.
    pub is_flooded: bool,
    /// Since when a frame, or a head, is incomplete.
    pub partial_since: Option<Instant>,
    /// Since when the client takes nothing.
    pub blocked_since: Option<Instant>,
    /// When it last took less than there was.
    blocked_at: Option<Instant>,
    /// Bodies that are read piece by piece.
    streamed: u32,
    /// Answers that are sent as they are read.
    sending: u32,
    /// The connection, which has to know when that changes.
    waker: Option<Waker>,
}

impl Meter {
    pub fn new() -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            began: Instant::now(),
            scanner: FrameScanner::new(),
            frames: TokenBucket::default(),
            resets: TokenBucket::default(),
            written: 0,
            turn: limits::TURN,
            is_flooded: false,
            partial_since: None,
            blocked_since: None,
            blocked_at: None,
            streamed: 0,
            sending: 0,
            waker: None,
        }))
    }

    /// Others were served meanwhile. How many bytes the client may send before they are read, on all streams together;
    /// the task is woken when that changes.
    pub fn begin_turn(&mut self, context: &Context<'_>) -> u32 {
        self.turn = limits::TURN;
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
        limits::CONNECTION_WINDOW + self.streamed * limits::STREAM_WINDOW
    }

    /// What was read is a request, which is charged as one.
    pub fn note_served(&self) {
        self.frames.give_back(limits::FRAMES, 1.0);
    }

    /// What was read is a request beyond what the client may have at once.
    pub fn note_refused(&mut self) {
        self.is_flooded |= self.resets.take(limits::RESETS, 1.0, self.now_us()).is_err();
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn note_read(&mut self, bytes: &[u8]) {
        self.turn = self.turn.saturating_sub(bytes.len());
        let now_us = self.now_us();
        let (frames, resets, mut is_flooded) = (&self.frames, &self.resets, false);
        let was_complete = self.scanner.scan(bytes, |frame| {
            let (bucket, rate): (_, Rate) = match frame.kind {
                Kind::Reset => (resets, limits::RESETS),
                // `h2` bounds how many there are of one head.
                Kind::Continuation => return,
                Kind::Data if !is_small(frame) => return,
                // A head is given back when it is that of a request.
                Kind::Data | Kind::Headers | Kind::Other => (frames, limits::FRAMES),
            };
            is_flooded |= bucket.take(rate, 1.0, now_us).is_err();
        });
        self.is_flooded |= is_flooded;
        self.partial_since = match self.partial_since {
            _ if self.scanner.is_complete() => None,
            Some(since) if !was_complete => Some(since),
            _ => Some(Instant::now()),
        };
    }

    fn note_written(&mut self, bytes: usize) {
        self.blocked_since = None;
        self.written += bytes;
        let earned = self.written / limits::FRAME_EARNED;
        if earned > 0 {
            self.written %= limits::FRAME_EARNED;
            self.frames.give_back(limits::FRAMES, earned as f64);
        }
    }

    fn note_blocked(&mut self) {
        let now = Instant::now();
        self.blocked_since.get_or_insert(now);
        self.blocked_at = Some(now);
    }
}

/// A window of the connection for one body that is read piece by piece, so that it does not stop the others if nobody
/// reads it; closed when dropped.
pub(super) struct OwnWindow(Arc<Mutex<Meter>>);

impl OwnWindow {
    pub fn open(meter: &Arc<Mutex<Meter>>) -> Self {
        let mut counted = meter.lock_unpoisoned();
        counted.streamed += 1;
        if let Some(waker) = counted.waker.take() {
            waker.wake();
        }
        Self(meter.clone())
    }
}

impl Drop for OwnWindow {
    fn drop(&mut self) {
        let mut counted = self.0.lock_unpoisoned();
        counted.streamed = counted.streamed.saturating_sub(1);
        if let Some(waker) = counted.waker.take() {
            waker.wake();
        }
    }
}

/// One of the answers that share a connection while they are sent as they are read.
pub(super) struct Share(Arc<Mutex<Meter>>);

impl Share {
    pub fn take(meter: &Arc<Mutex<Meter>>) -> Self {
        meter.lock_unpoisoned().sending += 1;
        Self(meter.clone())
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0.lock_unpoisoned().sending
    }

    /// Whether the client has taken less than there was of all of them at some time since then.
    pub fn was_blocked(&self, since: Instant) -> bool {
        self.0.lock_unpoisoned().blocked_at.is_some_and(|at| at >= since)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counted = self.0.lock_unpoisoned();
        counted.sending = counted.sending.saturating_sub(1);
    }
}

/// So much work for so few bytes that its frame counts.
fn is_small(frame: Frame) -> bool {
    frame.length < limits::SMALL_DATA && !frame.ends_stream()
}

/// A stream whose bytes are counted.
pub(super) struct Metered<S> {
    stream: S,
    meter: Arc<Mutex<Meter>>,
    is_shut_down: bool,
}

impl<S> Metered<S> {
    pub fn new(stream: S, meter: Arc<Mutex<Meter>>) -> Self {
        Self { stream, meter, is_shut_down: false }
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock_unpoisoned()
    }

    fn note(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(bytes)) => self.meter().note_written(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.meter().note_blocked(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        {
            let meter = self.meter();
            if meter.is_flooded {
                // The connection sees it when this turn ends.
                return Poll::Pending;
            }
            if meter.turn == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.meter().note_read(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        match flushed {
            Poll::Ready(_) => self.meter().blocked_since = None,
            Poll::Pending => self.meter().note_blocked(),
        }
        flushed
    }

    /// Ends our side, and reads until the client ends its own: a close with unread input would reset the connection,
    /// and a reset overtakes what was written.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut_down {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.is_shut_down = true;
        }
        let mut scratch = [0; http_limits::LINGER_READ];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_share_a_connection_and_know_whether_it_was_full_since_they_waited() {
        let meter = Meter::new();
        let shares = [Share::take(&meter), Share::take(&meter)];
        let began = Instant::now();
        assert!(shares[0].count() == 2 && !shares[0].was_blocked(began));
        meter.lock_unpoisoned().note_blocked();
        meter.lock_unpoisoned().note_written(1);
        assert!(shares[0].was_blocked(began), "also if it goes on by now");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        assert!(!shares[0].was_blocked(Instant::now()));
        let [left, gone] = shares;
        drop(gone);
        assert_eq!(left.count(), 1);
    }

    #[tokio::test]
    async fn each_body_in_pieces_opens_the_connection_by_a_window_until_it_has_ended() {
        let meter = Meter::new();
        let context = Context::from_waker(Waker::noop());
        let window = || meter.lock_unpoisoned().begin_turn(&context);
        assert_eq!(window(), limits::CONNECTION_WINDOW);
        let own = [OwnWindow::open(&meter), OwnWindow::open(&meter)];
        assert_eq!(window(), limits::CONNECTION_WINDOW + 2 * limits::STREAM_WINDOW);
        drop(own);
        assert_eq!(window(), limits::CONNECTION_WINDOW);
    }
}
