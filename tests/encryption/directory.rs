//! The directory of keys: what it takes and refuses, that everybody reads the same chain, and that a name is its
//! owner's for ever (`e2ee.md` 5, 13.2, 14.16, 14.17).

use std::time::{Duration, Instant};

use impulse::base::base64url;
use impulse::base::ids::Uid;
use impulse::base::limits::directory as limits;
use impulse::base::time::now_ms;
use impulse::e2ee::directory::{Entry, EntryType, Row, SignedEntry, first_hash, node, tag};
use impulse::store::accounts::{AccountStore, Position};
use impulse::store::pool::Database;
use impulse::store::restorable_ms;
use serde_json::json;

use crate::signer::{Read, Signer, entries_of, number, wire};
use crate::support::client::{Client, registration};
use crate::support::{TestServer, postgres};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_one_chain_with_a_signed_head_and_it_is_the_same_after_a_restart() {
    let server = TestServer::start().await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    let ben = Signer::with_keys(&server, "ben").await;
    let rotated = anna.rotate();
    assert_eq!(anna.appends(&[rotated]).await, 3);
    let read = Read::all(&ben.client).await;
    let owners: Vec<_> = read.rows.iter().map(|row| row.uid).collect();
    assert_eq!(owners, [anna.uid(), ben.uid(), anna.uid()]);
    assert_eq!(Read::from(&anna.client, 3).await.rows, read.rows[2..]);
    for beyond in [4, 5, 1_000_000] {
        assert_eq!(Read::from(&anna.client, beyond).await.rows, []);
    }
    for wrong in ["0", "-1", "x", "1.5"] {
        anna.client.get(&format!("/api/dir?from={wrong}")).await.refused(400, "bad_request");
    }
    let entries = entries_of(&ben.client, &[&anna, &ben]).await;
    let told: Vec<_> =
        entries.iter().map(|entry| (&entry["n"], &entry["uid"], &entry["name"])).collect();
    let (one, two) = (json!(anna.client.uid), json!(ben.client.uid));
    let (named, other) = (json!("anna"), json!("ben"));
    assert_eq!(
        told,
        [(&json!(1), &one, &named), (&json!(2), &two, &other), (&json!(3), &one, &named)]
    );
    for (entry, row) in entries.iter().zip(&read.rows) {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        let signed = SignedEntry {
            entry: base64url::decode(text("e")).unwrap(),
            sig_new: base64url::decode_array(text("sn")).unwrap(),
            sig_old: base64url::decode_array(text("so")),
        };
        assert_eq!(signed.leaf(), row.leaf);
        assert_eq!(Entry::parse(&anna.instance, &signed.entry).unwrap().tag, row.tag);
    }
    let mut socket = ben.client.socket().await;
    let hello = socket.find("hello", |frame| frame["op"] == "hello").await;
    assert_eq!(hello["dir"], json!({"n": 3, "h": base64url::encode(&read.head.h)}));
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let again = Read::all(&anna.client.at(server.address)).await;
    assert_eq!((again.head.n, again.head.h, &again.rows), (3, read.head.h, &read.rows));
    assert!(again.head.t >= read.head.t);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_with_its_name_and_nothing_is_appended() {
    let server = TestServer::start().await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    let ben = Signer::with_keys(&server, "ben").await;
    let mut carl = Signer::without_keys(&server, "carl").await;
    carl.has_account_keys(&server, 9).await;
    let first = carl.entry(EntryType::Create);
    let rename = Entry { kind: EntryType::Rename, generation: 1, ..anna.entry(EntryType::Rename) };
    let before = (anna.seed, anna.x_pub);
    let reset = anna.entry(EntryType::Reset);
    anna.has_account_keys(&server, 9).await;

    let cut =
        SignedEntry { entry: first.to_bytes(&carl.instance)[1..].to_vec(), ..carl.signed(&first) };
    carl.refused(&[cut], 0, "form").await;
    let elsewhere = SignedEntry { entry: first.to_bytes(&[9; 16]), ..carl.signed(&first) };
    carl.refused(&[elsewhere], 0, "form").await;
    let old = SignedEntry { sig_old: Some([1; 64]), ..carl.signed(&first) };
    carl.posts(&[old]).await.refused(400, "bad_signature");
    for (entry, rule) in [
        (Entry { uid: anna.uid(), ..first.clone() }, "actor"),
        (Entry { kind: EntryType::Reset, ..first.clone() }, "type"),
        (Entry { prev_leaf: Some([1; 32]), ..first.clone() }, "prev"),
        (Entry { generation: 2, ..first.clone() }, "generation"),
        (Entry { ed_pub: [0; 32], ..first.clone() }, "key"),
        (Entry { x_pub: [0; 32], ..first.clone() }, "key"),
        (Entry { x_pub: ben.x_pub, ..first.clone() }, "key"),
        (Entry { tag: tag(&carl.instance, "karl"), ..first.clone() }, "tag"),
        (Entry { tag: tag(&carl.instance, "ben"), ..first.clone() }, "taken"),
    ] {
        carl.refused(&[carl.signed(&entry)], 0, rule).await;
    }
    for (entry, rule) in [
        (Entry { kind: EntryType::Create, ..reset.clone() }, "type"),
        (Entry { prev_leaf: Some([1; 32]), ..reset.clone() }, "prev"),
        (Entry { generation: 3, ..reset.clone() }, "generation"),
        (Entry { x_pub: before.1, ..reset.clone() }, "key"),
        (Entry { tag: tag(&anna.instance, "bea"), ..reset.clone() }, "tag"),
        // The name has not changed.
        (rename, "tag"),
    ] {
        anna.refused(&[anna.signed(&entry)], 0, rule).await;
    }
    let forged = SignedEntry { sig_new: [1; 64], ..carl.signed(&first) };
    let answer = carl.posts(&[forged]).await;
    assert_eq!(answer.json()["error"]["detail"], json!({"index": 0}));
    answer.refused(400, "bad_signature");
    let ahead = Entry { time_ms: number(now_ms()) + 180_000, ..first.clone() };
    let answer = carl.posts(&[carl.signed(&ahead)]).await;
    let now = answer.json()["error"]["detail"]["now"].as_i64().unwrap();
    assert!((now_ms() - now).abs() < 20_000);
    answer.refused(400, "bad_time");
    for wrong in [json!({}), json!({"entries": []}), json!({"entries": [{"e": "AA", "sn": "AA"}]})]
    {
        carl.client.post("/api/dir/entries", wrong).await.refused(400, "bad_request");
    }
    let many = vec![carl.signed(&first); limits::APPENDED as usize + 1];
    carl.posts(&many).await.refused(400, "bad_request");
    assert_eq!(Read::all(&anna.client).await.head.n, 2);
    // Several are taken together or not at all; an old time is fine.
    let first = Entry { time_ms: 1, ..first };
    let create = carl.signed(&first);
    (carl.leaf, carl.generation) = (Some(create.leaf()), 1);
    let good = carl.rotate();
    let bad = SignedEntry { sig_old: Some([1; 64]), ..good.clone() };
    carl.posts(&[create.clone(), bad]).await.refused(400, "bad_signature");
    assert_eq!(carl.appends(&[create, good]).await, 4);
    assert_eq!(Read::all(&anna.client).await.head.n, 4);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_alone_puts_no_keys_into_the_directory() {
    let server = TestServer::start().await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    anna.has_account_keys(&server, 1).await;
    // Whoever sits before an unlocked browser has its keys sign for keys that the password does not open.
    let present = (anna.seed, anna.x_pub);
    let rotate = anna.rotate();
    anna.posts(std::slice::from_ref(&rotate)).await.refused(403, "forbidden");
    (anna.seed, anna.x_pub) = present;
    // Whoever has stolen the session signs with keys of his own.
    let reset = anna.entry(EntryType::Reset);
    anna.posts(&[anna.signed(&reset)]).await.refused(403, "forbidden");
    let mut ben = Signer::without_keys(&server, "ben").await;
    let create = ben.entry(EntryType::Create);
    ben.posts(&[ben.signed(&create)]).await.refused(403, "forbidden");
    assert_eq!(Read::all(&anna.client).await.head.n, 1);
    // What the account has, a restore may have taken from the directory.
    anna.has_account_keys(&server, 2).await;
    anna.appends(&[rotate]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_some_days_after_a_restore_keys_that_the_account_has_lost_are_vouched_for_by_those_before()
 {
    let server = TestServer::start().await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    anna.has_account_keys(&server, 1).await;
    let restored = "UPDATE chat.instance SET restored_at = $1";
    server.sql().await.execute(restored, &[&now_ms()]).await.unwrap();
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    anna.client = anna.client.at(server.address);
    let rotate = anna.rotate();
    assert_eq!(anna.appends(&[rotate]).await, 2);
    let reset = anna.entry(EntryType::Reset);
    anna.posts(&[anna.signed(&reset)]).await.refused(403, "forbidden");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_appends_at_once_each_stands_once_and_the_same_one_again_is_answered_as_before() {
    let server = TestServer::start().await;
    let mut people = Vec::new();
    for n in 0..8 {
        let mut person = Signer::without_keys(&server, &format!("person{n}")).await;
        person.has_account_keys(&server, 2).await;
        let create = person.entry(EntryType::Create);
        people.push((person.signed(&create), person));
    }
    let mut appends = tokio::task::JoinSet::new();
    for (create, person) in &people {
        let (client, body) = (person.client.clone(), json!({"entries": [wire(create)]}));
        appends.spawn(async move { client.post("/api/dir/entries", body).await });
    }
    let answers = appends.join_all().await.into_iter();
    let mut positions: Vec<_> =
        answers.map(|answer| answer.expect(200)["n"].as_u64().unwrap()).collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=8).collect::<Vec<_>>());
    let (create, anna) = &mut people[0];
    // The answer was lost.
    assert_eq!(anna.appends(std::slice::from_ref(create)).await, 8);
    assert_eq!(Read::all(&anna.client).await.head.n, 8);
    // Two browsers of one person: one is first.
    let one = anna.rotate();
    let two = {
        let entry = anna.entry(EntryType::Rotate);
        let signed = anna.signed(&entry);
        SignedEntry { sig_old: one.sig_old, ..signed }
    };
    let (first, second) = (std::slice::from_ref(&one), std::slice::from_ref(&two));
    let (one, two) = tokio::join!(anna.posts(first), anna.posts(second));
    let mut answers = [one.status, two.status];
    answers.sort_unstable();
    assert_eq!(answers, [200, 400]);
    assert_eq!(Read::all(&people[0].1.client).await.head.n, 9);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_stood_in_the_directory_never_goes_to_somebody_else() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let mut anna = Signer::with_keys(&server, "Anna").await;
    let plain = server.user("plain").await;
    let user = |client: &Client| format!("/api/admin/users/{}", client.uid);
    // The login has another name at once, the directory when her client says so.
    boss.patch(&user(&anna.client), json!({"username": "Annabel"})).await.expect(200);
    assert_eq!(entries_of(&boss, &[&anna]).await[0]["name"], "Anna");
    let nobody = Client::new(server.address);
    for name in ["anna", "ANNA"] {
        nobody.post("/api/auth/register", registration(name)).await.refused(409, "conflict");
        boss.post("/api/admin/users", json!({"username": name})).await.refused(409, "conflict");
        boss.patch(&user(&plain), json!({"username": name})).await.refused(409, "conflict");
    }
    anna.name = "Annabel".to_owned();
    let rename = anna.entry(EntryType::Rename);
    let rename = anna.signed(&rename);
    assert_eq!(anna.appends(&[rename]).await, 2);
    let names: Vec<_> =
        entries_of(&boss, &[&anna]).await.iter().map(|entry| entry["name"].clone()).collect();
    assert_eq!(names, [json!("Anna"), json!("Annabel")]);
    // Her own name she may have again.
    boss.patch(&user(&anna.client), json!({"username": "Anna"})).await.expect(200);
    boss.patch(&user(&plain), json!({"username": "annabel"})).await.refused(409, "conflict");
    // The purge erases the names and not the tags; a name without keys is free.
    for gone in [&anna.client, &plain] {
        boss.delete(&user(gone)).await.expect(204);
    }
    let before = Read::all(&boss).await;
    let long_ago = now_ms() - restorable_ms() - 1;
    let age = "UPDATE accounts.users SET removed_at = $1 WHERE removed_at IS NOT NULL";
    server.sql().await.execute(age, &[&long_ago]).await.unwrap();
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    let entries = entries_of(&boss, &[&anna]).await;
    assert!(entries.len() == 2 && entries.iter().all(|entry| entry.get("name").is_none()));
    assert_eq!(Read::all(&boss).await.rows, before.rows);
    for name in ["anna", "annabel"] {
        nobody.post("/api/auth/register", registration(name)).await.refused(409, "conflict");
    }
    nobody.post("/api/auth/register", registration("plain")).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_asked_for_by_person_as_far_as_an_answer_goes() {
    let server = TestServer::start().await;
    let anna = Signer::with_keys(&server, "anna").await;
    let uids = |n: usize| vec![anna.client.uid.as_str(); n].join(",");
    let ask = async |uids: String| anna.client.get(&format!("/api/dir/entries?uids={uids}")).await;
    assert_eq!(ask(uids(limits::PEOPLE)).await.expect(200)["entries"].as_array().unwrap().len(), 1);
    ask(uids(limits::PEOPLE + 1)).await.refused(413, "too_large");
    assert_eq!(ask("999999".into()).await.expect(200), json!({"entries": []}));
    for wrong in ["", "x", "1,,2", "-1"] {
        ask(wrong.into()).await.refused(400, "bad_request");
    }
    // Of several people only so many; of one person all.
    let fill = "INSERT INTO accounts.dir_entries (n, user_id, tag, leaf, node, de, sig_new)
                SELECT 1 + g, user_id, tag, leaf, node, 'x', sig_new
                FROM accounts.dir_entries, generate_series(1, $1) g WHERE n = 1";
    server.sql().await.execute(fill, &[&i32::try_from(limits::ENTRIES).unwrap()]).await.unwrap();
    ask(format!("{},999999", anna.client.uid)).await.refused(413, "too_large");
    let all = ask(anna.client.uid.clone()).await.expect(200);
    assert_eq!(all["entries"].as_array().unwrap().len() as i64, limits::ENTRIES + 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_appends_ten_entries_a_day() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    for n in 1..u64::from(limits::APPENDED) {
        let rotate = anna.rotate();
        assert_eq!(anna.appends(&[rotate]).await, n + 1);
    }
    let rotate = anna.rotate();
    let answer = anna.posts(&[rotate]).await;
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    let one = limits::APPENDED_IN.as_secs() / u64::from(limits::APPENDED);
    assert!((one - 60..=one).contains(&wait), "{wait}");
    answer.refused(429, "rate_limited");
    // Somebody else's day is another one.
    Signer::with_keys(&server, "ben").await;
    server.stop().await;
}

/// Appends it; the server may notice a moment later that its connection to the database has ended.
async fn appended_soon(person: &mut Signer, entry: SignedEntry) -> u64 {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = person.posts(std::slice::from_ref(&entry)).await;
        if answer.status != 503 || Instant::now() > end {
            let n = answer.expect(200)["n"].as_u64().unwrap();
            person.took(&entry);
            return n;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_and_not_heard_of_is_read_before_anything_else_is_appended() {
    let server = TestServer::start().await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    let sql = server.sql().await;
    // The database ends the connection in the middle of the commit, once.
    sql.batch_execute(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON accounts.dir_entries
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()",
    )
    .await
    .unwrap();
    let rotate = anna.rotate();
    anna.posts(std::slice::from_ref(&rotate)).await.refused(503, "unavailable");
    sql.batch_execute("DROP TRIGGER cut ON accounts.dir_entries").await.unwrap();
    assert_eq!(appended_soon(&mut anna, rotate).await, 2);
    // A commit of which nobody here has heard.
    let ben = Signer::without_keys(&server, "ben").await;
    let unheard = anna.rotate();
    let read = Read::all(&ben.client).await;
    let row = Row { leaf: unheard.leaf(), ..read.rows[1] };
    let hash = node(&read.head.h, 3, &row);
    let insert =
        "INSERT INTO accounts.dir_entries (n, user_id, tag, leaf, node, de, sig_new, sig_old)
                  VALUES (3, $1, $2, $3, $4, $5, $6, $7)";
    let old = unheard.sig_old.unwrap();
    sql.execute(
        insert,
        &[
            &row.uid.0,
            &row.tag.as_slice(),
            &row.leaf.as_slice(),
            &hash.as_slice(),
            &unheard.entry,
            &unheard.sig_new.as_slice(),
            &old.as_slice(),
        ],
    )
    .await
    .unwrap();
    anna.took(&unheard);
    let next = anna.rotate();
    anna.posts(std::slice::from_ref(&next)).await.refused(503, "unavailable");
    assert_eq!(appended_soon(&mut anna, next).await, 4);
    assert_eq!(Read::all(&ben.client).await.rows.len(), 4);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_decides_whether_direct_chats_may_be_plain() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let told = |info: serde_json::Value| info["encryption"].clone();
    assert_eq!(told(anna.get("/api/info").await.expect(200)), "on");
    let chat = json!({"kind": "dm", "members": [ben.uid]});
    let room = anna.post("/api/rooms", chat.clone()).await.expect(201)["id"].clone();
    for mode in ["required", "off", "on"] {
        boss.patch("/api/admin/settings", json!({"encryption": mode})).await.expect(200);
        assert_eq!(told(anna.get("/api/e2ee/info").await.expect(200)), mode);
        // What there is goes on.
        assert_eq!(anna.post("/api/rooms", chat.clone()).await.expect(200)["id"], room);
        let new = anna.post("/api/rooms", json!({"kind": "dm", "members": [boss.uid]})).await;
        match mode {
            "required" => new.refused(403, "forbidden"),
            _ => assert!([200, 201].contains(&new.status), "{new:?}"),
        }
    }
    boss.patch("/api/admin/settings", json!({"encryption": "maybe"}))
        .await
        .refused(400, "bad_request");
    server.stop().await;
}

/// Puts so many positions into the store whose entries are missing, as after a restore.
async fn fill(database: &str, count: usize) {
    let database = Database::new(database).unwrap();
    let store = AccountStore::open(database).await.unwrap();
    let instance = store.instance().await.unwrap().id;
    let mut hash = first_hash(&instance);
    let mut positions = Vec::new();
    for n in 1..=count {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        let tag: [u8; 16] = bytes[..16].try_into().unwrap();
        let row = Row { uid: Uid(i64::try_from(n).unwrap() + 1_000), tag, leaf: bytes };
        hash = node(&hash, n as u64, &row);
        positions.push(Position { n: n as u64, row, node: hash, signed: None });
    }
    for portion in positions.chunks(5_000) {
        let n = portion[0].n - 1;
        store.take_back(n, portion, &[]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_is_read_page_by_page_and_brought_back_within_one_body() {
    let database = postgres::database().await;
    fill(&database, limits::ROWS + 1).await;
    let server = TestServer::start_on(&database, &[]).await;
    let anna = server.user("anna").await;
    let page = Read::from(&anna, 1).await;
    assert_eq!((page.head.n as usize, page.rows.len()), (limits::ROWS + 1, limits::ROWS));
    assert_eq!(Read::from(&anna, 2).await.rows.len(), limits::ROWS);
    assert_eq!(Read::from(&anna, page.head.n).await.rows.len(), 1);
    let mut socket = anna.socket().await;
    let hello = socket.find("hello", |frame| frame["op"] == "hello").await;
    let missing = hello["dir"]["missing"].as_array().unwrap();
    assert_eq!((missing.len(), &missing[0]), (limits::MISSING, &json!(1)));
    // What is asked for again and again is bounded by the size of the question, too.
    let mut body = page.again(1);
    let padding = |body: &serde_json::Value, size: usize| "A".repeat(size - body.to_string().len());
    body["padding"] = json!("");
    body["padding"] = json!(padding(&body, limits::AGAIN_BODY));
    anna.post("/api/dir/again", body.clone()).await.expect(200);
    body["padding"] = json!(format!("{}A", body["padding"].as_str().unwrap()));
    anna.post("/api/dir/again", body).await.refused(413, "too_large");
    server.stop().await;
}
