//! Files in a bucket, on a service that `IMPULSE_TEST_S3` names (`tests/files/s3` starts one), through a gate that a test
//! can shut: then the service is away, silent, or answers nonsense. `IMPULSE_TEST_S3_BUCKET`, `…_KEY` and `…_SECRET` name the
//! bucket and the key there.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use impulse::base::limits::files as limits;
use object_store::ObjectStoreExt as _;
use object_store::aws::AmazonS3Builder;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{PNG, ROOM, announce, bytes, id, on_disk, path_of, put, send, upload};
use crate::support::client::Client;
use crate::support::{TestServer, postgres};

const OPEN: u8 = 0;
const AWAY: u8 = 1;
const SILENT: u8 = 2;
const NONSENSE: u8 = 3;

/// What stands before the service.
#[derive(Clone)]
struct Gate {
    port: u16,
    how: Arc<AtomicU8>,
}

fn service() -> String {
    let named = std::env::var("IMPULSE_TEST_S3");
    named.expect(
        "IMPULSE_TEST_S3 names a service, such as 127.0.0.1:9000; `tests/files/s3` starts one",
    )
}

impl Gate {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Self {
            port: listener.local_addr().unwrap().port(),
            how: Arc::new(AtomicU8::new(OPEN)),
        };
        let how = gate.how.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, how.clone()));
            }
        });
        gate
    }

    fn set(&self, how: u8) {
        self.how.store(how, Ordering::SeqCst);
    }

    /// Opens it, and waits until the server asks again.
    async fn open(&self) {
        self.set(OPEN);
        tokio::time::sleep(limits::BUCKET_PAUSE + Duration::from_millis(200)).await;
    }
}

/// A connection passes as long as the gate is open.
async fn pass(mut client: TcpStream, how: Arc<AtomicU8>) {
    let mut service = TcpStream::connect(service()).await.unwrap();
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let read = read.unwrap_or(0);
                match how.load(Ordering::SeqCst) {
                    OPEN if read > 0 => service.write_all(&up[..read]).await.unwrap(),
                    SILENT => tokio::time::sleep(Duration::from_secs(60)).await,
                    NONSENSE => {
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<welcome>";
                        let _ = client.write_all(answer).await;
                        return;
                    }
                    _ => return,
                }
            }
            read = service.read(&mut down) => {
                let read = read.unwrap_or(0);
                if read == 0 || client.write_all(&down[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A part of the bucket that is a test's own.
struct Bucket {
    gate: Gate,
    prefix: String,
    folder: TempDir,
    database: String,
}

/// A setting of the service, or what moto takes.
fn named(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

fn keys() -> [String; 2] {
    [named("IMPULSE_TEST_S3_KEY", "key"), named("IMPULSE_TEST_S3_SECRET", "secret")]
}

fn bucket() -> String {
    named("IMPULSE_TEST_S3_BUCKET", "impulse-tests")
}

impl Bucket {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let prefix = format!("{}-{number}/of/us", std::process::id());
        let (gate, folder) = (Gate::new().await, TempDir::new().unwrap());
        Self { gate, prefix, folder, database: postgres::database().await }
    }

    fn flags(&self) -> [String; 6] {
        let url = format!("http://127.0.0.1:{}/{}/{}", self.gate.port, bucket(), self.prefix);
        let [key, secret] = keys();
        let flag = ToOwned::to_owned;
        [flag("--files-s3"), url, flag("--files-s3-key"), key, flag("--files-s3-secret"), secret]
    }

    async fn server(&self) -> TestServer {
        let flags = self.flags();
        let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        flags.extend(["--data-dir", self.folder.path().to_str().unwrap()]);
        TestServer::start_on(&self.database, &flags).await
    }

    /// The bytes of a file there.
    async fn has(&self, file: &Value) -> Option<Vec<u8>> {
        let [key, secret] = keys();
        let store = AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", service()))
            .with_allow_http(true)
            .with_bucket_name(bucket())
            .with_access_key_id(key)
            .with_secret_access_key(secret);
        let path = path_of(Path::new(""), file);
        let name = path.file_name().unwrap().to_str().unwrap();
        let at = object_store::path::Path::from(format!("{}/files/{name}", self.prefix));
        match store.build().unwrap().get(&at).await {
            Ok(got) => Some(got.bytes().await.unwrap().to_vec()),
            Err(object_store::Error::NotFound { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn until_gone(&self, file: &Value) {
        let until = Instant::now() + Duration::from_secs(30);
        while self.has(file).await.is_some() {
            assert!(Instant::now() < until, "it is still in the bucket");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn until_folder_is_empty(&self) {
        let until = Instant::now() + Duration::from_secs(30);
        while !on_disk(self.folder.path()).is_empty() {
            assert!(Instant::now() < until, "{:?}", on_disk(self.folder.path()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// `impulse admin …`; what it prints.
    fn admin(&self, database: &str, folder: &Path, words: &[&str]) -> Value {
        let [_, url, _, key, _, secret] = self.flags();
        let mut command = Command::new(env!("CARGO_BIN_EXE_impulse"));
        command.args(["admin", "--json", "--database-url", database, "--data-dir"]).arg(folder);
        command.args(words).env_remove("DATABASE_URL").env_remove("IMPULSE_DATA_DIR");
        command.envs([("IMPULSE_FILES_S3", url), ("IMPULSE_FILES_S3_KEY", key)]);
        command.env("IMPULSE_FILES_S3_SECRET", secret);
        let done = command.output().expect("the program runs");
        let said = String::from_utf8_lossy(&done.stderr);
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{said}"))
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

async fn download(client: &Client, file: &Value, fields: &str) -> (u16, Vec<u8>) {
    let path = format!("/files/{}/x", id(file));
    let answer = bytes(client, "GET", &path, fields, b"").await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_files_are_in_the_bucket_and_come_from_there() {
    let bucket = Bucket::new().await;
    let server = bucket.server().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    // One part, several, and nothing at all.
    let large = pattern(limits::BUCKET_PART + 100_000);
    let small = upload(&anna, "a.png", PNG).await;
    let empty = announce(&anna, "empty", "", 0).await;
    let whole = announce(&anna, "x.bin", "", large.len()).await;
    put(&anna, &whole, 0, &large[..5_000_000]).await.expect(200);
    server.stop().await;
    let server = bucket.server().await;
    let anna = anna.at(server.address);
    let done = put(&anna, &whole, 5_000_000, &large[5_000_000..]).await.expect(200);
    assert_eq!(done["complete"], true, "an upload goes on after a restart");
    bucket.until_folder_is_empty().await;
    assert_eq!(bucket.has(&small).await.as_deref(), Some(PNG));
    assert_eq!(bucket.has(&whole).await.map(|bytes| bytes == large), Some(true));
    assert_eq!(bucket.has(&empty).await.as_deref(), Some(&b""[..]));
    drop(socket);
    socket = anna.socket().await;
    let mid = send(&mut socket, &[&small, &whole, &empty]).await;

    assert!(download(&anna, &whole, "").await == (200, large.clone()));
    assert_eq!(download(&anna, &empty, "").await, (200, Vec::new()));
    for (range, part) in [("0-0", 0..1), ("8388600-8388617", 8_388_600..8_388_618)] {
        let (status, body) = download(&anna, &whole, &format!("Range: bytes={range}\r\n")).await;
        assert!(status == 206 && body == large[part], "{range}");
    }
    assert_eq!(download(&anna, &small, "Range: bytes=999-\r\n").await.0, 416);

    // A backup has them, and what it restores goes into the bucket again.
    let saved = bucket.folder.path().join("a.backup");
    let named = saved.to_str().unwrap();
    let made = bucket.admin(&server.database, bucket.folder.path(), &["backup", named]);
    assert_eq!((&made["files"], &made["files_missing"]), (&json!(3), &Value::Null), "{made}");
    server.stop().await;
    let other = Bucket::new().await;
    other.admin(&other.database, other.folder.path(), &["restore", named]);
    let server = other.server().await;
    other.until_folder_is_empty().await;
    assert!(other.has(&whole).await.is_some_and(|bytes| bytes == large));
    let anna = Client::login(server.address, "anna").await;
    assert!(download(&anna, &whole, "").await == (200, large));

    // What is deleted is erased there, too.
    let mut socket = anna.socket().await;
    let msg = json!({"mid": mid, "rev": 1, "kind": "del"});
    socket.ok(json!({"op": "msg.send", "room": ROOM, "msg": msg})).await;
    for file in [&small, &whole, &empty] {
        other.until_gone(file).await;
        assert_eq!(download(&anna, file, "").await.0, 404);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_away_or_answers_nonsense_loses_nothing_and_slows_nobody() {
    let bucket = Bucket::new().await;
    let server = bucket.server().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let content = pattern(300_000);
    let before = upload(&anna, "before", &content).await;
    bucket.until_folder_is_empty().await;
    let mut socket = ben.socket().await;
    for how in [AWAY, NONSENSE, SILENT] {
        bucket.gate.set(how);
        let file = announce(&anna, "x.bin", "", content.len()).await;
        let (uploader, of_it, all) = (anna.clone(), file.clone(), content.clone());
        let uploading = tokio::spawn(async move { put(&uploader, &of_it, 0, &all).await });
        // Meanwhile others write and read.
        let begun = Instant::now();
        for _ in 0..20 {
            socket.send_text(ROOM, "meanwhile").await;
            ben.get(&format!("/api/rooms/{ROOM}/files")).await.expect(200);
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "nobody waits for a bucket ({how})");
        let refused = uploading.await.unwrap();
        assert!(refused.header("retry-after").is_some());
        refused.refused(503, "unavailable");
        // A moment later it is not even asked.
        let begun = Instant::now();
        assert_eq!(download(&anna, &before, "").await.0, 503);
        assert!(begun.elapsed() < Duration::from_secs(2));
        let kept = anna.get(&format!("/api/files/{}", id(&file))).await.expect(200);
        let all = json!(content.len());
        assert_eq!((&kept["offset"], &kept["complete"]), (&all, &json!(false)), "{kept}");
        bucket.gate.open().await;
        // Nothing has to be brought again.
        let done = put(&anna, &file, content.len(), b"").await.expect(200);
        assert_eq!(done["complete"], true, "{done}");
        bucket.until_folder_is_empty().await;
        assert!(bucket.has(&file).await.is_some_and(|bytes| bytes == content));
        assert!(download(&anna, &before, "").await == (200, content.clone()));
        assert_eq!(anna.delete(&format!("/api/files/{}", id(&file))).await.status, 204);
        bucket.until_gone(&file).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_the_folder_moves_into_a_bucket_that_is_of_this_database() {
    let bucket = Bucket::new().await;
    let folder = bucket.folder.path().to_str().unwrap();
    let server = TestServer::start_on(&bucket.database, &["--data-dir", folder]).await;
    let anna = server.user("anna").await;
    let file = upload(&anna, "x.txt", b"from the folder").await;
    let mut socket = anna.socket().await;
    send(&mut socket, &[&file]).await;
    server.stop().await;
    let server = bucket.server().await;
    let anna = anna.at(server.address);
    bucket.until_folder_is_empty().await;
    assert_eq!(bucket.has(&file).await.as_deref(), Some(&b"from the folder"[..]));
    assert_eq!(download(&anna, &file, "").await, (200, b"from the folder".to_vec()));
    server.stop().await;

    // A server on another database leaves it alone.
    let other = Bucket { database: postgres::database().await, ..bucket };
    let folder = TempDir::new().unwrap();
    let other = Bucket { folder, ..other };
    let server = other.server().await;
    let ben = server.user("ben").await;
    let answer = ben.post("/api/files", json!({"name": "x", "size": 1})).await;
    answer.refused(503, "unavailable");
    assert!(other.has(&file).await.is_some());
    server.stop().await;
}
