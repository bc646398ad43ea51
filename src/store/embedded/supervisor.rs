//! The thread that keeps the postmaster running.

use std::sync::mpsc;

use super::cluster::{Cluster, stop_child};
use crate::base::limits::embedded as limits;

/// Runs on a thread that lives until the database is stopped: the kernel stops a child whose parent thread ends.
pub(super) fn supervise(
    cluster: &Cluster,
    started: &mpsc::Sender<Result<(), String>>,
    commands: &mpsc::Receiver<mpsc::Sender<()>>,
) {
    let mut child = match cluster.start() {
        Ok(child) => child,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    let mut running = true;
    let mut pause = limits::POLL;
    loop {
        match commands.recv_timeout(if running { limits::WATCH } else { pause }) {
            Ok(done) => {
                stop_child(&mut child);
                let _ = done.send(());
                return;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return stop_child(&mut child),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if running && let Ok(Some(status)) = child.try_wait() {
            tracing::error!("the database ended by itself ({status}); starting it again");
            running = false;
        }
        if !running {
            match cluster.start() {
                Ok(new) => (child, running, pause) = (new, true, limits::POLL),
                Err(error) => {
                    tracing::error!("{error}");
                    pause = (pause * 2).min(limits::RESTART);
                }
            }
        }
    }
}
