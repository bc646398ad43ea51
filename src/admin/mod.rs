//! What an operator does from the shell of the server's own machine.
//!
//! Everything but tokens and backups goes through the server ([`client`]). A token is written straight into the
//! account store ([`token`]), and a backup reads the databases ([`backup`]).

mod args;
mod backup;
mod calls;
mod client;
mod directory;
mod doctor;
mod health;
mod search;
mod table;
mod token;
mod user_ref;

pub use args::{Admin, Verb};
pub use doctor::{Doctor, doctor};
pub use health::healthcheck;

use std::time::Duration;

use serde_json::Value;

use crate::auth::{Scope, TokenWish};
use crate::base::limits;
use crate::base::text;
use crate::config::Config;
use args::TokenScope;
use client::Client;

/// Runs one verb; the text to print, if there is any.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(mut config: Config, admin: Admin) -> Result<Option<String>, String> {
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
        let wish = TokenWish { label: &label, scope, lives };
        return token::tokens(&config, users, wish).await.map(Some);
    }
    let print =
        |reply: Value| Some(if admin.json { reply.to_string() } else { table::render(&reply) });
    match &admin.verb {
        Verb::Backup { file, verify: false } => {
            return Ok(backup::save(&config, file).await?.and_then(print));
        }
        Verb::Backup { file, verify: true } => return Ok(print(backup::verify(file).await?)),
        Verb::Restore { file } => return Ok(print(backup::restore(&config, file).await?)),
        _ => {}
    }
    let client = Client::connect(config).await?;
    let reply = calls::call(&client, admin.verb).await;
    client.finish().await;
    let reply = reply?;
    Ok(print(reply))
}
