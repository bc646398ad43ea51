//! Sockets that join the runtime's epoll only when a task has to wait for them.
//!
//! tokio's listener registers every socket it accepts. Most of ours carry one request that has arrived
//! by the time it is read, and then go to a shard, which has an epoll of its own: two `epoll_ctl`, an
//! event and a waker for nothing, a tenth of what the control plane spends on a connect. So the listener
//! hands out fresh sockets, and a [`Socket`] registers at the first wait.
//!
//! One with TLS had to wait for its handshake (`handshake.rs`). The end of its stream is announced whichever way
//! the connection ends (`close_notify`), so that nobody takes a stream that was cut off for one that has ended.

use std::future::poll_fn;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use socket2::{Domain, Protocol, SockRef, Socket as Raw, Type};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::base::established::Established;
use crate::base::limits::http as limits;

/// A listening socket.
pub struct Listener {
    socket: mio::net::TcpListener,
    /// The same socket once more, to wait for its readiness: tokio's own listener cannot be waited for
    /// without accepting, and a stream can without reading.
    readiness: TcpStream,
}

/// Whom a listener on `[::]` serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// IPv4, too; IPv4 alone where the system has no IPv6.
    Both,
    /// IPv6 alone, because another listener has the port of IPv4.
    Ipv6Only,
}

/// Binds with a backlog that holds a reconnect storm. `[::]` is every address of both families.
///
/// # Errors
/// The address is in use, or not one of this machine.
pub fn bind(address: SocketAddr) -> Result<Listener> {
    bind_families(address, Families::Both)
}

/// The same, where `[::]` may be of IPv6 alone.
///
/// # Errors
/// The address is in use, or not one of this machine.
pub fn bind_families(address: SocketAddr, families: Families) -> Result<Listener> {
    let is_every_ipv6 = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let ipv4_too = is_every_ipv6 && families == Families::Both;
    match listen(address, ipv4_too) {
        Err(error) if ipv4_too && has_no_ipv6(&error) => {
            tracing::warn!("this system has no IPv6: {address} takes connections by IPv4 only");
            listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()), false)
        }
        bound => bound,
    }
}

fn has_no_ipv6(error: &Error) -> bool {
    let code = error.raw_os_error().map(nix::errno::Errno::from_raw);
    matches!(code, Some(nix::errno::Errno::EAFNOSUPPORT | nix::errno::Errno::EADDRNOTAVAIL))
}

fn listen(address: SocketAddr, ipv4_too: bool) -> Result<Listener> {
    let socket = Raw::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it.
    socket.set_tcp_nodelay(true)?;
    // Without it the kernel buffers megabytes for a client that does not read, and keeps them after the end.
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(limits::UNSENT)?;
    if address.is_ipv6() {
        socket.set_only_v6(!ipv4_too)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::BACKLOG)?;
    let readiness = std::net::TcpStream::from(OwnedFd::from(socket.try_clone()?));
    let socket = mio::net::TcpListener::from_std(socket.into());
    Ok(Listener { socket, readiness: TcpStream::from_std(readiness)? })
}

impl Listener {
    /// Where it listens.
    ///
    /// # Errors
    /// That of the system call.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Where this machine reaches it. Nobody can open `http://0.0.0.0`, and no browser does its cryptography
    /// there: a server on every address is reached by loopback.
    ///
    /// # Errors
    /// That of the system call.
    pub fn loopback_addr(&self) -> Result<SocketAddr> {
        let mut address = self.local_addr()?;
        if address.ip().is_unspecified() {
            let is_ipv6_only = address.is_ipv6() && SockRef::from(&self.socket).only_v6()?;
            let ipv4 = IpAddr::from(Ipv4Addr::LOCALHOST);
            address.set_ip(if is_ipv6_only { Ipv6Addr::LOCALHOST.into() } else { ipv4 });
        }
        Ok(address)
    }

    /// Waits for a connection.
    pub(super) async fn accept(&self) -> Result<(Socket, SocketAddr)> {
        self.readiness.async_io(Interest::READABLE, || self.socket.accept()).await.map(fresh)
    }

    /// Accepts a connection that has arrived already.
    pub(super) fn accept_now(&self) -> Result<(Socket, SocketAddr)> {
        self.socket.accept().map(fresh)
    }
}

fn fresh((stream, peer): (mio::net::TcpStream, SocketAddr)) -> (Socket, SocketAddr) {
    // A client that came by IPv4 is the same on a listener of both families.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    (Socket(State::Fresh(stream.into())), peer)
}

/// A connection's socket. It never blocks.
pub struct Socket(State);

enum State {
    Fresh(std::net::TcpStream),
    Joined(TcpStream),
    /// Boxed, because a plain connection should not be as large as one with TLS.
    Secured(Box<TlsStream<TcpStream>>),
    /// It could not be registered, or has been taken out.
    Lost,
}

impl Socket {
    /// A socket that is registered with the runtime.
    pub(super) fn joined(stream: TcpStream) -> Self {
        Self(State::Joined(stream))
    }

    /// A socket whose handshake is done.
    pub(super) fn secured(stream: TlsStream<TcpStream>) -> Self {
        Self(State::Secured(Box::new(stream)))
    }

    /// Registers the socket, if that has not been done, so that it can be waited for.
    fn join(&mut self) -> Result<&mut State> {
        self.0 = match self.take() {
            State::Fresh(stream) => State::Joined(TcpStream::from_std(stream)?),
            known => known,
        };
        Ok(&mut self.0)
    }

    fn take(&mut self) -> State {
        std::mem::replace(&mut self.0, State::Lost)
    }

    /// The plain socket as one that can be waited for.
    ///
    /// # Errors
    /// The kernel does not watch it, and it is closed; or it has TLS.
    pub(super) fn into_joined(mut self) -> Result<TcpStream> {
        self.join()?;
        match self.take() {
            State::Joined(stream) => Ok(stream),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Waits for the first byte of a plain socket, and leaves it there.
    ///
    /// # Errors
    /// The connection has ended or broken.
    pub(super) async fn first_byte(&mut self) -> Result<u8> {
        let State::Joined(stream) = self.join()? else {
            return Err(ErrorKind::NotConnected.into());
        };
        let mut first = [0];
        match stream.peek(&mut first).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(first[0]),
        }
    }

    /// Waits for bytes and adds them to `input`; how many there were, 0 at the end.
    ///
    /// # Errors
    /// The connection has broken, or a stream with TLS was cut off.
    pub(super) async fn read(&mut self, input: &mut BytesMut) -> Result<usize> {
        match self.join()? {
            State::Joined(stream) => stream.read_buf(input).await,
            State::Secured(stream) => stream.read_buf(input).await,
            State::Fresh(_) | State::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Waits for the first bytes. Their buffer is allocated when they are there.
    ///
    /// # Errors
    /// The connection has ended or broken.
    pub(super) async fn first_bytes(&mut self) -> Result<BytesMut> {
        match self.join()? {
            State::Joined(stream) => first_plain_bytes(stream).await,
            State::Secured(stream) => first_secured_bytes(stream).await,
            State::Fresh(_) | State::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Writes all of `bytes`, waiting as long as it takes.
    ///
    /// # Errors
    /// The connection has broken.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        match self.join()? {
            State::Joined(stream) => stream.write_all(bytes).await,
            State::Secured(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            State::Fresh(_) | State::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Writes some of `bytes`, as soon as there is space; how many.
    ///
    /// # Errors
    /// The connection has broken.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.join()? {
            State::Joined(stream) => stream.write(bytes).await,
            State::Secured(stream) => stream.write(bytes).await,
            State::Fresh(_) | State::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Waits until the kernel has what was written.
    ///
    /// # Errors
    /// The connection has broken.
    pub(super) async fn flush(&mut self) -> Result<()> {
        match self.join()? {
            State::Joined(stream) => stream.flush().await,
            State::Secured(stream) => stream.flush().await,
            State::Fresh(_) | State::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// From now on the kernel takes at most so many bytes that it cannot send yet.
    pub(super) fn limit_unsent(&self, bytes: u32) {
        if let Some(raw) = self.raw() {
            limit_unsent(raw, bytes);
        }
    }

    /// Ends the connection at once: by a reset, and with TLS without an end of the stream. What the kernel has not sent
    /// is dropped.
    pub(super) fn abort(mut self) {
        let Ok(stream) = self.join() else { return };
        match stream {
            State::Joined(stream) => _ = SockRef::from(&*stream).set_linger(Some(Duration::ZERO)),
            State::Secured(stream) => {
                _ = SockRef::from(stream.get_ref().0).set_linger(Some(Duration::ZERO));
            }
            State::Fresh(_) | State::Lost => {}
        }
        if let State::Secured(stream) = self.take() {
            drop(stream.into_inner());
        }
    }

    /// Ends our side of the stream; of one with TLS, also within it. The other side may go on sending, and what it
    /// sends can be read from the socket that is returned, as it comes.
    ///
    /// # Errors
    /// The connection has broken.
    pub(super) async fn shut_down(&mut self) -> Result<&mut TcpStream> {
        match self.join()? {
            State::Joined(stream) => {
                stream.shutdown().await?;
                Ok(stream)
            }
            State::Secured(stream) => {
                stream.shutdown().await?;
                Ok(stream.get_mut().0)
            }
            State::Fresh(_) | State::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// What has arrived on a socket that has not joined; nothing of one that has.
    ///
    /// # Errors
    /// The connection has ended or broken.
    pub(super) fn read_now(&self) -> Result<Option<BytesMut>> {
        let State::Fresh(stream) = &self.0 else { return Ok(None) };
        let mut input = BytesMut::zeroed(limits::FIRST_READ);
        match (&mut &*stream).read(&mut input) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                input.truncate(length);
                Ok(Some(input))
            }
            Err(error) if would_block(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes as much of `bytes` as a plain socket takes without a wait; how much that was.
    ///
    /// # Errors
    /// The connection has broken.
    pub(super) fn write_now(&self, bytes: &[u8]) -> Result<usize> {
        if matches!(self.0, State::Secured(_)) {
            return Ok(0);
        }
        let Some(raw) = self.raw() else { return Err(ErrorKind::NotConnected.into()) };
        match raw.send(bytes) {
            Err(error) if would_block(&error) => Ok(0),
            sent => sent,
        }
    }

    /// Takes the socket out of the runtime, for another epoll. It still does not block.
    ///
    /// # Errors
    /// It could not be registered before.
    pub fn into_established(mut self) -> Result<Established> {
        match self.take() {
            State::Fresh(stream) => Ok(Established::Plain(stream)),
            State::Joined(stream) => Ok(Established::Plain(stream.into_std()?)),
            State::Secured(stream) => {
                let (stream, session) = stream.into_inner();
                Ok(Established::Tls(stream.into_std()?, Box::new(session)))
            }
            State::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// The socket itself, for system calls that do not wait.
    pub(super) fn raw(&self) -> Option<SockRef<'_>> {
        match &self.0 {
            State::Fresh(stream) => Some(stream.into()),
            State::Joined(stream) => Some(stream.into()),
            State::Secured(stream) => Some(stream.get_ref().0.into()),
            State::Lost => None,
        }
    }
}

impl Drop for Socket {
    /// Announces the end of a stream with TLS, without waiting.
    fn drop(&mut self) {
        let State::Secured(stream) = &mut self.0 else { return };
        let (stream, session) = stream.get_mut();
        session.send_close_notify();
        let raw = SockRef::from(&*stream);
        while session.wants_write()
            && session.write_tls(&mut &*raw).is_ok_and(|written| written > 0)
        {}
    }
}

/// From now on the kernel takes at most so many bytes of that socket that it cannot send yet.
pub(super) fn limit_unsent<'a>(socket: impl Into<SockRef<'a>>, bytes: u32) {
    // Without it a slow reader is given up earlier than it might be.
    #[cfg(target_os = "linux")]
    let _ = socket.into().set_tcp_notsent_lowat(bytes);
}

async fn first_plain_bytes(stream: &TcpStream) -> Result<BytesMut> {
    loop {
        stream.readable().await?;
        let mut input = BytesMut::with_capacity(limits::READ);
        match stream.try_read_buf(&mut input) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(input),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes that came with the last ones of the handshake are there before the first wait.
async fn first_secured_bytes(stream: &mut TlsStream<TcpStream>) -> Result<BytesMut> {
    loop {
        let mut input = BytesMut::zeroed(limits::READ);
        let mut buffer = ReadBuf::new(&mut input);
        let read = poll_fn(|context| {
            Poll::Ready(match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Ready(read) => Some(read),
                Poll::Pending => None,
            })
        });
        let read = read.await;
        let length = buffer.filled().len();
        match read {
            Some(Ok(())) if length == 0 => return Err(ErrorKind::UnexpectedEof.into()),
            Some(Ok(())) => {
                input.truncate(length);
                return Ok(input);
            }
            Some(Err(error)) => return Err(error),
            None => {}
        }
        drop(input);
        stream.get_ref().0.readable().await?;
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pair() -> (TcpStream, Socket) {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap());
        let (near, far) = tokio::join!(near, listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn what_is_accepted_sends_at_once_and_does_not_block() {
        let (_near, far) = pair().await;
        assert!(far.raw().unwrap().tcp_nodelay().unwrap());
        assert!(far.read_now().unwrap().is_none(), "nothing has come yet");
    }

    async fn peer_at(listener: &Listener, address: &str) -> Option<IpAddr> {
        let port = listener.local_addr().unwrap().port();
        let address = SocketAddr::new(address.parse().unwrap(), port);
        let _near = TcpStream::connect(address).await.ok()?;
        Some(listener.accept().await.unwrap().1.ip())
    }

    #[tokio::test]
    async fn every_address_of_ipv6_takes_ipv4_too_and_knows_its_clients_by_their_ipv4_address() {
        let listener = bind("[::]:0".parse().unwrap()).unwrap();
        assert_eq!(peer_at(&listener, "127.0.0.1").await, "127.0.0.1".parse().ok());
        assert_eq!(peer_at(&listener, "::1").await, "::1".parse().ok());
        let reached = listener.loopback_addr().unwrap();
        assert_eq!(reached, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), reached.port()));
    }

    #[tokio::test]
    async fn ipv6_alone_leaves_the_port_of_ipv4_to_another_listener() {
        let ipv4 = bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let port = ipv4.local_addr().unwrap().port();
        assert_eq!(ipv4.loopback_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
        let every = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        assert!(bind(every).is_err(), "the port is taken");
        let ipv6 = bind_families(every, Families::Ipv6Only).unwrap();
        assert_eq!(ipv6.loopback_addr().unwrap().ip(), Ipv6Addr::LOCALHOST);
        assert_eq!(peer_at(&ipv6, "::1").await, "::1".parse().ok());
        assert_eq!(peer_at(&ipv4, "127.0.0.1").await, "127.0.0.1".parse().ok());
    }

    #[test]
    fn only_a_system_without_ipv6_is_taken_for_one() {
        let is_so = |code| has_no_ipv6(&Error::from_raw_os_error(code));
        use nix::errno::Errno;
        assert!(is_so(Errno::EAFNOSUPPORT as i32) && is_so(Errno::EADDRNOTAVAIL as i32));
        assert!(!is_so(Errno::EADDRINUSE as i32) && !is_so(Errno::EACCES as i32));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_kernel_buffers_no_more_than_may_be_unsent_for_a_client_that_does_not_read() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let near = Raw::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        near.set_recv_buffer_size(4_096).unwrap();
        near.connect(&listener.local_addr().unwrap().into()).unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let much = vec![0; 64 * 1024];
        let mut taken = 0;
        // Bytes that have arrived at the other side do not count.
        for _ in 0..200 {
            taken += far.write_now(&much).unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let most = limits::UNSENT as usize;
        assert!((most / 2..=2 * most).contains(&taken), "{taken} of {most}");
    }

    #[tokio::test]
    async fn bytes_that_are_there_are_read_without_joining_and_the_socket_can_leave() {
        let (mut near, mut far) = pair().await;
        near.write_all(b"GET").await.unwrap();
        let first = loop {
            if let Some(first) = far.read_now().unwrap() {
                break first;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(&first[..], b"GET");
        assert_eq!(far.write_now(b"yes").unwrap(), 3);
        let mut received = [0; 3];
        near.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"yes");
        near.write_all(b"more").await.unwrap();
        let mut more = BytesMut::new();
        while more.len() < 4 {
            assert!(far.read(&mut more).await.unwrap() > 0);
        }
        assert_eq!(&more[..], b"more");
        assert!(far.into_established().is_ok());
    }

    #[tokio::test]
    async fn a_socket_that_takes_no_more_says_how_much_it_took_and_one_that_ended_that_it_has() {
        let (near, far) = pair().await;
        let much = vec![0; 1 << 20];
        // Buffers of a loopback socket are bounded; a hundred times this is more than they take.
        let full = (0..100).any(|_| far.write_now(&much).unwrap() < much.len());
        assert!(full, "it took everything");
        drop(near);
        let ended = loop {
            match far.read_now() {
                Ok(None) => tokio::task::yield_now().await,
                ended => break ended,
            }
        };
        assert!(ended.is_err());
    }
}
