//! The addresses of a server: those that the settings name, the plain one beside https, and one for the command line.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::address::Address;
use crate::api::Api;
use crate::config::{Config, Host, Listen};
use crate::http::{self, Destination, Families, Head, Listener, Redirect, Response, Service};
use crate::tls::challenges::{Challenges, PREFIX};
use crate::tls::{Authority, Certificates, Tls, trust_page};

/// Sockets that listen, before anybody is served.
pub(super) struct Listeners {
    main: Vec<Listener>,
    /// Plain ones that lead to https.
    redirecting: Vec<Listener>,
    /// A plain one on loopback for the command line, which need not trust a certificate.
    local: Option<Listener>,
}

impl Listeners {
    /// Listens on all addresses that the settings name.
    ///
    /// # Errors
    /// One sentence that names the address and its setting.
    pub fn bind(config: &Config) -> Result<Self, String> {
        let main = bind(&config.listen, "IMPULSE_LISTEN")?;
        let redirecting = match &config.tls.plain_addresses() {
            Some(addresses) => bind(addresses, "IMPULSE_HTTP_LISTEN")?,
            None => Vec::new(),
        };
        let local = match config.tls.is_on() {
            true => bind(&Listen(vec![(Ipv4Addr::LOCALHOST, 0).into()]), "IMPULSE_TLS")?.pop(),
            false => None,
        };
        Ok(Self { main, redirecting, local })
    }

    /// Where the server can be visited from this machine, with the ports it was given.
    ///
    /// # Errors
    /// That of the system call.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        self.main.iter().map(address).collect()
    }

    /// Where the command line reaches the server, by plain HTTP.
    ///
    /// # Errors
    /// That of the system call.
    pub fn local_address(&self) -> Result<SocketAddr, String> {
        let listener = self.local.as_ref().or(self.main.first());
        listener.map(address).unwrap_or_else(|| Err("there is no address to listen on".to_owned()))
    }

    /// The port of the plain address that leads to https.
    pub fn plain_port(&self) -> Option<u16> {
        self.redirecting.first()?.local_addr().ok().map(|address| address.port())
    }

    /// Serves them until the server stops.
    pub fn serve(
        self,
        tasks: &mut JoinSet<()>,
        api: &Arc<Api>,
        options: &http::Options,
        secured: Option<Secured>,
        stop: &watch::Receiver<bool>,
    ) {
        let plain = http::Options { tls: None, ..options.clone() };
        let mut serve = |listener, service: Arc<dyn Service>, options: &http::Options| {
            tasks.spawn(http::serve(listener, service, options.clone(), stop.clone()));
        };
        for listener in self.main {
            serve(listener, api.clone(), options);
        }
        if let Some(listener) = self.local {
            serve(listener, api.clone(), &plain);
        }
        let Some(secured) = secured else { return };
        let redirect = Arc::new(Redirect::new(secured, api.clone()));
        for listener in self.redirecting {
            serve(listener, redirect.clone(), &plain);
        }
    }
}

fn address(listener: &Listener) -> Result<SocketAddr, String> {
    listener.loopback_addr().map_err(|error| error.to_string())
}

fn bind(addresses: &Listen, setting: &str) -> Result<Vec<Listener>, String> {
    let bound = addresses.0.iter().map(|address| {
        let families = match addresses.has_ipv4_at(address.port()) {
            true => Families::Ipv6Only,
            false => Families::Both,
        };
        http::bind_families(*address, families).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::AddrInUse => {
                    "another program listens there; end it or choose another port"
                }
                ErrorKind::PermissionDenied => {
                    "ports below 1024 need a right to them, such as CAP_NET_BIND_SERVICE"
                }
                ErrorKind::AddrNotAvailable => "this machine does not have that address",
                _ => return format!("cannot listen on {address} ({setting}): {error}"),
            };
            format!("cannot listen on {address} ({setting}): {hint}")
        })
    });
    bound.collect()
}

/// What the plain address leads to.
pub(super) struct Secured {
    /// The names that the settings allow; any that the certificate is for, if there are none.
    hosts: Vec<Host>,
    certificates: Certificates,
    challenges: Challenges,
    /// The page that explains how to trust it, which must be readable before.
    authority: Option<Arc<Authority>>,
    /// Where people are sent who asked for another name.
    address: Address,
    /// Where https listens.
    port: u16,
}

impl Secured {
    /// The https side of a server that is known by that address.
    pub fn new(config: &Config, tls: &Tls, address: Address, sockets: &[SocketAddr]) -> Self {
        let port = sockets.first().map_or(443, SocketAddr::port);
        let (certificates, challenges) = (tls.certificates.clone(), tls.challenges.clone());
        let (hosts, authority) = (config.hosts.clone(), tls.authority());
        Self { hosts, certificates, challenges, authority, address, port }
    }
}

impl Destination for Secured {
    fn known_as(&self, asked: &Host) -> Option<String> {
        if self.hosts.is_empty() {
            let name = asked.name().trim_matches(['[', ']']);
            let covers = self.certificates.current().covers(name);
            return covers.then(|| self.address.with_name(asked.name()).to_string());
        }
        let known = self.hosts.iter().find(|host| host.name() == asked.name())?;
        let port = known.port().unwrap_or(self.port);
        Some(self.address.with_name(known.name()).with_port(port).to_string())
    }

    fn address(&self) -> String {
        self.address.to_string()
    }

    fn answer(&self, head: &Head) -> Option<Response> {
        if head.path.starts_with(PREFIX) {
            return Some(match self.challenges.answer(&head.path) {
                Some(answer) => Response::new(200, "application/octet-stream", answer),
                None => Response::empty(404),
            });
        }
        trust_page::respond(self.authority.as_ref()?, head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_taken_is_named_with_its_setting() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let sentence = bind(&Listen(vec![address]), "IMPULSE_HTTP_LISTEN").err().unwrap();
        assert!(sentence.contains(&address.to_string()), "{sentence}");
        assert!(sentence.contains("IMPULSE_HTTP_LISTEN"), "{sentence}");
        assert!(sentence.contains("another program listens there"), "{sentence}");
    }
}
