//! HTTP/1.1 over real sockets: what is answered, what is refused, and when the connection ends.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use impulse::http::{Head, Options, Request, Response, Service, bind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Says what it saw: method, path, client, body.
struct Mirror;

impl Service for Mirror {
    fn body_limit(&self, head: &Head) -> usize {
        if head.path == "/big" { 1_000_000 } else { 1_000 }
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(async move {
            if request.head.path == "/slow" {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            let (method, path) = (request.head.method.as_str(), &request.head.path);
            let (peer, secure) = (request.peer.ip(), request.secure);
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let body = if body.len() > 100 { body.len().to_string() } else { body };
            Response::new(200, "text/plain", format!("{method} {path} {peer} {secure} [{body}]"))
        })
    }
}

struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn start(options: Options) -> Running {
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve(listener, Arc::new(Mirror), options, stopped));
    Running { address, stop, task }
}

fn options() -> Options {
    Options { max_connections: 100, max_per_address: 100, trusted_proxies: Vec::new() }
}

/// Sends everything at once and reads until the server closes.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_to_end(&mut stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("a close in time").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answers: &str) -> Vec<&str> {
    answers
        .split("HTTP/1.1 ")
        .skip(1)
        .filter(|answer| answer.starts_with(|c: char| c.is_ascii_digit()))
        .map(|answer| &answer[..3])
        .collect()
}

#[tokio::test]
async fn requests_are_answered_in_order_on_one_connection() {
    let server = start(options()).await;
    let answers = exchange(
        server.address,
        b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n\
          POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\
          POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
          HEAD /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\
          GET /never HTTP/1.1\r\nHost: h\r\n\r\n",
    )
    .await;
    assert_eq!(statuses(&answers), ["200"; 4]);
    let at = |what: &str| answers.find(what).unwrap_or_else(|| panic!("no {what} in {answers}"));
    assert!(at("GET /a") < at("POST /b 127.0.0.1 false [hi]"));
    assert!(at("[hi]") < at("POST /c 127.0.0.1 false [abc]"));
    assert!(!answers.contains("/d") && !answers.contains("/never"), "{answers}");
}

#[tokio::test]
async fn a_framing_error_gets_one_answer_and_the_end() {
    let server = start(options()).await;
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], "400"),
        (b"GET / HTTP/1.1\nHost: h\n\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n", "413"),
        (b"GET / HTTP/3.0\r\nHost: h\r\n\r\n", "505"),
    ] {
        let answers = exchange(server.address, request).await;
        assert_eq!(statuses(&answers), [status], "{}", request.escape_ascii());
        assert!(answers.contains("Connection: close"), "{answers}");
    }
    assert_eq!(exchange(server.address, b"GET /\r\n").await, "", "HTTP/0.9");
}

#[tokio::test]
async fn a_truncated_body_is_never_processed() {
    let server = start(options()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn continue_is_said_before_a_body_that_will_be_read_and_never_before_another() {
    let server = start(options()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\n";
    stream.write_all(format!("{head}Content-Length: 2\r\n\r\n").as_bytes()).await.unwrap();
    let mut some = [0; 25];
    stream.read_exact(&mut some).await.unwrap();
    assert_eq!(&some, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").await.unwrap();
    assert!(read_to_end(&mut stream).await.contains("[ok]"));

    let answer =
        exchange(server.address, format!("{head}Content-Length: 5000\r\n\r\n").as_bytes()).await;
    assert_eq!(statuses(&answer), ["413"]);
}

#[tokio::test]
async fn a_refused_body_does_not_cost_the_client_its_answer() {
    let server = start(options()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let _ = stream.write_all(&vec![b'x'; 400_000]).await;
    assert_eq!(statuses(&read_to_end(&mut stream).await), ["413"]);

    let mut big =
        b"POST /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 400000\r\n\r\n"
            .to_vec();
    big.extend_from_slice(&[b'x'; 400_000]);
    assert!(exchange(server.address, &big).await.contains("[400000]"));
}

#[tokio::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-For: 6.6.6.6, 9.9.9.9\r\n\r\n";
    let server = start(options()).await;
    assert!(exchange(server.address, request).await.contains("127.0.0.1 false"));
    let trusted = Options { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..options() };
    let server = start(trusted).await;
    assert!(exchange(server.address, request).await.contains("9.9.9.9 true"));
}

#[tokio::test]
async fn too_many_connections_are_told_so() {
    let server = start(Options { max_per_address: 2, ..options() }).await;
    let _one = TcpStream::connect(server.address).await.unwrap();
    let two = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut three = TcpStream::connect(server.address).await.unwrap();
    let answer = read_to_end(&mut three).await;
    assert_eq!(statuses(&answer), ["503"]);
    assert!(answer.contains("Retry-After"), "{answer}");
    drop(two);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer =
        exchange(server.address, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert_eq!(statuses(&answer), ["200"]);
}

#[tokio::test]
async fn stopping_finishes_what_was_asked_and_closes_what_is_idle() {
    let server = start(options()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    server.stop.send(true).unwrap();
    assert_eq!(read_to_end(&mut idle).await, "");
    let answer = read_to_end(&mut busy).await;
    assert!(answer.contains("GET /slow") && answer.contains("Connection: close"), "{answer}");
    drop((idle, busy));
    tokio::time::timeout(Duration::from_secs(5), server.task).await.expect("it ends").unwrap();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(TcpStream::connect(server.address).await.is_err());
}
