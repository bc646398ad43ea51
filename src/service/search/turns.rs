//! Whose turn it is to search: so many searches at once, and fewer of one person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::base::error::{Code, Error, Outage, Result};
use crate::base::ids::Uid;
use crate::base::limits::rooms::RETRY_MS;
use crate::base::limits::search as limits;
use crate::base::lock::MutexExt as _;

/// The turns of all.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    people: Arc<Mutex<HashMap<Uid, Person>>>,
}

/// Somebody who searches or waits for it.
struct Person {
    turns: Arc<Semaphore>,
    searches: usize,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(limits::AT_ONCE)), people: Arc::default() }
    }
}

/// The right to search, until it is dropped.
pub(super) struct Turn {
    _person: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    _place: Place,
}

/// One of somebody's searches.
struct Place {
    uid: Uid,
    people: Arc<Mutex<HashMap<Uid, Person>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut people = self.people.lock_unpoisoned();
        if let Some(person) = people.get_mut(&self.uid) {
            person.searches -= 1;
            if person.searches == 0 {
                people.remove(&self.uid);
            }
        }
    }
}

impl Turns {
    /// Waits for a turn.
    ///
    /// # Errors
    /// `rate_limited` if too many searches of this person wait; `unavailable` if it takes too long.
    pub async fn take(&self, uid: Uid) -> Result<Turn> {
        let (place, turns) = self.place(uid)?;
        let permits = async {
            let person = turns.acquire_owned().await;
            (person, self.all.clone().acquire_owned().await)
        };
        let busy = |cause: &str| Error::outage(Outage::Busy, cause);
        match timeout(limits::WAIT, permits).await {
            Ok((Ok(person), Ok(all))) => Ok(Turn { _person: person, _all: all, _place: place }),
            Ok(_) => Err(busy("the searches have ended")),
            Err(_) => Err(busy("too many searches at once")),
        }
    }

    fn place(&self, uid: Uid) -> Result<(Place, Arc<Semaphore>)> {
        let mut people = self.people.lock_unpoisoned();
        let person = people.entry(uid).or_insert_with(|| Person {
            turns: Arc::new(Semaphore::new(limits::OF_ONE)),
            searches: 0,
        });
        if person.searches >= limits::OF_ONE + limits::WAITING {
            let text = "Too many of your searches are under way. Please wait a moment.";
            return Err(Error::new(Code::RateLimited, text).retry_after(RETRY_MS));
        }
        person.searches += 1;
        let turns = person.turns.clone();
        drop(people);
        Ok((Place { uid, people: self.people.clone() }, turns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_person_has_so_many_turns_and_leaves_some_to_the_others() {
        let turns = Turns::default();
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
    async fn so_many_searches_of_one_person_wait_and_one_more_is_refused() {
        let turns = Turns::default();
        let turns = Arc::new(turns);
        let take = |_| {
            let turns = turns.clone();
            tokio::spawn(async move { turns.take(Uid(1)).await })
        };
        let takes: Vec<_> = (0..=limits::OF_ONE + limits::WAITING).map(take).collect();
        let (mut codes, mut held) = (Vec::new(), Vec::new());
        for taken in takes {
            match taken.await.unwrap() {
                Ok(turn) => held.push(turn),
                Err(error) => codes.push(error.code()),
            }
        }
        assert_eq!(held.len(), limits::OF_ONE);
        assert_eq!(codes.iter().filter(|code| **code == Code::RateLimited).count(), 1);
        assert_eq!(
            codes.iter().filter(|code| **code == Code::Unavailable).count(),
            limits::WAITING
        );
    }
}
