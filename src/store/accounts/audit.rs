//! The audit log: who did what to whom, in a chain of hashes.
//!
//! Each entry's hash covers the entry and the hash before it, so an entry that was changed, removed or inserted later
//! no longer fits what follows. Somebody who can write to the database can still cut off the end or compute the whole
//! chain anew; therefore the server logs the newest hash now and then, where an attacker of the database alone cannot
//! reach it. A lock makes appends run one after the other; only administrators wait for it.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Transaction};

use super::locks::{Lock, lock};
use super::rows::bytes;
use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::limits::store::AUDIT_ROWS;
use crate::base::time::now_ms;

/// Something an administrator, an owner or a moderator did.
#[derive(Debug, Clone)]
pub struct AuditEntry<'a> {
    /// Who did it; nobody for the command line.
    pub actor: Option<Uid>,
    /// The name they had then.
    pub actor_name: &'a str,
    /// What was done, as a word such as `user.disable`.
    pub action: &'a str,
    /// `user`, `room`, `invite` or `settings`.
    pub target_kind: &'a str,
    /// Its id.
    pub target_id: &'a str,
    /// What it was called then.
    pub target_name: &'a str,
    /// More, depending on the action.
    pub detail: &'a Value,
}

/// An entry as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number: 1, 2, 3 …
    pub n: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// Who; nobody for the command line.
    pub actor: Option<Uid>,
    /// The name they had then.
    pub actor_name: String,
    /// What was done.
    pub action: String,
    /// `user`, `room`, `invite` or `settings`.
    pub target_kind: String,
    /// Its id.
    pub target_id: String,
    /// What it was called then.
    pub target_name: String,
    /// More, as JSON text.
    pub detail: String,
    /// Covers all of this and the hash before.
    pub hash: [u8; 32],
}

/// Which entries are wanted; what is empty does not matter.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Part of a name of the actor or the target.
    pub q: String,
    /// An action, or the first part of several (`user`).
    pub action: String,
    /// By this user.
    pub actor: Option<Uid>,
    /// About the target with this id.
    pub target: String,
}

/// What came out of verifying the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheck {
    /// Entries that fit.
    pub entries: i64,
    /// The hash of the last one; zeros if there is none.
    pub head: [u8; 32],
    /// The number of the first entry that does not fit or is missing.
    pub broken_at: Option<i64>,
}

const COLUMNS: &str =
    "n, at, actor, actor_name, action, target_kind, target_id, target_name, detail, hash";

impl AuditRow {
    /// Every part with its length before it, so that no two entries have the same bytes.
    fn hash_after(&self, before: &[u8; 32]) -> [u8; 32] {
        let actor = self.actor.map_or_else(String::new, |uid| uid.to_string());
        let mut hash = Sha256::new();
        hash.update(b"impulse/audit/1");
        hash.update(before);
        for number in [self.n, self.at] {
            hash.update(number.to_be_bytes());
        }
        let texts = [
            &actor,
            &self.actor_name,
            &self.action,
            &self.target_kind,
            &self.target_id,
            &self.target_name,
            &self.detail,
        ];
        for text in texts {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().into()
    }
}

/// Appends within a transaction: the deed and its entry become durable together, or neither.
///
/// # Errors
/// `unavailable`.
pub(super) async fn append(transaction: &Transaction<'_>, entry: &AuditEntry<'_>) -> Result<()> {
    lock(transaction, Lock::Audit).await?;
    let last = "SELECT n, hash FROM accounts.audit ORDER BY n DESC LIMIT 1";
    let last = transaction.query_opt(last, &[]).await.map_err(failed)?;
    let (n, before) = match last {
        Some(row) => (row.get::<_, i64>(0), bytes(row.get(1))?),
        None => (0, [0; 32]),
    };
    let mut row = AuditRow {
        n: n + 1,
        at: now_ms(),
        actor: entry.actor,
        actor_name: entry.actor_name.to_owned(),
        action: entry.action.to_owned(),
        target_kind: entry.target_kind.to_owned(),
        target_id: entry.target_id.to_owned(),
        target_name: entry.target_name.to_owned(),
        detail: entry.detail.to_string(),
        hash: [0; 32],
    };
    row.hash = row.hash_after(&before);
    let actor = row.actor.map(|uid| uid.0);
    let hash = row.hash.as_slice();
    let values: [&(dyn ToSql + Sync); 10] = [
        &row.n,
        &row.at,
        &actor,
        &row.actor_name,
        &row.action,
        &row.target_kind,
        &row.target_id,
        &row.target_name,
        &row.detail,
        &hash,
    ];
    let insert = format!(
        "INSERT INTO accounts.audit ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    transaction.execute(&insert, &values).await.map_err(failed)?;
    Ok(())
}

/// Who did one of these to a user last.
///
/// # Errors
/// `unavailable`.
pub(super) async fn last_actor(
    transaction: &Transaction<'_>,
    uid: Uid,
    actions: &[&str],
) -> Result<Option<String>> {
    let sql = "SELECT CASE WHEN actor IS NULL THEN 'the ' || actor_name ELSE actor_name END
               FROM accounts.audit
               WHERE target_kind = 'user' AND target_id = $1 AND action = ANY($2)
               ORDER BY n DESC LIMIT 1";
    let row = transaction.query_opt(sql, &[&uid.to_string(), &actions]).await.map_err(failed)?;
    Ok(row.map(|row| row.get(0)))
}

impl AccountStore {
    /// Appends an entry about something that is done already, outside this store.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn record(&self, entry: &AuditEntry<'_>) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        append(&transaction, entry).await?;
        transaction.commit().await.map_err(failed)
    }

    /// Entries with a number below `before`, newest first, and whether there are more.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        before: i64,
        limit: usize,
    ) -> Result<(Vec<AuditRow>, bool)> {
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts.audit
             WHERE n < $1 AND ($2 = '' OR action = $2 OR starts_with(action, $2 || '.'))
               AND ($3::bigint IS NULL OR actor = $3) AND ($4 = '' OR target_id = $4)
               AND ($5 = '' OR position(lower($5) in lower(actor_name)) > 0
                    OR position(lower($5) in lower(target_name)) > 0)
             ORDER BY n DESC LIMIT $6"
        );
        let actor = filter.actor.map(|uid| uid.0);
        let most = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let client = self.database.get().await?;
        let values: [&(dyn ToSql + Sync); 6] =
            [&before, &filter.action, &actor, &filter.target, &filter.q, &most];
        let rows = client.query(&sql, &values).await.map_err(failed)?;
        let mut rows: Vec<_> = rows.iter().map(row).collect::<Result<_>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok((rows, more))
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn verify_audit(&self) -> Result<AuditCheck> {
        let client = self.database.get().await?;
        let sql = format!("SELECT {COLUMNS} FROM accounts.audit WHERE n > $1 ORDER BY n LIMIT $2");
        let mut check = AuditCheck { entries: 0, head: [0; 32], broken_at: None };
        let mut last = 0;
        loop {
            let rows = client.query(&sql, &[&last, &AUDIT_ROWS]).await.map_err(failed)?;
            for found in rows.iter().map(row) {
                let found = found?;
                if found.n != last + 1 || found.hash != found.hash_after(&check.head) {
                    check.broken_at = Some(last + 1);
                    return Ok(check);
                }
                (last, check.head) = (found.n, found.hash);
                check.entries += 1;
            }
            if rows.is_empty() {
                return Ok(check);
            }
        }
    }
}

fn row(row: &Row) -> Result<AuditRow> {
    Ok(AuditRow {
        n: row.get(0),
        at: row.get(1),
        actor: row.get::<_, Option<i64>>(2).map(Uid),
        actor_name: row.get(3),
        action: row.get(4),
        target_kind: row.get(5),
        target_id: row.get(6),
        target_name: row.get(7),
        detail: row.get(8),
        hash: bytes(row.get(9))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> AuditRow {
        AuditRow {
            n: 1,
            at: 2,
            actor: Some(Uid(3)),
            actor_name: "anna".into(),
            action: "user.disable".into(),
            target_kind: "user".into(),
            target_id: "4".into(),
            target_name: "ben".into(),
            detail: "{}".into(),
            hash: [0; 32],
        }
    }

    #[test]
    fn every_part_of_an_entry_and_what_came_before_counts() {
        let hash = entry().hash_after(&[0; 32]);
        let others = [
            AuditRow { n: 2, ..entry() },
            AuditRow { at: 3, ..entry() },
            AuditRow { actor: None, ..entry() },
            AuditRow { actor: Some(Uid(0)), ..entry() },
            AuditRow { action: "user.enable".into(), ..entry() },
            AuditRow { target_name: "carl".into(), ..entry() },
            AuditRow { detail: "{\"a\":1}".into(), ..entry() },
            // The same letters, cut elsewhere.
            AuditRow { actor_name: "annauser".into(), action: ".disable".into(), ..entry() },
        ];
        for other in others {
            assert_ne!(other.hash_after(&[0; 32]), hash, "{other:?}");
        }
        assert_ne!(entry().hash_after(&[1; 32]), hash);
    }
}
