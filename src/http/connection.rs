//! One connection: requests one after another, each with its deadlines, until one side closes.
//!
//! Whatever is there, or fits, at the first try needs no wait. What a wait needs is boxed and no part of
//! the connection's task, which is copied twice.
//!
//! Deadlines cover the whole head and the whole body, not one read, so a client that sends a byte a
//! minute gets nowhere. An idle connection holds no buffer. Every close is preceded by a shutdown and a
//! short lingering read (`close.rs`).

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

use super::admission::ConnectionPermit;
use super::body::{Body, Decoder, Progress};
use super::body_feed::BodyBytes;
use super::body_reader::{BodyError, body_reader};
use super::buffered_socket::{BufferedSocket, Disconnected};
use super::exchange::{
    BODY_TIMEOUT, BodyPlan, Exchange, HEAD_TIMEOUT, RequestError, RequestMemory, source_failed,
};
use super::head::{Head, HeadParser};
use super::listener_shared::ListenerShared;
use super::options::Deadlines;
use super::refusal::Refusal;
use super::response::{Response, Streamed};
use super::socket::Socket;
use crate::base::limits::http as limits;

/// Asks the client for the body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub(super) struct Connection {
    socket: BufferedSocket,
    peer: SocketAddr,
    shared: Arc<ListenerShared>,
    permit: ConnectionPermit,
    /// When the first head must be complete; nothing after it.
    first_by: Option<Instant>,
    memory: RequestMemory,
}

/// The answer to a request, and how it is sent.
struct Answer {
    response: Response,
    is_head: bool,
    may_keep: bool,
}

impl Connection {
    pub fn new(
        socket: Socket,
        peer: SocketAddr,
        shared: Arc<ListenerShared>,
        permit: ConnectionPermit,
    ) -> Self {
        let first_by = Some(Instant::now() + shared.deadlines.head);
        let socket = BufferedSocket::new(socket);
        let memory = RequestMemory::new(&shared, peer, limits::UNACCOUNTED);
        Self { socket, peer, shared, permit, first_by, memory }
    }

    /// Serves until the end.
    pub async fn run(mut self) {
        loop {
            if self.wait_for_input().await.is_err() {
                return;
            }
            let Answer { mut response, is_head, may_keep } = match self.answer_request().await {
                Ok(answer) => answer,
                Err(error) => return Box::pin(self.refuse(error)).await,
            };
            self.memory.clear();
            if let Some(take) = response.take_upgrade() {
                let (socket, input) = self.socket.into_parts();
                return take(socket, input);
            }
            let keep = may_keep && !*self.shared.stop.borrow() && !self.permit.is_wanted();
            if self.write(&response.encode(keep, is_head)).await.is_err() {
                return;
            }
            let streamed = response.take_streamed().filter(|_| !is_head);
            if let Some(streamed) = streamed
                && Box::pin(self.send(streamed)).await.is_err()
            {
                return self.socket.abort();
            }
            // The close may take a while: what the response holds is released before it.
            drop(response);
            if !keep {
                return Box::pin(self.close()).await;
            }
            self.first_by = None;
            // Neither reading nor answering needs a wait. Without this, a client that sends requests
            // without waiting for the answers would keep this thread from all others.
            tokio::task::yield_now().await;
        }
    }

    /// Between requests: without a buffer, until the first bytes come.
    async fn wait_for_input(&mut self) -> Result<(), Disconnected> {
        if !self.socket.input.is_empty() || self.socket.read_now()? {
            return Ok(());
        }
        self.socket.input = Box::pin(self.idle()).await?;
        Ok(())
    }

    async fn idle(&mut self) -> Result<BytesMut, Disconnected> {
        let by = self.first_by.unwrap_or_else(|| Instant::now() + self.shared.deadlines.idle);
        self.permit.set_idle();
        let input = tokio::select! {
            first = timeout_at(by, self.socket.first_bytes()) => match first {
                Ok(Ok(input)) => Ok(input),
                _ => Err(Disconnected),
            },
            () = self.permit.evicted() => Err(Disconnected),
            () = self.shared.stopped() => Err(Disconnected),
        };
        if self.permit.set_busy() { input } else { Err(Disconnected) }
    }

    async fn answer_request(&mut self) -> Result<Answer, RequestError> {
        let head = self.read_head().await?;
        let shared = self.shared.clone();
        let mut exchange = Exchange::new(&shared, head, self.peer, shared.transport());
        let head = exchange.head();
        let (is_head, may_keep) = (head.method.as_str() == "HEAD", head.keep_alive);
        let (framing, expects_continue) = (head.framing, head.expects_continue);
        let limit = match exchange.body() {
            BodyPlan::Whole(limit) => limit,
            BodyPlan::Streamed(limit) => {
                let decoder = Decoder::new(framing, limit)?;
                let (response, is_complete) =
                    Box::pin(self.answer_streamed(exchange, decoder)).await?;
                return Ok(Answer { response, is_head, may_keep: may_keep && is_complete });
            }
        };
        let body = Body::new(framing, limit)?;
        exchange.admit().await?;
        let body = self.read_body(body, expects_continue).await?;
        let response = exchange.answer(body).await?;
        Ok(Answer { response, is_head, may_keep })
    }

    /// The answer of a handler that reads the body, and whether nothing of the body is still to come.
    async fn answer_streamed(
        &mut self,
        mut exchange: Exchange<'_>,
        decoder: Decoder,
    ) -> Result<(Response, bool), RequestError> {
        exchange.admit().await?;
        let speed = exchange.admit_upload().await?;
        self.memory.set(limits::UPLOAD_HELD)?;
        let (feed, reader) = body_reader(exchange.length());
        let needs_continue = exchange.head().expects_continue;
        let write_deadline = self.shared.deadlines.write;
        let mut body =
            Incoming { socket: &mut self.socket, decoder, needs_continue, write_deadline };
        let mut answering = pin!(exchange.answer_streamed(reader));
        let (response, has_left) = tokio::select! {
            biased;
            response = &mut answering => (response, false),
            has_left = feed.run(&mut body, &speed, &self.shared) => (answering.await, has_left),
        };
        if has_left {
            return Err(RequestError::Disconnected);
        }
        Ok((response, body.is_complete()))
    }

    /// Sends the body of an answer as it is read.
    ///
    /// # Errors
    /// It cannot be sent whole: nobody takes it, its source fails, it gives way, or the server stops.
    async fn send(&mut self, mut body: Streamed) -> Result<(), Disconnected> {
        let shared = self.shared.clone();
        let Deadlines { piece: most, write, .. } = shared.deadlines;
        let gives_way = body.gives_way();
        self.socket.limit_unsent(limits::STREAMED_UNSENT);
        let sending = async {
            while let Some(piece) = body.next().await.map_err(source_failed)? {
                self.socket.write_piece(&piece, write, Instant::now() + most).await?;
            }
            self.socket.flush(most).await
        };
        tokio::select! {
            sent = sending => sent?,
            () = gives_way => return Err(Disconnected),
            () = shared.must_end_downloads() => return Err(Disconnected),
        }
        self.socket.limit_unsent(limits::UNSENT);
        Ok(())
    }

    async fn read_head(&mut self) -> Result<Head, RequestError> {
        let mut parser = HeadParser::default();
        match self.parse_head(&mut parser)? {
            Some(head) => Ok(head),
            None => Box::pin(self.rest_of_head(parser)).await,
        }
    }

    /// The head, if all of it is there. It is removed from the input.
    fn parse_head(&mut self, parser: &mut HeadParser) -> Result<Option<Head>, Refusal> {
        let Some((head, length)) = parser.parse(&self.socket.input)? else { return Ok(None) };
        let _ = self.socket.input.split_to(length);
        Ok(Some(head))
    }

    async fn rest_of_head(&mut self, mut parser: HeadParser) -> Result<Head, RequestError> {
        let deadline = Instant::now() + self.shared.deadlines.head;
        let deadline = self.first_by.unwrap_or(deadline);
        loop {
            match timeout_at(deadline, self.socket.read()).await {
                Ok(read) => read?,
                Err(_) => return Err(HEAD_TIMEOUT.into()),
            }
            self.account_for(0)?;
            if let Some(head) = self.parse_head(&mut parser)? {
                return Ok(head);
            }
        }
    }

    async fn read_body(
        &mut self,
        mut body: Body,
        expects_continue: bool,
    ) -> Result<Bytes, RequestError> {
        let needs_continue = expects_continue && self.socket.input.is_empty();
        match body.feed(&mut self.socket.input)? {
            Progress::Done => Ok(body.into_bytes()),
            Progress::More => {
                Box::pin(async {
                    let deadline = Instant::now() + self.shared.deadlines.body;
                    if needs_continue {
                        self.write(CONTINUE).await?;
                    }
                    self.rest_of_body(body, deadline).await
                })
                .await
            }
        }
    }

    async fn rest_of_body(
        &mut self,
        mut body: Body,
        deadline: Instant,
    ) -> Result<Bytes, RequestError> {
        loop {
            match timeout_at(deadline, self.socket.read()).await {
                Ok(read) => read?,
                Err(_) => return Err(BODY_TIMEOUT.into()),
            }
            self.account_for(body.len())?;
            match body.feed(&mut self.socket.input)? {
                Progress::Done => return Ok(body.into_bytes()),
                Progress::More => {}
            }
        }
    }

    /// Accounts for what has been read of the request: so much of its body, and what is not parsed.
    ///
    /// # Errors
    /// There is no memory for it.
    fn account_for(&mut self, body: usize) -> Result<(), Refusal> {
        self.memory.set(body + self.socket.input.len())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Disconnected> {
        self.socket.write(bytes, self.shared.deadlines.write).await
    }

    async fn refuse(mut self, error: RequestError) {
        if matches!(error, RequestError::Disconnected) {
            return;
        }
        let response = error.into_response();
        let written = match response {
            Some(response) => {
                self.shared.counters.count_status(response.status());
                self.write(&response.encode(false, false)).await
            }
            None => Ok(()),
        };
        if written.is_ok() {
            self.close().await;
        }
    }

    async fn close(mut self) {
        self.socket.linger(self.shared.deadlines.linger).await;
    }
}

/// The body of the request that is being answered.
struct Incoming<'a> {
    socket: &'a mut BufferedSocket,
    decoder: Decoder,
    /// The client waits to be asked for the body.
    needs_continue: bool,
    write_deadline: Duration,
}

impl Incoming<'_> {
    /// Whether all of it is there. What has come and nobody reads is dropped.
    fn is_complete(&mut self) -> bool {
        let mut unread = BytesMut::new();
        let progress = self.decoder.feed(&mut self.socket.input, &mut unread, usize::MAX);
        matches!(progress, Ok(Progress::Done))
    }
}

impl BodyBytes for Incoming<'_> {
    async fn begin(&mut self) -> Result<(), BodyError> {
        let is_here = !self.socket.input.is_empty() || self.decoder.is_done();
        if !self.needs_continue || is_here {
            return Ok(());
        }
        self.socket.write(CONTINUE, self.write_deadline).await.map_err(|_| BodyError::Gone)
    }

    async fn more(&mut self, piece: &mut BytesMut) -> Result<Progress, BodyError> {
        let before = piece.len();
        loop {
            match self.decoder.feed(&mut self.socket.input, piece, limits::PIECE)? {
                Progress::More if piece.len() == before => {}
                progress => return Ok(progress),
            }
            self.socket.read_piece().await.map_err(|_| BodyError::Gone)?;
        }
    }
}
