//! Searching: one call for all rooms that the caller may read.

use serde::Serialize;

use super::context::Call;
use crate::base::error::{Error, Result};
use crate::base::ids::{Epoch, RoomId};
use crate::base::limits::chat::PAGE_BYTES;
use crate::base::limits::search as limits;
use crate::base::memory::{Holder, Kind};
use crate::http::{Request, Response};
use crate::protocol::message::PageEntry;
use crate::service::{Found, Match, Point, SearchWish};

/// Minutes that a place on earth may be ahead of UTC or behind it.
const MINUTES: std::ops::RangeInclusive<i32> = -1_440..=1_440;

/// `GET /api/search?q=…&cursor=…&limit=N&tz=MINUTES`
pub async fn find(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let q = request.query("q").unwrap_or_default();
    let wish = SearchWish {
        q: &q,
        below: cursor(request)?,
        limit: limit(request)?,
        minutes_east: minutes_east(request)?,
    };
    let holder = Holder::User(caller.uid);
    let mut held = services.rooms.memory().reserve(Kind::Answers, holder, PAGE_BYTES)?;
    let allowance = services.allowances.of(caller.uid);
    let asker = (caller.uid, &*allowance);
    let found = services.search.find(caller.principal(), asker, wish).await?;
    let response = Response::json(200, &Answer::of(&found, services.rooms.epoch()));
    held.resize(response.size());
    Ok(response.holding(held))
}

#[derive(Serialize)]
struct Answer<'a> {
    epoch: Epoch,
    results: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: Vec<&'static str>,
    #[serde(skip_serializing_if = "is_zero")]
    encrypted: usize,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unknown: &'a [String],
}

#[derive(Serialize)]
struct Entry<'a> {
    room: RoomId,
    #[serde(flatten)]
    entry: PageEntry<'a>,
    marks: &'a [[u32; 2]],
}

impl<'a> Answer<'a> {
    fn of(found: &'a Found, epoch: Epoch) -> Self {
        let cuts = [(found.is_query_cut, "query"), (found.is_time_up, "time")];
        let entry = |found: &'a Match| Entry {
            room: found.room,
            entry: PageEntry::from(&found.message),
            marks: &found.marks,
        };
        Self {
            epoch,
            results: found.results.iter().map(entry).collect(),
            cursor: found.next.map(|Point { at, room, seq }| format!("{at}.{room}.{seq}")),
            cut: cuts.iter().filter(|(is_cut, _)| *is_cut).map(|(_, what)| *what).collect(),
            encrypted: found.encrypted,
            unknown: &found.unknown,
        }
    }
}

// The name and the reference are serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn cursor(request: &Request) -> Result<Point> {
    let Some(text) = request.query("cursor") else { return Ok(Point::END) };
    let number = |part: Option<&str>| part?.parse().ok().filter(|number: &i64| *number >= 0);
    let mut parts = text.split('.');
    let (at, room, seq) = (number(parts.next()), number(parts.next()), number(parts.next()));
    match (at, room, seq, parts.next()) {
        (Some(at), Some(room), Some(seq), None) => {
            Ok(Point { at, room: RoomId(room), seq: seq.unsigned_abs() })
        }
        _ => Err(Error::field("cursor", "is not a cursor of a search")),
    }
}

fn limit(request: &Request) -> Result<usize> {
    let Some(text) = request.query("limit") else { return Ok(limits::PAGE_DEFAULT) };
    let limit = text.parse().ok().filter(|limit| (1..=limits::PAGE).contains(limit));
    limit.ok_or_else(|| Error::field("limit", &format!("must be 1 to {}", limits::PAGE)))
}

fn minutes_east(request: &Request) -> Result<i32> {
    let Some(text) = request.query("tz") else { return Ok(0) };
    let minutes = text.parse().ok().filter(|minutes| MINUTES.contains(minutes));
    minutes.ok_or_else(|| Error::field("tz", "must be minutes east of UTC, at most a day"))
}
