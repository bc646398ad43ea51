//! The rate of one connection: what its commands cost, and when it has sent too much.

use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::{chat as chat_limits, delivery as limits};
use crate::protocol::command::Command;
use crate::rooms::Rooms;

/// A token bucket of what commands cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommandRate {
    tokens: f32,
    refilled_ms: u32,
    /// Multiplies the rates; 0 lifts them.
    scale: f32,
    /// The costs of refused commands less those of commands accepted since. So a flood of which a few
    /// commands pass counts as a flood however slowly it comes.
    refused: u16,
    /// How often the connection was paused since its bucket was half full.
    pauses: u8,
}

/// What becomes of one more command.
pub(super) enum Verdict {
    Accept,
    /// It is refused with this error.
    Refuse(Error),
    /// The connection is closed.
    Flood,
}

/// What becomes of a connection that sent one more frame that is no command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FrameVerdict {
    Accept,
    /// It is not read until the next second.
    Pause,
    /// It is closed.
    Flood,
}

/// What a command costs of the rates: the more, the more work it makes.
pub(super) fn cost(command: &Command, bytes: usize, uid: Uid, rooms: &Rooms) -> f32 {
    let more = match command {
        Command::Subscribe { room, since, .. } => {
            let missed = rooms.handle(*room).map_or(0, |room| room.missed(uid, *since));
            (missed.min(chat_limits::REPLAY as u64) / limits::REPLAY_COST) as f32
        }
        // Everything but a new message without files needs a lookup in the store.
        Command::Send { draft, .. } if draft.needs_lookup() => limits::LOOKUP_COST - 1.0,
        Command::SendEnvelope { envelope, .. } if !envelope.is_new_message() => {
            limits::LOOKUP_COST - 1.0
        }
        _ => 0.0,
    };
    more + cost_of_bytes(bytes)
}

/// Parsing costs by the byte, whether or not the frame is a command.
pub fn cost_of_bytes(bytes: usize) -> f32 {
    1.0 + (bytes / limits::COST_BYTES) as f32
}

impl CommandRate {
    pub fn full(now_ms: u32, scale: f32) -> Self {
        Self { tokens: limits::BURST, refilled_ms: now_ms, scale, refused: 0, pauses: 0 }
    }

    /// Charges one more command, if the limits of the user allow it, too.
    pub fn charge(
        &mut self,
        now_ms: u32,
        cost: f32,
        charge_user: impl FnOnce() -> Result<()>,
    ) -> Verdict {
        if self.scale == 0.0 {
            return Verdict::Accept;
        }
        self.refill(now_ms);
        let charged = if self.tokens >= cost {
            charge_user()
        } else {
            let wait_ms = (cost - self.tokens) / (limits::RATE * self.scale) * 1_000.0;
            let error = Error::new(Code::RateLimited, "Too many commands; slow down.");
            Err(error.retry_after(wait_ms as u32 + 1))
        };
        let Err(error) = charged else {
            self.tokens -= cost;
            self.refused = self.refused.saturating_sub(cost as u16);
            return Verdict::Accept;
        };
        // Reading the command was work already, the more the larger it is.
        self.refused = self.refused.saturating_add(cost as u16);
        if self.refused > limits::FLOOD { Verdict::Flood } else { Verdict::Refuse(error) }
    }

    /// Counts one more frame that is no command. It has been read, so it counts even if nothing is left.
    pub fn count_frame(&mut self, now_ms: u32) -> FrameVerdict {
        if self.scale == 0.0 {
            return FrameVerdict::Accept;
        }
        self.refill(now_ms);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 {
            return FrameVerdict::Accept;
        }
        self.pauses = self.pauses.saturating_add(1);
        if self.pauses > limits::PAUSES { FrameVerdict::Flood } else { FrameVerdict::Pause }
    }

    fn refill(&mut self, now_ms: u32) {
        let most = limits::BURST * self.scale.max(1.0);
        let passed = now_ms.wrapping_sub(self.refilled_ms) as f32 / 1_000.0;
        self.refilled_ms = now_ms;
        self.tokens = (self.tokens + passed * limits::RATE * self.scale).min(most);
        // Half a bucket is more than the second of a pause brings back: the connection has calmed down.
        if self.tokens >= most / 2.0 {
            self.pauses = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Charges one command of a user without other connections.
    fn charge(rate: &mut CommandRate, now_ms: u32) -> Verdict {
        rate.charge(now_ms, 1.0, || Ok(()))
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_a_flood_ends_it() {
        let mut rate = CommandRate::full(0, 1.0);
        for _ in 0..limits::BURST as u32 {
            assert!(matches!(charge(&mut rate, 0), Verdict::Accept));
        }
        let refused = charge(&mut rate, 0);
        assert!(matches!(refused, Verdict::Refuse(error) if error.retry_ms() > Some(0)));
        assert!(matches!(charge(&mut rate, 1_000), Verdict::Accept));
        for _ in 0..limits::RATE as u32 + u32::from(limits::FLOOD) {
            charge(&mut rate, 1_000);
        }
        assert!(matches!(charge(&mut rate, 1_000), Verdict::Flood));
    }

    /// When a steady stream of so many commands a second is a flood.
    fn flood_of(a_second: u32) -> Option<u32> {
        let mut rate = CommandRate::full(0, 1.0);
        (0..a_second * 60)
            .find(|n| matches!(charge(&mut rate, n * 1_000 / a_second), Verdict::Flood))
    }

    #[test]
    fn a_flood_ends_however_slowly_it_comes_and_being_refused_now_and_then_is_no_flood() {
        let rate = limits::RATE as u32;
        for many in [3, 10, 100] {
            assert!(flood_of(many * rate).is_some(), "{many} times the rate");
        }
        // As often accepted as refused: a client that tries again after `retry_ms`.
        assert_eq!(flood_of(2 * rate), None);
    }

    #[test]
    fn scale_zero_lifts_the_limit() {
        let mut rate = CommandRate::full(0, 0.0);
        assert!((0..10_000).all(|_| matches!(charge(&mut rate, 0), Verdict::Accept)));
    }

    #[test]
    fn what_makes_more_work_costs_more_and_the_wait_grows_with_it() {
        let mut rate = CommandRate::full(0, 1.0);
        let most = (limits::BURST / limits::LOOKUP_COST) as u32;
        for _ in 0..most {
            assert!(matches!(rate.charge(0, limits::LOOKUP_COST, || Ok(())), Verdict::Accept));
        }
        let Verdict::Refuse(error) = rate.charge(0, 10.0, || Ok(())) else { panic!("too much") };
        let wait_ms = (10.0 / limits::RATE * 1_000.0) as u32;
        assert!(error.retry_ms().is_some_and(|ms| ms.abs_diff(wait_ms) <= 1), "{error:?}");
        assert_eq!(cost_of_bytes(100), 1.0);
        assert_eq!(cost_of_bytes(chat_limits::COMMAND), 9.0);
    }

    #[test]
    fn what_exceeds_the_limits_of_the_user_is_refused_on_each_connection_and_costs_it_nothing() {
        let mut rate = CommandRate::full(0, 1.0);
        let none = || Err(Error::new(Code::RateLimited, "Too much.").retry_after(7));
        for _ in 0..limits::FLOOD {
            let refused = rate.charge(0, 1.0, none);
            assert!(matches!(refused, Verdict::Refuse(error) if error.retry_ms() == Some(7)));
        }
        assert_eq!(rate.tokens, limits::BURST);
        let mut large = CommandRate::full(0, 1.0);
        let of_9 = (0..).take_while(|_| !matches!(large.charge(0, 9.0, none), Verdict::Flood));
        assert_eq!(of_9.count(), usize::from(limits::FLOOD) / 9, "large ones count as more");
        assert!(matches!(rate.charge(0, 1.0, none), Verdict::Flood));
    }

    #[test]
    fn frames_that_are_no_commands_are_slowed_down_and_then_end_the_connection() {
        let mut rate = CommandRate::full(0, 1.0);
        let mut pauses = 0;
        for second in 0..60 {
            // As many as come until the connection is not read any more.
            let verdict = (0..100_000).find_map(|_| match rate.count_frame(second * 1_000) {
                FrameVerdict::Accept => None,
                other => Some(other),
            });
            match verdict.expect("an end") {
                FrameVerdict::Flood => break,
                _ => pauses += 1,
            }
        }
        assert_eq!(pauses, limits::PAUSES);
        // One a second is nothing, and a burst now and then is no flood.
        let mut calm = CommandRate::full(0, 1.0);
        assert!((0..3_600).all(|second| calm.count_frame(second * 1_000) == FrameVerdict::Accept));
        for n in 0..10 {
            let now_ms = 4_000_000 + n * 10_000;
            while calm.count_frame(now_ms) == FrameVerdict::Accept {}
            assert_eq!(calm.pauses, 1);
        }
        let mut lifted = CommandRate::full(0, 0.0);
        assert!((0..10_000).all(|_| lifted.count_frame(0) == FrameVerdict::Accept));
    }
}
