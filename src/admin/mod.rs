//! What an operator does from the shell of the server's own machine: straight on the stores, beside
//! a running server or without one.

use crate::auth::{Auth, AuthSettings};
use crate::config::Config;
use crate::store::accounts::AccountStore;
use crate::store::embedded::{self, Embedded};
use crate::store::pool::Database;

/// One new bearer token for `user`.
///
/// # Errors
/// One sentence: no such user, no database.
pub async fn token(config: &Config, user: &str, label: &str) -> Result<String, String> {
    let (_database, accounts) = open_accounts(config).await?;
    let settings = AuthSettings {
        rate_limit_scale: config.rate_limit_scale,
        registration: config.registration,
    };
    let issued = async { Auth::new(accounts, settings).await?.issue_token(user, label).await };
    issued.await.map_err(|error| error.message().to_owned())
}

/// The account store: where the settings say, else in the private database, which a running server
/// has started already or which runs for as long as what is returned lives.
async fn open_accounts(config: &Config) -> Result<(Option<Embedded>, AccountStore), String> {
    let url = config.accounts_database_url.as_ref().or(config.database_url.as_ref());
    let (embedded, url) = match url {
        Some(url) => (None, url.clone()),
        None => {
            let data_dir = config.data_dir.clone().unwrap_or_else(embedded::default_data_dir);
            let opening = move || match Embedded::attach(&data_dir) {
                Some(url) => Ok((None, url)),
                None => Embedded::start(&data_dir).map(|embedded| {
                    let url = embedded.url();
                    (Some(embedded), url)
                }),
            };
            tokio::task::spawn_blocking(opening).await.map_err(|error| error.to_string())??
        }
    };
    Ok((embedded, AccountStore::open(Database::new(&url)?).await?))
}
