//! An answer on its way: its head, and its body as fast as the client takes it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::base::error::Error;
use crate::base::limits::http2 as limits;
use crate::base::memory::{Holder, Kind, MemoryBudget};
use crate::http::buffered_socket::Disconnected;
use crate::http::response::Response;

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

/// Sends an answer, and returns when the client has it, or takes too little of it: none for `most`, or not all of it in a
/// few times that.
pub(super) async fn send(
    mut respond: SendResponse<Chunk>,
    response: Response,
    is_head: bool,
    most: Duration,
) {
    if response.status() == 101 {
        return respond.send_reset(Reason::HTTP_1_1_REQUIRED);
    }
    let Some(head) = head_of(&response) else { return respond.send_reset(Reason::INTERNAL_ERROR) };
    let body = if is_head || !response.has_body() { Bytes::new() } else { response.body().clone() };
    // An error: the client has taken the request back, or the connection is gone.
    let Ok(mut stream) = respond.send_response(head, body.is_empty()) else { return };
    if !body.is_empty() && send_body(&mut stream, body, most).await.is_none() {
        stream.send_reset(Reason::CANCEL);
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
async fn send_body(stream: &mut SendStream<Chunk>, mut body: Bytes, most: Duration) -> Option<()> {
    let last_by = Instant::now() + most * limits::WRITE_STRETCHES;
    let next_by = || last_by.min(Instant::now() + most);
    let (last, sent) = oneshot::channel::<()>();
    let last = Arc::new(last);
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let granted = poll_fn(|context| stream.poll_capacity(context));
        let granted = timeout_at(next_by(), granted).await.ok()??.ok()?;
        let bytes = body.split_to(granted.min(body.len()));
        let chunk = Chunk { bytes, _last: last.clone() };
        stream.send_data(chunk, body.is_empty()).ok()?;
    }
    drop(last);
    // Until then the bytes are held, and the request counts.
    timeout_at(next_by(), sent).await.ok().map(drop)
}
