//! People over real sockets and a real database: names, statuses and presence, as others see them.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use impulse::base::time::now_ms;

use crate::support::TestServer;
use crate::support::client::{Client, Socket, registration};
use crate::support::crowd::{crowd, guest};

async fn profile(by: &Client, of: &Client) -> Value {
    by.get(&format!("/api/users/{}", of.uid)).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_seen_by_others_until_it_ends_and_survives_signing_out() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let mut his = ben.socket().await;
    his.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let mut hers = anna.socket().await;
    let of_anna = |frame: &Value| frame["op"] == "presence" && frame["uid"] == anna.uid.as_str();
    let is_online = |frame: &Value| of_anna(frame) && frame["state"] == "online";
    // Set aside, this one would be taken for the end of her choice.
    his.find("that she is here", is_online).await;
    let until = now_ms() + 4_000;
    let status = json!({"state": "dnd", "text": "🎧 deep work", "until": until});
    let me = anna.patch("/api/me", json!({"status": status})).await.expect(200);
    assert_eq!(me["status"], status);
    let busy = |frame: &Value| of_anna(frame) && frame["state"] == "dnd";
    let told = his.find("that she is busy", busy).await;
    assert_eq!((&told["text"], &told["until"]), (&json!("🎧 deep work"), &json!(until)));
    // A device that falls idle reports it, but the status she chose takes precedence.
    hers.ok(json!({"op": "presence", "state": "away"})).await;
    assert_eq!(profile(&ben, &anna).await["status"]["state"], "dnd");
    // Offline, her words are still there.
    drop(hers);
    let gone = |frame: &Value| of_anna(frame) && frame["state"] == "offline";
    his.find("that she is gone", gone).await;
    let seen = profile(&ben, &anna).await["status"].clone();
    assert_eq!(seen, json!({"state": "offline", "text": "🎧 deep work", "until": until}));
    // Back on a new device, what she chose comes along, until it ends by itself.
    let _hers = anna.socket().await;
    his.find("that she is busy again", busy).await;
    let told = his.find("the end of it", is_online).await;
    assert_eq!(told.get("text"), None);
    let me = anna.get("/api/me").await.expect(200);
    assert_eq!(me["status"], json!({"state": "online", "text": "", "until": null}));
    anna.patch("/api/me", json!({"status": {"state": "away", "until": 1}}))
        .await
        .refused(400, "bad_request");
    anna.patch("/api/me", json!({"status": {"state": "offline"}}))
        .await
        .refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_only_looks_like_another_is_not_given_out() {
    let server = TestServer::start().await;
    server.user("copa").await;
    let nobody = Client::new(server.address);
    let register = |name: &str| {
        let (nobody, body) = (nobody.clone(), registration(name));
        async move { nobody.post("/api/auth/register", body).await }
    };
    register("сора").await.refused(409, "conflict");
    register("COPA").await.refused(409, "conflict");
    register("cоpa").await.refused(400, "bad_request");
    register("copa\u{200b}").await.refused(400, "bad_request");
    register("соратник").await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_from_before_looks_were_kept_are_protected_and_found_after_the_next_start() {
    let server = TestServer::start().await;
    let (anna, database) = (server.user("anna").await, server.database.clone());
    let old = "INSERT INTO accounts.users (username, username_key, display_name, created_at)
               VALUES ('TOM', 'tom', 'ÄPFEL', 1), ('Том', 'том', '', 2)";
    server.sql().await.batch_execute(old).await.unwrap();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let nobody = Client::new(server.address);
    // In Cyrillic capitals the name of the second, in Greek ones the look of the first.
    let answer = nobody.post("/api/auth/register", registration("ТОМ")).await;
    answer.refused(409, "conflict");
    let answer = nobody.post("/api/auth/register", registration("ΤΟΜ")).await;
    answer.refused(409, "conflict");
    let found = anna.at(server.address).get("/api/users?q=%C3%A4pf").await.expect(200);
    assert_eq!(found["users"][0]["username"], "TOM");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn display_names_and_rooms_take_no_invisible_letters() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    for name in ["a\u{202e}b", "\u{200b}", "x\u{feff}"] {
        anna.patch("/api/me", json!({"display_name": name})).await.refused(400, "bad_request");
        let room = json!({"name": name, "kind": "open"});
        anna.post("/api/rooms", room).await.refused(400, "bad_request");
    }
    let me = anna.patch("/api/me", json!({"display_name": " Zoe\u{308} "})).await.expect(200);
    assert_eq!(me["display_name"], "Zoë");
    anna.post("/api/rooms", json!({"name": "ÄPFEL", "kind": "open"})).await.expect(201);
    anna.post("/api/rooms", json!({"name": "a\u{308}pfel", "kind": "open"}))
        .await
        .refused(409, "conflict");
    server.stop().await;
}

fn presence_of(uid: &str, state: &str) -> impl Fn(&Value) -> bool {
    let (uid, state) = (uid.to_owned(), state.to_owned());
    move |frame| {
        frame["op"] == "presence"
            && frame["uid"] == uid.as_str()
            && frame["state"] == state.as_str()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_said_on_a_socket_stay_in_the_account_and_empty_ones_take_them_away() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let (mut hers, mut his) = (anna.socket().await, ben.socket().await);
    his.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let until = now_ms() + 3_600_000;
    hers.ok(
        json!({"op": "presence", "state": "online", "text": " in the garden ", "until": until}),
    )
    .await;
    let said = |frame: &Value| frame["op"] == "presence" && frame["text"] == "in the garden";
    assert_eq!(his.find("the words", said).await["until"], until);
    let chosen = json!({"state": "online", "text": "in the garden", "until": until});
    assert_eq!(anna.get("/api/me").await.expect(200)["status"], chosen);
    // Without `text` they stay; what is no text or has ended already changes nothing.
    hers.ok(json!({"op": "presence", "state": "away"})).await;
    for (text, until) in [("a\nb", None), ("a\u{202e}b", None), ("late", Some(1))] {
        let frame = json!({"op": "presence", "state": "online", "text": text, "until": until});
        hers.err(frame, "bad_request").await;
    }
    drop(hers);
    his.find("that she is gone", presence_of(&anna.uid, "offline")).await;
    let seen = profile(&ben, &anna).await["status"].clone();
    assert_eq!(seen, json!({"state": "offline", "text": "in the garden", "until": until}));
    // They are in the database by the time the server has stopped, and nowhere else.
    let database = server.database.clone();
    drop(his);
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, ben) = (anna.at(server.address), ben.at(server.address));
    assert_eq!(anna.get("/api/me").await.expect(200)["status"], chosen);
    let (mut hers, mut his) = (anna.socket().await, ben.socket().await);
    his.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    his.find("her with the words", said).await;
    hers.ok(json!({"op": "presence", "state": "online", "text": ""})).await;
    let silent =
        |frame: &Value| presence_of(&anna.uid, "online")(frame) && frame.get("text").is_none();
    his.find("her without them", silent).await;
    drop((hers, his));
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let none = json!({"state": "online", "text": "", "until": null});
    assert_eq!(anna.at(server.address).get("/api/me").await.expect(200)["status"], none);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_together_make_what_others_see() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let mut his = ben.socket().await;
    his.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let (mut phone, mut desk) = (anna.socket().await, anna.socket().await);
    his.find("her", presence_of(&anna.uid, "online")).await;
    phone.ok(json!({"op": "presence", "state": "dnd"})).await;
    his.find("dnd of one device", presence_of(&anna.uid, "dnd")).await;
    desk.ok(json!({"op": "presence", "state": "away"})).await;
    drop(phone);
    his.find("the idle one that is left", presence_of(&anna.uid, "away")).await;
    // What she chose outlives every device.
    anna.patch("/api/me", json!({"status": {"state": "dnd", "text": "busy"}})).await.expect(200);
    his.find("what she chose", presence_of(&anna.uid, "dnd")).await;
    desk.ok(json!({"op": "presence", "state": "online"})).await;
    drop(desk);
    his.find("nobody", presence_of(&anna.uid, "offline")).await;
    let _new = anna.socket().await;
    his.find("what she chose, again", presence_of(&anna.uid, "dnd")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_removed_account_a_neutral_author_is_left_and_a_disabled_one_is_marked() {
    let server = TestServer::start().await;
    let (anna, ben, cora) =
        (server.user("anna").await, server.user("ben").await, server.user("cora").await);
    let words = json!({"display_name": "Cora", "bio": "Gardens", "status": {"state": "online", "text": "hi"}});
    cora.patch("/api/me", words).await.expect(200);
    let sql = server.sql().await;
    sql.execute("UPDATE accounts.users SET disabled_at = 1 WHERE username = 'ben'", &[])
        .await
        .unwrap();
    sql.execute(
        "UPDATE accounts.users SET disabled_at = 1, removed_at = 1 WHERE username = 'cora'",
        &[],
    )
    .await
    .unwrap();
    let seen = profile(&anna, &ben).await;
    assert_eq!((&seen["username"], &seen["disabled"]), (&json!("ben"), &json!(true)));
    let neutral = json!({
        "id": cora.uid, "uid": cora.uid, "username": "", "display_name": "", "bio": "",
        "avatar": null, "status": {"state": "offline", "text": null, "until": null}, "removed": true,
    });
    assert_eq!(profile(&anna, &cora).await, neutral);
    anna.get("/api/users/999999").await.refused(404, "not_found");
    let found = anna.get("/api/users").await.expect(200);
    let names: Vec<_> = found["users"].as_array().unwrap().iter().map(|u| &u["username"]).collect();
    assert_eq!(names, ["anna"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_ten_thousand_is_paged_without_a_gap_and_searched_in_any_case() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let sql = server.sql().await;
    sql.batch_execute(
        "INSERT INTO accounts.users (username, username_key, display_name, display_key, created_at)
         SELECT 'user' || n, 'user' || n, 'Человек ' || n, 'человек ' || n, 1
         FROM generate_series(1, 10000) n;
         ANALYZE accounts.users",
    )
    .await
    .unwrap();
    let (mut seen, mut pages, mut after) = (HashSet::new(), 0, String::new());
    loop {
        let path = format!("/api/users?limit=200{after}");
        let page = anna.get(&path).await.expect(200);
        for user in page["users"].as_array().unwrap() {
            assert!(seen.insert(user["uid"].as_str().unwrap().to_owned()), "twice: {user}");
        }
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((seen.len(), pages), (10_001, 51));
    // "ЧЕЛОВЕК 777", percent-encoded: by display name, whatever the case.
    let q = "%D0%A7%D0%95%D0%9B%D0%9E%D0%92%D0%95%D0%9A%20777";
    let found = anna.get(&format!("/api/users?q={q}")).await.expect(200);
    assert_eq!(found["users"].as_array().unwrap().len(), 11, "777 and 7770 to 7779");
    assert_eq!(
        anna.get("/api/users?q=SER9999").await.expect(200)["users"][0]["username"],
        "user9999"
    );
    assert_eq!(anna.get("/api/users?q=nobody").await.expect(200)["users"], json!([]));
    for wrong in ["limit=0", "limit=201", "limit=x", "after=%3D"] {
        anna.get(&format!("/api/users?{wrong}")).await.refused(400, "bad_request");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_who_come_online_at_once_storm_nobody() {
    let server = TestServer::start().await;
    let (anna, database) = (server.user("anna").await, server.database.clone());
    server.stop().await;
    // The first hundred are members of Random, too.
    crowd(&database, 300, |n| if n <= 100 { &[1, 2] } else { &[1] }).await;
    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    let mut watch = anna.socket().await;
    for room in ["1", "2"] {
        watch.ok(json!({"op": "room.subscribe", "room": room})).await;
    }
    let in_random: HashSet<_> = anna.get("/api/rooms/2/members").await.expect(200)["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["uid"].as_str().unwrap().to_owned())
        .filter(|uid| *uid != anna.uid)
        .collect();
    assert_eq!(in_random.len(), 100);
    let begun = Instant::now();
    let coming: Vec<_> = (1..=300)
        .map(|n| {
            let guest = guest(server.address, n);
            tokio::spawn(async move {
                // Two devices, and a change of mind on each.
                let mut sockets: [Socket; 2] = [guest.socket().await, guest.socket().await];
                for socket in &mut sockets {
                    socket.ok(json!({"op": "presence", "state": "away"})).await;
                    socket.ok(json!({"op": "presence", "state": "online"})).await;
                }
                sockets
            })
        })
        .collect();
    let mut sockets = Vec::new();
    for guest in coming {
        sockets.extend(guest.await.unwrap());
    }
    // Presence is published of everybody in the small room, and of nobody who is in the large one only.
    let mut told: HashMap<String, Vec<Value>> = HashMap::new();
    let all_online = |told: &HashMap<String, Vec<Value>>| {
        let online = |events: &Vec<Value>| events.last().is_some_and(|e| e["state"] == "online");
        told.len() == 100 && told.values().all(online)
    };
    while !all_online(&told) {
        let frame = watch.op("presence").await;
        let uid = frame["uid"].as_str().unwrap().to_owned();
        if uid != anna.uid {
            assert!(in_random.contains(&uid), "told of somebody in a room of 301: {frame}");
            told.entry(uid).or_default().push(frame);
        }
    }
    let of_crowd = |frame: &Value| frame["op"] == "presence" && frame["uid"] != anna.uid.as_str();
    watch.assert_silent(Duration::from_millis(2_500), of_crowd).await;
    // Six changes each: but at most one event a tick, however many ticks it took here.
    let ticks = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    let most = told.values().map(Vec::len).max().unwrap();
    assert!(most <= ticks, "{most} events of one person in {ticks} ticks");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_name_looks_like_another_is_marked_as_long_as_it_does() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (mira, ben, carl) =
        (server.user("mira").await, server.user("ben").await, server.user("carl").await);
    let mut watching = carl.socket().await;
    watching.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let marked = async |who: &Client| profile(&carl, who).await.get("ambiguous").is_some();
    let call = async |who: &Client, name: &str| {
        who.patch("/api/me", json!({"display_name": name})).await.expect(200)
    };
    call(&mira, "Mira Li").await;
    assert!(!marked(&mira).await);
    // The same in other letters, with another blank and another case: both are marked, and it is published.
    call(&ben, "mіrа\u{2003}Li").await;
    for who in [&mira, &ben] {
        assert!(marked(who).await);
        let told = |frame: &Value| {
            frame["user"]["uid"] == who.uid.as_str() && frame["user"]["ambiguous"] == true
        };
        watching.find("the mark", told).await;
    }
    let found = carl.get("/api/users?q=mira").await.expect(200);
    assert_eq!(found["users"][0]["ambiguous"], true);
    call(&ben, "Ben").await;
    assert!(!marked(&mira).await && !marked(&ben).await);
    watching.aside.clear();
    // Somebody else's user name is a name like another; whoever has it keeps being told apart, too.
    call(&ben, "CARL").await;
    assert!(marked(&ben).await && marked(&carl).await);
    call(&carl, "Charles").await;
    assert!(marked(&ben).await && !marked(&carl).await);
    // Three of a name, of whom one and another goes.
    for who in [&mira, &ben, &carl] {
        call(who, "Sam").await;
    }
    assert!(marked(&mira).await && marked(&ben).await && marked(&carl).await);
    call(&ben, "").await;
    assert!(marked(&mira).await && !marked(&ben).await && marked(&carl).await);
    let path = format!("/api/admin/users/{}", mira.uid);
    boss.request("DELETE", &path, Some(json!({"messages": "keep"}))).await;
    assert!(!marked(&carl).await && !marked(&mira).await);
    boss.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert!(marked(&carl).await && marked(&mira).await);
    let mira = Client::login(server.address, "mira").await;
    // Another user name, and a new account, may meet a name that is there already.
    call(&mira, "Dora").await;
    assert!(!marked(&mira).await);
    let dora = server.user("dora").await;
    assert!(marked(&mira).await && marked(&dora).await);
    boss.patch(&format!("/api/admin/users/{}", dora.uid), json!({"username": "theo"}))
        .await
        .expect(200);
    assert!(!marked(&mira).await && !marked(&dora).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_take_a_name_at_once_both_are_marked_also_after_an_interruption() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let marked = async |who: &Client| profile(who, who).await.get("ambiguous").is_some();
    for name in ["Sam", "Kim", "Alex"] {
        let body = json!({"display_name": name});
        let (one, other) =
            tokio::join!(anna.patch("/api/me", body.clone()), ben.patch("/api/me", body));
        one.expect(200);
        other.expect(200);
        assert!(marked(&anna).await && marked(&ben).await, "{name}");
    }
    let database = server.database.clone();
    // As a server leaves it that ends between the two steps, and one that does not know of it.
    let sql = server.sql().await;
    sql.execute("UPDATE accounts.users SET display_name = 'Ben'", &[]).await.unwrap();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, ben) = (anna.at(server.address), ben.at(server.address));
    assert!(marked(&anna).await && marked(&ben).await);
    anna.patch("/api/me", json!({"display_name": ""})).await.expect(200);
    assert!(!marked(&anna).await && !marked(&ben).await);
    server.stop().await;
}
