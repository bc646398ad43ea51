//! The upgrade by hand (RFC 6455, 4.2): what a request needs, and the answer.
//!
//! The caller checks the session. The origin is checked here, because a browser sends the cookie with an
//! upgrade of any page (promise 16).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::base::error::{Code, Error};
use crate::base::limits::http as limits;
use crate::base::log_limiter::LogLimiter;
use crate::base::text::quoted;
use crate::config::{Host, Origin, Scheme};
use crate::http::{Framing, Request, Response, Version};

/// RFC 6455, 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// By which names this server may be addressed, and which web pages may act for a signed-in browser.
#[derive(Debug)]
pub struct OriginPolicy {
    allowed: Vec<Origin>,
    /// Any, if none is listed.
    hosts: Vec<Host>,
    refused_origins: LogLimiter,
    refused_hosts: LogLimiter,
}

/// Whether an upgrade needs an `Origin`.
#[derive(Debug, Clone, Copy)]
pub enum OriginRule<'a> {
    /// It needs one unless it has a token: a browser sends its cookie for whichever page asks.
    Required(&'a OriginPolicy),
    /// It needs none, because there is no session that a page could use. If there is one, it must be ours.
    IfAny(&'a OriginPolicy),
}

impl OriginPolicy {
    /// Allows our own origin and exactly these. Our own name is one of `hosts`, or any if there are none.
    pub fn new(allowed: Vec<Origin>, hosts: Vec<Host>) -> Self {
        let limiter = || LogLimiter::once_in(limits::REFUSALS_LOGGED);
        Self { allowed, hosts, refused_origins: limiter(), refused_hosts: limiter() }
    }

    /// Refuses a request for a name that is not this server's. Otherwise the name of another site that
    /// points to this server would count as our own origin.
    ///
    /// # Errors
    /// `misdirected`.
    pub fn check_host(&self, request: &Request) -> Result<(), Error> {
        if self.hosts.is_empty() {
            return Ok(());
        }
        let host = request.header("host").unwrap_or_default();
        let asked = Host::parse(host);
        if asked.is_some_and(|asked| self.hosts.iter().any(|known| known.covers(&asked))) {
            return Ok(());
        }
        if let Some(more) = self.refused_hosts.due() {
            tracing::warn!(
                host = quoted(host),
                origin = quoted(request.header("origin").unwrap_or_default()),
                more,
                "refused a request for a name that is not in IMPULSE_HOSTS; if people reach this \
                 server by it, add it there"
            );
        }
        Err(Error::new(Code::Misdirected, "This server does not go by that name."))
    }

    /// Whether a page of this origin may act: our own (scheme and Host of this request) or a
    /// configured one. `null` never is.
    pub fn allows(&self, request: &Request, origin: &str) -> bool {
        let Some(origin) = Origin::parse(origin) else { return false };
        let scheme = if request.secure { Scheme::Https } else { Scheme::Http };
        let host = request.header("host").and_then(Host::parse);
        let is_own = host.is_some_and(|host| Origin::of(scheme, host) == origin);
        is_own || self.allowed.contains(&origin)
    }

    /// Refuses a request whose `Origin` is foreign, doubled, or absent without a bearer token.
    ///
    /// # Errors
    /// `bad_origin`.
    pub fn check(&self, request: &Request) -> Result<(), Error> {
        let mut origins = request.head.headers.all("origin");
        let has_token = request.header("authorization").is_some();
        let is_allowed = match (origins.next(), origins.next()) {
            (None, _) => has_token,
            (Some(origin), None) => self.allows(request, origin),
            (Some(_), Some(_)) => false,
        };
        if is_allowed {
            return Ok(());
        }
        self.log_refusal(request);
        Err(Error::new(Code::BadOrigin, "This page may not do that."))
    }

    /// The same, but a request without an `Origin` passes.
    ///
    /// # Errors
    /// `bad_origin`.
    pub fn check_if_any(&self, request: &Request) -> Result<(), Error> {
        match request.header("origin") {
            Some(_) => self.check(request),
            None => Ok(()),
        }
    }

    /// Logs what was refused, and which setting to change if it was a page of ours: behind a proxy that
    /// changes `Host`, or is not trusted to say that it speaks TLS, our own page looks like another site.
    fn log_refusal(&self, request: &Request) {
        let Some(more) = self.refused_origins.due() else { return };
        let value = |name| quoted(request.header(name).unwrap_or_default());
        tracing::warn!(
            origin = value("origin"),
            host = value("host"),
            secure = request.secure,
            more,
            "refused a request of another origin; if it is a page of this server, let the proxy pass \
             Host on and name it in IMPULSE_TRUSTED_PROXIES, or add the origin to IMPULSE_ORIGINS \
             (IMPULSE_HOSTS says which names are this server's own)"
        );
    }
}

impl OriginRule<'_> {
    fn check(self, request: &Request) -> Result<(), Error> {
        match self {
            Self::Required(policy) => policy.check(request),
            Self::IfAny(policy) => policy.check_if_any(request),
        }
    }
}

/// Checks an upgrade; the head of the 101. `subprotocol` is chosen if the client offers it. A client that
/// offers only others is refused, one that offers none is served.
///
/// # Errors
/// The response that refuses it: 400, 403, 405 or 426.
#[allow(clippy::result_large_err)] // once per upgrade, and it is the answer
pub fn accept(
    request: &Request,
    origins: OriginRule<'_>,
    subprotocol: &str,
) -> Result<Vec<u8>, Response> {
    let bad = |sentence: &'static str| Response::error(&Error::new(Code::BadRequest, sentence));
    let headers = &request.head.headers;
    if request.head.method.as_str() != "GET" {
        let error = Error::new(Code::MethodNotAllowed, "A WebSocket begins with GET.");
        return Err(Response::error(&error).header("Allow", "GET"));
    }
    if request.head.version == Version::Http2 {
        return Err(Response::needs_http_1_1());
    }
    if request.head.version != Version::Http11 {
        return Err(bad("A WebSocket needs HTTP/1.1."));
    }
    if !headers.has_token("upgrade", "websocket") || !headers.has_token("connection", "upgrade") {
        let error = bad("This address speaks WebSocket.");
        return Err(error.header("Upgrade", "websocket"));
    }
    if !matches!(request.head.framing, Framing::Length(0)) {
        return Err(bad("An upgrade has no body."));
    }
    let mut versions = headers.all("sec-websocket-version");
    if versions.next() != Some("13") || versions.next().is_some() {
        let response = Response::empty(426).header("Sec-WebSocket-Version", "13");
        return Err(response.header("Upgrade", "websocket"));
    }
    let key = key(request).ok_or_else(|| bad("Sec-WebSocket-Key is 16 bytes in base64."))?;
    origins.check(request).map_err(|error| Response::error(&error))?;
    let mut offered = headers
        .all("sec-websocket-protocol")
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .peekable();
    let none_offered = offered.peek().is_none();
    let chosen = offered.any(|offer| offer == subprotocol);
    if !chosen && !none_offered && !subprotocol.is_empty() {
        return Err(bad("The offered subprotocols are not spoken here."));
    }
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        accept_key(key)
    );
    if chosen && !subprotocol.is_empty() {
        head.push_str(&format!("Sec-WebSocket-Protocol: {subprotocol}\r\n"));
    }
    head.push_str("\r\n");
    Ok(head.into_bytes())
}

/// The one key, if it is 16 bytes in base64.
fn key(request: &Request) -> Option<&str> {
    let mut keys = request.head.headers.all("sec-websocket-key");
    let (key, None) = (keys.next()?, keys.next()) else { return None };
    (STANDARD.decode(key).ok()?.len() == 16).then_some(key)
}

pub(super) fn accept_key(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    fn request(head: &str) -> Request {
        let (head, _) = crate::http::parse(head.as_bytes()).unwrap().unwrap();
        let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        Request::new(head, peer, false)
    }

    fn upgrade(change: (&str, &str)) -> Result<String, u16> {
        let head = "GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\
                    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://a.example\r\n\
                    Sec-WebSocket-Protocol: x, impulse.v1\r\n\r\n";
        assert!(head.contains(change.0), "{}", change.0);
        let request = request(&head.replacen(change.0, change.1, 1));
        let policy =
            OriginPolicy::new(vec![Origin::parse("https://other.example").unwrap()], Vec::new());
        accept(&request, OriginRule::Required(&policy), "impulse.v1")
            .map(|head| String::from_utf8(head).unwrap())
            .map_err(|response| response.status())
    }

    #[test]
    fn a_good_upgrade_is_accepted_with_the_subprotocol() {
        let head = upgrade(("GET", "GET")).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "));
        assert!(head.contains("\r\nSec-WebSocket-Protocol: impulse.v1\r\n"));
        for origin in ["https://other.example", "https://other.example:443", "http://a.example:80"]
        {
            assert!(upgrade(("http://a.example", origin)).is_ok(), "{origin}");
        }
        assert!(upgrade(("Host: a.example", "Host: A.Example.:80")).is_ok());
        assert!(upgrade(("Sec-WebSocket-Protocol: x, impulse.v1\r\n", "")).is_ok());
    }

    #[test]
    fn every_missing_or_wrong_part_is_refused() {
        for (change, status) in [
            (("GET", "POST"), 405),
            (("Upgrade: websocket\r\n", ""), 400),
            (("Upgrade: websocket", "Upgrade: websockets"), 400),
            (("keep-alive, Upgrade", "keep-alive"), 400),
            (("Version: 13", "Version: 8"), 426),
            (("Sec-WebSocket-Version: 13\r\n", ""), 426),
            (("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ"), 400),
            (("dGhlIHNhbXBsZSBub25jZQ==", "YQ=="), 400),
            (("Origin:", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin:"), 400),
            (("Origin: http://a.example", "Origin: null"), 403),
            (("Origin: http://a.example", "Origin: http://a.example.evil"), 403),
            (("Origin: http://a.example", "Origin: https://a.example"), 403),
            (("Origin: http://a.example", "Origin: http://a.example:443"), 403),
            (("Host: a.example", "Host: a.example:443"), 403),
            (
                (
                    "Origin: http://a.example",
                    "Origin: http://a.example\r\nOrigin: http://a.example",
                ),
                403,
            ),
            (("Origin: http://a.example\r\n", ""), 403),
            (("x, impulse.v1", "x"), 400),
            (("Connection:", "Content-Length: 3\r\nConnection:"), 400),
        ] {
            assert_eq!(upgrade(change).err(), Some(status), "{change:?}");
        }
        assert!(upgrade(("Origin: http://a.example", "Authorization: Bearer x")).is_ok());
    }

    #[test]
    fn a_listed_name_is_our_own_origin_and_no_other_name_is() {
        let policy = OriginPolicy::new(Vec::new(), vec![Host::parse("chat.example").unwrap()]);
        let asked = |host: &str| {
            let request = request(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            policy.check_host(&request).map_err(|error| error.code())
        };
        assert_eq!(asked("Chat.Example:8080"), Ok(()));
        for other in ["evil.example", "127.0.0.1:8080", "chat.example.evil", "[::1]"] {
            assert_eq!(asked(other), Err(Code::Misdirected), "{other}");
        }
        let without = request("GET / HTTP/1.0\r\n\r\n");
        assert!(policy.check_host(&without).is_err());
        assert!(OriginPolicy::new(Vec::new(), Vec::new()).check_host(&without).is_ok());
    }

    #[test]
    fn a_program_without_an_origin_is_taken_where_there_is_no_session_and_another_site_never() {
        let policy = OriginPolicy::new(Vec::new(), Vec::new());
        let with = |origin: &str| {
            let head = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{origin}\r\n");
            policy.check_if_any(&request(&head)).is_ok()
        };
        assert!(with("") && with("Origin: http://a.example\r\n"));
        assert!(!with("Origin: http://b.example\r\n") && !with("Origin: null\r\n"));
    }
}
