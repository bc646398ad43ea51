//! Compares all rows with the whole folder. Nothing differs unless something was changed by hand, or a database was set
//! back; what does is said.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Files;
use crate::base::error::{Error, Result};
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use crate::files::{Bucket, FileStore, Found, Refusal, Rendition, Sweep, refused};
use crate::store::chat::files::{FileRow, FileState};

/// What a sweep has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files that a message has and the disk has not.
    pub missing: u64,
    /// Files on the disk that no row knows. They are put away.
    pub strays: u64,
    /// Rows of files that their message does not have. They are ended.
    pub ended: u64,
    /// Files that were put away, and have a row again.
    pub brought_back: u64,
}

impl Files {
    /// Looks at all files, step by step, and at the whole folder.
    ///
    /// # Errors
    /// `unavailable`; then the rest is not looked at.
    pub async fn sweep(&self) -> Result<Swept> {
        let mut swept = Swept::default();
        if !self.store.has_file_store().await? {
            // Nobody has ever sent a file.
            return Ok(swept);
        }
        self.prepare().await?;
        self.sweep_rows(&mut swept).await?;
        self.sweep_folder(&mut swept).await?;
        self.sweep_bucket(&mut swept).await?;
        self.counts.missing.add(swept.missing);
        self.counts.strays.add(swept.strays);
        if swept != Swept::default() {
            let Swept { missing, strays, ended, brought_back } = swept;
            tracing::warn!(missing, strays, ended, brought_back, "files and their rows differed");
        }
        Ok(swept)
    }

    async fn sweep_rows(&self, swept: &mut Swept) -> Result<()> {
        let mut after = None;
        loop {
            let rows = self.store.files_after(after, limits::SWEPT_AT_ONCE).await?;
            let Some(last) = rows.last().map(|row| row.file.id) else { return Ok(()) };
            let used = |row: &&FileRow| row.state == FileState::Used;
            let ids: Vec<_> = rows.iter().filter(used).map(|row| row.file.id).collect();
            swept.ended += self.store.end_stray_files(&ids).await?;
            let disk = self.disk.clone();
            let looking = tokio::task::spawn_blocking(move || look(&disk, rows));
            let Looked { here, mut missing, brought_back } =
                looking.await.map_err(Error::internal)?;
            if let Some(bucket) = self.disk.bucket() {
                let there = between(bucket, after, last).await?;
                missing.retain(|id| !there.contains(id));
                self.move_over(here).await?;
            }
            after = Some(last);
            swept.brought_back += brought_back;
            for id in missing {
                // Its message may have gone meanwhile.
                let row = self.store.file(id).await?;
                if row.is_some_and(|row| is_kept(row.state)) {
                    swept.missing += 1;
                    tracing::error!(file = %id, "a file is not where it is kept");
                }
            }
        }
    }

    /// Brings files from the folder into the bucket: a server that had none has one now, or a restore has put them here.
    async fn move_over(&self, ids: Vec<FileId>) -> Result<()> {
        let moved = ids.len();
        for id in ids {
            self.disk.hand_over(id).await?;
            self.disk.release(id).await;
        }
        if moved > 0 {
            tracing::info!(moved, "files from the folder are in the bucket now");
        }
        Ok(())
    }

    /// Erases what is in the bucket and no row has known for a week.
    async fn sweep_bucket(&self, swept: &mut Swept) -> Result<()> {
        let Some(bucket) = self.disk.bucket() else { return Ok(()) };
        let (mut after, mut erased) = (None, 0);
        loop {
            let found = bucket.list(after, limits::SWEPT_AT_ONCE).await?;
            let ids: BTreeSet<FileId> = found.into_iter().collect();
            // A service that answers the same again must not keep us for ever.
            let Some(last) = ids.last().copied().filter(|last| Some(*last) > after) else { break };
            after = Some(last);
            let ids: Vec<_> = ids.into_iter().collect();
            let known = self.store.known_files(&ids).await?;
            for (id, unknown_for) in self.note_unknown(ids, known).await? {
                let is_erased =
                    matches!(bucket.size(id, Rendition::Original).await, Err(Refusal::NotFound));
                if is_erased && unknown_for <= limits::STRAY {
                    // Its message has gone meanwhile. If a smaller form stays, it goes after a week, too.
                    continue;
                }
                swept.strays += 1;
                if unknown_for > limits::STRAY {
                    bucket.remove(id).await?;
                    self.disk.forget_unknown(id).map_err(refused)?;
                    erased += 1;
                } else {
                    tracing::warn!(file = %id, "no row knows this file in the bucket; it goes after a week");
                }
            }
        }
        if erased > 0 {
            tracing::info!(erased, "files that no row knew for a week are erased from the bucket");
        }
        Ok(())
    }

    /// Those of some files in the bucket that no row knows, and for how long.
    async fn note_unknown(
        &self,
        ids: Vec<FileId>,
        known: Vec<FileId>,
    ) -> Result<Vec<(FileId, Duration)>> {
        let (disk, known) = (self.disk.clone(), BTreeSet::from_iter(known));
        let noting = tokio::task::spawn_blocking(move || {
            let mut unknown = Vec::new();
            for id in ids {
                match known.contains(&id) {
                    true => disk.forget_unknown(id)?,
                    false => unknown.push((id, disk.note_unknown(id)?)),
                }
            }
            Ok(unknown)
        });
        noting.await.map_err(Error::internal)?.map_err(refused)
    }

    async fn sweep_folder(&self, swept: &mut Swept) -> Result<()> {
        let disk = self.disk.clone();
        let walking = tokio::task::spawn_blocking(move || disk.walk());
        let mut walk = walking.await.map_err(Error::internal)?.map_err(refused)?;
        loop {
            let (found, same) = step(walk).await?;
            walk = same;
            if found.is_empty() {
                break;
            }
            let ids: Vec<FileId> = found.iter().filter_map(|one| one.id).collect();
            let known = self.store.known_files(&ids).await?;
            let is_stray = |one: &Found| one.id.is_some_and(|id| !known.contains(&id));
            let strays = found.into_iter().filter(is_stray).collect();
            swept.strays += put_away(&self.disk, strays).await?;
        }
        let disk = self.disk.clone();
        let erasing = tokio::task::spawn_blocking(move || disk.erase_strays(limits::STRAY));
        let erased = erasing.await.map_err(Error::internal)?.map_err(refused)?;
        if erased > 0 {
            tracing::info!(erased, "files that no row knew for a week are erased");
        }
        Ok(())
    }
}

/// Puts away what no row knows; how many files were still there.
async fn put_away(disk: &FileStore, strays: Vec<Found>) -> Result<u64> {
    let disk = disk.clone();
    let putting = tokio::task::spawn_blocking(move || {
        let mut put_away = 0;
        for stray in strays {
            if disk.put_away(&stray)? {
                tracing::warn!(path = %stray.path.display(), "no row knows this file; it is put away for a week");
                put_away += 1;
            }
        }
        Ok(put_away)
    });
    putting.await.map_err(Error::internal)?.map_err(refused)
}

/// Whether a file in this state should be there whole.
fn is_kept(state: FileState) -> bool {
    match state {
        FileState::Complete | FileState::Used => true,
        FileState::Arriving | FileState::Erasing => false,
    }
}

/// What of some rows is in the folder.
struct Looked {
    here: Vec<FileId>,
    missing: Vec<FileId>,
    brought_back: u64,
}

/// Looks for files that should be there whole.
fn look(disk: &FileStore, rows: Vec<FileRow>) -> Looked {
    let mut looked = Looked { here: Vec::new(), missing: Vec::new(), brought_back: 0 };
    for row in rows {
        let id = row.file.id;
        if !is_kept(row.state) {
            continue;
        }
        // A crash may have come before that.
        if let Err(error) = disk.forget_arrival(id) {
            tracing::warn!(%error, "what has arrived of a file is not erased");
        }
        if disk.open_here(id, Rendition::Original).is_ok() {
            looked.here.push(id);
        } else if disk.bring_back(id) {
            looked.here.push(id);
            looked.brought_back += 1;
        } else {
            looked.missing.push(id);
        }
    }
    looked
}

/// The files in the bucket behind this one, up to that one.
async fn between(
    bucket: &Bucket,
    mut after: Option<FileId>,
    last: FileId,
) -> Result<BTreeSet<FileId>> {
    let mut there = BTreeSet::new();
    loop {
        let found = bucket.list(after, limits::SWEPT_AT_ONCE).await?;
        there.extend(found.iter().filter(|id| **id <= last));
        match found.into_iter().max() {
            Some(newest) if newest < last && Some(newest) > after => after = Some(newest),
            _ => return Ok(there),
        }
    }
}

/// The next step of a walk.
async fn step(mut walk: Sweep) -> Result<(Vec<Found>, Sweep)> {
    let stepping = tokio::task::spawn_blocking(move || {
        let found = walk.next(limits::SWEPT_AT_ONCE);
        (found, walk)
    });
    let (found, walk) = stepping.await.map_err(Error::internal)?;
    Ok((found.map_err(refused)?, walk))
}
