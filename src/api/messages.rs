//! History: pages of messages in their current state, by creation order.
//!
//! A page is bounded in messages and in bytes, and its bytes are reserved before it is read: whoever
//! asks for pages and does not take them is refused the next, and nobody else.

use serde::Serialize;

use crate::auth::Session;
use crate::base::error::{Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits;
use crate::base::memory::{Holder, Kind};
use crate::http::{Request, Response};
use crate::protocol::message::PageEntry;
use crate::store::chat::Page;

use super::Api;

/// Messages of a page that names no limit.
const PAGE_DEFAULT: usize = 50;

/// `GET /api/rooms/{id}/messages?before=SEQ&after=SEQ&limit=N`
pub(super) async fn page(
    api: &Api,
    caller: &Session,
    room: RoomId,
    request: &Request,
) -> Result<Response> {
    let page = match (number(request, "before")?, number(request, "after")?) {
        (None, None) => Page::Newest,
        (Some(seq), None) => Page::Before(seq),
        (None, Some(seq)) => Page::After(seq),
        (Some(_), Some(_)) => return Err(Error::field("after", "excludes \"before\"")),
    };
    let limit = limit(request)?;
    let memory = api.rooms.memory();
    let holder = Holder::User(caller.uid);
    let mut held = memory.reserve(Kind::Answers, holder, limits::chat::PAGE_BYTES)?;
    let history = api.rooms.history(caller.principal(), room, page, limit).await?;
    let messages = history.messages.iter().map(PageEntry::from).collect();
    let response = Response::json(200, &History { messages, more: history.has_more });
    held.resize(response.size());
    Ok(response.holding(held))
}

#[derive(Serialize)]
struct History<'a> {
    messages: Vec<PageEntry<'a>>,
    more: bool,
}

fn limit(request: &Request) -> Result<usize> {
    match number(request, "limit")? {
        None => Ok(PAGE_DEFAULT),
        Some(0) => Err(Error::field("limit", "must be at least 1")),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(limits::chat::PAGE)),
    }
}

/// A whole number of the query, if it is there. It must fit the database's numbers.
fn number(request: &Request, name: &str) -> Result<Option<u64>> {
    let Some(text) = request.query(name) else { return Ok(None) };
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { text.parse::<i64>().ok() } else { None };
    match number.and_then(|number| u64::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(Error::field(name, "must be a whole number")),
    }
}
