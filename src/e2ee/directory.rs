//! The directory of everybody's keys (`e2ee.md` 5): its bytes, and the chain that the server holds in memory.

pub mod chain;
pub mod entry;
pub mod head;
pub mod person;
pub mod rule;
pub mod view;

pub use chain::{BrokenChain, Chain, Checked, Stored};
pub use entry::{Entry, EntryType, Instance, SignedEntry, Tag, tag};
pub use head::{Row, SignedHead, first_hash, node};
pub use rule::{Reason, Refusal, Rule};
pub use view::DirectoryView;
