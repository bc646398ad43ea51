//! Rooms, for whoever runs the place: those that are there, those put away, those removed. What is
//! done to them is done as everywhere else, by the rooms' own actors.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Api;
use crate::api::page::{Page, cursor, paged};
use crate::api::rooms::Change;
use crate::api::text::{line, name};
use crate::auth::Session;
use crate::base::error::{Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::chat;
use crate::http::{Request, Response};
use crate::protocol::room::RoomKind;
use crate::rooms::{CreateRoom, MemberChange, RoomSummary, check_kind, sort_key};
use crate::store::chat::{RemovedRoom, RoomRow};
use crate::store::restorable_ms;

/// `GET /api/admin/rooms?q=&state=&after=&limit=`
pub(super) async fn page(api: &Api, request: &Request) -> Result<Response> {
    let page = Page::of(request)?;
    let archived = match request.query("state").as_deref() {
        None | Some("") => None,
        Some("active") => Some(false),
        Some("archived") => Some(true),
        Some("removed") => return removed(api, &page).await,
        Some(_) => {
            let rule = "must be \"active\", \"archived\" or \"removed\"";
            return Err(Error::field("state", rule));
        }
    };
    let rooms = api.rooms.summaries(&page.q, archived);
    let key = |room: &RoomSummary| sort_key(&room.row.name, room.row.id);
    let (rooms, next, total) = page.cut(rooms, key);
    let rooms: Vec<_> = rooms.iter().map(told).collect();
    let next = next.map(|key| cursor(&key));
    Ok(Response::json(200, &paged("rooms", rooms, next, total)))
}

async fn removed(api: &Api, page: &Page) -> Result<Response> {
    let q = page.q.to_lowercase();
    let mut rooms = api.rooms.removed().await?;
    rooms.retain(|room| room.row.name.to_lowercase().contains(&q));
    rooms.sort_by_cached_key(|room| sort_key(&room.row.name, room.row.id));
    let key = |room: &RemovedRoom| sort_key(&room.row.name, room.row.id);
    let (rooms, next, total) = page.cut(rooms, key);
    let told = |room: &RemovedRoom| {
        let mut told = row(&room.row, "removed");
        told["members"] = json!(room.members);
        told["owners"] = json!([]);
        told["removed_at"] = json!(room.removed_at);
        told["purge_at"] = json!(room.removed_at + restorable_ms());
        told
    };
    let rooms: Vec<_> = rooms.iter().map(told).collect();
    let next = next.map(|key| cursor(&key));
    Ok(Response::json(200, &paged("rooms", rooms, next, total)))
}

#[derive(Deserialize)]
struct NewRoom {
    name: String,
    #[serde(default)]
    topic: String,
    kind: RoomKind,
    #[serde(default, rename = "default")]
    is_default: bool,
    #[serde(default)]
    owner: Option<Uid>,
}

/// `POST /api/admin/rooms`: `owner` may be anybody; without one the room is run by admins of the
/// server.
pub(super) async fn create(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let new: NewRoom = request.json()?;
    let create = CreateRoom {
        name: name("name", &new.name, chat::ROOM_NAME)?,
        topic: line("topic", &new.topic, chat::ROOM_TOPIC)?,
        kind: check_kind(new.kind)?,
        members: Vec::new(),
        is_default: new.is_default,
    };
    if let Some(owner) = new.owner {
        crate::api::users::profile(api, owner).await?;
    }
    let room = api.create_room(caller, new.owner, create).await?.view;
    Ok(Response::json(201, &shown(api, room.id)))
}

#[derive(Deserialize)]
struct Owner {
    owner: Option<Uid>,
}

/// `PATCH /api/admin/rooms/{id}`
pub(super) async fn change(
    api: &Api,
    caller: &Session,
    room: RoomId,
    request: &Request,
) -> Result<Response> {
    let change = request.json::<Change>()?.check()?;
    let Owner { owner } = request.json()?;
    if change != crate::store::chat::RoomChange::default() || owner.is_none() {
        api.change_room(caller, room, change).await?;
    }
    if let Some(owner) = owner {
        crate::api::users::profile(api, owner).await?;
        let _ = api.change_member(caller, room, owner, MemberChange::Own).await?;
    }
    Ok(Response::json(200, &shown(api, room)))
}

/// `DELETE /api/admin/rooms/{id}`
pub(super) async fn remove(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    crate::api::rooms::remove(api, caller, room).await
}

/// `POST /api/admin/rooms/{id}/restore`
pub(super) async fn restore(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    crate::api::rooms::restore(api, caller, room).await?;
    Ok(Response::json(200, &shown(api, room)))
}

fn shown(api: &Api, room: RoomId) -> Value {
    api.rooms.summary(room).as_ref().map(told).unwrap_or_default()
}

fn told(room: &RoomSummary) -> Value {
    let mut told = row(&room.row, if room.row.archived { "archived" } else { "active" });
    told["members"] = json!(room.members);
    told["owners"] = json!(room.owners);
    told
}

fn row(row: &RoomRow, state: &str) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "topic": row.topic,
        "kind": row.kind,
        "default": row.is_default,
        "read_only": row.read_only,
        "archived": row.archived,
        "state": state,
        "seq": row.last_seq,
        "created_at": row.created_at,
    })
}
