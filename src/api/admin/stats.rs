//! Live figures: what is now, what was in the last hour, what was each day.
//!
//! A small task looks at the counters every [`EVERY`] and keeps an hour of them in memory; the days
//! come from the stores, at most once a minute whoever asks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api::Api;
use crate::base::error::Result;
use crate::base::lock::MutexExt as _;
use crate::base::process_usage;
use crate::http::Response;
use crate::store::now_ms;

/// Between two looks at the counters.
const EVERY: Duration = Duration::from_secs(10);
/// Looks remembered: an hour of them.
const LOOKS: usize = 360;
/// Days told.
const DAYS: usize = 30;
/// How long the days are believed.
const DAYS_BELIEVED: Duration = Duration::from_secs(60);

/// What the counters said in the last hour.
#[derive(Debug, Default)]
pub struct Figures {
    looks: Mutex<VecDeque<Look>>,
    days: tokio::sync::Mutex<Option<(Instant, Value)>>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    connections: usize,
    online: usize,
    messages: u64,
    deliveries: u64,
}

impl Look {
    fn at(api: &Api) -> Self {
        Self {
            at: Instant::now(),
            connections: api.shards.connections(),
            online: api.rooms.presence().online(),
            messages: api.rooms.committed(),
            deliveries: api.shards.stats().deliveries.get(),
        }
    }
}

/// Per second, between two looks.
fn rate(before: &Look, now: &Look, counter: impl Fn(&Look) -> u64) -> f64 {
    let seconds = now.at.duration_since(before.at).as_secs_f64().max(0.001);
    let per_second = counter(now).saturating_sub(counter(before)) as f64 / seconds;
    (per_second * 10.0).round() / 10.0
}

impl Figures {
    /// Looks at the counters until the server stops.
    pub async fn watch(api: Arc<Api>, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => api.figures.note(Look::at(&api)),
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    fn note(&self, look: Look) {
        let mut looks = self.looks.lock_unpoisoned();
        if looks.len() > LOOKS {
            looks.pop_front();
        }
        looks.push_back(look);
    }

    fn looks(&self) -> Vec<Look> {
        self.looks.lock_unpoisoned().iter().copied().collect()
    }
}

/// `GET /api/admin/stats`
pub(super) async fn show(api: &Api) -> Result<Response> {
    let looks = api.figures.looks();
    let now = Look::at(api);
    let before = looks.last().filter(|look| now.at.duration_since(look.at).as_secs() > 0);
    let before = before.or_else(|| looks.get(looks.len().saturating_sub(2)));
    let rate_now = |counter: fn(&Look) -> u64| before.map_or(0.0, |look| rate(look, &now, counter));
    let (users, messages, removed, chat, accounts) = tokio::join!(
        api.accounts.user_counts(),
        api.chat.message_count(),
        api.rooms.removed(),
        api.chat.database().is_reachable(),
        api.accounts.database().is_reachable(),
    );
    // What a database does not tell now is missing, the rest is shown.
    let (users, rooms) = (users.ok(), api.rooms.counts());
    let series = |counter: fn(&Look) -> u64| {
        let pairs = looks.iter().zip(looks.iter().skip(1));
        pairs.map(|(before, now)| rate(before, now, counter)).collect::<Vec<_>>()
    };
    let counted = |count: fn(&Look) -> usize| looks.iter().skip(1).map(count).collect::<Vec<_>>();
    let told = json!({
        "now": {
            "at": now_ms(),
            "users": users.map(|users| json!({
                "total": users.active + users.disabled,
                "active": users.active,
                "disabled": users.disabled,
                "removed": users.removed,
                "new_week": users.new_week,
                "online": now.online,
            })),
            "rooms": {
                "open": rooms.open,
                "closed": rooms.closed,
                "direct": rooms.direct,
                "archived": rooms.archived,
                "removed": removed.ok().map(|rooms| rooms.len()),
            },
            "connections": now.connections,
            "messages_total": messages.ok(),
            "messages_per_s": rate_now(|look| look.messages),
            "deliveries_per_s": rate_now(|look| look.deliveries),
            "uptime_s": api.started.elapsed().as_secs(),
            "memory_bytes": process_usage::of(std::process::id()).map(|usage| usage.rss),
            "database": {"chat": chat, "accounts": accounts},
            "version": env!("CARGO_PKG_VERSION"),
        },
        "every_s": EVERY.as_secs(),
        "series": {
            "connections": counted(|look| look.connections),
            "online": counted(|look| look.online),
            "messages": series(|look| look.messages),
            "deliveries": series(|look| look.deliveries),
        },
        "days": days(api).await,
    });
    Ok(Response::json(200, &told))
}

async fn days(api: &Api) -> Value {
    let mut known = api.figures.days.lock().await;
    if let Some((since, days)) = known.as_ref().filter(|(since, _)| since.elapsed() < DAYS_BELIEVED)
    {
        tracing::trace!(?since, "the days are known");
        return days.clone();
    }
    let (messages, users) =
        tokio::join!(api.chat.messages_by_day(DAYS), api.accounts.users_by_day(DAYS));
    let (messages, users) = (messages.unwrap_or_default(), users.unwrap_or_default());
    let today = now_ms() / DAY_MS;
    let day = |place: usize| {
        let number = today + 1 + i64::try_from(place).unwrap_or(0) - DAYS as i64;
        json!({
            "day": date(number),
            "messages": messages.get(place).copied().unwrap_or(0),
            "users": users.get(place).copied().unwrap_or(0),
        })
    };
    let days = Value::Array((0..DAYS).map(day).collect());
    *known = Some((Instant::now(), days.clone()));
    days
}

/// One day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// `2026-11-23` for a number of days since 1970, by way of the HTTP date.
fn date(day: i64) -> String {
    let seconds = u64::try_from(day).unwrap_or(0) * 24 * 3_600;
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    // `Mon, 23 Nov 2026 00:00:00 GMT`
    let text = httpdate::fmt_http_date(time);
    let mut words = text.split(' ').skip(1);
    let (Some(day), Some(month), Some(year)) = (words.next(), words.next(), words.next()) else {
        return text;
    };
    let months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|known| *known == month).unwrap_or(0) + 1;
    format!("{year}-{month:02}-{day}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(20_780), "2026-11-23");
        assert_eq!(date(19_782), "2024-02-29");
    }

    #[test]
    fn only_an_hour_of_looks_is_kept_and_rates_are_per_second() {
        let figures = Figures::default();
        let at = Instant::now();
        let look = |n: u64| Look {
            at: at + EVERY * u32::try_from(n).unwrap(),
            connections: 0,
            online: 0,
            messages: n * 25,
            deliveries: 0,
        };
        for n in 0..1_000 {
            figures.note(look(n));
        }
        let looks = figures.looks();
        assert_eq!(looks.len(), LOOKS + 1);
        assert_eq!(rate(&looks[0], &looks[1], |look| look.messages), 2.5);
    }
}
