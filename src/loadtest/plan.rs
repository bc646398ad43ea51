//! The command line of `impulse loadtest`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::assignment::Assignment;
use super::scenario::Scenario;
use super::target::Dialect;
use crate::base::limits::loadtest as limits;
use crate::http::client::Trust;

/// `impulse loadtest`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  impulse loadtest --local
  impulse loadtest --local --scenario fanout --connections 10000 --in-flight 8
  impulse loadtest --local --tls --scenario fanout
  impulse loadtest http://127.0.0.1:8080 --token $(impulse admin token demo) --scenario idle,fanout
  impulse loadtest https://192.168.0.7:8443 --ca ca.crt --token @tokens --scenario storm

A server that is measured runs with IMPULSE_RATE_LIMIT_SCALE=0 (a private one does).
Exits with failure if anything was lost, doubled or out of order.")]
pub struct Plan {
    /// The server, such as http://127.0.0.1:8080 or https://chat.example.org
    #[arg(required_unless_present = "local", conflicts_with = "local")]
    pub url: Option<String>,

    /// Start a private server with a database of its own, measure it, remove it
    #[arg(long)]
    pub local: bool,

    /// The private server speaks TLS, with a certificate that is made for it
    #[arg(long, requires = "local")]
    pub tls: bool,

    /// The certificate of the server's authority, or its own one, as PEM [default: the public authorities]
    #[arg(long, value_name = "FILE", conflicts_with = "local")]
    pub ca: Option<PathBuf>,

    /// Accept any certificate: the connections are encrypted, but whoever is between may be the other end
    #[arg(long, conflicts_with_all = ["local", "ca"])]
    pub insecure: bool,

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

    /// `storm` cuts all connections and leaves the private server running, so that session tickets are good
    #[arg(long, requires = "local")]
    pub cut: bool,

    /// The room is an encrypted direct chat of ten people, and its messages are signed envelopes (fanout, storm)
    #[arg(long, requires = "local", conflicts_with = "room")]
    pub encrypted: bool,

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

impl Plan {
    /// The scenarios to run.
    ///
    /// # Errors
    /// They do not go with the other options.
    pub fn scenarios(&self) -> Result<Vec<Scenario>, String> {
        let scenarios = match self.scenario.as_slice() {
            [] if self.plain || self.encrypted => vec![Scenario::Fanout],
            [] => Scenario::ALL.to_vec(),
            some => some.to_vec(),
        };
        let needs_impulse = |s: &&Scenario| matches!(s, Scenario::Storm | Scenario::Durable);
        if let Some(scenario) = scenarios.iter().find(needs_impulse).filter(|_| self.plain) {
            return Err(format!("--plain: {} needs acknowledgements", scenario.name()));
        }
        let one_room = |s: &Scenario| matches!(s, Scenario::Fanout | Scenario::Storm);
        if self.encrypted && !scenarios.iter().all(one_room) {
            return Err("--encrypted goes with --scenario fanout or storm".to_owned());
        }
        if self.room.is_some() && !scenarios.iter().all(one_room) {
            return Err("--room goes with --scenario fanout or storm".to_owned());
        }
        Ok(scenarios)
    }

    /// Which certificates its connections accept.
    ///
    /// # Errors
    /// One sentence about the file.
    pub fn trust(&self) -> Result<Trust, String> {
        match &self.ca {
            Some(file) => Trust::in_file(file),
            None if self.insecure => Ok(Trust::any()),
            None => Ok(Trust::public()),
        }
    }

    /// What the server understands.
    pub fn dialect(&self) -> Dialect {
        if self.plain { Dialect::Plain } else { Dialect::Impulse }
    }

    /// How many rooms a scenario needs.
    pub fn rooms_of(&self, scenario: Scenario) -> usize {
        match scenario {
            Scenario::Connect | Scenario::Idle => 0,
            Scenario::Fanout | Scenario::Storm => 1,
            Scenario::Rooms => self.rooms,
            Scenario::Durable => self.rooms.min(limits::DURABLE_ROOMS),
        }
    }

    /// How many users a private server needs for a scenario: each of several rooms belongs to another one.
    pub fn users_of(&self, scenario: Scenario) -> usize {
        self.rooms_of(scenario).max(limits::USERS)
    }

    /// What each connection of a scenario does.
    pub fn assignments(&self, scenario: Scenario) -> Vec<Assignment> {
        let rooms = self.rooms_of(scenario).max(1);
        let count = match scenario {
            Scenario::Rooms => self.rooms * self.members,
            Scenario::Durable => self.connections.unwrap_or(limits::DURABLE_WRITERS),
            _ => self.connections.unwrap_or(limits::CONNECTIONS),
        };
        let follows = matches!(scenario, Scenario::Fanout | Scenario::Rooms | Scenario::Storm);
        let one_user_a_room = matches!(scenario, Scenario::Rooms | Scenario::Durable);
        let stalled = if scenario == Scenario::Fanout { self.stalled } else { 0 };
        let assignment = |n: usize| {
            let room = n % rooms;
            let token = if one_user_a_room { room } else { n };
            Assignment { token, room, follows, reads: n < count }
        };
        (0..count + stalled).map(assignment).collect()
    }

    /// The tokens that were given, or read from files.
    ///
    /// # Errors
    /// A file cannot be read, or what it holds is no token.
    pub fn tokens(&self) -> Result<Vec<String>, String> {
        read_tokens(&self.tokens)
    }
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
