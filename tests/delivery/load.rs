//! A room of three hundred under a stream of messages from several writers, with members that never read,
//! members that read a few bytes now and then, and members that vanish and come back. Those that read get
//! everything, in order and once, and so do those that come back; those that do not read get `bye lagging`.
//!
//! The writers never run further ahead of the slowest prompt reader than may wait for a socket, so a reader is
//! prompt by construction, whatever the machine does.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use impulse::base::limits::chat::UNREAD;
use serde_json::Value;
use tokio::sync::{Barrier, watch};
use tokio::time::timeout;

use crate::support::TestServer;
use crate::support::client::Client;
use crate::support::crowd::{crowd, guest};
use crate::support::wire::{CLOSE, TEXT, Wire, masked};

const PROMPT: usize = 260;
const STALLED: usize = 8;
const SLOW: usize = 8;
const VANISHING: usize = 24;
const MEMBERS: usize = PROMPT + STALLED + SLOW + VANISHING;
const WRITERS: usize = 5;
const EACH: usize = 400;
const TOTAL: u64 = (WRITERS * EACH) as u64;
/// So long that more waits for those that do not read than the buffers of the kernel and a megabyte.
const TEXT_BYTES: usize = 3_200;
/// How far the writers may be ahead of the slowest prompt reader: far less than may wait for it.
const AHEAD: u64 = 200;
/// Longest wait for another task.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a member has received: all messages up to one, and a hash of their contents.
#[derive(Default)]
struct Received {
    last: u64,
    contents: DefaultHasher,
    connects: usize,
}

/// How a connection ended.
enum End {
    /// Everything was received.
    Complete,
    /// The server closed: with `bye lagging` and 1013, or by the end of TCP.
    Closed,
    /// The member left.
    Left,
}

#[derive(Clone, Copy, PartialEq)]
enum Behaviour {
    Prompt,
    Stalled,
    Slow,
    Resetting,
    Dropping,
}

/// What all tasks share.
struct Stream {
    gathered: Barrier,
    /// What each prompt reader has.
    seen: Vec<AtomicU64>,
    sent: AtomicU64,
    is_over: watch::Sender<bool>,
}

impl Received {
    /// True: this was a message of the room, the next one. Anything but the next one is a fault.
    fn receive(&mut self, frame: &[u8]) -> bool {
        let Some(rest) = frame.strip_prefix(br#"{"op":"msg","room":"1","seq":"#) else {
            return false;
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        let seq = digits.fold(0, |seq, digit| seq * 10 + u64::from(digit - b'0'));
        assert_eq!(seq, self.last + 1, "a gap, a double or a wrong order");
        self.last = seq;
        frame.hash(&mut self.contents);
        true
    }

    /// The room as it is after `hello`, for whoever connects while somebody writes. It counts up to what is published,
    /// so it is never behind what the member has.
    fn is_view(&self, frame: &[u8]) -> bool {
        if !frame.starts_with(br#"{"op":"room","#) {
            return false;
        }
        let frame: Value = serde_json::from_slice(frame).unwrap();
        let room = &frame["room"];
        assert!(room["seq"].as_u64().unwrap() >= self.last, "{} has {}", frame, self.last);
        let unread = room["seq"].as_u64().map(|seq| seq.min(UNREAD as u64));
        assert_eq!((room["id"].as_str(), room["unread"].as_u64()), (Some("1"), unread), "{frame}");
        true
    }
}

/// One member until everything is received. However often the connection ends, `since` brings the rest.
async fn member(
    client: Client,
    number: usize,
    behaviour: Behaviour,
    stream: Arc<Stream>,
) -> Received {
    let mut received = Received::default();
    loop {
        assert!(received.connects < 2_000, "{number} does not come to an end");
        let is_first = received.connects == 0;
        received.connects += 1;
        let mut wire = Wire::open(&client).await;
        if !subscribe(&mut wire, &mut received).await {
            continue; // more was missed than one replay brings: once more from there
        }
        if received.last == TOTAL {
            return received;
        }
        if is_first {
            stream.gathered.wait().await;
        }
        let end = match behaviour {
            Behaviour::Prompt => {
                read_on(&mut wire, &mut received, |last| {
                    stream.seen[number].store(last, Ordering::Relaxed);
                })
                .await
            }
            Behaviour::Stalled => {
                let _ = stream.is_over.subscribe().wait_for(|over| *over).await;
                read_on(&mut wire, &mut received, |_| ()).await
            }
            Behaviour::Slow => read_slowly(&mut wire, &mut received, &stream).await,
            Behaviour::Resetting | Behaviour::Dropping => {
                read_some(&mut wire, &mut received, 10 + number % 90, &stream).await
            }
        };
        match end {
            End::Complete => return received,
            End::Closed => {
                assert!(
                    matches!(behaviour, Behaviour::Stalled | Behaviour::Slow),
                    "{number} was cut"
                );
            }
            End::Left if behaviour == Behaviour::Resetting => wire.reset(),
            End::Left => drop(wire),
        }
    }
}

/// Follows the room after what was received. False: the replay was truncated.
async fn subscribe(wire: &mut Wire, received: &mut Received) -> bool {
    let since = received.last;
    let command = format!(r#"{{"op":"room.subscribe","id":"s","room":"1","since":{since}}}"#);
    wire.send(&masked(&command)).await;
    loop {
        let frame = wire.text().await;
        if received.receive(frame.as_bytes()) || received.is_view(frame.as_bytes()) {
            continue;
        }
        let frame: Value = serde_json::from_str(&frame).unwrap();
        if frame["id"] == "s" {
            assert_eq!(frame["op"], "ok", "{frame}");
            return frame["truncated"] != true;
        }
        assert!(["hello", "activity"].contains(&frame["op"].as_str().unwrap()), "{frame}");
    }
}

/// Handles what has been read. Some: the connection ends.
fn take_frames(wire: &mut Wire, received: &mut Received) -> Option<End> {
    while let Some((opcode, payload)) = wire.take() {
        if opcode == CLOSE {
            assert_eq!(payload[..2], 1013u16.to_be_bytes());
            return Some(End::Closed);
        }
        if opcode == TEXT && !received.receive(&payload) && !received.is_view(&payload) {
            let frame: Value = serde_json::from_slice(&payload).unwrap();
            let is_bye = (frame["op"].as_str(), frame["code"].as_str());
            assert_eq!(is_bye, (Some("bye"), Some("lagging")), "{frame}");
        }
        if received.last == TOTAL {
            return Some(End::Complete);
        }
    }
    None
}

async fn read_on(wire: &mut Wire, received: &mut Received, report: impl Fn(u64)) -> End {
    loop {
        if let Some(end) = take_frames(wire, received) {
            report(received.last);
            return end;
        }
        report(received.last);
        if wire.more(64 * 1_024).await == 0 {
            return End::Closed;
        }
    }
}

/// A few bytes now and then while the writers write.
async fn read_slowly(wire: &mut Wire, received: &mut Received, stream: &Stream) -> End {
    while !*stream.is_over.borrow() {
        if let Some(end) = take_frames(wire, received) {
            return end;
        }
        if wire.more(700).await == 0 {
            return End::Closed;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    read_on(wire, received, |_| ()).await
}

/// Reads so many messages and leaves, whatever is half read. At the end it reads everything.
async fn read_some(wire: &mut Wire, received: &mut Received, count: usize, stream: &Stream) -> End {
    let until = received.last + count as u64;
    while received.last < until || *stream.is_over.borrow() {
        if let Some(end) = take_frames(wire, received) {
            return end;
        }
        if wire.more(2_000).await == 0 {
            return End::Closed;
        }
    }
    End::Left
}

async fn write(client: Client, writer: usize, stream: Arc<Stream>) {
    let mut socket = client.socket().await;
    for n in 0..EACH {
        let number = stream.sent.fetch_add(1, Ordering::Relaxed);
        let slowest = || stream.seen.iter().map(|seen| seen.load(Ordering::Relaxed)).min().unwrap();
        let since = Instant::now();
        while slowest() + AHEAD < number {
            assert!(since.elapsed() < PATIENCE, "a prompt reader has stopped");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let text = format!("{:.<1$}", format!("{writer}/{n} "), TEXT_BYTES);
        socket.send_text("1", &text).await;
        socket.aside.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_three_hundred_gets_everything_once_and_in_order_whatever_some_members_do() {
    let server = TestServer::start().await;
    let database = server.database.clone();
    server.stop().await;
    crowd(&database, (MEMBERS + WRITERS) as i64, |_| &[1]).await;
    let server = TestServer::start_on(&database, &["--shards", "3"]).await;

    let stream = Arc::new(Stream {
        gathered: Barrier::new(MEMBERS + 1),
        seen: (0..PROMPT).map(|_| AtomicU64::new(0)).collect(),
        sent: AtomicU64::new(0),
        is_over: watch::Sender::new(false),
    });
    let behaviours = [
        (Behaviour::Prompt, PROMPT),
        (Behaviour::Stalled, STALLED),
        (Behaviour::Slow, SLOW),
        (Behaviour::Resetting, VANISHING / 2),
        (Behaviour::Dropping, VANISHING / 2),
    ];
    let behaviours =
        behaviours.into_iter().flat_map(|(behaviour, count)| std::iter::repeat_n(behaviour, count));
    let members: Vec<_> = behaviours
        .enumerate()
        .map(|(n, behaviour)| {
            let client = guest(server.address, n + 1);
            (behaviour, tokio::spawn(member(client, n, behaviour, stream.clone())))
        })
        .collect();
    timeout(PATIENCE, stream.gathered.wait()).await.expect("all are there");
    let writers: Vec<_> = (1..=WRITERS)
        .map(|n| tokio::spawn(write(guest(server.address, MEMBERS + n), n, stream.clone())))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    stream.is_over.send_replace(true);

    let mut contents = None;
    for (behaviour, member) in members {
        let received = timeout(PATIENCE, member).await.expect("everything in time").unwrap();
        assert_eq!(received.last, TOTAL);
        let hash = received.contents.finish();
        assert_eq!(*contents.get_or_insert(hash), hash, "not the same messages for everybody");
        match behaviour {
            Behaviour::Prompt => assert_eq!(received.connects, 1, "a prompt reader was cut"),
            Behaviour::Stalled => assert!(received.connects > 1, "it cannot have had everything"),
            Behaviour::Slow => {}
            Behaviour::Resetting | Behaviour::Dropping => {
                assert!(received.connects > 10, "{}", received.connects)
            }
        }
    }
    server.stop().await;
}
