//! The address by which people open the server in a browser.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::config::{Config, Host};
use crate::tls::{Certificate, Tls};

/// Scheme, name and port, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    is_https: bool,
    /// As a browser writes it: an IPv6 address in brackets.
    name: String,
    port: u16,
}

impl Address {
    /// The one to give to people: by the first name that the settings list, else by the first one of the certificate
    /// that is no pattern, else by the first of the sockets' addresses.
    pub fn to_give(config: &Config, sockets: &[SocketAddr], tls: Option<&Tls>) -> Self {
        let port = sockets.first().map_or(0, SocketAddr::port);
        let own = Self { is_https: tls.is_some(), name: "localhost".to_owned(), port };
        if let Some(host) = config.hosts.first() {
            return own.with_host(host);
        }
        // A certificate of our own is for every name of this machine, and not all are known to others.
        let foreign = tls.filter(|tls| tls.authority().is_none());
        let certificate = foreign.map(|tls| tls.certificates.current());
        let mut names = certificate.iter().flat_map(Certificate::names);
        match (names.find(|name| !name.contains('*')), sockets.first()) {
            (Some(name), _) if name.contains(':') => own.with_name(&format!("[{name}]")),
            (Some(name), _) => own.with_name(name),
            (None, Some(socket)) => own.with_socket(*socket),
            (None, None) => own,
        }
    }

    /// The same server by the address of a socket.
    pub fn with_socket(&self, socket: SocketAddr) -> Self {
        self.with_ip(socket.ip()).with_port(socket.port())
    }

    /// The same server by this address.
    pub fn with_ip(&self, ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => self.with_name(&ip.to_string()),
            IpAddr::V6(ip) => self.with_name(&format!("[{ip}]")),
        }
    }

    /// The same server by a name of the settings.
    pub fn with_host(&self, host: &Host) -> Self {
        self.with_name(host.name()).with_port(host.port().unwrap_or(self.port))
    }

    /// The same server by https.
    #[cfg(test)]
    pub fn secure(&self) -> Self {
        Self { is_https: true, ..self.clone() }
    }

    /// The plain address of the same server, on that port.
    pub fn plain_at(&self, port: u16) -> Self {
        Self { is_https: false, ..self.with_port(port) }
    }

    /// The address, if it is not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.name.trim_matches(['[', ']']).parse().ok()
    }

    /// The same server by another name.
    pub fn with_name(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// The same server on another port.
    pub fn with_port(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }
}

impl fmt::Display for Address {
    /// The usual port is left out, as browsers do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.is_https { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.name)?;
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}
