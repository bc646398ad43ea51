//! The TLS handshake of a connection that was accepted.
//!
//! It has a deadline that counts from the accept, so a client that sends a byte a second gets nowhere. Until the first
//! byte comes, the connection is idle: it holds nothing, and gives way to others as one between two requests does. Then
//! it is charged to its client like a call, and waits until the client, and all clients together, are making fewer
//! handshakes than they may.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::HandshakeKind;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::server::TlsStream;

use super::admission::ConnectionPermit;
use super::close::linger;
use super::connection::Connection;
use super::counters::{HandshakeResult, RefusalReason};
use super::http2;
use super::listener_shared::ListenerShared;
use super::refusal::HANDSHAKE_REFUSED;
use super::request_limiter::Cost;
use super::response::Response;
use super::socket::{Socket, limit_unsent};
use crate::base::limits::http as limits;

/// The first byte of a record that begins a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// As ALPN names it.
const HTTP_2: &[u8] = b"h2";

/// A handshake that was not made: what is sent instead, unless TLS has sent its own alert, and the socket.
struct Failure {
    result: HandshakeResult,
    answer: Vec<u8>,
    socket: Socket,
}

/// Makes the handshake, which must be done by then, and serves the connection.
pub(super) async fn serve(
    socket: Socket,
    peer: SocketAddr,
    shared: Arc<ListenerShared>,
    permit: ConnectionPermit,
    by: Instant,
) {
    let making = Box::pin(handshake(socket, peer, &shared, &permit, by));
    let Some(stream) = making.await else { return };
    if stream.get_ref().1.alpn_protocol() == Some(HTTP_2) {
        limit_unsent(stream.get_ref().0, limits::STREAMED_UNSENT);
        return Box::pin(http2::serve(stream, peer, shared, permit)).await;
    }
    Connection::new(Socket::secured(stream), peer, shared, permit).run().await;
}

/// The connection with TLS; or none, and the client has its answer if it gets one.
async fn handshake(
    mut socket: Socket,
    peer: SocketAddr,
    shared: &ListenerShared,
    permit: &ConnectionPermit,
    by: Instant,
) -> Option<TlsStream<TcpStream>> {
    let failure = match first_byte(&mut socket, shared, permit, by).await? {
        HANDSHAKE => match make(socket, peer, shared, by).await? {
            Ok(made) => return Some(made),
            Err(failure) => failure,
        },
        // The first letter of a method: this client speaks HTTP.
        b'A'..=b'Z' => Failure { result: HandshakeResult::Failed, answer: plain_answer(), socket },
        _ => {
            let answer = HANDSHAKE_REFUSED.to_vec();
            Failure { result: HandshakeResult::Failed, answer, socket }
        }
    };
    shared.counters.count_handshake(failure.result);
    let mut socket = failure.socket;
    let most = shared.deadlines.linger;
    if let Ok(Ok(())) = timeout(most, socket.write_all(&failure.answer)).await {
        linger(&mut socket, most).await;
    }
    None
}

/// Waits for the first byte, which stays where it is.
async fn first_byte(
    socket: &mut Socket,
    shared: &ListenerShared,
    permit: &ConnectionPermit,
    by: Instant,
) -> Option<u8> {
    permit.set_idle();
    let first = tokio::select! {
        first = timeout_at(by, socket.first_byte()) => first.ok().and_then(Result::ok),
        () = permit.evicted() => None,
        () = shared.stopped() => None,
    };
    if permit.set_busy() { first } else { None }
}

/// Makes the handshake as soon as the client may. None: there is nobody to answer, or no time.
async fn make(
    socket: Socket,
    peer: SocketAddr,
    shared: &ListenerShared,
    by: Instant,
) -> Option<Result<TlsStream<TcpStream>, Failure>> {
    let acceptor = shared.tls.as_ref()?;
    // All clients of a proxy have its address.
    let client = (!shared.trusted_proxies.contains(peer.ip())).then_some(peer.ip());
    if client.is_some_and(|client| shared.limiter.charge(client, Cost::Call).is_err()) {
        shared.counters.count_refused(RefusalReason::Rate);
        let (result, answer) = (HandshakeResult::Refused, HANDSHAKE_REFUSED.to_vec());
        return Some(Err(Failure { result, answer, socket }));
    }
    let stream = socket.into_joined().ok()?;
    let making = async {
        let _slots = shared.limiter.acquire_handshake(client).await;
        acceptor.accept(stream).into_fallible().await
    };
    let made = tokio::select! {
        made = timeout_at(by, making) => made,
        () = shared.stopped() => return None,
    };
    match made {
        Ok(Ok(stream)) => {
            shared.counters.count_handshake(match stream.get_ref().1.handshake_kind() {
                Some(HandshakeKind::Resumed) => HandshakeResult::Resumed,
                _ => HandshakeResult::Full,
            });
            Some(Ok(stream))
        }
        Ok(Err((error, stream))) => {
            tracing::debug!(%error, "a TLS handshake failed");
            let socket = Socket::joined(stream);
            Some(Err(Failure { result: HandshakeResult::Failed, answer: Vec::new(), socket }))
        }
        Err(_) => {
            shared.counters.count_handshake(HandshakeResult::Late);
            None
        }
    }
}

/// For a client that speaks HTTP here. It names no address: the only one known is what the client itself says.
fn plain_answer() -> Vec<u8> {
    let sentence = "This is an https address: put https:// in front of it.\n";
    Response::new(400, "text/plain; charset=utf-8", sentence).encode(false, false)
}
