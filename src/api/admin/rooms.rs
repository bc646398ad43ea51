//! Rooms, for those who run the server: those in use, archived and removed ones. What is done to them is done
//! as everywhere else, by the rooms' own actors.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::context::{AdminCall, Call};
use crate::api::page::{Page, cursor, paged};
use crate::api::rooms::room::{Change, remove_by};
use crate::base::error::{Error, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::{api as limits, chat};
use crate::base::text::{line, name};
use crate::http::Response;
use crate::protocol::room::RoomKind;
use crate::rooms::{CreateRoom, MemberChange, RoomSummary, Rooms, check_kind, sort_key};
use crate::store::chat::{RemovedRoom, RoomChange, RoomRow};
use crate::store::restorable_ms;

/// `GET /api/admin/rooms?q=&state=&after=&limit=`
pub async fn page(Call { services, request, .. }: AdminCall<'_>) -> Result<Response> {
    let rooms = &services.rooms;
    let page = Page::of(request)?;
    let archived = match request.query("state").as_deref() {
        None | Some("") => None,
        Some("active") => Some(false),
        Some("archived") => Some(true),
        Some("removed") => return removed(rooms, &page).await,
        Some(_) => {
            let rule = "must be \"active\", \"archived\" or \"removed\"";
            return Err(Error::field("state", rule));
        }
    };
    let rooms = rooms.summaries(&page.q, archived);
    let key = |room: &RoomSummary| sort_key(&room.row.listed_name(), room.row.id);
    let (rooms, next, total) = page.cut(rooms, key);
    let rooms: Vec<_> = rooms.iter().map(summary).collect();
    let next = next.map(|key| cursor(&key));
    Ok(Response::json(200, &paged("rooms", rooms, next, total)))
}

async fn removed(rooms: &Rooms, page: &Page) -> Result<Response> {
    let q = page.q.to_lowercase();
    let mut rooms = rooms.removed().await?;
    rooms.retain(|room| room.row.listed_name().to_lowercase().contains(&q));
    let key = |room: &RemovedRoom| sort_key(&room.row.listed_name(), room.row.id);
    rooms.sort_by_cached_key(key);
    let (rooms, next, total) = page.cut(rooms, key);
    let entry = |room: &RemovedRoom| {
        let mut entry = row(&room.row, "removed");
        entry["members"] = json!(room.members);
        entry["owners"] = json!([]);
        entry["removed_at"] = json!(room.removed_at);
        entry["purge_at"] = json!(room.removed_at + restorable_ms());
        entry
    };
    let rooms: Vec<_> = rooms.iter().map(entry).collect();
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
pub async fn create(Call { services, caller, request, .. }: AdminCall<'_>) -> Result<Response> {
    let new: NewRoom = request.json()?;
    let create = CreateRoom {
        name: name("name", &new.name, chat::ROOM_NAME)?,
        topic: line("topic", &new.topic, chat::ROOM_TOPIC)?,
        kind: check_kind(new.kind)?,
        members: Vec::new(),
        is_default: new.is_default,
    };
    if let Some(owner) = new.owner {
        services.profiles.active(owner).await?;
    }
    let room = services.room_changes.create(caller, new.owner, create).await?.view;
    Ok(Response::json(201, &shown(&services.rooms, room.id)))
}

#[derive(Deserialize)]
struct Owner {
    owner: Option<Uid>,
}

/// `PATCH /api/admin/rooms/{id}`
pub async fn change(call: AdminCall<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let change = request.json::<Change>()?.check()?;
    let Owner { owner } = request.json()?;
    if change != RoomChange::default() || owner.is_none() {
        services.room_changes.update(caller, room, change).await?;
    }
    if let Some(owner) = owner {
        services.profiles.active(owner).await?;
        let change = MemberChange::Own;
        let _ = services.room_changes.change_member(caller, room, owner, change).await?;
    }
    Ok(Response::json(200, &shown(&services.rooms, room)))
}

/// `DELETE /api/admin/rooms/{id}`
pub async fn remove(call: AdminCall<'_, RoomId>) -> Result<Response> {
    remove_by(call.services, call.caller, call.ids).await
}

/// `POST /api/admin/rooms/{id}/restore`
pub async fn restore(call: AdminCall<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, ids: room, .. } = call;
    services.room_changes.restore(caller, room).await?;
    Ok(Response::json(200, &shown(&services.rooms, room)))
}

#[derive(Deserialize)]
struct TakenAway {
    mids: Vec<Mid>,
}

/// `POST /api/admin/rooms/{id}/gone`: what messages of an encrypted room say is taken away for good.
pub async fn gone(call: AdminCall<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let TakenAway { mids } = request.json()?;
    if !(1..=limits::GONE_AT_ONCE).contains(&mids.len()) {
        return Err(Error::field("mids", "has 1 to 100 ids of messages"));
    }
    services.room_changes.take_away(caller, room, mids).await?;
    Ok(Response::empty(204))
}

fn shown(rooms: &Rooms, room: RoomId) -> Value {
    rooms.summary(room).as_ref().map(summary).unwrap_or_default()
}

fn summary(room: &RoomSummary) -> Value {
    let mut summary = row(&room.row, if room.row.archived { "archived" } else { "active" });
    summary["members"] = json!(room.members);
    summary["owners"] = json!(room.owners);
    summary
}

fn row(row: &RoomRow, state: &str) -> Value {
    json!({
        "id": row.id,
        "name": row.listed_name(),
        "topic": row.topic,
        "kind": row.kind,
        "e2ee": row.encryption.is_some(),
        "default": row.is_default,
        "read_only": row.read_only,
        "archived": row.archived,
        "state": state,
        "seq": row.last_seq,
        "created_at": row.created_at,
    })
}
