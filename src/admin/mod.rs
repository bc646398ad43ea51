//! What an operator does from the shell of the server's own machine.
//!
//! Everything but a token goes through the server ([`client`]). A token is written straight into the
//! account store ([`token`]).

mod args;
mod calls;
mod client;
mod doctor;
mod health;
mod table;
mod token;
mod user_ref;

pub use args::{Admin, Verb};
pub use doctor::{Doctor, doctor};
pub use health::healthcheck;

use std::time::Duration;

use crate::auth::{Scope, TokenWish};
use crate::base::limits;
use crate::base::text;
use crate::config::Config;
use args::TokenScope;
use client::Client;

/// Runs one verb; the text to print.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(mut config: Config, admin: Admin) -> Result<String, String> {
    config.data_dir = admin.data_dir.or(config.data_dir);
    config.database_url = admin.database_url.or(config.database_url);
    config.accounts_database_url = admin.accounts_database_url.or(config.accounts_database_url);
    if let Verb::Token { users, label, scope, days, forever } = &admin.verb {
        let label = text::line("label", label, limits::api::LABEL)
            .map_err(|error| error.message().to_owned())?;
        let scope = match scope {
            TokenScope::Read => Scope::Read,
            TokenScope::Write => Scope::Write,
            TokenScope::Admin => Scope::Admin,
        };
        let lives = Duration::from_secs(u64::from(*days) * 24 * 3_600);
        let lives = if *forever { None } else { Some(lives) };
        return token::tokens(&config, users, TokenWish { label: &label, scope, lives }).await;
    }
    let client = Client::connect(config).await?;
    let reply = calls::call(&client, admin.verb).await;
    client.finish().await;
    let reply = reply?;
    Ok(if admin.json { reply.to_string() } else { table::render(&reply) })
}
