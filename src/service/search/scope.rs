//! Where a query looks: the rooms, and the people it names.

use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::search as limits;
use crate::base::names;
use crate::base::principal::Principal;
use crate::rooms::{Readable, Rooms};
use crate::search::keys::Place;
use crate::search::query::{Named, Query};
use crate::store::accounts::AccountStore;

/// Where a query looks.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// In these rooms.
    pub rooms: Vec<RoomId>,
    /// Whether so few of them that the index is asked for each.
    are_few: bool,
    /// Rooms that are left out because the server cannot read them.
    pub encrypted: usize,
    /// By one of these; by anybody if it says nothing of that.
    pub authors: Option<BTreeSet<Uid>>,
    /// By none of these.
    pub not_by: BTreeSet<Uid>,
    /// What it names and is not there.
    pub unknown: Vec<String>,
}

impl Scope {
    /// What of it the index is asked for.
    pub fn place(&self) -> Place {
        let authors = self.authors.iter().flatten().copied().collect();
        let rooms = if self.are_few { self.rooms.clone() } else { Vec::new() };
        Place { authors, rooms }
    }
}

/// Whose query it is, and what says which rooms and people there are.
pub(super) struct Asker<'a> {
    /// Who asks.
    pub by: Principal,
    /// The same as a user.
    pub uid: Uid,
    /// The people.
    pub accounts: &'a AccountStore,
    /// The rooms.
    pub rooms: &'a Rooms,
}

impl Asker<'_> {
    /// Where a query looks.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn scope(&self, query: &Query) -> Result<Scope> {
        let mut scope = Scope { unknown: query.unreadable.clone(), ..Scope::default() };
        for named in &query.from {
            match self.person(&named.name).await? {
                Some(person) if named.is_negated => drop(scope.not_by.insert(person)),
                Some(person) => drop(scope.authors.get_or_insert_default().insert(person)),
                None => scope.unknown.push(named.written.clone()),
            }
        }
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for named in &query.rooms {
            let rooms = self.rooms_named(named).await?;
            if rooms.is_empty() {
                scope.unknown.push(named.written.clone());
            }
            if named.is_negated { unwanted.extend(rooms) } else { wanted.extend(rooms) }
        }
        if query.rooms.iter().all(|named| named.is_negated) {
            wanted = self.rooms.own(self.uid);
        }
        wanted.sort_unstable_by_key(|room| room.id);
        wanted.dedup();
        wanted.retain(|room| !unwanted.contains(room));
        let encrypted = wanted.iter().filter(|room| room.is_encrypted).count();
        scope.encrypted = encrypted;
        wanted.retain(|room| !room.is_encrypted);
        scope.rooms = wanted.into_iter().map(|room| room.id).collect();
        scope.are_few = scope.rooms.len() <= limits::ROOM_KEYS;
        Ok(scope)
    }

    /// The rooms that somebody means: `general`, `#general`, `7`, or `@anna` for the direct room with her.
    async fn rooms_named(&self, named: &Named) -> Result<Vec<Readable>> {
        if let Some(name) = named.name.strip_prefix('@') {
            let other = self.person(name).await?;
            return Ok(other
                .map(|other| self.rooms.direct_of(self.uid, other))
                .unwrap_or_default());
        }
        Ok(self.rooms.named(self.by, named.name.strip_prefix('#').unwrap_or(&named.name)))
    }

    /// The person who is meant: `me`, a user name, or a name that only one person is shown with.
    async fn person(&self, name: &str) -> Result<Option<Uid>> {
        let plain = name.strip_prefix('@').unwrap_or(name);
        if name.eq_ignore_ascii_case("me") {
            return Ok(Some(self.uid));
        }
        if plain.contains('\0') {
            return Ok(None);
        }
        let key = names::key(plain);
        if let Some(person) = self.accounts.account_named(&key).await? {
            return Ok(Some(person));
        }
        let found = self.accounts.profiles(plain, "", limits::NAMESAKES).await?;
        let mut shown =
            found.iter().filter(|(profile, _)| names::key(&profile.display_name) == key);
        let first = shown.next().map(|(profile, _)| profile.uid);
        Ok(first.filter(|_| shown.next().is_none()))
    }
}
