//! How long what cannot be erased waits until it is tried again.

use std::time::Instant;

use crate::base::limits::files as limits;

/// The wait after failures: twice as long each time, up to [`ERASE_PAUSE`](limits::ERASE_PAUSE).
#[derive(Debug, Default)]
pub struct Pause {
    failures: u32,
    until: Option<Instant>,
}

impl Pause {
    /// Whether it lasts.
    pub fn is_on(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Something was tried.
    pub fn note(&mut self, now: Instant, is_ok: bool) {
        self.failures = if is_ok { 0 } else { self.failures.saturating_add(1) };
        let wait = limits::ERASE.saturating_mul(1 << self.failures.min(8)).min(limits::ERASE_PAUSE);
        self.until = (!is_ok).then(|| now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_erased_is_tried_again_less_and_less_often_but_within_a_minute() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        for wait in [limits::ERASE * 2, limits::ERASE * 4, limits::ERASE * 8] {
            pause.note(now, false);
            assert!(pause.is_on(now) && !pause.is_on(now + wait));
            assert!(pause.is_on(now + wait / 2 + limits::ERASE / 2));
        }
        for _ in 0..100 {
            pause.note(now, false);
        }
        assert_eq!(pause.until, Some(now + limits::ERASE_PAUSE));
        pause.note(now, true);
        assert!(!pause.is_on(now));
    }
}
