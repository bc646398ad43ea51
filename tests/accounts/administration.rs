//! What administrators do, over real sockets and a real database: what it changes for others at once,
//! what is refused, and what the audit log says about it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::support::TestServer;
use crate::support::client::{Client, auth_of, new_mid, registration};

async fn sql(server: &TestServer, statement: &str) -> u64 {
    let (client, connection) = tokio_postgres::connect(&server.database, NoTls).await.unwrap();
    let running = tokio::spawn(connection);
    let changed = client.execute(statement, &[]).await.unwrap();
    drop(client);
    let _ = running.await;
    changed
}

fn user(client: &Client) -> String {
    format!("/api/admin/users/{}", client.uid)
}

async fn remove(by: &Client, who: &Client, messages: &str) -> u16 {
    by.request("DELETE", &user(who), Some(json!({"messages": messages}))).await.status
}

async fn actions(chief: &Client) -> Vec<String> {
    let log = chief.get("/api/admin/audit").await.expect(200);
    let entries = log["entries"].as_array().unwrap().clone();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_admin_administrates() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    let nobody = Client::new(server.address);
    let uid = &anna.uid;
    let calls = [
        ("GET", "users".to_owned()),
        ("POST", "users".to_owned()),
        ("GET", format!("users/{uid}")),
        ("PATCH", format!("users/{uid}")),
        ("DELETE", format!("users/{uid}")),
        ("POST", format!("users/{uid}/restore")),
        ("POST", format!("users/{uid}/reset")),
        ("DELETE", format!("users/{uid}/sessions")),
        ("GET", "rooms".to_owned()),
        ("POST", "rooms".to_owned()),
        ("PATCH", "rooms/1".to_owned()),
        ("DELETE", "rooms/1".to_owned()),
        ("POST", "rooms/1/restore".to_owned()),
        ("GET", "invites".to_owned()),
        ("POST", "invites".to_owned()),
        ("DELETE", "invites/1".to_owned()),
        ("GET", "settings".to_owned()),
        ("PATCH", "settings".to_owned()),
        ("GET", "audit".to_owned()),
        ("GET", "audit/verify".to_owned()),
        ("GET", "stats".to_owned()),
        ("POST", "purge".to_owned()),
    ];
    for (method, path) in &calls {
        let path = format!("/api/admin/{path}");
        let body = (*method != "GET").then(|| json!({}));
        anna.request(method, &path, body.clone()).await.refused(403, "forbidden");
        nobody.request(method, &path, body).await.refused(401, "unauthorized");
    }
    for (method, path) in calls.iter().filter(|(method, _)| *method == "GET") {
        let answer = chief.request(method, &format!("/api/admin/{path}"), None).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_made_by_an_admin_chooses_the_password_himself() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let body = json!({"username": "dora", "display_name": "Dora D."});
    let made = chief.post("/api/admin/users", body.clone()).await.expect(201);
    assert_eq!((&made["state"], &made["new"]), (&json!("active"), &json!(true)));
    chief.post("/api/admin/users", body).await.refused(409, "conflict");
    let login = json!({"username": "dora", "auth": auth_of("dora")});
    let dora = Client::new(server.address);
    dora.post("/api/auth/login", login.clone()).await.refused(401, "bad_credentials");

    let ticket = made["ticket"].as_str().unwrap();
    assert_eq!(made["path"], format!("/reset#{ticket}"));
    let ticket_view = dora.post("/api/auth/ticket", json!({"ticket": ticket})).await.expect(200);
    assert_eq!((&ticket_view["username"], &ticket_view["new"]), (&json!("dora"), &json!(true)));
    let mut prepare = registration("dora");
    prepare["by"] = json!({"ticket": ticket});
    let prepared = dora.post("/api/auth/password/prepare", prepare).await.expect(200);
    let commit = json!({"pending": prepared["pending"]});
    assert_eq!(dora.post("/api/auth/password/commit", commit).await.status, 204);
    dora.post("/api/auth/login", login).await.expect(200);
    let shown = chief.get(&format!("/api/admin/users/{}", made["id"].as_str().unwrap())).await;
    let shown = shown.expect(200);
    assert_eq!((&shown["new"], &shown["rooms"]), (&json!(false), &json!(3)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_out_at_once_and_in_again_when_enabled() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    let token = anna.post("/api/tokens", json!({})).await.expect(201);
    let script = anna.with_token(token["token"].as_str().unwrap());
    script.get("/api/me").await.expect(200);
    let mut socket = anna.socket().await;

    chief.patch(&user(&anna), json!({"disabled": true})).await.expect(200);
    let bye = tokio::time::timeout(Duration::from_secs(1), socket.op("bye")).await;
    assert_eq!(bye.expect("within a second")["code"], "revoked");
    assert_eq!(socket.closed().await, Some(1008));
    anna.get("/api/me").await.refused(401, "unauthorized");
    script.get("/api/me").await.refused(401, "unauthorized");
    let login = json!({"username": "anna", "auth": auth_of("anna")});
    anna.post("/api/auth/login", login).await.refused(401, "bad_credentials");
    // Others still see who wrote what.
    let seen = chief.get(&format!("/api/users/{}", anna.uid)).await.expect(200);
    assert_eq!((&seen["username"], &seen["disabled"]), (&json!("anna"), &json!(true)));

    // The second one gets an error that names the change of the first.
    let again = chief.patch(&user(&anna), json!({"disabled": true})).await.expect(409);
    let sentence = "This account has been disabled already. It was boss.";
    assert_eq!(again["error"], json!({"code": "conflict", "message": sentence}));
    let shown = chief.get(&user(&anna)).await.expect(200);
    assert_eq!(shown["sessions"], 0);
    assert!(shown["seen_at"].is_i64(), "who has no session any more was here all the same");
    chief.patch(&user(&anna), json!({"disabled": false})).await.expect(200);
    Client::login(server.address, "anna").await.get("/api/me").await.expect(200);
    script.get("/api/me").await.expect(200);
    assert_eq!(actions(&chief).await[..2], ["user.enable", "user.disable"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_user_leaves_a_neutral_author_and_comes_back_as_he_was() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let own =
        anna.post("/api/rooms", json!({"name": "Nook", "kind": "closed", "members": [ben.uid]}));
    let room = own.await.expect(201)["id"].as_str().unwrap().to_owned();
    let (mut hers, mut his) = (anna.socket().await, ben.socket().await);
    his.ok(json!({"op": "room.subscribe", "room": room})).await;
    hers.send_text(&room, "mine").await;
    his.find("the message", |frame| frame["op"] == "msg").await;

    assert_eq!(remove(&chief, &anna, "keep").await, 204);
    assert_eq!(hers.closed().await, Some(1008));
    let left = |frame: &Value| frame["op"] == "member" && frame["uid"] == anna.uid.as_str();
    assert_eq!(his.find("that she left", left).await.get("role"), None);
    // The room has a new owner: the one who is left.
    let view = ben.get(&format!("/api/rooms/{room}")).await.expect(200);
    assert_eq!((&view["role"], &view["members"]), (&json!("owner"), &json!(1)));
    let page = ben.get(&format!("/api/rooms/{room}/messages")).await.expect(200);
    assert_eq!(page["messages"][0]["msg"]["t"], "mine");
    let author = ben.get(&format!("/api/users/{}", anna.uid)).await.expect(200);
    assert_eq!((&author["removed"], &author["username"]), (&json!(true), &json!("")));
    let found = ben.get("/api/users?q=anna").await.expect(200);
    assert_eq!(found["users"], json!([]));
    let taken = Client::new(server.address).post("/api/auth/register", registration("anna")).await;
    taken.refused(409, "conflict");
    assert_eq!(remove(&chief, &anna, "keep").await, 409);

    let list = chief.get("/api/admin/users?state=removed").await.expect(200);
    assert_eq!(list["users"][0]["username"], "anna");
    assert!(list["users"][0]["purge_at"].is_i64());
    chief.post(&format!("{}/restore", user(&anna)), json!({})).await.expect(200);
    chief.post(&format!("{}/restore", user(&anna)), json!({})).await.refused(409, "conflict");
    let anna = Client::login(server.address, "anna").await;
    let view = anna.get(&format!("/api/rooms/{room}")).await.expect(200);
    assert_eq!(view["role"], "owner");
    anna.socket().await.send_text(&room, "back again").await;
    his.find("her word", |frame| frame["msg"]["t"] == "back again").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_removed_user_wrote_goes_with_him_and_comes_back_with_him() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let rooms = ben.get("/api/rooms").await.expect(200);
    let room = rooms["rooms"][0]["id"].as_str().unwrap().to_owned();
    let (mut hers, mut his) = (anna.socket().await, ben.socket().await);
    his.ok(json!({"op": "room.subscribe", "room": room})).await;
    let (spam, _) = hers.send_text(&room, "spam").await;
    let (word, _) = his.send_text(&room, "an honest word").await;
    hers.ok(json!({"op": "msg.send", "room": room,
        "msg": {"mid": new_mid(), "rev": 0, "kind": "react", "ref": word, "e": "😈"}}))
        .await;
    his.find("the reaction", |frame| frame["msg"]["reactions"].is_array()).await;

    assert_eq!(remove(&chief, &anna, "erase").await, 204);
    let gone = |mid: String| {
        move |frame: &Value| frame["msg"]["mid"] == mid.as_str() && frame["seq"].as_u64() > Some(3)
    };
    let event = his.find("the end of the spam", gone(spam.clone())).await;
    assert_eq!((&event["msg"]["kind"], &event["seq"]), (&json!("del"), &json!(4)));
    let event = his.find("the reaction's end", gone(word.clone())).await;
    assert_eq!((event["msg"].get("reactions"), &event["seq"]), (None, &json!(5)));
    let page = ben.get(&format!("/api/rooms/{room}/messages")).await.expect(200);
    assert_eq!(page["messages"][0]["msg"].get("t"), None);
    assert!(!page.to_string().contains("spam"));

    chief.post(&format!("{}/restore", user(&anna)), json!({})).await.expect(200);
    let back = |frame: &Value| frame["msg"]["t"] == "spam" && frame["seq"].as_u64() > Some(5);
    let event = his.find("the message again", back).await;
    assert_eq!((&event["msg"]["rev"], &event["seq"]), (&json!(0), &json!(6)));
    // A client that was away gets all of it in one order without a gap.
    let answer = ben.socket().await.ok(json!({"op": "room.subscribe", "room": room})).await;
    assert_eq!(answer["seq"], 7);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_thirty_days_nothing_personal_is_left() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let own = ben.post("/api/rooms", json!({"name": "Gone", "kind": "open"})).await.expect(201);
    let gone = own["id"].as_str().unwrap().to_owned();
    let mut hers = anna.socket().await;
    hers.send_text("1", "erase me").await;
    ben.socket().await.send_text(&gone, "in a room that goes").await;
    assert_eq!(remove(&chief, &anna, "erase").await, 204);
    assert_eq!(chief.delete(&format!("/api/admin/rooms/{gone}")).await.status, 204);

    let purged = chief.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!(purged, json!({"users": 0, "rooms": 0}), "not before the time");
    let days = "- 31::bigint * 24 * 3600 * 1000";
    sql(
        &server,
        &format!(
            "UPDATE accounts.users SET removed_at = removed_at {days} WHERE removed_at IS NOT NULL"
        ),
    )
    .await;
    sql(
        &server,
        &format!(
            "UPDATE chat.rooms SET deleted_at = deleted_at {days} WHERE deleted_at IS NOT NULL"
        ),
    )
    .await;
    // Too late to take anything back, even before the purge.
    chief.post(&format!("{}/restore", user(&anna)), json!({})).await.refused(409, "conflict");
    chief
        .post(&format!("/api/admin/rooms/{gone}/restore"), json!({}))
        .await
        .refused(404, "not_found");
    let purged = chief.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!(purged, json!({"users": 1, "rooms": 1}));

    assert_eq!(sql(&server, "DELETE FROM chat.messages WHERE body::text LIKE '%erase me%' OR body::text LIKE '%room that goes%'").await, 0);
    assert_eq!(sql(&server, "DELETE FROM accounts.users WHERE username_key = 'anna'").await, 0);
    chief.get(&user(&anna)).await.refused(404, "not_found");
    let author = ben.get(&format!("/api/users/{}", anna.uid)).await.expect(200);
    assert_eq!(author["removed"], true);
    // The name is free, and its new owner is somebody else.
    let other = server.user("anna").await;
    assert_ne!(other.uid, anna.uid);
    let log = actions(&chief).await;
    assert!(log.contains(&"user.purge".to_owned()) && log.contains(&"room.purge".to_owned()));
    assert_eq!(chief.get("/api/admin/audit/verify").await.expect(200)["ok"], true);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_remove_each_other_one_wins_and_one_is_left() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    chief.patch(&user(&anna), json!({"admin": true})).await.expect(200);
    let act = |by: &Client, who: &Client, body: Value| {
        let (by, path) = (by.clone(), user(who));
        async move { by.patch(&path, body).await.status }
    };
    for body in [json!({"admin": false}), json!({"disabled": true})] {
        let (one, other) =
            tokio::join!(act(&chief, &anna, body.clone()), act(&anna, &chief, body.clone()));
        let (winner, loser) = if one == 200 { (&chief, &anna) } else { (&anna, &chief) };
        let mut both = [one, other];
        both.sort_unstable();
        assert!(both[0] == 200 && [401, 403, 409].contains(&both[1]), "{both:?}");
        // Alone, the winner can do nothing to himself.
        for lost in [json!({"admin": false}), json!({"disabled": true})] {
            winner.patch(&user(winner), lost).await.refused(403, "forbidden");
        }
        assert_eq!(remove(winner, winner, "keep").await, 403);
        let undo = if body.get("admin").is_some() {
            json!({"admin": true})
        } else {
            json!({"disabled": false})
        };
        winner.patch(&user(loser), undo).await.expect(200);
        if body.get("admin").is_none() {
            break;
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_was_demoted_is_none_at_the_next_call() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    anna.get("/api/admin/users").await.refused(403, "forbidden");
    chief.patch(&user(&anna), json!({"admin": true})).await.expect(200);
    anna.get("/api/admin/users").await.expect(200);
    chief.patch(&user(&anna), json!({"admin": true})).await.refused(409, "conflict");
    let mut socket = anna.socket().await;
    chief.patch(&user(&anna), json!({"admin": false})).await.expect(200);
    anna.get("/api/admin/users").await.refused(403, "forbidden");
    // Its sockets know the old right: they come back with the new one.
    assert_eq!(socket.closed().await, Some(1008));
    anna.get("/api/me").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_deletes_his_own_account_says_his_password_and_is_gone() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    let deletion = |auth: &str| Some(json!({"auth": auth_of(auth), "messages": "keep"}));
    anna.request("DELETE", "/api/me", deletion("wrong")).await.refused(401, "bad_credentials");
    let last = chief.request("DELETE", "/api/me", deletion("boss")).await;
    last.refused(403, "forbidden");
    let mut socket = anna.socket().await;
    let gone = anna.request("DELETE", "/api/me", deletion("anna")).await;
    assert!(gone.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(gone.status, 204);
    assert_eq!(socket.closed().await, Some(1008));
    anna.get("/api/me").await.refused(401, "unauthorized");
    assert_eq!(actions(&chief).await[0], "user.delete_self");
    chief.post(&format!("{}/restore", user(&anna)), json!({})).await.expect(200);
    Client::login(server.address, "anna").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_users_are_paged_and_searched() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    sql(
        &server,
        "INSERT INTO accounts.users (username, username_key, display_name, display_key, created_at)
        SELECT 'user' || n, 'user' || n, 'Person ' || n, 'person ' || n, 0
        FROM generate_series(10000, 19999) AS n",
    )
    .await;
    let page = chief.get("/api/admin/users?limit=200").await.expect(200);
    assert_eq!((page["users"].as_array().unwrap().len(), &page["total"]), (200, &json!(10_001)));
    let next = page["next"].as_str().unwrap();
    let second = chief.get(&format!("/api/admin/users?limit=200&after={next}")).await.expect(200);
    let first_of = |page: &Value| page["users"][0]["username"].as_str().unwrap().to_owned();
    assert_eq!((first_of(&page), first_of(&second)), ("boss".into(), "user10199".into()));
    let found = chief.get("/api/admin/users?q=PERSON%2012345").await.expect(200);
    assert_eq!(
        (first_of(&found), &found["total"], &found["next"]),
        ("user12345".into(), &json!(1), &Value::Null)
    );
    let people = chief.get("/api/users?q=user1999&limit=3").await.expect(200);
    assert_eq!(people["users"].as_array().unwrap().len(), 3);
    let rest =
        format!("/api/users?q=user1999&limit=200&after={}", people["next"].as_str().unwrap());
    let rest = chief.get(&rest).await.expect(200);
    assert_eq!((rest["users"].as_array().unwrap().len(), rest.get("next")), (7, None));
    for odd in ["state=odd", "limit=0", "limit=201", "after=AA", "after=%3D"] {
        chief.get(&format!("/api/admin/users?{odd}")).await.refused(400, "bad_request");
    }
    let named = chief.get("/api/admin/users?username=USER12345").await.expect(200);
    assert_eq!((first_of(&named), &named["total"]), ("user12345".into(), &json!(1)));
    let nobody = chief.get("/api/admin/users?username=user1234").await.expect(200);
    assert_eq!(nobody["users"], json!([]));
    // All of them, page by page, each once.
    let (mut seen, mut after) = (0, String::new());
    loop {
        let page = chief.get(&format!("/api/admin/users?limit=200{after}")).await.expect(200);
        seen += page["users"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, 10_001);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_run_from_the_outside() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let new = json!({"name": "Board", "kind": "closed", "topic": "Minutes", "owner": anna.uid});
    let made = chief.post("/api/admin/rooms", new).await.expect(201);
    let path = format!("/api/admin/rooms/{}", made["id"].as_str().unwrap());
    assert_eq!((&made["owners"], &made["members"]), (&json!([anna.uid]), &json!(1)));
    let changed =
        chief.patch(&path, json!({"owner": ben.uid, "name": "Council"})).await.expect(200);
    assert_eq!((&changed["owners"], &changed["name"]), (&json!([ben.uid]), &json!("Council")));
    let role = anna.get(&path.replace("/admin", "")).await.expect(200)["role"].clone();
    assert_eq!(role, "admin", "whoever was the owner still helps");
    chief.patch(&path, json!({"archived": true})).await.expect(200);
    let of = |state: &'static str| {
        let chief = chief.clone();
        async move {
            let list =
                chief.get(&format!("/api/admin/rooms?q=council&state={state}")).await.expect(200);
            list["total"].as_i64().unwrap()
        }
    };
    assert_eq!((of("active").await, of("archived").await, of("removed").await), (0, 1, 0));
    assert_eq!(chief.delete(&path).await.status, 204);
    assert_eq!((of("").await, of("removed").await), (0, 1));
    let back = chief.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert_eq!((&back["state"], &back["members"]), (&json!("archived"), &json!(2)));
    let log = actions(&chief).await;
    let expected =
        ["room.restore", "room.remove", "room.archive", "room.owner", "room.update", "room.create"];
    assert_eq!(log[..6], expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_when_it_was_tampered_with() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    for disabled in [true, false, true, false] {
        chief.patch(&user(&anna), json!({"disabled": disabled})).await.expect(200);
    }
    let verify = || async { chief.get("/api/admin/audit/verify").await.expect(200) };
    let whole = verify().await;
    assert_eq!((&whole["ok"], &whole["entries"]), (&json!(true), &json!(4)));
    let page = chief.get("/api/admin/audit?limit=3&action=user").await.expect(200);
    assert_eq!((page["entries"].as_array().unwrap().len(), &page["more"]), (3, &json!(true)));
    assert_eq!(page["entries"][0]["hash"], whole["head"]);
    let first = chief.get("/api/admin/audit?before=2").await.expect(200);
    assert_eq!((&first["entries"][0]["n"], &first["more"]), (&json!(1), &json!(false)));
    assert_eq!(first["entries"][0]["target"]["name"], "anna");
    assert_eq!(first["entries"][0]["actor"]["name"], "boss");

    let change = "UPDATE accounts.audit SET actor_name = 'nobody' WHERE n = 2";
    sql(&server, change).await;
    assert_eq!(verify().await["broken_at"], 2);
    sql(&server, "UPDATE accounts.audit SET actor_name = 'boss' WHERE n = 2").await;
    assert_eq!(verify().await["ok"], true);
    sql(&server, "UPDATE accounts.audit SET n = CASE n WHEN 2 THEN 30 ELSE n END").await;
    sql(&server, "UPDATE accounts.audit SET n = 2 WHERE n = 3").await;
    sql(&server, "UPDATE accounts.audit SET n = 3 WHERE n = 30").await;
    assert_eq!(verify().await["broken_at"], 2, "two were swapped");
    sql(&server, "DELETE FROM accounts.audit WHERE n = 2").await;
    assert_eq!(verify().await["broken_at"], 2, "one is missing");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_are_those_of_this_server() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let mut socket = chief.socket().await;
    socket.send_text("1", "one").await;
    let stats = chief.get("/api/admin/stats").await.expect(200);
    let now = &stats["now"];
    assert_eq!((&now["users"]["total"], &now["users"]["online"]), (&json!(1), &json!(1)));
    assert_eq!((&now["rooms"]["open"], &now["connections"]), (&json!(3), &json!(1)));
    assert_eq!(now["database"], json!({"chat": true, "accounts": true}));
    assert_eq!(now["messages_total"], 1);
    let days = stats["days"].as_array().unwrap();
    assert_eq!((days.len(), &days[29]["messages"], &days[29]["users"]), (30, &json!(1), &json!(1)));
    server.stop().await;
}
