//! HTTP/2 over the `h2` crate, for the same handlers as HTTP/1.1.
//!
//! `h2` reads and writes frames, compresses heads and keeps the windows of streams. What it does not bound is bounded
//! here: `frames` follows the frames on their way to it, `metered` counts them and knows since when something is
//! incomplete, and `connection` ends a connection that sends too many or none. `stream` is one request with its answer,
//! `request` checks a request as HTTP/1.1 does, and `response` sends an answer as fast as its reader takes it.

mod connection;
mod frames;
mod metered;
mod request;
mod response;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;

use h2::server::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use self::connection::Connection;
use self::metered::{Meter, Metered};
use self::response::Chunk;
use super::admission::{AdmissionControl, ConnectionPermit, Decision};
use super::listener_shared::ListenerShared;
use super::options::Options;
use super::service::Service;
use crate::base::limits::{http as limits, http2};

/// Serves HTTP/2 on a connection whose client is known to use it, until its end.
pub(super) async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    shared: Arc<ListenerShared>,
    permit: ConnectionPermit,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let first_by = Instant::now() + shared.deadlines.head;
    let meter = Meter::new();
    let stream = Metered::new(stream, meter.clone());
    let handshake = async {
        tokio::select! {
            done = timeout_at(first_by, builder().handshake::<_, Chunk>(stream)) => done.ok()?.ok(),
            () = shared.stopped() => None,
        }
    };
    if let Some(http) = Box::pin(handshake).await {
        Connection::new(http, meter, peer, shared.clone(), permit, first_by).run().await;
    }
}

/// HTTP/2 without a listener and without TLS, for tests and fuzzing: clients are known to use it.
pub struct PriorKnowledge {
    shared: Arc<ListenerShared>,
    admission: Arc<AdmissionControl>,
    ended: mpsc::Receiver<()>,
}

impl PriorKnowledge {
    /// Serves connections until `stop` turns true.
    pub fn new(service: Arc<dyn Service>, options: Options, stop: watch::Receiver<bool>) -> Self {
        let (alive, ended) = mpsc::channel(1);
        let shared = Arc::new(ListenerShared::new(service.clone(), &options, stop, alive));
        Self { shared, admission: Arc::new(AdmissionControl::new(options, service)), ended }
    }

    /// Serves a connection, if there is a permit for it.
    pub fn serve<S>(&self, stream: S, peer: SocketAddr) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (shared, decision) = (self.shared.clone(), self.admission.admit(peer.ip()));
        async move {
            if let Decision::Admitted(permit) = decision {
                serve(stream, peer, shared, permit).await;
            }
        }
    }

    /// Returns when all connections have ended and all requests are answered.
    pub async fn ended(mut self) {
        drop((self.shared, self.admission));
        let _ = self.ended.recv().await;
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(http2::STREAMS as u32)
        .max_header_list_size(limits::HEAD as u32)
        .initial_window_size(http2::STREAM_WINDOW)
        .initial_connection_window_size(http2::CONNECTION_WINDOW)
        .max_send_buffer_size(http2::SEND_BUFFER)
        .max_concurrent_reset_streams(http2::REMEMBERED_RESETS)
        .reset_stream_duration(http2::RESETS_REMEMBERED)
        .max_pending_accept_reset_streams(http2::UNREAD_RESETS)
        .max_local_error_reset_streams(Some(http2::FAULTS));
    builder
}
