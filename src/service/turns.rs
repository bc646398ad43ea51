//! Whose turn it is to do what costs much: so many at once, and fewer of one person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::base::error::{Code, Error, Outage, Result};
use crate::base::ids::Uid;
use crate::base::limits::rooms::RETRY_MS;
use crate::base::lock::MutexExt as _;

/// How many turns there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct TurnBounds {
    /// At once.
    pub at_once: usize,
    /// Of one person at once.
    pub of_one: usize,
    /// How many more of one person wait.
    pub waiting: usize,
    /// How long one waits.
    pub wait: Duration,
    /// What a person is told who has too many of them.
    pub too_many: &'static str,
}

/// The turns of all.
pub(super) struct Turns {
    bounds: TurnBounds,
    all: Arc<Semaphore>,
    people: Arc<Mutex<HashMap<Uid, Person>>>,
}

/// Somebody who has turns or waits for some.
struct Person {
    turns: Arc<Semaphore>,
    places: usize,
}

/// A turn, until it is dropped.
pub(super) struct Turn {
    _person: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    _place: Place,
}

/// One of those that somebody has or waits for.
struct Place {
    uid: Uid,
    people: Arc<Mutex<HashMap<Uid, Person>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut people = self.people.lock_unpoisoned();
        if let Some(person) = people.get_mut(&self.uid) {
            person.places -= 1;
            if person.places == 0 {
                people.remove(&self.uid);
            }
        }
    }
}

impl Turns {
    /// Nobody has one yet.
    pub fn new(bounds: TurnBounds) -> Self {
        Self { bounds, all: Arc::new(Semaphore::new(bounds.at_once)), people: Arc::default() }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `rate_limited` if too many of this person wait; `unavailable` if it takes too long.
    pub async fn take(&self, uid: Uid) -> Result<Turn> {
        let (place, turns) = self.place(uid)?;
        let permits = async {
            let person = turns.acquire_owned().await;
            (person, self.all.clone().acquire_owned().await)
        };
        let busy = |cause: &str| Error::outage(Outage::Busy, cause);
        match timeout(self.bounds.wait, permits).await {
            Ok((Ok(person), Ok(all))) => Ok(Turn { _person: person, _all: all, _place: place }),
            Ok(_) => Err(busy("the turns have ended")),
            Err(_) => Err(busy("too many at once")),
        }
    }

    fn place(&self, uid: Uid) -> Result<(Place, Arc<Semaphore>)> {
        let TurnBounds { of_one, waiting, too_many, .. } = self.bounds;
        let mut people = self.people.lock_unpoisoned();
        let person = people
            .entry(uid)
            .or_insert_with(|| Person { turns: Arc::new(Semaphore::new(of_one)), places: 0 });
        if person.places >= of_one + waiting {
            return Err(Error::new(Code::RateLimited, too_many).retry_after(RETRY_MS));
        }
        person.places += 1;
        let turns = person.turns.clone();
        drop(people);
        Ok((Place { uid, people: self.people.clone() }, turns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::{files, http, search as limits};

    const SEARCHES: TurnBounds = TurnBounds {
        at_once: limits::AT_ONCE,
        of_one: limits::OF_ONE,
        waiting: limits::WAITING,
        wait: limits::WAIT,
        too_many: "Wait.",
    };
    const ANNOUNCEMENTS: TurnBounds = TurnBounds {
        at_once: files::ANNOUNCED_AT_ONCE,
        of_one: 1,
        waiting: files::ANNOUNCING,
        wait: files::ANNOUNCEMENT_WAIT,
        too_many: "Wait.",
    };

    const READINGS: TurnBounds = TurnBounds {
        at_once: http::DOWNLOADS,
        of_one: files::READING,
        waiting: files::READING_WAITING,
        wait: Duration::from_millis(50),
        too_many: "Wait.",
    };

    #[tokio::test]
    async fn one_person_has_so_many_turns_and_leaves_some_to_the_others() {
        let turns = Turns::new(SEARCHES);
        let mut held = Vec::new();
        for _ in 0..limits::OF_ONE {
            held.push(turns.take(Uid(1)).await.unwrap());
        }
        let error = turns.take(Uid(1)).await.err().unwrap();
        assert_eq!(error.code(), Code::Unavailable, "it has waited");
        for uid in 2.. {
            if held.len() == limits::AT_ONCE {
                break;
            }
            held.push(turns.take(Uid(uid)).await.unwrap());
        }
        assert!(turns.take(Uid(9)).await.is_err(), "all turns are taken");
        held.clear();
        assert!(turns.people.lock_unpoisoned().is_empty(), "nobody is remembered");
        turns.take(Uid(9)).await.unwrap();
    }

    #[tokio::test]
    async fn so_many_of_one_person_wait_and_one_more_is_refused() {
        tokio::join!(too_many(SEARCHES), too_many(ANNOUNCEMENTS), too_many(READINGS));
    }

    async fn too_many(bounds: TurnBounds) {
        let TurnBounds { of_one, waiting, .. } = bounds;
        let turns = Arc::new(Turns::new(bounds));
        let take = |_| {
            let turns = turns.clone();
            tokio::spawn(async move { turns.take(Uid(1)).await })
        };
        let takes: Vec<_> = (0..=of_one + waiting).map(take).collect();
        let (mut codes, mut held) = (Vec::new(), Vec::new());
        for taken in takes {
            match taken.await.unwrap() {
                Ok(turn) => held.push(turn),
                Err(error) => codes.push(error.code()),
            }
        }
        assert_eq!(held.len(), of_one);
        let count = |code| codes.iter().filter(|one| **one == code).count();
        assert_eq!((count(Code::RateLimited), count(Code::Unavailable)), (1, waiting));
    }
}
