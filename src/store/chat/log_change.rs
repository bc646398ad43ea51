//! Appends a batch to the log of an encrypted room: the entries, the members as they are after it, and the wraps of its
//! keys, in one statement of the journal's transaction (`e2ee.md` 6.1, 7.4, 12.1).

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::change::LogChange;
use super::log_columns::{EntryColumns, MemberColumns, WrapColumns};
use crate::base::ids::RoomId;
use crate::base::limits::encryption::WRAPS_KEPT;

/// Nothing happens unless the log ends where the batch begins. A wrap of somebody who once posted a bad one for the same
/// key is left out, and the first wrap for a key stays. So many wraps of each member are kept, not those of so many keys:
/// else somebody who makes keys without wraps, as a batch that is appended again may, would take the others' away.
pub(super) const LOG: &str = "
WITH taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + 1, log_seq = $4, log_head = $5, epoch = $6,
        dm_key = CASE WHEN kind = 'dm' AND cardinality($16::bigint[]) > 0 THEN 'left ' || id ELSE dm_key END
    WHERE id = $1 AND deleted_at IS NULL AND log_seq = $2 AND log_head = $3 RETURNING last_seq
), added AS (
    INSERT INTO chat.log (room_id, seq, batch, at, entry, sig, hash)
    SELECT $1, $2::bigint + i.n, t.last_seq, $7, i.entry, i.sig, i.hash
    FROM taken t, unnest($8::bytea[], $9::bytea[], $10::bytea[]) WITH ORDINALITY AS i(entry, sig, hash, n)
), put AS (
    INSERT INTO chat.members (room_id, user_id, role, root, since_seq, since_dn, joined_at, read_seq)
    SELECT $1, i.user_id, i.role, i.root, i.since_seq, i.since_dn, $7, t.last_seq
    FROM taken t, unnest($11::bigint[], $12::text[], $13::bytea[], $14::bigint[], $15::bigint[])
        AS i(user_id, role, root, since_seq, since_dn)
    ON CONFLICT (room_id, user_id) DO UPDATE SET role = excluded.role, root = excluded.root,
        since_seq = excluded.since_seq, since_dn = excluded.since_dn
), gone AS (
    DELETE FROM chat.members WHERE room_id = $1 AND user_id = ANY($16) AND EXISTS (SELECT FROM taken)
), wrapped AS (
    INSERT INTO chat.epoch_wraps (room_id, epoch, user_id, gen, wrap, poster)
    SELECT $1, i.epoch, i.user_id, i.gen, i.wrap, $21
    FROM taken t, unnest($17::bigint[], $18::bigint[], $19::bigint[], $20::bytea[]) AS i(epoch, user_id, gen, wrap)
    WHERE NOT EXISTS (SELECT FROM chat.bad_wraps b WHERE b.room_id = $1 AND b.epoch = i.epoch
        AND b.user_id = i.user_id AND b.gen = i.gen AND b.poster = $21)
    ON CONFLICT DO NOTHING
), ranked AS (
    SELECT user_id, epoch, row_number() OVER (PARTITION BY user_id ORDER BY epoch DESC) AS place
    FROM (SELECT DISTINCT user_id, epoch FROM chat.epoch_wraps WHERE room_id = $1) AS keys
), pruned AS (
    DELETE FROM chat.epoch_wraps w
    USING taken t CROSS JOIN unnest($22::bigint[], $24::bigint[], $25::bigint[]) AS i(user_id, from_epoch, gen)
        LEFT JOIN ranked r ON r.user_id = i.user_id AND r.place = $26
    WHERE w.room_id = $1 AND w.user_id = i.user_id AND (w.epoch < i.from_epoch OR w.epoch <= r.epoch OR w.gen < i.gen AND EXISTS (
        SELECT FROM chat.epoch_wraps o WHERE o.room_id = $1 AND o.epoch = w.epoch AND o.user_id = w.user_id
            AND o.gen > w.gen AND o.gen <= i.gen))
), sent AS (
    UPDATE chat.members m SET sent_epoch = i.sent_epoch
    FROM taken t, unnest($22::bigint[], $23::bigint[]) AS i(user_id, sent_epoch)
    WHERE m.room_id = $1 AND m.user_id = i.user_id AND m.sent_epoch < i.sent_epoch AND NOT m.user_id = ANY($11)
), forgiven AS (
    DELETE FROM chat.bad_wraps WHERE room_id = $1 AND epoch < $6 - 1 AND EXISTS (SELECT FROM taken)
)
SELECT last_seq FROM taken";

/// Appends it; the row is the room's new `seq`, and there is none if the log has gone on.
pub(super) async fn append(
    client: &Client,
    statement: &Statement,
    room: RoomId,
    change: &LogChange,
    at: i64,
) -> Result<Option<Row>, Error> {
    let (after, head) = (&change.after, &change.head);
    let number = |number: u64| number.cast_signed();
    let (after_seq, head_seq, epoch) = (number(after.seq), number(head.seq), number(change.epoch));
    let (after_hash, head_hash) = (after.hash.as_slice(), head.hash.as_slice());
    let entries = EntryColumns::of(&change.entries);
    let members = MemberColumns::of(&change.members);
    let wraps = WrapColumns::of(&change.wraps);
    let left: Vec<_> = change.left.iter().map(|uid| uid.0).collect();
    let kept: Vec<_> = change.kept.iter().map(|kept| kept.uid.0).collect();
    let sent: Vec<_> = change.kept.iter().map(|kept| number(kept.sent_epoch)).collect();
    let from: Vec<_> = change.kept.iter().map(|kept| number(kept.from_epoch)).collect();
    let current: Vec<_> = change.kept.iter().map(|kept| number(kept.generation)).collect();
    let values: [&(dyn ToSql + Sync); 26] = [
        &room.0,
        &after_seq,
        &after_hash,
        &head_seq,
        &head_hash,
        &epoch,
        &at,
        &entries.entries,
        &entries.signatures,
        &entries.hashes,
        &members.uids,
        &members.roles,
        &members.roots,
        &members.since_seqs,
        &members.since_dns,
        &left,
        &wraps.epochs,
        &wraps.uids,
        &wraps.generations,
        &wraps.wraps,
        &change.poster.0,
        &kept,
        &sent,
        &from,
        &current,
        &WRAPS_KEPT,
    ];
    client.query_opt(statement, &values).await
}
