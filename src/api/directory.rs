//! The room directory: what there is to join, a page at a time.

use serde_json::json;

use crate::auth::Session;
use crate::base::error::Result;
use crate::http::{Request, Response};
use crate::rooms::sort_key;

use super::Api;
use super::page::{Page, cursor};

/// `GET /api/rooms/directory?q=&after=&limit=&archived=1`
pub(super) fn page(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let page = Page::of(request)?;
    let archived = request.query("archived").is_some_and(|value| value == "1");
    let rooms = api.rooms.directory(caller.uid, &page.q, archived);
    let key = |room: &crate::protocol::room::RoomView| sort_key(&room.name, room.id);
    let (rooms, next, total) = page.cut(rooms, key);
    Ok(Response::json(
        200,
        &json!({"rooms": rooms, "next": next.map(|key| cursor(&key)), "total": total}),
    ))
}
