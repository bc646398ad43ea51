//! What one user can make the server hold: each share of the budget of memory is filled to its bound, the
//! bound holds, everybody else is served, and what was held is given back.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use impulse::limits::{chat, memory as limits};
use serde_json::Value;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use support::TestServer;
use support::client::{Client, PATIENCE};
use support::crowd::{crowd, guest};

/// Messages of so many characters in General, written by nobody in particular.
async fn long_messages(sql: &tokio_postgres::Client, count: i64, length: i32) {
    let insert = "INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at,
                      seq, at, rev_seq, rev_at, body)
                  SELECT 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'msg', 1, n, 0, n, 0, n, 0,
                      jsonb_build_object('t', repeat('x', $2::int))
                  FROM generate_series(1, $1::bigint) AS n";
    sql.execute(insert, &[&count, &length]).await.unwrap();
    sql.execute("UPDATE chat.rooms SET last_seq = $1 WHERE id = 1", &[&count]).await.unwrap();
}

/// A server with the smallest budget there is, a General of so many long messages, and a crowd in it.
async fn small_server(messages: i64, people: i64) -> TestServer {
    let server = TestServer::start().await;
    let (database, sql) = (server.database.clone(), server.sql().await);
    server.stop().await;
    long_messages(&sql, messages, 30_000).await;
    crowd(&database, people, |_| &[1]).await;
    let budget = limits::BUDGET_MIN.to_string();
    TestServer::start_on(&database, &["--memory-budget", &budget]).await
}

/// Of one kind: what is held, and what may be.
async fn held(client: &Client, kind: &str) -> (usize, usize) {
    let answer = client.get("/metrics").await;
    let text = String::from_utf8(answer.body).unwrap();
    let sample = |name: &str| {
        let series = format!("{name}{{kind=\"{kind}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series}")).parse().unwrap()
    };
    (sample("impulse_buffer_bytes"), sample("impulse_buffer_bytes_max"))
}

/// Until nothing of this kind is held any more.
async fn given_back(client: &Client, kind: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while held(client, kind).await.0 > 0 {
        assert!(tokio::time::Instant::now() < deadline, "{kind} are kept for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A connection that takes as little as TCP allows.
async fn reluctant(client: &Client) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    SockRef::from(&socket).set_recv_buffer_size(4 * 1_024).unwrap();
    socket.connect(client.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_where_its_bytes_do_and_the_next_one_goes_on_there() {
    const MESSAGES: i64 = 60;
    let server = small_server(MESSAGES, 1).await;
    let anna = guest(server.address, 1);
    for (direction, forwards) in [("before", false), ("after", true)] {
        let (mut seen, mut at, mut pages) =
            (Vec::new(), if forwards { 0 } else { MESSAGES + 1 }, 0);
        loop {
            let path = format!("/api/rooms/1/messages?{direction}={at}&limit={}", chat::PAGE);
            let answer = anna.get(&path).await;
            assert!(answer.body.len() < chat::PAGE_BYTES + 40_000, "{}", answer.body.len());
            let page = answer.expect(200);
            let seqs: Vec<i64> = page["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m["seq"].as_i64().unwrap())
                .collect();
            assert!(!seqs.is_empty() && seqs.is_sorted(), "{seqs:?}");
            at = if forwards { *seqs.last().unwrap() } else { seqs[0] };
            seen.extend(seqs);
            pages += 1;
            if page["more"] == Value::Bool(false) {
                break;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=MESSAGES).collect::<Vec<_>>());
        assert!(pages > 2, "{pages} pages");
    }
    server.stop().await;
}

/// One message is larger than a page may be: it is there all the same.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_pages_and_takes_none_is_refused_the_next_and_others_get_theirs() {
    const CONNECTIONS: usize = 40;
    let server = small_server(40, 2).await;
    let (greedy, other) = (guest(server.address, 1), guest(server.address, 2));
    let page = format!("GET /api/rooms/1/messages HTTP/1.1\r\n{}\r\n", greedy.fields());
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = reluctant(&greedy).await;
        stream.write_all(page.repeat(20).as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let mut most_held = 0;
    let refused = async {
        loop {
            let (now, most) = held(&other, "answers").await;
            most_held = most_held.max(now);
            assert!(now <= most, "{now} of {most}");
            let answer = greedy.get("/api/rooms/1/messages").await;
            if answer.status != 200 {
                assert!(answer.header("retry-after").is_some());
                return answer.refused(429, "rate_limited");
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("no end of pages for one user");
    let one = (limits::BUDGET_MIN / limits::PARTS * limits::ANSWERS) / limits::USERS;
    assert!(most_held <= one + 2 * chat::PAGE_BYTES, "{most_held}");
    for _ in 0..10 {
        other.get("/api/rooms/1/messages").await.expect(200);
    }
    drop(streams);
    given_back(&other, "answers").await;
    greedy.get("/api/rooms/1/messages").await.expect(200);
    server.stop().await;
}
