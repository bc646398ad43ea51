//! What a token may do, and when sessions and tokens end.

use std::collections::BTreeSet;
use std::time::Duration;

use impulse::base::limits::auth as limits;
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Client, auth_of, new_mid, registration};

/// What each path needs of a session: for reading, and for everything else. `-` is no session,
/// `r` reading, `w` writing, `a` administration, `f` a browser that signed in.
const NEEDS: &[(&str, char, char)] = &[
    ("health", '-', '-'),
    ("ready", '-', '-'),
    ("metrics", '-', '-'),
    ("ca", '-', '-'),
    ("ca.crt", '-', '-'),
    ("ws", 'r', 'r'),
    ("avatars/*", '-', '-'),
    ("files/*/*", 'r', 'r'),
    ("api/files", 'r', 'w'),
    ("api/files/*", 'r', 'w'),
    ("api/info", '-', '-'),
    ("api/e2ee/info", '-', '-'),
    ("api/auth/prelogin", '-', '-'),
    ("api/auth/register", '-', '-'),
    ("api/auth/login", '-', '-'),
    ("api/auth/logout", 'r', 'r'),
    ("api/auth/unlock", 'f', 'f'),
    ("api/auth/ticket", '-', '-'),
    ("api/auth/password/prepare", '-', '-'),
    ("api/auth/password/commit", '-', '-'),
    ("api/auth/recovery/open", '-', '-'),
    ("api/keys", 'f', 'f'),
    ("api/keys/challenge", 'f', 'f'),
    ("api/keys/rewrap", 'f', 'f'),
    ("api/keys/rotate", 'f', 'f'),
    ("api/keys/reset", 'f', 'f'),
    ("api/keys/trust", 'f', 'f'),
    ("api/me", 'r', 'w'),
    ("api/me/avatar", 'r', 'w'),
    ("api/sessions", 'f', 'f'),
    ("api/sessions/*", 'f', 'f'),
    ("api/tokens", 'f', 'f'),
    ("api/tokens/*", 'f', 'f'),
    ("api/users", 'r', 'w'),
    ("api/users/*", 'r', 'w'),
    ("api/rooms", 'r', 'w'),
    ("api/rooms/directory", 'r', 'w'),
    ("api/rooms/*", 'r', 'w'),
    ("api/rooms/*/me", 'r', 'w'),
    ("api/rooms/*/restore", 'r', 'w'),
    ("api/rooms/*/bans", 'r', 'w'),
    ("api/rooms/*/bans/*", 'r', 'w'),
    ("api/rooms/*/members", 'r', 'w'),
    ("api/rooms/*/members/*", 'r', 'w'),
    ("api/rooms/*/messages", 'r', 'w'),
    ("api/rooms/*/messages/*", 'r', 'w'),
    ("api/rooms/*/log", 'r', 'f'),
    ("api/rooms/*/wraps", 'r', 'f'),
    ("api/rooms/*/wraps/bad", 'r', 'f'),
    ("api/rooms/*/tail", 'r', 'r'),
    ("api/rooms/*/files", 'r', 'r'),
    ("api/rooms/*/hooks", 'r', 'w'),
    ("api/rooms/*/hooks/*", 'r', 'w'),
    ("api/rooms/*/hooks/*/avatar", 'r', 'w'),
    ("hooks/*", '-', '-'),
    ("hooks/*/files", '-', '-'),
    ("api/rooms/*/messages/*/reactions/*", 'r', 'w'),
    ("api/dir", 'r', 'r'),
    ("api/dir/entries", 'r', 'f'),
    ("api/dir/again", 'f', 'f'),
    ("api/blocks", 'r', 'w'),
    ("api/blocks/*", 'r', 'w'),
    ("api/invites", 'r', 'w'),
    ("api/invites/look", '-', '-'),
    ("api/invites/accept", 'r', 'w'),
    ("api/invites/*", 'r', 'w'),
    ("api/admin/users", 'a', 'a'),
    ("api/admin/users/*", 'a', 'a'),
    ("api/admin/users/*/restore", 'a', 'a'),
    ("api/admin/users/*/reset", 'a', 'a'),
    ("api/admin/users/*/restore-keys", 'a', 'a'),
    ("api/admin/users/*/sessions", 'a', 'a'),
    ("api/admin/rooms", 'a', 'a'),
    ("api/admin/rooms/*", 'a', 'a'),
    ("api/admin/rooms/*/restore", 'a', 'a'),
    ("api/admin/rooms/*/gone", 'a', 'a'),
    ("api/admin/invites", 'a', 'a'),
    ("api/admin/invites/*", 'a', 'a'),
    ("api/admin/settings", 'a', 'a'),
    ("api/admin/files", 'a', 'a'),
    ("api/admin/directory", 'a', 'a'),
    ("api/admin/directory/open", 'a', 'a'),
    ("api/admin/directory/adopt", 'a', 'a'),
    ("api/search", 'r', 'r'),
    ("api/admin/search", 'a', 'a'),
    ("api/admin/search/rebuild", 'a', 'a'),
    ("api/admin/audit", 'a', 'a'),
    ("api/admin/audit/verify", 'a', 'a'),
    ("api/admin/stats", 'a', 'a'),
    ("api/admin/purge", 'a', 'a'),
];

/// Every path there is, as `api/rooms/*`.
fn routes() -> BTreeSet<String> {
    let stars = |path: &str| {
        let segments = path.split('/').skip(1);
        let star = |segment| if str::starts_with(segment, '{') { "*" } else { segment };
        segments.map(star).collect::<Vec<_>>().join("/")
    };
    impulse::api::routes().map(|(_, path)| stars(path)).collect()
}

/// Whether a scope is enough.
fn is_enough(scope: &str, need: char) -> bool {
    match need {
        '-' | 'r' => true,
        'w' => matches!(scope, "write" | "admin" | "full"),
        'a' => matches!(scope, "admin" | "full"),
        _ => scope == "full",
    }
}

async fn token(by: &Client, body: Value) -> Client {
    let made = by.post("/api/tokens", body).await.expect(201);
    by.with_token(made["token"].as_str().expect("told once"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_asks_for_the_scope_it_needs() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let known: BTreeSet<_> = NEEDS.iter().map(|(path, ..)| (*path).to_owned()).collect();
    assert_eq!(routes(), known, "give a new path its line in NEEDS");
    let mut callers = Vec::new();
    for scope in ["read", "write", "admin"] {
        callers.push((scope, token(&boss, json!({"label": "x", "scope": scope})).await));
    }
    callers.push(("full", boss));
    // Signing out comes last, because it ends the session of this test.
    let (last, paths): (Vec<_>, Vec<_>) =
        NEEDS.iter().copied().partition(|(path, ..)| path.ends_with("logout"));
    for (path, reading, writing) in paths.into_iter().chain(last) {
        let path = path
            .replace("messages/*", "messages/AAAAAAAAAAAAAAAAAAAAAA")
            .replace("files/*", "files/AAAAAAAAAAAAAAAAAAAAAA");
        let path = format!("/{}", path.replace('*', "999999"));
        let allow = callers[0].1.request("OPTIONS", &path, None).await;
        let allow = allow.header("allow").unwrap_or_else(|| panic!("{path}: {allow:?}")).to_owned();
        for (scope, caller) in &callers {
            for method in allow.split(", ").filter(|method| *method != "HEAD") {
                // The boss's own browser signs nobody out while this goes on.
                if *scope == "full" && method == "DELETE" && path.contains("/sessions") {
                    continue;
                }
                let need = match method {
                    "GET" => reading,
                    // Leaving for good is more than writing.
                    "DELETE" if path == "/api/me" => 'f',
                    _ => writing,
                };
                let body = (method != "GET").then(|| json!({}));
                let answer = caller.request(method, &path, body).await;
                let sentence = String::from_utf8_lossy(&answer.body).into_owned();
                let is_refused = answer.status == 403 && sentence.contains(" token ");
                let what = format!("{method} {path} with {scope}: {} {sentence}", answer.status);
                assert_eq!(!is_refused, is_enough(scope, need), "{what}");
                assert!(answer.status != 401 || need == '-' || *scope == "full", "{what}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_no_other_one_and_changes_nothing_about_signing_in() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    for scope in ["read", "write", "admin"] {
        let script = token(&boss, json!({"label": "script", "scope": scope})).await;
        script.post("/api/tokens", json!({"label": "mine"})).await.refused(403, "forbidden");
        script.get("/api/tokens").await.refused(403, "forbidden");
        script.delete("/api/sessions").await.refused(403, "forbidden");
        let deletion = json!({"auth": auth_of("boss"), "messages": "keep"});
        script.request("DELETE", "/api/me", Some(deletion)).await.refused(403, "forbidden");
        let mut prepare = registration("new");
        prepare["by"] = json!({"auth": auth_of("boss")});
        let path = "/api/auth/password/prepare";
        script.post(path, prepare.clone()).await.refused(403, "forbidden");
        let pending = boss.post(path, prepare).await.expect(200)["pending"].clone();
        let commit = json!({"pending": pending});
        script.post("/api/auth/password/commit", commit).await.refused(404, "not_found");
        // It may end itself.
        assert_eq!(script.post("/api/auth/logout", json!({})).await.status, 204);
        script.get("/api/me").await.refused(401, "unauthorized");
    }
    boss.get("/api/me").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administration_is_for_tokens_that_an_admin_made_for_it() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let wanted = json!({"label": "x", "scope": "admin"});
    anna.post("/api/tokens", wanted.clone()).await.refused(403, "forbidden");
    let plain = token(&boss, json!({"label": "x"})).await;
    plain.get("/api/admin/users").await.refused(403, "forbidden");
    // Nor what an admin of the server may do in rooms.
    let room = anna.post("/api/rooms", json!({"name": "Hers", "kind": "closed"})).await.expect(201);
    let path = format!("/api/rooms/{}", room["id"].as_str().unwrap());
    plain.patch(&path, json!({"topic": "x"})).await.refused(404, "not_found");
    let full = token(&boss, wanted).await;
    full.get("/api/admin/users").await.expect(200);
    full.patch(&path, json!({"topic": "x"})).await.expect(200);

    // A login by a program gets no more than a token for writing.
    let login = json!({"username": "boss", "auth": auth_of("boss"), "token": true});
    let answer = Client::new(server.address).post("/api/auth/login", login).await.expect(200);
    let script = boss.with_token(answer["token"].as_str().unwrap());
    script.patch("/api/me", json!({"bio": "by a program"})).await.expect(200);
    script.get("/api/admin/users").await.refused(403, "forbidden");
    script.get("/api/tokens").await.refused(403, "forbidden");

    // Who is no admin any more administrates by no token.
    server.sql().await.batch_execute("UPDATE accounts.users SET is_admin = false").await.unwrap();
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    full.at(server.address).get("/api/admin/users").await.refused(403, "forbidden");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_reading_follows_rooms_and_says_nothing() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let reader = token(&anna, json!({"label": "reader", "scope": "read"})).await;
    reader.get("/api/rooms").await.expect(200);
    reader.patch("/api/me", json!({"bio": "x"})).await.refused(403, "forbidden");
    let (mut mine, mut socket) = (anna.socket().await, reader.socket().await);
    let room = mine.op("hello").await["rooms"][0]["id"].as_str().unwrap().to_owned();
    socket.op("hello").await;
    socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    socket.ok(json!({"op": "ping"})).await;
    let message = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "x"});
    for command in [
        json!({"op": "msg.send", "room": room, "msg": message}),
        json!({"op": "typing", "room": room}),
        json!({"op": "read", "room": room, "seq": 0}),
        json!({"op": "presence", "state": "dnd"}),
    ] {
        let refused = socket.request(command.clone()).await;
        assert_eq!(refused["code"], "forbidden", "{command} {refused}");
    }
    mine.send_text(&room, "hello").await;
    assert_eq!(socket.op("msg").await["msg"]["t"], "hello");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lasts_ninety_days_unless_chosen_otherwise_and_at_most_a_year_or_for_ever() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let lives = async |body: Value| {
        let made = anna.post("/api/tokens", body).await.expect(201);
        made["expires_at"].as_i64().map(|at| (at - impulse::base::time::now_ms() + 5_000) / 10_000)
    };
    let tens = |time: Duration| Some(time.as_secs() as i64 / 10);
    assert_eq!(lives(json!({"label": "x"})).await, tens(limits::TOKEN_LIFE));
    for bound in [limits::TOKEN_LIFE_MIN, limits::TOKEN_LIFE_MAX] {
        let body = json!({"label": "x", "expires_in_s": bound.as_secs()});
        assert_eq!(lives(body).await, tens(bound));
    }
    assert_eq!(lives(json!({"label": "x", "expires_in_s": null})).await, None);
    for wrong in [
        json!({"expires_in_s": limits::TOKEN_LIFE_MIN.as_secs() - 1}),
        json!({"expires_in_s": limits::TOKEN_LIFE_MAX.as_secs() + 1}),
        json!({"expires_in_s": -1}),
        json!({"scope": "full"}),
        json!({"scope": ""}),
        json!({"label": "two\nlines"}),
    ] {
        anna.post("/api/tokens", wrong).await.refused(400, "bad_request");
    }
    let list = anna.get("/api/tokens").await.expect(200);
    let newest = &list["tokens"][0];
    assert_eq!((&newest["scope"], &newest["expires_at"]), (&json!("write"), &Value::Null));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_tokens_asked_for_at_once_no_more_are_made_than_may_be() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let fill = format!(
        "INSERT INTO accounts.sessions (user_id, kind, digest, created_at, seen_at)
         SELECT {}, 'token', decode(lpad(to_hex(n), 64, '0'), 'hex'), 1, 1
         FROM generate_series(1, {}) n",
        anna.uid,
        limits::TOKENS - 1
    );
    server.sql().await.batch_execute(&fill).await.unwrap();
    let path = "/api/tokens";
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
async fn expired_sessions_and_tokens_open_nothing_and_their_sockets_close() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let year = anna.get("/api/sessions").await.expect(200)["sessions"][0].clone();
    let lives = year["expires_at"].as_i64().unwrap() - year["created_at"].as_i64().unwrap();
    let life = i64::try_from(limits::SESSION_LIFE.as_millis()).unwrap();
    assert!((life - 5_000..=life + 5_000).contains(&lives), "{lives}");
    let (idle, busy) = (Client::login(server.address, "anna").await, server.user("bert").await);
    let script = token(&anna, json!({"label": "script"})).await;
    let mut closing = Vec::new();
    for client in [&anna, &idle, &script] {
        let mut socket = client.socket().await;
        socket.op("hello").await;
        closing.push(socket);
    }
    let mut staying = busy.socket().await;
    staying.op("hello").await;
    let sql = server.sql().await;
    let (idle_ms, slack) = (limits::SESSION_IDLE.as_millis(), 60_000);
    // One by its year, one by idleness, the token by its date; a browser that was away for almost
    // ninety days stays, and so does a token that was not used for longer.
    let kept = token(&busy, json!({"label": "kept", "expires_in_s": null})).await;
    let now = impulse::base::time::now_ms();
    let age = format!(
        "UPDATE accounts.sessions SET expires_at = {now}
         WHERE id = (SELECT min(id) FROM accounts.sessions) OR label = 'script';
         UPDATE accounts.sessions SET seen_at = {now} - {idle_ms} - 1 WHERE label = 'test';
         UPDATE accounts.sessions SET seen_at = {now} - {idle_ms} + {slack}
         WHERE user_id = {0} AND kind = 'browser';
         UPDATE accounts.sessions SET seen_at = 1 WHERE label = 'kept'",
        busy.uid
    );
    sql.batch_execute(&age).await.unwrap();
    let bound = limits::SESSIONS_SWEEP + Duration::from_secs(8);
    for mut socket in closing {
        let closed = tokio::time::timeout(bound, socket.closed()).await;
        assert_eq!(closed.expect("in time"), Some(1008));
        assert_eq!(socket.op("bye").await["code"], "revoked");
    }
    for client in [&anna, &idle, &script] {
        client.get("/api/me").await.refused(401, "unauthorized");
    }
    staying.ok(json!({"op": "ping"})).await;
    busy.get("/api/me").await.expect(200);
    kept.get("/api/me").await.expect(200);
    let left = "SELECT count(*) FROM accounts.sessions";
    assert_eq!(sql.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_from_before_keep_what_they_could_do_but_for_making_others() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let script = token(&boss, json!({"label": "old", "scope": "admin"})).await;
    let database = server.database.clone();
    let sql = server.sql().await;
    server.stop().await;
    // As the tables were before.
    let before = "
        DELETE FROM accounts.migrations WHERE number > 7;
        DROP TABLE accounts.dir_entries, accounts.dir_names, accounts.dir_rival, accounts.dir_rival_entries,
            accounts.dir_rejected;
        ALTER TABLE accounts.instance DROP COLUMN dir_seed, DROP COLUMN dir_state;
        DROP TABLE accounts.keys, accounts.keys_old, accounts.proofs;
        ALTER TABLE accounts.auth_slots DROP COLUMN by_recovery;
        DROP TABLE accounts.hooks;
        ALTER TABLE accounts.users DROP COLUMN is_bot;
        ALTER TABLE accounts.instance DROP COLUMN numbers_since;
        ALTER TABLE accounts.users RENAME COLUMN ambiguity_checked_for TO shown_for;
        ALTER TABLE accounts.shown_skeletons RENAME CONSTRAINT shown_skeletons_user_id_fkey TO shown_looks_user_id_fkey;
        ALTER INDEX accounts.shown_skeletons_user RENAME TO shown_looks_user;
        ALTER INDEX accounts.shown_skeletons_pkey RENAME TO shown_looks_pkey;
        ALTER TABLE accounts.shown_skeletons RENAME COLUMN skeleton TO look;
        ALTER TABLE accounts.shown_skeletons RENAME TO shown_looks;
        ALTER TABLE accounts.name_skeletons RENAME CONSTRAINT name_skeletons_user_id_fkey TO looks_user_id_fkey;
        ALTER INDEX accounts.name_skeletons_user RENAME TO looks_user;
        ALTER INDEX accounts.name_skeletons_pkey RENAME TO looks_pkey;
        ALTER TABLE accounts.name_skeletons RENAME COLUMN skeleton TO look;
        ALTER TABLE accounts.name_skeletons RENAME TO looks;
        DROP TABLE accounts.invite_uses;
        ALTER TABLE accounts.sessions DROP COLUMN scope, DROP COLUMN expires_at;
        DROP INDEX accounts.sessions_idle";
    sql.batch_execute(before).await.unwrap();
    let server = TestServer::start_on(&database, &[]).await;
    let (boss, script) = (boss.at(server.address), script.at(server.address));
    script.get("/api/admin/users").await.expect(200);
    script.post("/api/tokens", json!({})).await.refused(403, "forbidden");
    let list = boss.get("/api/tokens").await.expect(200);
    let old = &list["tokens"][0];
    assert_eq!((&old["scope"], &old["expires_at"]), (&json!("admin"), &Value::Null));
    server.stop().await;
}
