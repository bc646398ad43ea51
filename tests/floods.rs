//! Very many requests and connections of one client: what it gets, what it is refused, and that no other
//! client is affected.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/process.rs"]
mod process;
mod support;

use std::collections::VecDeque;
use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use impulse::base::limits::http as limits;
use impulse::http::{
    Cost, Deadlines, Head, Options, Request, RequestLimiter, Response, Service, bind, serve,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::support::TestServer;
use crate::support::client::PATIENCE;

/// Answers with the path of the request, and remembers all paths in their order.
#[derive(Default)]
struct Witness {
    paths: Mutex<Vec<String>>,
    working: AtomicUsize,
    most: AtomicUsize,
}

impl Service for Witness {
    fn body_limit(&self, _head: &Head) -> usize {
        100
    }

    fn cost(&self, head: &Head) -> Cost {
        if head.path.starts_with("/file") { Cost::Light } else { Cost::Call }
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        let path = request.head.path;
        self.paths.lock().unwrap().push(path.clone());
        Box::pin(async move {
            let working = self.working.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(working, Ordering::SeqCst);
            if path == "/slow" {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            self.working.fetch_sub(1, Ordering::SeqCst);
            Response::new(200, "text/plain", path)
        })
    }
}

struct Running {
    address: SocketAddr,
    witness: Arc<Witness>,
    _stop: watch::Sender<bool>,
}

fn start(options: Options) -> Running {
    support::raise_descriptor_limit();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let witness = Arc::new(Witness::default());
    tokio::spawn(serve(listener, witness.clone(), options, stopped));
    Running { address, witness, _stop: stop }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

async fn connect(address: SocketAddr) -> TcpStream {
    timeout(PATIENCE, TcpStream::connect(address)).await.expect("in time").unwrap()
}

/// A connection that has begun a request and does not give way.
async fn busy(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    // Nothing shows when the server has read it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream
}

/// What arrives until the end of the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// One request and its answer, whose body is the path; nothing if the connection ended before.
async fn request(stream: &mut TcpStream, path: &str) -> Option<String> {
    stream.write_all(get(path).as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let reading = async {
        while !answer.ends_with(format!("\r\n\r\n{path}").as_bytes()) {
            match stream.read_buf(&mut answer).await {
                Ok(0) | Err(_) => return answer.is_empty(),
                Ok(_) => {}
            }
        }
        false
    };
    let gone = timeout(PATIENCE, reading).await.expect("an answer in time");
    (!gone).then(|| String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn requests_sent_without_waiting_take_turns_with_those_of_others() {
    const EACH: usize = 150;
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    // All requests have arrived before the first is read.
    let streams: Vec<_> = (0..4)
        .map(|n| {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(get(&format!("/{n}")).repeat(EACH).as_bytes()).unwrap();
            stream
        })
        .collect();
    let witness = Arc::new(Witness::default());
    let (_stop, stopped) = watch::channel(false);
    let options = Options { limiter: Arc::new(RequestLimiter::new(0.0)), ..Options::default() };
    tokio::spawn(serve(listener, witness.clone(), options, stopped));
    let began = Instant::now();
    while witness.paths.lock().unwrap().len() < streams.len() * EACH {
        assert!(began.elapsed() < PATIENCE, "everything is answered");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let paths = witness.paths.lock().unwrap();
    let first_of_last = paths.iter().position(|path| path == "/3").unwrap();
    assert!(first_of_last < EACH, "the last one waited for {first_of_last} answers of others");
    let runs = paths.chunk_by(|a, b| a == b).map(<[_]>::len).max();
    // At the end only the slower connections are left.
    let early = paths[..EACH].chunk_by(|a, b| a == b).map(<[_]>::len).max();
    assert!(early <= Some(READ_AT_ONCE), "{early:?} in a row, {runs:?} at all");
}

/// Answers one connection may get in a row while others wait: one, and what the accepting of the
/// others takes.
const READ_AT_ONCE: usize = 16;

#[tokio::test]
async fn a_connection_that_sends_nothing_ends_with_the_deadline_of_its_head() {
    let head = Duration::from_millis(300);
    let deadlines = Deadlines { head, ..Deadlines::default() };
    let server = start(Options { deadlines, ..Options::default() });
    let began = Instant::now();
    let mut silent = connect(server.address).await;
    let mut served = connect(server.address).await;
    assert!(request(&mut served, "/file").await.is_some());
    let mut late = connect(server.address).await;
    tokio::time::sleep(head / 2).await;
    late.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(rest(&mut silent).await, "");
    let answer = rest(&mut late).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(began.elapsed() < head * 5, "{:?}", began.elapsed());
    assert!(
        request(&mut served, "/file").await.is_some(),
        "one that was served may be idle for longer"
    );
}

#[tokio::test]
async fn the_connection_that_is_idle_for_the_longest_time_gives_way_to_a_new_one() {
    for options in [
        Options { max_per_client: 3, ..Options::default() },
        Options { max_connections: 3, ..Options::default() },
        Options { max_sockets: 3, ..Options::default() },
    ] {
        let server = start(options);
        let (mut oldest, mut newer) =
            (connect(server.address).await, connect(server.address).await);
        assert!(request(&mut oldest, "/file/1").await.is_some());
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(request(&mut newer, "/file/2").await.is_some());
        let mut working = busy(server.address).await;
        tokio::time::sleep(limits::GIVES_WAY + Duration::from_millis(50)).await;
        let mut fourth = connect(server.address).await;
        let answer = request(&mut fourth, "/file/4").await.expect("a permit");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(rest(&mut oldest).await, "", "the oldest has given way");
        assert!(request(&mut newer, "/file/5").await.is_some(), "and no other");
        working.write_all(b"Host: h\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(rest(&mut working).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_connection_that_never_sent_anything_gives_way_as_well() {
    let server = start(Options { max_per_client: 1, ..Options::default() });
    let mut silent = connect(server.address).await;
    let mut other = connect(server.address).await;
    let answer = request(&mut other, "/file").await.expect("a permit after a moment");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn a_connection_without_a_permit_waits_for_the_next_answer_of_the_others() {
    let server = start(Options { max_per_client: 1, ..Options::default() });
    let mut first = connect(server.address).await;
    first.write_all(get("/slow").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = connect(server.address).await;
    second.write_all(get("/file").as_bytes()).await.unwrap();
    let answer = rest(&mut first).await;
    assert!(answer.contains("Connection: close") && answer.ends_with("/slow"), "{answer}");
    drop(first);
    let mut status = [0; 12];
    timeout(PATIENCE, second.read_exact(&mut status)).await.expect("a permit").unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[tokio::test]
async fn so_many_connections_wait_for_so_long_and_the_next_is_refused_at_once() {
    let permit = Duration::from_secs(3);
    let deadlines = Deadlines { permit, linger: Duration::from_millis(50), ..Deadlines::default() };
    let server = start(Options { max_per_client: 1, deadlines, ..Options::default() });
    let began = Instant::now();
    let _working = busy(server.address).await;
    let mut waiting = Vec::new();
    for _ in 0..limits::WAITING_PER_ADDRESS {
        waiting.push(connect(server.address).await);
    }
    let mut beyond = connect(server.address).await;
    let answer = rest(&mut beyond).await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("Retry-After"), "{answer}");
    let at_once = began.elapsed();
    let answer = rest(&mut waiting[0]).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(began.elapsed() >= permit && began.elapsed() > at_once, "{:?}", began.elapsed());
}

/// Six connections fetch ninety files, as a browser does: the request of a connection that has ended is
/// made again. How many connections that took.
async fn load_page(address: SocketAddr) -> usize {
    let files: VecDeque<_> = (0..90).map(|n| format!("/file/{n}")).collect();
    let files = Arc::new(Mutex::new(files));
    let connections = (0..6).map(|_| {
        let files = files.clone();
        tokio::spawn(async move {
            let (mut stream, mut opened) = (connect(address).await, 1);
            loop {
                let Some(file) = files.lock().unwrap().pop_front() else { return opened };
                let answer = request(&mut stream, &file).await;
                if let Some(answer) = &answer {
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{file}: {answer}");
                } else {
                    files.lock().unwrap().push_back(file);
                }
                if answer.is_none_or(|answer| answer.contains("Connection: close")) {
                    stream = connect(address).await;
                    opened += 1;
                }
            }
        })
    });
    let mut opened = 0;
    for connection in connections.collect::<Vec<_>>() {
        opened += connection.await.expect("no file is refused");
    }
    opened
}

#[tokio::test(flavor = "multi_thread")]
async fn eighty_browsers_of_one_address_load_a_page_of_ninety_files_and_none_is_refused() {
    let server = start(Options::default());
    let pages: Vec<_> = (0..80).map(|_| tokio::spawn(load_page(server.address))).collect();
    let mut opened = 0;
    for page in pages {
        opened += page.await.expect("a whole page");
    }
    assert!(opened >= 480, "{opened}");
    let mut files = server.witness.paths.lock().unwrap().clone();
    files.sort_unstable();
    files.dedup();
    assert_eq!(files.len(), 90);
}

#[tokio::test]
async fn a_client_beyond_its_rate_gets_retry_after_and_others_are_served() {
    // The budget is a hundred units: ten calls.
    let limiter = Arc::new(RequestLimiter::new(0.001));
    let burst = f64::from(limits::BURST / limits::COST_CALL) * 0.001;
    let server = start(Options { limiter, ..Options::default() });
    let mut flood = connect(server.address).await;
    flood.write_all(get("/call").repeat(50).as_bytes()).await.unwrap();
    let answer = rest(&mut flood).await;
    let good = answer.matches("HTTP/1.1 200 ").count();
    assert!(good >= burst as usize - 1 && good <= burst as usize, "{good}");
    assert_eq!(answer.matches("HTTP/1.1 429 ").count(), 1, "one refusal, then the end: {answer}");
    assert!(answer.contains("Retry-After: ") && answer.contains("\"rate_limited\""), "{answer}");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(server.address).await.unwrap();
    assert!(request(&mut other, "/call").await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn the_requests_of_one_address_that_are_served_at_once_are_bounded() {
    // Two instead of sixty-four.
    let limiter = Arc::new(RequestLimiter::new(2.0 / limits::AT_ONCE as f64));
    let server = start(Options { limiter, ..Options::default() });
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut stream = connect(server.address).await;
        stream.write_all(get("/slow").as_bytes()).await.unwrap();
        streams.push(stream);
    }
    for stream in &mut streams {
        let mut status = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut status)).await.expect("its turn").unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    assert_eq!(server.witness.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_header_outside_utf_8_is_opaque_and_affects_only_itself() {
    let server = start(Options::default());
    let status = async |fields: &[u8]| {
        let mut stream = connect(server.address).await;
        let request = [b"GET /file HTTP/1.1\r\n", fields, b"Connection: close\r\n\r\n"].concat();
        stream.write_all(&request).await.unwrap();
        rest(&mut stream).await.get(9..12).unwrap_or_default().to_owned()
    };
    for fields in [
        &b"Host: h\r\nX-Name: caf\xe9\r\n"[..],
        b"Host: h\r\nCookie: a=\xff\xfe; b=c\r\n",
        b"Host: h\r\nUser-Agent: \x80\r\n",
    ] {
        assert_eq!(status(fields).await, "200", "{}", fields.escape_ascii());
    }
    for (fields, refusal) in [
        (&b"Host: h\xe9\r\n"[..], "400"),
        (b"Host: h\r\nContent-Length: 0\xff\r\n", "400"),
        (b"Host: h\r\nTransfer-Encoding: chunked\xff\r\n", "501"),
        (b"Host: h\r\nExpect: 100-continue\xff\r\n", "417"),
        (b"Host: h\r\nX\xe9: y\r\n", "400"),
    ] {
        assert_eq!(status(fields).await, refusal, "{}", fields.escape_ascii());
    }
}

/// Sends a message and reads the answer, by a client that needs none of the server's threads.
fn send(client: &mut process::Client, room: &str, text: &str) {
    let answer = client.request(process::text(room, &process::new_mid(), text)).unwrap();
    assert_eq!(answer["op"], "ok", "{answer}");
}

fn speaker(address: &str) -> (process::Client, String) {
    let (_, body) = process::http(
        address,
        "POST",
        "/api/auth/register",
        None,
        Some(process::registration("anna")),
    )
    .unwrap();
    let token = body["token"].as_str().expect("a token").to_owned();
    let client = process::Client::connect(address, &token).unwrap();
    let room = client.hello["rooms"][0]["id"].as_str().expect("a room").to_owned();
    (client, room)
}

/// Meanwhile the only thread of HTTP answers nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_room_commits_while_every_thread_of_http_is_busy() {
    let server = TestServer::start().await;
    let address = server.address.to_string();
    let connecting = tokio::task::spawn_blocking(move || speaker(&address));
    let (mut client, room) = connecting.await.unwrap();
    let (busy, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let hog = tokio::spawn({
        let (busy, done) = (busy.clone(), done.clone());
        async move {
            busy.store(true, Ordering::SeqCst);
            let began = Instant::now();
            while !done.load(Ordering::SeqCst) && began.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            done.load(Ordering::SeqCst)
        }
    });
    let speaking = std::thread::spawn({
        let done = done.clone();
        move || {
            while !busy.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            for n in 0..20 {
                send(&mut client, &room, &format!("{n}"));
            }
            done.store(true, Ordering::SeqCst);
        }
    });
    assert!(hog.await.unwrap(), "the messages waited until HTTP had time again");
    speaking.join().unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn while_thirty_two_connections_pipeline_requests_others_send_and_are_answered() {
    let server = TestServer::start().await;
    let address = server.address;
    let connecting = tokio::task::spawn_blocking(move || speaker(&address.to_string()));
    let (mut client, room) = connecting.await.unwrap();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let floods: Vec<_> = (0..32)
        .map(|_| {
            let (stop, answered) = (stop.clone(), answered.clone());
            std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                let (request, mut answers) = (get("/health"), vec![0; 256 * 1024]);
                stream.write_all(request.as_bytes()).unwrap();
                let length = stream.read(&mut answers).unwrap();
                let requests = request.repeat(200);
                while !stop.load(Ordering::SeqCst) {
                    stream.write_all(requests.as_bytes()).unwrap();
                    let mut missing = 200 * length;
                    // The server serves the connections in turn, so all end their 200 at about the same
                    // time. What is counted is what arrives in between.
                    while missing > 0 {
                        let most = missing.min(answers.len());
                        let read = stream.read(&mut answers[..most]).unwrap();
                        assert!(read > 0, "the server closed the connection");
                        missing -= read;
                        answered.fetch_add(read, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    let speaking = tokio::task::spawn_blocking({
        let answered = answered.clone();
        move || {
            let began = Instant::now();
            while answered.load(Ordering::SeqCst) < 1_000_000 && began.elapsed() < PATIENCE {
                std::thread::yield_now();
            }
            let before = answered.load(Ordering::SeqCst);
            for n in 0..20 {
                send(&mut client, &room, &format!("{n}"));
            }
            let (status, _) =
                process::http(&address.to_string(), "GET", "/api/info", None, None).unwrap();
            assert_eq!(status, 200);
            answered.load(Ordering::SeqCst) - before
        }
    });
    let meanwhile = speaking.await.expect("everything is answered");
    stop.store(true, Ordering::SeqCst);
    assert!(meanwhile > 0, "the flood went on");
    for flood in floods {
        flood.join().unwrap();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_list_of_hosts_only_those_are_served_and_their_pages_are_our_own() {
    let flags = ["--hosts", "chat.example, [::1]:8080", "--dev-echo", "/echo"];
    let server = TestServer::start_with(&flags).await;
    let status = async |path: &str, host: &str, more: &str| {
        let mut stream = connect(server.address).await;
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        let code = answer.split_once("\"code\":\"").and_then(|(_, rest)| rest.split_once('"'));
        (answer.get(9..12).unwrap_or_default().to_owned(), code.map(|(code, _)| code.to_owned()))
    };
    let own = server.address.to_string();
    for (path, host) in [
        ("/", "chat.example"),
        ("/api/info", "CHAT.example:9999"),
        ("/api/info", "[0:0:0:0:0:0:0:1]:8080"),
        ("/health", own.as_str()),
        ("/ready", "10.0.0.7:8080"),
    ] {
        assert_eq!(status(path, host, "").await.0, "200", "{path} {host}");
    }
    for path in ["/", "/app.js", "/api/info", "/api/me", "/metrics", "/ws", "/echo", "/nothing"] {
        for host in ["evil.example", own.as_str(), "chat.example.evil", "[::1]"] {
            let origin = format!("Origin: http://{host}\r\n");
            let (status, code) = status(path, host, &origin).await;
            assert_eq!((status.as_str(), code.as_deref()), ("421", Some("misdirected")), "{path}");
        }
    }
    // The setup link has a host that is served.
    assert!(server.setup_link().unwrap().starts_with("http://chat.example:"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_endpoint_serves_programs_and_our_own_page_and_no_other_page() {
    let server = TestServer::start_with(&["--dev-echo", "/echo"]).await;
    let upgrade = async |origin: &str| {
        let mut stream = connect(server.address).await;
        let head = format!(
            "GET /echo HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{origin}\r\n",
            server.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut status)).await.expect("an answer").unwrap();
        String::from_utf8_lossy(&status).into_owned()
    };
    let own = format!("Origin: http://{}\r\n", server.address);
    for good in ["", own.as_str()] {
        assert_eq!(upgrade(good).await, "HTTP/1.1 101", "{good:?}");
    }
    let foreign = [&own, "Origin: https://evil.example\r\n"].concat();
    for bad in ["Origin: https://evil.example\r\n", "Origin: null\r\n", &foreign] {
        assert_eq!(upgrade(bad).await, "HTTP/1.1 403", "{bad:?}");
    }
    server.stop().await;
}

#[test]
fn a_refused_origin_and_a_proxy_that_is_not_trusted_are_logged_once_with_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let data = folder.path().join("data");
    let more = [("IMPULSE_HOSTS", "chat.example")];
    let server = process::Process::start_with_descriptors(1_024, &log, &data, &more);
    let address: SocketAddr = {
        let port = server.address.rsplit(':').next().unwrap();
        format!("127.0.0.1:{port}").parse().unwrap()
    };
    let status_of = |host: &str, origin: &str| {
        let body = json!({"username": "a", "auth": "b"}).to_string();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /api/auth/login HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close\r\n\
             X-Forwarded-For: 192.0.2.7\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.get(9..12).unwrap_or_default().to_owned()
    };
    for _ in 0..5 {
        assert_eq!(status_of("chat.example", "https://other.example"), "403");
        assert_eq!(status_of("rebound.example", "http://rebound.example"), "421");
    }
    server.terminate();
    let log = std::fs::read_to_string(log).unwrap();
    let lines = |what: &str| log.lines().filter(|line| line.contains(what)).collect::<Vec<_>>();
    let refused = lines("other.example");
    assert_eq!(refused.len(), 1, "{log}");
    for part in ["chat.example", "IMPULSE_ORIGINS", "IMPULSE_HOSTS"] {
        assert!(refused[0].contains(part), "{part}: {log}");
    }
    let misdirected = lines("rebound.example");
    assert_eq!(misdirected.len(), 1, "{log}");
    assert!(misdirected[0].contains("IMPULSE_HOSTS"), "{log}");
    let proxies = lines("IMPULSE_TRUSTED_PROXIES=127.0.0.1");
    assert_eq!(proxies.len(), 1, "{log}");
    assert!(!log.contains("192.0.2.7"), "what it says is not believed: {log}");
}
