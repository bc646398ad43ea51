//! The private PostgreSQL: first start, later starts, kill -9, refusals.

use std::time::{Duration, Instant};

use impulse::store::embedded::Embedded;
use impulse::store::pool::Database;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("impulse-embedded-").tempdir().unwrap()
}

async fn number(url: &str, sql: &str) -> i64 {
    let client = Database::new(url).unwrap().connect().await.unwrap();
    client.query_one(sql, &[]).await.unwrap().get(0)
}

fn postmaster(folder: &tempfile::TempDir) -> Pid {
    let text = std::fs::read_to_string(folder.path().join("postgres/postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_there_at_the_next_start_and_nobody_listens_on_tcp() {
    let folder = folder();
    let first = Embedded::start(folder.path()).unwrap();
    let database = Database::new(&first.url()).unwrap();
    database.check_durability().await.unwrap();
    let client = database.connect().await.unwrap();
    client.batch_execute("CREATE TABLE t (n bigint); INSERT INTO t VALUES (42)").await.unwrap();
    let row = client.query_one("SHOW listen_addresses", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "");
    assert_eq!(Embedded::attach(folder.path()), Some(first.url()));
    first.stop();
    drop(first);
    assert_eq!(Embedded::attach(folder.path()), None);

    let second = Embedded::start(folder.path()).unwrap();
    assert_eq!(number(&second.url(), "SELECT n FROM t").await, 42);
}

#[test]
fn two_servers_cannot_share_a_data_directory() {
    let folder = folder();
    let _first = Embedded::start(folder.path()).unwrap();
    let error = Embedded::start(folder.path()).err().unwrap();
    assert!(error.contains("another impulse is running"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_comes_back_by_itself() {
    let folder = folder();
    let embedded = Embedded::start(folder.path()).unwrap();
    let before = postmaster(&folder);
    kill(before, Signal::SIGKILL).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let database = Database::new(&embedded.url()).unwrap();
    while !database.is_reachable().await {
        assert!(Instant::now() < deadline, "it did not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_ne!(postmaster(&folder), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_pid_that_is_somebody_elses_now_does_not_stop_the_next_start() {
    let folder = folder();
    let first = Embedded::start(folder.path()).unwrap();
    let file = folder.path().join("postgres/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    first.stop();
    drop(first);
    let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&file, format!("{}\n{rest}", stranger.id())).unwrap();

    let second = Embedded::start(folder.path()).unwrap();
    assert_eq!(number(&second.url(), "SELECT 1::bigint").await, 1);
    assert_eq!(stranger.try_wait().unwrap(), None, "the stranger was left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_the_data_directory_is_followed() {
    let folder = folder();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let embedded = Embedded::start(&link).unwrap();
    assert_eq!(number(&embedded.url(), "SELECT 1::bigint").await, 1);
    assert_eq!(Embedded::attach(&real), Some(embedded.url()));
    assert_eq!(Embedded::attach(&link), Some(embedded.url()));
}

#[test]
fn a_folder_that_was_there_keeps_its_mode_and_a_new_one_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let inner = folder.path().join("inner");
    Embedded::start(&inner).unwrap().stop();
    assert_eq!((mode(folder.path()), mode(&inner)), (0o711, 0o700));
    assert_eq!(mode(&inner.join("run")), 0o700);
}

/// Only root runs the database as somebody else.
#[test]
fn a_place_the_databases_user_cannot_reach_is_refused_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt as _;
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = folder();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let refusal = Embedded::start(&folder.path().join("inner")).err().expect("a refusal");
    assert!(refusal.contains("chmod o+x") && refusal.contains("IMPULSE_DATA_DIR"), "{refusal}");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    Embedded::start(&folder.path().join("inner")).unwrap().stop();
}

/// Only root can be somebody else: the server's program as a user of a container, on a volume of another one.
#[test]
fn a_data_directory_of_somebody_else_serves_if_it_can_be_written_and_is_refused_else_with_what_to_do()
 {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::os::unix::process::CommandExt as _;
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = folder();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("impulse");
    // By another process: a copy that this one has open for writing may be inherited by what other tests start, and a
    // program that anybody writes to cannot be run.
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg(env!("CARGO_BIN_EXE_impulse")).arg(&program).status().unwrap().success());
    let volume = folder.path().join("volume");
    std::fs::create_dir(&volume).unwrap();
    let users = || {
        let mut command = std::process::Command::new(&program);
        command.args(["admin", "users", "--data-dir"]).arg(&volume).current_dir("/");
        let output = command.env_remove("DATABASE_URL").uid(uid).gid(gid).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (succeeded, refusal) = users();
    assert!(!succeeded && refusal.contains("belongs to the user 0"), "{refusal}");
    assert!(refusal.contains(&format!("chown -R {uid}:{gid}")), "{refusal}");
    chown(&volume, None, Some(gid)).unwrap();
    std::fs::set_permissions(&volume, std::fs::Permissions::from_mode(0o2775)).unwrap();
    let (succeeded, errors) = users();
    assert!(succeeded, "{errors}");
    chown(volume.join("postgres"), Some(0), Some(0)).unwrap();
    let (succeeded, refusal) = users();
    assert!(!succeeded && refusal.contains("volume/postgres belongs to the user 0"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deep_data_directory_gets_a_short_socket_path() {
    let folder = folder();
    let deep = folder.path().join("d".repeat(100));
    let embedded = Embedded::start(&deep).unwrap();
    assert_eq!(number(&embedded.url(), "SELECT 1::bigint").await, 1);
    let sockets = embedded.url().split('\'').nth(1).unwrap().to_owned();
    drop(embedded);
    let _ = std::fs::remove_dir(sockets);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_may_forget_is_refused() {
    let folder = folder();
    let embedded = Embedded::start(folder.path()).unwrap();
    let database = Database::new(&embedded.url()).unwrap();
    let client = database.connect().await.unwrap();
    client.batch_execute("ALTER SYSTEM SET synchronous_commit = off").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    drop(client);
    embedded.stop();
    drop(embedded);
    // Our own command line wins over the file, as it must.
    let embedded = Embedded::start(folder.path()).unwrap();
    Database::new(&embedded.url()).unwrap().check_durability().await.unwrap();
    let client = Database::new(&embedded.url()).unwrap().connect().await.unwrap();
    client.batch_execute("ALTER DATABASE postgres SET synchronous_commit = off").await.unwrap();
    let error = Database::new(&embedded.url()).unwrap().check_durability().await.unwrap_err();
    assert!(error.contains("synchronous_commit=off"), "{error}");
}
