//! The index: nothing stays in it that is gone, and it catches up whatever happens.

use serde_json::json;

use crate::finder::{closed, filed, fill, found, keys_of, wait};
use crate::support::TestServer;

/// How many blocks have what this word is filed under.
async fn blocks_with(sql: &tokio_postgres::Client, word: &str) -> i64 {
    let count = "SELECT count(*) FROM chat.search WHERE keys @@ $1::text::tsquery";
    sql.query_one(count, &[&keys_of(word).replace(' ', " & ")]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_is_deleted_edited_or_removed_is_out_of_the_index_with_the_answer() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let anna = server.user("anna").await;
    let den = closed(&boss, "den").await;
    boss.post(&format!("/api/rooms/{den}/members"), json!({"uid": anna.uid})).await.expect(201);
    let (mut of_boss, mut of_anna) = (boss.socket().await, anna.socket().await);
    let (deleted, _) = of_boss.send_text(&den, "apricot").await;
    of_boss.send_text(&den, "neighbour").await;
    let (edited, _) = of_boss.send_text(&den, "blueberry").await;
    of_anna.send_text(&den, "cranberry").await;
    let sql = server.sql().await;
    fill(&mut of_boss, &den).await;
    filed(&sql, &den).await;
    for word in ["apricot", "neighbour", "blueberry", "cranberry"] {
        assert_eq!(blocks_with(&sql, word).await, 1, "{word}");
    }
    // The writer is held, so that it is the change that erases.
    let hold = server.sql().await;
    let held = "BEGIN; LOCK TABLE chat.search_rules IN ACCESS EXCLUSIVE MODE; LOCK TABLE chat.search_rooms IN SHARE MODE";
    let hold_writer = async || hold.batch_execute(held).await.unwrap();
    let let_go = async || hold.batch_execute("COMMIT").await.unwrap();
    hold_writer().await;
    let del = json!({"mid": deleted, "rev": 1, "kind": "del"});
    of_boss.ok(json!({"op": "msg.send", "room": den, "msg": del})).await;
    assert_eq!(blocks_with(&sql, "apricot").await, 0);
    assert_eq!(found(&boss, "apricot").await, [""; 0]);
    assert_eq!(found(&boss, "neighbour").await, ["neighbour"], "its neighbours are still found");
    let_go().await;
    filed(&sql, &den).await;
    assert_eq!(blocks_with(&sql, "neighbour").await, 1);
    hold_writer().await;
    let edit = json!({"mid": edited, "rev": 1, "kind": "msg", "t": "gooseberry"});
    of_boss.ok(json!({"op": "msg.send", "room": den, "msg": edit})).await;
    assert_eq!(blocks_with(&sql, "blueberry").await, 0);
    assert_eq!(found(&boss, "blueberry").await, [""; 0]);
    assert_eq!(found(&boss, "gooseberry").await, ["gooseberry"]);
    let_go().await;
    filed(&sql, &den).await;
    assert_eq!(found(&boss, "gooseberry").await, ["gooseberry"]);
    // An account is removed with what it wrote, and restored.
    let path = format!("/api/admin/users/{}", anna.uid);
    let body = Some(json!({"messages": "erase"}));
    assert!(boss.request("DELETE", &path, body).await.status < 300);
    wait("the messages to be hidden", async || blocks_with(&sql, "cranberry").await == 0).await;
    assert_eq!(found(&boss, "cranberry").await, [""; 0]);
    filed(&sql, &den).await;
    assert_eq!(blocks_with(&sql, "cranberry").await, 0);
    boss.post(&format!("{path}/restore"), json!({})).await.expect(200);
    wait("the messages to be shown", async || found(&boss, "cranberry").await == ["cranberry"])
        .await;
    filed(&sql, &den).await;
    assert_eq!(blocks_with(&sql, "cranberry").await, 1);
    // A purge of what is hidden erases, too, without a change that anybody sees.
    assert!(boss.request("DELETE", &path, Some(json!({"messages": "erase"}))).await.status < 300);
    wait("the messages to be hidden", async || blocks_with(&sql, "cranberry").await == 0).await;
    let stale = "UPDATE chat.search SET keys = $1::text::tsvector WHERE block = 0";
    filed(&sql, &den).await;
    sql.execute(stale, &[&keys_of("cranberry")]).await.unwrap();
    let aged = "UPDATE accounts.users SET removed_at = 1 WHERE removed_at IS NOT NULL";
    sql.batch_execute(aged).await.unwrap();
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!(blocks_with(&sql, "cranberry").await, 0);
    // A room is removed, restored and, in the end, purged.
    let rows = async || -> (i64, i64) {
        let count = "SELECT (SELECT count(*) FROM chat.search WHERE room_id = $1),
                            (SELECT count(*) FROM chat.search_rooms WHERE room_id = $1)";
        let row = sql.query_one(count, &[&den.parse::<i64>().unwrap()]).await.unwrap();
        (row.get(0), row.get(1))
    };
    filed(&sql, &den).await;
    boss.delete(&format!("/api/rooms/{den}")).await;
    assert_eq!(rows().await.0, 0);
    assert_eq!(found(&boss, "gooseberry").await, [""; 0]);
    boss.post(&format!("/api/rooms/{den}/restore"), json!({})).await.expect(200);
    assert_eq!(found(&boss, "gooseberry").await, ["gooseberry"]);
    filed(&sql, &den).await;
    assert_eq!(blocks_with(&sql, "gooseberry").await, 1);
    boss.delete(&format!("/api/rooms/{den}")).await;
    sql.batch_execute("UPDATE chat.rooms SET deleted_at = 1 WHERE deleted_at IS NOT NULL")
        .await
        .unwrap();
    boss.post("/api/admin/purge", json!({})).await.expect(200);
    assert_eq!(rows().await, (0, 0));
    server.stop().await;
}

#[tokio::test]
async fn the_index_goes_on_after_a_restart_and_begins_anew_by_other_rules_or_without_its_rows() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let den = closed(&boss, "den").await;
    let mut socket = boss.socket().await;
    socket.send_text(&den, "apricot").await;
    fill(&mut socket, &den).await;
    let sql = server.sql().await;
    filed(&sql, &den).await;
    let database = server.database.clone();
    server.stop().await;
    // What a crash or a restored backup leaves: rooms that are ahead, or no index at all.
    let ahead = format!(
        "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
         SELECT {den}, decode(md5(i::text), 'hex'), 'msg', {}, 9 + i, 1795000000000, 9 + i, 1, 9 + i, 1,
             jsonb_build_object('t', 'blueberry ' || i) FROM generate_series(1, 30) i;
         UPDATE chat.rooms SET last_seq = 39 WHERE id = {den}",
        boss.uid
    );
    for (state, change) in [
        ("ahead", ahead.as_str()),
        ("without an index", "TRUNCATE chat.search, chat.search_rooms, chat.search_rules"),
        (
            "with an index by other rules",
            "UPDATE chat.search_rules SET version = version + 1; UPDATE chat.search SET keys = ''",
        ),
    ] {
        sql.batch_execute(change).await.unwrap();
        let server = TestServer::start_on(&database, &[]).await;
        let boss = boss.at(server.address);
        filed(&sql, &den).await;
        wait(state, async || blocks_with(&sql, "apricot").await == 1).await;
        filed(&sql, &den).await;
        assert_eq!(found(&boss, "apricot").await, ["apricot"], "{state}");
        assert_eq!(found(&boss, "blueberry 3").await, ["blueberry 3"], "{state}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_message_is_found_as_soon_as_it_is_acknowledged_while_the_index_is_away() {
    let server = TestServer::start().await;
    let boss = server.admin().await;
    let den = closed(&boss, "den").await;
    let mut socket = boss.socket().await;
    let hold = server.sql().await;
    hold.batch_execute("BEGIN; LOCK TABLE chat.search_rooms IN SHARE MODE").await.unwrap();
    for n in 0..20 {
        socket.send_text(&den, &format!("apricot {n}")).await;
        assert_eq!(found(&boss, &format!("apricot {n}")).await, [format!("apricot {n}")]);
    }
    let behind =
        async || boss.get("/api/admin/search").await.expect(200)["behind"].as_u64().unwrap();
    assert_eq!(behind().await, 20);
    hold.batch_execute("COMMIT").await.unwrap();
    wait("the index", async || behind().await < 8).await;
    assert_eq!(found(&boss, "apricot 7").await, ["apricot 7"]);
    server.stop().await;
}
