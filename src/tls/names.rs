//! The names and addresses of this machine: what a certificate is made for, and where other machines reach it.

use std::cmp::Reverse;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use super::constraints::Name;
use crate::base::limits::tls as limits;

/// How the network interfaces are called that lead to containers, virtual machines and virtual private networks.
/// What other machines of the room reach is not behind them.
const VIRTUAL: [&str; 17] = [
    "docker",
    "br-",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "podman",
    "cni",
    "flannel",
    "cali",
    "lxc",
    "lxd",
    "tun",
    "tap",
    "wg",
    "tailscale",
    "zt",
];

/// A machine's name and addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// In lower case.
    pub host: Option<String>,
    /// Those that are up, loopback among them.
    pub addresses: Vec<Address>,
}

/// An address of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// The name of its network interface.
    pub interface: String,
    /// What goes to the Internet goes out with it.
    pub is_default: bool,
}

impl Machine {
    /// This machine, as it is now.
    ///
    /// # Errors
    /// That of the system call.
    pub fn here() -> std::io::Result<Self> {
        let brief = brief_addresses();
        let defaults =
            [Ipv4Addr::new(192, 0, 2, 1).into(), Ipv6Addr::from_bits(0x2001_0db8 << 96 | 1).into()]
                .map(address_towards);
        let mut addresses: Vec<Address> = Vec::new();
        for found in getifaddrs()? {
            let Some(ip) = found.address.as_ref().and_then(|address| {
                let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
                v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
            }) else {
                continue;
            };
            if found.flags.contains(InterfaceFlags::IFF_UP) && is_of_use(ip) && !brief.contains(&ip)
            {
                let is_default = defaults.contains(&Some(ip));
                addresses.push(Address { ip, interface: found.interface_name, is_default });
            }
        }
        Ok(Self { host: host_name(), addresses: bounded(addresses) })
    }

    /// Everything that somebody on this machine or beside it may call it.
    pub fn names(&self) -> Vec<Name> {
        let host = self.host.iter().flat_map(|host| {
            // Other machines find it by multicast DNS under its first label.
            let label = host.split('.').next().unwrap_or(host);
            [host.clone(), format!("{label}.local")]
        });
        let dns = host.chain(["localhost".to_owned()]).map(Name::Dns);
        let mut names: Vec<_> =
            dns.chain(self.addresses.iter().map(|address| Name::Ip(address.ip))).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Where other machines reach it, the likeliest first: neither loopback nor, if there is a choice, an address that
    /// only its own containers and virtual machines know. `is_good` says which addresses are wanted most.
    pub fn reachable(&self, is_good: impl Fn(IpAddr) -> bool) -> Vec<IpAddr> {
        let mut beyond: Vec<_> =
            self.addresses.iter().filter(|address| !address.ip.is_loopback()).collect();
        beyond.sort_by_key(|address| {
            let is_link_local = matches!(address.ip, IpAddr::V4(ip) if ip.is_link_local());
            (
                is_virtual(&address.interface),
                Reverse(is_good(address.ip)),
                is_link_local,
                address.ip.is_ipv6(),
                !address.is_default,
            )
        });
        beyond.into_iter().map(|address| address.ip).collect()
    }
}

/// The name of this machine, if a certificate can hold it.
fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    match Name::parse(&name)? {
        Name::Dns(name) if name != "localhost" => Some(name),
        _ => None,
    }
}

/// A host of many containers has a network for each of them; its own addresses come first.
fn bounded(mut addresses: Vec<Address>) -> Vec<Address> {
    addresses.sort_by_key(|address| is_virtual(&address.interface));
    addresses.truncate(limits::ADDRESSES);
    addresses
}

fn is_virtual(interface: &str) -> bool {
    VIRTUAL.iter().any(|start| interface.starts_with(start))
}

/// The link-local addresses of IPv6 need the name of an interface behind them, which no browser takes.
fn is_of_use(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
    }
}

/// The address with which this machine sends to another one. Connecting a datagram socket sends nothing.
fn address_towards(other: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match other {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((other, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The IPv6 addresses that exist for privacy and change every day, and those on their way out: a certificate for them
/// would be made anew every day.
fn brief_addresses() -> Vec<IpAddr> {
    parse_brief_addresses(&fs::read_to_string("/proc/net/if_inet6").unwrap_or_default())
}

fn parse_brief_addresses(table: &str) -> Vec<IpAddr> {
    const TEMPORARY_OR_DEPRECATED: u32 = 0x01 | 0x20;
    let address = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & TEMPORARY_OR_DEPRECATED != 0).then(|| Ipv6Addr::from_bits(address).into())
    };
    table.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(addresses: &[(&str, &str, bool)]) -> Machine {
        let address = |(ip, interface, is_default): &(&str, &str, bool)| Address {
            ip: ip.parse().unwrap(),
            interface: (*interface).to_owned(),
            is_default: *is_default,
        };
        Machine {
            host: Some("box.example.org".into()),
            addresses: addresses.iter().map(address).collect(),
        }
    }

    fn first(addresses: &[(&str, &str, bool)]) -> String {
        let is_private = |ip| matches!(ip, IpAddr::V4(ip) if ip.is_private());
        machine(addresses).reachable(is_private)[0].to_string()
    }

    #[test]
    fn others_are_sent_to_the_network_of_the_room_and_not_to_one_inside_this_machine() {
        let laptop = [
            ("127.0.0.1", "lo", false),
            ("172.17.0.1", "docker0", false),
            ("fd00::5", "wlan0", true),
            ("192.168.1.20", "wlan0", true),
            ("10.8.0.2", "tun0", false),
        ];
        assert_eq!(first(&laptop), "192.168.1.20");
        let all = machine(&laptop).reachable(|_| true);
        assert!(all.len() == 4 && !all.iter().any(IpAddr::is_loopback), "{all:?}");
        // All traffic goes through a tunnel, and the phone on the sofa is in the network of the room nevertheless.
        assert_eq!(
            first(&[("10.8.0.2", "wg0", true), ("192.168.1.20", "eth0", false)]),
            "192.168.1.20"
        );
        // Two networks: the one with the way out. A public address is not what a phone beside it uses.
        assert_eq!(
            first(&[("10.0.0.5", "eth1", false), ("192.168.1.20", "eth0", true)]),
            "192.168.1.20"
        );
        assert_eq!(first(&[("8.8.8.8", "eth0", true), ("10.0.0.5", "eth1", false)]), "10.0.0.5");
        // A bridge to the real network, and what a machine gave itself because nobody else did.
        assert_eq!(
            first(&[("169.254.7.7", "eth1", false), ("192.168.1.20", "vmbr0", true)]),
            "192.168.1.20"
        );
        // There is nothing else.
        assert_eq!(first(&[("172.17.0.1", "docker0", false)]), "172.17.0.1");
    }

    #[test]
    fn of_very_many_addresses_those_of_containers_are_left_out_first() {
        let names: Vec<_> = (0..limits::ADDRESSES).map(|n| format!("172.17.0.{n}")).collect();
        let mut all: Vec<_> = names.iter().map(|ip| (ip.as_str(), "br-1", false)).collect();
        all.push(("192.168.1.20", "eth0", true));
        let kept = bounded(machine(&all).addresses);
        assert_eq!(
            (kept.len(), kept[0].ip.to_string().as_str()),
            (limits::ADDRESSES, "192.168.1.20")
        );
    }

    #[test]
    fn a_machine_is_called_by_its_name_in_two_ways_localhost_and_its_addresses() {
        let names = machine(&[("127.0.0.1", "lo", false), ("10.0.0.5", "eth0", true)]).names();
        let names: Vec<_> = names.iter().map(Name::to_string).collect();
        assert_eq!(names, ["box.example.org", "box.local", "localhost", "10.0.0.5", "127.0.0.1"]);
    }

    #[test]
    fn this_machine_has_a_loopback_address_and_no_address_that_browsers_cannot_write() {
        let here = Machine::here().unwrap();
        assert!(here.addresses.iter().any(|address| address.ip.is_loopback()));
        assert!(here.addresses.iter().all(|address| is_of_use(address.ip)), "{here:?}");
    }

    #[test]
    fn addresses_that_change_every_day_are_left_out() {
        let table = "\
            fd000000000000000000000000000002 04 40 00 82     eth0\n\
            fd00000000000000aaaabbbbccccdddd 04 40 00 01     eth0\n\
            fd00000000000000aaaabbbbccccdd00 04 40 00 21     eth0\n\
            00000000000000000000000000000001 01 80 10 80       lo\n\nnonsense\n";
        let brief: Vec<_> = parse_brief_addresses(table).iter().map(IpAddr::to_string).collect();
        assert_eq!(brief, ["fd00::aaaa:bbbb:cccc:dddd", "fd00::aaaa:bbbb:cccc:dd00"]);
    }
}
