//! Where a server is: the scheme, name and port of a URL.

use std::net::IpAddr;

/// Plain or TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`, and `ws://`, which is the same connection.
    Http,
    /// `https://`, and `wss://`.
    Https,
}

/// A server, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// A name or an address. An IPv6 address has no brackets here.
    pub host: String,
    /// The port, also if the URL leaves it out.
    pub port: u16,
}

impl Scheme {
    const ALL: [(&str, Self); 4] = [
        ("http://", Self::Http),
        ("ws://", Self::Http),
        ("https://", Self::Https),
        ("wss://", Self::Https),
    ];

    /// The port of a URL without one.
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Splits a URL into the server and the path with its query, which is empty if there is none.
    ///
    /// # Errors
    /// One sentence that says what is wrong with the URL.
    pub fn parse(url: &str) -> Result<(Self, &str), String> {
        let found = Scheme::ALL.iter().find_map(|(prefix, scheme)| {
            let start = url.get(..prefix.len())?;
            start.eq_ignore_ascii_case(prefix).then(|| Some((*scheme, url.get(prefix.len()..)?)))?
        });
        let Some((scheme, rest)) = found else {
            return Err(format!("{url:?} does not begin with http:// or https://"));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let path = path.split('#').next().unwrap_or_default();
        if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(format!("{url:?} has characters that a URL cannot have"));
        }
        let (host, port) = split_port(authority);
        let port = match port {
            None | Some("") => Some(scheme.default_port()),
            Some(port) => port.parse().ok(),
        };
        let port = port.ok_or_else(|| format!("{url:?} has no port that can be"))?;
        let host = host_of(host).ok_or_else(|| format!("{url:?} names no host"))?;
        Ok((Self { scheme, host, port }, path))
    }

    /// The host and port as they are in the header `Host`.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

/// The host and, if there is one, the port of an authority.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let end_of_host = authority.rfind(']').map_or(0, |at| at + 1);
    match authority.get(end_of_host..).and_then(|rest| rest.find(':')) {
        Some(at) => {
            let (host, port) = authority.split_at(end_of_host + at);
            (host, port.get(1..))
        }
        None => (authority, None),
    }
}

/// A host without the brackets of an IPv6 address; `None` if it is neither a name nor an address.
fn host_of(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return matches!(address.parse(), Ok(IpAddr::V6(_))).then(|| address.to_owned());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_plain)).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server_and_a_path() {
        for (url, scheme, host, port, path, authority) in [
            ("http://a.b", Scheme::Http, "a.b", 80, "", "a.b"),
            ("https://A.b/x?y=1#z", Scheme::Https, "a.b", 443, "/x?y=1", "a.b"),
            ("https://a.b:443/", Scheme::Https, "a.b", 443, "/", "a.b"),
            ("wss://127.0.0.1:8443/ws", Scheme::Https, "127.0.0.1", 8443, "/ws", "127.0.0.1:8443"),
            ("HTTP://[::1]:81?q", Scheme::Http, "::1", 81, "?q", "[::1]:81"),
            ("ws://[::1]/", Scheme::Http, "::1", 80, "/", "[::1]"),
        ] {
            let origin = Origin { scheme, host: host.to_owned(), port };
            assert_eq!(Origin::parse(url), Ok((origin.clone(), path)), "{url}");
            assert_eq!(origin.authority(), authority);
        }
    }

    #[test]
    fn what_names_no_server_is_refused_with_a_sentence() {
        for (url, part) in [
            ("a.b:80", "http://"),
            ("ftp://a.b", "http://"),
            ("https://", "no host"),
            ("https://:443", "no host"),
            ("https://user@a.b/", "no host"),
            ("https://[a.b]/", "no host"),
            ("https://a b/", "no host"),
            ("https://a.b:x/", "port"),
            ("https://a.b:70000/", "port"),
            ("https://a.b/x\r\ny", "characters"),
        ] {
            let error = Origin::parse(url).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
