//! Rooms and their members.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::{ChatStore, now_ms};
use crate::error::{Code, Error, Result};
use crate::ids::{RoomId, Uid};
use crate::protocol::event::{Role, RoomKind};
use crate::store::pool::failed;

/// A room as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomRow {
    /// The room.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Who may come in.
    pub kind: RoomKind,
    /// Whether it is end-to-end encrypted.
    pub e2ee: bool,
    /// Whether new users join it.
    pub is_default: bool,
    /// Its newest change.
    pub last_seq: u64,
}

/// A member as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRow {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub uid: Uid,
    /// What it may do.
    pub role: Role,
    /// How far it has read.
    pub read_seq: u64,
}

/// A room to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRoom {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Who may come in.
    pub kind: RoomKind,
    /// Whether new users join it.
    pub is_default: bool,
    /// The two sides of a direct room, as text.
    pub dm_key: Option<String>,
    /// Its first members.
    pub members: Vec<(Uid, Role)>,
}

/// What may change about a room.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoomChange {
    /// A new name.
    pub name: Option<String>,
    /// A new topic.
    pub topic: Option<String>,
    /// Whether new users join it.
    pub is_default: Option<bool>,
}

const ROOM: &str = "SELECT id, name, topic, kind, e2ee, is_default, last_seq FROM chat.rooms";

impl ChatStore {
    /// All rooms that are not removed.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn rooms(&self) -> Result<Vec<RoomRow>> {
        let sql = format!("{ROOM} WHERE deleted_at IS NULL ORDER BY id");
        let rows = self.database.get().await?.query(&sql, &[]).await.map_err(failed)?;
        rows.iter().map(room).collect()
    }

    /// All members of rooms that are not removed.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn members(&self) -> Result<Vec<MemberRow>> {
        let sql = "SELECT m.room_id, m.user_id, m.role, m.read_seq FROM chat.members m
                   JOIN chat.rooms r ON r.id = m.room_id WHERE r.deleted_at IS NULL";
        let rows = self.database.get().await?.query(sql, &[]).await.map_err(failed)?;
        let member = |row: &Row| {
            Ok(MemberRow {
                room: RoomId(row.get(0)),
                uid: Uid(row.get(1)),
                role: Role::from_word(row.get(2)).ok_or_else(|| Error::internal("unknown role"))?,
                read_seq: row.get::<_, i64>(3).unsigned_abs(),
            })
        };
        rows.iter().map(member).collect()
    }

    /// A room's newest `seq`.
    ///
    /// # Errors
    /// `unavailable`; `not_found` for a room that is gone.
    pub async fn last_seq(&self, room: RoomId) -> Result<u64> {
        let sql = "SELECT last_seq FROM chat.rooms WHERE id = $1 AND deleted_at IS NULL";
        let row = self.database.get().await?.query_opt(sql, &[&room.0]).await.map_err(failed)?;
        let row = row.ok_or_else(|| Error::new(Code::NotFound, "There is no such room."))?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    /// Makes a room with its first members.
    ///
    /// # Errors
    /// `conflict` if the name is taken or the direct room exists; `unavailable`.
    pub async fn create_room(&self, new: &NewRoom) -> Result<RoomRow> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let now = now_ms();
        let row = transaction
            .query_one(
                "INSERT INTO chat.rooms (name, topic, kind, is_default, dm_key, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 RETURNING id, name, topic, kind, e2ee, is_default, last_seq",
                &[&new.name, &new.topic, &new.kind.as_str(), &new.is_default, &new.dm_key, &now],
            )
            .await
            .map_err(name_taken)?;
        let created = room(&row)?;
        let users: Vec<_> = new.members.iter().map(|(uid, _)| uid.0).collect();
        let roles: Vec<_> = new.members.iter().map(|(_, role)| role.as_str()).collect();
        transaction
            .execute(
                "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                 SELECT $1, u, r, $4 FROM unnest($2::bigint[], $3::text[]) AS i(u, r)",
                &[&created.id.0, &users, &roles, &now],
            )
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(created)
    }

    /// The direct room with this key.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn direct_room(&self, dm_key: &str) -> Result<Option<RoomId>> {
        let sql = "SELECT id FROM chat.rooms WHERE dm_key = $1 AND deleted_at IS NULL";
        let row = self.database.get().await?.query_opt(sql, &[&dm_key]).await.map_err(failed)?;
        Ok(row.map(|row| RoomId(row.get(0))))
    }

    /// The ready-made rooms, once: a room an admin removed or renamed does not come back.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn create_ready_made_rooms(&self) -> Result<()> {
        let client = self.database.get().await?;
        client
            .execute(
                "INSERT INTO chat.rooms (name, topic, kind, is_default, created_at)
                 SELECT name, topic, 'open', true, $1 FROM (VALUES
                     (1, 'General', 'Everybody is here'),
                     (2, 'Random', 'Anything goes'),
                     (3, 'Help', 'Ask, and somebody will know')) AS v(n, name, topic)
                 WHERE NOT EXISTS (SELECT FROM chat.rooms) ORDER BY n",
                &[&now_ms()],
            )
            .await
            .map_err(failed)?;
        Ok(())
    }

    /// Changes a room's name, topic or default.
    ///
    /// # Errors
    /// `conflict` if the name is taken; `not_found`; `unavailable`.
    pub async fn update_room(&self, id: RoomId, change: &RoomChange) -> Result<RoomRow> {
        let client = self.database.get().await?;
        let row = client
            .query_opt(
                "UPDATE chat.rooms SET name = coalesce($2, name), topic = coalesce($3, topic),
                     is_default = coalesce($4, is_default)
                 WHERE id = $1 AND deleted_at IS NULL
                 RETURNING id, name, topic, kind, e2ee, is_default, last_seq",
                &[&id.0, &change.name, &change.topic, &change.is_default],
            )
            .await
            .map_err(name_taken)?;
        row.as_ref()
            .map(room)
            .unwrap_or_else(|| Err(Error::new(Code::NotFound, "There is no such room.")))
    }

    /// Marks a room as removed. It can be restored by an operator; nothing is erased here.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_room(&self, id: RoomId) -> Result<()> {
        let sql = "UPDATE chat.rooms SET deleted_at = $2, dm_key = CASE kind WHEN 'dm'
                   THEN dm_key || ' removed ' || id ELSE NULL END
                   WHERE id = $1 AND deleted_at IS NULL";
        self.database.get().await?.execute(sql, &[&id.0, &now_ms()]).await.map_err(failed)?;
        Ok(())
    }

    /// Adds a member or changes its role. A new member has read everything that came before.
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
                   ON CONFLICT (room_id, user_id) DO UPDATE SET role = excluded.role";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&room.0, &uid.0, &role.as_str(), &now_ms(), &read_seq.cast_signed()];
        self.database.get().await?.execute(sql, &values).await.map_err(failed)?;
        Ok(())
    }

    /// Removes a member.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_member(&self, room: RoomId, uid: Uid) -> Result<()> {
        let sql = "DELETE FROM chat.members WHERE room_id = $1 AND user_id = $2";
        self.database.get().await?.execute(sql, &[&room.0, &uid.0]).await.map_err(failed)?;
        Ok(())
    }
}

fn room(row: &Row) -> Result<RoomRow> {
    Ok(RoomRow {
        id: RoomId(row.get(0)),
        name: row.get(1),
        topic: row.get(2),
        kind: RoomKind::from_word(row.get(3))
            .ok_or_else(|| Error::internal("unknown room kind"))?,
        e2ee: row.get(4),
        is_default: row.get(5),
        last_seq: row.get::<_, i64>(6).unsigned_abs(),
    })
}

fn name_taken(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Error::new(Code::Conflict, "A room with this name exists already.");
    }
    failed(error)
}
