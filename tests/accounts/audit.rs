//! The audit log: each act is recorded once, whichever way it was done, and an act that changes nothing is neither
//! recorded nor published.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Answer, Client, auth_of, registration};

/// Every change that can be asked for, as `src/api` names it, and whether the log has an entry for it. One that
/// is missing here fails the first test: decide, and add it to the second.
const CHANGES: &[(&str, &str)] = &[
    // Nobody's act over anybody, or of no consequence for others.
    ("POST /api/auth/prelogin", ""),
    ("POST /api/auth/register", "member.join"),
    ("POST /api/auth/login", ""),
    ("POST /api/auth/ticket", ""),
    ("POST /api/auth/password/prepare", ""),
    ("POST /api/auth/password/commit", "password.reset"),
    ("POST /api/invites/look", ""),
    ("POST /api/auth/recovery/open", ""),
    ("POST /api/auth/logout", ""),
    ("POST /api/auth/unlock", ""),
    // One's own keys. The directory tells everybody of new ones; that others were given up is in the log, too.
    ("PUT /api/keys", ""),
    ("POST /api/keys/rewrap", ""),
    ("POST /api/keys/rotate", ""),
    ("PUT /api/keys/trust", ""),
    ("POST /api/keys/reset", "keys.reset"),
    ("PUT /api/me/avatar", ""),
    ("DELETE /api/me/avatar", ""),
    ("PATCH /api/me", ""),
    ("DELETE /api/sessions", ""),
    ("DELETE /api/sessions/{session}", ""),
    ("DELETE /api/tokens/{session}", ""),
    ("PATCH /api/rooms/{room}/me", ""),
    ("POST /hooks/*", ""),
    ("POST /hooks/*/files", ""),
    ("POST /api/files", ""),
    ("PUT /api/files/{file}", ""),
    ("DELETE /api/files/{file}", ""),
    ("PUT /api/rooms/{room}/hooks/{hook}/avatar", "hook.update"),
    ("DELETE /api/rooms/{room}/hooks/{hook}/avatar", "hook.update"),
    ("POST /api/rooms/{room}/hooks", "hook.create"),
    ("PATCH /api/rooms/{room}/hooks/{hook}", "hook.update"),
    ("DELETE /api/rooms/{room}/hooks/{hook}", "hook.revoke"),
    ("POST /api/rooms/{room}/messages", ""),
    ("PATCH /api/rooms/{room}/messages/{message}", ""),
    ("DELETE /api/rooms/{room}/messages/{message}", ""),
    ("PUT /api/rooms/{room}/messages/{message}/reactions/*", ""),
    ("DELETE /api/rooms/{room}/messages/{message}/reactions/*", ""),
    // Signed by whom they are of, for everybody to see.
    ("POST /api/dir/entries", ""),
    ("POST /api/dir/again", ""),
    // Acts.
    ("DELETE /api/me", "user.delete_self"),
    ("POST /api/tokens", "token.issue"),
    ("POST /api/invites", "invite.create"),
    ("POST /api/invites/accept", "member.join"),
    ("DELETE /api/invites/{invite}", "invite.revoke"),
    ("POST /api/rooms", "room.create"),
    ("PATCH /api/rooms/{room}", "room.update"),
    ("DELETE /api/rooms/{room}", "room.remove"),
    ("POST /api/rooms/{room}/restore", "room.restore"),
    // What happens in an encrypted room is in its log, signed by who has done it.
    ("POST /api/rooms/{room}/log", ""),
    ("POST /api/rooms/{room}/wraps", ""),
    ("POST /api/rooms/{room}/wraps/bad", ""),
    ("PUT /api/rooms/{room}/bans/{user}", "member.ban"),
    ("DELETE /api/rooms/{room}/bans/{user}", "member.unban"),
    ("POST /api/rooms/{room}/members", "member.add"),
    ("PATCH /api/rooms/{room}/members/{user}", "member.role"),
    ("DELETE /api/rooms/{room}/members/{user}", "member.remove"),
    ("POST /api/admin/users", "user.create"),
    ("PATCH /api/admin/users/{user}", "user.update"),
    ("DELETE /api/admin/users/{user}", "user.remove"),
    ("POST /api/admin/users/{user}/restore", "user.restore"),
    ("POST /api/admin/users/{user}/reset", "user.reset"),
    ("POST /api/admin/users/{user}/restore-keys", "keys.restore"),
    // Whom somebody blocks is nobody else's business.
    ("PUT /api/blocks/{user}", ""),
    ("DELETE /api/blocks/{user}", ""),
    ("DELETE /api/admin/users/{user}/sessions", "user.sessions"),
    ("POST /api/admin/rooms/{room}/restore", "room.restore"),
    ("POST /api/admin/rooms/{room}/gone", "room.gone"),
    ("PATCH /api/admin/settings", "settings.update"),
    ("POST /api/admin/purge", "room.purge"),
    // An index that is made anew finds what it found before.
    ("POST /api/admin/search/rebuild", ""),
    ("POST /api/admin/directory/open", "directory.open"),
    ("POST /api/admin/directory/adopt", "directory.adopt"),
    ("POST /api/admin/rooms", "room.create"),
    ("PATCH /api/admin/rooms/{room}", "room.update"),
    ("DELETE /api/admin/rooms/{room}", "room.remove"),
    ("POST /api/admin/invites", "invite.create"),
    ("DELETE /api/admin/invites/{invite}", "invite.revoke"),
];

#[test]
fn every_change_there_is_has_been_decided_about() {
    let found: BTreeSet<_> = impulse::api::routes()
        .filter(|(method, _)| !matches!(*method, "GET" | "HEAD"))
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let known: BTreeSet<_> = CHANGES.iter().map(|(change, _)| (*change).to_owned()).collect();
    assert_eq!(found, known);
}

/// The log as its newest entries say.
struct Log<'a> {
    chief: &'a Client,
    recorded: BTreeSet<String>,
    n: i64,
}

impl<'a> Log<'a> {
    async fn of(chief: &'a Client) -> Self {
        let mut log = Self { chief, recorded: BTreeSet::new(), n: 0 };
        log.new_entries().await;
        log
    }

    /// What was written since the last call, oldest first.
    async fn new_entries(&mut self) -> Vec<Value> {
        let page = self.chief.get("/api/admin/audit?limit=200").await.expect(200);
        let mut entries = page["entries"].as_array().unwrap().clone();
        entries.retain(|entry| entry["n"].as_i64().unwrap() > self.n);
        entries.reverse();
        self.n = entries.last().map_or(self.n, |entry| entry["n"].as_i64().unwrap());
        entries
    }

    /// Just this was done, by this person.
    async fn one(&mut self, answer: Answer, action: &str, by: &Client) -> Value {
        assert!((200..300).contains(&answer.status), "{action}: {answer:?}");
        let entries = self.new_entries().await;
        let actions: Vec<_> =
            entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(actions, [action]);
        assert_eq!(entries[0]["actor"]["uid"], by.uid.as_str(), "{entries:?}");
        self.recorded.insert(action.to_owned());
        entries[0].clone()
    }

    async fn none(&mut self, answer: Answer) {
        let status = answer.status;
        assert!((200..300).contains(&status) || [404, 409].contains(&status), "{answer:?}");
        assert_eq!(self.new_entries().await, Vec::<Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_written_down_once_and_what_changes_nothing_is_not() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben, carl) =
        (server.user("anna").await, server.user("ben").await, server.user("carl").await);
    let mut log = Log::of(&chief).await;

    // Rooms and their members.
    let new = json!({"name": "Nook", "kind": "closed", "members": [ben.uid]});
    let made = anna.post("/api/rooms", new).await;
    let room = made.json()["id"].as_str().unwrap().to_owned();
    let entry = log.one(made, "room.create", &anna).await;
    assert_eq!(entry["detail"]["members"], json!([ben.uid]));
    let nook = format!("/api/rooms/{room}");
    let member = |who: &Client| format!("{nook}/members/{}", who.uid);
    let members = format!("{nook}/members");
    for same in [json!({}), json!({"name": "Nook", "topic": "", "archived": false})] {
        log.none(anna.patch(&nook, same).await).await;
    }
    let entry = log.one(
        anna.patch(&nook, json!({"name": "Nook", "topic": "t"})).await,
        "room.update",
        &anna,
    );
    assert_eq!(entry.await["detail"], json!({"topic": "t"}), "only what was not so already");
    log.one(anna.patch(&nook, json!({"read_only": true})).await, "room.update", &anna).await;
    log.one(anna.patch(&nook, json!({"archived": true})).await, "room.archive", &anna).await;
    log.none(anna.patch(&nook, json!({"archived": true})).await).await;
    log.one(anna.patch(&nook, json!({"archived": false})).await, "room.unarchive", &anna).await;

    // Adding somebody as an owner leaves an entry, as a change of role does.
    let put = |who: &Client, role: &str| json!({"uid": who.uid, "role": role});
    let entry = log.one(anna.post(&members, put(&carl, "owner")).await, "member.add", &anna).await;
    assert_eq!(
        (&entry["detail"]["role"], &entry["target"]["name"]),
        (&json!("owner"), &json!("carl"))
    );
    let entry = log.one(anna.post(&members, put(&carl, "admin")).await, "member.role", &anna).await;
    assert_eq!(entry["detail"]["role"], "admin");
    log.none(anna.post(&members, put(&carl, "admin")).await).await;
    log.one(anna.patch(&member(&carl), json!({"role": "member"})).await, "member.role", &anna)
        .await;
    log.none(anna.patch(&member(&carl), json!({"role": "member"})).await).await;
    let later = 4_102_444_800_000_i64;
    let mute = json!({"silenced_until": later});
    log.one(anna.patch(&member(&carl), mute.clone()).await, "member.silence", &anna).await;
    log.none(anna.patch(&member(&carl), mute).await).await;
    let unmute = json!({"silenced_until": null});
    log.one(anna.patch(&member(&carl), unmute.clone()).await, "member.silence", &anna).await;
    log.none(anna.patch(&member(&carl), unmute).await).await;
    log.none(anna.patch(&member(&carl), json!({"silenced_until": 1})).await).await;
    log.one(anna.delete(&member(&carl)).await, "member.remove", &anna).await;
    log.none(anna.delete(&member(&carl)).await).await;
    log.one(anna.post(&members, put(&carl, "member")).await, "member.add", &anna).await;
    log.none(carl.delete(&member(&carl)).await).await;
    let ban = format!("{nook}/bans/{}", ben.uid);
    log.one(anna.request("PUT", &ban, None).await, "member.ban", &anna).await;
    log.none(anna.request("PUT", &ban, None).await).await;
    let hooks = format!("{nook}/hooks");
    let made = anna.post(&hooks, json!({"name": "CI"})).await;
    let hook = made.json();
    let entry = log.one(made, "hook.create", &anna).await;
    assert!(!entry.to_string().contains(hook["path"].as_str().unwrap()), "no secret: {entry}");
    let hook = format!("{hooks}/{}", hook["id"].as_str().unwrap());
    log.one(anna.patch(&hook, json!({"name": "CI 2"})).await, "hook.update", &anna).await;
    log.none(anna.patch(&hook, json!({"name": "CI 2"})).await).await;
    log.none(anna.delete(&format!("{hook}/avatar")).await).await;
    log.one(anna.delete(&hook).await, "hook.revoke", &anna).await;
    log.none(anna.delete(&hook).await).await;
    log.one(anna.delete(&ban).await, "member.unban", &anna).await;
    log.none(anna.delete(&ban).await).await;
    log.none(anna.patch(&format!("{nook}/me"), json!({"favourite": true})).await).await;
    // An admin of the server lets himself in: nobody else would know.
    log.one(chief.post(&members, put(&chief, "member")).await, "member.add", &chief).await;
    let everybody = json!({"name": "Square", "kind": "open"});
    let made = chief.post("/api/admin/rooms", everybody).await;
    let square = made.json()["id"].as_str().unwrap().to_owned();
    log.one(made, "room.create", &chief).await;
    let own = format!("/api/rooms/{square}/members/{}", ben.uid);
    log.none(ben.post(&format!("/api/rooms/{square}/members"), json!({"uid": ben.uid})).await)
        .await;
    log.none(ben.delete(&own).await).await;
    log.none(anna.post("/api/rooms", json!({"kind": "dm", "members": [ben.uid]})).await).await;

    // The same from the administration.
    let owner = json!({"owner": ben.uid});
    let path = format!("/api/admin/rooms/{room}");
    let entry = log.one(chief.patch(&path, owner.clone()).await, "room.owner", &chief).await;
    assert_eq!(entry["detail"], json!({"owner": ben.uid, "owner_name": "ben"}));
    log.none(chief.patch(&path, owner).await).await;
    log.none(chief.patch(&path, json!({})).await).await;
    log.one(chief.patch(&path, json!({"topic": ""})).await, "room.update", &chief).await;
    log.one(chief.delete(&path).await, "room.remove", &chief).await;
    log.none(chief.delete(&path).await).await;
    let restore = format!("{path}/restore");
    log.one(chief.post(&restore, json!({})).await, "room.restore", &chief).await;
    log.none(chief.post(&restore, json!({})).await).await;
    log.one(ben.delete(&nook).await, "room.remove", &ben).await;
    log.one(ben.post(&format!("{nook}/restore"), json!({})).await, "room.restore", &ben).await;

    // Invitations and tokens.
    let made = ben.post("/api/invites", json!({"rooms": [room]})).await;
    let (invite, code) = (made.json()["id"].clone(), made.json()["code"].clone());
    log.one(made, "invite.create", &ben).await;
    let accept = json!({"code": code});
    let entry =
        log.one(carl.post("/api/invites/accept", accept.clone()).await, "member.join", &carl);
    assert_eq!(entry.await["detail"], json!({"room": room, "room_name": "Nook", "invite": invite}));
    log.none(carl.post("/api/invites/accept", accept).await).await;
    let mut new = registration("dora");
    new["invite"] = code;
    let registered = Client::new(server.address).post("/api/auth/register", new).await;
    let dora = Client { uid: registered.json()["uid"].as_str().unwrap().into(), ..anna.clone() };
    log.one(registered, "member.join", &dora).await;
    let revoke = format!("/api/invites/{}", invite.as_str().unwrap());
    log.one(ben.delete(&revoke).await, "invite.revoke", &ben).await;
    log.none(ben.delete(&revoke).await).await;
    log.one(ben.post("/api/tokens", json!({"label": "bot"})).await, "token.issue", &ben).await;

    // People and settings.
    let made = chief.post("/api/admin/users", json!({"username": "emil"})).await;
    let emil = made.json()["id"].as_str().unwrap().to_owned();
    let ticket = made.json()["ticket"].clone();
    log.one(made, "user.create", &chief).await;
    let user = format!("/api/admin/users/{emil}");
    for (change, action) in [
        (json!({"display_name": "Emil"}), "user.update"),
        (json!({"username": "emil2"}), "user.update"),
        (json!({"admin": true}), "user.promote"),
        (json!({"admin": false}), "user.demote"),
        (json!({"disabled": true}), "user.disable"),
        (json!({"disabled": false}), "user.enable"),
    ] {
        log.one(chief.patch(&user, change.clone()).await, action, &chief).await;
        log.none(chief.patch(&user, change).await).await;
    }
    let mut prepare = registration("emil2");
    prepare["by"] = json!({"ticket": ticket});
    let nobody = Client::new(server.address);
    let pending =
        nobody.post("/api/auth/password/prepare", prepare).await.expect(200)["pending"].clone();
    let himself = Client { uid: emil.clone(), ..nobody.clone() };
    let committed = nobody.post("/api/auth/password/commit", json!({"pending": pending})).await;
    log.one(committed, "password.reset", &himself).await;
    let sessions = format!("{user}/sessions");
    log.none(chief.delete(&sessions).await).await;
    Client::login(server.address, "emil2").await;
    log.one(chief.delete(&sessions).await, "user.sessions", &chief).await;
    log.one(chief.post(&format!("{user}/reset"), json!({})).await, "user.reset", &chief).await;
    log.one(chief.delete(&user).await, "user.remove", &chief).await;
    log.none(chief.delete(&user).await).await;
    log.one(chief.post(&format!("{user}/restore"), json!({})).await, "user.restore", &chief).await;
    log.none(chief.post(&format!("{user}/restore"), json!({})).await).await;
    let settings = json!({"name": "Ours", "users_max": null});
    let entry = log.one(
        chief.patch("/api/admin/settings", settings.clone()).await,
        "settings.update",
        &chief,
    );
    assert_eq!(entry.await["detail"], json!({"name": {"from": "Impulse", "to": "Ours"}}));
    log.none(chief.patch("/api/admin/settings", settings).await).await;
    let deletion = json!({"auth": auth_of("carl"), "messages": "keep"});
    log.one(carl.request("DELETE", "/api/me", Some(deletion)).await, "user.delete_self", &carl)
        .await;

    let decided: BTreeSet<_> = CHANGES.iter().map(|(_, action)| *action).collect();
    let left: Vec<_> =
        decided.into_iter().filter(|action| !log.recorded.contains(*action)).collect();
    // These have tests of their own, in tests/encryption and tests/accounts/removals.rs.
    let elsewhere = [
        "directory.adopt",
        "directory.open",
        "keys.reset",
        "keys.restore",
        "room.gone",
        "room.purge",
    ];
    assert_eq!(left, [&[""][..], &elsewhere].concat());
    assert_eq!(chief.get("/api/admin/audit/verify").await.expect(200)["ok"], true);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_nothing_is_published_to_nobody() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let new = json!({"name": "Nook", "topic": "t", "kind": "closed", "members": [ben.uid]});
    let made = anna.post("/api/rooms", new).await.expect(201);
    let nook = format!("/api/rooms/{}", made["id"].as_str().unwrap());
    let member = format!("{nook}/members/{}", ben.uid);
    let status = json!({"status": {"state": "dnd", "text": "busy"}, "bio": "b"});
    anna.patch("/api/me", status.clone()).await.expect(200);
    anna.patch(&format!("{nook}/me"), json!({"notify": "all"})).await.expect(200);
    let mut sockets = [anna.socket().await, ben.socket().await];
    for socket in &mut sockets {
        socket.op("hello").await;
        socket.ok(json!({"op": "room.subscribe", "room": made["id"]})).await;
    }
    // What the new sockets caused has been published by then.
    for socket in &mut sockets {
        while tokio::time::timeout(Duration::from_millis(1_500), socket.receive()).await.is_ok() {}
    }

    anna.patch(&nook, json!({"topic": "t", "kind": "closed"})).await.expect(200);
    anna.patch(&format!("{nook}/me"), json!({"notify": "all"})).await.expect(200);
    anna.patch("/api/me", status).await.expect(200);
    assert_eq!(anna.delete("/api/me/avatar").await.status, 204);
    anna.patch(&member, json!({"role": "member", "silenced_until": null})).await.expect(200);
    let same = json!({"username": "anna", "display_name": ""});
    chief.patch(&format!("/api/admin/users/{}", anna.uid), same).await.expect(200);
    let owner = json!({"owner": anna.uid});
    chief.patch(&format!("/api/admin{}", &nook["/api".len()..]), owner).await.expect(200);
    for socket in &mut sockets {
        let events = |frame: &Value| {
            ["room", "member", "user", "presence"]
                .contains(&frame["op"].as_str().unwrap_or_default())
        };
        socket.assert_silent(Duration::from_millis(1_500), events).await;
    }
    // Neither is a row written anew: its version in the database is the same.
    let sql = server.sql().await;
    let versions =
        "SELECT (SELECT xmin::text FROM accounts.users WHERE username = 'anna') || ' ' ||
        (SELECT xmin::text FROM chat.rooms WHERE name = 'Nook')";
    let before: String = sql.query_one(versions, &[]).await.unwrap().get(0);
    anna.patch("/api/me", json!({"bio": "b", "display_name": "", "locale": ""})).await.expect(200);
    anna.patch(&nook, json!({"name": "Nook"})).await.expect(200);
    assert_eq!(sql.query_one(versions, &[]).await.unwrap().get::<_, String>(0), before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_grows_no_faster_than_one_person_may_act_and_fifty_are_muted_at_once() {
    let server = TestServer::start().await;
    let database = server.database.clone();
    let chief = server.admin().await;
    let anna = server.user("anna").await;
    let made = anna.post("/api/rooms", json!({"name": "Nook", "kind": "open"})).await.expect(201);
    let nook = format!("/api/rooms/{}", made["id"].as_str().unwrap());
    let room: i64 = made["id"].as_str().unwrap().parse().unwrap();
    // What others may change in a minute ends before this does.
    let admin = json!({"admin": true});
    chief.patch(&format!("/api/admin/users/{}", anna.uid), admin).await.expect(200);
    let link = anna.post("/api/invites", json!({})).await.expect(201);
    server.stop().await;
    support::crowd::crowd(&database, 50, |_| &[1]).await;

    let server = TestServer::start_on(&database, &["--rate-limit-scale", "1"]).await;
    let (chief, anna) = (chief.at(server.address), anna.at(server.address));
    let sql = server.sql().await;
    let guests =
        sql.query("SELECT user_id FROM chat.members WHERE room_id = 1", &[]).await.unwrap();
    let guests: Vec<i64> = guests.iter().map(|row| row.get(0)).collect();
    assert!(guests.len() >= 50);
    for uid in &guests {
        let body = json!({"silenced_until": 4_102_444_800_000_i64});
        chief.patch(&format!("/api/rooms/1/members/{uid}"), body).await.expect(200);
    }
    // As fast as she can: the topic changes each time.
    let (mut changed, mut refused) = (0, None);
    for n in 0..impulse::base::limits::service::AUDITED * 2 {
        let answer = anna.patch(&nook, json!({"topic": format!("{n}")})).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.expect(200);
        changed += 1;
    }
    let most = impulse::base::limits::service::AUDITED;
    assert!((most..most + 60).contains(&changed), "{changed}");
    let refused = refused.expect("a refusal");
    assert!(refused.header("retry-after").is_some());
    refused.refused(429, "rate_limited");
    // What is refused is not done, and what changes nothing costs nothing more than that.
    let view = anna.get(&nook).await.expect(200);
    assert_eq!(view["topic"], format!("{}", changed - 1));
    let count =
        "SELECT count(*) FROM accounts.audit WHERE target_id = $1 AND action = 'room.update'";
    let rows: i64 = sql.query_one(count, &[&room.to_string()]).await.unwrap().get(0);
    assert_eq!(rows, i64::from(changed));
    // What the log does not tell of goes on, and so does ending what was given away.
    let own = format!("/api/rooms/1/members/{}", anna.uid);
    anna.delete(&own).await.expect(204);
    anna.post("/api/rooms/1/members", json!({"uid": anna.uid})).await.expect(201);
    let direct = json!({"kind": "dm", "members": [guests[0].to_string()]});
    anna.post("/api/rooms", direct).await.expect(201);
    let link = link["id"].as_str().unwrap();
    anna.delete(&format!("/api/invites/{link}")).await.expect(204);
    // Others act meanwhile.
    chief.patch(&nook, json!({"topic": "enough"})).await.expect(200);
    server.stop().await;
}

const LATEST: i64 = impulse::base::limits::api::LATEST_MS;

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_no_browser_shows_is_refused_wherever_it_is_said() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let ben = server.user("ben").await;
    let member = format!("/api/rooms/1/members/{}", ben.uid);
    for at in [LATEST + 1, 8_640_000_000_000_001, i64::MAX, -1, i64::MIN] {
        let mute = chief.patch(&member, json!({"silenced_until": at})).await;
        mute.refused(400, "bad_request");
        let status = json!({"status": {"state": "dnd", "text": "x", "until": at}});
        ben.patch("/api/me", status).await.refused(400, "bad_request");
        let mut socket = ben.socket().await;
        let words = json!({"op": "presence", "state": "dnd", "text": "x", "until": at});
        let refused = socket.err(words, "bad_request").await;
        assert!(refused["message"].to_string().contains("until"), "{refused}");
    }
    chief.patch(&member, json!({"silenced_until": LATEST})).await.expect(200);
    let status = json!({"status": {"state": "dnd", "text": "x", "until": LATEST}});
    ben.patch("/api/me", status).await.expect(200);
    let seen = chief.get(&format!("/api/users/{}", ben.uid)).await.expect(200);
    assert_eq!(seen["status"]["until"], LATEST);
    server.stop().await;
}

/// What an older version took, and what somebody wrote into the tables by hand.
#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_the_rule_are_shown_as_the_latest_time_and_spoil_no_page() {
    let server = TestServer::start().await;
    let (chief, ben) = (server.admin().await, server.user("ben").await);
    let database = server.database.clone();
    let link = ben.post("/api/invites", json!({})).await.expect(201);
    let sql = server.sql().await;
    sql.batch_execute(&format!(
        "UPDATE chat.members SET muted_until = 8640000000000001 WHERE user_id = {0};
         UPDATE accounts.users SET status_state = 'dnd', status_text = 'x',
             status_until = 9223372036854775807 WHERE id = {0};
         UPDATE accounts.invites SET expires_at = 9223372036854775807;
         INSERT INTO accounts.audit SELECT n + 1, 8640000000000001, actor, actor_name, 'member.silence',
             target_kind, target_id, target_name, detail, hash FROM accounts.audit
             ORDER BY n DESC LIMIT 1",
        ben.uid
    ))
    .await
    .unwrap();
    for detail in ["no json", "[1]", "7", "null", "{\"until\":1e999}", "{\"a\":\"\\u0000\"}", ""] {
        let insert = "INSERT INTO accounts.audit SELECT n + 1, -1, actor, actor_name, action,
            target_kind, target_id, target_name, $1, hash FROM accounts.audit ORDER BY n DESC LIMIT 1";
        sql.execute(insert, &[&detail]).await.unwrap();
    }
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let (chief, ben) = (chief.at(server.address), ben.at(server.address));
    let rooms = ben.get("/api/rooms").await.expect(200);
    assert_eq!(rooms["rooms"][0]["silenced_until"], LATEST);
    let seen = chief.get(&format!("/api/users/{}", ben.uid)).await.expect(200);
    assert_eq!(seen["status"]["until"], LATEST);
    let links = chief.get("/api/admin/invites").await.expect(200);
    assert_eq!(
        (&links["invites"][0]["id"], &links["invites"][0]["expires_at"]),
        (&link["id"], &json!(LATEST))
    );
    let page = chief.get("/api/admin/audit").await.expect(200);
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 9);
    for entry in entries {
        assert!((0..=LATEST).contains(&entry["at"].as_i64().unwrap()), "{entry}");
        assert!(entry["detail"].is_object(), "{entry}");
    }
    let verdict = chief.get("/api/admin/audit/verify").await.expect(200);
    assert_eq!((&verdict["ok"], &verdict["broken_at"]), (&json!(false), &json!(2)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_may_be_left_out_may_be_left_out_whatever_its_type_is_said_to_be() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    for (n, content_type) in
        ["", "Content-Type: application/json\r\n", "Content-Type: text/plain\r\n"]
            .into_iter()
            .enumerate()
    {
        let ask = async |method: &str, path: &str| {
            let (fields, head) = (chief.fields(), format!("{method} {path} HTTP/1.1\r\n"));
            let rest = "Connection: close\r\nContent-Length: 0\r\n";
            chief.raw(format!("{head}{fields}{content_type}{rest}\r\n").as_bytes()).await.status
        };
        let name = format!("user{n}");
        let made = chief.post("/api/admin/users", json!({"username": name})).await.expect(201);
        let user = format!("/api/admin/users/{}", made["id"].as_str().unwrap());
        assert_eq!(ask("POST", &format!("{user}/reset")).await, 201);
        assert_eq!(ask("DELETE", &format!("{user}/sessions")).await, 204);
        assert_eq!(ask("DELETE", &user).await, 204, "{content_type:?}");
        assert_eq!(ask("POST", &format!("{user}/restore")).await, 200);
        assert_eq!(chief.delete(&user).await.status, 204);
        assert_eq!(ask("POST", "/api/tokens").await, 201);
        assert_eq!(ask("POST", "/api/invites").await, 201);
        assert_eq!(ask("POST", "/api/admin/invites").await, 201);
        assert_eq!(ask("POST", "/api/admin/purge").await, 200);
        // What must say something is asked for it as before.
        let refused = if content_type.contains("json") { 400 } else { 415 };
        assert_eq!(ask("PATCH", "/api/me").await, refused);
        assert_eq!(ask("DELETE", "/api/me").await, refused);
    }
    let odd = b"{";
    let text = format!(
        "POST /api/tokens HTTP/1.1\r\n{}Connection: close\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n",
        chief.fields(),
        odd.len()
    );
    let answer = chief.raw(&[text.as_bytes(), odd].concat()).await;
    answer.refused(415, "unsupported_type");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_line_text_refuses_line_breaks_and_control_characters() {
    let server = TestServer::start().await;
    let chief = server.admin().await;
    let room = |name: &str, topic: &str| json!({"name": name, "topic": topic, "kind": "open"});
    for text in ["two\nlines", "tab\there", "turned \u{202e}round", "bell\u{7}", "\u{200b}\u{200b}"]
    {
        let user = |name: &str| json!({"username": "odd", "display_name": name});
        let calls = [
            ("POST", "/api/tokens", json!({"label": text})),
            ("POST", "/api/invites", json!({"label": text})),
            ("POST", "/api/rooms", room(text, "")),
            ("POST", "/api/rooms", room("Fine", text)),
            ("PATCH", "/api/rooms/1", json!({"topic": text})),
            ("POST", "/api/admin/rooms", room("Fine", text)),
            ("PATCH", "/api/admin/rooms/1", json!({"name": text})),
            ("POST", "/api/admin/users", user(text)),
            ("PATCH", "/api/admin/users/1", json!({"display_name": text})),
            ("PATCH", "/api/admin/settings", json!({"name": text})),
            ("PATCH", "/api/me", json!({"display_name": text})),
            ("PATCH", "/api/me", json!({"status": {"state": "online", "text": text}})),
        ];
        for (method, path, body) in calls {
            let answer = chief.request(method, path, Some(body)).await;
            assert_eq!(answer.code(), "bad_request", "{method} {path} {text:?}");
        }
        let login = json!({"username": "boss", "auth": auth_of("boss"), "device": text});
        chief.post("/api/auth/login", login).await.refused(400, "bad_request");
        let mut socket = chief.socket().await;
        socket.op("hello").await;
        socket.err(json!({"op": "presence", "state": "online", "text": text}), "bad_request").await;
    }
    let mut socket = chief.socket().await;
    socket.op("hello").await;
    for id in ["a\u{0}", "a\nb", "\u{7f}"] {
        socket.send(json!({"op": "ping", "id": id})).await;
        let refused = socket.op("err").await;
        assert_eq!((refused.get("id"), &refused["code"]), (None, &json!("bad_request")));
    }
    server.stop().await;
}
