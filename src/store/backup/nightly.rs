//! What becomes of nightly backups, for those who watch over them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::folder::{self, Dated};
use crate::base::lock::MutexExt as _;

/// The nightly backups of this server.
#[derive(Debug, Default)]
pub struct Nightly {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    folder: Option<PathBuf>,
    last: Option<Dated>,
    failures: u64,
    failure: Option<String>,
}

impl Nightly {
    /// Those in this folder; none are made without one.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let last = folder
            .as_deref()
            .and_then(|folder| folder::newest(folder, SystemTime::now()).ok().flatten());
        let state = State { folder, last, ..State::default() };
        Self { state: Mutex::new(state) }
    }

    /// Where they are.
    pub fn folder(&self) -> Option<PathBuf> {
        self.state.lock_unpoisoned().folder.clone()
    }

    /// The last good one.
    pub fn last(&self) -> Option<Dated> {
        self.state.lock_unpoisoned().last.clone()
    }

    /// Since the last good one was begun.
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        Some(now.duration_since(self.last()?.at).unwrap_or_default())
    }

    /// How many failed since the server started.
    pub fn failures(&self) -> u64 {
        self.state.lock_unpoisoned().failures
    }

    /// Why the last one failed, if it did.
    pub fn failure(&self) -> Option<String> {
        self.state.lock_unpoisoned().failure.clone()
    }

    /// One more was made.
    pub fn succeeded(&self, folder: &Path) {
        let mut state = self.state.lock_unpoisoned();
        state.last = folder::newest(folder, SystemTime::now()).ok().flatten();
        state.failure = None;
    }

    /// One was not made.
    pub fn failed(&self, failure: String) {
        let mut state = self.state.lock_unpoisoned();
        state.failures += 1;
        state.failure = Some(failure);
    }
}

/// Whether a backup is due: none was begun since the last time that the clock (UTC) showed this hour.
pub fn is_due(now: SystemTime, last: Option<SystemTime>, hour: u8) -> bool {
    let day = Duration::from_secs(86_400);
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let today = SystemTime::UNIX_EPOCH
        + Duration::from_secs(since.as_secs() / 86_400 * 86_400 + u64::from(hour) * 3_600);
    let due = if today <= now { today } else { today - day };
    // One from the future was made by a clock that was wrong.
    last.is_none_or(|last| last < due || last > now + day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_from_the_future_does_not_make_one_due_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let later = folder::name(now + Duration::from_secs(400 * 86_400));
        std::fs::write(folder.path().join(later), "x").unwrap();
        let nightly = Nightly::new(Some(folder.path().to_owned()));
        let hour = 0;
        assert!(is_due(now, nightly.last().map(|last| last.at), hour));
        std::fs::write(folder.path().join(folder::name(now)), "x").unwrap();
        nightly.succeeded(folder.path());
        assert!(!is_due(now, nightly.last().map(|last| last.at), hour));
    }

    #[test]
    fn one_is_due_each_day_at_its_hour_and_later_if_it_was_missed() {
        let at = |hours: u64| {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * 86_400 + hours * 3_600)
        };
        assert!(is_due(at(1), None, 3));
        assert!(!is_due(at(26), Some(at(3)), 3), "not yet");
        assert!(is_due(at(27), Some(at(3)), 3));
        assert!(!is_due(at(27), Some(at(27)), 3), "once");
        assert!(is_due(at(40), Some(at(4)), 3), "missed in the night");
        assert!(!is_due(at(30), Some(at(29)), 3), "one that came late");
        assert!(is_due(at(3), Some(at(2)), 3), "one that was made by hand before");
        assert!(is_due(at(3), Some(at(99)), 3), "a clock that was wrong");
        assert!(is_due(at(0), Some(at(0) - Duration::from_secs(1)), 0));
    }
}
