//! Certificates (`tls`). What bounds handshakes is in `http`.

use std::time::Duration;

/// Bytes of a file with a certificate chain or a key.
pub const FILE: u64 = 1024 * 1024;
/// How often the files of a certificate are read again.
pub const FILES_READ_AGAIN: Duration = Duration::from_secs(2);
/// So long before its end the log warns of it.
pub const END_WARNED: Duration = Duration::from_secs(14 * DAY);
/// How often.
pub const END_WARNED_AGAIN: Duration = Duration::from_secs(DAY);

/// How long a certificate authority of the server's own is valid.
pub const AUTHORITY_LIFE: Duration = Duration::from_secs(10 * 365 * DAY);
/// So long before its end the log says that it has to be replaced.
pub const AUTHORITY_END_SAID: Duration = Duration::from_secs(180 * DAY);
/// How long its certificates are valid. Browsers take at most 398 days, some authorities' less.
pub const LEAF_LIFE: Duration = Duration::from_secs(180 * DAY);
/// So long before its end a certificate is replaced.
pub const LEAF_RENEWAL: Duration = Duration::from_secs(60 * DAY);
/// A device whose clock is behind by at most this takes a new certificate.
pub const CLOCK_BEHIND: Duration = Duration::from_secs(DAY);
/// An authority is not made before this moment (2026-01-01), counted from 1970: a clock that says so is not set.
pub const CLOCK_LEAST: Duration = Duration::from_secs(1_767_225_600);
/// How often the addresses of the machine and the clock are compared with the certificate.
pub const ADDRESSES_POLL: Duration = Duration::from_secs(15);
/// Addresses of the machine that are considered.
pub const ADDRESSES: usize = 64;
/// Names and addresses in one certificate.
pub const LEAF_NAMES: usize = 100;

const DAY: u64 = 24 * 60 * 60;
