//! Certificates (`tls`). What bounds handshakes is in `http`.

use std::time::Duration;

/// Bytes of a file with a certificate chain or a key.
pub const FILE: u64 = 1024 * 1024;
/// How often the files of a certificate are read again.
pub const FILES_READ_AGAIN: Duration = Duration::from_secs(5);
/// So long before its end the log warns of it.
pub const END_WARNED: Duration = Duration::from_secs(14 * 24 * 3_600);
/// How often.
pub const END_WARNED_AGAIN: Duration = Duration::from_secs(24 * 3_600);
