//! The upgrade by hand (RFC 6455, 4.2): what must be there, what comes back.
//!
//! The session is the caller's business; the origin is checked here because a browser sends the
//! cookie along with any page's upgrade (promise 16).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::error::{Code, Error};
use crate::http::{Framing, Request, Response};

/// RFC 6455, 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Which web pages may speak for a signed-in browser.
#[derive(Debug, Clone, Default)]
pub struct OriginPolicy {
    allowed: Vec<String>,
}

impl OriginPolicy {
    /// Besides our own origin, exactly these.
    pub fn new(allowed: Vec<String>) -> Self {
        Self { allowed }
    }

    /// Whether a page of this origin may act: our own (scheme and Host of this request) or a
    /// configured one, to the letter. `null` never is.
    pub fn allows(&self, request: &Request, origin: &str) -> bool {
        let scheme = if request.secure { "https" } else { "http" };
        let host = request.header("host").unwrap_or_default();
        let own = !host.is_empty() && origin.eq_ignore_ascii_case(&format!("{scheme}://{host}"));
        own || self.allowed.iter().any(|allowed| allowed == origin)
    }

    /// Refuses a request whose `Origin` is foreign, doubled, or absent without a bearer token.
    ///
    /// # Errors
    /// `bad_origin`.
    pub fn check(&self, request: &Request) -> Result<(), Error> {
        let mut origins = request.head.headers.all("origin");
        let bearer = request.header("authorization").is_some();
        let good = match (origins.next(), origins.next()) {
            (None, _) => bearer,
            (Some(origin), None) => self.allows(request, origin),
            (Some(_), Some(_)) => false,
        };
        if good { Ok(()) } else { Err(Error::new(Code::BadOrigin, "This page may not do that.")) }
    }
}

/// Checks an upgrade and makes the head of the 101. `subprotocol` is chosen if the client offers it;
/// a client that offers only others is refused, one that offers none is served.
///
/// # Errors
/// The response that says what is wrong: 400, 403, 405, 426.
#[allow(clippy::result_large_err)] // once per upgrade, and it is the answer
pub fn accept(
    request: &Request,
    origins: Option<&OriginPolicy>,
    subprotocol: &str,
) -> Result<Vec<u8>, Response> {
    let bad = |sentence: &'static str| Response::error(&Error::new(Code::BadRequest, sentence));
    let headers = &request.head.headers;
    if request.head.method.as_str() != "GET" {
        let error = Error::new(Code::MethodNotAllowed, "A WebSocket begins with GET.");
        return Err(Response::error(&error).header("Allow", "GET"));
    }
    if !request.head.is_1_1 {
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
    if let Some(origins) = origins {
        origins.check(request).map_err(|error| Response::error(&error))?;
    }
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
        Request { head, body: bytes::Bytes::new(), peer, secure: false }
    }

    fn upgrade(change: (&str, &str)) -> Result<String, u16> {
        let head = "GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\
                    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://a.example\r\n\
                    Sec-WebSocket-Protocol: x, impulse.v1\r\n\r\n";
        assert!(head.contains(change.0), "{}", change.0);
        let request = request(&head.replacen(change.0, change.1, 1));
        let policy = OriginPolicy::new(vec!["https://other.example".into()]);
        accept(&request, Some(&policy), "impulse.v1")
            .map(|head| String::from_utf8(head).unwrap())
            .map_err(|response| response.status())
    }

    #[test]
    fn a_good_upgrade_is_accepted_with_the_subprotocol() {
        let head = upgrade(("GET", "GET")).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "));
        assert!(head.contains("\r\nSec-WebSocket-Protocol: impulse.v1\r\n"));
        assert!(upgrade(("http://a.example", "https://other.example")).is_ok());
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
}
