//! Asking, and waiting for the index.

use std::time::Duration;

use impulse::base::limits::search::KEY_BYTES;
use impulse::search::keys::Keys;
use impulse::store::chat::search::BLOCK;
use serde_json::{Value, json};

use crate::support::client::{Client, Socket};

/// As it is written in a URL.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The answer to a query.
pub async fn search(client: &Client, q: &str) -> Value {
    client.get(&format!("/api/search?q={}&limit=50", encoded(q))).await.expect(200)
}

/// The texts that a query finds, newest first.
pub async fn found(client: &Client, q: &str) -> Vec<String> {
    texts(&search(client, q).await)
}

/// The texts in an answer.
pub fn texts(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().expect("results");
    results.iter().map(|result| result["msg"]["t"].as_str().expect("text").to_owned()).collect()
}

/// What a text is filed under, as a `tsvector`.
pub fn keys_of(text: &str) -> String {
    let mut keys = Keys::default();
    keys.add_text(text, KEY_BYTES);
    keys.to_tsvector()
}

/// Makes a room.
pub async fn room(client: &Client, body: Value) -> String {
    client.post("/api/rooms", body).await.expect(201)["id"].as_str().expect("an id").to_owned()
}

/// A closed room of this name.
pub async fn closed(client: &Client, name: &str) -> String {
    room(client, json!({"name": name, "kind": "closed"})).await
}

/// Fills a block, so that what was sent before is filed.
pub async fn fill(socket: &mut Socket, room: &str) {
    for _ in 0..BLOCK {
        socket.send_text(room, "…").await;
    }
}

/// Waits until everything of a room is filed but what has no full block.
pub async fn filed(sql: &tokio_postgres::Client, room: &str) {
    let done = "SELECT s.filed / 8 >= (r.last_seq + 1) / 8
                    AND NOT EXISTS (SELECT FROM chat.search c WHERE c.room_id = r.id AND c.keys IS NULL)
                FROM chat.rooms r JOIN chat.search_rooms s ON s.room_id = r.id WHERE r.id = $1";
    let room: i64 = room.parse().expect("an id");
    wait("a room to be filed", async || {
        sql.query_opt(done, &[&room]).await.expect("rows").is_some_and(|row| row.get(0))
    })
    .await;
}

/// Waits until something is so.
pub async fn wait(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..300 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain for {what}");
}
