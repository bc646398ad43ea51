//! The outgoing client over TLS: whom it trusts, what it says if it does not, and a cut that is no end.

use std::sync::Arc;

use impulse::http::client::{Call, Client, Failure, Origin, Trust};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::support::tls::Certified;

/// How a server ends the connection.
#[derive(Clone, Copy)]
enum End {
    /// With close_notify.
    Announced,
    /// TCP ends, and TLS does not.
    Cut,
}

/// A server that sends the same response to every request; its port.
async fn server(config: Arc<ServerConfig>, response: &'static str, end: End) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust it ends the handshake.
            let Ok(stream) = TlsAcceptor::from(config.clone()).accept(stream).await else {
                continue;
            };
            tokio::spawn(answer(stream, response, end));
        }
    });
    port
}

async fn answer(mut stream: TlsStream<TcpStream>, response: &'static str, end: End) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut request).await.unwrap();
    }
    stream.write_all(response.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    match end {
        End::Announced => stream.shutdown().await.unwrap(),
        End::Cut => stream.into_inner().0.shutdown().await.unwrap(),
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
const OPEN_END: &str = "HTTP/1.1 200 OK\r\n\r\nbody";

/// A request to the server on this port of loopback, under this name.
async fn get(name: &str, port: u16, trust: &Trust) -> Result<Vec<u8>, Failure> {
    let (origin, _) = Origin::parse(&format!("https://{name}:{port}/")).unwrap();
    let client = Client::of(&origin, trust).with_address(&format!("127.0.0.1:{port}"));
    client.send("GET", "/", "").await.map(|reply| reply.body)
}

fn sentence(result: Result<Vec<u8>, Failure>) -> String {
    result.expect_err("no reply").to_string()
}

#[tokio::test]
async fn a_certificate_of_an_authority_in_the_file_is_accepted_for_its_names() {
    let certified = Certified::of(&["chat.test", "127.0.0.1"]);
    let port = server(certified.server(), OK, End::Announced).await;
    let trust = Trust::in_pem(certified.authority.as_bytes()).unwrap();
    for name in ["chat.test", "127.0.0.1"] {
        assert_eq!(get(name, port, &trust).await.unwrap(), b"body", "{name}");
    }
    let said = sentence(get("other.test", port, &trust).await);
    assert!(said.contains("is not for other.test but for chat.test, 127.0.0.1"), "{said}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_with_what_to_do() {
    let certified = Certified::of(&["chat.test"]);
    let port = server(certified.server(), OK, End::Announced).await;
    let other = Trust::in_pem(Certified::of(&["chat.test"]).authority.as_bytes()).unwrap();
    for trust in [Trust::public(), other, Trust::only(Vec::new())] {
        let said = sentence(get("chat.test", port, &trust).await);
        assert!(said.contains("not trusted here") && said.contains("--ca FILE"), "{said}");
    }
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_accepted_from_the_file() {
    let certified = Certified::by_itself(&["chat.test"]);
    let port = server(certified.server(), OK, End::Announced).await;
    let trust = Trust::in_pem(certified.authority.as_bytes()).unwrap();
    assert_eq!(get("chat.test", port, &trust).await.unwrap(), b"body");
    let said = sentence(get("other.test", port, &trust).await);
    assert!(said.contains("not for other.test"), "{said}");
    let said = sentence(get("chat.test", port, &Trust::public()).await);
    assert!(said.contains("signed by itself") && said.contains("--ca FILE"), "{said}");
}

#[tokio::test]
async fn an_expired_certificate_and_one_of_the_future_are_refused() {
    for (year, part) in [(2001, "has expired"), (2101, "not valid yet")] {
        let certified = Certified::with(&["chat.test"], |params| {
            params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        });
        let port = server(certified.server(), OK, End::Announced).await;
        let trust = Trust::in_pem(certified.authority.as_bytes()).unwrap();
        let said = sentence(get("chat.test", port, &trust).await);
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn any_certificate_or_a_given_one_is_accepted_when_asked_for() {
    let certified = Certified::of(&["chat.test"]);
    let port = server(certified.server(), OK, End::Announced).await;
    for trust in [Trust::any(), Trust::only(certified.chain.clone())] {
        assert_eq!(get("other.test", port, &trust).await.unwrap(), b"body");
    }
    let (origin, _) = Origin::parse(&format!("https://127.0.0.1:{port}")).unwrap();
    let stream = Client::of(&origin, &Trust::any()).connect().await.unwrap();
    assert_eq!(stream.certificates(), certified.chain.as_slice());
}

#[tokio::test]
async fn a_reply_that_is_cut_is_no_reply() {
    let certified = Certified::of(&["chat.test"]);
    let trust = Trust::in_pem(certified.authority.as_bytes()).unwrap();
    for (response, end, is_whole) in [
        (OPEN_END, End::Announced, true),
        (OPEN_END, End::Cut, false),
        (OK, End::Cut, true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", End::Announced, false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", End::Cut, false),
    ] {
        let port = server(certified.server(), response, end).await;
        match get("chat.test", port, &trust).await {
            Ok(body) => assert!(is_whole && body == b"body", "{response}"),
            Err(failure) => {
                assert!(!is_whole && matches!(failure, Failure::Truncated), "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn plain_and_tls_are_told_apart() {
    let certified = Certified::of(&["chat.test"]);
    let port = server(certified.server(), OK, End::Announced).await;
    let failure = Client::new(&format!("127.0.0.1:{port}")).send("GET", "/", "").await;
    assert!(failure.unwrap_err().to_string().contains("use https://"));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let said = sentence(get("chat.test", port, &Trust::any()).await);
    assert!(said.contains("try http://"), "{said}");
}

#[tokio::test]
async fn a_call_carries_its_fields_and_body_and_gives_the_fields_of_the_reply() {
    let certified = Certified::of(&["127.0.0.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = certified.server();
    let seen = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(config).accept(stream).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{}\0") {
            stream.read_buf(&mut request).await.unwrap();
        }
        let reply =
            b"HTTP/1.1 201 Created\r\nLocation: /acct/1\r\nTransfer-Encoding: chunked\r\n\r\n\
            1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        stream.write_all(reply).await.unwrap();
        stream.flush().await.unwrap();
        String::from_utf8(request).unwrap()
    });
    let trust = Trust::in_pem(certified.authority.as_bytes()).unwrap();
    let (origin, path) = Origin::parse("https://127.0.0.1/new-acct?x=1").unwrap();
    let client = Client::of(&origin, &trust).with_address(&format!("127.0.0.1:{port}"));
    let headers = &[("Content-Type", "application/jose+json"), ("User-Agent", "a test")];
    let reply =
        client.request(Call { method: "POST", path, headers, body: b"{}\0" }).await.unwrap();
    assert_eq!((reply.status, reply.header("LOCATION")), (201, Some("/acct/1")));
    assert_eq!(reply.body, b"{}");
    let request = seen.await.unwrap();
    assert!(request.starts_with("POST /new-acct?x=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n"), "{request}");
    for line in ["Content-Type: application/jose+json", "User-Agent: a test", "Content-Length: 3"] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
    }
}

#[test]
fn a_file_without_certificates_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let said = Trust::in_file(&file).unwrap_err();
    assert!(said.starts_with("cannot read "), "{said}");
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, part) in
        [("", "no certificate"), ("nonsense", "no certificate"), (damaged, "cannot be used")]
    {
        std::fs::write(&file, text).unwrap();
        let said = Trust::in_file(&file).unwrap_err();
        assert!(said.contains(part), "{said}");
    }
}
