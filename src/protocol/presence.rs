//! How a user is shown to others: the state and the text the user has chosen.

use super::names;

/// A state a user may choose. Only the server says that somebody is offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceState {
    /// Here.
    Online,
    /// Signed in, but away from the keyboard.
    Away,
    /// Do not disturb.
    Dnd,
}

names!(PresenceState { Online = "online", Away = "away", Dnd = "dnd" });

/// The presence and the text a user has chosen, for all devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `Online` shows the user as online while there is a connection.
    pub state: PresenceState,
    /// Shown beside the state; may be empty.
    pub text: String,
    /// When both end, in milliseconds.
    pub until: Option<i64>,
}

/// A new status text, as one connection sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusText {
    /// An empty text removes the present one.
    pub text: String,
    /// When it ends; without it the end that was chosen for "away" or "do not disturb" stays.
    pub until: Option<i64>,
}

impl Default for Status {
    fn default() -> Self {
        Self { state: PresenceState::Online, text: String::new(), until: None }
    }
}

impl Status {
    /// What is still valid of it at `now`.
    pub fn at(self, now: i64) -> Self {
        if self.until.is_some_and(|until| until <= now) { Self::default() } else { self }
    }

    /// The same state with another text.
    pub fn with_text(self, text: StatusText) -> Self {
        let kept = self.until.filter(|_| self.state != PresenceState::Online);
        Self { text: text.text, until: text.until.or(kept), ..self }
    }
}
