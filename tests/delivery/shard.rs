//! One shard alone, which gets from the test what rooms would send it: bursts of any size in one turn of its
//! loop, replays that come late, and clients that end TCP in every state. The rooms behind it are stuck on
//! purpose, so nothing is published but what the test publishes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use impulse::base::ids::{RoomId, SessionId};
use impulse::base::limits::delivery as limits;
use impulse::rooms::delivery::{ConnectionsOf, Delivery};
use impulse::rooms::publication::{LiveEvent, Publication};

use super::bench;
use crate::support::bench::{ROOM, UID, events, numbers, text};
use crate::support::wire::{CLOSE, masked};

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_commands_is_answered_however_many_they_are() {
    const COMMANDS: usize = 20_000;
    let mut bench = bench().await;
    let (mut peer, _) = bench.connect().await;
    peer.send(&masked(r#"{"op":"ping"}"#).repeat(COMMANDS)).await;
    peer.expect_texts((0..COMMANDS).map(|_| r#"{"op":"ok"}"#.to_owned())).await;
    assert_eq!(bench.lagging(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_all_at_once_reach_a_client_that_reads() {
    const ANSWERS: usize = 8_000;
    let mut bench = bench().await;
    let (mut peer, conn) = bench.connect().await;
    let _busy = bench.keep_busy().await;
    for answer in events(0..ANSWERS) {
        bench.deliver(Delivery::Reply(conn, answer)).await;
    }
    peer.expect_texts(numbers(0..ANSWERS)).await;
    assert_eq!(bench.lagging(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_of_any_size_reaches_every_client_that_reads() {
    let mut bench = bench().await;
    let mut peers = Vec::new();
    for _ in 0..300 {
        peers.push(bench.follow(ROOM).await.0);
    }
    bench.publish(ROOM, events(0..5_000)).await;
    for peer in &mut peers {
        peer.expect_texts(numbers(0..5_000)).await;
    }
    assert_eq!(bench.lagging(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_larger_than_any_buffer_and_what_follows_reach_a_client_that_reads() {
    const LARGE: usize = 500;
    let mut bench = bench().await;
    let (mut peer, _) = bench.follow(ROOM).await;
    let large: Vec<String> = (0..LARGE).map(|n| format!("{n:0>30000}")).collect();
    bench.publish(ROOM, large.iter().map(|event| text(event)).collect()).await;
    for event in events(0..500) {
        bench.publish(ROOM, vec![event]).await;
    }
    peer.expect_texts(large).await;
    peer.expect_texts(numbers(0..500)).await;
    assert_eq!(bench.lagging(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn publications_that_come_all_at_once_reach_every_client_that_reads() {
    const EVENTS: usize = 8_000;
    let mut bench = bench().await;
    let mut peers = Vec::new();
    for _ in 0..10 {
        peers.push(bench.follow(ROOM).await.0);
    }
    let _busy = bench.keep_busy().await;
    for event in events(0..EVENTS) {
        bench.publish(ROOM, vec![event]).await;
    }
    for peer in &mut peers {
        peer.expect_texts(numbers(0..EVENTS)).await;
    }
    assert_eq!(bench.lagging(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_a_replay_misses_nothing_that_is_published_meanwhile() {
    let mut bench = bench().await;
    let (mut live, _) = bench.follow(ROOM).await;
    let (mut late, conn) = bench.connect().await;
    bench.deliver(Delivery::Subscribed(conn, ROOM)).await;
    for first in (1_000..9_000).step_by(500) {
        bench.publish(ROOM, events(first..first + 500)).await;
    }
    live.expect_texts(numbers(1_000..9_000)).await;
    bench.deliver(Delivery::Replayed(conn, ROOM, events(0..1_000))).await;
    late.expect_texts(numbers(0..9_000)).await;
    bench.publish(ROOM, events(9_000..9_001)).await;
    late.expect_texts(numbers(9_000..9_001)).await;
    assert_eq!(bench.lagging(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_comes_whole_as_long_as_somebody_has_not_caught_up_and_short_again_after_that() {
    let mut bench = bench().await;
    let (mut live, _) = bench.follow(ROOM).await;
    let (mut late, conn) = bench.connect().await;
    let publish = async |n: usize| {
        let event =
            LiveEvent { whole: Some(text(&format!("whole {n}"))), ..text(&n.to_string()).into() };
        let activity = None;
        let publication =
            Publication { room: ROOM, events: vec![event], activity, more_follows: false };
        bench.deliver(Delivery::Publish(Arc::new(publication))).await;
    };
    publish(0).await;
    bench.deliver(Delivery::Subscribed(conn, ROOM)).await;
    publish(1).await;
    bench.deliver(Delivery::Replayed(conn, ROOM, vec![text("following")])).await;
    assert_eq!((late.text().await, late.text().await), ("following".into(), "whole 1".into()));
    publish(2).await;
    assert_eq!(late.text().await, "2");
    for wanted in ["0", "whole 1", "2"] {
        assert_eq!(live.text().await, wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_finds_bye_lagging_when_it_reads_again_and_no_other_does() {
    let mut bench = bench().await;
    let (mut eager, _) = bench.follow(ROOM).await;
    let (mut lazy, _) = bench.follow(ROOM).await;
    let mut published = 0;
    while bench.lagging() == 0 {
        assert!(published < 1_000, "30 MB wait for a socket that takes nothing");
        bench.publish(ROOM, vec![text(&format!("{published:0>30000}"))]).await;
        eager.expect_texts([format!("{published:0>30000}")]).await;
        published += 1;
    }
    // Longer than a close frame waits otherwise.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut received = 0;
    let (opcode, payload) = loop {
        match lazy.frame().await.expect("a bye") {
            (1, payload) if payload.len() == 30_000 => {
                assert_eq!(payload, format!("{received:0>30000}").as_bytes());
                received += 1;
            }
            (1, bye) => {
                let bye: serde_json::Value = serde_json::from_slice(&bye).unwrap();
                assert_eq!((&bye["op"], &bye["code"]), (&"bye".into(), &"lagging".into()));
            }
            other => break other,
        }
    };
    assert_eq!((opcode, &payload[..]), (CLOSE, &1013u16.to_be_bytes()[..]));
    assert_eq!(lazy.frame().await, None);
    assert!(received < published);
    assert_eq!(bench.lagging(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_thousand_small_rooms_have_for_a_client_that_reads_nothing_counts_together() {
    let mut bench = bench().await;
    let (peer, conn) = bench.connect().await;
    for room in 1..=1_000 {
        bench.deliver(Delivery::Subscribed(conn, RoomId(room))).await;
        bench.deliver(Delivery::Replayed(conn, RoomId(room), vec![text("following")])).await;
    }
    let large = text(&"x".repeat(100_000));
    let mut published = 0;
    while bench.lagging() == 0 {
        assert!(published < 200, "20 MB wait for a socket that takes nothing");
        bench.publish(RoomId(1 + published), vec![large.clone()]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        published += 1;
    }
    drop(peer);
}

/// They follow one after the other, in whatever order.
#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_more_rooms_than_one_write_takes_are_all_delivered() {
    let rooms = 3 * limits::FEEDS_PER_WRITE + 1;
    let mut bench = bench().await;
    let (mut peer, conn) = bench.connect().await;
    for room in 1..=rooms as i64 {
        bench.deliver(Delivery::Subscribed(conn, RoomId(room))).await;
        bench.deliver(Delivery::Replayed(conn, RoomId(room), vec![text("following")])).await;
        peer.expect_texts(["following".to_owned()]).await;
    }
    let _busy = bench.keep_busy().await;
    for room in 1..=rooms as i64 {
        bench.publish(RoomId(room), vec![text(&room.to_string())]).await;
    }
    let mut delivered = std::collections::BTreeSet::new();
    for _ in 0..rooms {
        delivered.insert(peer.text().await.parse::<usize>().unwrap());
    }
    assert_eq!(delivered, (1..=rooms).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_removed_while_the_replay_is_read_gets_nothing_of_it_but_the_answer() {
    let mut bench = bench().await;
    let (mut peer, conn) = bench.connect().await;
    bench.deliver(Delivery::Joined(UID, ROOM)).await;
    bench.deliver(Delivery::Subscribed(conn, ROOM)).await;
    bench.deliver(Delivery::Left(UID, ROOM)).await;
    bench.publish(ROOM, events(5..6)).await;
    bench.deliver(Delivery::Replayed(conn, ROOM, vec![text("secret"), text("answer")])).await;
    bench.deliver(Delivery::Reply(conn, text("next"))).await;
    let received = [peer.text().await, peer.text().await];
    assert!(
        received.contains(&"answer".to_owned()) && received.contains(&"next".to_owned()),
        "{received:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_subscribes_twice_gets_nothing_live_before_both_replays() {
    let mut bench = bench().await;
    let (mut peer, conn) = bench.connect().await;
    bench.deliver(Delivery::Subscribed(conn, ROOM)).await;
    bench.publish(ROOM, events(3..4)).await;
    bench.deliver(Delivery::Unsubscribed(conn, ROOM, text("left"))).await;
    bench.deliver(Delivery::Subscribed(conn, ROOM)).await;
    bench.deliver(Delivery::Replayed(conn, ROOM, vec![text("1"), text("2"), text("ok")])).await;
    peer.expect_texts(["left", "1", "2", "ok"].map(str::to_owned)).await;
    bench.publish(ROOM, events(4..5)).await;
    bench.deliver(Delivery::Reply(conn, text("between"))).await;
    peer.expect_texts(["between".to_owned()]).await;
    bench.deliver(Delivery::Replayed(conn, ROOM, vec![text("2"), text("3"), text("ok")])).await;
    peer.expect_texts(["2", "3", "ok", "4"].map(str::to_owned)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_tcp_with_its_last_bytes_is_gone_at_once() {
    let ping = masked(r#"{"op":"ping"}"#);
    let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let last_bytes: [&[u8]; 6] =
        [b"", &ping, &ping[..7], &ping[..1], &ping.repeat(4_000), &[&ping[..], &close].concat()];
    for bytes in last_bytes {
        let mut bench = bench().await;
        let (mut peer, _) = bench.connect().await;
        peer.send_and_end(bytes).await;
        bench.all_ended().await;
        // What was ready is still sent.
        let mut received = Vec::new();
        while let Some((opcode, _)) = peer.frame().await {
            received.push(opcode);
        }
        let answers = bytes.len() / ping.len();
        assert!(received.iter().filter(|opcode| **opcode == 1).count() == answers, "{received:?}");
        assert_eq!(received.contains(&8), bytes.ends_with(&close), "{received:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_tcp_while_its_commands_wait_for_a_room_is_gone_at_once() {
    let mut bench = bench().await;
    let (mut peer, _) = bench.connect().await;
    let command = masked(&format!(r#"{{"op":"typing","room":"{}"}}"#, bench.stuck));
    peer.send(&command.repeat(3_000)).await;
    // The inbox is full and the rest waits, as the next command shows.
    tokio::time::sleep(Duration::from_millis(300)).await;
    peer.send_and_end(&command).await;
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_tcp_while_much_waits_for_it_is_gone_at_once() {
    let mut bench = bench().await;
    let (mut peer, _) = bench.follow(ROOM).await;
    bench.publish(ROOM, vec![text(&"x".repeat(30_000)); 500]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    peer.send_and_end(&masked(r#"{"op":"ping"}"#)).await;
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_tcp_after_our_close_frame_is_gone_at_once() {
    let mut bench = bench().await;
    let (mut peer, _) = bench.connect().await;
    peer.send(&[0x88, 0x80, 0, 0, 0, 0]).await;
    peer.expect(CLOSE, b"").await;
    peer.send_and_end(&masked("late")).await;
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_made_after_a_revocation_is_not_closed_by_it() {
    for target in [ConnectionsOf::User(UID), ConnectionsOf::Session(SessionId(1))] {
        let mut bench = bench().await;
        let (mut before, _) = bench.connect().await;
        let until = Instant::now();
        let (mut after, _) = bench.connect().await;
        bench.deliver(Delivery::Revoke(target, until)).await;
        let bye: serde_json::Value = serde_json::from_str(&before.text().await).unwrap();
        assert_eq!((&bye["op"], &bye["code"]), (&"bye".into(), &"revoked".into()));
        before.expect(CLOSE, &1008u16.to_be_bytes()).await;
        after.send(&masked(r#"{"op":"ping"}"#)).await;
        after.expect_texts([r#"{"op":"ok"}"#.to_owned()]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_every_pace_get_two_rooms_in_order_without_a_gap() {
    const ROOMS: [RoomId; 2] = [RoomId(1), RoomId(2)];
    const EVENTS: usize = 800;
    let mut bench = bench().await;
    // Writes are cut anywhere, and sockets take no more again and again.
    bench.send_buffer = Some(16 * 1024);
    let mut readers = Vec::new();
    for pace in 0..24usize {
        let (mut peer, conn) = bench.follow(ROOMS[0]).await;
        bench.deliver(Delivery::Subscribed(conn, ROOMS[1])).await;
        bench.deliver(Delivery::Replayed(conn, ROOMS[1], vec![text("following")])).await;
        assert_eq!(peer.text().await, "following");
        readers.push(tokio::spawn(async move {
            let mut received = [0, 0];
            while received != [EVENTS; 2] {
                let text = peer.text().await;
                if text.starts_with('{') {
                    return (received, peer.frame().await);
                }
                let mut words = text.split(' ');
                let mut number = || words.next().unwrap().parse::<usize>().unwrap();
                let (room, event) = (number(), number());
                assert_eq!(event, received[room], "reader {pace} of room {room}");
                received[room] += 1;
                if pace % 3 > 0 && event % (7 * pace) == 0 {
                    tokio::time::sleep(Duration::from_millis(pace as u64)).await;
                }
            }
            (received, None)
        }));
    }
    for event in 0..EVENTS {
        for (number, room) in ROOMS.into_iter().enumerate() {
            let padding = "x".repeat(event * 7_919 % 5_000);
            bench.publish(room, vec![text(&format!("{number} {event} {padding}"))]).await;
        }
        if event % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    for reader in readers {
        let (received, close) = reader.await.unwrap();
        let lagged = close.map(|(opcode, code)| (opcode, u16::from_be_bytes([code[0], code[1]])));
        assert!(received == [EVENTS; 2] || lagged == Some((8, 1013)), "{received:?} {lagged:?}");
    }
}
