//! Whether the stores answer and take what is written.

use std::time::Instant;

use tokio::sync::Mutex;

use crate::base::error::Outage;
use crate::base::limits::store::PROBE;
use crate::store::accounts::AccountStore;
use crate::store::chat::ChatStore;

/// Checks the stores, once for all who ask at a time: however many ask, each store has one connection busy
/// with it.
pub struct Readiness {
    accounts: AccountStore,
    chat: ChatStore,
    last: Mutex<Option<Check>>,
}

struct Check {
    outage: Option<Outage>,
    at: Instant,
    /// When a write was tried last.
    wrote_at: Instant,
}

impl Readiness {
    /// Of these stores.
    pub fn new(accounts: AccountStore, chat: ChatStore) -> Self {
        Self { accounts, chat, last: Mutex::default() }
    }

    /// What keeps the stores from serving, if anything does. A write is tried every [`PROBE`] while all is
    /// well, and always after a check that failed.
    pub async fn check(&self) -> Option<Outage> {
        let asked_at = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(check) = &*last
            && check.at >= asked_at
        {
            return check.outage;
        }
        let wrote_at = last.as_ref().filter(|last| last.outage.is_none()).map(|last| last.wrote_at);
        let recently = wrote_at.filter(|at| asked_at.duration_since(*at) < PROBE);
        let (accounts, chat) = match recently {
            Some(_) => tokio::join!(self.accounts.database().ping(), self.chat.database().ping()),
            None => tokio::join!(self.accounts.try_write(), self.chat.try_write()),
        };
        let error = accounts.and(chat).err();
        let outage = error.as_ref().map(|error| error.why_unavailable().unwrap_or(Outage::Failing));
        if let Some(error) = error {
            tracing::warn!(?error, "not ready");
        }
        *last = Some(Check { outage, at: Instant::now(), wrote_at: recently.unwrap_or(asked_at) });
        outage
    }
}
