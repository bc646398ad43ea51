//! Accepting: a deep backlog for reconnect storms, a refusal where there is no permit or no descriptor,
//! and a stop that lets requests in flight finish.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::admission::{AdmissionControl, Decision, FULL, QueuedConnection, refusal_bytes};
use super::connection::Connection;
use super::counters::{HttpCounters, RefusalReason};
use super::handshake;
use super::listener_shared::ListenerShared;
use super::options::Options;
use super::reserve_fd::{ReserveFd, is_out_of_descriptors};
use super::service::Service;
use super::socket::{Listener, Socket};
use crate::base::limits::descriptors;

/// Accepts until `stop` turns true, then waits for the requests in flight.
pub async fn serve(
    listener: Listener,
    service: Arc<dyn Service>,
    options: Options,
    stop: watch::Receiver<bool>,
) {
    // Every connection holds `shared`, which holds the sender: the last one ends the wait below.
    let (alive, mut all_ended) = mpsc::channel::<()>(1);
    let shared = Arc::new(ListenerShared::new(service.clone(), &options, stop, alive));
    let counters = options.counters.clone();
    let mut failures = AcceptFailures::new(counters.clone(), refusal_bytes(&options, FULL));
    let admission = Arc::new(AdmissionControl::new(options, service));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stopped() => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            // A client that left before it was accepted has cost nothing.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                failures.handle(&error, &listener).await;
                continue;
            }
        };
        counters.accepted.inc();
        match admission.admit(peer.ip()) {
            Decision::Admitted(permit) if shared.tls.is_none() => {
                tokio::spawn(Connection::new(socket, peer, shared.clone(), permit).run());
            }
            Decision::Admitted(permit) => {
                let by = Instant::now() + shared.deadlines.handshake;
                tokio::spawn(handshake::serve(socket, peer, shared.clone(), permit, by));
            }
            Decision::Queued(queued) => {
                tokio::spawn(wait_for_permit(socket, peer, shared.clone(), queued));
            }
            Decision::Refused(refusal) => admission.refuse(socket, refusal),
        }
    }
    drop((listener, shared));
    let _ = all_ended.recv().await;
}

/// Serves a connection as soon as there is a permit for it.
async fn wait_for_permit(
    socket: Socket,
    peer: SocketAddr,
    shared: Arc<ListenerShared>,
    queued: QueuedConnection,
) {
    let admission = queued.admission();
    let handshake_by = Instant::now() + shared.deadlines.handshake;
    let permit = tokio::select! {
        permit = queued.permit() => permit,
        () = shared.stopped() => return,
    };
    match permit {
        Ok(permit) if shared.tls.is_none() => {
            Connection::new(socket, peer, shared, permit).run().await;
        }
        Ok(permit) => handshake::serve(socket, peer, shared, permit, handshake_by).await,
        Err(refusal) => admission.refuse(socket, refusal),
    }
}

/// What is done when `accept` fails.
struct AcceptFailures {
    counters: Arc<HttpCounters>,
    reserve: ReserveFd,
    answer: Vec<u8>,
    logged: Option<Instant>,
}

impl AcceptFailures {
    fn new(counters: Arc<HttpCounters>, answer: Vec<u8>) -> Self {
        Self { counters, reserve: ReserveFd::new(), answer, logged: None }
    }

    /// Refuses the next connection if descriptors have run out; they come back when other connections
    /// close. After any other failure it waits for a moment.
    async fn handle(&mut self, error: &std::io::Error, listener: &Listener) {
        if self.logged.is_none_or(|at| at.elapsed() >= descriptors::FAILURES_LOGGED) {
            self.logged = Some(Instant::now());
            tracing::warn!(%error, "cannot accept connections; those that are here are served");
        }
        if is_out_of_descriptors(error) && self.reserve.refuse_one(listener, &self.answer) {
            self.counters.accepted.inc();
            self.counters.count_refused(RefusalReason::Descriptors);
        } else {
            tokio::time::sleep(descriptors::PAUSE).await;
        }
    }
}
