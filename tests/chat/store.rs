//! The chat store on a real PostgreSQL, as the journal and the rooms use it.

use std::time::Duration;

use impulse::base::ids::{Mid, RoomId, Uid};
use impulse::base::limits::store::{CHECK_DUPLICATES, COUNTED};
use impulse::store::chat::change::{Change, Entry, Outcome};
use impulse::store::chat::commit::Writer;
use impulse::store::chat::{Ack, ChatStore, Found};
use impulse::store::pool::Database;

use crate::support::postgres;

const ROOM: RoomId = RoomId(1);

fn new(room: RoomId, mid: u8) -> Entry {
    let body = r#"{"t":"a word"}"#.to_owned();
    Entry {
        room,
        change: Change::New { mid: Mid([mid; 16]), author: Uid(1), body, files: Vec::new() },
    }
}

async fn database() -> Database {
    let database = Database::new(&postgres::database().await).unwrap();
    ChatStore::open(database.clone()).await.unwrap().create_ready_made_rooms().await.unwrap();
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_the_next_numbers_of_its_rooms_and_refuses_what_was_there_or_has_no_room() {
    let database = database().await;
    let mut writer = Writer::connect(&database).await.unwrap();
    let nowhere = RoomId(404);
    let first = [new(ROOM, 1), new(RoomId(2), 1), new(ROOM, 2)];
    let done = |seq| Outcome::Done { seq };
    assert_eq!(writer.commit(&first, 1).await.unwrap(), [done(1), done(1), done(2)]);
    let second = [new(ROOM, 2), new(nowhere, 3), new(ROOM, 3)];
    let outcomes = writer.commit(&second, 2).await.unwrap();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Refused, done(3)]);
    // The next one is checked for duplicates before anything is inserted.
    let third = [new(ROOM, 4), new(ROOM, 1), new(ROOM, 5), new(RoomId(2), 2)];
    let outcomes = writer.commit(&third, 3).await.unwrap();
    assert_eq!(outcomes, [done(4), Outcome::Refused, done(5), done(2)]);
    tokio::time::sleep(CHECK_DUPLICATES).await;
    assert_eq!(writer.commit(&[new(ROOM, 6)], 4).await.unwrap(), [done(6)]);
    let sql = database.connect().await.unwrap();
    let strays = "SELECT count(*) FROM chat.messages WHERE room_id = $1";
    assert_eq!(sql.query_one(strays, &[&nowhere.0]).await.unwrap().get::<_, i64>(0), 0);
}

/// What was missed is what was created and what was changed since, in the order of the changes.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_what_is_new_and_what_was_changed_each_once_and_in_order() {
    let database = database().await;
    let store = ChatStore::open(database.clone()).await.unwrap();
    let mut writer = Writer::connect(&database).await.unwrap();
    let change = |change| [Entry { room: ROOM, change }];
    let react = |mid, target| {
        let (mid, target) = (Mid([mid; 16]), Mid([target; 16]));
        change(Change::React { mid, author: Uid(2), target, body: r#"{"e":"+"}"#.to_owned() })
    };
    let delete = |mid| change(Change::Delete { mid: Mid([mid; 16]), rev: 1, body: None });
    for mid in 1..=6 {
        writer.commit(&[new(ROOM, mid)], 1).await.unwrap();
    }
    for entries in [react(101, 2), delete(5), [new(ROOM, 7)], react(102, 4), react(103, 2)] {
        writer.commit(&entries, 2).await.unwrap();
    }
    // Each message as it is now, by its last change: 5 was deleted as number 8, 2 has a second reaction.
    let now: [(u64, u8); 7] = [(1, 1), (3, 3), (6, 6), (8, 5), (9, 7), (10, 4), (11, 2)];
    for since in 0..=12 {
        for limit in 1..=8 {
            let missed =
                store.changed_within(ROOM, since, limit, usize::MAX).await.unwrap().messages;
            let missed: Vec<_> = missed.iter().map(|m| (m.seq, m.mid.0[0])).collect();
            let expected = now.iter().copied().filter(|(seq, _)| *seq > since);
            let expected: Vec<_> = expected.take(limit).collect();
            assert_eq!(missed, expected, "since {since}, at most {limit}");
        }
    }
}

/// The tables of a new database are empty when the journal prepares its statements. What is planned
/// for that must not read every message for every commit later.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_reads_no_message_but_those_it_names() {
    const COMMITS: u8 = 100;
    let database = database().await;
    let mut writer = Writer::connect(&database).await.unwrap();
    for mid in 1..=COMMITS {
        // The repetition makes it look.
        writer.commit(&[new(ROOM, 0), new(ROOM, mid)], 1).await.unwrap();
    }
    drop(writer); // what a connection did is counted when it ends
    let sql = database.connect().await.unwrap();
    let counted = async {
        let count = "SELECT coalesce(idx_scan, 0), seq_tup_read FROM pg_stat_user_tables
                     WHERE schemaname = 'chat' AND relname = 'messages'";
        loop {
            let row = sql.query_one(count, &[]).await.unwrap();
            if row.get::<_, i64>(0) >= i64::from(COMMITS) {
                break row.get::<_, i64>(1);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(20), counted).await.expect("it is counted");
    assert_eq!(read, 0, "messages read by walking through the table");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_hold_every_character_is_refused() {
    let url = postgres::database().await;
    let sql = Database::new(&url).unwrap().connect().await.unwrap();
    let latin = "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0";
    sql.batch_execute(latin).await.unwrap();
    let (server, _) = url.split_once("dbname=").unwrap();
    let database = Database::new(&format!("{server}dbname=latin")).unwrap();
    let refusal = ChatStore::open(database).await.err().expect("a refusal");
    assert!(refusal.contains("LATIN1") && refusal.contains("UTF8"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_found_by_their_ids_together_with_what_reactions_are_for() {
    let database = database().await;
    let store = ChatStore::open(database.clone()).await.unwrap();
    let mut writer = Writer::connect(&database).await.unwrap();
    let change = |change| [Entry { room: ROOM, change }];
    let mid = |n: u8| Mid([n; 16]);
    for n in 1..=3 {
        writer.commit(&[new(ROOM, n)], 1).await.unwrap();
    }
    writer.commit(&[new(RoomId(2), 9)], 1).await.unwrap();
    for (n, target) in [(101, 1), (102, 1), (103, 2)] {
        let body = r#"{"e":"+"}"#.to_owned();
        let react = Change::React { mid: mid(n), author: Uid(2), target: mid(target), body };
        writer.commit(&change(react), 2).await.unwrap();
    }
    let edit = Change::Edit {
        mid: mid(3),
        rev: 1,
        body: r#"{"t":"edited"}"#.to_owned(),
        replaced: None,
        files: Vec::new(),
    };
    writer.commit(&change(edit), 3).await.unwrap();
    let asked: Vec<_> = [102, 3, 9, 200].map(mid).to_vec();
    let revisions = [(mid(3), 0), (mid(3), 1), (mid(200), 0)];
    let Found { mut rows, superseded } = store.stored(ROOM, &asked, &revisions).await.unwrap();
    rows.sort_by_key(|row| row.mid);
    // The message of the reaction comes along; what is of another room, or nowhere, does not.
    assert_eq!(rows.iter().map(|row| row.mid).collect::<Vec<_>>(), [1, 3, 102].map(mid));
    assert_eq!(rows[0].state().reactions.len(), 2);
    assert_eq!(rows[0].created_ack, Ack { seq: 1, at: 1 });
    assert_eq!((rows[1].rev, rows[1].rev_ack.at), (1, 3));
    let [one] = &superseded[..] else { panic!("{superseded:?}") };
    assert_eq!((one.mid, one.rev, one.ack, &one.digest), (mid(3), 0, Ack { seq: 3, at: 1 }, &None));
    assert!(store.stored(ROOM, &[], &[]).await.unwrap().rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_a_bound_messages_are_counted_and_beyond_it_there_is_an_estimate() {
    let database = database().await;
    let store = ChatStore::open(database.clone()).await.unwrap();
    let mut writer = Writer::connect(&database).await.unwrap();
    writer.commit(&[new(ROOM, 1), new(ROOM, 2)], 1).await.unwrap();
    let sql = database.connect().await.unwrap();
    let count_with_estimate = async |estimate: i64| {
        let update =
            "UPDATE pg_class SET reltuples = $1::bigint WHERE oid = 'chat.messages'::regclass";
        sql.execute(update, &[&estimate]).await.unwrap();
        store.message_count().await.unwrap()
    };
    assert_eq!(count_with_estimate(COUNTED).await, 2);
    assert_eq!(count_with_estimate(2 * COUNTED).await, 2 * COUNTED);
}
