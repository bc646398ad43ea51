//! A server that is killed between any two steps: never a message without its files, never bytes for ever that belong to
//! nothing. And a disk that is full.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::house::{PNG, TALKATIVE, id, message, on_disk};
use crate::process::{Client, PATIENCE, Process, new_mid};
use crate::support::postgres;

/// A request whose body is bytes; nothing if the server dies.
pub fn exchange(
    address: &str,
    token: &str,
    method: &str,
    path: &str,
    body: &[u8],
) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = std::str::from_utf8(&answer[9..12]).ok()?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}

fn call(server: &Process, token: &str, method: &str, path: &str, body: Value) -> Option<Value> {
    let (status, answer) =
        crate::process::http(&server.address, method, path, Some(token), Some(body)).ok()?;
    (200..300).contains(&status).then_some(answer)
}

/// Uploads a file in two parts, sends it, deletes the message, and gives up another upload: all that a client does.
fn live(server: &Process, token: &str) -> Option<()> {
    let announced = json!({"name": "a.png", "type": "image/png", "size": TALKATIVE.len()});
    let file = call(server, token, "POST", "/api/files", announced.clone())?;
    let path = format!("/api/files/{}", id(&file));
    let (status, _) =
        exchange(&server.address, token, "PUT", &format!("{path}?offset=0"), &TALKATIVE[..20])?;
    assert_eq!(status, 200);
    let (status, _) =
        exchange(&server.address, token, "PUT", &format!("{path}?offset=20"), &TALKATIVE[20..])?;
    assert_eq!(status, 200);
    let mut socket = Client::connect(&server.address, token).ok()?;
    let mid = new_mid();
    socket.request(message(&mid, 0, None, Some(vec![file]))).ok()?;
    let delete = json!({"mid": mid, "rev": 1, "kind": "del"});
    socket.request(json!({"op": "msg.send", "room": "1", "msg": delete})).ok()?;
    let until = Instant::now() + PATIENCE;
    // Erasing has places to die, too.
    while Instant::now() < until {
        exchange(&server.address, token, "GET", "/health", b"")?;
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// What holds whenever the server runs: each message has its files, and uploads go on where they are.
fn check(server: &Process, token: &str) -> Vec<Value> {
    let (_, page) = server.request("GET", "/api/rooms/1/messages?limit=100", Some(token), None);
    let messages = page["messages"].as_array().expect("messages").clone();
    for entry in &messages {
        for file in entry["msg"]["f"].as_array().into_iter().flatten() {
            let path = format!("/files/{}/x", id(file));
            let (status, bytes) = exchange(&server.address, token, "GET", &path, b"").unwrap();
            assert_eq!(
                (status, bytes.as_slice()),
                (200, PNG),
                "a message without its file: {entry}"
            );
        }
    }
    messages
}

/// Finishes every upload that was begun, and sends it.
fn finish(server: &Process, token: &str, begun: &[String]) {
    let mut socket = Client::connect(&server.address, token).unwrap();
    for id in begun {
        let path = format!("/api/files/{id}");
        let (status, state) = server.request("GET", &path, Some(token), None);
        if status == 404 {
            continue;
        }
        let mut offset = state["offset"].as_u64().unwrap() as usize;
        for _ in 0..3 {
            let part = format!("{path}?offset={offset}");
            let (status, answer) =
                exchange(&server.address, token, "PUT", &part, &TALKATIVE[offset..]).unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            match status {
                200 => {
                    assert_eq!(answer["complete"], true, "{answer}");
                    break;
                }
                409 => offset = answer["error"]["detail"]["offset"].as_u64().unwrap() as usize,
                _ => panic!("{status} {answer}"),
            }
        }
        let sent =
            socket.request(message(&new_mid(), 0, None, Some(vec![json!({"id": id})]))).unwrap();
        assert_eq!(sent["op"], "ok", "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_between_two_steps_leaves_no_message_without_its_file() {
    let database = postgres::database().await;
    let (sql, connection) =
        tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let folder = tempfile::tempdir().unwrap();
    let start = |more: &[(&str, &str)]| {
        Process::start(folder.path(), &[&[("DATABASE_URL", database.as_str())], more].concat())
    };
    let server = start(&[]);
    let token = server.register("anna");
    server.kill_9();
    for place in [
        "announced",
        "part synced",
        "synced",
        "cleaned",
        "examined",
        "drawn",
        "renamed",
        "settled",
        "completed",
        "unlinked",
        "erased",
    ] {
        let server = start(&[("IMPULSE_CRASH_AT", place)]);
        assert_eq!(live(&server, &token), None, "{place}: it was not killed");
        assert!(!server.terminate_gone().success());
        let server = start(&[]);
        check(&server, &token);
        let rows = sql
            .query("SELECT id FROM chat.files WHERE state IN ('arriving', 'complete')", &[])
            .await
            .unwrap();
        let begun: Vec<_> = rows
            .iter()
            .map(|row| {
                base64::Engine::encode(
                    &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                    row.get::<_, &[u8]>(0),
                )
            })
            .collect();
        finish(&server, &token, &begun);
        let mut socket = Client::connect(&server.address, &token).unwrap();
        for entry in check(&server, &token) {
            if entry["msg"]["kind"] == "msg" {
                let delete = json!({"mid": entry["msg"]["mid"], "rev": 1, "kind": "del"});
                socket.request(json!({"op": "msg.send", "room": "1", "msg": delete})).unwrap();
            }
        }
        until_empty(folder.path(), place);
        server.kill_9();
    }
    let left: i64 = sql.query_one("SELECT count(*) FROM chat.files", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

fn until_empty(data_dir: &Path, place: &str) {
    let until = Instant::now() + PATIENCE;
    while !on_disk(data_dir).is_empty() {
        assert!(Instant::now() < until, "{place}: {:?}", on_disk(data_dir));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A server whose files may not be larger than this stands for a disk that is full.
const MOST: usize = 20 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_takes_no_more_and_loses_nothing() {
    let database = postgres::database().await;
    let folder = tempfile::tempdir().unwrap();
    let more = [("DATABASE_URL", database.as_str())];
    let server = Process::start_with_file_size(MOST, folder.path(), &more);
    let token = server.register("anna");
    let content: Vec<u8> = (0..MOST as u32 + 1_000).map(|n| (n % 251) as u8).collect();
    let announced = json!({"name": "large.bin", "size": content.len()});
    let file = call(&server, &token, "POST", "/api/files", announced).unwrap();
    let path = format!("/api/files/{}", id(&file));
    let put = |server: &Process, offset: usize| {
        let path = format!("{path}?offset={offset}");
        exchange(&server.address, &token, "PUT", &path, &content[offset..]).unwrap()
    };
    let (status, answer) = put(&server, 0);
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["error"]["code"]), (507, &json!("disk_full")), "{answer}");
    let (_, state) = server.request("GET", &path, Some(&token), None);
    let offset = state["offset"].as_u64().unwrap() as usize;
    let checkpoint = impulse::base::limits::files::CHECKPOINT as usize;
    assert!((checkpoint..=MOST).contains(&offset), "{state}");
    let (status, _) =
        exchange(&server.address, &token, "POST", "/api/files?name=small", b"small").unwrap();
    assert_eq!(status, 201, "a smaller one still fits");
    let mut socket = Client::connect(&server.address, &token).unwrap();
    let words = crate::process::text("1", &new_mid(), "words");
    assert_eq!(socket.request(words).unwrap()["op"], "ok");
    server.kill_9();

    // There is space again.
    let server = Process::start(folder.path(), &more);
    let (_, state) = server.request("GET", &path, Some(&token), None);
    let offset = state["offset"].as_u64().unwrap() as usize;
    assert!(offset >= checkpoint, "{state}");
    let (status, answer) = put(&server, offset);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    let (_, whole) =
        exchange(&server.address, &token, "GET", &format!("/files/{}/x", id(&file)), b"").unwrap();
    assert!(whole == content, "other bytes than were sent");
}
