//! Rooms of every kind over real sockets and a real database: who may do what, what others see of it, and what
//! remains after a removal.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Client, Socket, new_mid};

async fn room(owner: &Client, kind: &str, name: &str) -> String {
    let made = owner.post("/api/rooms", json!({"name": name, "kind": kind})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn add(by: &Client, room: &str, who: &Client) {
    let body = json!({"uid": who.uid});
    by.post(&format!("/api/rooms/{room}/members"), body).await.expect(201);
}

async fn set_role(by: &Client, room: &str, who: &Client, role: &str) {
    let path = format!("/api/rooms/{room}/members/{}", who.uid);
    by.patch(&path, json!({"role": role})).await.expect(200);
}

fn message(room: &str, text: &str) -> Value {
    json!({"op": "msg.send", "room": room,
           "msg": {"mid": new_mid(), "rev": 0, "kind": "msg", "t": text}})
}

async fn view(client: &Client, room: &str) -> Value {
    client.get(&format!("/api/rooms/{room}")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_room_is_visible_to_its_members_only() {
    let server = TestServer::start().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let room = room(&anna, "closed", "Cellar").await;
    let mut socket = ben.socket().await;
    ben.get(&format!("/api/rooms/{room}")).await.refused(404, "not_found");
    ben.post(&format!("/api/rooms/{room}/members"), json!({"uid": ben.uid}))
        .await
        .refused(404, "not_found");

    add(&anna, &room, &ben).await;
    let room_event = socket.find("the new room", |frame| frame["op"] == "room").await;
    assert_eq!(room_event["room"]["name"], "Cellar");
    socket.ok(json!({"op": "room.subscribe", "room": room})).await;

    // A member of a closed room invites nobody; its admin does.
    let body = json!({"uid": carl.uid});
    ben.post(&format!("/api/rooms/{room}/members"), body.clone()).await.refused(403, "forbidden");
    set_role(&anna, &room, &ben, "admin").await;
    ben.post(&format!("/api/rooms/{room}/members"), body).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_gets_nothing_more_and_a_banned_one_cannot_join_again() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "open", "Garden").await;
    add(&anna, &room, &ben).await;
    let (mut said, mut heard) = (anna.socket().await, ben.socket().await);
    said.ok(json!({"op": "room.subscribe", "room": room})).await;
    heard.ok(json!({"op": "room.subscribe", "room": room})).await;

    let ban = format!("/api/rooms/{room}/bans/{}", ben.uid);
    ben.request("PUT", &ban, Some(json!({}))).await.refused(403, "forbidden");
    assert_eq!(anna.request("PUT", &ban, Some(json!({}))).await.status, 204);
    heard.find("that the room is gone", |frame| frame["room"]["gone"] == true).await;
    said.send_text(&room, "he cannot hear this").await;
    heard.assert_silent(Duration::from_millis(300), |frame| frame["op"] == "msg").await;
    heard.err(message(&room, "still here?"), "not_member").await;

    let join = format!("/api/rooms/{room}/members");
    ben.post(&join, json!({"uid": ben.uid})).await.refused(403, "forbidden");
    anna.post(&join, json!({"uid": ben.uid})).await.refused(403, "forbidden");
    let bans = anna.get(&format!("/api/rooms/{room}/bans")).await.expect(200);
    assert_eq!(bans["bans"][0]["uid"], json!(ben.uid));
    ben.get(&format!("/api/rooms/{room}/bans")).await.refused(403, "not_member");

    assert_eq!(anna.delete(&ban).await.status, 204);
    anna.delete(&ban).await.refused(404, "not_found");
    ben.post(&join, json!({"uid": ben.uid})).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_and_a_mute_survive_a_restart() {
    let server = TestServer::start().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let room = room(&anna, "open", "Garden").await;
    add(&anna, &room, &carl).await;
    let until = 4_102_444_800_000_i64;
    let path = format!("/api/rooms/{room}/members/{}", carl.uid);
    anna.patch(&path, json!({"silenced_until": until})).await.expect(200);
    anna.request("PUT", &format!("/api/rooms/{room}/bans/{}", ben.uid), Some(json!({}))).await;
    let database = server.database.clone();
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let (ben, carl) =
        (Client::login(server.address, "ben").await, Client::login(server.address, "carl").await);
    let join = format!("/api/rooms/{room}/members");
    ben.post(&join, json!({"uid": ben.uid})).await.refused(403, "forbidden");
    assert_eq!(view(&carl, &room).await["silenced_until"], until);
    carl.socket().await.err(message(&room, "may I?"), "forbidden").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_member_reads_and_does_not_write_until_the_mute_ends() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "open", "Library").await;
    add(&anna, &room, &ben).await;
    let mut socket = ben.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": room})).await;
    let (mid, _) = socket.send_text(&room, "loud").await;

    let path = format!("/api/rooms/{room}/members/{}", ben.uid);
    let until = 4_102_444_800_000_i64;
    ben.patch(&path, json!({"silenced_until": null})).await.refused(403, "forbidden");
    anna.patch(&path, json!({"silenced_until": until})).await.expect(200);
    let muted = socket.find("his mute", |frame| frame["op"] == "room").await;
    assert_eq!(muted["room"]["silenced_until"], until);
    socket.err(message(&room, "louder"), "forbidden").await;
    socket.err(json!({"op": "typing", "room": room}), "forbidden").await;
    // He may still delete his own messages.
    let del = json!({"op": "msg.send", "room": room, "msg": {"mid": mid, "rev": 1, "kind": "del"}});
    socket.ok(del).await;

    anna.patch(&path, json!({"silenced_until": null})).await.expect(200);
    socket.ok(message(&room, "thank you")).await;
    // A mute that is over is none.
    anna.patch(&path, json!({"silenced_until": 1})).await.expect(200);
    socket.ok(message(&room, "still here")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_read_only_room_only_admins_write_and_in_an_archived_one_nobody() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "open", "News").await;
    add(&anna, &room, &ben).await;
    let (mut owner, mut member) = (anna.socket().await, ben.socket().await);
    let path = format!("/api/rooms/{room}");
    ben.patch(&path, json!({"read_only": true})).await.refused(403, "forbidden");
    assert_eq!(anna.patch(&path, json!({"read_only": true})).await.expect(200)["read_only"], true);
    member.err(message(&room, "me too"), "forbidden").await;
    owner.ok(message(&room, "news")).await;

    set_role(&anna, &room, &ben, "admin").await;
    ben.patch(&path, json!({"archived": true})).await.refused(403, "forbidden");
    anna.patch(&path, json!({"archived": true, "read_only": false})).await.expect(200);
    owner.err(message(&room, "more news"), "forbidden").await;
    let stranger = server.user("carl").await;
    stranger
        .post(&format!("{path}/members"), json!({"uid": stranger.uid}))
        .await
        .refused(403, "forbidden");
    let found = |archived: &'static str| {
        let stranger = stranger.clone();
        async move {
            let path = format!("/api/rooms/directory?q=news&archived={archived}");
            stranger.get(&path).await.expect(200)["total"].clone()
        }
    };
    assert_eq!((found("0").await, found("1").await), (json!(0), json!(1)));
    stranger.get(&format!("{path}/messages")).await.expect(200);

    anna.patch(&path, json!({"archived": false})).await.expect(200);
    owner.ok(message(&room, "back")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_cannot_lose_its_last_owner() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "open", "Ship").await;
    let own = format!("/api/rooms/{room}/members/{}", anna.uid);
    anna.delete(&own).await.refused(409, "conflict");
    add(&anna, &room, &ben).await;
    anna.delete(&own).await.refused(409, "conflict");
    anna.patch(&own, json!({"role": "member"})).await.refused(409, "conflict");
    chief.delete(&own).await.refused(409, "conflict");
    chief
        .request("PUT", &format!("/api/rooms/{room}/bans/{}", anna.uid), None)
        .await
        .refused(409, "conflict");

    // An admin of the room does not raise himself; the owner makes another one and may go.
    set_role(&anna, &room, &ben, "admin").await;
    let bens = format!("/api/rooms/{room}/members/{}", ben.uid);
    ben.patch(&bens, json!({"role": "owner"})).await.refused(403, "forbidden");
    set_role(&anna, &room, &ben, "owner").await;
    assert_eq!(anna.delete(&own).await.status, 204);
    ben.delete(&bens).await.refused(409, "conflict");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_who_step_down_at_once_leave_one() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "open", "Ship").await;
    add(&anna, &room, &ben).await;
    set_role(&anna, &room, &ben, "owner").await;
    let down = |client: &Client| {
        let (client, path) = (client.clone(), format!("/api/rooms/{room}/members/{}", client.uid));
        async move { client.patch(&path, json!({"role": "member"})).await.status }
    };
    let mut both = [0; 2];
    (both[0], both[1]) = tokio::join!(down(&anna), down(&ben));
    both.sort_unstable();
    assert_eq!(both, [200, 409], "one goes, the other is refused");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_found_again_and_can_be_left() {
    let server = TestServer::start().await;
    let people = ["anna", "ben", "carl"];
    let mut clients = Vec::new();
    for name in people {
        clients.push(server.user(name).await);
    }
    let [anna, ben, carl] = clients.as_slice() else { unreachable!() };
    let group = |by: &Client, members: Vec<String>| {
        let by = by.clone();
        async move { by.post("/api/rooms", json!({"kind": "dm", "members": members})).await }
    };
    let mut socket = carl.socket().await;
    let made = group(anna, vec![ben.uid.clone(), carl.uid.clone()]).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["with"], json!([ben.uid, carl.uid]));
    socket.find("the group", |frame| frame["room"]["id"] == id.as_str()).await;
    let same = group(carl, vec![anna.uid.clone(), ben.uid.clone(), anna.uid.clone()]).await;
    assert_eq!(same.expect(200)["id"], id.as_str());
    // Two of them alone are another room.
    let pair = group(anna, vec![ben.uid.clone()]).await.expect(201);
    assert_ne!(pair["id"], id.as_str());
    let pair = pair["id"].as_str().unwrap().to_owned();

    anna.delete(&format!("/api/rooms/{pair}/members/{}", anna.uid)).await.refused(403, "forbidden");
    let stranger = server.user("dora").await;
    anna.post(&format!("/api/rooms/{id}/members"), json!({"uid": stranger.uid}))
        .await
        .refused(403, "forbidden");
    anna.patch(&format!("/api/rooms/{id}"), json!({"name": "Us"})).await.refused(403, "forbidden");
    assert_eq!(carl.delete(&format!("/api/rooms/{id}/members/{}", carl.uid)).await.status, 204);
    carl.get(&format!("/api/rooms/{id}")).await.refused(404, "not_found");
    let anew = group(anna, vec![ben.uid.clone(), carl.uid.clone()]).await.expect(201);
    assert_ne!(anew["id"], id.as_str(), "whoever left is not pulled back");

    let crowd: Vec<_> = (100..111).map(|n| n.to_string()).collect();
    group(anna, crowd).await.refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_settings_of_a_room_are_the_same_on_all_devices_and_visible_to_nobody_else() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "open", "Tea").await;
    add(&anna, &room, &ben).await;
    let (mut mine, mut other) = (anna.socket().await, ben.socket().await);
    let path = format!("/api/rooms/{room}/me");
    let liked = anna.patch(&path, json!({"favourite": true, "notify": "none"})).await.expect(200);
    assert_eq!((&liked["favourite"], &liked["notify"]), (&json!(true), &json!("none")));
    let room_event = mine.find("the change", |frame| frame["room"]["id"] == room.as_str()).await;
    assert_eq!(room_event["room"]["favourite"], true);
    other.assert_silent(Duration::from_millis(200), |frame| frame["op"] == "room").await;
    assert_eq!(view(&ben, &room).await.get("favourite"), None);
    let kept = anna.patch(&path, json!({"favourite": false})).await.expect(200);
    assert_eq!((kept.get("favourite"), &kept["notify"]), (None, &json!("none")));
    anna.patch(&path, json!({"notify": "loud"})).await.refused(400, "bad_request");
    let stranger = server.user("carl").await;
    stranger.patch(&path, json!({"favourite": true})).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_room_has_everything_that_was_in_it() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "closed", "Attic").await;
    add(&anna, &room, &ben).await;
    let mut socket = ben.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": room})).await;
    socket.send_text(&room, "remember me").await;

    let path = format!("/api/rooms/{room}");
    ben.delete(&path).await.refused(403, "forbidden");
    assert_eq!(anna.delete(&path).await.status, 204);
    socket.find("the end of the room", |frame| frame["room"]["gone"] == true).await;
    anna.get(&path).await.refused(404, "not_found");
    ben.post(&format!("{path}/restore"), json!({})).await.refused(404, "not_found");

    // Its name is free meanwhile, and then in the way.
    let other =
        chief.post("/api/rooms", json!({"name": "attic", "kind": "open"})).await.expect(201);
    anna.post(&format!("{path}/restore"), json!({})).await.refused(409, "conflict");
    let other = format!("/api/rooms/{}", other["id"].as_str().unwrap());
    chief.patch(&other, json!({"name": "Cellar"})).await.expect(200);

    let back = anna.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert_eq!((&back["name"], &back["role"]), (&json!("Attic"), &json!("owner")));
    socket.find("the room", |frame| frame["room"]["id"] == room.as_str()).await;
    let page = ben.get(&format!("{path}/messages")).await.expect(200);
    assert_eq!(page["messages"][0]["msg"]["t"], "remember me");
    let answer = socket.ok(json!({"op": "room.subscribe", "room": room, "since": 1})).await;
    assert_eq!(answer["seq"], 1);
    socket.ok(message(&room, "again")).await;
    anna.post(&format!("{path}/restore"), json!({})).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_manages_rooms_but_reads_only_those_they_are_in() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let closed = room(&anna, "closed", "Diary").await;
    let path = format!("/api/rooms/{closed}");
    chief.get(&path).await.expect(200);
    chief.get(&format!("{path}/messages")).await.refused(403, "not_member");
    chief.socket().await.err(json!({"op": "room.subscribe", "room": closed}), "not_member").await;
    chief.patch(&path, json!({"topic": "Keep it short", "kind": "open"})).await.expect(200);
    chief.patch(&path, json!({"kind": "dm"})).await.refused(400, "bad_request");
    ben.post(&format!("{path}/members"), json!({"uid": ben.uid})).await.expect(201);

    let direct = anna.post("/api/rooms", json!({"kind": "dm", "members": [ben.uid]})).await;
    let direct = direct.expect(201)["id"].as_str().unwrap().to_owned();
    chief.get(&format!("/api/rooms/{direct}")).await.refused(404, "not_found");
    chief.delete(&format!("/api/rooms/{direct}")).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_paged_and_searched_and_lists_no_closed_rooms() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    for n in 0..7 {
        room(&anna, "open", &format!("Club {n}")).await;
    }
    room(&anna, "closed", "Club secret").await;
    let mut seen = Vec::new();
    let mut after = String::new();
    for _ in 0..5 {
        let page =
            ben.get(&format!("/api/rooms/directory?q=CLUB&limit=3{after}")).await.expect(200);
        assert_eq!(page["total"], 7);
        let rooms = page["rooms"].as_array().unwrap();
        seen.extend(rooms.iter().map(|room| room["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, (0..7).map(|n| format!("Club {n}")).collect::<Vec<_>>());
    let own = anna.get("/api/rooms/directory?q=secret").await.expect(200);
    assert_eq!(own["total"], 1);
    ben.get("/api/rooms/directory?limit=0").await.refused(400, "bad_request");
    ben.get("/api/rooms/directory?after=!").await.refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_found_by_name_a_page_at_a_time() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = room(&anna, "open", "Crowd").await;
    for n in 0..5 {
        let other = server.user(&format!("guest{n}")).await;
        other
            .post(&format!("/api/rooms/{room}/members"), json!({"uid": other.uid}))
            .await
            .expect(201);
    }
    let first = anna.get(&format!("/api/rooms/{room}/members?q=GUEST&limit=3")).await.expect(200);
    assert_eq!((first["members"].as_array().unwrap().len(), &first["total"]), (3, &json!(6)));
    let next = first["next"].as_str().unwrap();
    let path = format!("/api/rooms/{room}/members?q=guest&limit=3&after={next}");
    let second = anna.get(&path).await.expect(200);
    assert_eq!((second["members"].as_array().unwrap().len(), &second["next"]), (2, &json!(null)));
    let all = anna.get(&format!("/api/rooms/{room}/members")).await.expect(200);
    assert_eq!(all["members"].as_array().unwrap().len(), 6);
    assert!(all["members"][0]["joined_at"].is_i64());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_found_by_the_beginning_of_a_word_of_their_names() {
    let server = TestServer::start().await;
    let anna = server.user("anna.lee").await;
    let stranger = server.user("annika").await;
    let room = room(&anna, "closed", "Names").await;
    anna.patch("/api/me", json!({"display_name": "Jean-Luc İnan"})).await.expect(200);
    let irma = server.user("Irma").await;
    add(&anna, &room, &irma).await;
    irma.patch("/api/me", json!({"display_name": "हिन्दी 李明"})).await.expect(200);
    let (anna_only, irma_only) = (vec![&anna.uid], vec![&irma.uid]);
    for (begins, expected) in [
        ("ann", anna_only.clone()),
        ("LEE", anna_only.clone()),
        ("anna.l", anna_only.clone()),
        ("luc", anna_only.clone()),
        ("jean-l", anna_only.clone()),
        ("in", anna_only.clone()),
        ("%C4%B0nan", anna_only),
        ("irm", irma_only.clone()),
        ("%E0%A4%B9%E0%A4%BF", irma_only.clone()),
        ("%E6%9D%8E", irma_only),
        ("nna", vec![]),
        ("%25", vec![]),
        ("i", vec![&anna.uid, &irma.uid]),
    ] {
        let path = format!("/api/rooms/{room}/members?begins={begins}&limit=5");
        let found = anna.get(&path).await.expect(200);
        let found: Vec<_> = found["members"].as_array().unwrap().iter().collect();
        let uids: Vec<_> = found.iter().map(|member| member["uid"].as_str().unwrap()).collect();
        assert_eq!(uids, expected, "{begins}");
        assert!(found.iter().all(|member| member["user"]["username"].is_string()));
    }
    stranger.get(&format!("/api/rooms/{room}/members?begins=a")).await.refused(404, "not_found");
    let long = "x".repeat(201);
    let path = format!("/api/rooms/{room}/members?begins={long}");
    anna.get(&path).await.refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_member_of_the_new_owners_making_is_the_owner() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let room = room(&anna, "open", "Throne").await;
    let mut socket: Socket = anna.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": room})).await;
    add(&anna, &room, &ben).await;
    set_role(&anna, &room, &ben, "owner").await;
    set_role(&anna, &room, &anna, "admin").await;
    let promoted = socket
        .find("the new role", |frame| frame["op"] == "member" && frame["uid"] == anna.uid.as_str());
    assert_eq!(promoted.await["role"], "admin");
    anna.delete(&format!("/api/rooms/{room}")).await.refused(403, "forbidden");
    server.stop().await;
}
