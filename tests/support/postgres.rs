//! One private cluster per test program, one database per test.

#![allow(dead_code)] // the benches need only a part

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use impulse::store::accounts::AccountStore;
use impulse::store::chat::ChatStore;
use impulse::store::embedded::Embedded;
use impulse::store::pool::Database;
use tokio::sync::OnceCell;

/// The cluster ends with the program: the kernel sees to that.
static CLUSTER: OnceCell<Embedded> = OnceCell::const_new();
/// The database that others are copied from.
const PREPARED: &str = "prepared";
static IS_PREPARED: OnceCell<()> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The URL of a new, empty database.
pub async fn database() -> String {
    create("template1").await
}

/// The URL of a new database with the schemas of both stores. A copy of prepared ones costs a fraction of what the
/// migrations would cost every test.
pub async fn prepared_database() -> String {
    let prepare = || async {
        let url = create_named(PREPARED, "template1").await;
        let store = || Database::new(&url).expect("a URL");
        AccountStore::open(store()).await.expect("the schema of accounts");
        ChatStore::open(store()).await.expect("the schema of chat");
    };
    IS_PREPARED.get_or_init(prepare).await;
    create(PREPARED).await
}

async fn create(template: &str) -> String {
    create_named(&format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed)), template).await
}

async fn create_named(name: &str, template: &str) -> String {
    let cluster = CLUSTER.get_or_init(|| async {
        let folder = parent().join(std::process::id().to_string());
        sweep();
        let starting = tokio::task::spawn_blocking(move || Embedded::start(&folder));
        starting.await.expect("no panic").expect("a private database for the tests")
    });
    let url = cluster.await.url();
    let (client, connection) =
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("the cluster answers");
    let connection = tokio::spawn(connection);
    let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
    // Nobody else may be connected to a template, and a connection that was closed ends a moment later.
    for attempt in 1.. {
        match client.batch_execute(&create).await {
            Ok(()) => break,
            Err(error) if attempt == 100 => panic!("no database: {error}"),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    drop(client);
    let _ = connection.await;
    url.replace("dbname=postgres", &format!("dbname={name}"))
}

fn parent() -> PathBuf {
    // By user: a folder that root made is closed to everybody else's tests.
    std::env::temp_dir().join(format!("impulse-tests-{}", nix::unistd::geteuid()))
}

/// Removes what programs that are gone have left.
fn sweep() {
    for entry in std::fs::read_dir(parent()).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if !PathBuf::from(format!("/proc/{pid}")).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
