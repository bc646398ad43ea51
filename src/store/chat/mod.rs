//! The chat store: rooms, members, messages. It knows users only by number.
//!
//! Anybody may read here; a write that members must see is made by the room's actor and, for messages, by the
//! journal ([`commit::Writer`]).

pub mod backup;
mod blocks;
pub mod change;
pub mod commit;
pub mod content;
mod epoch;
pub mod files;
mod insert;
mod log;
mod log_change;
mod log_columns;
mod members;
mod message_rows;
mod messages;
mod removal;
mod rooms;
pub mod search;
mod statistics;
mod stored;
mod unreadable;

pub use blocks::BlockRow;
pub use log::{LogBatch, LogRow, NewEncryptedRoom, StoredWraps};
pub use members::{BanRow, MemberRow};
pub use messages::{
    Around, MessagePage, Missed, MissedChange, Page, Place, RecentMessage, WithLog,
};
pub use rooms::{NewRoom, RemovedRoom, RoomChange, RoomEncryption, RoomRow};
pub use stored::{Ack, Found, Stored, StoredKind, StoredReaction, Superseded};

use std::sync::Arc;

use unreadable::Unreadable;

use super::migrate::{self, Migration};
use super::pool::Database;

const MIGRATIONS: &[Migration] = &migrate::numbered([
    ("rooms_and_messages", include_str!("../../../sql/chat/0001_rooms_and_messages.sql")),
    ("rooms_of_every_kind", include_str!("../../../sql/chat/0002_rooms_of_every_kind.sql")),
    ("one_sequencer", include_str!("../../../sql/chat/0003_one_sequencer.sql")),
    ("cheaper_messages", include_str!("../../../sql/chat/0004_cheaper_messages.sql")),
    ("write_probe", include_str!("../../../sql/chat/0005_write_probe.sql")),
    ("blocking", include_str!("../../../sql/chat/0006_blocking.sql")),
    ("mute", include_str!("../../../sql/chat/0007_mute.sql")),
    ("epoch", include_str!("../../../sql/chat/0008_epoch.sql")),
    ("encryption", include_str!("../../../sql/chat/0009_encryption.sql")),
    ("files", include_str!("../../../sql/chat/0010_files.sql")),
    ("search", include_str!("../../../sql/chat/0011_search.sql")),
]);

/// Handle to the chat store. Cheap to clone.
#[derive(Clone)]
pub struct ChatStore {
    database: Database,
    unreadable: Arc<Unreadable>,
}

impl ChatStore {
    /// Brings the schema up to date and opens the store.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub async fn open(database: Database) -> Result<Self, String> {
        migrate::run(&database, "chat", MIGRATIONS).await?;
        Ok(Self { database, unreadable: Arc::default() })
    }

    /// The same store through another pool of its database.
    pub fn through(&self, database: Database) -> Self {
        Self { database, unreadable: self.unreadable.clone() }
    }

    /// Whether a write commits here now.
    ///
    /// # Errors
    /// `unavailable` with the reason.
    pub async fn try_write(&self) -> crate::base::error::Result<()> {
        self.database.try_write("chat.write_probe").await
    }

    /// The database behind it.
    pub fn database(&self) -> &Database {
        &self.database
    }
}
