//! Certificates (`tls`). What bounds handshakes is in `http`.

/// Bytes of a file with a certificate chain or a key.
pub const FILE: u64 = 1024 * 1024;
