//! What each scenario does with its connections, and what it measures.

use std::time::Instant;

use super::local_server::SharedServer;
use super::measure::Measure;
use super::plan::Plan;
use super::report::{Percentiles, Report};
use super::scenario::Scenario;
use super::swarm::Swarm;
use super::tally;
use super::target::Target;
use super::traffic::Traffic;
use crate::base::limits::loadtest as limits;
use crate::base::lock::MutexExt as _;
use crate::base::process_usage;

/// Runs a scenario with a swarm that knows the rooms.
///
/// # Errors
/// It could not be run.
pub fn execute(
    scenario: Scenario,
    plan: &Plan,
    target: &Target,
    mut swarm: Swarm,
    local: Option<&SharedServer>,
) -> Result<Report, String> {
    let before = target.pid.and_then(process_usage::of);
    let connecting = Measure::begin(target, &swarm);
    swarm.add_clients(plan.assignments(scenario));
    swarm.wait_until_ready(limits::CONNECTED)?;
    let connected = connecting.end(&swarm);
    let mut report = match scenario {
        Scenario::Connect => connected,
        Scenario::Idle => idle(plan, target, &mut swarm)?,
        Scenario::Storm => storm(plan, target, &mut swarm, local)?,
        Scenario::Fanout | Scenario::Rooms => deliveries(plan, target, &mut swarm)?,
        Scenario::Durable => acknowledgements(plan, target, &mut swarm)?,
    };
    report.scenario = scenario.name();
    report.connections = swarm.ready;
    report.rooms = plan.rooms_of(scenario);
    report.refused = swarm.refused;
    if let (Some(server), Some(before)) = (&mut report.server, before)
        && swarm.ready > 0
        && scenario != Scenario::Storm
    {
        let grown = server.rss_bytes.saturating_sub(before.rss);
        server.rss_bytes_per_connection = Some(grown / swarm.ready as u64);
    }
    swarm.progress.finish();
    Ok(report)
}

/// One client of each room writes, and the others get it.
fn deliveries(plan: &Plan, target: &Target, swarm: &mut Swarm) -> Result<Report, String> {
    for (index, client) in swarm.clients.iter().enumerate() {
        if let Some(load) = swarm.rooms.get_mut(client.assignment.room)
            && load.writers.is_empty()
        {
            load.writers.push(index);
        }
    }
    let report = send_messages(plan, target, swarm, plan.in_flight.unwrap_or(1))?;
    Ok(Report { latency_us: Percentiles::of(&swarm.tally.latency), ..report })
}

/// All clients write, and it is measured how fast the server acknowledges.
fn acknowledgements(plan: &Plan, target: &Target, swarm: &mut Swarm) -> Result<Report, String> {
    for (index, client) in swarm.clients.iter().enumerate() {
        if let Some(load) = swarm.rooms.get_mut(client.assignment.room) {
            load.writers.push(index);
        }
    }
    let per_writer = plan.in_flight.unwrap_or(limits::DURABLE_IN_FLIGHT);
    let report = send_messages(plan, target, swarm, per_writer)?;
    let latency_us = Percentiles::of(&swarm.tally.acknowledged_after);
    Ok(Report { latency_us, deliveries: None, deliveries_per_s: None, ..report })
}

/// Sends messages as fast as the window or the rate allows.
fn send_messages(
    plan: &Plan,
    target: &Target,
    swarm: &mut Swarm,
    per_writer: usize,
) -> Result<Report, String> {
    let window = match (plan.rate, plan.in_flight) {
        (Some(_), None) => limits::IN_FLIGHT,
        _ => per_writer,
    };
    let traffic = Traffic { window, rate: plan.rate, ends: Instant::now() + limits::WARM_UP };
    traffic.pump(swarm)?;
    let warm_up = std::mem::take(&mut swarm.tally);
    let measure = Measure::begin(target, swarm);
    Traffic { ends: Instant::now() + plan.seconds, ..traffic }.pump(swarm)?;
    let mut report = measure.end(swarm);
    if report.messages.is_none() && !swarm.is_stopped() {
        let why = report.first_error.or(warm_up.first_error);
        let why = why.unwrap_or_else(|| "no answer in time".to_owned());
        return Err(format!("nothing was delivered: {why}"));
    }
    report.acknowledged_in_all = warm_up.acknowledged + swarm.tally.acknowledged;
    report.in_flight = Some(window);
    report.size = Some(plan.size);
    report.connects_per_s = None;
    Ok(report)
}

fn idle(plan: &Plan, target: &Target, swarm: &mut Swarm) -> Result<Report, String> {
    let measure = Measure::begin(target, swarm);
    let until = Instant::now() + plan.seconds;
    while Instant::now() < until && !swarm.is_stopped() {
        swarm.poll(limits::POLL)?;
    }
    let report = measure.end(swarm);
    Ok(Report { latency_us: None, connects_per_s: None, ..report })
}

/// All connections are cut while one client writes. They come back and get what they missed.
fn storm(
    plan: &Plan,
    target: &Target,
    swarm: &mut Swarm,
    local: Option<&SharedServer>,
) -> Result<Report, String> {
    swarm.reconnects = true;
    if let Some(load) = swarm.rooms.first_mut() {
        load.writers.push(0);
    }
    let rate = Some(plan.rate.unwrap_or(limits::STORM_RATE));
    let traffic = Traffic { window: limits::IN_FLIGHT, rate, ends: Instant::now() };
    Traffic { ends: Instant::now() + limits::WARM_UP, ..traffic }.pump(swarm)?;
    swarm.connects = tally::histogram();
    swarm.refused = 0;
    let mut measure = Measure::begin(target, swarm);
    let began = Instant::now();
    match local.filter(|_| !plan.cut) {
        Some(local) => {
            reconnect_after_restart(local, swarm, traffic)?;
            // The process is another one, and has cost nothing before.
            measure.server_restarted(local.lock_unpoisoned().pid());
        }
        None => {
            swarm.reset_all();
            reconnect_all(swarm, traffic, || false)?;
        }
    }
    let settle_s = began.elapsed().as_secs_f64();
    Traffic { ends: Instant::now() + limits::WARM_UP, ..traffic }.pump(swarm)?;
    let mut report = measure.end(swarm);
    report.settle_s = Some(settle_s);
    report.size = Some(plan.size);
    report.connects_per_s = Some(swarm.clients.len() as f64 / settle_s);
    report.latency_us = Percentiles::of(&swarm.connects);
    Ok(report)
}

fn reconnect_after_restart(
    local: &SharedServer,
    swarm: &mut Swarm,
    traffic: Traffic,
) -> Result<(), String> {
    let server = local.clone();
    let restart = std::thread::spawn(move || server.lock_unpoisoned().restart());
    // At first all are still connected: it is over once the new server is up.
    reconnect_all(swarm, traffic, || !restart.is_finished())?;
    restart.join().unwrap_or_else(|_| Err("the restart panicked".to_owned()))
}

/// Sends on until the server is up and all clients are connected again.
fn reconnect_all(
    swarm: &mut Swarm,
    traffic: Traffic,
    is_restarting: impl Fn() -> bool,
) -> Result<(), String> {
    let deadline = Instant::now() + limits::RECONNECTED;
    let all = swarm.clients.len();
    while is_restarting() || swarm.ready < all {
        if Instant::now() > deadline || swarm.is_stopped() {
            return Err(format!("only {} of {all} connections came back", swarm.ready));
        }
        let ends = Instant::now() + limits::READY_POLL;
        Traffic { ends, ..traffic }.send_until_end(swarm)?;
    }
    Ok(())
}
