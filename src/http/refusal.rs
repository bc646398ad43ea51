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

/// A fatal alert, `internal_error` (RFC 8446, 6): what a connection that is not let in gets instead of a handshake.
pub(super) const HANDSHAKE_REFUSED: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];
