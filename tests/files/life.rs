//! The end of files: with their messages, after a day, by purges; and folders that differ from their rows.

use std::fs;
use std::process::Command;

use impulse::base::limits::files as limits;
use serde_json::json;

use crate::backups::admin;
use crate::house::{House, PNG, ROOM, announce, id, message_to, path_of, put, send, upload};
use crate::support::client::new_mid;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_with_its_message_and_what_nobody_sent_goes_after_a_day() {
    let house = House::new().await;
    let boss = house.server.admin().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let (mut of_anna, mut of_ben) = (anna.socket().await, ben.socket().await);
    let room = anna.post("/api/rooms", json!({"name": "Short", "kind": "open"})).await.expect(201);
    let room = room["id"].as_str().unwrap();
    let mut files = Vec::new();
    for n in 0..4 {
        files.push(upload(&anna, &format!("{n}.txt"), format!("{n}").as_bytes()).await);
    }
    let of_him = upload(&ben, "his.txt", b"his").await;
    send(&mut of_ben, &[&of_him]).await;
    let deleted = send(&mut of_anna, &[&files[0]]).await;
    of_anna.ok(message_to(room, &new_mid(), 0, None, Some(vec![files[1].clone()]))).await;
    let stays = send(&mut of_anna, &[&files[2]]).await;
    let begun = announce(&anna, "begun", "", 10).await;
    put(&anna, &begun, 0, b"01234").await.expect(200);
    house.until_on_disk(6).await;

    // One that cannot be erased, because something is wrong with the disk, stops nobody else's.
    let stuck = upload(&anna, "stuck", b"?").await;
    let place = path_of(house.folder.path(), &stuck);
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    assert_eq!(anna.delete(&format!("/api/files/{}", id(&stuck))).await.status, 204);
    of_anna.ok(json!({"op": "msg.send", "room": ROOM, "msg": {"mid": deleted, "rev": 1, "kind": "del"}})).await;
    house.until_on_disk(5).await;
    assert!(!path_of(house.folder.path(), &files[0]).exists());
    assert!(place.exists());
    fs::remove_dir(&place).unwrap();

    // A removed room and a removed account may come back for thirty days, and then they are gone.
    assert!(anna.delete(&format!("/api/rooms/{room}")).await.status < 300);
    anna.get(&format!("/files/{}/x", id(&files[1]))).await.refused(404, "not_found");
    let remove = format!("/api/admin/users/{}", ben.uid);
    let with_all = Some(json!({"messages": "erase"}));
    assert!(boss.request("DELETE", &remove, with_all).await.status < 300);
    assert!(boss.post("/api/admin/purge", json!({})).await.status < 300);
    assert_eq!(house.on_disk().len(), 5);
    let sql = house.server.sql().await;
    for statement in [
        "UPDATE chat.rooms SET deleted_at = 1 WHERE deleted_at IS NOT NULL",
        "UPDATE accounts.users SET removed_at = 1 WHERE removed_at IS NOT NULL",
        // What waits for its message, complete or not, has waited for a day.
        "UPDATE chat.files SET touched_at = 1 WHERE state IN ('arriving', 'complete')",
    ] {
        sql.batch_execute(statement).await.unwrap();
    }
    assert!(boss.post("/api/admin/purge", json!({})).await.status < 300);
    // The job that gives up runs at the start, too.
    let house = house.restarted().await;
    house.until_on_disk(1).await;
    assert!(path_of(house.folder.path(), &files[2]).exists());
    let anna = anna.at(house.server.address);
    let page = anna.get(&format!("/api/rooms/1/messages?around={stays}")).await.expect(200);
    assert_eq!(
        page["messages"].as_array().unwrap().last().unwrap()["msg"]["f"][0]["name"],
        "2.txt"
    );
    anna.get(&format!("/api/files/{}", id(&files[3]))).await.refused(404, "not_found");
    let boss = boss.at(house.server.address);
    let usage = boss.get("/api/admin/files").await.expect(200);
    assert_eq!((&usage["total"]["files"], &usage["unsent"]["files"]), (&json!(1), &json!(0)));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_folder_is_away_files_are_unavailable_and_nothing_is_forgotten_or_backed_up() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let mut socket = anna.socket().await;
    let stays = upload(&anna, "stays.txt", b"stays").await;
    let ends = upload(&anna, "ends.txt", b"ends").await;
    send(&mut socket, &[&stays]).await;
    let mid = send(&mut socket, &[&ends]).await;
    // Its disk is not mounted: an empty folder is in its place.
    let data_dir = house.folder.path().to_owned();
    let (files, away) = (data_dir.join("files"), data_dir.join("away"));
    fs::rename(&files, &away).unwrap();
    fs::create_dir(&files).unwrap();
    let path = format!("/files/{}/x", id(&stays));
    let new = json!({"name": "x", "size": 1});
    let sql = house.server.sql().await;
    let delete =
        json!({"op": "msg.send", "room": ROOM, "msg": {"mid": mid, "rev": 1, "kind": "del"}});
    socket.ok(delete).await;
    for _ in 0..2 {
        anna.get(&path).await.refused(503, "unavailable");
        anna.post("/api/files", new.clone()).await.refused(503, "unavailable");
        tokio::time::sleep(limits::ERASE + limits::ERASE / 6).await;
        let waiting = "SELECT count(*) FROM chat.files WHERE state = 'erasing'";
        assert_eq!(sql.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0), 1);
    }
    let database = house.server.database.clone();
    let file = data_dir.join("a.backup");
    let refused = admin(&database, &data_dir, &["backup", file.to_str().unwrap()]).unwrap_err();
    assert!(refused.contains("is not the folder with the files of this database"), "{refused}");
    assert!(!file.exists());
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_impulse"));
    doctor.args(["doctor", "--database-url", &database, "--data-dir"]).arg(&data_dir);
    let said = doctor.output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("the files of the database are not in"), "{said}");

    // A start does not take the empty folder for the right one.
    let house = house.restarted().await;
    let anna = anna.at(house.server.address);
    anna.post("/api/files", new).await.refused(503, "unavailable");
    anna.get(&path).await.refused(503, "unavailable");
    assert_eq!(fs::read_dir(&files).unwrap().count(), 0);
    fs::remove_dir(&files).unwrap();
    fs::rename(&away, &files).unwrap();
    assert_eq!(anna.get(&path).await.body, b"stays");
    announce(&anna, "x", "", 1).await;
    house.until_on_disk(1).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_between_the_folder_and_its_rows_is_found_and_put_right_where_it_can_be() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let mut socket = anna.socket().await;
    let files = [
        upload(&anna, "a.png", PNG).await,
        upload(&anna, "b.txt", b"b").await,
        upload(&anna, "c.txt", b"c").await,
    ];
    let mid = send(&mut socket, &[&files[0]]).await;
    send(&mut socket, &[&files[1]]).await;
    send(&mut socket, &[&files[2]]).await;
    let data_dir = house.folder.path().to_owned();
    let (stray, missing, moved) = (
        data_dir.join("files/ab").join("ab".repeat(16)),
        path_of(&data_dir, &files[1]),
        path_of(&data_dir, &files[2]),
    );
    let sql = house.server.sql().await;
    // Somebody has emptied a message by hand, erased a file, put one away, and added one.
    let empty = "UPDATE chat.messages SET body = '{\"t\":\"x\"}' WHERE mid = $1";
    let bytes =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &mid).unwrap();
    sql.execute(empty, &[&bytes]).await.unwrap();
    let put_away = data_dir.join("files/stray").join(moved.file_name().unwrap());
    let house = house
        .restarted_after(|| {
            fs::create_dir_all(stray.parent().unwrap()).unwrap();
            fs::write(&stray, "whose?").unwrap();
            fs::remove_file(&missing).unwrap();
            fs::rename(&moved, &put_away).unwrap();
        })
        .await;
    let anna = anna.at(house.server.address);
    let away = data_dir.join("files/stray").join("ab".repeat(16));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !(away.exists() && moved.exists()) || path_of(&data_dir, &files[0]).exists() {
        assert!(std::time::Instant::now() < until, "{:?}", house.on_disk());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(!stray.exists());
    assert_eq!(anna.get(&format!("/files/{}/x", id(&files[2]))).await.body, b"c");
    anna.get(&format!("/files/{}/x", id(&files[1]))).await.refused(404, "not_found");
    let metrics = anna.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    for line in [
        "impulse_file_orphans_total{kind=\"missing\"} 1",
        "impulse_file_orphans_total{kind=\"stray\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    house.stop().await;
}
