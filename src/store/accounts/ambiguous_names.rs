//! Display names that could be taken for another person's.
//!
//! Anybody may choose any display name. A user whose shown name looks like the shown name or the user name of
//! somebody else is marked as ambiguous, so that clients put the user name beside it. The mark is computed when a
//! name changes and not when somebody is read; a change that was interrupted is finished at the next start.

use std::collections::HashMap;

use tokio_postgres::Transaction;

use super::locks::{Lock, lock};
use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::limits::store::NAMES_AT_ONCE;
use crate::base::names;

/// Both names of an account in one text, which differs after a change of either.
const NAMES: &str = "CASE WHEN removed_at IS NULL THEN username || '/' || display_name END";

/// Accounts whose present names are not the ones their mark was computed for.
const STALE: &str = "
SELECT id, username, display_name, removed_at IS NOT NULL, coalesce(ambiguity_checked_for, '')
FROM accounts.users WHERE id = ANY($1) AND ambiguity_checked_for IS DISTINCT FROM ";

/// Other users who have one of these skeletons, at most two of each: where three or more share one, all of them are
/// marked before and after.
const NEIGHBOURS: &str = "
SELECT n.user_id FROM unnest($1::text[]) AS c(skeleton) CROSS JOIN LATERAL (
    SELECT user_id FROM accounts.shown_skeletons s
    WHERE s.skeleton = c.skeleton AND s.user_id <> ALL($2) ORDER BY user_id LIMIT 2
) n";

/// Sets or clears the mark of each; returns the accounts whose mark has changed.
const MARK: &str = "
UPDATE accounts.users u SET is_ambiguous = c.is_ambiguous
FROM (
    SELECT i.id, EXISTS (
        SELECT FROM accounts.shown_skeletons own JOIN accounts.shown_skeletons other USING (skeleton)
        WHERE own.user_id = i.id AND other.user_id <> i.id
    ) OR EXISTS (
        SELECT FROM accounts.shown_skeletons own JOIN accounts.name_skeletons other USING (skeleton)
        JOIN accounts.users o ON o.id = other.user_id AND o.removed_at IS NULL
        WHERE own.user_id = i.id AND other.user_id <> i.id
    ) AS is_ambiguous
    FROM unnest($1::bigint[]) AS i(id)
) c
WHERE u.id = c.id AND u.is_ambiguous <> c.is_ambiguous
RETURNING u.id";

impl AccountStore {
    /// Marks these accounts, and others who share a skeleton with them, if their names have changed since that was
    /// computed; the accounts whose mark has changed.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn update_ambiguous_names(&self, uids: &[Uid]) -> Result<Vec<Uid>> {
        let uids: Vec<_> = uids.iter().map(|uid| uid.0).collect();
        let mut client = self.database.get_to_change().await?;
        // Nearly always nothing has changed; then nobody waits for the lock.
        let stale = format!("{STALE}{NAMES}");
        if client.query(&stale, &[&uids]).await.map_err(failed)?.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = client.transaction().await.map_err(failed)?;
        lock(&transaction, Lock::AmbiguousNames).await?;
        let changed = update_marks(&transaction, &stale, &uids).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(changed)
    }

    /// Computes the marks of accounts from before there were marks, and of those whose change was interrupted.
    pub(super) async fn fill_in_ambiguous_names(&self) -> Result<()> {
        let sql = format!(
            "SELECT id FROM accounts.users
             WHERE ambiguity_checked_for IS DISTINCT FROM {NAMES} ORDER BY id LIMIT $1"
        );
        loop {
            let rows = {
                let client = self.database.get().await?;
                client.query(&sql, &[&NAMES_AT_ONCE]).await.map_err(failed)?
            };
            if rows.is_empty() {
                return Ok(());
            }
            let uids: Vec<_> = rows.iter().map(|row| Uid(row.get(0))).collect();
            self.update_ambiguous_names(&uids).await?;
        }
    }
}

async fn update_marks(
    transaction: &Transaction<'_>,
    stale: &str,
    uids: &[i64],
) -> Result<Vec<Uid>> {
    let rows = transaction.query(stale, &[&uids]).await.map_err(failed)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let old = "DELETE FROM accounts.shown_skeletons WHERE user_id = ANY($1) RETURNING skeleton";
    let old = transaction.query(old, &[&ids]).await.map_err(failed)?;
    let mut concerned: Vec<String> = old.iter().map(|row| row.get(0)).collect();
    let (mut skeletons, mut owners, mut checked_for) = (Vec::new(), Vec::new(), HashMap::new());
    for row in &rows {
        let (id, username, display_name): (i64, &str, &str) = (row.get(0), row.get(1), row.get(2));
        let before = row.get::<_, &str>(4).split_once('/').map_or("", |(username, _)| username);
        concerned.extend([before, username].into_iter().flat_map(names::skeletons));
        if row.get(3) {
            continue;
        }
        let shown = if display_name.is_empty() { username } else { display_name };
        for skeleton in names::shown_skeletons(shown) {
            skeletons.push(skeleton);
            owners.push(id);
        }
        checked_for.insert(id, format!("{username}/{display_name}"));
    }
    let sql = "INSERT INTO accounts.shown_skeletons (skeleton, user_id)
               SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&skeletons, &owners]).await.map_err(failed)?;
    concerned.extend(skeletons);
    concerned.sort_unstable();
    concerned.dedup();
    let names: Vec<Option<String>> = ids.iter().map(|id| checked_for.remove(id)).collect();
    let sql = "UPDATE accounts.users u SET ambiguity_checked_for = c.names
               FROM unnest($1::bigint[], $2::text[]) AS c(id, names) WHERE u.id = c.id";
    transaction.execute(sql, &[&ids, &names]).await.map_err(failed)?;
    let neighbours = transaction.query(NEIGHBOURS, &[&concerned, &ids]).await.map_err(failed)?;
    let mut marked = ids;
    marked.extend(neighbours.iter().map(|row| row.get::<_, i64>(0)));
    marked.sort_unstable();
    marked.dedup();
    let changed = transaction.query(MARK, &[&marked]).await.map_err(failed)?;
    Ok(changed.iter().map(|row| Uid(row.get(0))).collect())
}
