//! What a client of the load test does. It does the same after it has reconnected.

/// What a client of the load test does.
#[derive(Debug, Clone, Copy)]
pub struct Assignment {
    /// Whose connection it is, as an index into the list of tokens.
    pub token: usize,
    /// The room it is about, as an index into the list of rooms.
    pub room: usize,
    /// Whether it follows that room.
    pub follows: bool,
    /// Whether it reads what it gets, once it is ready.
    pub reads: bool,
}
