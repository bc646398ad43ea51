//! Packed bytes and key derivation of the end-to-end encryption.
