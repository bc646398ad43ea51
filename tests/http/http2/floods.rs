//! Clients that send too much of what costs them nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use impulse::base::limits::{http as limits, http2};

use crate::http2::wire::{
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, PROTOCOL_ERROR,
    RESET, SETTINGS, WINDOW_UPDATE, Wire, fields, frame, get, head,
};
use crate::http2::{BIG, Server, with_rate};

/// Sends the same bytes so many times, and reads meanwhile; the code with which it ended.
async fn flood(mut wire: Wire, bytes: &[u8], times: usize) -> u32 {
    let all = bytes.repeat(times);
    let Wire { read, mut write } = wire;
    let sending = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let _ = write.write_all(&all).await;
        write
    });
    let idle = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = tokio::net::TcpStream::connect(idle.local_addr().unwrap()).await.unwrap();
    wire = Wire { read, write: other.into_split().1 };
    let code = wire.goodbye().await;
    drop(sending.await);
    code
}

#[tokio::test]
async fn frames_that_ask_for_nothing_are_taken_up_to_a_rate_and_then_the_connection_ends() {
    let server = Server::start().await;
    let most = http2::FRAMES.at_once as usize;
    for (name, frame) in [
        ("PING", frame(PING, 0, 0, &[0; 8])),
        ("answers to no PING", frame(PING, ACK, 0, &[0; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes())),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("unknown", frame(0x77, 0, 0, b"?")),
    ] {
        let mut wire = server.wire().await;
        wire.send(&get(1, "/")).await;
        wire.of_kind(DATA).await;
        // Nearly as many are taken.
        wire.send(&frame.repeat(most - 20)).await;
        wire.send(&get(3, "/")).await;
        wire.of_kind(DATA).await;
        assert_eq!(flood(wire, &frame, most).await, ENHANCE_YOUR_CALM, "{name}");
    }
    server.serves().await;
    assert_eq!(server.options.counters.http2_floods.get(), 6);
    server.until("all are gone", |server| server.options.counters.http2_open.get() == 0).await;
    let requests: Vec<_> = server.options.counters.versions().collect();
    assert_eq!(requests, [("1.0", 0), ("1.1", 0), ("2", 13)]);
}

#[tokio::test]
async fn a_client_that_is_sent_much_may_open_its_windows_as_often() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    let (mut read, mut updates) = (0, 0);
    // Two WINDOW_UPDATE for every DATA, as simple clients send them: more than a full bucket in all.
    for n in 0..30 {
        let stream = 2 * n + 1;
        wire.send(&get(stream, "/shared")).await;
        loop {
            let next = wire.of_kind(DATA).await;
            let length = u32::try_from(next.payload.len()).unwrap();
            let more = |stream: u32| frame(WINDOW_UPDATE, 0, stream, &length.to_be_bytes());
            wire.send(&[more(0), more(stream)].concat()).await;
            (read, updates) = (read + next.payload.len(), updates + 2);
            if next.flags & END_STREAM != 0 {
                break;
            }
        }
    }
    assert_eq!(read, 30 * BIG);
    assert!(updates > 3 * http2::FRAMES.at_once as usize, "{updates}");
}

#[tokio::test]
async fn small_and_empty_parts_of_a_body_are_bounded() {
    let server = Server::start().await;
    let begin = frame(HEADERS, END_HEADERS, 1, &head("POST", "/upload", &[]));
    for payload in [&b""[..], b"x"] {
        let mut wire = server.wire().await;
        wire.send(&begin).await;
        let part = frame(DATA, 0, 1, payload);
        assert_eq!(flood(wire, &part, 5_000).await, ENHANCE_YOUR_CALM, "{payload:?}");
    }
    // Parts of some size are no flood.
    let mut wire = server.wire().await;
    wire.send(&begin).await;
    let part = frame(DATA, 0, 1, &[b'x'; http2::SMALL_DATA]);
    for _ in 0..200 {
        wire.send(&part.repeat(10)).await;
        tokio::task::yield_now().await;
    }
    wire.send(&frame(DATA, END_STREAM, 1, b"")).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_end_the_connection_and_begin_few_handlers() {
    let server = Server::start_with(with_rate(0.0)).await;
    let mut wire = server.wire().await;
    let mut bytes = Vec::new();
    for n in 0..5_000 {
        bytes.extend(get(2 * n + 1, "/wait"));
        bytes.extend(frame(RESET, 0, 2 * n + 1, &CANCEL.to_be_bytes()));
    }
    wire = {
        let code = flood(wire, &bytes, 1).await;
        assert_eq!(code, ENHANCE_YOUR_CALM);
        server.wire().await
    };
    assert!(server.answers.begun.load(Ordering::SeqCst) <= http2::STREAMS);
    // Slowly enough that each is begun: they count until their handlers are done.
    server.answers.go.notify_waiters();
    server.until("the first are done", |s| s.answers.running.load(Ordering::SeqCst) == 0).await;
    for n in 0..http2::RESETS.at_once as u32 - 20 {
        wire.send(&get(2 * n + 1, "/wait")).await;
        if n % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        wire.send(&frame(RESET, 0, 2 * n + 1, &CANCEL.to_be_bytes())).await;
    }
    wire.send(&frame(PING, 0, 0, &[7; 8])).await;
    loop {
        if wire.of_kind(PING).await.payload == [7; 8] {
            break;
        }
    }
    assert!(server.answers.most_running.load(Ordering::SeqCst) <= http2::STREAMS);
    server.answers.go.notify_waiters();
    server.serves().await;
}

#[tokio::test]
async fn requests_beyond_those_that_are_served_at_once_end_the_connection_if_there_are_many() {
    let server = Server::start_with(with_rate(0.0)).await;
    let mut wire = server.wire().await;
    // The client has none of these any more, and the server still works for them.
    for n in 0..http2::STREAMS as u32 {
        wire.send(&get(2 * n + 1, "/wait")).await;
    }
    server.until("all run", |s| s.answers.running.load(Ordering::SeqCst) == http2::STREAMS).await;
    for n in 0..http2::STREAMS as u32 {
        wire.send(&frame(RESET, 0, 2 * n + 1, &CANCEL.to_be_bytes())).await;
    }
    let more: Vec<u8> = (1_000..6_000).flat_map(|n| get(2 * n + 1, "/wait")).collect();
    assert_eq!(flood(wire, &more, 1).await, ENHANCE_YOUR_CALM);
    assert_eq!(server.answers.begun.load(Ordering::SeqCst), http2::STREAMS);
    server.answers.go.notify_waiters();
    server.serves().await;
}

#[tokio::test]
async fn heads_that_are_too_long_are_as_bounded_as_other_frames_that_are_no_request() {
    let server = Server::start().await;
    let wire = server.wire().await;
    let mut heads = Vec::new();
    let most = http2::FRAMES.at_once as u32;
    for n in 0..most + 100 {
        // A field of four thousand bytes is remembered by the first, and named seventeen times by each.
        let mut block = head("GET", "/", &[]);
        if n == 0 {
            block.extend([0x40, 1, b'x', 127, 0xa1, 0x1e]);
            block.extend([b'y'; 4_000]);
        }
        block.extend([0x80 | 62; 17]);
        heads.extend(frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &block));
    }
    assert_eq!(flood(wire, &heads, 1).await, ENHANCE_YOUR_CALM);
    assert_eq!(server.answers.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn faults_are_counted_over_the_life_of_a_connection() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    let bad = head("GET", "/", &[("connection", "close")]);
    for n in 0..u32::try_from(http2::FAULTS).unwrap() {
        wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &bad)).await;
        assert_eq!(wire.event().await.unwrap().kind, RESET, "{n}");
    }
    wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 20_001, &bad)).await;
    assert_eq!(wire.goodbye().await, ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn a_head_that_never_ends_and_one_that_unfolds_to_too_much_end_the_connection() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    wire.send(&frame(HEADERS, END_STREAM, 1, &head("GET", "/", &[]))).await;
    let more = frame(CONTINUATION, 0, 1, &fields(&[("x", "y")]));
    assert_eq!(flood(wire, &more, 1_000).await, ENHANCE_YOUR_CALM, "CONTINUATION");
    server.until("it is counted", |server| server.options.counters.http2_floods.get() == 1).await;
    // A field of four thousand bytes is remembered, and then named by one byte each time.
    let mut wire = server.wire().await;
    let mut block = head("GET", "/", &[]);
    block.extend([0x40, 1, b'x', 127, 0xa1, 0x1e]);
    block.extend([b'y'; 4_000]);
    block.extend([0x80 | 62; 10_000]);
    wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).await;
    let code = wire.goodbye().await;
    assert_eq!(code, ENHANCE_YOUR_CALM, "a head of forty megabytes");
    assert_eq!(server.answers.begun.load(Ordering::SeqCst), 0);
    assert!(block.len() < limits::HEAD);
}

#[tokio::test]
async fn what_is_no_http_2_ends_with_its_code() {
    let server = Server::start().await;
    let whole = END_STREAM | END_HEADERS;
    let plain = head("GET", "/", &[]);
    for (name, bytes, code) in [
        ("DATA on no stream", frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
        ("DATA on a stream that nobody opened", frame(DATA, 0, 5, b"x"), PROTOCOL_ERROR),
        ("a stream of the server", frame(HEADERS, whole, 2, &plain), PROTOCOL_ERROR),
        ("a frame that is too long", frame(DATA, 0, 1, &[0; 16_385]), FRAME_SIZE_ERROR),
        ("no window", frame(WINDOW_UPDATE, 0, 0, &[0; 4]), PROTOCOL_ERROR),
        ("too much window", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 255, 255, 255]), FLOW_CONTROL_ERROR),
        ("a PING of another length", frame(PING, 0, 0, &[0; 7]), PROTOCOL_ERROR),
        ("a CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, &plain), PROTOCOL_ERROR),
        ("no method", frame(HEADERS, whole, 1, &fields(&[(":method", "G T")])), PROTOCOL_ERROR),
        ("a promise", frame(5, END_HEADERS, 1, &[0, 0, 0, 2]), PROTOCOL_ERROR),
        ("no HPACK", frame(HEADERS, whole, 1, &[0xff; 20]), PROTOCOL_ERROR),
        ("upper case", frame(HEADERS, whole, 1, &fields(&[("X", "y")])), PROTOCOL_ERROR),
        (
            "a window of settings",
            frame(SETTINGS, 0, 0, &[0, 4, 255, 255, 255, 255]),
            PROTOCOL_ERROR,
        ),
    ] {
        let mut wire = server.wire().await;
        wire.send(&bytes).await;
        assert_eq!(wire.goodbye().await, code, "{name}");
    }
    for garbage in [&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], &[0; 100], &[0xff; 5_000]] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(garbage).await;
        while let Some(frame) = wire.next().await {
            assert!(matches!(frame.kind, SETTINGS | GOAWAY));
        }
    }
    // The preface is not enough: settings come next.
    let mut wire = Wire::connect(server.address).await;
    wire.send(&[PREFACE, &get(1, "/")].concat()).await;
    let answer = wire.event().await.unwrap();
    assert!(matches!(answer.kind, HEADERS | GOAWAY));
    server.serves().await;
}

#[tokio::test]
async fn a_client_that_sends_more_than_its_window_is_stopped_and_others_are_served_meanwhile() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    wire.send(&get(1, "/")).await;
    wire.of_kind(DATA).await;
    let begin = frame(HEADERS, END_HEADERS, 3, &head("POST", "/wait", &[]));
    // The handler's route takes 64 KiB: nothing reads on after a refusal.
    let part = frame(DATA, 0, 3, &[b'x'; 16_000]);
    wire.send(&begin).await;
    wire.send(&part.repeat(20)).await;
    let mut ended = false;
    while let Some(frame) = wire.next().await {
        ended |= matches!(frame.kind, RESET | GOAWAY | HEADERS);
        if frame.kind == RESET || frame.kind == GOAWAY {
            break;
        }
    }
    assert!(ended);
    server.serves().await;
}

#[tokio::test]
async fn what_is_on_its_way_for_a_request_that_was_refused_is_no_fault() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    let length = [("content-length", "100000")];
    let streams: Vec<u32> =
        (0..u32::try_from(http2::REMEMBERED_RESETS).unwrap()).map(|n| 2 * n + 1).collect();
    for stream in &streams {
        wire.send(&frame(HEADERS, END_HEADERS, *stream, &head("POST", "/length", &length))).await;
        assert_eq!(wire.of_kind(HEADERS).await.stream, *stream);
    }
    for stream in &streams {
        wire.send(&frame(DATA, 0, *stream, b"the rest")).await;
    }
    wire.send(&get(1_001, "/")).await;
    assert_eq!(wire.of_kind(HEADERS).await.stream, 1_001);
    // For a while; then a client must have known for long.
    tokio::time::sleep(http2::RESETS_REMEMBERED + Duration::from_millis(100)).await;
    wire.send(&frame(DATA, 0, 1, b"the rest")).await;
    wire.send(&get(1_003, "/")).await;
    assert!(matches!(wire.event().await.unwrap().kind, DATA | RESET | GOAWAY));
}

#[tokio::test]
async fn one_connection_that_asks_without_a_pause_leaves_time_to_the_others() {
    let server = Server::start_with(with_rate(0.0)).await;
    let busy = server.wire().await;
    let Wire { mut read, mut write } = busy;
    let reading = tokio::spawn(async move {
        use tokio::io::AsyncReadExt as _;
        let mut buffer = vec![0; 64 * 1024];
        while read.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    let asking = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        for n in 0u32.. {
            if write.write_all(&get(2 * n + 1, "/none")).await.is_err() {
                return;
            }
        }
    });
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        slowest = slowest.max(server.serves().await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asking.abort();
    reading.abort();
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}
