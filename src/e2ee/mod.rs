//! The end-to-end encryption as far as a server takes part in it (`e2ee.md`): bytes, hashes, signatures and the two
//! state machines, the directory of keys and the signed logs of rooms. Nothing here does I/O, and nothing can read a
//! message: the server checks who may do what and that everybody sees the same.

pub mod account;
pub mod directory;
pub mod envelope;
pub mod pack;
pub mod padding;
pub mod room_log;
mod shared_directory;
pub mod signature;
pub mod wraps;

pub use shared_directory::{Directory, DirectoryState, SharedDirectory};
