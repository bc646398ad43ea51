//! Reports rows that cannot be read in the log: each once, not every time it is read.

use std::collections::HashSet;
use std::sync::Mutex;

use super::content::Cause;
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::store as limits;
use crate::base::lock::MutexExt as _;

/// Which rows have been reported since the start.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    reported: Mutex<HashSet<(RoomId, Mid)>>,
}

impl Unreadable {
    /// Reports a row unless that was done before, or too many were.
    pub fn report(&self, room: RoomId, mid: Mid, cause: Cause) {
        match self.note(room, mid) {
            Noted::First => {
                tracing::error!(%room, %mid, cause, "a stored message cannot be read; it is shown as unreadable");
            }
            Noted::Last => {
                tracing::error!(%room, %mid, cause, "a stored message cannot be read; further ones are not reported");
            }
            Noted::Known => {}
        }
    }

    fn note(&self, room: RoomId, mid: Mid) -> Noted {
        let mut reported = self.reported.lock_unpoisoned();
        if reported.len() >= limits::UNREADABLE || !reported.insert((room, mid)) {
            return Noted::Known;
        }
        if reported.len() == limits::UNREADABLE { Noted::Last } else { Noted::First }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Noted {
    /// Seen for the first time.
    First,
    /// The same, and the last one that is reported.
    Last,
    /// Reported already, or one too many.
    Known,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_reported_once_and_no_more_rows_than_the_bound() {
        let unreadable = Unreadable::default();
        let note = |n: usize| unreadable.note(RoomId(1), Mid((n as u128).to_be_bytes()));
        assert_eq!((note(0), note(0)), (Noted::First, Noted::Known));
        assert!((1..limits::UNREADABLE - 1).all(|n| note(n) == Noted::First));
        assert_eq!(note(limits::UNREADABLE - 1), Noted::Last);
        assert!((0..2 * limits::UNREADABLE).all(|n| note(n) == Noted::Known));
    }
}
