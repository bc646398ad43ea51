//! Operators, pages, and who finds what.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::finder::{closed, encoded, filed, fill, found, room, search, texts};
use crate::support::TestServer;
use crate::support::client::Client;

async fn page(client: &Client, q: &str, limit: usize, cursor: Option<&Value>) -> Value {
    let cursor = cursor.map(|cursor| format!("&cursor={}", cursor.as_str().unwrap()));
    let path = format!("/api/search?q={}&limit={limit}{}", encoded(q), cursor.unwrap_or_default());
    client.get(&path).await.expect(200)
}

#[tokio::test]
async fn a_result_is_the_message_with_its_room_and_marks() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let den = closed(&anna, "den").await;
    let mut socket = anna.socket().await;
    let (mid, _) = socket.send_text(&den, "😀 two Beans, no beans' peas").await;
    let answer = search(&anna, "bean").await;
    let result = &answer["results"][0];
    assert_eq!((&result["room"], &result["seq"]), (&json!(den), &json!(1)));
    assert_eq!((&result["msg"]["mid"], &result["msg"]["by"]), (&json!(mid), &json!(anna.uid)));
    assert_eq!(result["marks"], json!([[7, 12], [17, 22]]));
    assert!(answer["epoch"].is_string() && result["at"].is_i64(), "{answer}");
    for absent in ["cursor", "cut", "encrypted", "unknown"] {
        assert!(answer[absent].is_null(), "{absent}: {answer}");
    }
    assert_eq!(search(&anna, "from:me").await["results"][0]["marks"], json!([]));
    for wrong in
        ["cursor=x", "cursor=1.2", "cursor=1.2.-3", "limit=0", "limit=51", "tz=x", "tz=1441"]
    {
        anna.get(&format!("/api/search?q=x&{wrong}")).await.refused(400, "bad_request");
    }
    anna.get("/api/search?q=a%00b").await.refused(400, "bad_request");
    Client::new(server.address).get("/api/search?q=x").await.refused(401, "unauthorized");
    server.stop().await;
}

#[tokio::test]
async fn operators_choose_people_rooms_days_and_what_a_message_has() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let ben = server.user("ben").await;
    ben.patch("/api/me", json!({"display_name": "Ben B"})).await.expect(200);
    let den = closed(&anna, "the den").await;
    anna.post(&format!("/api/rooms/{den}/members"), json!({"uid": ben.uid})).await.expect(201);
    let direct = room(&anna, json!({"kind": "dm", "members": [ben.uid]})).await;
    let (mut of_anna, mut of_ben) = (anna.socket().await, ben.socket().await);
    of_anna.send_text(&den, "old beans").await;
    of_ben.send_text(&den, "new beans http://beans.example").await;
    of_ben.send_text(&direct, "secret beans").await;
    let sql = server.sql().await;
    // The first is of the 1st of May in the evening, by UTC.
    let aged = "UPDATE chat.messages SET created_at = 1777665600000 WHERE body->>'t' = 'old beans'";
    sql.batch_execute(aged).await.unwrap();
    let (old, new, secret) = ("old beans", "new beans http://beans.example", "secret beans");
    for (q, expected) in [
        ("beans", &[secret, new, old] as &[&str]),
        ("beans from:anna", &[old]),
        ("beans from:@Ben", &[secret, new]),
        ("beans from:\"ben b\" from:me", &[secret, new, old]),
        ("beans -from:me", &[secret, new]),
        ("from:ben -has:link", &[secret]),
        ("has:LINK", &[new]),
        ("has:file", &[]),
        ("in:\"The Den\" beans", &[new, old]),
        ("in:#\"the den\"", &[]),
        ("in:@ben", &[secret]),
        (&format!("in:{den}"), &[new, old]),
        ("-in:@ben beans", &[new, old]),
        ("before:2026-05-02", &[old]),
        ("before:2026-05-01", &[]),
        ("after:2026-05-01 beans", &[secret, new]),
        ("-after:2026-05", &[old]),
        ("beans after:2026-05 before:2026-06", &[]),
    ] {
        assert_eq!(found(&anna, q).await, expected, "{q}");
    }
    // Where it is the 2nd of May by then.
    let east = format!("/api/search?q={}&tz=240", encoded("before:2026-05-02"));
    assert_eq!(texts(&anna.get(&east).await.expect(200)), [""; 0]);
    for (q, unknown) in [
        ("beans from:nobody", json!(["from:nobody"])),
        (
            "-in:nowhere has:pizza before:now beans",
            json!(["has:pizza", "before:now", "-in:nowhere"]),
        ),
    ] {
        let answer = search(&anna, q).await;
        assert_eq!((&answer["unknown"], &answer["results"]), (&unknown, &json!([])), "{q}");
    }
    server.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other_while_messages_come_and_go() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let rooms = [closed(&anna, "one").await, closed(&anna, "two").await];
    let mut socket = anna.socket().await;
    let mut sent = Vec::new();
    for n in 0..40 {
        let room = &rooms[usize::from(n % 3 == 0)];
        let (mid, _) = socket.send_text(room, &format!("bean {n}")).await;
        sent.push((room, mid, format!("bean {n}")));
    }
    let sql = server.sql().await;
    // Once all of it unfiled in part, once filed.
    for is_filed in [false, true] {
        if is_filed {
            for room in &rooms {
                fill(&mut socket, room).await;
                filed(&sql, room).await;
            }
        }
        let (mut seen, mut cursor) = (Vec::new(), None);
        for n in 0..40 {
            let answer = page(&anna, "bean", 3, cursor.as_ref()).await;
            seen.extend(texts(&answer));
            cursor = answer.get("cursor").cloned();
            if cursor.is_none() {
                break;
            }
            socket.send_text(&rooms[0], &format!("later bean {n}")).await;
            if is_filed
                && seen.len() < sent.len()
                && seen.contains(&sent[20].2)
                && !seen.contains(&sent[5].2)
            {
                // One that has been seen, and one that has not.
                for at in [37, 5] {
                    let (room, mid, _) = &sent[at];
                    let del = json!({"mid": mid, "rev": 1, "kind": "del"});
                    socket.request(json!({"op": "msg.send", "room": room, "msg": del})).await;
                }
            }
        }
        let mut expected: Vec<_> = sent.iter().map(|(_, _, text)| text.clone()).collect();
        if is_filed {
            expected.retain(|text| text != "bean 5");
            seen.retain(|text| !text.starts_with("later"));
        }
        // Of the same moment, the order is that of the rooms.
        let number = |text: &String| text.rsplit(' ').next().unwrap().parse::<i32>().unwrap();
        assert!(seen.windows(2).all(|pair| number(&pair[0]) > number(&pair[1]) - 4), "{seen:?}");
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "filed: {is_filed}");
    }
    server.stop().await;
}

#[tokio::test]
async fn only_what_one_may_read_now_is_found() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let open = room(&anna, json!({"name": "square", "kind": "open"})).await;
    let den = closed(&anna, "den").await;
    anna.post(&format!("/api/rooms/{den}/members"), json!({"uid": ben.uid})).await.expect(201);
    let mut socket = anna.socket().await;
    socket.send_text(&open, "beans in the open").await;
    socket.send_text(&den, "beans in the den").await;
    // A member finds it also if the author is blocked; everybody else only what is open, and only by name.
    ben.request("PUT", &format!("/api/blocks/{}", anna.uid), None).await;
    assert_eq!(found(&ben, "beans").await, ["beans in the den"]);
    assert_eq!(found(&boss, "beans").await, [""; 0], "an admin of the server is no member");
    assert_eq!(found(&boss, "beans in:square").await, ["beans in the open"]);
    let secret = search(&boss, "beans in:den").await;
    let nowhere = search(&boss, "beans in:nowhere").await;
    assert_eq!(secret["unknown"], json!(["in:den"]));
    assert_eq!(nowhere["unknown"], json!(["in:nowhere"]));
    assert_eq!(secret["results"], nowhere["results"]);
    assert_eq!(search(&boss, &format!("in:{den} beans")).await["results"], json!([]));
    // Who is no member any more finds nothing, and somebody who has come finds what was before.
    anna.delete(&format!("/api/rooms/{den}/members/{}", ben.uid)).await;
    assert_eq!(found(&ben, "beans").await, [""; 0]);
    anna.post(&format!("/api/rooms/{den}/members"), json!({"uid": boss.uid})).await.expect(201);
    assert_eq!(found(&boss, "beans").await, ["beans in the den"]);
    server.stop().await;
}

#[tokio::test]
async fn a_search_over_rooms_of_different_pace_gives_the_newest_first() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut rooms = Vec::new();
    for n in 0..5 {
        rooms.push(closed(&anna, &format!("room {n}")).await);
    }
    let sql = server.sql().await;
    // Room n has a message every 3^n seconds, the same number in each.
    for (n, room) in rooms.iter().enumerate() {
        let pace = 3_i64.pow(n as u32) * 1_000;
        let made = format!(
            "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
             SELECT {room}, decode(md5('{n} ' || i), 'hex'), 'msg', {}, i, 1795000000000 - (100 - i) * {pace}, i, 1, i, 1,
                 jsonb_build_object('t', 'bean ' || {n} || ' ' || i || CASE WHEN i % 10 = 0 THEN ' pod' ELSE '' END)
             FROM generate_series(1, 100) i;
             UPDATE chat.rooms SET last_seq = 100 WHERE id = {room}",
            anna.uid
        );
        sql.batch_execute(&made).await.unwrap();
    }
    let (database, mut server) = (server.database.clone(), Some(server));
    for is_filed in [false, true] {
        // The rooms learn of it when they start.
        server.take().unwrap().stop().await;
        let started = TestServer::start_on(&database, &[]).await;
        let anna = anna.at(started.address);
        if is_filed {
            for room in &rooms {
                filed(&sql, room).await;
            }
        }
        for (q, count) in
            [("bean", 500), ("pod", 50), ("bean -pod", 450), ("from:anna", 500), ("-pod", 450)]
        {
            let (mut seen, mut times, mut cursor) = (BTreeSet::new(), Vec::new(), None);
            loop {
                let answer = page(&anna, q, 50, cursor.as_ref()).await;
                seen.extend(texts(&answer));
                let results = answer["results"].as_array().unwrap();
                times.extend(results.iter().map(|one| one["msg"]["created"].as_i64().unwrap()));
                cursor = answer.get("cursor").cloned();
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!((seen.len(), times.len()), (count, count), "{q}");
            assert!(times.is_sorted_by(|a, b| a >= b), "{q}: {times:?}");
        }
        server = Some(started);
    }
    server.unwrap().stop().await;
}
