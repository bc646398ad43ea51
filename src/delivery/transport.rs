//! The socket of a connection: the only place of the delivery plane where bytes are read from the kernel and
//! written to it. Plain TCP; encryption will have its place here, where a write carries everything that a
//! sweep has for a client.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::base::established::Established;

/// A non-blocking socket, registered with the epoll of its shard.
pub(super) struct Transport {
    stream: TcpStream,
}

impl Transport {
    /// Registers a socket under this token.
    ///
    /// # Errors
    /// The kernel refused to watch one more socket.
    pub fn register(stream: Established, registry: &Registry, token: Token) -> io::Result<Self> {
        let Established::Plain(stream) = stream else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream })
    }

    /// The socket closes when this is dropped, so an error here changes nothing.
    pub fn deregister(mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.stream);
    }

    /// Reads what is there, 0 bytes at the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; anything else ends the connection.
    #[inline]
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    /// Writes as much as the kernel takes.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing; anything else ends the connection.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    /// The same for several pieces. sendmsg(2) knows a shorter way to a socket than writev(2).
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    #[inline]
    pub fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        SockRef::from(&self.stream).send_vectored(pieces)
    }

    /// Ends our side of the stream.
    pub fn shut_down_write(&self) {
        // It fails only when the other side has ended the connection already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
