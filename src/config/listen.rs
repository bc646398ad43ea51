//! Listen addresses.

use std::net::{SocketAddr, ToSocketAddrs};

/// Listen addresses, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen(pub Vec<SocketAddr>);

impl Listen {
    /// Whether one of them is an IPv4 address with that port, which `[::]` then cannot have as well.
    pub fn has_ipv4_at(&self, port: u16) -> bool {
        port != 0 && self.0.iter().any(|address| address.is_ipv4() && address.port() == port)
    }
}

/// Addresses with ports, separated by commas.
///
/// # Errors
/// One of them is none, or there is none.
pub(super) fn parse_listen(text: &str) -> Result<Listen, String> {
    let mut addrs = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let found = part.to_socket_addrs().map_err(|_| {
            format!("{part:?} is not an address with a port, such as 127.0.0.1:8080")
        })?;
        addrs.extend(found);
    }
    addrs.sort();
    addrs.dedup();
    if addrs.is_empty() { Err("at least one address is needed".into()) } else { Ok(Listen(addrs)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_takes_several_addresses_and_names_a_bad_one() {
        let listen = parse_listen("127.0.0.1:0, [::1]:8080").unwrap();
        assert_eq!(listen.0.len(), 2);
        assert!(parse_listen("8080").unwrap_err().contains("8080"));
        assert!(parse_listen(" , ").is_err());
    }
}
