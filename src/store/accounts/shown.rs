//! By which names people are shown, and whether such a name could be taken for another person's.
//!
//! A display name may be anybody's. Whoever is shown with a name that looks like the one by which
//! somebody else is shown, or like somebody else's user name, is marked, so that clients put the
//! user name beside it. This is computed when a name changes and not when somebody is looked at;
//! a change that was interrupted is finished at the next start.

use std::collections::HashMap;

use tokio_postgres::Transaction;

use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::names;

/// Changes of shown names take turns: of two who take the same name at once the second sees the
/// first. Any constant does.
const LOCK: i64 = 0x0073_686f_776e;

/// Accounts of one transaction at the start.
const AT_ONCE: i64 = 500;

/// The names of an account, written so that a change of either tells.
const NAMES: &str = "CASE WHEN removed_at IS NULL THEN username || '/' || display_name END";

/// Of these, whose names are not the ones their looks were computed for.
const STALE: &str = "
SELECT id, username, display_name, removed_at IS NOT NULL, coalesce(shown_for, '')
FROM accounts.users WHERE id = ANY($1) AND shown_for IS DISTINCT FROM ";

/// Others who are shown with one of these looks, two of each: of three and more who are shown alike
/// all are marked before and after.
const NEIGHBOURS: &str = "
SELECT n.user_id FROM unnest($1::text[]) AS l(look) CROSS JOIN LATERAL (
    SELECT user_id FROM accounts.shown_looks s
    WHERE s.look = l.look AND s.user_id <> ALL($2) ORDER BY user_id LIMIT 2
) n";

/// Sets or takes away the mark of each; the accounts whose mark has changed.
const MARK: &str = "
UPDATE accounts.users u SET is_ambiguous = c.is_ambiguous
FROM (
    SELECT i.id, EXISTS (
        SELECT FROM accounts.shown_looks own JOIN accounts.shown_looks other USING (look)
        WHERE own.user_id = i.id AND other.user_id <> i.id
    ) OR EXISTS (
        SELECT FROM accounts.shown_looks own JOIN accounts.looks other USING (look)
        JOIN accounts.users o ON o.id = other.user_id AND o.removed_at IS NULL
        WHERE own.user_id = i.id AND other.user_id <> i.id
    ) AS is_ambiguous
    FROM unnest($1::bigint[]) AS i(id)
) c
WHERE u.id = c.id AND u.is_ambiguous <> c.is_ambiguous
RETURNING u.id";

impl AccountStore {
    /// Computes anew what follows from the names of these accounts, if they have changed since it
    /// was computed; whose mark has changed by that, of these and of others.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn settle_names(&self, uids: &[Uid]) -> Result<Vec<Uid>> {
        let uids: Vec<_> = uids.iter().map(|uid| uid.0).collect();
        let mut client = self.database.get().await?;
        // Nearly always nothing has changed, and nobody is to wait for a turn then.
        let stale = format!("{STALE}{NAMES}");
        if client.query(&stale, &[&uids]).await.map_err(failed)?.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = client.transaction().await.map_err(failed)?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(failed)?;
        let changed = settle(&transaction, &stale, &uids).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(changed)
    }

    /// Accounts from before this was kept, and those whose change was interrupted.
    pub(super) async fn fill_in_shown_names(&self) -> Result<()> {
        let sql = format!(
            "SELECT id FROM accounts.users
             WHERE shown_for IS DISTINCT FROM {NAMES} ORDER BY id LIMIT $1"
        );
        loop {
            let rows = {
                let client = self.database.get().await?;
                client.query(&sql, &[&AT_ONCE]).await.map_err(failed)?
            };
            if rows.is_empty() {
                return Ok(());
            }
            let uids: Vec<_> = rows.iter().map(|row| Uid(row.get(0))).collect();
            self.settle_names(&uids).await?;
        }
    }
}

async fn settle(transaction: &Transaction<'_>, stale: &str, uids: &[i64]) -> Result<Vec<Uid>> {
    let rows = transaction.query(stale, &[&uids]).await.map_err(failed)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let old = "DELETE FROM accounts.shown_looks WHERE user_id = ANY($1) RETURNING look";
    let old = transaction.query(old, &[&ids]).await.map_err(failed)?;
    let mut concerned: Vec<String> = old.iter().map(|row| row.get(0)).collect();
    let (mut looks, mut owners, mut shown_for) = (Vec::new(), Vec::new(), HashMap::new());
    for row in &rows {
        let (id, username, display_name): (i64, &str, &str) = (row.get(0), row.get(1), row.get(2));
        let before = row.get::<_, &str>(4).split_once('/').map_or("", |(username, _)| username);
        concerned.extend([before, username].into_iter().flat_map(names::looks));
        if row.get(3) {
            continue;
        }
        let shown = if display_name.is_empty() { username } else { display_name };
        for look in names::shown_looks(shown) {
            looks.push(look);
            owners.push(id);
        }
        shown_for.insert(id, format!("{username}/{display_name}"));
    }
    let sql = "INSERT INTO accounts.shown_looks (look, user_id)
               SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&looks, &owners]).await.map_err(failed)?;
    concerned.extend(looks);
    concerned.sort_unstable();
    concerned.dedup();
    let names: Vec<Option<String>> = ids.iter().map(|id| shown_for.remove(id)).collect();
    let sql = "UPDATE accounts.users u SET shown_for = c.names
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
