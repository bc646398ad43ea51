//! Packed bytes and key derivation of the end-to-end encryption.
//!
//! Only what the login needs is here yet: `pack` and `kdf` (`e2ee.md` 3.2) and the server's part of
//! turning a password into keys (4.3). Both sides are checked against the same vectors.

pub mod account;
pub mod pack;
