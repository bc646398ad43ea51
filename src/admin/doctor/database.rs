//! The databases: whether they answer, which version they have, whether they keep what they acknowledge, and how long
//! a commit takes, which every message waits for.

use std::time::Instant;

use super::row::Row;
use super::site::Site;
use crate::base::error::Error;
use crate::base::limits::doctor as limits;
use crate::store::embedded::{self, Embedded};
use crate::store::pool::Database;

/// The oldest version that works.
const OLDEST: i32 = 140_000;

pub async fn check(site: &Site) -> Vec<Row> {
    let Some(url) = url(site) else { return vec![at_rest(site)] };
    let mut rows = one("database", &url, site).await;
    if let Some(url) = &site.config.accounts_database_url {
        rows.extend(one("accounts-database", url, site).await);
    }
    rows.extend(commit(&url).await);
    rows
}

/// Where the chat store is; `None` if it is a private database that does not run.
pub fn url(site: &Site) -> Option<String> {
    site.config.database_url.clone().or_else(|| Embedded::attach(&site.data_dir))
}

fn at_rest(site: &Site) -> Row {
    match embedded::check_programs(&site.data_dir) {
        Ok(()) => Row::ok("database", "a private PostgreSQL, which runs with the server"),
        Err(sentence) => Row::todo(
            "database",
            sentence.lines().next().unwrap_or_default().to_owned(),
            "install PostgreSQL 14 or newer, or set DATABASE_URL",
        ),
    }
}

async fn one(check: &'static str, url: &str, site: &Site) -> Vec<Row> {
    let database = match Database::new(url) {
        Ok(database) => database,
        Err(sentence) => return vec![Row::todo(check, sentence, "change DATABASE_URL")],
    };
    let version = match version(&database).await {
        Ok(version) => version,
        Err(error) => {
            let found = format!("cannot be used: {}", cause(&error));
            return vec![Row::todo(
                check,
                found,
                "check DATABASE_URL, that PostgreSQL runs, and its pg_hba.conf",
            )];
        }
    };
    if version.number < OLDEST {
        let found = format!("PostgreSQL {} is too old", version.name);
        return vec![Row::todo(check, found, "update it to 14 or newer")];
    }
    if version.is_standby {
        let found = format!("PostgreSQL {} is a standby, which takes no changes", version.name);
        return vec![Row::todo(check, found, "point DATABASE_URL to the primary")];
    }
    vec![match database.check_durability().await {
        Ok(()) => {
            Row::ok(check, format!("PostgreSQL {}; it keeps what it acknowledges", version.name))
        }
        Err(sentence) if site.config.allow_weak_database => Row::todo(
            check,
            sentence.split(';').next().unwrap_or_default().to_owned(),
            "fine for a trial, as IMPULSE_ALLOW_WEAK_DATABASE says; not for messages that matter",
        ),
        Err(sentence) => match sentence.split_once("; ") {
            Some((found, advice)) => Row::todo(check, found, advice),
            None => Row::todo(check, sentence, "check the database"),
        },
    }]
}

struct Version {
    name: String,
    number: i32,
    is_standby: bool,
}

async fn version(database: &Database) -> Result<Version, Error> {
    let sql =
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int4,
                      pg_is_in_recovery()";
    let client = database.connect().await?;
    let row = client.query_one(sql, &[]).await.map_err(Error::internal)?;
    let name: String = row.get(0);
    let name = name.split(' ').next().unwrap_or_default().to_owned();
    Ok(Version { name, number: row.get(1), is_standby: row.get(2) })
}

/// A commit as every message has one. It changes a row that is there for this.
async fn commit(url: &str) -> Option<Row> {
    const CHECK: &str = "commit";
    let database = Database::new(url).ok()?;
    let client = database.connect().await.ok()?;
    let sql = "SELECT to_regclass('chat.write_probe') IS NOT NULL";
    if !client.query_one(sql, &[]).await.ok()?.get::<_, bool>(0) {
        return Some(Row::unknown(CHECK, "the tables are made at the first start"));
    }
    let mut times = Vec::new();
    for _ in 0..limits::FLUSHES {
        let began = Instant::now();
        if let Err(error) = database.try_write("chat.write_probe").await {
            let found = format!("nothing can be written: {}", cause(&error));
            return Some(Row::todo(
                CHECK,
                found,
                "free space where the database keeps its files, and read its log",
            ));
        }
        times.push(began.elapsed());
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let found = format!("takes {:.1} ms", median.as_secs_f64() * 1_000.0);
    Some(match median > limits::SLOW_FLUSH {
        true => Row::todo(
            CHECK,
            found,
            "every message waits for it: give the database a faster disk or network",
        ),
        false => Row::ok(CHECK, found),
    })
}

/// What the database or the system said. It never holds a password.
pub fn cause(error: &Error) -> String {
    let mut said = error.message().trim_end_matches('.').to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        source = cause.source();
    }
    said.chars().take(3 * limits::DETAIL).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
