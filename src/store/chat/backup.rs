//! The chat store's part of a backup.

use tokio_postgres::Transaction;

use crate::base::ids::Epoch;
use crate::store::schema::{Check, Schema, Table};

/// Its tables, and what a restore is compared with.
pub const SCHEMA: Schema = Schema {
    name: "chat",
    migrations: super::MIGRATIONS,
    tables: &[
        Table { name: "instance", columns: "one, epoch, began_at, restored_at" },
        Table {
            name: "rooms",
            columns: "id, name, topic, kind, e2ee, is_default, dm_key, last_seq, created_at, deleted_at, \
                      read_only, archived_at, deleted_by, rid, log_seq, log_head, epoch",
        },
        Table {
            name: "members",
            columns: "room_id, user_id, role, joined_at, read_seq, favourite, notify, muted_until, \
                      suspended_at, hidden_seq, root, since_seq, since_dn, sent_epoch",
        },
        Table { name: "log", columns: "room_id, seq, batch, at, entry, sig, hash" },
        Table { name: "epoch_wraps", columns: "room_id, epoch, user_id, gen, wrap, poster" },
        Table { name: "bad_wraps", columns: "room_id, epoch, user_id, gen, poster" },
        Table { name: "bans", columns: "room_id, user_id, banned_by, banned_at" },
        Table { name: "blocks", columns: "user_id, blocked_id, blocked_at" },
        Table {
            name: "messages",
            columns: "room_id, mid, kind, rev, author, created_seq, created_at, seq, at, rev_seq, rev_at, \
                      target, body, is_hidden, gone",
        },
        Table { name: "superseded", columns: "room_id, mid, rev, seq, at, digest" },
        Table { name: "file_store", columns: "one, mark" },
        Table {
            name: "files",
            columns: "id, owner, name, type, size, received, state, width, height, keeps_metadata, sha256, \
                      room_id, mid, created_seq, place, created_at, touched_at",
        },
    ],
    // The index is made from the messages.
    left_out: &["migrations", "write_probe", "search", "search_rooms", "search_rules"],
    numbered: &["rooms"],
    // Every server makes the first rooms by itself.
    is_used: "SELECT EXISTS (SELECT FROM chat.messages) OR EXISTS (SELECT FROM chat.members)",
    checks: &[
        Check {
            name: "the seq of each room, its messages and the newest of them",
            sql: "SELECT r.id, r.last_seq, count(m.mid), coalesce(max(m.seq), 0)
                  FROM chat.rooms r LEFT JOIN chat.messages m ON m.room_id = r.id GROUP BY r.id ORDER BY r.id",
        },
        Check {
            name: "the logs of encrypted rooms, and the wraps of their keys",
            sql: "SELECT r.id, encode(r.log_head, 'hex'),
                      (SELECT count(*) FROM chat.log l WHERE l.room_id = r.id AND l.seq <= r.log_seq),
                      (SELECT count(*) FROM chat.epoch_wraps w WHERE w.room_id = r.id)
                  FROM chat.rooms r WHERE r.e2ee ORDER BY r.id",
        },
        Check {
            name: "the files of each room",
            sql: "SELECT room_id, count(*), sum(size) FROM chat.files WHERE state = 'used'
                  GROUP BY room_id ORDER BY room_id",
        },
    ],
};

/// Begins another epoch within the transaction of a restore: for some days from now on members of encrypted rooms may
/// bring back what was lost (`e2ee.md` 11.4). Data from before there was encryption has nothing that could be.
///
/// # Errors
/// One sentence.
pub async fn begin_epoch(chat: &Transaction<'_>, epoch: Epoch, now: i64) -> Result<(), String> {
    let fail = |error: tokio_postgres::Error| format!("cannot begin another epoch: {error}");
    let begin = "INSERT INTO chat.instance (epoch, began_at) VALUES ($1, $2)
                 ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, began_at = excluded.began_at";
    chat.execute(begin, &[&epoch.0.as_slice(), &now]).await.map_err(fail)?;
    let exists = "SELECT to_regclass('chat.log') IS NOT NULL";
    if chat.query_one(exists, &[]).await.map_err(fail)?.get(0) {
        let restored = "UPDATE chat.instance SET restored_at = began_at";
        chat.execute(restored, &[]).await.map_err(fail)?;
    }
    Ok(())
}
