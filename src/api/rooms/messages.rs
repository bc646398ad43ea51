//! History: pages of messages in their current state, by creation order.
//!
//! A page is bounded in messages and in bytes, and its bytes are reserved before it is read: a client that asks
//! for pages and does not read them is refused the next, and nobody else is.

use serde::Serialize;

use crate::api::context::Call;
use crate::base::error::{Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits;
use crate::base::memory::{Holder, Kind};
use crate::http::{Request, Response};
use crate::protocol::message::PageEntry;
use crate::store::chat::Page;

/// `GET /api/rooms/{id}/messages?before=SEQ&after=SEQ&limit=N`
pub async fn page(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let page = match (number(request, "before")?, number(request, "after")?) {
        (None, None) => Page::Newest,
        (Some(seq), None) => Page::Before(seq),
        (None, Some(seq)) => Page::After(seq),
        (Some(_), Some(_)) => return Err(Error::field("after", "excludes \"before\"")),
    };
    let limit = limit(request)?;
    let rooms = &services.rooms;
    let holder = Holder::User(caller.uid);
    let mut held = rooms.memory().reserve(Kind::Answers, holder, limits::chat::PAGE_BYTES)?;
    let history = rooms.history(caller.principal(), room, page, limit).await?;
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
        None => Ok(limits::chat::PAGE_DEFAULT),
        Some(0) => Err(Error::field("limit", "must be at least 1")),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(limits::chat::PAGE)),
    }
}

/// A whole number of the query, if it is there. It must fit the database's numbers.
fn number(request: &Request, name: &str) -> Result<Option<u64>> {
    let Some(text) = request.query(name) else { return Ok(None) };
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_plain { text.parse::<i64>().ok() } else { None };
    match number.and_then(|number| u64::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(Error::field(name, "must be a whole number")),
    }
}
