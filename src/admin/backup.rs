//! `impulse admin backup` and `impulse admin restore`.
//!
//! They work with the databases directly: a backup does not need a server, and one that runs does not notice it.

use std::fs::File;
use std::io::{BufReader, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::base::hex;
use crate::base::limits::admin as limits;
use crate::base::shutdown::StopSignals;
use crate::base::temporary::TemporaryFolder;
use crate::config::Config;
use crate::files::FileStore;
use crate::store::accounts::{AccountStore, AuditCheck};
use crate::store::backup::{
    self, BackupFile, Checked, Header, Pace, Part, Progress, Restored, Saved, Source, Target,
};
use crate::store::chat::ChatStore;
use crate::store::embedded::{self, Embedded};
use crate::store::pool::Database;

/// Makes a backup. What is printed about it; nothing if the backup itself goes to stdout.
///
/// # Errors
/// One sentence.
pub(super) async fn save(config: &Config, file: &Path) -> Result<Option<Value>, String> {
    let is_stdout = file == Path::new("-");
    // Before the database is touched: a place that cannot be written is the likeliest mistake.
    let to: Box<dyn Output> = match is_stdout {
        true => Box::new(std::io::stdout()),
        false => Box::new(BackupFile::create(file)?),
    };
    let data_dir = data_dir(config);
    let databases = Databases::open(config, || attach(&data_dir)).await?;
    let (chat, accounts) = databases.both()?;
    let files = FileStore::open(data_dir.join("files"), &config.files)?;
    let source = Source { chat, accounts, data_dir: Some(data_dir), files: Some(files) };
    let progress = Arc::new(Progress::default());
    let watch = Watch::start("backed up", progress.clone(), None);
    let saved = backup::save(&source, to, Pace::Full, progress).await;
    watch.end();
    databases.close().await;
    let (to, saved) = saved?;
    to.complete()?;
    if saved.sent_lost > 0 {
        let shown = file.display();
        return Err(format!("the backup {shown} is made, but {}", lost(saved.sent_lost)));
    }
    Ok((!is_stdout).then(|| description(file, &saved)))
}

/// Restores a backup into an empty database or data directory.
///
/// # Errors
/// One sentence; then nothing was changed.
pub(super) async fn restore(config: &Config, path: &Path) -> Result<Value, String> {
    let (file, checked) = check(path)?;
    let data_dir = data_dir(config);
    let databases = Databases::open(config, || {
        if Embedded::attach(&data_dir).is_some() {
            let folder = data_dir.display();
            return Err(format!("a server runs with the data directory {folder}: stop it first"));
        }
        start(&data_dir)
    })
    .await?;
    let restored = restore_into(&databases, &data_dir, file, &checked).await;
    databases.close().await;
    let (restored, _) = restored?;
    Ok(outcome(&checked, &restored))
}

/// Restores a backup into a private database that is removed again, and verifies what only a database shows.
///
/// # Errors
/// One sentence.
pub(super) async fn verify(path: &Path) -> Result<Value, String> {
    let (file, checked) = check(path)?;
    let folder = TemporaryFolder::new("verify")?;
    let mut signals =
        StopSignals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let databases = Databases::private(|| start(folder.path())).await?;
    let verified = tokio::select! {
        restored = restore_into(&databases, folder.path(), file, &checked) => restored,
        name = signals.next() => Err(format!("stopped by {name}")),
    };
    databases.close().await;
    let (restored, audit) = verified?;
    if let Some(n) = audit.broken_at {
        return Err(format!(
            "the backup is readable, but its audit log was tampered with at entry {n}"
        ));
    }
    if checked.end.sent_lost > 0 {
        return Err(format!("the backup can be restored, but {}", lost(checked.end.sent_lost)));
    }
    let missing = Restored { sent_missing: restored.sent_missing, ..Restored::default() };
    let mut answer = outcome(&checked, &missing);
    answer["audit_entries"] = json!(audit.entries - 1);
    answer["verified"] = json!(true);
    Ok(answer)
}

/// What the matter is with a backup of a folder without some of its files, and what to do.
fn lost(files: u64) -> String {
    format!(
        "it lacks files that people have sent ({files}), because they were not where the server keeps them: bring them \
         back from an older backup. The server's log names them"
    )
}

/// Reads the whole file, so that nothing is written if it cannot be restored.
fn check(path: &Path) -> Result<(File, Checked), String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let no_file =
        |what| format!("{what} is no file: a backup is read twice, so copy it to a disk first");
    if path == Path::new("-") {
        return Err(no_file("stdin".to_owned()));
    }
    let file = File::open(path).map_err(cannot)?;
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(no_file(path.display().to_string()));
    }
    let progress = Arc::new(Progress::default());
    let watch = Watch::start("checked", progress.clone(), None);
    let seen = |part: &Part| match part {
        Part::Rows(_, copied) => progress.add(copied),
        Part::Sent(_, _, piece) => {
            progress.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Part::File(..) | Part::End(_) => {}
    };
    let checked = backup::check(BufReader::new(&file), seen);
    watch.end();
    let checked =
        checked.map_err(|error| format!("{} cannot be restored: {error}", path.display()))?;
    Ok((file, checked))
}

/// Restores, and opens both stores once, which brings them up to date.
async fn restore_into(
    databases: &Databases,
    data_dir: &Path,
    file: File,
    checked: &Checked,
) -> Result<(Restored, AuditCheck), String> {
    let (chat, accounts) = databases.both()?;
    let target =
        Target { chat: chat.clone(), accounts: accounts.clone(), data_dir: data_dir.to_owned() };
    let progress = Arc::new(Progress::default());
    let watch = Watch::start("restored", progress.clone(), Some(checked.end.rows.iter().sum()));
    let restored = backup::restore(&target, file, checked, progress).await;
    watch.end();
    let restored = restored?;
    let accounts = AccountStore::open(accounts.unwrap_or_else(|| chat.clone())).await?;
    let chat = ChatStore::open(chat).await?;
    let audit = accounts.verify_audit().await.map_err(|error| error.message().to_owned())?;
    accounts.database().close();
    chat.database().close();
    Ok((restored, audit))
}

fn data_dir(config: &Config) -> PathBuf {
    config.data_dir.clone().unwrap_or_else(embedded::default_data_dir)
}

/// The private database, by the server that runs with it or by ourselves. It is not made here: an empty backup would
/// look like one.
fn attach(data_dir: &Path) -> Result<(Option<Embedded>, String), String> {
    if let Some(url) = Embedded::attach(data_dir) {
        return Ok((None, url));
    }
    if !data_dir.join("postgres/PG_VERSION").exists() {
        return Err(format!(
            "there is no database in {}: name the data directory (--data-dir or IMPULSE_DATA_DIR) or the database \
             (--database-url or DATABASE_URL) of the server",
            data_dir.display()
        ));
    }
    start(data_dir)
}

fn start(data_dir: &Path) -> Result<(Option<Embedded>, String), String> {
    let embedded = Embedded::start(data_dir)?;
    let url = embedded.url();
    Ok((Some(embedded), url))
}

/// The databases of the settings, and the private one if it was started for this.
struct Databases {
    embedded: Option<Embedded>,
    chat: String,
    accounts: Option<String>,
}

impl Databases {
    async fn open(
        config: &Config,
        private: impl FnOnce() -> Result<(Option<Embedded>, String), String>,
    ) -> Result<Self, String> {
        let accounts = config.accounts_database_url.clone();
        let databases = match &config.database_url {
            Some(url) => Self { embedded: None, chat: url.clone(), accounts },
            None => Self { accounts, ..Self::private(private).await? },
        };
        let accounts = databases.accounts.clone().filter(|url| *url != databases.chat);
        Ok(Self { accounts, ..databases })
    }

    async fn private(
        private: impl FnOnce() -> Result<(Option<Embedded>, String), String>,
    ) -> Result<Self, String> {
        let (embedded, chat) = tokio::task::block_in_place(private)?;
        Ok(Self { embedded, chat, accounts: None })
    }

    /// That of the chat store, and that of the account store if it is another one.
    fn both(&self) -> Result<(Database, Option<Database>), String> {
        let accounts = self.accounts.as_deref().map(Database::new).transpose()?;
        Ok((Database::new(&self.chat)?, accounts))
    }

    async fn close(self) {
        if let Some(embedded) = self.embedded {
            tokio::task::block_in_place(|| embedded.stop());
        }
    }
}

/// Where a backup goes.
trait Output: Write + Send {
    /// All of it was written.
    fn complete(self: Box<Self>) -> Result<(), String>;
}

impl Output for BackupFile {
    fn complete(self: Box<Self>) -> Result<(), String> {
        self.finish()
    }
}

impl Output for std::io::Stdout {
    fn complete(mut self: Box<Self>) -> Result<(), String> {
        self.flush().map_err(|error| format!("cannot write the backup: {error}"))
    }
}

fn description(file: &Path, saved: &Saved) -> Value {
    let mut answer = counts(&saved.header, &saved.rows);
    answer["file"] = json!(file.display().to_string());
    answer["bytes"] = json!(saved.bytes);
    answer["sha256"] = json!(hex::encode(&saved.hash));
    answer["files"] = json!(saved.sent);
    if saved.sent_missing > 0 {
        answer["files_missing"] = json!(saved.sent_missing);
    }
    answer
}

fn outcome(checked: &Checked, restored: &Restored) -> Value {
    let mut answer = counts(&checked.header, &checked.end.rows);
    answer["sha256"] = json!(hex::encode(&checked.hash));
    answer["files"] = json!(checked.end.sent);
    if restored.sent_missing > 0 {
        answer["files_missing"] = json!(restored.sent_missing);
    }
    if let Some(epoch) = restored.epoch {
        answer["epoch"] = json!(epoch);
        answer["keys"] = json!("cannot be changed at first: see impulse admin directory");
    }
    if let Some(done) = restored.reconciled {
        answer["reconciled"] = json!({
            "reinstated": done.reinstated,
            "to_join": done.to_join,
            "forgotten": done.forgotten,
            "hooks_kept": done.hooks_kept,
            "hooks_ended": done.hooks_ended,
        });
    }
    if restored.keeps_files {
        answer["tls"] = json!("the certificates that were there are kept");
    }
    answer
}

/// What somebody counts who wants to know whether it is the right one.
fn counts(header: &Header, rows: &[u64]) -> Value {
    let rows_of = |name: &str| {
        let mut tables = header.tables.iter().zip(rows);
        tables.find(|(table, _)| table.name == name).map_or(0, |(_, rows)| *rows)
    };
    json!({
        "made_at": header.made_at,
        "version": header.version,
        "users": rows_of("users"),
        "rooms": rows_of("rooms"),
        "messages": rows_of("messages"),
    })
}

/// Says how far it is: in place on a terminal, else a line now and then.
struct Watch(tokio::task::JoinHandle<()>);

impl Watch {
    fn start(done: &'static str, progress: Arc<Progress>, rows: Option<u64>) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let every = if is_terminal { limits::PROGRESS } else { limits::PROGRESS_LINES };
        Self(tokio::spawn(async move {
            let mut tick = tokio::time::interval(every);
            tick.tick().await;
            loop {
                tick.tick().await;
                let line = Self::line(done, &progress, rows);
                match is_terminal {
                    true => eprint!("\r{line}\x1b[K"),
                    false => eprintln!("{line}"),
                }
            }
        }))
    }

    fn line(done: &str, progress: &Progress, rows: Option<u64>) -> String {
        let (now, bytes) =
            (progress.rows.load(Ordering::Relaxed), progress.bytes.load(Ordering::Relaxed));
        let of = rows.map_or_else(String::new, |rows| format!(" of {rows}"));
        format!("{done}: {now}{of} rows, {} MB", bytes / 1_000_000)
    }

    fn end(self) {
        self.0.abort();
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }
}
