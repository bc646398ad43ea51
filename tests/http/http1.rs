//! HTTP/1.1 over real sockets: what is answered, what is refused, and when the connection ends.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use impulse::http::{
    Deadlines, Head, Options, Request, Response, Service, TrustedProxies, bind, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Answers with what it got: method, path, client, body.
struct Echo;

impl Service for Echo {
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

pub struct Running {
    pub address: SocketAddr,
    pub stop: watch::Sender<bool>,
    pub task: JoinHandle<()>,
}

async fn start(options: Options) -> Running {
    start_service(Arc::new(Echo), options).await
}

pub async fn start_service(service: Arc<dyn Service>, options: Options) -> Running {
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve(listener, service, options, stopped));
    Running { address, stop, task }
}

pub fn options() -> Options {
    Options { max_connections: 100, max_per_client: 100, ..Options::default() }
}

/// Sends everything at once and reads until the server closes.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_to_end(&mut stream).await
}

pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("a close in time").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

pub fn statuses(answers: &str) -> Vec<&str> {
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
async fn continue_is_sent_before_a_body_that_will_be_read_and_never_before_another() {
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
    let trusted =
        Options { trusted_proxies: TrustedProxies::new("127.0.0.1".parse().unwrap()), ..options() };
    let server = start(trusted).await;
    assert!(exchange(server.address, request).await.contains("9.9.9.9 true"));
}

#[tokio::test]
async fn too_many_connections_are_refused_with_their_status() {
    for (options, status) in [
        (Options { max_per_client: 2, ..options() }, "429"),
        (Options { max_connections: 2, ..options() }, "503"),
    ] {
        a_third_connection_is_refused(options, status).await;
    }
}

async fn half_a_head(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    stream
}

async fn a_third_connection_is_refused(options: Options, status: &str) {
    let permit = Duration::from_millis(300);
    let deadlines = Deadlines { permit, ..Deadlines::default() };
    let server = start(Options { deadlines, ..options }).await;
    // Both have begun a request: a connection without one would give way.
    let _one = half_a_head(server.address).await;
    let two = half_a_head(server.address).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut three = TcpStream::connect(server.address).await.unwrap();
    let answer = read_to_end(&mut three).await;
    assert_eq!(statuses(&answer), [status]);
    assert!(answer.contains("Retry-After"), "{answer}");
    drop(two);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer =
        exchange(server.address, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert_eq!(statuses(&answer), ["200"]);
}

#[tokio::test]
async fn stopping_finishes_requests_in_flight_and_closes_idle_connections() {
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

fn short_deadlines() -> Options {
    let soon = Duration::from_millis(300);
    let deadlines = Deadlines {
        head: soon,
        body: soon,
        idle: soon,
        write: soon,
        linger: soon,
        ..Deadlines::default()
    };
    Options { deadlines, ..options() }
}

/// Sends one byte every 20 ms until the server closes; its answer, and after how long.
pub async fn drip(address: SocketAddr, first: &[u8], byte: &[u8]) -> (String, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(first).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let dripping = async {
        while write.write_all(byte).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        read = tokio::time::timeout(Duration::from_secs(5), read.read_to_end(&mut answer)) => {
            let _ = read.expect("the server ends it");
        }
        () = dripping => {}
    }
    (String::from_utf8_lossy(&answer).into_owned(), started.elapsed())
}

#[tokio::test]
async fn deadlines_cover_the_whole_head_and_the_whole_body_not_one_read() {
    let server = start(short_deadlines()).await;
    for (first, byte) in [
        (&b"GET / HTTP/1.1\r\nHost: h\r\nX: "[..], &b"a"[..]),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n", b"a"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    ] {
        let (answer, took) = drip(server.address, first, byte).await;
        assert_eq!(statuses(&answer), ["408"], "{}", first.escape_ascii());
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_without_an_answer() {
    let server = start(short_deadlines()).await;
    assert_eq!(exchange(server.address, b"").await, "");
    let answers = exchange(server.address, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(statuses(&answers), ["200"]);
    assert!(answers.contains("Connection: keep-alive"));
}

/// Every request here is followed by another; `true` where that one must be answered too.
#[tokio::test]
async fn a_table_of_attacks_has_the_expected_answers_and_ends() {
    let server = start(options()).await;
    let after = "GET /after HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let post =
        |fields: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n{body}");
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    let many = |n: usize| post(&"X: y\r\n".repeat(n), "");
    let table: Vec<(String, &str, bool)> = vec![
        (post("Content-Length: 3\r\n", "abc"), "200", true),
        (post(chunked, "3\r\nabc\r\n0\r\n\r\n"), "200", true),
        (post(chunked, "0\r\nContent-Length: 50\r\n\r\n"), "200", true),
        (post("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n"), "200", true),
        (many(98), "200", true),
        (many(101), "431", false),
        (post(&format!("Cookie: {}\r\n", "c".repeat(8_192)), ""), "200", true),
        (post(&format!("Cookie: {}\r\n", "c".repeat(70_000)), ""), "431", false),
        (get(&format!("/{}", "a".repeat(16_000))), "200", true),
        (get(&format!("/{}", "a".repeat(20_000))), "414", false),
        (post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "400", false),
        (post("Content-Length: 3, 3\r\n", "abc"), "400", false),
        (post("Content-Length: \u{a0}3\r\n", "abc"), "400", false),
        (post("Content-Length : 3\r\n", "abc"), "400", false),
        (post("Content-Length: 3\r\n\tfolded\r\n", "abc"), "400", false),
        (post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "abc"), "400", false),
        (post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), "501", false),
        (post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), "400", false),
        (post(chunked, "3\nabc\n0\n\n"), "400", false),
        (post(chunked, "3;\nabc\r\n0\r\n\r\n"), "400", false),
        (post(chunked, "3\r\nabcd\r\n0\r\n\r\n"), "400", false),
        (post(chunked, "ffffffffffffffffffff\r\n"), "413", false),
        (post(chunked, "10000\r\n"), "413", false),
        (post(chunked, &format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(300))), "400", false),
        (post(chunked, &format!("0\r\nX: {}\r\n\r\n", "x".repeat(9_000))), "400", false),
        (post("Content-Length: 1001\r\n", ""), "413", false),
        (post("Host: h\r\n", ""), "400", false),
        (get("http://other/"), "400", false),
        (get("/%00"), "400", false),
        (get("/%"), "400", false),
        ("GET / HTTP/1.1\r\nHost: h/x\r\n\r\n".into(), "400", false),
        ("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), "200", true),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), "400", false),
        ("GET / HTTP/1.0\r\n\r\n".into(), "200", false),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "505", false),
        ("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n".into(), "400", false),
    ];
    for (request, status, follows) in table {
        let answers = exchange(server.address, format!("{request}{after}").as_bytes()).await;
        let shown = request.get(..200).unwrap_or(&request);
        let wanted = if follows { vec![status, "200"] } else { vec![status] };
        assert_eq!(statuses(&answers), wanted, "{shown:?}");
        assert!(answers.contains("Connection: close"), "{shown:?}: {answers}");
        assert_eq!(answers.contains("GET /after"), follows, "{shown:?}");
    }
}
