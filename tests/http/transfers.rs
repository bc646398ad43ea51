//! Bodies that handlers read piece by piece, and answers that are sent as they are read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use impulse::base::limits::http as limits;
use impulse::base::memory::Kind;
use impulse::http::{BodyError, Deadlines, Options, Patience, RequestLimiter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http1::{Running, drip, options, read_to_end, start_service, statuses};
use crate::service::{FILE, MOST, SMALL, Transfers, pattern, receipt};

const SOON: Duration = Duration::from_millis(300);
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
/// The last request of a connection.
const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

struct Server {
    running: Running,
    transfers: Arc<Transfers>,
    options: Options,
}

async fn start(options: Options) -> Server {
    let transfers = Arc::new(Transfers::default());
    let running = start_service(transfers.clone(), options.clone()).await;
    Server { running, transfers, options }
}

/// With shorter deadlines.
async fn hasty(change: impl FnOnce(&mut Deadlines)) -> Server {
    let mut options = options();
    change(&mut options.deadlines);
    start(options).await
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.running.address).await.unwrap()
    }

    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Sends this and reads until the end.
    async fn exchange(&self, bytes: &[u8]) -> String {
        crate::http1::exchange(self.running.address, bytes).await
    }

    /// Waits until that is so.
    async fn until(&self, what: &str, so: impl Fn(&Transfers) -> bool) {
        for _ in 0..1_000 {
            if so(&self.transfers) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }

    /// How the next body has ended, and how much of it was read.
    async fn body(&self) -> (u64, Result<(), BodyError>) {
        self.until("a body ends", |transfers| !transfers.bodies.lock().unwrap().is_empty()).await;
        self.transfers.bodies.lock().unwrap().remove(0)
    }

    /// Nothing is under way any longer, and nothing is held.
    async fn rests(&self) {
        self.until("handlers end", |transfers| transfers.running.load(Ordering::SeqCst) == 0).await;
        self.until("sources go", |transfers| transfers.sources.load(Ordering::SeqCst) == 0).await;
        let (counters, memory) = (&self.options.counters, &self.options.memory);
        self.until("slots are free", |_| counters.uploads.get() + counters.downloads.get() == 0)
            .await;
        self.until("memory is free", |_| memory.used(Kind::Requests) == 0).await;
    }
}

fn put(path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    [format!("PUT {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes(), body].concat()
}

fn get(path: &str, fields: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n").into_bytes()
}

fn length(bytes: u64) -> String {
    format!("Content-Length: {bytes}\r\n")
}

/// A body in chunks of that size.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let chunk =
        |chunk: &[u8]| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
    let chunks: Vec<_> = body.chunks(size).map(chunk).collect();
    [chunks.concat(), b"0\r\n\r\n".to_vec()].concat()
}

/// Reads until all of the text has come.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut some = [0; 1_000];
        let read = timeout(Duration::from_secs(10), stream.read(&mut some)).await;
        let read = read.unwrap_or_else(|_| panic!("nothing after {text:?}")).unwrap();
        assert!(read > 0, "the end after {text:?}");
        text.push_str(&String::from_utf8_lossy(&some[..read]));
    }
    text
}

#[tokio::test]
async fn a_body_is_read_piece_by_piece_and_the_next_request_follows_it() {
    let server = start(options()).await;
    let body = pattern(0..3_000_000);
    let parts = [3_000_000, 1, 0, limits::PIECE, limits::PIECE + 1].map(|end| &body[..end]);
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(put("/up", &length(part.len() as u64), part));
        bytes.extend(put("/up", CHUNKED, &chunked(part, 7_001)));
    }
    bytes.extend(put("/up", CHUNKED, &chunked(&body[..2_000], 1)));
    bytes.extend_from_slice(LAST);
    let answers = server.exchange(&bytes).await;
    assert_eq!(statuses(&answers), ["200"; 12]);
    for part in parts {
        assert_eq!(answers.matches(&receipt(part)).count(), 2, "{}", part.len());
    }
    assert!(answers.contains(&receipt(&body[..2_000])));
    server.rests().await;
}

#[tokio::test]
async fn what_is_refused_is_refused_before_the_body_is_asked_for() {
    let server = start(options()).await;
    let expect = "Expect: 100-continue\r\n";
    for (path, bytes, status) in [("/up", MOST + 1, "413"), ("/refused", 1_000, "409")] {
        let answer = server.exchange(&put(path, &(expect.to_owned() + &length(bytes)), b"")).await;
        assert_eq!(statuses(&answer), [status], "no 100 Continue: {answer}");
        assert!(answer.contains("Connection: close"), "the body may follow or not: {answer}");
    }
    assert_eq!(server.transfers.read.load(Ordering::SeqCst), 0);
    // The handler asks for it.
    let mut stream = server.send(&put("/up", &(expect.to_owned() + &length(5)), b"")).await;
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&[b"12345", LAST].concat()).await.unwrap();
    assert_eq!(statuses(&read_to_end(&mut stream).await), ["200", "200"]);
    // A client that does not wait is not asked.
    let eager = [&put("/up", &(expect.to_owned() + &length(5)), b"12345"), LAST].concat();
    assert_eq!(statuses(&server.exchange(&eager).await), ["200", "200"]);
    server.rests().await;
}

#[tokio::test]
async fn an_early_answer_arrives_and_a_body_that_is_here_already_costs_no_connection() {
    let server = start(options()).await;
    for path in ["/refused", "/early"] {
        let mut stream = server.connect().await;
        let body = vec![b'x'; 20_000_000];
        stream.write_all(&put(path, &length(body.len() as u64), b"")).await.unwrap();
        // It sends on while the answer is on its way.
        let (mut read, mut write) = stream.split();
        let mut answer = String::new();
        let (_, read) = tokio::join!(write.write_all(&body), read.read_to_string(&mut answer));
        assert!(read.is_ok(), "{path}: {read:?}");
        assert_eq!(statuses(&answer), ["409"], "{path}");
        assert!(answer.contains("Connection: close"));
        let short = [&put(path, &length(9), b"all of it"), LAST].concat();
        assert_eq!(statuses(&server.exchange(&short).await), ["409", "200"], "{path}");
    }
    server.rests().await;
}

#[tokio::test]
async fn a_body_that_lies_or_breaks_the_protocol_is_refused_while_it_is_read() {
    let server = start(options()).await;
    let whole = pattern(0..SMALL);
    let fits = [&put("/small", CHUNKED, &chunked(&whole, 999)), LAST].concat();
    assert_eq!(statuses(&server.exchange(&fits).await), ["200", "200"]);
    assert_eq!(server.body().await, (SMALL, Ok(())));
    let mut more = chunked(&whole, 999);
    more.truncate(more.len() - 5);
    let cut = |end: &str| [&more, end.as_bytes()].concat();
    let extensions = format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(30);
    for (body, status, error) in [
        (cut("1\r\nx\r\n0\r\n\r\n"), "413", BodyError::TooLarge),
        (cut("ffffffffffffffff\r\n"), "413", BodyError::TooLarge),
        (cut("fffffffffffffffff\r\n"), "413", BodyError::TooLarge),
        (cut("zz\r\n"), "400", BodyError::Malformed),
        (cut("0\r\nno trailer\r\n\r\n"), "400", BodyError::Malformed),
        (extensions.into_bytes(), "400", BodyError::Malformed),
    ] {
        let answer = server.exchange(&[&put("/small", CHUNKED, &body), LAST].concat()).await;
        assert_eq!(statuses(&answer), [status], "{answer}");
        let (read, end) = server.body().await;
        assert_eq!(end, Err(error));
        assert!(read <= SMALL);
    }
    // A body that is longer than it says is followed by what is no request.
    let longer = server.exchange(&put("/up", &length(4), b"1234\x00\x01\x02\r\n\r\n")).await;
    assert_eq!(statuses(&longer), ["200", "400"]);
    server.rests().await;
}

#[tokio::test]
async fn a_body_that_is_cut_is_never_taken_for_a_whole_one() {
    let server = start(options()).await;
    let long = "Content-Length: 500000\r\n";
    for fields in [long, CHUNKED] {
        for reset in [false, true] {
            let body = match fields {
                CHUNKED => chunked(&pattern(0..100_000), 1_000)[..99_000].to_vec(),
                _ => pattern(0..100_000),
            };
            let mut stream = server.send(&put("/up", fields, &body)).await;
            server
                .until("it is read", |transfers| transfers.read.swap(0, Ordering::SeqCst) > 0)
                .await;
            if reset {
                stream.set_zero_linger().unwrap();
                drop(stream);
            } else {
                stream.shutdown().await.unwrap();
                assert_eq!(read_to_end(&mut stream).await, "", "nobody is answered");
            }
            let (read, end) = server.body().await;
            assert_eq!(end, Err(BodyError::Gone));
            assert!((limits::PIECE as u64..=100_000).contains(&read), "what came is handed over");
        }
    }
    server.rests().await;
}

/// Writes until nothing more is taken for a while; how much was.
async fn fill(stream: &mut TcpStream) -> usize {
    let (chunk, mut written) = (vec![0; 64 * 1024], 0);
    while let Ok(taken) = timeout(SOON, stream.write(&chunk)).await {
        written += taken.unwrap();
        assert!(written < 64 * 1024 * 1024, "it is never held back");
    }
    written
}

#[tokio::test]
async fn a_client_is_held_back_while_its_handler_does_something_else() {
    let server = hasty(|most| most.piece = SOON).await;
    let mut stream = server.send(&put("/held", &length(MOST), b"")).await;
    // As much as the kernels of both sides take.
    let before = fill(&mut stream).await;
    assert_eq!(server.transfers.read.load(Ordering::SeqCst), 0);
    assert_eq!(server.options.memory.used(Kind::Requests), limits::UPLOAD_HELD);
    // The time in which nobody asks does not count, and what is read is sent again.
    server.transfers.go.add_permits(before / limits::PIECE);
    server
        .until("it is read", |transfers| {
            transfers.read.load(Ordering::SeqCst) == before / limits::PIECE * limits::PIECE
        })
        .await;
    assert!(fill(&mut stream).await > 0);
    drop(stream);
    server.transfers.go.add_permits(1_000_000);
    assert_eq!(server.body().await.1, Err(BodyError::Gone));
    server.rests().await;
}

#[tokio::test]
async fn an_upload_ends_that_brings_no_piece_in_time_and_a_slow_one_does_not() {
    let server = hasty(|most| most.piece = SOON).await;
    let address = server.running.address;
    for (fields, byte) in [("Content-Length: 9000\r\n", &b"a"[..]), (CHUNKED, b"1\r\na\r\n")] {
        let (answer, took) = drip(address, &put("/up", fields, b""), byte).await;
        assert_eq!(statuses(&answer), ["408"], "{answer}");
        assert!((SOON..5 * SOON).contains(&took), "{took:?}");
        let (read, end) = server.body().await;
        assert_eq!(end, Err(BodyError::TooSlow));
        assert!((1..100).contains(&read), "what came is handed over: {read}");
    }
    // Six pieces that together take twice as long as one may.
    let pieces = 6;
    let mut stream = server.send(&put("/up", &length(pieces * limits::PIECE as u64), b"")).await;
    for _ in 0..pieces {
        tokio::time::sleep(SOON / 3).await;
        stream.write_all(&vec![0; limits::PIECE]).await.unwrap();
    }
    stream.write_all(LAST).await.unwrap();
    assert_eq!(statuses(&read_to_end(&mut stream).await), ["200", "200"]);
    server.rests().await;
}

#[tokio::test]
async fn forty_uploads_of_one_client_are_served_in_turns_and_take_no_slot_of_its_requests() {
    let server = start(options()).await;
    let body = pattern(0..200_000);
    let mut streams = Vec::new();
    for _ in 0..40 {
        streams.push(server.send(&put("/held", &length(200_000), &body)).await);
    }
    let running = |transfers: &Transfers| transfers.running.load(Ordering::SeqCst);
    server.until("they run", |transfers| running(transfers) == limits::UPLOADS_PER_ADDRESS).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(running(&server.transfers), limits::UPLOADS_PER_ADDRESS);
    assert_eq!(server.options.counters.uploads.get(), limits::UPLOADS_PER_ADDRESS);
    let held = server.options.memory.used(Kind::Requests);
    assert!(held <= limits::UPLOADS_PER_ADDRESS * limits::UPLOAD_HELD, "{held}");
    let began = Instant::now();
    for _ in 0..20 {
        let call = b"GET /call HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        assert_eq!(statuses(&server.exchange(call).await), ["200"]);
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    server.transfers.go.add_permits(40 * 5);
    for mut stream in streams {
        let answer = read_until(&mut stream, "]").await;
        assert!(answer.contains(&receipt(&body)), "{answer}");
    }
    assert_eq!(server.transfers.most_running.load(Ordering::SeqCst), limits::UPLOADS_PER_ADDRESS);
    server.rests().await;
}

/// The head and the body of an answer that ends with its connection.
async fn answer(server: &Server, request: &[u8]) -> (String, Vec<u8>) {
    let mut stream = server.send(request).await;
    let mut bytes = Vec::new();
    // A connection that is aborted ends with an error.
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await.expect("an end");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let body = bytes.split_off(end);
    (String::from_utf8(bytes).unwrap(), body)
}

#[tokio::test]
async fn a_file_is_sent_whole_or_in_part_or_not_at_all() {
    let server = start(options()).await;
    let part = "Range: bytes=100000-299999\r\n";
    for (fields, status, sent) in [
        ("", "200 OK", Some(0..FILE)),
        (part, "206 Partial Content", Some(100_000..300_000)),
        ("Range: bytes=-5\r\n", "206 Partial Content", Some(FILE - 5..FILE)),
        ("Range: bytes=0-1,5-6\r\n", "200 OK", Some(0..FILE)),
        ("Range: bytes=1000000-\r\n", "416 Range Not Satisfiable", None),
        ("If-None-Match: \"f\"\r\n", "304 Not Modified", Some(0..0)),
    ] {
        let (head, body) = answer(&server, &get("/file", fields)).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        match sent {
            Some(sent) => assert!(body == pattern(sent), "{fields}"),
            None => assert!(head.contains("Content-Range: bytes */1000000\r\n"), "{head}"),
        }
    }
    let head = b"HEAD /file HTTP/1.1\r\nHost: h\r\nRange: bytes=1-2\r\n\r\n";
    let empty = b"GET /empty HTTP/1.1\r\nHost: h\r\n\r\n";
    let long = b"HEAD /long HTTP/1.1\r\nHost: h\r\n\r\n";
    let answers = server.exchange(&[&head[..], empty, long, LAST].concat()).await;
    assert_eq!(statuses(&answers), ["200"; 4]);
    assert!(answers.contains("Content-Length: 1000000\r\n"), "{answers}");
    assert!(answers.contains("Content-Length: 1099511627776\r\n"), "{answers}");
    let unbounded = server.exchange(&get("/unbounded", "")).await;
    assert_eq!(statuses(&unbounded), ["500"], "its route does not bound it");
    server.rests().await;
}

#[tokio::test]
async fn an_answer_whose_source_fails_or_has_another_length_never_looks_whole() {
    let server = start(options()).await;
    for (path, most) in [("/breaks", 3), ("/short", 3), ("/more", 1)] {
        let (head, body) = answer(&server, &get(path, "")).await;
        let length = head.split("Content-Length: ").nth(1).unwrap().split('\r').next().unwrap();
        let length: u64 = length.parse().unwrap();
        assert!((body.len() as u64) < length, "{path}: {} of {length}", body.len());
        assert!(body.len() <= most * limits::DOWNLOAD_PIECE, "{path}");
    }
    server.rests().await;
}

#[tokio::test]
async fn a_reader_that_stops_or_leaves_ends_its_answer_and_a_slow_one_gets_all() {
    let server = hasty(|most| (most.write, most.piece) = (SOON, 3 * SOON)).await;
    // It stops.
    let _stopped = server.send(&get("/long", "")).await;
    server.until("it begins", |transfers| transfers.made.load(Ordering::SeqCst) > 0).await;
    let began = Instant::now();
    server.until("it ends", |transfers| transfers.sources.load(Ordering::SeqCst) == 0).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let made = server.transfers.made.swap(0, Ordering::SeqCst);
    assert!(made * limits::DOWNLOAD_PIECE < 16 * 1024 * 1024, "{made} pieces for nobody");
    // It leaves.
    let mut left = server.send(&get("/long", "")).await;
    read_until(&mut left, "\r\n\r\n").await;
    drop(left);
    server.until("it ends", |transfers| transfers.sources.load(Ordering::SeqCst) == 0).await;
    // It is slow: some within each deadline, and all in several times that.
    let mut slow = server.send(&get("/long", "")).await;
    let (began, mut some) = (Instant::now(), vec![0; limits::PIECE]);
    while began.elapsed() < 6 * SOON {
        slow.read_exact(&mut some).await.unwrap();
        tokio::time::sleep(SOON / 10).await;
    }
    drop(slow);
    server.rests().await;
}

#[tokio::test]
async fn a_stop_ends_uploads_at_once_and_answers_after_a_moment() {
    let server = start(options()).await;
    let mut upload = server.send(&put("/up", &length(MOST), &pattern(0..100_000))).await;
    let mut download = server.send(&get("/long", "")).await;
    read_until(&mut download, "\r\n\r\n").await;
    server.until("it is read", |transfers| transfers.read.load(Ordering::SeqCst) > 0).await;
    let began = Instant::now();
    server.running.stop.send(true).unwrap();
    let reading = async {
        let mut some = vec![0; limits::PIECE];
        while download.read(&mut some).await.is_ok_and(|read| read > 0) {}
        began.elapsed()
    };
    let uploading = async {
        assert_eq!(server.body().await.1, Err(BodyError::Stopping));
        assert_eq!(statuses(&read_to_end(&mut upload).await), ["503"]);
        drop(upload);
    };
    let (took, ()) = tokio::join!(reading, uploading);
    assert!(took >= limits::DOWNLOAD_STOP, "{took:?}");
    assert!(took < limits::DOWNLOAD_STOP + Duration::from_secs(2), "{took:?}");
    server.rests().await;
    timeout(Duration::from_secs(3), server.running.task).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_slow_transfer_gives_way_to_one_that_waits() {
    // One upload of a client at a time, and four downloads.
    let limiter = RequestLimiter::new(1.0 / limits::UPLOADS_PER_ADDRESS as f64);
    let patience = Patience { time: SOON, rate: u64::MAX };
    let server = start(Options { limiter: Arc::new(limiter), patience, ..options() }).await;
    let counters = server.options.counters.clone();
    let mut slow = server.send(&put("/up", &length(MOST), &pattern(0..100))).await;
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(server.send(&get("/long", "")).await);
    }
    let are_under_way = || (counters.uploads.get(), counters.downloads.get()) == (1, 4);
    server.until("they are under way", |_| are_under_way()).await;
    let (_, whole) = answer(&server, &get("/file", "")).await;
    assert_eq!((whole.len() as u64, counters.gave_way.get()), (FILE, 1));
    // Who waits gets the slot, and the other one is told why.
    let next = server.exchange(&[&put("/up", &length(5), b"12345"), LAST].concat()).await;
    assert_eq!(statuses(&next), ["200", "200"]);
    assert_eq!(statuses(&read_to_end(&mut slow).await), ["408"]);
    assert_eq!(server.body().await, (100, Err(BodyError::TooSlow)));
    assert_eq!(server.body().await, (5, Ok(())));
    assert_eq!((counters.gave_way.get(), counters.downloads.get()), (2, 3));
    drop(unread);
    server.rests().await;
}
