//! The logs of encrypted rooms, and the wraps of their keys: reading, creating a room, and healing (`e2ee.md` 6, 7, 12.1).

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::change::{LoggedEntry, LoggedMember};
use super::log_columns::{EntryColumns, MemberColumns, WrapColumns};
use super::message_rows::{to_limit, unsigned};
use super::rooms::{self, RoomRow};
use super::{ChatStore, RoomEncryption};
use crate::base::encryption::{LogHead, WrapId};
use crate::base::error::{Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::time::now_ms;
use crate::protocol::encryption::{LogEntry, OwnWrap, PostedWrap};
use crate::protocol::room::{Role, RoomKind};
use crate::store::pool::failed;

/// An entry of a log, and the change of the room that brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its number in the log.
    pub seq: u64,
    /// The room's `seq` of that change.
    pub batch: u64,
    /// When that was, in milliseconds.
    pub at: i64,
    /// The entry.
    pub logged: LoggedEntry,
}

/// Entries that were appended by one change of the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBatch {
    /// The room's `seq` of that change.
    pub seq: u64,
    /// When it was, in milliseconds.
    pub at: i64,
    /// The number of the first of them in the log.
    pub from: u64,
    /// The entries.
    pub entries: Vec<LogEntry>,
}

/// An encrypted room to be created.
#[derive(Debug, Clone)]
pub struct NewEncryptedRoom {
    /// Closed or direct.
    pub kind: RoomKind,
    /// The people of a direct room, as text.
    pub dm_key: Option<String>,
    /// Its id in signatures, its log and its key.
    pub encryption: RoomEncryption,
    /// The founding entries.
    pub entries: Vec<LoggedEntry>,
    /// Its first members.
    pub members: Vec<LoggedMember>,
    /// Their keys of the room.
    pub wraps: Vec<PostedWrap>,
    /// Who makes it.
    pub creator: Uid,
}

/// What a room knows of the wraps of its present key.
#[derive(Debug, Clone, Default)]
pub struct StoredWraps {
    /// Those there are.
    pub present: Vec<WrapId>,
    /// Who is barred from posting which, because an earlier one was bad.
    pub barred: Vec<(WrapId, Uid)>,
    /// The key under which each member was last seen to write.
    pub sent: Vec<(Uid, u64)>,
}

impl ChatStore {
    /// Entries of a log from number `from` on: at most `limit`, and of about `bytes` together, but at least one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn log(
        &self,
        room: RoomId,
        from: u64,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<LogRow>> {
        let sql = "SELECT seq, batch, at, entry, sig, hash FROM (
                       SELECT l.*, sum(octet_length(entry) + 84) OVER (ORDER BY seq) - octet_length(entry) - 84 AS before
                       FROM (SELECT * FROM chat.log WHERE room_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3) l
                   ) summed WHERE before < $4 ORDER BY seq";
        let client = self.database.get().await?;
        let from = from.min(i64::MAX.unsigned_abs()).cast_signed();
        let values: [&(dyn ToSql + Sync); 4] = [&room.0, &from, &to_limit(limit), &to_limit(bytes)];
        let rows = client.query(sql, &values).await.map_err(failed)?;
        rows.iter().map(log_row).collect()
    }

    /// The batches that changed the room after `since`, in order: at most `limit`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn log_batches(
        &self,
        room: RoomId,
        since: u64,
        limit: usize,
    ) -> Result<Vec<LogBatch>> {
        let sql = "SELECT seq, batch, at, entry, sig, hash FROM chat.log
                   WHERE room_id = $1 AND batch = ANY(ARRAY(
                       SELECT DISTINCT batch FROM chat.log WHERE room_id = $1 AND batch > $2
                       ORDER BY batch LIMIT $3))
                   ORDER BY seq";
        let client = self.database.get().await?;
        let values: [&(dyn ToSql + Sync); 3] = [&room.0, &since.cast_signed(), &to_limit(limit)];
        let rows = client.query(sql, &values).await.map_err(failed)?;
        let mut batches: Vec<LogBatch> = Vec::new();
        for row in &rows {
            let LogRow { seq, batch, at, logged } = log_row(row)?;
            let entry = LogEntry { entry: logged.entry, signature: logged.signature.to_vec() };
            match batches.last_mut().filter(|last| last.seq == batch) {
                Some(last) => last.entries.push(entry),
                None => batches.push(LogBatch { seq: batch, at, from: seq, entries: vec![entry] }),
            }
        }
        Ok(batches)
    }

    /// The log of a room, its head and its key, as they are now.
    ///
    /// # Errors
    /// `not_found` for a room that is gone or not encrypted; `unavailable`.
    pub async fn room_encryption(&self, room: RoomId) -> Result<RoomEncryption> {
        let row = self.room(room).await?;
        row.encryption.ok_or_else(rooms::no_room)
    }

    /// The members of an encrypted room as its log has made them, by id.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn logged_members(&self, room: RoomId) -> Result<Vec<LoggedMember>> {
        let sql = "SELECT user_id, role, root, since_seq, since_dn FROM chat.members
                   WHERE room_id = $1 ORDER BY user_id";
        let rows = self.database.get().await?.query(sql, &[&room.0]).await.map_err(failed)?;
        let member = |row: &Row| {
            let root = row.get::<_, Option<&[u8]>>(2).unwrap_or_default().try_into();
            Some(LoggedMember {
                uid: Uid(row.get(0)),
                role: Role::from_name(row.get(1))?,
                root: root.ok()?,
                since_seq: row.get::<_, Option<i64>>(3)?.unsigned_abs(),
                since_dn: row.get::<_, Option<i64>>(4)?.unsigned_abs(),
            })
        };
        // One that the log has not made differs from all that it has.
        Ok(rows.iter().map(|row| member(row).unwrap_or(NOBODY)).collect())
    }

    /// Makes the members of an encrypted room again, as its log says.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn rebuild_members(&self, room: RoomId, members: &[LoggedMember]) -> Result<()> {
        let sql = "WITH gone AS (
                       DELETE FROM chat.members WHERE room_id = $1 AND NOT user_id = ANY($2)
                   )
                   INSERT INTO chat.members (room_id, user_id, role, root, since_seq, since_dn, joined_at)
                   SELECT $1, i.user_id, i.role, i.root, i.since_seq, i.since_dn, $7
                   FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::bigint[])
                       AS i(user_id, role, root, since_seq, since_dn)
                   ON CONFLICT (room_id, user_id) DO UPDATE SET role = excluded.role, root = excluded.root,
                       since_seq = excluded.since_seq, since_dn = excluded.since_dn, suspended_at = NULL";
        let MemberColumns { uids, roles, roots, since_seqs, since_dns } =
            MemberColumns::of(members);
        let values: [&(dyn ToSql + Sync); 7] =
            [&room.0, &uids, &roles, &roots, &since_seqs, &since_dns, &now_ms()];
        self.database.get().await?.execute(sql, &values).await.map_err(failed)?;
        Ok(())
    }

    /// What there is of the wraps of a key.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn wraps_of_epoch(&self, room: RoomId, epoch: u64) -> Result<StoredWraps> {
        let client = self.database.get().await?;
        let number = epoch.cast_signed();
        let present = "SELECT user_id, gen FROM chat.epoch_wraps WHERE room_id = $1 AND epoch = $2";
        let barred =
            "SELECT user_id, gen, poster FROM chat.bad_wraps WHERE room_id = $1 AND epoch = $2";
        let sent =
            "SELECT user_id, sent_epoch FROM chat.members WHERE room_id = $1 AND sent_epoch > 0";
        let present = client.query(present, &[&room.0, &number]).await.map_err(failed)?;
        let barred = client.query(barred, &[&room.0, &number]).await.map_err(failed)?;
        let sent = client.query(sent, &[&room.0]).await.map_err(failed)?;
        let id = |row: &Row| WrapId { uid: Uid(row.get(0)), epoch, generation: unsigned(row, 1) };
        Ok(StoredWraps {
            present: present.iter().map(id).collect(),
            barred: barred.iter().map(|row| (id(row), Uid(row.get(2)))).collect(),
            sent: sent.iter().map(|row| (Uid(row.get(0)), unsigned(row, 1))).collect(),
        })
    }

    /// The wraps for a member, newest first, of keys before number `before`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn wraps_for(
        &self,
        room: RoomId,
        uid: Uid,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<OwnWrap>> {
        let sql = "SELECT epoch, gen, wrap FROM chat.epoch_wraps
                   WHERE room_id = $1 AND user_id = $2 AND epoch < $3 ORDER BY epoch DESC, gen DESC LIMIT $4";
        let before =
            before.map_or(i64::MAX, |epoch| epoch.min(i64::MAX.unsigned_abs()).cast_signed());
        let client = self.database.get().await?;
        let values: [&(dyn ToSql + Sync); 4] = [&room.0, &uid.0, &before, &to_limit(limit)];
        let rows = client.query(sql, &values).await.map_err(failed)?;
        rows.iter().map(own_wrap).collect()
    }

    /// Adds wraps where there are none, without those that this poster is barred from; those that were added. The poster's
    /// own ones for keys after generation `present` replace what is there: nobody else can post them, and until those keys
    /// exist nobody can say that one is bad.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn add_wraps(
        &self,
        room: RoomId,
        poster: Uid,
        present: u64,
        wraps: &[PostedWrap],
    ) -> Result<Vec<WrapId>> {
        let sql = "INSERT INTO chat.epoch_wraps AS w (room_id, epoch, user_id, gen, wrap, poster)
                   SELECT $1, i.epoch, i.user_id, i.gen, i.wrap, $6
                   FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]) AS i(epoch, user_id, gen, wrap)
                   WHERE NOT EXISTS (SELECT FROM chat.bad_wraps b WHERE b.room_id = $1 AND b.epoch = i.epoch
                       AND b.user_id = i.user_id AND b.gen = i.gen AND b.poster = $6)
                   ON CONFLICT (room_id, epoch, user_id, gen) DO UPDATE SET wrap = excluded.wrap
                       WHERE w.user_id = $6 AND w.poster = $6 AND w.gen > $7 AND w.wrap <> excluded.wrap
                   RETURNING epoch, user_id, gen";
        let columns = WrapColumns::of(wraps);
        let present = present.cast_signed();
        let values: [&(dyn ToSql + Sync); 7] = [
            &room.0,
            &columns.epochs,
            &columns.uids,
            &columns.generations,
            &columns.wraps,
            &poster.0,
            &present,
        ];
        let rows = self.database.get().await?.query(sql, &values).await.map_err(failed)?;
        let id = |row: &Row| WrapId {
            epoch: unsigned(row, 0),
            uid: Uid(row.get(1)),
            generation: unsigned(row, 2),
        };
        Ok(rows.iter().map(id).collect())
    }

    /// Removes a wrap that did not open, and bars its poster from posting another for the same key. The poster; nothing if
    /// there was none.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_bad_wrap(&self, room: RoomId, id: WrapId) -> Result<Option<Uid>> {
        let sql = "WITH bad AS (
                       DELETE FROM chat.epoch_wraps
                       WHERE room_id = $1 AND epoch = $2 AND user_id = $3 AND gen = $4 RETURNING poster
                   ), barred AS (
                       INSERT INTO chat.bad_wraps (room_id, epoch, user_id, gen, poster)
                       SELECT $1, $2, $3, $4, poster FROM bad ON CONFLICT DO NOTHING
                   )
                   SELECT poster FROM bad";
        let values: [&(dyn ToSql + Sync); 4] =
            [&room.0, &id.epoch.cast_signed(), &id.uid.0, &id.generation.cast_signed()];
        let row = self.database.get().await?.query_opt(sql, &values).await.map_err(failed)?;
        Ok(row.map(|row| Uid(row.get(0))))
    }

    /// A direct room that is of no use any more is not found by its people: they can begin anew.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn free_direct_room(&self, room: RoomId) -> Result<()> {
        let sql = "UPDATE chat.rooms SET dm_key = 'left ' || id WHERE id = $1 AND kind = 'dm' AND dm_key LIKE 'e:%'";
        self.database.get().await?.execute(sql, &[&room.0]).await.map_err(failed)?;
        Ok(())
    }

    /// Creates an encrypted room with its founding entries, which are its first change.
    ///
    /// # Errors
    /// `conflict` if the direct room exists, or a room with these founding entries; `unavailable`.
    pub async fn create_encrypted_room(&self, new: &NewEncryptedRoom) -> Result<(RoomRow, i64)> {
        let sql = "
            WITH room AS (
                INSERT INTO chat.rooms (name, topic, kind, e2ee, dm_key, created_at, last_seq, rid, log_seq, log_head, epoch)
                VALUES (NULL, '', $1, true, $2, $3, 1, $4, $5, $6, $7) RETURNING id
            ), added AS (
                INSERT INTO chat.log (room_id, seq, batch, at, entry, sig, hash)
                SELECT r.id, i.n - 1, 1, $3, i.entry, i.sig, i.hash
                FROM room r, unnest($8::bytea[], $9::bytea[], $10::bytea[]) WITH ORDINALITY AS i(entry, sig, hash, n)
            ), put AS (
                INSERT INTO chat.members (room_id, user_id, role, root, since_seq, since_dn, joined_at, read_seq)
                SELECT r.id, i.user_id, i.role, i.root, i.since_seq, i.since_dn, $3, 0
                FROM room r, unnest($11::bigint[], $12::text[], $13::bytea[], $14::bigint[], $15::bigint[])
                    AS i(user_id, role, root, since_seq, since_dn)
            ), wrapped AS (
                INSERT INTO chat.epoch_wraps (room_id, epoch, user_id, gen, wrap, poster)
                SELECT r.id, $7, i.user_id, i.gen, i.wrap, $19
                FROM room r, unnest($16::bigint[], $17::bigint[], $18::bytea[]) AS i(user_id, gen, wrap)
            )
            SELECT id FROM room";
        let now = now_ms();
        let RoomEncryption { rid, log: LogHead { seq, hash }, epoch } = &new.encryption;
        let number = |number: u64| number.cast_signed();
        let entries = EntryColumns::of(&new.entries);
        let members = MemberColumns::of(&new.members);
        let wraps = WrapColumns::of(&new.wraps);
        let (kind, rid, hash) = (new.kind.as_str(), rid.as_slice(), hash.as_slice());
        let values: [&(dyn ToSql + Sync); 19] = [
            &kind,
            &new.dm_key,
            &now,
            &rid,
            &number(*seq),
            &hash,
            &number(*epoch),
            &entries.entries,
            &entries.signatures,
            &entries.hashes,
            &members.uids,
            &members.roles,
            &members.roots,
            &members.since_seqs,
            &members.since_dns,
            &wraps.uids,
            &wraps.generations,
            &wraps.wraps,
            &new.creator.0,
        ];
        let row = self.database.get().await?.query_one(sql, &values).await;
        let id = RoomId(row.map_err(rooms::name_taken)?.get(0));
        Ok((self.room(id).await?, now))
    }
}

/// In place of a member whom the log has not made.
const NOBODY: LoggedMember =
    LoggedMember { uid: Uid(0), role: Role::Member, root: [0; 32], since_seq: 0, since_dn: 0 };

fn log_row(row: &Row) -> Result<LogRow> {
    let wrong = |_| Error::internal("a column of the log has the wrong length");
    let (signature, hash): (&[u8], &[u8]) = (row.get(4), row.get(5));
    let logged = LoggedEntry {
        entry: row.get(3),
        signature: signature.try_into().map_err(wrong)?,
        hash: hash.try_into().map_err(wrong)?,
    };
    Ok(LogRow { seq: unsigned(row, 0), batch: unsigned(row, 1), at: row.get(2), logged })
}

fn own_wrap(row: &Row) -> Result<OwnWrap> {
    let bytes = row.get::<_, &[u8]>(2).try_into();
    let bytes = bytes.map_err(|_| Error::internal("a wrap has the wrong length"))?;
    Ok(OwnWrap { epoch: unsigned(row, 0), generation: unsigned(row, 1), bytes })
}
