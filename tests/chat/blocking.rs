//! Blocking, and leaving rooms: each effect, for both people, while the other one writes, and after a restart. Over
//! real sockets and a real database.

use std::time::Duration;

use serde_json::{Value, json};

use impulse::base::limits::rooms as limits;

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Client, Socket, new_mid};
use crate::support::crowd::{crowd, guest};

const SILENCE: Duration = Duration::from_millis(300);

async fn block(by: &Client, whom: &Client) {
    let path = format!("/api/blocks/{}", whom.uid);
    assert_eq!(by.request("PUT", &path, None).await.status, 204);
}

async fn unblock(by: &Client, whom: &Client) {
    assert_eq!(by.delete(&format!("/api/blocks/{}", whom.uid)).await.status, 204);
}

async fn direct(by: &Client, with: &[&Client]) -> support::client::Answer {
    let members: Vec<_> = with.iter().map(|client| &client.uid).collect();
    by.post("/api/rooms", json!({"kind": "dm", "members": members})).await
}

async fn room(owner: &Client, kind: &str, name: &str) -> String {
    let made = owner.post("/api/rooms", json!({"name": name, "kind": kind})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn view(client: &Client, room: &str) -> Value {
    client.get(&format!("/api/rooms/{room}")).await.expect(200)
}

async fn hide(by: &Client, room: &str, hidden: bool) -> support::client::Answer {
    by.patch(&format!("/api/rooms/{room}/me"), json!({"hidden": hidden})).await
}

fn message(room: &str, text: &str) -> Value {
    json!({"op": "msg.send", "room": room,
           "msg": {"mid": new_mid(), "rev": 0, "kind": "msg", "t": text}})
}

fn mentioning(room: &str, whom: &Client) -> Value {
    json!({"op": "msg.send", "room": room,
           "msg": {"mid": new_mid(), "rev": 0, "kind": "msg", "t": "hey", "m": [whom.uid]}})
}

/// A socket that follows this room.
async fn following(client: &Client, room: &str) -> Socket {
    let mut socket = client.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": room})).await;
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_a_direct_chat_both_ways_and_leaves_it_to_be_read() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = direct(&anna, &[&ben]).await.expect(201)["id"].as_str().unwrap().to_owned();
    let (mut hers, mut his) = (following(&anna, &room).await, following(&ben, &room).await);
    let (said, _) = his.send_text(&room, "hello").await;
    hers.op("msg").await;

    block(&anna, &ben).await;
    let told = hers.op("blocks").await;
    assert_eq!(told["blocked"], json!([ben.uid]));
    // Neither a new message nor a change of an old one nor a sign of writing gets through.
    let refused = his.err(message(&room, "why?"), "forbidden").await;
    assert_eq!(refused["message"], "This person cannot be written to.");
    let edit = json!({"mid": said, "rev": 1, "kind": "msg", "t": "HELLO"});
    his.err(json!({"op": "msg.send", "room": room, "msg": edit}), "forbidden").await;
    let react = json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": said, "e": "👋"});
    his.err(json!({"op": "msg.send", "room": room, "msg": react}), "forbidden").await;
    his.ok(json!({"op": "typing", "room": room})).await;
    let refused = hers.err(message(&room, "because"), "forbidden").await;
    assert_eq!(refused["message"], "You have blocked this person.");
    hers.assert_silent(SILENCE, |frame| frame["op"] == "typing" || frame["op"] == "msg").await;
    // He gets no event of it; messages stay, and each may delete his own.
    his.assert_silent(SILENCE, |frame| frame["op"] == "blocks" || frame["op"] == "room").await;
    for client in [&anna, &ben] {
        let page = client.get(&format!("/api/rooms/{room}/messages")).await.expect(200);
        assert_eq!(page["messages"][0]["msg"]["t"], "hello");
    }
    let delete = json!({"mid": said, "rev": 1, "kind": "del"});
    his.ok(json!({"op": "msg.send", "room": room, "msg": delete})).await;

    unblock(&anna, &ben).await;
    assert_eq!(hers.op("blocks").await["blocked"], json!([]));
    his.send_text(&room, "again").await;
    hers.find("what he says", |frame| frame["msg"]["t"] == "again").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_blocked_opens_no_direct_room_but_finds_an_existing_one() {
    let server = TestServer::start().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let open = direct(&anna, &[&carl]).await.expect(201)["id"].clone();
    block(&anna, &ben).await;
    block(&anna, &carl).await;
    direct(&ben, &[&anna]).await.refused(403, "forbidden");
    direct(&anna, &[&ben]).await.refused(403, "forbidden");
    direct(&ben, &[&anna, &carl]).await.refused(403, "forbidden");
    assert_eq!(direct(&carl, &[&anna]).await.expect(200)["id"], open);
    // The answer is the one for an account that is closed: it does not tell who has blocked whom.
    let boss = server.admin().await;
    let dora = server.user("dora").await;
    let path = format!("/api/admin/users/{}", dora.uid);
    boss.patch(&path, json!({"disabled": true})).await.expect(200);
    let closed = direct(&ben, &[&dora]).await;
    let blocked = direct(&ben, &[&anna]).await;
    assert_eq!((closed.status, closed.body), (blocked.status, blocked.body));
    let nobody = json!({"kind": "dm", "members": ["99999"]});
    ben.post("/api/rooms", nobody).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_blocked_cannot_add_the_blocker_to_a_room() {
    let server = TestServer::start().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let boss = server.admin().await;
    let garden = room(&ben, "closed", "Garden").await;
    block(&anna, &ben).await;
    block(&anna, &boss).await;
    let add = json!({"uid": anna.uid});
    ben.post(&format!("/api/rooms/{garden}/members"), add.clone()).await.refused(403, "forbidden");
    boss.post(&format!("/api/rooms/{garden}/members"), add.clone()).await.refused(403, "forbidden");
    // Left out of a new room without a word: the others are there.
    let new = json!({"name": "Shed", "kind": "closed", "members": [anna.uid, carl.uid]});
    let shed = ben.post("/api/rooms", new).await.expect(201);
    assert_eq!(shed["members"], 2);
    anna.get(&format!("/api/rooms/{}", shed["id"].as_str().unwrap()))
        .await
        .refused(404, "not_found");
    // Somebody else may, and administration goes on as ever.
    let path = format!("/api/rooms/{garden}/members");
    ben.post(&path, json!({"uid": carl.uid, "role": "owner"})).await.expect(201);
    carl.post(&path, add).await.expect(201);
    let path = format!("/api/admin/rooms/{garden}");
    boss.patch(&path, json!({"owner": anna.uid})).await.expect(200);
    assert_eq!(view(&anna, &garden).await["role"], "owner");
    let path = format!("/api/rooms/{garden}/members/{}", ben.uid);
    anna.patch(&path, json!({"role": "member"})).await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mentions_of_a_blocked_person_neither_count_nor_notify() {
    let server = TestServer::start().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let (mut his, mut hers) = (ben.socket().await, anna.socket().await);
    his.ok(mentioning("1", &anna)).await;
    hers.find("a mention", |frame| frame["op"] == "activity" && frame["mentions"] == 1).await;
    assert_eq!(
        (&view(&anna, "1").await["unread"], &view(&anna, "1").await["mentions"]),
        (&json!(1), &json!(1))
    );

    // His earlier messages do not count any more either, and an event tells her the new counts.
    block(&anna, &ben).await;
    let told = hers.find("the room", |frame| frame["op"] == "room").await;
    assert_eq!((&told["room"]["unread"], &told["room"]["mentions"]), (&json!(1), &json!(0)));
    his.ok(mentioning("1", &anna)).await;
    let told = hers.find("that there is something new", |frame| frame["op"] == "activity").await;
    assert_eq!((&told["unread"], &told["mentions"]), (&json!(2), &json!(0)));
    carl.socket().await.ok(mentioning("1", &anna)).await;
    hers.find("another's mention", |frame| frame["op"] == "activity" && frame["mentions"] == 1)
        .await;
    let counted = |view: &Value| (view["unread"].clone(), view["mentions"].clone());
    assert_eq!(counted(&view(&anna, "1").await), (json!(3), json!(1)));

    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    let mut hers = anna.socket().await;
    let hello = hers.op("hello").await;
    assert_eq!(hello["blocked"], json!([ben.uid]));
    assert_eq!(counted(&hello["rooms"][0]), (json!(3), json!(1)));
    let read = hers.ok(json!({"op": "read", "room": "1", "seq": 1})).await;
    assert_eq!(read["op"], "ok");
    let told = hers.op("read").await;
    assert_eq!(counted(&told), (json!(2), json!(1)));
    // After the end of the block they count again.
    unblock(&anna, &ben.at(server.address)).await;
    let told = hers.find("the room", |frame| frame["op"] == "room").await;
    assert_eq!(counted(&told["room"]), (json!(2), json!(2)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_known_on_all_devices_and_to_nobody_else_and_survives_a_restart() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = direct(&anna, &[&ben]).await.expect(201)["id"].as_str().unwrap().to_owned();
    let phone = Client::login(server.address, "anna").await;
    let (mut laptop, mut pocket) = (anna.socket().await, phone.socket().await);
    assert_eq!(pocket.op("hello").await.get("blocked"), None);
    block(&phone, &ben).await;
    for socket in [&mut laptop, &mut pocket] {
        assert_eq!(socket.op("blocks").await["blocked"], json!([ben.uid]));
    }
    // Twice is once.
    block(&anna, &ben).await;
    laptop.assert_silent(SILENCE, |frame| frame["op"] == "blocks").await;
    let list = anna.get("/api/blocks").await.expect(200);
    assert_eq!(list["blocks"].as_array().unwrap().len(), 1);
    assert_eq!(list["blocks"][0]["user"]["username"], "ben");
    assert!(list["blocks"][0]["at"].as_i64().is_some());
    assert_eq!(ben.get("/api/blocks").await.expect(200), json!({"blocks": []}));
    // What he sees of her and of the room is as before.
    assert_eq!(view(&ben, &room).await["with"], json!([anna.uid]));
    assert!(!view(&ben, &room).await.to_string().contains("block"));
    ben.get(&format!("/api/users/{}", anna.uid)).await.expect(200);

    anna.request("PUT", &format!("/api/blocks/{}", anna.uid), None)
        .await
        .refused(400, "bad_request");
    anna.request("PUT", "/api/blocks/99999", None).await.refused(404, "not_found");
    ben.delete(&format!("/api/blocks/{}", anna.uid)).await.refused(404, "not_found");
    Client::new(server.address).get("/api/blocks").await.refused(401, "unauthorized");
    anna.post("/api/blocks", json!({})).await.refused(405, "method_not_allowed");

    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, ben) = (anna.at(server.address), ben.at(server.address));
    ben.socket().await.err(message(&room, "still?"), "forbidden").await;
    unblock(&anna, &ben).await;
    anna.delete(&format!("/api/blocks/{}", ben.uid)).await.refused(404, "not_found");
    ben.socket().await.send_text(&room, "there again").await;
    server.stop().await;
}

/// He writes as fast as he can while she blocks him.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_the_answer_to_a_block_and_nothing_acknowledged_is_missing() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = direct(&anna, &[&ben]).await.expect(201)["id"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        let (mut his, own) = (ben.socket().await, room.clone());
        let writing = tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let answer = his.request(message(&own, "on and on")).await;
                match answer["seq"].as_u64() {
                    Some(seq) => taken.push(seq),
                    None => break assert_eq!(answer["code"], "forbidden"),
                }
            }
            taken
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        block(&anna, &ben).await;
        let upto = view(&anna, &room).await["seq"].as_u64().unwrap();
        let taken = writing.await.unwrap();
        assert!(taken.iter().all(|seq| *seq <= upto), "{taken:?} after {upto}");
        assert_eq!(view(&anna, &room).await["seq"], upto);
        assert_eq!(taken.last(), Some(&upto));
        unblock(&anna, &ben).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_a_block_stops_nobody_from_writing_until_two_are_left() {
    let server = TestServer::start().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let group = direct(&carl, &[&anna, &ben]).await.expect(201)["id"].as_str().unwrap().to_owned();
    block(&anna, &ben).await;
    let mut his = ben.socket().await;
    his.send_text(&group, "to both").await;
    assert_eq!(carl.delete(&format!("/api/rooms/{group}/members/{}", carl.uid)).await.status, 204);
    his.err(message(&group, "to her alone"), "forbidden").await;
    // She may leave it, too.
    assert_eq!(anna.delete(&format!("/api/rooms/{group}/members/{}", anna.uid)).await.status, 204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_waits_for_a_removed_account_and_goes_with_a_purged_one() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = direct(&anna, &[&ben]).await.expect(201)["id"].as_str().unwrap().to_owned();
    block(&anna, &ben).await;
    block(&ben, &anna).await;
    let path = format!("/api/admin/users/{}", ben.uid);
    let remove = Some(json!({"messages": "keep"}));
    assert_eq!(boss.request("DELETE", &path, remove.clone()).await.status, 204);
    let list = anna.get("/api/blocks").await.expect(200);
    assert_eq!(list["blocks"][0]["user"]["removed"], true);
    boss.post(&format!("{path}/restore"), json!({})).await.expect(200);
    let ben = Client::login(server.address, "ben").await;
    ben.socket().await.err(message(&room, "back"), "forbidden").await;

    assert_eq!(boss.request("DELETE", &path, remove).await.status, 204);
    let age = "UPDATE accounts.users SET removed_at = 1, disabled_at = 1 WHERE id = $1";
    let id: i64 = ben.uid.parse().unwrap();
    server.sql().await.execute(age, &[&id]).await.unwrap();
    let mut hers = anna.socket().await;
    hers.op("hello").await;
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!(hers.op("blocks").await["blocked"], json!([]));
    assert_eq!(anna.get("/api/blocks").await.expect(200), json!({"blocks": []}));
    let left = server.sql().await.query("SELECT FROM chat.blocks", &[]).await.unwrap();
    assert!(left.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_people_may_be_blocked_and_so_often_in_an_hour() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let database = server.database.clone();
    server.stop().await;
    crowd(&database, limits::BLOCKS as i64 + 1, |_| &[1]).await;
    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    let first = guest(server.address, 1).get("/api/me").await.expect(200);
    let first: usize = first["uid"].as_str().unwrap().parse().unwrap();
    for uid in first..first + limits::BLOCKS {
        assert_eq!(anna.request("PUT", &format!("/api/blocks/{uid}"), None).await.status, 204);
    }
    let one_more = format!("/api/blocks/{}", first + limits::BLOCKS);
    anna.request("PUT", &one_more, None).await.refused(409, "conflict");
    let list = anna.get("/api/blocks").await.expect(200);
    assert_eq!(list["blocks"].as_array().unwrap().len(), limits::BLOCKS);
    assert_eq!(anna.delete(&format!("/api/blocks/{first}")).await.status, 204);
    assert_eq!(anna.request("PUT", &one_more, None).await.status, 204);
    server.stop().await;

    let server = TestServer::start_on(&database, &["--rate-limit-scale", "1"]).await;
    let bert = guest(server.address, 1);
    let path = format!("/api/blocks/{}", anna.uid);
    for _ in 0..limits::BLOCK_CHANGES_PER_HOUR / 2 {
        assert_eq!(bert.request("PUT", &path, None).await.status, 204);
        assert_eq!(bert.delete(&path).await.status, 204);
    }
    let refused = bert.request("PUT", &path, None).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_chat_comes_back_when_somebody_writes_or_it_is_opened() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = direct(&anna, &[&ben]).await.expect(201)["id"].as_str().unwrap().to_owned();
    let mut his = ben.socket().await;
    let (said, _) = his.send_text(&room, "hello").await;
    let mut hers = anna.socket().await;
    hers.op("hello").await;
    assert_eq!(hide(&anna, &room, true).await.expect(200)["hidden"], true);
    let told = hers.find("the room", |frame| frame["op"] == "room").await;
    assert_eq!(told["room"]["hidden"], true);
    assert_eq!(view(&ben, &room).await.get("hidden"), None);
    // A reaction is nothing new.
    let react = json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": said, "e": "👋"});
    his.ok(json!({"op": "msg.send", "room": room, "msg": react})).await;
    assert_eq!(view(&anna, &room).await["hidden"], true);

    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, ben) = (anna.at(server.address), ben.at(server.address));
    assert_eq!(view(&anna, &room).await["hidden"], true);
    let mut his = ben.socket().await;
    his.send_text(&room, "are you there?").await;
    assert_eq!(view(&anna, &room).await.get("hidden"), None);
    // Blocked, he does not bring it back; she does, by opening it.
    hide(&anna, &room, true).await.expect(200);
    block(&anna, &ben).await;
    his.err(message(&room, "hello?"), "forbidden").await;
    assert_eq!(direct(&ben, &[&anna]).await.expect(200).get("hidden"), None);
    assert_eq!(view(&anna, &room).await["hidden"], true);
    assert_eq!(direct(&anna, &[&ben]).await.expect(200).get("hidden"), None);
    assert_eq!(view(&anna, &room).await.get("hidden"), None);

    hide(&anna, "1", true).await.refused(400, "bad_request");
    let carl = server.user("carl").await;
    hide(&carl, &room, true).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_leave_rooms_they_were_added_to() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let leave = async |client: &Client, room: &str| {
        client.delete(&format!("/api/rooms/{room}/members/{}", client.uid)).await
    };
    // A default room, an open one, a closed one, a group, whatever state it is in.
    assert_eq!(leave(&anna, "1").await.status, 204);
    for (kind, name, change) in [
        ("open", "Garden", json!({})),
        ("closed", "Cellar", json!({"archived": true})),
        ("closed", "Attic", json!({"read_only": true})),
    ] {
        let new = json!({"name": name, "kind": kind, "members": [anna.uid]});
        let made = boss.post("/api/rooms", new).await.expect(201);
        let id = made["id"].as_str().unwrap();
        boss.patch(&format!("/api/rooms/{id}"), change).await.expect(200);
        assert_eq!(leave(&anna, id).await.status, 204, "{name}");
    }
    let group = direct(&ben, &[&anna, &carl]).await.expect(201);
    assert_eq!(leave(&anna, group["id"].as_str().unwrap()).await.status, 204);
    // A chat of two is hidden.
    let pair = direct(&ben, &[&anna]).await.expect(201);
    let refused = leave(&anna, pair["id"].as_str().unwrap()).await;
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("hidden"));
    hide(&anna, pair["id"].as_str().unwrap(), true).await.expect(200);
    // The only owner, whoever made her one, hands the room over or removes it.
    let made = room(&boss, "closed", "Board").await;
    boss.patch(&format!("/api/admin/rooms/{made}"), json!({"owner": anna.uid})).await.expect(200);
    let refused = leave(&anna, &made).await;
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("remove the room"));
    refused.refused(409, "conflict");
    let path = format!("/api/rooms/{made}/members/{}", boss.uid);
    anna.patch(&path, json!({"role": "owner"})).await.expect(200);
    assert_eq!(leave(&anna, &made).await.status, 204);
    let made = room(&anna, "closed", "Alone").await;
    leave(&anna, &made).await.refused(409, "conflict");
    assert_eq!(anna.delete(&format!("/api/rooms/{made}")).await.status, 204);
    server.stop().await;
}
