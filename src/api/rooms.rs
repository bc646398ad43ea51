//! Rooms: the ones I am in, the ones I could join, making one, changing one.

use serde::Deserialize;
use serde_json::json;

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::ids::{RoomId, Uid};
use crate::limits::chat;
use crate::protocol::event::RoomKind;
use crate::rooms::CreateRoom;
use crate::store::chat::RoomChange;

use super::Api;
use super::text::{bounded, name};

/// `GET /api/rooms`: mine as in `hello`, and the open ones I am not in, without a `role`.
pub(super) fn list(api: &Api, caller: &Session) -> Response {
    let rooms = api.rooms.visible_to(caller.uid, caller.admin);
    Response::json(200, &json!({"rooms": rooms}))
}

/// `GET /api/rooms/{id}`
pub(super) fn show(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    Ok(Response::json(200, &api.rooms.info(room, caller.uid, caller.admin)?))
}

#[derive(Deserialize)]
struct NewRoom {
    #[serde(default)]
    name: String,
    #[serde(default)]
    topic: String,
    kind: RoomKind,
    #[serde(default)]
    members: Vec<Uid>,
    #[serde(default, rename = "default")]
    is_default: bool,
}

/// `POST /api/rooms`. A direct room that exists is answered with 200.
pub(super) async fn create(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let new: NewRoom = request.json()?;
    let topic = bounded("topic", &new.topic, chat::ROOM_TOPIC)?.to_owned();
    let name = match new.kind {
        RoomKind::Dm => String::new(),
        RoomKind::Open | RoomKind::Closed => name("name", &new.name, chat::ROOM_NAME)?.to_owned(),
    };
    if new.kind == RoomKind::Dm && new.members.is_empty() {
        return Err(Error::field("members", "must name the other person"));
    }
    if new.members.len() > crate::limits::api::FIRST_MEMBERS {
        return Err(Error::field("members", "names too many people at once"));
    }
    check_default(caller, new.is_default)?;
    for uid in &new.members {
        super::users::profile(api, *uid).await?;
    }
    let create = CreateRoom {
        name,
        topic,
        kind: new.kind,
        members: new.members,
        is_default: new.is_default,
    };
    let (room, is_new) = api.rooms.create(caller.uid, create).await?;
    Ok(Response::json(if is_new { 201 } else { 200 }, &room))
}

#[derive(Deserialize)]
struct Change {
    name: Option<String>,
    topic: Option<String>,
    #[serde(rename = "default")]
    is_default: Option<bool>,
}

/// `PATCH /api/rooms/{id}`
pub(super) async fn change(
    api: &Api,
    caller: &Session,
    room: RoomId,
    request: &Request,
) -> Result<Response> {
    let change: Change = request.json()?;
    check_default(caller, change.is_default.is_some())?;
    let name = change.name.map(|text| name("name", &text, chat::ROOM_NAME).map(str::to_owned));
    let topic =
        change.topic.map(|text| bounded("topic", &text, chat::ROOM_TOPIC).map(str::to_owned));
    let change = RoomChange {
        name: name.transpose()?,
        topic: topic.transpose()?,
        is_default: change.is_default,
    };
    let room = api.rooms.update(caller.uid, caller.admin, room, change).await?;
    Ok(Response::json(200, &room))
}

/// `DELETE /api/rooms/{id}`
pub(super) async fn remove(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    api.rooms.remove(caller.uid, caller.admin, room).await?;
    Ok(Response::empty(204))
}

/// Where everybody who registers ends up is the administrators' business.
fn check_default(caller: &Session, concerned: bool) -> Result<()> {
    if concerned && !caller.admin {
        return Err(Error::new(
            Code::Forbidden,
            "Only admins choose the rooms that everybody joins.",
        ));
    }
    Ok(())
}

pub(super) async fn change_mine(
    _api: &Api,
    _caller: &Session,
    _room: RoomId,
    _request: &Request,
) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn restore(_api: &Api, _caller: &Session, _room: RoomId) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
