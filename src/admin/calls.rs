//! The verbs as calls of the server's HTTP interface.

use serde_json::{Value, json};

use super::args::{Audit, Rooms, Verb};
use super::client::{Client, encoded};
use super::user_ref::UserRef;
use super::{directory, search};
use crate::base::limits::api::PAGE_MAX;

/// Makes the calls of a verb; what the server replied.
///
/// # Errors
/// The server's own sentence, or what went wrong on the way.
pub(super) async fn call(client: &Client, verb: Verb) -> Result<Value, String> {
    match verb {
        // They make no call.
        Verb::Token { .. } | Verb::Backup { .. } | Verb::Restore { .. } => Ok(Value::Null),
        Verb::Users { q, state, limit } => {
            let path = format!("/api/admin/users?q={}&state={}", encoded(&q), encoded(&state));
            list(client, &path, "users", limit).await
        }
        Verb::CreateUser { user, display_name, admin } => {
            let new = json!({"username": user, "display_name": display_name, "admin": admin});
            with_link(client, client.call("POST", "/api/admin/users", Some(new)).await?)
        }
        Verb::Promote { user } => patch_user(client, &user, json!({"admin": true})).await,
        Verb::Demote { user } => patch_user(client, &user, json!({"admin": false})).await,
        Verb::Disable { user } => patch_user(client, &user, json!({"disabled": true})).await,
        Verb::Enable { user } => patch_user(client, &user, json!({"disabled": false})).await,
        Verb::RemoveUser { user, erase_messages } => {
            let messages = if erase_messages { "erase" } else { "keep" };
            let path = user_path(client, &user).await?;
            client.call("DELETE", &path, Some(json!({"messages": messages}))).await
        }
        Verb::RestoreUser { user } => {
            let path = format!("{}/restore", user_path(client, &user).await?);
            client.call("POST", &path, Some(json!({}))).await
        }
        Verb::ResetTicket { user, compromised } => {
            let path = format!("{}/reset", user_path(client, &user).await?);
            let body = json!({"compromised": compromised});
            with_link(client, client.call("POST", &path, Some(body)).await?)
        }
        Verb::RestoreKeys { user } => {
            let path = format!("{}/restore-keys", user_path(client, &user).await?);
            client.call("POST", &path, Some(json!({}))).await
        }
        Verb::EndSessions { user } => {
            let path = format!("{}/sessions", user_path(client, &user).await?);
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
        Verb::Settings { name, value } => settings(client, name, value).await,
        Verb::Audit { verb: Some(Audit::Verify), .. } => verify(client).await,
        Verb::Audit { verb: None, limit, action } => {
            let limit = limit.clamp(1, PAGE_MAX);
            let path = format!("/api/admin/audit?limit={limit}&action={}", encoded(&action));
            client.call("GET", &path, None).await
        }
        Verb::Directory { verb } => directory::call(client, verb).await,
        Verb::Files => Ok(files(&client.call("GET", "/api/admin/files", None).await?)),
        Verb::Search { verb } => search::call(client, verb).await,
        Verb::Stats => {
            let stats = client.call("GET", "/api/admin/stats", None).await?;
            Ok(stats["now"].clone())
        }
        Verb::Purge => client.call("POST", "/api/admin/purge", Some(json!({}))).await,
    }
}

async fn settings(
    client: &Client,
    name: Option<String>,
    value: Option<String>,
) -> Result<Value, String> {
    let Some(name) = name else { return client.call("GET", "/api/admin/settings", None).await };
    let value = value.ok_or("say what the setting shall be")?;
    // `5`, `true` and `null` are JSON; everything else is text.
    let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
    client.call("PATCH", "/api/admin/settings", Some(json!({ name: value }))).await
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

/// Up to `limit` entries of a list, page by page.
async fn list(client: &Client, path: &str, field: &str, limit: usize) -> Result<Value, String> {
    let (mut entries, mut after) = (Vec::new(), String::new());
    let mut total = Value::Null;
    while entries.len() < limit {
        let page = (limit - entries.len()).min(PAGE_MAX);
        let answer = client.call("GET", &format!("{path}&limit={page}{after}"), None).await?;
        total = answer["total"].clone();
        entries.extend(answer[field].as_array().cloned().unwrap_or_default());
        let Some(next) = answer["next"].as_str() else { break };
        after = format!("&after={}", encoded(next));
    }
    Ok(json!({ field: entries, "total": total }))
}

/// What files take, as one list.
fn files(usage: &Value) -> Value {
    let row = |kind: &str, name: &Value, count: &Value| json!({"kind": kind, "id": count["id"], "name": name, "files": count["files"], "bytes": count["bytes"]});
    let all = [
        ("total", "in messages"),
        ("unsent", "waiting for a message"),
        ("erasing", "being erased"),
    ];
    let mut rows: Vec<_> =
        all.iter().map(|(field, words)| row("all", &json!(words), &usage[field])).collect();
    rows.push(json!({"kind": "disk", "name": "free for uploads", "bytes": usage["free"]}));
    for (field, kind, name) in [("users", "user", "username"), ("rooms", "room", "name")] {
        let entries = usage[field].as_array().into_iter().flatten();
        rows.extend(entries.map(|entry| row(kind, &entry[name], entry)));
    }
    json!({"files": rows})
}

async fn verify(client: &Client) -> Result<Value, String> {
    let check = client.call("GET", "/api/admin/audit/verify", None).await?;
    match check["broken_at"].as_i64() {
        None => Ok(check),
        Some(n) => Err(format!("the audit log does not hold: entry {n} was changed or is missing")),
    }
}

async fn patch_user(client: &Client, user: &str, change: Value) -> Result<Value, String> {
    let path = user_path(client, user).await?;
    client.call("PATCH", &path, Some(change)).await
}

async fn user_path(client: &Client, user: &str) -> Result<String, String> {
    Ok(format!("/api/admin/users/{}", user_id(client, user).await?))
}

/// The id of a user who is named by id or name.
async fn user_id(client: &Client, user: &str) -> Result<String, String> {
    let user = UserRef::parse(user);
    let named = match user.name {
        None => None,
        Some(name) => {
            let path = format!("/api/admin/users?username={}", encoded(name));
            let found = client.call("GET", &path, None).await?;
            found["users"][0]["id"].as_str().map(str::to_owned)
        }
    };
    user.resolve(named)
}

/// Adds the address of a link, of which the server knows only the path. A server that runs for this command
/// only has no address.
fn with_link(client: &Client, mut answer: Value) -> Result<Value, String> {
    if let (Some(path), Some(url)) = (answer["path"].as_str(), client.url()) {
        answer["link"] = json!(format!("{url}{path}"));
    }
    Ok(answer)
}
