//! Searching: where a query looks ([`scope`]), looking ([`looking`]), and filling the index behind the rooms
//! ([`filing`]).

mod filing;
mod looking;
mod scope;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use crate::store::chat::search::Point;
use filing::Filing;
use looking::{Look, Looked};
use scope::Asker;
use tokio::sync::watch;

use super::turns::{TurnBounds, Turns};
use crate::base::allowance::Allowance;
use crate::base::counter::Counter;
use crate::base::error::{Outage, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::chat::PAGE_BYTES;
use crate::base::limits::search as limits;
use crate::base::principal::Principal;
use crate::base::runtime::cores;
use crate::policy::Action;
use crate::protocol::message::{Content, MessageState};
use crate::rooms::Rooms;
use crate::search::keys::conditions;
use crate::search::matcher::{Mark, marks};
use crate::search::query::Query;
use crate::store::accounts::AccountStore;
use crate::store::chat::ChatStore;

fn bounds() -> TurnBounds {
    TurnBounds {
        // Usually the database has the same cores, and the journal needs some of them.
        at_once: cores().clamp(limits::OF_ONE, limits::AT_ONCE),
        of_one: limits::OF_ONE,
        waiting: limits::WAITING,
        wait: limits::WAIT,
        too_many: "Too many of your searches are under way. Please wait a moment.",
    }
}

/// Searching the messages of all rooms.
pub struct Search {
    store: ChatStore,
    accounts: AccountStore,
    rooms: Rooms,
    turns: Turns,
    filing: Filing,
    counters: Arc<SearchCounters>,
}

/// How searches went.
#[derive(Debug, Default)]
pub struct SearchCounters {
    /// Answered.
    pub answered: Counter,
    /// Of these, such as had not looked at everything.
    pub cut: Counter,
    /// Not answered.
    pub failed: Counter,
    /// Microseconds that the answered ones took.
    pub took_us: Counter,
    /// Messages whose text was looked at.
    pub looked_at: Counter,
}

/// What is searched for.
#[derive(Debug, Clone)]
pub struct SearchWish<'a> {
    /// The query.
    pub q: &'a str,
    /// Only what is before this place.
    pub below: Point,
    /// How many results.
    pub limit: usize,
    /// Where the days of the query are: minutes east of UTC.
    pub minutes_east: i32,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Newest first.
    pub results: Vec<Match>,
    /// The place before which there may be more.
    pub next: Option<Point>,
    /// Whether a part of the query does not count because it is too long.
    pub is_query_cut: bool,
    /// Whether it took too long, so that older messages have not been looked at.
    pub is_time_up: bool,
    /// Rooms that were left out because the server cannot read them.
    pub encrypted: usize,
    /// Operators that name nobody and nothing.
    pub unknown: Vec<String>,
}

/// A message that was found.
#[derive(Debug)]
pub struct Match {
    /// Its room.
    pub room: RoomId,
    /// Its present state.
    pub message: MessageState,
    /// What of its text matches.
    pub marks: Vec<Mark>,
}

impl Search {
    /// Through connections of its own to the chat store.
    pub fn new(store: ChatStore, accounts: AccountStore, rooms: Rooms) -> Self {
        let filing = Filing::new(store.clone(), rooms.clone());
        let turns = Turns::new(bounds());
        Self { store, accounts, rooms, turns, filing, counters: Arc::default() }
    }

    /// How searches went.
    pub fn counters(&self) -> &SearchCounters {
        &self.counters
    }

    /// How far the index is behind the rooms.
    pub fn filing(&self) -> &Filing {
        &self.filing
    }

    /// Fills the index until the server stops.
    pub async fn keep_filed(&self, stop: watch::Receiver<bool>) {
        self.filing.run(stop).await;
    }

    /// Looks for messages in the rooms that `by` may read. What takes long is charged to their allowance afterwards.
    ///
    /// # Errors
    /// `rate_limited` and `unavailable` if too many search at once; `unavailable`.
    pub async fn find(
        &self,
        by: Principal,
        (uid, allowance): (Uid, &Allowance),
        wish: SearchWish<'_>,
    ) -> Result<Found> {
        let query = Query::parse(wish.q, wish.minutes_east);
        let is_query_cut = query.is_cut;
        if query.is_empty() {
            return Ok(Found { is_query_cut, ..Found::default() });
        }
        let _turn = self.turns.take(uid).await?;
        let begun = Instant::now();
        let found = self.look(by, uid, &query, &wish).await;
        let took = begun.elapsed();
        allowance.owe_reads(surcharge(took), by);
        match &found {
            Ok(found) => {
                self.counters.answered.inc();
                self.counters.cut.add(u64::from(found.is_time_up));
                let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                self.counters.took_us.add(took_us);
            }
            Err(_) => self.counters.failed.inc(),
        }
        Ok(Found { is_query_cut, ..found? })
    }

    async fn look(
        &self,
        by: Principal,
        uid: Uid,
        query: &Query,
        wish: &SearchWish<'_>,
    ) -> Result<Found> {
        let asker = Asker { by, uid, accounts: &self.accounts, rooms: &self.rooms };
        let scope = asker.scope(query).await?;
        let found = Found { encrypted: scope.encrypted, ..Found::default() };
        if !scope.unknown.is_empty() {
            return Ok(Found { unknown: scope.unknown, ..found });
        }
        if scope.rooms.is_empty() {
            return Ok(found);
        }
        let conditions = conditions(query, &scope.place());
        let look = Look { query, scope: &scope, below: wish.below, limit: wish.limit };
        let Looked { points, next, is_time_up, looked_at } = {
            let mut connection = self.store.search_connection().await?;
            match look.run(&mut connection, &conditions).await {
                // What the index was asked for is too much: the newest messages are looked through one by one.
                Err(error) if error.why_unavailable() == Some(Outage::Slow) => {
                    look.walk(&mut connection, &conditions).await?
                }
                looked => looked?,
            }
        };
        self.counters.looked_at.add(u64::try_from(looked_at).unwrap_or(u64::MAX));
        let mut next = next;
        let results = self.read(by, query, &points, &mut next).await?;
        Ok(Found { results, next, is_time_up, ..found })
    }

    /// The messages at these places as they are now, as long as they still match; about as many bytes as a page has.
    async fn read(
        &self,
        by: Principal,
        query: &Query,
        points: &[Point],
        next: &mut Option<Point>,
    ) -> Result<Vec<Match>> {
        let states = self.store.messages_at(points).await?;
        let mut states: HashMap<_, _> =
            states.into_iter().map(|(room, state)| ((room, state.created_seq), state)).collect();
        let (mut results, mut bytes) = (Vec::new(), 0);
        for point in points {
            if bytes > PAGE_BYTES {
                // The page ends behind the one before.
                *next = Some(Point { seq: point.seq + 1, ..*point });
                break;
            }
            let Some(message) = states.remove(&(point.room, point.seq)) else { continue };
            // Whoever has left the room meanwhile reads nothing of it.
            let is_readable = self.rooms.authorize(by, point.room, Action::Read).is_ok();
            let Content::Plain(body) = &message.content else { continue };
            let files = body.files.iter();
            let others: Vec<&str> = files
                .flat_map(|file| [Some(file.name.as_str()), file.alt.as_deref()])
                .flatten()
                .collect();
            let Some(marks) = marks(query, &body.text, &others).filter(|_| is_readable) else {
                continue;
            };
            bytes += body.text.len();
            results.push(Match { room: point.room, message, marks });
        }
        Ok(results)
    }
}

/// How many reads a search costs beyond its ordinary price.
fn surcharge(took: Duration) -> f64 {
    took.saturating_sub(limits::PAID).as_secs_f64() / limits::TIME_OF_READ.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_costs_more_the_longer_it_takes() {
        assert_eq!(surcharge(limits::PAID), 0.0);
        assert_eq!(surcharge(limits::PAID + 3 * limits::TIME_OF_READ).round(), 3.0);
    }
}
