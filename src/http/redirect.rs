//! The plain address of a server that speaks https: it leads there.
//!
//! A redirect is never built from a name that only the client knows. It leads to the name that was asked for if that is
//! one of the server's own, and otherwise a page says which address to open.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::head::Head;
use super::refusal_page::elsewhere;
use super::request::Request;
use super::request_limiter::Cost;
use super::response::Response;
use super::service::Service;
use crate::base::limits::http as limits;
use crate::config::Host;

/// Answered here as there: a check that the process runs needs no TLS.
const HERE: &str = "/health";

/// What a plain address leads to.
pub trait Destination: Send + Sync + 'static {
    /// The https address by the name that was asked for, without a path, if it is one of the server's own.
    fn known_as(&self, asked: &Host) -> Option<String>;

    /// The https address that is named to those who asked for another one.
    fn address(&self) -> String;

    /// The answer to what is answered here and by whatever name, such as challenges of a certificate authority.
    fn answer(&self, head: &Head) -> Option<Response>;
}

/// Redirects everything but what its destination answers here.
pub struct Redirect {
    destination: Box<dyn Destination>,
    service: Arc<dyn Service>,
}

impl Redirect {
    /// Leads to a service that is served by https.
    pub fn new(destination: impl Destination, service: Arc<dyn Service>) -> Self {
        Self { destination: Box::new(destination), service }
    }

    fn lead(&self, request: &Request) -> Response {
        let head = &request.head;
        let asked = request.header("host").and_then(Host::parse);
        match asked.and_then(|asked| self.destination.known_as(&asked)) {
            Some(address) => {
                // Browsers remember a permanent redirect, and a server may change its port.
                Response::empty(308)
                    .header("Location", format!("{address}{}", target(head)))
                    .header("Cache-Control", "no-store")
            }
            None => elsewhere(&self.destination.address(), head),
        }
    }
}

impl Service for Redirect {
    /// Whatever is sent here is read so that the answer arrives, and then forgotten.
    fn body_limit(&self, _: &Head) -> usize {
        limits::BODY
    }

    fn cost(&self, _: &Head) -> Cost {
        Cost::Light
    }

    fn upgraded(&self) -> usize {
        self.service.upgraded()
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        if request.head.path == HERE {
            return self.service.call(request);
        }
        let answer = self.destination.answer(&request.head).unwrap_or_else(|| self.lead(&request));
        Box::pin(std::future::ready(answer))
    }
}

/// Path and query, encoded anew: what came may have been written in a way that a header cannot hold.
fn target(head: &Head) -> String {
    let mut target = String::new();
    for byte in head.path.bytes() {
        encode(&mut target, byte, b"/:@!$&'()*+,;=-._~");
    }
    if let Some(query) = &head.query {
        target.push('?');
        for byte in query.bytes() {
            encode(&mut target, byte, b"/?:@!$&'()*+,;=-._~%");
        }
    }
    target
}

fn encode(target: &mut String, byte: u8, plain: &[u8]) {
    if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
        target.push(char::from(byte));
    } else {
        // Writing to a string does not fail.
        let _ = write!(target, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::parse;

    struct Chat;

    impl Destination for Chat {
        fn known_as(&self, asked: &Host) -> Option<String> {
            let own = Host::parse("chat.example.org")?;
            own.covers(asked).then(|| "https://chat.example.org:8443".to_owned())
        }

        fn address(&self) -> String {
            "https://chat.example.org:8443".to_owned()
        }

        fn answer(&self, head: &Head) -> Option<Response> {
            (head.path == "/challenge").then(|| Response::new(200, "text/plain", "token"))
        }
    }

    impl Service for Chat {
        fn body_limit(&self, _: &Head) -> usize {
            0
        }

        fn call<'a>(&'a self, _: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
            Box::pin(async { Response::new(200, "text/plain", "the service") })
        }
    }

    async fn answer(target: &str, fields: &str) -> Response {
        let text = format!("GET {target} HTTP/1.1\r\n{fields}\r\n");
        let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
        let peer = "127.0.0.1:1".parse().unwrap();
        let request = Request::new(head, peer, false);
        Redirect::new(Chat, Arc::new(Chat)).call(request).await
    }

    #[tokio::test]
    async fn a_known_name_is_led_to_the_same_path_by_https() {
        for (target, wanted) in [
            ("/", "/"),
            ("/rooms/7?q=a%20b&c=%C3%A9", "/rooms/7?q=a%20b&c=%C3%A9"),
            ("/a%0d%0aSet-Cookie:%20x", "/a%0D%0ASet-Cookie:%20x"),
            ("//evil.example/x", "//evil.example/x"),
            ("/caf%C3%A9%3F", "/caf%C3%A9%3F"),
            ("http://chat.example.org/x?", "/x?"),
            ("/x?<script>", "/x?%3Cscript%3E"),
        ] {
            let led = answer(target, "Host: chat.example.org\r\n").await;
            let location = format!("https://chat.example.org:8443{wanted}");
            assert_eq!((led.status(), led.get("location")), (308, Some(location.as_str())));
            assert_eq!(led.get("cache-control"), Some("no-store"));
        }
        let with_port = answer("/", "Host: CHAT.example.org.:8080\r\n").await;
        assert_eq!(with_port.get("location"), Some("https://chat.example.org:8443/"));
    }

    #[tokio::test]
    async fn another_name_is_told_the_address_and_never_led_anywhere() {
        for host in ["evil.example", "chat.example.org.evil.example", "10.0.0.1", "[::1]:80"] {
            let told = answer("/x", &format!("Host: {host}\r\nAccept: text/html\r\n")).await;
            assert_eq!((told.status(), told.get("location")), (421, None), "{host}");
            let page = String::from_utf8(told.body().to_vec()).unwrap();
            assert!(page.contains("href=\"https://chat.example.org:8443/\""), "{page}");
            assert!(!page.contains(host), "{page}");
            let json = answer("/x", &format!("Host: {host}\r\n")).await;
            let json = String::from_utf8(json.body().to_vec()).unwrap();
            assert!(json.contains("https://chat.example.org:8443"), "{json}");
        }
    }

    #[tokio::test]
    async fn challenges_and_the_health_check_are_answered_by_whatever_name() {
        for (target, wanted) in [("/challenge", "token"), ("/health", "the service")] {
            let answered = answer(target, "Host: elsewhere.example\r\n").await;
            assert_eq!((answered.status(), &answered.body()[..]), (200, wanted.as_bytes()));
        }
    }
}
