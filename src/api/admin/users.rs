//! Users: finding, adding, disabling, removing, restoring them; ending their sessions, giving them a
//! way back in. The store decides whether it may be done; here follows what it means for rooms,
//! sessions and open sockets.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Api;
use crate::api::auth::end_sockets;
use crate::api::page::{Page, cursor, paged};
use crate::api::removal::there;
use crate::api::text::{line, user_name};
use crate::api::users::{picture, tell_profile};
use crate::auth::Session;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits;
use crate::http::{Request, Response};
use crate::rooms::delivery::ConnectionsOf;
use crate::store::accounts::{self as store, UserChange, UserFilter, UserRow};
use crate::store::restorable_ms;

/// `GET /api/admin/users?q=&state=&after=&limit=`, or `?username=` for the one of that name, removed
/// or not.
pub(super) async fn page(api: &Api, request: &Request) -> Result<Response> {
    if let Some(username) = request.query("username") {
        let found = api.accounts.user_row_named(&crate::base::names::key(&username)).await;
        let users: Vec<_> = there(found)?.iter().map(|user| told(api, user)).collect();
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
    let (mut users, total) =
        api.accounts.users_page(&page.q, filter, after, page.limit + 1).await?;
    let more = users.len() > page.limit;
    users.truncate(page.limit);
    let next = users.last().filter(|_| more).map(|user| cursor(&user.key));
    let users: Vec<_> = users.iter().map(|user| told(api, user)).collect();
    Ok(Response::json(200, &paged("users", users, next, total)))
}

/// `GET /api/admin/users/{id}`
pub(super) async fn show(api: &Api, uid: Uid) -> Result<Response> {
    let user = api.accounts.user_row(uid).await?;
    let mut told = told(api, &user);
    told["rooms"] = json!(api.rooms.rooms_of(uid).len());
    Ok(Response::json(200, &told))
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
pub(super) async fn create(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
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
    let (user, ticket) = api.auth.create_user(caller.principal(), &user).await?;
    end_setup(api, &user);
    crate::api::auth::join_defaults(api, user.uid).await;
    let mut told = told(api, &user);
    add_ticket(&mut told, &ticket.ticket, ticket.expires_at);
    Ok(Response::json(201, &told))
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
pub(super) async fn change(
    api: &Api,
    caller: &Session,
    uid: Uid,
    request: &Request,
) -> Result<Response> {
    let changes = request.json::<Change>()?.check()?;
    let (user, done) = api.change_user(caller.principal(), uid, &changes).await?;
    end_setup(api, &user);
    if !done.is_empty() {
        tell_profile(api, uid).await;
    }
    Ok(Response::json(200, &told(api, &user)))
}

/// With an administrator the link that makes the first one is over.
fn end_setup(api: &Api, user: &UserRow) {
    if user.is_admin && !user.is_disabled {
        api.auth.end_setup();
    }
}

/// What becomes of the messages of an account that goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum Messages {
    /// They stay, with a neutral author.
    #[default]
    Keep,
    /// They read as deleted from now on, and are gone for good with the purge.
    Erase,
}

impl Messages {
    /// Whether they go.
    pub fn erase(self) -> bool {
        self == Self::Erase
    }
}

#[derive(Deserialize)]
struct Removal {
    #[serde(default)]
    messages: Messages,
}

/// `DELETE /api/admin/users/{id}`
pub(super) async fn remove(
    api: &Api,
    caller: &Session,
    uid: Uid,
    request: &Request,
) -> Result<Response> {
    let Removal { messages } = request.json_if_any()?;
    api.remove_user(caller.principal(), uid, messages.erase()).await?;
    Ok(Response::empty(204))
}

/// `POST /api/admin/users/{id}/restore`
pub(super) async fn restore(api: &Api, caller: &Session, uid: Uid) -> Result<Response> {
    let user = api.restore_user(caller.principal(), uid).await?;
    Ok(Response::json(200, &told(api, &user)))
}

#[derive(Deserialize)]
struct Reset {
    #[serde(default)]
    compromised: bool,
}

/// `POST /api/admin/users/{id}/reset`: a one-time link to choose a new password. The admin never sees
/// or sets one.
pub(super) async fn reset(
    api: &Api,
    caller: &Session,
    uid: Uid,
    request: &Request,
) -> Result<Response> {
    let Reset { compromised } = request.json_if_any()?;
    let ticket = api.auth.reset_user(caller.principal(), uid, compromised).await?;
    if compromised {
        end_sockets(api, ConnectionsOf::User(uid)).await;
    }
    let mut told = json!({"id": uid});
    add_ticket(&mut told, &ticket.ticket, ticket.expires_at);
    Ok(Response::json(201, &told))
}

/// `DELETE /api/admin/users/{id}/sessions`
pub(super) async fn end_sessions(api: &Api, caller: &Session, uid: Uid) -> Result<Response> {
    for session in api.auth.end_sessions_by(caller.principal(), uid).await? {
        end_sockets(api, ConnectionsOf::Session(session)).await;
    }
    Ok(Response::empty(204))
}

fn add_ticket(told: &mut Value, ticket: &str, expires_at: i64) {
    told["ticket"] = json!(ticket);
    told["path"] = json!(format!("/reset#{ticket}"));
    told["expires_at"] = json!(expires_at);
}

fn told(api: &Api, user: &UserRow) -> Value {
    let state = match (user.removed_at, user.is_disabled) {
        (Some(_), _) => "removed",
        (None, true) => "disabled",
        (None, false) => "active",
    };
    let mut told = json!({
        "id": user.uid,
        "uid": user.uid,
        "username": user.username,
        "display_name": user.display_name,
        "avatar": picture(user.avatar.as_deref()),
        "admin": user.is_admin,
        "state": state,
        "new": user.is_new,
        "created_at": user.created_at,
        "seen_at": user.seen_at,
        "sessions": user.sessions,
        "presence": api.rooms.presence().view(user.uid).state,
    });
    if let Some(removed_at) = user.removed_at {
        told["removed_at"] = json!(removed_at);
        told["purge_at"] = json!(removed_at + restorable_ms());
        told["erases"] = json!(user.erases);
    }
    told
}
