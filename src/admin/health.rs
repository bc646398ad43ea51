//! `impulse healthcheck`: whether a server is ready, as an exit code.
//!
//! It reads the settings of the server, so it needs no address of its own: it asks where the server listens, by loopback
//! where that is every address, with TLS where the server has it. A server that was given other settings on its command
//! line is found by the file in its data directory.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::control;
use crate::http::client::{Client, Failure, Origin, Scheme, Trust};
use crate::store::embedded;

/// `impulse healthcheck`: requests `/ready` at `address`, which may be a URL, or else where the settings say.
///
/// # Errors
/// A sentence saying what was wrong: no connection, no answer in time, or not ready.
pub async fn healthcheck(
    config: &Config,
    address: Option<&str>,
    timeout: Duration,
) -> Result<(), String> {
    let servers = match address {
        Some(address) => vec![named(config, address)?],
        None => configured(config),
    };
    let deadline = Instant::now() + timeout;
    let mut unreachable = Vec::new();
    for server in servers {
        let left = deadline.saturating_duration_since(Instant::now());
        let client = Client::of(&server, &Trust::any()).with_timeout(left);
        let address = server.authority();
        match client.send("GET", "/ready", "").await {
            Ok(reply) if reply.status == 200 => return Ok(()),
            Ok(reply) => {
                return Err(format!("not ready: HTTP/1.1 {} {}", reply.status, reply.reason));
            }
            Err(Failure::Timeout) => {
                return Err(format!("{address} did not answer within {} s", timeout.as_secs()));
            }
            Err(Failure::Io(error)) => unreachable.push(format!("cannot reach {address}: {error}")),
            Err(failure) => return Err(format!("not ready: {address}: {failure}")),
        }
    }
    Err(unreachable.join("; "))
}

/// The server that somebody named: by a URL, or by host and port, where the settings say whether it has TLS.
fn named(config: &Config, address: &str) -> Result<Origin, String> {
    let url = match address.contains("://") {
        true => address.to_owned(),
        false if config.tls.is_on() => format!("https://{address}"),
        false => format!("http://{address}"),
    };
    Origin::parse(&url).map(|(origin, _)| origin)
}

/// Where the server can be, likeliest first.
fn configured(config: &Config) -> Vec<Origin> {
    let scheme = if config.tls.is_on() { Scheme::Https } else { Scheme::Http };
    let listening = config.listen.0.iter().filter(|address| address.port() != 0);
    let reached = listening.flat_map(|address| reached_at(*address));
    let mut servers: Vec<_> = reached.map(|address| origin(scheme, address)).collect();
    let data_dir = config.data_dir.clone().unwrap_or_else(embedded::default_data_dir);
    let control = control::read(&data_dir).and_then(|control| control.address.parse().ok());
    servers.extend(control.map(|address| origin(Scheme::Http, address)));
    servers.dedup();
    servers
}

/// The addresses by which this machine reaches a server that listens there.
fn reached_at(address: SocketAddr) -> impl Iterator<Item = SocketAddr> {
    let ipv4 = Some(IpAddr::from(Ipv4Addr::LOCALHOST));
    let addresses = match address.ip() {
        ip if !ip.is_unspecified() => [Some(ip), None],
        IpAddr::V4(_) => [ipv4, None],
        // It takes IPv4 as well, unless that is another listener's.
        IpAddr::V6(_) => [ipv4, Some(Ipv6Addr::LOCALHOST.into())],
    };
    addresses.into_iter().flatten().map(move |ip| SocketAddr::new(ip, address.port()))
}

fn origin(scheme: Scheme, address: SocketAddr) -> Origin {
    Origin { scheme, host: address.ip().to_string(), port: address.port() }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn config(arguments: &str) -> Config {
        let folder = "impulse --data-dir /nowhere";
        Cli::parse_from(folder.split(' ').chain(arguments.split_whitespace())).config
    }

    fn configured_at(arguments: &str) -> Vec<String> {
        let origins = configured(&config(arguments));
        let texts = origins.iter().map(|origin| match origin.scheme {
            Scheme::Http => format!("http://{}", origin.authority()),
            Scheme::Https => format!("https://{}", origin.authority()),
        });
        texts.collect()
    }

    #[test]
    fn the_settings_of_the_server_say_where_it_is() {
        for (arguments, expected) in [
            ("", vec!["http://127.0.0.1:8080"]),
            ("--listen 0.0.0.0:9000", vec!["http://127.0.0.1:9000"]),
            ("--listen [::]:9000", vec!["http://127.0.0.1:9000", "http://[::1]:9000"]),
            ("--listen [::1]:9000", vec!["http://[::1]:9000"]),
            ("--listen 10.0.0.7:80,127.0.0.1:81", vec!["http://10.0.0.7", "http://127.0.0.1:81"]),
            ("--listen 127.0.0.1:0", vec![]),
            ("--tls auto --listen 0.0.0.0:8443", vec!["https://127.0.0.1:8443"]),
        ] {
            let found = configured_at(arguments);
            let found: Vec<_> = found.iter().map(|text| text.trim_end_matches(":80")).collect();
            assert_eq!(found, expected, "{arguments}");
        }
    }

    #[test]
    fn an_address_that_is_named_may_be_a_url() {
        let named = |arguments: &str, address: &str| {
            named(&config(arguments), address)
                .map(|origin| (origin.scheme, origin.host, origin.port))
        };
        let local = |scheme, port| Ok((scheme, "127.0.0.1".to_owned(), port));
        assert_eq!(named("", "127.0.0.1:9"), local(Scheme::Http, 9));
        assert_eq!(named("--tls auto", "127.0.0.1:9"), local(Scheme::Https, 9));
        assert_eq!(named("", "https://127.0.0.1/ready"), local(Scheme::Https, 443));
        assert_eq!(named("--tls auto", "http://127.0.0.1:9/"), local(Scheme::Http, 9));
        assert!(named("", "").is_err());
    }
}
