//! The socket of a connection: the only place of the delivery plane where bytes are read from the kernel and
//! written to it, plain or through TLS (`tls.rs`). Plain is one system call and nothing else.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::received::Received;
use super::tls::Tls;
use crate::base::established::Established;

/// A non-blocking socket, registered with the epoll of its shard.
pub(super) struct Transport {
    stream: TcpStream,
    tls: Option<Tls>,
}

impl Transport {
    /// Registers a socket under this token.
    ///
    /// # Errors
    /// The kernel refused to watch one more socket, or the peer broke TLS.
    pub fn register(stream: Established, registry: &Registry, token: Token) -> io::Result<Self> {
        let (stream, tls) = match stream {
            Established::Plain(stream) => (stream, None),
            Established::Tls(stream, session) => (stream, Some(Tls::adopt(session)?)),
        };
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, tls })
    }

    /// Closes the socket. A peer that still reads is told that nothing was cut off, if that can be sent at once.
    pub fn close(mut self, registry: &Registry) {
        if let Some(tls) = &mut self.tls
            && !tls.has_unsent()
        {
            tls.announce_end();
            // Most sockets that end up here are broken.
            let _ = tls.send(&self.stream);
        }
        // The socket closes when this is dropped, so an error here changes nothing.
        let _ = registry.deregister(&mut self.stream);
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; anything else ends the connection.
    #[inline]
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        match &mut self.tls {
            None => {
                let count = self.stream.read(buffer)?;
                Ok(Received { count, is_drained: count < buffer.len() })
            }
            Some(tls) => tls.read(&mut self.stream, buffer),
        }
    }

    /// Writes as much as the kernel takes; TLS keeps the rest of what it has sealed, which
    /// [`send_sealed`](Self::send_sealed) must send before the next write.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing; anything else ends the connection.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write(bytes),
            Some(tls) => tls.write(&self.stream, &[IoSlice::new(bytes)]),
        }
    }

    /// The same for several pieces. sendmsg(2) knows a shorter way to a socket than writev(2).
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    #[inline]
    pub fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.tls {
            None => SockRef::from(&self.stream).send_vectored(pieces),
            Some(tls) => tls.write(&self.stream, pieces),
        }
    }

    /// Whether bytes are sealed that the kernel has not taken.
    #[inline]
    pub fn has_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(Tls::has_unsent)
    }

    /// How many these are.
    #[inline]
    pub fn unsent(&self) -> usize {
        self.tls.as_ref().map_or(0, Tls::unsent)
    }

    /// Sends what is sealed, as much as the kernel takes.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn send_sealed(&mut self) -> io::Result<usize> {
        self.tls.as_mut().map_or(Ok(0), |tls| tls.send(&self.stream))
    }

    /// Whether it is TLS: bytes may have come that epoll does not report.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Announces the end of what we send, before [`shut_down_write`](Self::shut_down_write). Whether that is to be
    /// sent.
    pub fn announce_end(&mut self) -> bool {
        if let Some(tls) = &mut self.tls {
            tls.announce_end();
        }
        self.has_unsent()
    }

    /// Ends our side of the stream.
    pub fn shut_down_write(&self) {
        // It fails only when the other side has ended the connection already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
