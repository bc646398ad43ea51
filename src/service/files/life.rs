//! The end of files: their bytes go soon after the commit that ended them, and never before.

use std::time::Instant;

use super::Files;
use crate::base::counter::Gauge;
use crate::base::crash_point::crash_point;
use crate::base::error::Result;
use crate::base::limits::files as limits;
use crate::base::lock::MutexExt as _;
use crate::base::time::now_ms;
use crate::store::chat::files::Totals;

impl Files {
    /// Erases the bytes of what is nothing any more. A file that cannot be erased waits behind the others, and after a
    /// failure everything waits, longer each time.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn erase_ended(&self) -> Result<()> {
        if self.erasing.lock_unpoisoned().is_on(Instant::now()) {
            return Ok(());
        }
        let erased = self.erase_all_ended().await;
        self.erasing.lock_unpoisoned().note(Instant::now(), erased.is_ok());
        erased
    }

    async fn erase_all_ended(&self) -> Result<()> {
        loop {
            let ids = self.store.files_to_erase(limits::ERASED_AT_ONCE).await?;
            if ids.is_empty() {
                return Ok(());
            }
            // What is not in a folder that is away is not erased.
            self.prepare().await?;
            let (mut gone, mut left, mut failure) = (Vec::new(), Vec::new(), None);
            for id in ids {
                match self.disk.remove(id).await {
                    Ok(()) => gone.push(id),
                    Err(error) => {
                        left.push(id);
                        failure.get_or_insert(error);
                        if self.disk.bucket().is_some() {
                            // The service is likely to be away, and then to refuse the others, too.
                            break;
                        }
                    }
                }
                crash_point("erased");
            }
            if !gone.is_empty() {
                // It may have gone away meanwhile.
                self.prepare().await?;
                self.counts.erased.add(self.store.forget_files(&gone).await?);
            }
            if let Some(error) = failure {
                tracing::warn!(files = left.len(), first = ?left.first(), ?error, "files cannot be erased");
                // They are tried again the next time, and the others before them.
                self.store.put_off_erasing(&left).await?;
                return Err(error);
            }
        }
    }

    /// Gives up what has waited for a message too long, and counts what there is for those who watch.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn expire_unsent(&self) -> Result<()> {
        let kept = i64::try_from(limits::UNUSED.as_millis()).unwrap_or(i64::MAX);
        let given_up = self.store.expire_files(now_ms() - kept).await?;
        if given_up > 0 {
            tracing::info!(given_up, "files that nobody has sent are erased");
        }
        let Totals { used, unsent, erasing } = self.store.file_totals().await?;
        let set = |gauge: &Gauge, now: u64| gauge.set(usize::try_from(now).unwrap_or(usize::MAX));
        set(&self.counts.used, used.files);
        set(&self.counts.used_bytes, used.bytes);
        set(&self.counts.unsent, unsent.files);
        set(&self.counts.unsent_bytes, unsent.bytes);
        set(&self.counts.erasing, erasing.files);
        Ok(())
    }
}
