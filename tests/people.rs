//! People over real sockets and a real database: names, pictures, words and presence, as others see
//! them.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Cursor;
use std::time::Duration;

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use impulse::store::now_ms;
use support::TestServer;
use support::client::{Answer, Client, registration};

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, Rgb([10, 120, 200])).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// `PUT /api/me/avatar` with bytes that are no JSON.
async fn upload(client: &Client, content_type: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "PUT /api/me/avatar HTTP/1.1\r\n{}Connection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        client.fields(),
        bytes.len()
    );
    client.raw(&[head.as_bytes(), bytes].concat()).await
}

async fn bytes_of(client: &Client, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(client.address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end..].to_vec())
}

async fn profile(by: &Client, of: &Client) -> Value {
    by.get(&format!("/api/users/{}", of.uid)).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_picture_is_seen_by_others_at_once_and_its_address_never_changes_its_mind() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let mut socket = ben.socket().await;
    socket.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let answer = upload(&anna, "image/png", &encoded(640, 300, ImageFormat::Png)).await.expect(200);
    let told = socket.find("the new face", |frame| frame["op"] == "user").await;
    assert_eq!(told["user"]["avatar"], answer["avatar"]);
    let urls = &profile(&ben, &anna).await["avatar"];
    for size in [96, 384] {
        let url = urls[size.to_string()].as_str().unwrap();
        let (head, bytes) = bytes_of(&ben, url).await;
        assert!(head.starts_with("http/1.1 200") && head.contains("immutable"), "{head}");
        assert!(head.contains("content-type: image/jpeg") && head.contains("nosniff"), "{head}");
        let drawn = image::load_from_memory(&bytes).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (size, size));
    }
    let old = urls["96"].as_str().unwrap().to_owned();
    let other = upload(&anna, "image/jpeg", &encoded(9, 9, ImageFormat::Jpeg)).await.expect(200);
    assert_ne!(other["avatar"]["96"], old.as_str());
    assert!(bytes_of(&ben, &old).await.0.starts_with("http/1.1 404"));
    assert_eq!(anna.delete("/api/me/avatar").await.status, 204);
    assert_eq!(profile(&ben, &anna).await["avatar"], Value::Null);
    let gone = other["avatar"]["384"].as_str().unwrap();
    assert!(bytes_of(&ben, gone).await.0.starts_with("http/1.1 404"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_refused_and_the_old_one_stays() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let png = encoded(50, 50, ImageFormat::Png);
    upload(&anna, "image/png", &png).await.expect(200);
    let before = profile(&anna, &anna).await["avatar"].clone();
    upload(&anna, "image/jpeg", &png).await.refused(400, "bad_request");
    upload(&anna, "image/png", &png[..60]).await.refused(400, "bad_request");
    upload(&anna, "image/png", b"").await.refused(400, "bad_request");
    upload(&anna, "image/svg+xml", b"<svg onload='x()'/>").await.refused(415, "unsupported_type");
    upload(&anna, "text/html", b"<script>x()</script>").await.refused(415, "unsupported_type");
    upload(&anna, "image/png", &encoded(9_000, 2, ImageFormat::Png))
        .await
        .refused(413, "too_large");
    let declared = format!(
        "PUT /api/me/avatar HTTP/1.1\r\n{}Content-Type: image/png\r\nContent-Length: 6000000\r\n\r\n",
        anna.fields()
    );
    anna.raw(declared.as_bytes()).await.refused(413, "too_large");
    let nobody = Client::new(server.address);
    upload(&nobody, "image/png", &png).await.refused(401, "unauthorized");
    assert_eq!(profile(&anna, &anna).await["avatar"], before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_seen_by_others_until_it_ends_and_survives_signing_out() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let mut hers = anna.socket().await;
    let mut his = ben.socket().await;
    his.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    let until = now_ms() + 4_000;
    let status = json!({"state": "dnd", "text": "🎧 deep work", "until": until});
    let me = anna.patch("/api/me", json!({"status": status})).await.expect(200);
    assert_eq!(me["status"], status);
    let of_anna = |frame: &Value| frame["op"] == "presence" && frame["uid"] == anna.uid.as_str();
    let busy = |frame: &Value| of_anna(frame) && frame["state"] == "dnd";
    let told = his.find("that she is busy", busy).await;
    assert_eq!((&told["text"], &told["until"]), (&json!("🎧 deep work"), &json!(until)));
    // A device that falls idle says so, but what she chose counts.
    hers.ok(json!({"op": "presence", "state": "away"})).await;
    assert_eq!(profile(&ben, &anna).await["status"]["state"], "dnd");
    // Offline, her words are still there.
    drop(hers);
    let gone = |frame: &Value| of_anna(frame) && frame["state"] == "offline";
    his.find("that she is gone", gone).await;
    let seen = profile(&ben, &anna).await["status"].clone();
    assert_eq!(seen, json!({"state": "offline", "text": "🎧 deep work", "until": until}));
    // Back on a new device, what she chose comes along, until it ends by itself.
    let _hers = anna.socket().await;
    his.find("that she is busy again", busy).await;
    let over = |frame: &Value| of_anna(frame) && frame["state"] == "online";
    let told = his.find("the end of it", over).await;
    assert_eq!(told.get("text"), None);
    let me = anna.get("/api/me").await.expect(200);
    assert_eq!(me["status"], json!({"state": "online", "text": "", "until": null}));
    anna.patch("/api/me", json!({"status": {"state": "away", "until": 1}}))
        .await
        .refused(400, "bad_request");
    anna.patch("/api/me", json!({"status": {"state": "offline"}}))
        .await
        .refused(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_comes_online_at_once_storms_nobody() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut watch = anna.socket().await;
    watch.ok(json!({"op": "room.subscribe", "room": "1"})).await;
    // Few enough that presence is pushed into the room they share; each comes, goes and comes again.
    let mut crowd = Vec::new();
    for n in 0..20 {
        crowd.push(server.user(&format!("guest{n}")).await);
    }
    let mut sockets = Vec::new();
    for guest in &crowd {
        for _ in 0..3 {
            let mut socket = guest.socket().await;
            socket.ok(json!({"op": "presence", "state": "away"})).await;
            socket.ok(json!({"op": "presence", "state": "online"})).await;
            sockets.push(socket);
        }
    }
    let mut told = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(4);
    while let Ok(frame) = tokio::time::timeout_at(deadline, watch.op("presence")).await {
        assert_eq!(frame["op"], "presence");
        told += 1;
    }
    // 180 changes: one event a guest and tick, however long the ticks took on this machine.
    assert!((20..=120).contains(&told), "{told}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_only_looks_like_another_is_not_given_out() {
    let server = TestServer::start().await;
    server.user("copa").await;
    let nobody = Client::new(server.address);
    let register = |name: &str| {
        let (nobody, body) = (nobody.clone(), registration(name));
        async move { nobody.post("/api/auth/register", body).await }
    };
    register("сора").await.refused(409, "conflict");
    register("COPA").await.refused(409, "conflict");
    register("cоpa").await.refused(400, "bad_request");
    register("copa\u{200b}").await.refused(400, "bad_request");
    register("соратник").await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn display_names_and_rooms_take_no_invisible_letters() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    for name in ["a\u{202e}b", "\u{200b}", "x\u{feff}"] {
        anna.patch("/api/me", json!({"display_name": name})).await.refused(400, "bad_request");
        let room = json!({"name": name, "kind": "open"});
        anna.post("/api/rooms", room).await.refused(400, "bad_request");
    }
    let me = anna.patch("/api/me", json!({"display_name": " Zoe\u{308} "})).await.expect(200);
    assert_eq!(me["display_name"], "Zoë");
    anna.post("/api/rooms", json!({"name": "ÄPFEL", "kind": "open"})).await.expect(201);
    anna.post("/api/rooms", json!({"name": "a\u{308}pfel", "kind": "open"}))
        .await
        .refused(409, "conflict");
    server.stop().await;
}
