//! How other machines in the same network reach a server that makes its own certificates.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::address::Address;
use crate::config::Config;
use crate::tls::names::Machine;
use crate::tls::{Authority, Name};

/// What is said of the server to those around it.
pub struct Nearby {
    /// The authority that their devices may trust.
    pub authority: Arc<Authority>,
    /// The page that says how, by plain HTTP if there is such an address.
    pub trust_page: String,
    /// Where they likely reach it, if this machine is in a network.
    pub address: Option<Address>,
    /// Where else.
    pub others: Vec<Address>,
    /// The likeliest address is a public one, for which there is no certificate.
    pub is_public: bool,
}

/// The addresses of a server by which others reach it, the likeliest first: a name that the settings list, else those of
/// this machine. There is none while the machine is in no network, or if the server listens on loopback only.
pub(super) fn addresses(config: &Config, own: &Address, authority: &Authority) -> Vec<Address> {
    let listed = config.hosts.iter().map(|host| own.with_host(host));
    let beyond: Vec<_> =
        config.listen.0.iter().map(SocketAddr::ip).filter(|ip| !ip.is_loopback()).collect();
    let (every, single): (Vec<IpAddr>, Vec<IpAddr>) =
        beyond.into_iter().partition(IpAddr::is_unspecified);
    let single = single.into_iter().map(|ip| own.with_ip(ip));
    let mut all: Vec<_> = listed.chain(single).collect();
    if !every.is_empty() {
        let machine = Machine::here().unwrap_or_default();
        let has_ipv6 = every.iter().any(IpAddr::is_ipv6);
        let reachable = machine.reachable(|ip| is_certified(authority, ip));
        all.extend(
            reachable.into_iter().filter(|ip| has_ipv6 || ip.is_ipv4()).map(|ip| own.with_ip(ip)),
        );
        if let Some(label) = machine.host.as_deref().and_then(|host| host.split('.').next()) {
            all.push(own.with_name(&format!("{label}.local")));
        }
    }
    let mut once: Vec<Address> = Vec::new();
    for address in all {
        if !once.contains(&address) {
            once.push(address);
        }
    }
    once
}

impl Nearby {
    /// Of a server that is known by `addresses`, with the port of its plain address.
    pub(super) fn new(
        authority: Arc<Authority>,
        addresses: &[Address],
        own: &Address,
        plain: Option<u16>,
    ) -> Self {
        let first = addresses.first().unwrap_or(own);
        let page = plain.map_or_else(|| first.clone(), |port| first.plain_at(port));
        let is_public = first.ip().is_some_and(|ip| !is_certified(&authority, ip));
        let (address, others) =
            (addresses.first().cloned(), addresses.iter().skip(1).cloned().collect());
        Self {
            authority,
            trust_page: format!("{page}{}", crate::tls::trust_page::PAGE_PATH),
            address,
            others,
            is_public,
        }
    }
}

fn is_certified(authority: &Authority, ip: IpAddr) -> bool {
    authority.constraints().permit(&Name::Ip(ip))
}
