//! Who is in a room: joining, inviting, leaving, removing. The room's actor decides.

use serde::Deserialize;
use serde_json::json;

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::ids::{RoomId, Uid};
use crate::protocol::event::Role;
use crate::rooms::MemberView;

use super::Api;

/// `GET /api/rooms/{id}/members`. In rooms too large for pushed presence this is how to see who is
/// here.
pub(super) fn list(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    let members = api.rooms.members(room, caller.uid, caller.admin)?;
    let presence = api.rooms.presence();
    let member = |member: &MemberView| {
        let state = presence.seen(member.uid).state;
        json!({"uid": member.uid, "role": member.role, "state": state})
    };
    let members: Vec<_> = members.iter().map(member).collect();
    Ok(Response::json(200, &json!({"members": members})))
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
    api.rooms.info(room, caller.uid, caller.admin)?;
    if uid != caller.uid {
        super::users::profile(api, uid).await?;
    }
    let role = role.unwrap_or(Role::Member);
    api.rooms.put_member(caller.uid, caller.admin, room, uid, role).await?;
    Ok(Response::json(201, &json!({"id": uid, "uid": uid, "room": room, "role": role})))
}

#[derive(Deserialize)]
struct Change {
    role: Role,
}

/// `PATCH /api/rooms/{id}/members/{uid}`
pub(super) async fn change(
    api: &Api,
    caller: &Session,
    room: RoomId,
    uid: Uid,
    request: &Request,
) -> Result<Response> {
    let Change { role } = request.json()?;
    api.rooms.info(room, caller.uid, caller.admin)?;
    if !api.rooms.is_member(room, uid) {
        return Err(Error::new(Code::NotFound, "There is no such member."));
    }
    api.rooms.put_member(caller.uid, caller.admin, room, uid, role).await?;
    Ok(Response::json(200, &json!({"uid": uid, "room": room, "role": role})))
}

/// `DELETE /api/rooms/{id}/members/{uid}`: my own uid leaves, another's is removed.
pub(super) async fn remove(
    api: &Api,
    caller: &Session,
    room: RoomId,
    uid: Uid,
) -> Result<Response> {
    api.rooms.info(room, caller.uid, caller.admin)?;
    api.rooms.remove_member(caller.uid, caller.admin, room, uid).await?;
    Ok(Response::empty(204))
}
