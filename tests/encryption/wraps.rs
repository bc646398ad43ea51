//! Keys of encrypted rooms for their members: who lacks one, who gives it, bad ones; accounts that are shut, keys that
//! are lost (`e2ee.md` 7.3 to 7.5, 14.4, 14.7 to 14.9).

use std::time::{Duration, Instant};

use impulse::base::base64url;
use impulse::base::limits::api::LOG_BODY;
use impulse::base::limits::encryption as limits;
use impulse::config::Config;
use impulse::e2ee::room_log::{Body, Role};
use serde_json::{Value, json};

use crate::client::{Batch, Person, Room, commitment, uids, wrap};
use crate::envelopes::{message, send};
use crate::support::client::{Client, Socket};
use crate::support::{TestServer, config, postgres};

/// The next event of this kind.
async fn event(socket: &mut Socket, op: &str) -> Value {
    socket.find(op, |frame| frame["op"] == op).await
}

fn needed(person: &Person, epoch: u64) -> Value {
    json!({"uid": person.client.uid, "epoch": epoch, "gen": person.generation})
}

/// Posts wraps; how many were taken.
async fn give(room: &Room, by: &Person, wraps: Value) -> Value {
    by.client.post(&room.path("/wraps"), json!({"wraps": wraps})).await.expect(200)["taken"].clone()
}

/// Opens or shuts an account.
async fn set_disabled(boss: &Client, person: &Person, disabled: bool) {
    let path = format!("/api/admin/users/{}", person.client.uid);
    boss.patch(&path, json!({"disabled": disabled})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_account_is_skipped_keeps_its_place_and_is_given_the_key_when_it_is_open_again() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    let mut of_anna = anna.client.socket().await;
    assert_eq!(room.wraps(&anna).await["why"], Value::Null);

    set_disabled(&boss, &bob, true).await;
    let due = event(&mut of_anna, "rotation.due").await;
    assert_eq!((&due["why"], &due["shut"]), (&json!("shut"), &uids(&[&bob])));
    let told = room.wraps(&anna).await;
    assert_eq!((&told["why"], &told["shut"]), (&json!("shut"), &uids(&[&bob])));
    // Who is shut must not get the key, if he is skipped.
    let both = room.rotation(&anna, &[], &[bob.uid()], &[&anna, &bob]).await;
    assert_eq!(room.post(&anna, &both).await.json()["error"]["detail"]["extra"], uids(&[&bob]));
    let skipping = room.rotation(&anna, &[], &[bob.uid()], &[&anna]).await;
    room.append(&anna, skipping).await;
    let told = room.wraps(&anna).await;
    assert_eq!(
        (&told["why"], &told["shut"], &told["needed"]),
        (&Value::Null, &uids(&[&bob]), &json!([]))
    );

    // Open again, he lacks the key; whoever has it gives it to him, and nobody need do it twice.
    set_disabled(&boss, &bob, false).await;
    let lacks = event(&mut of_anna, "wraps.needed").await;
    assert_eq!((&lacks["needed"], &lacks["join"]), (&json!([needed(&bob, 2)]), &Value::Null));
    let bob = bob.with(Client::login(server.address, "bob").await);
    let mut of_bob = bob.client.socket().await;
    assert_eq!(room.wraps(&bob).await["needed"], json!([needed(&bob, 2)]));
    assert_eq!(
        give(&room, &anna, json!([room.wrap_for(&bob), room.wrap_for(&anna)])).await,
        json!(1)
    );
    let given = event(&mut of_bob, "wrap").await;
    assert_eq!(bob.open(&room.rid(), &room.kc(), &given), Some(room.keys[1]));
    assert_eq!(give(&room, &anna, json!([room.wrap_for(&bob)])).await, json!(0));
    // Shut once more, he has the present key: a new one is due again.
    set_disabled(&boss, &bob, true).await;
    let due = event(&mut of_anna, "rotation.due").await;
    assert_eq!(due["why"], json!("shut"));
    let members = anna.client.get(&room.path("/members")).await.expect(200);
    assert_eq!(members["total"], json!(2), "he is a member as before");

    // A removed account stays, too, and comes back.
    let path = format!("/api/admin/users/{}", bob.client.uid);
    set_disabled(&boss, &bob, false).await;
    boss.request("DELETE", &path, Some(json!({}))).await.expect(204);
    assert_eq!(room.wraps(&anna).await["why"], json!("shut"));
    boss.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert_eq!(room.wraps(&anna).await["why"], Value::Null);
    let records = room.log(&anna, 0).await;
    assert_eq!(records.len(), 3, "nothing was appended for him");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_the_keys_is_let_back_in_by_a_member_and_a_chat_of_such_people_only_is_dead() {
    let server = TestServer::start().await;
    let (anna, mut bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut anna = anna;
    let mut room = Room::create(&[&anna, &bob]).await;
    let mut of_anna = anna.client.socket().await;

    bob.reset(&server).await;
    assert_eq!(event(&mut of_anna, "rotation.due").await["why"], json!("keys"));
    let stale = room.rotation(&bob, &[], &[], &[&anna, &bob]).await;
    let answer = room.post(&bob, &stale).await;
    assert_eq!(answer.json()["error"]["detail"], json!({"index": 0, "rule": "actor"}));
    let extra = room.rotation(&anna, &[], &[], &[&anna, &bob]).await;
    assert_eq!(room.post(&anna, &extra).await.json()["error"]["detail"]["extra"], uids(&[&bob]));
    room.rotate(&anna, &[&anna]).await;
    assert_eq!(room.wraps(&anna).await["needed"], json!([]), "a stale member gets no key");
    // He gets it with the entry that lets him in, and not without.
    let back = Body::Add { uid: bob.uid(), root: bob.root, role: Role::Member };
    let mut batch = room.batch(&anna, &[back]).await;
    assert_eq!(room.post(&anna, &batch).await.json()["error"]["detail"]["missing"], uids(&[&bob]));
    batch.wraps = vec![room.wrap_for(&bob)];
    room.append(&anna, batch).await;
    room.rotate(&bob, &[&anna, &bob]).await;

    // If both have lost their keys nobody can sign: they begin anew, and the old one stays for who can read it.
    anna.reset(&server).await;
    let mut of_anna = anna.client.socket().await;
    bob.reset(&server).await;
    let due = event(&mut of_anna, "rotation.due").await;
    assert_eq!(due["why"], json!("keys"), "of each reset, also while another is not healed");
    let anew = Room::create(&[&anna, &bob]).await;
    assert_ne!(anew.id, room.id);
    let again = Room::founding(&[&bob, &anna]).await;
    let found = bob.client.post("/api/rooms", again.founding()).await.expect(200);
    assert_eq!(found["id"], json!(anew.id));
    assert_eq!(room.log(&anna, 0).await.len(), room.state.next_seq as usize);
    assert_eq!(room.wraps(&bob).await["why"], json!("keys"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_is_reported_by_whom_it_is_for_and_its_giver_gives_no_other() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let carl = Person::new(&server, "carl").await;
    let mut room = Room::create(&[&anna, &bob, &carl]).await;
    // Anna makes a new key that does not open for Carl.
    let mut batch = room.rotation(&anna, &[], &[], &[&anna, &bob]).await;
    batch.wraps.push(wrap(&carl, 2, 1, &[1; 81]));
    room.append(&anna, batch).await;
    let mut of_bob = bob.client.socket().await;
    let wraps = room.wraps(&carl).await;
    assert_eq!(carl.open(&room.rid(), &room.kc(), &wraps["wraps"][0]), None);
    let old = &wraps["wraps"][1];
    assert_eq!(carl.open(&room.rid(), &commitment(&room.keys[0], 1), old), Some(room.keys[0]));
    // The first one stays until he says so.
    assert_eq!(give(&room, &bob, json!([room.wrap_for(&carl)])).await, json!(0));

    let report = async |by: &Person, epoch: u64| {
        by.client.post(&room.path("/wraps/bad"), json!({"epoch": epoch, "gen": 1})).await
    };
    assert_eq!(report(&carl, 2).await.status, 204);
    report(&carl, 2).await.refused(404, "not_found");
    report(&carl, 9).await.refused(404, "not_found");
    assert_eq!(event(&mut of_bob, "wraps.needed").await["needed"], json!([needed(&carl, 2)]));
    assert_eq!(room.wraps(&bob).await["needed"], json!([needed(&carl, 2)]));
    assert_eq!(give(&room, &anna, json!([room.wrap_for(&carl)])).await, json!(0), "she is barred");
    let others = json!([
        wrap(&carl, 1, 1, &[1; 81]), wrap(&carl, 3, 1, &[1; 81]), wrap(&carl, 2, 2, &[1; 81]),
        {"epoch": 2, "uid": "99", "gen": 1, "w": base64url::encode(&[1; 81])},
    ]);
    assert_eq!(give(&room, &bob, others).await, json!(0), "not needed");
    // No more than may come at once, nor a larger body.
    for count in [limits::WRAPS_AT_ONCE + 1, 2_500] {
        let many = json!({"wraps": vec![room.wrap_for(&carl); count]});
        let is_large = many.to_string().len() > LOG_BODY;
        assert_eq!(is_large, count == 2_500);
        bob.client.post(&room.path("/wraps"), many).await.refused(413, "too_large");
    }
    let twice = json!([room.wrap_for(&carl), room.wrap_for(&carl)]);
    assert_eq!(give(&room, &bob, twice).await, json!(1));
    let wraps = room.wraps(&carl).await;
    assert_eq!(carl.open(&room.rid(), &room.kc(), &wraps["wraps"][0]), Some(room.keys[1]));
    // That she is barred is known after a restart, too.
    let database = server.database.clone();
    assert_eq!(report(&carl, 2).await.status, 204);
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bob, carl) =
        (anna.at(server.address), bob.at(server.address), carl.at(server.address));
    for barred in [&anna, &bob] {
        assert_eq!(give(&room, barred, json!([room.wrap_for(&carl)])).await, json!(0));
    }
    // Nobody is left who could give it: the next message needs another key, which he gets with the others.
    assert_eq!(room.wraps(&bob).await["why"], json!("keys"));
    let mut of_bob = bob.client.socket().await;
    let late = message(&room, &bob).await;
    of_bob.err(send(&room, &late), "rotation_required").await;
    assert_eq!(
        give(&room, &carl, json!([room.wrap_for(&carl)])).await,
        json!(1),
        "he has it himself"
    );
    assert_eq!(room.wraps(&bob).await["why"], Value::Null);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_been_missing_for_long_counts_while_another_member_is_there_who_could_give_it()
 {
    let database = postgres::database().await;
    let age = Duration::from_millis(1_500);
    let shortened = Config { wrap_missing: age, ..config(&database, &[]) };
    let server = TestServer::start_config(&database, shortened).await;
    let boss = server.admin().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let room = Room::create(&[&anna, &bob]).await;
    let missing = async || {
        let text = String::from_utf8(boss.get("/metrics").await.body).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix("impulse_e2ee_wraps_missing "));
        value.unwrap().parse::<usize>().unwrap()
    };
    let (of_anna, _of_bob) = (anna.client.socket().await, bob.client.socket().await);
    let bad = json!({"epoch": 1, "gen": 1});
    let began = Instant::now();
    bob.client.post(&room.path("/wraps/bad"), bad).await.expect(204);
    // Not at once: browsers wait a while at random.
    let at_once = missing().await;
    assert!(at_once == 0 || began.elapsed() >= age);
    while missing().await != 1 {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not count");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() >= age);
    // Who lacks it cannot give it, and nobody else is there.
    drop(of_anna);
    while missing().await != 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody is there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _of_anna = anna.client.socket().await;
    assert_eq!(missing().await, 1);
    assert_eq!(give(&room, &bob, json!([room.wrap_for(&bob)])).await, json!(1));
    assert_eq!(missing().await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_encrypted_as_many_messages_as_it_may_is_replaced_before_the_next() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    let database = server.database.clone();
    // The founding batch took 1.
    let sql = "UPDATE chat.rooms SET last_seq = $2 WHERE id = $1";
    let (id, seq) = (room.id.parse::<i64>().unwrap(), limits::EPOCH_MESSAGES.cast_signed());
    server.sql().await.execute(sql, &[&id, &seq]).await.unwrap();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bob) = (anna.at(server.address), bob.at(server.address));
    let (mut of_anna, mut of_bob) = (anna.client.socket().await, bob.client.socket().await);
    assert_eq!(room.wraps(&anna).await["why"], Value::Null);
    of_anna.ok(send(&room, &message(&room, &anna).await)).await;
    assert_eq!(room.wraps(&anna).await["why"], json!("full"));
    let late = message(&room, &bob).await;
    let refused = of_bob.err(send(&room, &late), "rotation_required").await;
    let detail = json!({"why": "full", "shut": [], "head": room.head()});
    assert_eq!(refused["detail"], detail);
    // That is need enough: it does not count among the keys that he makes without one.
    room.rotate(&bob, &[&anna, &bob]).await;
    assert_eq!(room.wraps(&anna).await["why"], Value::Null);
    of_bob.ok(send(&room, &message(&room, &bob).await)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_for_the_next_generation_are_taken_before_it_is_there_and_count_from_then_on() {
    let server = TestServer::start().await;
    let (anna, mut bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    room.rotate(&anna, &[&anna, &bob]).await;
    let mut of_anna = anna.client.socket().await;

    // A browser that is about to make generation 2 encrypts every key it has for it.
    let ahead = |epoch: u64, generation: u64| wrap(&bob, epoch, generation, &[1; 81]);
    assert_eq!(give(&room, &bob, json!([ahead(1, 2), ahead(2, 2)])).await, json!(2));
    assert_eq!(give(&room, &bob, json!([ahead(1, 3), ahead(3, 2), ahead(0, 2)])).await, json!(0));
    let of_anna_for_bob = json!([ahead(1, 2)]);
    assert_eq!(give(&room, &anna, of_anna_for_bob).await, json!(0), "only he may");
    bob.rotate(&server).await;
    let due = event(&mut of_anna, "rotation.due").await;
    assert_eq!(due["why"], json!("keys"));
    assert_eq!(room.wraps(&anna).await["needed"], json!([]));
    // Without them somebody gives him the key.
    bob.rotate(&server).await;
    let lacks = event(&mut of_anna, "wraps.needed").await;
    assert_eq!(lacks["needed"], json!([needed(&bob, 2)]));
    assert_eq!(give(&room, &anna, json!([room.wrap_for(&bob)])).await, json!(1));
    let wraps = room.wraps(&bob).await;
    assert_eq!(bob.open(&room.rid(), &room.kc(), &wraps["wraps"][0]), Some(room.keys[1]));
    room.rotate(&anna, &[&anna, &bob]).await;
    assert_eq!(room.wraps(&anna).await["why"], Value::Null);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_keys_of_who_never_writes_so_many_are_kept_and_of_others_what_they_may_lack() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    // Many at once: only the last one needs wraps.
    let (mut made, directory) = (room.clone(), anna.directory().await);
    let mut entries = Vec::new();
    for _ in 0..63 {
        let next = made.rotation(&anna, &[], &[], &[]).await;
        entries.extend(next.entries.clone());
        made = next.room;
        let posted = Batch {
            after: room.head(),
            entries: std::mem::take(&mut entries),
            wraps: vec![made.wrap_for(&anna), made.wrap_for(&bob)],
            room: made.clone(),
        };
        room.append(&anna, posted).await;
    }
    assert_eq!((room.epoch(), directory.0), (64, 2));
    assert_eq!(kept(&room, &bob).await, (1..=64).rev().collect::<Vec<_>>());
    room.rotate(&anna, &[&anna, &bob]).await;
    assert_eq!(kept(&room, &bob).await, (2..=65).rev().collect::<Vec<_>>());
    // Once he has written under key 63, he has all before it.
    let database = server.database.clone();
    let sql = "UPDATE chat.members SET sent_epoch = 63 WHERE user_id = $1 AND root IS NOT NULL";
    server.sql().await.execute(sql, &[&bob.uid().0]).await.unwrap();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bob) = (anna.at(server.address), bob.at(server.address));
    room.rotate(&anna, &[&anna, &bob]).await;
    let kept = "SELECT array_agg(epoch ORDER BY epoch) FROM chat.epoch_wraps WHERE user_id = $1";
    let row = server.sql().await.query_one(kept, &[&bob.uid().0]).await.unwrap();
    assert_eq!(row.get::<_, Vec<i64>>(0), [63, 64, 65, 66]);
    server.stop().await;
}

/// The numbers of all keys that the server holds for somebody.
async fn kept(room: &Room, person: &Person) -> Vec<u64> {
    let newest = room.wraps(person).await["wraps"].as_array().unwrap().clone();
    assert_eq!(newest.len(), 2);
    let path = room.path(&format!("/wraps?before={}", newest[1]["epoch"]));
    let older = person.client.get(&path).await.expect(200)["wraps"].as_array().unwrap().clone();
    newest.iter().chain(&older).map(|one| one["epoch"].as_u64().unwrap()).collect()
}
