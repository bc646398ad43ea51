//! What takes too long, who has to give way, and the stop of the server.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use impulse::base::limits::http2;
use impulse::base::memory::Kind;
use impulse::http::{Deadlines, Options};

use crate::http2::wire::{
    CANCEL, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PING, PREFACE, RESET,
    SETTINGS, WINDOW_UPDATE, Wire, frame, get, head,
};
use crate::http2::{BIG, Server, with_memory};

const SHORT: Duration = Duration::from_millis(200);

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
fn window(bytes: u32) -> Vec<u8> {
    [&[0, 4], &bytes.to_be_bytes()[..]].concat()
}

#[tokio::test]
async fn a_connection_without_a_first_request_ends_with_the_deadline_of_its_head() {
    let server = Server::hasty(|most| most.head = SHORT).await;
    let began = Instant::now();
    let mut silent = Wire::connect(server.address).await;
    let mut half = Wire::connect(server.address).await;
    half.send(&PREFACE[..10]).await;
    let mut greeted = server.wire().await;
    assert_eq!(greeted.goodbye().await, NO_ERROR);
    for wire in [&mut silent, &mut half] {
        while let Some(frame) = wire.next().await {
            assert_eq!(frame.kind, SETTINGS);
        }
    }
    assert!(began.elapsed() >= SHORT && began.elapsed() < 20 * SHORT);
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_ends_the_connection_and_one_that_is_slow_does_not() {
    let server = Server::hasty(|most| most.head = 3 * SHORT).await;
    let mut wire = server.wire().await;
    let request = get(1, "/");
    for bytes in request.chunks(request.len() / 4) {
        wire.send(bytes).await;
        tokio::time::sleep(SHORT / 4).await;
    }
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    let began = Instant::now();
    let dribble = async {
        let block = head("GET", "/", &[]);
        wire.send(&frame(HEADERS, END_STREAM, 3, &block)).await;
        // Empty frames that go on with a head for ever; each is complete.
        for _ in 0..4 {
            tokio::time::sleep(SHORT).await;
            wire.send(&frame(9, 0, 3, b"")).await;
        }
        wire.goodbye().await
    };
    assert_eq!(dribble.await, NO_ERROR);
    assert!(began.elapsed() >= 3 * SHORT);
}

#[tokio::test]
async fn a_body_that_stops_is_answered_with_408_and_others_of_its_connection_are_served() {
    let server = Server::hasty(|most| most.body = SHORT).await;
    let mut wire = server.wire().await;
    wire.send(&frame(HEADERS, END_HEADERS, 1, &head("POST", "/length", &[]))).await;
    wire.send(&frame(DATA, 0, 1, b"abc")).await;
    wire.send(&get(3, "/")).await;
    assert_eq!(wire.of_kind(HEADERS).await.stream, 3);
    let answer = wire.of_kind(HEADERS).await;
    assert_eq!((answer.stream, server.answers.begun.load(Ordering::SeqCst)), (1, 1));
    assert!(String::from_utf8_lossy(&wire.of_kind(DATA).await.payload).contains("timeout"));
}

#[tokio::test]
async fn an_idle_connection_ends_whatever_else_it_sends() {
    let server = Server::hasty(|most| most.idle = 3 * SHORT).await;
    let mut wire = server.wire().await;
    wire.send(&get(1, "/")).await;
    wire.of_kind(DATA).await;
    let began = Instant::now();
    let mut code = None;
    while code.is_none() && began.elapsed() < 30 * SHORT {
        wire.send(&frame(PING, 0, 0, &[1; 8])).await;
        tokio::time::sleep(SHORT / 10).await;
        let next = tokio::time::timeout(SHORT / 2, wire.next()).await;
        code = next.ok().flatten().filter(|frame| frame.kind == GOAWAY).map(|frame| frame.code());
    }
    assert_eq!(code, Some(NO_ERROR));
    assert!(began.elapsed() >= 3 * SHORT);
}

#[tokio::test]
async fn a_window_that_is_never_opened_costs_the_answer_and_its_memory_is_free_again() {
    let server = Server::hasty(|most| most.write = SHORT).await;
    let mut wire = Wire::open(server.address, &window(0)).await;
    wire.send(&get(1, "/big")).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    assert_eq!(server.held(Kind::Answers), BIG);
    let reset = wire.of_kind(RESET).await;
    assert_eq!((reset.stream, reset.code()), (1, CANCEL));
    server.until("the memory is free", |server| server.held(Kind::Answers) == 0).await;
    // An answer that fits into no window at all is no reason to end the connection.
    wire.send(&get(3, "/none")).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 204);
}

#[tokio::test]
async fn a_window_that_is_opened_a_little_at_a_time_gives_no_answer_for_ever() {
    let server = Server::hasty(|most| most.write = SHORT).await;
    let mut wire = Wire::open(server.address, &window(1)).await;
    wire.send(&get(1, "/big")).await;
    let began = Instant::now();
    let reset = loop {
        wire.send(&frame(WINDOW_UPDATE, 0, 1, &1u32.to_be_bytes())).await;
        let next = tokio::time::timeout(SHORT / 4, wire.of_kind(RESET)).await;
        if let Ok(reset) = next {
            break reset;
        }
        assert!(began.elapsed() < SHORT * 30, "it goes on for ever");
    };
    assert_eq!(reset.code(), CANCEL);
    assert!(began.elapsed() >= SHORT * (http2::WRITE_STRETCHES - 1), "{:?}", began.elapsed());
    assert_eq!(server.held(Kind::Answers), 0);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected_and_its_memory_is_free_again() {
    let server = Server::hasty(|most| most.write = SHORT).await;
    let huge = [window(0x7fff_ffff), vec![0, 5, 0, 0, 0x40, 0]].concat();
    let mut wire = Wire::open(server.address, &huge).await;
    wire.send(&frame(WINDOW_UPDATE, 0, 0, &0x7000_0000u32.to_be_bytes())).await;
    for n in 0..40 {
        wire.send(&get(2 * n + 1, "/big")).await;
    }
    server
        .until("all are asked for", |server| server.answers.begun.load(Ordering::SeqCst) == 40)
        .await;
    server.until("the memory is free", |server| server.held(Kind::Answers) == 0).await;
    // It was cut off: what the kernel had is all that comes.
    let mut read = 0;
    while let Some(frame) = wire.next().await {
        read += frame.payload.len();
    }
    assert!(read < 40 * BIG, "{read}");
    server.serves().await;
}

#[tokio::test]
async fn answers_that_nobody_takes_hold_no_more_than_an_address_may() {
    let server = Server::start_with(with_memory(64 * 1024 * 1024)).await;
    let mut wire = Wire::open(server.address, &window(0)).await;
    for n in 0..30 {
        wire.send(&get(2 * n + 1, "/big")).await;
    }
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(wire.of_kind(HEADERS).await.status());
    }
    let served = statuses.iter().filter(|status| **status == 200).count();
    assert!((1..30).contains(&served), "{statuses:?}");
    assert!(server.held(Kind::Answers) <= served * BIG);
    // What many answers share is held once.
    wire.send(&get(61, "/shared")).await;
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    drop(wire);
    server.until("the memory is free", |server| server.held(Kind::Answers) == 0).await;
}

#[tokio::test]
async fn requests_whose_answers_are_not_taken_are_accounted_for() {
    let server = Server::start().await;
    let mut wire = Wire::open(server.address, &window(0)).await;
    for n in 0..http2::STREAMS as u32 {
        wire.send(&get(2 * n + 1, "/shared")).await;
    }
    for _ in 0..http2::STREAMS {
        assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    }
    assert!(server.held(Kind::Requests) >= http2::STREAMS * http2::STREAM);
    drop(wire);
    server.until("the memory is free", |server| server.held(Kind::Requests) == 0).await;
}

#[tokio::test]
async fn bodies_of_one_connection_are_accounted_for_together() {
    let server = Server::start_with(with_memory(4 * 1024 * 1024)).await;
    let mut wire = server.wire().await;
    let head = head("POST", "/length", &[]);
    let mut refused = 0;
    for n in 0..60 {
        let stream = 2 * n + 1;
        wire.send(&frame(HEADERS, END_HEADERS, stream, &head)).await;
        wire.send(&frame(DATA, 0, stream, &[b'x'; 16_000])).await;
        // The body is not complete: an answer is a refusal.
        while let Ok(Some(frame)) =
            tokio::time::timeout(Duration::from_millis(20), wire.next()).await
        {
            refused += usize::from(frame.kind == HEADERS);
        }
    }
    let most = server.options.memory.most(Kind::Requests);
    assert!(refused > 0, "all were taken");
    assert!((1..=most).contains(&server.held(Kind::Requests)));
    drop(wire);
    server.until("the memory is free", |server| server.held(Kind::Requests) == 0).await;
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight_and_ends_what_is_idle() {
    let server = Server::start().await;
    let (mut idle, mut busy) = (server.wire().await, server.wire().await);
    idle.send(&get(1, "/")).await;
    idle.of_kind(DATA).await;
    busy.send(&get(1, "/wait")).await;
    server.until("it waits", |server| server.answers.running.load(Ordering::SeqCst) == 1).await;
    server.begin_stop();
    assert_eq!(idle.goodbye().await, NO_ERROR);
    assert_eq!(busy.of_kind(GOAWAY).await.code(), NO_ERROR);
    server.answers.go.notify_waiters();
    assert_eq!(busy.of_kind(HEADERS).await.status(), 200);
    assert_eq!(busy.of_kind(DATA).await.payload, b"waited");
    assert_eq!(busy.goodbye().await, NO_ERROR);
    drop((idle, busy));
    server.stopped().await;
}

#[tokio::test]
async fn a_handler_that_has_begun_runs_to_its_end_though_its_client_has_left() {
    let server = Server::start().await;
    let mut wire = server.wire().await;
    wire.send(&[get(1, "/wait"), get(3, "/wait")].concat()).await;
    server.until("both run", |server| server.answers.running.load(Ordering::SeqCst) == 2).await;
    wire.send(&frame(RESET, 0, 1, &CANCEL.to_be_bytes())).await;
    tokio::time::sleep(SHORT / 4).await;
    drop(wire);
    tokio::time::sleep(SHORT / 4).await;
    assert_eq!(server.answers.running.load(Ordering::SeqCst), 2);
    server.answers.go.notify_waiters();
    server
        .until("both are done", |server| server.answers.running.load(Ordering::SeqCst) == 0)
        .await;
}

#[tokio::test]
async fn a_request_that_takes_longer_than_any_deadline_of_its_connection_is_answered() {
    let short = Duration::from_millis(50);
    let server = Server::hasty(|most| {
        (most.head, most.idle, most.write, most.body) = (short, short, short, short);
    })
    .await;
    let mut wire = server.wire().await;
    wire.send(&get(1, "/wait")).await;
    tokio::time::sleep(8 * short).await;
    server.answers.go.notify_waiters();
    assert_eq!(wire.of_kind(HEADERS).await.status(), 200);
    assert_eq!(wire.goodbye().await, NO_ERROR);
}

#[tokio::test]
async fn an_idle_connection_gives_way_to_a_new_one_and_a_busy_one_does_not() {
    let server = Server::start_with(Options { max_per_client: 1, ..Options::default() }).await;
    let mut idle = server.wire().await;
    idle.send(&get(1, "/")).await;
    idle.of_kind(DATA).await;
    tokio::time::sleep(2 * impulse::base::limits::http::GIVES_WAY).await;
    let mut busy = server.wire().await;
    assert_eq!(idle.goodbye().await, NO_ERROR);
    busy.send(&get(1, "/wait")).await;
    server.until("it waits", |server| server.answers.running.load(Ordering::SeqCst) == 1).await;
    tokio::time::sleep(2 * impulse::base::limits::http::GIVES_WAY).await;
    let mut refused = server.wire().await;
    assert_eq!(refused.next().await, None, "there is no permit for it");
    server.answers.go.notify_waiters();
    assert_eq!(busy.of_kind(HEADERS).await.status(), 200);
}

#[test]
fn the_deadlines_are_those_of_http_1_1() {
    let most = Deadlines::default();
    assert_eq!(most.write, impulse::base::limits::http::WRITE_DEADLINE);
}
