//! Messages with files: sent, repeated, edited, by scripts and hooks; and the list of a room's files.

use impulse::base::limits::files as limits;
use serde_json::{Value, json};

use crate::house::{House, PNG, ROOM, announce, bytes, id, message, message_to, send, upload};
use crate::support::client::new_mid;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_its_files_everywhere_and_a_file_is_in_one_message() {
    let house = House::new().await;
    let (anna, ben) = (house.server.user("anna").await, house.server.user("ben").await);
    let (mut of_anna, mut of_ben) = (anna.socket().await, ben.socket().await);
    of_ben.ok(json!({"op": "room.subscribe", "room": ROOM})).await;
    let mut picture = upload(&anna, "cat.png", PNG).await;
    picture["alt"] = json!("a cat");
    let text = upload(&anna, "notes.txt", b"notes").await;
    let (mid, files) = (new_mid(), vec![picture.clone(), text.clone()]);
    let ok = of_anna.ok(message(&mid, 0, None, Some(files.clone()))).await;
    let wanted = json!([
        {"id": picture["id"], "name": "cat.png", "type": "image/png", "size": PNG.len(), "alt": "a cat"},
        {"id": text["id"], "name": "notes.txt", "type": "text/plain", "size": 5},
    ]);
    let without_pixels = |mut files: Value| {
        for file in files.as_array_mut().unwrap() {
            let file = file.as_object_mut().unwrap();
            let (_, _) = (file.remove("width"), file.remove("height"));
        }
        files
    };
    let event = of_ben.find("the message", |event| event["msg"]["mid"] == json!(mid)).await;
    assert_eq!(without_pixels(event["msg"]["f"].clone()), wanted, "{event}");
    assert_eq!(event["msg"]["t"], "");
    let page = ben.get(&format!("/api/rooms/1/messages?around={mid}")).await.expect(200);
    assert_eq!(without_pixels(page["messages"][0]["msg"]["f"].clone()), wanted);

    // The same once more gets the first answer; something else is something else.
    let again = of_anna.ok(message(&mid, 0, None, Some(files.clone()))).await;
    assert_eq!((&again["seq"], &again["at"]), (&ok["seq"], &ok["at"]));
    let mut other = files.clone();
    other[0]["alt"] = json!("a dog");
    of_anna.err(message(&mid, 0, None, Some(other)), "mid_exists").await;
    of_anna.err(message(&new_mid(), 0, None, Some(files.clone())), "file_gone").await;

    let of_both = upload(&anna, "race.txt", b"who").await;
    for refused in [
        message(&new_mid(), 0, Some("x"), Some(vec![json!({"id": new_mid()})])),
        message(&new_mid(), 0, Some("x"), Some(vec![of_both.clone()])),
    ] {
        of_ben.err(refused, "file_gone").await;
    }
    let two = announce(&anna, "later", "", 5).await;
    of_anna.err(message(&new_mid(), 0, None, Some(vec![two])), "file_incomplete").await;
    // Two rooms at once; one of them gets it, and a message is never there without it.
    let room = anna.post("/api/rooms", json!({"name": "Second", "kind": "open"})).await.expect(201);
    let room = room["id"].as_str().unwrap();
    let mut second = anna.socket().await;
    let (one, two) = (
        message(&new_mid(), 0, None, Some(vec![of_both.clone()])),
        message_to(room, &new_mid(), 0, None, Some(vec![of_both])),
    );
    let (one, two) = tokio::join!(of_anna.request(one), second.request(two));
    let answers = [&one["op"], &two["op"]];
    assert!(answers.contains(&&json!("ok")) && answers.contains(&&json!("err")), "{one} {two}");
    let refused = if one["op"] == "err" { one } else { two };
    assert_eq!(refused["code"], "file_gone", "{refused}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_files_and_without_stay_in_the_order_of_sending() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let mut socket = anna.socket().await;
    let mut sent = Vec::new();
    let mut frames = Vec::new();
    for n in 0..6 {
        let file = upload(&anna, &format!("{n}.txt"), b"x").await;
        for files in [Some(vec![file]), None] {
            sent.push(new_mid());
            let text = files.is_none().then_some("words");
            frames.push(message(sent.last().unwrap(), 0, text, files));
        }
    }
    for frame in frames {
        socket.send(frame).await;
    }
    for _ in &sent {
        let is_answer = |frame: &Value| frame["op"] == "ok" || frame["op"] == "err";
        let answer = socket.find("an answer", is_answer).await;
        assert_eq!(answer["op"], "ok", "{answer}");
    }
    let page = anna.get("/api/rooms/1/messages").await.expect(200);
    let page = page["messages"].as_array().unwrap().iter();
    let stored: Vec<_> = page.map(|entry| entry["msg"]["mid"].as_str().unwrap()).collect();
    assert_eq!(stored, sent);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_leaves_files_or_takes_some_away_for_good() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let mut socket = anna.socket().await;
    let mut files = Vec::new();
    for n in 0..3 {
        files.push(upload(&anna, &format!("{n}.txt"), format!("file {n}").as_bytes()).await);
    }
    let mid = send(&mut socket, &files.iter().collect::<Vec<_>>()).await;
    house.until_on_disk(3).await;
    let shown = async || {
        let page = anna.get(&format!("/api/rooms/1/messages?around={mid}")).await.expect(200);
        page["messages"][0]["msg"].clone()
    };
    socket.ok(message(&mid, 1, Some("now with words"), None)).await;
    assert_eq!(shown().await["f"].as_array().unwrap().len(), 3);
    socket.ok(message(&mid, 2, Some(""), None)).await;
    let mut last = files[2].clone();
    last["alt"] = json!("the last one");
    let foreign = upload(&anna, "foreign.txt", b"x").await;
    socket.err(message(&mid, 3, Some("x"), Some(vec![foreign.clone()])), "file_gone").await;
    let edit = message(&mid, 3, Some(""), Some(vec![last.clone(), files[0].clone()]));
    let ok = socket.ok(edit.clone()).await;
    assert_eq!(socket.ok(edit).await["seq"], ok["seq"], "a repetition");
    let now = shown().await;
    assert_eq!((&now["f"][0]["id"], &now["f"][1]["id"]), (&files[2]["id"], &files[0]["id"]));
    assert_eq!((&now["f"][0]["alt"], &now["t"]), (&json!("the last one"), &json!("")));
    house.until_on_disk(3).await; // two of the message, and the foreign one
    anna.get(&format!("/files/{}/x", id(&files[1]))).await.refused(404, "not_found");
    let back = message(&mid, 4, Some("x"), Some(vec![files[1].clone()]));
    socket.err(back, "file_gone").await;
    let patched = anna
        .patch(&format!("/api/rooms/1/messages/{mid}"), json!({"t": "by a script", "f": []}))
        .await;
    assert_eq!(patched.expect(200)["rev"], 4);
    assert!(shown().await["f"].is_null());
    socket.err(message(&mid, 5, Some(""), None), "bad_request").await;
    house.until_on_disk(1).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_hooks_send_files_and_a_room_lists_them_newest_first() {
    let house = House::new().await;
    let anna = house.server.user("anna").await;
    let ben = house.server.user("ben").await;
    let room =
        anna.post("/api/rooms", json!({"name": "Builds", "kind": "closed"})).await.expect(201);
    let room = room["id"].as_str().unwrap();
    let file = upload(&anna, "Report-1.txt", b"one").await;
    let path = format!("/api/rooms/{room}/messages");
    let posted = anna.post(&path, json!({"f": [{"id": file["id"], "alt": "first"}]})).await;
    assert_eq!(posted.status, 201, "{posted:?}");
    let hook = anna.post(&format!("/api/rooms/{room}/hooks"), json!({"name": "CI"})).await;
    let address = hook.expect(201)["path"].as_str().unwrap().to_owned();
    let nobody = crate::support::client::Client::new(house.server.address);
    let brought = bytes(
        &nobody,
        "POST",
        &format!("{address}/files?name=log.txt"),
        "Content-Type: text/plain\r\n",
        b"log",
    )
    .await;
    let brought = brought.expect(201);
    let named = json!({"text": "failed", "f": [{"id": brought["id"]}]});
    assert_eq!(nobody.post(&address, named).await.status, 201);
    let wrong = bytes(&nobody, "POST", "/hooks/nobody/files?name=x", "", b"x").await;
    wrong.refused(404, "not_found");

    let mut both = vec![upload(&anna, "a%20REPORT.txt", b"two").await];
    both.push(upload(&anna, "b.txt", b"three").await);
    let f: Vec<_> = both.iter().map(|file| json!({"id": file["id"]})).collect();
    let posted = anna.post(&path, json!({"t": "two more", "f": f})).await.expect(201);
    let list =
        async |query: &str| anna.get(&format!("/api/rooms/{room}/files{query}")).await.expect(200);
    let names = |page: &Value| {
        let files = page["files"].as_array().unwrap().iter();
        files.map(|file| file["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = list("").await;
    assert_eq!(names(&all), ["b.txt", "a REPORT.txt", "log.txt", "Report-1.txt"]);
    assert!(all["cursor"].is_null());
    let newest = &all["files"][0];
    assert_eq!((&newest["mid"], &newest["room"]), (&posted["mid"], &json!(room)));
    assert_eq!((&newest["by"], &newest["created_seq"]), (&json!(anna.uid), &posted["seq"]));
    assert_eq!(all["files"][3]["alt"], "first");
    assert_eq!(names(&list("?q=report").await), ["a REPORT.txt", "Report-1.txt"]);
    assert!(names(&list("?q=%25").await).is_empty());
    let mut seen = Vec::new();
    let mut query = "?limit=1".to_owned();
    loop {
        let page = list(&query).await;
        seen.extend(names(&page));
        let Some(cursor) = page["cursor"].as_str() else { break };
        query = format!("?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, names(&all));
    for wrong in ["?limit=0", &format!("?limit={}", limits::PAGE_MAX + 1), "?cursor=x", "?q=%00"] {
        anna.get(&format!("/api/rooms/{room}/files{wrong}")).await.refused(400, "bad_request");
    }
    ben.get(&format!("/api/rooms/{room}/files")).await.refused(404, "not_found");
    house.stop().await;
}
