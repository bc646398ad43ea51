//! Members of rooms, with their roles and their own settings, and bans.

use tokio_postgres::Row;

use super::ChatStore;
use crate::base::error::{Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::time::{self, now_ms};
use crate::protocol::room::{Notify, Role};
use crate::store::pool::failed;

/// A member as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRow {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub uid: Uid,
    /// The role.
    pub role: Role,
    /// The newest `seq` the member has read.
    pub read_seq: u64,
    /// When the user joined, in milliseconds.
    pub joined_at: i64,
    /// Whether the room is one of the user's favourites.
    pub favourite: bool,
    /// What the user is notified of.
    pub notify: Notify,
    /// Until when a moderator has muted the member, in milliseconds.
    pub muted_until: Option<i64>,
    /// The room's `seq` when the member hid it, if it is a direct room that they hid.
    pub hidden_seq: Option<u64>,
}

/// Somebody who was banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BanRow {
    /// The room.
    pub room: RoomId,
    /// Who.
    pub uid: Uid,
    /// By whom; nobody if it was the command line.
    pub by: Option<Uid>,
    /// When, in milliseconds.
    pub at: i64,
}

impl ChatStore {
    /// The members of one room, or of all that are not removed; without those who are suspended.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn members(&self, room: Option<RoomId>) -> Result<Vec<MemberRow>> {
        let sql = "SELECT m.room_id, m.user_id, m.role, m.read_seq, m.joined_at, m.favourite,
                       m.notify, m.muted_until, m.hidden_seq
                   FROM chat.members m JOIN chat.rooms r ON r.id = m.room_id
                   WHERE r.deleted_at IS NULL AND m.suspended_at IS NULL
                     AND ($1::bigint IS NULL OR m.room_id = $1)";
        let room = room.map(|room| room.0);
        let rows = self.database.get().await?.query(sql, &[&room]).await.map_err(failed)?;
        rows.iter().map(member).collect()
    }

    /// The bans of one room, or of all that are not removed.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn bans(&self, room: Option<RoomId>) -> Result<Vec<BanRow>> {
        let sql = "SELECT b.room_id, b.user_id, b.banned_by, b.banned_at FROM chat.bans b
                   JOIN chat.rooms r ON r.id = b.room_id
                   WHERE r.deleted_at IS NULL AND ($1::bigint IS NULL OR b.room_id = $1)
                   ORDER BY b.banned_at DESC, b.user_id";
        let room = room.map(|room| room.0);
        let rows = self.database.get().await?.query(sql, &[&room]).await.map_err(failed)?;
        let ban = |row: &Row| BanRow {
            room: RoomId(row.get(0)),
            uid: Uid(row.get(1)),
            by: row.get::<_, Option<i64>>(2).map(Uid),
            at: row.get(3),
        };
        Ok(rows.iter().map(ban).collect())
    }

    /// Adds a member or changes the role of one. A new member has read everything up to `read_seq`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn put_member(
        &self,
        room: RoomId,
        uid: Uid,
        role: Role,
        read_seq: u64,
    ) -> Result<()> {
        let sql = "INSERT INTO chat.members (room_id, user_id, role, joined_at, read_seq)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (room_id, user_id)
                   DO UPDATE SET role = excluded.role, suspended_at = NULL";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&room.0, &uid.0, &role.as_str(), &now_ms(), &read_seq.cast_signed()];
        self.database.get().await?.execute(sql, &values).await.map_err(failed)?;
        Ok(())
    }

    /// Makes one member the only owner: the others become admins.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn hand_over(&self, room: RoomId, uid: Uid) -> Result<()> {
        let sql =
            "UPDATE chat.members SET role = CASE user_id WHEN $2 THEN 'owner' ELSE 'admin' END
                   WHERE room_id = $1 AND (role = 'owner' OR user_id = $2)";
        self.database.get().await?.execute(sql, &[&room.0, &uid.0]).await.map_err(failed)?;
        Ok(())
    }

    /// Mutes a member until then, or unmutes one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn mute(&self, room: RoomId, uid: Uid, until: Option<i64>) -> Result<()> {
        let sql = "UPDATE chat.members SET muted_until = $3 WHERE room_id = $1 AND user_id = $2";
        let client = self.database.get().await?;
        client.execute(sql, &[&room.0, &uid.0, &until]).await.map_err(failed)?;
        Ok(())
    }

    /// Changes a member's own settings of the room.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn prefer(
        &self,
        room: RoomId,
        uid: Uid,
        favourite: bool,
        notify: Notify,
    ) -> Result<()> {
        let sql = "UPDATE chat.members SET favourite = $3, notify = $4
                   WHERE room_id = $1 AND user_id = $2";
        let client = self.database.get().await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&room.0, &uid.0, &favourite, &notify.as_str()];
        client.execute(sql, &values).await.map_err(failed)?;
        Ok(())
    }

    /// Hides a direct room for a member until it has a message after `seq`, or shows it again.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn hide(&self, room: RoomId, uid: Uid, seq: Option<u64>) -> Result<()> {
        let sql = "UPDATE chat.members SET hidden_seq = $3 WHERE room_id = $1 AND user_id = $2";
        let seq = seq.map(u64::cast_signed);
        let client = self.database.get().await?;
        client.execute(sql, &[&room.0, &uid.0, &seq]).await.map_err(failed)?;
        Ok(())
    }

    /// Removes a member. A direct room that somebody has left is not found by its people any more.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_member(&self, room: RoomId, uid: Uid) -> Result<()> {
        let sql = "WITH gone AS (DELETE FROM chat.members WHERE room_id = $1 AND user_id = $2)
                   UPDATE chat.rooms SET dm_key = 'left ' || id WHERE id = $1 AND kind = 'dm'";
        self.database.get().await?.execute(sql, &[&room.0, &uid.0]).await.map_err(failed)?;
        Ok(())
    }

    /// Bans somebody, who is no member from now on.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn ban(&self, room: RoomId, uid: Uid, by: Option<Uid>) -> Result<BanRow> {
        let at = now_ms();
        let sql = "WITH gone AS (DELETE FROM chat.members WHERE room_id = $1 AND user_id = $2)
                   INSERT INTO chat.bans (room_id, user_id, banned_by, banned_at)
                   VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let client = self.database.get().await?;
        let by_id = by.map(|uid| uid.0);
        client.execute(sql, &[&room.0, &uid.0, &by_id, &at]).await.map_err(failed)?;
        Ok(BanRow { room, uid, by, at })
    }

    /// Lifts a ban.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn unban(&self, room: RoomId, uid: Uid) -> Result<()> {
        let sql = "DELETE FROM chat.bans WHERE room_id = $1 AND user_id = $2";
        self.database.get().await?.execute(sql, &[&room.0, &uid.0]).await.map_err(failed)?;
        Ok(())
    }

    /// Suspends a member whose account was removed, until it is restored. In the same step the heir, if there is one,
    /// becomes an owner.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn suspend(&self, room: RoomId, uid: Uid, heir: Option<Uid>) -> Result<()> {
        let sql = "UPDATE chat.members SET
                       suspended_at = CASE user_id WHEN $2 THEN $3::bigint ELSE suspended_at END,
                       role = CASE user_id WHEN $4::bigint THEN 'owner' ELSE role END
                   WHERE room_id = $1 AND (user_id = $2 OR user_id = $4)";
        let client = self.database.get().await?;
        let heir = heir.map(|uid| uid.0);
        client.execute(sql, &[&room.0, &uid.0, &now_ms(), &heir]).await.map_err(failed)?;
        Ok(())
    }

    /// The rooms in which a user is suspended.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn suspended(&self, uid: Uid) -> Result<Vec<RoomId>> {
        let sql = "SELECT room_id FROM chat.members
                   WHERE user_id = $1 AND suspended_at IS NOT NULL ORDER BY room_id";
        let rows = self.database.get().await?.query(sql, &[&uid.0]).await.map_err(failed)?;
        Ok(rows.iter().map(|row| RoomId(row.get(0))).collect())
    }

    /// Ends a suspension; the membership, as it was.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn reinstate(&self, room: RoomId, uid: Uid) -> Result<Option<MemberRow>> {
        let sql = "UPDATE chat.members SET suspended_at = NULL WHERE room_id = $1 AND user_id = $2
                   RETURNING room_id, user_id, role, read_seq, joined_at, favourite, notify,
                       muted_until, hidden_seq";
        let client = self.database.get().await?;
        let row = client.query_opt(sql, &[&room.0, &uid.0]).await.map_err(failed)?;
        row.as_ref().map(member).transpose()
    }
}

fn member(row: &Row) -> Result<MemberRow> {
    Ok(MemberRow {
        room: RoomId(row.get(0)),
        uid: Uid(row.get(1)),
        role: Role::from_name(row.get(2)).ok_or_else(|| Error::internal("unknown role"))?,
        read_seq: row.get::<_, i64>(3).unsigned_abs(),
        joined_at: row.get(4),
        favourite: row.get(5),
        notify: Notify::from_name(row.get(6)).ok_or_else(|| Error::internal("unknown level"))?,
        muted_until: row.get::<_, Option<i64>>(7).map(time::stored),
        hidden_seq: row.get::<_, Option<i64>>(8).map(i64::unsigned_abs),
    })
}
