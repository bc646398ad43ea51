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

/// New words, as they are said on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Empty takes those away that were there.
    pub text: String,
    /// When they end; without it the end that was chosen for "away" or "do not disturb" holds.
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

    /// The same with other words.
    pub fn saying(self, words: Words) -> Self {
        let kept = self.until.filter(|_| self.state != PresenceState::Online);
        Self { text: words.text, until: words.until.or(kept), ..self }
    }
}
