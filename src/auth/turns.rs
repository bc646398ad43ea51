//! Attempts that take turns: one at a time for an account or a network under attack, with a pause
//! after each wrong password.
//!
//! Nothing is refused here as long as few wait, so a right password passes; what it slows is guessing.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::error::{Code, Error, Result};
use crate::limits::auth::{TURN, TURNS, TURNS_WAITING};

/// An account, by the digest of its name, or a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    Account([u8; 32]),
    Network(IpAddr),
}

/// Who is slowed, and who waits there: networks for an account, accounts for a network.
#[derive(Default)]
pub struct Turns {
    lanes: Mutex<HashMap<Party, Lane>>,
}

#[derive(Default)]
struct Lane {
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: HashSet<Party>,
    /// Places that are waited in, worked in or paused after.
    places: usize,
}

/// A place in a lane, from waiting until the pause after the turn is over.
struct Place {
    turns: Arc<Turns>,
    lane: Party,
    /// Who waits or works there.
    who: Option<Party>,
}

/// Somebody's turn.
pub struct Turn {
    place: Place,
    turn: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for a turn of `who` in the lane of `lane`.
    ///
    /// # Errors
    /// `rate_limited` if the same waits there already, or too many others do.
    pub async fn enter(self: &Arc<Self>, lane: Party, who: Party) -> Result<Turn> {
        let (place, turn) = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            if lanes.len() >= TURNS && !lanes.contains_key(&lane) {
                return Err(too_many());
            }
            let found = lanes.entry(lane).or_default();
            if found.waiting.len() >= TURNS_WAITING || !found.waiting.insert(who) {
                return Err(too_many());
            }
            found.places += 1;
            (Place { turns: self.clone(), lane, who: Some(who) }, found.turn.clone())
        };
        Ok(Turn { place, turn: turn.lock_owned().await })
    }
}

impl Turn {
    /// It was a wrong password: the next turn comes after the pause. The answer does not wait for it.
    pub fn pause(self) {
        let Self { mut place, turn } = self;
        place.stand_up();
        tokio::spawn(async move {
            tokio::time::sleep(TURN).await;
            drop((turn, place));
        });
    }
}

impl Place {
    /// The same may wait for the next turn.
    fn stand_up(&mut self) {
        let mut lanes = self.turns.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(lane), Some(who)) = (lanes.get_mut(&self.lane), self.who.take()) {
            lane.waiting.remove(&who);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stand_up();
        let mut lanes = self.turns.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(&self.lane) {
            lane.places = lane.places.saturating_sub(1);
            if lane.places == 0 {
                lanes.remove(&self.lane);
            }
        }
    }
}

fn too_many() -> Error {
    let retry_ms = u32::try_from(TURN.as_millis()).unwrap_or(u32::MAX);
    Error::new(Code::RateLimited, "Too many attempts. Please wait a moment.").retry_after(retry_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Party = Party::Account([1; 32]);

    fn network(n: usize) -> Party {
        let n = u32::try_from(n).unwrap();
        Party::Network(IpAddr::V4(n.into()))
    }

    #[tokio::test]
    async fn one_after_the_other_with_a_pause_after_a_failure_and_none_after_a_success() {
        let turns = Arc::new(Turns::default());
        let started = tokio::time::Instant::now();
        turns.enter(ACCOUNT, network(1)).await.unwrap().pause();
        drop(turns.enter(ACCOUNT, network(1)).await.unwrap());
        assert!(started.elapsed() >= TURN);
        drop(turns.enter(ACCOUNT, network(3)).await.unwrap());
        assert!(started.elapsed() < TURN * 2);
        assert!(turns.lanes.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn so_many_wait_for_a_turn_each_network_once_and_so_many_lanes_there_are() {
        let turns = Arc::new(Turns::default());
        let first = turns.enter(ACCOUNT, network(0)).await.unwrap();
        assert!(turns.enter(ACCOUNT, network(0)).await.is_err(), "waits already");
        let waiting: Vec<_> = (1..TURNS_WAITING)
            .map(|n| {
                let turns = turns.clone();
                tokio::spawn(async move { turns.enter(ACCOUNT, network(n)).await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(turns.enter(ACCOUNT, network(TURNS_WAITING)).await.is_err());
        drop(first);
        for waiting in waiting {
            waiting.await.unwrap().unwrap();
        }
        let mut held = Vec::new();
        for n in 0..TURNS {
            held.push(turns.enter(network(n), ACCOUNT).await.unwrap());
        }
        assert!(turns.enter(network(TURNS), ACCOUNT).await.is_err());
        held.pop();
        assert!(turns.enter(network(TURNS), ACCOUNT).await.is_ok());
    }
}
