//! What the checks know before they begin: the settings, the running server, and the URL.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::args::Doctor;
use crate::config::Config;
use crate::control::{self, Control};
use crate::http::client::{Origin, Trust};
use crate::store::embedded;

/// The server that is checked.
pub struct Site {
    pub config: Config,
    pub data_dir: PathBuf,
    /// What the running server says of itself.
    pub control: Option<Control>,
    pub target: Option<Target>,
}

/// The URL by which people open it.
pub struct Target {
    pub origin: Origin,
    pub trust: Trust,
    pub token: Option<String>,
}

impl Site {
    /// # Errors
    /// One sentence: an argument that is none.
    pub fn new(config: Config, doctor: &Doctor) -> Result<Self, String> {
        let data_dir = config.data_dir.clone().unwrap_or_else(embedded::default_data_dir);
        let control = control::read(&data_dir).filter(|control| is_alive(control.pid));
        let target = doctor.url.as_deref().map(|url| Target::new(url, doctor)).transpose()?;
        Ok(Self { config, data_dir, control, target })
    }

    /// Whether a server runs on this machine with that data directory.
    pub fn is_running(&self) -> bool {
        self.control.is_some()
    }
}

impl Target {
    fn new(url: &str, doctor: &Doctor) -> Result<Self, String> {
        let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        let (origin, path) = Origin::parse(&url)?;
        if !matches!(path, "" | "/") {
            return Err(format!(
                "{url:?} has a path: give the address alone, such as https://chat.example.org"
            ));
        }
        let trust = match &doctor.ca {
            Some(file) => Trust::in_file(file)?,
            None => Trust::public(),
        };
        let token = doctor.token.as_deref().map(read_token).transpose()?;
        Ok(Self { origin, trust, token })
    }

    /// As a browser names it in `Origin`.
    pub fn browser_origin(&self) -> String {
        let scheme = if self.is_https() { "https" } else { "http" };
        format!("{scheme}://{}", self.origin.authority())
    }

    pub fn is_https(&self) -> bool {
        self.origin.scheme == crate::http::client::Scheme::Https
    }
}

fn read_token(text: &str) -> Result<String, String> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// An address to connect to from this machine.
pub fn from_here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
