//! Who may register: settings that administrators change, and invitations.

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Answer, Client, registration};

#[tokio::test(flavor = "multi_thread")]
async fn settings_hold_from_the_next_request_on_and_after_a_restart() {
    let server = TestServer::start_with(&["--name", "Started as"]).await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let path = "/api/admin/settings";
    anna.get(path).await.refused(403, "forbidden");
    anna.patch(path, json!({"name": "Mine"})).await.refused(403, "forbidden");
    let started = json!({"name": "Started as", "registration": "open", "member_invites": true,
                         "room_creation": "members", "users_max": null, "encryption": "on",
                         "default_locale": "en", "file_size_max": 104_857_600,
                         "files_user_max": 5_368_709_120_u64, "files_room_max": null,
                         "files_server_max": null});
    assert_eq!(boss.get(path).await.expect(200), started);

    let change = json!({"registration": "closed", "name": "Our place", "default_locale": "ru"});
    let changed = boss.patch(path, change).await.expect(200);
    assert_eq!((&changed["name"], &changed["member_invites"]), (&json!("Our place"), &json!(true)));
    let nobody = Client::new(server.address);
    let info = nobody.get("/api/info").await.expect(200);
    for (field, value) in [
        ("name", json!("Our place")),
        ("registration", json!("closed")),
        ("default_locale", json!("ru")),
        ("member_invites", json!(true)),
        ("room_creation", json!("members")),
    ] {
        assert_eq!(info[field], value, "{field}");
    }
    let path_in = "/api/auth/register";
    nobody.post(path_in, registration("bert")).await.refused(403, "registration_closed");

    for wrong in [
        json!({"name": " "}),
        json!({"registration": "perhaps"}),
        json!({"users_max": 0}),
        json!({"users_max": "5"}),
        json!({"default_locale": ""}),
        json!({"room_creation": "nobody"}),
        json!({"encryption": "perhaps"}),
    ] {
        boss.patch(path, wrong).await.refused(400, "bad_request");
    }
    let late = json!({"name": "Mine", "expected": {"name": "Started as"}});
    boss.patch(path, late).await.refused(409, "conflict");
    let fresh = json!({"name": "Ours", "expected": {"name": "Our place", "users_max": null}});
    boss.patch(path, fresh).await.expect(200);

    let log = boss.get("/api/admin/audit?action=settings.update").await.expect(200);
    assert_eq!(log["entries"].as_array().unwrap().len(), 2, "{log}");
    let last = &log["entries"][0]["detail"];
    assert_eq!(last, &json!({"name": {"from": "Our place", "to": "Ours"}}));

    let database = server.database.clone();
    server.stop().await;
    let flags = ["--name", "Started as", "--registration", "open"];
    let server = TestServer::start_on(&database, &flags).await;
    let info = Client::new(server.address).get("/api/info").await.expect(200);
    assert_eq!((&info["name"], &info["registration"]), (&json!("Ours"), &json!("closed")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_place_on_a_full_server_goes_to_one_of_two() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    boss.patch("/api/admin/settings", json!({"users_max": 2})).await.expect(200);
    let nobody = Client::new(server.address);
    let path = "/api/auth/register";
    let (one, two) = tokio::join!(
        nobody.post(path, registration("anna")),
        nobody.post(path, registration("bert")),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403]);
    nobody.post(path, registration("carla")).await.refused(403, "registration_closed");
    boss.patch("/api/admin/settings", json!({"users_max": null})).await.expect(200);
    nobody.post(path, registration("carla")).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_keep_the_making_of_rooms_to_themselves_if_they_like() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    boss.patch("/api/admin/settings", json!({"room_creation": "admins"})).await.expect(200);
    for kind in ["open", "closed"] {
        let body = json!({"name": kind, "kind": kind});
        anna.post("/api/rooms", body.clone()).await.refused(403, "forbidden");
        boss.post("/api/rooms", body).await.expect(201);
    }
    let direct = json!({"kind": "dm", "members": [bert.uid]});
    anna.post("/api/rooms", direct).await.expect(201);
    server.stop().await;
}

/// A new invitation; its secret.
async fn invite(by: &Client, body: Value) -> String {
    let made = by.post("/api/invites", body).await.expect(201);
    let code = made["code"].as_str().expect("told once").to_owned();
    assert_eq!(made["path"], json!(format!("/invite#{code}")));
    assert!(code.len() >= 22, "128 bits: {code}");
    code
}

async fn look(client: &Client, code: &str) -> Answer {
    client.post("/api/invites/look", json!({"code": code})).await
}

async fn accept(client: &Client, code: &str) -> Answer {
    client.post("/api/invites/accept", json!({"code": code})).await
}

async fn new_room(by: &Client, name: &str, kind: &str) -> String {
    let made = by.post("/api/rooms", json!({"name": name, "kind": kind})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// The body of `register` with an invitation.
fn invited(name: &str, code: &str) -> Value {
    let mut body = registration(name);
    body["invite"] = json!(code);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_lets_a_stranger_in_and_into_its_closed_room() {
    let server = TestServer::start_with(&["--registration", "invite"]).await;
    let boss = server.admin().await;
    let room = new_room(&boss, "Secret garden", "closed").await;
    let made = boss
        .post("/api/invites", json!({"label": "For the team", "rooms": [room]}))
        .await
        .expect(201);
    let code = made["code"].as_str().unwrap();
    let lives = made["expires_at"].as_i64().unwrap() - made["created_at"].as_i64().unwrap();
    assert!((604_795_000..=604_805_000).contains(&lives), "a week: {lives}");

    let nobody = Client::new(server.address);
    let seen = look(&nobody, code).await.expect(200);
    assert_eq!(seen["by"]["username"], "boss");
    assert_eq!(
        seen["by"]["uid"], made["by"]["uid"],
        "the colour of a person comes from the number"
    );
    let rooms =
        json!([{"id": room, "name": "Secret garden", "topic": "", "kind": "closed", "members": 1}]);
    assert_eq!((&seen["rooms"], &seen["registration"]), (&rooms, &json!(true)));
    assert_eq!((&seen["server"], &seen["expires_at"]), (&json!("Impulse"), &made["expires_at"]));

    let path = "/api/auth/register";
    nobody.post(path, registration("anna")).await.refused(403, "registration_closed");
    nobody.post(path, invited("anna", "no-such-code")).await.refused(404, "not_found");
    let mut anna = nobody.clone();
    let answer = nobody.post(path, invited("anna", code)).await;
    anna.keep_cookie(&answer);
    answer.expect(201);
    let rooms = anna.get("/api/rooms").await.expect(200);
    let names: Vec<_> = rooms["rooms"].as_array().unwrap().iter().map(|r| &r["name"]).collect();
    for name in ["General", "Secret garden"] {
        assert!(names.contains(&&json!(name)), "{name} in {names:?}");
    }
    let list = boss.get("/api/invites").await.expect(200);
    assert_eq!(list["invites"][0]["uses"], 1);
    assert!(!list.to_string().contains(code), "never again: {list}");
    assert_eq!(anna.get("/api/invites").await.expect(200)["invites"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_one_lets_one_of_two_in_who_come_at_once() {
    let server = TestServer::start_with(&["--registration", "invite"]).await;
    let boss = server.admin().await;
    let code = invite(&boss, json!({"uses_max": 1})).await;
    let nobody = Client::new(server.address);
    let path = "/api/auth/register";
    // A name that is taken costs nothing.
    nobody.post(path, invited("boss", &code)).await.refused(409, "conflict");
    let (one, two) = tokio::join!(
        nobody.post(path, invited("anna", &code)),
        nobody.post(path, invited("bert", &code)),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 404]);
    look(&nobody, &code).await.refused(404, "not_found");
    let users = boss.get("/api/users").await.expect(200);
    assert_eq!(users["users"].as_array().unwrap().len(), 2, "{users}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_one_opens_its_room_to_one_of_two_members() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let (bert, carla) = (server.user("bert").await, server.user("carla").await);
    let room = new_room(&anna, "Secret", "closed").await;
    let code = invite(&anna, json!({"rooms": [room], "uses_max": 1})).await;
    // Who is in already uses nothing up.
    assert_eq!(accept(&anna, &code).await.expect(200), json!({"rooms": [room]}));
    Client::new(server.address)
        .post("/api/invites/accept", json!({"code": code}))
        .await
        .refused(401, "unauthorized");
    let (one, two) = tokio::join!(accept(&bert, &code), accept(&carla, &code));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    let members = anna.get(&format!("/api/rooms/{room}/members")).await.expect(200);
    assert_eq!(members["members"].as_array().unwrap().len(), 2, "{members}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_by_time_by_revoking_and_with_its_maker() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let nobody = Client::new(server.address);

    let code = invite(&anna, json!({"expires_in_s": 60})).await;
    look(&nobody, &code).await.expect(200);
    let sql = server.sql().await;
    sql.batch_execute("UPDATE accounts.invites SET expires_at = created_at").await.unwrap();
    look(&nobody, &code).await.refused(404, "not_found");

    let made = anna.post("/api/invites", json!({"expires_in_s": null})).await.expect(201);
    assert_eq!((&made["expires_at"], &made["uses_max"]), (&Value::Null, &Value::Null));
    let code = made["code"].as_str().unwrap();
    let path = format!("/api/invites/{}", made["id"].as_str().unwrap());
    bert.delete(&path).await.refused(404, "not_found");
    look(&nobody, code).await.expect(200);
    assert_eq!(anna.delete(&path).await.status, 204);
    look(&nobody, code).await.refused(404, "not_found");
    nobody.post("/api/auth/register", invited("x1", code)).await.refused(404, "not_found");
    anna.delete(&path).await.refused(404, "not_found");

    let made = anna.post("/api/invites", json!({})).await.expect(201);
    let path = format!("/api/admin/invites/{}", made["id"].as_str().unwrap());
    assert_eq!(boss.delete(&path).await.status, 204, "an admin takes anybody's back");

    let code = invite(&anna, json!({})).await;
    let live = boss.get("/api/admin/invites?state=live").await.expect(200);
    assert_eq!(live["total"], 1, "{live}");
    let path = format!("/api/admin/users/{}", anna.uid);
    boss.patch(&path, json!({"disabled": true})).await.expect(200);
    look(&nobody, &code).await.refused(404, "not_found");
    accept(&bert, &code).await.refused(404, "not_found");
    let live = boss.get("/api/admin/invites?state=live").await.expect(200);
    assert_eq!(live["total"], 0, "{live}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_worth_what_its_maker_may_do() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let closed = new_room(&boss, "Closed", "closed").await;
    let body = json!({"rooms": [closed]});
    bert.post("/api/invites", body.clone()).await.refused(404, "not_found");
    let members = format!("/api/rooms/{closed}/members");
    boss.post(&members, json!({"uid": bert.uid})).await.expect(201);
    bert.post("/api/invites", body.clone()).await.refused(403, "forbidden");
    boss.patch(&format!("{members}/{}", bert.uid), json!({"role": "admin"})).await.expect(200);
    let code = invite(&bert, body).await;
    for wrong in [
        json!({"uses_max": 0}),
        json!({"uses_max": 1_001}),
        json!({"expires_in_s": 1}),
        json!({"expires_in_s": 40_000_000}),
        json!({"label": "x".repeat(200)}),
        json!({"rooms": (1..=30).map(|n| n.to_string()).collect::<Vec<_>>()}),
    ] {
        bert.post("/api/invites", wrong).await.refused(400, "bad_request");
    }

    // He may not add people any more: the link names no room, and opens none.
    boss.patch(&format!("{members}/{}", bert.uid), json!({"role": "member"})).await.expect(200);
    assert_eq!(look(&anna, &code).await.expect(200)["rooms"], json!([]));
    assert_eq!(accept(&anna, &code).await.expect(200), json!({"rooms": []}));
    anna.get(&format!("/api/rooms/{closed}")).await.refused(404, "not_found");

    boss.patch("/api/admin/settings", json!({"member_invites": false})).await.expect(200);
    bert.post("/api/invites", json!({})).await.refused(403, "forbidden");
    look(&anna, &code).await.refused(404, "not_found");
    let code = invite(&boss, json!({})).await;
    look(&anna, &code).await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_banned_do_not_come_back_by_a_link() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.user("anna").await, server.user("bert").await);
    let carla = server.user("carla").await;
    let room = new_room(&anna, "Garden", "open").await;
    let code = invite(&anna, json!({"rooms": [room], "uses_max": 1})).await;
    let ban = format!("/api/rooms/{room}/bans/{}", bert.uid);
    assert_eq!(anna.request("PUT", &ban, Some(json!({}))).await.status, 204);
    accept(&bert, &code).await.refused(403, "forbidden");
    for _ in 0..3 {
        let (one, two, three, four) = tokio::join!(
            accept(&bert, &code),
            accept(&bert, &code),
            accept(&bert, &code),
            accept(&bert, &code)
        );
        for answer in [one, two, three, four] {
            answer.refused(403, "forbidden");
        }
    }
    // His attempts used nothing up.
    assert_eq!(accept(&carla, &code).await.expect(200), json!({"rooms": [room]}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_closed_server_a_link_opens_rooms_but_lets_nobody_new_in() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let room = new_room(&boss, "Garden", "open").await;
    let code = invite(&boss, json!({"rooms": [room]})).await;
    let bare = invite(&boss, json!({})).await;
    boss.patch("/api/admin/settings", json!({"registration": "closed"})).await.expect(200);
    let nobody = Client::new(server.address);
    let path = "/api/auth/register";
    nobody.post(path, invited("bert", &code)).await.refused(403, "registration_closed");
    let seen = look(&nobody, &code).await.expect(200);
    assert_eq!(
        (&seen["registration"], &seen["rooms"][0]["name"]),
        (&json!(false), &json!("Garden"))
    );
    look(&nobody, &bare).await.refused(404, "not_found");
    assert_eq!(accept(&anna, &code).await.expect(200), json!({"rooms": [room]}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_page_through_all_links_and_everything_is_written_down() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    for n in 1..=3 {
        anna.post("/api/invites", json!({"label": format!("link {n}")})).await.expect(201);
    }
    let made = boss.post("/api/admin/invites", json!({"label": "mine"})).await.expect(201);
    let path = "/api/admin/invites";
    anna.get(path).await.refused(403, "forbidden");
    let first = boss.get(&format!("{path}?limit=3")).await.expect(200);
    let labels = |page: &Value| -> Vec<String> {
        let page = page["invites"].as_array().unwrap().iter();
        page.map(|invite| invite["label"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(labels(&first), ["mine", "link 3", "link 2"]);
    assert_eq!(
        (&first["total"], &first["invites"][1]["by"]["username"]),
        (&json!(4), &json!("anna"))
    );
    let next = first["next"].as_str().expect("another page");
    let rest = boss.get(&format!("{path}?limit=3&after={next}")).await.expect(200);
    assert_eq!((labels(&rest), rest.get("next")), (vec!["link 1".to_owned()], None));
    let found = boss.get(&format!("{path}?q=LINK")).await.expect(200);
    assert_eq!(found["total"], 3);

    let id = made["id"].as_str().unwrap();
    assert_eq!(boss.delete(&format!("{path}/{id}")).await.status, 204);
    anna.post("/api/tokens", json!({"label": "script"})).await.expect(201);
    let log = boss.get("/api/admin/audit?limit=100").await.expect(200).to_string();
    for action in ["invite.create", "invite.revoke", "token.issue"] {
        assert!(log.contains(action), "{action} in {log}");
    }
    assert!(!log.contains(made["code"].as_str().unwrap()), "no secret in it");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_over_for_thirty_days_are_forgotten() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let live = invite(&boss, json!({"expires_in_s": null})).await;
    let old = boss.post("/api/invites", json!({"label": "old"})).await.expect(201);
    boss.delete(&format!("/api/invites/{}", old["id"].as_str().unwrap())).await;
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    let list = boss.get("/api/invites").await.expect(200);
    assert_eq!(list["invites"].as_array().unwrap().len(), 2, "not yet");

    let month = 31_i64 * 24 * 3_600_000;
    let age = format!("UPDATE accounts.invites SET revoked_at = revoked_at - {month}");
    server.sql().await.batch_execute(&age).await.unwrap();
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    let list = boss.get("/api/invites").await.expect(200);
    assert_eq!(list["invites"].as_array().unwrap().len(), 1, "{list}");
    look(&boss, &live).await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_who_accepts_several_times_at_once_is_counted_once() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    for (n, uses_max) in [json!(1), json!(5), Value::Null].into_iter().enumerate() {
        let room = new_room(&anna, &format!("Room {n}"), "closed").await;
        let code = invite(&anna, json!({"rooms": [room], "uses_max": uses_max})).await;
        let (one, two, three) =
            tokio::join!(accept(&bert, &code), accept(&bert, &code), accept(&bert, &code));
        for answer in [one, two, three] {
            assert_eq!(answer.expect(200), json!({"rooms": [room]}));
        }
        let list = anna.get("/api/invites").await.expect(200);
        assert_eq!(list["invites"][0]["uses"], 1, "{list}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_uses_a_link_again_much_later_is_counted_again_if_it_has_a_use_left() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let bert = server.user("bert").await;
    let room = new_room(&anna, "Secret", "closed").await;
    let code = invite(&anna, json!({"rooms": [room], "uses_max": 2})).await;
    let me = format!("/api/rooms/{room}/members/{}", bert.uid);
    let sql = server.sql().await;
    let repeat = impulse::base::limits::auth::INVITE_REPEAT.as_millis();
    for (uses, status) in [(1, 200), (2, 200), (2, 404)] {
        assert_eq!(accept(&bert, &code).await.status, status);
        if status == 200 {
            // Whoever stumbles back in at once is not counted again.
            assert_eq!(bert.delete(&me).await.status, 204);
            if uses == 1 {
                accept(&bert, &code).await.expect(200);
                assert_eq!(bert.delete(&me).await.status, 204);
            }
        }
        let list = anna.get("/api/invites").await.expect(200);
        assert_eq!(list["invites"][0]["uses"], uses, "{list}");
        let age = format!("UPDATE accounts.invite_uses SET used_at = used_at - {repeat} - 1");
        sql.batch_execute(&age).await.unwrap();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_links_made_at_once_no_more_are_live_than_may_be() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let fill = format!(
        "INSERT INTO accounts.invites (digest, made_by, created_at)
         SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), {}, 1 FROM generate_series(1, {}) n",
        anna.uid,
        impulse::base::limits::auth::INVITES - 1
    );
    server.sql().await.batch_execute(&fill).await.unwrap();
    let path = "/api/invites";
    let (one, two, three) = tokio::join!(
        anna.post(path, json!({})),
        anna.post(path, json!({})),
        anna.post(path, json!({})),
    );
    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setup_link_makes_one_admin_of_two_who_use_it_at_once() {
    let server = TestServer::start().await;
    let code = server.setup_code().unwrap();
    let nobody = Client::new(server.address);
    let with = |name: &str| {
        let mut body = registration(name);
        body["setup"] = json!(code);
        body
    };
    let path = "/api/auth/register";
    let (one, two) = tokio::join!(nobody.post(path, with("anna")), nobody.post(path, with("bert")));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403]);
    let sql = server.sql().await;
    let admins = sql.query_one("SELECT count(*) FROM accounts.users", &[]).await.unwrap();
    assert_eq!(admins.get::<_, i64>(0), 1);
    server.stop().await;
}
