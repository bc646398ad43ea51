//! Removing and restoring accounts when something goes wrong in between, or two act at once.

use std::path::Path;
use std::time::{Duration, Instant};

use impulse::store::embedded::Embedded;
use serde_json::{Value, json};

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Client, Socket, auth_of};

fn user(client: &Client) -> String {
    format!("/api/admin/users/{}", client.uid)
}

fn restored(client: &Client) -> String {
    format!("{}/restore", user(client))
}

async fn remove(by: &Client, who: &Client, messages: &str) -> u16 {
    by.request("DELETE", &user(who), Some(json!({"messages": messages}))).await.status
}

/// A room of `owner`, with `members`.
async fn room(owner: &Client, name: &str, members: &[&Client]) -> String {
    let members: Vec<_> = members.iter().map(|member| member.uid.as_str()).collect();
    let new = json!({"name": name, "kind": "closed", "members": members});
    let made = owner.post("/api/rooms", new).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn members(by: &Client, room: &str) -> Vec<String> {
    let list = by.get(&format!("/api/rooms/{room}/members")).await.expect(200);
    let uids = list["members"].as_array().unwrap().iter();
    uids.map(|member| member["uid"].as_str().unwrap().to_owned()).collect()
}

async fn texts(by: &Client, room: &str) -> Vec<Value> {
    let page = by.get(&format!("/api/rooms/{room}/messages")).await;
    if page.status == 503 {
        return Vec::new();
    }
    let page = page.expect(200);
    page["messages"].as_array().unwrap().iter().map(|entry| entry["msg"]["t"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_interrupted_is_finished() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let place = room(&ben, "Nook", &[&anna]).await;
    let mut hers = anna.socket().await;
    hers.send_text(&place, "spam").await;
    // What is left when the server stops between the two stores.
    let interrupted = "UPDATE accounts.users SET (removed_at, disabled_at, erases_messages) =
        (SELECT now, now, true FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint AS now) AS n)
        WHERE username = 'anna'";
    server.sql().await.execute(interrupted, &[]).await.unwrap();
    assert_eq!(texts(&ben, &place).await, [json!("spam")]);

    let purged = chief.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!(purged["users"], 0);
    assert_eq!(hers.closed().await, Some(1008));
    assert_eq!(texts(&ben, &place).await, [Value::Null]);
    assert_eq!(members(&ben, &place).await, [ben.uid.as_str()]);
    chief.post(&restored(&anna), json!({})).await.expect(200);
    assert_eq!(texts(&ben, &place).await, [json!("spam")]);
    assert_eq!(members(&ben, &place).await.len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_while_the_rooms_database_is_away_is_finished_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let running = chat_database(folder.path()).await;
    let accounts = support::postgres::database().await;
    let flags = ["--accounts-database-url", &accounts];
    let server = TestServer::start_on(&running.url(), &flags).await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let place = room(&ben, "Nook", &[&anna]).await;
    let mut hers = anna.socket().await;
    hers.send_text(&place, "spam").await;

    tokio::task::spawn_blocking(move || running.stop()).await.unwrap();
    assert_eq!(remove(&chief, &anna, "erase").await, 204);
    assert_eq!(hers.closed().await, Some(1008));
    anna.get("/api/me").await.refused(401, "unauthorized");
    // Not the other way round: nobody is half restored.
    chief.post(&restored(&anna), json!({})).await.refused(503, "unavailable");
    assert_eq!(chief.get(&user(&anna)).await.expect(200)["state"], "removed");

    let running = chat_database(folder.path()).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while members(&ben, &place).await.len() > 1 || texts(&ben, &place).await != [Value::Null] {
        assert!(Instant::now() < deadline, "it was never finished");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    chief.post(&restored(&anna), json!({})).await.expect(200);
    assert_eq!(members(&ben, &place).await.len(), 2);
    server.stop().await;
    drop(running);
}

async fn chat_database(folder: &Path) -> Embedded {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || Embedded::start(&folder)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_removes_and_restores_at_once_leaves_one_or_the_other() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let place = room(&ben, "Nook", &[&anna]).await;
    for _ in 0..5 {
        let restore = restored(&anna);
        let (removed, back) =
            tokio::join!(remove(&chief, &anna, "keep"), chief.post(&restore, json!({})));
        assert_eq!(removed, 204);
        assert!([200, 409].contains(&back.status), "{back:?}");
        let shown = chief.get(&user(&anna)).await.expect(200);
        let is_member = members(&ben, &place).await.contains(&anna.uid);
        assert_eq!(is_member, shown["state"] == "active", "{shown}");
        if shown["state"] == "removed" {
            chief.post(&restore, json!({})).await.expect(200);
        }
        assert!(members(&ben, &place).await.contains(&anna.uid));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_go_at_once_one_stays() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let is_there = |status: u16| status != 204;
    chief.patch(&user(&anna), json!({"admin": true})).await.expect(200);
    // Each removes the other.
    let (one, other) = tokio::join!(remove(&chief, &anna, "keep"), remove(&anna, &chief, "keep"));
    assert!(is_there(one) != is_there(other), "{one} {other}");
    assert!([one, other].iter().all(|status| [204, 401, 403, 409].contains(status)));
    let left = if is_there(other) { &chief } else { &anna };
    // Each goes by himself.
    left.patch(&user(&ben), json!({"admin": true})).await.expect(200);
    let leave = |who: &Client, name: &str| {
        let (who, deletion) = (who.clone(), json!({"auth": auth_of(name), "messages": "keep"}));
        async move { who.request("DELETE", "/api/me", Some(deletion)).await.status }
    };
    let name = if is_there(other) { "boss" } else { "anna" };
    let (one, other) = tokio::join!(leave(left, name), leave(&ben, "ben"));
    let mut both = [one, other];
    both.sort_unstable();
    assert_eq!(both, [204, 403]);
    let left = if is_there(one) { left } else { &ben };
    let admins = left.get("/api/admin/users?state=admin").await.expect(200);
    assert_eq!((&admins["total"], &admins["users"][0]["id"]), (&json!(1), &json!(left.uid)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_disabled_before_the_removal_is_disabled_after_the_restoration() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    chief.patch(&user(&anna), json!({"disabled": true})).await.expect(200);
    assert_eq!(remove(&chief, &anna, "keep").await, 204);
    let back = chief.post(&restored(&anna), json!({})).await.expect(200);
    assert_eq!(back["state"], "disabled");
    let login = json!({"username": "anna", "auth": auth_of("anna")});
    anna.post("/api/auth/login", login).await.refused(401, "bad_credentials");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_was_removed_meanwhile_comes_back_with_the_right_people() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let (first, second) = (room(&ben, "One", &[&anna]).await, room(&ben, "Two", &[&anna]).await);
    // Removed when the room was away, and back when it is.
    assert_eq!(ben.delete(&format!("/api/rooms/{first}")).await.status, 204);
    assert_eq!(remove(&chief, &anna, "keep").await, 204);
    ben.post(&format!("/api/rooms/{first}/restore"), json!({})).await.expect(200);
    chief.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!(members(&ben, &first).await, [ben.uid.as_str()]);
    // Restored when the room was away.
    assert_eq!(ben.delete(&format!("/api/rooms/{second}")).await.status, 204);
    chief.post(&restored(&anna), json!({})).await.expect(200);
    ben.post(&format!("/api/rooms/{second}/restore"), json!({})).await.expect(200);
    for place in [first, second] {
        assert_eq!(members(&ben, &place).await.len(), 2, "{place}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_open_while_their_user_is_shut_out_do_not_stay() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    let token = anna.post("/api/tokens", json!({})).await.expect(201);
    let script = anna.with_token(token["token"].as_str().unwrap());
    for _ in 0..5 {
        let opening = (0..10).map(|_| {
            let script = script.clone();
            tokio::spawn(async move { Socket::open(&script).await.ok() })
        });
        let opening: Vec<_> = opening.collect();
        chief.patch(&user(&anna), json!({"disabled": true})).await.expect(200);
        for socket in opening {
            let Some(mut socket) = socket.await.unwrap() else { continue };
            assert_eq!(socket.closed().await, Some(1008));
        }
        assert!(Socket::open(&script).await.is_err());
        chief.patch(&user(&anna), json!({"disabled": false})).await.expect(200);
    }
    let mut socket = script.socket().await;
    socket.ok(json!({"op": "ping"})).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_admin_any_more_gives_out_no_ticket() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    chief.patch(&user(&anna), json!({"admin": true})).await.expect(200);
    anna.get("/api/admin/users").await.expect(200);
    // Another process has demoted her: this one still remembers her session.
    let demote = "UPDATE accounts.users SET is_admin = false WHERE username = 'anna'";
    server.sql().await.execute(demote, &[]).await.unwrap();
    anna.post(&format!("{}/reset", user(&ben)), json!({})).await.refused(403, "forbidden");
    anna.delete(&format!("{}/sessions", user(&ben))).await.refused(403, "forbidden");
    anna.post("/api/admin/users", json!({"username": "eve"})).await.refused(403, "forbidden");
    assert_eq!(remove(&anna, &ben, "keep").await, 403);
    ben.get("/api/me").await.expect(200);
    let log = chief.get("/api/admin/audit").await.expect(200);
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "{log}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_account_is_out_at_once_and_not_new() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let path = format!("{}/reset", user(&anna));
    let ticket = chief.post(&path, json!({"compromised": true})).await.expect(201);
    assert!(ticket["path"].as_str().unwrap().starts_with("/reset#"));
    assert_eq!(socket.closed().await, Some(1008));
    anna.get("/api/me").await.refused(401, "unauthorized");
    let login = json!({"username": "anna", "auth": auth_of("anna")});
    anna.post("/api/auth/login", login).await.refused(401, "bad_credentials");
    let shown = chief.get(&user(&anna)).await.expect(200);
    assert_eq!((&shown["new"], &shown["sessions"]), (&json!(false), &json!(0)));
    chief.patch(&user(&anna), json!({"disabled": true})).await.expect(200);
    chief.post(&path, json!({})).await.refused(409, "conflict");
    server.stop().await;
}
