//! Chat over real sockets: what each connection gets, and what nobody may do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support;
use crate::support::client::{Client, Socket, new_mid};
use crate::support::{TestServer, postgres};

/// The id of a room by its name in a `hello`.
fn room_in(hello: &Value, name: &str) -> String {
    let rooms = hello["rooms"].as_array().expect("rooms");
    let room = rooms.iter().find(|room| room["name"] == name).expect("the room");
    room["id"].as_str().expect("an id").to_owned()
}

/// A socket that follows General; the room's id.
async fn follow(client: &Client) -> (Socket, String) {
    let mut socket = client.socket().await;
    let room = room_in(&socket.op("hello").await, "General");
    socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    (socket, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_is_the_first_frame_and_names_the_rooms() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let support::client::Received::Frame(hello) = socket.receive().await else {
        panic!("no frame")
    };
    assert_eq!((&hello["op"], &hello["uid"]), (&json!("hello"), &json!(anna.uid)));
    assert!(hello["heartbeat_ms"].as_u64().is_some_and(|ms| ms > 0), "{hello}");
    let clock = hello["at"].as_i64().unwrap();
    assert!((impulse::base::time::now_ms() - clock).abs() < 10_000, "{hello}");
    let general =
        hello["rooms"].as_array().unwrap().iter().find(|r| r["name"] == "General").unwrap();
    for (field, value) in [
        ("kind", json!("open")),
        ("e2ee", json!(false)),
        ("seq", json!(0)),
        ("read", json!(0)),
        ("unread", json!(0)),
        ("mentions", json!(0)),
    ] {
        assert_eq!(general[field], value, "{field} of {general}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_a_message_its_edits_reactions_and_deletion() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let (mut from, room) = follow(&anna).await;
    let (mut to, _) = follow(&bert).await;

    let (mid, ok) = from.send_text(&room, "hello").await;
    assert_eq!(ok["seq"], 1);
    let heard = to.op("msg").await;
    assert_eq!((&heard["room"], &heard["seq"], &heard["at"]), (&json!(room), &json!(1), &ok["at"]));
    assert_eq!((&heard["msg"]["t"], &heard["msg"]["by"]), (&json!("hello"), &json!(anna.uid)));

    let edit = json!({"mid": mid, "rev": 1, "kind": "msg", "t": "hello!"});
    from.ok(json!({"op": "msg.send", "room": room, "msg": edit})).await;
    let heard = to.op("msg").await;
    assert_eq!((&heard["seq"], &heard["msg"]["t"]), (&json!(2), &json!("hello!")));
    assert!(!heard["msg"]["edited"].is_null(), "{heard}");

    let react = json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": "👍"});
    to.ok(json!({"op": "msg.send", "room": room, "msg": react})).await;
    let heard = from.find("the reaction", |f| f["op"] == "msg" && f["seq"] == 3).await;
    assert!(heard["msg"]["reactions"].to_string().contains("👍"), "{heard}");

    let delete = json!({"mid": mid, "rev": 2, "kind": "del"});
    to.err(json!({"op": "msg.send", "room": room, "msg": delete}), "forbidden").await;
    from.ok(json!({"op": "msg.send", "room": room, "msg": delete})).await;
    let heard = to.find("the deletion", |f| f["op"] == "msg" && f["seq"] == 4).await;
    assert_eq!(heard["msg"]["kind"], "del");
    assert!(!heard.to_string().contains("hello"), "{heard}");

    let history = bert.get(&format!("/api/rooms/{room}/messages")).await.expect(200);
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(1));
    assert!(!history.to_string().contains("hello"), "{history}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_twice_is_one_message() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (mut socket, room) = follow(&anna).await;
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "once"});
    let send = json!({"op": "msg.send", "room": room, "msg": msg});
    let first = socket.ok(send.clone()).await;
    let mut second_socket = anna.socket().await;
    let second = second_socket.ok(send.clone()).await;
    assert_eq!((&first["seq"], &first["at"]), (&second["seq"], &second["at"]));
    let mut other = send.clone();
    other["msg"]["t"] = json!("twice");
    socket.err(other, "mid_exists").await;
    let mut late = send;
    late["msg"]["rev"] = json!(5);
    socket.err(late, "rev_conflict").await;
    let history = anna.get(&format!("/api/rooms/{room}/messages")).await.expect(200);
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_by_since_brings_what_was_missed_in_order_and_nothing_else() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let (mut from, room) = follow(&anna).await;
    for n in 1..=3 {
        from.send_text(&room, &format!("m{n}")).await;
    }
    let (mut to, _) = follow(&bert).await;
    drop(to);
    for n in 4..=9 {
        from.send_text(&room, &format!("m{n}")).await;
    }
    to = bert.socket().await;
    let ok = to.ok(json!({"op": "room.subscribe", "room": room, "since": 3})).await;
    assert_eq!(ok["seq"], 9);
    let missed: Vec<_> =
        to.aside.iter().filter(|f| f["op"] == "msg").map(|f| f["seq"].clone()).collect();
    assert_eq!(missed, [4, 5, 6, 7, 8, 9].map(|seq| json!(seq)));
    to.aside.clear();
    from.send_text(&room, "live").await;
    assert_eq!(to.op("msg").await["seq"], 10);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_around_a_place_has_both_sides_of_it() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let (mut from, room) = follow(&anna).await;
    let mut mids = Vec::new();
    for n in 1..=9 {
        mids.push(from.send_text(&room, &format!("m{n}")).await.0);
    }
    let path = format!("/api/rooms/{room}/messages");
    // (`around`, `limit`): the messages, and whether there are more before and after.
    let seq = |seq: u64| seq.to_string();
    let cases = [
        (seq(5), 4, vec![4, 5, 6, 7], (true, true)),
        (seq(5), 5, vec![3, 4, 5, 6, 7], (true, true)),
        (seq(5), 1, vec![5], (true, true)),
        (seq(0), 4, vec![1, 2], (false, true)),
        (seq(1), 4, vec![1, 2, 3], (false, true)),
        (seq(8), 4, vec![7, 8, 9], (true, false)),
        (seq(9), 100, (1..=9).collect(), (false, false)),
        (seq(i64::MAX as u64), 2, vec![9], (true, false)),
        (mids[4].clone(), 4, vec![4, 5, 6, 7], (true, true)),
        (mids[0].clone(), 2, vec![1, 2], (false, true)),
        (mids[8].clone(), 1, vec![9], (true, false)),
    ];
    for (around, limit, expected, more) in cases {
        let query = format!("{path}?around={around}&limit={limit}");
        let page = bert.get(&query).await.expect(200);
        let found = page["messages"].as_array().unwrap().iter();
        let found: Vec<_> = found.map(|m| m["msg"]["created_seq"].as_u64().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(page["more_before"], more.0, "{query}");
        assert_eq!(page["more_after"], more.1, "{query}");
        assert!(page.get("more").is_none(), "{page}");
    }

    // A deleted message keeps its place; a reaction has none.
    let delete = json!({"mid": mids[4], "rev": 1, "kind": "del"});
    from.ok(json!({"op": "msg.send", "room": room, "msg": delete})).await;
    let page = bert.get(&format!("{path}?around={}&limit=2", mids[4])).await.expect(200);
    assert_eq!(page["messages"][0]["msg"]["kind"], "del");
    let reaction = new_mid();
    let react = json!({"mid": reaction, "rev": 0, "kind": "react", "ref": mids[0], "e": "👍"});
    from.ok(json!({"op": "msg.send", "room": room, "msg": react})).await;
    for unknown in [reaction, new_mid()] {
        bert.get(&format!("{path}?around={unknown}")).await.refused(404, "not_found");
    }
    for bad in ["around=", "around=x", "around=-1", "around=1&before=2", "around=1&after=2"] {
        bert.get(&format!("{path}?{bad}")).await.refused(400, "bad_request");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn around_tells_a_stranger_nothing_and_large_messages_end_each_side() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let made = anna.post("/api/rooms", json!({"name": "Two", "kind": "closed"})).await.expect(201);
    let room = made["id"].as_str().unwrap().to_owned();
    let mut from = anna.socket().await;
    let large = "x".repeat(30_000);
    let mut mids = Vec::new();
    for _ in 0..24 {
        mids.push(from.send_text(&room, &large).await.0);
    }
    let path = format!("/api/rooms/{room}/messages?around={}&limit=100", mids[11]);
    let page = anna.get(&path).await.expect(200);
    let found = page["messages"].as_array().unwrap().iter();
    let found: Vec<_> = found.map(|m| m["msg"]["created_seq"].as_u64().unwrap()).collect();
    assert_eq!(found, (4..=21).collect::<Vec<_>>(), "about 256 KiB on each side");
    assert_eq!((&page["more_before"], &page["more_after"]), (&json!(true), &json!(true)));
    bert.get(&path).await.refused(404, "not_found");
    // The message is in another room than the one that is asked.
    let general = room_in(&anna.socket().await.op("hello").await, "General");
    let elsewhere = format!("/api/rooms/{general}/messages?around={}", mids[11]);
    anna.get(&elsewhere).await.refused(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_types_again_after_a_message_is_shown_typing() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let (mut a, room) = follow(&anna).await;
    let (mut b, _) = follow(&bert).await;
    for text in ["one", "two", "three"] {
        b.ok(json!({"op": "typing", "room": room})).await;
        a.find("typing of bert", |f| f["op"] == "typing" && f["uid"] == json!(bert.uid)).await;
        b.send_text(&room, text).await;
        a.find("the message", |f| f["op"] == "msg" && f["msg"]["t"] == text).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_presence_and_read_positions_reach_those_they_concern() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let (mut a, room) = follow(&anna).await;
    let (mut b, _) = follow(&bert).await;
    let mut a2 = anna.socket().await;
    a2.op("hello").await;

    b.send(json!({"op": "typing", "room": room})).await;
    let typing =
        a.find("typing of bert", |f| f["op"] == "typing" && f["uid"] == json!(bert.uid)).await;
    assert_eq!(typing["room"], json!(room));

    let uid = bert.uid.clone();
    b.ok(json!({"op": "presence", "state": "dnd", "text": "busy"})).await;
    a.find("presence of bert", |f| {
        f["op"] == "presence"
            && f["uid"] == json!(uid)
            && f["state"] == "dnd"
            && f["text"] == "busy"
    })
    .await;

    let (_, ok) = b.send_text(&room, "read me").await;
    a.op("msg").await;
    a.ok(json!({"op": "read", "room": room, "seq": ok["seq"]})).await;
    let read = a2.find("my own read position", |f| f["op"] == "read").await;
    assert_eq!((&read["room"], &read["seq"]), (&json!(room), &ok["seq"]));
    let again = anna.socket().await.op("hello").await;
    let general =
        again["rooms"].as_array().unwrap().iter().find(|r| r["id"] == json!(room)).unwrap().clone();
    assert_eq!((&general["read"], &general["unread"]), (&ok["seq"], &json!(0)));

    drop(b);
    let uid = bert.uid.clone();
    a.find("bert gone", |f| {
        f["op"] == "presence" && f["uid"] == json!(uid) && f["state"] == "offline"
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_display_name_reaches_others_and_ones_own_connections() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let (mut other, _) = follow(&bert).await;
    let mut own = anna.socket().await;
    own.op("hello").await;
    anna.patch("/api/me", json!({"display_name": "Anna B."})).await.expect(200);
    for socket in [&mut other, &mut own] {
        let user = socket.op("user").await["user"].clone();
        let seen = (&user["id"], &user["display_name"]);
        assert_eq!(seen, (&json!(anna.uid), &json!("Anna B.")));
        assert_eq!(user.get("locale"), None, "not for others: {user}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_others_are_unread_and_mentions_count_apart() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let mut idle = bert.socket().await;
    idle.op("hello").await;
    let (mut a, room) = follow(&anna).await;
    a.send_text(&room, "one").await;
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "two", "m": [bert.uid]});
    a.ok(json!({"op": "msg.send", "room": room, "msg": msg})).await;

    let activity = idle.find("the mention", |f| f["op"] == "activity" && f["mentions"] == 1).await;
    assert_eq!(activity["room"], json!(room));
    let hello = bert.socket().await.op("hello").await;
    let general =
        hello["rooms"].as_array().unwrap().iter().find(|r| r["id"] == json!(room)).unwrap().clone();
    assert_eq!((&general["unread"], &general["mentions"]), (&json!(2), &json!(1)));
    let hello = anna.socket().await.op("hello").await;
    let general =
        hello["rooms"].as_array().unwrap().iter().find(|r| r["id"] == json!(room)).unwrap().clone();
    assert_eq!(general["unread"], 0, "one's own messages are read");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_to_a_room_neither_write_nor_follow() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let made = anna.post("/api/rooms", json!({"name": "Two", "kind": "closed"})).await.expect(201);
    let room = made["id"].as_str().unwrap().to_owned();
    let mut b = bert.socket().await;
    b.op("hello").await;
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "hi"});
    for frame in [
        json!({"op": "room.subscribe", "room": room, "since": 0}),
        json!({"op": "msg.send", "room": room, "msg": msg}),
    ] {
        let answer = b.request(frame).await;
        assert_eq!(answer["op"], "err", "{answer}");
        let code = answer["code"].as_str().unwrap();
        assert!(["not_member", "not_found"].contains(&code), "{answer}");
    }
    b.err(json!({"op": "room.subscribe", "room": "999999", "since": 0}), "not_found").await;
    b.ok(json!({"op": "ping"})).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_removed_gets_nothing_more() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let made = anna.post("/api/rooms", json!({"name": "Club", "kind": "closed"})).await.expect(201);
    let room = made["id"].as_str().unwrap().to_owned();
    let members = format!("/api/rooms/{room}/members");
    let mut b = bert.socket().await;
    b.op("hello").await;
    anna.post(&members, json!({"uid": bert.uid})).await.expect(201);
    b.find("my new room", |f| f["op"] == "room" || f["op"] == "member").await;
    b.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    let mut a = anna.socket().await;
    a.send_text(&room, "heard").await;
    b.op("msg").await;

    assert_eq!(anna.delete(&format!("{members}/{}", bert.uid)).await.status, 204);
    a.send_text(&room, "unheard").await;
    b.assert_silent(Duration::from_millis(700), |f| f["op"] == "msg" || f["op"] == "activity")
        .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_are_answered_and_the_socket_lives() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    socket.op("hello").await;
    for text in ["", "nonsense", "[1]", "{}", r#"{"op":7}"#, r#"{"op":"fly"}"#] {
        socket.send_frame(0x1, text.as_bytes()).await;
        assert_eq!(socket.op("err").await["code"], "bad_request", "{text}");
    }
    socket.err(json!({"op": "room.subscribe", "room": 7}), "bad_request").await;
    socket.ok(json!({"op": "ping"})).await;

    socket.send_frame(0x1, &[0xff, 0xfe]).await;
    assert_eq!(socket.closed().await, Some(1007));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upgrade_needs_a_session_a_get_and_the_right_version() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let nobody = Client::new(server.address);
    assert_eq!(Socket::open(&nobody).await.err().map(|answer| answer.status), Some(401));
    let plain = anna.get("/ws").await;
    assert!((400..500).contains(&plain.status), "{}", plain.status);
    assert_eq!(anna.post("/ws", json!({})).await.status, 405);
    let old = format!(
        "GET /ws HTTP/1.1\r\n{}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\
         Sec-WebSocket-Key: CQkJCQkJCQkJCQkJCQkJCQ==\r\n\r\n",
        anna.fields()
    );
    let (mut stream, mut answer) =
        (tokio::net::TcpStream::connect(server.address).await.unwrap(), [0; 1024]);
    tokio::io::AsyncWriteExt::write_all(&mut stream, old.as_bytes()).await.unwrap();
    let n = tokio::io::AsyncReadExt::read(&mut stream, &mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..n]).to_ascii_lowercase();
    assert!(
        answer.starts_with("http/1.1 426 ") && answer.contains("sec-websocket-version: 13"),
        "{answer}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_says_bye_and_loses_nothing() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (mut socket, room) = follow(&anna).await;
    socket.send_text(&room, "kept").await;
    let database = server.database.clone();
    server.stop().await;
    let bye = socket.op("bye").await;
    assert_eq!(bye["code"], "restart");
    assert!(bye["retry_ms"].is_u64(), "{bye}");
    assert_eq!(socket.closed().await, Some(1001));

    let server = TestServer::start_on(&database, &[]).await;
    let anna = Client { address: server.address, ..anna };
    let anna = Client { origin: Some(format!("http://{}", server.address)), ..anna };
    let history = anna.get(&format!("/api/rooms/{room}/messages")).await.expect(200);
    assert_eq!(history["messages"][0]["msg"]["t"], "kept");
    let (mut socket, _) = follow(&anna).await;
    assert_eq!(socket.op("msg").await["msg"]["t"], "kept");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_may_live_in_another_database() {
    let (chat, accounts) = (postgres::database().await, postgres::database().await);
    let server = TestServer::start_on(&chat, &["--accounts-database-url", &accounts]).await;
    let anna = server.user("anna").await;
    let (mut socket, room) = follow(&anna).await;
    socket.send_text(&room, "apart").await;
    server.stop().await;
    assert_eq!(schemas(&chat).await, ["chat"]);
    assert_eq!(schemas(&accounts).await, ["accounts"]);
}

/// Our schemas in a database.
async fn schemas(url: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let query = "SELECT nspname::text FROM pg_namespace WHERE nspname IN ('accounts', 'chat')";
    let rows = client.query(query, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_endpoint_is_there_on_demand_only() {
    let server = TestServer::start().await;
    let nobody = Client::new(server.address);
    let refused = Socket::open_with(&nobody, "/echo", "").await.err().expect("no upgrade");
    assert_eq!(refused.status, 404);
    server.stop().await;

    let server = TestServer::start_with(&["--dev-echo", "/echo"]).await;
    let nobody = Client { origin: None, ..Client::new(server.address) };
    let mut echo = Socket::open_with(&nobody, "/echo", "").await.expect("no login needed");
    let long = json!("x".repeat(200_000));
    echo.send(long.clone()).await;
    assert_eq!(echo.receive().await, support::client::Received::Frame(long));
    server.stop().await;
}
