//! A connection's socket, and the bytes that were read from it and not used yet.
//!
//! What is there, or fits, at the first try needs no wait: no deadline and no epoll. What a wait needs is
//! boxed, because a connection's task is copied twice.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout, timeout_at};

use super::close;
use super::socket::Socket;
use crate::base::limits::http as limits;

/// The connection ends without an answer: the client left, sent nothing in time, or the server stops.
pub(super) struct Disconnected;

/// A connection's socket, and the bytes that were read from it and not used yet.
pub(super) struct BufferedSocket {
    socket: Socket,
    pub input: BytesMut,
}

impl BufferedSocket {
    pub fn new(socket: Socket) -> Self {
        Self { socket, input: BytesMut::new() }
    }

    /// Reads what has arrived on a socket that nobody has waited for. False: nothing is there.
    pub fn read_now(&mut self) -> Result<bool, Disconnected> {
        let input = self.socket.read_now().map_err(|_| Disconnected)?;
        let is_there = input.is_some();
        self.input = input.unwrap_or_default();
        Ok(is_there)
    }

    /// Waits for the first bytes, without a buffer until they are there.
    pub async fn first_bytes(&mut self) -> Result<BytesMut, Disconnected> {
        self.socket.first_bytes().await.map_err(|_| Disconnected)
    }

    /// Waits for more bytes and adds them to the input.
    pub async fn read(&mut self) -> Result<(), Disconnected> {
        self.input.reserve(limits::READ);
        match self.socket.read(&mut self.input).await {
            Ok(0) | Err(_) => Err(Disconnected),
            Ok(_) => Ok(()),
        }
    }

    /// Waits for more bytes of a body that is read piece by piece.
    pub async fn read_piece(&mut self) -> Result<(), Disconnected> {
        self.input.reserve(limits::PIECE);
        match self.socket.read(&mut self.input).await {
            Ok(0) | Err(_) => Err(Disconnected),
            Ok(_) => Ok(()),
        }
    }

    /// Writes a piece of an answer, some of it within `most` each time, and all by then.
    pub async fn write_piece(
        &mut self,
        mut piece: &[u8],
        most: Duration,
        by: Instant,
    ) -> Result<(), Disconnected> {
        while !piece.is_empty() {
            let next_by = by.min(Instant::now() + most);
            match timeout_at(next_by, self.socket.write(piece)).await {
                Ok(Ok(written)) if written > 0 => piece = piece.get(written..).unwrap_or_default(),
                _ => return Err(Disconnected),
            }
        }
        Ok(())
    }

    /// Waits until what was written has left the program, at most so long.
    pub async fn flush(&mut self, most: Duration) -> Result<(), Disconnected> {
        match timeout(most, self.socket.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Disconnected),
        }
    }

    /// From now on the kernel takes at most so many bytes that it cannot send yet.
    pub fn limit_unsent(&self, bytes: u32) {
        self.socket.limit_unsent(bytes);
    }

    /// Ends the connection so that nobody takes what was sent for a whole answer.
    pub fn abort(self) {
        self.socket.abort();
    }

    /// Writes all of `bytes` within `most`.
    pub async fn write(&mut self, bytes: &[u8], most: Duration) -> Result<(), Disconnected> {
        let written = self.socket.write_now(bytes).map_err(|_| Disconnected)?;
        match bytes.get(written..) {
            None | Some([]) => Ok(()),
            Some(rest) => Box::pin(self.write_rest(rest, most)).await,
        }
    }

    async fn write_rest(&mut self, bytes: &[u8], most: Duration) -> Result<(), Disconnected> {
        match timeout(most, self.socket.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Disconnected),
        }
    }

    /// Ends our side and reads on for at most `most`.
    pub async fn linger(&mut self, most: Duration) {
        close::linger(&mut self.socket, most).await;
    }

    /// The socket, and what was read beyond the last request.
    pub fn into_parts(self) -> (Socket, Bytes) {
        (self.socket, self.input.freeze())
    }
}
