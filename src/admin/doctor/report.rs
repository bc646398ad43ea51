//! The rows as they come, for people and for programs.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;
use tokio::time::timeout;

use super::row::{Row, Status};
use super::site::Site;
use crate::base::limits::doctor as limits;

/// The rows so far. For people each is printed at once.
pub struct Report {
    rows: Vec<Row>,
    is_json: bool,
}

impl Report {
    /// An empty one, for people or for programs.
    pub fn new(is_json: bool) -> Self {
        Self { rows: Vec::new(), is_json }
    }

    /// The settings themselves.
    pub fn settings(&mut self, site: &Site) {
        self.push(match site.config.check() {
            Ok(()) => Row::ok("settings", "they do not contradict each other"),
            Err(sentence) => Row::todo("settings", sentence, "change that setting"),
        });
    }

    /// Waits for a check, but not for longer than it may take.
    pub async fn add(&mut self, check: &'static str, rows: impl Future<Output = Vec<Row>>) {
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

    /// One row more.
    pub fn push(&mut self, row: Row) {
        if !self.is_json {
            // A reader that has enough ends nothing here.
            let _ = writeln!(std::io::stdout(), "{}", row.line());
        }
        self.rows.push(row);
    }

    /// Says how many there are; the exit status.
    pub fn end(self) -> ExitCode {
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
pub async fn blocking(
    check: &'static str,
    work: impl FnOnce() -> Vec<Row> + Send + 'static,
) -> Vec<Row> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| vec![Row::unknown(check, "the check itself failed")])
}
