//! `impulse doctor [URL]`: whether everything that a server needs is as it should be, a line for each check: ok, or what
//! to do. It changes nothing that lasts and needs no running server.

mod backup;
mod certificate;
mod clock;
mod data_dir;
mod database;
mod descriptors;
mod disk;
mod listen;
mod memory;
mod outside;
mod row;
mod server;
mod site;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tokio::time::timeout;

use crate::base::limits::doctor as limits;
use crate::config::Config;
use row::{Row, Status};
use site::Site;

/// `impulse doctor [URL]`
#[derive(Debug, Args)]
pub struct Doctor {
    /// The address by which people open the server, such as https://chat.example.org: checked from outside, too
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// The data directory of the server [default: by user]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// PostgreSQL of the chat store [default: the private one]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// PostgreSQL of the account store
    #[arg(long, value_name = "URL")]
    pub accounts_database_url: Option<String>,

    /// PEM file with the authority that certifies URL, if it is not a public one
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Open a WebSocket at URL with this token of yours, or with that in @FILE; it is sent to URL
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,

    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Checks everything and prints it: 0 if all is well, 1 if there is something to do.
///
/// # Errors
/// One sentence if the checks cannot begin.
pub async fn doctor(mut config: Config, doctor: Doctor) -> Result<ExitCode, String> {
    config.data_dir = doctor.data_dir.clone().or(config.data_dir);
    config.database_url = doctor.database_url.clone().or(config.database_url);
    config.accounts_database_url =
        doctor.accounts_database_url.clone().or(config.accounts_database_url);
    let site = Site::new(config, &doctor)?;
    let mut report = Report { rows: Vec::new(), is_json: doctor.json };
    report.settings(&site);
    report.add("server", server::check(&site)).await;
    report.add("database", database::check(&site)).await;
    report.add("clock", clock::check(&site)).await;
    report.add("disk", disk::check(&site)).await;
    report.add("data-directory", data_dir::check(&site)).await;
    report.add("backup", backup::check(&site)).await;
    report.add("descriptors", descriptors::check(&site)).await;
    report.add("memory", memory::check(&site)).await;
    report.add("listen", listen::check(&site)).await;
    report.add("certificate", certificate::check(&site)).await;
    if let Some(target) = &site.target {
        outside::check(&site, target, &mut report).await;
    }
    Ok(report.end())
}

/// The rows so far. For people each is printed at once.
pub struct Report {
    rows: Vec<Row>,
    is_json: bool,
}

impl Report {
    fn settings(&mut self, site: &Site) {
        self.push(match site.config.check() {
            Ok(()) => Row::ok("settings", "they do not contradict each other"),
            Err(sentence) => Row::todo("settings", sentence, "change that setting"),
        });
    }

    /// Waits for a check, but not for longer than it may take.
    async fn add(&mut self, check: &'static str, rows: impl Future<Output = Vec<Row>>) {
        let mut rows = Box::pin(timeout(limits::CHECK, rows));
        let early = timeout(limits::NAMED_AFTER, &mut rows).await;
        let rows = match early {
            Ok(rows) => rows,
            Err(_) => {
                if !self.is_json {
                    eprintln!("checking {check} …");
                }
                rows.await
            }
        };
        let late = |_| {
            let found = format!("not over after {} s", limits::CHECK.as_secs());
            vec![Row::todo(check, found, "find out what hangs: a disk, or the network")]
        };
        rows.unwrap_or_else(late).into_iter().for_each(|row| self.push(row));
    }

    fn push(&mut self, row: Row) {
        if !self.is_json {
            // A reader that has enough ends nothing here.
            let _ = writeln!(std::io::stdout(), "{}", row.line());
        }
        self.rows.push(row);
    }

    fn end(self) -> ExitCode {
        let count = |status| self.rows.iter().filter(|row| row.status == status).count();
        let (todo, unknown) = (count(Status::Todo), count(Status::Unknown));
        let text = match self.is_json {
            true => json!({"version": 1, "ok": todo == 0, "checks": self.rows}).to_string(),
            false => match (todo, unknown) {
                (0, 0) => "\nall is well".to_owned(),
                (0, n) => format!(
                    "\nall is well, as far as it can be known from here ({n} could not be checked)"
                ),
                (n, _) => format!("\n{n} to do"),
            },
        };
        let _ = writeln!(std::io::stdout(), "{text}");
        if todo == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Runs what may hang, such as a disk, on a thread of its own.
async fn blocking(
    check: &'static str,
    work: impl FnOnce() -> Vec<Row> + Send + 'static,
) -> Vec<Row> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| vec![Row::unknown(check, "the check itself failed")])
}
