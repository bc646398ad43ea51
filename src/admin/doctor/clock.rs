//! The clock of this machine against that of the database, and whether something keeps it right.

use std::path::Path;
use std::time::Duration;

use super::row::Row;
use super::site::Site;
use crate::base::limits::doctor as limits;
use crate::base::time::now_ms;
use crate::store::pool::Database;

const CHECK: &str = "clock";
/// It is there while systemd-timesyncd has the time of a server.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

pub async fn check(site: &Site) -> Vec<Row> {
    let kept = match Path::new(SYNCHRONIZED).exists() {
        true => "; it is kept by NTP",
        false => "",
    };
    let theirs = match super::database::url(site) {
        Some(url) => of_database(&url).await,
        None => None,
    };
    vec![match theirs {
        Some(skew) if skew > limits::SKEW => Row::todo(
            CHECK,
            format!("{:.1} s apart from that of the database", skew.as_secs_f64()),
            "let NTP keep both (timedatectl set-ntp true)",
        ),
        Some(_) => Row::ok(CHECK, format!("the same as that of the database{kept}")),
        None if kept.is_empty() => {
            Row::unknown(CHECK, "there is no other clock to compare it with")
        }
        None => Row::ok(CHECK, "it is kept by NTP"),
    }]
}

async fn of_database(url: &str) -> Option<Duration> {
    let client = Database::new(url).ok()?.connect().await.ok()?;
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8";
    let before = now_ms();
    let theirs: i64 = client.query_one(sql, &[]).await.ok()?.get(0);
    Some(apart(theirs, before, now_ms()))
}

/// How far a clock is from ours, which was read before and after it.
pub fn apart(theirs: i64, before: i64, after: i64) -> Duration {
    let behind = before.saturating_sub(theirs);
    let ahead = theirs.saturating_sub(after);
    Duration::from_millis(behind.max(ahead).max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clocks_are_compared_without_the_time_that_asking_takes() {
        let seconds = |theirs| apart(theirs, 100_000, 103_000).as_secs();
        assert_eq!([seconds(99_000), seconds(101_000), seconds(104_000)], [1, 0, 1]);
        assert_eq!(apart(i64::MIN, 1, 2), Duration::from_millis(i64::MAX.unsigned_abs()));
    }
}
