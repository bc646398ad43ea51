//! The journal: one writer for all rooms, with group commit.
//!
//! A commit starts when the previous one has returned, with everything that waits by then; there is no timer.
//! A message on its own is committed at once; under load batches grow by themselves. There is one connection
//! with one transaction at a time, so the rows of many rooms share one flush of PostgreSQL's log.

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::base::counter::Counter;
use crate::base::error::{Error, Outage, Result};
use crate::base::limits::rooms as limits;
use crate::base::time::now_ms;
use crate::store::chat::change::{Entry, Outcome};
use crate::store::chat::commit::Writer;
use crate::store::pool::Database;

/// The outcome of a committed append.
#[derive(Debug)]
pub struct Committed {
    /// One outcome per entry.
    pub outcomes: Vec<Outcome>,
    /// The time of the changes, in milliseconds.
    pub at: i64,
}

struct Append {
    entries: Vec<Entry>,
    reply: oneshot::Sender<Result<Committed>>,
}

/// The way to the journal. Cheap to clone; the journal ends when the last clone is dropped.
#[derive(Clone)]
pub struct Journal {
    tx: mpsc::Sender<Append>,
    counters: Arc<Counters>,
}

/// The counters of the journal, for `/metrics`.
#[derive(Debug)]
pub struct Counters {
    /// Changes of messages made durable.
    pub committed: Counter,
    /// Commits that failed or did not return.
    pub failed: Counter,
    /// Rows of each commit.
    pub rows: Histogram,
    /// Seconds from the first statement of a commit to its answer.
    pub took: Histogram,
}

impl Counters {
    fn new() -> Self {
        Self {
            committed: Counter::default(),
            failed: Counter::default(),
            rows: Histogram::new(exponential_buckets(1.0, 4.0, 7)),
            took: Histogram::new(exponential_buckets(0.000_5, 2.0, 14)),
        }
    }
}

impl Journal {
    /// Starts the writer task.
    pub fn start(database: Database) -> Self {
        let (tx, rx) = mpsc::channel(limits::JOURNAL);
        let counters = Arc::new(Counters::new());
        tokio::spawn(run(database, rx, counters.clone()));
        Self { tx, counters }
    }

    /// Changes of messages made durable since the start.
    pub fn committed(&self) -> u64 {
        self.counters.committed.get()
    }

    /// Its counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Appends that wait for the next commit.
    pub fn waiting(&self) -> usize {
        self.tx.max_capacity() - self.tx.capacity()
    }

    /// Makes entries durable; returns after COMMIT.
    ///
    /// # Errors
    /// `unavailable`: not durable, or **unknown** (the commit may have happened).
    pub async fn append(&self, entries: Vec<Entry>) -> Result<Committed> {
        let (reply, answer) = oneshot::channel();
        let gone = || Error::outage(Outage::Busy, "the journal is gone");
        self.tx.send(Append { entries, reply }).await.map_err(|_| gone())?;
        let committed: Committed = answer.await.map_err(|_| gone())??;
        let took_a_seq = |outcome: &&Outcome| matches!(outcome, Outcome::Done { seq } if *seq > 0);
        let count = committed.outcomes.iter().filter(took_a_seq).count();
        self.counters.committed.add(u64::try_from(count).unwrap_or(0));
        Ok(committed)
    }
}

async fn run(database: Database, mut rx: mpsc::Receiver<Append>, counters: Arc<Counters>) {
    let mut writer: Option<Writer> = None;
    let mut retry_at = tokio::time::Instant::now();
    // The reason while there is no writer.
    let mut outage = Outage::Unreachable;
    while let Some(first) = rx.recv().await {
        // Rooms that are about to append run first, so that their entries share this commit.
        tokio::task::yield_now().await;
        let batch = coalesce(first, &mut rx);
        if writer.as_ref().is_none_or(Writer::is_closed) {
            // While the database is away every append is refused at once, not one timeout each.
            writer = None;
            if tokio::time::Instant::now() >= retry_at {
                match connect(&database).await {
                    Ok(connected) => writer = Some(connected),
                    Err(why) => outage = why,
                }
                retry_at = tokio::time::Instant::now() + limits::RECONNECT;
            }
        }
        match &mut writer {
            None => refuse(batch, outage),
            Some(connected) => {
                if let Err(why) = commit(connected, batch, &counters).await {
                    counters.failed.inc();
                    (writer, outage) = (None, why);
                }
            }
        }
    }
}

/// Joins everything that waits, up to the bound of one commit.
fn coalesce(first: Append, rx: &mut mpsc::Receiver<Append>) -> Vec<Append> {
    let mut rows = first.entries.len();
    let mut batch = vec![first];
    while rows < limits::COMMIT_ROWS {
        let Ok(append) = rx.try_recv() else { break };
        rows += append.entries.len();
        batch.push(append);
    }
    batch
}

async fn connect(database: &Database) -> std::result::Result<Writer, Outage> {
    match timeout(limits::COMMIT, Writer::connect(database)).await {
        Ok(Ok(writer)) => Ok(writer),
        Ok(Err(error)) => {
            tracing::warn!(?error, "the journal cannot reach the database");
            Err(error.why_unavailable().unwrap_or(Outage::Failing))
        }
        Err(_) => {
            tracing::warn!("the journal cannot reach the database: no answer");
            Err(Outage::Slow)
        }
    }
}

fn refuse(batch: Vec<Append>, outage: Outage) {
    for append in batch {
        let _ = append.reply.send(Err(unavailable(outage, "the database is away")));
    }
}

fn unavailable(outage: Outage, cause: &'static str) -> Error {
    Error::outage(outage, cause).retry_after(limits::RETRY_MS)
}

/// Commits a batch and answers it. After an error the connection must not be used again.
async fn commit(
    writer: &mut Writer,
    batch: Vec<Append>,
    counters: &Counters,
) -> std::result::Result<(), Outage> {
    let at = now_ms();
    let sizes: Vec<_> = batch.iter().map(|append| append.entries.len()).collect();
    let (mut entries, mut replies) = (Vec::new(), Vec::new());
    for append in batch {
        entries.extend(append.entries);
        replies.push(append.reply);
    }
    let began = Instant::now();
    let committed = timeout(limits::COMMIT, writer.commit(&entries, at)).await;
    counters.rows.observe(entries.len() as f64);
    counters.took.observe(began.elapsed().as_secs_f64());
    match committed {
        Ok(Ok(outcomes)) => {
            let mut rest = outcomes.as_slice();
            for (reply, size) in replies.into_iter().zip(sizes) {
                let (own, others) = rest.split_at(size.min(rest.len()));
                rest = others;
                // An actor that has ended needs no answer.
                let _ = reply.send(Ok(Committed { outcomes: own.to_vec(), at }));
            }
            Ok(())
        }
        Ok(Err(error)) => {
            tracing::warn!(?error, rows = entries.len(), "a commit failed");
            let outage = error.why_unavailable().unwrap_or(Outage::Failing);
            for reply in replies {
                let _ = reply.send(Err(unavailable(outage, "the commit failed")));
            }
            // The transaction may be half open: a fresh connection is the simplest clean state.
            Err(outage)
        }
        Err(_) => {
            tracing::warn!(rows = entries.len(), "a commit did not return in time");
            for reply in replies {
                let _ =
                    reply.send(Err(unavailable(Outage::Slow, "the commit did not return in time")));
            }
            Err(Outage::Slow)
        }
    }
}
