//! An answer on its way: its head, and its body as fast as the client takes it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::metered::{Meter, Share};
use crate::base::error::Error;
use crate::base::limits::http2 as limits;
use crate::base::memory::{Holder, Kind, MemoryBudget};
use crate::http::buffered_socket::Disconnected;
use crate::http::exchange::source_failed;
use crate::http::listener_shared::ListenerShared;
use crate::http::options::Deadlines;
use crate::http::response::{Response, Streamed};

/// Fields that say something about a connection, which HTTP/2 does not know.
const OF_CONNECTIONS: [&str; 2] = ["Upgrade", "Connection"];

/// A part of a body in the queues of `h2`. When the last part is dropped, the body is sent or will never be.
pub(super) struct Chunk {
    bytes: Bytes,
    _last: Arc<oneshot::Sender<()>>,
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

/// The same answer with memory for its body, or one that says that there is none. What many answers share, such as a
/// file of the site, is not theirs.
pub(super) fn reserved(response: Response, holder: Holder, memory: &MemoryBudget) -> Response {
    let body = response.body();
    if body.len() <= limits::SMALL_ANSWER || response.is_holding() || !body.is_unique() {
        return response;
    }
    match memory.reserve(Kind::Answers, holder, body.len()) {
        Ok(reservation) => response.holding(reservation),
        Err(exhausted) => Response::error(&Error::from(exhausted)),
    }
}

/// Asks the client for the body.
pub(super) fn go_on(respond: &mut SendResponse<Chunk>) -> Result<(), Disconnected> {
    let mut head = http::Response::new(());
    *head.status_mut() = StatusCode::CONTINUE;
    respond.send_informational(head).map_err(|_| Disconnected)
}

/// Whether the client has taken its request back.
pub(super) async fn is_reset(respond: &mut SendResponse<Chunk>) -> bool {
    poll_fn(|context| Poll::Ready(respond.poll_reset(context).is_ready())).await
}

/// Sends an answer, and returns when the client has it, or takes too little of it: none for the deadline of a write, or
/// not all of it in a few times that. What is sent as it is read has time for each piece instead.
pub(super) async fn send(
    mut respond: SendResponse<Chunk>,
    mut response: Response,
    is_head: bool,
    shared: &ListenerShared,
    meter: &Arc<Mutex<Meter>>,
) {
    if response.status() == 101 {
        return respond.send_reset(Reason::HTTP_1_1_REQUIRED);
    }
    let Some(head) = head_of(&response) else { return respond.send_reset(Reason::INTERNAL_ERROR) };
    let has_body = !is_head && response.has_body();
    let streamed = response.take_streamed().filter(|body| has_body && body.length > 0);
    let body = if has_body { response.body().clone() } else { Bytes::new() };
    // An error: the client has taken the request back, or the connection is gone.
    let ends = body.is_empty() && streamed.is_none();
    let Ok(mut stream) = respond.send_response(head, ends) else { return };
    let sent = match streamed {
        Some(streamed) => {
            let share = Share::take(meter);
            Box::pin(send_streamed(&mut stream, streamed, shared, &share)).await
        }
        None if ends => Ok(()),
        None => {
            let most = shared.deadlines.write;
            send_body(&mut stream, body, most).await.ok_or(Reason::CANCEL)
        }
    };
    if let Err(reason) = sent {
        stream.send_reset(reason);
    }
}

fn head_of(response: &Response) -> Option<http::Response<()>> {
    let mut head = http::Response::new(());
    *head.status_mut() = StatusCode::from_u16(response.status()).ok()?;
    let mut fields = HeaderMap::new();
    response.for_each_field(|name, value| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            fields.append(name, value);
        }
    });
    OF_CONNECTIONS.iter().for_each(|name| drop(fields.remove(*name)));
    *head.headers_mut() = fields;
    Some(head)
}

/// `None` if the client takes it too slowly, or not at all.
async fn send_body(stream: &mut SendStream<Chunk>, body: Bytes, most: Duration) -> Option<()> {
    let last_by = Instant::now() + most * limits::WRITE_STRETCHES;
    let mut sending = Sending::new(stream, most);
    sending.send(body, End::OfBody, |late| late.is_none().then_some(last_by)).await?;
    sending.end(last_by.min(Instant::now() + most)).await
}

/// The reason to reset the stream if it was not sent whole.
async fn send_streamed(
    stream: &mut SendStream<Chunk>,
    mut body: Streamed,
    shared: &ListenerShared,
    share: &Share,
) -> Result<(), Reason> {
    let Deadlines { piece: most, write, .. } = shared.deadlines;
    let mut sending = Sending::new(stream, write);
    let gives_way = body.gives_way();
    let all = async {
        let failed = |error| {
            source_failed(error);
            Reason::INTERNAL_ERROR
        };
        while let Some(piece) = body.next().await.map_err(failed)? {
            let end = if body.length == 0 { End::OfBody } else { End::OfPiece };
            let began = Instant::now();
            // The line is shared. What is not taken while the line has space is behind a closed window.
            let by = |late: Option<Instant>| {
                let by = began + most * share.count();
                late.is_none_or(|since| share.was_blocked(since)).then_some(by)
            };
            sending.send(piece, end, by).await.ok_or(Reason::CANCEL)?;
        }
        sending.end(Instant::now() + most * share.count()).await.ok_or(Reason::CANCEL)
    };
    tokio::select! {
        sent = all => sent,
        () = gives_way => Err(Reason::CANCEL),
        () = shared.must_end_downloads() => Err(Reason::CANCEL),
    }
}

/// What ends with the bytes that are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    OfPiece,
    OfBody,
}

/// A body on its way.
struct Sending<'a> {
    stream: &'a mut SendStream<Chunk>,
    /// Until the client takes some of it.
    most: Duration,
    /// Dropped when all chunks are.
    last: Arc<oneshot::Sender<()>>,
    sent: oneshot::Receiver<()>,
}

impl<'a> Sending<'a> {
    fn new(stream: &'a mut SendStream<Chunk>, most: Duration) -> Self {
        let (last, sent) = oneshot::channel();
        Self { stream, most, last: Arc::new(last), sent }
    }

    /// Gives bytes to `h2` as it takes them. `by` says until when it may take all of them; if it has taken none for too
    /// long, `by` gets since when, and may end it.
    async fn send(
        &mut self,
        mut bytes: Bytes,
        end: End,
        by: impl Fn(Option<Instant>) -> Option<Instant>,
    ) -> Option<()> {
        while !bytes.is_empty() {
            self.stream.reserve_capacity(bytes.len());
            let granted = self.granted(&by).await?;
            let chunk = bytes.split_to(granted.min(bytes.len()));
            let is_last = end == End::OfBody && bytes.is_empty();
            let chunk = Chunk { bytes: chunk, _last: self.last.clone() };
            self.stream.send_data(chunk, is_last).ok()?;
        }
        Some(())
    }

    /// How many bytes `h2` takes.
    async fn granted(&mut self, by: impl Fn(Option<Instant>) -> Option<Instant>) -> Option<usize> {
        let mut late = None;
        loop {
            let now = Instant::now();
            let last_by = by(late).filter(|by| *by > now)?;
            let granted = poll_fn(|context| self.stream.poll_capacity(context));
            match timeout_at(last_by.min(now + self.most), granted).await {
                Ok(granted) => return granted?.ok(),
                Err(_) => late = Some(now),
            }
        }
    }

    /// Returns when all of it has left. Until then the bytes are held, and the request counts.
    async fn end(self, by: Instant) -> Option<()> {
        drop(self.last);
        timeout_at(by, self.sent).await.ok().map(drop)
    }
}
