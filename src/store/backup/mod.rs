//! Backups of both stores: one file, written while the server runs, read into an empty database.
//!
//! ```text
//! IMPULSE BACKUP 2\n        which format this is
//! sections, each:           kind (1 byte), length (4), payload, SHA-256 of the hash before and of all this
//!   header                  when and by which version, migrations, tables and their columns
//!   rows*                   a table's number, and a piece of its `COPY … TO STDOUT`, compressed
//!   file*                   a small file of the data directory (`tls/…`), compressed
//!   sent*                   a piece of a file that somebody has sent, as it is: id, form, bytes
//!   end                     rows of each table, numbers given so far, sums of what a restore is compared with
//! ```
//!
//! The hashes are a chain, so the last one covers the whole file: a file that was torn, changed or put together from
//! parts is not taken for a whole one ([`reader`]). Rows are text, so a backup fits every later major version of
//! PostgreSQL and any division of the stores over databases. They are in the order in which foreign keys need them.
//!
//! A backup reads one database in one snapshot. Of two databases the chat store is read first and the account store
//! after it; [`restore`] brings in line what happened in between.

mod file;
pub mod folder;
mod format;
pub mod nightly;
pub mod reader;
mod reconcile;
mod restore;
mod save;
mod sent;
mod writer;

pub use file::BackupFile;
pub use format::{End, Header, StoreHeader, Sum, TableHeader};
pub use reader::{Checked, Part, Reader, check};
pub use restore::{Restored, Target, finish_interrupted, renew, restore};
pub use save::{Pace, Progress, Saved, Source, save};
pub use writer::Writer;
