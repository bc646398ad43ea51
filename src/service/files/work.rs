//! Work on whole files: reading and writing all of them, and decoding pictures. Little of it is done at the same time: so
//! many files, and so many pixels. What is begun goes on if the request ends, and is not begun a second time meanwhile.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::error::{Code, Error, Result};
use crate::base::ids::FileId;
use crate::base::limits::files as limits;
use crate::base::limits::pictures as bounds;
use crate::base::lock::MutexExt as _;
use crate::base::runtime::in_background;
use crate::files::refused;

/// Pixels are counted in millions.
const MILLION: u64 = 1_000_000;

/// What is being done to whole files.
#[derive(Debug)]
pub(super) struct Work {
    /// The turns of files that have arrived.
    pub completing: Arc<Semaphore>,
    /// Those of pictures among them, when they are drawn.
    pub drawing: Arc<Semaphore>,
    /// Those of pictures that are drawn again.
    pub redrawing: Arc<Semaphore>,
    pixels: Arc<Semaphore>,
    ids: Arc<Mutex<HashSet<FileId>>>,
}

/// One piece of that, for as long as it is done.
pub(super) struct Claim {
    ids: Arc<Mutex<HashSet<FileId>>>,
    id: FileId,
    _turn: Option<OwnedSemaphorePermit>,
    _pixels: Option<OwnedSemaphorePermit>,
}

impl Default for Work {
    fn default() -> Self {
        let millions = usize::try_from(bounds::PIXELS / MILLION).unwrap_or(1);
        Self {
            completing: Arc::new(Semaphore::new(limits::COMPLETING)),
            drawing: Arc::new(Semaphore::new(limits::DRAWING)),
            redrawing: Arc::new(Semaphore::new(1)),
            pixels: Arc::new(Semaphore::new(millions)),
            ids: Arc::default(),
        }
    }
}

impl Work {
    /// The right to work on a file, when it is its turn.
    pub async fn claim(&self, id: FileId, turns: &Arc<Semaphore>) -> Result<Claim> {
        let turn = turns.clone().acquire_owned().await.map_err(Error::internal)?;
        if !self.ids.lock_unpoisoned().insert(id) {
            let text = "The server is still busy with this file.";
            return Err(Error::new(Code::Unavailable, text).retry_after(limits::RETRY_MS));
        }
        Ok(Claim { ids: self.ids.clone(), id, _turn: Some(turn), _pixels: None })
    }

    /// Gives its turn back, and waits for one of another kind.
    pub async fn change_turn(&self, claim: &mut Claim, turns: &Arc<Semaphore>) -> Result<()> {
        claim._turn = None;
        claim._turn = Some(turns.clone().acquire_owned().await.map_err(Error::internal)?);
        Ok(())
    }

    /// And to decode so many pixels of it.
    pub async fn claim_pixels(&self, claim: &mut Claim, (width, height): (u32, u32)) -> Result<()> {
        let pixels = (u64::from(width) * u64::from(height)).min(bounds::PIXELS);
        let share = u32::try_from(pixels.div_ceil(MILLION)).unwrap_or(1);
        let permit = self.pixels.clone().acquire_many_owned(share).await;
        claim._pixels = Some(permit.map_err(Error::internal)?);
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.ids.lock_unpoisoned().remove(&self.id);
    }
}

/// Does something on a thread that may block, which has the right to it until it is done.
pub(super) async fn run<T: Send + 'static>(
    claim: Claim,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<(T, Claim)> {
    let working = tokio::task::spawn_blocking(move || {
        in_background();
        (work(), claim)
    });
    let (done, claim) = working.await.map_err(Error::internal)?;
    Ok((done.map_err(refused)?, claim))
}
