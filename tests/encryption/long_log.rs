//! A log of many entries, and tables that somebody has changed by hand (`e2ee.md` 15.9).

use std::time::{Duration, Instant};

use impulse::base::limits::encryption as limits;
use impulse::base::random;
use impulse::e2ee::room_log::{Body, EpochReason, KeyLink};

use crate::client::{Person, Room, commitment, now};
use crate::support::TestServer;

/// More than a room reads at once, and more than one answer has.
const ENTRIES: u64 = limits::LOG_SLICE as u64 + 600;

/// Gives the room so many new keys as if members had made them one by one.
async fn lengthen(server: &TestServer, room: &mut Room, by: &Person) {
    let directory = by.directory().await;
    let mut bodies = Vec::new();
    for n in (room.epoch() + 1..).take(ENTRIES as usize) {
        let key = random::bytes().unwrap();
        let links = vec![KeyLink { epoch: n - 1, nonce: [1; 12], sealed: [2; 48] }];
        let (kc, skip, reason) = (commitment(&key, n), Vec::new(), EpochReason::Manual);
        bodies.push(Body::Epoch { n, kc, links, skip, reason });
        room.keys.push(key);
    }
    let first = room.state.next_seq;
    let signed = room.sign_all(by, &bodies, directory, now());
    let seqs: Vec<i64> = (first..).map(u64::cast_signed).take(signed.len()).collect();
    let entries: Vec<_> = signed.iter().map(|one| one.entry.as_slice()).collect();
    let signatures: Vec<_> = signed.iter().map(|one| one.sig.as_slice()).collect();
    let hashes: Vec<_> = signed.iter().map(|one| one.hash().to_vec()).collect();
    let id: i64 = room.id.parse().unwrap();
    let add = "INSERT INTO chat.log (room_id, seq, batch, at, entry, sig, hash)
               SELECT $1, s, s, 0, e, g, h
               FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[]) AS i(s, e, g, h)";
    let sql = server.sql().await;
    sql.execute(add, &[&id, &seqs, &entries, &signatures, &hashes]).await.unwrap();
    let (seq, epoch) = (room.state.seq().cast_signed(), room.epoch().cast_signed());
    let move_on = "UPDATE chat.rooms SET log_seq = $2, log_head = $3, epoch = $4, last_seq = $2 WHERE id = $1";
    sql.execute(move_on, &[&id, &seq, &room.state.head.as_slice(), &epoch]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_read_in_parts_by_rooms_and_members() {
    let server = TestServer::start().await;
    let (anna, bob) = (Person::new(&server, "anna").await, Person::new(&server, "bob").await);
    let mut room = Room::create(&[&anna, &bob]).await;
    let database = server.database.clone();
    lengthen(&server, &mut room, &anna).await;
    // Somebody changes a table by hand: the log counts.
    let by_hand = "UPDATE chat.members SET role = 'owner', since_seq = NULL 
                   WHERE user_id = $1 AND room_id = $2";
    let id: i64 = room.id.parse().unwrap();
    server.sql().await.execute(by_hand, &[&bob.uid().0, &id]).await.unwrap();
    server.stop().await;

    let server = TestServer::start_on(&database, &[]).await;
    let (anna, bob) = (anna.at(server.address), bob.at(server.address));
    let (mut records, mut answers) = (Vec::new(), 0);
    while (records.len() as u64) < room.state.next_seq {
        let next = room.log(&bob, records.len() as u64).await;
        let bytes: usize = next.iter().map(|one| one.signed.entry.len() + 84).sum();
        assert!(!next.is_empty() && bytes <= limits::LOG_PAGE_BYTES + 1_000, "{bytes}");
        records.extend(next);
        answers += 1;
    }
    assert!(answers > 1);
    assert_eq!(records.last().unwrap().signed.hash(), room.state.head);
    assert!(room.log(&bob, room.state.next_seq).await.is_empty());
    // Its room reads it, too, and nobody else waits for that.
    room.rotate(&anna, &[&anna, &bob]).await;
    let stored = "SELECT role, since_seq FROM chat.members WHERE user_id = $1 AND room_id = $2";
    let (sql, began) = (server.sql().await, Instant::now());
    loop {
        let row = sql.query_one(stored, &[&bob.uid().0, &id]).await.unwrap();
        let (role, since): (&str, Option<i64>) = (row.get(0), row.get(1));
        if (role, since) == ("member", Some(1)) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "nobody has looked at the room");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let members = bob.client.get(&room.path("/members")).await.expect(200);
    assert_eq!(members["members"][1]["role"], "member", "{members}");
    server.stop().await;
}
