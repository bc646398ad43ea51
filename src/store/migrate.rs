//! Migrations: numbered files, forward only, each applied once in its own transaction, under a lock.
//!
//! The files are embedded in the program. What was applied is remembered with its SHA-256; a file
//! that changed afterwards, or one that this program does not know, stops the start: better no
//! server than one on a schema nobody wrote down.

use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Transaction};

use super::pool::Database;

/// One file of `sql/<schema>/`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number: 1, 2, 3 …
    pub number: i32,
    /// What it does.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

/// Names and texts of files in the order of their numbers, which begin at 1.
pub const fn numbered<const N: usize>(files: [(&'static str, &'static str); N]) -> [Migration; N] {
    let mut migrations = [Migration { number: 0, name: "", sql: "" }; N];
    let mut index = 0;
    while index < N {
        let (name, sql) = files[index];
        migrations[index] = Migration { number: index as i32 + 1, name, sql };
        index += 1;
    }
    migrations
}

/// What tells a file from every other.
pub fn digest(file: &Migration) -> [u8; 32] {
    Sha256::digest(file.sql).into()
}

/// Both servers of a cluster may start at once; the second waits here. Any constant does.
const LOCK: i64 = 0x0069_6d70_756c_7365;

/// Brings `schema` up to date.
///
/// # Errors
/// One sentence: what could not be reached, which file changed, or what PostgreSQL refused.
pub async fn run(database: &Database, schema: &str, files: &[Migration]) -> Result<(), String> {
    let client = database.connect().await.map_err(|error| {
        use std::error::Error as _;
        format!(
            "cannot reach the database: {}",
            error.source().map_or("no answer".into(), |e| e.to_string())
        )
    })?;
    let failed = |error: tokio_postgres::Error| {
        let detail = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
        format!("cannot prepare the schema {schema}: {detail}")
    };
    // In another encoding some characters could not be stored, and one of them would fail a commit
    // that many rooms share.
    let row = client.query_one("SHOW server_encoding", &[]).await.map_err(failed)?;
    let encoding: &str = row.get(0);
    if encoding != "UTF8" {
        return Err(format!(
            "the database has the encoding {encoding}; create it with the encoding UTF8"
        ));
    }
    // Migrations may take longer than a chat command may.
    client.batch_execute("SET statement_timeout = 0").await.map_err(failed)?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed)?;
    let result = apply(&client, schema, files).await;
    // The lock ends with the connection in any case.
    let _ = client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
    result
}

/// Makes a new schema by these files, within a transaction of the caller: as a database was when they were all.
///
/// # Errors
/// One sentence.
pub async fn make(
    transaction: &Transaction<'_>,
    schema: &str,
    files: &[Migration],
) -> Result<(), String> {
    let failed = |error: tokio_postgres::Error| {
        let detail = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
        format!("cannot make the schema {schema}: {detail}")
    };
    let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; {}", preparation(schema));
    transaction.batch_execute(&drop).await.map_err(failed)?;
    let insert =
        format!("INSERT INTO {schema}.migrations (number, name, sha256) VALUES ($1, $2, $3)");
    for file in files {
        transaction.batch_execute(file.sql).await.map_err(failed)?;
        let digest = Sha256::digest(file.sql).to_vec();
        transaction.execute(&insert, &[&file.number, &file.name, &digest]).await.map_err(failed)?;
    }
    Ok(())
}

fn preparation(schema: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS {schema}.migrations (
             number integer PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL,
             applied_at timestamptz NOT NULL DEFAULT now())"
    )
}

async fn apply(client: &Client, schema: &str, files: &[Migration]) -> Result<(), String> {
    let failed = |what: &str, error: tokio_postgres::Error| {
        let detail = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
        format!("{what}: {detail}")
    };
    client
        .batch_execute(&preparation(schema))
        .await
        .map_err(|error| failed(&format!("cannot prepare the schema {schema}"), error))?;
    let applied = client
        .query(
            &format!("SELECT number, name, sha256 FROM {schema}.migrations ORDER BY number"),
            &[],
        )
        .await
        .map_err(|error| failed("cannot read the migrations", error))?;
    for row in &applied {
        let (number, name, digest): (i32, &str, &[u8]) = (row.get(0), row.get(1), row.get(2));
        match files.iter().find(|file| file.number == number) {
            None => {
                return Err(format!(
                    "the database has migration {schema}/{number:04}_{name}, which this version of \
                     impulse does not know; start the newer version, or restore a backup"
                ));
            }
            Some(file) if Sha256::digest(file.sql).as_slice() != digest => {
                return Err(format!(
                    "migration {schema}/{number:04}_{name} was changed after it had been applied; \
                     use the original file and put the change into a new one"
                ));
            }
            Some(_) => {}
        }
    }
    let done = |number| applied.iter().any(|row| row.get::<_, i32>(0) == number);
    for file in files.iter().filter(|file| !done(file.number)) {
        let label = format!("{schema}/{:04}_{}", file.number, file.name);
        tracing::info!("migration {label}");
        let script = format!("BEGIN; {}\n;", file.sql);
        let digest = Sha256::digest(file.sql).to_vec();
        client.batch_execute(&script).await.map_err(|error| failed(&label, error))?;
        client
            .execute(
                &format!(
                    "INSERT INTO {schema}.migrations (number, name, sha256) VALUES ($1, $2, $3)"
                ),
                &[&file.number, &file.name, &digest],
            )
            .await
            .map_err(|error| failed(&label, error))?;
        client.batch_execute("COMMIT").await.map_err(|error| failed(&label, error))?;
    }
    Ok(())
}
