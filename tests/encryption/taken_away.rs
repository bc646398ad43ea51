//! Who takes messages of encrypted rooms away, and what is left of them: moderators by their signature, administrators of
//! the server, and the removal of an account (`e2ee.md` 13.4, 13.7, 14.15, 14.17).

use impulse::base::limits::api::GONE_AT_ONCE;
use impulse::e2ee::room_log::{Body, Kind, Role};
use serde_json::{Value, json};

use crate::client::{Person, Room, now};
use crate::envelopes::{event, follow, message, mid_of, page, reaction, revision, send, shown};
use crate::support::TestServer;
use crate::support::client::{Client, new_mid};

/// A closed room of an owner, an admin and a member. No call makes one yet.
async fn closed_room(server: &TestServer, people: [&Person; 3]) -> Room {
    let [owner, admin, member] = people;
    let added = |who: &Person, role| Body::Add { uid: who.uid(), root: who.root, role };
    let rest = vec![added(admin, Role::Admin), added(member, Role::Member)];
    let batch = Room::founded(owner, Kind::Closed, rest, now()).await;
    let (sql, room) = (server.sql().await, batch.room);
    let (rid, head) = (room.rid(), room.state.head);
    let new = "INSERT INTO chat.rooms (name, kind, e2ee, rid, log_seq, log_head, epoch, last_seq, created_at)
               VALUES (NULL, 'closed', true, $1, 2, $2, 1, 1, 0) RETURNING id";
    let id: i64 = sql.query_one(new, &[&&rid[..], &&head[..]]).await.unwrap().get(0);
    for (seq, signed) in (0_i64..).zip(&batch.entries) {
        let entry = "INSERT INTO chat.log (room_id, seq, batch, at, entry, sig, hash) VALUES ($1, $2, 1, 0, $3, $4, $5)";
        let hash = signed.hash();
        sql.execute(entry, &[&id, &seq, &signed.entry, &&signed.sig[..], &&hash[..]])
            .await
            .unwrap();
    }
    for (since, (person, role)) in
        (0_i64..).zip(people.into_iter().zip(["owner", "admin", "member"]))
    {
        let member = "INSERT INTO chat.members (room_id, user_id, role, joined_at, root, since_seq, since_dn)
                      VALUES ($1, $2, $3, 0, $4, $5, 3)";
        let uid = person.uid().0;
        sql.execute(member, &[&id, &uid, &role, &&person.root[..], &since]).await.unwrap();
        let wrap = "INSERT INTO chat.epoch_wraps (room_id, epoch, user_id, gen, wrap, poster) VALUES ($1, 1, $2, 1, $3, $2)";
        sql.execute(wrap, &[&id, &uid, &vec![1_u8; 81]]).await.unwrap();
    }
    Room { id: id.to_string(), ..room }
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_of_a_closed_room_delete_with_their_signature_and_its_rules_hold_for_envelopes() {
    let server = TestServer::start().await;
    let mut people = Vec::new();
    for name in ["anna", "ben", "carl"] {
        people.push(Person::new(&server, name).await);
    }
    let room = closed_room(&server, [&people[0], &people[1], &people[2]]).await;
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let mut people = people.into_iter().map(|person| person.at(server.address));
    let (anna, ben, carl) =
        (people.next().unwrap(), people.next().unwrap(), people.next().unwrap());
    // A search by the server leaves such a room out, and says so.
    let search = anna.client.get("/api/search?q=beans").await.expect(200);
    assert_eq!((&search["results"], &search["encrypted"]), (&json!([]), &json!(1)));
    let mut of_anna = anna.client.socket().await;
    let (mut of_ben, mut of_carl) = (ben.client.socket().await, carl.client.socket().await);
    follow(&mut of_anna, &room).await;

    let said = message(&room, &carl).await;
    let mid = mid_of(&said);
    of_carl.ok(send(&room, &said)).await;
    let deletion = revision(&room, &ben, &mid, 1, "del").await;
    let deleted = of_ben.ok(send(&room, &deletion)).await["seq"].clone();
    let live = of_anna
        .find("the deletion", |frame| frame["msg"]["kind"] == "del" && frame["msg"]["mid"] == mid)
        .await;
    let told = (&live["msg"]["by"], &live["msg"]["env"], &live["msg"]["rev_seq"]);
    assert_eq!(told, (&json!(carl.client.uid), &deletion, &deleted));
    assert_eq!(of_ben.ok(send(&room, &deletion)).await["seq"], deleted, "a repetition");
    let own = revision(&room, &carl, &mid, 1, "del").await;
    of_carl.err(send(&room, &own), "rev_conflict").await;
    let hers = message(&room, &anna).await;
    of_anna.ok(send(&room, &hers)).await;
    let no_admin = revision(&room, &carl, &mid_of(&hers), 1, "del").await;
    of_carl.err(send(&room, &no_admin), "bad_request").await;
    let like = reaction(&room, &carl, &mid_of(&hers)).await;
    of_carl.ok(send(&room, &like)).await;
    let unlike = revision(&room, &ben, &mid_of(&like), 1, "del").await;
    of_ben.err(send(&room, &unlike), "forbidden").await;

    let before = message(&room, &carl).await;
    let seq = of_carl.ok(send(&room, &before)).await["seq"].clone();
    let settings = room.path("");
    let muted = room.path(&format!("/members/{}", carl.client.uid));
    let until = json!({"silenced_until": now() + 60_000});
    for (path, change, back) in [
        (&settings, json!({"read_only": true}), json!({"read_only": false})),
        (&muted, until, json!({"silenced_until": null})),
        (&settings, json!({"archived": true}), json!({"archived": false})),
    ] {
        anna.client.patch(path, change.clone()).await.expect(200);
        let more = message(&room, &carl).await;
        of_carl.err(send(&room, &more), "forbidden").await;
        let edit = revision(&room, &carl, &mid_of(&before), 1, "msg").await;
        of_carl.err(send(&room, &edit), "forbidden").await;
        assert_eq!(of_carl.ok(send(&room, &before)).await["seq"], seq, "{change}: it is known");
        anna.client.patch(path, back.clone()).await.expect(200);
        of_carl.ok(send(&room, &more)).await;
        anna.client.patch(path, change).await.expect(200);
        let own = revision(&room, &carl, &mid_of(&more), 1, "del").await;
        of_carl.ok(send(&room, &own)).await;
        anna.client.patch(path, back).await.expect(200);
    }
    server.stop().await;
}

/// The entries of the audit log about messages that were taken away.
async fn audited(boss: &Client) -> Vec<Value> {
    let page = boss.get("/api/admin/audit?action=room.gone").await.expect(200);
    page["entries"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_take_messages_away_for_good_and_leave_their_places() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, ben) = (Person::new(&server, "anna").await, Person::new(&server, "ben").await);
    let room = Room::create(&[&anna, &ben]).await;
    let (mut of_anna, mut of_ben) = (anna.client.socket().await, ben.client.socket().await);
    follow(&mut of_ben, &room).await;
    let (said, kept) = (message(&room, &anna).await, message(&room, &anna).await);
    let mid = mid_of(&said);
    let first = of_anna.ok(send(&room, &said)).await["seq"].clone();
    of_anna.ok(send(&room, &kept)).await;
    let edit = revision(&room, &anna, &mid, 1, "msg").await;
    let edited = of_anna.ok(send(&room, &edit)).await["seq"].clone();
    let like = reaction(&room, &ben, &mid).await;
    of_ben.ok(send(&room, &like)).await;

    let path = format!("/api/admin/rooms/{}/gone", room.id);
    let gone = async |mids: Value| boss.post(&path, json!({"mids": mids})).await;
    assert_eq!(gone(json!([mid, new_mid()])).await.status, 204);
    let live = of_ben.find("what is left", |frame| !frame["msg"]["gone"].is_null()).await;
    let created = live["msg"]["created"].clone();
    let wanted = json!({"mid": mid, "rev": 1, "kind": "msg", "by": anna.client.uid, "created": created,
        "created_seq": first, "rev_seq": edited, "gone": "admin"});
    assert_eq!(live["msg"], wanted);
    let entry = shown(&anna.client, &room, &mid).await;
    assert_eq!((&entry["msg"], &entry["seq"]), (&wanted, &live["seq"]));
    let view = ben.client.get(&room.path("")).await.expect(200);
    assert_eq!(view["unread"], 1, "it is not unread any more");
    let stored = "SELECT count(*) FROM chat.messages WHERE body IS NOT NULL";
    let stored: i64 = server.sql().await.query_one(stored, &[]).await.unwrap().get(0);
    assert_eq!(stored, 1, "the other message");

    // It is neither a revision nor the end of the message.
    let another = revision(&room, &anna, &mid, 2, "msg").await;
    of_anna.err(send(&room, &another), "forbidden").await;
    let late = reaction(&room, &ben, &mid).await;
    of_ben.err(send(&room, &late), "not_found").await;
    for (envelope, seq) in [(&said, &first), (&edit, &edited)] {
        assert_eq!(of_anna.ok(send(&room, envelope)).await["seq"], *seq);
    }
    assert_eq!(gone(json!([mid])).await.status, 204, "again");
    let entries = audited(&boss).await;
    assert_eq!(entries.len(), 1, "only what changes something is recorded: {entries:?}");
    assert_eq!(entries[0]["target"]["name"], format!("Encrypted room {}", room.id));
    assert_eq!(entries[0]["detail"], json!({"messages": 1}));
    let deletion = revision(&room, &anna, &mid, 2, "del").await;
    of_anna.ok(send(&room, &deletion)).await;
    let entry = shown(&ben.client, &room, &mid).await;
    assert_eq!((&entry["msg"]["kind"], &entry["msg"]["env"]), (&json!("del"), &deletion));
    assert_eq!(gone(json!([mid])).await.status, 204, "it stays deleted");
    assert_eq!(shown(&ben.client, &room, &mid).await["msg"]["env"], deletion);

    let most: Vec<_> = (1..GONE_AT_ONCE).map(|_| new_mid()).chain([mid_of(&kept)]).collect();
    gone(json!([most.clone(), vec![new_mid()]].concat())).await.refused(400, "bad_request");
    gone(json!([])).await.refused(400, "bad_request");
    gone(json!([new_mid()])).await.refused(404, "not_found");
    assert_eq!(gone(json!(most)).await.status, 204);
    assert_eq!(shown(&ben.client, &room, &mid_of(&kept)).await["msg"]["gone"], "admin");
    let mids = json!({"mids": [mid]});
    boss.post("/api/admin/rooms/1/gone", mids.clone()).await.refused(400, "bad_request");
    boss.post("/api/admin/rooms/404/gone", mids.clone()).await.refused(404, "not_found");
    anna.client.post(&path, mids).await.refused(403, "forbidden");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_an_account_comes_back_with_it_and_a_purge_leaves_its_places() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, ben) = (Person::new(&server, "anna").await, Person::new(&server, "ben").await);
    let room = Room::create(&[&anna, &ben]).await;
    let (mut of_anna, mut of_ben) = (anna.client.socket().await, ben.client.socket().await);
    let (said, answer) = (message(&room, &anna).await, message(&room, &ben).await);
    of_anna.ok(send(&room, &said)).await;
    of_ben.ok(send(&room, &answer)).await;
    let edit = revision(&room, &anna, &mid_of(&said), 1, "msg").await;
    of_anna.ok(send(&room, &edit)).await;
    let (hers, his) = (
        reaction(&room, &anna, &mid_of(&answer)).await,
        reaction(&room, &ben, &mid_of(&said)).await,
    );
    of_anna.ok(send(&room, &hers)).await;
    of_ben.ok(send(&room, &his)).await;
    let lost = message(&room, &anna).await;
    of_anna.ok(send(&room, &lost)).await;
    let deletion = revision(&room, &anna, &mid_of(&lost), 1, "del").await;
    of_anna.ok(send(&room, &deletion)).await;
    let before = page(&ben.client, &room).await;
    follow(&mut of_ben, &room).await;

    let account = format!("/api/admin/users/{}", anna.client.uid);
    let erase = Some(json!({"messages": "erase"}));
    assert_eq!(boss.request("DELETE", &account, erase.clone()).await.status, 204);
    let gone = event(&mut of_ben, &mid_of(&said)).await;
    let told = |entry: &Value, name: &str| entry["msg"][name].clone();
    assert_eq!((told(&gone, "gone"), told(&gone, "rev")), (json!("account"), json!(1)));
    assert_eq!((told(&gone, "env"), told(&gone, "reacts")), (Value::Null, Value::Null));
    let whole = event(&mut of_ben, &mid_of(&answer)).await;
    assert_eq!((told(&whole, "env"), told(&whole, "reacts")), (answer.clone(), json!([])));
    let hidden = page(&ben.client, &room).await;
    assert_eq!(hidden[0]["msg"], gone["msg"]);
    assert_eq!(hidden[2]["msg"], before[2]["msg"], "a deletion stays what it was");
    let view = ben.client.get(&room.path("")).await.expect(200);
    assert_eq!(view["unread"], 0);
    let late = reaction(&room, &ben, &mid_of(&said)).await;
    of_ben.err(send(&room, &late), "rotation_required").await;

    boss.post(&format!("{account}/restore"), json!({})).await.expect(200);
    let restored = page(&ben.client, &room).await;
    for (restored, before) in restored.iter().zip(&before) {
        assert_eq!(restored["msg"], before["msg"]);
    }
    assert_eq!(restored[0]["msg"]["reacts"][0]["env"], his);
    assert_eq!(restored[1]["msg"]["reacts"][0]["env"], hers);

    assert_eq!(boss.request("DELETE", &account, erase).await.status, 204);
    let sql = server.sql().await;
    let old = "UPDATE accounts.users SET removed_at = 1 WHERE username = 'anna'";
    assert_eq!(sql.execute(old, &[]).await.unwrap(), 1);
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    let purged = page(&ben.client, &room).await;
    for (purged, hidden) in purged.iter().zip(&hidden) {
        assert_eq!(purged["msg"], hidden["msg"]);
    }
    let bodies = "SELECT count(*) FROM chat.messages WHERE author = $1 AND body IS NOT NULL AND kind <> 'del'";
    let bodies: i64 = sql.query_one(bodies, &[&anna.uid().0]).await.unwrap().get(0);
    assert_eq!(bodies, 0);
    server.stop().await;
}
