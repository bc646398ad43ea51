//! Hostile queries, and what a search may cost.

use std::time::{Duration, Instant};

use impulse::base::limits::search as limits;
use serde_json::json;

use crate::finder::{closed, encoded, found, keys_of, search, texts};
use crate::support::TestServer;
use crate::support::client::Client;

#[tokio::test]
async fn a_hostile_query_has_a_clear_answer() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let den = closed(&anna, "den").await;
    let mut socket = anna.socket().await;
    socket.send_text(&den, "or 100% مرحبا 😀").await;
    for (q, count) in [
        ("", 0),
        ("%", 0),
        ("%%' OR 1=1; --", 0),
        ("😀", 1),
        ("🚀", 0),
        ("مرحبا", 1),
        ("OR OR", 1),
        ("AND OR NOT", 0),
        ("\"", 0),
        ("\"or", 1),
        ("or\"", 1),
        ("((((((or", 1),
        ("'or' & !x | <->", 0),
        ("or:*", 1),
        ("\\ ' or", 1),
        ("*", 0),
        ("-or", 0),
        ("from: in: has:", 0),
        ("\u{202e}or\u{200b}", 1),
        ("o\u{301}r\u{301}\u{301}\u{301}", 1),
    ] {
        let answer = search(&anna, q).await;
        assert_eq!(texts(&answer).len(), count, "{q:?}: {answer}");
    }
    // Long ones are cut, or never arrive.
    let many = vec!["or"; limits::QUERY_CHARS].join("+");
    let answer = anna.get(&format!("/api/search?q={many}")).await.expect(200);
    assert_eq!((&answer["cut"], texts(&answer).len()), (&json!(["query"]), 1));
    let long = anna.get(&format!("/api/search?q={}", "x".repeat(8_000))).await.expect(200);
    assert_eq!(long["cut"], json!(["query"]));
    let words = vec!["word"; 10_000].join("+");
    assert_eq!(anna.get(&format!("/api/search?q={words}")).await.status, 414);
    assert_eq!(anna.get(&format!("/api/search?q={}", "x".repeat(1 << 20))).await.status, 414);
    // A message that is one long word, or very many.
    let odd = ["x".repeat(32_768), "\u{fdfa} ".repeat(8_000), "東".repeat(10_000)];
    for text in &odd {
        socket.send_text(&den, text).await;
    }
    for q in [&odd[0][..900], "ﷺ", "東東東"] {
        assert_eq!(found(&anna, q).await.len(), usize::from(q.len() < 100), "{} bytes", q.len());
    }
    assert_eq!(found(&anna, &format!("{}*", &odd[0][..900])).await.len(), 1);
    let marks = search(&anna, "東").await["results"][0]["marks"].clone();
    assert_eq!(marks.as_array().unwrap().len(), limits::MARKS);
    server.stop().await;
}

/// Fills a room with 40,000 messages that are filed: `filler` in each, `rare` in one of 500, and each its number.
const MANY: &str = "
INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
SELECT $room, decode(md5(i::text), 'hex'), 'msg', 1, i, 1795000000000 + i, i, 1, i, 1,
    jsonb_build_object('t', 'filler ' || i || CASE WHEN i % 500 = 0 THEN ' rare' ELSE '' END)
FROM generate_series(8, 40007) i;
UPDATE chat.rooms SET last_seq = 40007 WHERE id = $room;
INSERT INTO chat.search (room_id, block, first_at, last_at, keys)
SELECT $room, b, 1795000000000 + b * 8, 1795000000000 + b * 8 + 7,
    array_to_tsvector(ARRAY(SELECT n::text FROM generate_series(b * 8, b * 8 + 7) n)
        || ARRAY['$filler', '#$room'] || CASE WHEN b * 8 / 500 < (b * 8 + 7) / 500 OR b * 8 % 500 = 0 THEN ARRAY['$rare'] END)
FROM generate_series(1, 5000) b;
INSERT INTO chat.search_rooms (room_id, filed) VALUES ($room, 40008) ON CONFLICT (room_id) DO UPDATE SET filed = 40008;
ANALYZE chat.search";

#[tokio::test]
async fn a_search_ends_in_time_says_so_and_goes_on_where_it_was() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let den = closed(&anna, "den").await;
    let database = server.database.clone();
    let sql = server.sql().await;
    server.stop().await;
    let key = |word| keys_of(word).trim_matches('\'').to_owned();
    let many = MANY
        .replace("$room", &den)
        .replace("$filler", &key("filler"))
        .replace("$rare", &key("rare"));
    sql.batch_execute(&many).await.unwrap();
    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    // A word that is nearly everywhere is walked to, a rare one is looked up, and both are exact.
    let filler = search(&anna, "filler").await;
    assert_eq!(texts(&filler).len(), 50, "{filler}");
    assert_eq!(found(&anna, "filler 39999").await, ["filler 39999"]);
    let rare = found(&anna, "rare filler").await;
    assert_eq!((rare.len(), rare[0].as_str()), (50, "filler 40000 rare"));
    assert_eq!(found(&anna, "f* rare").await[0], "filler 40000 rare");
    // Nothing matches, and everything must be looked at to know it.
    let (mut pages, mut cursor) = (0, String::new());
    loop {
        let begun = Instant::now();
        let path = format!("/api/search?q={}{cursor}", encoded("-filler"));
        let answer = anna.get(&path).await.expect(200);
        assert!(
            begun.elapsed() < limits::TIME * 5 + Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(answer["results"], json!([]));
        pages += 1;
        match answer["cursor"].as_str() {
            Some(next) => {
                assert_eq!(answer["cut"], json!(["time"]));
                cursor = format!("&cursor={next}");
            }
            None => break,
        }
        assert!(pages < 100, "it ends");
    }
    assert!(pages > 1, "{pages}");
    server.stop().await;
}

#[tokio::test]
async fn searches_count_as_reads() {
    let flags = ["--rate-limit-scale", "1"];
    let server = TestServer::start_with(&flags).await;
    let anna = server.user("anna").await;
    assert!(refused_of(&anna, 150).await > 0, "nobody was refused");
    server.stop().await;
}

/// How many of so many searches at once are refused. There is nothing to look for in them, so none has to wait.
async fn refused_of(client: &Client, searches: usize) -> usize {
    let ask = |_| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/api/search?q=%25").await.status })
    };
    let mut refused = 0;
    for asked in (0..searches).map(ask).collect::<Vec<_>>() {
        refused += usize::from(asked.await.unwrap() == 429);
    }
    refused
}

/// Fills a room with 1,280 messages of 32 KiB that are filed: 40 MiB of text.
const LONG: &str = "
INSERT INTO chat.messages (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
SELECT $room, decode(md5(i::text), 'hex'), 'msg', 1, i, 1795000000000 + i, i, 1, i, 1,
    jsonb_build_object('t', repeat('long message ', 2520))
FROM generate_series(8, 1287) i;
UPDATE chat.rooms SET last_seq = 1287 WHERE id = $room;
INSERT INTO chat.search (room_id, block, first_at, last_at, keys)
SELECT $room, b, 1795000000000 + b * 8, 1795000000000 + b * 8 + 7, array_to_tsvector(ARRAY['#$room'])
FROM generate_series(1, 160) b;
INSERT INTO chat.search_rooms (room_id, filed) VALUES ($room, 1288) ON CONFLICT (room_id) DO UPDATE SET filed = 1288";

#[tokio::test]
async fn long_messages_take_no_longer_than_short_ones_and_time_is_charged() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let den = closed(&anna, "den").await;
    let database = server.database.clone();
    let sql = server.sql().await;
    server.stop().await;
    sql.batch_execute(&LONG.replace("$room", &den)).await.unwrap();
    // A thousand reads at once, and ten a second.
    let server = TestServer::start_on(&database, &["--rate-limit-scale", "0.1"]).await;
    let anna = anna.at(server.address);
    // Each term is compared with each word, and all of them begin with the same letter.
    let words: String = (1..limits::TERMS).map(|n| format!("-l{n} ")).collect();
    let mut cursor = String::new();
    for _ in 0..2 {
        let begun = Instant::now();
        let path = format!("/api/search?q={}{cursor}&limit=50", encoded(&format!("{words}-long")));
        let answer = anna.get(&path).await.expect(200);
        assert!(
            begun.elapsed() < limits::TIME * 5 + Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(answer["cut"], json!(["time"]));
        let next = format!("&cursor={}", answer["cursor"].as_str().expect("there is more"));
        assert_ne!(next, cursor, "it goes on");
        cursor = next;
    }
    // They are charged by the time they took: without that, a thousand reads were enough for what follows.
    assert!(refused_of(&anna, 95).await > 0, "nobody was refused");
    server.stop().await;
}
