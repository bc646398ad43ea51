//! One request with its answer, as a task of its own. A handler that has begun runs to its end, also if the client takes
//! the request back: what it does must not be done by half.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Method, Request};
use tokio::time::{Instant, timeout_at};

use super::metered::{Meter, OwnWindow};
use super::request::head_of;
use super::response::{self, Chunk};
use crate::base::limits::{http as http_limits, http2 as limits};
use crate::base::lock::MutexExt as _;
use crate::base::memory::Holder;
use crate::http::body::{Progress, TOO_LARGE};
use crate::http::body_feed::BodyBytes;
use crate::http::body_reader::{BodyError, body_reader};
use crate::http::buffered_socket::Disconnected;
use crate::http::exchange::{
    BODY_TIMEOUT, BodyPlan, Exchange, RequestError, RequestMemory, charge,
};
use crate::http::head::Framing;
use crate::http::listener_shared::ListenerShared;
use crate::http::proxies::Transport;
use crate::http::refusal::Refusal;
use crate::http::request_limiter::Cost;
use crate::http::response::Response;

/// What answers one request.
pub(super) struct Stream {
    pub respond: SendResponse<Chunk>,
    pub peer: SocketAddr,
    pub shared: Arc<ListenerShared>,
    pub meter: Arc<Mutex<Meter>>,
    pub held: Held,
}

impl Stream {
    /// Serves the request to its end.
    pub async fn run(mut self, request: Request<RecvStream>) {
        let is_head = request.method() == Method::HEAD;
        let (response, holder) = match self.answer(request).await {
            Ok(answered) => answered,
            Err(RequestError::Disconnected) => return,
            Err(error) => match error.into_response() {
                Some(response) => {
                    self.shared.counters.count_status(response.status());
                    (response, Holder::of(self.peer))
                }
                None => return,
            },
        };
        let Self { respond, shared, meter, mut held, .. } = self;
        held.shrink(limits::STREAM);
        let response = response::reserved(response, holder, &shared.memory);
        response::send(respond, response, is_head, &shared, &meter).await;
    }

    /// The answer, and who is to have it.
    async fn answer(
        &mut self,
        request: Request<RecvStream>,
    ) -> Result<(Response, Holder), RequestError> {
        let shared = self.shared.clone();
        let (parts, mut body) = request.into_parts();
        let head = match head_of(parts, body.is_end_stream()) {
            Ok(head) => head,
            Err(refusal) => {
                // It costs as much as any small one.
                let client = self.peer.ip();
                let client = (!shared.trusted_proxies.contains(client)).then_some(client);
                charge(&shared, client, Cost::Light).await?;
                return Err(refusal.into());
            }
        };
        self.held.grow(head.size())?;
        let (framing, expects_continue) = (head.framing, head.expects_continue);
        let mut exchange = Exchange::new(&shared, head, self.peer, Transport::Tls);
        let limit = match exchange.body() {
            BodyPlan::Whole(limit) => limit as u64,
            BodyPlan::Streamed(limit) => limit,
        };
        if matches!(framing, Framing::Length(length) if length > limit) {
            return Err(TOO_LARGE.into());
        }
        exchange.admit().await?;
        let holder = Holder::of(exchange.client());
        let limit = match exchange.body() {
            BodyPlan::Whole(limit) => limit,
            BodyPlan::Streamed(limit) => {
                let answering = self.answer_streamed(exchange, body, limit, expects_continue);
                return Ok((Box::pin(answering).await?, holder));
            }
        };
        if expects_continue && framing != Framing::Length(0) {
            response::go_on(&mut self.respond)?;
        }
        let body = self.read_body(&mut body, limit).await?;
        // Nobody waits for the answer to a request that was taken back before it was read whole.
        if response::is_reset(&mut self.respond).await {
            return Err(RequestError::Disconnected);
        }
        Ok((exchange.answer(body).await?, holder))
    }

    /// The answer of a handler that reads the body.
    async fn answer_streamed(
        &mut self,
        mut exchange: Exchange<'_>,
        body: RecvStream,
        limit: u64,
        expects_continue: bool,
    ) -> Result<Response, RequestError> {
        self.held.grow(limits::UPLOAD_HELD)?;
        // Dropped after the body, of which nothing is left in `h2` then.
        let _window = OwnWindow::open(&self.meter);
        let speed = exchange.admit_upload().await?;
        let (feed, reader) = body_reader(exchange.length());
        let respond = expects_continue.then_some(&mut self.respond);
        let mut body = Incoming { body, respond, left: limit, frame: Bytes::new() };
        let mut answering = pin!(exchange.answer_streamed(reader));
        let (response, has_left) = tokio::select! {
            biased;
            response = &mut answering => (response, false),
            has_left = feed.run(&mut body, &speed, &self.shared) => (answering.await, has_left),
        };
        if has_left { Err(RequestError::Disconnected) } else { Ok(response) }
    }

    async fn read_body(
        &mut self,
        body: &mut RecvStream,
        limit: usize,
    ) -> Result<Bytes, RequestError> {
        let deadline = Instant::now() + self.shared.deadlines.body;
        let mut read = BytesMut::new();
        loop {
            let data = match timeout_at(deadline, body.data()).await {
                Err(_) => return Err(BODY_TIMEOUT.into()),
                Ok(None) => return Ok(read.freeze()),
                Ok(Some(Err(_))) => return Err(RequestError::Disconnected),
                Ok(Some(Ok(data))) => data,
            };
            if data.len() > limit.saturating_sub(read.len()) {
                return Err(TOO_LARGE.into());
            }
            self.held.grow(data.len())?;
            read.extend_from_slice(&data);
            // The client may send as much again.
            body.flow_control().release_capacity(data.len()).map_err(|_| Disconnected)?;
        }
    }
}

/// The body of a request that is being answered.
struct Incoming<'a> {
    body: RecvStream,
    /// Of a client that waits to be asked for the body.
    respond: Option<&'a mut SendResponse<Chunk>>,
    /// Bytes that it may still have.
    left: u64,
    /// What is left of a frame.
    frame: Bytes,
}

impl BodyBytes for Incoming<'_> {
    async fn begin(&mut self) -> Result<(), BodyError> {
        match self.respond.take().filter(|_| !self.body.is_end_stream()) {
            Some(respond) => response::go_on(respond).map_err(|_| BodyError::Gone),
            None => Ok(()),
        }
    }

    async fn more(&mut self, piece: &mut BytesMut) -> Result<Progress, BodyError> {
        if self.frame.is_empty() {
            self.frame = match self.body.data().await {
                None => return Ok(Progress::Done),
                Some(Err(_)) => return Err(BodyError::Gone),
                Some(Ok(frame)) => frame,
            };
            let left = self.left.checked_sub(self.frame.len() as u64);
            self.left = left.ok_or(BodyError::TooLarge)?;
        }
        let space = http_limits::PIECE.saturating_sub(piece.len());
        let bytes = self.frame.split_to(space.min(self.frame.len()));
        piece.extend_from_slice(&bytes);
        // The client may send as much again.
        let released = self.body.flow_control().release_capacity(bytes.len());
        released.map(|()| Progress::More).map_err(|_| BodyError::Gone)
    }
}

/// The memory of all requests of one connection.
pub(super) struct StreamMemory(Arc<Mutex<Ledger>>);

struct Ledger {
    used: usize,
    memory: RequestMemory,
}

/// What one request holds of it; given back when dropped.
pub(super) struct Held {
    bytes: usize,
    ledger: Arc<Mutex<Ledger>>,
}

impl StreamMemory {
    pub fn new(shared: &ListenerShared, peer: SocketAddr) -> Self {
        let memory = RequestMemory::new(shared, peer, limits::UNACCOUNTED);
        Self(Arc::new(Mutex::new(Ledger { used: 0, memory })))
    }

    /// Memory for one stream, if there is some.
    pub fn hold(&self) -> Option<Held> {
        let mut held = Held { bytes: 0, ledger: self.0.clone() };
        held.grow(limits::STREAM).ok().map(|()| held)
    }
}

impl Held {
    /// So many bytes more.
    ///
    /// # Errors
    /// There is no memory for them.
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let mut ledger = self.ledger.lock_unpoisoned();
        let used = ledger.used + bytes;
        ledger.memory.set(used)?;
        ledger.used = used;
        self.bytes += bytes;
        Ok(())
    }

    /// At most so many bytes.
    fn shrink(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        let mut ledger = self.ledger.lock_unpoisoned();
        let used = ledger.used.saturating_sub(less);
        ledger.used = used;
        // Less is always there.
        let _ = ledger.memory.set(used);
        self.bytes -= less;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink(0);
    }
}
