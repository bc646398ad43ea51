//! Runtimes with threads of their own, and threads in the background: what floods HTTP or takes a core for long
//! does not starve the rooms.
//!
//! A socket is driven by the runtime in which it was opened, also if another one uses it. So what a runtime depends on,
//! such as its connections to the database, must be opened [`inside`] it.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime that can be dropped anywhere, also inside another one.
pub struct OwnThreads(Option<Runtime>);

impl OwnThreads {
    /// Starts so many threads of that name.
    ///
    /// # Errors
    /// The system has no more threads or descriptors.
    pub fn start(name: &'static str, threads: usize) -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(threads.max(1)).thread_name(name).enable_all();
        Ok(Self(Some(runtime.build()?)))
    }

    /// The way to its threads; `None` after the stop.
    pub fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }

    /// Ends what still runs there, waiting at most so long for what is being polled.
    pub async fn stop(&mut self, most: Duration) {
        let Some(runtime) = self.0.take() else { return };
        let stopping = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(most));
        if let Err(error) = stopping.await {
            tracing::error!(%error, "a runtime did not stop");
        }
    }
}

impl Drop for OwnThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// How many cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// Lowers the priority of the calling thread for good. Long computations call it first, so that somebody who signs in
/// again and again costs others little time.
pub fn in_background() {
    // Lowering is always allowed; a thread that keeps its priority does no harm.
    let _ = rustix::process::setpriority_process(None, BACKGROUND);
}

/// What `nice` calls it: about a tenth of the share of a thread that answers people.
const BACKGROUND: i32 = 10;

/// Polls a future, wherever that happens, as if it were in `runtime`: what it opens and spawns is
/// driven by that runtime's threads.
pub async fn inside<F: Future>(runtime: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let _inside = runtime.enter();
        future.as_mut().poll(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux has a priority for each thread, not for the process.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_in_the_background_gives_way_and_the_others_do_not() {
        let mine = || rustix::process::getpriority_process(None).unwrap();
        let before = mine();
        let there = std::thread::spawn(move || {
            in_background();
            mine()
        });
        assert_eq!(there.join().unwrap(), BACKGROUND.max(before));
        assert_eq!(mine(), before);
    }

    fn thread_name() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn what_is_spawned_inside_a_runtime_runs_on_its_threads() {
        let mut own = OwnThreads::start("apart", 1).unwrap();
        let handle = own.handle().unwrap().clone();
        let (here, there) =
            inside(&handle, async { (thread_name(), tokio::spawn(async { thread_name() })) }).await;
        assert_ne!(here, "apart", "the future itself stays with its caller");
        assert_eq!(there.await.unwrap(), "apart");
        own.stop(Duration::from_secs(1)).await;
        assert!(own.handle().is_none());
    }
}
