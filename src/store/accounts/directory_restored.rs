//! The directory after a restore (`e2ee.md` 11.4): positions that clients bring back, a longer chain that parts from
//! ours, and what an operator decides.

use serde_json::json;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::administration::begin as begin_as;
use super::audit::{self, AuditEntry};
use super::directory::{Position, begin, insert, number, signed, unsigned};
use super::directory_names::store_name;
use super::rows::bytes;
use super::{AccountStore, failed};
use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::base::principal::Principal;
use crate::e2ee::DirectoryState;
use crate::e2ee::directory::{Row, SignedEntry};
use crate::e2ee::pack::Hash;

/// An entry that a client brings, with the name that it was told with.
#[derive(Debug, Clone)]
pub struct Brought {
    /// Its position.
    pub n: u64,
    /// The tag there.
    pub tag: [u8; 16],
    /// The entry and its signatures.
    pub signed: SignedEntry,
    /// The name, if it fits the tag.
    pub name: Option<String>,
}

/// A chain signed by this server that parts from ours.
#[derive(Debug, Clone)]
pub struct Rival {
    /// Its first position that is not ours.
    pub parts_at: u64,
    /// Its newest position, the hash there, and when this server signed them.
    pub head: (u64, Hash, u64),
    /// Its positions from `parts_at` on.
    pub rows: Vec<Row>,
    /// Those of its entries that clients had.
    pub entries: Vec<Brought>,
}

impl Rival {
    /// Whether this one has all positions of another one.
    pub fn has(&self, other: &Self) -> bool {
        self.parts_at == other.parts_at && self.rows.starts_with(&other.rows)
    }
}

/// What an operator decides about two chains.
pub struct Decision {
    /// The first position at which they differ, and the hash there of the chain that goes.
    pub rejected: Option<(u64, Hash)>,
    /// Whose entries were dropped and fit no more.
    pub locked: Vec<Uid>,
    /// The word in the audit log.
    pub action: &'static str,
    /// What is dropped and taken, for the audit log.
    pub detail: serde_json::Value,
}

impl AccountStore {
    /// Notes whether the directory takes entries.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn set_directory_state(&self, state: DirectoryState) -> Result<()> {
        let sql = "UPDATE accounts.instance SET dir_state = $1";
        self.database.get().await?.execute(sql, &[&state.as_str()]).await.map_err(failed)?;
        Ok(())
    }

    /// Takes back positions and entries that a restore has lost. `n` is the newest position that the caller knows.
    ///
    /// # Errors
    /// `unavailable`: whether it was committed is unknown then.
    pub async fn take_back(&self, n: u64, rows: &[Position], entries: &[Brought]) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        begin(&transaction, n).await?;
        insert(&transaction, rows).await?;
        fill(&transaction, entries).await?;
        transaction.commit().await.map_err(failed)
    }

    /// Keeps a chain that parts from ours in the place of an earlier one, and closes the directory.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn keep_rival(&self, rival: &Rival) -> Result<()> {
        let (n, h, t) = rival.head;
        let rows: Vec<u8> = rival.rows.iter().flat_map(Row::to_bytes).collect();
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        transaction.batch_execute(FORGET_RIVAL).await.map_err(failed)?;
        let sql =
            "INSERT INTO accounts.dir_rival (parts_at, n, h, t, rows) VALUES ($1, $2, $3, $4, $5)";
        let (parts_at, n, t) = (number(rival.parts_at)?, number(n)?, number(t)?);
        let values: [&(dyn ToSql + Sync); 5] = [&parts_at, &n, &h.as_slice(), &t, &rows];
        transaction.execute(sql, &values).await.map_err(failed)?;
        keep_entries(&transaction, &rival.entries).await?;
        set_state(&transaction, DirectoryState::Conflict).await?;
        transaction.commit().await.map_err(failed)
    }

    /// Keeps more entries of the chain that is kept.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn keep_rival_entries(&self, entries: &[Brought]) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        keep_entries(&transaction, entries).await?;
        transaction.commit().await.map_err(failed)
    }

    /// The chain that is kept, if there is one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn rival(&self) -> Result<Option<Rival>> {
        let client = self.database.get().await?;
        let sql = "SELECT parts_at, n, h, t, rows FROM accounts.dir_rival";
        let Some(kept) = client.query_opt(sql, &[]).await.map_err(failed)? else { return Ok(None) };
        let parts_at = unsigned(kept.get(0));
        let rows = Row::parse_all(kept.get(4)).map_err(Error::internal)?;
        let sql =
            "SELECT n, de, sig_new, sig_old, username FROM accounts.dir_rival_entries ORDER BY n";
        let mut entries = Vec::new();
        for entry in client.query(sql, &[]).await.map_err(failed)? {
            let n = unsigned(entry.get(0));
            let at = n.checked_sub(parts_at).and_then(|at| usize::try_from(at).ok());
            let row = at.and_then(|at| rows.get(at));
            if let (Some(row), Some(signed)) = (row, signed(&entry, 1)?) {
                entries.push(Brought { n, tag: row.tag, signed, name: entry.get(4) });
            }
        }
        let head = (unsigned(kept.get(1)), bytes(kept.get(2))?, unsigned(kept.get(3)));
        Ok(Some(Rival { parts_at, head, rows, entries }))
    }

    /// Whether an operator has decided against the chain that has this hash at this position.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn is_rejected(&self, n: u64, h: &Hash) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT FROM accounts.dir_rejected WHERE n = $1 AND h = $2)";
        let client = self.database.get().await?;
        Ok(client.query_one(sql, &[&number(n)?, &h.as_slice()]).await.map_err(failed)?.get(0))
    }

    /// Opens the directory with the chain that it has.
    ///
    /// # Errors
    /// `forbidden` for somebody who is no administrator any more, `unavailable`.
    pub async fn open_directory(&self, by: Principal, decision: &Decision) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        decide(&transaction, by, decision).await?;
        transaction.commit().await.map_err(failed)
    }

    /// Drops the positions from `parts_at` on, puts those of another chain in their place, and opens the directory.
    /// `n` is the newest position that the caller knows.
    ///
    /// # Errors
    /// `forbidden` for somebody who is no administrator any more; `unavailable`: whether it was committed is unknown
    /// then.
    pub async fn adopt_directory(
        &self,
        by: Principal,
        n: u64,
        rows: &[Position],
        rival: &Rival,
        decision: &Decision,
    ) -> Result<()> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        begin(&transaction, n).await?;
        let drop = "DELETE FROM accounts.dir_entries WHERE n >= $1";
        transaction.execute(drop, &[&number(rival.parts_at)?]).await.map_err(failed)?;
        insert(&transaction, rows).await?;
        fill(&transaction, &rival.entries).await?;
        let forget = "DELETE FROM accounts.dir_names n WHERE NOT EXISTS
                          (SELECT FROM accounts.dir_entries e WHERE e.tag = n.tag)";
        transaction.execute(forget, &[]).await.map_err(failed)?;
        let locked: Vec<i64> = decision.locked.iter().map(|uid| uid.0).collect();
        let lock = "UPDATE accounts.keys SET locked = true WHERE user_id = ANY($1)";
        transaction.execute(lock, &[&locked]).await.map_err(failed)?;
        decide(&transaction, by, decision).await?;
        transaction.commit().await.map_err(failed)
    }

    /// The names of all accounts that are not removed.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn usernames(&self, of: Option<&[Uid]>) -> Result<Vec<(Uid, String)>> {
        let of: Option<Vec<i64>> = of.map(|uids| uids.iter().map(|uid| uid.0).collect());
        let sql = "SELECT id, username FROM accounts.users
                   WHERE removed_at IS NULL AND NOT is_bot AND ($1::bigint[] IS NULL OR id = ANY($1))
                   ORDER BY id";
        let rows = self.database.get().await?.query(sql, &[&of]).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (Uid(row.get(0)), row.get(1))).collect())
    }

    /// Erases the names of people whom no account is of, if the data were restored before `before`: nobody has come
    /// back for them.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn forget_lost_names(&self, before: i64) -> Result<()> {
        let sql =
            "DELETE FROM accounts.dir_names n USING accounts.dir_entries e, accounts.instance i
                   WHERE e.tag = n.tag AND i.numbers_since < $1
                     AND NOT EXISTS (SELECT FROM accounts.users u WHERE u.id = e.user_id)";
        self.database.get().await?.execute(sql, &[&before]).await.map_err(failed)?;
        Ok(())
    }
}

const FORGET_RIVAL: &str = "DELETE FROM accounts.dir_rival; DELETE FROM accounts.dir_rival_entries";

/// Data were restored: the directory takes nothing new. A chain that was kept was kept for other data.
pub(super) const CLOSE: &str = "
    UPDATE accounts.instance SET dir_state = 'closed';
    DELETE FROM accounts.dir_rival; DELETE FROM accounts.dir_rival_entries";

async fn set_state(transaction: &Transaction<'_>, state: DirectoryState) -> Result<()> {
    let sql = "UPDATE accounts.instance SET dir_state = $1";
    transaction.execute(sql, &[&state.as_str()]).await.map_err(failed)?;
    Ok(())
}

/// Opens the directory, remembers which chain was decided against, and notes it in the audit log.
async fn decide(transaction: &Transaction<'_>, by: Principal, decision: &Decision) -> Result<()> {
    let actor = begin_as(transaction, by).await?;
    set_state(transaction, DirectoryState::Open).await?;
    transaction.batch_execute(FORGET_RIVAL).await.map_err(failed)?;
    if let Some((n, h)) = &decision.rejected {
        let sql = "INSERT INTO accounts.dir_rejected (n, h) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        transaction.execute(sql, &[&number(*n)?, &h.as_slice()]).await.map_err(failed)?;
    }
    let entry = AuditEntry {
        actor: actor.uid,
        actor_name: &actor.name,
        action: decision.action,
        target_kind: "directory",
        target_id: "",
        target_name: "",
        detail: &decision.detail,
    };
    audit::append(transaction, &entry).await
}

/// Puts entries into positions that miss theirs, with their names, unless the account was purged.
async fn fill(transaction: &Transaction<'_>, entries: &[Brought]) -> Result<()> {
    for Brought { n, tag, signed, name } in entries {
        let sql = "UPDATE accounts.dir_entries SET de = $2, sig_new = $3, sig_old = $4
                   WHERE n = $1 AND de IS NULL RETURNING user_id, EXISTS
                       (SELECT FROM accounts.users u WHERE u.id = user_id AND u.purged_at IS NOT NULL)";
        let sig_old = signed.sig_old.as_ref().map(|sig| sig.as_slice());
        let values: [&(dyn ToSql + Sync); 4] =
            [&number(*n)?, &signed.entry, &signed.sig_new.as_slice(), &sig_old];
        let filled = transaction.query_opt(sql, &values).await.map_err(failed)?;
        let is_purged = filled.is_none_or(|row| row.get(1));
        if let Some(name) = name.as_deref().filter(|_| !is_purged) {
            store_name(transaction, tag, name).await?;
        }
    }
    Ok(())
}

async fn keep_entries(transaction: &Transaction<'_>, entries: &[Brought]) -> Result<()> {
    for Brought { n, signed, name, .. } in entries {
        let sql = "INSERT INTO accounts.dir_rival_entries (n, de, sig_new, sig_old, username)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let sig_old = signed.sig_old.as_ref().map(|sig| sig.as_slice());
        let values: [&(dyn ToSql + Sync); 5] =
            [&number(*n)?, &signed.entry, &signed.sig_new.as_slice(), &sig_old, name];
        transaction.execute(sql, &values).await.map_err(failed)?;
    }
    Ok(())
}

/// The detail of an audit entry that names two chains.
pub fn decided(position: u64, dropped: u64, taken: u64) -> serde_json::Value {
    json!({"position": position, "dropped": dropped, "taken": taken})
}
