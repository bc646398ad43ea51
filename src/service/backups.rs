//! A backup every night, beside the work of the server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::jobs;
use crate::base::limits::backup as limits;
use crate::base::lock::MutexExt as _;
use crate::base::shutdown::stopped;
use crate::store::backup::nightly::{Nightly, is_due};
use crate::store::backup::{self, BackupFile, Pace, Progress, Source, folder};

/// When backups are made, and what of.
#[derive(Clone)]
pub struct Plan {
    /// What is backed up.
    pub source: Source,
    /// The hour of the day (UTC).
    pub hour: u8,
    /// How long they are kept.
    pub keep: Duration,
    /// What becomes of them.
    pub nightly: Arc<Nightly>,
}

/// Makes them.
pub struct Backups {
    plan: Plan,
    failed_at: Mutex<Option<Instant>>,
}

impl Backups {
    /// By this plan.
    pub fn new(plan: Plan) -> Self {
        Self { plan, failed_at: Mutex::default() }
    }

    /// What becomes of them.
    pub fn nightly(&self) -> &Nightly {
        &self.plan.nightly
    }

    /// Makes one whenever it is due, until the server stops. One that has begun is given up then: nothing of it stays,
    /// and the next start makes it.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        let Some(folder) = self.plan.nightly.folder() else { return };
        jobs::every(limits::TICK, stop.clone(), || {
            let mut stop = stop.clone();
            let folder = &folder;
            async move {
                tokio::select! {
                    () = self.make_if_due(folder) => {}
                    () = stopped(&mut stop) => {}
                }
            }
        })
        .await;
    }

    async fn make_if_due(&self, folder: &Path) {
        let last = self.plan.nightly.last().map(|last| last.at);
        let has_just_failed =
            self.failed_at.lock_unpoisoned().is_some_and(|at| at.elapsed() < limits::RETRY);
        if has_just_failed || !is_due(SystemTime::now(), last, self.plan.hour) {
            return;
        }
        match self.make(folder).await {
            Ok((path, lost)) => {
                tracing::info!(path = %path.display(), "backup made");
                *self.failed_at.lock_unpoisoned() = None;
                self.plan.nightly.succeeded(folder);
                if lost > 0 {
                    let failure = format!(
                        "the nightly backup lacks files that people have sent ({lost}), because they are not where \
                         they are kept: bring them back from an older one; none is removed meanwhile"
                    );
                    tracing::error!("{failure}");
                    self.plan.nightly.failed(failure);
                    return;
                }
            }
            Err(error) => {
                tracing::error!("the nightly backup failed and is tried again in an hour: {error}");
                *self.failed_at.lock_unpoisoned() = Some(Instant::now());
                self.plan.nightly.failed(error);
                return;
            }
        }
        // Only when a whole one is there.
        let removed = folder::remove_old(folder, SystemTime::now(), self.plan.keep);
        if let Err(error) = removed {
            tracing::warn!(%error, "old backups in {} were not removed", folder.display());
        }
    }

    /// Makes one; how many files it lacks.
    async fn make(&self, folder: &Path) -> Result<(PathBuf, u64), String> {
        make_folder(folder)?;
        let path = folder.join(folder::name(SystemTime::now()));
        let file = BackupFile::create(&path)?;
        let progress = Arc::<Progress>::default();
        let (file, saved) = backup::save(&self.plan.source, file, Pace::Gentle, progress).await?;
        file.finish()?;
        Ok((path, saved.sent_lost))
    }
}

/// A folder for its owner alone, unless there is one.
fn make_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        let folder = folder.display();
        format!("cannot make the folder {folder}: {error}. Make it, or name another one (IMPULSE_BACKUP_DIR)")
    })
}
