//! Many readers, slow readers, cut connections and storms: a slow client harms no other, and one that comes
//! back has missed nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::handover::metric;
use crate::support;
use crate::support::TestServer;
use crate::support::client::{Client, Received, Socket};

/// The first room of a user.
async fn first_room(client: &Client) -> String {
    let hello = client.socket().await.op("hello").await;
    hello["rooms"][0]["id"].as_str().unwrap().to_owned()
}

async fn follow(client: &Client, room: &str, since: u64) -> Socket {
    let mut socket = client.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": room, "since": since})).await;
    socket
}

fn seq_of(frame: &Value) -> Option<u64> {
    (frame["op"] == "msg").then(|| frame["seq"].as_u64().unwrap())
}

/// The `seq`s of the messages that are read until `last`.
async fn read_until(socket: &mut Socket, last: u64) -> Vec<u64> {
    let mut received: Vec<u64> =
        socket.aside.drain(..).filter_map(|frame| seq_of(&frame)).collect();
    while received.last() != Some(&last) {
        let seq = socket.find("a message", |frame| frame["op"] == "msg").await;
        received.push(seq_of(&seq).unwrap());
        socket.aside.clear();
    }
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_gets_bye_lagging_and_resumes_without_a_gap() {
    const MESSAGES: u64 = 500;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let room = first_room(&anna).await;
    let mut lazy = follow(&bert, &room, 0).await;
    let mut eager = follow(&bert, &room, 0).await;
    let mut writer = follow(&anna, &room, 0).await;

    let text = "x".repeat(30_000);
    let reading = tokio::spawn(async move { read_until(&mut eager, MESSAGES).await });
    let writing = tokio::spawn({
        let room = room.clone();
        async move {
            for _ in 0..MESSAGES {
                writer.send_text(&room, &text).await;
                writer.aside.clear();
            }
        }
    });
    // It reads as soon as it is given up, because what it gets then waits for it a few seconds only.
    loop {
        let was_written = writing.is_finished();
        if metric(server.address, "impulse_lagging_total").await > 0 {
            break;
        }
        assert!(!was_written, "it was never given up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut seen = 0;
    let code = loop {
        match lazy.receive().await {
            Received::Frame(frame) if frame["op"] == "bye" => {
                assert_eq!(frame["code"], "lagging");
                assert!(frame["retry_ms"].is_u64(), "{frame}");
            }
            Received::Frame(frame) => {
                if let Some(seq) = seq_of(&frame) {
                    assert_eq!(seq, seen + 1);
                    seen = seq;
                }
            }
            Received::Closed(code) => break code,
            Received::Ended => panic!("no close frame"),
        }
    };
    assert_eq!(code, 1013);
    assert!(seen < MESSAGES, "it cannot have had everything");
    writing.await.unwrap();
    assert_eq!(
        reading.await.unwrap(),
        (1..=MESSAGES).collect::<Vec<_>>(),
        "the other one lost nothing"
    );
    let mut back = follow(&bert, &room, seen).await;
    assert_eq!(read_until(&mut back, MESSAGES).await, (seen + 1..=MESSAGES).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_in_the_middle_of_a_frame_lose_nothing() {
    const CUTS: u64 = 150;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let room = first_room(&anna).await;
    let mut writer = follow(&anna, &room, 0).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn({
        let room = room.clone();
        async move {
            let mut last = 0;
            while stopped.try_recv().is_err() {
                last = writer.send_text(&room, "a text of some length, as people write").await.1["seq"]
                    .as_u64()
                    .unwrap();
                writer.aside.clear();
            }
            last
        }
    });

    let mut received: Vec<u64> = Vec::new();
    for cut in 0..CUTS {
        let since = received.last().copied().unwrap_or(0);
        let mut socket = bert.socket().await;
        socket.send(json!({"op": "room.subscribe", "room": room, "since": since})).await;
        // A varying number of frames; a frame that is half read when the connection is cut is lost.
        for _ in 0..cut % 7 {
            if let Received::Frame(frame) = socket.receive().await {
                received.extend(seq_of(&frame));
            }
        }
    }
    stop.send(()).unwrap();
    let last = writing.await.unwrap();
    let since = received.last().copied().unwrap_or(0);
    // Now and then the last cut was behind the last message.
    if since < last {
        let mut socket = follow(&bert, &room, since).await;
        received.extend(read_until(&mut socket, last).await);
    }
    assert_eq!(received, (1..=last).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_thousand_missed_messages_are_truncated_and_paged() {
    const MESSAGES: u64 = 1_050;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = first_room(&anna).await;
    let mut writer = anna.socket().await;
    let last_id = (MESSAGES - 1).to_string();
    for n in 0..MESSAGES {
        let mid = support::client::new_mid();
        let msg = json!({"mid": mid, "rev": 0, "kind": "msg", "t": "one of many"});
        writer.send(json!({"op": "msg.send", "id": n.to_string(), "room": room, "msg": msg})).await;
    }
    writer.find("the last ok", |frame| frame["id"] == last_id.as_str()).await;

    let since = Instant::now();
    let mut late = anna.socket().await;
    let ok = late.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!((&ok["truncated"], &ok["seq"]), (&json!(true), &json!(MESSAGES)), "{ok}");
    let replayed: Vec<u64> = late.aside.iter().filter_map(seq_of).collect();
    assert!(replayed.len() <= 1_000 && replayed.is_sorted(), "{}", replayed.len());

    let mut all = Vec::new();
    loop {
        let after = all.last().copied().unwrap_or(0u64);
        let page = anna
            .get(&format!("/api/rooms/{room}/messages?after={after}&limit=100"))
            .await
            .expect(200);
        let messages = page["messages"].as_array().unwrap();
        all.extend(messages.iter().map(|message| message["seq"].as_u64().unwrap()));
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(all, (1..=MESSAGES).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_clients_come_back_after_a_restart() {
    const CLIENTS: usize = 300;
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = first_room(&anna).await;
    let mut sockets = Vec::new();
    for _ in 0..CLIENTS {
        sockets.push(follow(&anna, &room, 0).await);
    }
    let database = server.database.clone();
    let since = Instant::now();
    server.stop().await;
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    let mut waits = std::collections::BTreeSet::new();
    for socket in &mut sockets {
        waits.insert(socket.op("bye").await["retry_ms"].as_u64().unwrap());
        assert_eq!(socket.closed().await, Some(1001));
    }
    assert!(waits.len() > CLIENTS / 10, "the waits are spread: {}", waits.len());

    let server = TestServer::start_on(&database, &[]).await;
    let anna = Client {
        address: server.address,
        origin: Some(format!("http://{}", server.address)),
        ..anna
    };
    let since = Instant::now();
    let storm: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (anna, room) = (anna.clone(), room.clone());
            tokio::spawn(async move {
                // To be refused for a moment is fine, for ever is not.
                for _ in 0..50 {
                    if let Ok(mut socket) = Socket::open(&anna).await {
                        socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
                        return socket;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                panic!("always refused");
            })
        })
        .collect();
    let mut back = Vec::new();
    for client in storm {
        back.push(client.await.unwrap());
    }
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    let (_, ok) = follow(&anna, &room, 0).await.send_text(&room, "all here").await;
    for socket in &mut back {
        assert_eq!(socket.op("msg").await["seq"], ok["seq"]);
    }
    server.stop().await;
}
