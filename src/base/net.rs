//! Which addresses count as one client.
//!
//! An IPv4 address is one client. In IPv6 a home gets a /64 or a /56 and a company a /48, so a client with
//! one address there has very many. What is bounded for one client is therefore bounded for each of these
//! networks, too. A wider network may have a little more, because several clients may share it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::limits::net as limits;

/// A network whose addresses count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientPrefix {
    first: IpAddr,
    bits: u8,
}

/// The narrowest network an address belongs to: an IPv4 address itself, the /64 of an IPv6 one.
pub fn client_prefix(address: IpAddr) -> ClientPrefix {
    match address.to_canonical() {
        IpAddr::V4(v4) => ClientPrefix { first: v4.into(), bits: 32 },
        IpAddr::V6(v6) => ipv6(v6, 64),
    }
}

/// Every network an address is counted in, the narrowest first.
pub fn client_prefixes(address: IpAddr) -> impl Iterator<Item = ClientPrefix> {
    let wider = match address.to_canonical() {
        IpAddr::V4(_) => [None, None],
        IpAddr::V6(v6) => [Some(ipv6(v6, 56)), Some(ipv6(v6, 48))],
    };
    std::iter::once(client_prefix(address)).chain(wider.into_iter().flatten())
}

/// The networks that wrong passwords and registrations from an address count for, the narrowest first: of
/// IPv6 the /64 of one subscriber line, the /56 of a site and the /48 of an organisation; of IPv4 the
/// address itself (twice) and its /24.
pub fn sign_in_networks(address: IpAddr) -> [IpAddr; 3] {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let block = Ipv4Addr::from_bits(v4.to_bits() & !0xff);
            [v4.into(), v4.into(), block.into()]
        }
        IpAddr::V6(v6) => [64, 56, 48].map(|bits| ipv6(v6, bits).first),
    }
}

impl ClientPrefix {
    /// How many times the bound of one client this network may have.
    pub fn share(self) -> usize {
        match self.bits {
            48 => limits::SHARE_OF_48,
            56 => limits::SHARE_OF_56,
            _ => 1,
        }
    }

    /// The wider networks of an IPv6 /64.
    pub fn wider(self) -> impl Iterator<Item = Self> {
        client_prefixes(self.first).skip(1)
    }

    /// Whether this is the given [`client_prefix`] or a wider network around it.
    pub fn contains(self, client: Self) -> bool {
        self == client || client.wider().any(|wider| wider == self)
    }
}

fn ipv6(address: Ipv6Addr, bits: u8) -> ClientPrefix {
    let mask = u128::MAX << (128 - u32::from(bits));
    ClientPrefix { first: Ipv6Addr::from_bits(address.to_bits() & mask).into(), bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(text: &str) -> Vec<ClientPrefix> {
        client_prefixes(text.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together_at_64_56_and_48_bits() {
        let first = prefixes("2001:db8::1");
        assert_eq!(first.iter().map(|p| p.share()).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!(first, prefixes("2001:db8::ffff:2"), "the same /64");
        for (other, shared) in
            [("2001:db8:0:1::1", 2), ("2001:db8:0:100::1", 1), ("2001:db8:1::1", 0)]
        {
            let other = prefixes(other);
            let same = first.iter().filter(|prefix| other.contains(prefix)).count();
            assert_eq!(same, shared, "{other:?}");
        }
    }

    #[test]
    fn an_ipv4_address_is_one_client_however_it_is_written() {
        assert_eq!(prefixes("192.0.2.1"), prefixes("::ffff:192.0.2.1"));
        assert_eq!(prefixes("192.0.2.1").len(), 1);
        assert_ne!(prefixes("192.0.2.1"), prefixes("192.0.2.2"));
    }

    #[test]
    fn a_wider_network_contains_its_narrower_ones() {
        let [narrow, middle, wide] = prefixes("2001:db8:0:12::1")[..] else { panic!("three") };
        assert!(wide.contains(narrow) && middle.contains(narrow) && narrow.contains(narrow));
        let elsewhere = client_prefix("2001:db8:0:ff12::1".parse().unwrap());
        assert!(wide.contains(elsewhere) && !middle.contains(elsewhere));
    }

    #[test]
    fn guesses_of_one_line_site_or_block_count_together() {
        let of = |text: &str| sign_in_networks(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        let (here, next) = (of("2001:db8:1::1"), of("2001:db8:1:1::1"));
        assert_eq!(
            [here[0] == next[0], here[1] == next[1], here[2] == next[2]],
            [false, true, true]
        );
        let far = of("2001:db8:1:100::1");
        assert_eq!([here[1] == far[1], here[2] == far[2]], [false, true]);
        assert_ne!(here[2], of("2001:db8:2::1")[2]);
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1")[1], of("192.0.2.2")[1]);
        assert_eq!(of("192.0.2.1")[2], of("192.0.2.2")[2]);
        assert_ne!(of("192.0.2.1")[2], of("192.0.3.1")[2]);
    }
}
