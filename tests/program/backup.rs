//! Backups: everything comes back, whatever happens meanwhile; what is no whole backup, or no empty place, is refused
//! and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use impulse::base::ids::Uid;
use impulse::e2ee::directory::{Row, first_hash, node};
use impulse::store::accounts::{AccountStore, Position, backup as accounts};
use impulse::store::backup::{
    self, End, Header, Pace, Part, Progress, Reader, Source, Target, Writer,
};
use impulse::store::chat::{ChatStore, backup as chat};
use impulse::store::pool::Database;
use proptest::prelude::*;
use serde_json::json;

use crate::support;
use crate::support::TestServer;
use crate::support::client::Client;
use crate::support::postgres::database;

fn admin(data_dir: &Path, database: Option<&str>, args: &[&str]) -> Output {
    command(data_dir, database, args).output().expect("the binary runs")
}

fn command(data_dir: &Path, database: Option<&str>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impulse"));
    command.arg("admin").args(args).arg("--data-dir").arg(data_dir);
    command.env_remove("DATABASE_URL").env_remove("ACCOUNTS_DATABASE_URL");
    if let Some(url) = database {
        command.env("DATABASE_URL", url);
    }
    command
}

fn done(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(output: Output, part: &str) {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let sentence = errors.lines().find_map(|line| line.strip_prefix("Error: ")).expect("an error");
    assert!(sentence.contains(part), "{sentence}");
}

async fn sql(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Every row of every table, but of those that a restore changes.
async fn dump(url: &str) -> BTreeMap<String, Vec<String>> {
    let client = sql(url).await;
    let tables = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('chat', 'accounts')
                  AND tablename NOT IN ('migrations', 'write_probe', 'dir_rival', 'dir_rival_entries',
                                    'search', 'search_rooms', 'search_rules')";
    let mut all = BTreeMap::new();
    for table in client.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let (columns, rows) = match table.as_str() {
            "chat.instance" => ("1", "true"),
            "accounts.instance" => ("id, salt_secret, dir_seed", "true"),
            "accounts.audit" => ("t", "action <> 'server.restore'"),
            _ => ("t", "true"),
        };
        let rows = format!("SELECT ({columns})::text FROM {table} t WHERE {rows} ORDER BY 1");
        let rows = client.query(&rows, &[]).await.unwrap();
        all.insert(table, rows.iter().map(|row| row.get(0)).collect());
    }
    all
}

/// People, rooms and messages of every kind, and a row in each table.
async fn fill(server: &TestServer) -> (Client, Client) {
    let (boss, anna) = (server.admin().await, server.user("anna").await);
    let room = boss
        .post("/api/rooms", json!({"name": "Kitchen", "kind": "closed", "members": [anna.uid]}))
        .await;
    let room = room.expect(201)["id"].as_str().unwrap().to_owned();
    let mut socket = boss.socket().await;
    socket.op("hello").await;
    let (mid, _) = socket.send_text(&room, "tab\there, line\nbreak, back\\slash, \u{1f958}").await;
    let edit = json!({"mid": mid, "rev": 1, "kind": "msg", "t": "edited"});
    socket.ok(json!({"op": "msg.send", "room": room, "msg": edit})).await;
    let react = json!({"mid": support::client::new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": "\u{1f44d}"});
    socket.ok(json!({"op": "msg.send", "room": room, "msg": react})).await;
    let (gone, _) = socket.send_text(&room, "gone").await;
    let delete = json!({"mid": gone, "rev": 1, "kind": "del"});
    socket.ok(json!({"op": "msg.send", "room": room, "msg": delete})).await;
    socket.ok(json!({"op": "read", "room": room, "seq": 2})).await;
    boss.post("/api/invites", json!({"rooms": [room]})).await.expect(201);
    boss.patch("/api/admin/settings", json!({"member_invites": false})).await.expect(200);
    boss.post(&format!("/api/admin/users/{}/reset", anna.uid), json!({})).await.expect(201);
    boss.post(&format!("/api/rooms/{room}/hooks"), json!({"name": "CI"})).await.expect(201);
    let rest = "
        INSERT INTO chat.bans SELECT id, 77, 1, 1 FROM chat.rooms LIMIT 1;
        INSERT INTO chat.blocks VALUES (1, 2, 3);
        INSERT INTO accounts.avatars VALUES ('a', 64, 1, 'image/png', '\\x00ff0a5c'::bytea, 1);
        INSERT INTO accounts.invite_uses SELECT id, 2, 1 FROM accounts.invites LIMIT 1;
        INSERT INTO accounts.dir_rejected VALUES (1, sha256('x'));
        INSERT INTO accounts.keys (user_id, ak_gen, generation, bundle) VALUES (2, 1, 1, '\\x00ff');
        INSERT INTO accounts.keys_old VALUES (2, 1, 1, '\\x00ff', NULL, NULL, NULL, 0, 1);
        INSERT INTO accounts.proofs VALUES (sha256('proof'), 2, 4102444800000);
        INSERT INTO chat.log
            SELECT id, 0, 1, 1, '\\x0a5c', sha256('s') || sha256('s'), sha256('h') FROM chat.rooms LIMIT 1;
        INSERT INTO chat.epoch_wraps
            SELECT id, 1, 2, 1, decode(repeat('01', 81), 'hex'), 1 FROM chat.rooms LIMIT 1;
        INSERT INTO chat.bad_wraps SELECT id, 1, 2, 1, 1 FROM chat.rooms LIMIT 1;
        INSERT INTO accounts.dir_names VALUES ('\\x01020304050607080102030405060708', 'mira')";
    server.sql().await.batch_execute(rest).await.unwrap();
    fill_directory(server).await;
    (boss, anna)
}

/// A file that somebody has sent, with its bytes below this data directory.
async fn fill_files(server: &TestServer, data_dir: &Path) {
    let rows = "
        INSERT INTO chat.file_store (mark) VALUES (decode(repeat('07', 16), 'hex'));
        INSERT INTO chat.files (id, owner, name, type, size, received, state, sha256, created_at, touched_at)
            VALUES (decode(repeat('ab', 16), 'hex'), 1, 'a.txt', 'text/plain', 5, 5, 'complete', sha256('bytes'),
                    4102444800000, 4102444800000)";
    server.sql().await.batch_execute(rows).await.unwrap();
    let path = data_dir.join("files/ab").join("ab".repeat(16));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "bytes").unwrap();
    fs::write(data_dir.join("files/store-id"), "07".repeat(16)).unwrap();
}

/// A position of the directory of keys.
async fn fill_directory(server: &TestServer) {
    let store = AccountStore::open(Database::new(&server.database).unwrap()).await.unwrap();
    let before = first_hash(&store.instance().await.unwrap().id);
    let row = Row { uid: Uid(2), tag: [1; 16], leaf: [2; 32] };
    let position = Position { n: 1, row, node: node(&before, 1, &row), signed: None };
    store.take_back(0, &[position], &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_from_a_backup_of_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.backup");
    let path = file.to_str().unwrap();
    fs::write(&file, "an older one").unwrap();
    fs::create_dir_all(folder.path().join("tls/acme")).unwrap();
    fs::write(folder.path().join("tls/ca.key"), "a key").unwrap();
    fs::write(folder.path().join("tls/acme/account.json"), "{}").unwrap();
    fs::write(folder.path().join("lock"), "not this").unwrap();
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(&["--data-dir", place.path().to_str().unwrap()]).await;
    let (boss, _anna) = fill(&server).await;
    fill_files(&server, folder.path()).await;
    let text = done(admin(folder.path(), Some(&server.database), &["backup", path]));
    assert!(text.contains("users") && text.contains("sha256"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing else is left");
    let before = dump(&server.database).await;
    let empty: Vec<_> = before.iter().filter(|(_, rows)| rows.is_empty()).collect();
    assert!(empty.is_empty(), "this test fills every table: {empty:?}");
    refused(
        admin(folder.path(), Some(&server.database), &["restore", path]),
        "a server runs on this database",
    );
    let busy = server.database.clone();
    server.stop().await;
    refused(admin(folder.path(), Some(&busy), &["restore", path]), "not empty");
    assert_eq!(dump(&busy).await, before, "a refusal changes nothing");

    let (elsewhere, new) = (folder.path().join("elsewhere"), database().await);
    fs::create_dir(&elsewhere).unwrap();
    done(admin(&elsewhere, Some(&new), &["restore", path]));
    assert_eq!(dump(&new).await, before);
    assert_eq!(fs::read(elsewhere.join("tls/ca.key")).unwrap(), b"a key");
    assert_eq!(fs::read(elsewhere.join("tls/acme/account.json")).unwrap(), b"{}");
    let sent = elsewhere.join("files/ab").join("ab".repeat(16));
    assert_eq!(fs::read(sent).unwrap(), b"bytes");
    assert!(!elsewhere.join("lock").exists() && !elsewhere.join("tls.part").exists());

    // The server goes on with it: the same session, and the chain of the audit log with one entry more.
    let flags = ["--data-dir", elsewhere.to_str().unwrap()];
    let server = TestServer::start_on(&new, &flags).await;
    let boss = boss.at(server.address);
    boss.get("/api/me").await.expect(200);
    let verified = boss.get("/api/admin/audit/verify").await.expect(200);
    assert_eq!(verified["ok"], true, "{verified}");
    let newest = boss.get("/api/admin/audit?limit=1").await.expect(200);
    assert_eq!(newest["entries"][0]["action"], "server.restore", "{newest}");
    // Keys that were made since the backup come back before new ones are taken.
    let directory = boss.get("/api/admin/directory").await.expect(200);
    assert_eq!((&directory["state"], &directory["n"]), (&json!("closed"), &json!(1)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_store_knows_all_of_its_tables_columns_and_numbers() {
    let url = database().await;
    let store = Database::new(&url).unwrap();
    AccountStore::open(store.clone()).await.unwrap();
    ChatStore::open(store).await.unwrap();
    let client = sql(&url).await;
    for schema in [&chat::SCHEMA, &accounts::SCHEMA] {
        let columns = "SELECT table_name::text, column_name::text, is_identity = 'YES' AS numbered
                       FROM information_schema.columns WHERE table_schema = $1";
        let rows = client.query(columns, &[&schema.name]).await.unwrap();
        let (mut stored, mut numbered) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
        for row in rows {
            let (table, column): (String, String) = (row.get(0), row.get(1));
            if schema.left_out.contains(&table.as_str()) {
                continue;
            }
            if row.get(2) {
                numbered.push(table.clone());
            }
            stored.entry(table).or_default().push(column);
        }
        let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for table in schema.tables {
            let columns = table.columns.split(',').map(|column| column.trim().to_owned());
            known.insert(table.name.to_owned(), columns.collect());
        }
        for columns in stored.values_mut().chain(known.values_mut()) {
            columns.sort();
        }
        assert_eq!(stored, known, "backup.rs of the store {} names other columns", schema.name);
        numbered.sort();
        let mut given: Vec<_> = schema.numbered.iter().map(|table| (*table).to_owned()).collect();
        given.sort();
        assert_eq!(numbered, given, "{}", schema.name);
    }
}

async fn save(source: &Source, path: &Path) -> backup::Saved {
    let file = backup::BackupFile::create(path).unwrap();
    let (file, saved) = backup::save(source, file, Pace::Full, Arc::default()).await.unwrap();
    file.finish().unwrap();
    saved
}

async fn restore(target: &Target, path: &Path) -> Result<backup::Restored, String> {
    let file = fs::File::open(path).unwrap();
    let checked = backup::check(&file, |_| {})?;
    backup::restore(target, file, &checked, Arc::<Progress>::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_never_given_twice_however_often_one_backup_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.backup");
    let server = TestServer::start().await;
    server.admin().await;
    let source = Source {
        chat: Database::new(&server.database).unwrap(),
        accounts: None,
        data_dir: None,
        files: None,
    };
    save(&source, &path).await;
    let (mut users, mut rooms, mut epochs) = (vec![], vec![], vec![]);
    let mut server = Some(server);
    for round in 0..4 {
        if round > 0 {
            let new = database().await;
            let target = Target {
                chat: Database::new(&new).unwrap(),
                accounts: None,
                data_dir: folder.path().join("data"),
            };
            restore(&target, &path).await.unwrap();
            server = Some(TestServer::start_on(&new, &[]).await);
        }
        let now = server.take().unwrap();
        for n in 0..3 {
            let user = now.user(&format!("user{n}")).await;
            let room =
                user.post("/api/rooms", json!({"name": format!("room {n}"), "kind": "open"})).await;
            rooms.push(room.expect(201)["id"].as_str().unwrap().to_owned());
            let mut socket = user.socket().await;
            epochs.push(socket.op("hello").await["epoch"].as_str().unwrap().to_owned());
            users.push(user.uid);
        }
        now.stop().await;
    }
    for ids in [&mut users, &mut rooms] {
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "{ids:?}");
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 4, "one epoch for each restore: {epochs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_began_is_in_it_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let room = anna.post("/api/rooms", json!({"name": "Load", "kind": "open"})).await;
    let room = room.expect(201)["id"].as_str().unwrap().to_owned();
    let acknowledged = Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let (writer, into, of) = (anna.at(server.address), acknowledged.clone(), room.clone());
    let writing = tokio::spawn(async move {
        let mut socket = writer.socket().await;
        for n in 0.. {
            let (mid, _) = socket.send_text(&of, &format!("message {n}")).await;
            into.lock().unwrap().push(mid);
        }
    });
    let source = Source {
        chat: Database::new(&server.database).unwrap(),
        accounts: None,
        data_dir: None,
        files: None,
    };
    for round in 0..4 {
        tokio::time::sleep(Duration::from_millis(40 + 61 * round)).await;
        let known = acknowledged.lock().unwrap().clone();
        let path = folder.path().join("a.backup");
        let saved = save(&source, &path).await;
        assert!(saved.header.is_one_snapshot);
        let new = database().await;
        let target = Target {
            chat: Database::new(&new).unwrap(),
            accounts: None,
            data_dir: folder.path().join("d"),
        };
        restore(&target, &path).await.unwrap();
        let client = sql(&new).await;
        let rows =
            client.query("SELECT mid, seq FROM chat.messages ORDER BY seq", &[]).await.unwrap();
        let mids: Vec<String> = rows
            .iter()
            .map(|row| {
                impulse::base::ids::Mid(row.get::<_, Vec<u8>>(0).try_into().unwrap()).to_string()
            })
            .collect();
        assert!(mids.len() >= known.len(), "{} of {}", mids.len(), known.len());
        assert_eq!(mids[..known.len()], known[..], "in their order");
        let seqs: Vec<i64> = rows.iter().map(|row| row.get(1)).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "one moment: no gap");
        let last = "SELECT last_seq FROM chat.rooms WHERE name = 'Load'";
        assert_eq!(client.query_one(last, &[]).await.unwrap().get::<_, i64>(0), seqs.len() as i64);
    }
    writing.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_of_two_moments_are_brought_in_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.backup");
    let (chat_url, accounts_url) = (database().await, database().await);
    let flags = ["--accounts-database-url", &accounts_url];
    let server = TestServer::start_on(&chat_url, &flags).await;
    let (boss, anna) = (server.admin().await, server.user("anna").await);
    let room = anna.post("/api/rooms", json!({"name": "Annas", "kind": "open"})).await;
    let room = room.expect(201)["id"].as_str().unwrap().to_owned();
    let mut socket = anna.socket().await;
    socket.send_text(&room, "still here").await;
    let revoked = hook(&anna, &room, "Revoked meanwhile").await;
    let user = format!("/api/admin/users/{}", anna.uid);
    boss.request("DELETE", &user, Some(json!({"messages": "erase"}))).await.expect(204);
    server.stop().await;
    // The rooms as they were then; the accounts go on.
    let earlier = database().await;
    copy_database(&chat_url, &earlier).await;
    let server = TestServer::start_on(&chat_url, &flags).await;
    let boss = boss.at(server.address);
    boss.post(&format!("{user}/restore"), json!({})).await.expect(200);
    let ben = server.user("ben").await;
    let (hooks, id) = (format!("/api/rooms/{room}/hooks"), revoked["id"].as_str().unwrap());
    boss.delete(&format!("{hooks}/{id}")).await.expect(204);
    let late = hook(&boss, &room, "Made meanwhile").await;
    let newer = boss.post("/api/rooms", json!({"name": "Newer", "kind": "open"})).await;
    let newer = newer.expect(201)["id"].as_str().unwrap().to_owned();
    let lost = hook(&boss, &newer, "Of a room that is lost").await;
    server.stop().await;
    let client = sql(&earlier).await;
    let stray = "INSERT INTO chat.members (room_id, user_id, role, joined_at) SELECT id, 4711, 'member', 1 FROM chat.rooms";
    client.batch_execute(stray).await.unwrap();
    sql(&accounts_url)
        .await
        .batch_execute(
            "UPDATE accounts.users SET created_at = 99999999999999 WHERE username = 'ben' OR is_bot",
        )
        .await
        .unwrap();

    let source = Source {
        chat: Database::new(&earlier).unwrap(),
        accounts: Some(Database::new(&accounts_url).unwrap()),
        data_dir: None,
        files: None,
    };
    let saved = save(&source, &path).await;
    assert!(!saved.header.is_one_snapshot);
    // Into one database this time.
    let new = database().await;
    let target = Target {
        chat: Database::new(&new).unwrap(),
        accounts: None,
        data_dir: folder.path().join("d"),
    };
    let restored = restore(&target, &path).await.unwrap();
    let done = restored.reconciled.unwrap();
    assert_eq!((done.reinstated, done.to_join), (1, 1), "{done:?}");
    assert!(done.forgotten >= 3, "{done:?}");
    assert_eq!((done.hooks_kept, done.hooks_ended), (1, 1), "{done:?}");
    let server = TestServer::start_on(&new, &[]).await;
    let anna = Client::login(server.address, "anna").await;
    let page = anna.get(&format!("/api/rooms/{room}/messages")).await.expect(200);
    assert_eq!(page["messages"][0]["msg"]["t"], "still here", "{page}");
    let boss = boss.at(server.address);
    boss.post(late["path"].as_str().unwrap(), json!({"t": "done"})).await.expect(201);
    for gone in [&revoked, &lost] {
        boss.post(gone["path"].as_str().unwrap(), json!({"t": "x"}))
            .await
            .refused(404, "not_found");
    }
    let members = boss.get(&format!("/api/rooms/{room}/members")).await.expect(200).to_string();
    let uid = |hook: &serde_json::Value| hook["uid"].to_string();
    assert!(members.contains(&uid(&late)) && !members.contains(&uid(&revoked)), "{members}");
    let again = Client::login(server.address, "ben").await;
    assert_eq!(again.uid, ben.uid);
    let rooms = again.get("/api/rooms").await.expect(200);
    assert!(
        !rooms["rooms"].as_array().unwrap().is_empty(),
        "ben has joined the first rooms: {rooms}"
    );
    server.stop().await;
}

async fn hook(by: &Client, room: &str, name: &str) -> serde_json::Value {
    by.post(&format!("/api/rooms/{room}/hooks"), json!({"name": name})).await.expect(201)
}

/// As a file system snapshot of a database that nobody uses.
async fn copy_database(from: &str, to: &str) {
    let name = |url: &str| url.rsplit("dbname=").next().unwrap().to_owned();
    let (from, to) = (name(from), name(to));
    let admin = sql(&database().await).await;
    admin.batch_execute(&format!("DROP DATABASE {to}")).await.unwrap();
    for _ in 0..50 {
        if admin.batch_execute(&format!("CREATE DATABASE {to} TEMPLATE {from}")).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{from} is in use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_two_databases_that_was_interrupted_between_them_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.backup");
    let server = TestServer::start().await;
    fill(&server).await;
    let source = Source {
        chat: Database::new(&server.database).unwrap(),
        accounts: None,
        data_dir: None,
        files: None,
    };
    save(&source, &path).await;
    server.stop().await;
    let (chat_url, accounts_url) = (database().await, database().await);
    let target = Target {
        chat: Database::new(&chat_url).unwrap(),
        accounts: Some(Database::new(&accounts_url).unwrap()),
        data_dir: folder.path().join("d"),
    };
    restore(&target, &path).await.unwrap();
    // As after a kill between the two commits.
    sql(&chat_url).await.batch_execute("CREATE TABLE chat.restore_unfinished ()").await.unwrap();
    sql(&accounts_url).await.batch_execute("DROP SCHEMA accounts CASCADE").await.unwrap();
    let flags = ["--accounts-database-url", accounts_url.as_str()];
    let config = support::config(&chat_url, &flags);
    let error = impulse::server::Server::start(config).await.err().expect("refused");
    assert!(error.contains("restore the backup again"), "{error}");
    restore(&target, &path).await.unwrap();
    // As after a kill behind both: it is complete.
    sql(&chat_url).await.batch_execute("CREATE TABLE chat.restore_unfinished ()").await.unwrap();
    let server = TestServer::start_on(&chat_url, &flags).await;
    Client::login(server.address, "anna").await.get("/api/me").await.expect(200);
    server.stop().await;
    let error = restore(&target, &path).await.unwrap_err();
    assert!(error.contains("not empty"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_schema_is_brought_up_to_date_and_one_of_a_newer_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start().await;
    fill(&server).await;
    let path = folder.path().join("now.backup");
    let source = Source {
        chat: Database::new(&server.database).unwrap(),
        accounts: None,
        data_dir: None,
        files: None,
    };
    save(&source, &path).await;
    server.stop().await;

    // As an earlier version would have made it: before the names of people were checked for letters that look alike.
    let older = folder.path().join("older.backup");
    rewritten(&path, &older, |header| {
        header.stores[1].migrations.truncate(9);
        for table in &mut header.tables {
            table.name = table
                .name
                .replace("name_skeletons", "looks")
                .replace("shown_skeletons", "shown_looks");
            for column in &mut table.columns {
                *column = column
                    .replace("skeleton", "look")
                    .replace("ambiguity_checked_for", "shown_for");
            }
        }
    });
    let new = database().await;
    let target = Target {
        chat: Database::new(&new).unwrap(),
        accounts: None,
        data_dir: folder.path().join("d"),
    };
    let error = restore(&target, &older).await.unwrap_err();
    // `numbers_since` came later than that.
    assert!(error.contains("accounts.instance"), "{error}");
    assert!(dump(&new).await.is_empty(), "nothing half done");

    for (wrong, what) in [("unknown", "newer"), ("more", "newer"), ("none", "no part")] {
        let file = folder.path().join(wrong);
        rewritten(&path, &file, |header| match wrong {
            "unknown" => header.stores[0].migrations[2] = "0".repeat(64),
            "more" => header.stores[1].migrations.push("0".repeat(64)),
            _ => header.tables.retain(|table| table.store == "chat"),
        });
        let result = restore(&target, &file).await;
        match wrong {
            "none" => assert!(result.is_err()),
            _ => assert!(result.unwrap_err().contains(what), "{wrong}"),
        }
        assert!(dump(&new).await.is_empty());
    }
    restore(&target, &path).await.unwrap();
}

/// As a version from before there was encryption would have made it.
fn without_encryption(from: &Path, to: &Path) {
    const LATER: [&str; 11] = [
        "log",
        "epoch_wraps",
        "bad_wraps",
        "keys",
        "keys_old",
        "proofs",
        "dir_entries",
        "dir_names",
        "dir_rejected",
        "files",
        "file_store",
    ];
    const COLUMNS: [&str; 13] = [
        "restored_at",
        "rid",
        "log_seq",
        "log_head",
        "epoch",
        "root",
        "since_seq",
        "since_dn",
        "sent_epoch",
        "gone",
        "by_recovery",
        "dir_seed",
        "dir_state",
    ];
    let mut reader = Reader::begin(fs::File::open(from).unwrap()).unwrap();
    let now = reader.header().clone();
    let is_later = |table: &str, column: &String| {
        COLUMNS.contains(&column.as_str()) && (table, column.as_str()) != ("instance", "epoch")
    };
    let mut header = now.clone();
    header.stores[0].migrations.truncate(8);
    header.stores[1].migrations.truncate(12);
    header.tables.retain(|table| !LATER.contains(&table.name.as_str()));
    for table in &mut header.tables {
        let name = table.name.clone();
        table.columns.retain(|column| !is_later(&name, column));
    }
    let mut writer = Writer::begin(fs::File::create(to).unwrap(), &header).unwrap();
    let mut rows = vec![Vec::new(); now.tables.len()];
    let mut end = loop {
        match reader.next_part().unwrap() {
            Part::Rows(table, copied) => rows[table].extend(copied),
            Part::File(path, content) => writer.file(&path, &content).unwrap(),
            Part::Sent(id, form, piece) => writer.sent(id, form as u8, &piece).unwrap(),
            Part::End(end) => break end,
        }
    };
    end.checks.retain(|check| !check.name.contains("encrypted") && !check.name.contains("files"));
    let tables = now.tables.iter().zip(rows);
    let tables = tables.filter(|(table, _)| !LATER.contains(&table.name.as_str()));
    for (index, (table, copied)) in (0..).zip(tables) {
        let mut older = String::new();
        for line in String::from_utf8(copied).unwrap().lines() {
            let values = table.columns.iter().zip(line.split('\t'));
            let values = values.filter(|(column, _)| !is_later(&table.name, column));
            let values: Vec<_> = values.map(|(_, value)| value).collect();
            older += &format!("{}\n", values.join("\t"));
        }
        writer.rows(index, older.as_bytes()).unwrap();
    }
    writer.finish(end).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_there_was_encryption_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start().await;
    let (boss, _) = fill(&server).await;
    let rooms = boss.get("/api/rooms").await.expect(200);
    let (path, older) = (folder.path().join("now.backup"), folder.path().join("older.backup"));
    let source = Source {
        chat: Database::new(&server.database).unwrap(),
        accounts: None,
        data_dir: None,
        files: None,
    };
    save(&source, &path).await;
    server.stop().await;
    without_encryption(&path, &older);

    let new = database().await;
    let target = Target {
        chat: Database::new(&new).unwrap(),
        accounts: None,
        data_dir: folder.path().join("d"),
    };
    let restored = restore(&target, &older).await.unwrap();
    let server = TestServer::start_on(&new, &[]).await;
    let again = boss.at(server.address).get("/api/rooms").await.expect(200);
    assert_eq!(again["rooms"], rooms["rooms"]);
    let row = "SELECT epoch, restored_at FROM chat.instance";
    let row = server.sql().await.query_one(row, &[]).await.unwrap();
    assert_eq!(row.get::<_, Vec<u8>>(0), restored.epoch.unwrap().0);
    assert_eq!(row.get::<_, Option<i64>>(1), None, "nothing encrypted can have been lost");
    server.stop().await;
}

/// The same backup with another header.
fn rewritten(from: &Path, to: &Path, change: impl FnOnce(&mut Header)) {
    let mut reader = Reader::begin(fs::File::open(from).unwrap()).unwrap();
    let mut header = reader.header().clone();
    change(&mut header);
    let mut writer = Writer::begin(fs::File::create(to).unwrap(), &header).unwrap();
    loop {
        match reader.next_part().unwrap() {
            Part::Rows(table, copied) => writer.rows(table as u16, &copied).unwrap(),
            Part::File(path, content) => writer.file(&path, &content).unwrap(),
            Part::Sent(id, form, piece) => writer.sent(id, form as u8, &piece).unwrap(),
            Part::End(end) => return drop(writer.finish(end).unwrap()),
        }
    }
}

/// A small whole backup, and where its sections begin.
fn sample() -> (Vec<u8>, Vec<usize>) {
    let table = |name: &str| backup::TableHeader {
        store: "chat".into(),
        name: name.into(),
        columns: vec!["id".into(), "name".into()],
    };
    let header = Header {
        made_at: 1,
        version: "0.1.0".into(),
        epoch: String::new(),
        is_one_snapshot: true,
        stores: vec![backup::StoreHeader { name: "chat".into(), migrations: vec![] }],
        tables: vec![table("rooms"), table("members")],
    };
    let mut writer = Writer::begin(Vec::new(), &header).unwrap();
    writer.rows(0, b"1\tGeneral\n2\tKit").unwrap();
    writer.rows(0, b"chen\n").unwrap();
    writer.rows(1, b"1\tanna\n").unwrap();
    writer.file("tls/ca.key", b"secret").unwrap();
    let (bytes, count, _, rows) = writer.finish(End::default()).unwrap();
    assert_eq!((bytes.len() as u64, rows), (count, vec![2, 1]));
    let mut bounds = vec![17];
    while let Some(at) = bounds.last().copied().filter(|at| *at < bytes.len()) {
        let length = u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize;
        bounds.push(at + 5 + length + 32);
    }
    (bytes, bounds)
}

#[test]
fn a_backup_that_is_torn_changed_or_none_is_refused_whole() {
    let (bytes, bounds) = sample();
    assert_eq!(backup::check(&bytes[..], |_| {}).unwrap().files, ["tls/ca.key"]);
    assert_eq!(bounds.len(), 7);
    for length in 0..bytes.len() {
        let error = backup::check(&bytes[..length], |_| {}).unwrap_err();
        let what = if length < 17 { "not a backup" } else { "ends too early" };
        assert!(error.contains(what), "{length}: {error}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(backup::check(&changed[..], |_| {}).is_err(), "{at}");
    }
    // Sections that are whole but left out, doubled or in another order.
    for (from, to) in bounds.iter().zip(&bounds[1..]) {
        let without = [&bytes[..*from], &bytes[*to..]].concat();
        assert!(backup::check(&without[..], |_| {}).is_err());
        let doubled = [&bytes[..*to], &bytes[*from..]].concat();
        assert!(backup::check(&doubled[..], |_| {}).is_err());
    }
    for foreign in [&b""[..], b"PGDMP\x01\x0e\x00custom", b"\x1f\x8b\x08\x00", b"IMPULSE BACKUP"] {
        assert!(backup::check(foreign, |_| {}).unwrap_err().contains("not a backup of impulse"));
    }
    let newer = [b"IMPULSE BACKUP 3\n", &bytes[17..]].concat();
    assert!(backup::check(&newer[..], |_| {}).unwrap_err().contains("newer"));
    let more = [&bytes[..], b"\n"].concat();
    assert!(backup::check(&more[..], |_| {}).unwrap_err().contains("damaged"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_take_memory_that_is_not_there(
        head in prop_oneof![Just(17_usize), Just(0), Just(400)],
        noise in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let (bytes, _) = sample();
        let mixed = [&bytes[..head], &noise[..]].concat();
        let checked = backup::check(&mixed[..], |_| {});
        prop_assert!(checked.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_or_a_kill_leaves_the_old_backup_and_a_restore_that_was_killed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start().await;
    server.admin().await;
    let fill = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
                SELECT r.id, decode(md5(n::text), 'hex'), 'msg', 1, n, n, n, n, n, n,
                       jsonb_build_object('t', md5(n::text) || md5((n + 1)::text))
                FROM generate_series(1, 60000) n, (SELECT min(id) AS id FROM chat.rooms) r;
                UPDATE chat.rooms SET last_seq = 60000 WHERE id = (SELECT min(id) FROM chat.rooms)";
    server.sql().await.batch_execute(fill).await.unwrap();
    let path = folder.path().join("a.backup");
    let args = ["backup", path.to_str().unwrap()];
    done(admin(folder.path(), Some(&server.database), &args));
    let whole = fs::read(&path).unwrap();

    let mut limited = Command::new("sh");
    limited.arg("-c").arg("trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\"");
    limited
        .arg(env!("CARGO_BIN_EXE_impulse"))
        .arg("admin")
        .args(args)
        .env("DATABASE_URL", &server.database);
    refused(limited.output().unwrap(), "Free some space");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of it");
    for wait in [5, 80, 200] {
        let mut child = command(folder.path(), Some(&server.database), &args).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        backup::check(fs::File::open(&path).unwrap(), |_| {}).expect("always a whole one");
    }
    fs::write(&path, &whole).unwrap();
    refused(
        admin(folder.path(), Some(&server.database), &["backup", folder.path().to_str().unwrap()]),
        "is a folder",
    );
    refused(
        admin(folder.path(), Some(&server.database), &["backup", "/nowhere/a.backup"]),
        "/nowhere/a.backup",
    );
    refused(admin(&folder.path().join("no"), None, &args), "there is no database in");

    let new = database().await;
    let restore = ["restore", path.to_str().unwrap()];
    for wait in [60, 150, 400] {
        let mut child = command(folder.path(), Some(&new), &restore).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        let tables = dump(&new).await;
        let messages = tables.get("chat.messages").map_or(0, Vec::len);
        assert!(messages == 0 || messages == 60_000, "{messages}");
        if messages > 0 {
            break;
        }
    }
    let again = admin(folder.path(), Some(&new), &restore);
    if !again.status.success() {
        refused(again, "not empty");
    }
    assert_eq!(dump(&new).await["chat.messages"].len(), 60_000);
    server.stop().await;
}

#[test]
fn a_device_or_a_link_where_a_backup_should_go_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink(at("pipe"), at("to the pipe")).unwrap();
    for name in ["pipe", "to the pipe"] {
        let error = backup::BackupFile::create(&at(name)).err().expect("refused");
        assert!(error.contains("is no file"), "{error}");
    }
    fs::create_dir(at("disk")).unwrap();
    fs::write(at("disk/a.backup"), "older").unwrap();
    std::os::unix::fs::symlink("disk/a.backup", at("link")).unwrap();
    backup::BackupFile::create(&at("link")).unwrap().finish().unwrap();
    assert!(at("link").is_symlink() && fs::read(at("disk/a.backup")).unwrap().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing else is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_a_database_is_refused_and_the_first_keeps_it_over_a_lost_connection() {
    let server = TestServer::start().await;
    let second = || impulse::server::Server::start(support::config(&server.database, &[]));
    let error = second().await.err().expect("refused");
    assert!(error.contains("another impulse serves this database"), "{error}");
    // The database forgets the lock with the connection; it is taken again.
    let lost = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    server.sql().await.query(lost, &[]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let error = second().await.err().expect("refused");
    assert!(error.contains("another impulse serves this database"), "{error}");
    let database = server.database.clone();
    server.stop().await;
    TestServer::start_on(&database, &[]).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_when_it_is_due_old_ones_go_and_a_failure_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let nightly = folder.path().join("nightly");
    fs::create_dir(&nightly).unwrap();
    for old in ["impulse-20200101T030000Z.backup", "impulse-20200102T030000Z.backup", "mine.backup"]
    {
        fs::write(nightly.join(old), "old").unwrap();
    }
    let server =
        TestServer::start_with(&["--backup-dir", nightly.to_str().unwrap(), "--backup-keep", "1"])
            .await;
    let boss = server.admin().await;
    let made = || {
        let all = backup::folder::list(&nightly).unwrap();
        all.into_iter().filter(|one| one.bytes > 3).collect::<Vec<_>>()
    };
    for _ in 0..200 {
        if !made().is_empty() && fs::read_dir(&nightly).unwrap().count() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let all = made();
    assert_eq!(all.len(), 1, "one, and old ones are removed");
    assert_eq!(fs::read_dir(&nightly).unwrap().count(), 2, "but nothing that has another name");
    backup::check(fs::File::open(&all[0].path).unwrap(), |_| {}).unwrap();
    let stats = boss.get("/api/admin/stats").await.expect(200);
    assert_eq!(stats["now"]["backup"]["bytes"], all[0].bytes, "{stats}");
    assert!(stats["now"]["backup"]["failure"].is_null());
    let database = server.database.clone();
    server.stop().await;
    // A restart makes no second one.
    let server =
        TestServer::start_on(&database, &["--backup-dir", nightly.to_str().unwrap()]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(made().len(), 1);
    server.stop().await;

    let blocked = nightly.join("mine.backup/below");
    let server =
        TestServer::start_on(&database, &["--backup-dir", blocked.to_str().unwrap()]).await;
    let boss = boss.at(server.address);
    let mut failure = json!(null);
    for _ in 0..200 {
        failure =
            boss.get("/api/admin/stats").await.expect(200)["now"]["backup"]["failure"].clone();
        if !failure.is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(failure.as_str().unwrap_or_default().contains("IMPULSE_BACKUP_DIR"), "{failure}");
    let text = boss.get("/metrics").await;
    let text = String::from_utf8_lossy(&text.body).into_owned();
    assert!(text.contains("\nimpulse_backup_failures_total 1\n"), "{text}");
    assert!(text.contains("\nimpulse_backup_age_seconds -1.0\n"), "{text}");
    server.stop().await;
}

#[test]
fn a_whole_server_moves_to_another_machine_and_its_backup_is_verified() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&old, &new] {
        // The private database of root runs as another user.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }
    let (old, new) = (old.path().join("data"), new.path().join("data"));
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("move.backup");
    let file = path.to_str().unwrap();
    done(admin(&old, None, &["create-user", "anna"]));
    done(admin(&old, None, &["backup", file]));
    let temporary = scratch.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    // The database of the verification runs as another user.
    for folder in [scratch.path(), &temporary] {
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let verify = || {
        let mut verify = command(&old, None, &["backup", "--verify", file]);
        verify.env("TMPDIR", &temporary).output().expect("the binary runs")
    };
    let text = done(verify());
    assert!(text.contains("verified") && text.contains("audit_entries"), "{text}");
    let piped = admin(&old, None, &["backup", "-"]);
    backup::check(&piped.stdout[..], |_| {}).expect("stdout is the backup and nothing else");
    let text = done(admin(&new, None, &["restore", file]));
    assert!(text.contains("epoch"), "{text}");
    let users = done(admin(&new, None, &["users"]));
    assert!(users.contains("anna"), "{users}");
    refused(admin(&new, None, &["restore", file]), "not empty");
    fs::write(&path, &fs::read(&path).unwrap()[..500]).unwrap();
    refused(verify(), "ends too early");
    let left = temporary.read_dir().unwrap();
    assert_eq!(left.count(), 0, "the temporary database is removed");
}

#[test]
fn a_file_that_names_more_tables_or_files_than_any_backup_has_is_refused() {
    use impulse::base::limits::backup as limits;
    let with = |tables: usize, files: usize| {
        let table = |n: usize| backup::TableHeader {
            store: "chat".into(),
            name: format!("t{n}"),
            columns: vec!["id".into()],
        };
        let header = Header {
            made_at: 1,
            version: "0.1.0".into(),
            epoch: String::new(),
            is_one_snapshot: true,
            stores: vec![backup::StoreHeader { name: "chat".into(), migrations: vec![] }],
            tables: (0..tables).map(table).collect(),
        };
        let mut writer = Writer::begin(Vec::new(), &header).unwrap();
        for n in 0..files {
            writer.file(&format!("tls/{n}"), b"x").unwrap();
        }
        let (bytes, ..) = writer.finish(End::default()).unwrap();
        backup::check(&bytes[..], |_| {})
    };
    with(limits::TABLES, limits::FILES).unwrap();
    with(limits::TABLES + 1, 0).unwrap_err();
    with(1, limits::FILES + 1).unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_and_a_backup_of_much_take_little_memory_and_every_section_is_small() {
    use impulse::base::limits::backup as limits;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.backup");
    let url = database().await;
    let store = Database::new(&url).unwrap();
    AccountStore::open(store.clone()).await.unwrap().instance().await.unwrap();
    ChatStore::open(store.clone()).await.unwrap();
    let rows =
        std::env::var("BACKUP_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(40_000_u64);
    let fill = format!(
        "INSERT INTO chat.rooms (name, kind, last_seq, created_at) VALUES ('Much', 'open', {rows}, 1);
         INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
         SELECT r.id, decode(md5(n::text), 'hex'), 'msg', 1, n, n, n, n, n, n,
                jsonb_build_object('t', CASE n WHEN 7 THEN repeat('x', 900000) ELSE md5(n::text) || md5((-n)::text) END)
         FROM generate_series(1, {rows}) n, (SELECT min(id) AS id FROM chat.rooms) r"
    );
    sql(&url).await.batch_execute(&fill).await.unwrap();
    let source = Source { chat: store, accounts: None, data_dir: None, files: None };
    let begun = std::time::Instant::now();
    let saved = save(&source, &path).await;
    println!("backup of {rows} messages: {:?}, {} bytes", begun.elapsed(), saved.bytes);
    let (mut largest, mut pieces) = (0, 0);
    backup::check(fs::File::open(&path).unwrap(), |part| {
        if let Part::Rows(_, copied) = part {
            (largest, pieces) = (largest.max(copied.len()), pieces + 1);
        }
    })
    .unwrap();
    assert_eq!(largest, limits::CHUNK, "a row that is longer is cut");
    assert!(pieces > 20, "{pieces}");
    let new = database().await;
    let target = Target {
        chat: Database::new(&new).unwrap(),
        accounts: None,
        data_dir: folder.path().join("d"),
    };
    let begun = std::time::Instant::now();
    restore(&target, &path).await.unwrap();
    println!("restore: {:?}", begun.elapsed());
    assert_eq!(dump(&new).await["chat.messages"], dump(&url).await["chat.messages"]);
}
