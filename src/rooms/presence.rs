//! Presence: derived from connections, told once a second, and only where somebody can look.
//!
//! Connecting, leaving and changing state only mark a user; a tick compares with what was told
//! last, so a reconnect within a second is silent and 3,000 arrivals are one pass. Rooms with more
//! than [`limits::PRESENCE_MEMBERS`] members are not told: there the cost would be the square of the
//! members, and the members list answers instead.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::outlet::ConnRef;
use crate::ids::Uid;
use crate::protocol::command::PresenceState;
use crate::protocol::event::Event;

#[cfg(doc)]
use crate::limits::rooms as limits;

/// How a user is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `online`, `away`, `dnd` or `offline`.
    pub state: &'static str,
    /// A few words beside it.
    pub text: Option<String>,
}

#[derive(Debug, Default)]
struct UserPresence {
    connections: HashMap<ConnRef, PresenceState>,
    text: Option<String>,
}

#[derive(Debug, Default)]
struct Table {
    users: HashMap<Uid, UserPresence>,
    changed: HashSet<Uid>,
    told: HashMap<Uid, Seen>,
}

/// Who is here. All calls are short and never wait.
#[derive(Debug, Default)]
pub struct Presence {
    table: Mutex<Table>,
}

impl Presence {
    /// A connection of `uid` has begun.
    pub fn connected(&self, uid: Uid, conn: ConnRef) {
        let mut table = self.table();
        table.users.entry(uid).or_default().connections.insert(conn, PresenceState::Online);
        table.changed.insert(uid);
    }

    /// A connection of `uid` has ended.
    pub fn disconnected(&self, uid: Uid, conn: ConnRef) {
        let mut table = self.table();
        if let Some(user) = table.users.get_mut(&uid) {
            user.connections.remove(&conn);
            if user.connections.is_empty() {
                table.users.remove(&uid);
            }
            table.changed.insert(uid);
        }
    }

    /// What the user says on one of his connections. The words hold for all of them.
    pub fn set(&self, uid: Uid, conn: ConnRef, state: PresenceState, text: Option<String>) {
        let mut table = self.table();
        let Some(user) = table.users.get_mut(&uid) else { return };
        let Some(own) = user.connections.get_mut(&conn) else { return };
        *own = state;
        user.text = text;
        table.changed.insert(uid);
    }

    /// How a user is to be seen now.
    pub fn seen(&self, uid: Uid) -> Seen {
        self.table().seen(uid)
    }

    /// How many connections a user has.
    pub fn connections_of(&self, uid: Uid) -> usize {
        self.table().users.get(&uid).map_or(0, |user| user.connections.len())
    }

    /// Users with a connection.
    pub fn online(&self) -> usize {
        self.table().users.len()
    }

    /// What has changed since it was told last, as encoded events.
    pub(super) fn news(&self) -> Vec<(Uid, bytes::Bytes)> {
        let mut table = self.table();
        let changed = std::mem::take(&mut table.changed);
        let mut news = Vec::new();
        for uid in changed {
            let seen = table.seen(uid);
            let before = if seen.state == "offline" {
                table.told.remove(&uid)
            } else {
                table.told.insert(uid, seen.clone())
            };
            if before.as_ref().map_or(seen.state != "offline", |before| *before != seen) {
                let event = Event::Presence { uid, state: seen.state, text: seen.text.as_deref() };
                news.push((uid, event.encode()));
            }
        }
        news
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// "Do not disturb" on one device holds for all; otherwise the liveliest device counts.
    fn seen(&self, uid: Uid) -> Seen {
        let Some(user) = self.users.get(&uid) else {
            return Seen { state: "offline", text: None };
        };
        let has = |state| user.connections.values().any(|own| *own == state);
        let state = [PresenceState::Dnd, PresenceState::Online, PresenceState::Away];
        let state = state.into_iter().find(|state| has(*state)).map_or("offline", |s| s.as_str());
        Seen { state, text: user.text.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Uid = Uid(1);

    fn conn(slot: u32) -> ConnRef {
        ConnRef { shard: 0, slot, generation: 0 }
    }

    #[test]
    fn a_reconnect_within_a_tick_is_silent() {
        let presence = Presence::default();
        presence.connected(ANNA, conn(1));
        assert_eq!(presence.news().len(), 1);
        presence.disconnected(ANNA, conn(1));
        presence.connected(ANNA, conn(2));
        assert_eq!(presence.news().len(), 0);
    }

    #[test]
    fn all_devices_count_and_the_last_one_to_leave_makes_offline() {
        let presence = Presence::default();
        presence.connected(ANNA, conn(1));
        presence.connected(ANNA, conn(2));
        presence.set(ANNA, conn(1), PresenceState::Away, None);
        assert_eq!(presence.seen(ANNA).state, "online");
        presence.set(ANNA, conn(2), PresenceState::Dnd, Some("focus".into()));
        assert_eq!(presence.seen(ANNA).state, "dnd");
        presence.disconnected(ANNA, conn(2));
        assert_eq!(presence.seen(ANNA).state, "away");
        presence.disconnected(ANNA, conn(1));
        assert_eq!(presence.seen(ANNA).state, "offline");
        assert!(presence.news().is_empty(), "nobody was ever told that she was there");
    }

    #[test]
    fn a_state_on_a_connection_that_has_ended_changes_nothing() {
        let presence = Presence::default();
        presence.set(ANNA, conn(1), PresenceState::Dnd, None);
        assert_eq!(presence.seen(ANNA).state, "offline");
    }
}
