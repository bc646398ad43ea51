//! RFC 6455 by hand over tungstenite's frame code: handshake, codec, close.
//!
//! It does no I/O: bytes in, messages out. tungstenite parses and formats frame headers and knows the
//! close codes. Its stream, which zero-fills 128 KiB per read and copies every message, is not used.

pub mod client;
pub mod codec;
pub mod frame;
pub mod handshake;

pub use codec::{Codec, Fault, Limits, Message, Progress};
pub use handshake::OriginPolicy;
