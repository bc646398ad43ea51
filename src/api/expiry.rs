//! The end of sessions and tokens whose time is over: they are taken out of the store, and their
//! sockets are closed.

use std::sync::Arc;

use tokio::sync::watch;

use crate::base::error::Result;
use crate::base::limits::auth::SESSIONS_SWEEP;
use crate::rooms::delivery::ConnectionsOf;

use super::Api;
use super::auth::end_sockets;
use super::purge::stopped;

impl Api {
    /// Looks for what has come to its end, again and again until the server stops.
    pub async fn end_expired_for_ever(api: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(SESSIONS_SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if let Err(error) = api.end_expired().await {
                        tracing::warn!(?error, "sessions that are over wait for the next look");
                    }
                }
                () = stopped(&mut stop) => return,
            }
        }
    }

    async fn end_expired(&self) -> Result<()> {
        for session in self.auth.end_expired().await? {
            end_sockets(self, ConnectionsOf::Session(session)).await;
        }
        Ok(())
    }
}
