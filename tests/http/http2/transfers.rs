//! Bodies that handlers read piece by piece, and answers that are sent as they are read: the same handlers as those of
//! HTTP/1.1.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use impulse::base::limits::{http as limits, http2};
use impulse::base::memory::Kind;
use impulse::http::{BodyError, Deadlines, Options, Patience, RequestLimiter};

use super::wire::{
    ACK, CANCEL, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, NO_ERROR, PING,
    RESET, SETTINGS, WINDOW_UPDATE, Wire, frame, get, head,
};
use super::{Host, with_rate};
use crate::service::{FILE, MOST, SMALL, Transfers, pattern, receipt};

const SOON: Duration = Duration::from_millis(300);
const INTERNAL_ERROR: u32 = 2;
const WINDOW: usize = http2::STREAM_WINDOW as usize;

type Server = Host<Transfers>;

async fn start() -> Server {
    Host::start_service(Transfers::default(), Options::default()).await
}

async fn hasty(change: impl FnOnce(&mut Deadlines)) -> Server {
    let mut options = Options::default();
    change(&mut options.deadlines);
    Host::start_service(Transfers::default(), options).await
}

impl Server {
    /// How the next body has ended, and how much of it was read.
    async fn body(&self) -> (u64, Result<(), BodyError>) {
        self.until("a body ends", |server| !server.answers.bodies.lock().unwrap().is_empty()).await;
        self.answers.bodies.lock().unwrap().remove(0)
    }

    fn running(&self) -> usize {
        self.answers.running.load(Ordering::SeqCst)
    }

    /// Nothing is under way any longer, and nothing is held.
    async fn rests(&self) {
        self.until("handlers end", |server| server.running() == 0).await;
        self.until("sources go", |server| server.answers.sources.load(Ordering::SeqCst) == 0).await;
        let counters = &self.options.counters;
        self.until("slots are free", |_| counters.uploads.get() + counters.downloads.get() == 0)
            .await;
        self.until("memory is free", |server| server.held(Kind::Requests) == 0).await;
    }
}

fn begin(stream: u32, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &head("PUT", path, fields))
}

/// A body in frames, the last of which ends it.
fn data(stream: u32, body: &[u8], flags: u8) -> Vec<u8> {
    let mut frames: Vec<_> = body.chunks(16_000).collect();
    let last = frames.pop().unwrap_or_default();
    let mut bytes: Vec<u8> =
        frames.iter().flat_map(|chunk| frame(DATA, 0, stream, chunk)).collect();
    bytes.extend(frame(DATA, flags, stream, last));
    bytes
}

/// The body of the next answer to that request.
async fn answer(wire: &mut Wire, stream: u32) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let next = wire.event().await.expect("an answer");
        // A client that was answered early may stop sending.
        let is_fault = next.kind == RESET && next.code() != NO_ERROR;
        assert!(!is_fault && next.kind != GOAWAY, "{next:?}");
        if next.stream == stream && next.kind == DATA {
            body.extend(&next.payload);
        }
        if next.stream == stream && next.flags & END_STREAM != 0 {
            return body;
        }
    }
}

/// A connection on which the windows of the server are in force.
async fn settled(server: &Server, settings: &[u8]) -> Wire {
    let mut wire = Wire::open(server.address, settings).await;
    wire.of_kind(SETTINGS).await;
    wire.send(&frame(SETTINGS, ACK, 0, &[])).await;
    in_order(&mut wire, 0).await;
    wire
}

/// Waits until everything that was sent has been read.
async fn in_order(wire: &mut Wire, mark: u8) {
    wire.send(&frame(PING, 0, 0, &[mark; 8])).await;
    while wire.of_kind(PING).await.payload != [mark; 8] {}
}

#[tokio::test]
async fn a_body_is_read_piece_by_piece_and_its_window_opens_as_it_is_taken() {
    let server = start().await;
    // A library that follows the windows.
    let mut client = server.client().await;
    let body = pattern(0..3_000_000);
    for length in [3_000_000, 1, 0, limits::PIECE, limits::PIECE + 1] {
        let request = http::Request::put("https://h.example/up").body(()).unwrap();
        let (response, mut stream) = client.send_request(request, false).unwrap();
        let mut rest = Bytes::copy_from_slice(&body[..length]);
        while !rest.is_empty() {
            stream.reserve_capacity(rest.len());
            let granted = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
            let granted = granted.expect("a stream").expect("capacity");
            stream.send_data(rest.split_to(granted.min(rest.len())), false).unwrap();
        }
        stream.send_data(Bytes::new(), true).unwrap();
        let mut answer = response.await.unwrap();
        assert_eq!(answer.status(), 200);
        let said = answer.body_mut().data().await.unwrap().unwrap();
        assert_eq!(said, receipt(&body[..length]));
    }
    server.answers.bodies.lock().unwrap().clear();
    // Nobody takes it: what is sent stays within the window.
    let mut wire = settled(&server, &[]).await;
    wire.send(&begin(1, "/held", &[])).await;
    wire.send(&data(1, &body[..WINDOW], 0)).await;
    server.until("it runs", |server| server.running() == 1).await;
    tokio::time::sleep(SOON).await;
    wire.send(&frame(PING, 0, 0, &[1; 8])).await;
    loop {
        let next = wire.next().await.unwrap();
        let opens = next.kind == WINDOW_UPDATE && next.stream == 1;
        assert!(!opens, "nothing was taken");
        if next.kind == PING {
            break;
        }
    }
    assert_eq!(server.held(Kind::Requests).next_multiple_of(limits::UNACCOUNTED), {
        http2::UPLOAD_HELD + limits::UNACCOUNTED
    });
    server.answers.go.add_permits(2);
    let mut opened = 0;
    while opened < limits::PIECE {
        let next = wire.of_kind(WINDOW_UPDATE).await;
        if next.stream == 1 {
            opened += u32::from_be_bytes(next.payload.try_into().unwrap()) as usize;
        }
    }
    assert!(opened <= 3 * limits::PIECE, "two that were taken, and the next one: {opened}");
    drop(wire);
    server.answers.go.add_permits(100);
    assert_eq!(
        server.body().await,
        (WINDOW as u64, Err(BodyError::Gone)),
        "what came is handed over"
    );
    server.rests().await;
}

#[tokio::test]
async fn what_is_refused_is_refused_before_the_body_is_asked_for_and_its_connection_goes_on() {
    let server = start().await;
    let mut wire = settled(&server, &[]).await;
    let expects = ("expect", "100-continue");
    let large = (MOST + 1).to_string();
    for (stream, path, length) in [(1, "/up", &large[..]), (3, "/refused", "1000")] {
        wire.send(&begin(stream, path, &[expects, ("content-length", length)])).await;
        assert_eq!(wire.of_kind(HEADERS).await.stream, stream);
        let said = wire.event().await.unwrap();
        assert_eq!((said.kind, said.stream), (DATA, stream), "one head: no 100 Continue");
        let said = said.payload;
        let code = if stream == 1 { "too_large" } else { "conflict" };
        assert!(String::from_utf8_lossy(&said).contains(code), "{}", said.escape_ascii());
    }
    assert_eq!(server.answers.read.load(Ordering::SeqCst), 0);
    // Also those that do not wait: a megabyte each, which nobody reads, leaves the connection's window as it was.
    let mut client = server.client().await;
    for path in ["/refused", "/early"].repeat(20) {
        let uri = format!("https://h.example{path}");
        let (response, mut stream) =
            client.send_request(http::Request::put(uri).body(()).unwrap(), false).unwrap();
        let sending = async {
            let mut rest = Bytes::from(vec![0; 1_000_000]);
            while !rest.is_empty() {
                stream.reserve_capacity(rest.len());
                match std::future::poll_fn(|context| stream.poll_capacity(context)).await {
                    Some(Ok(granted)) => {
                        let _ = stream.send_data(rest.split_to(granted.min(rest.len())), false);
                    }
                    _ => break,
                }
            }
        };
        let (answer, ()) = tokio::join!(response, sending);
        assert_eq!(answer.unwrap().status(), 409);
    }
    let body = pattern(0..1_000_000);
    let request = http::Request::put("https://h.example/up").body(()).unwrap();
    let (response, mut stream) = client.send_request(request, false).unwrap();
    stream.send_data(Bytes::copy_from_slice(&body), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    // The handler asks for it.
    wire.send(&begin(5, "/up", &[expects, ("content-length", "5")])).await;
    let asked = wire.of_kind(HEADERS).await;
    assert_eq!((asked.stream, asked.flags & END_STREAM), (5, 0));
    wire.send(&frame(DATA, END_STREAM, 5, b"12345")).await;
    assert_eq!(answer(&mut wire, 5).await, receipt(b"12345").into_bytes());
    drop((wire, client));
    server.rests().await;
}

#[tokio::test]
async fn a_body_that_lies_or_is_cut_is_never_taken_for_a_whole_one() {
    let server = start().await;
    let mut wire = settled(&server, &[]).await;
    let over = pattern(0..SMALL + 1);
    wire.send(&begin(1, "/small", &[])).await;
    wire.send(&data(1, &over, END_STREAM)).await;
    assert!(String::from_utf8_lossy(&answer(&mut wire, 1).await).contains("too_large"));
    assert_eq!(server.body().await.1, Err(BodyError::TooLarge));
    // It has fewer bytes than it says, or more.
    for (stream, length) in [(3, "100"), (5, "10")] {
        wire.send(&begin(stream, "/up", &[("content-length", length)])).await;
        wire.send(&frame(DATA, END_STREAM, stream, &[0; 50])).await;
        assert_eq!(wire.of_kind(RESET).await.stream, stream);
        assert_eq!(server.body().await.1, Err(BodyError::Gone), "{length}");
    }
    // It is taken back in the middle.
    wire.send(&begin(7, "/up", &[])).await;
    wire.send(&data(7, &over, 0)).await;
    server.answers.read.store(0, Ordering::SeqCst);
    server.until("it is read", |server| server.answers.read.load(Ordering::SeqCst) > 0).await;
    wire.send(&frame(RESET, 0, 7, &CANCEL.to_be_bytes())).await;
    let (read, end) = server.body().await;
    assert_eq!(end, Err(BodyError::Gone));
    assert!(read >= limits::PIECE as u64);
    // The connection goes on.
    wire.send(&get(9, "/")).await;
    assert_eq!(answer(&mut wire, 9).await, b"hello");
    wire.send(&begin(11, "/up", &[])).await;
    wire.send(&data(11, &over, 0)).await;
    server.until("it runs", |server| server.running() == 1).await;
    drop(wire);
    assert_eq!(server.body().await.1, Err(BodyError::Gone));
    server.rests().await;
}

#[tokio::test]
async fn an_upload_that_brings_no_piece_in_time_ends_alone() {
    let server = hasty(|most| most.piece = SOON).await;
    let mut wire = settled(&server, &[]).await;
    wire.send(&begin(1, "/up", &[])).await;
    let began = Instant::now();
    let dripping = async {
        loop {
            wire.send(&frame(DATA, 0, 1, &[0; 300])).await;
            match tokio::time::timeout(SOON / 10, wire.of_kind(HEADERS)).await {
                Ok(answer) => break answer,
                Err(_) => assert!(began.elapsed() < 10 * SOON, "it goes on for ever"),
            }
        }
    };
    assert_eq!(dripping.await.stream, 1);
    assert!(String::from_utf8_lossy(&wire.of_kind(DATA).await.payload).contains("timeout"));
    assert_eq!(server.body().await.1, Err(BodyError::TooSlow));
    wire.send(&get(3, "/")).await;
    assert_eq!(answer(&mut wire, 3).await, b"hello");
    server.until("its memory is free", |server| server.held(Kind::Requests) == 0).await;
}

#[tokio::test]
async fn forty_uploads_of_one_connection_that_nobody_reads_stop_none_of_its_other_requests() {
    let server = start().await;
    let mut wire = settled(&server, &[]).await;
    let body = pattern(0..WINDOW as u64);
    // With what the first PING was answered, the window of the connection was opened, too.
    let mut window = http2::CONNECTION_WINDOW as usize;
    for n in 0..40 {
        let stream = 2 * n + 1;
        wire.send(&begin(stream, "/held", &[])).await;
        while window < body.len() {
            let next = wire.of_kind(WINDOW_UPDATE).await;
            if next.stream == 0 {
                window += u32::from_be_bytes(next.payload.try_into().unwrap()) as usize;
            }
        }
        wire.send(&data(stream, &body, 0)).await;
        window -= body.len();
    }
    let most = limits::UPLOADS_PER_ADDRESS;
    server.until("they run", |server| server.running() == most).await;
    let held = server.held(Kind::Requests);
    assert!(held <= 40 * (http2::UPLOAD_HELD + http2::STREAM + 1_024), "{held}");
    let began = Instant::now();
    for n in 0..20 {
        let stream = 1_001 + 2 * n;
        wire.send(&frame(HEADERS, END_HEADERS, stream, &head("POST", "/call", &[]))).await;
        wire.send(&frame(DATA, END_STREAM, stream, &[0; 900])).await;
        answer(&mut wire, stream).await;
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    for n in 0..40 {
        wire.send(&frame(DATA, END_STREAM, 2 * n + 1, b"")).await;
    }
    server.answers.go.add_permits(40 * 10);
    for _ in 0..40 {
        assert_eq!(server.body().await, (WINDOW as u64, Ok(())));
    }
    assert_eq!(server.answers.most_running.load(Ordering::SeqCst), most);
    server.rests().await;
}

#[tokio::test]
async fn uploads_that_are_taken_back_at_once_end_the_connection_and_leave_nothing() {
    let server = Host::start_service(Transfers::default(), with_rate(0.0)).await;
    let mut wire = settled(&server, &[]).await;
    let mut bytes = Vec::new();
    for n in 0..2_000 {
        bytes.extend(begin(2 * n + 1, "/up", &[]));
        bytes.extend(frame(DATA, 0, 2 * n + 1, &[0; 500]));
        bytes.extend(frame(RESET, 0, 2 * n + 1, &CANCEL.to_be_bytes()));
    }
    wire.send(&bytes).await;
    assert_eq!(wire.goodbye().await, ENHANCE_YOUR_CALM);
    assert!(server.answers.most_running.load(Ordering::SeqCst) <= http2::STREAMS);
    server.rests().await;
    // Slowly enough to be begun: each is dropped.
    let mut wire = settled(&server, &[]).await;
    for n in 0..http2::RESETS.at_once as u32 - 20 {
        wire.send(&begin(2 * n + 1, "/up", &[])).await;
        wire.send(&frame(DATA, 0, 2 * n + 1, &[0; 500])).await;
        if n % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        wire.send(&frame(RESET, 0, 2 * n + 1, &CANCEL.to_be_bytes())).await;
    }
    in_order(&mut wire, 7).await;
    server.rests().await;
    wire.send(&begin(10_001, "/up", &[])).await;
    wire.send(&data(10_001, b"whole", END_STREAM)).await;
    assert_eq!(answer(&mut wire, 10_001).await, receipt(b"whole").into_bytes());
}

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
fn window(bytes: u32) -> Vec<u8> {
    [&[0, 4], &bytes.to_be_bytes()[..]].concat()
}

#[tokio::test]
async fn a_file_is_sent_whole_or_in_part_as_its_reader_opens_the_window() {
    let server = start().await;
    let mut client = server.client().await;
    for (range, status, sent) in [
        (None, 200, 0..FILE),
        (Some("bytes=100000-299999"), 206, 100_000..300_000),
        (Some("bytes=1000000-"), 416, 0..0),
    ] {
        let mut request = http::Request::get("https://h.example/file");
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let (response, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), status);
        let mut body = response.into_body();
        let mut read = Vec::new();
        while let Some(part) = body.data().await {
            let part = part.unwrap();
            body.flow_control().release_capacity(part.len()).unwrap();
            read.extend_from_slice(&part);
        }
        assert!(status == 416 || read == pattern(sent), "{range:?}");
    }
    // Of what nobody takes only a little is read.
    let mut wire = Wire::open(server.address, &window(100_000)).await;
    server.answers.made.store(0, Ordering::SeqCst);
    wire.send(&get(1, "/long")).await;
    tokio::time::sleep(SOON).await;
    let made = server.answers.made.load(Ordering::SeqCst);
    assert!(made <= 8, "{made} pieces");
    wire.send(&frame(RESET, 0, 1, &CANCEL.to_be_bytes())).await;
    server.rests().await;
    wire.send(&get(3, "/empty")).await;
    assert_eq!(answer(&mut wire, 3).await, b"");
    let head = frame(HEADERS, END_STREAM | END_HEADERS, 5, &head("HEAD", "/long", &[]));
    wire.send(&head).await;
    assert_eq!(answer(&mut wire, 5).await, b"");
    server.rests().await;
}

#[tokio::test]
async fn an_answer_whose_source_fails_or_has_another_length_is_reset() {
    let server = start().await;
    let mut wire = Wire::open(server.address, &window(0x7fff_ffff)).await;
    wire.send(&frame(WINDOW_UPDATE, 0, 0, &0x7000_0000u32.to_be_bytes())).await;
    for (stream, path) in [(1, "/breaks"), (3, "/short"), (5, "/more")] {
        wire.send(&get(stream, path)).await;
        loop {
            let next = wire.event().await.unwrap();
            assert_eq!(next.stream, stream);
            assert!(next.kind == RESET || next.flags & END_STREAM == 0, "{path} looks whole");
            if next.kind == RESET {
                assert_eq!(next.code(), INTERNAL_ERROR);
                break;
            }
        }
    }
    wire.send(&get(7, "/")).await;
    assert_eq!(answer(&mut wire, 7).await, b"hello");
    server.rests().await;
}

#[tokio::test]
async fn a_window_that_stays_closed_or_opens_too_little_ends_its_answer_alone() {
    let server = hasty(|most| (most.write, most.piece) = (SOON, 3 * SOON)).await;
    let mut wire = Wire::open(server.address, &window(1)).await;
    wire.send(&get(1, "/long")).await;
    let began = Instant::now();
    let reset = wire.of_kind(RESET).await;
    assert_eq!((reset.stream, reset.code()), (1, CANCEL));
    assert!((SOON..5 * SOON).contains(&began.elapsed()), "{:?}", began.elapsed());
    wire.send(&get(3, "/long")).await;
    let began = Instant::now();
    let reset = loop {
        wire.send(&frame(WINDOW_UPDATE, 0, 3, &1u32.to_be_bytes())).await;
        match tokio::time::timeout(SOON / 10, wire.of_kind(RESET)).await {
            Ok(reset) => break reset,
            Err(_) => assert!(began.elapsed() < 10 * SOON, "it goes on for ever"),
        }
    };
    assert_eq!((reset.stream, reset.code()), (3, CANCEL));
    assert!(began.elapsed() >= 2 * SOON);
    server.rests().await;
    wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 5, &head("HEAD", "/", &[]))).await;
    assert_eq!(answer(&mut wire, 5).await, b"");
}

#[tokio::test]
async fn many_answers_share_a_slow_line_and_none_is_given_up() {
    // Each alone would be late: a piece of it takes six times as long as one may.
    let server = hasty(|most| most.piece = SOON / 3).await;
    let mut wire = Wire::open(server.address, &window(0x7fff_ffff)).await;
    wire.send(&frame(WINDOW_UPDATE, 0, 0, &0x7000_0000u32.to_be_bytes())).await;
    let mut left = std::collections::BTreeMap::new();
    for n in 0..20 {
        let fields = head("GET", "/file", &[("range", "bytes=0-199999")]);
        wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &fields)).await;
        left.insert(2 * n + 1, 200_000);
    }
    let (began, mut read) = (Instant::now(), 0);
    while !left.is_empty() {
        let next = wire.event().await.expect("an answer");
        assert_ne!(next.kind, RESET, "{} after {:?}", next.stream, began.elapsed());
        if next.kind == DATA {
            read += next.payload.len();
            *left.get_mut(&next.stream).unwrap() -= next.payload.len();
        }
        if next.flags & END_STREAM != 0 {
            assert_eq!(left.remove(&next.stream), Some(0));
        }
        // Two megabytes a second.
        let due = Duration::from_micros(read as u64 / 2);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
    }
    drop(wire);
    server.rests().await;
}

#[tokio::test]
async fn a_stop_ends_uploads_at_once_and_answers_after_a_moment() {
    let server = start().await;
    let mut wire = settled(&server, &window(1_000)).await;
    wire.send(&begin(1, "/up", &[])).await;
    wire.send(&data(1, &pattern(0..100_000), 0)).await;
    wire.send(&get(3, "/long")).await;
    server
        .until("both run", |server| {
            let sources = server.answers.sources.load(Ordering::SeqCst);
            server.running() + sources == 2 && server.answers.read.load(Ordering::SeqCst) > 0
        })
        .await;
    let began = Instant::now();
    server.begin_stop();
    assert_eq!(server.body().await.1, Err(BodyError::Stopping));
    assert_eq!(wire.goodbye().await, NO_ERROR);
    let took = began.elapsed();
    let most = limits::DOWNLOAD_STOP + Duration::from_secs(2);
    assert!((limits::DOWNLOAD_STOP..most).contains(&took), "{took:?}");
    server.rests().await;
    drop(wire);
    server.stopped().await;
}

#[tokio::test]
async fn a_slow_transfer_gives_way_to_one_that_waits() {
    // One upload of a client at a time, and one download for each four.
    let limiter = RequestLimiter::new(0.25 / limits::UPLOADS_PER_ADDRESS as f64);
    let patience = Patience { time: SOON, rate: u64::MAX };
    let options = Options { limiter: Arc::new(limiter), patience, ..Options::default() };
    let server = Host::start_service(Transfers::default(), options).await;
    let mut wire = settled(&server, &window(1_000)).await;
    wire.send(&begin(1, "/up", &[])).await;
    wire.send(&data(1, b"slow", 0)).await;
    wire.send(&get(3, "/long")).await;
    let counters = server.options.counters.clone();
    let are_under_way = || (counters.uploads.get(), counters.downloads.get()) == (1, 1);
    server.until("they are under way", |_| are_under_way()).await;
    wire.send(&get(5, "/empty")).await;
    let reset = wire.of_kind(RESET).await;
    assert_eq!((reset.stream, reset.code()), (3, CANCEL));
    assert_eq!(answer(&mut wire, 5).await, b"");
    wire.send(&begin(7, "/up", &[])).await;
    wire.send(&data(7, b"whole", END_STREAM)).await;
    assert_eq!(server.body().await, (4, Err(BodyError::TooSlow)));
    assert_eq!(server.body().await, (5, Ok(())));
    assert_eq!(counters.gave_way.get(), 2);
    drop(wire);
    server.rests().await;
}
