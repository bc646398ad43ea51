//! One connection: requests one after another, each with its deadlines, until somebody closes.
//!
//! Whatever is there, or fits, at the first try needs no wait: no deadline, no epoll, and what a wait
//! would need is not part of the connection's task, which is copied twice.
//!
//! Deadlines cover the whole head and the whole body, not one read, so a client that sends a byte a
//! minute gets nowhere. An idle connection holds no buffer. Every close is preceded by a shutdown
//! and a short lingering read, because closing with unread input would reset the connection and
//! take the answer with it.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::body::{Body, Progress};
use super::clients::{Clients, Slots};
use super::counts::{Counts, Refused};
use super::doorman::Ticket;
use super::head::{Head, Refusal, Scan};
use super::listener::Deadlines;
use super::socket::Socket;
use super::{Place, Request, Response, Service};
use crate::base::error::{Code, Error};
use crate::base::limits::http as limits;
use crate::base::memory::{Holder, Kind, MemoryBudget, Reservation};

/// What ends a connection without an answer: the peer left, nothing came, the server stops.
struct Gone;

/// Why a request is not read to its end: the connection ends with the answer.
enum No {
    Refused(Refusal),
    NotAdmitted(Response),
}

const NO_MEMORY: Refusal = Refusal::Answer(503, "The server has too much to read right now.");

/// Bytes asked of the kernel at once.
const READ: usize = 8 * 1024;

/// What all connections of a listener share.
pub(super) struct House {
    pub service: Arc<dyn Service>,
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    pub stop: watch::Receiver<bool>,
    pub deadlines: Deadlines,
    pub counts: Arc<Counts>,
    pub clients: Arc<Clients>,
    pub memory: MemoryBudget,
    /// Gone when the last connection is.
    pub _alive: mpsc::Sender<()>,
}

pub(super) struct Connection {
    socket: Socket,
    peer: SocketAddr,
    house: Arc<House>,
    input: BytesMut,
    ticket: Ticket,
    /// When the first head must be complete; nothing after it.
    first_by: Option<Instant>,
    /// For a request that is larger than any connection may send.
    held: Option<Reservation>,
}

/// A request, and what it holds until it is answered.
struct Heard {
    request: Request,
    _place: Option<Place>,
    _slots: Slots,
}

impl Connection {
    pub fn new(socket: Socket, peer: SocketAddr, house: Arc<House>, ticket: Ticket) -> Self {
        let first_by = Some(Instant::now() + house.deadlines.head);
        Self { socket, peer, house, input: BytesMut::new(), ticket, first_by, held: None }
    }

    /// Serves until the end.
    pub async fn run(mut self) {
        loop {
            if self.wait_for_input().await.is_err() {
                return;
            }
            let Heard { request, _place, _slots } = match self.read_request().await {
                Ok(Ok(heard)) => heard,
                Ok(Err(refusal)) => return Box::pin(self.refuse(refusal)).await,
                Err(Gone) => return,
            };
            let is_head = request.head.method.as_str() == "HEAD";
            let may_keep = request.head.keep_alive;
            let began = Instant::now();
            let mut response = self.house.service.call(request).await;
            self.house.counts.answer(response.status(), began.elapsed());
            drop((_place, _slots));
            self.held = None;
            if let Some(take) = response.take_upgrade() {
                return take(self.socket, self.input.freeze());
            }
            let keep = may_keep && !*self.house.stop.borrow() && !self.ticket.is_wanted();
            if self.write(&response.encode(keep, is_head)).await.is_err() {
                return;
            }
            // What it holds is free again, however long the close takes.
            drop(response);
            if !keep {
                return Box::pin(self.close()).await;
            }
            self.first_by = None;
            // Neither reading nor answering needs a wait: without this, whoever sends requests without
            // waiting for the answers would keep this thread from everybody else.
            tokio::task::yield_now().await;
        }
    }

    /// Between requests: without a buffer, until the first bytes come.
    async fn wait_for_input(&mut self) -> Result<(), Gone> {
        if !self.input.is_empty() {
            return Ok(());
        }
        self.input = match self.socket.read_now().map_err(|_| Gone)? {
            Some(input) => input,
            None => Box::pin(self.idle()).await?,
        };
        Ok(())
    }

    async fn idle(&mut self) -> Result<BytesMut, Gone> {
        self.input = BytesMut::new();
        let by = self.first_by.unwrap_or_else(|| Instant::now() + self.house.deadlines.idle);
        let stream = self.socket.joined().map_err(|_| Gone)?;
        let mut stop = self.house.stop.clone();
        self.ticket.rest();
        let input = tokio::select! {
            first = timeout_at(by, first_bytes(stream)) => match first {
                Ok(Ok(input)) => Ok(input),
                _ => Err(Gone),
            },
            () = self.ticket.asked_to_leave() => Err(Gone),
            _ = stop.wait_for(|stop| *stop) => Err(Gone),
        };
        if self.ticket.work() { input } else { Err(Gone) }
    }

    async fn read_request(&mut self) -> Result<Result<Heard, No>, Gone> {
        let head = match self.read_head().await? {
            Ok(head) => head,
            Err(refusal) => return Ok(Err(No::Refused(refusal))),
        };
        let limit = self.house.service.body_limit(&head);
        let body = match Body::new(head.framing, limit) {
            Ok(body) => body,
            Err(refusal) => return Ok(Err(No::Refused(refusal))),
        };
        let expects_continue = head.expects_continue;
        let cost = self.house.service.cost(&head);
        let mut request = self.request(head, Bytes::new());
        let client = request.peer.ip();
        // Behind a proxy that does not say for whom it asks, everybody has its address.
        let is_proxy = self.house.trusted_proxies.contains(&client);
        if !is_proxy && let Err(wait) = self.house.clients.pay(client, cost) {
            return Ok(Err(No::NotAdmitted(Box::pin(self.too_many(wait)).await)));
        }
        let place = if limit > limits::BODY {
            match self.house.service.admit(&request).await {
                Ok(place) => Some(place),
                Err(response) => return Ok(Err(No::NotAdmitted(response))),
            }
        } else {
            None
        };
        match self.read_body(body, expects_continue).await? {
            Ok(body) => request.body = body,
            Err(refusal) => return Ok(Err(No::Refused(refusal))),
        }
        let slots = match is_proxy {
            true => Ok(Slots::default()),
            false => self.house.clients.enter(client, cost).await,
        };
        match slots {
            Ok(slots) => Ok(Ok(Heard { request, _place: place, _slots: slots })),
            Err(()) => Ok(Err(No::NotAdmitted(self.too_many_at_once()))),
        }
    }

    /// The answer to a client that asks for more than its rate, after a pause: whoever does not wait
    /// for answers is held back by its own connections.
    async fn too_many(&self, wait: Duration) -> Response {
        self.house.counts.refuse(Refused::Rate);
        let mut stop = self.house.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(wait.min(limits::RATE_PAUSE)) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        rate_limited("There are too many requests from your address.", wait)
    }

    fn too_many_at_once(&self) -> Response {
        self.house.counts.refuse(Refused::Rate);
        let sentence = "Too many requests from your address are being worked on.";
        rate_limited(sentence, limits::RATE_PAUSE)
    }

    async fn read_head(&mut self) -> Result<Result<Head, Refusal>, Gone> {
        let mut scan = Scan::default();
        match self.look(&mut scan) {
            Some(seen) => Ok(seen),
            None => Box::pin(self.rest_of_head(scan)).await,
        }
    }

    /// The head, if all of it is there, or why it is none.
    fn look(&mut self, scan: &mut Scan) -> Option<Result<Head, Refusal>> {
        let (head, length) = match scan.look(&self.input) {
            Ok(seen) => seen?,
            Err(refusal) => return Some(Err(refusal)),
        };
        let _ = self.input.split_to(length);
        Some(Ok(head))
    }

    async fn rest_of_head(&mut self, mut scan: Scan) -> Result<Result<Head, Refusal>, Gone> {
        let deadline = Instant::now() + self.house.deadlines.head;
        let deadline = self.first_by.unwrap_or(deadline);
        loop {
            match timeout_at(deadline, self.read()).await {
                Ok(read) => read?,
                Err(_) => return Ok(Err(Refusal::Answer(408, "The request head took too long."))),
            }
            if !self.accounts_for(0) {
                return Ok(Err(NO_MEMORY));
            }
            if let Some(seen) = self.look(&mut scan) {
                return Ok(seen);
            }
        }
    }

    async fn read_body(
        &mut self,
        mut body: Body,
        expects_continue: bool,
    ) -> Result<Result<Bytes, Refusal>, Gone> {
        let waits_for_us = expects_continue && self.input.is_empty();
        match body.feed(&mut self.input) {
            Ok(Progress::Done) => Ok(Ok(body.into_bytes())),
            Ok(Progress::More) => Box::pin(self.rest_of_body(body, waits_for_us)).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn rest_of_body(
        &mut self,
        mut body: Body,
        waits_for_us: bool,
    ) -> Result<Result<Bytes, Refusal>, Gone> {
        let deadline = Instant::now() + self.house.deadlines.body;
        if waits_for_us {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        loop {
            match timeout_at(deadline, self.read()).await {
                Ok(read) => read?,
                Err(_) => return Ok(Err(Refusal::Answer(408, "The request body took too long."))),
            }
            if !self.accounts_for(body.len()) {
                return Ok(Err(NO_MEMORY));
            }
            match body.feed(&mut self.input) {
                Ok(Progress::Done) => return Ok(Ok(body.into_bytes())),
                Ok(Progress::More) => {}
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    }

    /// Accounts for what has been read of the request: so much of its body, and what is not parsed. False:
    /// there is no memory for it.
    fn accounts_for(&mut self, body: usize) -> bool {
        let bytes = body + self.input.len();
        if bytes <= limits::UNACCOUNTED {
            return true;
        }
        // Not for each read anew.
        let bytes = bytes.next_multiple_of(limits::UNACCOUNTED);
        match &mut self.held {
            Some(held) => held.grow(bytes).is_ok(),
            None => {
                let holder = Holder::of(self.peer);
                self.held = self.house.memory.reserve(Kind::Requests, holder, bytes).ok();
                self.held.is_some()
            }
        }
    }

    async fn read(&mut self) -> Result<(), Gone> {
        self.input.reserve(READ);
        let stream = self.socket.joined().map_err(|_| Gone)?;
        match stream.read_buf(&mut self.input).await {
            Ok(0) | Err(_) => Err(Gone),
            Ok(_) => Ok(()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let written = self.socket.write_now(bytes).map_err(|_| Gone)?;
        match bytes.get(written..) {
            None | Some([]) => Ok(()),
            Some(rest) => Box::pin(self.write_rest(rest)).await,
        }
    }

    async fn write_rest(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let stream = self.socket.joined().map_err(|_| Gone)?;
        match timeout(self.house.deadlines.write, stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    fn request(&self, head: Head, body: Bytes) -> Request {
        let from_proxy = self.house.trusted_proxies.contains(&self.peer.ip());
        let peer = if from_proxy { self.forwarded_for(&head) } else { None };
        let proto = head.headers.all("x-forwarded-proto").last().unwrap_or_default();
        let secure = from_proxy && proto.rsplit(',').next().is_some_and(|p| p.trim() == "https");
        Request { peer: peer.unwrap_or(self.peer), secure, head, body }
    }

    /// The nearest address that is no proxy of ours; what stands before it anybody could have written.
    fn forwarded_for(&self, head: &Head) -> Option<SocketAddr> {
        let chain: Vec<&str> =
            head.headers.all("x-forwarded-for").flat_map(|list| list.split(',')).collect();
        let addresses = chain.iter().rev().map_while(|text| text.trim().parse::<IpAddr>().ok());
        let mut clients = addresses.filter(|address| !self.house.trusted_proxies.contains(address));
        clients.next().map(|address| SocketAddr::new(address, 0))
    }

    async fn refuse(mut self, no: No) {
        let response = match no {
            No::Refused(refusal) => Response::refusal(refusal),
            No::NotAdmitted(response) => Some(response),
        };
        let said = match response {
            Some(response) => {
                self.house.counts.refusal(response.status());
                self.write(&response.encode(false, false)).await
            }
            None => Ok(()),
        };
        if said.is_ok() {
            self.close().await;
        }
    }

    async fn close(mut self) {
        if let Ok(stream) = self.socket.joined() {
            linger(stream, self.house.deadlines.linger).await;
        }
    }
}

fn rate_limited(sentence: &'static str, wait: Duration) -> Response {
    let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    Response::error(&Error::new(Code::RateLimited, sentence).retry_after(wait))
}

/// What comes first; the buffer for it is made when something is there. An end is an error.
async fn first_bytes(stream: &TcpStream) -> std::io::Result<BytesMut> {
    loop {
        stream.readable().await?;
        let mut input = BytesMut::with_capacity(READ);
        match stream.try_read_buf(&mut input) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(input),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ends our side and reads on for a moment, so that what was written arrives.
pub(super) async fn linger(stream: &mut TcpStream, most: Duration) {
    let reading = async {
        stream.shutdown().await?;
        // On the heap: an array would be part of every connection's task.
        let mut scratch = vec![0; 1024];
        while stream.read(&mut scratch).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(most, reading).await;
}
