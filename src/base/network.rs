//! Networks by their first address and length (CIDR), such as `10.0.0.0/8` or `fd00::/8`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// Several networks, written with commas or spaces between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Network {
    /// Whether the address is one of this network. An IPv4 address is the same however it is written.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.bits) == Some(self.first)
            && address.to_canonical().is_ipv4() == self.first.is_ipv4()
    }
}

impl Networks {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let first = address.to_canonical();
        Self { first, bits: if first.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                (address, Some(bits.parse::<u8>().map_err(|_| ())?))
            }
            Some(_) => return Err(()),
            None => (text, None),
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address: IpAddr = bare.unwrap_or(address).parse().map_err(|_| ())?;
        let Some(bits) = bits else { return Ok(address.into()) };
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
        let (address, bits) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), canonical @ IpAddr::V4(_)) => {
                (canonical, bits.checked_sub(96).ok_or(())?)
            }
            (address, _) => (address, bits),
        };
        masked(address, bits).map(|first| Self { first, bits }).ok_or(())
    }
}

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split([',', ' ', '\t']).filter(|part| !part.is_empty());
        let networks = parts.map(|part| {
            part.parse::<Network>().map_err(|()| {
                format!(
                    "{part:?} is neither an address nor a network such as 10.0.0.0/8 or fd00::/8"
                )
            })
        });
        networks.collect()
    }
}

/// The address without the bits behind the first so many; none if it has fewer.
fn masked(address: IpAddr, bits: u8) -> Option<IpAddr> {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
            Some(Ipv4Addr::from_bits(v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.checked_sub(bits)?).unwrap_or(0);
            Some(Ipv6Addr::from_bits(v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_begins_with_its_bits_and_nothing_of_the_other_family() {
        for (networks, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.9.9.9/8", "10.0.0.1", "9.255.255.255"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("[2001:db8::1]", "2001:db8::1", "2001:db8::2"),
            ("0.0.0.0/0", "203.0.113.9", "::"),
            ("::/0", "2001:db8::1", "0.0.0.0"),
            (" 10.0.0.1 ,, 10.0.0.2\t", "10.0.0.2", "10.0.0.3"),
            ("10.0.0.1 fd00::/8", "fd00::7", "10.0.0.7"),
        ] {
            let parsed: Networks = networks.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{networks} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{networks} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "proxy",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::ffff:10.0.0.0/8",
        ] {
            let error = format!("10.0.0.1, {wrong}").parse::<Networks>().unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
        assert_eq!("".parse(), Ok(Networks::default()));
    }
}
