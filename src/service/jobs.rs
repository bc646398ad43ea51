//! The two kinds of work that the server does by itself until it stops: at intervals, and on demand.

use std::future::Future;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use crate::base::shutdown::stopped;

/// Runs a job now and again after each period, until the server stops. A run that has begun is finished.
pub async fn every<F: Future<Output = ()>>(
    period: Duration,
    mut stop: watch::Receiver<bool>,
    mut job: impl FnMut() -> F,
) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => job().await,
            () = stopped(&mut stop) => return,
        }
    }
}

/// Runs a job whenever `demand` is notified, and not again before the pause is over, until the server stops.
pub async fn on_demand<F: Future<Output = ()>>(
    demand: &Notify,
    pause: Duration,
    mut stop: watch::Receiver<bool>,
    mut job: impl FnMut() -> F,
) {
    loop {
        tokio::select! {
            () = demand.notified() => job().await,
            () = stopped(&mut stop) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_job_runs_at_once_and_after_each_period_until_the_stop() {
        let (stop, stopped) = watch::channel(false);
        let runs = AtomicU32::new(0);
        every(Duration::from_millis(1), stopped, || async {
            if runs.fetch_add(1, Ordering::Relaxed) == 2 {
                stop.send_replace(true);
            }
        })
        .await;
        assert!(runs.into_inner() >= 3);
    }

    #[tokio::test]
    async fn a_job_on_demand_runs_once_for_each_demand_and_not_before_its_pause_is_over() {
        let (stop, stopped) = watch::channel(false);
        let (runs, demand) = (AtomicU32::new(0), Notify::new());
        let begun = std::time::Instant::now();
        let pause = Duration::from_millis(20);
        demand.notify_one();
        on_demand(&demand, pause, stopped, || async {
            match runs.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => demand.notify_one(), // as after a failure
                _ => drop(stop.send_replace(true)),
            }
        })
        .await;
        assert_eq!(runs.into_inner(), 3);
        assert!(begun.elapsed() >= pause * 2);
    }
}
