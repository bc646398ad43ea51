//! The demo around its rooms: what is ready before they start, and what begins when they run.

use super::account;
use super::bot::{Bot, Ears, ears};
use super::cast::Cast;
use super::fill::{Parts, fill};
use super::seats::take_seats;
use crate::base::error::Result;
use crate::rooms::publisher::Sink;
use crate::service::Services;

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
        Some(cast) => Some(cast),
        None => fill(parts).await?,
    };
    let stage = |cast| {
        let (sink, ears) = ears();
        Stage { cast, sink, ears }
    };
    Ok(cast.map(stage))
}

impl Stage {
    /// The rooms run: people take their seats. The bot, if it is there.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn begin(self, services: &Services) -> Result<Option<Bot>> {
        let Services { profiles, rooms, allowances, .. } = services;
        take_seats(&self.cast, profiles, rooms).await?;
        Ok(Bot::new(&self.cast, rooms.clone(), self.ears, allowances))
    }
}
