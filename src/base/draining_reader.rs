//! A reader that knows when a non-blocking socket is empty.

use std::io::{self, Read};

/// Reads from a socket that epoll reports once for each arrival, and knows whether to read again.
pub struct DrainingReader<'a, R> {
    inner: &'a mut R,
    is_drained: bool,
}

impl<'a, R: Read> DrainingReader<'a, R> {
    /// Nothing has been read yet.
    pub fn new(inner: &'a mut R) -> Self {
        Self { inner, is_drained: false }
    }

    /// The last read took less than there was space for: the socket is empty, or epoll will report it again.
    pub fn is_drained(&self) -> bool {
        self.is_drained
    }

    /// The socket.
    pub fn into_inner(self) -> &'a mut R {
        self.inner
    }
}

impl<R: Read> Read for DrainingReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.is_drained = count < buffer.len();
        Ok(count)
    }
}
