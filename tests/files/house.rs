//! A server with a folder of its own, and what people do with files there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::client::{Answer, Client, Socket, new_mid, parse};
use crate::support::{TestServer, postgres};

/// The ready-made room.
pub const ROOM: &str = "1";
/// The smallest picture there is.
pub const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0bIDATx\xdac\xf8\x0f\x04\0\t\xfb\x03\xfd\x68\xfa\x1c\xcc\0\0\0\0IEND\xaeB`\x82";

/// The same one with a text about it, which goes.
pub const TALKATIVE: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0btEXtAuthor\0Anna\0\0\0\0\
    \0\0\0\x0bIDATx\xdac\xf8\x0f\x04\0\t\xfb\x03\xfd\x68\xfa\x1c\xcc\0\0\0\0IEND\xaeB`\x82";

/// A server and its folder.
pub struct House {
    pub server: TestServer,
    pub folder: TempDir,
}

impl House {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With more flags.
    pub async fn with(flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let database = postgres::database().await;
        let server = start(&database, folder.path(), flags).await;
        Self { server, folder }
    }

    /// The same server, stopped and started again.
    pub async fn restarted(self) -> Self {
        self.restarted_after(|| {}).await
    }

    /// The same with something done to its folder meanwhile.
    pub async fn restarted_after(self, meanwhile: impl FnOnce()) -> Self {
        let database = self.server.database.clone();
        self.server.stop().await;
        meanwhile();
        let server = start(&database, self.folder.path(), &[]).await;
        Self { server, folder: self.folder }
    }

    /// Everything in the folder of files that is the bytes of one, by path.
    pub fn on_disk(&self) -> Vec<PathBuf> {
        on_disk(self.folder.path())
    }

    /// Waits until so many files are on disk.
    pub async fn until_on_disk(&self, wanted: usize) {
        let until = Instant::now() + Duration::from_secs(50);
        while self.on_disk().len() != wanted {
            assert!(Instant::now() < until, "{:?} and not {wanted}", self.on_disk());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn start(database: &str, folder: &Path, flags: &[&str]) -> TestServer {
    let folder = folder.to_str().unwrap();
    TestServer::start_on(database, &[&["--data-dir", folder], flags].concat()).await
}

/// The bytes of files below a data directory.
pub fn on_disk(data_dir: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![data_dir.join("files")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() != "store-id" {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Where the bytes of a file are.
pub fn path_of(data_dir: &Path, file: &Value) -> PathBuf {
    use base64::Engine as _;
    let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(id(file)).unwrap();
    let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    data_dir.join("files").join(&name[..2]).join(name)
}

pub fn id(file: &Value) -> &str {
    file["id"].as_str().expect("an id")
}

/// A request whose body is bytes.
pub async fn bytes(client: &Client, method: &str, path: &str, fields: &str, body: &[u8]) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{}Connection: close\r\nContent-Length: {}\r\n{fields}\r\n",
        client.fields(),
        body.len()
    );
    let mut stream = TcpStream::connect(client.address).await.unwrap();
    // What is refused is not read to its end.
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
    Slow { stream }.answer().await
}

/// Announces a file.
pub async fn announce(client: &Client, name: &str, media_type: &str, size: usize) -> Value {
    let body = json!({"name": name, "type": media_type, "size": size});
    client.post("/api/files", body).await.expect(201)
}

/// Brings a part of a file.
pub async fn put(client: &Client, file: &Value, offset: usize, part: &[u8]) -> Answer {
    let path = format!("/api/files/{}?offset={offset}", id(file));
    bytes(client, "PUT", &path, "Content-Type: application/octet-stream\r\n", part).await
}

/// Uploads a file in one request.
pub async fn upload(client: &Client, name: &str, content: &[u8]) -> Value {
    let path = format!("/api/files?name={name}");
    let done = bytes(client, "POST", &path, "Content-Type: text/plain\r\n", content).await;
    let done = done.expect(201);
    assert_eq!(done["complete"], true, "{done}");
    done
}

/// A command that sends a message with files.
pub fn message(mid: &str, rev: u32, text: Option<&str>, files: Option<Vec<Value>>) -> Value {
    message_to(ROOM, mid, rev, text, files)
}

pub fn message_to(
    room: &str,
    mid: &str,
    rev: u32,
    text: Option<&str>,
    files: Option<Vec<Value>>,
) -> Value {
    let mut msg = json!({"mid": mid, "rev": rev, "kind": "msg"});
    if let Some(text) = text {
        msg["t"] = json!(text);
    }
    if let Some(files) = files {
        let named = |file: &Value| {
            let mut named = json!({"id": file["id"]});
            if !file["alt"].is_null() {
                named["alt"] = file["alt"].clone();
            }
            named
        };
        msg["f"] = files.iter().map(named).collect();
    }
    json!({"op": "msg.send", "room": room, "msg": msg})
}

/// Sends a message with these files; its `mid`.
pub async fn send(socket: &mut Socket, files: &[&Value]) -> String {
    let mid = new_mid();
    let files = files.iter().copied().cloned().collect();
    socket.ok(message(&mid, 0, None, Some(files))).await;
    mid
}

/// A connection of which not everything is sent yet.
pub struct Slow {
    stream: TcpStream,
}

impl Slow {
    /// Begins to bring a part of a file that has so many bytes.
    pub async fn put(client: &Client, file: &Value, offset: usize, length: usize) -> Self {
        let mut stream = TcpStream::connect(client.address).await.unwrap();
        let head = format!(
            "PUT /api/files/{}?offset={offset} HTTP/1.1\r\n{}Content-Length: {length}\r\n\r\n",
            id(file),
            client.fields()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream }
    }

    /// Begins to read something of which so many bytes are taken at once.
    pub async fn get(client: &Client, path: &str, first: usize) -> Self {
        let mut stream = TcpStream::connect(client.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\n{}\r\n", client.fields());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.read_exact(&mut vec![0; first]).await.unwrap();
        Self { stream }
    }

    /// Takes at most so many bytes more; how many.
    pub async fn sip(&mut self, most: usize) -> usize {
        self.stream.read(&mut vec![0; most]).await.unwrap_or(0)
    }

    /// Whether so many bytes more come.
    pub async fn has_more(&mut self, more: usize) -> bool {
        let mut rest = vec![0; more];
        let reading = self.stream.read_exact(&mut rest);
        let read = tokio::time::timeout(Duration::from_secs(30), reading).await;
        read.expect("an end in time").is_ok()
    }

    pub async fn send(&mut self, part: &[u8]) {
        self.stream.write_all(part).await.unwrap();
    }

    /// The answer, as far as its length says.
    pub async fn answer(mut self) -> Answer {
        let mut bytes = Vec::new();
        let mut piece = [0; 4_096];
        let reading = async {
            loop {
                if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    let answer = parse(&bytes);
                    let length = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
                    if bytes.len() >= end + 4 + length {
                        return answer;
                    }
                }
                let read = self.stream.read(&mut piece).await.unwrap_or(0);
                assert!(read > 0, "no answer but {:?}", String::from_utf8_lossy(&bytes));
                bytes.extend_from_slice(&piece[..read]);
            }
        };
        tokio::time::timeout(Duration::from_secs(40), reading).await.expect("an answer in time")
    }
}

/// Waits until so many bytes of an upload have arrived.
pub async fn until_arrived(client: &Client, file: &Value, wanted: usize) {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let found = client.get(&format!("/api/files/{}", id(file))).await.expect(200);
        if found["offset"] == wanted {
            return;
        }
        assert!(Instant::now() < until, "{found} and not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
