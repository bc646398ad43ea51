//! One private cluster per test program, one database per test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use impulse::store::embedded::Embedded;
use tokio::sync::OnceCell;

/// The cluster ends with the program: the kernel sees to that.
static CLUSTER: OnceCell<Embedded> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The URL of a new, empty database.
pub async fn database() -> String {
    let cluster = CLUSTER.get_or_init(|| async {
        let folder = parent().join(std::process::id().to_string());
        sweep();
        let starting = tokio::task::spawn_blocking(move || Embedded::start(&folder));
        starting.await.expect("no panic").expect("a private database for the tests")
    });
    let url = cluster.await.url();
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let (client, connection) =
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("the cluster answers");
    let connection = tokio::spawn(connection);
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
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
