//! The directory of keys (`e2ee.md` 5, 11.4): which key is whose, in one chain that every client checks.
//!
//! Everything that changes it takes one lock, checks against the chain in memory, commits, and then changes the memory
//! and signs the new head. If nobody knows whether something was committed, the store is read before anything else is
//! done. What a restore has lost comes back by [`again`]; between two chains an operator decides ([`decision`]).

mod again;
mod decision;

pub use again::{Offered, OfferedEntry, TakenBack};
pub use decision::{Dropped, InTheWay, Report, RivalReport};

use std::sync::{Arc, Mutex as StdMutex};
use std::time::Instant;

use tokio::sync::{Mutex, MutexGuard, Notify, watch};

use super::jobs;
use crate::auth::RateLimit;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::directory as limits;
use crate::base::limits::service::RETRY;
use crate::base::lock::MutexExt as _;
use crate::base::time::now_ms;
use crate::e2ee::directory::{Chain, Entry, EntryType, Instance, SignedEntry, tag};
use crate::e2ee::signature::SigningKey;
use crate::e2ee::{DirectoryState, SharedDirectory};
use crate::rooms::Rooms;
use crate::store::accounts::{AccountStore, Also, HasKeys, NamedEntry};

/// Whether entries count towards what one person may append in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// They do.
    Counted,
    /// A `rotate` by ticket, which has limits of its own (15.7).
    ByTicket,
}

/// What became of an append.
#[derive(Debug)]
pub struct Appended<T> {
    /// The newest position of the directory.
    pub n: u64,
    /// What came of what was written beside the entries.
    pub outcome: T,
}

/// The directory, for those who change it.
pub struct Directory {
    store: AccountStore,
    shared: Arc<SharedDirectory>,
    rooms: Rooms,
    instance: Instance,
    /// One change at a time.
    turn: Mutex<Turn>,
    /// Notified when the store has to be read again.
    interrupted: Notify,
    /// When something was brought back the last time, or the server started.
    quiet_since: StdMutex<Instant>,
    appended: RateLimit<Uid>,
    brought_back: RateLimit<SessionId>,
}

/// What whoever changes the directory must know.
#[derive(Default)]
struct Turn {
    /// Something may have been committed that the memory does not have.
    is_stale: bool,
}

impl Directory {
    /// Reads the directory at the start, before there are rooms.
    ///
    /// # Errors
    /// `unavailable`; `internal` if the stored chain does not hold.
    pub async fn load(store: &AccountStore) -> Result<Arc<SharedDirectory>> {
        let instance = store.instance().await?.id;
        let key = store.directory_key().await?;
        let chain = read_all(store, instance).await?;
        let shut = store.shut_accounts().await?;
        let shared = SharedDirectory::new(chain, SigningKey::from_seed(&key.seed), shut);
        shared.set_state(key.state);
        Ok(Arc::new(shared))
    }

    /// Over what [`load`](Self::load) has read. `scale` multiplies the rates.
    pub fn new(
        store: AccountStore,
        shared: Arc<SharedDirectory>,
        rooms: Rooms,
        instance: Instance,
        scale: f64,
    ) -> Self {
        Self {
            store,
            shared,
            rooms,
            instance,
            turn: Mutex::default(),
            interrupted: Notify::new(),
            quiet_since: StdMutex::new(Instant::now()),
            appended: RateLimit::new(limits::APPENDED, limits::APPENDED_IN, scale),
            brought_back: RateLimit::new(limits::AGAIN, limits::AGAIN_IN, scale),
        }
    }

    /// Appends entries of a user, all or none of them, with what is written in the same transaction. Entries that stand
    /// already as the user's newest, byte for byte, are appended once: their answer was lost.
    ///
    /// # Errors
    /// `unavailable` while the directory is closed, `rate_limited`, `bad_entry`, `bad_signature`, `bad_time`, those of
    /// `also`, `unavailable`.
    pub async fn append<A: Also>(
        &self,
        uid: Uid,
        entries: &[SignedEntry],
        counting: Counting,
        also: A,
    ) -> Result<Appended<A::Outcome>> {
        let mut turn = self.turn().await?;
        self.check_open()?;
        let new = if self.stands(uid, entries) { &[] } else { entries };
        let attempts = match counting {
            Counting::ByTicket => Vec::new(),
            Counting::Counted => {
                new.iter().map(|_| self.appended.begin(uid)).collect::<Result<Vec<_>>>()?
            }
        };
        let n = self.shared.n();
        let check = |instance: &Instance, username: &str| {
            let now = u64::try_from(now_ms()).unwrap_or_default();
            let own = tag(instance, username);
            let checked = self.shared.read().chain.check(uid, &[own], new, now);
            checked.map_err(|refusal| refusal.into_error(now))
        };
        let written = self.store.append_to_directory(uid, n, check, also).await;
        let (checked, outcome) = written.inspect_err(|error| self.doubt(&mut turn, error))?;
        for attempt in attempts {
            attempt.count();
        }
        if !checked.is_empty() {
            if let Err(broken) = self.shared.append(&checked) {
                turn.is_stale = true;
                return Err(Error::internal(broken));
            }
            self.rooms.person_changed(uid);
        }
        Ok(Appended { n: self.shared.n(), outcome })
    }

    /// Appends entries that a user's own client sends by themselves: a new name, or own ones that a restore has lost.
    /// New keys are taken only if the account has them already: whoever holds somebody's unlocked browser could else
    /// give them keys that their password does not open. For some days after a restore the account may have lost its
    /// keys, too; then it is enough that the keys before vouch for the new ones. The newest position.
    ///
    /// # Errors
    /// Those of [`append`](Self::append); `forbidden`.
    pub async fn append_own(&self, uid: Uid, entries: &[SignedEntry]) -> Result<u64> {
        let is_restored = self.rooms.is_restored_recently();
        let made = entries.iter().filter_map(|signed| {
            let entry = Entry::parse(&self.instance, &signed.entry).ok()?;
            let is_vouched_for = match entry.kind {
                EntryType::Create | EntryType::Reset => false,
                EntryType::Rotate => is_restored,
                EntryType::Rename => true,
            };
            (!is_vouched_for).then_some(entry.generation)
        });
        let also = HasKeys { uid, generation: made.max().unwrap_or_default() };
        Ok(self.append(uid, entries, Counting::Counted, also).await?.n)
    }

    /// All entries of these people that are there, by position.
    ///
    /// # Errors
    /// `too_large`, `unavailable`.
    pub async fn entries_of(&self, uids: &[Uid]) -> Result<Vec<NamedEntry>> {
        self.store.directory_entries(uids).await
    }

    /// The directory to read.
    pub fn shared(&self) -> &Arc<SharedDirectory> {
        &self.shared
    }

    /// Notes that there is an account, which may be one that a restore had lost.
    pub async fn account_made(&self, uid: Uid) {
        if !self.shared.is_open(uid) {
            self.follow_account(uid).await;
        }
    }

    /// Notes whether somebody's account is open, after it has changed or may have.
    pub async fn follow_account(&self, uid: Uid) {
        let _turn = self.turn.lock().await;
        match self.store.is_open(uid).await {
            Ok(is_open) => {
                if self.shared.set_open(uid, is_open) {
                    self.rooms.person_changed(uid);
                }
            }
            Err(error) => {
                tracing::warn!(%uid, ?error, "whether an account is open is looked at later");
                self.interrupted.notify_one();
            }
        }
    }

    /// The same of everybody.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn follow_accounts(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.follow_all().await
    }

    /// Reads the store again after a failure, soon and until it is done, while the server runs.
    pub async fn finish_when_interrupted(&self, stop: watch::Receiver<bool>) {
        jobs::on_demand(&self.interrupted, RETRY, stop, || async {
            let finished = async {
                drop(self.turn().await?);
                self.follow_accounts().await
            };
            if finished.await.is_err() {
                self.interrupted.notify_one();
            }
        })
        .await;
    }

    /// Opens a directory that was closed by a restore, if nobody has brought anything back for `quiet`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn open_when_quiet(&self, quiet: std::time::Duration) -> Result<()> {
        let _turn = self.turn().await?;
        let is_quiet = self.quiet_since.lock_unpoisoned().elapsed() >= quiet;
        if self.shared.read().state != DirectoryState::Closed || !is_quiet {
            return Ok(());
        }
        self.store.set_directory_state(DirectoryState::Open).await?;
        self.shared.set_state(DirectoryState::Open);
        tracing::info!(
            "the directory of keys takes new entries again: nothing came back for a while"
        );
        Ok(())
    }

    /// The lock under which the directory changes; the memory has all that was committed.
    async fn turn(&self) -> Result<MutexGuard<'_, Turn>> {
        let mut turn = self.turn.lock().await;
        if turn.is_stale {
            self.read_again().await?;
            turn.is_stale = false;
        }
        Ok(turn)
    }

    /// Reads everything from the store: positions, entries that came back, and whether the directory is open.
    async fn read_again(&self) -> Result<()> {
        let chain = read_all(&self.store, self.instance).await?;
        let state = self.store.directory_key().await?.state;
        let changed = self.shared.replace(chain);
        self.shared.set_state(state);
        for uid in changed {
            self.rooms.person_changed(uid);
        }
        self.follow_all().await
    }

    /// After an error that does not say whether something was committed.
    fn doubt(&self, turn: &mut Turn, error: &Error) {
        if matches!(error.code(), Code::Unavailable | Code::Internal) {
            turn.is_stale = true;
            self.interrupted.notify_one();
        }
    }

    fn check_open(&self) -> Result<()> {
        match self.shared.read().state {
            DirectoryState::Open => Ok(()),
            DirectoryState::Closed | DirectoryState::Conflict => Err(Error::new(
                Code::Unavailable,
                "Keys cannot be changed at the moment. Nothing is lost; please try again later.",
            )
            .retry_after(limits::CLOSED_RETRY_MS)),
        }
    }

    /// Whether these are the newest entries of the user.
    fn stands(&self, uid: Uid, entries: &[SignedEntry]) -> bool {
        let directory = self.shared.read();
        let steps = directory.chain.steps(uid);
        let Some(first) = steps.len().checked_sub(entries.len()) else { return false };
        let newest = steps.iter().skip(first).map(|step| step.leaf);
        !entries.is_empty() && newest.eq(entries.iter().map(SignedEntry::leaf))
    }

    async fn follow_all(&self) -> Result<()> {
        let shut = self.store.shut_accounts().await?;
        for uid in self.shared.set_shut(shut) {
            self.rooms.person_changed(uid);
        }
        Ok(())
    }
}

/// The chain in the store.
async fn read_all(store: &AccountStore, instance: Instance) -> Result<Chain> {
    let mut chain = Chain::new(instance);
    loop {
        let more = store.directory_after(chain.n()).await?;
        if more.is_empty() {
            return Ok(chain);
        }
        for stored in more {
            chain.load(stored).map_err(|broken| {
                let text = format!("The list of keys in the database is damaged at {}.", broken.n);
                Error::new(Code::Internal, text).because(broken)
            })?;
        }
    }
}
