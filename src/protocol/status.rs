//! What a user chose to be seen as.

use super::command::PresenceState;

/// What a user chose to be seen as, on whatever device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Online means: as the connections say.
    pub state: PresenceState,
    /// A few words; may be empty.
    pub text: String,
    /// When both end, in milliseconds.
    pub until: Option<i64>,
}

impl Default for Status {
    fn default() -> Self {
        Self { state: PresenceState::Online, text: String::new(), until: None }
    }
}

impl Status {
    /// What is left of it at `now`.
    pub fn at(self, now: i64) -> Self {
        if self.until.is_some_and(|until| until <= now) { Self::default() } else { self }
    }
}
