//! What a person, a room and the server may keep, what takes how much, and rows per person.

use impulse::base::limits::files as limits;
use serde_json::{Value, json};

use crate::disk::SmallDisk;
use crate::house::{House, announce, bytes, id, message, put, send, upload};
use crate::support::TestServer;
use crate::support::client::{Answer, Client, new_mid};
use crate::support::postgres::database;

fn is_full(answer: &Answer, of: &str) {
    let error = &answer.json()["error"];
    assert_eq!(answer.status, 413);
    assert_eq!((&error["code"], &error["detail"]["of"]), (&json!("quota_full"), &json!(of)));
}

async fn more(client: &Client, size: usize) -> Answer {
    client.post("/api/files", json!({"name": "x", "size": size})).await
}

async fn set(boss: &Client, change: Value) {
    let answer = boss.patch("/api/admin/settings", change).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_and_nothing_keeps_more_than_it_may_and_admins_see_what_takes_how_much() {
    let house = House::new().await;
    let boss = house.server.admin().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let defaults = boss.get("/api/admin/settings").await.expect(200);
    assert_eq!(defaults["file_size_max"], limits::SIZE);
    assert_eq!(
        (&defaults["files_user_max"], &defaults["files_room_max"]),
        (&json!(limits::PERSON), &Value::Null)
    );
    set(&boss, json!({"files_user_max": 1000})).await;

    let first = upload(&anna, "a.txt", &[b'a'; 600]).await;
    is_full(&more(&anna, 401).await, "person");
    let second = announce(&anna, "b.txt", "", 400).await;
    is_full(&more(&anna, 1).await, "person");
    assert_eq!(anna.delete(&format!("/api/files/{}", id(&second))).await.status, 204);
    assert_eq!(more(&anna, 400).await.status, 201, "what was given up is free at once");

    set(&boss, json!({"files_user_max": null, "files_server_max": 1500})).await;
    is_full(&more(&ben, 501).await, "server");
    let third = upload(&ben, "c.txt", &[b'c'; 300]).await;
    set(&boss, json!({"files_server_max": null, "files_room_max": 800})).await;

    let (mut of_anna, mut of_ben) = (anna.socket().await, ben.socket().await);
    let mid = send(&mut of_anna, &[&first]).await;
    let refused =
        of_ben.err(message(&new_mid(), 0, None, Some(vec![third.clone()])), "quota_full").await;
    assert_eq!(refused["detail"]["of"], "room", "{refused}");
    let usage = boss.get("/api/admin/files").await.expect(200);
    assert_eq!(usage["total"], json!({"files": 1, "bytes": 600}), "{usage}");
    assert_eq!(usage["unsent"], json!({"files": 2, "bytes": 700}), "{usage}");
    assert_eq!(usage["rooms"], json!([{"id": "1", "name": "General", "files": 1, "bytes": 600}]));
    let people: Vec<_> = usage["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["username"], &one["bytes"]))
        .collect();
    assert_eq!(people, [(&json!("anna"), &json!(1000)), (&json!("ben"), &json!(300))]);
    assert!(usage["free"].is_u64());
    anna.get("/api/admin/files").await.refused(403, "forbidden");

    // The place in the room is free again with the message.
    of_anna
        .ok(json!({"op": "msg.send", "room": "1", "msg": {"mid": mid, "rev": 1, "kind": "del"}}))
        .await;
    send(&mut of_ben, &[&third]).await;

    set(&boss, json!({"files_user_max": 1000, "files_room_max": null})).await;
    // All hooks of a room share what one person may keep.
    let hook = async |name: &str| {
        let made = boss.post("/api/rooms/1/hooks", json!({"name": name})).await.expect(201);
        format!("{}/files?name=x", made["path"].as_str().unwrap())
    };
    let (one, other) = (hook("one").await, hook("other").await);
    assert_eq!(bytes(&boss, "POST", &one, "", &[b'a'; 600]).await.status, 201);
    is_full(&bytes(&boss, "POST", &other, "", &[b'a'; 401]).await, "person");
    assert_eq!(bytes(&boss, "POST", &other, "", &[b'a'; 400]).await.status, 201);
    is_full(&bytes(&boss, "POST", &one, "", b"a").await, "person");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_files_of_one_person_wait_for_their_messages_and_no_more() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let mut last = Value::Null;
    for _ in 0..limits::UNSENT {
        last = announce(&anna, "x", "", 0).await;
    }
    is_full(&more(&anna, 0).await, "unsent");
    let mut socket = anna.socket().await;
    send(&mut socket, &[&last]).await;
    assert_eq!(more(&anna, 0).await.status, 201);
    is_full(&more(&anna, 0).await, "unsent");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_leave_a_part_of_the_disk_free_however_many_there_are() {
    const SIZE: usize = 4 * 1024 * 1024;
    let left = limits::FREE + limits::AT_ONCE;
    // Where nobody may mount, the tests of the folder itself must do.
    let Some(disk) = SmallDisk::mount(left + 3 * SIZE as u64 / 2) else { return };
    let data_dir = disk.path().to_str().unwrap();
    let server = TestServer::start_on(&database().await, &["--data-dir", data_dir]).await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let first = announce(&anna, "a", "", SIZE).await;
    more(&anna, SIZE).await.refused(507, "disk_full");
    let second = announce(&ben, "b", "", SIZE).await;
    let content = vec![b'x'; SIZE];
    put(&anna, &first, 0, &content).await.expect(200);
    put(&ben, &second, 0, &content).await.refused(507, "disk_full");
    more(&ben, 1).await.refused(507, "disk_full");
    let free = nix::sys::statvfs::statvfs(disk.path()).unwrap();
    let free = free.blocks_available() * free.fragment_size();
    assert!((limits::FREE..left + 128 * 1024).contains(&free), "{free}");
    let path = format!("/api/files/{}", id(&second));
    let offset = ben.get(&path).await.expect(200)["offset"].as_u64().unwrap() as usize;
    assert!((SIZE / 4..SIZE).contains(&offset), "what has arrived stays: {offset}");
    server.user("cleo").await.socket().await.send_text("1", "and words").await;

    // There is space again.
    assert_eq!(anna.delete(&format!("/api/files/{}", id(&first))).await.status, 204);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while crate::house::on_disk(disk.path()).len() > 1 {
        assert!(std::time::Instant::now() < until);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let done = put(&ben, &second, offset, &content[offset..]).await.expect(200);
    assert_eq!(done["complete"], true, "{done}");
    server.stop().await;
}
