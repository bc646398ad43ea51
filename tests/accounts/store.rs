//! Migrations and the account store on a real PostgreSQL.

use impulse::base::error::Code;
use impulse::base::ids::{SessionId, Uid};
use impulse::base::principal::Principal;
use impulse::store::accounts::{
    AccountStore, AuthSlot, KdfParams, NewSession, NewToken, NewUser, ProfileChange, Scope,
    SessionKind, SettingsUpdate, StretchParams,
};
use impulse::store::migrate::{self, Migration};
use impulse::store::pool::Database;

use crate::support::postgres;

async fn database() -> Database {
    Database::new(&postgres::database().await).unwrap()
}

async fn store() -> AccountStore {
    AccountStore::open(database().await).await.unwrap()
}

fn slot() -> AuthSlot {
    AuthSlot {
        kdf: KdfParams { alg: "pbkdf2-sha256".into(), salt: [1; 16], iterations: 1_000_000 },
        stretch: StretchParams { salt: [2; 16], memory_kib: 65_536, passes: 3, lanes: 1 },
        verifier: [3; 32],
    }
}

fn user<'a>(username: &'a str, username_key: &'a str, slot: &'a AuthSlot) -> NewUser<'a> {
    NewUser { username, username_key, is_admin: false, display_name: "", slot: Some(slot) }
}

const FIRST: Migration =
    Migration { number: 1, name: "first", sql: "CREATE TABLE tried.t (n integer)" };

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_once_even_when_two_servers_start_at_once() {
    let database = database().await;
    let run = || migrate::run(&database, "tried", &[FIRST]);
    let (one, two) = tokio::join!(run(), run());
    one.and(two).unwrap();
    run().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_changed_or_is_not_known_is_refused_by_name() {
    let database = database().await;
    migrate::run(&database, "tried", &[FIRST]).await.unwrap();
    let changed = Migration { sql: "CREATE TABLE tried.t (n bigint)", ..FIRST };
    let error = migrate::run(&database, "tried", &[changed]).await.unwrap_err();
    assert!(error.contains("tried/0001_first was changed"), "{error}");
    let error = migrate::run(&database, "tried", &[]).await.unwrap_err();
    assert!(error.contains("tried/0001_first, which this version"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let database = database().await;
    let broken = Migration {
        number: 2,
        name: "broken",
        sql: "CREATE TABLE tried.half (n integer); SELECT nonsense",
    };
    let error = migrate::run(&database, "tried", &[FIRST, broken]).await.unwrap_err();
    assert!(error.contains("tried/0002_broken"), "{error}");
    let mended = Migration { sql: "CREATE TABLE tried.half (n integer)", ..broken };
    migrate::run(&database, "tried", &[FIRST, mended]).await.unwrap();
}

/// The schema as the first `last` files of `sql/accounts` make it.
async fn schema_of(last: usize) -> Database {
    let database = database().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/accounts");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let migration = |(path, number): (&std::path::PathBuf, i32)| {
        let sql = std::fs::read_to_string(path).unwrap().leak();
        Migration { number, name: "from_before", sql }
    };
    let files: Vec<_> = files.iter().take(last).zip(1..).map(migration).collect();
    migrate::run(&database, "accounts", &files).await.unwrap();
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_an_older_database_keep_their_skeletons_and_their_marks() {
    let database = schema_of(9).await;
    let before = "
        INSERT INTO accounts.users
            (username, username_key, display_name, display_key, created_at, is_ambiguous, shown_for)
        VALUES ('anna', 'anna', '', '', 1, true, 'anna/'), ('bert', 'bert', 'Anna', 'anna', 1, true, 'bert/Anna');
        INSERT INTO accounts.looks VALUES ('anna', 1), ('bert', 2);
        INSERT INTO accounts.shown_looks VALUES ('anna', 1), ('anna', 2)";
    database.connect().await.unwrap().batch_execute(before).await.unwrap();
    let store = AccountStore::open(database).await.unwrap();
    let slot = slot();
    let alike = store.create_user(&user("аnnа", "аnnа", &slot)).await.unwrap_err();
    assert_eq!(alike.code(), Code::Conflict, "{alike}");
    for uid in [1, 2] {
        assert!(store.profile(Uid(uid)).await.unwrap().unwrap().is_ambiguous);
    }
    // Bert takes another display name, and nobody is like Anna any more.
    let change = ProfileChange { display_name: Some("Bert".into()), ..ProfileChange::default() };
    assert!(store.change_profile(Uid(2), &change).await.unwrap());
    let changed = store.update_ambiguous_names(&[Uid(2)]).await.unwrap();
    assert_eq!(changed.len(), 2, "{changed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_installation_keeps_what_it_made_up() {
    let store = store().await;
    let first = store.instance().await.unwrap();
    let again = AccountStore::open(store.database().clone()).await.unwrap();
    let second = again.instance().await.unwrap();
    assert_eq!((first.id, first.salt_secret), (second.id, second.salt_secret));
    assert_ne!(first.id, [0; 16]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_belongs_to_one_user_also_when_two_ask_at_once() {
    let (store, slot) = (store().await, slot());
    let (upper, lower) = (user("Anna", "anna", &slot), user("anna", "anna", &slot));
    let (one, two) = tokio::join!(store.create_user(&upper), store.create_user(&lower));
    let (made, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(refused.unwrap_err().code(), Code::Conflict);
    let record = store.login_record("anna").await.unwrap().unwrap();
    assert_eq!(record.uid, made.unwrap());
    assert!(!record.has_joined && !record.is_disabled);
    assert!(record.slot.kdf == slot.kdf && record.slot.stretch == slot.stretch);
    assert_eq!(record.slot.verifier, slot.verifier);
    store.mark_joined(record.uid).await.unwrap();
    assert!(store.login_record("anna").await.unwrap().unwrap().has_joined);
    assert!(store.login_record("nobody").await.unwrap().is_none());
}

async fn sign_in(store: &AccountStore, uid: Uid, digest: [u8; 32]) -> SessionId {
    let expires_at = impulse::base::time::now_ms() + 60_000;
    let new = NewSession { digest: &digest, label: "desk", scope: Scope::Full, expires_at };
    store.sign_in(uid, &slot().verifier, &new).await.unwrap().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_found_by_its_digest_until_it_ends_and_only_its_owner_ends_it() {
    let (store, slot) = (store().await, slot());
    let anna = store.create_user(&user("anna", "anna", &slot)).await.unwrap();
    let bert = store.create_user(&user("bert", "bert", &slot)).await.unwrap();
    let (browser, token) = (SessionKind::Browser, SessionKind::Token);
    let id = sign_in(&store, anna, [1; 32]).await;
    let row = store.session(&[1; 32], 0).await.unwrap().unwrap();
    assert_eq!((row.id, row.uid, row.kind), (id, anna, browser));
    assert!(store.session(&[2; 32], 0).await.unwrap().is_none());
    assert!(store.session(&[1; 32], i64::MAX).await.unwrap().is_none(), "idle for too long");
    assert!(!store.remove_session(bert, browser, id).await.unwrap());
    assert!(!store.remove_session(anna, token, id).await.unwrap());
    assert!(store.remove_session(anna, browser, id).await.unwrap());
    assert!(store.session(&[1; 32], 0).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_sessions_give_way_and_tokens_are_counted_apart() {
    let (store, slot) = (store().await, slot());
    let anna = store.create_user(&user("anna", "anna", &slot)).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(sign_in(&store, anna, [n; 32]).await);
    }
    let token = NewToken {
        digest: &[9; 32],
        label: "script",
        scope: Scope::Read,
        expires_at: None,
        asking: None,
        most: 1,
    };
    store.create_token(anna, &token).await.unwrap();
    let second = NewToken { digest: &[8; 32], ..token };
    let refused = store.create_token(anna, &second).await.unwrap_err();
    assert_eq!(refused.code(), Code::Conflict);
    let mut ended = store.trim_sessions(anna, SessionKind::Browser, 2).await.unwrap();
    ended.sort();
    assert_eq!(ended, ids[..2]);
    assert_eq!(store.sessions(anna, SessionKind::Browser).await.unwrap().len(), 2);
    assert_eq!(store.sessions(anna, SessionKind::Token).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_read_is_left_out_and_spoils_no_other() {
    let database = database().await;
    let store = AccountStore::open(database.clone()).await.unwrap();
    let sql = database.connect().await.unwrap();
    let odd = "INSERT INTO accounts.settings VALUES ('name', '\"Ours\"'), ('users_max', '1e400')";
    sql.batch_execute(odd).await.unwrap();
    let ours = vec![("name".to_owned(), serde_json::json!("Ours"))];
    assert_eq!(store.stored_settings().await.unwrap(), ours);
    let change = vec![("users_max".to_owned(), serde_json::json!(7))];
    let detail = serde_json::json!({});
    let decide = |stored| Ok(SettingsUpdate { change, detail, outcome: assert_eq!(stored, ours) });
    store.update_settings(Principal::Operator, decide).await.unwrap();
    assert_eq!(store.stored_settings().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_sessions_are_ended_in_portions() {
    let (store, slot) = (store().await, slot());
    let anna = store.create_user(&user("anna", "anna", &slot)).await.unwrap();
    let client = store.database().get().await.unwrap();
    let most = impulse::base::limits::auth::SESSIONS_SWEPT;
    let fill =
        "INSERT INTO accounts.sessions (user_id, kind, digest, created_at, seen_at, expires_at)
                SELECT $1, 'token', decode(lpad(to_hex(n), 64, '0'), 'hex'), 1, 1, 5
                FROM generate_series(1, $2::bigint) n";
    client.execute(fill, &[&anna.0, &(most + 1)]).await.unwrap();
    assert_eq!(store.end_expired(4, 0, most).await.unwrap(), []);
    assert_eq!(store.end_expired(5, 0, most).await.unwrap().len() as i64, most);
    assert_eq!(store.end_expired(5, 0, most).await.unwrap().len(), 1);
}
