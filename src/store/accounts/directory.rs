//! The directory of keys in the store (`e2ee.md` 5, 12.1): its positions and their entries, what is written together
//! with new ones, and which names they were told with. What may be appended decides `e2ee::directory`.

use std::collections::HashSet;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Row as SqlRow, Transaction};

use super::directory_names::{instance_of, store_name, username_of};
use super::locks::{Lock, lock};
use super::rows::bytes;
use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Outage, Result};
use crate::base::ids::Uid;
use crate::base::limits::directory as limits;
use crate::base::random;
use crate::e2ee::DirectoryState;
use crate::e2ee::directory::{Checked, Instance, Row, SignedEntry, Stored, tag};
use crate::e2ee::pack::Hash;

/// What else is written in the transaction that appends entries, under the lock of the directory and that of the user's
/// row. Its refusal undoes everything.
pub trait Also: Send {
    /// What comes of it.
    type Outcome: Send;

    /// Writes it.
    fn write(
        self,
        transaction: &Transaction<'_>,
    ) -> impl Future<Output = Result<Self::Outcome>> + Send;
}

/// Nothing else.
impl Also for () {
    type Outcome = ();

    async fn write(self, _: &Transaction<'_>) -> Result<()> {
        Ok(())
    }
}

/// That an account has the keys of its entries already: those of this generation are not made by them. Who has but a
/// session could else put keys of their own into the directory.
pub struct HasKeys {
    /// Whose keys.
    pub uid: Uid,
    /// The newest generation that the account must have; 0 if the entries are vouched for by keys that it had before.
    pub generation: u64,
}

impl Also for HasKeys {
    type Outcome = ();

    async fn write(self, transaction: &Transaction<'_>) -> Result<()> {
        if self.generation == 0 {
            return Ok(());
        }
        let sql =
            "SELECT EXISTS (SELECT FROM accounts.keys WHERE user_id = $1 AND generation >= $2)";
        let generation = number(self.generation)?;
        let has_keys = transaction.query_one(sql, &[&self.uid.0, &generation]).await;
        if has_keys.map_err(failed)?.get(0) {
            return Ok(());
        }
        let text = "New keys are made together with those of the account.";
        Err(Error::new(Code::Forbidden, text))
    }
}

/// An entry as it is given out: its position, the name it was told with, and what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEntry {
    /// Its position.
    pub n: u64,
    /// Whose it is.
    pub uid: Uid,
    /// The name behind its tag, unless it was erased.
    pub name: Option<String>,
    /// The entry and its signatures.
    pub signed: SignedEntry,
}

/// A position as it is stored.
pub struct Position {
    /// Its number.
    pub n: u64,
    /// Whose it is, the tag and the leaf.
    pub row: Row,
    /// The hash of the chain up to it.
    pub node: Hash,
    /// The entry, unless a restore has lost it.
    pub signed: Option<SignedEntry>,
}

impl Position {
    fn of(checked: &Checked) -> Self {
        let Checked { n, row, node, signed, .. } = checked;
        Self { n: *n, row: *row, node: *node, signed: Some(signed.clone()) }
    }
}

/// Whether the directory takes entries, and the seed of the key that signs its heads.
pub struct DirectoryKey {
    /// The seed.
    pub seed: [u8; 32],
    /// Whether it takes entries.
    pub state: DirectoryState,
}

impl AccountStore {
    /// The directory's own values; the first call makes its key.
    ///
    /// # Errors
    /// `unavailable`, or no randomness.
    pub async fn directory_key(&self) -> Result<DirectoryKey> {
        let seed = random::bytes::<32>()?;
        let client = self.database.get().await?;
        let make = "UPDATE accounts.instance SET dir_seed = $1 WHERE dir_seed IS NULL";
        client.execute(make, &[&seed.as_slice()]).await.map_err(failed)?;
        let read = "SELECT dir_seed, dir_state FROM accounts.instance";
        let row = client.query_one(read, &[]).await.map_err(failed)?;
        Ok(DirectoryKey { seed: bytes(row.get(0))?, state: state_of(row.get(1))? })
    }

    /// Positions from after `after` on, in their order; at most [`limits::READ_AT_ONCE`].
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn directory_after(&self, after: u64) -> Result<Vec<Stored>> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        // Whoever appends has finished, also if the connection over which it was done has not lived to tell.
        lock(&transaction, Lock::Directory).await?;
        let sql = "SELECT user_id, tag, leaf, node, de, sig_new, sig_old FROM accounts.dir_entries
                   WHERE n > $1 ORDER BY n LIMIT $2";
        let rows = transaction.query(sql, &[&number(after)?, &limits::READ_AT_ONCE]).await;
        rows.map_err(failed)?.iter().map(stored).collect()
    }

    /// Appends the entries that `check` makes of the user's name, with what is written beside them; nothing is written
    /// if there are none of them. `n` is the newest position that the caller knows.
    ///
    /// # Errors
    /// Those of `check` and `also`; `unavailable`, also if there are positions that the caller does not know: whether
    /// it was committed is unknown then.
    pub async fn append_to_directory<A: Also>(
        &self,
        uid: Uid,
        n: u64,
        check: impl FnOnce(&Instance, &str) -> Result<Vec<Checked>> + Send,
        also: A,
    ) -> Result<(Vec<Checked>, A::Outcome)> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        begin(&transaction, n).await?;
        let username = username_of(&transaction, uid).await?;
        let instance = instance_of(&transaction).await?;
        let checked = check(&instance, &username)?;
        let positions: Vec<Position> = checked.iter().map(Position::of).collect();
        insert(&transaction, &positions).await?;
        let own = tag(&instance, &username);
        if checked.iter().any(|checked| checked.row.tag == own) {
            store_name(&transaction, &own, &username).await?;
        }
        let outcome = also.write(&transaction).await?;
        transaction.commit().await.map_err(failed)?;
        Ok((checked, outcome))
    }

    /// All entries of these people that are there, by position.
    ///
    /// # Errors
    /// `too_large` if several people have more than [`limits::ENTRIES`] together, `unavailable`.
    pub async fn directory_entries(&self, uids: &[Uid]) -> Result<Vec<NamedEntry>> {
        let ids: Vec<i64> = uids.iter().map(|uid| uid.0).collect();
        let client = self.database.get().await?;
        if uids.len() > 1 {
            let count = "SELECT count(*) FROM accounts.dir_entries WHERE user_id = ANY($1)";
            let count: i64 = client.query_one(count, &[&ids]).await.map_err(failed)?.get(0);
            if count > limits::ENTRIES {
                let text = "These people have too many entries. Please ask for fewer people.";
                return Err(Error::new(Code::TooLarge, text));
            }
        }
        let sql = format!("{ENTRY} e.user_id = ANY($1) AND e.de IS NOT NULL ORDER BY e.n");
        let rows = client.query(&sql, &[&ids]).await.map_err(failed)?;
        rows.iter().map(named).collect()
    }

    /// All entries that are there from one position to another.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn directory_entries_between(
        &self,
        first: u64,
        last: u64,
    ) -> Result<Vec<NamedEntry>> {
        let client = self.database.get().await?;
        let sql = format!("{ENTRY} e.n BETWEEN $1 AND $2 AND e.de IS NOT NULL ORDER BY e.n");
        let rows = client.query(&sql, &[&number(first)?, &number(last)?]).await.map_err(failed)?;
        rows.iter().map(named).collect()
    }

    /// Those whose account is not open: disabled, removed or purged, and people of the chain whom no account is of.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn shut_accounts(&self) -> Result<HashSet<Uid>> {
        let sql = "SELECT id FROM accounts.users WHERE disabled_at IS NOT NULL AND NOT is_bot
                   UNION SELECT user_id FROM accounts.dir_entries e
                   WHERE NOT EXISTS (SELECT FROM accounts.users u WHERE u.id = e.user_id)";
        let client = self.database.get().await?;
        let rows = client.query(sql, &[]).await.map_err(failed)?;
        Ok(rows.iter().map(|row| Uid(row.get(0))).collect())
    }

    /// Whether somebody's account is open.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn is_open(&self, uid: Uid) -> Result<bool> {
        let sql =
            "SELECT EXISTS (SELECT FROM accounts.users WHERE id = $1 AND disabled_at IS NULL)";
        let client = self.database.get().await?;
        Ok(client.query_one(sql, &[&uid.0]).await.map_err(failed)?.get(0))
    }
}

const ENTRY: &str = "SELECT e.n, e.user_id, d.username, e.de, e.sig_new, e.sig_old
    FROM accounts.dir_entries e LEFT JOIN accounts.dir_names d ON d.tag = e.tag WHERE ";

fn named(row: &SqlRow) -> Result<NamedEntry> {
    let signed = signed(row, 3)?.ok_or_else(|| Error::internal("an entry is missing"))?;
    Ok(NamedEntry { n: unsigned(row.get(0)), uid: Uid(row.get(1)), name: row.get(2), signed })
}

/// Takes the lock of the directory, and checks that its newest position is this one.
///
/// # Errors
/// `unavailable`: the caller has to read it again.
pub(super) async fn begin(transaction: &Transaction<'_>, n: u64) -> Result<()> {
    lock(transaction, Lock::Directory).await?;
    let sql = "SELECT coalesce(max(n), 0) FROM accounts.dir_entries";
    let last: i64 = transaction.query_one(sql, &[]).await.map_err(failed)?.get(0);
    if unsigned(last) == n {
        return Ok(());
    }
    let cause = format!("the directory is at {last} in the store, and at {n} here");
    Err(Error::outage(Outage::Busy, cause))
}

/// Inserts positions, in one statement however many they are.
pub(super) async fn insert(transaction: &Transaction<'_>, positions: &[Position]) -> Result<()> {
    let numbers =
        positions.iter().map(|position| number(position.n)).collect::<Result<Vec<_>>>()?;
    let uids: Vec<i64> = positions.iter().map(|position| position.row.uid.0).collect();
    let tags: Vec<&[u8]> = positions.iter().map(|position| position.row.tag.as_slice()).collect();
    let leaves: Vec<&[u8]> =
        positions.iter().map(|position| position.row.leaf.as_slice()).collect();
    let nodes: Vec<&[u8]> = positions.iter().map(|position| position.node.as_slice()).collect();
    let signed = || positions.iter().map(|position| position.signed.as_ref());
    let entries: Vec<Option<&[u8]>> =
        signed().map(|signed| Some(signed?.entry.as_slice())).collect();
    let new: Vec<Option<&[u8]>> = signed().map(|signed| Some(signed?.sig_new.as_slice())).collect();
    let old: Vec<Option<&[u8]>> =
        signed().map(|signed| signed?.sig_old.as_ref().map(|sig| sig.as_slice())).collect();
    let sql = "INSERT INTO accounts.dir_entries (n, user_id, tag, leaf, node, de, sig_new, sig_old)
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[],
                                    $6::bytea[], $7::bytea[], $8::bytea[])";
    let values: [&(dyn ToSql + Sync); 8] =
        [&numbers, &uids, &tags, &leaves, &nodes, &entries, &new, &old];
    transaction.execute(sql, &values).await.map_err(failed)?;
    Ok(())
}

/// A position as the database has it: positions are far below 2^53.
pub(super) fn number(n: u64) -> Result<i64> {
    i64::try_from(n).map_err(Error::internal)
}

/// A number of the database that is never negative.
pub(super) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

/// The state by its stored name.
pub(super) fn state_of(name: &str) -> Result<DirectoryState> {
    let mut all = DirectoryState::ALL.into_iter();
    all.find(|state| state.as_str() == name)
        .ok_or_else(|| Error::internal("the directory is in an unknown state"))
}

/// A position of which the columns `user_id, tag, leaf, node, de, sig_new, sig_old` were read.
fn stored(row: &SqlRow) -> Result<Stored> {
    let position = Row { uid: Uid(row.get(0)), tag: bytes(row.get(1))?, leaf: bytes(row.get(2))? };
    Ok(Stored { row: position, node: bytes(row.get(3))?, entry: signed(row, 4)? })
}

/// The columns `de, sig_new, sig_old` from `first` on; nothing while the entry is missing.
pub(super) fn signed(row: &SqlRow, first: usize) -> Result<Option<SignedEntry>> {
    let (Some(entry), Some(sig_new)): (Option<Vec<u8>>, Option<&[u8]>) =
        (row.get(first), row.get(first + 1))
    else {
        return Ok(None);
    };
    let sig_old = row.get::<_, Option<&[u8]>>(first + 2).map(bytes).transpose()?;
    Ok(Some(SignedEntry { entry, sig_new: bytes(sig_new)?, sig_old }))
}
