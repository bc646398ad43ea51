//! New bearer tokens. They are written straight into the account store, so that a script gets its token
//! whether or not a server runs.

use serde_json::json;

use super::user_ref::UserRef;
use crate::auth::{Auth, TokenWish};
use crate::base::error::{Code, Error};
use crate::base::names;
use crate::config::Config;
use crate::settings::{RuntimeSettings, Settings};
use crate::store::accounts::{AccountStore, AuditEntry, UserRow};
use crate::store::embedded::{self, Embedded};
use crate::store::pool::Database;

/// One new bearer token for each user.
pub(super) async fn tokens(
    config: &Config,
    users: &[String],
    wish: TokenWish<'_>,
) -> Result<String, String> {
    let (_database, accounts) = open_accounts(config).await?;
    let settings = Settings::open(accounts.clone(), RuntimeSettings::of(config));
    let settings = settings.await.map_err(sentence)?;
    let auth = Auth::new(accounts.clone(), settings, config.rate_limit_scale);
    let auth = auth.await.map_err(sentence)?;
    // All users are looked up before the first token is made: one that is not printed would stay valid.
    let mut found = Vec::with_capacity(users.len());
    for user in users {
        found.push(token_owner(&accounts, user, wish).await?);
    }
    let mut tokens = Vec::with_capacity(users.len());
    for user in &found {
        tokens.push(token(&accounts, &auth, user, wish).await?);
    }
    Ok(tokens.join("\n"))
}

async fn token_owner(
    accounts: &AccountStore,
    user: &str,
    wish: TokenWish<'_>,
) -> Result<UserRow, String> {
    let reference = UserRef::parse(user);
    let named = match reference.name {
        None => None,
        Some(name) => match accounts.user_row_named(&names::key(name)).await {
            Err(error) if error.code() == Code::NotFound => None,
            found => Some(found.map_err(sentence)?),
        },
    };
    let id = reference.resolve(named.map(|user| user.uid.to_string()))?;
    let uid = id.parse().map_err(|_| format!("there is no user {user}"))?;
    let user = accounts.user_row(uid).await.map_err(sentence)?;
    if wish.scope.administers() && !user.is_admin {
        return Err(format!("{} is no admin of the server", user.username));
    }
    Ok(user)
}

async fn token(
    accounts: &AccountStore,
    auth: &Auth,
    user: &UserRow,
    wish: TokenWish<'_>,
) -> Result<String, String> {
    let issued = auth.issue_token(&user.username, wish).await.map_err(sentence)?;
    let entry = AuditEntry {
        actor: None,
        actor_name: "command line",
        action: "token.issue",
        target_kind: "user",
        target_id: &user.uid.to_string(),
        target_name: &user.username,
        detail: &json!({
            "label": wish.label,
            "scope": wish.scope,
            "expires_at": issued.expires_at,
        }),
    };
    accounts.record(&entry).await.map_err(sentence)?;
    Ok(issued.token)
}

fn sentence(error: Error) -> String {
    error.message().to_owned()
}

/// The account store: where the settings say, or in the private database. A running server has started that
/// already; otherwise it runs until what is returned is dropped.
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
