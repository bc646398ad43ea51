//! What counts as one client of the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks an address belongs to, narrowest first: of IPv6 the /64 of one subscriber line, the
/// /56 of a site and the /48 of an organisation, because whoever has one of them has all addresses in
/// it; of IPv4 the address itself (twice) and its /24.
pub fn client_prefixes(address: IpAddr) -> [IpAddr; 3] {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let block = Ipv4Addr::from_bits(v4.to_bits() & !0xff);
            [v4.into(), v4.into(), block.into()]
        }
        IpAddr::V6(v6) => [64, 56, 48]
            .map(|length| Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> length)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_share_their_prefixes() {
        let of = |text: &str| client_prefixes(text.parse().unwrap());
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
