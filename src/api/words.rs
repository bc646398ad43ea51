//! Words that people said on a socket are written into their accounts: all of a moment in one
//! statement, never on a delivery thread. While the database is away they wait, one entry a user.

use std::sync::Arc;

use tokio::sync::watch;

use crate::base::error::Result;
use crate::base::limits::rooms as limits;

use super::Api;

impl Api {
    /// Writes words down until `stop`.
    pub async fn keep_words(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(limits::PRESENCE_TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if let Err(error) = self.write_words().await {
                tracing::debug!(?error, "words wait for the database");
            }
        }
    }

    /// Writes down what waits.
    ///
    /// # Errors
    /// `unavailable`: then it still waits.
    pub async fn write_words(&self) -> Result<()> {
        let presence = self.rooms.presence();
        loop {
            let choices = presence.unsaved_statuses(limits::STATUSES_AT_ONCE);
            if choices.is_empty() {
                return Ok(());
            }
            self.accounts.persist_statuses(&choices).await?;
            for (uid, _) in &choices {
                // A session that is remembered carries the old ones to the next first connection.
                self.auth.forget(*uid);
            }
            presence.mark_saved(&choices);
        }
    }
}
