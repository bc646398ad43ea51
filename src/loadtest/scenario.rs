//! The scenarios: who connects, who writes, what is measured.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::Plan;
use super::line::Seat;
use super::local::Local;
use super::report::{Client, Percentiles, Report, Server};
use super::swarm::Swarm;
use super::target::Target;
use crate::base::limits::loadtest as limits;
use crate::base::lock::MutexExt as _;
use crate::base::process_usage::{self, Usage};

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// How fast clients get in: TCP, upgrade, session check, first frame
    Connect,
    /// What a connection costs that says nothing
    Idle,
    /// One room, everybody in it: what a delivery costs and how late it is
    Fanout,
    /// Many small rooms with a writer each
    Rooms,
    /// The server restarts (with --local) or everybody is cut off, and all come back at once
    Storm,
    /// Messages per second that are on disk when they are acknowledged
    Durable,
}

impl Scenario {
    /// All, in the order they are run.
    pub const ALL: [Self; 6] =
        [Self::Connect, Self::Idle, Self::Fanout, Self::Rooms, Self::Storm, Self::Durable];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Idle => "idle",
            Self::Fanout => "fanout",
            Self::Rooms => "rooms",
            Self::Storm => "storm",
            Self::Durable => "durable",
        }
    }

    /// Rooms it needs.
    pub fn rooms(self, plan: &Plan) -> usize {
        match self {
            Self::Connect | Self::Idle => 0,
            Self::Fanout | Self::Storm => 1,
            Self::Rooms => plan.rooms,
            Self::Durable => plan.rooms.min(limits::DURABLE_ROOMS),
        }
    }

    /// Users a private server needs for it: of several rooms, each belongs to another.
    pub fn users(self, plan: &Plan) -> usize {
        self.rooms(plan).max(limits::USERS)
    }

    /// Where everybody sits.
    fn seats(self, plan: &Plan) -> Vec<Seat> {
        let rooms = self.rooms(plan).max(1);
        let count = match self {
            Self::Rooms => plan.rooms * plan.members,
            Self::Durable => plan.connections.unwrap_or(limits::DURABLE_WRITERS),
            _ => plan.connections.unwrap_or(limits::CONNECTIONS),
        };
        let follows = matches!(self, Self::Fanout | Self::Rooms | Self::Storm);
        let one_user_a_room = matches!(self, Self::Rooms | Self::Durable);
        let stalled = if self == Self::Fanout { plan.stalled } else { 0 };
        let seat = |n: usize| {
            let room = n % rooms;
            let token = if one_user_a_room { room } else { n };
            Seat { token, room, follows, reads: n < count }
        };
        (0..count + stalled).map(seat).collect()
    }

    /// Runs it on a swarm that has the rooms.
    ///
    /// # Errors
    /// It could not be carried out.
    pub fn run(
        self,
        plan: &Plan,
        target: &Target,
        mut swarm: Swarm,
        local: Option<&Arc<Mutex<Local>>>,
    ) -> Result<Report, String> {
        let before = target.pid.and_then(process_usage::of);
        let connecting = Measure::begin(target, &swarm);
        swarm.seat(self.seats(plan));
        swarm.gather(limits::GATHER)?;
        let connected = connecting.end(&swarm);
        let mut report = match self {
            Self::Connect => connected,
            Self::Idle => idle(plan, target, &mut swarm)?,
            Self::Storm => storm(plan, target, &mut swarm, local)?,
            Self::Fanout | Self::Rooms | Self::Durable => self.traffic(plan, target, &mut swarm)?,
        };
        report.scenario = self.name();
        report.connections = swarm.ready;
        report.rooms = self.rooms(plan);
        report.refused = swarm.refused;
        if let (Some(server), Some(before)) = (&mut report.server, before)
            && swarm.ready > 0
            && self != Self::Storm
        {
            let grown = server.rss_bytes.saturating_sub(before.rss);
            server.rss_bytes_per_connection = Some(grown / swarm.ready as u64);
        }
        swarm.progress.finish();
        Ok(report)
    }

    /// Messages, as fast as the window or the rate allows.
    fn traffic(self, plan: &Plan, target: &Target, swarm: &mut Swarm) -> Result<Report, String> {
        let is_durable = self == Self::Durable;
        let per_writer =
            plan.in_flight.unwrap_or(if is_durable { limits::DURABLE_IN_FLIGHT } else { 1 });
        let seats: Vec<_> = swarm.lines.iter().map(|line| line.seat.room).collect();
        for (index, room) in seats.into_iter().enumerate() {
            if let Some(room) = swarm.rooms.get_mut(room)
                && (is_durable || room.writers.is_empty())
            {
                room.writers.push(index);
            }
        }
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
        let latency = if is_durable { &swarm.tally.answered } else { &swarm.tally.latency };
        report.latency_us = Percentiles::of(latency);
        if is_durable {
            (report.deliveries, report.deliveries_per_s) = (None, None);
        }
        Ok(report)
    }
}

/// When messages are sent.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    /// Messages a room and writer may have on their way.
    window: usize,
    /// Messages a second over all rooms; without it, as many as the window allows.
    rate: Option<f64>,
    ends: Instant,
}

impl Traffic {
    /// Sends until the end, then waits for what is on its way.
    fn pump(&self, swarm: &mut Swarm) -> Result<(), String> {
        let began = Instant::now();
        let (mut sent, mut next_room) = (0_u64, 0);
        while Instant::now() < self.ends && !swarm.is_stopped() {
            let timeout = match self.rate {
                None => {
                    self.fill(swarm)?;
                    Duration::from_millis(100)
                }
                Some(rate) => {
                    let due = |sent: u64| Duration::from_secs_f64(sent as f64 / rate);
                    while due(sent) <= began.elapsed() {
                        sent += 1;
                        next_room = (next_room + 1) % swarm.rooms.len().max(1);
                        self.send_if_open(swarm, next_room)?;
                    }
                    due(sent).saturating_sub(began.elapsed())
                }
            };
            swarm.turn(timeout.min(Duration::from_millis(100)))?;
        }
        let until = Instant::now() + limits::DRAIN;
        while swarm.in_flight() > 0 && Instant::now() < until && !swarm.is_stopped() {
            swarm.turn(Duration::from_millis(10))?;
        }
        Ok(())
    }

    /// Fills every room's window.
    fn fill(&self, swarm: &mut Swarm) -> Result<(), String> {
        for room in 0..swarm.rooms.len() {
            while self.send_if_open(swarm, room)? {}
        }
        Ok(())
    }

    fn send_if_open(&self, swarm: &mut Swarm, room: usize) -> Result<bool, String> {
        let Some(books) = swarm.rooms.get(room) else { return Ok(false) };
        if books.books.in_flight >= self.window * books.writers.len() {
            return Ok(false);
        }
        if swarm.send(room) || swarm.comes_back {
            return Ok(true);
        }
        let why = swarm.tally.first_error.as_deref().unwrap_or("it hung up");
        Err(format!("who writes was cut off: {why}"))
    }
}

fn idle(plan: &Plan, target: &Target, swarm: &mut Swarm) -> Result<Report, String> {
    let measure = Measure::begin(target, swarm);
    let until = Instant::now() + plan.seconds;
    while Instant::now() < until && !swarm.is_stopped() {
        swarm.turn(Duration::from_millis(100))?;
    }
    let report = measure.end(swarm);
    Ok(Report { latency_us: None, connects_per_s: None, ..report })
}

/// Everybody is cut off while somebody writes, and comes back for what was missed.
fn storm(
    plan: &Plan,
    target: &Target,
    swarm: &mut Swarm,
    local: Option<&Arc<Mutex<Local>>>,
) -> Result<Report, String> {
    swarm.comes_back = true;
    if let Some(room) = swarm.rooms.first_mut() {
        room.writers.push(0);
    }
    let rate = Some(plan.rate.unwrap_or(limits::STORM_RATE));
    let traffic = Traffic { window: limits::IN_FLIGHT, rate, ends: Instant::now() };
    Traffic { ends: Instant::now() + limits::WARM_UP, ..traffic }.pump(swarm)?;
    swarm.connects = super::tally::histogram();
    swarm.refused = 0;
    let mut measure = Measure::begin(target, swarm);
    let began = Instant::now();
    let restart = local.cloned().map(|local| {
        let restart = move || local.lock_unpoisoned().restart();
        std::thread::spawn(restart)
    });
    if restart.is_none() {
        swarm.hang_up();
    }
    let everybody = swarm.lines.len();
    let deadline = began + limits::SETTLE;
    // With a restart nobody is away at first: it is over once the new server is up.
    while restart.as_ref().is_some_and(|restart| !restart.is_finished()) || swarm.ready < everybody
    {
        if Instant::now() > deadline || swarm.is_stopped() {
            let ready = swarm.ready;
            return Err(format!("only {ready} of {everybody} connections came back"));
        }
        Traffic { ends: Instant::now() + Duration::from_millis(50), ..traffic }.step(swarm)?;
    }
    let settle_s = began.elapsed().as_secs_f64();
    if let Some(Ok(restarted)) = restart.map(std::thread::JoinHandle::join) {
        restarted?;
        // The process is another one, and has cost nothing before.
        let pid = local.map(|local| local.lock_unpoisoned().pid());
        measure.pid = pid;
        measure.server = pid.map(|_| Usage::default());
    }
    Traffic { ends: Instant::now() + limits::WARM_UP, ..traffic }.pump(swarm)?;
    let mut report = measure.end(swarm);
    report.settle_s = Some(settle_s);
    report.size = Some(plan.size);
    report.connects_per_s = Some(everybody as f64 / settle_s);
    report.latency_us = Percentiles::of(&swarm.connects);
    Ok(report)
}

impl Traffic {
    /// Sends at the rate until the end; does not wait for anything.
    fn step(&self, swarm: &mut Swarm) -> Result<(), String> {
        let pause = Duration::from_secs_f64(1.0 / self.rate.unwrap_or(limits::STORM_RATE));
        let mut due = Instant::now();
        while Instant::now() < self.ends && !swarm.is_stopped() {
            if Instant::now() >= due {
                self.send_if_open(swarm, 0)?;
                due = Instant::now() + pause;
            }
            swarm.turn(Duration::from_millis(10))?;
        }
        Ok(())
    }
}

/// What is counted from one moment to another.
struct Measure {
    began: Instant,
    pid: Option<u32>,
    server: Option<Usage>,
    own: Usage,
    waited: Duration,
    ready: usize,
}

impl Measure {
    fn begin(target: &Target, swarm: &Swarm) -> Self {
        Self {
            began: Instant::now(),
            pid: target.pid,
            server: target.pid.and_then(process_usage::of),
            own: process_usage::of(std::process::id()).unwrap_or_default(),
            waited: swarm.waited,
            ready: swarm.ready,
        }
    }

    fn end(&self, swarm: &Swarm) -> Report {
        let seconds = self.began.elapsed().as_secs_f64();
        let tally = &swarm.tally;
        let opened = swarm.ready.saturating_sub(self.ready) as f64;
        let messages = match tally.acknowledged {
            0 => tally.sent, // a plain peer acknowledges nothing
            acknowledged => acknowledged,
        };
        let per = |count: f64| (count > 0.0).then_some(count / seconds);
        let server = self.pid.and_then(process_usage::of).zip(self.server).map(|(now, before)| {
            let cpu_s = now.cpu_s - before.cpu_s;
            let share = |count: f64| (count > 0.0).then_some(cpu_s * 1e6 / count);
            Server {
                cpu_s,
                cpu_us_per_delivery: share(tally.deliveries as f64),
                cpu_us_per_message: share(messages as f64),
                cpu_us_per_connect: share(opened),
                rss_bytes: now.rss,
                rss_bytes_per_connection: None,
            }
        });
        let own = process_usage::of(std::process::id()).unwrap_or_default();
        let waited = swarm.waited.saturating_sub(self.waited).as_secs_f64();
        let busy = (1.0 - waited / seconds).max(0.0);
        Report {
            seconds,
            messages: (messages > 0).then_some(messages),
            messages_per_s: per(messages as f64),
            deliveries: (tally.deliveries > 0).then_some(tally.deliveries),
            deliveries_per_s: per(tally.deliveries as f64),
            connects_per_s: per(opened),
            latency_us: Percentiles::of(&swarm.connects),
            lost: swarm.lost(),
            doubled: tally.doubled,
            out_of_order: tally.out_of_order,
            errors: tally.errors,
            first_error: tally.first_error.clone().filter(|_| tally.errors > 0),
            server,
            client: Client {
                cpu_s: own.cpu_s - self.own.cpu_s,
                busy,
                was_bottleneck: busy > limits::BUSY,
            },
            ..Report::default()
        }
    }
}
