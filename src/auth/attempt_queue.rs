//! Queues of sign-in attempts: for an account or a network under attack one attempt is checked at a time, with a pause
//! after each wrong password.
//!
//! The next turn goes to the contender with the fewest recent failures, which is taken even into a full queue. So a
//! right password from a network that has not guessed is checked soon, however many others guess without pause.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::base::error::{Code, Error, Result};
use crate::base::limits::auth::{TURN, TURN_WAIT, TURNS, TURNS_WAITING};
use crate::base::lock::MutexExt as _;

/// An account, by the digest of its name, or a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    Account([u8; 32]),
    Network(IpAddr),
}

/// One queue for each account or network under attack. Networks wait for an account, accounts for a network.
pub struct AttemptQueues {
    queues: Mutex<HashMap<Party, Queue>>,
    /// How long an attempt waits at most.
    patience: Duration,
}

impl Default for AttemptQueues {
    fn default() -> Self {
        Self { queues: Mutex::default(), patience: TURN_WAIT }
    }
}

/// A queue exists as long as somebody has the turn, or the pause after it lasts.
#[derive(Default)]
struct Queue {
    /// Who has the turn; nobody during the pause.
    working: Option<Party>,
    /// In the order of their arrival.
    waiting: Vec<Waiting>,
}

struct Waiting {
    contender: Party,
    /// Recent wrong passwords of the contender.
    failures: f64,
    grant: oneshot::Sender<AttemptTurn>,
}

/// The turn of one attempt. When it is dropped, the next one in the queue gets it.
pub struct AttemptTurn {
    queues: Arc<AttemptQueues>,
    attacked: Party,
}

impl AttemptQueues {
    /// Waits for a turn of `contender`, who has so many recent `failures`, in the queue of `attacked`.
    ///
    /// # Errors
    /// `rate_limited` if the same contender is in the queue already, or if it is full of others with no more failures.
    pub async fn wait(
        self: &Arc<Self>,
        attacked: Party,
        contender: Party,
        failures: f64,
    ) -> Result<AttemptTurn> {
        let granted = {
            let mut queues = self.lock();
            let are_many = queues.len() >= TURNS;
            match queues.get_mut(&attacked) {
                Some(queue) => queue.wait(contender, failures).ok_or_else(too_many)?,
                None if are_many => return Err(too_many()),
                None => {
                    queues
                        .insert(attacked, Queue { working: Some(contender), waiting: Vec::new() });
                    return Ok(AttemptTurn { queues: self.clone(), attacked });
                }
            }
        };
        match tokio::time::timeout(self.patience, granted).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(too_many()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Party, Queue>> {
        self.queues.lock_unpoisoned()
    }
}

impl Queue {
    fn wait(&mut self, contender: Party, failures: f64) -> Option<oneshot::Receiver<AttemptTurn>> {
        // Attempts that were given up need no space.
        self.waiting.retain(|waiting| !waiting.grant.is_closed());
        let is_same = |waiting: &Waiting| waiting.contender == contender;
        if self.working == Some(contender) || self.waiting.iter().any(is_same) {
            return None;
        }
        if self.waiting.len() + usize::from(self.working.is_some()) >= TURNS_WAITING {
            let worst =
                self.waiting.iter().map(|waiting| waiting.failures).max_by(f64::total_cmp)?;
            let index = self.waiting.iter().rposition(|waiting| waiting.failures >= worst)?;
            if worst <= failures {
                return None;
            }
            // Dropping the sender ends the wait of that attempt with an error.
            self.waiting.remove(index);
        }
        let (grant, granted) = oneshot::channel();
        self.waiting.push(Waiting { contender, failures, grant });
        Some(granted)
    }

    /// Takes the next one out of the queue.
    fn next(&mut self) -> Option<Waiting> {
        let best = self.waiting.iter().map(|waiting| waiting.failures).min_by(f64::total_cmp)?;
        let index = self.waiting.iter().position(|waiting| waiting.failures <= best)?;
        Some(self.waiting.remove(index))
    }
}

impl AttemptTurn {
    /// Ends the turn of a wrong password: the next turn comes after a pause. The answer does not wait for the pause,
    /// and the same contender may queue for the next turn at once.
    pub fn pause(self) {
        if let Some(queue) = self.queues.lock().get_mut(&self.attacked) {
            queue.working = None;
        }
        tokio::spawn(async move {
            tokio::time::sleep(TURN).await;
            drop(self);
        });
    }
}

impl Drop for AttemptTurn {
    fn drop(&mut self) {
        let next = {
            let mut queues = self.queues.lock();
            let Some(queue) = queues.get_mut(&self.attacked) else { return };
            let next = queue.next();
            match &next {
                Some(next) => queue.working = Some(next.contender),
                None => drop(queues.remove(&self.attacked)),
            }
            next
        };
        if let Some(next) = next {
            // If the receiver is gone, the turn is dropped here and so goes to the one after it.
            let turn = Self { queues: self.queues.clone(), attacked: self.attacked };
            let _ = next.grant.send(turn);
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

    type Entering = tokio::task::JoinHandle<Result<()>>;

    /// Somebody who comes and waits for a turn.
    async fn come(turns: &Arc<AttemptQueues>, n: usize, wrong: f64) -> Entering {
        let turns = turns.clone();
        let entering =
            tokio::spawn(async move { turns.wait(ACCOUNT, network(n), wrong).await.map(drop) });
        tokio::task::yield_now().await;
        entering
    }

    #[tokio::test]
    async fn one_after_the_other_with_a_pause_after_a_failure_and_none_after_a_success() {
        let turns = Arc::new(AttemptQueues::default());
        let started = tokio::time::Instant::now();
        turns.wait(ACCOUNT, network(1), 0.0).await.unwrap().pause();
        drop(turns.wait(ACCOUNT, network(1), 0.0).await.unwrap());
        assert!(started.elapsed() >= TURN);
        drop(turns.wait(ACCOUNT, network(3), 0.0).await.unwrap());
        assert!(started.elapsed() < TURN * 2);
        assert!(turns.queues.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn so_many_wait_for_a_turn_each_network_once_and_so_many_queues_there_are() {
        let turns = Arc::new(AttemptQueues::default());
        let first = turns.wait(ACCOUNT, network(0), 0.0).await.unwrap();
        assert!(turns.wait(ACCOUNT, network(0), 0.0).await.is_err(), "has its turn");
        let mut waiting = Vec::new();
        for n in 1..TURNS_WAITING {
            waiting.push(come(&turns, n, 0.0).await);
        }
        assert!(turns.wait(ACCOUNT, network(TURNS_WAITING), 0.0).await.is_err());
        assert!(turns.wait(ACCOUNT, network(1), 0.0).await.is_err(), "waits already");
        drop(first);
        for waiting in waiting {
            waiting.await.unwrap().unwrap();
        }
        let mut held = Vec::new();
        for n in 0..TURNS {
            held.push(turns.wait(network(n), ACCOUNT, 0.0).await.unwrap());
        }
        assert!(turns.wait(network(TURNS), ACCOUNT, 0.0).await.is_err());
        held.pop();
        assert!(turns.wait(network(TURNS), ACCOUNT, 0.0).await.is_ok());
    }

    #[tokio::test]
    async fn the_contender_with_fewer_failures_enters_a_full_queue_and_is_next() {
        let turns = Arc::new(AttemptQueues::default());
        let first = turns.wait(ACCOUNT, network(0), 1.0).await.unwrap();
        let mut guessing = Vec::new();
        for n in 1..TURNS_WAITING {
            guessing.push(come(&turns, n, if n == 3 { 2.0 } else { 1.0 }).await);
        }
        let fresh = come(&turns, 100, 0.0).await;
        let refused = guessing.remove(2).await.unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited, "the one that was wrong most often");
        assert!(turns.wait(ACCOUNT, network(101), 1.0).await.is_err(), "no less often");
        // It is called first, although it came last.
        let order =
            turns.queues.lock().unwrap().get_mut(&ACCOUNT).unwrap().next().unwrap().contender;
        assert_eq!(order, network(100));
        assert!(fresh.await.unwrap().is_err(), "this test has taken its place away");
        drop(first);
        for waiting in guessing {
            waiting.await.unwrap().unwrap();
        }
        assert!(turns.queues.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_attempt_that_gave_up_holds_nobody_up_and_none_waits_for_ever() {
        let turns = Arc::new(AttemptQueues::default());
        let first = turns.wait(ACCOUNT, network(0), 0.0).await.unwrap();
        for n in 1..TURNS_WAITING {
            come(&turns, n, 0.0).await.abort();
        }
        tokio::task::yield_now().await;
        let next = come(&turns, 100, 5.0).await;
        drop(first);
        next.await.unwrap().unwrap();
        assert_eq!(turns.patience, TURN_WAIT);
        let turns = Arc::new(AttemptQueues {
            patience: Duration::from_millis(50),
            ..AttemptQueues::default()
        });
        let _held = turns.wait(ACCOUNT, network(0), 0.0).await.unwrap();
        let started = tokio::time::Instant::now();
        assert!(turns.wait(ACCOUNT, network(1), 0.0).await.is_err());
        assert!(started.elapsed() >= turns.patience);
    }
}
