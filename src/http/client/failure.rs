//! Why a request has no reply, in sentences for people.

use std::fmt;
use std::io::{self, ErrorKind};

use rustls::{CertificateError, Error as TlsError, InvalidMessage};

/// Why there is no reply.
#[derive(Debug)]
pub enum Failure {
    /// Nothing came within the time.
    Timeout,
    /// The connection could not be made, or broke.
    Io(io::Error),
    /// What came is no response of HTTP/1.
    Malformed,
    /// It is longer than a reply may be.
    TooLarge,
    /// The connection ended in the middle of the reply.
    Truncated,
    /// The server's certificate is not accepted.
    Certificate {
        /// What the URL calls the server.
        host: String,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// The TLS handshake failed, or what came later broke TLS.
    Tls {
        /// What the URL calls the server.
        host: String,
        /// What happened.
        error: TlsError,
    },
    /// The URL says `http://`, but the server speaks TLS there.
    SpeaksTls,
    /// The host of the URL can have no certificate.
    NoName(String),
}

impl Failure {
    /// From an error of the stream to `host`.
    pub(super) fn of(error: io::Error, host: &str) -> Self {
        let host = host.to_owned();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()).cloned() {
            Some(TlsError::InvalidCertificate(error)) => Self::Certificate { host, error },
            Some(error) => Self::Tls { host, error },
            None if error.kind() == ErrorKind::UnexpectedEof => Self::Truncated,
            None => Self::Io(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the server does not answer"),
            Self::Io(error) => write!(f, "cannot reach the server: {error}"),
            Self::Malformed => f.write_str("the server's answer cannot be read"),
            Self::TooLarge => f.write_str("the server's answer is too long"),
            Self::Truncated => f.write_str("the connection ended in the middle of the answer"),
            Self::Certificate { host, error } => certificate(host, error, f),
            Self::Tls {
                host,
                error: TlsError::InvalidMessage(InvalidMessage::InvalidContentType),
            } => {
                write!(f, "{host} does not speak TLS at this port: try http:// instead of https://")
            }
            Self::Tls { host, error } => write!(f, "no TLS connection with {host}: {error}"),
            Self::SpeaksTls => f.write_str("the server speaks TLS at this port: use https://"),
            Self::NoName(host) => write!(f, "{host} is no name that a certificate can have"),
        }
    }
}

/// What is wrong with a certificate, and what to do.
fn certificate(host: &str, error: &CertificateError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use CertificateError as Error;
    match error {
        // A signature that does not fit is mostly that of an older authority of the same name.
        Error::UnknownIssuer | Error::BadSignature => write!(
            f,
            "the certificate of {host} is of an authority that is not trusted here: \
             give the authority's certificate as a PEM file (--ca FILE)"
        ),
        // webpki has this as an error of its own, whose type is not ours to name.
        Error::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => write!(
            f,
            "the certificate of {host} is signed by itself and not trusted here: \
             give it as a PEM file (--ca FILE)"
        ),
        Error::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().map(|name| readable(name)).collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { "no name at all".to_owned() } else { names };
            write!(f, "the certificate is not for {host} but for {names}")
        }
        Error::NotValidForName => write!(f, "the certificate is not for {host}"),
        Error::Expired | Error::ExpiredContext { .. } => {
            write!(
                f,
                "the certificate of {host} has expired: renew it there, and check the clock here"
            )
        }
        Error::NotValidYet | Error::NotValidYetContext { .. } => write!(
            f,
            "the certificate of {host} is not valid yet: check the clocks of both machines"
        ),
        Error::Revoked => write!(f, "the certificate of {host} has been revoked"),
        error => write!(f, "the certificate of {host} cannot be accepted: {error}"),
    }
}

/// A name as rustls gives it (`DnsName("a.b")`) without what is around it.
fn readable(name: &str) -> &str {
    name.split('(').next_back().unwrap_or(name).trim_matches([')', '"'])
}
