//! Names of the server, and origins of pages, in the many ways to write the same one.

use std::net::Ipv6Addr;

/// A name the server may be asked for, with any port or with that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// In lower case and without a final dot; an IPv6 address in its shortest form, in brackets.
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads `name`, `1.2.3.4` or `[::1]`, perhaps with a port.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                (format!("[{address}]"), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
                let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
                (name.bytes().all(is_plain).then_some(name)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok()?),
            None if port.is_empty() => None,
            _ => return None,
        };
        (!name.is_empty()).then_some(Self { name, port })
    }

    /// The name or address alone; an IPv6 address in brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if one is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether a request for `asked` is one for this host. A name without a port stands for any port, and a request may
    /// leave out a default port.
    pub fn covers(&self, asked: &Self) -> bool {
        let same_port = match (self.port, asked.port) {
            (None, _) | (Some(80 | 443), None) => true,
            (port, asked) => port == asked,
        };
        same_port && self.name == asked.name
    }

    /// As it is written into a `Host` header, with `port` where none was named.
    pub fn with_port(&self, port: u16) -> String {
        format!("{}:{}", self.name, self.port.unwrap_or(port))
    }
}

/// A host in a setting.
///
/// # Errors
/// It is none.
pub(super) fn parse_host(text: &str) -> Result<Host, String> {
    let expected = "expected a name such as chat.example.org, or one with a port";
    Host::parse(text.trim()).ok_or_else(|| expected.to_owned())
}

/// How a page was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With it.
    Https,
}

/// Where a page comes from. Two are equal if a browser takes them for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    name: String,
    port: u16,
}

impl Origin {
    /// Reads `scheme://host[:port]`, nothing after it.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        Some(Self::of(scheme, Host::parse(host)?))
    }

    /// That of the pages of this host. A port that is not written is the scheme's.
    pub fn of(scheme: Scheme, host: Host) -> Self {
        let usual = match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        Self { scheme, port: host.port.unwrap_or(usual), name: host.name }
    }
}

/// An origin in a setting.
///
/// # Errors
/// It is none.
pub(super) fn parse_origin(text: &str) -> Result<Origin, String> {
    let expected = "expected an origin such as https://chat.example.org";
    Origin::parse(text.trim()).ok_or_else(|| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_covers_the_ways_to_write_it() {
        let covers = |listed: &str, asked: &str| {
            Host::parse(listed).unwrap().covers(&Host::parse(asked).unwrap())
        };
        for (listed, asked) in [
            ("chat.example.org", "CHAT.example.ORG"),
            ("chat.example.org", "chat.example.org:8443"),
            ("chat.example.org", "chat.example.org."),
            ("Chat.Example.Org:443", "chat.example.org"),
            ("chat.example.org:80", "chat.example.org"),
            ("chat.example.org:8443", "chat.example.org:8443"),
            ("[::1]", "[0:0:0:0:0:0:0:1]:8080"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
        ] {
            assert!(covers(listed, asked), "{listed} {asked}");
        }
        for (listed, asked) in [
            ("chat.example.org", "example.org"),
            ("chat.example.org", "evil.chat.example.org"),
            ("chat.example.org", "chat.example.org.evil"),
            ("chat.example.org:8443", "chat.example.org"),
            ("chat.example.org:8443", "chat.example.org:443"),
            ("[::1]", "[::2]"),
        ] {
            assert!(!covers(listed, asked), "{listed} {asked}");
        }
        for wrong in
            ["", ".", ":80", "a b", "a:b", "a:", "a:70000", "[::1", "[a]", "a/b", "http://a"]
        {
            assert_eq!(Host::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_the_usual_port_may_be_written() {
        let parse = |text: &str| Origin::parse(text);
        for (one, other) in [
            ("https://chat.example", "https://chat.example:443"),
            ("http://chat.example:80", "http://chat.example"),
            ("HTTPS://Chat.Example", "https://chat.example."),
            ("http://[::1]:8080", "http://[0::1]:8080"),
        ] {
            assert!(parse(one).is_some() && parse(one) == parse(other), "{one} {other}");
        }
        for (one, other) in [
            ("https://chat.example", "http://chat.example"),
            ("https://chat.example:80", "http://chat.example:80"),
            ("https://chat.example", "https://chat.example:8443"),
            ("https://chat.example", "https://chat.example.evil"),
        ] {
            assert_ne!(parse(one), parse(other), "{one} {other}");
        }
        for wrong in [
            "chat.example",
            "https://",
            "https://a/",
            "null",
            "https://a/b",
            "https://u@a",
            "ws://a",
            "https:a",
            "https://https://a",
            "https://a:443:443",
            "https://*.a",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert!(parse_origin(" https://a ").is_ok() && parse_origin("a").is_err());
    }
}
