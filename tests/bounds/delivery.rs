//! How much a shard keeps for its clients, and how long it waits for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use impulse::base::ids::RoomId;
use impulse::base::limits::delivery as limits;
use impulse::delivery::Settings;
use impulse::rooms::delivery::Delivery;
use impulse::rooms::publication::{Activity, Publication};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::bench::{Bench, ROOM, UID, events, numbers, text};
use crate::support::client::PATIENCE;
use crate::support::wire::{CLOSE, PING, Wire, masked};

/// A shard whose timers count ten seconds in one.
async fn with_fast_timers() -> Bench {
    Bench::start_with(Settings { rate_limit_scale: 0.0, clock_speed: 10 }).await
}

/// Reads frames like `sample` until `bye lagging`; how many there were.
async fn read_until_cut(peer: &mut Wire, sample: &str) -> usize {
    let mut received = 0;
    loop {
        let text = peer.text().await;
        if text != sample {
            let bye: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((bye["op"].as_str(), bye["code"].as_str()), (Some("bye"), Some("lagging")));
            let (least, most) = limits::LAGGING_MS;
            let wait = bye["retry_ms"].as_u64().unwrap();
            assert!((u64::from(least)..=u64::from(most)).contains(&wait), "{bye}");
            break;
        }
        received += 1;
    }
    peer.expect(CLOSE, &1013u16.to_be_bytes()).await;
    received
}

/// Frames published, so many at a time, until a client that reads nothing is cut, and those that its kernel
/// took.
async fn published_and_taken(sample: &str, at_a_time: usize) -> (usize, usize) {
    let mut bench = Bench::start().await;
    bench.send_buffer = Some(16 * 1024);
    let (mut eager, _) = bench.follow(ROOM).await;
    let (mut lazy, _) = bench.follow(ROOM).await;
    let mut published = 0;
    while bench.lagging() == 0 {
        assert!(published < 20_000, "there is no end to what is kept");
        bench.publish(ROOM, vec![text(sample); at_a_time]).await;
        eager.expect_texts(std::iter::repeat_n(sample.to_owned(), at_a_time)).await;
        published += at_a_time;
    }
    (published, read_until_cut(&mut lazy, sample).await)
}

/// Many small frames, and few large ones. A kernel that takes a little more
/// after it took nothing makes what waits at that moment "what was there", which is never more than
/// may pile up: so it may be twice as much, 1,024 frames or 1 MiB, however long the room goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_for_a_client_that_reads_nothing_is_bounded_by_frames_and_by_bytes() {
    // The publication at which the socket took no more, and one the shard may not have looked at.
    const MORE: usize = 3;
    const AT_A_TIME: usize = 16;
    let (published, taken) = published_and_taken(&"x".repeat(200), AT_A_TIME).await;
    let kept = published - taken;
    let most = limits::WAITING_FRAMES;
    assert!((most + 1..=2 * most + MORE * AT_A_TIME).contains(&kept), "{kept} frames kept");

    let long = "x".repeat(8_000);
    let (published, taken) = published_and_taken(&long, 1).await;
    let kept = (published - taken) * 8_004;
    let most = limits::WAITING_BYTES;
    assert!((most + 1..=2 * most + MORE * 8_004).contains(&kept), "{kept} bytes kept");
}

/// What was there when the socket took no more does not count; from then on, everything.
#[tokio::test(flavor = "multi_thread")]
async fn as_much_as_may_wait_is_kept_and_delivered_and_one_frame_more_is_too_much() {
    let large = "x".repeat(16 * 1024 * 1024);
    // With its header a long frame has 64 KiB.
    let long = "y".repeat(64 * 1024 - 4);
    for (sample, most) in
        [("short", limits::WAITING_FRAMES), (long.as_str(), limits::WAITING_BYTES / (64 * 1024))]
    {
        let mut bench = Bench::start().await;
        let (mut eager, _) = bench.follow(ROOM).await;
        let (mut lazy, _) = bench.follow(ROOM).await;
        let (mut lazier, _) = bench.follow(ROOM).await;
        bench.publish(ROOM, vec![text(&large)]).await;
        eager.expect_texts([large.clone()]).await;
        // They do not read meanwhile; the longer that takes, the later TCP looks at them again.
        for _ in 0..8 {
            bench.publish(ROOM, vec![text(sample); most / 8]).await;
            eager.expect_texts(std::iter::repeat_n(sample.to_owned(), most / 8)).await;
        }
        assert_eq!(bench.lagging(), 0);
        lazy.expect_texts([large.clone()]).await;
        lazy.expect_texts(std::iter::repeat_n(sample.to_owned(), most)).await;

        bench.publish(ROOM, vec![text(sample)]).await;
        eager.expect_texts([sample.to_owned()]).await;
        lazy.expect_texts([sample.to_owned()]).await;
        lazier.expect_texts([large.clone()]).await;
        assert_eq!(read_until_cut(&mut lazier, sample).await, 0, "cut, with all that piled up");
        assert_eq!(bench.lagging(), 1);
    }
}

/// What is published in a room while a replay is still being read.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_awaited_as_long_as_the_log_of_the_room_may_hold_what_is_published() {
    // With its header a frame has 64 KiB.
    let event = "x".repeat(64 * 1024 - 4);
    let most = limits::REPLAY_BACKLOG_BYTES as usize / (64 * 1024);
    for (frames, is_cut) in [(most, false), (most + 1, true)] {
        let mut bench = Bench::start().await;
        let (mut live, _) = bench.follow(ROOM).await;
        let (mut late, conn) = bench.connect().await;
        bench.deliver(Delivery::Subscribed(conn, ROOM)).await;
        for _ in 0..frames {
            bench.publish(ROOM, vec![text(&event)]).await;
            live.expect_texts([event.clone()]).await;
        }
        if is_cut {
            assert_eq!(read_until_cut(&mut late, &event).await, 0);
            assert_eq!(bench.lagging(), 1);
        } else {
            bench.deliver(Delivery::Replayed(conn, ROOM, vec![text("here")])).await;
            late.expect_texts(["here".to_owned()]).await;
            late.expect_texts(std::iter::repeat_n(event.clone(), frames)).await;
            assert_eq!(bench.lagging(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_wait_for_a_client_that_reads_late_up_to_their_bound() {
    const MEGABYTE: usize = 1024 * 1024;
    let event = Bytes::from("x".repeat(MEGABYTE));
    let most = limits::REPLAYS_WAITING / MEGABYTE;
    // The kernel takes four megabytes of it at most.
    for (count, is_cut) in [(most, false), (most + 8, true)] {
        let mut bench = Bench::start().await;
        let (mut peer, conn) = bench.connect().await;
        bench.deliver(Delivery::Subscribed(conn, ROOM)).await;
        bench.deliver(Delivery::Replayed(conn, ROOM, vec![event.clone(); count])).await;
        let (mut other, _) = bench.connect().await;
        other.send(&masked(r#"{"op":"ping"}"#)).await;
        other.expect_texts([r#"{"op":"ok"}"#.to_owned()]).await;
        assert_eq!(bench.lagging(), u64::from(is_cut));
        if !is_cut {
            for _ in 0..count {
                assert_eq!(peer.text().await.len(), MEGABYTE);
            }
        }
    }
}

/// A room that has more to publish than the queue to a shard holds waits; nothing is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_to_a_shard_makes_rooms_wait_and_loses_nothing() {
    const ELSEWHERE: RoomId = RoomId(99);
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.follow(ROOM).await;
    let (busy, _) = bench.follow(ELSEWHERE).await;
    let mut sent = 0;
    for size in [1_000_000, 4_000_000, 16_000_000] {
        // One turn of its loop that takes longer than filling the queue.
        bench.publish(ELSEWHERE, vec![Bytes::from_static(b"x"); size]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut waited = false;
        for event in events(sent..sent + 2 * limits::QUEUE) {
            let publication = Publication {
                room: ROOM,
                events: vec![event.into()],
                activity: None,
                more_follows: false,
            };
            let delivery = Delivery::Publish(Arc::new(publication));
            let at_once = tokio::task::unconstrained(bench.publisher.broadcast(delivery.clone()));
            if timeout(Duration::ZERO, at_once).await.is_err() {
                waited = true;
                bench.deliver(delivery).await;
            }
        }
        sent += 2 * limits::QUEUE;
        if waited {
            peer.expect_texts(numbers(0..sent)).await;
            drop(busy);
            return;
        }
    }
    panic!("the queue was never full");
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_of_a_room_is_sent_once_a_second_and_adds_up() {
    const NEWS: u64 = 60;
    let mut bench = Bench::start().await;
    let (mut peer, _) = bench.connect().await;
    let room = bench.stuck;
    bench.deliver(Delivery::Joined(UID, room)).await;
    let began = Instant::now();
    for _ in 1..=NEWS {
        let activity = Some(Activity { new: 1, recounts: false });
        let events = events(0..1).into_iter().map(Into::into).collect();
        let publication = Publication { room, events, activity, more_follows: false };
        bench.deliver(Delivery::Publish(Arc::new(publication))).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (mut new, mut frames) = (0, 0);
    while new < NEWS {
        let event: Value = serde_json::from_str(&peer.text().await).unwrap();
        assert_eq!((&event["op"], &event["unread"]), (&json!("activity"), &json!(0)));
        new += event["new"].as_u64().unwrap();
        frames += 1;
    }
    // However long this took here: one at once, then one a second.
    let seconds = began.elapsed().as_secs() / limits::ACTIVITY.as_secs();
    assert!(frames <= seconds + 1, "{frames} in {seconds} seconds");
}

/// Answers pings and reads on, until it is to check that its connection is still open.
async fn lively(mut peer: Wire, mut over: tokio::sync::oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            frame = peer.frame() => match frame {
                Some((9, _)) => peer.send(&[0x8a, 0x80, 0, 0, 0, 0]).await,
                other => panic!("{other:?} for a client that answers"),
            },
            _ = &mut over => break,
        }
    }
    peer.send(&masked(r#"{"op":"ping"}"#)).await;
    while let Some((opcode, payload)) = peer.frame().await {
        if opcode == 1 {
            assert_eq!(payload, br#"{"op":"ok"}"#[..]);
            return;
        }
    }
    panic!("cut although it answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_is_pinged_and_then_cut_and_one_that_answers_stays() {
    let mut bench = with_fast_timers().await;
    let (answering, _) = bench.connect().await;
    let (check, over) = tokio::sync::oneshot::channel();
    let answering = tokio::spawn(lively(answering, over));
    let (mut silent, _) = bench.connect().await;
    silent.expect(PING, b"").await;
    assert_eq!(silent.frame().await, None, "cut");
    check.send(()).unwrap();
    answering.await.unwrap();
}

/// A message is begun and never finished, whatever other frames come.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_begun_and_not_finished_ends_the_connection() {
    let mut bench = with_fast_timers().await;
    let (mut peer, _) = bench.connect().await;
    peer.send(&[0x01, 0x81, 0, 0, 0, 0, b'{']).await;
    let began = Instant::now();
    while bench.shards.connections() > 0 {
        assert!(began.elapsed() < PATIENCE, "an unfinished message is kept for ever");
        let pong = [0x8a, 0x80, 0, 0, 0, 0];
        if tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &pong).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bench.all_ended().await;
}

/// Too little waits for the client to lag, but it takes none of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_for_long_is_cut_even_if_little_waits() {
    let mut bench = with_fast_timers().await;
    let (_peer, _) = bench.follow(ROOM).await;
    bench.publish(ROOM, vec![Bytes::from(vec![b'x'; 64 * 1024 * 1024])]).await;
    bench.all_ended().await;
    assert_eq!(bench.lagging(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lagging_client_that_does_not_even_read_the_bye_is_cut() {
    let mut bench = with_fast_timers().await;
    let (mut eager, _) = bench.follow(ROOM).await;
    let (_lazy, _) = bench.follow(ROOM).await;
    let event = "x".repeat(30_000);
    while bench.lagging() == 0 {
        bench.publish(ROOM, vec![text(&event)]).await;
        eager.expect_texts([event.clone()]).await;
    }
    drop(eager);
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_close_frames_tcp_ends_whatever_the_other_side_does() {
    let mut bench = with_fast_timers().await;
    let (mut peer, _) = bench.connect().await;
    peer.send(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).await;
    peer.expect(CLOSE, &1000u16.to_be_bytes()).await;
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_when_to_come_back_and_does_not_wait_for_a_client_that_does_not_read() {
    let mut bench = Bench::start().await;
    let (mut reading, _) = bench.connect().await;
    let (_lazy, _) = bench.follow(ROOM).await;
    bench.publish(ROOM, vec![Bytes::from(vec![b'x'; 64 * 1024 * 1024])]).await;
    let shards = bench.shards.clone();
    let stopping = tokio::task::spawn_blocking(move || shards.stop());
    let bye: Value = serde_json::from_str(&reading.text().await).unwrap();
    let (least, most) = limits::RESTART_MS;
    let wait = bye["retry_ms"].as_u64().unwrap();
    assert!((u64::from(least)..=u64::from(most)).contains(&wait), "{bye}");
    reading.expect(CLOSE, &1001u16.to_be_bytes()).await;
    timeout(PATIENCE, stopping).await.expect("it stops").unwrap();
}
