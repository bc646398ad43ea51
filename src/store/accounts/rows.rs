//! Values that several tables have, read from their rows.

use tokio_postgres::Row;

use crate::base::error::{Error, Result};
use crate::base::time;
use crate::protocol::presence::{PresenceState, Status};

/// State, text and end in three columns from `first` on.
pub(super) fn status(row: &Row, first: usize) -> Status {
    Status {
        state: PresenceState::from_name(row.get(first)).unwrap_or(PresenceState::Online),
        text: row.get(first + 1),
        until: row.get::<_, Option<i64>>(first + 2).map(time::stored),
    }
}

/// A column of fixed length; the schema checks it too.
pub(super) fn bytes<const N: usize>(column: &[u8]) -> Result<[u8; N]> {
    column.try_into().map_err(|_| Error::internal("a stored value has the wrong length"))
}
