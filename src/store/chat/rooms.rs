//! Rooms and their members.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::ChatStore;
use crate::base::encryption::LogHead;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::time::now_ms;
use crate::protocol::room::{Role, RoomKind, encrypted_name};
use crate::store::pool::failed;
use crate::store::restorable_ms;

/// A room as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomRow {
    /// The room.
    pub id: RoomId,
    /// Its name; empty if it is encrypted.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Open, closed or direct.
    pub kind: RoomKind,
    /// Its log and its key, if it is end-to-end encrypted.
    pub encryption: Option<RoomEncryption>,
    /// Whether new users join it.
    pub is_default: bool,
    /// The number of its newest change.
    pub last_seq: u64,
    /// Whether only its admins write.
    pub read_only: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is a direct room of more than two.
    pub group: bool,
    /// When it was created, in milliseconds.
    pub created_at: i64,
}

impl RoomRow {
    /// The name in lists of administrators and in the audit log. Nobody but its members can read that of an encrypted
    /// room.
    pub fn listed_name(&self) -> String {
        if self.encryption.is_some() { encrypted_name(self.id) } else { self.name.clone() }
    }
}

/// What everybody may know of the encryption of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomEncryption {
    /// The room in the signatures: the hash of entry 0 of its log.
    pub rid: [u8; 32],
    /// The newest entry of the log.
    pub log: LogHead,
    /// The number of the present key.
    pub epoch: u64,
}

/// A room that was removed and can still be restored.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovedRoom {
    /// Name, topic, kind.
    pub row: RoomRow,
    /// When it was removed, in milliseconds.
    pub removed_at: i64,
    /// By whom; nobody if it was the command line.
    pub removed_by: Option<Uid>,
    /// How many members it had.
    pub members: u32,
}

/// A room to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRoom {
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Open, closed or direct.
    pub kind: RoomKind,
    /// Whether new users join it.
    pub is_default: bool,
    /// The people of a direct room, as text.
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
    /// Whether only its admins write.
    pub read_only: Option<bool>,
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// Open or closed.
    pub kind: Option<RoomKind>,
}

impl RoomChange {
    /// What of it is not so already.
    pub fn beyond(self, row: &RoomRow) -> Self {
        Self {
            name: self.name.filter(|name| *name != row.name),
            topic: self.topic.filter(|topic| *topic != row.topic),
            is_default: self.is_default.filter(|is_default| *is_default != row.is_default),
            read_only: self.read_only.filter(|read_only| *read_only != row.read_only),
            archived: self.archived.filter(|archived| *archived != row.archived),
            kind: self.kind.filter(|kind| *kind != row.kind),
        }
    }
}

const COLUMNS: &str = "id, name, topic, kind, rid, is_default, last_seq, read_only,
    archived_at IS NOT NULL, kind = 'dm' AND dm_key !~ '^(e:)?[0-9]+:[0-9]+$', created_at,
    log_seq, log_head, epoch";

impl ChatStore {
    /// All rooms that are not removed.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn rooms(&self) -> Result<Vec<RoomRow>> {
        let sql = format!("SELECT {COLUMNS} FROM chat.rooms WHERE deleted_at IS NULL ORDER BY id");
        let rows = self.database.get().await?.query(&sql, &[]).await.map_err(failed)?;
        rows.iter().map(room).collect()
    }

    /// A room that is not removed.
    ///
    /// # Errors
    /// `unavailable`; `not_found` for a room that is gone.
    pub async fn room(&self, id: RoomId) -> Result<RoomRow> {
        let sql = format!("SELECT {COLUMNS} FROM chat.rooms WHERE id = $1 AND deleted_at IS NULL");
        let row = self.database.get().await?.query_opt(&sql, &[&id.0]).await.map_err(failed)?;
        row.as_ref().map_or_else(|| Err(no_room()), room)
    }

    /// A room's newest `seq`.
    ///
    /// # Errors
    /// `unavailable`; `not_found` for a room that is gone.
    pub async fn last_seq(&self, room: RoomId) -> Result<u64> {
        let sql = "SELECT last_seq FROM chat.rooms WHERE id = $1 AND deleted_at IS NULL";
        let row = self.database.get().await?.query_opt(sql, &[&room.0]).await.map_err(failed)?;
        let row = row.ok_or_else(no_room)?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    /// Creates a room with its first members.
    ///
    /// # Errors
    /// `conflict` if the name is taken or the direct room exists; `unavailable`.
    pub async fn create_room(&self, new: &NewRoom) -> Result<RoomRow> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let now = now_ms();
        let row = transaction
            .query_one(
                &format!(
                    "INSERT INTO chat.rooms (name, topic, kind, is_default, dm_key, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}"
                ),
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

    /// Creates the rooms that every server starts with, if it has none: one that an admin has removed or renamed does
    /// not come back.
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

    /// Changes everything that is named.
    ///
    /// # Errors
    /// `conflict` if the name is taken; `not_found`; `unavailable`.
    pub async fn update_room(&self, id: RoomId, change: &RoomChange) -> Result<RoomRow> {
        let client = self.database.get().await?;
        let row = client
            .query_opt(
                &format!(
                    "UPDATE chat.rooms SET name = coalesce($2, name), topic = coalesce($3, topic),
                         is_default = coalesce($4, is_default),
                         read_only = coalesce($5, read_only),
                         archived_at = CASE $6::boolean WHEN true THEN coalesce(archived_at, $8::bigint)
                             WHEN false THEN NULL ELSE archived_at END,
                         kind = coalesce($7, kind)
                     WHERE id = $1 AND deleted_at IS NULL RETURNING {COLUMNS}"
                ),
                &[
                    &id.0,
                    &change.name,
                    &change.topic,
                    &change.is_default,
                    &change.read_only,
                    &change.archived,
                    &change.kind.map(RoomKind::as_str),
                    &now_ms(),
                ],
            )
            .await
            .map_err(name_taken)?;
        row.as_ref().map_or_else(|| Err(no_room()), room)
    }

    /// Marks a room as removed. Its messages are not filed for searches any more; otherwise nothing is erased before the
    /// purge.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_room(&self, id: RoomId, by: Option<Uid>) -> Result<()> {
        let sql = "WITH gone AS (
                       UPDATE chat.rooms SET deleted_at = $2, deleted_by = $3
                       WHERE id = $1 AND deleted_at IS NULL RETURNING id
                   ), unfiled AS (
                       DELETE FROM chat.search s USING gone WHERE s.room_id = gone.id
                   )
                   INSERT INTO chat.search_rooms (room_id, filed) SELECT id, 0 FROM gone
                   ON CONFLICT (room_id) DO UPDATE SET filed = 0, again = NULL";
        let by = by.map(|uid| uid.0);
        self.database.get().await?.execute(sql, &[&id.0, &now_ms(), &by]).await.map_err(failed)?;
        Ok(())
    }

    /// The removed rooms that can still be restored, newest removal first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn removed_rooms(&self) -> Result<Vec<RemovedRoom>> {
        let sql = format!(
            "SELECT {COLUMNS}, deleted_at, deleted_by,
                 (SELECT count(*) FROM chat.members m WHERE m.room_id = r.id)
             FROM chat.rooms r WHERE deleted_at > $1 AND kind <> 'dm' ORDER BY deleted_at DESC, id"
        );
        let since = now_ms() - restorable_ms();
        let rows = self.database.get().await?.query(&sql, &[&since]).await.map_err(failed)?;
        let removed = |row: &Row| {
            Ok(RemovedRoom {
                row: room(row)?,
                removed_at: row.get(14),
                removed_by: row.get::<_, Option<i64>>(15).map(Uid),
                members: u32::try_from(row.get::<_, i64>(16)).unwrap_or(u32::MAX),
            })
        };
        rows.iter().map(removed).collect()
    }

    /// Restores a removed room.
    ///
    /// # Errors
    /// `conflict` if another room has the name now; `not_found` if there is nothing to restore.
    pub async fn restore_room(&self, id: RoomId) -> Result<RoomRow> {
        let sql = format!(
            "UPDATE chat.rooms SET deleted_at = NULL, deleted_by = NULL
             WHERE id = $1 AND deleted_at > $2 RETURNING {COLUMNS}"
        );
        let client = self.database.get().await?;
        let row = client.query_opt(&sql, &[&id.0, &(now_ms() - restorable_ms())]).await;
        let row = row.map_err(name_taken)?;
        row.as_ref().map_or_else(|| Err(no_room()), room)
    }
}

pub(super) fn no_room() -> Error {
    Error::new(Code::NotFound, "There is no such room.")
}

fn room(row: &Row) -> Result<RoomRow> {
    Ok(RoomRow {
        id: RoomId(row.get(0)),
        name: row.get::<_, Option<String>>(1).unwrap_or_default(),
        topic: row.get(2),
        kind: RoomKind::from_name(row.get(3))
            .ok_or_else(|| Error::internal("unknown room kind"))?,
        encryption: encryption(row)?,
        is_default: row.get(5),
        last_seq: row.get::<_, i64>(6).unsigned_abs(),
        read_only: row.get(7),
        archived: row.get(8),
        group: row.get(9),
        created_at: row.get(10),
    })
}

/// The columns that only an encrypted room has.
fn encryption(row: &Row) -> Result<Option<RoomEncryption>> {
    let hash = |bytes: &[u8]| bytes.try_into().map_err(|_| Error::internal("a hash is too long"));
    let Some(rid) = row.get::<_, Option<&[u8]>>(4) else { return Ok(None) };
    let log = LogHead { seq: row.get::<_, i64>(11).unsigned_abs(), hash: hash(row.get(12))? };
    Ok(Some(RoomEncryption { rid: hash(rid)?, log, epoch: row.get::<_, i64>(13).unsigned_abs() }))
}

pub(super) fn name_taken(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Error::new(Code::Conflict, "A room with this name exists already.");
    }
    failed(error)
}
