//! Who is in a room: joining, inviting, leaving, removing, roles. The room's actor decides.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::charge::Charge;
use crate::api::context::Call;
use crate::api::fields::present;
use crate::api::page::{Page, cursor};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::api as limits;
use crate::base::time;
use crate::http::Response;
use crate::protocol::room::Role;
use crate::rooms::presence::Presence;
use crate::rooms::{MemberChange, MemberOutcome, MemberView};
use crate::service::NameMatch;

/// `GET /api/rooms/{id}/members`: all of them by id; with `limit`, `after`, `q` or `begins` a page of them by name,
/// with their profiles. In rooms too large for pushed presence this is how to see who is here.
pub async fn list(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let presence = services.rooms.presence();
    let members = services.rooms.members(caller.principal(), room)?;
    let total = members.len();
    if ["limit", "after", "q", "begins"].iter().all(|name| request.query(name).is_none()) {
        let members = members.iter().take(limits::MEMBERS);
        let members: Vec<_> = members.map(|member| entry(presence, member)).collect();
        return Ok(Response::json(200, &json!({"members": members, "total": total})));
    }
    let page = Page::of(request)?;
    let uids: Vec<_> = members.iter().map(|member| member.uid).collect();
    let after = page.after.as_deref().unwrap_or_default();
    let begins = request.query("begins").unwrap_or_default();
    if begins.chars().count() > limits::PAGE_MAX {
        return Err(Error::field("begins", "is too long"));
    }
    Charge::search(members.len()).take(&services.allowances, caller.principal())?;
    let wanted = NameMatch { contains: &page.q, begins: begins.trim_start() };
    let found = services.profiles.search(&uids, wanted, after, page.limit + 1).await?;
    let next = if found.len() > page.limit { found.get(page.limit - 1) } else { None };
    let next = next.map(|(_, key)| cursor(key));
    let wanted: Vec<_> = found.iter().take(page.limit).map(|(uid, _)| *uid).collect();
    let profiles = services.profiles.of(&wanted).await?;
    let entries = profiles.iter().filter_map(|profile| {
        let index = members.binary_search_by_key(&profile.uid, |member| member.uid).ok()?;
        let mut entry = entry(presence, members.get(index)?);
        entry["user"] = services.profiles.public(profile);
        Some(entry)
    });
    let members: Vec<_> = entries.collect();
    Ok(Response::json(200, &json!({"members": members, "next": next, "total": total})))
}

fn entry(presence: &Presence, member: &MemberView) -> Value {
    let mut entry = json!({
        "uid": member.uid,
        "role": member.role,
        "state": presence.view(member.uid).state,
        "joined_at": member.joined_at,
    });
    if let Some(until) = member.muted_until {
        entry["silenced_until"] = json!(until);
    }
    entry
}

#[derive(Deserialize)]
struct NewMember {
    uid: Uid,
    role: Option<Role>,
}

/// `POST /api/rooms/{id}/members`: my own uid joins an open room, another's invites.
pub async fn add(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, ids: room, .. } = call;
    let NewMember { uid, role } = call.request.json()?;
    services.rooms.info(caller.principal(), room)?;
    if uid != caller.uid {
        services.profiles.active(uid).await?;
    }
    let role = role.unwrap_or(Role::Member);
    let allowance = services.allowances.of(caller.uid);
    let is_put_in = uid != caller.uid && !services.rooms.is_member(room, uid);
    if is_put_in {
        allowance.add_members(1, caller.principal())?;
    }
    let change = MemberChange::Put(role);
    let outcome = services.room_changes.change_member(&call.actor(), room, uid, change).await;
    if is_put_in && !matches!(outcome, Ok(MemberOutcome::Joined)) {
        allowance.give_members_back(1, caller.principal());
    }
    let _ = outcome?;
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
pub async fn change(call: Call<'_, (RoomId, Uid)>) -> Result<Response> {
    let Call { services, caller, ids: (room, uid), .. } = call;
    let Change { role, silenced_until } = call.request.json()?;
    services.rooms.info(caller.principal(), room)?;
    if !services.rooms.is_member(room, uid) {
        return Err(Error::new(Code::NotFound, "There is no such member."));
    }
    if role.is_none() && silenced_until.is_none() {
        return Err(Error::field("role", "is missing"));
    }
    if let Some(until) = silenced_until.flatten() {
        time::shown("silenced_until", until)?;
    }
    let (actor, changes) = (call.actor(), &services.room_changes);
    let mut answer = json!({"uid": uid, "room": room});
    if let Some(role) = role {
        let _ = changes.change_member(&actor, room, uid, MemberChange::Put(role)).await?;
        answer["role"] = json!(role);
    }
    if let Some(until) = silenced_until {
        let _ = changes.change_member(&actor, room, uid, MemberChange::Mute(until)).await?;
        answer["silenced_until"] = json!(until);
    }
    Ok(Response::json(200, &answer))
}

/// `DELETE /api/rooms/{id}/members/{uid}`: my own uid leaves, another's is removed.
pub async fn remove(call: Call<'_, (RoomId, Uid)>) -> Result<Response> {
    let (room, uid) = call.ids;
    let (changes, change) = (&call.services.room_changes, MemberChange::Remove);
    let _ = changes.change_member(&call.actor(), room, uid, change).await?;
    Ok(Response::empty(204))
}
