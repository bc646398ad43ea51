//! What becomes of the messages of somebody whose account was removed, and of removed rooms.
//!
//! Hidden messages keep their content, so that restoring the account restores them; everybody sees them as
//! deleted, or, in an encrypted room, as gone with the account. Each of them takes the next `seq` of its room like any other change, in batches, so that no
//! statement runs for long. The purge erases for good.

use super::ChatStore;
use super::search::unfile;
use crate::base::error::Result;
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::store::PURGE_ROWS;
use crate::base::time::now_ms;
use crate::protocol::message::Gone;
use crate::protocol::room::encrypted_name;
use crate::store::pool::failed;

/// Hides or shows messages, in order: the author's own, and those the author has reacted to.
const HIDE: &str = concat!(
    "
WITH own AS (
    SELECT mid, target, created_seq FROM chat.messages
    WHERE room_id = $1 AND author = $2 AND kind <> 'del' AND gone IS NULL AND is_hidden <> $3
    ORDER BY created_seq LIMIT $5
), shown AS (
    SELECT m.mid, m.created_seq, m.created_at, row_number() OVER (ORDER BY m.created_seq) AS n
    FROM chat.messages m
    WHERE m.room_id = $1 AND m.kind = 'msg'
      AND m.mid IN (SELECT coalesce(target, mid) FROM own)
), taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + (SELECT count(*) FROM shown)
    WHERE id = $1 RETURNING last_seq - (SELECT count(*) FROM shown) AS base, e2ee
), unfiled AS (
    ",
    unfile!(
        "(SELECT $1 AS room_id, created_seq, created_at FROM shown, taken
          WHERE NOT e2ee AND mid IN (SELECT mid FROM own)) u"
    ),
    "
), marked AS (
    UPDATE chat.messages m SET is_hidden = $3 FROM own
    WHERE m.room_id = $1 AND m.mid = own.mid AND own.target IS NOT NULL
), moved AS (
    UPDATE chat.messages m SET seq = t.base + s.n, at = $4,
        is_hidden = CASE WHEN m.mid IN (SELECT mid FROM own) THEN $3 ELSE m.is_hidden END
    FROM shown s, taken t WHERE m.room_id = $1 AND m.mid = s.mid
)
SELECT count(*) FROM own, taken"
);

/// Takes away the contents of messages of an encrypted room, in order, and the reactions to them.
const TAKE_AWAY: &str = "
WITH wanted AS (
    SELECT mid, row_number() OVER (ORDER BY created_seq) AS n FROM chat.messages
    WHERE room_id = $1 AND mid = ANY($2) AND kind = 'msg' AND gone IS NULL
), taken AS (
    UPDATE chat.rooms SET last_seq = last_seq + (SELECT count(*) FROM wanted)
    WHERE id = $1 AND deleted_at IS NULL RETURNING last_seq - (SELECT count(*) FROM wanted) AS base
), forgotten AS (
    UPDATE chat.superseded s SET digest = NULL FROM wanted w, taken
    WHERE s.room_id = $1 AND s.mid = w.mid
), reactions AS (
    UPDATE chat.messages r SET kind = 'del', body = NULL FROM wanted w, taken
    WHERE r.room_id = $1 AND r.target = w.mid AND r.kind = 'react'
), files AS (
    UPDATE chat.files f SET state = 'erasing' FROM wanted w, taken
    WHERE f.room_id = $1 AND f.mid = w.mid AND f.state = 'used'
)
UPDATE chat.messages m SET gone = $3, body = NULL, is_hidden = false, seq = t.base + w.n, at = $4
FROM wanted w, taken t WHERE m.room_id = $1 AND m.mid = w.mid";

impl ChatStore {
    /// The rooms in which something of an author is not hidden, or not shown, yet; without removed ones.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn rooms_to_hide_in(&self, author: Uid, hidden: bool) -> Result<Vec<RoomId>> {
        // One subquery per room on purpose: for `EXISTS` the planner may choose a join over all messages.
        let sql = "SELECT id FROM chat.rooms r WHERE deleted_at IS NULL AND (
                       SELECT true FROM chat.messages m WHERE m.room_id = r.id AND m.author = $1
                         AND m.kind <> 'del' AND m.gone IS NULL AND m.is_hidden <> $2 LIMIT 1)
                   ORDER BY id";
        let client = self.database.get().await?;
        let rows = client.query(sql, &[&author.0, &hidden]).await.map_err(failed)?;
        Ok(rows.iter().map(|row| RoomId(row.get(0))).collect())
    }

    /// Hides, or shows again, a batch of what an author wrote in a room; whether there may be more.
    /// Only the room's actor calls this, and then publishes what has changed.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn hide_author(&self, room: RoomId, author: Uid, hidden: bool) -> Result<bool> {
        let client = self.database.get().await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&room.0, &author.0, &hidden, &now_ms(), &PURGE_ROWS];
        let row = client.query_one(HIDE, &values).await.map_err(failed)?;
        Ok(row.get::<_, i64>(0) == PURGE_ROWS)
    }

    /// Whether one of these is a message of the room, whatever has become of it.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn has_message(&self, room: RoomId, mids: &[Mid]) -> Result<bool> {
        let mids: Vec<_> = mids.iter().map(|mid| mid.0.as_slice()).collect();
        let sql = "SELECT EXISTS (
                       SELECT FROM chat.messages WHERE room_id = $1 AND mid = ANY($2) AND target IS NULL)";
        let client = self.database.get().await?;
        let row = client.query_one(sql, &[&room.0, &mids]).await.map_err(failed)?;
        Ok(row.get(0))
    }

    /// Takes away what these messages of an encrypted room say, for good; how many of them still said something. A message
    /// that was taken away or deleted before, and what is no message, is left as it is. Only the room's actor calls
    /// this, and then publishes what has changed.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn take_away(&self, room: RoomId, mids: &[Mid], why: Gone) -> Result<u64> {
        let mids: Vec<_> = mids.iter().map(|mid| mid.0.as_slice()).collect();
        let client = self.database.get().await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&room.0, &mids, &why.as_str(), &now_ms()];
        client.execute(TAKE_AWAY, &values).await.map_err(failed)
    }

    /// Erases for good everything an author wrote that is hidden, a batch at a time; whether there
    /// may be more. Nobody sees a difference, because it read as deleted already, or, in an encrypted room, as gone
    /// with the account.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn erase_hidden(&self, author: Uid) -> Result<bool> {
        let sql = concat!(
            "
            WITH gone AS (
                SELECT m.room_id, m.mid, m.created_seq, m.created_at, m.target,
                    r.e2ee, r.e2ee AND m.target IS NULL AS stays
                FROM chat.rooms r CROSS JOIN LATERAL (
                    SELECT room_id, mid, target, created_seq, created_at FROM chat.messages
                    WHERE room_id = r.id AND author = $1 AND is_hidden AND kind <> 'del' LIMIT $2
                ) m LIMIT $2
            ), unfiled AS (
                ",
            unfile!("gone WHERE NOT e2ee AND target IS NULL"),
            "
            ), forgotten AS (
                UPDATE chat.superseded s SET digest = NULL FROM gone g
                WHERE s.room_id = g.room_id AND s.mid = g.mid
            ), reactions AS (
                UPDATE chat.messages r SET kind = 'del', body = NULL FROM gone g
                WHERE r.room_id = g.room_id AND r.target = g.mid AND r.kind = 'react'
                  AND NOT EXISTS (SELECT FROM gone o WHERE o.room_id = r.room_id AND o.mid = r.mid)
            ), files AS (
                UPDATE chat.files f SET state = 'erasing' FROM gone g
                WHERE f.room_id = g.room_id AND f.mid = g.mid AND f.state = 'used'
            )
            UPDATE chat.messages m SET body = NULL, is_hidden = false,
                kind = CASE WHEN g.stays THEN m.kind ELSE 'del' END,
                gone = CASE WHEN g.stays THEN 'account' END,
                rev = CASE WHEN g.stays THEN m.rev ELSE m.rev + 1 END,
                rev_seq = CASE WHEN g.stays THEN m.rev_seq ELSE m.seq END,
                rev_at = CASE WHEN g.stays THEN m.rev_at ELSE m.at END
            FROM gone g WHERE m.room_id = g.room_id AND m.mid = g.mid"
        );
        let client = self.database.get().await?;
        let erased = client.execute(sql, &[&author.0, &PURGE_ROWS]).await.map_err(failed)?;
        Ok(erased >= PURGE_ROWS.unsigned_abs())
    }

    /// Erases the rooms removed before `before` and returns them. Their messages are erased first, in batches, so
    /// that no statement runs for long.
    ///
    /// # Errors
    /// `unavailable`; what was erased by then is gone.
    pub async fn purge_rooms(&self, before: i64) -> Result<Vec<(RoomId, String)>> {
        let client = self.database.get().await?;
        let sql = "SELECT id, name FROM chat.rooms WHERE deleted_at < $1 ORDER BY id";
        let rows = client.query(sql, &[&before]).await.map_err(failed)?;
        let mut purged = Vec::new();
        for row in rows {
            let room: i64 = row.get(0);
            let batch = "WITH batch AS (
                             SELECT mid FROM chat.messages WHERE room_id = $1 LIMIT $2
                         ), files AS (
                             UPDATE chat.files f SET state = 'erasing' FROM batch b
                             WHERE f.room_id = $1 AND f.mid = b.mid AND f.state = 'used'
                         )
                         DELETE FROM chat.messages WHERE room_id = $1 AND mid IN (SELECT mid FROM batch)";
            while client.execute(batch, &[&room, &PURGE_ROWS]).await.map_err(failed)? > 0 {}
            let last = "WITH gone AS (
                            DELETE FROM chat.rooms WHERE id = $1 AND deleted_at < $2 RETURNING id
                        ), unfiled AS (
                            DELETE FROM chat.search s USING gone WHERE s.room_id = gone.id
                        )
                        DELETE FROM chat.search_rooms s USING gone WHERE s.room_id = gone.id";
            client.execute(last, &[&room, &before]).await.map_err(failed)?;
            let id = RoomId(room);
            let name = row.get::<_, Option<String>>(1);
            purged.push((id, name.unwrap_or_else(|| encrypted_name(id))));
        }
        Ok(purged)
    }

    /// Removes the memberships and bans of somebody who is gone for good. In an encrypted room the log says who is a
    /// member, and nothing is appended to it for somebody.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn forget_member(&self, uid: Uid) -> Result<()> {
        let client = self.database.get().await?;
        let members = "DELETE FROM chat.members m USING chat.rooms r
                       WHERE r.id = m.room_id AND r.kind <> 'dm' AND NOT r.e2ee AND m.user_id = $1";
        client.execute(members, &[&uid.0]).await.map_err(failed)?;
        client
            .execute("DELETE FROM chat.bans WHERE user_id = $1", &[&uid.0])
            .await
            .map_err(failed)?;
        Ok(())
    }
}
