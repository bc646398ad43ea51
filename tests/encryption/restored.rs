//! The directory after a restore: closed, brought back by clients, opened or decided about by an operator
//! (`e2ee.md` 11.4).

use std::time::Duration;

use impulse::base::base64url;
use impulse::base::ids::Uid;
use impulse::base::limits::directory as limits;
use impulse::base::principal::Principal;
use impulse::base::time::now_ms;
use impulse::e2ee::DirectoryState;
use impulse::e2ee::directory::{EntryType, Row, SignedHead, first_hash, node, tag};
use impulse::e2ee::signature::SigningKey;
use impulse::rooms::Rooms;
use impulse::rooms::publisher::Publisher;
use impulse::service::Directory;
use impulse::store::accounts::{AccountStore, NewUser, Position, UserChange};
use impulse::store::chat::ChatStore;
use impulse::store::pool::Database;
use impulse::store::restorable_ms;
use serde_json::{Value, json};

use crate::signer::{Read, Signer, entries_of};
use crate::support::client::{Answer, Client, auth_of};
use crate::support::{TestServer, postgres};

/// What a browser remembers of a directory that the server loses afterwards.
struct Remembered {
    read: Read,
    entries: Vec<Value>,
}

impl Remembered {
    async fn by(client: &Client, of: &[&Signer]) -> Self {
        Self { read: Read::all(client).await, entries: entries_of(client, of).await }
    }

    /// The body of `dir/again` with the positions from `from` on and all entries of them.
    fn again(&self, from: u64) -> Value {
        let mut body = self.read.again(from);
        let lost = self.entries.iter().filter(|entry| entry["n"].as_u64().unwrap() >= from);
        body["entries"] = lost.cloned().collect();
        body
    }
}

async fn again(client: &Client, body: Value) -> Answer {
    client.post("/api/dir/again", body).await
}

async fn state(boss: &Client) -> Value {
    boss.get("/api/admin/directory").await.expect(200)
}

async fn hello(client: &Client) -> Value {
    let mut socket = client.socket().await;
    socket.find("hello", |frame| frame["op"] == "hello").await["dir"].clone()
}

/// The same data as they were after `n` positions, in which these accounts had not been made yet: what a backup
/// brings back. The sequence of numbers stays where it was.
async fn set_back(server: TestServer, n: i64, lost: &[&Signer], flags: &[&str]) -> TestServer {
    let sql = server.sql().await;
    sql.execute("DELETE FROM accounts.dir_entries WHERE n > $1", &[&n]).await.unwrap();
    let names = "DELETE FROM accounts.dir_names d WHERE NOT EXISTS
                     (SELECT FROM accounts.dir_entries e WHERE e.tag = d.tag)";
    sql.execute(names, &[]).await.unwrap();
    for signer in lost {
        let uid = signer.uid().0;
        for table in ["auth_slots", "sessions", "keys"] {
            let delete = format!("DELETE FROM accounts.{table} WHERE user_id = $1");
            sql.execute(&delete, &[&uid]).await.unwrap();
        }
        sql.execute("DELETE FROM chat.members WHERE user_id = $1", &[&uid]).await.unwrap();
        sql.execute("DELETE FROM accounts.users WHERE id = $1", &[&uid]).await.unwrap();
    }
    let database = server.database.clone();
    server.stop().await;
    TestServer::start_on(&database, flags).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_the_directory_is_closed_and_takes_back_what_was_lost() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    let dora = Signer::with_keys(&server, "Dora").await;
    let rotate = anna.rotate();
    anna.appends(&[rotate]).await;
    let remembered = Remembered::by(&anna.client, &[&anna, &dora]).await;
    let server = set_back(server, 1, &[&dora], &["--restored"]).await;
    let (boss, anna_here) = (boss.at(server.address), anna.client.at(server.address));
    anna.client = anna_here;
    let report = state(&boss).await;
    assert_eq!((&report["state"], &report["n"]), (&json!("closed"), &json!(1)));
    let now = hello(&anna.client).await;
    assert_eq!((&now["n"], &now["closed"]), (&json!(1), &json!(true)));
    // Nothing new, whoever asks.
    let next = anna.rotate();
    let refused = anna.posts(&[next]).await;
    assert!(refused.header("retry-after").is_some());
    refused.refused(503, "unavailable");
    // Positions without entries, of which the server then says what it lacks.
    let taken = again(&anna.client, remembered.read.again(2)).await.expect(200);
    assert_eq!(taken, json!({"n": 3, "missing": [2, 3]}));
    let read = Read::all(&boss).await;
    assert_eq!((&read.rows, read.head.h), (&remembered.read.rows, remembered.read.head.h));
    assert_eq!(hello(&anna.client).await["missing"], json!([2, 3]));
    assert_eq!(state(&boss).await["missing"], 2);
    assert_eq!(entries_of(&boss, &[&anna, &dora]).await.len(), 1);
    let taken = again(&anna.client, remembered.again(2)).await.expect(200);
    assert_eq!(taken, json!({"n": 3, "missing": []}));
    assert_eq!(entries_of(&boss, &[&anna, &dora]).await, remembered.entries);
    // Once more changes nothing.
    assert_eq!(again(&anna.client, remembered.again(2)).await.expect(200), taken);
    assert_eq!(hello(&anna.client).await.get("missing"), None);
    // It is closed until somebody opens it, also after another start.
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    let boss = boss.at(server.address);
    anna.client = anna.client.at(server.address);
    assert_eq!(Read::all(&boss).await.rows, remembered.read.rows);
    boss.post("/api/admin/directory/adopt", json!({})).await.refused(404, "not_found");
    let opened = boss.post("/api/admin/directory/open", json!({})).await.expect(200);
    assert_eq!(opened["state"], "open");
    boss.post("/api/admin/directory/open", json!({})).await.refused(409, "conflict");
    let log = boss.get("/api/admin/audit?action=directory").await.expect(200);
    assert_eq!(log["entries"][0]["action"], "directory.open");
    // Dora comes back by her name, under her number, and nobody else by it. Her keys she brings herself.
    let back = server.user("dora").await;
    assert_eq!(back.uid, dora.client.uid);
    let body = json!({"username": "dora", "auth": auth_of("dora"), "device": "test"});
    let login = Client::new(server.address).post("/api/auth/login", body).await.expect(200);
    assert_eq!(login["locked"], true);
    let other = server.user("other").await;
    let path = format!("/api/admin/users/{}", other.uid);
    boss.patch(&path, json!({"username": "dora"})).await.refused(409, "conflict");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_is_taken_back_exactly_or_not_at_all() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    let rotate = anna.rotate();
    anna.appends(&[rotate]).await;
    let remembered = Remembered::by(&anna.client, &[&anna]).await;
    let server = set_back(server, 1, &[], &["--restored", "--rate-limit-scale", "1"]).await;
    let client = anna.client.at(server.address);
    let good = || remembered.again(2);
    let mut forged = good();
    let SignedHead { n, h, t, .. } = remembered.read.head;
    let head = SignedHead::sign(&SigningKey::from_seed(&[1; 32]), &anna.instance, n, h, t);
    forged["head"]["sig"] = json!(base64url::encode(&head.sig));
    again(&client, forged).await.refused(400, "bad_signature");
    let other_rows = |rows: Vec<u8>| {
        let mut body = good();
        body["rows"] = json!(base64url::encode(&rows));
        body
    };
    let mut row = remembered.read.rows[1].to_bytes().to_vec();
    row[40] ^= 1;
    again(&client, other_rows(row)).await.refused(400, "bad_request");
    again(&client, remembered.again(3)).await.refused(400, "bad_request");
    let mut other_entry = good();
    other_entry["entries"] = json!([remembered.entries[0]]);
    other_entry["entries"][0]["n"] = json!(2);
    let answer = again(&client, other_entry).await;
    assert_eq!(answer.json()["error"]["detail"], json!({"index": 0, "rule": "form"}));
    answer.refused(400, "bad_entry");
    assert_eq!(Read::all(&client).await.head.n, 1);
    // A name is believed if the tag is its own.
    let mut renamed = good();
    renamed["entries"][0]["name"] = json!("bob");
    assert_eq!(again(&client, renamed).await.expect(200)["n"], 2);
    let named = entries_of(&client, &[&anna]).await;
    assert_eq!(named[1]["name"], "anna");
    // Six times a minute and session.
    let other = Client::login(server.address, "anna").await;
    again(&client, good()).await.expect(200);
    again(&client, good()).await.refused(429, "rate_limited");
    for _ in 0..limits::AGAIN {
        again(&other, good()).await.expect(200);
    }
    again(&other, good()).await.refused(429, "rate_limited");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_chains_an_operator_decides_and_whoever_followed_the_other_one_changes_nothing()
{
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let mut anna = Signer::with_keys(&server, "anna").await;
    let dora = Signer::with_keys(&server, "dora").await;
    let (before, leaf) = (anna.seed, anna.leaf);
    let rotate = anna.rotate();
    anna.appends(&[rotate]).await;
    let theirs = Remembered::by(&anna.client, &[&anna, &dora]).await;
    // Nobody said that the data were restored, and keys were made before an old browser came.
    let server = set_back(server, 1, &[&dora], &[]).await;
    let mut boss = boss.at(server.address);
    (anna.client, anna.seed, anna.leaf, anna.generation) =
        (anna.client.at(server.address), before, leaf, 1);
    let rotate = anna.rotate();
    assert_eq!(anna.appends(&[rotate]).await, 2);
    let mut ben = Signer::without_keys(&server, "ben").await;
    ben.has_account_keys(&server, 1).await;
    let create = ben.entry(EntryType::Create);
    let create = ben.signed(&create);
    ben.appends(std::slice::from_ref(&create)).await;
    let ours = Read::all(&boss).await;
    let answer = again(&anna.client, theirs.again(2)).await;
    let detail = answer.json()["error"]["detail"].clone();
    answer.refused(409, "dir_conflict");
    assert_eq!(detail, json!({"n": 3, "h": base64url::encode(&ours.head.h)}));
    // Closed, also over a restart; what stands can be read.
    let rotate = anna.rotate();
    anna.posts(&[rotate]).await.refused(503, "unavailable");
    let database = server.database.clone();
    server.stop().await;
    let server = TestServer::start_on(&database, &[]).await;
    boss = boss.at(server.address);
    anna.client = anna.client.at(server.address);
    assert_eq!(hello(&anna.client).await["closed"], true);
    let report = state(&boss).await;
    assert_eq!(report["state"], "conflict");
    let rival = &report["rival"];
    assert_eq!(
        (&rival["parts_at"], &rival["theirs"], &rival["ours"], &rival["n"]),
        (&json!(2), &json!(2), &json!(2), &json!(3))
    );
    let dropped: Vec<_> = rival["dropped"].as_array().unwrap().iter().collect();
    assert_eq!((&dropped[0]["name"], &dropped[0]["type"]), (&json!("anna"), &json!("rotate")));
    assert_eq!((&dropped[1]["name"], &dropped[1]["type"]), (&json!("ben"), &json!("create")));
    assert_eq!(
        boss.get("/api/admin/stats").await.expect(200)["now"]["directory"]["state"],
        "conflict"
    );
    // Opening needs a word about the other one.
    boss.post("/api/admin/directory/open", json!({})).await.refused(409, "conflict");
    // An account that has Dora's name is named and has to go first.
    let impostor = server.user("dora").await;
    assert_ne!(impostor.uid, dora.client.uid);
    let answer = boss.post("/api/admin/directory/adopt", json!({})).await;
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("@dora"));
    answer.refused(409, "conflict");
    let in_the_way = state(&boss).await["in_the_way"].clone();
    assert_eq!(in_the_way, json!([{"uid": impostor.uid, "username": "dora", "n": 2}]));
    let path = format!("/api/admin/users/{}", impostor.uid);
    boss.patch(&path, json!({"username": "dora2"})).await.expect(200);
    let adopted = boss.post("/api/admin/directory/adopt", json!({})).await.expect(200);
    assert_eq!((&adopted["state"], &adopted["n"]), (&json!("open"), &json!(3)));
    assert_eq!(Read::all(&boss).await.rows, theirs.read.rows);
    assert_eq!(entries_of(&boss, &[&anna, &dora]).await, theirs.entries);
    // Anna's other keys have no place any more, Ben's first ones have.
    let sql = server.sql().await;
    let locked = "SELECT user_id FROM accounts.keys WHERE locked";
    let locked: Vec<i64> =
        sql.query(locked, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(locked, [anna.uid().0]);
    ben.client = ben.client.at(server.address);
    assert_eq!(ben.appends(&[create]).await, 4);
    // Whoever followed the chain that was dropped keeps it, and closes nothing.
    again(&anna.client, ours.again(2)).await.refused(409, "dir_conflict");
    assert_eq!(state(&boss).await["state"], "open");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_keep_ours_and_a_number_that_was_given_twice_is_a_conflict() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = Signer::with_keys(&server, "anna").await;
    let dora = Signer::with_keys(&server, "dora").await;
    let theirs = Remembered::by(&anna.client, &[&anna, &dora]).await;
    let server = set_back(server, 1, &[&dora], &[]).await;
    let (boss, client) = (boss.at(server.address), anna.client.at(server.address));
    // Without --restored the number is given again.
    let reset = format!("ALTER TABLE accounts.users ALTER COLUMN id RESTART WITH {}", dora.uid());
    server.sql().await.batch_execute(&reset).await.unwrap();
    let eve = server.user("eve").await;
    assert_eq!(eve.uid, dora.client.uid);
    again(&client, theirs.again(2)).await.refused(409, "dir_conflict");
    let report = state(&boss).await;
    assert_eq!((&report["state"], &report["rival"]["ours"]), (&json!("conflict"), &json!(0)));
    assert_eq!(report["in_the_way"], json!([{"uid": eve.uid, "username": "eve", "n": 2}]));
    boss.post("/api/admin/directory/adopt", json!({})).await.refused(409, "conflict");
    let kept = boss.post("/api/admin/directory/open", json!({"keep_ours": true})).await.expect(200);
    assert_eq!(
        (&kept["state"], &kept["n"], &kept["rival"]),
        (&json!("open"), &json!(1), &Value::Null)
    );
    // That chain decides nothing any more, however often it is shown.
    let frank = Signer::with_keys(&server, "frank").await;
    again(&client, theirs.again(2)).await.refused(409, "dir_conflict");
    assert_eq!(state(&boss).await["state"], "open");
    assert_eq!(Read::all(&frank.client).await.head.n, 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_directory_opens_by_itself_when_nothing_came_back_for_a_while() {
    let url = postgres::database().await;
    let database = Database::new(&url).unwrap();
    let store = AccountStore::open(database.clone()).await.unwrap();
    let instance = store.instance().await.unwrap().id;
    let chat = ChatStore::open(database).await.unwrap();
    let shared = Directory::load(&store).await.unwrap();
    let rooms = Rooms::start(chat, Publisher::new(Vec::new())).await.unwrap();
    store.set_directory_state(DirectoryState::Closed).await.unwrap();
    shared.set_state(DirectoryState::Closed);
    let directory = Directory::new(store.clone(), shared.clone(), rooms.clone(), instance, 1.0);
    directory.open_when_quiet(limits::QUIET).await.unwrap();
    assert_eq!(shared.read().state, DirectoryState::Closed);
    directory.open_when_quiet(Duration::ZERO).await.unwrap();
    assert_eq!(shared.read().state, DirectoryState::Open);
    assert_eq!(Directory::load(&store).await.unwrap().read().state, DirectoryState::Open);
    // Who has disappeared for ever keeps no name here, either.
    let sql = "INSERT INTO accounts.dir_names VALUES ('\\x01010101010101010101010101010101', 'gone');
               INSERT INTO accounts.dir_names VALUES ('\\x02020202020202020202020202020202', 'other')";
    store.database().get().await.unwrap().batch_execute(sql).await.unwrap();
    let row = Row { uid: Uid(77), tag: [1; 16], leaf: [2; 32] };
    let hash = node(&first_hash(&instance), 1, &row);
    store.take_back(0, &[Position { n: 1, row, node: hash, signed: None }], &[]).await.unwrap();
    let names = async || {
        let names = "SELECT username FROM accounts.dir_names ORDER BY username";
        let rows = store.database().get().await.unwrap().query(names, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    store.forget_lost_names(now_ms() - restorable_ms()).await.unwrap();
    assert_eq!(names().await, ["gone", "other"]);
    store.forget_lost_names(now_ms() + 1).await.unwrap();
    assert_eq!(names().await, ["other"]);
    // Between two chains no time decides.
    shared.set_state(DirectoryState::Conflict);
    directory.open_when_quiet(Duration::ZERO).await.unwrap();
    assert_eq!(shared.read().state, DirectoryState::Conflict);
    rooms.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_account_is_open_is_known_here_whatever_became_of_the_change() {
    let url = postgres::database().await;
    let database = Database::new(&url).unwrap();
    let store = AccountStore::open(database.clone()).await.unwrap();
    let instance = store.instance().await.unwrap().id;
    let chat = ChatStore::open(database).await.unwrap();
    let shared = Directory::load(&store).await.unwrap();
    let rooms = Rooms::start(chat, Publisher::new(Vec::new())).await.unwrap();
    let directory = Directory::new(store.clone(), shared.clone(), rooms.clone(), instance, 1.0);
    let new = |name: &'static str| NewUser {
        username: name,
        username_key: name,
        is_admin: name == "boss",
        display_name: "",
        slot: None,
    };
    store.create_user(&new("boss")).await.unwrap();
    let anna = store.create_user(&new("anna")).await.unwrap();
    assert!(shared.is_open(anna));
    for (change, is_open) in [
        (UserChange::Disable, false),
        (UserChange::Enable, true),
        (UserChange::Remove { erase: false }, false),
        (UserChange::Restore, true),
    ] {
        store.change_user(Principal::Operator, anna, &[change]).await.unwrap();
        directory.follow_account(anna).await;
        assert_eq!(shared.is_open(anna), is_open);
    }
    // A number of the chain that no account is of is not open, until somebody comes back.
    let carl = Uid(anna.0 + 1_000);
    let row = Row { uid: carl, tag: tag(&instance, "carl"), leaf: [2; 32] };
    let hash = node(&first_hash(&instance), 1, &row);
    store.take_back(0, &[Position { n: 1, row, node: hash, signed: None }], &[]).await.unwrap();
    store.change_user(Principal::Operator, anna, &[UserChange::Disable]).await.unwrap();
    directory.follow_accounts().await.unwrap();
    assert!(!shared.is_open(carl) && !shared.is_open(anna));
    assert_eq!(store.create_user(&new("carl")).await.unwrap(), carl);
    directory.account_made(carl).await;
    assert!(shared.is_open(carl) && !shared.is_open(anna));
    assert!(!Directory::load(&store).await.unwrap().is_open(anna));
    rooms.stop().await;
}
