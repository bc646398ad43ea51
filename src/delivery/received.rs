//! What one read of a socket brought.

/// What a read brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    /// Bytes; 0 at the end of the stream.
    pub count: usize,
    /// Nothing more is there, or epoll will report it (epoll(7)).
    pub is_drained: bool,
}
