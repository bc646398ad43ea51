//! The bot of the demo (`demo`).

use std::ops::RangeInclusive;
use std::time::Duration;

/// Between two messages that the bot writes by itself, in seconds.
pub const PAUSE_SECONDS: RangeInclusive<u32> = 40..=90;
/// Messages that the bot writes by itself without anybody saying a word: then it waits for one. So a page that is left
/// open does not fill the history.
pub const UNHEARD: u32 = 12;
/// From a question to the bot's answer: as long as somebody would write. While it lasts further questions are not
/// answered, so the bot writes no faster than that.
pub const ANSWER_AFTER: Duration = Duration::from_millis(1_400);
/// Publications that wait for the bot. Rooms wait for a place, so the bot only reads them and waits for nothing.
pub const HEARD: usize = 256;
