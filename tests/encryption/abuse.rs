//! Members, and people with a stolen session or token, who mean harm.

use impulse::base::base64url;
use impulse::base::limits::{encryption as limits, users};
use serde_json::{Value, json};

use crate::client::{Envelope, Person, Room, wrap};
use crate::envelopes::{message, mid_of, reaction, send};
use crate::support::TestServer;
use crate::support::client::new_mid;

async fn pair(server: &TestServer) -> (Person, Person, Room) {
    let (anna, ben) = (Person::new(server, "anna").await, Person::new(server, "ben").await);
    let room = Room::create(&[&anna, &ben]).await;
    (anna, ben, room)
}

/// A reaction whose content has as many bytes as this text.
async fn long_reaction(room: &Room, author: &Person, target: &str, bytes: usize) -> Value {
    let (dn, dh) = author.directory().await;
    let (mid, generation) = (new_mid(), author.generation);
    let reference = Some(target);
    let fields = Envelope { mid: &mid, rev: 0, kind: "react", reference, dn, dh, generation };
    room.seal(author, &fields, Some(&json!({"e": "x".repeat(bytes)})))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_is_no_place_for_more_than_an_emoji() {
    let server = TestServer::start().await;
    let (anna, ben, room) = pair(&server).await;
    let mut socket = ben.client.socket().await;
    let said = message(&room, &anna).await;
    anna.client.socket().await.ok(send(&room, &said)).await;
    let target = mid_of(&said);
    let short = reaction(&room, &ben, &target).await;
    socket.ok(send(&room, &short)).await;
    // Padded to 512 bytes, and to 576.
    let longest = long_reaction(&room, &ben, &target, 500).await;
    let bytes = base64url::decode(longest["c"].as_str().unwrap()).unwrap().len();
    assert_eq!(bytes, limits::REACTION_CONTENT);
    socket.ok(send(&room, &longest)).await;
    let longer = long_reaction(&room, &ben, &target, 501).await;
    socket.err(send(&room, &longer), "too_large").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_of_logs_and_wraps_counts_as_stored_bytes() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let (anna, _, room) = pair(&server).await;
    // Each entry takes 256 bytes besides its own.
    let junk = vec![json!({"e": "AA", "s": "AA"}); 10_000];
    let batch = json!({"head": room.head(), "entries": junk});
    anna.client.post(&room.path("/log"), batch.clone()).await.refused(400, "bad_entry");
    anna.client.post(&room.path("/log"), batch.clone()).await.refused(429, "rate_limited");
    let founding = json!({"e2ee": {"entries": batch["entries"], "wraps": []}});
    anna.client.post("/api/rooms", founding).await.refused(429, "rate_limited");
    let own = wrap(&anna, 1, 1, &[1; 81]);
    let limited = loop {
        let wraps = json!({"wraps": vec![own.clone(); limits::WRAPS_AT_ONCE]});
        let answer = anna.client.post(&room.path("/wraps"), wraps).await;
        if answer.status != 200 {
            break answer;
        }
    };
    limited.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_cannot_spoil_the_keys_that_its_owner_is_about_to_have() {
    let server = TestServer::start().await;
    let (_, mut ben, room) = pair(&server).await;
    let before = ben.generation;
    let give = async |bytes: &[u8], epochs: &[u64]| {
        let wraps: Vec<_> =
            epochs.iter().map(|epoch| wrap(&ben, *epoch, before + 1, bytes)).collect();
        let answer = ben.client.post(&room.path("/wraps"), json!({"wraps": wraps})).await;
        answer.expect(200)["taken"].clone()
    };
    // The thief has no keys, and says that the ones of the owner are bad before there are any.
    assert_eq!(give(&[1; 81], &[1]).await, 1);
    let bad = json!({"epoch": 1, "gen": before + 1});
    ben.client.post(&room.path("/wraps/bad"), bad.clone()).await.refused(404, "not_found");
    assert_eq!(give(&[[1; 80].as_slice(), &[2]].concat(), &[1]).await, 1);
    assert_eq!(give(&[[1; 80].as_slice(), &[2]].concat(), &[1]).await, 0, "it is there");
    let sql = "SELECT get_byte(wrap, 80) FROM chat.epoch_wraps WHERE gen = 2";
    let stored: i32 = server.sql().await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(stored, 2);
    // Once the keys are there, the wrap that is there stays until it is reported.
    ben.rotate(&server).await;
    let other = wrap(&ben, 1, ben.generation, &[1; 81]);
    let taken = ben.client.post(&room.path("/wraps"), json!({"wraps": [other]})).await;
    assert_eq!(taken.expect(200)["taken"], 0);
    ben.client.post(&room.path("/wraps/bad"), bad).await.expect(204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_reports_only_so_many_keys_of_its_owner_as_bad_within_an_hour() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let (anna, ben, room) = pair(&server).await;
    let report = async |by: &Person, epoch: u64| {
        by.client.post(&room.path("/wraps/bad"), json!({"epoch": epoch, "gen": 1})).await
    };
    for _ in 0..users::BAD_WRAPS.at_once as usize {
        report(&ben, 9).await.refused(404, "not_found");
    }
    let refused = report(&ben, 1).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    assert_eq!(room.wraps(&ben).await["wraps"].as_array().unwrap().len(), 1);
    report(&anna, 1).await.expect(204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_changes_no_keys_of_rooms() {
    let server = TestServer::start().await;
    let (anna, ben, room) = pair(&server).await;
    let made = json!({"label": "bot", "scope": "write"});
    let made = anna.client.post("/api/tokens", made).await.expect(201);
    let bot = anna.client.with_token(made["token"].as_str().unwrap());
    let rotation = room.rotation(&anna, &[], &[], &[&anna, &ben]).await;
    bot.post(&room.path("/log"), rotation.body()).await.refused(403, "forbidden");
    let own = json!({"wraps": [wrap(&anna, 1, 2, &[1; 81])]});
    bot.post(&room.path("/wraps"), own).await.refused(403, "forbidden");
    let bad = json!({"epoch": 1, "gen": 1});
    bot.post(&room.path("/wraps/bad"), bad).await.refused(403, "forbidden");
    assert_eq!(room.wraps(&anna).await["needed"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_is_its_author_s_and_its_room_s() {
    let server = TestServer::start().await;
    let (anna, ben, room) = pair(&server).await;
    let carl = Person::new(&server, "carl").await;
    let other = Room::create(&[&anna, &ben, &carl]).await;
    let said = message(&room, &anna).await;
    let (mut of_anna, mut of_ben) = (anna.client.socket().await, ben.client.socket().await);
    let mut of_carl = carl.client.socket().await;
    of_ben.err(send(&room, &said), "bad_request").await;
    of_anna.err(send(&other, &said), "bad_request").await;
    // Signed by another than who it says, and sent by either.
    let mut forged = message(&room, &ben).await;
    forged["by"] = json!(anna.client.uid);
    of_anna.err(send(&room, &forged), "bad_signature").await;
    of_ben.err(send(&room, &forged), "bad_request").await;
    of_anna.ok(send(&room, &said)).await;
    // Who is no member does not find out that there is a room, whatever is sent.
    of_carl.err(send(&room, &said), "not_found").await;
    let by_carl = message(&other, &carl).await;
    of_carl.err(send(&room, &by_carl), "not_found").await;
    for path in ["/log", "/wraps", "/messages", "/members"] {
        carl.client.get(&room.path(path)).await.refused(404, "not_found");
    }
    let rotation = room.rotation(&anna, &[], &[], &[&anna, &ben]).await;
    room.post(&carl, &rotation).await.refused(404, "not_found");
    // A member of a direct chat deletes nobody else's messages.
    let deletion = {
        let (dn, dh) = ben.directory().await;
        let mid = mid_of(&said);
        let fields = Envelope {
            mid: &mid,
            rev: 1,
            kind: "del",
            reference: None,
            dn,
            dh,
            generation: ben.generation,
        };
        room.seal(&ben, &fields, None)
    };
    of_ben.err(send(&room, &deletion), "bad_request").await;
    // Nor appends what another has signed.
    room.post(&ben, &rotation).await.refused(400, "bad_entry");
    server.stop().await;
}
