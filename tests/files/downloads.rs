//! Who may read a file, and what browsers are told about it.

use std::time::{Duration, Instant};

use impulse::base::limits::files::LOOK;
use serde_json::json;

use crate::house::{
    House, PNG, ROOM, Slow, announce, id, message_to, put, send, until_arrived, upload,
};
use crate::support::client::{Client, new_mid};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_by_members_as_long_as_its_message_is_shown() {
    let house = House::new().await;
    let boss = house.server.admin().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let room = anna.post("/api/rooms", json!({"name": "Team", "kind": "closed"})).await.expect(201);
    let room = room["id"].as_str().unwrap();
    let file = upload(&anna, "cat.png", PNG).await;
    let path = format!("/files/{}/anything%20else.exe", id(&file));
    assert_eq!(anna.get(&path).await.status, 200, "its owner before it is sent");
    ben.get(&path).await.refused(404, "not_found");
    let mut socket = anna.socket().await;
    socket.ok(message_to(room, &new_mid(), 0, None, Some(vec![file.clone()]))).await;
    assert_eq!(anna.get(&path).await.body, PNG);

    // Somebody else, nobody, an administrator, and a file that does not exist: one answer.
    let none = format!("/files/{}/x", new_mid());
    let unknown = ben.get(&none).await;
    for (who, path) in [(&ben, &path), (&boss, &path)] {
        let refused = who.get(path).await;
        assert_eq!((refused.status, &refused.body), (404, &unknown.body));
    }
    Client::new(house.server.address).get(&path).await.refused(401, "unauthorized");
    for wrong in ["/files/", "/files/x/y", &format!("/files/{}", id(&file)), &format!("{path}/z")] {
        assert_eq!(anna.get(wrong).await.status, 404, "{wrong}");
    }

    let add = json!({"uid": ben.uid});
    assert!(anna.post(&format!("/api/rooms/{room}/members"), add).await.status < 300);
    let token = ben.post("/api/tokens", json!({"label": "t", "scope": "read"})).await.expect(201);
    let by_token = ben.with_token(token["token"].as_str().unwrap());
    for who in [&ben, &by_token] {
        assert_eq!(who.get(&path).await.body, PNG);
    }
    let left = ben.delete(&format!("/api/rooms/{room}/members/{}", ben.uid)).await;
    assert!(left.status < 300, "{left:?}");
    ben.get(&path).await.refused(404, "not_found");

    // The account goes with what it has written, and comes back.
    let shared = upload(&ben, "shared.txt", b"shared").await;
    let mut of_ben = ben.socket().await;
    send(&mut of_ben, &[&shared]).await;
    let path = format!("/files/{}/x", id(&shared));
    assert_eq!(anna.get(&path).await.body, b"shared");
    let remove = format!("/api/admin/users/{}", ben.uid);
    let with_all = Some(json!({"messages": "erase"}));
    let removed = boss.request("DELETE", &remove, with_all).await;
    assert!(removed.status < 300, "{removed:?}");
    anna.get(&path).await.refused(404, "not_found");
    let listed = anna.get(&format!("/api/rooms/{ROOM}/files")).await.expect(200);
    assert_eq!(listed["files"], json!([]));
    assert_eq!(house.on_disk().len(), 2, "it may come back");
    let restored = boss.post(&format!("/api/admin/users/{}/restore", ben.uid), json!({})).await;
    assert!(restored.status < 300, "{restored:?}");
    assert_eq!(anna.get(&path).await.body, b"shared");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_show_pictures_sound_and_films_and_save_everything_else() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let shown: [(&str, &[u8], &str); 3] = [
        ("cat.html", PNG, "image/png"),
        ("song.exe", b"ID3\x03\0\0\0\0\0\0", "audio/mpeg"),
        ("film", b"\0\0\0\x20ftypisom\0\0\x02\0", "video/mp4"),
    ];
    let saved: [(&str, &[u8]); 4] = [
        ("a.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"),
        ("a.png", b"<!DOCTYPE html><script>alert(1)</script>"),
        ("a.pdf", b"%PDF-1.7"),
        ("empty.png", b""),
    ];
    let cases = shown.iter().map(|(name, bytes, kind)| (*name, *bytes, Some(*kind)));
    for (name, bytes, kind) in cases.chain(saved.iter().map(|(name, bytes)| (*name, *bytes, None)))
    {
        let file = announce(&anna, name, "image/svg+xml", bytes.len()).await;
        if !bytes.is_empty() {
            put(&anna, &file, 0, bytes).await.expect(200);
        }
        let answer = anna.get(&format!("/files/{}/{name}", id(&file))).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, bytes), "{name}");
        let how = if kind.is_some() { "inline" } else { "attachment" };
        let header = |name| answer.header(name).unwrap_or_default();
        assert_eq!(header("content-type"), kind.unwrap_or("application/octet-stream"), "{name}");
        assert_eq!(header("content-disposition"), format!("{how}; filename=\"{name}\""));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").starts_with("sandbox; default-src 'none'"));
        assert_eq!(header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        let saving = anna.get(&format!("/files/{}/{name}?download=1", id(&file))).await;
        assert!(saving.header("content-disposition").unwrap().starts_with("attachment"));
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_conditions_and_heads_of_files_are_answered_over_both_versions_alike() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let file = upload(&anna, "x.bin", &content).await;
    let path = format!("/files/{}/x.bin", id(&file));
    let ask = async |method: &str, fields: &str| {
        let head = format!(
            "{method} {path} HTTP/1.1\r\n{}Connection: close\r\n{fields}\r\n",
            anna.fields()
        );
        anna.raw(head.as_bytes()).await
    };
    let whole = ask("GET", "").await;
    let etag = whole.header("etag").unwrap().to_owned();
    assert_eq!(
        (whole.body.as_slice(), whole.header("accept-ranges")),
        (&content[..], Some("bytes"))
    );
    let head = ask("HEAD", "").await;
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, Some("300000"), 0)
    );
    let part = ask("GET", "Range: bytes=100000-199999\r\n").await;
    assert_eq!((part.status, part.body.as_slice()), (206, &content[100_000..200_000]));
    assert_eq!(part.header("content-range"), Some("bytes 100000-199999/300000"));
    assert_eq!(ask("GET", "Range: bytes=-10\r\n").await.body, &content[299_990..]);
    let beyond = ask("GET", "Range: bytes=300000-\r\n").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */300000")));
    let known = ask("GET", &format!("If-None-Match: {etag}\r\n")).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let other = ask("GET", "Range: bytes=0-9\r\nIf-Range: \"other\"\r\n").await;
    assert_eq!((other.status, other.body.len()), (200, 300_000));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_ends_when_whoever_sends_or_reads_it_may_not_any_more() {
    // More than fits into the buffers of a connection.
    const SIZE: usize = 32 * 1024 * 1024;
    const FIRST: usize = 64 * 1024;
    let house = House::new().await;
    let boss = house.server.admin().await;
    let anna = house.server.user("anna").await;
    let (ben, cleo) = (house.server.user("ben").await, house.server.user("cleo").await);
    let team = json!({"name": "Team", "kind": "closed", "members": [ben.uid, cleo.uid]});
    let room = anna.post("/api/rooms", team).await.expect(201);
    let room = room["id"].as_str().unwrap();
    let content = vec![b'x'; SIZE];
    let kept = upload(&anna, "kept", &content).await;
    let deleted = upload(&anna, "deleted", &content).await;
    let mut socket = anna.socket().await;
    let mid = new_mid();
    socket.ok(message_to(room, &new_mid(), 0, None, Some(vec![kept.clone()]))).await;
    socket.ok(message_to(room, &mid, 0, None, Some(vec![deleted.clone()]))).await;
    let path = |file| format!("/files/{}/x", id(file));
    let mut slow = Vec::new();
    for (who, file) in [(&anna, &kept), (&anna, &deleted), (&ben, &kept)] {
        slow.push((Slow::get(who, &path(file), FIRST).await, FIRST));
    }
    let mut of_cleo = Slow::get(&cleo, &path(&kept), FIRST).await;
    let file = announce(&cleo, "x", "", 2 * FIRST).await;
    let mut sending = Slow::put(&cleo, &file, 0, 2 * FIRST).await;
    sending.send(&content[..FIRST]).await;
    until_arrived(&cleo, &file, FIRST).await;

    let delete = json!({"mid": mid, "rev": 1, "kind": "del"});
    socket.ok(json!({"op": "msg.send", "room": room, "msg": delete})).await;
    let left = ben.delete(&format!("/api/rooms/{room}/members/{}", ben.uid)).await;
    assert!(left.status < 300, "{left:?}");
    let account = format!("/api/admin/users/{}", cleo.uid);
    boss.patch(&account, json!({"disabled": true})).await.expect(200);
    sending.send(&content[..FIRST]).await;
    sending.answer().await.refused(503, "unavailable");
    assert!(!of_cleo.has_more(SIZE - FIRST).await);

    // All of them are taken slowly, so that none ends because nobody takes it.
    let until = Instant::now() + LOOK + Duration::from_secs(1);
    while Instant::now() < until {
        for (one, taken) in &mut slow {
            *taken += one.sip(4 * FIRST).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut whole = Vec::new();
    for (mut one, taken) in slow {
        // With its head an answer is a little longer than the file.
        whole.push(one.has_more(SIZE - taken).await);
    }
    assert_eq!(whole, [true, false, false]);

    boss.patch(&account, json!({"disabled": false})).await.expect(200);
    let cleo = Client::login(house.server.address, "cleo").await;
    put(&cleo, &file, FIRST, &content[..FIRST]).await.expect(200);
    house.stop().await;
}
