//! Running the scenarios one after the other, each from an empty server to its report.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::plan::Plan;
use super::progress::Progress;
use super::report::Report;
use super::scenario::Scenario;
use super::swarm::Swarm;
use super::target::{Room, Target};
use super::{execution, people, setup};
use crate::base::fd_budget;

/// Runs the scenarios and prints the report of each.
///
/// # Errors
/// One sentence: a scenario could not be run, or a promise was broken.
pub async fn run(plan: Plan) -> Result<(), String> {
    let scenarios = plan.scenarios()?;
    fd_budget::raise_limit();
    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = stop.clone();
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        on_signal.store(true, Ordering::Relaxed);
    });
    let mut broken = Vec::new();
    for scenario in scenarios {
        let report = run_one(&plan, scenario, &stop).await?;
        if plan.json {
            let line = serde_json::to_string(&report).map_err(|error| error.to_string())?;
            println!("{line}");
        } else {
            println!("{}", report.table());
        }
        if report.is_broken() {
            broken.push(scenario.name());
        }
        if stop.load(Ordering::Relaxed) {
            return Err("stopped".to_owned());
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(format!("promises were broken in: {}", broken.join(", "))),
    }
}

/// One scenario, from an empty server to the report.
async fn run_one(
    plan: &Plan,
    scenario: Scenario,
    stop: &Arc<AtomicBool>,
) -> Result<Report, String> {
    let progress = Progress::new(scenario.name(), plan.quiet);
    let local = match plan.local {
        true => Some(setup::start_local(plan, &progress).await?),
        false => None,
    };
    let (target, people) = match &local {
        Some(local) => setup::local_target(plan, scenario, local, &progress).await?,
        None => (setup::remote_target(plan)?, Vec::new()),
    };
    let rooms = match &plan.room {
        Some(id) => vec![target.room(id).await?],
        None if plan.encrypted => vec![people::make_room(&target, people).await?],
        None => target.create_rooms(plan.rooms_of(scenario)).await?,
    };
    let target = Arc::new(target);
    let swarm = Swarm::new(target.clone(), rooms.clone(), plan.size, progress, stop.clone())?;
    let (own_plan, own_target, own_local) = (plan.clone(), target.clone(), local.clone());
    let ran = tokio::task::spawn_blocking(move || {
        execution::execute(scenario, &own_plan, &own_target, swarm, own_local.as_ref())
    });
    let mut report = ran.await.map_err(|error| error.to_string())?;
    if let (Ok(report), Scenario::Durable) = (&mut report, scenario) {
        check_store(&target, &rooms, report).await?;
    }
    match local {
        None => target.remove_rooms(&rooms).await,
        Some(local) => {
            // Ending the process and removing its files takes a moment.
            let dropping = tokio::task::spawn_blocking(move || drop(local));
            dropping.await.map_err(|error| error.to_string())?;
        }
    }
    report
}

/// Checks that every acknowledged message has one sequence number of its room, and that there are no others.
async fn check_store(target: &Target, rooms: &[Room], report: &mut Report) -> Result<(), String> {
    let (mut stored, acknowledged) = (0, report.acknowledged_in_all);
    for room in rooms {
        stored += target.newest(room).await?.saturating_sub(room.seq);
    }
    report.lost += acknowledged.saturating_sub(stored);
    report.doubled += stored.saturating_sub(acknowledged);
    Ok(())
}
