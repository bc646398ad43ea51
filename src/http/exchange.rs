//! One request and its answer, whatever protocol carries them: what a request costs its client, what it may hold, and
//! how its answer is counted.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::body_reader::BodyReader;
use super::buffered_socket::Disconnected;
use super::counters::{HttpCounters, RefusalReason};
use super::head::{Framing, Head};
use super::listener_shared::ListenerShared;
use super::proxies::Transport;
use super::refusal::Refusal;
use super::refusal_page::readable;
use super::request::Request;
use super::request_limiter::{Cost, NoSlot, RequestSlots};
use super::response::Response;
use super::service::BodyPermit;
use super::source::Withdrawn;
use super::transfers::{Speed, Transfer, TransferSlots};
use crate::base::error::{Code, Error};
use crate::base::limits::http as limits;
use crate::base::memory::{Holder, Kind, MemoryBudget, Reservation};

/// The answer while there is no memory for a request.
pub(super) const NO_MEMORY: Refusal =
    Refusal::Answer(503, "The server has too much to read right now.");
/// The answer to a head that did not come in time.
pub(super) const HEAD_TIMEOUT: Refusal = Refusal::Answer(408, "The request head took too long.");
/// The answer to a body that did not come in time.
pub(super) const BODY_TIMEOUT: Refusal = Refusal::Answer(408, "The request body took too long.");

/// Why a request is not served.
pub(super) enum RequestError {
    Disconnected,
    Refused(Refusal),
    Answered(Response),
}

impl RequestError {
    /// What the client is answered, if it is.
    pub fn into_response(self) -> Option<Response> {
        match self {
            Self::Disconnected => None,
            Self::Refused(refusal) => Response::refusal(refusal),
            Self::Answered(response) => Some(response),
        }
    }
}

impl From<Disconnected> for RequestError {
    fn from(_: Disconnected) -> Self {
        Self::Disconnected
    }
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Response> for RequestError {
    fn from(response: Response) -> Self {
        Self::Answered(response)
    }
}

/// How a body gets to its handler, and how many bytes it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyPlan {
    /// As a whole.
    Whole(usize),
    /// Piece by piece.
    Streamed(u64),
}

/// A request whose body is not read yet.
pub(super) struct Exchange<'a> {
    shared: &'a ListenerShared,
    request: Request,
    body: BodyPlan,
    cost: Cost,
    /// Whose requests are bounded; nobody's if a proxy does not say for whom it asks.
    client: Option<IpAddr>,
    body_permit: Option<BodyPermit>,
    upload: Option<TransferPermit>,
}

impl<'a> Exchange<'a> {
    pub fn new(
        shared: &'a ListenerShared,
        head: Head,
        peer: SocketAddr,
        transport: Transport,
    ) -> Self {
        shared.counters.count_version(head.version);
        let whole = || BodyPlan::Whole(shared.service.body_limit(&head));
        let body = shared.service.streams(&head).map_or_else(whole, BodyPlan::Streamed);
        let cost = shared.service.cost(&head);
        let client = shared.trusted_proxies.client(&head, peer, transport);
        let request = Request::from_head(head, &client);
        // Behind a proxy that does not say for whom it asks, all clients have its address.
        let client = (!client.is_proxy).then_some(client.address.ip());
        Self { shared, request, body, cost, client, body_permit: None, upload: None }
    }

    /// The head of the request.
    pub fn head(&self) -> &Head {
        &self.request.head
    }

    /// The client, as a proxy says or the other end of the connection.
    pub fn client(&self) -> SocketAddr {
        self.request.peer
    }

    /// Bytes that its body is said to have.
    pub fn length(&self) -> Option<u64> {
        match self.request.head.framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        }
    }

    /// What becomes of its body.
    pub fn body(&self) -> BodyPlan {
        self.body
    }

    /// Charges the client for the request, and gets the right to a large body.
    ///
    /// # Errors
    /// The answer that refuses it.
    pub async fn admit(&mut self) -> Result<(), Response> {
        if let Err(refusal) = charge(self.shared, self.client, self.cost).await {
            return Err(readable(refusal, &self.request.head));
        }
        if matches!(self.body, BodyPlan::Whole(limit) if limit > limits::BODY) {
            self.body_permit = Some(self.shared.service.authorize_body(&self.request).await?);
        }
        Ok(())
    }

    /// The answer to the request with its body. What it held is given back.
    ///
    /// # Errors
    /// The answer that refuses it: too many requests of the client are being worked on.
    pub async fn answer(self, body: Bytes) -> Result<Response, Response> {
        let Self { shared, mut request, cost, client, body_permit, .. } = self;
        request.body = body;
        let download = match cost {
            Cost::Download => Some(Box::pin(acquire(shared, client, Transfer::Download)).await?),
            _ => None,
        };
        let slots = match client {
            None => RequestSlots::default(),
            Some(client) => match shared.limiter.acquire_slots(client, cost).await {
                Ok(slots) => slots,
                Err(()) => return Err(too_many_at_once(shared)),
            },
        };
        let began = Instant::now();
        let response = shared.service.call(request).await;
        shared.counters.count_answer(response.status(), began.elapsed());
        drop((body_permit, slots));
        match (response.is_streamed(), download) {
            (true, Some(download)) => {
                Ok(response.measured(download.slots.speed()).holding(download))
            }
            (false, _) => Ok(response),
            (true, None) => Err(Response::error(&Error::internal(NOT_BOUNDED))),
        }
    }

    /// Waits for the right to send a body that the handler reads; what has to be told how it goes.
    ///
    /// # Errors
    /// The answer that refuses it: too much is being uploaded.
    pub async fn admit_upload(&mut self) -> Result<Arc<Speed>, Response> {
        let upload = acquire(self.shared, self.client, Transfer::Upload).await?;
        let speed = upload.slots.speed().clone();
        self.upload = Some(upload);
        Ok(speed)
    }

    /// The answer of a handler that reads the body.
    pub async fn answer_streamed(self, body: BodyReader) -> Response {
        let Self { shared, mut request, upload, .. } = self;
        request.reader = Mutex::new(Some(body));
        let response = shared.service.call(request).await;
        drop(upload);
        let response = match response.is_streamed() {
            true => Response::error(&Error::internal(NOT_BOUNDED)),
            false => response,
        };
        // How long it took says what line the client has.
        shared.counters.count_status(response.status());
        response
    }
}

/// The right of a transfer, which is counted while it is held.
struct TransferPermit {
    counters: Arc<HttpCounters>,
    transfer: Transfer,
    slots: TransferSlots,
}

impl Drop for TransferPermit {
    fn drop(&mut self) {
        self.counters.transfers(self.transfer).down();
        if self.slots.speed().has_given_way() {
            self.counters.gave_way.inc();
        }
    }
}

/// Waits for the right of a transfer.
///
/// # Errors
/// The answer that refuses it.
async fn acquire(
    shared: &ListenerShared,
    client: Option<IpAddr>,
    transfer: Transfer,
) -> Result<TransferPermit, Response> {
    let acquired = tokio::select! {
        acquired = shared.limiter.acquire_transfer(client, transfer, shared.patience) => acquired,
        () = shared.stopped() => Err(NoSlot::All),
    };
    let slots = acquired.map_err(|no_slot| {
        shared.counters.count_refused(RefusalReason::Transfers);
        let (code, sentence) = match no_slot {
            NoSlot::Client => (Code::RateLimited, TOO_MANY_TRANSFERS),
            NoSlot::All => (Code::Unavailable, FULL_OF_TRANSFERS),
        };
        let wait = u32::try_from(limits::RATE_PAUSE.as_millis()).unwrap_or(u32::MAX);
        Response::error(&Error::new(code, sentence).retry_after(wait))
    })?;
    shared.counters.transfers(transfer).up();
    Ok(TransferPermit { counters: shared.counters.clone(), transfer, slots })
}

const TOO_MANY_TRANSFERS: &str = "Too many transfers are under way from your address.";
const FULL_OF_TRANSFERS: &str = "The server has too many transfers under way right now.";
/// Its route has to say that it costs a download.
const NOT_BOUNDED: &str = "a streamed answer from a route whose downloads are not bounded";

/// The connection, or the stream, of an answer whose source has failed ends.
pub(super) fn source_failed(error: std::io::Error) -> Disconnected {
    if error.get_ref().is_some_and(|cause| cause.is::<Withdrawn>()) {
        tracing::debug!(%error, "an answer was ended");
    } else {
        tracing::error!(%error, "an answer was aborted: what it is read from has failed");
    }
    Disconnected
}

/// Charges a client for a request.
///
/// # Errors
/// The answer that refuses it.
pub(super) async fn charge(
    shared: &ListenerShared,
    client: Option<IpAddr>,
    cost: Cost,
) -> Result<(), Response> {
    let Some(client) = client else { return Ok(()) };
    match shared.limiter.charge(client, cost) {
        Ok(()) => Ok(()),
        Err(wait) => Err(Box::pin(rate_exceeded(shared, wait)).await),
    }
}

/// The answer to a client that exceeds its rate. It is delayed, so that a client that does not wait for answers is
/// slowed down by its own connections.
async fn rate_exceeded(shared: &ListenerShared, wait: Duration) -> Response {
    shared.counters.count_refused(RefusalReason::Rate);
    tokio::select! {
        () = tokio::time::sleep(wait.min(limits::RATE_PAUSE)) => {}
        () = shared.stopped() => {}
    }
    rate_limited("There are too many requests from your address.", wait)
}

fn too_many_at_once(shared: &ListenerShared) -> Response {
    shared.counters.count_refused(RefusalReason::Rate);
    rate_limited("Too many requests from your address are being worked on.", limits::RATE_PAUSE)
}

fn rate_limited(sentence: &'static str, wait: Duration) -> Response {
    let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    Response::error(&Error::new(Code::RateLimited, sentence).retry_after(wait))
}

/// The memory of the requests of one connection that are not answered. What is more than any connection may hold is
/// reserved.
pub(super) struct RequestMemory {
    budget: MemoryBudget,
    holder: Holder,
    /// Bytes that any connection may hold.
    free: usize,
    reservation: Option<Reservation>,
}

impl RequestMemory {
    pub fn new(shared: &ListenerShared, peer: SocketAddr, free: usize) -> Self {
        let budget = shared.memory.clone();
        Self { budget, holder: Holder::of(peer), free, reservation: None }
    }

    /// So many bytes are held now.
    ///
    /// # Errors
    /// There is no memory for them.
    pub fn set(&mut self, bytes: usize) -> Result<(), Refusal> {
        if bytes <= self.free {
            self.reservation = None;
            return Ok(());
        }
        // In steps, so that not every read changes the budget.
        let bytes = bytes.next_multiple_of(limits::UNACCOUNTED);
        let reserved = match &mut self.reservation {
            Some(reservation) if bytes < reservation.bytes() => {
                reservation.resize(bytes);
                true
            }
            Some(reservation) => reservation.grow(bytes).is_ok(),
            None => {
                let reserved = self.budget.reserve(Kind::Requests, self.holder, bytes);
                self.reservation = reserved.ok();
                self.reservation.is_some()
            }
        };
        if reserved { Ok(()) } else { Err(NO_MEMORY) }
    }

    /// Nothing is held any longer.
    pub fn clear(&mut self) {
        self.reservation = None;
    }
}
