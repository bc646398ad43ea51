//! Uploads in parts and whole, interrupted, at once, and false ones.

use impulse::base::limits::files as limits;
use serde_json::json;

use crate::house::{
    House, PNG, ROOM, Slow, TALKATIVE, announce, bytes, id, message, put, send, until_arrived,
    upload,
};
use crate::support::client::new_mid;

/// What the server takes of a body at once.
const PIECE: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_in_parts_and_is_what_its_bytes_say() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let name = format!("../\u{202e}{}.png", "ж".repeat(5_000));
    let file = announce(&anna, &name, "text/html", PNG.len()).await;
    assert_eq!((&file["offset"], &file["complete"]), (&json!(0), &json!(false)), "{file}");
    let name = file["name"].as_str().unwrap();
    assert!(name.len() <= limits::NAME && name.ends_with("ж.png") && name.starts_with('_'));

    let half = put(&anna, &file, 0, &PNG[..20]).await.expect(200);
    assert_eq!((&half["offset"], &half["complete"]), (&json!(20), &json!(false)), "{half}");
    let path = format!("/api/files/{}", id(&file));
    let head = anna.request("HEAD", &path, None).await;
    assert_eq!((head.status, head.header("upload-offset")), (200, Some("20")));
    let (size, length) = (PNG.len().to_string(), head.header("upload-length"));
    assert_eq!(length, Some(size.as_str()));
    for wrong in [0, 19, 21, PNG.len()] {
        let refused = put(&anna, &file, wrong, &PNG[20..]).await;
        assert_eq!(refused.status, 409);
        let error = &refused.json()["error"];
        assert_eq!(
            (&error["code"], &error["detail"]["offset"]),
            (&json!("wrong_offset"), &json!(20))
        );
    }
    // A restart forgets nothing.
    let house = house.restarted().await;
    let anna = anna.at(house.server.address);
    let done = put(&anna, &file, 20, &PNG[20..]).await.expect(200);
    assert_eq!((&done["complete"], &done["type"]), (&json!(true), &json!("image/png")), "{done}");
    assert_eq!((&done["offset"], &done["size"]), (&json!(PNG.len()), &json!(PNG.len())));
    // The same once more, because the answer was lost.
    assert_eq!(put(&anna, &file, PNG.len(), b"").await.expect(200)["complete"], true);
    put(&anna, &file, 20, &PNG[20..]).await.refused(409, "wrong_offset");
    let path = format!("/files/{}/x", id(&file));
    assert_eq!(anna.get(&path).await.body, PNG, "its owner reads it before it is sent");

    let empty = announce(&anna, "empty", "", 0).await;
    assert_eq!(empty["complete"], true, "{empty}");
    let whole = upload(&anna, "whole.txt", b"all of it").await;
    assert_eq!(whole["type"], "text/plain");
    // It ends where it was announced to end, and nothing comes behind that.
    assert_eq!(put(&anna, &whole, 9, b"").await.expect(200)["offset"], 9);
    let error = put(&anna, &whole, 9, b"!").await.json()["error"].clone();
    assert_eq!((&error["code"], &error["detail"]["max"]), (&json!("too_large"), &json!(9)));
    let chunked = format!(
        "PUT /api/files/{}?offset=9 HTTP/1.1\r\n{}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\n!\r\n0\r\n\r\n",
        id(&whole),
        anna.fields()
    );
    anna.raw(chunked.as_bytes()).await.refused(413, "too_large");
    put(&anna, &whole, 10, b"").await.refused(409, "wrong_offset");
    // A picture without its metadata is shorter than it was announced.
    let talkative = upload(&anna, "cat.png", TALKATIVE).await;
    assert_eq!(put(&anna, &talkative, TALKATIVE.len(), b"").await.expect(200)["offset"], PNG.len());
    let rest = put(&anna, &talkative, PNG.len(), &TALKATIVE[PNG.len()..]).await.expect(200);
    assert_eq!((&rest["size"], &rest["complete"]), (&json!(PNG.len()), &json!(true)));
    assert_eq!(anna.delete(&format!("/api/files/{}", id(&talkative))).await.status, 204);
    for gone in [&empty, &whole] {
        assert_eq!(anna.delete(&format!("/api/files/{}", id(gone))).await.status, 204);
        anna.get(&format!("/api/files/{}", id(gone))).await.refused(404, "not_found");
        anna.delete(&format!("/api/files/{}", id(gone))).await.refused(404, "not_found");
    }
    house.until_on_disk(1).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_uploaded_is_refused_and_uploads_are_their_owners_alone() {
    let house = House::new().await;
    let boss = house.server.admin().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let change = json!({"file_size_max": 1000});
    assert_eq!(boss.patch("/api/admin/settings", change).await.status, 200);
    for wrong in [json!(0), json!(-1), json!(limits::SIZE_MAX + 1), json!("1")] {
        let refused = boss.patch("/api/admin/settings", json!({"file_size_max": wrong})).await;
        refused.refused(400, "bad_request");
    }
    let info = anna.get("/api/info").await.expect(200);
    assert_eq!(info["limits"]["file_size"], 1000);

    let too_large = anna.post("/api/files", json!({"name": "x", "size": 1001})).await;
    let error = too_large.json()["error"].clone();
    assert_eq!((&error["code"], &error["detail"]["max"]), (&json!("too_large"), &json!(1000)));
    for length in [1001, 999_999_999_999, u64::MAX] {
        let head = format!(
            "POST /api/files?name=x HTTP/1.1\r\n{}Content-Length: {length}\r\n\r\n",
            anna.fields()
        );
        let error = anna.raw(head.as_bytes()).await.json()["error"].clone();
        assert_eq!((&error["code"], &error["detail"]["max"]), (&json!("too_large"), &json!(1000)));
    }
    for wrong in [
        json!({"name": "x"}),
        json!({"size": 1}),
        json!({"name": "x", "size": -1}),
        json!({"name": "x", "size": 1.5}),
        json!({"name": "x", "size": "1"}),
        json!({"name": "x", "size": 1, "type": "x".repeat(limits::TYPE + 1)}),
    ] {
        anna.post("/api/files", wrong).await.refused(400, "bad_request");
    }
    let coded = bytes(&anna, "POST", "/api/files?name=x", "Content-Encoding: gzip\r\n", b"x").await;
    coded.refused(415, "unsupported_type");

    let file = announce(&anna, "x", "", 10).await;
    let path = format!("/api/files/{}", id(&file));
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone())] {
        ben.request(method, &path, None).await.refused(404, "not_found");
    }
    put(&ben, &file, 0, b"0123456789").await.refused(404, "not_found");
    let nobody = crate::support::client::Client::new(house.server.address);
    put(&nobody, &file, 0, b"0123456789").await.refused(401, "unauthorized");
    for wrong in ["-1", "x", "1.5"] {
        let path = format!("{path}?offset={wrong}");
        bytes(&anna, "PUT", &path, "", b"x").await.refused(400, "bad_request");
    }

    // More than was announced, said at once and found out on the way; and less.
    let error = put(&anna, &file, 0, b"0123456789A").await.json()["error"].clone();
    assert_eq!((&error["code"], &error["detail"]["max"]), (&json!("too_large"), &json!(10)));
    assert_eq!(error["message"], "These are more bytes than were announced.");
    let chunked = format!(
        "PUT {path} HTTP/1.1\r\n{}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\n01234\r\n6\r\n56789A\r\n0\r\n\r\n",
        anna.fields()
    );
    anna.raw(chunked.as_bytes()).await.refused(413, "too_large");
    let kept = anna.get(&path).await.expect(200);
    assert_eq!((&kept["offset"], &kept["complete"]), (&json!(0), &json!(false)), "{kept}");
    let mut socket = anna.socket().await;
    let early = message(&new_mid(), 0, None, Some(vec![file.clone()]));
    socket.err(early, "file_incomplete").await;
    assert_eq!(put(&anna, &file, 0, b"0123456789").await.expect(200)["complete"], true);
    send(&mut socket, &[&file]).await;
    anna.get(&path).await.refused(404, "not_found");
    anna.delete(&path).await.refused(404, "not_found");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uploads_to_one_offset_one_wins_and_a_cut_keeps_what_arrived() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let file = announce(&anna, "x.bin", "", content.len()).await;
    // The first one has fallen silent; the second one begins where it is.
    let mut first = Slow::put(&anna, &file, 0, content.len()).await;
    first.send(&content[..PIECE]).await;
    until_arrived(&anna, &file, PIECE).await;
    put(&anna, &file, 0, &content).await.refused(409, "wrong_offset");
    let mut second = Slow::put(&anna, &file, PIECE, content.len() - PIECE).await;
    let refused = first.answer().await;
    assert_eq!(refused.json()["error"]["code"], "wrong_offset", "{refused:?}");
    second.send(&content[PIECE..150_000]).await;
    until_arrived(&anna, &file, 2 * PIECE).await;
    // The line of the second one is cut, and what was on it stays.
    drop(second);
    until_arrived(&anna, &file, 150_000).await;
    let done = loop {
        let done = put(&anna, &file, 150_000, &content[150_000..]).await;
        if done.status == 200 {
            break done.expect(200);
        }
        assert_eq!(done.code(), "wrong_offset");
    };
    assert_eq!(done["complete"], true, "{done}");
    assert_eq!(anna.get(&format!("/files/{}/x", id(&file))).await.body, content);

    // Two that begin at once.
    let file = announce(&anna, "y.bin", "", content.len()).await;
    let (one, two) = tokio::join!(put(&anna, &file, 0, &content), put(&anna, &file, 0, &content));
    let statuses = [one.status, two.status];
    assert!(statuses.contains(&200), "{statuses:?}");
    if let Some(other) = [&one, &two].into_iter().find(|answer| answer.status != 200) {
        assert_eq!(other.code(), "wrong_offset");
        let offset = other.json()["error"]["detail"]["offset"].as_u64().unwrap();
        assert!(offset <= content.len() as u64);
    }
    assert_eq!(anna.get(&format!("/files/{}/x", id(&file))).await.body, content);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_at_once_by_one_person_are_bounded_and_others_go_on() {
    let house = House::new().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let (size, content) = (PIECE + 500, [1; PIECE + 500]);
    let mut files = Vec::new();
    for n in 0..40 {
        files.push(announce(&anna, &format!("{n}.bin"), "", size).await);
    }
    let mut slow = Vec::new();
    for file in &files[..limits::ARRIVING] {
        let mut one = Slow::put(&anna, file, 0, size).await;
        one.send(&content[..PIECE]).await;
        until_arrived(&anna, file, PIECE).await;
        slow.push(one);
    }
    for file in &files[limits::ARRIVING..] {
        let refused = put(&anna, file, 0, &content).await;
        assert!(refused.header("retry-after").is_some());
        refused.refused(429, "rate_limited");
    }
    let other = upload(&ben, "b.txt", b"meanwhile").await;
    let mut socket = ben.socket().await;
    send(&mut socket, &[&other]).await;
    socket.send_text(ROOM, "and words").await;
    for mut one in slow {
        one.send(&content[PIECE..]).await;
        assert_eq!(one.answer().await.expect(200)["complete"], true);
    }
    assert_eq!(put(&anna, &files[10], 0, &content).await.expect(200)["complete"], true);
    house.stop().await;
}

/// What one person announces waits for what it announced before, and nobody else does: not for that, and not for one of
/// the connections to the database.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_announces_much_at_once_keeps_no_connection_to_the_database_from_others() {
    let house = House::new().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let mut sql = house.server.sql().await;
    let lock = sql.transaction().await.unwrap();
    // As if the first announcement took long.
    let slow = format!("SELECT pg_advisory_xact_lock({}, {})", 0x4649_4c45, anna.uid);
    lock.batch_execute(&slow).await.unwrap();
    let mut whole = Vec::new();
    for _ in 0..40 {
        let anna = anna.clone();
        let bring = async move { bytes(&anna, "POST", "/api/files?name=x", "", b"whole").await };
        whole.push(tokio::spawn(bring));
    }
    let mut announced = Vec::new();
    for _ in 0..20 {
        let anna = anna.clone();
        let announce =
            async move { anna.post("/api/files", json!({"name": "x", "size": 1})).await };
        announced.push(tokio::spawn(announce));
    }
    let mut refused = 0;
    while refused < 40 - limits::ARRIVING {
        refused = whole.iter().filter(|one| one.is_finished()).count();
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let others = async {
        for _ in 0..5 {
            ben.get("/api/users").await.expect(200);
            ben.get(&format!("/api/rooms/{ROOM}/files")).await.expect(200);
        }
        let mut socket = ben.socket().await;
        socket.send_text(ROOM, "and words").await;
    };
    let soon = tokio::time::timeout(std::time::Duration::from_secs(2), others);
    soon.await.expect("others do not wait");
    lock.commit().await.unwrap();
    upload(&ben, "b.txt", b"meanwhile").await;
    let mut codes = Vec::new();
    for one in whole {
        codes.push(one.await.unwrap().status);
    }
    codes.sort_unstable();
    let mut expected = [429; 40];
    expected[..limits::ARRIVING].fill(201);
    assert_eq!(codes, expected, "the bodies that are too many are not announced");
    for one in announced {
        one.await.unwrap().expect(201);
    }
    house.stop().await;
}
