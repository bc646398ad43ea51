//! Who is here: derived from connections over all of a user's devices, and from what the user chose.
//!
//! What a user *chose* (do not disturb, a few words, until when) belongs to the account and comes
//! along with the first connection; what a *connection* says (away from the keyboard) lasts as long
//! as it does. Changes are gathered and told once a tick, at most one event a user, and only when
//! what others see is different: a reconnect within a tick says nothing, and thousands who come
//! online at once cost each room no more than its members. Pushed into rooms of at most
//! [`limits::PRESENCE_MEMBERS`] members; in larger ones clients look presence up.
//!
//! Words that are said on a connection belong to the account, too, but a delivery thread does not
//! wait for a database: they are kept here, the newest of each user, until whoever writes them down
//! ([`Presence::unsaved`]) says that it is done.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use super::outlet::ConnRef;
use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::protocol::command::PresenceState;
use crate::protocol::event::Event;
use crate::protocol::status::{Status, Words};
use crate::store::now_ms;

#[cfg(doc)]
use crate::base::limits::rooms as limits;
use crate::base::lock::MutexExt as _;

/// How a user is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `online`, `away`, `dnd` or `offline`.
    pub state: &'static str,
    /// A few words beside it.
    pub text: Option<String>,
    /// When these end, in milliseconds.
    pub until: Option<i64>,
}

#[derive(Debug, Default)]
struct UserPresence {
    connections: HashMap<ConnRef, PresenceState>,
    chosen: Status,
}

#[derive(Debug, Default)]
struct Table {
    users: HashMap<Uid, UserPresence>,
    changed: HashSet<Uid>,
    told: HashMap<Uid, Seen>,
    /// Users whose choice has an end.
    ending: HashSet<Uid>,
    /// Choices the account does not know yet.
    unsaved: HashMap<Uid, Status>,
    /// Connections that were admitted and are on their way to a shard.
    arriving: HashMap<Uid, usize>,
}

/// Who is here. All calls are short and never wait.
#[derive(Debug, Default)]
pub struct Presence {
    table: Mutex<Table>,
}

impl Presence {
    /// Whether one more connection of `uid` may come, if there may be so many. One that may is counted
    /// from now on, until it has [`connected`](Self::connected) or is [`lost`](Self::lost): of those
    /// that come together, no more pass than of those that come one by one.
    #[must_use]
    pub fn admit(&self, uid: Uid, most: usize) -> bool {
        let mut table = self.table();
        let here = table.users.get(&uid).map_or(0, |user| user.connections.len());
        let arriving = table.arriving.entry(uid).or_default();
        let may = here + *arriving < most;
        *arriving += usize::from(may);
        if *arriving == 0 {
            table.arriving.remove(&uid);
        }
        may
    }

    /// A connection that was admitted will not come.
    pub fn lost(&self, uid: Uid) {
        self.table().arrived(uid);
    }

    /// A connection of `uid` has begun. `chosen` counts for the first one only: after that, what
    /// changes is told by [`choose`](Self::choose).
    pub fn connected(&self, uid: Uid, conn: ConnRef, chosen: Status) {
        let mut table = self.table();
        table.arrived(uid);
        let user = table.users.entry(uid).or_default();
        let is_first = user.connections.is_empty();
        user.connections.insert(conn, PresenceState::Online);
        if is_first {
            let newer = table.unsaved.get(&uid).cloned();
            table.choose(uid, newer.unwrap_or(chosen));
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

    /// Whether this, said on a connection, would be anything new.
    pub fn is_news(
        &self,
        uid: Uid,
        conn: ConnRef,
        state: PresenceState,
        words: Option<&Words>,
    ) -> bool {
        let table = self.table();
        let own = table.users.get(&uid).and_then(|user| user.connections.get(&conn));
        words.is_some() || own.is_none_or(|own| *own != state)
    }

    /// What the user says on one of his connections. Words, if any, hold for all of them and stay
    /// when he leaves.
    ///
    /// # Errors
    /// `bad_request` for words that have ended already.
    pub fn set(
        &self,
        uid: Uid,
        conn: ConnRef,
        state: PresenceState,
        words: Option<Words>,
    ) -> Result<()> {
        let now = now_ms();
        if words.as_ref().and_then(|words| words.until).is_some_and(|until| until <= now) {
            return Err(Error::field("until", "must be in the future"));
        }
        let mut table = self.table();
        let Some(user) = table.users.get_mut(&uid) else { return Ok(()) };
        let Some(own) = user.connections.get_mut(&conn) else { return Ok(()) };
        *own = state;
        if let Some(words) = words {
            let before = user.chosen.clone().at(now);
            let chosen = before.clone().saying(words);
            if chosen != before {
                table.unsaved.insert(uid, chosen.clone());
                table.choose(uid, chosen);
            }
        }
        table.changed.insert(uid);
        Ok(())
    }

    /// What the user chose has changed, and the account knows it.
    pub fn choose(&self, uid: Uid, chosen: Status) {
        let mut table = self.table();
        if let Some(older) = table.unsaved.get_mut(&uid) {
            // It may be on its way into the account at this moment, and must not be the last word.
            older.clone_from(&chosen);
        }
        table.choose(uid, chosen);
    }

    /// What the user chose, if that is known here: of those who are here, and newer than the
    /// account.
    pub fn chosen(&self, uid: Uid) -> Option<Status> {
        let table = self.table();
        let here = table.users.get(&uid).map(|user| &user.chosen);
        Some(here.or_else(|| table.unsaved.get(&uid))?.clone().at(now_ms()))
    }

    /// Choices that are to be written down, at most `most` of them.
    pub fn unsaved(&self, most: usize) -> Vec<(Uid, Status)> {
        let table = self.table();
        table.unsaved.iter().take(most).map(|(uid, chosen)| (*uid, chosen.clone())).collect()
    }

    /// These have been written down; what was said since is still to be.
    pub fn saved(&self, choices: &[(Uid, Status)]) {
        let mut table = self.table();
        for (uid, chosen) in choices {
            if table.unsaved.get(uid) == Some(chosen) {
                table.unsaved.remove(uid);
            }
        }
    }

    /// How a user is to be seen now.
    pub fn seen(&self, uid: Uid) -> Seen {
        self.table().seen(uid, now_ms())
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
        self.news_at(now_ms())
    }

    fn news_at(&self, now: i64) -> Vec<(Uid, bytes::Bytes)> {
        let mut table = self.table();
        table.end_choices(now);
        let changed = std::mem::take(&mut table.changed);
        let mut news = Vec::new();
        for uid in changed {
            let seen = table.seen(uid, now);
            let before = if seen.state == "offline" {
                table.told.remove(&uid)
            } else {
                table.told.insert(uid, seen.clone())
            };
            if before.as_ref().map_or(seen.state != "offline", |before| *before != seen) {
                let Seen { state, text, until } = &seen;
                let event = Event::Presence { uid, state, text: text.as_deref(), until: *until };
                news.push((uid, event.encode()));
            }
        }
        news
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock_unpoisoned()
    }
}

impl Table {
    /// Who comes without having been admitted was not counted.
    fn arrived(&mut self, uid: Uid) {
        if let Some(arriving) = self.arriving.get_mut(&uid) {
            *arriving -= 1;
            if *arriving == 0 {
                self.arriving.remove(&uid);
            }
        }
    }

    fn choose(&mut self, uid: Uid, chosen: Status) {
        let Some(user) = self.users.get_mut(&uid) else { return };
        match chosen.until {
            Some(_) => self.ending.insert(uid),
            None => self.ending.remove(&uid),
        };
        user.chosen = chosen;
        self.changed.insert(uid);
    }

    /// Whose choice has ended by `now` is seen as his connections say again.
    fn end_choices(&mut self, now: i64) {
        let ended = |uid: &Uid| {
            let until = self.users.get(uid).and_then(|user| user.chosen.until);
            until.is_none_or(|until| until <= now)
        };
        let ended: Vec<_> = self.ending.iter().copied().filter(ended).collect();
        for uid in ended {
            self.choose(uid, Status::default());
        }
    }

    /// "Do not disturb" on one device, or chosen, holds for all; then "away" as chosen; otherwise the
    /// liveliest device counts.
    fn seen(&self, uid: Uid, now: i64) -> Seen {
        let Some(user) = self.users.get(&uid) else {
            return Seen { state: "offline", text: None, until: None };
        };
        let Status { state: chosen, text, until } = user.chosen.clone().at(now);
        let has = |state| user.connections.values().any(|own| *own == state);
        let state = match chosen {
            PresenceState::Online => {
                let order = [PresenceState::Dnd, PresenceState::Online, PresenceState::Away];
                order.into_iter().find(|state| has(*state)).unwrap_or(PresenceState::Online)
            }
            _ if has(PresenceState::Dnd) => PresenceState::Dnd,
            chosen => chosen,
        };
        let text = Some(text).filter(|text| !text.is_empty());
        // An end of nothing is nobody's business.
        let until = until.filter(|_| text.is_some() || chosen != PresenceState::Online);
        Seen { state: state.as_str(), text, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Uid = Uid(1);

    fn conn(slot: u32) -> ConnRef {
        ConnRef { shard: 0, slot, generation: 0 }
    }

    fn words(text: &str, until: Option<i64>) -> Option<Words> {
        Some(Words { text: text.to_owned(), until })
    }

    fn here(slots: &[u32]) -> Presence {
        let presence = Presence::default();
        for slot in slots {
            presence.connected(ANNA, conn(*slot), Status::default());
        }
        presence
    }

    #[test]
    fn a_reconnect_within_a_tick_is_silent() {
        let presence = here(&[1]);
        assert_eq!(presence.news().len(), 1);
        presence.disconnected(ANNA, conn(1));
        presence.connected(ANNA, conn(2), Status::default());
        assert_eq!(presence.news().len(), 0);
    }

    #[test]
    fn however_much_happens_in_a_tick_a_user_is_told_of_once() {
        let presence = Presence::default();
        for uid in 1..=3_000 {
            for slot in 0..3 {
                presence.connected(Uid(uid), conn(slot), Status::default());
                presence.set(Uid(uid), conn(slot), PresenceState::Away, None).unwrap();
            }
        }
        assert_eq!(presence.news().len(), 3_000);
        assert_eq!(presence.news().len(), 0);
    }

    #[test]
    fn all_devices_count_and_the_last_one_to_leave_makes_offline() {
        let presence = here(&[1, 2]);
        presence.set(ANNA, conn(1), PresenceState::Away, None).unwrap();
        assert_eq!(presence.seen(ANNA).state, "online");
        presence.set(ANNA, conn(2), PresenceState::Dnd, words("focus", None)).unwrap();
        assert_eq!(presence.seen(ANNA).state, "dnd");
        presence.disconnected(ANNA, conn(2));
        assert_eq!(presence.seen(ANNA).state, "away");
        presence.disconnected(ANNA, conn(1));
        assert_eq!(presence.seen(ANNA).state, "offline");
        assert!(presence.news().is_empty(), "nobody was ever told that she was there");
    }

    #[test]
    fn a_device_that_falls_idle_leaves_the_words_and_the_choice_alone() {
        let presence = here(&[1]);
        let text = "lunch".to_owned();
        presence.choose(ANNA, Status { state: PresenceState::Dnd, text, until: None });
        presence.set(ANNA, conn(1), PresenceState::Away, None).unwrap();
        let seen = presence.seen(ANNA);
        assert_eq!((seen.state, seen.text.as_deref()), ("dnd", Some("lunch")));
        assert!(presence.unsaved(9).is_empty());
        presence.set(ANNA, conn(1), PresenceState::Online, words("", None)).unwrap();
        assert_eq!(presence.seen(ANNA).text, None);
    }

    #[test]
    fn words_wait_until_they_are_written_down_and_the_newest_win() {
        let presence = here(&[1]);
        let say = |text| presence.set(ANNA, conn(1), PresenceState::Online, words(text, None));
        say("one").unwrap();
        let taken = presence.unsaved(9);
        say("two").unwrap();
        presence.saved(&taken);
        let waiting = presence.unsaved(9);
        assert_eq!(waiting[0].1.text, "two");
        // Away for a moment, and back with what an older login remembers.
        presence.disconnected(ANNA, conn(1));
        assert_eq!(presence.chosen(ANNA).unwrap().text, "two");
        presence.connected(ANNA, conn(2), Status::default());
        assert_eq!(presence.seen(ANNA).text.as_deref(), Some("two"));
        // What the account was told meanwhile is written once more, after what is under way.
        let text = "three".to_owned();
        presence.choose(ANNA, Status { text, ..Status::default() });
        presence.saved(&waiting);
        assert_eq!(presence.unsaved(9)[0].1.text, "three");
        presence.saved(&presence.unsaved(9));
        assert!(presence.unsaved(9).is_empty());
    }

    #[test]
    fn words_end_with_what_was_chosen_unless_they_have_an_end_of_their_own() {
        let presence = here(&[1]);
        let (soon, later) = (now_ms() + 60_000, now_ms() + 120_000);
        let busy = Status { state: PresenceState::Dnd, text: String::new(), until: Some(soon) };
        presence.choose(ANNA, busy);
        presence.set(ANNA, conn(1), PresenceState::Online, words("writing", None)).unwrap();
        assert_eq!(presence.seen(ANNA).until, Some(soon));
        presence.set(ANNA, conn(1), PresenceState::Online, words("reading", Some(later))).unwrap();
        assert_eq!(presence.seen(ANNA).until, Some(later));
        assert!(presence.set(ANNA, conn(1), PresenceState::Away, words("x", Some(1))).is_err());
        assert_eq!(presence.seen(ANNA).text.as_deref(), Some("reading"));
    }

    #[test]
    fn a_choice_ends_by_itself_and_that_is_told_once() {
        let presence = here(&[1]);
        let until = Some(now_ms() + 60_000);
        let chosen = Status { state: PresenceState::Away, text: "back soon".into(), until };
        presence.choose(ANNA, chosen);
        let told = |now| {
            let news = presence.news_at(now);
            let told = news.iter().map(|(_, event)| String::from_utf8(event.to_vec()).unwrap());
            told.collect::<Vec<_>>()
        };
        assert!(told(now_ms())[0].contains("back soon"));
        assert!(told(now_ms() + 59_000).is_empty());
        let ended = told(now_ms() + 60_001);
        assert!(ended[0].contains("online") && !ended[0].contains("back soon"), "{ended:?}");
        assert!(told(now_ms() + 61_000).is_empty());
    }

    #[test]
    fn a_choice_comes_along_with_the_first_connection_only() {
        let presence = Presence::default();
        let busy = Status { state: PresenceState::Dnd, ..Status::default() };
        presence.connected(ANNA, conn(1), busy.clone());
        assert_eq!(presence.seen(ANNA).state, "dnd");
        presence.choose(ANNA, Status::default());
        presence.connected(ANNA, conn(2), busy);
        assert_eq!(presence.seen(ANNA).state, "online");
    }

    #[test]
    fn a_state_on_a_connection_that_has_ended_changes_nothing() {
        let presence = Presence::default();
        presence.set(ANNA, conn(1), PresenceState::Dnd, None).unwrap();
        assert_eq!(presence.seen(ANNA).state, "offline");
    }

    #[test]
    fn connections_on_their_way_have_their_places() {
        let presence = Presence::default();
        assert!(presence.admit(ANNA, 2) && presence.admit(ANNA, 2) && !presence.admit(ANNA, 2));
        presence.connected(ANNA, conn(1), Status::default());
        assert!(!presence.admit(ANNA, 2), "one is here, one on its way");
        presence.lost(ANNA);
        assert!(presence.admit(ANNA, 2));
        presence.connected(ANNA, conn(2), Status::default());
        presence.connected(ANNA, conn(3), Status::default());
        assert!(!presence.admit(ANNA, 3) && presence.admit(ANNA, 4));
        presence.lost(ANNA);
        presence.lost(ANNA);
        assert!(presence.table().arriving.is_empty());
        assert!(!presence.admit(ANNA, 0) && presence.table().arriving.is_empty());
    }
}
