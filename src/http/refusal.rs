//! Why a request is not served.

/// Why a request is not served. The connection ends after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// HTTP/0.9: the client could not read a status line, so it gets none.
    Silent,
    /// An answer with this status and sentence.
    Answer(u16, &'static str),
}

/// A request that breaks the protocol.
pub(super) const fn bad_request(sentence: &'static str) -> Refusal {
    Refusal::Answer(400, sentence)
}
