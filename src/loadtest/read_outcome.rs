//! What one read of a connection brought.

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    /// So many bytes, and there may be more.
    More(usize),
    /// So many bytes, and no more for now.
    Drained(usize),
    /// Nothing for now.
    WouldBlock,
    /// The end of the connection.
    Closed,
}
