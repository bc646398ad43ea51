//! History: pages of messages in their current state, by creation order.
//!
//! A page is bounded in messages and in bytes, and its bytes are reserved before it is read: a client that asks
//! for pages and does not read them is refused the next, and nobody else is. A place of another epoch is none here:
//! then the answer is the newest page, and says so.

use serde::Serialize;

use crate::api::context::Call;
use crate::base::error::{Error, Result};
use crate::base::ids::{Epoch, RoomId};
use crate::base::limits;
use crate::base::memory::{Holder, Kind};
use crate::http::{Request, Response};
use crate::protocol::message::PageEntry;
use crate::store::chat::{Around, Page, Place};

/// `GET /api/rooms/{id}/messages?before=SEQ&after=SEQ&around=SEQ|MID&limit=N&epoch=EPOCH`
pub async fn page(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let (rooms, by) = (&services.rooms, caller.principal());
    let epoch = rooms.epoch();
    let (wanted, truncated) = wanted(request)?.in_epoch(epoch_of(request)?, epoch);
    let limit = limit(request)?;
    let holder = Holder::User(caller.uid);
    let mut held = rooms.memory().reserve(Kind::Answers, holder, limits::chat::PAGE_BYTES)?;
    let response = match wanted {
        Wanted::Page(page) => {
            let history = rooms.history(by, room, page, limit).await?;
            let messages = history.messages.iter().map(PageEntry::from).collect();
            let more = history.has_more;
            Response::json(200, &History { epoch, messages, more, truncated })
        }
        Wanted::Around(place) => {
            let Around { before, after } = rooms.history_around(by, room, place, limit).await?;
            let messages = before.messages.iter().chain(&after.messages).map(PageEntry::from);
            let (more_before, more_after) = (before.has_more, after.has_more);
            let messages = messages.collect();
            Response::json(200, &HistoryAround { epoch, messages, more_before, more_after })
        }
    };
    held.resize(response.size());
    Ok(response.holding(held))
}

#[derive(Serialize)]
struct History<'a> {
    epoch: Epoch,
    messages: Vec<PageEntry<'a>>,
    more: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Serialize)]
struct HistoryAround<'a> {
    epoch: Epoch,
    messages: Vec<PageEntry<'a>>,
    more_before: bool,
    more_after: bool,
}

/// Which part of the history is asked for.
enum Wanted {
    Page(Page),
    Around(Place),
}

impl Wanted {
    /// This part, unless its place is a `seq` of another epoch: then the newest page, and true.
    fn in_epoch(self, asked: Option<Epoch>, now: Epoch) -> (Self, bool) {
        let has_seq = matches!(
            self,
            Self::Page(Page::Before(_) | Page::After(_)) | Self::Around(Place::Seq(_))
        );
        match has_seq && asked.is_some_and(|asked| asked != now) {
            true => (Self::Page(Page::Newest), true),
            false => (self, false),
        }
    }
}

/// The epoch in which the client got its place.
pub(super) fn epoch_of(request: &Request) -> Result<Option<Epoch>> {
    let epoch = request.query("epoch").map(|text| text.parse());
    epoch.transpose().map_err(|_| Error::field("epoch", "is the epoch of a \"hello\""))
}

fn wanted(request: &Request) -> Result<Wanted> {
    let (before, after) = (number(request, "before")?, number(request, "after")?);
    let page = match (before, after, place(request)?) {
        (None, None, Some(place)) => return Ok(Wanted::Around(place)),
        (None, None, None) => Page::Newest,
        (Some(seq), None, None) => Page::Before(seq),
        (None, Some(seq), None) => Page::After(seq),
        (Some(_), Some(_), _) => return Err(Error::field("after", "excludes \"before\"")),
        _ => return Err(Error::field("around", "excludes \"before\" and \"after\"")),
    };
    Ok(Wanted::Page(page))
}

/// A number is a `seq`; no number is as long as a message id.
fn place(request: &Request) -> Result<Option<Place>> {
    let Some(text) = request.query("around") else { return Ok(None) };
    if let Ok(mid) = text.parse() {
        return Ok(Some(Place::Message(mid)));
    }
    let seq = number(request, "around");
    let seq = seq.map_err(|_| Error::field("around", "must be a whole number or a message id"));
    Ok(seq?.map(Place::Seq))
}

fn limit(request: &Request) -> Result<usize> {
    match number(request, "limit")? {
        None => Ok(limits::chat::PAGE_DEFAULT),
        Some(0) => Err(Error::field("limit", "must be at least 1")),
        Some(limit) => {
            Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(limits::chat::SEALED_PAGE))
        }
    }
}

/// A whole number of the query, if it is there. It must fit the database's numbers.
pub(super) fn number(request: &Request, name: &str) -> Result<Option<u64>> {
    let Some(text) = request.query(name) else { return Ok(None) };
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_plain { text.parse::<i64>().ok() } else { None };
    match number.and_then(|number| u64::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(Error::field(name, "must be a whole number")),
    }
}
