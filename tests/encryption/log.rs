//! Making encrypted direct chats, and their logs on the server (`e2ee.md` 6, 13.2, 13.3, 14.4 to 14.9, 15.2).

use std::time::Duration;

use impulse::base::base64url;
use impulse::base::ids::Uid;
use impulse::base::limits::encryption::{BATCH, CLOCK_MS, LOG_AGAIN};
use impulse::base::random;
use impulse::e2ee::room_log::{Body, EpochReason, KeyLink, Kind, RemoveReason, Role};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Batch, Person, Room, batches, commitment, now, uids};
use crate::process::Process;
use crate::support::TestServer;
use crate::support::client::{Answer, Client, Socket};

/// A refusal with its detail.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str, detail: Value) {
    let error = answer.json()["error"].clone();
    answer.refused(status, code);
    assert_eq!(error["detail"], detail, "{error}");
}

/// Refused for the rule that one of its entries breaks.
#[track_caller]
fn broken(answer: Answer, index: usize, rule: &str) {
    refused(answer, 400, "bad_entry", json!({"index": index, "rule": rule}));
}

/// A room in `hello` or in the list.
async fn listed(client: &Client, room: &str) -> Value {
    let rooms = client.get("/api/rooms").await.expect(200)["rooms"].as_array().unwrap().clone();
    rooms.into_iter().find(|one| one["id"] == room).unwrap_or_default()
}

/// The next event of this kind.
async fn event(socket: &mut Socket, op: &str) -> Value {
    socket.find(op, |frame| frame["op"] == op).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_chat_is_founded_by_its_entries_and_found_again_by_its_people() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let plain = json!({"kind": "dm", "members": [bob.client.uid]});
    let plain = anna.client.post("/api/rooms", plain).await.expect(201)["id"].clone();
    let (mut of_anna, mut of_bob) = (anna.client.socket().await, bob.client.socket().await);

    // Both begin it at once: there is one.
    let of_both = [Room::founding(&[&anna, &bob]).await, Room::founding(&[&bob, &anna]).await];
    let (one, other) = tokio::join!(
        anna.client.post("/api/rooms", of_both[0].founding()),
        bob.client.post("/api/rooms", of_both[1].founding()),
    );
    let [first, second] = of_both;
    let (view, found, founding, made_by) = match one.status {
        201 => (one.expect(201), other.expect(200), first, &anna),
        _ => (other.expect(201), one.expect(200), second, &bob),
    };
    assert_eq!((&view["id"], &view["rid"]), (&found["id"], &found["rid"]));
    let room = Room { id: view["id"].as_str().unwrap().to_owned(), ..founding.room };
    assert_ne!(view["id"], plain, "it stands beside the plain one");
    let rid = base64url::encode(&room.rid());
    for (name, wanted) in [
        ("name", json!("")),
        ("kind", json!("dm")),
        ("e2ee", json!(true)),
        ("rid", json!(rid)),
        ("log", room.head()),
        ("role", json!("member")),
        ("members", json!(2)),
        ("unread", json!(0)),
    ] {
        assert_eq!(view[name], wanted, "{name} of {view}");
    }
    assert_eq!(listed(&bob.client, &room.id).await["rid"], json!(rid));

    // Everybody in it hears of it, with the log and the own key.
    assert_eq!(room.log(made_by, 0).await.len(), 2);
    for (socket, person) in [(&mut of_anna, &anna), (&mut of_bob, &bob)] {
        let told = socket.find("the room", |frame| frame["room"]["id"] == room.id.as_str()).await;
        assert_eq!(told["room"]["log"], room.head());
        let log = event(socket, "log").await;
        assert_eq!((&log["seq"], &log["from"]), (&json!(1), &json!(0)), "{log}");
        assert_eq!(log["entries"], json!(founding.entries));
        let wrap = event(socket, "wrap").await;
        assert_eq!(person.open(&room.rid(), &room.kc(), &wrap), Some(room.keys[0]));
    }
    let records = room.log(&bob, 0).await;
    assert_eq!(batches(&records).into_iter().collect::<Vec<_>>(), [(1, 2)]);
    let signed: Vec<_> = records.into_iter().map(|record| record.signed).collect();
    assert_eq!(signed, founding.entries);
    let wraps = room.wraps(&bob).await;
    assert_eq!(bob.open(&room.rid(), &room.kc(), &wraps["wraps"][0]), Some(room.keys[0]));
    let nothing = json!({"epoch": 1, "shut": [], "needed": [], "why": null});
    for (name, wanted) in nothing.as_object().unwrap() {
        assert_eq!(&wraps[name], wanted, "{name}");
    }

    // The same people get the same chat, whoever of them asks, and whatever they have signed.
    let again = Room::founding(&[&bob, &anna]).await;
    let found = bob.client.post("/api/rooms", again.founding()).await.expect(200);
    assert_eq!(found["id"], view["id"]);
    let an_hour_ago = now() - 3_600_000;
    let late = Room::founding_of(&anna, &[(bob.uid(), bob.root)], an_hour_ago).await;
    let found = anna.client.post("/api/rooms", late.founding()).await.expect(200);
    assert_eq!(found["id"], view["id"], "an answer that was lost");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_founding_batch_must_be_whole_signed_now_and_bring_everybody_the_key() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let carl = Person::of(server.user("carl").await, "carl").await;
    let good = Room::founding(&[&anna, &bob]).await;
    let post = async |body: Value| anna.client.post("/api/rooms", body).await;
    let with = |name: &str, value: Value| {
        let mut body = good.founding();
        body["e2ee"][name] = value;
        body
    };

    let dn = anna.directory().await.0;
    let missing = json!({"missing": [bob.client.uid], "extra": [], "dn": dn});
    let only = json!([good.wraps[0]]);
    refused(post(with("wraps", only)).await, 409, "members_changed", missing);
    let mut other = good.wraps.clone();
    other[1]["gen"] = json!(2);
    let both = json!({"missing": [bob.client.uid], "extra": [bob.client.uid], "dn": dn});
    refused(post(with("wraps", json!(other))).await, 409, "members_changed", both);
    let mut suite = good.wraps.clone();
    suite[1]["w"] = json!(base64url::encode(&[2; 81]));
    post(with("wraps", json!(suite))).await.refused(400, "bad_request");
    suite[1]["w"] = json!(base64url::encode(&[1; 80]));
    post(with("wraps", json!(suite))).await.refused(400, "bad_request");

    let entry = |index: usize| serde_json::to_value(&good.entries[index]).unwrap();
    broken(post(with("entries", json!([entry(0)]))).await, 0, "founding");
    post(with("entries", json!([]))).await.refused(400, "bad_request");
    let mut short = entry(1);
    short["s"] = json!("AAAA");
    broken(post(with("entries", json!([entry(0), short]))).await, 1, "form");
    let mut forged = entry(1);
    forged["s"] = entry(0)["s"].clone();
    let forged = post(with("entries", json!([entry(0), forged]))).await;
    refused(forged, 400, "bad_signature", json!({"index": 1}));
    // Somebody else's session cannot send what she has signed.
    let answer = bob.client.post("/api/rooms", good.founding()).await;
    broken(answer, 0, "actor");

    let late = Room::founding_of(&anna, &[(bob.uid(), bob.root)], now() - 130_000).await;
    post(late.founding()).await.refused(400, "bad_time");

    // Whoever has no keys cannot be in it, nor who does not exist.
    for (uid, status) in [(carl.uid(), 400), (Uid(1 << 40), 404)] {
        let batch = Room::founding_of(&anna, &[(bob.uid(), bob.root), (uid, [9; 32])], now()).await;
        let answer = post(batch.founding()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // Rooms come later.
    let profile = Body::Profile { epoch: 1, sealed: vec![1; 93] };
    let mut closed = Room::founded(&anna, Kind::Closed, vec![profile], now()).await;
    closed.wraps = vec![closed.room.wrap_for(&anna)];
    post(closed.founding()).await.refused(403, "forbidden");

    // Neither a block nor a closed account nor the server's own setting is passed over.
    bob.client.request("PUT", &format!("/api/blocks/{}", anna.client.uid), None).await.expect(204);
    post(good.founding()).await.refused(403, "forbidden");
    bob.client.delete(&format!("/api/blocks/{}", anna.client.uid)).await.expect(204);
    let path = format!("/api/admin/users/{}", bob.client.uid);
    boss.patch(&path, json!({"disabled": true})).await.expect(200);
    post(good.founding()).await.refused(403, "forbidden");
    boss.patch(&path, json!({"disabled": false})).await.expect(200);
    boss.patch("/api/admin/settings", json!({"encryption": "off"})).await.expect(200);
    post(good.founding()).await.refused(403, "forbidden");
    boss.patch("/api/admin/settings", json!({"encryption": "on"})).await.expect(200);
    post(good.founding()).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_appended_to_exactly_one_head_or_not_at_all() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut carl = Person::new(&server, "carl").await;
    let stranger = server.user("dora").await;
    let mut room = Room::create(&[&anna, &bob, &carl]).await;
    let all = [&anna, &bob, &carl];

    // Of two who make a new key at once, one does.
    let one = room.rotation(&anna, &[], &[], &all).await;
    let other = room.rotation(&bob, &[], &[], &all).await;
    let (first, second) = tokio::join!(room.post(&anna, &one), room.post(&bob, &other));
    let (won, lost, batch) = match first.status {
        200 => (first, second, one),
        _ => (second, first, other),
    };
    assert_eq!(won.expect(200), json!({"seq": 2, "head": batch.room.head()}));
    room = batch.room.clone();
    refused(lost, 409, "log_conflict", json!({"head": room.head()}));
    // Whoever missed the answer finds the own entries at the head.
    let again = Room { id: room.id.clone(), ..batch.room.clone() };
    let lost = again.post(&anna, &Batch { after: batch.after.clone(), ..batch.clone() }).await;
    refused(lost, 409, "log_conflict", json!({"head": batch.room.head()}));

    // One bad entry is all of the batch.
    let good = Body::Add { uid: bob.uid(), root: bob.root, role: Role::Member };
    let length = room.log(&anna, 0).await.len();
    let mut batch = room.rotation(&anna, &[], &[], &all).await;
    let foreign = room.batch(&anna, &[good]).await;
    batch.entries.push(foreign.entries[0].clone());
    broken(room.post(&anna, &batch).await, 1, "chain");
    let of_bob = room.rotation(&bob, &[], &[], &all).await;
    broken(room.post(&anna, &of_bob).await, 0, "actor");
    let skip = room.rotation(&anna, &[], &[bob.uid()], &[&anna, &carl]).await;
    broken(room.post(&anna, &skip).await, 0, "skip");
    let mut forged = room.rotation(&anna, &[], &[], &all).await;
    forged.entries[0].sig[40] ^= 1;
    refused(room.post(&anna, &forged).await, 400, "bad_signature", json!({"index": 0}));
    for body in [
        Body::Remove { uid: bob.uid(), reason: RemoveReason::Removed },
        Body::Role { uid: bob.uid(), role: Role::Owner },
        Body::Unban { uid: bob.uid() },
    ] {
        broken(room.post(&anna, &room.batch(&anna, &[body]).await).await, 0, "kind");
    }

    // The keys must be those of the newest entries of the directory.
    let dn = anna.directory().await.0;
    let few = room.rotation(&anna, &[], &[], &[&anna, &bob]).await;
    let detail = json!({"missing": [carl.client.uid], "extra": [], "dn": dn});
    refused(room.post(&anna, &few).await, 409, "members_changed", detail);
    let before = room.rotation(&anna, &[], &[], &all).await;
    carl.rotate(&server).await;
    let detail = json!({"missing": [carl.client.uid], "extra": [], "dn": dn + 1});
    refused(room.post(&anna, &before).await, 409, "members_changed", detail);

    // The clock is the server's.
    let late = room.signed_at(&anna, now() + 130_000, &[&anna, &bob, &carl]).await;
    let answer = room.post(&anna, &late).await;
    let told = answer.json()["error"]["detail"]["now"].as_u64().unwrap();
    answer.refused(400, "bad_time");
    assert!(told.abs_diff(now()) < 60_000);
    let mut many = room.rotation(&anna, &[], &[], &[&anna, &bob, &carl]).await;
    many.entries = vec![many.entries[0].clone(); 129];
    room.post(&anna, &many).await.refused(413, "too_large");
    assert_eq!(room.log(&anna, 0).await.len(), length, "nothing was appended");

    // Nobody else finds out that the room is there.
    let batch = room.rotation(&anna, &[], &[], &[&anna, &bob, &carl]).await;
    for (method, path, body) in [
        ("GET", room.path("/log"), None),
        ("POST", room.path("/log"), Some(batch.body())),
        ("GET", room.path("/wraps"), None),
        ("POST", room.path("/wraps"), Some(json!({"wraps": batch.wraps}))),
        ("POST", room.path("/wraps/bad"), Some(json!({"epoch": 1, "gen": 1}))),
    ] {
        stranger.request(method, &path, body).await.refused(404, "not_found");
    }
    let plain = json!({"kind": "dm", "members": [bob.client.uid]});
    let plain = anna.client.post("/api/rooms", plain).await.expect(201)["id"].clone();
    let plain = format!("/api/rooms/{}/log", plain.as_str().unwrap());
    anna.client.get(&plain).await.refused(404, "not_found");
    room.append(&anna, batch).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_reaches_every_socket_of_members_once_in_its_place_and_is_no_message() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    let id = room.id.clone();
    let subscribe = |since: u64| json!({"op": "room.subscribe", "room": id, "since": since});
    let (mut following, mut elsewhere) = (anna.client.socket().await, anna.client.socket().await);
    let ok = following.ok(subscribe(0)).await;
    assert_eq!((&ok["log"], &ok["seq"]), (&room.head(), &json!(1)));
    let replayed = event(&mut following, "log").await;
    assert_eq!((&replayed["seq"], &replayed["from"]), (&json!(1), &json!(0)));

    room.rotate(&anna, &[&anna, &bob]).await;
    for socket in [&mut following, &mut elsewhere] {
        let log = event(socket, "log").await;
        assert_eq!((&log["seq"], &log["from"]), (&json!(2), &json!(2)), "{log}");
        let wrap = event(socket, "wrap").await;
        assert_eq!(anna.open(&room.rid(), &room.kc(), &wrap), Some(room.keys[1]));
        // Nothing comes twice, and nobody is told to do anything.
        socket.ok(json!({"op": "ping"})).await;
        let more = |frame: &&Value| {
            ["log", "wrap", "wraps.needed", "rotation.due", "activity"]
                .iter()
                .any(|op| frame["op"] == *op)
        };
        assert_eq!(socket.aside.iter().find(more), None);
    }
    // What was missed is replayed from memory and from the store.
    let mut later = bob.client.socket().await;
    let hello = later.find("hello", |frame| frame["op"] == "hello").await;
    let named = hello["rooms"].as_array().unwrap().iter().find(|one| one["id"] == room.id.as_str());
    assert_eq!(named.unwrap()["log"], room.head());
    let ok = later.ok(subscribe(1)).await;
    assert_eq!((&ok["log"], &ok["seq"], &ok["unread"]), (&room.head(), &json!(2), &json!(0)));
    assert_eq!(event(&mut later, "log").await["from"], json!(2));
    let database = server.database.clone();
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let bob = bob.at(server.address);
    let mut later = bob.client.socket().await;
    later.ok(json!({"op": "room.subscribe", "room": room.id, "since": 0})).await;
    let froms = [
        event(&mut later, "log").await["from"].clone(),
        event(&mut later, "log").await["from"].clone(),
    ];
    assert_eq!(froms, [json!(0), json!(2)]);
    let page = bob.client.get(&room.path("/messages")).await.expect(200);
    assert_eq!(page["messages"], json!([]));
    let anna = anna.at(server.address);
    assert_eq!(room.rotate(&anna, &[&anna, &bob]).await["seq"], json!(3));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_group_hears_no_more_and_the_next_message_needs_a_new_key() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let carl = Person::new(&server, "carl").await;
    let mut room = Room::create(&[&anna, &bob, &carl]).await;
    let mut of_anna = anna.client.socket().await;
    of_anna.ok(json!({"op": "room.subscribe", "room": room.id, "since": 1})).await;
    let mut of_carl = carl.client.socket().await;

    let own = room.path(&format!("/members/{}", carl.client.uid));
    let by_call = carl.client.delete(&own).await;
    let text = by_call.json()["error"]["message"].clone();
    by_call.refused(403, "forbidden");
    assert_eq!(text, "Members of an encrypted room change it themselves.");
    anna.client.patch(&room.path(""), json!({"topic": "x"})).await.refused(403, "forbidden");
    let add = json!({"uid": carl.client.uid});
    anna.client.post(&room.path("/members"), add).await.refused(403, "forbidden");

    room.append(&carl, room.batch(&carl, &[Room::leave(&carl)]).await).await;
    of_carl.find("the end", |frame| frame["room"]["gone"] == true).await;
    of_carl.ok(json!({"op": "ping"})).await;
    assert_eq!(of_carl.aside.iter().find(|frame| frame["op"] == "log"), None);
    carl.client.get(&room.path("/log")).await.refused(404, "not_found");
    // The founding entries may come, too: they are told to whoever is there by then.
    let log = of_anna.find("log", |frame| frame["op"] == "log" && frame["from"] != 0).await;
    assert_eq!(log["from"], json!(3));
    let left = of_anna.find("who left", |frame| frame["op"] == "member").await;
    assert_eq!((&left["uid"], &left["role"]), (&json!(carl.client.uid), &Value::Null));
    assert_eq!(room.wraps(&anna).await["why"], json!("left"));

    // A key that is missing for who has left is none too few; one that comes is too many.
    let extra = room.rotation(&anna, &[], &[], &[&anna, &bob, &carl]).await;
    let answer = room.post(&anna, &extra).await;
    assert_eq!(answer.json()["error"]["detail"]["extra"], uids(&[&carl]));
    answer.refused(409, "members_changed");
    room.rotate(&anna, &[&anna, &bob]).await;
    assert_eq!(room.wraps(&anna).await["why"], Value::Null);
    let leave = room.batch(&bob, &[Room::leave(&bob)]).await;
    broken(room.post(&bob, &leave).await, 0, "kind");

    // The three can begin a chat again, and it is another one.
    let anew = Room::create(&[&carl, &anna, &bob]).await;
    assert_ne!(anew.id, room.id);
    server.stop().await;
}

/// As a commit whose answer is lost: the tables have the batch, by which somebody leaves, and the server does not know.
async fn commit_unseen(server: &TestServer, room: &Room, batch: &Batch, leaves: &Person, seq: i64) {
    let sql = server.sql().await;
    let (id, entry) = (room.id.parse::<i64>().unwrap(), &batch.entries[0]);
    let log = "INSERT INTO chat.log (room_id, seq, batch, at, entry, sig, hash) VALUES ($1, $2, $3, 0, $4, $5, $6)";
    let number = batch.room.state.seq().cast_signed();
    let (bytes, sig, hash) = (entry.entry.as_slice(), entry.sig.as_slice(), entry.hash());
    let hash = hash.as_slice();
    sql.execute(log, &[&id, &number, &seq, &bytes, &sig, &hash]).await.unwrap();
    let row = "UPDATE chat.rooms SET last_seq = $2, log_seq = $3, log_head = $4 WHERE id = $1";
    sql.execute(row, &[&id, &seq, &number, &hash]).await.unwrap();
    let out = "DELETE FROM chat.members WHERE room_id = $1 AND user_id = $2";
    sql.execute(out, &[&id, &leaves.uid().0]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_commit_was_not_answered_is_taken_over_and_a_script_sees_none_of_it() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let carl = Person::new(&server, "carl").await;
    let mut room = Room::create(&[&anna, &bob, &carl]).await;
    room.rotate(&anna, &[&anna, &bob, &carl]).await;
    let (mut of_anna, mut of_carl) = (anna.client.socket().await, carl.client.socket().await);
    of_anna.ok(json!({"op": "room.subscribe", "room": room.id, "since": 2})).await;

    let left = room.batch(&carl, &[Room::leave(&carl)]).await;
    commit_unseen(&server, &room, &left, &carl, 3).await;
    let late = room.rotation(&anna, &[], &[], &[&anna, &bob, &carl]).await;
    refused(room.post(&anna, &late).await, 409, "log_conflict", json!({"head": left.room.head()}));
    let told = event(&mut of_anna, "log").await;
    assert_eq!((&told["seq"], &told["from"]), (&json!(3), &json!(4)), "{told}");
    of_carl.find("the end", |frame| frame["room"]["gone"] == true).await;
    room = left.room;
    assert_eq!(room.rotate(&anna, &[&anna, &bob]).await["seq"], json!(4));

    // A script that follows the room reads messages, and there are none.
    let mut tail = TcpStream::connect(server.address).await.unwrap();
    let (path, fields) = (room.path("/tail?since=0"), anna.client.fields());
    tail.write_all(format!("GET {path} HTTP/1.1\r\n{fields}\r\n").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let reading = tail.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(Duration::from_millis(700), reading).await;
    let lines = String::from_utf8_lossy(&bytes).into_owned();
    assert!(lines.contains(r#""op":"tail""#) && !lines.contains(r#""op":"log""#), "{lines}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_makes_only_so_many_keys_without_need() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    for _ in 0..10 {
        room.rotate(&anna, &[&anna, &bob]).await;
    }
    let batch = room.rotation(&anna, &[], &[], &[&anna, &bob]).await;
    room.post(&anna, &batch).await.refused(429, "rate_limited");
    // Another member has an allowance of his own, and a key that is needed is always made.
    room.rotate(&bob, &[&anna, &bob]).await;
    let mut bob = bob;
    bob.rotate(&server).await;
    assert_eq!(room.wraps(&anna).await["why"], json!("keys"));
    room.rotate(&anna, &[&anna, &bob]).await;
    let batch = room.rotation(&anna, &[], &[], &[&anna, &bob]).await;
    room.post(&anna, &batch).await.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_backup_has_lost_of_a_log_is_brought_back_by_whoever_has_it() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let (carl, stranger) = (Person::new(&server, "carl").await, server.user("dora").await);
    let mut room = Room::create(&[&anna, &bob, &carl]).await;
    let saved = room.clone();
    // After the backup: a new key, somebody leaves, one more key.
    let first = room.rotation(&anna, &[], &[], &[&anna, &bob, &carl]).await;
    room.append(&anna, first.clone()).await;
    let second = room.batch(&carl, &[Room::leave(&carl)]).await;
    room.append(&carl, second.clone()).await;
    let third = room.rotation(&bob, &[], &[], &[&anna, &bob]).await;
    room.append(&bob, third.clone()).await;
    let bare = |batch: &Batch| Batch { wraps: Vec::new(), ..batch.clone() };
    let database = server.database.clone();
    // Clocks may have been two minutes ahead of the server's then.
    forget_after(&server, &saved, now() - 120_000).await;
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bob) = (anna.at(server.address), bob.at(server.address));
    let (carl, stranger) = (carl.at(server.address), stranger.at(server.address));
    assert_eq!(saved.log(&bob, 0).await.len(), 3);
    let (mut of_anna, mut of_carl) = (anna.client.socket().await, carl.client.socket().await);
    refused(
        room.post(&bob, &bare(&second)).await,
        409,
        "log_conflict",
        json!({"head": saved.head()}),
    );
    let mut guessed = first.body();
    guessed["head"]["hash"] = json!(base64url::encode(&[1; 32]));
    stranger.post(&saved.path("/log"), guessed).await.refused(404, "not_found");
    // Bob brings back what Anna and Carl have signed, without keys, and everything gets a place of its own.
    let posted = room.post(&bob, &bare(&first)).await.expect(200);
    assert_eq!(posted, json!({"seq": 2, "head": first.room.head()}));
    assert_eq!(event(&mut of_anna, "log").await["seq"], json!(2));
    room.post(&bob, &bare(&second)).await.expect(200);
    of_carl.find("the end", |frame| frame["room"]["gone"] == true).await;
    // Carl is out again. That he knows the log lets him bring the rest, and nothing else.
    room.post(&carl, &bare(&third)).await.expect(200);
    carl.client.get(&room.path("/log")).await.refused(404, "not_found");
    let new = room.rotation(&anna, &[], &[], &[&anna, &bob]).await;
    broken(room.post(&carl, &new).await, 0, "actor");
    broken(room.post(&bob, &new).await, 0, "actor");
    room.post(&anna, &bare(&new)).await.refused(409, "members_changed");
    assert_eq!(room.wraps(&bob).await["wraps"].as_array().unwrap().len(), 1);
    assert_eq!(room.append(&anna, new).await["seq"], json!(5));

    // After a week it is too late.
    forget_after(&server, &saved, now() - 8 * 24 * 3_600_000).await;
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (bob, carl) = (bob.at(server.address), carl.at(server.address));
    broken(saved.post(&bob, &bare(&first)).await, 0, "actor");
    carl.client.get(&saved.path("/log")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_with_an_old_time_after_a_restore_are_so_many_and_take_nobody_s_keys_away() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    let database = server.database.clone();
    // As if a restore had begun just before: the founding entries came after it, and are of before it.
    let time = room.state.time_ms;
    let restored_at = (time - CLOCK_MS).cast_signed();
    let set = "UPDATE chat.instance SET restored_at = $1";
    server.sql().await.execute(set, &[&restored_at]).await.unwrap();
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bob) = (anna.at(server.address), bob.at(server.address));
    let directory = anna.directory().await;
    // Keys for nobody, by somebody who may make ten an hour.
    let flood = |anna: &Person, room: &Room, count: u64| {
        let mut next = room.clone();
        let bodies = (room.epoch() + 1..).zip(0..count).map(|(n, _)| {
            let key = random::bytes().unwrap();
            next.keys.push(key);
            let links = vec![KeyLink { epoch: n - 1, nonce: [1; 12], sealed: [2; 48] }];
            let (kc, skip) = (commitment(&key, n), Vec::new());
            Body::Epoch { n, kc, links, skip, reason: EpochReason::Manual }
        });
        let bodies: Vec<_> = bodies.collect();
        let entries = next.sign_all(anna, &bodies, directory, time);
        Batch { after: room.head(), entries, wraps: Vec::new(), room: next }
    };
    let mut left = LOG_AGAIN - 2;
    while left > BATCH as u64 {
        room.append(&anna, flood(&anna, &room, BATCH as u64)).await;
        left -= BATCH as u64;
    }
    room.post(&anna, &flood(&anna, &room, left + 1)).await.refused(403, "forbidden");
    room.append(&anna, flood(&anna, &room, left)).await;
    room.post(&anna, &flood(&anna, &room, 1)).await.refused(403, "forbidden");
    // The bound counts what is stored.
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bob) = (anna.at(server.address), bob.at(server.address));
    room.post(&anna, &flood(&anna, &room, 1)).await.refused(403, "forbidden");
    // What is new is taken as always, and the way into the history is there.
    room.rotate(&bob, &[&anna, &bob]).await;
    let wraps = room.wraps(&bob).await["wraps"].clone();
    assert_eq!((&wraps[0]["epoch"], &wraps[1]["epoch"]), (&json!(room.epoch()), &json!(1)));
    assert_eq!(bob.open(&room.rid(), &commitment(&room.keys[0], 1), &wraps[1]), Some(room.keys[0]));
    server.stop().await;
}

/// Sets the tables back to what they were when the log was that of `saved`, as a restore at that time does.
async fn forget_after(server: &TestServer, saved: &Room, at: u64) {
    let sql = server.sql().await;
    let (id, seq): (i64, i64) = (saved.id.parse().unwrap(), saved.state.seq().cast_signed());
    let head = saved.state.head.as_slice();
    sql.execute("DELETE FROM chat.log WHERE room_id = $1 AND seq > $2", &[&id, &seq])
        .await
        .unwrap();
    sql.execute("DELETE FROM chat.epoch_wraps WHERE room_id = $1 AND epoch > 1", &[&id])
        .await
        .unwrap();
    let row =
        "UPDATE chat.rooms SET log_seq = $2, log_head = $3, epoch = 1, last_seq = 1 WHERE id = $1";
    sql.execute(row, &[&id, &seq, &head]).await.unwrap();
    for (uid, member) in &saved.state.members {
        let put = "INSERT INTO chat.members (room_id, user_id, role, joined_at, root, since_seq, since_dn)
                   VALUES ($1, $2, 'member', 0, $3, $4, $5) ON CONFLICT DO NOTHING";
        let (root, since, dn) =
            (member.root.as_slice(), member.since_seq.cast_signed(), member.since_dn.cast_signed());
        sql.execute(put, &[&id, &uid.0, &root, &since, &dn]).await.unwrap();
    }
    let at = at.cast_signed();
    sql.execute("UPDATE chat.instance SET restored_at = $1", &[&at]).await.unwrap();
}

#[test]
fn a_batch_of_a_server_that_was_killed_is_there_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(crate::support::postgres::database());
    let folder = tempfile::tempdir().unwrap();
    let start = || Process::start(folder.path(), &[("DATABASE_URL", &database)]);
    let address = |process: &Process| process.address.parse().unwrap();
    let mut process = start();
    let (mut anna, mut bob, mut room) = runtime.block_on(async {
        let anna = Person::register(address(&process), "anna").await;
        let bob = Person::register(address(&process), "bob").await;
        let room = Room::create(&[&anna, &bob]).await;
        (anna, bob, room)
    });
    for round in 0..4u64 {
        let batch = runtime.block_on(room.rotation(&anna, &[], &[], &[&anna, &bob]));
        let (client, path, body) = (anna.client.clone(), room.path("/log"), batch.body());
        // Its answer is never read.
        let sent = runtime.spawn(async move { client.post(&path, body).await });
        std::thread::sleep(std::time::Duration::from_millis(4 * round));
        process.kill_9();
        sent.abort();
        process = start();
        (anna, bob) = (anna.at(address(&process)), bob.at(address(&process)));
        runtime.block_on(async {
            let answer = room.post(&anna, &batch).await;
            match answer.status {
                200 => {}
                _ => refused(answer, 409, "log_conflict", json!({"head": batch.room.head()})),
            }
            room = batch.room;
            let records = room.log(&bob, 0).await;
            assert_eq!(records.len() as u64, room.state.next_seq, "round {round}");
            assert_eq!(batches(&records).len() as u64, round + 2);
            let wraps = room.wraps(&bob).await;
            let key = bob.open(&room.rid(), &room.kc(), &wraps["wraps"][0]);
            assert_eq!(key.as_ref(), room.keys.last(), "the keys came with it");
        });
    }
}
