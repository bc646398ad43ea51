//! Users: finding, adding, disabling, removing, restoring them; ending their sessions, giving them a
//! way back in. The store decides whether it may be done; what follows from it is done by the services.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::context::{AdminCall, Call};
use crate::api::page::{Page, cursor, paged};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits;
use crate::base::names;
use crate::base::text::{line, user_name};
use crate::http::Response;
use crate::rooms::delivery::ConnectionsOf;
use crate::rooms::presence::Presence;
use crate::service::{RemovedMessages, Services, avatar_urls};
use crate::store::accounts::{self as store, UserChange, UserFilter, UserRow};
use crate::store::restorable_ms;

/// `GET /api/admin/users?q=&state=&after=&limit=`, or `?username=` for the one of that name, removed
/// or not.
pub async fn page(Call { services, request, .. }: AdminCall<'_>) -> Result<Response> {
    let presence = services.rooms.presence();
    if let Some(username) = request.query("username") {
        let found = services.accounts.find_named(&names::key(&username)).await?;
        let users: Vec<_> = found.iter().map(|user| entry(presence, user)).collect();
        return Ok(Response::json(200, &json!({"users": users, "total": users.len()})));
    }
    let page = Page::of(request)?;
    let filter = match request.query("state").as_deref() {
        None | Some("") => UserFilter::Present,
        Some("active") => UserFilter::Active,
        Some("disabled") => UserFilter::Disabled,
        Some("removed") => UserFilter::Removed,
        Some("admin") => UserFilter::Admin,
        Some(_) => {
            let rule = "must be \"active\", \"disabled\", \"removed\" or \"admin\"";
            return Err(Error::field("state", rule));
        }
    };
    let after = page.after.as_deref().unwrap_or_default();
    let (mut users, total) = services.accounts.page(&page.q, filter, after, page.limit + 1).await?;
    let more = users.len() > page.limit;
    users.truncate(page.limit);
    let next = users.last().filter(|_| more).map(|user| cursor(&user.key));
    let users: Vec<_> = users.iter().map(|user| entry(presence, user)).collect();
    Ok(Response::json(200, &paged("users", users, next, total)))
}

/// `GET /api/admin/users/{id}`
pub async fn show(Call { services, ids: uid, .. }: AdminCall<'_, Uid>) -> Result<Response> {
    let user = services.accounts.find(uid).await?;
    let mut answer = entry(services.rooms.presence(), &user);
    answer["rooms"] = json!(services.rooms.rooms_of(uid).len());
    Ok(Response::json(200, &answer))
}

#[derive(Deserialize)]
struct NewUser {
    username: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    admin: bool,
}

/// `POST /api/admin/users`: an account without a password, and the ticket that lets its user choose
/// one.
pub async fn create(Call { services, caller, request, .. }: AdminCall<'_>) -> Result<Response> {
    let new: NewUser = request.json()?;
    let key = user_name(&new.username)?;
    let display_name = line("display_name", &new.display_name, limits::api::DISPLAY_NAME)?;
    let user = store::NewUser {
        username: &new.username,
        username_key: &key,
        is_admin: new.admin,
        display_name: &display_name,
        slot: None,
    };
    let (user, ticket) = services.auth.create_user(caller.principal, &user).await?;
    end_setup(services, &user);
    services.directory.account_made(user.uid).await;
    services.onboarding.join_default_rooms(user.uid).await;
    let mut answer = entry(services.rooms.presence(), &user);
    add_ticket(&mut answer, &ticket.ticket, ticket.expires_at);
    Ok(Response::json(201, &answer))
}

#[derive(Deserialize)]
struct Change {
    admin: Option<bool>,
    disabled: Option<bool>,
    username: Option<String>,
    display_name: Option<String>,
}

impl Change {
    fn check(self) -> Result<Vec<UserChange>> {
        let mut changes = Vec::new();
        if let Some(username) = self.username {
            let key = user_name(&username)?;
            changes.push(UserChange::Rename { username, key });
        }
        if let Some(name) = self.display_name {
            let name = line("display_name", &name, limits::api::DISPLAY_NAME)?;
            changes.push(UserChange::DisplayName(name));
        }
        changes.extend(
            self.admin.map(|admin| if admin { UserChange::Promote } else { UserChange::Demote }),
        );
        changes.extend(
            self.disabled.map(
                |disabled| {
                    if disabled { UserChange::Disable } else { UserChange::Enable }
                },
            ),
        );
        if changes.is_empty() {
            return Err(Error::new(Code::BadRequest, "Nothing is to be changed."));
        }
        Ok(changes)
    }
}

/// `PATCH /api/admin/users/{id}`
pub async fn change(call: AdminCall<'_, Uid>) -> Result<Response> {
    let Call { services, caller, ids: uid, .. } = call;
    let changes = call.request.json::<Change>()?.check()?;
    let (user, done) = services.accounts.change(caller.principal, uid, &changes).await?;
    end_setup(services, &user);
    if !done.is_empty() {
        services.profiles.publish(uid).await;
    }
    Ok(Response::json(200, &entry(services.rooms.presence(), &user)))
}

/// With an administrator the link that makes the first one is over.
fn end_setup(services: &Services, user: &UserRow) {
    if user.is_admin && !user.is_disabled {
        services.auth.end_setup();
    }
}

#[derive(Deserialize)]
struct Removal {
    #[serde(default)]
    messages: RemovedMessages,
}

/// `DELETE /api/admin/users/{id}`
pub async fn remove(call: AdminCall<'_, Uid>) -> Result<Response> {
    let Removal { messages } = call.request.json_if_any()?;
    call.services.accounts.remove(call.caller.principal, call.ids, messages).await?;
    Ok(Response::empty(204))
}

/// `POST /api/admin/users/{id}/restore`
pub async fn restore(call: AdminCall<'_, Uid>) -> Result<Response> {
    let Call { services, caller, ids: uid, .. } = call;
    let user = services.accounts.restore(caller.principal, uid).await?;
    Ok(Response::json(200, &entry(services.rooms.presence(), &user)))
}

#[derive(Deserialize)]
struct Reset {
    #[serde(default)]
    compromised: bool,
}

/// `POST /api/admin/users/{id}/reset`: a one-time link to choose a new password. The admin never sees
/// or sets one.
pub async fn reset(call: AdminCall<'_, Uid>) -> Result<Response> {
    let Call { services, caller, ids: uid, .. } = call;
    let Reset { compromised } = call.request.json_if_any()?;
    let ticket = services.auth.reset_user(caller.principal, uid, compromised).await?;
    if compromised {
        services.revocation.close_sockets(ConnectionsOf::User(uid)).await;
    }
    let mut answer = json!({"id": uid});
    add_ticket(&mut answer, &ticket.ticket, ticket.expires_at);
    Ok(Response::json(201, &answer))
}

/// `POST /api/admin/users/{id}/restore-keys`: what the password before opened. Nobody gets a key by it.
pub async fn restore_keys(call: AdminCall<'_, Uid>) -> Result<Response> {
    call.services.keys.restore(call.caller.principal, call.ids).await?;
    Ok(Response::empty(204))
}

/// `DELETE /api/admin/users/{id}/sessions`
pub async fn end_sessions(call: AdminCall<'_, Uid>) -> Result<Response> {
    call.services.revocation.end_all(call.caller.principal, call.ids).await?;
    Ok(Response::empty(204))
}

fn add_ticket(answer: &mut Value, ticket: &str, expires_at: i64) {
    answer["ticket"] = json!(ticket);
    answer["path"] = json!(format!("/reset#{ticket}"));
    answer["expires_at"] = json!(expires_at);
}

fn entry(presence: &Presence, user: &UserRow) -> Value {
    let state = match (user.removed_at, user.is_disabled) {
        (Some(_), _) => "removed",
        (None, true) => "disabled",
        (None, false) => "active",
    };
    let mut entry = json!({
        "id": user.uid,
        "uid": user.uid,
        "username": user.username,
        "display_name": user.display_name,
        "avatar": avatar_urls(user.avatar.as_deref()),
        "admin": user.is_admin,
        "state": state,
        "new": user.is_new,
        "created_at": user.created_at,
        "seen_at": user.seen_at,
        "sessions": user.sessions,
        "presence": presence.view(user.uid).state,
    });
    if let Some(removed_at) = user.removed_at {
        entry["removed_at"] = json!(removed_at);
        entry["purge_at"] = json!(removed_at + restorable_ms());
        entry["erases"] = json!(user.erases);
    }
    entry
}
