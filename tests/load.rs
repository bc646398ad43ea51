//! A room of three hundred under a stream of messages from several writers, with members who never
//! read, members who read a few bytes now and then, and members who vanish and come back. Whoever
//! reads has everything, in order and once; so has whoever comes back; who does not read is told.
//!
//! The writers never run further ahead of the slowest prompt reader than may wait for a socket, so a
//! reader is prompt by construction and not by the machine's grace.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Barrier, watch};
use tokio::time::timeout;

use support::TestServer;
use support::client::Client;
use support::crowd::{crowd, guest};
use support::wire::{CLOSE, TEXT, Wire, masked};

const PROMPT: usize = 260;
const STALLED: usize = 8;
const SLOW: usize = 8;
const VANISHING: usize = 24;
const MEMBERS: usize = PROMPT + STALLED + SLOW + VANISHING;
const WRITERS: usize = 5;
const EACH: usize = 400;
const TOTAL: u64 = (WRITERS * EACH) as u64;
/// So long that those who do not read have more waiting than the kernel's buffers and a megabyte.
const TEXT_BYTES: usize = 3_200;
/// How far the writers may be ahead of the slowest prompt reader: far less than may wait for him.
const AHEAD: u64 = 200;
/// Longest wait for somebody else.
const PATIENCE: Duration = Duration::from_secs(60);

/// What somebody has heard: all messages up to one, and what they said.
#[derive(Default)]
struct Heard {
    last: u64,
    said: DefaultHasher,
    came: usize,
}

/// How a turn at a line ended.
enum End {
    /// Everything is here.
    Complete,
    /// The server closed: with `bye lagging` and 1013, or by the end of TCP.
    Closed,
    /// The member left.
    Left,
}

#[derive(Clone, Copy, PartialEq)]
enum Manner {
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

impl Heard {
    /// True: this was a message of the room, the next one. Anything but the next one is a fault.
    fn hear(&mut self, frame: &[u8]) -> bool {
        let Some(rest) = frame.strip_prefix(br#"{"op":"msg","room":"1","seq":"#) else {
            return false;
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        let seq = digits.fold(0, |seq, digit| seq * 10 + u64::from(digit - b'0'));
        assert_eq!(seq, self.last + 1, "a gap, a double or a wrong order");
        self.last = seq;
        frame.hash(&mut self.said);
        true
    }
}

/// One member until everything is heard. However often the line ends, `since` brings the rest.
async fn member(client: Client, number: usize, manner: Manner, stream: Arc<Stream>) -> Heard {
    let mut heard = Heard::default();
    loop {
        assert!(heard.came < 2_000, "{number} does not come to an end");
        let is_first = heard.came == 0;
        heard.came += 1;
        let mut line = Wire::open(&client).await;
        if !subscribe(&mut line, &mut heard).await {
            continue; // more was missed than one replay brings: once more from there
        }
        if heard.last == TOTAL {
            return heard;
        }
        if is_first {
            stream.gathered.wait().await;
        }
        let end = match manner {
            Manner::Prompt => {
                read_on(&mut line, &mut heard, |last| {
                    stream.seen[number].store(last, Ordering::Relaxed);
                })
                .await
            }
            Manner::Stalled => {
                let _ = stream.is_over.subscribe().wait_for(|over| *over).await;
                read_on(&mut line, &mut heard, |_| ()).await
            }
            Manner::Slow => read_slowly(&mut line, &mut heard, &stream).await,
            Manner::Resetting | Manner::Dropping => {
                read_some(&mut line, &mut heard, 10 + number % 90, &stream).await
            }
        };
        match end {
            End::Complete => return heard,
            End::Closed => {
                assert!(matches!(manner, Manner::Stalled | Manner::Slow), "{number} was cut");
            }
            End::Left if manner == Manner::Resetting => line.reset(),
            End::Left => drop(line),
        }
    }
}

/// Follows the room after what was heard. False: the replay was truncated.
async fn subscribe(line: &mut Wire, heard: &mut Heard) -> bool {
    let since = heard.last;
    let command = format!(r#"{{"op":"room.subscribe","id":"s","room":"1","since":{since}}}"#);
    line.send(&masked(&command)).await;
    loop {
        let frame = line.text().await;
        if heard.hear(frame.as_bytes()) {
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

/// Works on what has been read. Some: that is the end of it.
fn take_frames(line: &mut Wire, heard: &mut Heard) -> Option<End> {
    while let Some((opcode, payload)) = line.take() {
        if opcode == CLOSE {
            assert_eq!(payload[..2], 1013u16.to_be_bytes());
            return Some(End::Closed);
        }
        if opcode == TEXT && !heard.hear(&payload) {
            let frame: Value = serde_json::from_slice(&payload).unwrap();
            let is_bye = (frame["op"].as_str(), frame["code"].as_str());
            assert_eq!(is_bye, (Some("bye"), Some("lagging")), "{frame}");
        }
        if heard.last == TOTAL {
            return Some(End::Complete);
        }
    }
    None
}

async fn read_on(line: &mut Wire, heard: &mut Heard, tell: impl Fn(u64)) -> End {
    loop {
        if let Some(end) = take_frames(line, heard) {
            tell(heard.last);
            return end;
        }
        tell(heard.last);
        if line.more(64 * 1_024).await == 0 {
            return End::Closed;
        }
    }
}

/// A few bytes now and then while the writers write.
async fn read_slowly(line: &mut Wire, heard: &mut Heard, stream: &Stream) -> End {
    while !*stream.is_over.borrow() {
        if let Some(end) = take_frames(line, heard) {
            return end;
        }
        if line.more(700).await == 0 {
            return End::Closed;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    read_on(line, heard, |_| ()).await
}

/// So many messages, then away, whatever is half read. At the end everything.
async fn read_some(line: &mut Wire, heard: &mut Heard, count: usize, stream: &Stream) -> End {
    let until = heard.last + count as u64;
    while heard.last < until || *stream.is_over.borrow() {
        if let Some(end) = take_frames(line, heard) {
            return end;
        }
        if line.more(2_000).await == 0 {
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
        socket.say("1", &text).await;
        socket.aside.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_three_hundred_hears_everything_once_and_in_order_whoever_stalls_or_vanishes() {
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
    let manners = [
        (Manner::Prompt, PROMPT),
        (Manner::Stalled, STALLED),
        (Manner::Slow, SLOW),
        (Manner::Resetting, VANISHING / 2),
        (Manner::Dropping, VANISHING / 2),
    ];
    let manners =
        manners.into_iter().flat_map(|(manner, count)| std::iter::repeat_n(manner, count));
    let members: Vec<_> = manners
        .enumerate()
        .map(|(n, manner)| {
            let client = guest(server.address, n + 1);
            (manner, tokio::spawn(member(client, n, manner, stream.clone())))
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

    let mut said = None;
    for (manner, member) in members {
        let heard = timeout(PATIENCE, member).await.expect("everything in time").unwrap();
        assert_eq!(heard.last, TOTAL);
        let hash = heard.said.finish();
        assert_eq!(*said.get_or_insert(hash), hash, "not the same messages for everybody");
        match manner {
            Manner::Prompt => assert_eq!(heard.came, 1, "a prompt reader was cut"),
            Manner::Stalled => assert!(heard.came > 1, "it cannot have had everything"),
            Manner::Slow => {}
            Manner::Resetting | Manner::Dropping => assert!(heard.came > 10, "{}", heard.came),
        }
    }
    server.stop().await;
}
