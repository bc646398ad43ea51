//! How much HTTP reads, how many connections it has, and how long it waits.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use impulse::base::limits::{api, http as limits};
use impulse::http::{Deadlines, Head, Listener, Options, Request, Response, Service, bind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::support::client::{Client, PATIENCE};
use crate::support::{TestServer, raise_descriptor_limit};

/// The status of the answer to these bytes.
async fn status(by: &Client, bytes: &[u8]) -> u16 {
    by.raw(bytes).await.status
}

/// A request with these header lines.
fn post(path: &str, fields: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n{body}")
        .into_bytes()
}

/// So many bytes of a chunk extension, its semicolon among them.
fn chunk(extension: usize) -> String {
    format!("1;{}\r\na\r\n", "x".repeat(extension - 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_be_as_large_as_the_bounds_say_and_not_a_byte_larger() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let line = |length: usize| {
        let around = "GET / HTTP/1.1".len();
        let target = format!("/{}", "a".repeat(length - around));
        format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").into_bytes()
    };
    let head = |length: usize| {
        let rest = post("/nowhere", "X: \r\n", "").len();
        post("/nowhere", &format!("X: {}\r\n", "x".repeat(length - rest)), "")
    };
    // Host and Connection are two.
    let fields = |count: usize| post("/nowhere", &"X: y\r\n".repeat(count - 2), "");
    let chunked = |body: String| post("/nowhere", "Transfer-Encoding: chunked\r\n", &body);
    let extension = |length: usize| chunked(format!("{}0\r\n\r\n", chunk(length)));
    let whole = limits::CHUNK_EXTENSIONS / limits::CHUNK_EXTENSION;
    let extensions = |more: usize| {
        let all = chunk(limits::CHUNK_EXTENSION).repeat(whole);
        chunked(format!("{all}{}0\r\n\r\n", if more > 0 { chunk(more) } else { String::new() }))
    };
    let trailers = |length: usize| {
        let around = "X: \r\n".len();
        let two = [length / 2, length - length / 2];
        let lines = two.map(|length| format!("X: {}\r\n", "x".repeat(length - around)));
        chunked(format!("0\r\n{}\r\n", lines.concat()))
    };
    let body = |path: &str, length: usize| {
        let head = format!(
            "POST {path} HTTP/1.1\r\n{}Connection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{{",
            anna.fields()
        );
        [head.as_bytes(), &vec![b' '; length - 2], b"}"].concat()
    };
    let picture = |length: usize| {
        let head = format!(
            "PUT /api/me/avatar HTTP/1.1\r\n{}Connection: close\r\nContent-Type: image/png\r\n\
             Content-Length: {length}\r\n\r\n",
            anna.fields()
        );
        [head.as_bytes(), &vec![0; length]].concat()
    };
    for (name, within, answer, beyond, refusal) in [
        ("line", line(limits::REQUEST_LINE), 404, line(limits::REQUEST_LINE + 1), 414),
        ("head", head(limits::HEAD), 404, head(limits::HEAD + 1), 431),
        ("fields", fields(limits::HEADERS), 404, fields(limits::HEADERS + 1), 431),
        (
            "extension",
            extension(limits::CHUNK_EXTENSION),
            404,
            extension(limits::CHUNK_EXTENSION + 1),
            400,
        ),
        ("extensions", extensions(0), 404, extensions(2), 400),
        ("trailers", trailers(limits::TRAILERS), 404, trailers(limits::TRAILERS + 1), 431),
        // The body is read, and refused because it is empty.
        (
            "body",
            body("/api/keys/rewrap", limits::BODY),
            400,
            body("/api/keys/rewrap", limits::BODY + 1),
            413,
        ),
        (
            "small body",
            body("/api/invites/look", api::SMALL_BODY),
            400,
            body("/api/invites/look", api::SMALL_BODY + 1),
            413,
        ),
        ("picture", picture(api::AVATAR_BODY), 400, picture(api::AVATAR_BODY + 1), 413),
    ] {
        assert_eq!(status(&anna, &within).await, answer, "{name}");
        assert_eq!(status(&anna, &beyond).await, refusal, "{name} and one more");
    }
    anna.get("/health").await.expect(200);
    server.stop().await;
}

/// Connects from another address of this machine, so that tests do not use up each other's limits.
async fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

async fn answer_on(mut stream: TcpStream) -> String {
    let asked = stream.write_all(b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let _ = asked.await;
    read_to_end(stream).await
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end").unwrap_or_default();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_may_have_so_many_connections_and_the_next_one_is_refused() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let mut inside = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_ADDRESS {
        let mut stream = connect_from("127.0.0.3", server.address).await;
        // A connection without a request would give way.
        stream.write_all(b"GET /health HTTP/1.1\r\n").await.unwrap();
        inside.push(stream);
    }
    let began = std::time::Instant::now();
    let refused = answer_on(connect_from("127.0.0.3", server.address).await).await;
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("Retry-After"), "{refused}");
    assert!(began.elapsed() >= limits::PERMIT_WAIT, "it has waited for a permit");
    let other = answer_on(connect_from("127.0.0.4", server.address).await).await;
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
    for mut stream in inside {
        stream.write_all(b"Host: h\r\nConnection: close\r\n\r\n").await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    server.stop().await;
}

/// Answers with more than any socket takes at once.
struct Talkative;

impl Service for Talkative {
    fn body_limit(&self, _head: &Head) -> usize {
        100
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        let length = if request.head.path == "/long" { 64 * 1024 * 1024 } else { 100 };
        Box::pin(async move { Response::new(200, "text/plain", "x".repeat(length)) })
    }
}

/// A server with long answers: its address, and how to stop it.
fn verbose_server(listener: Listener, options: Options) -> (SocketAddr, watch::Sender<bool>) {
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(serve(listener, Arc::new(Talkative), options, stopped));
    (address, stop)
}

fn listener() -> Listener {
    raise_descriptor_limit();
    bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_refusals_linger_and_the_next_connection_is_closed_as_soon_as_it_is_refused() {
    let deadlines = Deadlines { linger: PATIENCE, ..Deadlines::default() };
    let options = Options { max_connections: 1, deadlines, ..Options::default() };
    let (address, _stop) = verbose_server(listener(), options);
    let mut inside = TcpStream::connect(address).await.unwrap();
    inside.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut refused = Vec::new();
    // Nothing shows when the request has been read.
    tokio::time::sleep(limits::GIVES_WAY / 2).await;
    for _ in 0..limits::REFUSALS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut status = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut status)).await.expect("a refusal").unwrap();
        assert_eq!(&status, b"HTTP/1.1 503");
        refused.push(stream); // refused, and still open
    }
    // This server lingers for longer than the test waits: only a connection without lingering ends before.
    let mut beyond = TcpStream::connect(address).await.unwrap();
    let mut said = Vec::new();
    timeout(PATIENCE / 2, beyond.read_to_end(&mut said)).await.expect("the end").unwrap();
    assert!(said.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&said));
}

/// A storm waits in the kernel until it is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_that_nobody_accepts_yet_waits_and_is_served_then() {
    let most: usize =
        std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    let storm = most.min(limits::BACKLOG as usize).min(1_000);
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..storm {
        let connecting = timeout(PATIENCE, TcpStream::connect(address));
        waiting.push(connecting.await.expect("a place in the backlog").unwrap());
    }
    let options = Options { max_per_client: storm, ..Options::default() };
    let (_, _stop) = verbose_server(listener, options);
    for mut stream in waiting {
        stream.write_all(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut status = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut status)).await.expect("an answer").unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_no_answer_is_disconnected_and_one_that_sends_on_is_read_only_for_a_while()
 {
    let soon = Duration::from_millis(300);
    let deadlines = Deadlines { write: soon, linger: soon, ..Deadlines::default() };
    let (address, _stop) = verbose_server(listener(), Options { deadlines, ..Options::default() });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    // The test reads nothing until the server has given up, so it gets less than the whole answer.
    let gone = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the connection ends");

    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nno header\r\n\r\n").await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 400");
    let talking = async {
        while stream.write_all(b"more").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, talking).await.expect("it does not listen for ever");
}
