//! Makes a backup: from one snapshot of each database, through a bounded queue, into a file.

use std::collections::HashSet;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{IsolationLevel, Transaction};

use super::format::{End, HASH, Header, StoreHeader, Sum, TableHeader, count_rows, is_path};
use super::writer::Writer;
use crate::base::hex;
use crate::base::ids::{Epoch, FileId};
use crate::base::limits::backup as limits;
use crate::base::runtime;
use crate::base::time::now_ms;
use crate::files::{BucketReader, FileStore, KeptBytes, Refusal, Rendition};
use crate::store::chat::files::mark_of_files;
use crate::store::pool::Database;
use crate::store::schema::{Check, Schema};
use crate::store::{accounts, chat};

/// What is backed up.
#[derive(Clone)]
pub struct Source {
    /// The database of the chat store.
    pub chat: Database,
    /// That of the account store, if it is another one.
    pub accounts: Option<Database>,
    /// The folder with `tls/` and `files/`, if there is one.
    pub data_dir: Option<PathBuf>,
    /// Where the files are that people have sent, if they are backed up.
    pub files: Option<FileStore>,
}

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it goes.
    Full,
    /// Beside the work of a server: on a thread of low priority that rests most of the time. The database waits for it,
    /// and so rests, too.
    Gentle,
}

/// How far it is, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    /// Rows read.
    pub rows: AtomicU64,
    /// Their bytes before they are compressed.
    pub bytes: AtomicU64,
}

impl Progress {
    /// Counts a piece.
    pub fn add(&self, copied: &[u8]) {
        self.rows.fetch_add(count_rows(copied), Ordering::Relaxed);
        self.bytes.fetch_add(copied.len() as u64, Ordering::Relaxed);
    }
}

/// A backup that was made.
#[derive(Debug)]
pub struct Saved {
    /// What it says about itself.
    pub header: Header,
    /// Rows of each table.
    pub rows: Vec<u64>,
    /// Its size.
    pub bytes: u64,
    /// The hash that covers it.
    pub hash: [u8; HASH],
    /// Files that people have sent.
    pub sent: u64,
    /// Those of them that were erased meanwhile, or are missing on the disk.
    pub sent_missing: u64,
    /// Those of the missing ones that were not erased.
    pub sent_lost: u64,
}

/// What the thread that writes is sent.
enum Piece {
    Rows(u16, Bytes),
    File(String, Vec<u8>),
    Sent(FileId, u8, Vec<u8>),
    End(End),
}

/// Both stores, in the order in which they are read.
pub(super) const SCHEMAS: [&Schema; 2] = [&chat::backup::SCHEMA, &accounts::backup::SCHEMA];

/// How values are written, whatever the server's defaults are, and that a long transaction may last.
pub(super) const SESSION: &str = "
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET lock_timeout = 0;
SET bytea_output = 'hex';
SET datestyle = 'ISO';
SET extra_float_digits = 1;
SET application_name = 'impulse backup'";

/// Writes a backup to `to`, and returns that.
///
/// # Errors
/// One sentence.
pub async fn save<W: Write + Send + 'static>(
    source: &Source,
    to: W,
    pace: Pace,
    progress: Arc<Progress>,
) -> Result<(W, Saved), String> {
    let made_at = now_ms();
    let mut client = source.chat.connect_or_say().await?;
    client.batch_execute(SESSION).await.map_err(|error| said(&error))?;
    let chat = snapshot(&mut client).await?;
    let mut other = match &source.accounts {
        Some(database) => Some(database.connect_or_say().await?),
        None => None,
    };
    if let Some(other) = &other {
        other.batch_execute(SESSION).await.map_err(|error| said(&error))?;
    }
    let header = Header {
        made_at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: epoch(&chat).await?,
        is_one_snapshot: other.is_none(),
        stores: SCHEMAS.iter().map(|schema| store_header(schema)).collect(),
        tables: SCHEMAS.iter().flat_map(|schema| table_headers(schema)).collect(),
    };
    let (pieces, writing) = start_writing(to, header.clone(), pace, progress)?;
    let reading = Reading { pieces, end: End::default(), next_table: 0 };
    let read = reading.all(source, chat, other.as_mut()).await;
    let written = writing.await.map_err(|_| "the thread that writes ended".to_owned())?;
    let (sent, sent_missing, sent_lost) = read.as_ref().copied().unwrap_or_default();
    // If the file failed, the database was only not read on.
    let (to, bytes, hash, rows) = match (written, read) {
        (Err(WriteFailure::Unfinished), Err(read)) => return Err(read),
        (Err(WriteFailure::Io(error)), _) => return Err(full_or(&error)),
        (Err(WriteFailure::Unfinished), Ok(_)) => return Err("the writer ended".to_owned()),
        (Ok(written), _) => written,
    };
    Ok((to, Saved { header, rows, bytes, hash, sent, sent_missing, sent_lost }))
}

/// Starts the thread that writes what comes through the queue; what it says in the end.
fn start_writing<W: Write + Send + 'static>(
    to: W,
    header: Header,
    pace: Pace,
    progress: Arc<Progress>,
) -> Result<(mpsc::Sender<Piece>, oneshot::Receiver<Outcome<W>>), String> {
    let (pieces, queue) = mpsc::channel(limits::QUEUE);
    let (written, writing) = oneshot::channel();
    let thread = std::thread::Builder::new().name("backup".to_owned()).spawn(move || {
        if pace == Pace::Gentle {
            runtime::in_background();
        }
        let _ = written.send(write(to, &header, queue, pace, &progress));
    });
    thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok((pieces, writing))
}

/// What is the matter with the file, and what to do if it is full.
fn full_or(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => format!(
            "cannot write the backup: {error}. Free some space, or choose another folder; what was written is removed"
        ),
        _ => format!("cannot write the backup: {error}"),
    }
}

async fn snapshot(client: &mut tokio_postgres::Client) -> Result<Transaction<'_>, String> {
    let snapshot = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start();
    snapshot.await.map_err(|error| said(&error))
}

async fn epoch(chat: &Transaction<'_>) -> Result<String, String> {
    let row = chat.query_opt("SELECT epoch FROM chat.instance", &[]).await;
    let row = row.map_err(|error| match error.code() {
        Some(&tokio_postgres::error::SqlState::UNDEFINED_TABLE) => other_version(),
        _ => said(&error),
    })?;
    let epoch = row.and_then(|row| row.get::<_, Vec<u8>>(0).try_into().ok());
    Ok(epoch.map_or_else(String::new, |epoch| Epoch(epoch).to_string()))
}

fn other_version() -> String {
    "the database is not as this version of impulse makes it: use the version whose server runs on it, or start \
     this one once"
        .to_owned()
}

fn store_header(schema: &Schema) -> StoreHeader {
    let digest = |sql: &str| hex::encode(&Sha256::digest(sql));
    let migrations = schema.migrations.iter().map(|file| digest(file.sql)).collect();
    StoreHeader { name: schema.name.to_owned(), migrations }
}

fn table_headers(schema: &Schema) -> impl Iterator<Item = TableHeader> {
    schema.tables.iter().map(|table| TableHeader {
        store: schema.name.to_owned(),
        name: table.name.to_owned(),
        columns: table.columns.split(',').map(|column| column.trim().to_owned()).collect(),
    })
}

/// The side that reads the databases.
struct Reading {
    pieces: mpsc::Sender<Piece>,
    end: End,
    next_table: u16,
}

impl Reading {
    /// Everything, from snapshots of the databases, of which the second one may be another; how many files that people have
    /// sent, how many of them are missing, and how many of those were not erased.
    async fn all(
        mut self,
        source: &Source,
        chat: Transaction<'_>,
        other: Option<&mut tokio_postgres::Client>,
    ) -> Result<(u64, u64, u64), String> {
        self.store(&chat, &chat::backup::SCHEMA).await?;
        match other {
            None => self.store(&chat, &accounts::backup::SCHEMA).await?,
            Some(other) => self.store(&snapshot(other).await?, &accounts::backup::SCHEMA).await?,
        }
        self.files(source.data_dir.as_deref()).await?;
        let sent = sent_files(&chat).await?;
        if let Some(files) = source.files.as_ref().filter(|_| !sent.is_empty()) {
            require_folder(&chat, files).await?;
        }
        // Copying may take long, and a snapshot that lasts keeps the database from tidying up.
        chat.rollback().await.map_err(|error| said(&error))?;
        if let Some(files) = &source.files {
            self.sent(sent, files, &source.chat).await?;
        }
        let end = std::mem::take(&mut self.end);
        let counts = (end.sent, end.sent_missing, end.sent_lost);
        self.send(Piece::End(end)).await?;
        Ok(counts)
    }

    async fn send(&self, piece: Piece) -> Result<(), String> {
        // The writer has ended: its error is the one that counts.
        self.pieces.send(piece).await.map_err(|_| "the file cannot be written".to_owned())
    }

    /// All tables of a store, the numbers it has given, and its sums.
    async fn store(&mut self, from: &Transaction<'_>, schema: &Schema) -> Result<(), String> {
        check_migrations(from, schema).await?;
        for table in schema.tables {
            let sql = format!("COPY {}.{} ({}) TO STDOUT", schema.name, table.name, table.columns);
            self.table(from, &sql).await?;
            self.next_table += 1;
        }
        for table in schema.numbered {
            let last = last_number(from, schema.name, table).await?;
            self.end.numbers.insert(format!("{}.{table}", schema.name), last);
        }
        self.end.checks.extend(sums(from, schema.checks).await?);
        Ok(())
    }

    async fn table(&self, from: &Transaction<'_>, sql: &str) -> Result<(), String> {
        let copied = from.copy_out(sql).await.map_err(|error| said(&error))?;
        let mut copied = pin!(copied);
        let mut chunk = BytesMut::with_capacity(limits::CHUNK);
        while let Some(row) = copied.next().await {
            let row = row.map_err(|error| said(&error))?;
            let mut row = row.as_ref();
            // A long row is cut: the pieces of a table are put together again.
            while chunk.len() + row.len() >= limits::CHUNK {
                let (now, later) = row.split_at(limits::CHUNK - chunk.len());
                chunk.extend_from_slice(now);
                row = later;
                self.send(Piece::Rows(self.next_table, chunk.split().freeze())).await?;
            }
            chunk.extend_from_slice(row);
        }
        if chunk.is_empty() {
            return Ok(());
        }
        self.send(Piece::Rows(self.next_table, chunk.freeze())).await
    }

    /// The files of `tls/`, which a move must take along.
    async fn files(&self, data_dir: Option<&Path>) -> Result<(), String> {
        let Some(data_dir) = data_dir else { return Ok(()) };
        for (path, content) in files(data_dir)? {
            self.send(Piece::File(path, content)).await?;
        }
        Ok(())
    }
}

/// Makes sure that the folder with the files of this database is there. What is in a bucket needs none.
async fn require_folder(chat: &Transaction<'_>, files: &FileStore) -> Result<(), String> {
    let mark = mark_of_files(chat).await.map_err(|error| said(&error))?;
    match mark.filter(|mark| files.bucket().is_none() && !files.is_marked(*mark)) {
        Some(mark) => Err(files.absence(mark)),
        None => Ok(()),
    }
}

/// The files that people have sent, as a snapshot of the chat store names them.
async fn sent_files(chat: &Transaction<'_>) -> Result<Vec<FileId>, String> {
    let sql = "SELECT id FROM chat.files WHERE state IN ('complete', 'used') ORDER BY id";
    let rows =
        chat.query_raw(sql, std::iter::empty::<i32>()).await.map_err(|error| said(&error))?;
    let (mut rows, mut ids) = (pin!(rows), Vec::new());
    while let Some(row) = rows.next().await {
        let id: Result<[u8; 16], _> =
            row.map_err(|error| said(&error))?.get::<_, &[u8]>(0).try_into();
        ids.extend(id.map(FileId));
    }
    Ok(ids)
}

impl Reading {
    /// The bytes of these files. One that is erased meanwhile is left out, and counted; so is one that is lost.
    async fn sent(
        &mut self,
        ids: Vec<FileId>,
        disk: &FileStore,
        database: &Database,
    ) -> Result<(), String> {
        let mut missing = Vec::new();
        for id in ids {
            match self.copy_sent(id, disk).await? {
                true => self.end.sent += 1,
                false => {
                    tracing::warn!(file = %id, "a file is not in its folder; it is not in the backup");
                    missing.push(id);
                }
            }
        }
        self.end.sent_missing = missing.len() as u64;
        if !missing.is_empty() {
            let mut client = database.connect_or_say().await?;
            let chat = snapshot(&mut client).await?;
            // The folder may have gone away meanwhile.
            require_folder(&chat, disk).await?;
            let missing = missing.iter().collect::<HashSet<_>>();
            let still = sent_files(&chat).await?;
            self.end.sent_lost = still.iter().filter(|id| missing.contains(id)).count() as u64;
        }
        Ok(())
    }

    /// All forms of a file; whether it is there.
    async fn copy_sent(&self, id: FileId, files: &FileStore) -> Result<bool, String> {
        for (form, rendition) in (0..).zip(Rendition::ALL) {
            let cannot = |cause: String| format!("cannot read the file {id}: {cause}");
            let (kept, size) = match files.find(id, rendition).await {
                Ok(found) => found,
                Err(Refusal::NotFound) if rendition == Rendition::Original => return Ok(false),
                Err(Refusal::NotFound) => continue,
                Err(refusal) => return Err(cannot(refusal.cause())),
            };
            let pieces = self.pieces.clone();
            match kept.bytes(0..size) {
                KeptBytes::Here(file, _) => {
                    let take =
                        move |piece| pieces.blocking_send(Piece::Sent(id, form, piece)).is_ok();
                    let copying = tokio::task::spawn_blocking(move || copy(file, take));
                    let copied = copying.await.map_err(|error| error.to_string())?;
                    copied.map_err(|error| cannot(error.to_string()))?;
                }
                KeptBytes::There(reader) => {
                    let copied = self.copy_from_bucket(id, form, reader).await;
                    copied.map_err(|error| cannot(error.to_string()))?;
                }
            }
        }
        Ok(true)
    }

    async fn copy_from_bucket(
        &self,
        id: FileId,
        form: u8,
        mut reader: BucketReader,
    ) -> std::io::Result<()> {
        let mut is_first = true;
        loop {
            let piece = reader.next().await?;
            if piece.is_none() && !is_first {
                return Ok(());
            }
            let piece = piece.unwrap_or_default().to_vec();
            let is_last = piece.is_empty();
            let taken = self.pieces.send(Piece::Sent(id, form, piece)).await;
            if taken.is_err() || is_last {
                return Ok(());
            }
            is_first = false;
        }
    }
}

/// Reads a file in pieces, at least one, as long as they are taken.
fn copy(mut file: std::fs::File, mut take: impl FnMut(Vec<u8>) -> bool) -> std::io::Result<()> {
    let mut is_first = true;
    loop {
        let mut piece = Vec::new();
        std::io::Read::by_ref(&mut file).take(limits::CHUNK as u64).read_to_end(&mut piece)?;
        let is_last = piece.len() < limits::CHUNK;
        if (!piece.is_empty() || is_first) && !take(piece) || is_last {
            return Ok(());
        }
        is_first = false;
    }
}

/// Migrations that are not this program's would make another schema than the one that is named.
async fn check_migrations(from: &Transaction<'_>, schema: &Schema) -> Result<(), String> {
    let sql =
        format!("SELECT encode(sha256, 'hex') FROM {}.migrations ORDER BY number", schema.name);
    let rows = from.query(&sql, &[]).await.map_err(|error| match error.code() {
        Some(&tokio_postgres::error::SqlState::UNDEFINED_TABLE) => other_version(),
        _ => said(&error),
    })?;
    let applied: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if applied == store_header(schema).migrations { Ok(()) } else { Err(other_version()) }
}

/// The last number a table was given, committed or not.
pub(super) async fn last_number(
    from: &Transaction<'_>,
    schema: &str,
    table: &str,
) -> Result<i64, String> {
    let sql = format!(
        "SELECT greatest(
             (SELECT max(id) FROM {schema}.{table}),
             (SELECT last_value FROM pg_sequences
              WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence('{schema}.{table}', 'id')),
             0)"
    );
    Ok(from.query_one(&sql, &[]).await.map_err(|error| said(&error))?.get(0))
}

/// What these checks of a store find.
pub(super) async fn sums(
    from: &Transaction<'_>,
    checks: impl IntoIterator<Item = &Check>,
) -> Result<Vec<Sum>, String> {
    let mut sums = Vec::new();
    for check in checks {
        let copied = from.copy_out(&format!("COPY ({}) TO STDOUT", check.sql)).await;
        let mut copied = pin!(copied.map_err(|error| said(&error))?);
        let (mut rows, mut hash) = (0, Sha256::new());
        while let Some(row) = copied.next().await {
            let row = row.map_err(|error| said(&error))?;
            rows += count_rows(&row);
            hash.update(&row);
        }
        sums.push(Sum { name: check.name.to_owned(), rows, sha256: hex::encode(&hash.finalize()) });
    }
    Ok(sums)
}

/// Regular files below `tls/`, three folders deep, by name.
fn files(data_dir: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let (mut found, mut folders) = (Vec::new(), vec!["tls".to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(data_dir.join(&folder)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| cannot_read(&data_dir.join(&folder), &error))?,
        };
        for entry in entries.flatten() {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && is_path(&path) {
                let content = std::fs::read(entry.path());
                let content = content.map_err(|error| cannot_read(&entry.path(), &error))?;
                if content.len() > limits::CHUNK || found.len() == limits::FILES {
                    return Err(format!(
                        "{} is too large for a backup: move it elsewhere",
                        entry.path().display()
                    ));
                }
                found.push((path, content));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}, which belongs into the backup: {error}", path.display())
}

enum WriteFailure {
    Io(std::io::Error),
    /// No end was sent.
    Unfinished,
}

impl From<std::io::Error> for WriteFailure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

type Written<W> = (W, u64, [u8; HASH], Vec<u64>);
type Outcome<W> = Result<Written<W>, WriteFailure>;

/// Writes what comes, on a thread of its own.
fn write<W: Write>(
    to: W,
    header: &Header,
    mut queue: mpsc::Receiver<Piece>,
    pace: Pace,
    progress: &Progress,
) -> Outcome<W> {
    let mut writer = Writer::begin(to, header)?;
    while let Some(piece) = queue.blocking_recv() {
        let begun = Instant::now();
        match piece {
            Piece::Rows(table, copied) => {
                writer.rows(table, &copied)?;
                progress.add(&copied);
            }
            Piece::File(path, content) => writer.file(&path, &content)?,
            Piece::Sent(id, form, piece) => {
                writer.sent(id, form, &piece)?;
                progress.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
            Piece::End(end) => return Ok(writer.finish(end)?),
        }
        if pace == Pace::Gentle {
            std::thread::sleep(begun.elapsed() * limits::REST);
        }
    }
    Err(WriteFailure::Unfinished)
}

/// What the database said, as the end of a sentence.
pub(super) fn said(error: &tokio_postgres::Error) -> String {
    let detail = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
    format!("the database did not do it: {detail}")
}
