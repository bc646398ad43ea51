//! What the wire costs without sockets: frames parsed out of bytes, commands parsed, events encoded. All of
//! it happens once per command or once per event, never per member.
//!
//! `cargo bench --bench wire`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

use impulse::base::ids::{Epoch, Mid, RoomId, Uid};
use impulse::base::limits::{chat, delivery};
use impulse::protocol::answer::OkAnswer;
use impulse::protocol::command::Request;
use impulse::protocol::event::{DirectoryHead, Event};
use impulse::protocol::message::{Content, MessageState, Reaction, TextBody};
use impulse::protocol::room::{Notify, Role, RoomKind, RoomView};
use impulse::ws::{Codec, Limits, client};

const AT: i64 = 1_700_000_000_000;
const LIMITS: Limits = Limits { message: chat::COMMAND, fragments: delivery::FRAGMENTS };

/// A mask of zeros is work like any other and leaves the bytes as they are, so the same bytes can be read
/// again and again.
const MASK: [u8; 4] = [0; 4];

fn text(length: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    client::text(&vec![b'x'; length], MASK, &mut frame);
    frame
}

fn in_fragments(count: usize, each: usize) -> Vec<u8> {
    let payload = vec![b'x'; each];
    let mut frames = Vec::new();
    client::text_in_fragments(&vec![payload.as_slice(); count], MASK, &mut frames);
    frames
}

/// Parses every message in `bytes`, which come as one read, or as reads of `piece` bytes.
fn read_all(bytes: &mut [u8], piece: usize) -> usize {
    let (mut codec, mut messages) = (Codec::default(), 0);
    for mut input in bytes.chunks_mut(piece) {
        while black_box(codec.next(LIMITS, &mut input).unwrap()).is_some() {
            messages += 1;
        }
    }
    messages
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frames");
    let whole = usize::MAX;
    for (name, mut bytes, piece, messages) in [
        ("one small", text(40), whole, 1),
        ("one of 128 bytes", text(128), whole, 1),
        ("500 small in one read", text(40).repeat(500), whole, 500),
        ("500 small in reads of 1,000 bytes", text(40).repeat(500), 1_000, 500),
        ("one of 64 KiB", text(chat::COMMAND), whole, 1),
        ("one of 64 KiB in reads of 1,448 bytes", text(chat::COMMAND), 1_448, 1),
        ("16 fragments of 100 bytes", in_fragments(16, 100), whole, 1),
        ("64 fragments of 1 KiB", in_fragments(64, 1_024), whole, 1),
    ] {
        assert_eq!(read_all(&mut bytes, piece), messages, "{name}");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| b.iter(|| read_all(black_box(&mut bytes), piece)));
    }
    group.finish();
}

fn commands(c: &mut Criterion) {
    let mid = Mid([7; 16]);
    let send = |length: usize| {
        let words = "x".repeat(length);
        format!(
            r#"{{"op":"msg.send","id":"17","room":"3","msg":{{"mid":"{mid}","rev":0,"kind":"msg","t":"{words}"}}}}"#
        )
    };
    let mut group = c.benchmark_group("commands");
    for (name, frame) in [
        ("ping", r#"{"op":"ping","id":"1"}"#.to_owned()),
        ("typing", r#"{"op":"typing","room":"3"}"#.to_owned()),
        ("read", r#"{"op":"read","id":"2","room":"3","seq":41}"#.to_owned()),
        (
            "presence",
            r#"{"op":"presence","id":"3","state":"dnd","text":"in a meeting"}"#.to_owned(),
        ),
        ("room.subscribe", r#"{"op":"room.subscribe","id":"4","room":"3","since":41}"#.to_owned()),
        ("room.unsubscribe", r#"{"op":"room.unsubscribe","id":"5","room":"3"}"#.to_owned()),
        ("msg.send of 128 bytes", send(128)),
        ("msg.send of 32 KiB", send(chat::TEXT)),
        (
            "msg.send, a reaction",
            format!(
                r#"{{"op":"msg.send","id":"6","room":"3","msg":{{"mid":"{mid}","rev":0,"kind":"react","ref":"{mid}","e":"👍"}}}}"#
            ),
        ),
        (
            "msg.send, a deletion",
            format!(
                r#"{{"op":"msg.send","id":"7","room":"3","msg":{{"mid":"{mid}","rev":2,"kind":"del"}}}}"#
            ),
        ),
    ] {
        Request::parse(&frame).expect(name);
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |b| b.iter(|| Request::parse(black_box(&frame))));
    }
    let broken = r#"{"op":"msg.send","id":"8","room":"3"}"#;
    Request::parse(broken).expect_err("no message in it");
    group.throughput(Throughput::Bytes(broken.len() as u64));
    group.bench_function("one that is refused", |b| b.iter(|| Request::parse(black_box(broken))));
    group.finish();
}

fn message(length: usize) -> MessageState {
    MessageState {
        mid: Mid([7; 16]),
        rev: 0,
        by: Uid(42),
        seq: 41,
        at: AT,
        created_seq: 41,
        created_at: AT,
        edited_at: None,
        content: Content::Plain(TextBody { text: "x".repeat(length), ..TextBody::default() }),
        reactions: Vec::new(),
    }
}

fn room(id: i64) -> RoomView {
    RoomView {
        id: RoomId(id),
        name: format!("Room {id}"),
        topic: "Everybody is here".into(),
        kind: RoomKind::Open,
        e2ee: false,
        rid: None,
        log: None,
        is_default: true,
        role: Some(Role::Member),
        seq: 9_000,
        read: 8_990,
        unread: 10,
        mentions: 1,
        members: 300,
        with: Vec::new(),
        read_only: false,
        archived: false,
        favourite: false,
        notify: Notify::Usual,
        muted_until: None,
        hidden: false,
    }
}

fn encode(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, event: &Event<'_>) {
    group.throughput(Throughput::Bytes(event.encode().len() as u64));
    group.bench_function(name, |b| b.iter(|| black_box(event).encode()));
}

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("events");
    let reaction = |by| Reaction { mid: Mid([3; 16]), by: Uid(by), emoji: "👍".into() };
    let liked = MessageState { reactions: (0..50).map(reaction).collect(), ..message(128) };
    for (name, msg) in [
        ("msg of 128 bytes", &message(128)),
        ("msg of 32 KiB", &message(chat::TEXT)),
        ("msg with 50 reactions", &liked),
    ] {
        encode(&mut group, name, &Event::Msg { room: RoomId(3), seq: msg.seq, at: msg.at, msg });
    }
    let rooms: Vec<_> = (1..=20).map(room).collect();
    encode(
        &mut group,
        "hello with 20 rooms",
        &Event::Hello {
            build: None,
            at: 0,
            epoch: Epoch([7; 16]),
            uid: Uid(42),
            rooms: &rooms,
            blocked: &[],
            dir: DirectoryHead { n: 381, h: [9; 32], missing: &[], closed: false },
            heartbeat_ms: 30_000,
            more: false,
        },
    );
    encode(&mut group, "typing", &Event::Typing { room: RoomId(3), uid: Uid(42) });
    let answer = || OkAnswer::to(black_box(Some("17"))).seq(41).at(AT).encode();
    group.throughput(Throughput::Bytes(answer().len() as u64));
    group.bench_function("ok", |b| b.iter(answer));
    group.finish();
}

criterion_group!(wire, frames, commands, events);
criterion_main!(wire);
