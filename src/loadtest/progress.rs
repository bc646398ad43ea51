//! One line that shows how a scenario goes, on stderr, at most once a second.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use super::report::number;
use super::tally::Tally;
use crate::base::limits::loadtest as limits;

/// The line.
pub struct Progress {
    scenario: &'static str,
    is_quiet: bool,
    is_terminal: bool,
    began: Instant,
    printed: Instant,
    deliveries: u64,
    acknowledged: u64,
}

impl Progress {
    /// Of a scenario.
    pub fn of(scenario: &'static str, is_quiet: bool) -> Self {
        let now = Instant::now();
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            scenario,
            is_quiet,
            is_terminal,
            began: now,
            printed: now,
            deliveries: 0,
            acknowledged: 0,
        }
    }

    /// Tells, if it is time.
    pub fn update(&mut self, ready: usize, tally: &Tally) {
        let now = Instant::now();
        let passed = now.duration_since(self.printed);
        if self.is_quiet || passed < limits::PROGRESS {
            return;
        }
        // The tally begins anew after the warm-up.
        let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now) as f64;
        let rate = |now, before| since(now, before) / passed.as_secs_f64();
        let line = format!(
            "{:<8} {:>4} s  {:>7} connections  {:>9} deliveries/s  {:>7} acknowledged/s",
            self.scenario,
            now.duration_since(self.began).as_secs(),
            number(ready as f64),
            number(rate(tally.deliveries, self.deliveries)),
            number(rate(tally.acknowledged, self.acknowledged)),
        );
        (self.printed, self.deliveries, self.acknowledged) =
            (now, tally.deliveries, tally.acknowledged);
        self.show(&line);
    }

    /// Says something once.
    pub fn print(&self, sentence: &str) {
        if !self.is_quiet {
            self.show(&format!("{:<8} {sentence}", self.scenario));
        }
    }

    fn show(&self, line: &str) {
        let mut stderr = std::io::stderr().lock();
        // Nobody to tell is no reason to stop.
        let _ = match self.is_terminal {
            true => write!(stderr, "\r\x1b[K{line}"),
            false => writeln!(stderr, "{line}"),
        };
        let _ = stderr.flush();
    }

    /// Leaves an empty line where it stood.
    pub fn finish(&self) {
        if self.is_terminal && !self.is_quiet {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
