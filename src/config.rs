//! Settings: a flag, an environment variable, a default. Blank means unset.
//!
//! The names are part of what a release promises (`README.md`, "Settings").

mod acme;
mod backup;
mod files;
mod host;
mod lan;
mod listen;
mod tls;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

pub use acme::{AcmeSettings, EabKey, LETS_ENCRYPT, LETS_ENCRYPT_STAGING, Staging};
pub use backup::BackupSettings;
pub use files::{BucketPlace, FileSettings};
pub use host::{Host, Origin, Scheme};
use host::{parse_host, parse_origin};
pub use lan::Given;
pub use listen::Listen;
use listen::parse_listen;
pub use tls::{TlsMode, TlsSettings};

use crate::base::limits::config::{RATE_LIMIT_SCALE_MAX, SHARDS_MAX};
use crate::base::limits::memory;
use crate::base::network::Networks;
use crate::base::runtime::cores;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anybody.
    Open,
    /// Only with an invitation.
    Invite,
    /// Nobody; an admin adds users.
    Closed,
}

/// The settings of `impulse serve`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on; several by comma
    #[arg(
        long,
        env = "IMPULSE_LISTEN",
        default_value = "127.0.0.1:8080",
        value_parser = parse_listen,
        value_name = "ADDR",
    )]
    pub listen: Listen,

    /// Open the server to this network: every address, https with a certificate of its own, a QR code
    #[arg(
        long,
        env = "IMPULSE_LAN",
        value_parser = parse_switch,
        default_value = "0",
        num_args = 0..=1,
        default_missing_value = "1",
        value_name = "0|1",
    )]
    pub lan: bool,

    /// Whether and how the server speaks TLS.
    #[command(flatten)]
    pub tls: TlsSettings,

    /// Backups.
    #[command(flatten)]
    pub backup: BackupSettings,

    /// Where files are kept.
    #[command(flatten)]
    pub files: FileSettings,

    /// Where the embedded database, uploaded files and generated secrets live [default: by user]
    #[arg(long, env = "IMPULSE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// PostgreSQL of the chat store [default: a private, embedded one]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// PostgreSQL of the account store [default: the same server, its own schema]
    #[arg(long, env = "ACCOUNTS_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub accounts_database_url: Option<String>,

    /// Start even if the database could lose what it acknowledged (fsync=off and the like)
    #[arg(
        long,
        env = "IMPULSE_ALLOW_WEAK_DATABASE",
        value_parser = parse_switch,
        default_value = "0",
        num_args = 0..=1,
        default_missing_value = "1",
        value_name = "0|1",
    )]
    pub allow_weak_database: bool,

    /// Delivery threads [default: half the cores]
    #[arg(long, env = "IMPULSE_SHARDS", value_parser = parse_shards, value_name = "N")]
    pub shards: Option<usize>,

    /// WebSockets at once; beyond it 503 [default: as many as the descriptors allow]
    #[arg(long, env = "IMPULSE_CONNECTIONS_MAX", value_parser = parse_connections, value_name = "N")]
    pub connections_max: Option<usize>,

    /// Memory for everything that waits for clients, such as 512MiB; beyond it they are refused
    #[arg(
        long,
        env = "IMPULSE_MEMORY_BUDGET",
        value_parser = parse_memory,
        default_value = "512MiB",
        value_name = "SIZE",
    )]
    pub memory_budget: usize,

    /// Who may register
    #[arg(long, env = "IMPULSE_REGISTRATION", value_enum, default_value = "open")]
    pub registration: Registration,

    /// Multiplies every rate limit and per-user connection limit; 0 lifts them (a load test)
    #[arg(
        long,
        env = "IMPULSE_RATE_LIMIT_SCALE",
        value_parser = parse_scale,
        default_value = "1",
        value_name = "FACTOR",
    )]
    pub rate_limit_scale: f64,

    /// How long a key of a room may be missing until it counts as missing; tests wait less.
    #[arg(skip = crate::base::limits::encryption::WRAP_MISSING)]
    pub wrap_missing: std::time::Duration,

    /// The name people see
    #[arg(long, env = "IMPULSE_NAME", value_parser = parse_name, default_value = "Impulse")]
    pub name: String,

    /// Origins besides our own that may use the API from a browser, by comma
    #[arg(long, env = "IMPULSE_ORIGINS", value_delimiter = ',', value_parser = parse_origin, value_name = "ORIGIN")]
    pub origins: Vec<Origin>,

    /// Names this server may be asked for, by comma; others get 421 [default: any]
    #[arg(long, env = "IMPULSE_HOSTS", value_delimiter = ',', value_parser = parse_host, value_name = "HOST")]
    pub hosts: Vec<Host>,

    /// Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks, by comma or space
    #[arg(
        long,
        env = "IMPULSE_TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true,
        value_name = "IP|CIDR"
    )]
    pub trusted_proxies: Networks,

    /// Fill an empty server with people and rooms to look at
    #[arg(
        long,
        env = "IMPULSE_DEMO",
        value_parser = parse_switch,
        default_value = "0",
        num_args = 0..=1,
        default_missing_value = "1",
        value_name = "0|1",
    )]
    pub demo: bool,

    /// Adds a WebSocket echo endpoint at PATH for conformance suites; loopback only
    #[arg(long, value_parser = parse_echo_path, value_name = "PATH")]
    pub dev_echo: Option<String>,

    /// Largest message of the echo endpoint, in bytes
    #[arg(long, default_value_t = 16 * 1024 * 1024, requires = "dev_echo", value_name = "BYTES")]
    pub dev_echo_message: usize,

    /// Most fragments of one message of the echo endpoint
    #[arg(long, default_value_t = 65_536, requires = "dev_echo", value_name = "N")]
    pub dev_echo_fragments: usize,
}

impl Config {
    /// Refuses combinations that would be dangerous, naming the flag.
    pub fn check(&self) -> Result<(), String> {
        if self.dev_echo.is_some() && !self.listen.0.iter().all(|addr| addr.ip().is_loopback()) {
            return Err("--dev-echo is only for loopback: every --listen address must be 127.x.x.x or [::1]".into());
        }
        self.files.place()?;
        self.tls.check()
    }

    /// Delivery threads to start.
    ///
    /// Half the cores: the other half runs accept, HTTP, room actors and, often, the database.
    pub fn shard_count(&self) -> usize {
        self.shards.unwrap_or_else(|| (cores() / 2).clamp(1, SHARDS_MAX))
    }

    /// Threads of the control plane: what the shards leave. One that is enough for its core wakes its
    /// own tasks without asking the kernel; a second one on the same core only passes work around.
    pub fn worker_count(&self) -> usize {
        cores().saturating_sub(self.shard_count()).max(1)
    }

    /// Those of them that run rooms, their journal and its connections, and nothing else.
    pub fn room_worker_count(&self) -> usize {
        (self.worker_count() / 2).max(1)
    }

    /// The others: HTTP, logins, files.
    pub fn http_worker_count(&self) -> usize {
        self.worker_count().saturating_sub(self.room_worker_count()).max(1)
    }
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected 0 or 1".into()),
    }
}

fn parse_shards(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=SHARDS_MAX).contains(&n) => Ok(n),
        _ => Err(format!("expected a number from 1 to {SHARDS_MAX}")),
    }
}

fn parse_connections(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a number from 1 on".into())
}

fn parse_memory(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => 0,
    };
    let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| (memory::BUDGET_MIN..=memory::BUDGET_MAX).contains(bytes)).ok_or_else(
        || {
            let least = memory::BUDGET_MIN >> 20;
            format!("expected a size such as 512MiB or 2GiB, at least {least}MiB")
        },
    )
}

/// The same as administrators may choose.
fn parse_name(text: &str) -> Result<String, String> {
    let name = crate::base::text::name("name", text, crate::base::limits::api::SERVER_NAME);
    name.map_err(|error| error.message().to_owned())
}

fn parse_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (0.0..=RATE_LIMIT_SCALE_MAX).contains(&scale) => Ok(scale),
        _ => Err(format!("expected a number from 0 to {RATE_LIMIT_SCALE_MAX}")),
    }
}

fn parse_echo_path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte);
    if text.len() > 1 && text.starts_with('/') && !text.contains("//") && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("expected a path such as /echo".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_scales_and_shards_refuse_nonsense() {
        assert_eq!(parse_switch("1"), Ok(true));
        assert!(parse_switch("maybe").is_err());
        assert_eq!(parse_scale("0"), Ok(0.0));
        let most = RATE_LIMIT_SCALE_MAX;
        assert_eq!(parse_scale(&most.to_string()), Ok(most));
        for wrong in ["-1", "NaN", "inf", "", &(most + 1.0).to_string()] {
            assert!(parse_scale(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(parse_shards(&SHARDS_MAX.to_string()), Ok(SHARDS_MAX));
        for wrong in [0, SHARDS_MAX + 1] {
            assert!(parse_shards(&wrong.to_string()).is_err(), "{wrong}");
        }
        assert_eq!(parse_connections("19000"), Ok(19_000));
        for wrong in ["0", "-1", "many"] {
            assert!(parse_connections(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_size_has_a_unit_or_none_and_is_not_too_small_for_a_server() {
        assert_eq!(parse_memory("512MiB"), Ok(memory::BUDGET), "the default");
        assert_eq!(parse_memory(" 2 g"), Ok(2 << 30));
        assert_eq!(parse_memory(&memory::BUDGET_MIN.to_string()), Ok(memory::BUDGET_MIN));
        let (small, large) =
            ((memory::BUDGET_MIN - 1).to_string(), (memory::BUDGET_MAX + 1).to_string());
        for wrong in ["", "MiB", "512MB", "-1", "99999999999999999999g", &small, &large] {
            assert!(parse_memory(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_echo_path_is_a_plain_path() {
        assert!(parse_echo_path("/echo").is_ok());
        for wrong in ["echo", "/", "//x", "/a b", "/%2e"] {
            assert!(parse_echo_path(wrong).is_err(), "{wrong}");
        }
    }
}
