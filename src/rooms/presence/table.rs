//! What is known of the presence of all users.

use std::collections::{HashMap, HashSet};

use super::user::{PresenceView, UserPresence};
use crate::base::ids::Uid;
use crate::protocol::presence::Status;

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    /// Users with a connection.
    pub users: HashMap<Uid, UserPresence>,
    /// Users of whom something has changed since the last tick.
    pub changed: HashSet<Uid>,
    /// What was published of each user who is not offline.
    pub last_published: HashMap<Uid, PresenceView>,
    /// Users of whom somebody has read what was not published.
    pub read_early: HashSet<Uid>,
    /// Users whose status has an end.
    pub ending: HashSet<Uid>,
    /// Statuses that are not stored yet.
    pub unsaved: HashMap<Uid, Status>,
    /// Connections that were reserved and are on their way to a shard.
    pub reserved: HashMap<Uid, usize>,
}

impl Table {
    /// A reservation ends. A connection that came without one was not counted.
    pub fn release(&mut self, uid: Uid) {
        if let Some(reserved) = self.reserved.get_mut(&uid) {
            *reserved -= 1;
            if *reserved == 0 {
                self.reserved.remove(&uid);
            }
        }
    }

    /// Sets the status of a user who is online.
    pub fn set_status(&mut self, uid: Uid, status: Status) {
        let Some(user) = self.users.get_mut(&uid) else { return };
        match status.until {
            Some(_) => self.ending.insert(uid),
            None => self.ending.remove(&uid),
        };
        user.status = status;
        self.changed.insert(uid);
    }

    /// Ends the statuses whose end has come by `now`.
    pub fn end_statuses(&mut self, now: i64) {
        let has_ended = |uid: &Uid| {
            let until = self.users.get(uid).and_then(|user| user.status.until);
            until.is_none_or(|until| until <= now)
        };
        let ended: Vec<_> = self.ending.iter().copied().filter(has_ended).collect();
        for uid in ended {
            self.set_status(uid, Status::default());
        }
    }

    /// The presence of a user at `now`.
    pub fn view(&self, uid: Uid, now: i64) -> PresenceView {
        self.users.get(&uid).map_or(PresenceView::OFFLINE, |user| user.view(now))
    }
}
