//! Requests and their answers.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request};
use impulse::base::limits::http as limits;
use impulse::base::limits::http2;

use crate::http2::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, HTTP_1_1_REQUIRED, PROTOCOL_ERROR,
    REFUSED_STREAM, RESET, fields, frame, get, head,
};
use crate::http2::{BIG, BODY, Server, UPLOAD, with_rate};

type Client = h2::client::SendRequest<Bytes>;

/// An answer that was read whole.
struct Reply {
    status: u16,
    fields: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.to_str().unwrap())
    }
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("https://h.example{path}"))
}

async fn send(client: &Client, request: http::request::Builder, body: Option<&[u8]>) -> Reply {
    try_send(client, request, body).await.unwrap()
}

async fn try_send(
    client: &Client,
    request: http::request::Builder,
    body: Option<&[u8]>,
) -> Result<Reply, h2::Error> {
    let mut client = client.clone().ready().await?;
    let (answer, mut stream) = client.send_request(request.body(()).unwrap(), body.is_none())?;
    if let Some(body) = body {
        stream.send_data(Bytes::copy_from_slice(body), true)?;
    }
    let (parts, mut body) = answer.await?.into_parts();
    let mut read = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        read.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len())?;
    }
    Ok(Reply { status: parts.status.as_u16(), fields: parts.headers, body: read })
}

#[tokio::test]
async fn answers_are_those_of_http_1_1_without_the_fields_of_a_connection() {
    let server = Server::start().await;
    let client = server.client().await;
    let hello = send(&client, request("GET", "/"), None).await;
    assert_eq!((hello.status, hello.text().as_str()), (200, "hello"));
    assert_eq!(hello.field("content-length"), Some("5"));
    assert_eq!(hello.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(hello.field("referrer-policy"), Some("no-referrer"));
    assert!(hello.field("date").is_some() && hello.field("connection").is_none());
    let head = send(&client, request("HEAD", "/"), None).await;
    assert_eq!((head.status, head.field("content-length")), (200, Some("5")));
    assert!(head.body.is_empty());
    for (path, status, length) in
        [("/none", 204, None), ("/same", 304, None), ("/empty", 200, Some("0"))]
    {
        let reply = send(&client, request("GET", path), None).await;
        assert_eq!((reply.status, reply.field("content-length")), (status, length), "{path}");
        assert!(reply.body.is_empty());
    }
    let connection = send(&client, request("GET", "/connection"), None).await;
    assert_eq!((connection.status, connection.text().as_str()), (400, "no"));
    assert!(connection.field("upgrade").is_none() && connection.field("connection").is_none());
    for path in ["/big", "/shared"] {
        let big = send(&client, request("GET", path), None).await;
        assert!(big.body.len() == BIG && big.body.iter().all(|byte| *byte == b'x'));
    }
    let missing = send(&client, request("GET", "/nowhere"), None).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit_and_a_large_one_with_open_windows() {
    let server = Server::start().await;
    let client = server.client().await;
    for (path, length, status) in [
        ("/length", 0, 200),
        ("/length", BODY, 200),
        ("/length", BODY + 1, 413),
        ("/upload", UPLOAD, 200),
    ] {
        let body = vec![b'y'; length];
        let declared = request("POST", path).header("content-length", length);
        for request in [declared, request("POST", path)] {
            let reply = send(&client, request, Some(&body)).await;
            assert_eq!(reply.status, status, "{path} {length}");
            assert!(status != 200 || reply.text() == length.to_string());
        }
    }
    // The length is checked before a byte of the body comes.
    let declared = request("POST", "/length").header("content-length", BODY + 1);
    let mut client = client.ready().await.unwrap();
    let (answer, _stream) = client.send_request(declared.body(()).unwrap(), false).unwrap();
    assert_eq!(answer.await.unwrap().status(), 413);
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it_unless_its_body_is_too_long() {
    let server = Server::start().await;
    let client = server.client().await;
    let ask = |length: usize| {
        let expects = request("POST", "/length").header("expect", "100-continue");
        expects.header("content-length", length).body(()).unwrap()
    };
    let (mut answer, mut stream) =
        client.clone().ready().await.unwrap().send_request(ask(3), false).unwrap();
    let go_on = std::future::poll_fn(|context| answer.poll_informational(context)).await;
    assert_eq!(go_on.unwrap().unwrap().status(), 100);
    stream.send_data(Bytes::from_static(b"abc"), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    let (mut answer, _stream) =
        client.clone().ready().await.unwrap().send_request(ask(BODY + 1), false).unwrap();
    let go_on = std::future::poll_fn(|context| answer.poll_informational(context)).await;
    assert!(go_on.is_none());
    assert_eq!(answer.await.unwrap().status(), 413);
    let other = request("POST", "/length").header("expect", "wonders");
    assert_eq!(send(&client, other, Some(b"x")).await.status, 417);
}

#[tokio::test]
async fn a_request_means_the_same_as_by_http_1_1() {
    let server = Server::start().await;
    let client = server.client().await;
    // Browsers send each cookie in a field of its own.
    let crumbs = request("GET", "/seen?q=a%20b").header("cookie", "a=1").header("cookie", "b=2");
    let reply = send(&client, crumbs.header("cookie", "c=3"), None).await;
    assert_eq!(reply.text(), "h.example a=1; b=2; c=3 2 a b");
    let same = request("GET", "/seen").header("host", "H.example");
    assert_eq!(send(&client, same, None).await.status, 200);
    // By a Host alone: what was HTTP/1.1 before a proxy.
    let mut wire = server.wire().await;
    let by_host =
        [(":method", "GET"), (":scheme", "https"), (":path", "/seen"), ("host", "h.example")];
    wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields(&by_host))).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    assert!(wire.of_kind(DATA).await.payload.starts_with(b"h.example "));
}

#[tokio::test]
async fn what_http_1_1_refuses_is_refused_and_the_connection_goes_on() {
    let server = Server::start().await;
    let client = server.client().await;
    let with = |name: &str, value: &str| request("GET", "/").header(name, value);
    for (status, request) in [
        (400, with("host", "other.example")),
        (400, with("x", " spaced")),
        (400, with("x", "spaced\t")),
        (400, request("GET", "/%zz")),
        (400, request("GET", "/%00")),
        (400, request("GET", "/?a=%ff")),
        (400, Request::builder().uri("ftp://h.example/")),
        (400, Request::builder().uri("https://user@h.example/")),
        (414, request("GET", &format!("/{}", "a".repeat(limits::REQUEST_LINE)))),
        (404, request("GET", "/../etc/passwd")),
        (404, request("PURGE", "/x")),
    ] {
        let uri = request.uri_ref().unwrap().to_string();
        assert_eq!(send(&client, request, None).await.status, status, "{uri:.60}");
    }
    let begun = server.answers.begun.load(Ordering::SeqCst);
    let lengths =
        request("POST", "/length").header("content-length", "1").header("content-length", "1");
    assert_eq!(send(&client, lengths, Some(b"x")).await.status, 400);
    let connect = Request::builder().method("CONNECT").uri("h.example:443");
    assert_eq!(send(&client, connect, None).await.status, 501);
    assert_eq!(server.answers.begun.load(Ordering::SeqCst), begun, "a handler has seen it");
    assert_eq!(send(&client, request("GET", "/"), None).await.status, 200);
}

#[tokio::test]
async fn a_malformed_request_is_reset_and_the_others_of_its_connection_are_answered() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    wire.send(&get(1, "/wait")).await;
    let plain = head("GET", "/", &[]);
    let own = |more: &[(&str, &str)]| head("GET", "/", more);
    let mut stream = 3;
    for block in [
        own(&[("connection", "close")]),
        own(&[("transfer-encoding", "chunked")]),
        own(&[("te", "gzip")]),
        own(&[("upgrade", "websocket")]),
        own(&[("keep-alive", "1")]),
        own(&[("proxy-connection", "close")]),
        own(&[("x", "y"), (":path", "/other")]),
        own(&[(":path", "/other")]),
        own(&[(":status", "200")]),
        own(&[("content-length", "5")]),
        own(&[("content-length", "+0")]),
        own(&[(":protocol", "websocket")]),
        fields(&[(":method", "GET"), (":scheme", "https"), (":authority", "h.example")]),
        fields(&[(":method", "GET"), (":path", "/"), (":authority", "h.example")]),
        fields(&[(":scheme", "https"), (":path", "/"), (":authority", "h.example")]),
        fields(&[(":method", "GET"), (":scheme", "https"), (":path", ""), (":authority", "h")]),
    ] {
        wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)).await;
        let answer = wire.event().await.expect("the connection goes on");
        let text = String::from_utf8_lossy(&block).into_owned();
        let is_refused = answer.kind == RESET && answer.code() == PROTOCOL_ERROR
            || answer.kind == HEADERS && answer.status() == 400;
        assert!(is_refused && answer.stream == stream, "{answer:?} for {text}");
        stream += 2;
    }
    assert_eq!(server.answers.begun.load(Ordering::SeqCst), 1, "only the good one");
    // A body that is longer or shorter than was said.
    for (length, body) in [("3", "ab"), ("1", "ab")] {
        let head = head("POST", "/length", &[("content-length", length)]);
        wire.send(&frame(HEADERS, END_HEADERS, stream, &head)).await;
        wire.send(&frame(DATA, END_STREAM, stream, body.as_bytes())).await;
        assert_eq!(wire.of_kind(RESET).await.code(), PROTOCOL_ERROR);
        stream += 2;
    }
    wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream, &plain)).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    server.answers.go.notify_waiters();
    let answer = wire.of_kind(HEADERS).await;
    assert_eq!((answer.stream, answer.status()), (1, 200));
}

#[tokio::test]
async fn a_head_may_be_as_long_as_one_of_http_1_1_and_a_longer_one_is_refused() {
    let server = Server::start().await;
    let client = server.client().await;
    let with = |count: usize, length: usize| {
        (0..count).fold(request("GET", "/"), |request, n| {
            request.header(format!("x-{n}"), "v".repeat(length))
        })
    };
    assert_eq!(send(&client, with(limits::HEADERS, 10), None).await.status, 200);
    let refused = send(&client, with(limits::HEADERS + 1, 10), None).await;
    assert_eq!((refused.status, refused.text().contains("too_large")), (431, true));
    let cookies = (0..limits::HEADERS + 50).fold(with(50, 10), |request, n| {
        request.header("cookie", format!("c{n}={}", "v".repeat(50)))
    });
    assert_eq!(send(&client, cookies, None).await.status, 200, "cookies are one field");
    // Its library counts 32 bytes for each field, as the protocol does.
    assert_eq!(send(&client, with(1, limits::HEAD - 400), None).await.status, 200);
    assert_eq!(send(&client, with(1, limits::HEAD), None).await.status, 431);
    assert_eq!(send(&client, request("GET", "/"), None).await.status, 200);
}

#[tokio::test]
async fn a_head_in_several_frames_is_one_head() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    let block = head("GET", "/", &[("x", &"v".repeat(1_000))]);
    let (first, rest) = block.split_at(500);
    wire.send(&frame(HEADERS, END_STREAM, 1, first)).await;
    wire.send(&frame(CONTINUATION, END_HEADERS, 1, rest)).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
}

#[tokio::test]
async fn so_many_requests_of_a_connection_are_served_at_once_and_the_next_is_refused() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    let settings = wire.next().await.unwrap();
    let at = settings.payload.chunks(6).find(|setting| setting[..2] == [0, 3]).unwrap();
    assert_eq!(at[2..], (http2::STREAMS as u32).to_be_bytes());
    let stream = |n: usize| u32::try_from(2 * n + 1).unwrap();
    for n in 0..http2::STREAMS {
        wire.send(&get(stream(n), "/wait")).await;
    }
    server
        .until("all are served", |server| {
            server.answers.running.load(Ordering::SeqCst) == http2::STREAMS
        })
        .await;
    wire.send(&get(stream(http2::STREAMS), "/")).await;
    let refused = wire.event().await.unwrap();
    assert_eq!((refused.kind, refused.stream), (RESET, stream(http2::STREAMS)));
    assert_eq!(refused.code(), REFUSED_STREAM);
    server.answers.go.notify_waiters();
    for _ in 0..http2::STREAMS {
        assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    }
}

#[tokio::test]
async fn calls_of_one_client_get_as_many_slots_as_by_http_1_1() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    for n in 0..90 {
        wire.send(&get(2 * n + 1, "/call/wait")).await;
    }
    server
        .until("slots are used", |server| {
            server.answers.running.load(Ordering::SeqCst) == limits::AT_ONCE
        })
        .await;
    // What is answered from memory needs no slot.
    wire.send(&get(201, "/")).await;
    assert_eq!(wire.of_kind(HEADERS).await.stream, 201);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.answers.most_running.load(Ordering::SeqCst), limits::AT_ONCE + 1);
    for _ in 0..20 {
        server.answers.go.notify_waiters();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.until("all are done", |server| server.answers.begun.load(Ordering::SeqCst) == 91).await;
}

#[tokio::test]
async fn a_client_beyond_its_rate_is_refused_after_a_pause_on_every_stream() {
    let server = Server::start_with(with_rate(0.000_1)).await;
    let client = server.client().await;
    let began = Instant::now();
    // The bucket holds ten calls, or what costs as much.
    let asked = (0..20).map(|_| send(&client, request("GET", "/call"), None));
    let mut statuses = Vec::new();
    for asked in asked {
        statuses.push(asked.await.status);
        if *statuses.last().unwrap() == 429 {
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert!(began.elapsed() >= limits::RATE_PAUSE - Duration::from_millis(100));
}

#[tokio::test]
async fn an_answer_that_takes_the_connection_sends_the_client_to_http_1_1() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    for (stream, path) in [(1, "/upgrade"), (3, "/take")] {
        wire.send(&get(stream, path)).await;
        let reset = wire.event().await.unwrap();
        assert_eq!((reset.kind, reset.stream), (RESET, stream));
        assert_eq!(reset.code(), HTTP_1_1_REQUIRED);
    }
    wire.send(&get(5, "/")).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
}

#[tokio::test]
async fn a_fault_in_a_handler_resets_its_stream_and_no_other() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    wire.send(&[get(1, "/wait"), get(3, "/panic")].concat()).await;
    let reset = wire.of_kind(RESET).await;
    assert_eq!(reset.stream, 3);
    server.answers.go.notify_waiters();
    assert_eq!(wire.of_kind(HEADERS).await.stream, 1);
}

#[tokio::test]
async fn a_request_whose_body_is_cut_off_reaches_no_handler() {
    let server = Server::start().await;
    for length in [None, Some("10")] {
        let mut wire = server.wire().await;
        let length = length.map(|length| ("content-length", length));
        let more: Vec<_> = length.into_iter().collect();
        wire.send(&frame(HEADERS, END_HEADERS, 1, &head("POST", "/length", &more))).await;
        wire.send(&frame(DATA, 0, 1, b"abc")).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        drop(wire);
        let mut wire = server.wire().await;
        wire.send(&frame(HEADERS, END_HEADERS, 1, &head("POST", "/length", &more))).await;
        wire.send(&frame(DATA, 0, 1, b"abc")).await;
        wire.send(&frame(RESET, 0, 1, &8u32.to_be_bytes())).await;
        wire.send(&get(3, "/")).await;
        assert_eq!(wire.of_kind(HEADERS).await.stream, 3);
    }
    // Only the two that were whole.
    assert_eq!(server.answers.begun.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn trailers_are_read_and_mean_nothing() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    wire.send(&frame(HEADERS, END_HEADERS, 1, &head("POST", "/length", &[]))).await;
    wire.send(&frame(DATA, 0, 1, b"abc")).await;
    let trailers = fields(&[("host", "evil.example"), ("x", "y")]);
    wire.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &trailers)).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    assert_eq!(wire.of_kind(DATA).await.payload, b"3");
}
