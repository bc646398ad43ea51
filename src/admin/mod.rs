//! What an operator does from the shell of the server's own machine.
//!
//! Everything but a token goes through the server ([`client`]). A token is written straight into the
//! account store, so that a script gets one whatever else is going on.

mod args;
mod client;
mod health;
mod table;

pub use args::{Admin, Verb};
pub use health::healthcheck;

use std::time::Duration;

use serde_json::{Value, json};

use crate::auth::{Auth, Scope, TokenWish};
use crate::base::error::Code;
use crate::base::limits;
use crate::base::names;
use crate::base::text;
use crate::config::Config;
use crate::settings::{RuntimeSettings, Settings};
use crate::store::accounts::{AccountStore, AuditEntry, UserRow};
use crate::store::embedded::{self, Embedded};
use crate::store::pool::Database;
use args::{Audit, Rooms, TokenScope};
use client::{Client, encoded};

/// Entries of one page.
const PAGE: usize = 200;

/// Runs one verb; what is printed.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(mut config: Config, admin: Admin) -> Result<String, String> {
    config.data_dir = admin.data_dir.or(config.data_dir);
    config.database_url = admin.database_url.or(config.database_url);
    config.accounts_database_url = admin.accounts_database_url.or(config.accounts_database_url);
    if let Verb::Token { users, label, scope, days, forever } = &admin.verb {
        let label = text::line("label", label, limits::api::LABEL).map_err(sentence)?;
        let scope = match scope {
            TokenScope::Read => Scope::Read,
            TokenScope::Write => Scope::Write,
            TokenScope::Admin => Scope::Admin,
        };
        let lives = Duration::from_secs(u64::from(*days) * 24 * 3_600);
        let lives = if *forever { None } else { Some(lives) };
        return tokens(&config, users, TokenWish { label: &label, scope, lives }).await;
    }
    let client = Client::connect(config).await?;
    let answer = answer(&client, admin.verb).await;
    client.finish().await;
    let answer = answer?;
    Ok(if admin.json { answer.to_string() } else { table::show(&answer) })
}

async fn answer(client: &Client, verb: Verb) -> Result<Value, String> {
    let patch = |user: String, change: Value| async move {
        let path = format!("/api/admin/users/{}", user_id(client, &user).await?);
        client.call("PATCH", &path, Some(change)).await
    };
    match verb {
        // Answered before anything was asked.
        Verb::Token { .. } => Ok(Value::Null),
        Verb::Users { q, state, limit } => {
            let path = format!("/api/admin/users?q={}&state={}", encoded(&q), encoded(&state));
            list(client, &path, "users", limit).await
        }
        Verb::CreateUser { user, display_name, admin } => {
            let new = json!({"username": user, "display_name": display_name, "admin": admin});
            with_link(client, client.call("POST", "/api/admin/users", Some(new)).await?)
        }
        Verb::Promote { user } => patch(user, json!({"admin": true})).await,
        Verb::Demote { user } => patch(user, json!({"admin": false})).await,
        Verb::Disable { user } => patch(user, json!({"disabled": true})).await,
        Verb::Enable { user } => patch(user, json!({"disabled": false})).await,
        Verb::RemoveUser { user, erase_messages } => {
            let messages = if erase_messages { "erase" } else { "keep" };
            let path = format!("/api/admin/users/{}", user_id(client, &user).await?);
            client.call("DELETE", &path, Some(json!({"messages": messages}))).await
        }
        Verb::RestoreUser { user } => {
            let path = format!("/api/admin/users/{}/restore", user_id(client, &user).await?);
            client.call("POST", &path, Some(json!({}))).await
        }
        Verb::ResetTicket { user, compromised } => {
            let path = format!("/api/admin/users/{}/reset", user_id(client, &user).await?);
            let body = json!({"compromised": compromised});
            with_link(client, client.call("POST", &path, Some(body)).await?)
        }
        Verb::EndSessions { user } => {
            let path = format!("/api/admin/users/{}/sessions", user_id(client, &user).await?);
            client.call("DELETE", &path, None).await
        }
        Verb::Rooms(verb) => rooms(client, verb).await,
        Verb::Invite { label, rooms, uses, days } => {
            let seconds = u64::from(days) * 24 * 3_600;
            let new =
                json!({"label": label, "rooms": rooms, "uses_max": uses, "expires_in_s": seconds});
            with_link(client, client.call("POST", "/api/admin/invites", Some(new)).await?)
        }
        Verb::Invites { all, limit } => {
            let state = if all { "" } else { "live" };
            list(client, &format!("/api/admin/invites?state={state}"), "invites", limit).await
        }
        Verb::RevokeInvite { invite } => {
            let path = format!("/api/admin/invites/{}", encoded(&invite));
            client.call("DELETE", &path, None).await
        }
        Verb::Settings { name: None, .. } => client.call("GET", "/api/admin/settings", None).await,
        Verb::Settings { name: Some(name), value } => {
            let value = value.ok_or("say what the setting shall be")?;
            // `5`, `true` and `null` are what they look like; everything else is text.
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            client.call("PATCH", "/api/admin/settings", Some(json!({ name: value }))).await
        }
        Verb::Audit { verb: Some(Audit::Verify), .. } => verify(client).await,
        Verb::Audit { verb: None, limit, action } => {
            let limit = limit.clamp(1, PAGE);
            let path = format!("/api/admin/audit?limit={limit}&action={}", encoded(&action));
            client.call("GET", &path, None).await
        }
        Verb::Stats => {
            let stats = client.call("GET", "/api/admin/stats", None).await?;
            Ok(stats["now"].clone())
        }
        Verb::Purge => client.call("POST", "/api/admin/purge", Some(json!({}))).await,
    }
}

async fn rooms(client: &Client, verb: Rooms) -> Result<Value, String> {
    let path = |room: &str| format!("/api/admin/rooms/{}", encoded(room));
    let patch = |room: String, change: Value| async move {
        client.call("PATCH", &path(&room), Some(change)).await
    };
    match verb {
        Rooms::List { q, state, limit } => {
            let path = format!("/api/admin/rooms?q={}&state={}", encoded(&q), encoded(&state));
            list(client, &path, "rooms", limit).await
        }
        Rooms::Create { name, topic, closed, default, owner } => {
            let owner = match owner {
                Some(user) => Some(user_id(client, &user).await?),
                None => None,
            };
            let kind = if closed { "closed" } else { "open" };
            let new = json!({"name": name, "topic": topic, "kind": kind, "default": default,
                             "owner": owner});
            client.call("POST", "/api/admin/rooms", Some(new)).await
        }
        Rooms::Rename { room, name } => patch(room, json!({"name": name})).await,
        Rooms::Archive { room } => patch(room, json!({"archived": true})).await,
        Rooms::Unarchive { room } => patch(room, json!({"archived": false})).await,
        Rooms::Owner { room, user } => {
            let owner = user_id(client, &user).await?;
            patch(room, json!({"owner": owner})).await
        }
        Rooms::Remove { room } => client.call("DELETE", &path(&room), None).await,
        Rooms::Restore { room } => {
            let path = format!("{}/restore", path(&room));
            client.call("POST", &path, Some(json!({}))).await
        }
    }
}

/// Pages of a list, up to `limit` entries of it.
async fn list(client: &Client, path: &str, field: &str, limit: usize) -> Result<Value, String> {
    let (mut entries, mut after) = (Vec::new(), String::new());
    let mut total = Value::Null;
    while entries.len() < limit {
        let page = (limit - entries.len()).min(PAGE);
        let answer = client.call("GET", &format!("{path}&limit={page}{after}"), None).await?;
        total = answer["total"].clone();
        entries.extend(answer[field].as_array().cloned().unwrap_or_default());
        let Some(next) = answer["next"].as_str() else { break };
        after = format!("&after={}", encoded(next));
    }
    Ok(json!({ field: entries, "total": total }))
}

async fn verify(client: &Client) -> Result<Value, String> {
    let check = client.call("GET", "/api/admin/audit/verify", None).await?;
    match check["broken_at"].as_i64() {
        None => Ok(check),
        Some(n) => Err(format!("the audit log does not hold: entry {n} was changed or is missing")),
    }
}

/// The id of a user who is named by id or name.
async fn user_id(client: &Client, user: &str) -> Result<String, String> {
    let (name, id) = spoken(user);
    let named = match name {
        None => None,
        Some(name) => {
            let path = format!("/api/admin/users?username={}", encoded(name));
            let found = client.call("GET", &path, None).await?;
            found["users"][0]["id"].as_str().map(str::to_owned)
        }
    };
    choose(user, named, id)
}

/// The name and the id that somebody may be meant by.
fn spoken(user: &str) -> (Option<&str>, Option<&str>) {
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match (user.strip_prefix("id:"), user.strip_prefix('@')) {
        (Some(id), _) => (None, Some(id).filter(is_number)),
        (None, Some(name)) => (Some(name), None),
        (None, None) => (Some(user), Some(user).filter(is_number)),
    }
}

/// A name of digits only can be somebody else's id: then nothing is guessed.
fn choose(user: &str, named: Option<String>, id: Option<&str>) -> Result<String, String> {
    match (named, id) {
        (Some(named), Some(id)) if named != id => Err(format!(
            "{user} may be an id or a name: say id:{user} for the one or @{user} for the other"
        )),
        (Some(named), _) => Ok(named),
        (None, Some(id)) => Ok(id.to_owned()),
        (None, None) => Err(format!("there is no user {user}")),
    }
}

/// The whole address of a link, of which the server knows only the path; a server that runs for this
/// command only has none.
fn with_link(client: &Client, mut answer: Value) -> Result<Value, String> {
    if let (Some(path), Some(address)) = (answer["path"].as_str(), client.address()) {
        answer["link"] = json!(format!("http://{address}{path}"));
    }
    Ok(answer)
}

/// One new bearer token for each user.
async fn tokens(config: &Config, users: &[String], wish: TokenWish<'_>) -> Result<String, String> {
    let (_database, accounts) = open_accounts(config).await?;
    let settings = Settings::open(accounts.clone(), RuntimeSettings::of(config));
    let settings = settings.await.map_err(sentence)?;
    let auth = Auth::new(accounts.clone(), settings, config.rate_limit_scale);
    let auth = auth.await.map_err(sentence)?;
    // All of them first: a token that was made and never shown would live on.
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
    let (name, id) = spoken(user);
    let named = match name {
        None => None,
        Some(name) => match accounts.user_row_named(&names::key(name)).await {
            Err(error) if error.code() == Code::NotFound => None,
            found => Some(found.map_err(sentence)?),
        },
    };
    let id = choose(user, named.map(|user| user.uid.to_string()), id)?;
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

fn sentence(error: crate::base::error::Error) -> String {
    error.message().to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_name_or_id_and_never_guessed() {
        assert_eq!(spoken("anna"), (Some("anna"), None));
        assert_eq!(spoken("@7"), (Some("7"), None));
        assert_eq!(spoken("id:7"), (None, Some("7")));
        assert_eq!(spoken("id:7/sessions"), (None, None));
        assert_eq!(spoken("7"), (Some("7"), Some("7")));
        assert_eq!(choose("7", None, Some("7")).unwrap(), "7");
        assert_eq!(choose("7", Some("7".into()), Some("7")).unwrap(), "7");
        assert!(choose("7", Some("9".into()), Some("7")).unwrap_err().contains("id:7"));
        assert!(choose("anna", None, None).unwrap_err().contains("no user anna"));
    }
}
