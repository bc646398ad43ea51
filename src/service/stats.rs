//! Live figures: what is now, what was in the last hour, what was each day.
//!
//! The counters are sampled at intervals, and the samples of an hour stay in memory; the days come from the
//! stores, at most once a minute however many ask.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::base::limits::service as limits;
use crate::base::lock::MutexExt as _;
use crate::base::process_usage;
use crate::base::time::{millis, now_ms};
use crate::delivery::Shards;
use crate::rooms::Rooms;
use crate::store::accounts::AccountStore;
use crate::store::backup::nightly::Nightly;
use crate::store::chat::ChatStore;

/// Samples the counters, and makes the figures out of them.
pub struct StatsSampler {
    accounts: AccountStore,
    chat: ChatStore,
    rooms: Rooms,
    shards: Shards,
    backups: Arc<Nightly>,
    started: Instant,
    samples: Mutex<VecDeque<Sample>>,
    days: tokio::sync::Mutex<Option<(Instant, Value)>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    connections: usize,
    online: usize,
    messages: u64,
    deliveries: u64,
}

/// Per second, between two samples.
fn rate(before: &Sample, now: &Sample, counter: impl Fn(&Sample) -> u64) -> f64 {
    let seconds = now.at.duration_since(before.at).as_secs_f64().max(0.001);
    let per_second = counter(now).saturating_sub(counter(before)) as f64 / seconds;
    (per_second * 10.0).round() / 10.0
}

impl StatsSampler {
    /// Of these stores, rooms and delivery threads.
    pub fn new(accounts: AccountStore, chat: ChatStore, rooms: Rooms, shards: Shards) -> Self {
        let (samples, days) = (Mutex::default(), tokio::sync::Mutex::default());
        let backups = Arc::default();
        Self { accounts, chat, rooms, shards, backups, started: Instant::now(), samples, days }
    }

    /// The same with what becomes of nightly backups.
    pub fn with_backups(self, backups: Arc<Nightly>) -> Self {
        Self { backups, ..self }
    }

    /// Samples the counters once more; what is older than an hour is forgotten.
    pub fn sample(&self) {
        let mut samples = self.samples.lock_unpoisoned();
        keep(&mut samples, self.counters());
    }

    fn counters(&self) -> Sample {
        Sample {
            at: Instant::now(),
            connections: self.shards.connections(),
            online: self.rooms.presence().online(),
            messages: self.rooms.committed(),
            deliveries: self.shards.counters().deliveries.get(),
        }
    }

    /// All figures. What a database does not answer now is missing, the rest is there.
    pub async fn report(&self) -> Value {
        let samples: Vec<_> = {
            let samples = self.samples.lock_unpoisoned();
            samples.iter().copied().collect()
        };
        json!({
            "now": self.now(&samples).await,
            "every_s": limits::STATS_SAMPLED.as_secs(),
            "series": series(&samples),
            "days": self.days().await,
        })
    }

    async fn now(&self, samples: &[Sample]) -> Value {
        let now = self.counters();
        let before = samples.last().filter(|sample| now.at.duration_since(sample.at).as_secs() > 0);
        let before = before.or_else(|| samples.get(samples.len().saturating_sub(2)));
        let rate_now =
            |counter: fn(&Sample) -> u64| before.map_or(0.0, |one| rate(one, &now, counter));
        let (users, messages, removed, chat, accounts) = tokio::join!(
            self.accounts.user_counts(),
            self.chat.message_count(),
            self.rooms.removed(),
            self.chat.database().is_reachable(),
            self.accounts.database().is_reachable(),
        );
        let (users, rooms) = (users.ok(), self.rooms.counts());
        json!({
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
            "messages_per_s": rate_now(|sample| sample.messages),
            "deliveries_per_s": rate_now(|sample| sample.deliveries),
            "uptime_s": self.started.elapsed().as_secs(),
            "memory_bytes": process_usage::of(std::process::id()).map(|usage| usage.rss),
            "database": {"chat": chat, "accounts": accounts},
            "backup": self.backup(),
            "directory": self.directory(),
            "version": env!("CARGO_PKG_VERSION"),
        })
    }

    /// Whether the directory of keys takes entries, and how many a restore has lost.
    fn directory(&self) -> Value {
        let directory = self.rooms.keys().read();
        json!({"state": directory.state.as_str(), "missing": directory.chain.missing().count()})
    }

    /// The last nightly backup, and why one failed since; nothing if none are made.
    fn backup(&self) -> Value {
        if self.backups.folder().is_none() {
            return Value::Null;
        }
        let last = self.backups.last();
        let at = last.as_ref().and_then(|last| last.at.duration_since(SystemTime::UNIX_EPOCH).ok());
        json!({
            "at": at.map(millis),
            "bytes": last.map(|last| last.bytes),
            "failure": self.backups.failure(),
        })
    }

    /// New messages and users of the last days, read anew when they are older than a minute.
    async fn days(&self) -> Value {
        const DAYS: usize = limits::STATS_DAYS;
        let mut known = self.days.lock().await;
        let fresh = |(at, _): &&(Instant, Value)| at.elapsed() < limits::STATS_DAYS_CACHED;
        if let Some((_, days)) = known.as_ref().filter(fresh) {
            return days.clone();
        }
        let (messages, users) =
            tokio::join!(self.chat.messages_by_day(DAYS), self.accounts.users_by_day(DAYS));
        let (messages, users) = (messages.unwrap_or_default(), users.unwrap_or_default());
        let today = now_ms() / DAY_MS;
        let day = |index: usize| {
            let number = today + 1 + i64::try_from(index).unwrap_or(0) - DAYS as i64;
            json!({
                "day": date(number),
                "messages": messages.get(index).copied().unwrap_or(0),
                "users": users.get(index).copied().unwrap_or(0),
            })
        };
        let days = Value::Array((0..DAYS).map(day).collect());
        *known = Some((Instant::now(), days.clone()));
        days
    }
}

/// Adds a sample, and drops the oldest when there are more than an hour's.
fn keep(samples: &mut VecDeque<Sample>, sample: Sample) {
    if samples.len() > limits::STATS_SAMPLES {
        samples.pop_front();
    }
    samples.push_back(sample);
}

fn series(samples: &[Sample]) -> Value {
    let rates = |counter: fn(&Sample) -> u64| {
        let pairs = samples.iter().zip(samples.iter().skip(1));
        pairs.map(|(before, now)| rate(before, now, counter)).collect::<Vec<_>>()
    };
    let levels =
        |level: fn(&Sample) -> usize| samples.iter().skip(1).map(level).collect::<Vec<_>>();
    json!({
        "connections": levels(|sample| sample.connections),
        "online": levels(|sample| sample.online),
        "messages": rates(|sample| sample.messages),
        "deliveries": rates(|sample| sample.deliveries),
    })
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
    fn only_an_hour_of_samples_is_kept_and_rates_are_per_second() {
        let at = Instant::now();
        let sample = |n: u64| Sample {
            at: at + limits::STATS_SAMPLED * u32::try_from(n).unwrap(),
            connections: 0,
            online: 0,
            messages: n * 25,
            deliveries: 0,
        };
        let mut samples = VecDeque::new();
        for n in 0..1_000 {
            keep(&mut samples, sample(n));
        }
        assert_eq!(samples.len(), limits::STATS_SAMPLES + 1);
        assert_eq!(rate(&samples[0], &samples[1], |sample| sample.messages), 2.5);
    }
}
