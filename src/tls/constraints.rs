//! For which names and addresses the authority of a server can vouch: those that exist inside of private networks
//! only. The rule is part of its certificate, so whoever trusts it risks nothing else, even if its key is stolen.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use x509_parser::extensions::{GeneralName, NameConstraints as Parsed};

/// Names that no public authority gives to anybody.
pub(super) const PRIVATE_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

/// Addresses that are not on the public Internet: private networks, loopback, link-local, what carriers and overlay
/// networks share (100.64.0.0/10), and what is reserved for documentation and used in laboratories.
const PRIVATE_NETWORKS: [(IpAddr, u8); 13] = [
    (v4(10, 0, 0, 0), 8),
    (v4(172, 16, 0, 0), 12),
    (v4(192, 168, 0, 0), 16),
    (v4(127, 0, 0, 0), 8),
    (v4(169, 254, 0, 0), 16),
    (v4(100, 64, 0, 0), 10),
    (v4(192, 0, 2, 0), 24),
    (v4(198, 51, 100, 0), 24),
    (v4(203, 0, 113, 0), 24),
    (v6(0xfc00, 0), 7),
    (v6(0xfe80, 0), 10),
    (v6(0x2001, 0xdb8), 32),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(a: u16, b: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0))
}

/// A name or an address as it stands in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// In lower case, without a final dot.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl Name {
    /// Reads `name`, `1.2.3.4`, `::1` or `[::1]`; nothing if a certificate cannot hold it.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Ip(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            (1..=63).contains(&label.len()) && label.bytes().all(is_plain)
        };
        (name.len() <= 253 && name.split('.').all(is_label)).then_some(Self::Dns(name))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// What an authority may vouch for, as its certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraints {
    /// These names and those below them.
    names: Vec<String>,
    /// First address and mask.
    networks: Vec<(IpAddr, IpAddr)>,
}

impl Constraints {
    /// Those of a new authority on a machine of this name.
    pub fn for_host(host: Option<&str>) -> NameConstraints {
        let own = host.filter(|host| is_own(host)).into_iter();
        let names = PRIVATE_NAMES.into_iter().chain(own);
        let names = names.map(|name| GeneralSubtree::DnsName(name.to_owned()));
        let networks = PRIVATE_NETWORKS.into_iter().map(|(first, bits)| {
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(first, bits))
        });
        // Browsers do not read it; it keeps the authority out of mail.
        let mail = GeneralSubtree::Rfc822Name("invalid".to_owned());
        NameConstraints {
            permitted_subtrees: names.chain(networks).chain([mail]).collect(),
            excluded_subtrees: Vec::new(),
        }
    }

    /// Those of a certificate; nothing if it permits more than names and networks.
    pub fn read(parsed: &Parsed<'_>) -> Option<Self> {
        let (mut names, mut networks) = (Vec::new(), Vec::new());
        for subtree in parsed.permitted_subtrees.as_ref()? {
            match &subtree.base {
                GeneralName::DNSName(name) => match Name::parse(name)? {
                    Name::Dns(name) => names.push(name),
                    Name::Ip(_) => return None,
                },
                GeneralName::IPAddress(bytes) => networks.push(network(bytes)?),
                GeneralName::RFC822Name("invalid") => {}
                _ => return None,
            }
        }
        (!names.is_empty() && !networks.is_empty()).then_some(Self { names, networks })
    }

    /// Whether a certificate may hold this name.
    pub fn permit(&self, name: &Name) -> bool {
        match name {
            Name::Dns(name) => self.names.iter().any(|base| {
                let above = name.strip_suffix(base.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }),
            Name::Ip(address) => {
                self.networks.iter().any(|(first, mask)| masked(*address, *mask) == Some(*first))
            }
        }
    }

    /// The names, the host's own among them.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Whether this can be the name of one machine: `dev` may be that of a machine, but is also above a million others.
fn is_own(host: &str) -> bool {
    static TOP_LEVEL_DOMAINS: &str = include_str!("top_level_domains.txt");
    let is_dns = matches!(Name::parse(host), Some(Name::Dns(_)));
    is_dns
        && !host.starts_with("xn--")
        && !TOP_LEVEL_DOMAINS.split_ascii_whitespace().any(|domain| domain == host)
}

/// An address and a mask, as bytes of the same length.
fn network(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let (first, mask) = bytes.split_at_checked(bytes.len() / 2)?;
    Some((address(first)?, address(mask)?))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Nothing if one is of IPv4 and the other of IPv6.
fn masked(address: IpAddr, mask: IpAddr) -> Option<IpAddr> {
    match (address, mask) {
        (IpAddr::V4(address), IpAddr::V4(mask)) => Some(IpAddr::V4(address & mask)),
        (IpAddr::V6(address), IpAddr::V6(mask)) => Some(IpAddr::V6(address & mask)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_a_certificate_holds_it() {
        let parse = |text| Name::parse(text).map(|name| name.to_string());
        assert_eq!(parse("Chat.Local.").as_deref(), Some("chat.local"));
        assert_eq!(parse("[::1]").as_deref(), Some("::1"));
        assert_eq!(parse("::ffff:10.0.0.1").as_deref(), Some("10.0.0.1"));
        for wrong in ["", ".", "a..b", "a b", "*.local", "é.local", &"a".repeat(64)] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_machine_that_is_called_like_a_top_level_domain_does_not_open_that_domain() {
        for host in ["vm", "raspberrypi", "3f2a1b", "chat.example.org", "box.lan"] {
            assert!(is_own(host), "{host}");
        }
        for host in ["dev", "com", "de", "box", "zip", "xn--p1ai", "", "a..b", "10.0.0.1"] {
            assert!(!is_own(host), "{host}");
        }
    }
}
