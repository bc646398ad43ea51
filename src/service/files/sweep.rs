//! Compares all rows with the whole folder. Nothing differs unless something was changed by hand, or a database was set
//! back; what does is said.

use super::Files;
use crate::base::error::{Error, Result};
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use crate::files::{Found, Rendition, Sweep, refused};
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
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.file.id);
            let used = |row: &&FileRow| row.state == FileState::Used;
            let ids: Vec<_> = rows.iter().filter(used).map(|row| row.file.id).collect();
            swept.ended += self.store.end_stray_files(&ids).await?;
            let disk = self.disk.clone();
            let looking = tokio::task::spawn_blocking(move || {
                let (mut missing, mut brought_back) = (Vec::new(), 0);
                for row in rows {
                    let is_there = match row.state {
                        FileState::Complete | FileState::Used => {
                            // A crash may have come before that.
                            if let Err(error) = disk.forget_arrival(row.file.id) {
                                tracing::warn!(%error, "what has arrived of a file is not erased");
                            }
                            disk.open(row.file.id, Rendition::Original).is_ok()
                        }
                        FileState::Arriving | FileState::Erasing => true,
                    };
                    match is_there {
                        true => {}
                        false if disk.bring_back(row.file.id) => brought_back += 1,
                        false => missing.push(row.file.id),
                    }
                }
                (missing, brought_back)
            });
            let (missing, brought_back) = looking.await.map_err(Error::internal)?;
            swept.missing += missing.len() as u64;
            swept.brought_back += brought_back;
            for id in missing {
                tracing::error!(file = %id, "a file is not in its folder");
            }
        }
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

/// The next step of a walk.
async fn step(mut walk: Sweep) -> Result<(Vec<Found>, Sweep)> {
    let stepping = tokio::task::spawn_blocking(move || {
        let found = walk.next(limits::SWEPT_AT_ONCE);
        (found, walk)
    });
    let (found, walk) = stepping.await.map_err(Error::internal)?;
    Ok((found.map_err(refused)?, walk))
}
