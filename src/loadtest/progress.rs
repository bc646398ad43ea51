//! One line on stderr that shows how a scenario goes, at most once a second.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::report::number;
use super::tally::Tally;
use crate::base::limits::loadtest as limits;

/// The line. In a terminal it is overwritten; elsewhere each update is a line of its own.
pub struct Progress {
    scenario: &'static str,
    output: Output,
    began: Instant,
    updated: Instant,
    deliveries: u64,
    acknowledged: u64,
}

enum Output {
    Quiet,
    Terminal(ProgressBar),
    Lines,
}

impl Output {
    fn stderr() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if bar.is_hidden() {
            return Self::Lines;
        }
        let style = ProgressStyle::with_template("{wide_msg}");
        Self::Terminal(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    fn print(&self, line: String) {
        match self {
            Self::Quiet => {}
            Self::Terminal(bar) => bar.set_message(line),
            Self::Lines => eprintln!("{line}"),
        }
    }
}

impl Progress {
    /// Of a scenario.
    pub fn new(scenario: &'static str, is_quiet: bool) -> Self {
        let now = Instant::now();
        let output = if is_quiet { Output::Quiet } else { Output::stderr() };
        Self { scenario, output, began: now, updated: now, deliveries: 0, acknowledged: 0 }
    }

    /// Shows how it goes, if it is time.
    pub fn update(&mut self, ready: usize, tally: &Tally) {
        let now = Instant::now();
        let passed = now.duration_since(self.updated);
        if matches!(self.output, Output::Quiet) || passed < limits::PROGRESS {
            return;
        }
        // The tally begins anew after the warm-up.
        let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now) as f64;
        let rate = |now, before| since(now, before) / passed.as_secs_f64();
        self.output.print(format!(
            "{:<8} {:>4} s  {:>7} connections  {:>9} deliveries/s  {:>7} acknowledged/s",
            self.scenario,
            now.duration_since(self.began).as_secs(),
            number(ready as f64),
            number(rate(tally.deliveries, self.deliveries)),
            number(rate(tally.acknowledged, self.acknowledged)),
        ));
        (self.updated, self.deliveries, self.acknowledged) =
            (now, tally.deliveries, tally.acknowledged);
    }

    /// Shows a sentence.
    pub fn print(&self, sentence: &str) {
        self.output.print(format!("{:<8} {sentence}", self.scenario));
    }

    /// Clears the line.
    pub fn finish(&self) {
        if let Output::Terminal(bar) = &self.output {
            bar.finish_and_clear();
        }
    }
}
