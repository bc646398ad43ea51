//! One budget of memory for everything that waits for clients.
//!
//! The budget is split into one share for each [`Kind`] of buffer, so that no kind takes memory from another: unread
//! history pages never delay a message. One user (or one address, for requests without a user) may hold a fixed part of
//! each share.
//!
//! There are two ways to account. Code that makes a large buffer on request [reserves](MemoryBudget::reserve) it
//! first and can be refused; the [`Reservation`] gives the bytes back when it is dropped. Code that grows small
//! buffers all the time (a delivery thread, a room) counts by itself and [charges](MemoryBudget::charge) the
//! difference now and then; it reads [`MemoryBudget::excess`] and frees what it can do without.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::base::counter::Counter;
use crate::base::error::{Code, Error};
use crate::base::ids::Uid;
use crate::base::limits::memory as limits;
use crate::base::lock::MutexExt as _;
use crate::base::net::{ClientPrefix, client_prefix};

/// What a buffer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Frames for one WebSocket that its kernel buffer has no space for.
    SendQueues,
    /// Frames of rooms that some reader has not taken.
    RoomLogs,
    /// Slices of replays on their way to their reader.
    Replays,
    /// Newest events of rooms, kept for readers that come back.
    ReplayBuffers,
    /// HTTP responses until they are written.
    Answers,
    /// First frames of WebSockets that no delivery thread has taken over.
    Hellos,
    /// HTTP requests, from their first bytes until they are answered.
    Requests,
}

impl Kind {
    const ALL: [(Self, &str, usize); 7] = [
        (Self::SendQueues, "send_queues", limits::SEND_QUEUES),
        (Self::RoomLogs, "room_logs", limits::ROOM_LOGS),
        (Self::Replays, "replays", limits::REPLAYS),
        (Self::ReplayBuffers, "kept", limits::REPLAY_BUFFERS),
        (Self::Answers, "answers", limits::ANSWERS),
        (Self::Hellos, "hellos", limits::HELLOS),
        (Self::Requests, "requests", limits::REQUESTS),
    ];
}

/// Whose bytes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A user.
    User(Uid),
    /// Requests of one client, when they are nobody's. Many people may share an address.
    Address(ClientPrefix),
}

impl Holder {
    /// The holder for requests from this address.
    pub fn of(peer: SocketAddr) -> Self {
        Self::Address(client_prefix(peer.ip()))
    }
}

/// Why a reservation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// The holder has as much as one may have.
    #[error("one user's part of the memory budget is used up")]
    Holder,
    /// The share of this kind is used up.
    #[error("a share of the memory budget is used up")]
    Share,
}

/// The budget. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    total: usize,
    shares: [Share; Kind::ALL.len()],
    /// What each holder has reserved; holders of nothing are not in it.
    holders: Mutex<HashMap<(Kind, Holder), usize>>,
}

#[derive(Debug)]
struct Share {
    most: usize,
    used: AtomicUsize,
    refused: Counter,
}

/// How one kind of buffer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The kind's name on `/metrics`.
    pub kind: &'static str,
    /// Bytes held now.
    pub used: usize,
    /// Bytes it may hold.
    pub most: usize,
    /// Reservations refused, and readers cut because the share was used up.
    pub refused: u64,
}

/// Reserved bytes; they are given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: MemoryBudget,
    kind: Kind,
    holder: Holder,
    bytes: usize,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::new(limits::BUDGET)
    }
}

impl MemoryBudget {
    /// A budget of so many bytes over all kinds.
    pub fn new(total: usize) -> Self {
        let share = |(_, _, parts): (Kind, &str, usize)| Share {
            most: total / limits::PARTS * parts,
            used: AtomicUsize::new(0),
            refused: Counter::default(),
        };
        let inner = Inner { total, shares: Kind::ALL.map(share), holders: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Bytes of the whole budget.
    pub fn total(&self) -> usize {
        self.inner.total
    }

    /// What each kind holds.
    pub fn usage(&self) -> impl Iterator<Item = Usage> + '_ {
        Kind::ALL.iter().zip(&self.inner.shares).map(|((_, kind, _), share)| Usage {
            kind,
            used: share.used.load(Ordering::Relaxed),
            most: share.most,
            refused: share.refused.get(),
        })
    }

    /// Bytes this kind holds now.
    pub fn used(&self, kind: Kind) -> usize {
        self.share(kind).used.load(Ordering::Relaxed)
    }

    /// Bytes of this kind that one holder may have.
    pub fn most_of_one(&self, kind: Kind, holder: Holder) -> usize {
        match holder {
            Holder::User(_) => self.share(kind).most / limits::USERS,
            Holder::Address(_) => self.share(kind).most / limits::ADDRESSES,
        }
    }

    /// Reserves bytes for a buffer that is about to be made.
    ///
    /// # Errors
    /// The holder's part or the share of this kind is used up. An error that a client may be given is
    /// [`Exhausted::into`] `Error`.
    pub fn reserve(
        &self,
        kind: Kind,
        holder: Holder,
        bytes: usize,
    ) -> Result<Reservation, Exhausted> {
        let share = self.share(kind);
        let mut holders = self.holders();
        let held = holders.get(&(kind, holder)).copied().unwrap_or(0);
        let refusal = if held + bytes > self.most_of_one(kind, holder) {
            Some(Exhausted::Holder)
        } else if self.used(kind) + bytes > share.most {
            Some(Exhausted::Share)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            share.refused.inc();
            return Err(refusal);
        }
        if bytes > 0 {
            holders.insert((kind, holder), held + bytes);
            share.used.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(Reservation { budget: self.clone(), kind, holder, bytes })
    }

    /// Notes bytes that somebody counts by itself: so many more, or fewer.
    pub fn charge(&self, kind: Kind, difference: isize) {
        let used = &self.share(kind).used;
        if difference >= 0 {
            used.fetch_add(difference.unsigned_abs(), Ordering::Relaxed);
        } else {
            used.fetch_sub(difference.unsigned_abs(), Ordering::Relaxed);
        }
    }

    /// Bytes this kind may hold.
    pub fn most(&self, kind: Kind) -> usize {
        self.share(kind).most
    }

    /// Bytes of this kind beyond its share.
    pub fn excess(&self, kind: Kind) -> usize {
        self.used(kind).saturating_sub(self.share(kind).most)
    }

    /// Somebody was cut off, or refused elsewhere, because this share was used up.
    pub fn note_refusal(&self, kind: Kind) {
        self.share(kind).refused.inc();
    }

    fn share(&self, kind: Kind) -> &Share {
        // One for each variant, in their order.
        #[allow(clippy::indexing_slicing)]
        &self.inner.shares[kind as usize]
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<(Kind, Holder), usize>> {
        self.inner.holders.lock_unpoisoned()
    }
}

impl Reservation {
    /// Bytes it stands for.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reserves for a buffer that is about to grow to this size.
    ///
    /// # Errors
    /// As [`MemoryBudget::reserve`]; what was reserved stays.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        let mut grown = self.budget.reserve(self.kind, self.holder, more)?;
        // Both are of one kind and one holder, so the bytes can change hands.
        self.bytes += std::mem::take(&mut grown.bytes);
        Ok(())
    }

    /// The buffer turned out to have this size. It exists already, so this is not refused.
    pub fn resize(&mut self, bytes: usize) {
        let mut holders = self.budget.holders();
        let held = holders.get(&(self.kind, self.holder)).copied().unwrap_or(0);
        match (held + bytes).saturating_sub(self.bytes) {
            0 => {
                holders.remove(&(self.kind, self.holder));
                if holders.len() * 4 < holders.capacity() {
                    holders.shrink_to(limits::HOLDERS_KEPT);
                }
            }
            held => {
                holders.insert((self.kind, self.holder), held);
            }
        }
        drop(holders);
        self.budget.charge(self.kind, bytes.cast_signed() - self.bytes.cast_signed());
        self.bytes = bytes;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.resize(0);
        }
    }
}

impl From<Exhausted> for Error {
    fn from(exhausted: Exhausted) -> Self {
        let (code, text) = match exhausted {
            Exhausted::Holder => {
                (Code::RateLimited, "Too much is on its way to you already. Please take it first.")
            }
            Exhausted::Share => (Code::Unavailable, "The server has too much to send right now."),
        };
        Self::new(code, text).retry_after(limits::RETRY_MS).because(exhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTAL: usize = limits::PARTS * 1_024;

    fn user(uid: i64) -> Holder {
        Holder::User(Uid(uid))
    }

    #[test]
    fn the_shares_are_the_whole_budget_and_each_kind_has_its_own() {
        let budget = MemoryBudget::new(TOTAL);
        assert_eq!(budget.usage().map(|usage| usage.most).sum::<usize>(), TOTAL);
        for (kind, name, _) in Kind::ALL {
            budget.charge(kind, 7);
            let used: Vec<_> = budget.usage().filter(|usage| usage.used > 0).collect();
            assert_eq!(used.len(), 1);
            assert_eq!((used[0].kind, used[0].used), (name, 7));
            budget.charge(kind, -7);
        }
    }

    #[test]
    fn one_user_has_a_part_and_the_others_the_rest_until_the_share_is_used_up() {
        let budget = MemoryBudget::new(TOTAL);
        let part = budget.most_of_one(Kind::Answers, user(1));
        let mut held = Vec::new();
        for uid in 1..=limits::USERS as i64 {
            held.push(budget.reserve(Kind::Answers, user(uid), part).unwrap());
            assert_eq!(budget.reserve(Kind::Answers, user(uid), 1).unwrap_err(), Exhausted::Holder);
        }
        let stranger = user(0);
        let left = limits::ANSWERS * TOTAL / limits::PARTS - budget.used(Kind::Answers);
        let refused = budget.reserve(Kind::Answers, stranger, left + 1).unwrap_err();
        assert_eq!(refused, Exhausted::Share);
        drop(budget.reserve(Kind::Replays, stranger, 1).unwrap());
        held.pop();
        drop(budget.reserve(Kind::Answers, stranger, part).unwrap());
        // Many people may be behind one address.
        let address = Holder::of("[2001:db8::1]:80".parse().unwrap());
        assert_eq!(address, Holder::of("[2001:db8::2]:81".parse().unwrap()));
        let [mapped, plain, other] =
            ["[::ffff:192.0.2.1]:80", "192.0.2.1:80", "[::ffff:192.0.2.2]:80"]
                .map(|peer| Holder::of(peer.parse().unwrap()));
        assert!(mapped == plain && mapped != other);
        let most = budget.most_of_one(Kind::Hellos, address);
        assert_eq!(most, limits::HELLOS * TOTAL / limits::PARTS / limits::ADDRESSES);
        drop(held);
        assert!(budget.usage().all(|usage| usage.used == 0));
        assert!(budget.holders().is_empty(), "nobody is remembered who holds nothing");
    }

    #[test]
    fn a_reservation_follows_its_buffer() {
        let budget = MemoryBudget::new(TOTAL);
        let mut held = budget.reserve(Kind::Answers, user(1), 100).unwrap();
        held.resize(40);
        assert_eq!((held.bytes(), budget.used(Kind::Answers)), (40, 40));
        held.grow(100).unwrap();
        assert_eq!((held.bytes(), budget.used(Kind::Answers)), (100, 100));
        assert_eq!(held.grow(TOTAL).unwrap_err(), Exhausted::Holder);
        assert_eq!((held.bytes(), budget.used(Kind::Answers)), (100, 100));
        held.resize(TOTAL);
        assert!(budget.excess(Kind::Answers) > 0, "what exists is counted");
        drop(held);
        assert_eq!((budget.used(Kind::Answers), budget.excess(Kind::Answers)), (0, 0));
    }
}
