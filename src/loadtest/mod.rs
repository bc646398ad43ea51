//! `impulse loadtest`: what a server can do, measured by a client of it.
//!
//! One thread, one epoll, every connection a few hundred bytes ([`swarm`]), and books that notice
//! every lost, doubled or late delivery ([`tally`]). It says what the server's process cost when it
//! can see it ([`watch`]), and what it cost itself: a load test that is busy all the time measures
//! itself. It is a client and uses the client's layers only; `--local` starts the server it needs as
//! another process of the same program.

mod line;
mod local;
mod message;
mod progress;
mod report;
mod scenario;
mod swarm;
mod talk;
mod tally;
mod target;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::base::fd_budget;
use crate::base::limits::loadtest as limits;
use crate::base::lock::MutexExt as _;
use local::Local;
use progress::Progress;
use report::Report;
pub use scenario::Scenario;
use swarm::Swarm;
use target::{Room, Target};

/// `impulse loadtest`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  impulse loadtest --local
  impulse loadtest --local --scenario fanout --connections 10000 --in-flight 8
  impulse loadtest http://127.0.0.1:8080 --token $(impulse admin token demo) --scenario idle,fanout

A server that is measured runs with IMPULSE_RATE_LIMIT_SCALE=0 (a private one does).
Exits with failure if anything was lost, doubled or out of order.")]
pub struct Plan {
    /// The server, such as http://127.0.0.1:8080
    #[arg(required_unless_present = "local", conflicts_with = "local")]
    pub url: Option<String>,

    /// Start a private server with a database of its own, measure it, remove it
    #[arg(long)]
    pub local: bool,

    /// Who the connections are, shared out in turn: a bearer token, or @FILE with one a line
    #[arg(
        long = "token",
        env = "IMPULSE_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true,
        value_name = "TOKEN"
    )]
    pub tokens: Vec<String>,

    /// What to try, by comma [default: everything, one after the other]
    #[arg(long, value_delimiter = ',', value_enum, value_name = "NAME")]
    pub scenario: Vec<Scenario>,

    /// Connections [default: 1000; durable: 64]
    #[arg(long, short = 'c', value_parser = at_least_one, value_name = "N")]
    pub connections: Option<usize>,

    /// Rooms of `rooms`
    #[arg(long, default_value = "100", value_parser = at_least_one, value_name = "N")]
    pub rooms: usize,

    /// Connections in each room of `rooms`
    #[arg(long, default_value = "10", value_parser = at_least_one, value_name = "N")]
    pub members: usize,

    /// Messages on their way in a room at once; of a writer in `durable` [default: 1; durable: 16]
    #[arg(long, value_parser = at_least_one, value_name = "N")]
    pub in_flight: Option<usize>,

    /// Messages a second, over all rooms [default: as many as --in-flight allows]
    #[arg(long, value_parser = positive, value_name = "N")]
    pub rate: Option<f64>,

    /// Bytes of a message's text
    #[arg(long, default_value = "128", value_parser = size, value_name = "BYTES")]
    pub size: usize,

    /// How long each scenario is measured
    #[arg(long, default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// Further connections of `fanout` that follow the room and never read: what do the others feel?
    #[arg(long, default_value = "0", value_name = "N")]
    pub stalled: usize,

    /// Use this room instead of making one (fanout, storm)
    #[arg(long, value_name = "ID")]
    pub room: Option<String>,

    /// The server's process [default: found, if it listens on this machine]
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,

    /// Delivery threads of the private server
    #[arg(long, requires = "local", value_name = "N")]
    pub shards: Option<usize>,

    /// The server is no Impulse: it sends to all on the URL's path what one of them says
    #[arg(long, conflicts_with_all = ["local", "tokens", "room"])]
    pub plain: bool,

    /// One JSON object a scenario on stdout
    #[arg(long)]
    pub json: bool,

    /// Say nothing while it runs
    #[arg(long)]
    pub quiet: bool,
}

/// Runs the scenarios and prints what each came to.
///
/// # Errors
/// One sentence: it could not be carried out, or a promise was broken.
pub async fn run(plan: Plan) -> Result<(), String> {
    let scenarios = plan.scenarios()?;
    fd_budget::raise_limit();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        asked.store(true, Ordering::Relaxed);
    });
    let mut broken = Vec::new();
    for scenario in scenarios {
        let report = one(&plan, scenario, &stop).await?;
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
async fn one(plan: &Plan, scenario: Scenario, stop: &Arc<AtomicBool>) -> Result<Report, String> {
    let progress = Progress::of(scenario.name(), plan.quiet);
    let local = match plan.local {
        true => Some(plan.start_local(&progress).await?),
        false => None,
    };
    let target = plan.target(scenario, local.as_ref(), &progress).await?;
    let rooms = match &plan.room {
        Some(id) => vec![target.room(id).await?],
        None => target.make_rooms(scenario.rooms(plan)).await?,
    };
    let target = Arc::new(target);
    let swarm = Swarm::new(target.clone(), rooms.clone(), plan.size, progress, stop.clone())?;
    let (own_plan, own_target, own_local) = (plan.clone(), target.clone(), local.clone());
    let ran = tokio::task::spawn_blocking(move || {
        scenario.run(&own_plan, &own_target, swarm, own_local.as_ref())
    });
    let mut report = ran.await.map_err(|error| error.to_string())?;
    if let (Ok(report), Scenario::Durable) = (&mut report, scenario) {
        check_store(&target, &rooms, report).await?;
    }
    match local {
        None => target.remove_rooms(&rooms).await,
        Some(local) => {
            // The process ends and its files go; that takes a moment.
            let gone = tokio::task::spawn_blocking(move || drop(local));
            gone.await.map_err(|error| error.to_string())?;
        }
    }
    report
}

/// Every acknowledged message has one number of its room, and no number is left over.
async fn check_store(target: &Target, rooms: &[Room], report: &mut Report) -> Result<(), String> {
    let (mut kept, acknowledged) = (0, report.acknowledged_in_all);
    for room in rooms {
        kept += target.newest(room).await?.saturating_sub(room.seq);
    }
    report.lost += acknowledged.saturating_sub(kept);
    report.doubled += kept.saturating_sub(acknowledged);
    Ok(())
}

impl Plan {
    fn scenarios(&self) -> Result<Vec<Scenario>, String> {
        let scenarios = match self.scenario.as_slice() {
            [] if self.plain => vec![Scenario::Fanout],
            [] => Scenario::ALL.to_vec(),
            some => some.to_vec(),
        };
        let needs_impulse = |s: &&Scenario| matches!(s, Scenario::Storm | Scenario::Durable);
        if let Some(scenario) = scenarios.iter().find(needs_impulse).filter(|_| self.plain) {
            return Err(format!("--plain: {} needs acknowledgements", scenario.name()));
        }
        let one_room = |s: &Scenario| matches!(s, Scenario::Fanout | Scenario::Storm);
        if self.room.is_some() && !scenarios.iter().all(one_room) {
            return Err("--room goes with --scenario fanout or storm".to_owned());
        }
        Ok(scenarios)
    }

    async fn start_local(&self, progress: &Progress) -> Result<Arc<Mutex<Local>>, String> {
        progress.say("starting a private server");
        let shards = self.shards.map(|shards| vec!["--shards".to_owned(), shards.to_string()]);
        let starting = tokio::task::spawn_blocking(|| Local::start(shards.unwrap_or_default()));
        let local = starting.await.map_err(|error| error.to_string())??;
        Ok(Arc::new(Mutex::new(local)))
    }

    async fn target(
        &self,
        scenario: Scenario,
        local: Option<&Arc<Mutex<Local>>>,
        progress: &Progress,
    ) -> Result<Target, String> {
        if let Some(local) = local {
            let (authority, setup, pid) = {
                let local = local.lock_unpoisoned();
                (local.authority.clone(), local.setup.clone(), local.pid())
            };
            let mut target = Target::at(&format!("http://{authority}"), Vec::new(), false)?;
            target.pid = Some(pid);
            progress.say("adding users and making rooms");
            let setup = setup.ok_or("the private server has an admin already")?;
            let admin = target.register_admin(&setup).await?;
            target.tokens = tokens(local, "admin", vec![admin]).await?;
            let names = target.add_users(scenario.users(self) - 1).await?;
            target.tokens.extend(tokens(local, "write", names).await?);
            // What the hashing of passwords has left in its memory belongs to no connection.
            let local = local.clone();
            let restarting = tokio::task::spawn_blocking(move || {
                let mut local = local.lock_unpoisoned();
                local.restart().map(|()| local.pid())
            });
            target.pid = Some(restarting.await.map_err(|error| error.to_string())??);
            return Ok(target);
        }
        let url = self.url.as_deref().unwrap_or_default();
        let mut target = Target::at(url, read_tokens(&self.tokens)?, self.plain)?;
        if target.tokens.is_empty() && !self.plain {
            return Err("--token is missing: who should the connections be? \
                 (impulse admin token USER prints one; --local needs none)"
                .to_owned());
        }
        target.pid = self.pid.or_else(|| watch::listener(target.address));
        Ok(target)
    }
}

/// Tokens of users of a private server.
async fn tokens(
    local: &Arc<Mutex<Local>>,
    scope: &'static str,
    users: Vec<String>,
) -> Result<Vec<String>, String> {
    let local = local.clone();
    let asking = tokio::task::spawn_blocking(move || local.lock_unpoisoned().tokens(scope, &users));
    asking.await.map_err(|error| error.to_string())?
}

/// `@FILE` is a file with one token a line.
fn read_tokens(given: &[String]) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    for text in given {
        match text.strip_prefix('@') {
            None => tokens.push(text.trim().to_owned()),
            Some(path) => {
                let file = std::fs::read_to_string(path)
                    .map_err(|error| format!("--token: cannot read {path}: {error}"))?;
                let lines = file.lines().map(str::trim).filter(|line| !line.is_empty());
                tokens.extend(lines.map(str::to_owned));
            }
        }
    }
    match tokens.iter().all(|token| token.bytes().all(|byte| byte.is_ascii_graphic())) {
        true => Ok(tokens),
        false => Err("--token: this is no token".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=limits::COUNT).contains(&count) => Ok(count),
        _ => Err(format!("expected a number from 1 to {}", limits::COUNT)),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e7 => Ok(rate),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    let (least, most) = (32, crate::base::limits::chat::TEXT);
    match text.parse() {
        Ok(size) if (least..=most).contains(&size) => Ok(size),
        _ => Err(format!("expected a number from {least} to {most}")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number from 0.1 to 86400".to_owned()),
    }
}
