//! Accepted contents come back as they were, wherever they are read; and a content that cannot be read makes nothing
//! else fail. Over real sockets and a real database.

use impulse::base::ids::{Mid, RoomId, Uid};
use impulse::base::limits::chat as limits;
use impulse::base::text::is_seen;
use impulse::protocol::mentions::Mentions;
use impulse::protocol::message::{Content, MessageState, TextBody};
use impulse::store::chat::change::{Change, Entry, Outcome};
use impulse::store::chat::commit::Writer;
use impulse::store::chat::content::{digest, text_to_json};
use impulse::store::chat::{ChatStore, Page, StoredKind};
use impulse::store::pool::Database;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Client, Socket, new_mid};

const ROOM: &str = "1";

fn send(msg: Value) -> Value {
    json!({"op": "msg.send", "room": ROOM, "msg": msg})
}

async fn page(client: &Client) -> Vec<Value> {
    let path = format!("/api/rooms/{ROOM}/messages?limit=100");
    client.get(&path).await.expect(200)["messages"].as_array().unwrap().clone()
}

/// The `msg` of the page with this `mid`.
async fn shown(client: &Client, mid: &str) -> Value {
    let messages = page(client).await;
    let found = messages.into_iter().find(|entry| entry["msg"]["mid"] == mid);
    found.expect("the message is on the page")["msg"].clone()
}

/// Every accepted text: any characters but NUL, and something to be seen among them.
fn texts() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\u{feff}",
        "\u{202e}",
        "\u{200d}",
        "\u{ffff}",
        "\u{fffe}",
        "\u{10ffff}",
        "\u{1}",
        "\u{1f}",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\\u0000",
        "\\",
        "\"",
        "'",
        "$1",
        "{\"t\":1}",
        "é",
        "e\u{301}",
        "👩\u{200d}👧",
        "\u{d7ff}",
        "\u{e000}",
        "\r\n",
        "\t",
        " ",
    ]);
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => odd.prop_map(String::from),
        1 => ".{0,40}",
        1 => (any::<char>(), 1..8_000usize).prop_map(|(c, n)| c.to_string().repeat(n)),
    ];
    let text = prop::collection::vec(piece, 1..12).prop_map(|pieces| {
        let mut text = pieces.concat().replace('\0', "");
        let most = (0..=limits::TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(most.unwrap_or(0));
        text
    });
    text.prop_filter("there is something to read", |text| is_seen(text))
}

fn bodies() -> impl Strategy<Value = TextBody> {
    let uid = prop_oneof![Just(1), Just(i64::MAX), 1..i64::MAX].prop_map(Uid);
    let users = prop::collection::vec(uid, 0..limits::MENTIONS);
    let mentions = (any::<bool>(), users).prop_map(|(all, users)| {
        let mut once = Vec::new();
        for uid in users {
            if !once.contains(&uid) {
                once.push(uid);
            }
        }
        Mentions { all, users: once.into() }
    });
    let reply_to = prop::option::of(any::<[u8; 16]>().prop_map(Mid));
    (texts(), reply_to, mentions).prop_map(|(text, reply_to, mentions)| TextBody {
        text,
        reply_to,
        mentions,
        files: Vec::new(),
    })
}

/// Bodies that fit into one command: JSON takes six bytes for a control character.
fn sendable() -> impl Strategy<Value = TextBody> {
    let largest = limits::COMMAND - send(json!({"id": "c1000"})).to_string().len();
    let fits = move |body: &TextBody| wire(&new_mid(), 1, body).to_string().len() <= largest;
    bodies().prop_filter("it fits into one command", fits)
}

/// What is in the store about one message, from every side it is read from.
async fn from_every_side(store: &ChatStore, mid: Mid) -> Vec<MessageState> {
    let room = RoomId(1);
    let stored = store.stored(room, &[mid], &[]).await.unwrap().rows;
    let page = store.page(room, Page::Newest, 1, usize::MAX).await.unwrap().messages;
    let seq = page.first().map_or(0, |message| message.seq);
    let mut states = store.changed_within(room, seq - 1, 10, usize::MAX).await.unwrap().messages;
    states.extend(page);
    states.extend(stored.iter().map(|row| row.state()));
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_that_can_be_sent_comes_back_as_it_was_from_wherever_it_is_read() {
    let database = Database::new(&support::postgres::database().await).unwrap();
    let store = ChatStore::open(database.clone()).await.unwrap();
    store.create_ready_made_rooms().await.unwrap();
    let writer = tokio::sync::Mutex::new(Writer::connect(&database).await.unwrap());
    let runtime = tokio::runtime::Handle::current();
    let check = |(first, second): (TextBody, TextBody)| {
        runtime.block_on(async {
            let room = RoomId(1);
            let mid = new_mid().parse::<Mid>().unwrap();
            let mut writer = writer.lock().await;
            let mut commit = async |change| {
                let outcomes = writer.commit(&[Entry { room, change }], 1).await.unwrap();
                assert!(matches!(outcomes[..], [Outcome::Done { .. }]));
            };
            let body = text_to_json(&first).unwrap();
            commit(Change::New { mid, author: Uid(1), body, files: Vec::new() }).await;
            let states = from_every_side(&store, mid).await;
            assert_eq!(states.len(), 3);
            for state in states {
                assert_eq!(state.content, Content::Plain(first.clone()));
            }
            let recent = store.recent(room, 1).await.unwrap();
            assert_eq!(recent[0].mentions, first.mentions);
            let (body, replaced) = (text_to_json(&second).unwrap(), Some(digest(&first)));
            commit(Change::Edit { mid, rev: 1, body, replaced, files: Vec::new() }).await;
            for state in from_every_side(&store, mid).await {
                assert_eq!(state.content, Content::Plain(second.clone()));
            }
            let superseded = store.stored(room, &[mid], &[(mid, 0)]).await.unwrap().superseded;
            assert_eq!(superseded[0].digest.as_deref(), replaced.as_ref().map(|d| &d[..]));
        });
        Ok(())
    };
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let run = || TestRunner::new(config).run(&(bodies(), bodies()), check).unwrap();
    tokio::task::block_in_place(run);
}

/// Every accepted emoji, in its one form.
fn emoji() -> impl Strategy<Value = &'static str> {
    let every = emojis::iter().flat_map(|emoji| match emoji.skin_tones() {
        Some(tones) => tones.collect(),
        None => vec![emoji],
    });
    prop::sample::select(every.map(emojis::Emoji::as_str).collect::<Vec<_>>())
}

fn wire(mid: &str, rev: u32, body: &TextBody) -> Value {
    let mut msg = json!({"mid": mid, "rev": rev, "kind": "msg", "t": body.text});
    if let Some(mid) = body.reply_to {
        msg["re"] = json!(mid);
    }
    if !body.mentions.is_empty() {
        msg["m"] = json!(body.mentions);
    }
    msg
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_message_that_is_sent_again_gets_the_first_answer_whatever_its_content() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let runtime = tokio::runtime::Handle::current();
    let socket = tokio::sync::Mutex::new(anna.socket().await);
    let check = |(first, second, emoji): (TextBody, TextBody, &'static str)| {
        runtime.block_on(async {
            let mut socket = socket.lock().await;
            let mid = new_mid();
            let answer = |answer: Value| (answer["seq"].clone(), answer["at"].clone());
            let sent = answer(socket.ok(send(wire(&mid, 0, &first))).await);
            assert_eq!(answer(socket.ok(send(wire(&mid, 0, &first))).await), sent);
            let edited = answer(socket.ok(send(wire(&mid, 1, &second))).await);
            assert_eq!(answer(socket.ok(send(wire(&mid, 1, &second))).await), edited);
            assert_eq!(answer(socket.ok(send(wire(&mid, 0, &first))).await), sent);
            let reaction = new_mid();
            let react = json!({"mid": reaction, "rev": 0, "kind": "react", "ref": mid, "e": emoji});
            let reacted = answer(socket.ok(send(react.clone())).await);
            assert_eq!(answer(socket.ok(send(react)).await), reacted);
            let msg = shown(&anna, &mid).await;
            assert_eq!(msg["reactions"][0]["e"], json!(emoji));
            let expected = wire(&mid, 1, &second);
            for field in ["t", "re", "m"] {
                assert_eq!(msg[field], expected[field], "{field}");
            }
        });
        Ok(())
    };
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let run = || TestRunner::new(config).run(&(sendable(), sendable(), emoji()), check).unwrap();
    tokio::task::block_in_place(run);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_file_is_refused_and_an_empty_list_of_files_is_none() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let with =
        |f: Value| send(json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "x", "f": f}));
    let double: Value = serde_json::from_str("1.7976931348623157e308").unwrap();
    for f in [json!([{"v": double}]), json!([{}]), json!(["a"]), json!([1]), json!({}), json!("a")]
    {
        let refused = socket.err(with(f.clone()), "bad_request").await;
        assert!(refused["message"].as_str().unwrap().contains("\"f\""), "{f}: {refused}");
    }
    socket.ok(with(json!([]))).await;
    socket.ok(with(Value::Null)).await;
    let info = anna.get("/api/info").await.expect(200);
    assert_eq!(info["limits"]["files"], 10);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_not_encrypted_refuses_an_encrypted_message() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let envelope = json!({"op": "msg.send", "room": ROOM, "env": {"v": 1}});
    let refused = socket.err(envelope, "bad_request").await;
    assert_eq!(refused["message"], "This room is not encrypted; send \"msg\".");
    server.stop().await;
}

/// Content as nobody's program writes it.
const UNREADABLE: [&str; 8] = [
    "5",
    "null",
    "[]",
    "{}",
    r#"{"t": 1e400}"#,
    r#"{"t": "x", "m": ["-1"]}"#,
    r#"{"t": "x", "m": [1e308]}"#,
    r#"{"t": "x", "re": "short"}"#,
];

struct Spoiled {
    mids: Vec<String>,
    good: String,
}

/// Messages by anna whose content was spoilt in the database, between two that were not; and a message
/// with a reaction that was.
async fn spoil(server: &TestServer, socket: &mut Socket) -> Spoiled {
    let sql = server.sql().await;
    let bytes = |mid: &str| mid.parse::<Mid>().unwrap().0.to_vec();
    socket.send_text(ROOM, "before").await;
    let mut mids = Vec::new();
    for content in UNREADABLE {
        let (mid, _) = socket.send_text(ROOM, "to be spoilt").await;
        let update = "UPDATE chat.messages SET body = $2::text::jsonb WHERE mid = $1";
        assert_eq!(sql.execute(update, &[&bytes(&mid), &content]).await.unwrap(), 1);
        mids.push(mid);
    }
    let (good, _) = socket.send_text(ROOM, "after").await;
    for (n, content) in ["5", r#"{"e": null}"#, "{}"].into_iter().enumerate() {
        let reaction = new_mid();
        let emoji = support::emoji(n);
        let react = json!({"mid": reaction, "rev": 0, "kind": "react", "ref": good, "e": emoji});
        socket.ok(send(react)).await;
        let update = "UPDATE chat.messages SET body = $2::text::jsonb WHERE mid = $1";
        sql.execute(update, &[&bytes(&reaction), &content]).await.unwrap();
    }
    Spoiled { mids, good }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_fails_no_page_no_resume_and_no_start_and_can_be_deleted() {
    let server = TestServer::start().await;
    let (boss, anna) = (server.admin().await, server.user("anna").await);
    let mut socket = anna.socket().await;
    let Spoiled { mids, good } = spoil(&server, &mut socket).await;
    let database = server.database.clone();
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let (anna, boss) = (anna.at(server.address), boss.at(server.address));
    let mut socket = anna.socket().await;
    let total = UNREADABLE.len() + 2;
    let hello = boss.socket().await.op("hello").await;
    let general = &hello["rooms"][0];
    assert_eq!((&general["id"], &general["unread"]), (&json!(ROOM), &json!(total)), "{general}");

    let messages = page(&anna).await;
    assert_eq!(messages.len(), total);
    socket.ok(json!({"op": "room.subscribe", "room": ROOM, "since": 0})).await;
    let replayed: Vec<_> = socket.aside.drain(..).filter(|frame| frame["op"] == "msg").collect();
    assert_eq!(replayed.len(), total);
    for entry in messages.iter().chain(&replayed) {
        let msg = &entry["msg"];
        let is_spoilt = mids.iter().any(|mid| msg["mid"] == *mid);
        assert_eq!(msg["unreadable"] == true, is_spoilt, "{msg}");
        assert_eq!(msg["t"].is_null(), is_spoilt, "{msg}");
        assert_eq!(msg["kind"], "msg");
        assert!(msg["reactions"].is_null(), "a reaction that cannot be read is not shown: {msg}");
    }

    // What is around it goes on: a reaction to it, an edit that makes it readable again.
    let react =
        |mid: &str| json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": "👍"});
    socket.ok(send(react(&good))).await;
    socket.ok(send(react(&mids[0]))).await;
    assert_eq!(shown(&anna, &mids[0]).await["reactions"][0]["e"], "👍");
    let edit = json!({"mid": mids[1], "rev": 1, "kind": "msg", "t": "readable"});
    let first = socket.ok(send(edit.clone())).await;
    assert_eq!(socket.ok(send(edit)).await["seq"], first["seq"]);
    assert_eq!(shown(&anna, &mids[1]).await["t"], "readable");
    // Its author may repeat what nobody can compare.
    socket.ok(send(json!({"mid": mids[2], "rev": 0, "kind": "msg", "t": "again"}))).await;

    let del = |mid: &str| send(json!({"mid": mid, "rev": 1, "kind": "del"}));
    let mut other = server.user("ben").await.socket().await;
    other.err(del(&mids[3]), "forbidden").await;
    socket.ok(del(&mids[3])).await;
    boss.socket().await.ok(del(&mids[4])).await;
    for mid in &mids[3..5] {
        let msg = shown(&anna, mid).await;
        assert_eq!((&msg["kind"], &msg["unreadable"]), (&json!("del"), &Value::Null), "{msg}");
        let event = |frame: &Value| frame["msg"]["mid"] == *mid && frame["msg"]["kind"] == "del";
        socket.find("the deletion", event).await;
    }
    socket.send_text(ROOM, "life goes on").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_an_earlier_program_kept_any_number_with_is_read_and_deleted() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let mids = [socket.send_text(ROOM, "one").await.0, socket.send_text(ROOM, "two").await.0];
    let sql = server.sql().await;
    let body = r#"{"t": "kept", "f": [{"v": 1.7976931348623157e308}]}"#;
    let update = "UPDATE chat.messages SET body = $1::text::jsonb WHERE room_id = 1";
    sql.execute(update, &[&body]).await.unwrap();
    let database = server.database.clone();
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let anna = anna.at(server.address);
    let mut socket = anna.socket().await;
    assert!(page(&anna).await.iter().all(|entry| entry["msg"]["t"] == "kept"));
    socket.ok(json!({"op": "room.subscribe", "room": ROOM})).await;
    socket.ok(send(json!({"mid": mids[0], "rev": 1, "kind": "del"}))).await;
    socket.ok(send(json!({"mid": mids[1], "rev": 1, "kind": "msg", "t": "new"}))).await;
    assert_eq!(shown(&anna, &mids[0]).await["kind"], "del");
    assert_eq!(shown(&anna, &mids[1]).await["t"], "new");
    server.stop().await;
}

/// Earlier programs kept `❤` beside `❤️`, and everything else that somebody sent.
#[tokio::test(flavor = "multi_thread")]
async fn one_emoji_in_two_forms_is_one_reaction_also_where_both_are_stored() {
    let server = TestServer::start().await;
    let (anna, ben) = (server.user("anna").await, server.user("ben").await);
    let (mut of_anna, mut of_ben) = (anna.socket().await, ben.socket().await);
    let (mid, _) = of_anna.send_text(ROOM, "to react to").await;
    let react = |emoji: &str| {
        send(json!({"mid": new_mid(), "rev": 0, "kind": "react", "ref": mid, "e": emoji}))
    };
    of_anna.ok(react("❤")).await;
    of_anna.err(react("❤\u{fe0f}"), "conflict").await;
    let sql = server.sql().await;
    let update = "UPDATE chat.messages SET body = '{\"e\":\"❤\"}' WHERE kind = 'react'";
    assert_eq!(sql.execute(update, &[]).await.unwrap(), 1);
    of_ben.ok(react("❤\u{fe0f}")).await;
    let groups = shown(&anna, &mid).await["reactions"].clone();
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups}");
    assert_eq!(groups[0]["e"], "❤\u{fe0f}");
    assert_eq!(groups[0]["by"], json!([anna.uid, ben.uid]));
    for emoji in ["hello", "<b>", "\u{200b}", "👍👍", "1", "é"] {
        of_anna.err(react(emoji), "bad_request").await;
    }
    server.stop().await;
}

/// Nobody can answer or delete by the eye what cannot be seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_invisible_characters_is_refused_and_so_is_an_edit_to_one() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let (mid, _) = socket.send_text(ROOM, "seen").await;
    for text in [
        "\u{200b}",
        "\u{2800}",
        "\u{3164}",
        "\u{ad}",
        "\u{2060}",
        "\u{202e}",
        "\u{7}",
        "\u{fe0f}",
        "\u{200d} \n",
    ] {
        let msg =
            |mid: &str, rev: u32| send(json!({"mid": mid, "rev": rev, "kind": "msg", "t": text}));
        let refused = socket.err(msg(&new_mid(), 0), "bad_request").await;
        assert!(refused["message"].as_str().unwrap().contains("\"t\""), "{refused}");
        socket.err(msg(&mid, 1), "bad_request").await;
    }
    assert_eq!(page(&anna).await.len(), 1);
    server.stop().await;
}

/// The author of a reaction that cannot be read takes it back by its id.
#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_that_cannot_be_read_counts_and_can_be_taken_back() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let (mid, _) = socket.send_text(ROOM, "to react to").await;
    let reaction = new_mid();
    let react = |reaction: &str, emoji: &str| {
        send(json!({"mid": reaction, "rev": 0, "kind": "react", "ref": mid, "e": emoji}))
    };
    let first = socket.ok(react(&reaction, "👍")).await;
    let sql = server.sql().await;
    let update = "UPDATE chat.messages SET body = '7' WHERE kind = 'react'";
    sql.execute(update, &[]).await.unwrap();
    assert_eq!(socket.ok(react(&reaction, "👍")).await["seq"], first["seq"], "the first answer");
    for n in 1..limits::REACTIONS_PER_AUTHOR {
        socket.ok(react(&new_mid(), support::emoji(n))).await;
    }
    socket.err(react(&new_mid(), "➕"), "bad_request").await;
    socket.ok(send(json!({"mid": reaction, "rev": 1, "kind": "del"}))).await;
    socket.ok(react(&new_mid(), "➕")).await;
    let stored = ChatStore::open(Database::new(&server.database).unwrap()).await.unwrap();
    let rows = stored.stored(RoomId(1), &[reaction.parse().unwrap()], &[]).await.unwrap().rows;
    assert!(rows.iter().any(|row| matches!(row.kind, StoredKind::Deleted { target: Some(_), .. })));
    assert_eq!(rows.len(), 1, "an erased reaction brings no message along");
    server.stop().await;
}
