//! How other machines in the same network reach a server that makes its own certificates.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::address::Address;
use crate::config::Config;
use crate::tls::names::Machine;
use crate::tls::{Authority, Name, trust_page};

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
fn addresses(config: &Config, own: &Address, authority: &Authority) -> Vec<Address> {
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
    /// Of a server that is visited as `own`, with the port of its plain address.
    pub(super) fn new(
        authority: Arc<Authority>,
        config: &Config,
        own: &Address,
        plain: Option<u16>,
    ) -> Self {
        let mut all = addresses(config, own, &authority).into_iter();
        let address = all.next();
        let first = address.as_ref().unwrap_or(own);
        let page = plain.map_or_else(|| first.clone(), |port| first.plain_at(port));
        let trust_page = format!("{page}{}", trust_page::PAGE_PATH);
        let is_public = first.ip().is_some_and(|ip| !is_certified(&authority, ip));
        Self { authority, trust_page, is_public, address, others: all.collect() }
    }
}

fn is_certified(authority: &Authority, ip: IpAddr) -> bool {
    authority.constraints().permit(&Name::Ip(ip))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::cli::Cli;

    fn nearby(arguments: &[&str], plain: Option<u16>) -> Nearby {
        let config = Cli::parse_all(["impulse"].iter().chain(arguments)).unwrap().config;
        let place = tempfile::tempdir().unwrap();
        let authority = Arc::new(Authority::open(place.path(), None, SystemTime::now()).unwrap());
        let sockets = ["127.0.0.1:8443".parse().unwrap()];
        let own = Address::to_give(&config, &sockets, None).secure();
        Nearby::new(authority, &config, &own, plain)
    }

    fn texts(nearby: &Nearby) -> Vec<String> {
        nearby.address.iter().chain(&nearby.others).map(ToString::to_string).collect()
    }

    #[test]
    fn a_server_on_loopback_is_near_to_nobody_and_one_on_an_address_only_there() {
        let alone = nearby(&["--listen", "127.0.0.1:8443"], None);
        assert!(texts(&alone).is_empty());
        assert_eq!(alone.trust_page, "https://127.0.0.1:8443/ca");
        let there = nearby(&["--listen", "192.168.7.7:8443,127.0.0.1:8443"], Some(8080));
        assert_eq!(texts(&there), ["https://192.168.7.7:8443"]);
        assert!(there.trust_page == "http://192.168.7.7:8080/ca" && !there.is_public);
        assert!(nearby(&["--listen", "8.8.8.8:8443"], None).is_public);
    }

    #[test]
    fn a_server_on_every_address_is_near_by_those_of_the_machine_and_first_by_its_listed_name() {
        let every = nearby(&["--listen", "[::]:8443"], None);
        assert!(
            texts(&every).iter().all(|text| !text.contains("127.0.0.1") && !text.contains("[::1]"))
        );
        let only_ipv4 = nearby(&["--listen", "0.0.0.0:8443"], None);
        assert!(
            texts(&only_ipv4).iter().all(|text| !text.contains('[')),
            "{:?}",
            texts(&only_ipv4)
        );
        let listed =
            nearby(&["--listen", "[::]:8443", "--hosts", "chat.local,10.0.0.9:9443"], Some(80));
        assert_eq!(texts(&listed)[..2], ["https://chat.local:8443", "https://10.0.0.9:9443"]);
        assert_eq!(listed.trust_page, "http://chat.local/ca");
    }
}
