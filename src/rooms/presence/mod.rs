//! Who is online: derived from the connections of all of a user's devices, and from the status they have set.
//!
//! A *status* (do not disturb, a text, until when) belongs to the account and is brought by the first
//! connection; the state of a *connection* (away from the keyboard) lasts as long as it does. Changes are coalesced
//! and published once a tick, at most one event a user, and only when what others have seen is different: a reconnect
//! within a tick publishes nothing unless somebody has read it, and thousands who come online at once cost each room no more than its
//! members. Presence is pushed into rooms of at most [`PRESENCE_MEMBERS`](crate::base::limits::rooms::PRESENCE_MEMBERS)
//! members; in larger ones clients ask for it.
//!
//! A status text that is set on a connection belongs to the account, too, but a delivery thread does not wait for
//! a database: the newest status of each user is kept here until it is stored ([`Presence::unsaved_statuses`]).

mod table;
mod user;

use std::sync::{Mutex, MutexGuard};

use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::base::lock::MutexExt as _;
use crate::base::time::now_ms;
use crate::protocol::event::Event;
use crate::protocol::presence::{PresenceState, Status, StatusText};
use crate::rooms::publication::{ConnRef, Payload};

use table::Table;
pub use user::PresenceView;

/// Who is online. All calls are short and never wait.
#[derive(Debug, Default)]
pub struct Presence {
    table: Mutex<Table>,
}

impl Presence {
    /// Reserves a connection for `uid`, who may have `most`. It counts from now on, until it is
    /// [`connected`](Self::connected) or [released](Self::release). A tail stays reserved as long as it lasts, because
    /// it makes nobody look online. So connections that come together are bounded
    /// like those that come one by one.
    #[must_use]
    pub fn reserve(&self, uid: Uid, most: usize) -> bool {
        let mut table = self.table();
        let connected = table.users.get(&uid).map_or(0, |user| user.connections.len());
        let reserved = table.reserved.entry(uid).or_default();
        let may = connected + *reserved < most;
        *reserved += usize::from(may);
        if *reserved == 0 {
            table.reserved.remove(&uid);
        }
        may
    }

    /// A reserved connection will not come.
    pub fn release(&self, uid: Uid) {
        self.table().release(uid);
    }

    /// A connection of `uid` has begun. `status` counts for the first one only: later changes come by
    /// [`set_status`](Self::set_status).
    pub fn connected(&self, uid: Uid, conn: ConnRef, status: Status) {
        let mut table = self.table();
        table.release(uid);
        let user = table.users.entry(uid).or_default();
        let is_first = user.connections.is_empty();
        user.connections.insert(conn, PresenceState::Online);
        if is_first {
            let newer = table.unsaved.get(&uid).cloned();
            table.set_status(uid, newer.unwrap_or(status));
        }
        table.changed.insert(uid);
    }

    /// A connection of `uid` has ended.
    pub fn disconnected(&self, uid: Uid, conn: ConnRef) {
        let mut table = self.table();
        if let Some(user) = table.users.get_mut(&uid) {
            user.connections.remove(&conn);
            if user.connections.is_empty() {
                table.users.remove(&uid);
                table.ending.remove(&uid);
            }
            table.changed.insert(uid);
        }
    }

    /// Whether this, set on a connection, would change anything.
    pub fn would_change(
        &self,
        uid: Uid,
        conn: ConnRef,
        state: PresenceState,
        text: Option<&StatusText>,
    ) -> bool {
        let table = self.table();
        let own = table.users.get(&uid).and_then(|user| user.connections.get(&conn));
        text.is_some() || own.is_none_or(|own| *own != state)
    }

    /// Sets the state of a connection. A status text, if there is one, is set for all of the user's connections
    /// and stays when they leave.
    ///
    /// # Errors
    /// `bad_request` for a text that has ended already.
    pub fn set(
        &self,
        uid: Uid,
        conn: ConnRef,
        state: PresenceState,
        text: Option<StatusText>,
    ) -> Result<()> {
        let now = now_ms();
        if text.as_ref().and_then(|text| text.until).is_some_and(|until| until <= now) {
            return Err(Error::field("until", "must be in the future"));
        }
        let mut table = self.table();
        let Some(user) = table.users.get_mut(&uid) else { return Ok(()) };
        let Some(own) = user.connections.get_mut(&conn) else { return Ok(()) };
        *own = state;
        if let Some(text) = text {
            let before = user.status.clone().at(now);
            let status = before.clone().with_text(text);
            if status != before {
                table.unsaved.insert(uid, status.clone());
                table.set_status(uid, status);
            }
        }
        table.changed.insert(uid);
        Ok(())
    }

    /// The stored status of the user has changed.
    pub fn set_status(&self, uid: Uid, status: Status) {
        let mut table = self.table();
        if let Some(older) = table.unsaved.get_mut(&uid) {
            // The older one may be on its way to the store at this moment, and must not stay there.
            older.clone_from(&status);
        }
        table.set_status(uid, status);
    }

    /// The status of the user, if it is known here: of those who are online, and newer than the stored one.
    pub fn status(&self, uid: Uid) -> Option<Status> {
        let table = self.table();
        let online = table.users.get(&uid).map(|user| &user.status);
        Some(online.or_else(|| table.unsaved.get(&uid))?.clone().at(now_ms()))
    }

    /// Statuses that are to be stored, at most `most` of them.
    pub fn unsaved_statuses(&self, most: usize) -> Vec<(Uid, Status)> {
        let table = self.table();
        table.unsaved.iter().take(most).map(|(uid, status)| (*uid, status.clone())).collect()
    }

    /// These have been stored. What was set since then is still unsaved.
    pub fn mark_saved(&self, statuses: &[(Uid, Status)]) {
        let mut table = self.table();
        for (uid, status) in statuses {
            if table.unsaved.get(uid) == Some(status) {
                table.unsaved.remove(uid);
            }
        }
    }

    /// The presence of a user now. If that is not published yet, it is with the next tick, even if it has gone back by
    /// then: whoever was told here would keep it otherwise.
    pub fn view(&self, uid: Uid) -> PresenceView {
        let mut table = self.table();
        let view = table.view(uid, now_ms());
        if *table.last_published.get(&uid).unwrap_or(&PresenceView::OFFLINE) != view {
            table.read_early.insert(uid);
        }
        view
    }

    /// How many connections a user has, tails and those that are reserved among them.
    pub fn connections_of(&self, uid: Uid) -> usize {
        let table = self.table();
        let connected = table.users.get(&uid).map_or(0, |user| user.connections.len());
        connected + table.reserved.get(&uid).copied().unwrap_or(0)
    }

    /// Users with a connection.
    pub fn online(&self) -> usize {
        self.table().users.len()
    }

    /// What has changed since the last call, as encoded events.
    pub(super) fn drain_changes(&self) -> Vec<(Uid, Payload)> {
        self.drain_changes_at(now_ms())
    }

    fn drain_changes_at(&self, now: i64) -> Vec<(Uid, Payload)> {
        let mut table = self.table();
        table.end_statuses(now);
        let changed = std::mem::take(&mut table.changed);
        let mut events = Vec::new();
        for uid in changed {
            let view = table.view(uid, now);
            let was_read = table.read_early.remove(&uid);
            let before = if view.is_offline() {
                table.last_published.remove(&uid)
            } else {
                table.last_published.insert(uid, view.clone())
            };
            if was_read || before.unwrap_or(PresenceView::OFFLINE) != view {
                let PresenceView { state, text, until } = &view;
                let event = Event::Presence { uid, state, text: text.as_deref(), until: *until };
                events.push((uid, event.encode()));
            }
        }
        events
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock_unpoisoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Uid = Uid(1);

    fn conn(slot: u32) -> ConnRef {
        ConnRef { shard: 0, slot, generation: 0 }
    }

    fn status_text(text: &str, until: Option<i64>) -> Option<StatusText> {
        Some(StatusText { text: text.to_owned(), until })
    }

    fn online(slots: &[u32]) -> Presence {
        let presence = Presence::default();
        for slot in slots {
            presence.connected(ANNA, conn(*slot), Status::default());
        }
        presence
    }

    #[test]
    fn a_reconnect_within_a_tick_is_silent() {
        let presence = online(&[1]);
        assert_eq!(presence.drain_changes().len(), 1);
        presence.disconnected(ANNA, conn(1));
        presence.connected(ANNA, conn(2), Status::default());
        assert_eq!(presence.drain_changes().len(), 0);
    }

    #[test]
    fn what_was_read_between_two_ticks_and_went_back_is_published_all_the_same() {
        let presence = online(&[1]);
        presence.drain_changes();
        presence.set(ANNA, conn(1), PresenceState::Away, None).unwrap();
        assert_eq!(presence.view(ANNA).state, "away", "somebody opens her card");
        presence.set(ANNA, conn(1), PresenceState::Online, None).unwrap();
        let events = presence.drain_changes();
        assert!(String::from_utf8_lossy(&events[0].1).contains("online"), "{events:?}");
        assert_eq!(presence.view(ANNA).state, "online");
        presence.set(ANNA, conn(1), PresenceState::Online, None).unwrap();
        assert!(presence.drain_changes().is_empty(), "what was read is what was published");

        presence.disconnected(ANNA, conn(1));
        assert_eq!(presence.view(ANNA).state, "offline", "within a reconnect");
        presence.connected(ANNA, conn(2), Status::default());
        assert_eq!(presence.drain_changes().len(), 1);
        assert!(presence.table().read_early.is_empty());
    }

    #[test]
    fn however_much_happens_in_a_tick_it_is_one_event_for_each_user() {
        let presence = Presence::default();
        for uid in 1..=3_000 {
            for slot in 0..3 {
                presence.connected(Uid(uid), conn(slot), Status::default());
                presence.set(Uid(uid), conn(slot), PresenceState::Away, None).unwrap();
            }
        }
        assert_eq!(presence.drain_changes().len(), 3_000);
        assert_eq!(presence.drain_changes().len(), 0);
    }

    #[test]
    fn all_devices_count_and_the_last_one_to_leave_makes_offline() {
        let presence = online(&[1, 2]);
        // Not as somebody who is told it.
        let now = |presence: &Presence| presence.table().view(ANNA, now_ms()).state;
        presence.set(ANNA, conn(1), PresenceState::Away, None).unwrap();
        assert_eq!(now(&presence), "online");
        presence.set(ANNA, conn(2), PresenceState::Dnd, status_text("focus", None)).unwrap();
        assert_eq!(now(&presence), "dnd");
        presence.disconnected(ANNA, conn(2));
        assert_eq!(now(&presence), "away");
        presence.disconnected(ANNA, conn(1));
        assert_eq!(now(&presence), "offline");
        assert!(presence.drain_changes().is_empty(), "that she was online was never published");
    }

    #[test]
    fn a_device_that_falls_idle_leaves_the_status_alone() {
        let presence = online(&[1]);
        let text = "lunch".to_owned();
        presence.set_status(ANNA, Status { state: PresenceState::Dnd, text, until: None });
        presence.set(ANNA, conn(1), PresenceState::Away, None).unwrap();
        let view = presence.view(ANNA);
        assert_eq!((view.state, view.text.as_deref()), ("dnd", Some("lunch")));
        assert!(presence.unsaved_statuses(9).is_empty());
        presence.set(ANNA, conn(1), PresenceState::Online, status_text("", None)).unwrap();
        assert_eq!(presence.view(ANNA).text, None);
    }

    #[test]
    fn a_status_text_is_kept_until_it_is_stored_and_the_newest_counts() {
        let presence = online(&[1]);
        let set =
            |text| presence.set(ANNA, conn(1), PresenceState::Online, status_text(text, None));
        set("one").unwrap();
        let first = presence.unsaved_statuses(9);
        set("two").unwrap();
        presence.mark_saved(&first);
        let waiting = presence.unsaved_statuses(9);
        assert_eq!(waiting[0].1.text, "two");
        // She is gone for a moment, and comes back with what an older session remembers.
        presence.disconnected(ANNA, conn(1));
        assert_eq!(presence.status(ANNA).unwrap().text, "two");
        presence.connected(ANNA, conn(2), Status::default());
        assert_eq!(presence.view(ANNA).text.as_deref(), Some("two"));
        // What was stored meanwhile is stored once more, after what is under way.
        let text = "three".to_owned();
        presence.set_status(ANNA, Status { text, ..Status::default() });
        presence.mark_saved(&waiting);
        assert_eq!(presence.unsaved_statuses(9)[0].1.text, "three");
        presence.mark_saved(&presence.unsaved_statuses(9));
        assert!(presence.unsaved_statuses(9).is_empty());
    }

    #[test]
    fn a_text_ends_with_the_status_unless_it_has_an_end_of_its_own() {
        let presence = online(&[1]);
        let (soon, later) = (now_ms() + 60_000, now_ms() + 120_000);
        let busy = Status { state: PresenceState::Dnd, text: String::new(), until: Some(soon) };
        presence.set_status(ANNA, busy);
        presence.set(ANNA, conn(1), PresenceState::Online, status_text("writing", None)).unwrap();
        assert_eq!(presence.view(ANNA).until, Some(soon));
        presence
            .set(ANNA, conn(1), PresenceState::Online, status_text("reading", Some(later)))
            .unwrap();
        assert_eq!(presence.view(ANNA).until, Some(later));
        assert!(
            presence.set(ANNA, conn(1), PresenceState::Away, status_text("x", Some(1))).is_err()
        );
        assert_eq!(presence.view(ANNA).text.as_deref(), Some("reading"));
    }

    #[test]
    fn a_status_ends_by_itself_and_that_is_published_once() {
        let presence = online(&[1]);
        let until = Some(now_ms() + 60_000);
        let chosen = Status { state: PresenceState::Away, text: "back soon".into(), until };
        presence.set_status(ANNA, chosen);
        let published = |now| {
            let events = presence.drain_changes_at(now);
            let texts = events.iter().map(|(_, event)| String::from_utf8(event.to_vec()).unwrap());
            texts.collect::<Vec<_>>()
        };
        assert!(published(now_ms())[0].contains("back soon"));
        assert!(published(now_ms() + 59_000).is_empty());
        let ended = published(now_ms() + 60_001);
        assert!(ended[0].contains("online") && !ended[0].contains("back soon"), "{ended:?}");
        assert!(published(now_ms() + 61_000).is_empty());
    }

    #[test]
    fn a_status_comes_with_the_first_connection_only() {
        let presence = Presence::default();
        let busy = Status { state: PresenceState::Dnd, ..Status::default() };
        presence.connected(ANNA, conn(1), busy.clone());
        assert_eq!(presence.view(ANNA).state, "dnd");
        presence.set_status(ANNA, Status::default());
        presence.connected(ANNA, conn(2), busy);
        assert_eq!(presence.view(ANNA).state, "online");
    }

    #[test]
    fn a_state_on_a_connection_that_has_ended_changes_nothing() {
        let presence = Presence::default();
        presence.set(ANNA, conn(1), PresenceState::Dnd, None).unwrap();
        assert_eq!(presence.view(ANNA).state, "offline");
    }

    #[test]
    fn reserved_connections_count() {
        let presence = Presence::default();
        assert!(
            presence.reserve(ANNA, 2) && presence.reserve(ANNA, 2) && !presence.reserve(ANNA, 2)
        );
        presence.connected(ANNA, conn(1), Status::default());
        assert!(!presence.reserve(ANNA, 2), "one is connected, one is reserved");
        presence.release(ANNA);
        assert!(presence.reserve(ANNA, 2));
        presence.connected(ANNA, conn(2), Status::default());
        presence.connected(ANNA, conn(3), Status::default());
        assert!(!presence.reserve(ANNA, 3) && presence.reserve(ANNA, 4));
        presence.release(ANNA);
        presence.release(ANNA);
        assert!(presence.table().reserved.is_empty());
        assert!(!presence.reserve(ANNA, 0) && presence.table().reserved.is_empty());
    }
}
