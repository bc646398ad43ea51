//! The epoch: it stays over restarts, and a client of another one is told to read afresh.

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::Client;

const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAA";

async fn epoch_of(client: &Client) -> String {
    client.socket().await.op("hello").await["epoch"].as_str().expect("an epoch").to_owned()
}

async fn room_of(client: &Client) -> String {
    let room = client.post("/api/rooms", json!({"name": "Kitchen", "kind": "open"})).await;
    room.expect(201)["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_epoch_stays_over_restarts_and_is_another_one_after_a_restore_by_other_means() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let epoch = epoch_of(&boss).await;
    let database = server.database.clone();
    let sequence = "SELECT last_value FROM pg_sequences WHERE sequencename = 'users_id_seq'";
    let given: i64 = server.sql().await.query_one(sequence, &[]).await.unwrap().get(0);
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    assert_eq!(epoch_of(&boss.at(server.address)).await, epoch);
    server.stop().await;
    let server = TestServer::start_on(&database, &["--restored"]).await;
    let boss = boss.at(server.address);
    let next = epoch_of(&boss).await;
    assert_ne!(next, epoch);
    let ben = server.user("ben").await;
    assert!(ben.uid.parse::<i64>().unwrap() > given + 100_000, "{}", ben.uid);
    let audit = boss.get("/api/admin/audit?limit=1&action=server").await.expect(200);
    assert_eq!(audit["entries"][0]["action"], "server.restored", "{audit}");
    assert_eq!(audit["entries"][0]["target"]["id"], next, "{audit}");
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    assert_eq!(epoch_of(&boss.at(server.address)).await, next);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_epoch_gets_no_replay_but_the_present_and_then_what_is_live() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = room_of(&anna).await;
    let epoch = epoch_of(&anna).await;
    let mut socket = anna.socket().await;
    for n in 0..5 {
        socket.send_text(&room, &format!("message {n}")).await;
    }
    let subscribe = |since: u64, epoch: Value| json!({"op": "room.subscribe", "room": room, "since": since, "epoch": epoch});
    // Its own epoch, or none: what it missed.
    for own in [json!(epoch), Value::Null] {
        socket.send(subscribe(3, own)).await;
        assert_eq!(socket.op("msg").await["seq"], 4);
        assert_eq!(socket.op("msg").await["seq"], 5);
        let ok = socket.op("ok").await;
        assert_eq!((&ok["seq"], &ok["truncated"]), (&json!(5), &Value::Null), "{ok}");
    }
    // Another one, with fewer or more changes than there are.
    for since in [0, 3, 5, 900] {
        let mut other = anna.socket().await;
        let ok = other.ok(subscribe(since, json!(OTHER))).await;
        assert_eq!(
            (&ok["truncated"], &ok["seq"], &ok["epoch"]),
            (&json!(true), &json!(5), &json!(epoch))
        );
        assert_eq!(ok["unread"], 0, "{ok}");
    }
    // Without an epoch a client that is ahead is told so all the same.
    let ok = socket.ok(subscribe(900, Value::Null)).await;
    assert_eq!((&ok["truncated"], &ok["epoch"]), (&json!(true), &json!(epoch)));
    let mut other = anna.socket().await;
    other.ok(subscribe(4, json!(OTHER))).await;
    socket.send_text(&room, "live").await;
    assert_eq!(other.op("msg").await["msg"]["t"], "live");
    socket.err(subscribe(0, json!("no epoch")), "bad_request").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_by_a_seq_of_another_epoch_is_the_newest_one_and_says_so() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = room_of(&anna).await;
    let epoch = epoch_of(&anna).await;
    let mut socket = anna.socket().await;
    let mut mids = Vec::new();
    for n in 0..6 {
        mids.push(socket.send_text(&room, &format!("message {n}")).await.0);
    }
    let page = async |query: String| {
        anna.get(&format!("/api/rooms/{room}/messages?limit=2&{query}")).await.expect(200)
    };
    let seqs = |page: &Value| -> Vec<u64> {
        page["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["seq"].as_u64().unwrap())
            .collect()
    };
    for place in ["after=1", "before=4", "around=2"] {
        let own = page(format!("{place}&epoch={epoch}")).await;
        assert_eq!((&own["epoch"], &own["truncated"]), (&json!(epoch), &Value::Null), "{own}");
        assert_eq!(own, page(place.to_owned()).await);
        assert_ne!(seqs(&own), [5, 6]);
        let other = page(format!("{place}&epoch={OTHER}")).await;
        assert_eq!((seqs(&other), &other["truncated"]), (vec![5, 6], &json!(true)), "{other}");
        assert_eq!(other["epoch"], json!(epoch));
    }
    // A message is the same in every epoch.
    let around = page(format!("around={}&epoch={OTHER}", mids[1])).await;
    assert_eq!(around["truncated"], Value::Null);
    assert_eq!(seqs(&around), [2, 3]);
    anna.get(&format!("/api/rooms/{room}/messages?epoch=x")).await.refused(400, "bad_request");
    assert_eq!(anna.get("/api/rooms").await.expect(200)["epoch"], json!(epoch));
    server.stop().await;
}
