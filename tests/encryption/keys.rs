//! The keys of accounts: made, wrapped anew, rotated, locked, recovered, reset, put back, and told to other browsers.

use std::time::Duration;

use impulse::base::limits::keys as limits;
use impulse::e2ee::account::ProofPurpose;
use impulse::e2ee::directory::EntryType;
use serde_json::{Value, json};

use crate::person::{Home, Person, blob, blobs, prepare, recovery_code};
use crate::process::Process;
use crate::support::TestServer;
use crate::support::client::{Answer, Client, auth_of};

/// A quiet moment in which nothing must come.
const QUIET: Duration = Duration::from_millis(300);

async fn put(client: &Client, path: &str, body: Value) -> Answer {
    client.request("PUT", path, Some(body)).await
}

/// A ticket of an administrator.
async fn ticket(boss: &Client, uid: &str, compromised: bool) -> String {
    let path = format!("/api/admin/users/{uid}/reset");
    let answer = boss.post(&path, json!({"compromised": compromised})).await.expect(201);
    answer["ticket"].as_str().unwrap().to_owned()
}

/// What the audit log has of a person.
async fn recorded(boss: &Client, action: &str, person: &Person) -> Value {
    let path = format!("/api/admin/audit?action={action}&target={}", person.client.uid);
    boss.get(&path).await.expect(200)
}

async fn restore(boss: &Client, person: &Person) -> Answer {
    boss.post(&format!("/api/admin/users/{}/restore-keys", person.client.uid), json!({})).await
}

/// A refusal because of other keys, with the numbers of the present ones.
#[track_caller]
fn conflicts(answer: Answer, ak_gen: u64, trust_rev: u64) {
    let error = answer.json()["error"].clone();
    answer.refused(409, "keys_conflict");
    assert_eq!(error["detail"], json!({"ak_gen": ak_gen, "trust_rev": trust_rev}));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_keys_are_given_once_and_every_way_in_answers_them() {
    let (home, _) = Home::shared();
    let mut anna = Person::without_keys(home, "anna").await;
    let none = anna.unlocked().await;
    assert_eq!((&none["keys"], &none["locked"]), (&Value::Null, &json!(false)));
    let mut body = anna.first_keys();
    let (_, digest) = recovery_code();
    body["rauth_digest"] = json!(digest);
    body["keys"]["ak_recovery"] = json!(blob(113));
    body["keys"]["trust"] = json!(blob(60));
    body["keys"]["trust_rev"] = json!(1);
    put(&anna.client, "/api/keys", body.clone()).await.expect(201);
    anna.took(&body);
    assert_eq!(anna.keys["trust_rev"], 1);
    let unlocked = anna.unlocked().await;
    assert_eq!(unlocked["keys"], anna.keys);
    let login = anna.login_with("anna").await.expect(200);
    assert_eq!((&login["keys"], &login["locked"]), (&anna.keys, &json!(false)));
    assert_eq!(login["share"], unlocked["share"]);
    assert_eq!(login["upgrade"], false);
    // An answer that was lost is asked for again; other keys are not taken.
    put(&anna.client, "/api/keys", body.clone()).await.expect(201);
    body["keys"] = blobs(0);
    put(&anna.client, "/api/keys", body).await.refused(409, "conflict");
    assert_eq!(anna.stored().await, anna.keys);
    let mut registered = crate::support::client::registration("bert");
    registered["device"] = json!("x");
    let registered =
        Client::new(home.address).post("/api/auth/register", registered).await.expect(201);
    assert_eq!((&registered["keys"], &registered["locked"]), (&Value::Null, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_keys_that_are_refused_leave_nothing_behind() {
    let (home, _) = Home::shared();
    let mut anna = Person::without_keys(home, "anna").await;
    let body = anna.first_keys();
    let with = |field: &str, value: Value| {
        let mut changed = body.clone();
        let mut at = &mut changed;
        for part in field.split('.') {
            at = &mut at[part];
        }
        *at = value;
        changed
    };
    for (changed, status, code) in [
        (with("auth", json!(auth_of("other"))), 401, "bad_credentials"),
        (with("auth", Value::Null), 400, "bad_request"),
        (with("pending", json!("x")), 400, "bad_request"),
        (with("dir.e", json!("AAAA")), 400, "bad_entry"),
        (with("dir.sn", json!(blob(64))), 400, "bad_signature"),
        (with("keys.from", json!(1)), 400, "bad_request"),
        (with("keys.ak_gen", json!(0)), 400, "bad_request"),
        (with("keys.ak_password", json!(blob(60))), 400, "bad_request"),
        (with("keys.ak_recovery", json!(blob(113))), 400, "bad_request"),
        (with("rauth_digest", json!(recovery_code().1)), 400, "bad_request"),
        (with("keys.bundle", json!(blob(limits::BUNDLE + 1))), 413, "too_large"),
        (with("keys.trust", json!(blob(60))), 400, "bad_request"),
    ] {
        put(&anna.client, "/api/keys", changed).await.refused(status, code);
    }
    let mut from = with("keys.from", json!(1));
    from["keys"]["ak_gen"] = json!(2);
    conflicts(put(&anna.client, "/api/keys", from).await, 0, 0);
    // The entry of another kind, or of somebody else.
    anna.client.post("/api/keys/rotate", body.clone()).await.refused(400, "bad_entry");
    anna.client.post("/api/keys/reset", body.clone()).await.refused(400, "bad_entry");
    let bert = Person::without_keys(home, "bert").await;
    let mut foreign = body.clone();
    foreign["auth"] = json!(bert.auth());
    put(&bert.client, "/api/keys", foreign).await.refused(400, "bad_entry");
    assert_eq!(anna.stored().await, Value::Null);
    let path = format!("/api/dir/entries?uids={}", anna.client.uid);
    let entries = anna.client.get(&path).await.expect(200);
    assert_eq!(entries["entries"], json!([]), "no position was taken");
    put(&anna.client, "/api/keys", body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_wrapped_anew_by_a_proof_that_is_good_once() {
    let (home, _) = Home::shared();
    let (mut anna, bert) = (Person::new(home, "anna").await, Person::new(home, "bert").await);
    let body = anna.rewrapped().await;
    let with = |field: &str, value: Value| {
        let mut changed = body.clone();
        changed[field] = value;
        changed
    };
    let challenge = body["challenge"].as_str().unwrap();
    for (changed, status, code) in [
        (with("auth", json!(auth_of("other"))), 401, "bad_credentials"),
        (with("proof", json!(blob(64))), 400, "bad_signature"),
        (with("proof", json!(bert.proof(ProofPurpose::Rewrap, challenge))), 400, "bad_signature"),
        (with("proof", json!(anna.proof(ProofPurpose::Password, challenge))), 400, "bad_signature"),
        (with("challenge", json!(blob(32))), 400, "bad_signature"),
        (with("challenge", json!("x")), 400, "bad_request"),
    ] {
        anna.client.post("/api/keys/rewrap", changed).await.refused(status, code);
    }
    // A challenge of somebody else, signed well.
    let foreign = bert.challenge().await;
    let mut changed = with("proof", json!(anna.proof(ProofPurpose::Rewrap, &foreign)));
    changed["challenge"] = json!(foreign);
    anna.client.post("/api/keys/rewrap", changed).await.refused(404, "not_found");
    assert_eq!(anna.stored().await, anna.keys);

    anna.client.post("/api/keys/rewrap", body.clone()).await.expect(204);
    anna.took(&body);
    assert_eq!(anna.stored().await, anna.keys);
    anna.client.post("/api/keys/rewrap", body).await.refused(404, "not_found");
    // What was made from an earlier version is not taken.
    let mut stale = anna.rewrapped().await;
    stale["keys"] = blobs(1);
    conflicts(anna.client.post("/api/keys/rewrap", stale).await, 2, 0);
    // A challenge that waited too long.
    let body = anna.rewrapped().await;
    anna.alter("UPDATE accounts.proofs SET expires_at = expires_at - 300001 WHERE user_id = $1")
        .await;
    anna.client.post("/api/keys/rewrap", body).await.refused(404, "not_found");
    // Only so many wait, and the oldest go.
    let first = anna.rewrapped().await;
    tokio::time::sleep(Duration::from_millis(3)).await;
    let second = anna.rewrapped().await;
    for _ in 1..limits::CHALLENGES {
        tokio::time::sleep(Duration::from_millis(3)).await;
        anna.challenge().await;
    }
    anna.client.post("/api/keys/rewrap", first).await.refused(404, "not_found");
    anna.client.post("/api/keys/rewrap", second).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_takes_the_keys_along_or_changes_nothing() {
    let (home, _) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    let by = json!({"auth": anna.auth()});
    let pending = anna.prepared(by, "anna2").await;
    let body = anna.committed(&pending, anna.challenge().await).await;
    let commit = |body: Value| anna.client.post("/api/auth/password/commit", body);
    // Without the keys, with a part of them, with another proof.
    commit(json!({"pending": pending})).await.refused(400, "bad_request");
    let mut part = body.clone();
    part.as_object_mut().unwrap().remove("proof");
    commit(part).await.refused(400, "bad_request");
    let mut other = body.clone();
    let challenge = body["challenge"].as_str().unwrap();
    other["proof"] = json!(anna.proof(ProofPurpose::Rewrap, challenge));
    commit(other).await.refused(400, "bad_signature");
    let mut stale = body.clone();
    stale["keys"] = json!({"from": 5, "ak_gen": 6, "ak_password": blob(61), "ak_recovery": null, "bundle": blob(99)});
    conflicts(commit(stale).await, 1, 0);
    assert_eq!(anna.stored().await, anna.keys, "the old password opens the old keys");

    commit(body.clone()).await.expect(204);
    anna.took(&body);
    anna.login_with("anna").await.refused(401, "bad_credentials");
    let login = anna.login_with("anna2").await.expect(200);
    assert_eq!((&login["keys"], &login["locked"]), (&anna.keys, &json!(false)));
    // Who has no keys changes the password as before, and keys are no way around the first ones.
    let bert = Person::without_keys(home, "bert").await;
    let pending = bert.prepared(json!({"auth": bert.auth()}), "bert2").await;
    let mut keyed = bert.committed(&pending, bert.challenge().await).await;
    keyed["keys"]["from"] = json!(0);
    bert.client.post("/api/auth/password/commit", keyed).await.refused(409, "conflict");
    bert.client.post("/api/auth/password/commit", json!({"pending": pending})).await.expect(204);
    assert_eq!(bert.login_with("bert2").await.expect(200)["keys"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_browsers_that_change_everything_at_once_one_wins_whole() {
    let (home, _) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    for round in 0..3 {
        let ak_gen = anna.ak_gen();
        let password = format!("anna{round}");
        let (_, other) = anna.browser_with(&anna.password).await;
        let pending = anna.prepared(json!({"auth": anna.auth()}), &password).await;
        let committed = anna.committed(&pending, anna.challenge().await).await;
        let rewrapped = anna.rewrapped().await;
        let (first, second) = tokio::join!(
            anna.client.post("/api/auth/password/commit", committed.clone()),
            other.post("/api/keys/rewrap", rewrapped.clone()),
        );
        match (first.status, second.status) {
            (204, 401 | 409) => {
                anna.password = password;
                anna.took(&committed);
            }
            (409, 204) => {
                conflicts(first, ak_gen + 1, 0);
                anna.took(&rewrapped);
            }
            _ => panic!("{first:?} {second:?}"),
        }
        // What is answered is of the password that is right now, and of no other change.
        let login = anna.login_with(&anna.password).await.expect(200);
        assert_eq!(login["keys"], anna.keys);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_browsers_that_make_keys_at_once_the_slower_one_hears_that_there_are_others() {
    let (home, _) = Home::shared();
    let mut anna = Person::without_keys(home, "anna").await;
    let (_, other) = anna.browser_with("anna").await;
    let nothing = anna.identity;
    let (one, first) = (anna.first_keys(), anna.identity);
    anna.identity = nothing;
    let (two, second) = (anna.first_keys(), anna.identity);
    let (here, there) = tokio::join!(
        put(&anna.client, "/api/keys", one.clone()),
        put(&other, "/api/keys", two.clone())
    );
    let (won, identity, lost) = match here.status {
        201 => (one, first, there),
        _ => (two, second, here),
    };
    lost.refused(409, "conflict");
    anna.took(&won);
    anna.identity = identity;
    assert_eq!(anna.stored().await, anna.keys);

    let (one, first) = (anna.other_keys(EntryType::Rotate), anna.identity);
    anna.identity = identity;
    let (two, second) = (anna.other_keys(EntryType::Rotate), anna.identity);
    let (here, there) = tokio::join!(
        anna.client.post("/api/keys/rotate", one.clone()),
        other.post("/api/keys/rotate", two.clone())
    );
    let (won, identity, lost) = match here.status {
        204 => (one, first, there),
        _ => (two, second, here),
    };
    conflicts(lost, 2, 0);
    anna.took(&won);
    anna.identity = identity;
    assert_eq!(anna.stored().await, anna.keys);
    // What won is what signs.
    let body = anna.rewrapped().await;
    anna.client.post("/api/keys/rewrap", body).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_half_way_leaves_the_old_state_whole() {
    let server = TestServer::start().await;
    let home = Home::of(&server);
    let mut anna = Person::new(&home, "anna").await;
    let sql = server.sql().await;
    let fail = |table: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION accounts.fail() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'disk_full'; END $$;
             CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON accounts.{table}
                 FOR EACH ROW EXECUTE FUNCTION accounts.fail()"
        )
    };
    for table in ["keys", "keys_old"] {
        sql.batch_execute(&fail(table)).await.unwrap();
        let before = anna.client.get("/api/dir?from=1").await.body;
        let pending = anna.prepared(json!({"auth": anna.auth()}), "anna2").await;
        let committed = anna.committed(&pending, anna.challenge().await).await;
        let commit = anna.client.post("/api/auth/password/commit", committed.clone()).await;
        assert_eq!(commit.status, 503, "{commit:?}");
        let rewrapped = anna.rewrapped().await;
        let rewrap = anna.client.post("/api/keys/rewrap", rewrapped.clone()).await;
        assert_eq!(rewrap.status, 503, "{rewrap:?}");
        let identity = anna.identity;
        let rotated = anna.other_keys(EntryType::Rotate);
        let rotate = anna.client.post("/api/keys/rotate", rotated).await;
        assert_eq!(rotate.status, 503, "{rotate:?}");
        anna.identity = identity;
        assert_eq!(anna.stored().await, anna.keys);
        let after = anna.client.get("/api/dir?from=1").await.body;
        assert_eq!(before[..40], after[..40], "the directory stays, too");
        sql.batch_execute(&format!("DROP TRIGGER fail ON accounts.{table}")).await.unwrap();
        // Nothing was used up: the same requests work now.
        anna.client.post("/api/keys/rewrap", rewrapped.clone()).await.expect(204);
        anna.took(&rewrapped);
        let mut again = committed;
        again["keys"] = blobs(anna.ak_gen());
        anna.client.post("/api/auth/password/commit", again.clone()).await.expect(204);
        anna.took(&again);
        anna.password = "anna2".into();
        assert_eq!(anna.stored().await, anna.keys);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_by_ticket_locks_the_keys_and_the_one_before_opens_them_still() {
    let (home, boss) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    let stranger = Client::new(home.address);
    for password in ["anna2", "anna3"] {
        let ticket = ticket(boss, &anna.client.uid, password == "anna3").await;
        let answer = prepare(&stranger, json!({"ticket": ticket}), password).await.expect(200);
        let commit = json!({"pending": answer["pending"]});
        stranger.post("/api/auth/password/commit", commit).await.expect(204);
        let (login, client) = anna.browser_with(password).await;
        let login = login.expect(200);
        assert_eq!(login["locked"], true);
        assert_eq!(login["keys"]["ak_password"], Value::Null);
        assert_eq!(login["keys"]["bundle"], anna.keys["bundle"]);
        anna.client = client;
        anna.password = password.into();
        let unlocked = anna.unlocked().await;
        assert_eq!((&unlocked["locked"], &unlocked["keys"]), (&login["locked"], &login["keys"]));
    }
    let log = recorded(boss, "password.reset", &anna).await;
    assert_eq!(log["entries"][0]["detail"], json!({"locked": true}));
    // By the password of the locked account nothing is changed without the keys.
    let pending = anna.prepared(json!({"auth": anna.auth()}), "anna4").await;
    let commit = json!({"pending": pending});
    anna.client.post("/api/auth/password/commit", commit).await.refused(400, "bad_request");
    // Two passwords later the first one, with the keys, is put back.
    let mut socket = anna.client.socket().await;
    restore(boss, &anna).await.expect(204);
    assert_eq!(socket.closed().await, Some(1008));
    anna.login_with("anna3").await.refused(401, "bad_credentials");
    let login = anna.login_with("anna").await.expect(200);
    assert_eq!((&login["keys"], &login["locked"]), (&anna.keys, &json!(false)));
    restore(boss, &anna).await.refused(409, "conflict");
    let log = recorded(boss, "keys.restore", &anna).await;
    assert_eq!(log["entries"].as_array().unwrap().len(), 1);
    // So is a password that an administrator has ended, before another one is chosen; the ticket is over then.
    let ended = ticket(boss, &anna.client.uid, true).await;
    anna.login_with("anna").await.refused(401, "bad_credentials");
    restore(boss, &anna).await.expect(204);
    assert_eq!(anna.login_with("anna").await.expect(200)["keys"], anna.keys);
    prepare(&stranger, json!({"ticket": ended}), "anna2").await.refused(404, "not_found");
    assert_eq!(log["entries"][0]["target"]["name"], anna.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_keys_are_opened_by_the_recovery_code_and_wrapped_anew() {
    let (home, boss) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    let (rauth, digest) = recovery_code();
    let mut body = anna.rewrapped().await;
    body["keys"]["ak_recovery"] = json!(blob(113));
    anna.client.post("/api/keys/rewrap", body.clone()).await.refused(400, "bad_request");
    body["rauth_digest"] = json!(digest);
    anna.client.post("/api/keys/rewrap", body.clone()).await.expect(204);
    assert_eq!(anna.client.get("/api/keys/trust").await.expect(200)["has_code"], true);
    anna.took(&body);
    // A change of the password keeps the code: its wrap is made anew without it.
    let pending = anna.prepared(json!({"auth": anna.auth()}), "anna2").await;
    let mut body = anna.committed(&pending, anna.challenge().await).await;
    body["keys"]["ak_recovery"] = json!(blob(113));
    anna.client.post("/api/auth/password/commit", body.clone()).await.expect(204);
    anna.took(&body);

    let ticket = ticket(boss, &anna.client.uid, false).await;
    let stranger = Client::new(home.address);
    let answer = prepare(&stranger, json!({"ticket": ticket}), "anna3").await.expect(200);
    stranger
        .post("/api/auth/password/commit", json!({"pending": answer["pending"]}))
        .await
        .expect(204);
    anna.password = "anna3".into();
    let (login, client) = anna.browser_with("anna3").await;
    assert_eq!(login.expect(200)["locked"], true);
    anna.client = client;
    let open = json!({"username": anna.name.to_uppercase(), "rauth": rauth});
    let opened = stranger.post("/api/auth/recovery/open", open).await.expect(200);
    assert_eq!(opened["uid"], json!(anna.client.uid));
    let mut keys = anna.keys.clone();
    keys["ak_password"] = Value::Null;
    assert_eq!(opened["keys"], keys);
    let challenge = opened["challenge"].as_str().unwrap();
    let proof = anna.proof(ProofPurpose::Rewrap, challenge);
    let body =
        json!({"auth": anna.auth(), "keys": blobs(3), "challenge": challenge, "proof": proof});
    anna.client.post("/api/keys/rewrap", body.clone()).await.expect(204);
    anna.took(&body);
    let login = anna.login_with("anna3").await.expect(200);
    assert_eq!((&login["keys"], &login["locked"]), (&anna.keys, &json!(false)));
    // Without `ak_recovery` the code is gone.
    let open = json!({"username": anna.name, "rauth": rauth});
    stranger.post("/api/auth/recovery/open", open).await.refused(401, "bad_credentials");
    // The version before is that of the password before the ticket.
    restore(boss, &anna).await.expect(204);
    let before = anna.login_with("anna2").await.expect(200);
    assert_eq!(before["keys"]["ak_gen"], 3);
    assert_ne!(before["keys"]["ak_password"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_code_sets_another_password_without_a_session() {
    let (home, boss) = Home::shared();
    let mut anna = Person::without_keys(home, "anna").await;
    let (rauth, digest) = recovery_code();
    let mut body = anna.first_keys();
    body["rauth_digest"] = json!(digest);
    body["keys"]["ak_recovery"] = json!(blob(113));
    put(&anna.client, "/api/keys", body.clone()).await.expect(201);
    anna.took(&body);
    let stranger = Client::new(home.address);
    let open = json!({"username": anna.name, "rauth": rauth});
    let opened = stranger.post("/api/auth/recovery/open", open.clone()).await.expect(200);
    let by = json!({"recovery": rauth, "username": anna.name});
    let answer = prepare(&stranger, by, "anna2").await.expect(200);
    let pending = answer["pending"].as_str().unwrap();
    let challenge = opened["challenge"].as_str().unwrap().to_owned();
    let bare = json!({"pending": pending});
    stranger.post("/api/auth/password/commit", bare).await.refused(400, "bad_request");
    let mut body = anna.committed(pending, challenge).await;
    body["keys"]["ak_recovery"] = json!(blob(113));
    let (new_rauth, digest) = recovery_code();
    body["rauth_digest"] = json!(digest);
    let mut socket = anna.client.socket().await;
    stranger.post("/api/auth/password/commit", body.clone()).await.expect(204);
    anna.took(&body);
    assert_eq!(socket.closed().await, Some(1008), "the other browsers are signed out");
    assert_eq!(anna.login_with("anna2").await.expect(200)["keys"], anna.keys);
    stranger.post("/api/auth/recovery/open", open).await.refused(401, "bad_credentials");
    let open = json!({"username": anna.name, "rauth": new_rauth});
    stranger.post("/api/auth/recovery/open", open).await.expect(200);
    let log = recorded(boss, "password.recover", &anna).await;
    assert_eq!(log["entries"][0]["actor"]["name"], anna.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_a_recovery_who_is_here_or_has_a_code() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let home = Home::of(&server);
    let anna = Person::new(&home, "anna").await;
    let bert = Person::without_keys(&home, "bert").await;
    let stranger = Client::new(server.address);
    let (rauth, _) = recovery_code();
    let mut seen = Vec::new();
    for name in [anna.name.as_str(), &bert.name, "nobody"] {
        for attempt in 0..=limits::RECOVERIES {
            let answer = if attempt % 2 == 0 {
                let open = json!({"username": name, "rauth": rauth});
                stranger.post("/api/auth/recovery/open", open).await
            } else {
                let by = json!({"recovery": rauth, "username": name});
                prepare(&stranger, by, "other").await
            };
            let error = answer.json()["error"].clone();
            seen.push((
                name,
                attempt,
                answer.status,
                error["code"].clone(),
                error["message"].clone(),
            ));
        }
    }
    let of = |name: &str| {
        let of = seen.iter().filter(|(of, ..)| *of == name);
        of.map(|(_, n, status, code, text)| (n, status, code, text)).collect::<Vec<_>>()
    };
    assert_eq!(of(&anna.name), of("nobody"));
    assert_eq!(of(&bert.name), of("nobody"));
    let codes: Vec<_> = of("nobody").into_iter().map(|(.., code, _)| code.clone()).collect();
    let wrong = limits::RECOVERIES as usize;
    assert!(codes[..wrong].iter().all(|code| code == "bad_credentials"), "{codes:?}");
    assert_eq!(codes[wrong], "rate_limited");
    // Right ones count, too.
    let (rauth, digest) = recovery_code();
    let other = Client { address: server.address, ..anna.client.clone() };
    let mut body = anna.rewrapped().await;
    body["keys"]["ak_recovery"] = json!(blob(113));
    body["rauth_digest"] = json!(digest);
    other.post("/api/keys/rewrap", body).await.expect(204);
    let open = json!({"username": anna.name, "rauth": rauth});
    stranger.post("/api/auth/recovery/open", open).await.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_keys_replace_everything_at_once_and_may_leave_nothing_before_them() {
    let (home, boss) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    let mut body = anna.other_keys(EntryType::Rotate);
    body["keys"]["trust"] = json!(blob(limits::TRUST));
    body["keys"]["trust_rev"] = json!(1);
    anna.client.post("/api/keys/rotate", body.clone()).await.expect(204);
    anna.took(&body);
    assert_eq!(anna.stored().await, anna.keys);
    // An answer that was lost is asked for again.
    anna.client.post("/api/keys/rotate", body).await.expect(204);
    assert_eq!(anna.stored().await, anna.keys);
    // Keys of before cannot be put back beside a directory that has others.
    restore(boss, &anna).await.refused(409, "conflict");
    assert_eq!(anna.stored().await, anna.keys);
    // A trust store that others have written meanwhile is not overwritten.
    let mut stale = anna.other_keys(EntryType::Rotate);
    stale["keys"]["trust"] = json!(blob(60));
    stale["keys"]["trust_rev"] = json!(1);
    conflicts(anna.client.post("/api/keys/rotate", stale.clone()).await, 2, 1);
    stale["keys"]["trust_rev"] = json!(2);
    stale["forget_old"] = json!(true);
    anna.client.post("/api/keys/rotate", stale.clone()).await.expect(204);
    anna.took(&stale);
    assert_eq!(anna.stored().await, anna.keys);
    assert_eq!((anna.count("keys_old").await, anna.count("auth_slots").await), (0, 1));
    restore(boss, &anna).await.refused(409, "conflict");
    // The proof is by the newest key.
    let body = anna.rewrapped().await;
    anna.client.post("/api/keys/rewrap", body).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_with_the_keys_sets_the_password_by_ticket_and_rotates() {
    let (home, boss) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    let ticket = ticket(boss, &anna.client.uid, false).await;
    let pending = anna.prepared(json!({"ticket": ticket}), "anna2").await;
    let mut body = anna.other_keys(EntryType::Rotate);
    body.as_object_mut().unwrap().remove("auth");
    body["pending"] = json!(pending);
    // Not by somebody else's session, nor beside a password.
    let bert = Person::new(home, "bert").await;
    bert.client.post("/api/keys/rotate", body.clone()).await.refused(400, "bad_entry");
    let mut both = body.clone();
    both["auth"] = json!(anna.auth());
    anna.client.post("/api/keys/rotate", both).await.refused(400, "bad_request");
    let mut unknown = body.clone();
    unknown["pending"] = json!(blob(32));
    anna.client.post("/api/keys/rotate", unknown).await.refused(404, "not_found");
    assert_eq!(anna.stored().await, anna.keys);

    anna.client.post("/api/keys/rotate", body.clone()).await.expect(204);
    anna.took(&body);
    anna.password = "anna2".into();
    assert_eq!(anna.stored().await, anna.keys, "this browser stays signed in");
    let login = anna.login_with("anna2").await.expect(200);
    assert_eq!((&login["keys"], &login["locked"]), (&anna.keys, &json!(false)));
    anna.login_with("anna").await.refused(401, "bad_credentials");
    // The ticket is used up.
    let by = json!({"ticket": ticket});
    prepare(&Client::new(home.address), by, "anna3").await.refused(404, "not_found");
    // The same lifts what a ticket has locked.
    let ticket = self::ticket(boss, &anna.client.uid, false).await;
    let stranger = Client::new(home.address);
    let answer = prepare(&stranger, json!({"ticket": ticket}), "anna3").await.expect(200);
    let commit = json!({"pending": answer["pending"], "sign_out_others": false});
    stranger.post("/api/auth/password/commit", commit).await.expect(204);
    anna.password = "anna3".into();
    assert_eq!(anna.unlocked().await["locked"], true);
    let body = anna.other_keys(EntryType::Rotate);
    anna.client.post("/api/keys/rotate", body.clone()).await.expect(204);
    anna.took(&body);
    let unlocked = anna.unlocked().await;
    assert_eq!((&unlocked["keys"], &unlocked["locked"]), (&anna.keys, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_keys_are_for_accounts_that_are_locked() {
    let (home, boss) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    let identity = anna.identity;
    let body = anna.other_keys(EntryType::Reset);
    anna.client.post("/api/keys/reset", body).await.refused(403, "forbidden");
    anna.identity = identity;
    assert_eq!(anna.stored().await, anna.keys);

    let ticket = ticket(boss, &anna.client.uid, false).await;
    let answer = prepare(&anna.client, json!({"ticket": ticket}), "anna2").await.expect(200);
    let commit = json!({"pending": answer["pending"], "sign_out_others": false});
    let body = anna.other_keys(EntryType::Reset);
    // A reset that comes while the password is being set finds keys that are not locked, or locked ones.
    let stranger = Client::new(home.address);
    let (committed, early) = tokio::join!(
        stranger.post("/api/auth/password/commit", commit),
        anna.client.post("/api/keys/reset", body.clone()),
    );
    committed.expect(204);
    assert!(matches!(early.status, 401 | 403), "{early:?}");
    anna.password = "anna2".into();
    let mut body = body;
    body["auth"] = json!(anna.auth());
    let mut prepared = body.clone();
    prepared.as_object_mut().unwrap().remove("auth");
    prepared["pending"] = json!(blob(32));
    anna.client.post("/api/keys/reset", prepared).await.refused(400, "bad_request");
    anna.client.post("/api/keys/reset", body.clone()).await.expect(204);
    anna.took(&body);
    let unlocked = anna.unlocked().await;
    assert_eq!((&unlocked["keys"], &unlocked["locked"]), (&anna.keys, &json!(false)));
    let log = recorded(boss, "keys.reset", &anna).await;
    assert_eq!(log["entries"][0]["actor"]["name"], anna.name);
    // The keys that were given up do not come back beside fresh ones.
    restore(boss, &anna).await.refused(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_before_is_put_back_for_thirty_days_and_then_deleted() {
    let (home, boss) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    restore(boss, &anna).await.refused(409, "conflict");
    put(&anna.client, "/api/keys/trust", json!({"rev": 1, "blob": blob(50)})).await.expect(204);
    anna.keys = anna.stored().await;
    let first = anna.keys.clone();
    let pending = anna.prepared(json!({"auth": anna.auth()}), "anna2").await;
    let body = anna.committed(&pending, anna.challenge().await).await;
    anna.client.post("/api/auth/password/commit", body).await.expect(204);
    put(&anna.client, "/api/keys/trust", json!({"rev": 2, "blob": blob(50)})).await.expect(204);
    anna.password = "anna2".into();
    let second = anna.stored().await;
    assert_eq!((&second["ak_gen"], &second["trust_rev"]), (&json!(2), &json!(2)));
    // Back, and forth again.
    for (password, other, keys) in [("anna", "anna2", &first), ("anna2", "anna", &second)] {
        let (_, browser) = anna.browser_with(&anna.password).await;
        restore(boss, &anna).await.expect(204);
        browser.get("/api/me").await.refused(401, "unauthorized");
        anna.login_with(other).await.refused(401, "bad_credentials");
        assert_eq!(anna.login_with(password).await.expect(200)["keys"], *keys);
        anna.password = password.into();
    }
    // What was prepared before is over, and a change from what was undone is refused.
    let (_, client) = anna.browser_with("anna2").await;
    anna.client = client;
    let pending = anna.prepared(json!({"auth": anna.auth()}), "anna3").await;
    anna.keys = second;
    let body = anna.committed(&pending, anna.challenge().await).await;
    restore(boss, &anna).await.expect(204);
    let (_, client) = anna.browser_with("anna").await;
    client.post("/api/auth/password/commit", body).await.refused(404, "not_found");

    anna.alter(
        "UPDATE accounts.keys_old SET replaced_at = replaced_at - 2592000000 WHERE user_id = $1",
    )
    .await;
    restore(boss, &anna).await.refused(409, "conflict");
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!((anna.count("keys_old").await, anna.count("auth_slots").await), (0, 1));
    assert_eq!(anna.login_with("anna").await.expect(200)["keys"], first);
    let path = "/api/admin/users/999/restore-keys";
    boss.post(path, json!({})).await.refused(404, "not_found");
    anna.client.post(path, json!({})).await.refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_stores_follow_each_other_without_a_gap() {
    let (home, _) = Home::shared();
    let anna = Person::new(home, "anna").await;
    let trust = |rev: u64, bytes: usize| json!({"rev": rev, "blob": blob(bytes)});
    let path = "/api/keys/trust";
    let none = json!({"rev": 0, "blob": null, "ak_gen": 1, "locked": false, "has_code": false});
    assert_eq!(anna.client.get(path).await.expect(200), none);
    conflicts(put(&anna.client, path, trust(2, 60)).await, 1, 0);
    let refused = put(&anna.client, path, trust(0, 60)).await;
    assert!(String::from_utf8_lossy(&refused.body).contains(r#"\"rev\""#), "named as it was sent");
    refused.refused(400, "bad_request");
    put(&anna.client, path, trust(1, 28)).await.refused(400, "bad_request");
    put(&anna.client, path, trust(1, limits::TRUST + 1)).await.refused(413, "too_large");
    let body = trust(1, limits::TRUST);
    put(&anna.client, path, body.clone()).await.expect(204);
    conflicts(put(&anna.client, path, body.clone()).await, 1, 1);
    assert_eq!(anna.stored().await["trust"], body["blob"]);
    // Of two browsers at once one is told that it was slower.
    let (one, two) = (trust(2, 60), trust(2, 61));
    let (first, second) =
        tokio::join!(put(&anna.client, path, one.clone()), put(&anna.client, path, two.clone()));
    let (won, lost) = if first.status == 204 { (one, second) } else { (two, first) };
    conflicts(lost, 1, 2);
    // Without the password it reads what the other one wrote.
    assert_eq!(anna.client.get(path).await.expect(200)["blob"], won["blob"]);
    let keys = anna.stored().await;
    assert_eq!((&keys["trust"], &keys["trust_rev"]), (&won["blob"], &json!(2)));
    let huge = json!({"rev": 3, "blob": "A".repeat(limits::TRUST_BODY)});
    put(&anna.client, path, huge).await.refused(413, "too_large");
    let stranger = Client::new(home.address);
    put(&stranger, path, trust(3, limits::TRUST)).await.refused(401, "unauthorized");
    let bert = Person::without_keys(home, "bert").await;
    put(&bert.client, path, trust(1, 60)).await.refused(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_browsers_are_told_of_new_ones_and_of_other_keys_and_tokens_are_not() {
    let (home, _) = Home::shared();
    let mut anna = Person::without_keys(home, "anna").await;
    let token = json!({"label": "x", "scope": "write"});
    let token = anna.client.post("/api/tokens", token).await.expect(201);
    let token = anna.client.with_token(token["token"].as_str().unwrap());
    let mut with_token = token.socket().await;
    let mut here = anna.client.socket().await;
    for socket in [&mut with_token, &mut here] {
        socket.op("hello").await;
    }
    let (login, browser) = anna.browser_with("anna").await;
    login.expect(200);
    let told = here.op("signed_in").await;
    let sessions = browser.get("/api/sessions").await.expect(200);
    let own = sessions["sessions"].as_array().unwrap().iter().find(|one| one["current"] == true);
    let own = own.unwrap();
    let wanted =
        json!({"id": own["id"], "device": "Firefox on Linux", "created_at": own["created_at"]});
    assert_eq!(told, json!({"op": "signed_in", "session": wanted}));
    let mut there = browser.socket().await;
    there.op("hello").await;
    // Whoever makes the keys is not told, all others are.
    let body = anna.first_keys();
    put(&browser, "/api/keys", body.clone()).await.expect(201);
    anna.took(&body);
    let told = json!({"op": "keys.changed", "device": "Firefox on Linux"});
    assert_eq!(here.op("keys.changed").await, told);
    let rewrapped = anna.rewrapped().await;
    browser.post("/api/keys/rewrap", rewrapped.clone()).await.expect(204);
    anna.took(&rewrapped);
    assert_eq!(here.op("keys.changed").await, told);
    let rotated = anna.other_keys(EntryType::Rotate);
    browser.post("/api/keys/rotate", rotated.clone()).await.expect(204);
    anna.took(&rotated);
    assert_eq!(here.op("keys.changed").await, told);
    let pending = anna.prepared(json!({"auth": anna.auth()}), "anna2").await;
    let mut body = anna.committed(&pending, anna.challenge().await).await;
    body["sign_out_others"] = json!(false);
    browser.post("/api/auth/password/commit", body.clone()).await.expect(204);
    assert_eq!(here.op("keys.changed").await, told);
    // A trust store is written often, and a wrong password changes nothing.
    put(&browser, "/api/keys/trust", json!({"rev": 1, "blob": blob(60)})).await.expect(204);
    anna.login_with("anna").await.refused(401, "bad_credentials");
    let is_news = |frame: &Value| frame["op"] == "keys.changed" || frame["op"] == "signed_in";
    for socket in [&mut here, &mut there, &mut with_token] {
        socket.assert_silent(QUIET, is_news).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_stores_count_as_stored_bytes_and_wrong_passwords_like_wrong_logins() {
    use impulse::base::limits::auth::FAILURES_OF_DEVICE;
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let home = Home::of(&server);
    let anna = Person::new(&home, "anna").await;
    for rev in 1..=4 {
        let trust = json!({"rev": rev, "blob": blob(limits::TRUST)});
        put(&anna.client, "/api/keys/trust", trust).await.expect(204);
    }
    let one_more = json!({"rev": 5, "blob": blob(limits::TRUST)});
    put(&anna.client, "/api/keys/trust", one_more).await.refused(429, "rate_limited");
    let mut body = anna.rewrapped().await;
    body["auth"] = json!(auth_of("other"));
    let mut wrong = 0;
    let limited = loop {
        let answer = anna.client.post("/api/keys/rewrap", body.clone()).await;
        if answer.code() != "bad_credentials" {
            break answer;
        }
        wrong += 1;
        assert!(wrong <= FAILURES_OF_DEVICE);
    };
    limited.refused(429, "rate_limited");
    // The same count holds for every call that takes the password.
    let unlock = json!({"auth": auth_of("anna")});
    anna.client.post("/api/auth/unlock", unlock).await.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_an_account_go_with_the_purge() {
    let (home, boss) = Home::shared();
    let mut anna = Person::new(home, "anna").await;
    let body = anna.rewrapped().await;
    anna.client.post("/api/keys/rewrap", body.clone()).await.expect(204);
    anna.took(&body);
    anna.challenge().await;
    let path = format!("/api/admin/users/{}", anna.client.uid);
    boss.delete(&path).await.expect(204);
    restore(boss, &anna).await.refused(409, "conflict");
    let left = (anna.count("keys").await, anna.count("keys_old").await);
    assert_eq!(left, (1, 1), "it can be restored");
    boss.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert_eq!(anna.login_with("anna").await.expect(200)["keys"], anna.keys);
    boss.delete(&path).await.expect(204);
    anna.alter("UPDATE accounts.users SET removed_at = removed_at - 2592000001 WHERE id = $1")
        .await;
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    for table in ["keys", "keys_old", "proofs"] {
        assert_eq!(anna.count(table).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_nothing_that_opens_keys_however_much_it_says() {
    let database = crate::support::postgres::database().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let more = [("DATABASE_URL", database.as_str()), ("IMPULSE_LOG", "trace")];
    let process = Process::start_with_descriptors(1_024, &log, &folder.path().join("data"), &more);
    let home = Home { address: process.address.parse().unwrap(), database: database.clone() };
    let mut anna = Person::without_keys(&home, "anna").await;
    let mut secrets = vec![anna.auth(), auth_of("anna2"), auth_of("wrong")];
    let (rauth, digest) = recovery_code();
    let mut body = anna.first_keys();
    body["rauth_digest"] = json!(digest);
    body["keys"]["ak_recovery"] = json!(blob(113));
    put(&anna.client, "/api/keys", body.clone()).await.expect(201);
    anna.took(&body);
    let mut rewrapped = anna.rewrapped().await;
    rewrapped["auth"] = json!(auth_of("wrong"));
    anna.client.post("/api/keys/rewrap", rewrapped.clone()).await.refused(401, "bad_credentials");
    let pending = anna.prepared(json!({"auth": anna.auth()}), "anna2").await;
    let committed = anna.committed(&pending, anna.challenge().await).await;
    anna.client.post("/api/auth/password/commit", committed.clone()).await.expect(204);
    // The command line puts back what was before.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_impulse"));
    command
        .args(["admin", "restore-keys", &anna.name, "--data-dir"])
        .arg(folder.path().join("data"));
    assert!(command.status().unwrap().success());
    let (login, client) = anna.browser_with("anna").await;
    assert_eq!(login.expect(200)["keys"], anna.keys);
    anna.client = client;
    let rotated = anna.other_keys(EntryType::Rotate);
    anna.client.post("/api/keys/rotate", rotated.clone()).await.expect(204);
    let trust = json!({"rev": 1, "blob": blob(60)});
    put(&anna.client, "/api/keys/trust", trust.clone()).await.expect(204);
    let open = json!({"username": anna.name, "rauth": rauth});
    anna.client.post("/api/auth/recovery/open", open).await.refused(401, "bad_credentials");
    let share = anna.unlocked().await["share"].clone();
    // A body that is no request names its fields and not what was in them.
    let odd = json!({"auth": auth_of("wrong"), "keys": blob(80), "dir": blob(80)});
    put(&anna.client, "/api/keys", odd.clone()).await.refused(400, "bad_request");
    drop(process);

    secrets.extend([rauth, digest, pending]);
    for body in [&body, &rewrapped, &committed, &rotated] {
        for field in ["ak_password", "ak_recovery", "bundle"] {
            secrets.extend(body["keys"][field].as_str().map(str::to_owned));
        }
        secrets.extend(body["proof"].as_str().map(str::to_owned));
    }
    for text in [&share, &trust["blob"], &odd["keys"], &odd["dir"]] {
        secrets.push(text.as_str().unwrap().to_owned());
    }
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("/api/keys"), "it says something of these calls");
    for secret in secrets {
        let bytes = impulse::base::base64url::decode(&secret).unwrap();
        let numbers = format!("{:?}", &bytes[1..9]);
        let numbers = numbers.trim_matches(['[', ']']);
        let hex = impulse::base::hex::encode(&bytes[1..9]);
        for form in [&secret[..16], numbers, &hex] {
            assert!(!log.contains(form), "{form} is in the log");
        }
    }
}
