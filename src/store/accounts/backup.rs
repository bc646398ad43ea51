//! The account store's part of a backup.

use serde_json::Value;
use tokio_postgres::Transaction;

use super::audit::{self, AuditEntry};
use super::directory_restored::CLOSE;
use crate::base::ids::Epoch;
use crate::store::schema::{Check, Schema, Table};

/// Its tables, and what a restore is compared with.
pub const SCHEMA: Schema = Schema {
    name: "accounts",
    migrations: super::MIGRATIONS,
    tables: &[
        Table {
            name: "instance",
            columns: "one, id, salt_secret, created_at, numbers_since, dir_seed, dir_state",
        },
        Table {
            name: "users",
            columns: "id, username, username_key, display_name, bio, locale, status_state, status_text, \
                      status_until, is_admin, disabled_at, has_joined, created_at, removed_at, \
                      erases_messages, purged_at, avatar, display_key, seen_at, is_ambiguous, \
                      ambiguity_checked_for, is_bot",
        },
        Table {
            name: "auth_slots",
            columns: "user_id, kind, kdf, kdf_salt, kdf_iterations, server_salt, argon_memory_kib, \
                      argon_passes, argon_lanes, verifier, ak_password, created_at, expires_at, \
                      pending_digest, ticket_digest, by_recovery",
        },
        Table {
            name: "keys",
            columns: "user_id, ak_gen, generation, bundle, ak_recovery, rauth_digest, trust, trust_rev, locked",
        },
        Table {
            name: "keys_old",
            columns: "user_id, ak_gen, generation, bundle, ak_recovery, rauth_digest, trust, trust_rev, \
                      replaced_at",
        },
        Table { name: "proofs", columns: "digest, user_id, expires_at" },
        Table {
            name: "sessions",
            columns: "id, user_id, kind, digest, label, created_at, seen_at, scope, expires_at",
        },
        Table { name: "avatars", columns: "name, size, user_id, content_type, data, created_at" },
        Table {
            name: "tickets",
            columns: "digest, user_id, issued_by, is_compromised, created_at, expires_at",
        },
        Table {
            name: "invites",
            columns: "id, digest, made_by, label, rooms, created_at, expires_at, uses, uses_max, revoked_at",
        },
        Table { name: "hooks", columns: "id, user_id, room, digest, made_by, created_at, used_at" },
        Table { name: "invite_uses", columns: "invite_id, user_id, used_at" },
        Table { name: "settings", columns: "key, value" },
        Table {
            name: "audit",
            columns: "n, at, actor, actor_name, action, target_kind, target_id, target_name, detail, hash",
        },
        Table { name: "name_skeletons", columns: "skeleton, user_id" },
        Table { name: "shown_skeletons", columns: "skeleton, user_id" },
        Table { name: "dir_entries", columns: "n, user_id, tag, leaf, node, de, sig_new, sig_old" },
        Table { name: "dir_names", columns: "tag, username" },
        Table { name: "dir_rejected", columns: "n, h" },
    ],
    left_out: &["migrations", "write_probe", "dir_rival", "dir_rival_entries"],
    numbered: &["users", "sessions", "invites", "hooks"],
    is_used: "SELECT EXISTS (SELECT FROM accounts.users)",
    checks: &[Check {
        name: "the head of the audit log",
        sql: "SELECT n, hash FROM accounts.audit ORDER BY n DESC LIMIT 1",
    }],
};

/// Closes the directory of keys within the transaction of a restore: it takes back what was lost, and nothing new, until
/// it is opened (`e2ee.md` 11.4). Data from before there was a directory have none.
///
/// # Errors
/// One sentence.
pub async fn close_directory(accounts: &Transaction<'_>) -> Result<(), String> {
    let fail = |error: tokio_postgres::Error| format!("cannot close the directory: {error}");
    let exists = "SELECT to_regclass('accounts.dir_entries') IS NOT NULL";
    if accounts.query_one(exists, &[]).await.map_err(fail)?.get(0) {
        accounts.batch_execute(CLOSE).await.map_err(fail)?;
    }
    Ok(())
}

/// Records a restore within its transaction.
///
/// # Errors
/// One sentence.
pub async fn record(
    accounts: &Transaction<'_>,
    epoch: Epoch,
    action: &str,
    detail: &Value,
) -> Result<(), String> {
    let entry = AuditEntry {
        actor: None,
        actor_name: "command line",
        action,
        target_kind: "server",
        target_id: &epoch.to_string(),
        target_name: "",
        detail,
    };
    audit::append(accounts, &entry).await.map_err(|error| error.message().to_owned())
}
