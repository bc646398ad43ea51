//! Who is in a room: joining, inviting, leaving, removing, roles. The room's actor decides.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Session;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::api as limits;
use crate::base::time;
use crate::http::{Request, Response};
use crate::protocol::room::Role;
use crate::rooms::{MemberChange, MemberOutcome, MemberView};

use super::Api;
use super::fields::present;
use super::page::{Page, cursor};
use super::users::public;

/// `GET /api/rooms/{id}/members`: all of them by id; with `limit` or `q` a page of them by name, with
/// their profiles. In
/// rooms too large for pushed presence this is how to see who is here.
pub(super) async fn list(
    api: &Api,
    caller: &Session,
    room: RoomId,
    request: &Request,
) -> Result<Response> {
    let members = api.rooms.members(caller.principal(), room)?;
    let total = members.len();
    if request.query("limit").is_none() && request.query("q").is_none() {
        let members = members.iter().take(limits::MEMBERS);
        let members: Vec<_> = members.map(|member| told(api, member)).collect();
        return Ok(Response::json(200, &json!({"members": members, "total": total})));
    }
    let page = Page::of(request)?;
    let uids: Vec<_> = members.iter().map(|member| member.uid).collect();
    let after = page.after.as_deref().unwrap_or_default();
    let found = api.accounts.search_members(&uids, &page.q, after, page.limit + 1).await?;
    let next = if found.len() > page.limit { found.get(page.limit - 1) } else { None };
    let next = next.map(|(_, key)| cursor(key));
    let wanted: Vec<_> = found.iter().take(page.limit).map(|(uid, _)| *uid).collect();
    let profiles = api.accounts.profiles_of(&wanted).await?;
    let wanted = profiles.iter().filter_map(|profile| {
        let place = members.binary_search_by_key(&profile.uid, |member| member.uid).ok()?;
        let mut told = told(api, members.get(place)?);
        told["user"] = public(api, profile);
        Some(told)
    });
    let members: Vec<_> = wanted.collect();
    Ok(Response::json(200, &json!({"members": members, "next": next, "total": total})))
}

fn told(api: &Api, member: &MemberView) -> Value {
    let mut told = json!({
        "uid": member.uid,
        "role": member.role,
        "state": api.rooms.presence().view(member.uid).state,
        "joined_at": member.joined_at,
    });
    if let Some(until) = member.muted_until {
        told["silenced_until"] = json!(until);
    }
    told
}

#[derive(Deserialize)]
struct NewMember {
    uid: Uid,
    role: Option<Role>,
}

/// `POST /api/rooms/{id}/members`: my own uid joins an open room, another's invites.
pub(super) async fn add(
    api: &Api,
    caller: &Session,
    room: RoomId,
    request: &Request,
) -> Result<Response> {
    let NewMember { uid, role } = request.json()?;
    api.rooms.info(caller.principal(), room)?;
    if uid != caller.uid {
        super::users::profile(api, uid).await?;
    }
    let role = role.unwrap_or(Role::Member);
    let allowance = api.allowances.of(caller.uid);
    let comes_in = uid != caller.uid && !api.rooms.is_member(room, uid);
    if comes_in {
        allowance.add_members(1, caller.admin)?;
    }
    let made = api.change_member(caller, room, uid, MemberChange::Put(role)).await;
    if comes_in && !matches!(made, Ok(MemberOutcome::Joined)) {
        allowance.give_members_back(1, caller.admin);
    }
    let _ = made?;
    Ok(Response::json(201, &json!({"id": uid, "uid": uid, "room": room, "role": role})))
}

#[derive(Deserialize)]
struct Change {
    role: Option<Role>,
    /// Absent: as it is. `null`: not any more.
    #[serde(default, deserialize_with = "present")]
    silenced_until: Option<Option<i64>>,
}

/// `PATCH /api/rooms/{id}/members/{uid}`
pub(super) async fn change(
    api: &Api,
    caller: &Session,
    room: RoomId,
    uid: Uid,
    request: &Request,
) -> Result<Response> {
    let Change { role, silenced_until } = request.json()?;
    api.rooms.info(caller.principal(), room)?;
    if !api.rooms.is_member(room, uid) {
        return Err(Error::new(Code::NotFound, "There is no such member."));
    }
    if role.is_none() && silenced_until.is_none() {
        return Err(Error::field("role", "is missing"));
    }
    if let Some(until) = silenced_until.flatten() {
        time::shown("silenced_until", until)?;
    }
    let mut told = json!({"uid": uid, "room": room});
    if let Some(role) = role {
        let _ = api.change_member(caller, room, uid, MemberChange::Put(role)).await?;
        told["role"] = json!(role);
    }
    if let Some(until) = silenced_until {
        let _ = api.change_member(caller, room, uid, MemberChange::Mute(until)).await?;
        told["silenced_until"] = json!(until);
    }
    Ok(Response::json(200, &told))
}

/// `DELETE /api/rooms/{id}/members/{uid}`: my own uid leaves, another's is removed.
pub(super) async fn remove(
    api: &Api,
    caller: &Session,
    room: RoomId,
    uid: Uid,
) -> Result<Response> {
    let _ = api.change_member(caller, room, uid, MemberChange::Remove).await?;
    Ok(Response::empty(204))
}
