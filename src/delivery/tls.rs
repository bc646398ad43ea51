//! TLS over the socket of a connection: what is sealed and not sent, and what is received and not opened.
//!
//! Sealing is decided by the writer: it seals everything that it has for a client with one call, at most
//! [`limits::SEALED`] bytes, and only when nothing sealed is left. So a reader that takes nothing holds one record
//! here, and the rest of what waits for it is shared with the other readers of its rooms.
//!
//! rustls bounds what a peer can make us keep or do: one record (18 KiB), or a message of the handshake (64 KiB);
//! 32 empty records or key updates in a row, four warnings, one attempt to renegotiate.

use std::io::{self, ErrorKind, IoSlice, Read, Write as _};

use mio::net::TcpStream;
use rustls::ServerConnection;
use socket2::SockRef;

use super::memory;
use super::received::Received;
use crate::base::draining_reader::DrainingReader;
use crate::base::limits::delivery as limits;
use crate::base::memory::Kind;

/// One TLS connection whose handshake is done.
pub(super) struct Tls {
    session: Box<ServerConnection>,
    /// Sealed bytes that the kernel has not taken, as they are recorded.
    unsent: usize,
}

impl Tls {
    /// Takes a connection over with what it holds.
    ///
    /// # Errors
    /// The peer broke TLS with what came behind the handshake.
    pub fn adopt(mut session: Box<ServerConnection>) -> io::Result<Self> {
        session.set_buffer_limit(Some(limits::SEALED));
        // The kernel does not report again what was read during the handshake.
        session.process_new_packets().map_err(invalid)?;
        let mut tls = Self { session, unsent: 0 };
        tls.record_unsent();
        Ok(tls)
    }

    /// Opens what has come, or reads more.
    pub fn read(&mut self, stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Received> {
        let mut source = DrainingReader::new(stream);
        loop {
            match self.session.reader().read(buffer) {
                Ok(count) => {
                    let is_drained = source.is_drained() && count < buffer.len();
                    return Ok(Received { count, is_drained });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // TCP has ended without TLS: an end like any other, because no message of a WebSocket ends by it.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Ok(Received { count: 0, is_drained: true });
                }
                Err(error) => return Err(error),
            }
            self.session.read_tls(&mut source)?;
            if let Err(error) = self.session.process_new_packets() {
                // The alert says why; if it cannot be sent now, the end of TCP has to do.
                let _ = self.send(source.into_inner());
                return Err(invalid(error));
            }
        }
    }

    /// Seals as much as may wait and sends what the kernel takes; how many of the bytes are sealed.
    pub fn write(&mut self, stream: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let sealed = match pieces {
            [bytes] => self.session.writer().write(bytes)?,
            several => self.session.writer().write_vectored(several)?,
        };
        match self.send(stream) {
            Ok(_) => Ok(sealed),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(sealed)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends what is sealed, as much as the kernel takes.
    pub fn send(&mut self, stream: &TcpStream) -> io::Result<usize> {
        let sent = self.session.write_tls(&mut Sink(stream));
        self.record_unsent();
        sent
    }

    /// Whether something is sealed and not sent.
    #[inline]
    pub fn has_unsent(&self) -> bool {
        self.session.wants_write()
    }

    /// How many bytes that is.
    #[inline]
    pub fn unsent(&self) -> usize {
        self.unsent
    }

    /// Seals the announcement that nothing follows. A second time it does nothing.
    pub fn announce_end(&mut self) {
        self.session.send_close_notify();
    }

    fn record_unsent(&mut self) {
        let unsent = match self.session.wants_write() {
            false => 0,
            // Everything that was read has been processed, so this only counts.
            true => {
                self.session.process_new_packets().map_or(self.unsent, |io| io.tls_bytes_to_write())
            }
        };
        if unsent != self.unsent {
            memory::record(Kind::SendQueues, unsent.cast_signed() - self.unsent.cast_signed());
            self.unsent = unsent;
        }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        memory::record(Kind::SendQueues, -self.unsent.cast_signed());
    }
}

/// The socket as rustls writes it. sendmsg(2) knows a shorter way to a socket than writev(2).
struct Sink<'a>(&'a TcpStream);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&mut &*self.0).write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            [bytes] => self.write(bytes),
            several => SockRef::from(self.0).send_vectored(several),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
