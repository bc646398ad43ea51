//! Restores a backup into an empty database: all of it in one transaction of each database, or nothing.

use std::fs::{self, File};
use std::io::{BufReader, Seek as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::SinkExt as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_postgres::{Client, Transaction};

use super::format::{Header, TableHeader};
use super::reader::{Checked, Part, Reader};
use super::reconcile::{Reconciled, reconcile};
use super::save::{Progress, SCHEMAS, SESSION, last_number, said, sums};
use super::sent::SentFiles;
use crate::base::hex;
use crate::base::ids::Epoch;
use crate::base::limits::backup as limits;
use crate::base::random;
use crate::base::time::now_ms;
use crate::store::migrate;
use crate::store::pool::Database;
use crate::store::schema::Schema;
use crate::store::{accounts, chat, ownership};

/// Where a backup is restored.
#[derive(Clone)]
pub struct Target {
    /// The database of the chat store.
    pub chat: Database,
    /// That of the account store, if it is another one.
    pub accounts: Option<Database>,
    /// The folder that gets `tls/` and `files/`.
    pub data_dir: PathBuf,
}

/// What a restore has done.
#[derive(Debug, Default)]
pub struct Restored {
    /// The new epoch.
    pub epoch: Option<Epoch>,
    /// What was brought in line, if the stores were of two moments.
    pub reconciled: Option<Reconciled>,
    /// Whether files of the backup were left out because there were others.
    pub keeps_files: bool,
    /// How many files of messages the backup does not have.
    pub sent_missing: u64,
}

/// Restores a backup that was [checked](super::check). The schemas are as they were when it was made: opening the
/// stores brings them up to date.
///
/// # Errors
/// One sentence; then nothing is changed.
pub async fn restore(
    target: &Target,
    file: File,
    checked: &Checked,
    progress: Arc<Progress>,
) -> Result<Restored, String> {
    let known = known_migrations(&checked.header)?;
    let now = now_ms();
    if now < checked.header.made_at {
        return Err("the backup is from the future: set the clock of this machine first".to_owned());
    }
    let mut client = connect(&target.chat).await?;
    let chat = client.transaction().await.map_err(|error| said(&error))?;
    let mut other = match &target.accounts {
        Some(database) => Some(connect(database).await?),
        None => None,
    };
    let accounts = match &mut other {
        Some(other) => Some(other.transaction().await.map_err(|error| said(&error))?),
        None => None,
    };
    let accounts_or_chat = accounts.as_ref().unwrap_or(&chat);
    let (into, mut rows) = ([&chat, accounts_or_chat], vec![0; checked.header.tables.len()]);
    prepare(&into).await?;
    for ((transaction, schema), known) in into.iter().zip(SCHEMAS).zip(known) {
        migrate::make(transaction, schema.name, known).await?;
    }
    let mut sent = SentFiles::begin(&target.data_dir)?;
    let files = load(&into, file, &checked.header, &mut rows, &mut sent, &progress).await?;
    if rows != checked.end.rows {
        return Err("the database did not take all rows".to_owned());
    }
    compare(&into, checked).await?;
    let sent_missing = sent.compare(&chat).await?;
    let elapsed = now - checked.header.made_at;
    for (transaction, schema) in into.iter().zip(SCHEMAS) {
        raise_numbers(transaction, schema, elapsed, &checked.end.numbers).await?;
    }
    let reconciled = match checked.header.is_one_snapshot {
        true => None,
        false => Some(reconcile(&chat, accounts_or_chat, checked.header.made_at).await?),
    };
    let epoch = begin_epoch(&chat, accounts_or_chat, now).await?;
    let detail = json!({
        "made_at": checked.header.made_at, "version": checked.header.version, "hash": hex::encode(&checked.hash),
    });
    accounts::backup::record(accounts_or_chat, epoch, "server.restore", &detail).await?;
    let keeps_files = !write_files(&target.data_dir, &files)?;
    sent.settle(&chat).await?;
    commit(chat, accounts).await?;
    if target.accounts.is_some() {
        client.batch_execute(FINISHED).await.map_err(|error| said(&error))?;
    }
    Ok(Restored { epoch: Some(epoch), reconciled, keeps_files, sent_missing })
}

/// Of two databases one is committed first. Until the second one is, the first says so.
const UNFINISHED: &str = "CREATE TABLE chat.restore_unfinished ()";
const FINISHED: &str = "DROP TABLE IF EXISTS chat.restore_unfinished";

async fn commit(chat: Transaction<'_>, accounts: Option<Transaction<'_>>) -> Result<(), String> {
    if accounts.is_some() {
        chat.batch_execute(UNFINISHED).await.map_err(|error| said(&error))?;
    }
    chat.commit().await.map_err(|error| said(&error))?;
    match accounts {
        Some(accounts) => accounts.commit().await.map_err(|error| said(&error)),
        None => Ok(()),
    }
}

async fn connect(database: &Database) -> Result<Client, String> {
    let client = database.connect_or_say().await?;
    client.batch_execute(SESSION).await.map_err(|error| said(&error))?;
    Ok(client)
}

/// The migrations that the backup's schemas had, of each store.
fn known_migrations(header: &Header) -> Result<[&'static [migrate::Migration]; 2], String> {
    let of = |schema: &'static Schema| {
        let store = header.stores.iter().find(|store| store.name == schema.name);
        let store = store.ok_or_else(|| format!("the backup has no part {}", schema.name))?;
        let ours = schema.migrations.iter().map(|file| hex::encode(&migrate::digest(file)));
        let count = store.migrations.len();
        if count <= schema.migrations.len() && ours.take(count).eq(store.migrations.iter().cloned())
        {
            return Ok(schema.migrations.get(..count).unwrap_or_default());
        }
        Err(format!(
            "the backup was made by impulse {} with a database that this version ({}) does not know: restore it \
             with that version or a newer one",
            header.version,
            env!("CARGO_PKG_VERSION")
        ))
    };
    let [chat, accounts] = SCHEMAS;
    Ok([of(chat)?, of(accounts)?])
}

/// Nobody else uses the databases, and nothing is in them.
async fn prepare(into: &[&Transaction<'_>; 2]) -> Result<(), String> {
    let [chat, _] = into;
    let locked = "SELECT pg_try_advisory_xact_lock($1)";
    let is_ours: bool =
        chat.query_one(locked, &[&ownership::LOCK]).await.map_err(|error| said(&error))?.get(0);
    if !is_ours {
        return Err("a server runs on this database: stop it first".to_owned());
    }
    // Then the rooms are those of the restore that is repeated.
    let done = usize::from(is_unfinished(chat).await?);
    for (transaction, schema) in into.iter().zip(SCHEMAS).skip(done) {
        if is_used(transaction, schema).await? {
            return Err(format!(
                "the database is not empty (its schema {} has data). Restore into a new database or an empty data \
                 directory, or move the old one away first",
                schema.name
            ));
        }
    }
    Ok(())
}

/// Whether a restore into two databases was interrupted between them.
async fn is_unfinished(chat: &Transaction<'_>) -> Result<bool, String> {
    let sql = "SELECT to_regclass('chat.restore_unfinished') IS NOT NULL";
    Ok(chat.query_one(sql, &[]).await.map_err(|error| said(&error))?.get(0))
}

async fn is_used(store: &Transaction<'_>, schema: &Schema) -> Result<bool, String> {
    let exists =
        "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename <> 'migrations')";
    let exists: bool =
        store.query_one(exists, &[&schema.name]).await.map_err(|error| said(&error))?.get(0);
    if !exists {
        return Ok(false);
    }
    // A schema that is not ours is used by somebody else.
    let point = store.batch_execute("SAVEPOINT look").await;
    point.map_err(|error| said(&error))?;
    let used = store.query_one(schema.is_used, &[]).await.map_or(true, |row| row.get(0));
    let back = store.batch_execute("ROLLBACK TO SAVEPOINT look").await;
    back.map_err(|error| said(&error))?;
    Ok(used)
}

/// Copies the rows in; the files that came with them.
async fn load(
    into: &[&Transaction<'_>; 2],
    file: File,
    header: &Header,
    rows: &mut [u64],
    sent: &mut SentFiles,
    progress: &Progress,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut parts = parts_of(file)?;
    let mut files = Vec::new();
    let mut next = parts.recv().await;
    while let Some(part) = next.take() {
        match part? {
            Part::End(_) => return Ok(files),
            Part::Sent(id, form, piece) => {
                progress.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                sent.write(id, form, piece).await?;
                next = parts.recv().await;
            }
            Part::File(path, content) => {
                files.push((path, content));
                next = parts.recv().await;
            }
            Part::Rows(index, first) => {
                let table = header.tables.get(index).ok_or("the backup has an unknown table")?;
                let transaction = match table.store == chat::backup::SCHEMA.name {
                    true => into[0],
                    false => into[1],
                };
                let (copied, after) =
                    copy_in(transaction, table, index, first, &mut parts, progress).await?;
                if let Some(rows) = rows.get_mut(index) {
                    *rows = copied;
                }
                next = after;
            }
        }
    }
    Err("the thread that reads ended".to_owned())
}

type NextPart = Option<Result<Part, String>>;

/// Copies the pieces of one table; its rows, and the part that follows.
async fn copy_in(
    transaction: &Transaction<'_>,
    table: &TableHeader,
    index: usize,
    first: Vec<u8>,
    parts: &mut mpsc::Receiver<Result<Part, String>>,
    progress: &Progress,
) -> Result<(u64, NextPart), String> {
    let TableHeader { store, name, columns } = table;
    let fail = |error: tokio_postgres::Error| {
        format!("cannot restore the table {store}.{name}: {}", said(&error))
    };
    let sql = format!("COPY {store}.{name} ({}) FROM STDIN", columns.join(", "));
    let sink = transaction.copy_in::<_, Bytes>(&sql).await.map_err(fail)?;
    let mut sink = pin!(sink);
    let mut piece = first;
    loop {
        progress.add(&piece);
        sink.send(Bytes::from(piece)).await.map_err(fail)?;
        match parts.recv().await {
            Some(Ok(Part::Rows(of, more))) if of == index => piece = more,
            next => return Ok((sink.finish().await.map_err(fail)?, next)),
        }
    }
}

/// Reads the file once more, on a thread of its own.
fn parts_of(mut file: File) -> Result<mpsc::Receiver<Result<Part, String>>, String> {
    let (found, parts) = mpsc::channel(limits::QUEUE);
    file.rewind().map_err(|error| format!("the backup cannot be read: {error}"))?;
    let read = move || {
        let mut reader = match Reader::begin(BufReader::new(file)) {
            Ok(reader) => reader,
            Err(error) => return drop(found.blocking_send(Err(error))),
        };
        loop {
            let part = reader.next_part();
            let is_last = matches!(part, Ok(Part::End(_)) | Err(_));
            if found.blocking_send(part).is_err() || is_last {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("restore".to_owned()).spawn(read);
    thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(parts)
}

/// What was restored must be what was backed up, as far as this version has the same checks. The others are not made:
/// an older backup may not have the tables that they look at.
async fn compare(into: &[&Transaction<'_>; 2], checked: &Checked) -> Result<(), String> {
    let wanted = &checked.end.checks;
    for (transaction, schema) in into.iter().zip(SCHEMAS) {
        let same =
            schema.checks.iter().filter(|check| wanted.iter().any(|sum| sum.name == check.name));
        for sum in sums(transaction, same).await? {
            if !wanted.contains(&sum) {
                return Err(format!("what was restored differs from the backup: {}", sum.name));
            }
        }
    }
    Ok(())
}

/// Goes on with numbers that were never given, also not between the backup and now: nothing gives one each
/// millisecond. So a second restore of the same backup is beyond the first, too.
async fn raise_numbers(
    transaction: &Transaction<'_>,
    schema: &Schema,
    elapsed: i64,
    given: &std::collections::BTreeMap<String, i64>,
) -> Result<(), String> {
    for table in schema.numbered {
        let before = given.get(&format!("{}.{table}", schema.name)).copied().unwrap_or_default();
        let last = last_number(transaction, schema.name, table).await?.max(before);
        let next = last.saturating_add(elapsed).saturating_add(limits::NUMBERS);
        let sql =
            format!("ALTER TABLE {}.{table} ALTER COLUMN id RESTART WITH {next}", schema.name);
        transaction.batch_execute(&sql).await.map_err(|error| said(&error))?;
    }
    Ok(())
}

async fn begin_epoch(
    chat: &Transaction<'_>,
    accounts: &Transaction<'_>,
    now: i64,
) -> Result<Epoch, String> {
    let epoch =
        random::bytes::<16>().map_err(|error| format!("the system has no randomness: {error}"))?;
    chat::backup::begin_epoch(chat, Epoch(epoch), now).await?;
    let since = "UPDATE accounts.instance SET numbers_since = $1";
    accounts.execute(since, &[&now]).await.map_err(|error| said(&error))?;
    accounts::backup::close_directory(accounts).await?;
    Ok(Epoch(epoch))
}

/// `serve --restored`: the databases were set back by other means, to nobody knows when. A new epoch begins, and the
/// numbers go on beyond all that may have been given since the last one.
///
/// # Errors
/// One sentence; it may be repeated.
pub async fn renew(chat: &Database, accounts: &Database) -> Result<Epoch, String> {
    let (mut one, mut two) = (connect(chat).await?, connect(accounts).await?);
    let accounts = two.transaction().await.map_err(|error| said(&error))?;
    let chat = one.transaction().await.map_err(|error| said(&error))?;
    let now = now_ms();
    let none = std::collections::BTreeMap::new();
    for (transaction, schema, since) in [
        (&chat, SCHEMAS[0], "SELECT began_at FROM chat.instance"),
        (&accounts, SCHEMAS[1], "SELECT numbers_since FROM accounts.instance"),
    ] {
        let since = transaction.query_opt(since, &[]).await.map_err(|error| said(&error))?;
        let since = since.map_or(now, |row| row.get(0));
        if now < since {
            return Err(
                "the clock of this machine is behind that of the last server: set it first"
                    .to_owned(),
            );
        }
        raise_numbers(transaction, schema, now - since, &none).await?;
    }
    let epoch = begin_epoch(&chat, &accounts, now).await?;
    accounts::backup::record(&accounts, epoch, "server.restored", &json!({})).await?;
    // If only the first is committed, the numbers have jumped for nothing, and the next start does all of it.
    accounts.commit().await.map_err(|error| said(&error))?;
    chat.commit().await.map_err(|error| said(&error))?;
    Ok(epoch)
}

/// Refuses databases of which only the first was restored; clears the note about one that was completed.
///
/// # Errors
/// One sentence.
pub async fn finish_interrupted(chat: &Database, accounts: &Database) -> Result<(), String> {
    let (mut one, mut two) = (connect(chat).await?, connect(accounts).await?);
    let chat = one.transaction().await.map_err(|error| said(&error))?;
    if !is_unfinished(&chat).await? {
        return Ok(());
    }
    let accounts = two.transaction().await.map_err(|error| said(&error))?;
    if !is_used(&accounts, &accounts::backup::SCHEMA).await? {
        return Err(
            "a restore was interrupted after the first of two databases: restore the backup again"
                .to_owned(),
        );
    }
    chat.batch_execute(FINISHED).await.map_err(|error| said(&error))?;
    chat.commit().await.map_err(|error| said(&error))
}

/// Writes the files of the data directory, unless there are some: those may be newer. Whether they were written.
fn write_files(data_dir: &Path, files: &[(String, Vec<u8>)]) -> Result<bool, String> {
    let folder = data_dir.join("tls");
    let is_empty = fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    if files.is_empty() || !is_empty {
        return Ok(files.is_empty());
    }
    let cannot = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
    fs::create_dir_all(data_dir).map_err(cannot)?;
    let draft = data_dir.join("tls.part");
    let _ = fs::remove_dir_all(&draft);
    let owner = fs::metadata(data_dir).map_err(cannot)?;
    // Whoever runs the server must read them, also if root restores.
    let own = |path: &Path| match owner.uid() == nix::unistd::geteuid().as_raw() {
        true => Ok(()),
        false => chown(path, Some(owner.uid()), Some(owner.gid())),
    };
    let make = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    make(&draft).and_then(|()| own(&draft)).map_err(cannot)?;
    for (path, content) in files {
        let path = draft.join(path.trim_start_matches("tls/"));
        if let Some(parent) = path.parent() {
            make(parent).and_then(|()| own(parent)).map_err(cannot)?;
        }
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o600).open(&path).map_err(cannot)?;
        std::io::Write::write_all(&mut file, content)
            .and_then(|()| file.sync_all())
            .map_err(cannot)?;
        own(&path).map_err(cannot)?;
    }
    if folder.exists() {
        fs::remove_dir(&folder).map_err(cannot)?;
    }
    fs::rename(&draft, &folder).map_err(cannot)?;
    Ok(true)
}
