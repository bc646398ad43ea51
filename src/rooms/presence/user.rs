//! The presence of one user: the state of each of their connections, and the status they have set.

use std::collections::HashMap;

use crate::protocol::presence::{PresenceState, Status};
use crate::rooms::publication::ConnRef;

/// The presence of a user as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceView {
    /// `online`, `away`, `dnd` or `offline`.
    pub state: &'static str,
    /// The status text.
    pub text: Option<String>,
    /// When the text ends, in milliseconds.
    pub until: Option<i64>,
}

impl PresenceView {
    /// Of a user without a connection.
    pub const OFFLINE: Self = Self { state: "offline", text: None, until: None };

    /// Whether the user has no connection.
    pub fn is_offline(&self) -> bool {
        *self == Self::OFFLINE
    }
}

/// A user with a connection.
#[derive(Debug, Default)]
pub struct UserPresence {
    /// The state that each connection has set.
    pub connections: HashMap<ConnRef, PresenceState>,
    /// What the user has set for all of them.
    pub status: Status,
}

impl UserPresence {
    /// "Do not disturb" on one connection, or as the status, holds for all; then "away" as the status; otherwise
    /// the most active connection counts.
    pub fn view(&self, now: i64) -> PresenceView {
        let Status { state: chosen, text, until } = self.status.clone().at(now);
        let has = |state| self.connections.values().any(|own| *own == state);
        let state = match chosen {
            PresenceState::Online => {
                let order = [PresenceState::Dnd, PresenceState::Online, PresenceState::Away];
                order.into_iter().find(|state| has(*state)).unwrap_or(PresenceState::Online)
            }
            _ if has(PresenceState::Dnd) => PresenceState::Dnd,
            chosen => chosen,
        };
        let text = Some(text).filter(|text| !text.is_empty());
        // Without a text or a state that ends, there is no end to show.
        let until = until.filter(|_| text.is_some() || chosen != PresenceState::Online);
        PresenceView { state: state.as_str(), text, until }
    }
}
