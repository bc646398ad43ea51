//! Compares all rows with the whole folder. Nothing differs unless something was changed by hand, or a database was set
//! back; what does is said.

use std::collections::BTreeSet;

use super::Files;
use crate::base::error::{Error, Result};
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use crate::files::{Bucket, FileStore, Found, FoundObject, Rendition, Sweep, refused};
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
            swept.missing += missing.len() as u64;
            swept.brought_back += brought_back;
            for id in missing {
                tracing::error!(file = %id, "a file is not where it is kept");
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
            let ids: BTreeSet<FileId> = found.iter().map(|one| one.id).collect();
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            let ids: Vec<_> = ids.into_iter().collect();
            let known = self.store.known_files(&ids).await?;
            for stray in found {
                let FoundObject { id, at } = stray;
                if known.contains(&id) {
                    continue;
                }
                swept.strays += 1;
                if at.elapsed().is_ok_and(|age| age > limits::STRAY) {
                    bucket.remove(id).await?;
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
            for stray in found {
                if stray.id.is_none_or(|id| known.contains(&id)) {
                    continue;
                }
                tracing::warn!(path = %stray.path.display(), "no row knows this file; it is put away for a week");
                self.disk.put_away(&stray).map_err(refused)?;
                swept.strays += 1;
            }
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
        match row.state {
            FileState::Complete | FileState::Used => {}
            FileState::Arriving | FileState::Erasing => continue,
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
        let ids: Vec<_> = found.iter().map(|one| one.id).collect();
        there.extend(ids.iter().filter(|id| **id <= last));
        match ids.iter().max() {
            Some(newest) if *newest < last => after = Some(*newest),
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
