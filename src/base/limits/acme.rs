//! Certificates by ACME (`tls::acme`).

/// Challenges that are answered at once: one for each name of a certificate.
pub const CHALLENGES: usize = 100;
/// The token of a challenge, in bytes.
pub const TOKEN: usize = 128;
