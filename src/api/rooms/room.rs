//! Rooms: the ones I am in, the ones I could join, creating one, changing one, restoring a removed one.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::encrypted;
use crate::api::charge::Charge;
use crate::api::context::Call;
use crate::api::page::{Page, cursor};
use crate::auth::Session;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Epoch, RoomId, Uid};
use crate::base::limits::{api as limits, chat};
use crate::base::text::{line, name};
use crate::http::Response;
use crate::policy::unreachable_person;
use crate::protocol::room::{Notify, RoomKind, RoomView};
use crate::rooms::{CreateRoom, check_kind, sort_key};
use crate::service::{Actor, Services};
use crate::settings::RoomCreation;
use crate::store::chat::RoomChange;

/// `GET /api/rooms?after=ID`: mine as in `hello`, and the open ones I am not in, without a `role`. By id, as
/// many as fit; `more` if they were cut.
pub async fn list(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let after = match request.query("after") {
        None => RoomId(0),
        Some(id) => id.parse().map_err(|_| Error::field("after", "must be the id of a room"))?,
    };
    let page = services.rooms.visible_to(caller.uid, after, limits::ROOMS_BYTES);
    let epoch = services.rooms.epoch();
    Ok(Response::json(200, &List { epoch, rooms: page.rooms, more: page.has_more }))
}

#[derive(Serialize)]
struct List {
    epoch: Epoch,
    rooms: Vec<RoomView>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

/// `GET /api/rooms/directory?q=&after=&limit=&archived=1`: what there is to join, a page at a time.
pub async fn directory(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let page = Page::of(request)?;
    let archived = request.query("archived").is_some_and(|value| value == "1");
    let rooms = services.rooms.directory(caller.uid, &page.q, archived);
    let (rooms, next, total) = page.cut(rooms, |room: &RoomView| sort_key(&room.name, room.id));
    let next = next.map(|key| cursor(&key));
    Ok(Response::json(200, &json!({"rooms": rooms, "next": next, "total": total})))
}

/// `GET /api/rooms/{id}`
pub async fn show(Call { services, caller, ids: room, .. }: Call<'_, RoomId>) -> Result<Response> {
    Ok(Response::json(200, &services.rooms.info(caller.principal(), room)?))
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

impl NewRoom {
    fn is_direct(&self) -> bool {
        self.kind == RoomKind::Dm
    }

    /// Refuses what the caller may not create; whom they may not reach is another question.
    fn check(&self, creation: RoomCreation, caller: &Session) -> Result<()> {
        let most = if self.is_direct() { limits::GROUP_DIRECT } else { limits::FIRST_MEMBERS };
        if self.is_direct() && self.members.is_empty() {
            return Err(Error::field("members", "must name the other person"));
        }
        if self.members.len() > most {
            return Err(Error::field("members", "names too many people at once"));
        }
        if creation == RoomCreation::Admins && !caller.admin && !self.is_direct() {
            return Err(Error::new(Code::Forbidden, "Only admins of the server make rooms here."));
        }
        if self.is_default && !caller.admin {
            let text = "Only admins choose the rooms that everybody joins.";
            return Err(Error::new(Code::Forbidden, text));
        }
        Ok(())
    }

    /// Refuses people who are not there. That somebody is disabled reads as that they have blocked the caller.
    async fn check_members(&self, services: &Services) -> Result<()> {
        for uid in &self.members {
            match services.profiles.active(*uid).await {
                Err(error) if error.code() == Code::NotFound && self.is_direct() => {
                    services.profiles.existing(*uid).await?;
                    return Err(unreachable_person());
                }
                other => other?,
            };
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Encrypted {
    e2ee: Option<encrypted::Batch>,
}

/// `POST /api/rooms`. A direct room that exists is answered with 200.
pub async fn create(call: Call<'_>) -> Result<Response> {
    if let Encrypted { e2ee: Some(batch) } = call.request.json()? {
        return encrypted::create(&call, batch).await;
    }
    let Call { services, caller, .. } = call;
    let new: NewRoom = call.request.json()?;
    let topic = line("topic", &new.topic, chat::ROOM_TOPIC)?;
    let name = match new.kind {
        RoomKind::Dm => String::new(),
        RoomKind::Open | RoomKind::Closed => name("name", &new.name, chat::ROOM_NAME)?,
    };
    new.check(services.auth.settings().current().room_creation, caller)?;
    new.check_members(services).await?;
    let create = CreateRoom {
        name,
        topic,
        kind: new.kind,
        members: new.members,
        is_default: new.is_default,
    };
    let owner = Some(caller.uid);
    let created = services.room_changes.create(&call.actor(), owner, create).await?;
    Ok(Response::json(if created.is_new { 201 } else { 200 }, &created.view))
}

/// What a caller may want to change about a room.
#[derive(Deserialize)]
pub struct Change {
    name: Option<String>,
    topic: Option<String>,
    #[serde(rename = "default")]
    is_default: Option<bool>,
    read_only: Option<bool>,
    archived: Option<bool>,
    kind: Option<RoomKind>,
}

impl Change {
    /// The change, if each field is good.
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
pub async fn change(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, ids: room, .. } = call;
    let change = call.request.json::<Change>()?.check()?;
    let actor = call.actor();
    let before = services.rooms.info(caller.principal(), room)?;
    Charge::fan_out(before.members).take(&services.allowances, actor.principal)?;
    let view = services.room_changes.update(&actor, room, change).await?;
    Ok(Response::json(200, &view))
}

/// `DELETE /api/rooms/{id}`
pub async fn remove(call: Call<'_, RoomId>) -> Result<Response> {
    remove_by(call.services, &call.actor(), call.ids).await
}

/// Removes a room for a member, or for an administrator.
pub async fn remove_by(services: &Services, by: &Actor, room: RoomId) -> Result<Response> {
    let view = services.rooms.info(by.principal, room)?;
    Charge::fan_out(view.members).take(&services.allowances, by.principal)?;
    services.room_changes.remove(by, room).await?;
    Ok(Response::empty(204))
}

/// `POST /api/rooms/{id}/restore`
pub async fn restore(call: Call<'_, RoomId>) -> Result<Response> {
    let restored = call.services.room_changes.restore(&call.actor(), call.ids).await?;
    Ok(Response::json(200, &restored))
}

#[derive(Deserialize)]
struct Preferences {
    favourite: Option<bool>,
    notify: Option<Notify>,
    hidden: Option<bool>,
}

/// `PATCH /api/rooms/{id}/me`: how I like a room of mine.
pub async fn change_preferences(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, ids: room, .. } = call;
    let Preferences { favourite, notify, hidden } = call.request.json()?;
    if let Some(hidden) = hidden {
        services.rooms.hide(caller.uid, room, hidden).await?;
    }
    let view = services.rooms.prefer(caller.uid, room, favourite, notify).await?;
    Ok(Response::json(200, &view))
}
