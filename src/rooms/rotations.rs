//! How often members make new keys for a room without need (`e2ee.md` 6.3).

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::encryption as limits;

/// When each member made them.
#[derive(Debug, Default)]
pub struct Rotations(HashMap<Uid, VecDeque<Instant>>);

impl Rotations {
    /// Notes so many, or refuses them.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take(&mut self, by: Uid, count: usize, most: usize) -> Result<()> {
        if most == usize::MAX {
            return Ok(());
        }
        let made = self.0.entry(by).or_default();
        drop_old(made);
        if made.len().saturating_add(count) > most {
            let text = "You have made new keys for this room too often. Please wait.";
            return Err(Error::new(Code::RateLimited, text));
        }
        made.extend(std::iter::repeat_n(Instant::now(), count));
        Ok(())
    }

    /// Forgets those that do not count any more.
    pub fn forget_old(&mut self) {
        self.0.retain(|_, made| {
            drop_old(made);
            !made.is_empty()
        });
    }
}

fn drop_old(made: &mut VecDeque<Instant>) {
    while made.front().is_some_and(|at| at.elapsed() >= limits::ROTATIONS_WITHIN) {
        made.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_made_an_hour_ago_do_not_count() {
        let mut rotations = Rotations::default();
        let most = limits::ROTATIONS;
        rotations.take(Uid(1), most - 1, most).unwrap();
        assert_eq!(rotations.take(Uid(1), 2, most).unwrap_err().code(), Code::RateLimited);
        rotations.take(Uid(1), 1, most).unwrap();
        assert!(
            rotations.take(Uid(1), 1, most).is_err() && rotations.take(Uid(2), 1, most).is_ok()
        );
        let first = rotations.0.get_mut(&Uid(1)).and_then(|made| made.front_mut()).unwrap();
        *first = first.checked_sub(limits::ROTATIONS_WITHIN).unwrap();
        rotations.forget_old();
        rotations.take(Uid(1), 1, most).unwrap();
        // A room that was silent for a while does not forget the rest.
        rotations.forget_old();
        assert!(rotations.take(Uid(1), 1, most).is_err() && rotations.0.len() == 2);
    }
}
