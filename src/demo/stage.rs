//! The demo around its rooms: what is ready before they start, and what begins when they run.

use super::account;
use super::bot::{Bot, Ears, ears};
use super::cast::Cast;
use super::fill::{Parts, fill};
use super::seats::take_seats;
use crate::base::error::Result;
use crate::rooms::publisher::Sink;
use crate::service::Services;
use crate::store::accounts::AccountStore;

/// A demo whose rooms have not started.
pub struct Stage {
    /// Its people.
    pub cast: Cast,
    /// Where the rooms publish for the bot.
    pub sink: Sink,
    ears: Ears,
}

/// The demo: made now on an empty server, found on one that was filled before, none on any other.
///
/// # Errors
/// `unavailable`, or `internal` without a source of randomness.
pub async fn open(parts: Parts<'_>) -> Result<Option<Stage>> {
    let cast = match account::find_all(parts.accounts).await? {
        Some(cast) => {
            if parts.auth.setup_code().is_some() {
                tracing::warn!(
                    "the demo was interrupted while it was filled: start it again on an empty database"
                );
            }
            Some(cast)
        }
        None => fill(parts).await?,
    };
    let stage = |cast| {
        let (sink, ears) = ears();
        Stage { cast, sink, ears }
    };
    Ok(cast.map(stage))
}

/// Warns of accounts that a demo has left on a server that is none any more: everybody knows their password.
///
/// # Errors
/// `unavailable`.
pub async fn warn_of_leftovers(accounts: &AccountStore) -> Result<()> {
    if let Some(cast) = account::find_all(accounts).await? {
        let names: Vec<_> = cast.people().map(|(_, person)| person.username).collect();
        let names = names.join(", ");
        tracing::warn!("everybody knows the password of accounts that the demo has left: {names}");
    }
    Ok(())
}

impl Stage {
    /// The rooms run: people take their seats. The bot, if it is there.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn begin(self, services: &Services) -> Result<Option<Bot>> {
        take_seats(&self.cast, &services.profiles, &services.rooms).await?;
        Ok(Bot::new(&self.cast, services, self.ears))
    }
}
