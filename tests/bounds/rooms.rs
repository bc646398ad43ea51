//! What waits for the database, and how long.

use std::time::Duration;

use impulse::base::limits::{rooms, store};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::TestServer;
use crate::support::client::{PATIENCE, new_mid};
use crate::support::crowd::{crowd, guest};
use crate::support::wire::{Wire, masked};

fn messages(count: usize, room: impl Fn(usize) -> String) -> Vec<u8> {
    let send = |n: usize| {
        let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "one of many"});
        let id = n.to_string();
        masked(&json!({"op": "msg.send", "id": id, "room": room(n), "msg": msg}).to_string())
    };
    (0..count).flat_map(send).collect()
}

/// The `seq` of each answer, by the number of its message.
async fn answers(socket: &mut Wire, count: usize) -> Vec<u64> {
    let mut seqs = vec![0; count];
    let mut left = count;
    while left > 0 {
        let frame: Value = serde_json::from_str(&socket.text().await).unwrap();
        let Some(id) = frame["id"].as_str() else { continue };
        assert_eq!(frame["op"], "ok", "{frame}");
        let seq = &mut seqs[id.parse::<usize>().unwrap()];
        assert_eq!(*seq, 0, "answered twice: {frame}");
        *seq = frame["seq"].as_u64().unwrap();
        left -= 1;
    }
    seqs
}

/// While the database stands still, more waits than an inbox, a batch, the journal or a commit may
/// hold: in one room, and in more rooms than the journal has places.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_waits_for_a_commit_is_kept_bounded_and_answered_once_in_order() {
    const IN_ONE: usize = rooms::INBOX + rooms::BATCH + 1_000;
    const ROOMS: usize =
        if rooms::JOURNAL > rooms::COMMIT_ROWS { rooms::JOURNAL } else { rooms::COMMIT_ROWS } + 100;
    let server = TestServer::start().await;
    let (anna, mut sql) = (server.user("anna").await, server.sql().await);
    let database = server.database.clone();
    server.stop().await;
    let made = "INSERT INTO chat.rooms (name, kind, created_at)
                SELECT 'Room ' || n, 'open', 0 FROM generate_series(1, $1::bigint) AS n RETURNING id";
    let made = sql.query(made, &[&(ROOMS as i64)]).await.unwrap();
    let made: Vec<i64> = made.iter().map(|row| row.get(0)).collect();
    let join = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                SELECT room, $1, 'member', 0 FROM unnest($2::bigint[]) AS room";
    sql.execute(join, &[&anna.uid.parse::<i64>().unwrap(), &made]).await.unwrap();
    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    let (mut in_one, mut in_all) = (Wire::open(&anna).await, Wire::open(&anna).await);

    let lock = sql.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE chat.rooms IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let standing_still = async {
        in_one.send(&messages(IN_ONE, |_| "1".into())).await;
        in_all.send(&messages(ROOMS, |n| made[n].to_string())).await;
    };
    // Less than a statement may take; what is not sent by then is sent afterwards.
    let _ = tokio::join!(standing_still, async {
        tokio::time::sleep(store::STATEMENT / 2).await;
        lock.commit().await.unwrap();
    });
    let seqs = timeout(PATIENCE, answers(&mut in_one, IN_ONE)).await.expect("all answered");
    assert_eq!(seqs, (1..=IN_ONE as u64).collect::<Vec<_>>());
    let seqs = timeout(PATIENCE, answers(&mut in_all, ROOMS)).await.expect("all answered");
    assert_eq!(seqs, vec![1; ROOMS]);
    let kept: i64 = sql.query_one("SELECT count(*) FROM chat.messages", &[]).await.unwrap().get(0);
    assert_eq!(kept as usize, IN_ONE + ROOMS);
    server.stop().await;
}

/// A statement that hangs is given up, and the message is neither lost nor there twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_hangs_is_given_up_and_can_be_repeated() {
    let server = TestServer::start().await;
    let (anna, mut sql) = (server.user("anna").await, server.sql().await);
    let mut socket = anna.socket().await;
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "patience"});
    let send = json!({"op": "msg.send", "room": "1", "msg": msg});
    let lock = sql.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE chat.rooms IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let refused = socket.err(send.clone(), "unavailable").await;
    assert_eq!(refused["retry_ms"], rooms::RETRY_MS);
    lock.commit().await.unwrap();
    let again = async {
        loop {
            let answer = socket.request(send.clone()).await;
            if answer["op"] == "ok" {
                return answer;
            }
            tokio::time::sleep(rooms::RECONNECT).await;
        }
    };
    assert_eq!(timeout(PATIENCE, again).await.expect("it goes on")["seq"], 1);
    server.stop().await;
}

/// While all connections to the database are busy, a request that needs one more is refused, and `/ready` says 503.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_finds_every_connection_to_the_database_busy_is_refused_in_time() {
    let server = TestServer::start().await;
    let (anna, mut sql) = (server.user("anna").await, server.sql().await);
    anna.get("/api/users").await.expect(200);
    let lock = sql.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE accounts.users IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let asking: Vec<_> = (0..store::POOL + 8)
        .map(|_| {
            let anna = anna.clone();
            tokio::spawn(async move { anna.get("/api/users").await })
        })
        .collect();
    let all_busy = async {
        while anna.get("/ready").await.status != 503 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, all_busy).await.expect("no connection is left");
    anna.get("/health").await.expect(200);
    for answer in asking {
        answer.await.unwrap().refused(503, "unavailable");
    }
    lock.commit().await.unwrap();
    anna.get("/ready").await.expect(200);
    anna.get("/api/users").await.expect(200);
    server.stop().await;
}

/// However many changes wait for a lock in the database, those who read find a connection.
#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_for_a_lock_leave_connections_to_those_who_read() {
    let server = TestServer::start().await;
    let (anna, mut sql) = (server.user("anna").await, server.sql().await);
    let lock = sql.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE accounts.users IN EXCLUSIVE MODE").await.unwrap();
    let waiting: Vec<_> = (0..store::POOL)
        .map(|_| {
            let anna = anna.clone();
            tokio::spawn(async move { anna.post("/api/tokens", json!({"name": "x"})).await })
        })
        .collect();
    let all_wait = async {
        let sql = server.sql().await;
        let count = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while sql.query_one(count, &[]).await.unwrap().get::<_, i64>(0) < store::CHANGES as i64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for _ in 0..5 {
            anna.get("/api/users").await.expect(200);
        }
    };
    timeout(Duration::from_secs(2), all_wait).await.expect("who reads does not wait");
    lock.commit().await.unwrap();
    for one in waiting {
        let status = one.await.unwrap().status;
        assert!(status == 201 || status == 429 || status == 409, "{status}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_more_people_than_one_statement_takes_are_all_written_down() {
    const PEOPLE: usize = rooms::STATUSES_AT_ONCE + 20;
    let server = TestServer::start().await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    crowd(&database, PEOPLE as i64, |_| &[2]).await;
    let server = TestServer::start_on(&database, &[]).await;
    let mut sockets = Vec::new();
    for n in 1..=PEOPLE {
        sockets.push(guest(server.address, n).socket().await);
    }
    for socket in &mut sockets {
        socket.send(json!({"op": "presence", "state": "dnd", "text": "all at once"})).await;
    }
    let written = async {
        let count = "SELECT count(*) FROM accounts.users WHERE status_text = 'all at once'";
        while sql.query_one(count, &[]).await.unwrap().get::<_, i64>(0) < PEOPLE as i64 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, written).await.expect("all of them, in time");
    server.stop().await;
}

/// A removal hides what somebody wrote a batch at a time, and a restoration shows it again.
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_removed_user_beyond_one_statement_are_hidden_and_shown_again_whole() {
    const WORDS: i64 = 2 * store::PURGE_ROWS + 1;
    let server = TestServer::start().await;
    let (boss, anna) = (server.admin().await, server.user("anna").await);
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    let insert = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, body)
                  SELECT 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'msg', $1, n, 0, n, 0, n, 0,
                      jsonb_build_object('t', 'a word') FROM generate_series(1, $2::bigint) AS n";
    sql.execute(insert, &[&anna.uid.parse::<i64>().unwrap(), &WORDS]).await.unwrap();
    sql.execute("UPDATE chat.rooms SET last_seq = $1 WHERE id = 1", &[&WORDS]).await.unwrap();
    let server = TestServer::start_on(&database, &[]).await;
    let boss = boss.at(server.address);
    let hidden = async || -> i64 {
        let count = "SELECT count(*) FROM chat.messages WHERE is_hidden";
        sql.query_one(count, &[]).await.unwrap().get(0)
    };
    let user = format!("/api/admin/users/{}", anna.uid);
    let removed = boss.request("DELETE", &user, Some(json!({"messages": "erase"}))).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    assert_eq!(hidden().await, WORDS);
    boss.post(&format!("{user}/restore"), json!({})).await.expect(200);
    assert_eq!(hidden().await, 0);
    server.stop().await;
}
