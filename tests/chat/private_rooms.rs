//! Nobody outside can distinguish a private room from one that does not exist: not by an answer, not by what is checked
//! first, not by the order of answers. Over real sockets and a real database.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use impulse::base::limits::delivery::SUBSCRIPTIONS;

use crate::support::TestServer;
use crate::support::client::{Answer, Client, Received, Socket, new_mid};

/// Nobody made it.
const NOWHERE: &str = "987654321";

/// Every path below a room, and what may be done there with bodies that are right, wrong and none.
fn routes(room: &str, uids: &[&str]) -> Vec<(&'static str, &'static str, String, Value)> {
    let mut routes = Vec::new();
    let mut add = |method, pattern, path: String, bodies: &[Value]| {
        for body in bodies {
            routes.push((method, pattern, path.clone(), body.clone()));
        }
    };
    let none = [Value::Null];
    let odd = [json!({}), json!([]), json!({"name": 5}), json!({"name": "\u{202e}"})];
    let changes = [json!({"name": "Other"}), json!({"archived": true}), json!({"kind": "open"})];
    let room_path = format!("/api/rooms/{room}");
    for method in ["GET", "HEAD", "DELETE"] {
        add(method, "rooms id", room_path.clone(), &none);
    }
    add("PATCH", "rooms id", room_path.clone(), &[&odd[..], &changes].concat());
    let mine = [json!({"favourite": true}), json!({"notify": "odd"}), json!({"hidden": true})];
    add("PATCH", "rooms id me", format!("{room_path}/me"), &[&odd[..], &mine].concat());
    add("POST", "rooms id restore", format!("{room_path}/restore"), &[json!({}), Value::Null]);
    add("GET", "rooms id bans", format!("{room_path}/bans"), &none);
    let members = format!("{room_path}/members");
    for query in ["", "?limit=1", "?q=a", "?limit=odd"] {
        add("GET", "rooms id members", format!("{members}{query}"), &none);
    }
    for query in ["", "?limit=1", "?before=5", "?after=0", "?after=odd", "?limit=0"] {
        add("GET", "rooms id messages", format!("{room_path}/messages{query}"), &none);
    }
    let head = json!({"seq": 0, "hash": "A".repeat(43)});
    let batches = [json!({}), json!({"head": head, "entries": []})];
    for query in ["", "?from=0", "?from=odd"] {
        add("GET", "rooms id log", format!("{room_path}/log{query}"), &none);
    }
    add("POST", "rooms id log", format!("{room_path}/log"), &batches);
    for query in ["", "?before=1", "?before=odd"] {
        add("GET", "rooms id wraps", format!("{room_path}/wraps{query}"), &none);
    }
    let wraps = format!("{room_path}/wraps");
    add("POST", "rooms id wraps", wraps.clone(), &[json!({}), json!({"wraps": []})]);
    let bad = [json!({}), json!({"epoch": 1, "gen": 1})];
    add("POST", "rooms id wraps bad", format!("{wraps}/bad"), &bad);
    for query in ["", "?since=0", "?since=17&epoch=odd", "?since=odd"] {
        add("GET", "rooms id tail", format!("{room_path}/tail{query}"), &none);
    }
    add_scripts(&mut add, &room_path);
    for uid in uids {
        let put = [json!({"uid": uid}), json!({"uid": uid, "role": "owner"}), json!({"uid": 5})];
        add("POST", "rooms id members", members.clone(), &put);
        let change = [json!({"role": "admin"}), json!({"silenced_until": null}), json!({})];
        add("PATCH", "rooms id members uid", format!("{members}/{uid}"), &change);
        add("DELETE", "rooms id members uid", format!("{members}/{uid}"), &none);
        let ban = format!("{room_path}/bans/{uid}");
        add("PUT", "rooms id bans uid", ban.clone(), &[json!({}), Value::Null]);
        add("DELETE", "rooms id bans uid", ban, &none);
    }
    add("POST", "invites", "/api/invites".to_owned(), &[json!({"rooms": [room]})]);
    let admin = format!("/api/admin/rooms/{room}");
    let owner = uids.iter().map(|uid| json!({"owner": uid})).collect::<Vec<_>>();
    add("PATCH", "admin rooms id", admin.clone(), &[&odd[..], &changes, &owner].concat());
    add("DELETE", "admin rooms id", admin.clone(), &none);
    let mids = [json!({"mids": ["AAAAAAAAAAAAAAAAAAAAAA"]}), json!({"mids": []}), json!({})];
    add("POST", "admin rooms id gone", format!("{admin}/gone"), &mids);
    add("POST", "admin rooms id restore", format!("{admin}/restore"), &[json!({})]);
    routes
}

/// What programs call: messages, and the hooks of a room.
fn add_scripts(
    add: &mut impl FnMut(&'static str, &'static str, String, &[Value]),
    room_path: &str,
) {
    let none = [Value::Null];
    let text = [
        json!({"t": "x"}),
        json!({"t": ""}),
        json!({"rev": 1, "t": "x"}),
        json!({"env": {"v": 1, "kind": "msg", "s": "x"}}),
        json!([]),
    ];
    add("POST", "rooms id messages", format!("{room_path}/messages"), &text);
    for mid in ["AAAAAAAAAAAAAAAAAAAAAA", "odd"] {
        let message = format!("{room_path}/messages/{mid}");
        add("PATCH", "rooms id messages {message}", message.clone(), &text);
        add("DELETE", "rooms id messages {message}", message.clone(), &none);
        for emoji in ["%F0%9F%91%8D", "odd"] {
            for method in ["PUT", "DELETE"] {
                let reaction = format!("{message}/reactions/{emoji}");
                add(method, "rooms id messages {message} reactions *", reaction, &none);
            }
        }
    }
    for query in ["", "?q=x", "?cursor=1.1", "?cursor=odd"] {
        add("GET", "rooms id files", format!("{room_path}/files{query}"), &none);
    }
    let hooks = format!("{room_path}/hooks");
    let named = [json!({"name": "Build"}), json!({"name": ""}), json!({})];
    add("GET", "rooms id hooks", hooks.clone(), &none);
    add("POST", "rooms id hooks", hooks.clone(), &named);
    for hook in ["1", "odd"] {
        let hook = format!("{hooks}/{hook}");
        add("PATCH", "rooms id hooks {hook}", hook.clone(), &named);
        add("DELETE", "rooms id hooks {hook}", hook.clone(), &none);
        for method in ["PUT", "DELETE"] {
            add(method, "rooms id hooks {hook} avatar", format!("{hook}/avatar"), &none);
        }
    }
}

/// Every command that names a room, right and wrong.
fn commands(room: &str) -> Vec<Value> {
    let mut commands = vec![
        json!({"op": "room.subscribe", "room": room}),
        json!({"op": "room.subscribe", "room": room, "since": 1u64 << 52}),
        json!({"op": "room.subscribe", "room": room, "since": -1}),
        json!({"op": "room.unsubscribe", "room": room}),
        json!({"op": "typing", "room": room}),
        json!({"op": "read", "room": room, "seq": 1}),
        json!({"op": "read", "room": room}),
        json!({"op": "msg.send", "room": room}),
        json!({"op": "msg.send", "room": room, "env": {}}),
    ];
    let mid = "AAAAAAAAAAAAAAAAAAAAAA";
    for msg in [
        json!({"mid": mid, "rev": 0, "kind": "msg", "t": "x"}),
        json!({"mid": mid, "rev": 0, "kind": "msg", "t": ""}),
        json!({"mid": mid, "rev": 1, "kind": "msg", "t": "x"}),
        json!({"mid": mid, "rev": 1, "kind": "del"}),
        json!({"mid": mid, "rev": 0, "kind": "react", "ref": mid, "e": "👍"}),
        json!({"mid": mid, "rev": 0, "kind": "odd"}),
    ] {
        commands.push(json!({"op": "msg.send", "room": room, "msg": msg}));
    }
    commands
}

/// All of an answer but the time of day.
fn whole(answer: Answer) -> (u16, Vec<(String, String)>, String) {
    let is_date = |name: &str| name.eq_ignore_ascii_case("date");
    let headers = answer.headers.into_iter().filter(|(name, _)| !is_date(name)).collect();
    (answer.status, headers, String::from_utf8_lossy(&answer.body).into_owned())
}

/// What follows a command and a ping that is sent along: both answers, in their order.
async fn with_ping(socket: &mut Socket, command: &Value) -> Vec<Value> {
    let mut command = command.clone();
    command["id"] = json!("command");
    socket.send(command).await;
    socket.send(json!({"op": "ping", "id": "ping"})).await;
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let Received::Frame(frame) = socket.receive().await else { panic!("closed") };
        if !frame["id"].is_null() {
            answers.push(frame);
        }
    }
    answers
}

struct Scene {
    closed: String,
    removed: String,
    direct: String,
    group: String,
}

/// Private rooms of others: Carl was in the first and in the last, and Dora is banned from the first.
async fn scene(anna: &Client, ben: &Client, carl: &Client, dora: &Client) -> Scene {
    let make = async |body: Value| {
        let made = anna.post("/api/rooms", body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let closed = make(json!({"name": "Cellar", "kind": "closed", "members": [ben.uid, carl.uid]}));
    let closed = closed.await;
    let removed = make(json!({"name": "Attic", "kind": "closed", "members": [ben.uid]})).await;
    let direct = make(json!({"kind": "dm", "members": [ben.uid]})).await;
    let group = make(json!({"kind": "dm", "members": [ben.uid, carl.uid]})).await;
    let mut socket = anna.socket().await;
    for room in [&closed, &direct, &group] {
        let msg = json!({"mid": "AAAAAAAAAAAAAAAAAAAAAA", "rev": 0, "kind": "msg", "t": "secret"});
        socket.ok(json!({"op": "msg.send", "room": room, "msg": msg})).await;
    }
    let out = |room: &str, who: &Client| format!("/api/rooms/{room}/members/{}", who.uid);
    assert_eq!(anna.delete(&out(&closed, carl)).await.status, 204);
    assert_eq!(carl.delete(&out(&group, carl)).await.status, 204);
    let ban = format!("/api/rooms/{closed}/bans/{}", dora.uid);
    assert_eq!(anna.request("PUT", &ban, Some(json!({}))).await.status, 204);
    assert_eq!(anna.delete(&format!("/api/rooms/{removed}")).await.status, 204);
    Scene { closed, removed, direct, group }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_room_answers_everything_as_a_room_that_does_not_exist() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let (carl, dora) = (server.user("carl").await, server.user("dora").await);
    let scene = scene(&anna, &ben, &carl, &dora).await;
    let Scene { closed, removed, direct, group } = &scene;
    for (who, rooms) in [
        (&carl, &[closed, removed, direct, group][..]),
        (&dora, &[closed, removed, direct, group][..]),
        // An admin of the server knows of closed rooms, but of no direct one.
        (&boss, &[direct, group][..]),
    ] {
        let uids = [who.uid.as_str(), anna.uid.as_str(), "5555"];
        let mut socket = who.socket().await;
        for room in rooms {
            for (nowhere, there) in routes(NOWHERE, &uids).into_iter().zip(routes(room, &uids)) {
                let (method, _, path, body) = there;
                let body = Some(body).filter(|body| !body.is_null());
                let none = Some(nowhere.3).filter(|body| !body.is_null());
                let expected = whole(who.request(method, &nowhere.2, none).await);
                let answer = whole(who.request(method, &path, body.clone()).await);
                assert!(expected.0 >= 400, "{method} {path}: {expected:?}");
                assert_eq!(answer, expected, "{method} {path} {body:?}");
            }
            for (nowhere, there) in commands(NOWHERE).iter().zip(commands(room)) {
                let expected = with_ping(&mut socket, nowhere).await;
                assert_eq!(with_ping(&mut socket, &there).await, expected, "{there}");
                assert_eq!(expected[0]["op"], "err", "{there}");
            }
        }
    }
    // None of it has changed anything, and its members are answered.
    let mut socket = ben.socket().await;
    for room in [closed, direct, group] {
        let view = ben.get(&format!("/api/rooms/{room}")).await.expect(200);
        assert_eq!(view["seq"], 1, "{view}");
        socket.ok(json!({"op": "typing", "room": room})).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_a_stranger_subscribes_to_a_private_room_it_does_not_exist() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let made = anna.post("/api/rooms", json!({"name": "Cellar", "kind": "closed"})).await;
    let room = made.expect(201)["id"].clone();
    let mut socket = ben.socket().await;
    for _ in 0..=SUBSCRIPTIONS {
        socket.send(json!({"op": "room.subscribe", "id": "s", "room": room})).await;
    }
    for _ in 0..=SUBSCRIPTIONS {
        let answer = socket.find("the answer", |frame| frame["id"] == "s").await;
        assert_eq!(answer["code"], "not_found", "{answer}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn non_members_are_called_so_in_open_rooms_and_administrators_also_in_closed_ones() {
    let server = TestServer::start().await;
    let (boss, anna) = (server.admin().await, server.user("anna").await);
    let make = async |kind: &str| {
        let made = anna.post("/api/rooms", json!({"name": kind, "kind": kind})).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let (open, closed) = (make("open").await, make("closed").await);
    let ben = server.user("ben").await;
    for (who, room) in [(&ben, &open), (&boss, &closed)] {
        let mut socket = who.socket().await;
        let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "x"});
        socket.err(json!({"op": "msg.send", "room": room, "msg": msg}), "not_member").await;
        socket.err(json!({"op": "room.subscribe", "room": room}), "not_member").await;
        socket.ok(json!({"op": "room.unsubscribe", "room": room})).await;
    }
    server.stop().await;
}

/// The paths that name a room, as words.
fn room_paths() -> BTreeSet<String> {
    let words = |path: &str| {
        let path = path.replace("{room}", "id").replace("{user}", "uid");
        path.split('/').skip(2).collect::<Vec<_>>().join(" ")
    };
    impulse::api::routes()
        .filter(|(_, path)| path.contains("{room}"))
        .map(|(_, path)| words(path))
        .collect()
}

#[test]
fn every_path_and_every_command_that_names_a_room_is_tried() {
    let walked: BTreeSet<_> =
        routes("1", &["1"]).iter().map(|(_, pattern, ..)| (*pattern).to_owned()).collect();
    let mut there = room_paths();
    there.insert("invites".to_owned());
    assert!(there.len() > 8);
    assert_eq!(walked, there);
    let parser = include_str!("../../src/protocol/command.rs");
    let parser = parser.split("fn command(").nth(1).and_then(|rest| rest.split("\n}\n").next());
    let names_a_room = |arm: &&str| arm.contains("fields.room()");
    let arms = parser.unwrap().split("\n        \"").skip(1).filter(names_a_room);
    let ops: BTreeSet<_> = arms.map(|arm| arm.split('"').next().unwrap().to_owned()).collect();
    let sent: BTreeSet<_> =
        commands("1").iter().map(|one| one["op"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ops, sent);
}
