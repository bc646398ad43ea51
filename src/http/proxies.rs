//! What proxies say of the client for whom they ask: `X-Forwarded-For` and `X-Forwarded-Proto`.
//!
//! Only proxies that the settings name are believed. Each proxy of a chain appends the address that it has seen, so
//! the list is read from its end: the first address that is not a proxy of ours is the client, and any client could
//! have written what stands before it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::head::Head;
use crate::base::limits::http as limits;
use crate::base::log_limiter::LogLimiter;
use crate::base::network::Networks;

/// The proxies that are believed.
#[derive(Debug, Clone)]
pub struct TrustedProxies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    networks: Networks,
    ignored: LogLimiter,
}

/// Whether the connection on which a request came has TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// It has none.
    Plain,
    /// It has.
    Tls,
}

/// For whom a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    pub address: SocketAddr,
    /// Whether it speaks TLS, to us or to the proxy.
    pub secure: bool,
    /// It is a proxy of ours that does not say for whom it asks: all its clients have this address.
    pub is_proxy: bool,
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::new(Networks::default())
    }
}

impl TrustedProxies {
    /// Believes the proxies in these networks.
    pub fn new(networks: Networks) -> Self {
        let ignored = LogLimiter::once_in(limits::IGNORED_PROXY_LOGGED);
        Self(Arc::new(Shared { networks, ignored }))
    }

    /// Whether the address is a proxy that is believed.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.networks.contains(address)
    }

    /// For whom this request came from `peer`.
    pub(super) fn client(&self, head: &Head, peer: SocketAddr, transport: Transport) -> Client {
        let has_tls = transport == Transport::Tls;
        if !self.contains(peer.ip()) {
            self.log_ignored(head, peer.ip());
            return Client { address: peer, secure: has_tls, is_proxy: false };
        }
        let (client, proxies) = self.forwarded_for(head);
        let secure = forwarded_proto(head, proxies).map_or(has_tls, is_secure);
        match client {
            Some(ip) => Client { address: SocketAddr::new(ip, 0), secure, is_proxy: false },
            None => Client { address: peer, secure, is_proxy: true },
        }
    }

    /// The client, and how many proxies of ours stand behind it in the list. If there are only proxies, it is the
    /// farthest: a trusted network may have clients, too.
    fn forwarded_for(&self, head: &Head) -> (Option<IpAddr>, usize) {
        let mut farthest = (None, 0);
        for (proxies, element) in last_first(head, "x-forwarded-for").enumerate() {
            let Some(address) = parse_address(element) else { break };
            farthest = (Some(address), proxies);
            if !self.contains(address) {
                break;
            }
        }
        farthest
    }

    /// Whoever forgot to name the proxy learns it, and which address to name.
    fn log_ignored(&self, head: &Head, peer: IpAddr) {
        let says = |name| head.headers.get(name).is_some();
        if !says("x-forwarded-for") && !says("x-forwarded-proto") {
            return;
        }
        let Some(more) = self.0.ignored.due() else { return };
        tracing::warn!(
            %peer,
            more,
            "a proxy that is not trusted forwards requests: all its clients count as one, and their https is not \
             known. If it is yours, set IMPULSE_TRUSTED_PROXIES={peer} (or its network)"
        );
    }
}

/// What the proxy that is nearest to the client says of the scheme. Where each proxy appends its own, the words
/// stand beside the addresses; where only one says something, that holds.
fn forwarded_proto(head: &Head, proxies: usize) -> Option<&str> {
    let mut words = last_first(head, "x-forwarded-proto").take(proxies + 1);
    let last = words.next()?;
    Some(words.last().unwrap_or(last))
}

/// Traefik says `wss` of a WebSocket.
fn is_secure(proto: &str) -> bool {
    proto.eq_ignore_ascii_case("https") || proto.eq_ignore_ascii_case("wss")
}

/// The elements of a list that may be in several headers, from its end.
fn last_first<'a>(head: &'a Head, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lists: Vec<&str> = head.headers.all(name).collect();
    lists.into_iter().rev().flat_map(|list| list.rsplit(',').map(str::trim))
}

/// Reads `1.2.3.4`, `1.2.3.4:5678`, `::1`, `fe80::1%eth0`, `[::1]` and `[::1]:5678`.
fn parse_address(text: &str) -> Option<IpAddr> {
    let ipv6 = |text: &str| text.split('%').next()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let is_port =
        |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (port.is_empty() || is_port(port)).then(|| ipv6(address)).flatten()
        }
        None => text.parse().ok().or_else(|| ipv6(text)).or_else(|| {
            let (address, port) = text.split_at(text.find(':')?);
            is_port(port).then(|| address.parse().ok()).flatten()
        }),
    };
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &str) -> Head {
        let text = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        crate::http::parse(text.as_bytes()).unwrap().unwrap().0
    }

    fn client(proxies: &str, fields: &str) -> (String, bool) {
        let proxies = TrustedProxies::new(proxies.parse().unwrap());
        let client =
            proxies.client(&head(fields), "10.0.0.1:999".parse().unwrap(), Transport::Plain);
        (client.address.ip().to_string(), client.secure)
    }

    fn address(forwarded: &str) -> String {
        client("10.0.0.0/8", &format!("X-Forwarded-For: {forwarded}\r\n")).0
    }

    #[test]
    fn an_address_is_read_in_every_way_in_which_proxies_write_it() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:51234", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:51234", "2001:db8::1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ] {
            assert_eq!(address(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_ends_the_list_and_is_nobody() {
        for text in [
            "unknown",
            "",
            "_hidden",
            "192.0.2.1:",
            "192.0.2.1:x",
            "[::1",
            "[::1]x",
            "[192.0.2.1]",
            "1.2.3",
        ] {
            assert_eq!(address(text), "10.0.0.1", "{text}");
            assert_eq!(address(&format!("6.6.6.6, {text}")), "10.0.0.1", "{text}");
            assert_eq!(address(&format!("{text}, 192.0.2.7")), "192.0.2.7", "{text}");
        }
    }

    #[test]
    fn of_several_proxies_the_first_from_the_end_that_is_not_ours_is_the_client() {
        assert_eq!(address("6.6.6.6, 192.0.2.1, 10.0.0.7, 10.0.0.8"), "192.0.2.1");
        let two = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1,10.0.0.7\r\n";
        assert_eq!(client("10.0.0.0/8", two).0, "192.0.2.1");
        assert_eq!(
            address("10.0.0.9, 10.0.0.7"),
            "10.0.0.9",
            "a client inside of the trusted network"
        );
        assert_eq!(client("10.0.0.1", "X-Forwarded-For: 6.6.6.6, 10.0.0.7\r\n").0, "10.0.0.7");
    }

    #[test]
    fn the_scheme_is_the_word_of_the_proxy_that_the_client_reached() {
        let secure = |forwarded: &str, proto: &str| {
            let fields = format!("X-Forwarded-For: {forwarded}\r\nX-Forwarded-Proto: {proto}\r\n");
            client("10.0.0.0/8", &fields).1
        };
        for proto in ["https", "HTTPS", "wss", "http, https", "http,wss"] {
            assert!(secure("192.0.2.1", proto), "{proto}");
        }
        for proto in ["http", "ws", "", "https, http", "httpss", "on"] {
            assert!(!secure("192.0.2.1", proto), "{proto}");
        }
        assert!(
            secure("192.0.2.1, 10.0.0.7", "https, http"),
            "the inner proxy spoke http with the outer one"
        );
        assert!(
            !secure("192.0.2.1, 10.0.0.7", "https, http, http"),
            "the client wrote the first one itself"
        );
        assert!(secure("192.0.2.1, 10.0.0.7", "https"));
        assert!(secure("unknown", "https"));
    }

    #[test]
    fn a_proxy_that_is_not_named_is_not_believed() {
        let fields = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";
        assert_eq!(client("10.0.0.2, ::1", fields), ("10.0.0.1".to_owned(), false));
    }

    #[test]
    fn without_a_word_of_the_proxy_the_connection_itself_says_whether_it_has_tls() {
        let proxies = TrustedProxies::new("10.0.0.1".parse().unwrap());
        let secure = |peer: &str, fields: &str, transport| {
            proxies.client(&head(fields), peer.parse().unwrap(), transport).secure
        };
        assert!(
            secure("10.0.0.1:1", "", Transport::Tls) && !secure("10.0.0.1:1", "", Transport::Plain)
        );
        assert!(!secure("10.0.0.1:1", "X-Forwarded-Proto: http\r\n", Transport::Tls));
        assert!(
            secure("10.0.0.2:1", "X-Forwarded-Proto: http\r\n", Transport::Tls),
            "not a proxy of ours"
        );
    }
}
