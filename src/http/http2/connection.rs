//! One connection: its requests, each a task of its own, until one side closes.
//!
//! Nothing that is read stays in `h2`: a request is taken from it as soon as it is there, and then served or refused.
//! So what a connection holds is what its tasks hold, which is accounted for. A request that the client takes back
//! counts until its handler is done.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::metered::{Meter, Metered};
use super::response::Chunk;
use super::stream::{Stream, StreamMemory};
use crate::base::limits::http2 as limits;
use crate::base::lock::MutexExt as _;
use crate::http::admission::ConnectionPermit;
use crate::http::listener_shared::ListenerShared;
use crate::http::options::Deadlines;

pub(super) struct Connection<S> {
    http: h2::server::Connection<Metered<S>, Chunk>,
    meter: Arc<Mutex<Meter>>,
    peer: SocketAddr,
    shared: Arc<ListenerShared>,
    permit: ConnectionPermit,
    memory: StreamMemory,
    streams: JoinSet<()>,
    phase: Phase,
    /// Bytes that the client may send before they are read.
    window: u32,
}

/// What the connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It waits for a request until this deadline.
    Idle { until: Instant },
    /// It serves requests.
    Busy,
    /// It serves its last requests.
    Leaving,
    /// It ends once the client has what was written, at this deadline at the latest.
    Closing { until: Instant },
}

/// What happens on a connection.
enum Event {
    Requested(Box<Requested>),
    /// Another connection of the client waits for the permit, and a request is done.
    Wanted,
    /// All requests are done, and their answers are written.
    Rested,
    /// The client has sent more than it may.
    Flooded,
    /// The next deadline is earlier than it was.
    Sooner,
    /// The deadline that was the next one has passed.
    Timer,
    /// Another connection has the permit.
    Evicted,
    Stopping,
    /// Both sides have closed.
    Ended,
    /// The connection broke, or its client broke the protocol and was told so.
    Broken(h2::Error),
}

type Requested = (Request<RecvStream>, SendResponse<Chunk>);

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub fn new(
        http: h2::server::Connection<Metered<S>, Chunk>,
        meter: Arc<Mutex<Meter>>,
        peer: SocketAddr,
        shared: Arc<ListenerShared>,
        permit: ConnectionPermit,
        first_by: Instant,
    ) -> Self {
        let memory = StreamMemory::new(&shared, peer);
        let phase = Phase::Idle { until: first_by };
        let (streams, window) = (JoinSet::new(), limits::CONNECTION_WINDOW);
        Self { http, meter, peer, shared, permit, memory, streams, phase, window }
    }

    /// Serves until the end.
    pub async fn run(mut self) {
        self.shared.counters.http2_open.up();
        self.permit.set_idle();
        loop {
            match self.next().await {
                Event::Requested(requested) => {
                    self.begin(*requested);
                    // A client that asks for much at once leaves time to all others.
                    tokio::task::yield_now().await;
                }
                Event::Wanted => self.leave(),
                Event::Rested => self.rest(),
                Event::Flooded => {
                    self.shared.counters.http2_floods.inc();
                    self.close(Reason::ENHANCE_YOUR_CALM);
                }
                Event::Sooner => {}
                // It was in time after all.
                Event::Timer if !self.is_late() => {}
                Event::Timer if self.is_given_up() => break,
                Event::Timer => self.close(Reason::NO_ERROR),
                Event::Stopping if self.phase == Phase::Busy => self.leave(),
                Event::Evicted | Event::Stopping => break self.say_goodbye().await,
                Event::Ended => break,
                Event::Broken(error) => {
                    let is_calmed = error.reason() == Some(Reason::ENHANCE_YOUR_CALM);
                    if is_calmed && !error.is_remote() {
                        self.shared.counters.http2_floods.inc();
                    }
                    break;
                }
            }
        }
        // What has begun is done, whoever has left.
        self.streams.detach_all();
        self.shared.counters.http2_open.down();
    }

    /// Serves a request, or refuses it in a way that lets the client send it again.
    fn begin(&mut self, (request, mut respond): Requested) {
        let held = self.memory.hold().filter(|_| match self.phase {
            Phase::Idle { .. } => self.permit.set_busy(),
            Phase::Busy | Phase::Leaving => self.streams.len() < limits::STREAMS,
            Phase::Closing { .. } => false,
        });
        let Some(held) = held else {
            self.meter.lock_unpoisoned().note_refused();
            return respond.send_reset(Reason::REFUSED_STREAM);
        };
        self.meter.lock_unpoisoned().note_served();
        if matches!(self.phase, Phase::Idle { .. }) {
            self.phase = Phase::Busy;
        }
        let (shared, meter) = (self.shared.clone(), self.meter.clone());
        let stream = Stream { respond, peer: self.peer, shared, meter, held };
        self.streams.spawn(stream.run(request));
    }

    /// Takes no more requests than those that are on their way already.
    fn leave(&mut self) {
        self.http.graceful_shutdown();
        self.phase = Phase::Leaving;
    }

    fn rest(&mut self) {
        if self.phase == Phase::Leaving {
            return self.close(Reason::NO_ERROR);
        }
        self.permit.set_idle();
        self.phase = Phase::Idle { until: Instant::now() + self.shared.deadlines.idle };
    }

    /// Ends the connection. What was not answered has failed.
    fn close(&mut self, reason: Reason) {
        self.http.abrupt_shutdown(reason);
        self.phase = Phase::Closing { until: Instant::now() + self.shared.deadlines.linger };
    }

    /// Ends a connection without a request at once; it says so if that needs no wait.
    async fn say_goodbye(&mut self) {
        self.http.abrupt_shutdown(Reason::NO_ERROR);
        poll_fn(|context| {
            let _ = self.http.poll_closed(context);
            Poll::Ready(())
        })
        .await;
    }

    fn is_late(&self) -> bool {
        let by = deadline(&self.meter.lock_unpoisoned(), self.phase, &self.shared.deadlines);
        by.is_some_and(|by| by <= Instant::now())
    }

    /// Whether nothing more can be written, or read.
    fn is_given_up(&self) -> bool {
        let blocked_since = self.meter.lock_unpoisoned().blocked_since;
        let is_blocked =
            blocked_since.is_some_and(|since| since.elapsed() >= self.shared.deadlines.write);
        is_blocked || matches!(self.phase, Phase::Closing { until } if until <= Instant::now())
    }

    async fn next(&mut self) -> Event {
        let shared = self.shared.clone();
        let Self { http, meter, streams, permit, phase, window, .. } = self;
        let armed = deadline(&meter.lock_unpoisoned(), *phase, &shared.deadlines);
        let polled = poll_fn(|context| {
            let wanted = meter.lock_unpoisoned().begin_turn(context);
            if *window != wanted {
                *window = wanted;
                http.set_target_window_size(wanted);
            }
            let event = poll(http, streams, permit, *phase, context);
            let meter = meter.lock_unpoisoned();
            let is_closing = matches!(phase, Phase::Closing { .. });
            let now = deadline(&meter, *phase, &shared.deadlines);
            let is_sooner = now.is_some_and(|now| armed.is_none_or(|armed| now < armed));
            match event {
                Some(event) => Poll::Ready(event),
                None if meter.is_flooded && !is_closing => Poll::Ready(Event::Flooded),
                None if is_sooner => Poll::Ready(Event::Sooner),
                None => Poll::Pending,
            }
        });
        let timer = async {
            match armed {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = polled => event,
            () = timer => Event::Timer,
            () = permit.evicted(), if matches!(phase, Phase::Idle { .. }) => Event::Evicted,
            () = shared.stopped(), if matches!(phase, Phase::Idle { .. } | Phase::Busy) => Event::Stopping,
        }
    }
}

/// What has happened, as far as that is known without a wait.
fn poll<S: AsyncRead + AsyncWrite + Unpin>(
    http: &mut h2::server::Connection<Metered<S>, Chunk>,
    streams: &mut JoinSet<()>,
    permit: &ConnectionPermit,
    phase: Phase,
    context: &mut Context<'_>,
) -> Option<Event> {
    match http.poll_accept(context) {
        Poll::Ready(Some(Ok(requested))) => return Some(Event::Requested(Box::new(requested))),
        Poll::Ready(None) => return Some(Event::Ended),
        Poll::Ready(Some(Err(error))) => return Some(Event::Broken(error)),
        Poll::Pending => {}
    }
    let mut is_done = false;
    while let Poll::Ready(Some(_)) = streams.poll_join_next(context) {
        is_done = true;
    }
    match phase {
        Phase::Idle { .. } | Phase::Closing { .. } => None,
        Phase::Busy | Phase::Leaving if streams.is_empty() && !http.has_streams() => {
            Some(Event::Rested)
        }
        Phase::Busy if is_done && permit.is_wanted() => Some(Event::Wanted),
        Phase::Busy | Phase::Leaving => None,
    }
}

/// When the connection is late with something, unless something happens.
fn deadline(meter: &Meter, phase: Phase, most: &Deadlines) -> Option<Instant> {
    let written_by = meter.blocked_since.map(|since| since + most.write);
    let read_by = meter.partial_since.map(|since| since + most.head);
    let by = match phase {
        Phase::Idle { until } => [Some(until), written_by, read_by],
        // Its requests have deadlines of their own.
        Phase::Busy | Phase::Leaving => [None, written_by, read_by],
        Phase::Closing { until } => [Some(until), None, None],
    };
    by.into_iter().flatten().min()
}
