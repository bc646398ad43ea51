//! Rooms: the ones I am in, the ones I could join, making one, changing one, taking a removal back.

use serde::{Deserialize, Serialize};

use crate::auth::Session;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::{api as limits, chat};
use crate::http::{Request, Response};
use crate::policy::unreachable_person;
use crate::protocol::room::{Notify, RoomKind, RoomView};
use crate::rooms::{CreateRoom, check_kind};
use crate::settings::RoomCreation;
use crate::store::chat::RoomChange;

use super::Api;
use super::cost::charge_telling;
use super::text::{line, name};

/// `GET /api/rooms?after=ID`: mine as in `hello`, and the open ones I am not in, without a `role`. By id, as
/// many as fit; `more` if they were cut.
pub(super) fn list(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let after = match request.query("after") {
        None => RoomId(0),
        Some(id) => id.parse().map_err(|_| Error::field("after", "must be the id of a room"))?,
    };
    let page = api.rooms.visible_to(caller.uid, after, limits::ROOMS_BYTES);
    Ok(Response::json(200, &List { rooms: page.rooms, more: page.has_more }))
}

#[derive(Serialize)]
struct List {
    rooms: Vec<RoomView>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

/// `GET /api/rooms/{id}`
pub(super) fn show(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    Ok(Response::json(200, &api.rooms.info(caller.principal(), room)?))
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
    let topic = line("topic", &new.topic, chat::ROOM_TOPIC)?;
    let name = match new.kind {
        RoomKind::Dm => String::new(),
        RoomKind::Open | RoomKind::Closed => name("name", &new.name, chat::ROOM_NAME)?,
    };
    let most = match new.kind {
        RoomKind::Dm => limits::GROUP_DIRECT,
        RoomKind::Open | RoomKind::Closed => limits::FIRST_MEMBERS,
    };
    if new.kind == RoomKind::Dm && new.members.is_empty() {
        return Err(Error::field("members", "must name the other person"));
    }
    if new.members.len() > most {
        return Err(Error::field("members", "names too many people at once"));
    }
    let by_admins = api.auth.settings().current().room_creation == RoomCreation::Admins;
    if by_admins && !caller.admin && new.kind != RoomKind::Dm {
        return Err(Error::new(Code::Forbidden, "Only admins of the server make rooms here."));
    }
    if new.is_default && !caller.admin {
        let text = "Only admins choose the rooms that everybody joins.";
        return Err(Error::new(Code::Forbidden, text));
    }
    for uid in &new.members {
        match super::users::profile(api, *uid).await {
            // The same for whoever is closed and whoever has blocked the caller.
            Err(error) if error.code() == Code::NotFound && new.kind == RoomKind::Dm => {
                super::users::known(api, *uid).await?;
                return Err(unreachable_person());
            }
            other => other?,
        };
    }
    let create = CreateRoom {
        name,
        topic,
        kind: new.kind,
        members: new.members,
        is_default: new.is_default,
    };
    let created = api.create_room(caller, Some(caller.uid), create).await?;
    Ok(Response::json(if created.is_new { 201 } else { 200 }, &created.view))
}

/// What a caller may want to change about a room.
#[derive(Deserialize)]
pub(super) struct Change {
    name: Option<String>,
    topic: Option<String>,
    #[serde(rename = "default")]
    is_default: Option<bool>,
    read_only: Option<bool>,
    archived: Option<bool>,
    kind: Option<RoomKind>,
}

impl Change {
    /// The same, checked.
    ///
    /// # Errors
    /// `bad_request` naming the field.
    pub fn check(self) -> Result<RoomChange> {
        let name = self.name.map(|text| name("name", &text, chat::ROOM_NAME));
        let topic = self.topic.map(|text| line("topic", &text, chat::ROOM_TOPIC));
        Ok(RoomChange {
            name: name.transpose()?,
            topic: topic.transpose()?,
            is_default: self.is_default,
            read_only: self.read_only,
            archived: self.archived,
            kind: self.kind.map(check_kind).transpose()?,
        })
    }
}

/// `PATCH /api/rooms/{id}`
pub(super) async fn change(
    api: &Api,
    caller: &Session,
    room: RoomId,
    request: &Request,
) -> Result<Response> {
    let change = request.json::<Change>()?.check()?;
    let before = api.rooms.info(caller.principal(), room)?;
    charge_telling(api, caller, before.members)?;
    let view = api.change_room(caller, room, change).await?;
    Ok(Response::json(200, &view))
}

/// `DELETE /api/rooms/{id}`
pub(super) async fn remove(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    let view = api.rooms.info(caller.principal(), room)?;
    charge_telling(api, caller, view.members)?;
    api.remove_room(caller, room).await?;
    Ok(Response::empty(204))
}

/// `POST /api/rooms/{id}/restore`
pub(super) async fn restore(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    Ok(Response::json(200, &api.restore_room(caller, room).await?))
}

#[derive(Deserialize)]
struct Mine {
    favourite: Option<bool>,
    notify: Option<Notify>,
    hidden: Option<bool>,
}

/// `PATCH /api/rooms/{id}/me`: how I like a room of mine.
pub(super) async fn change_mine(
    api: &Api,
    caller: &Session,
    room: RoomId,
    request: &Request,
) -> Result<Response> {
    let Mine { favourite, notify, hidden } = request.json()?;
    if let Some(hidden) = hidden {
        api.rooms.hide(caller.uid, room, hidden).await?;
    }
    let view = api.rooms.prefer(caller.uid, room, favourite, notify).await?;
    Ok(Response::json(200, &view))
}
