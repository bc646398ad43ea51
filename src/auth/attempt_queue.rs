//! Attempts that take turns: one at a time for an account or a network under attack, with a pause
//! after each wrong password.
//!
//! The next turn is that of who has been wrong the least of late, and such a one finds a place even where all
//! are taken. So a right password passes from where nobody has guessed, however many guess without pause.

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

/// Who is slowed, and who waits there: networks for an account, accounts for a network.
pub struct AttemptQueues {
    queues: Mutex<HashMap<Party, Queue>>,
    /// How long one waits at most.
    patience: Duration,
}

impl Default for AttemptQueues {
    fn default() -> Self {
        Self { queues: Mutex::default(), patience: TURN_WAIT }
    }
}

/// There is one as long as it is somebody's turn, or the pause after it.
#[derive(Default)]
struct Queue {
    /// Nobody in the pause.
    working: Option<Party>,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
}

struct Waiting {
    who: Party,
    /// How often it was wrong.
    wrong: f64,
    call: oneshot::Sender<AttemptTurn>,
}

/// Somebody's turn. Dropped, it is the next one's.
pub struct AttemptTurn {
    turns: Arc<AttemptQueues>,
    queue: Party,
}

impl AttemptQueues {
    /// Waits for a turn of `who`, who has been `wrong` so often of late, in the queue of `queue`.
    ///
    /// # Errors
    /// `rate_limited` if the same waits there already, or too many others do who were not wrong more often.
    pub async fn wait(
        self: &Arc<Self>,
        queue: Party,
        who: Party,
        wrong: f64,
    ) -> Result<AttemptTurn> {
        let called = {
            let mut queues = self.lock();
            let are_many = queues.len() >= TURNS;
            match queues.get_mut(&queue) {
                Some(queue) => queue.wait(who, wrong).ok_or_else(too_many)?,
                None if are_many => return Err(too_many()),
                None => {
                    queues.insert(queue, Queue { working: Some(who), waiting: Vec::new() });
                    return Ok(AttemptTurn { turns: self.clone(), queue });
                }
            }
        };
        match tokio::time::timeout(self.patience, called).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(too_many()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Party, Queue>> {
        self.queues.lock_unpoisoned()
    }
}

impl Queue {
    fn wait(&mut self, who: Party, wrong: f64) -> Option<oneshot::Receiver<AttemptTurn>> {
        // Who gave up needs no place.
        self.waiting.retain(|waiting| !waiting.call.is_closed());
        if self.working == Some(who) || self.waiting.iter().any(|waiting| waiting.who == who) {
            return None;
        }
        if self.waiting.len() + usize::from(self.working.is_some()) >= TURNS_WAITING {
            let worst = self.waiting.iter().map(|waiting| waiting.wrong).max_by(f64::total_cmp)?;
            let place = self.waiting.iter().rposition(|waiting| waiting.wrong >= worst)?;
            if worst <= wrong {
                return None;
            }
            // Dropping it tells who waits there.
            self.waiting.remove(place);
        }
        let (call, called) = oneshot::channel();
        self.waiting.push(Waiting { who, wrong, call });
        Some(called)
    }

    /// Who is next.
    fn next(&mut self) -> Option<Waiting> {
        let best = self.waiting.iter().map(|waiting| waiting.wrong).min_by(f64::total_cmp)?;
        let place = self.waiting.iter().position(|waiting| waiting.wrong <= best)?;
        Some(self.waiting.remove(place))
    }
}

impl AttemptTurn {
    /// It was a wrong password: the next turn comes after the pause. The answer does not wait for it, and
    /// the same may wait for the next turn.
    pub fn pause(self) {
        if let Some(queue) = self.turns.lock().get_mut(&self.queue) {
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
            let mut queues = self.turns.lock();
            let Some(queue) = queues.get_mut(&self.queue) else { return };
            let next = queue.next();
            match &next {
                Some(next) => queue.working = Some(next.who),
                None => drop(queues.remove(&self.queue)),
            }
            next
        };
        if let Some(next) = next {
            // Who does not wait any more drops it, and so hands it on.
            let _ = next.call.send(Self { turns: self.turns.clone(), queue: self.queue });
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
    async fn who_was_wrong_less_often_finds_a_place_and_is_next() {
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
        let order = turns.queues.lock().unwrap().get_mut(&ACCOUNT).unwrap().next().unwrap().who;
        assert_eq!(order, network(100));
        assert!(fresh.await.unwrap().is_err(), "this test has taken its place away");
        drop(first);
        for waiting in guessing {
            waiting.await.unwrap().unwrap();
        }
        assert!(turns.queues.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_gave_up_waiting_holds_nobody_up_and_nobody_waits_for_ever() {
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
