//! One connection: requests one after another, each with its deadlines, until one side closes.
//!
//! Whatever is there, or fits, at the first try needs no wait. What a wait needs is boxed and no part of
//! the connection's task, which is copied twice.
//!
//! Deadlines cover the whole head and the whole body, not one read, so a client that sends a byte a
//! minute gets nowhere. An idle connection holds no buffer. Every close is preceded by a shutdown and a
//! short lingering read (`close.rs`).

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

use super::admission::ConnectionPermit;
use super::body::{Body, Progress};
use super::buffered_socket::{BufferedSocket, Disconnected};
use super::exchange::{BODY_TIMEOUT, Exchange, HEAD_TIMEOUT, RequestError, RequestMemory};
use super::head::{Head, HeadParser};
use super::listener_shared::ListenerShared;
use super::refusal::Refusal;
use super::response::Response;
use super::socket::Socket;
use crate::base::limits::http as limits;

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
        let expects_continue = head.expects_continue;
        let body = Body::new(head.framing, exchange.body_limit())?;
        exchange.admit().await?;
        let body = self.read_body(body, expects_continue).await?;
        let response = exchange.answer(body).await?;
        Ok(Answer { response, is_head, may_keep })
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
                        self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
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
