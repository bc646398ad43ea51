//! Rate limits of one user over all connections and calls together.
//!
//! A limit of one connection or of one address does not stop a user who has many of them. So each user has an
//! [`Allowance`], which all connections and calls of that user share. It has one atomic number for each bucket, so
//! shards and HTTP take from it without a lock. The table of allowances is read when a connection or a call begins,
//! never for a delivery.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::{Rate, users as limits};
use crate::base::lock::MutexExt as _;
use crate::base::principal::Principal;
use crate::base::token_bucket::TokenBucket;

/// What all allowances share.
#[derive(Debug)]
struct Common {
    began: Instant,
    /// Multiplies every rate; 0 lifts them.
    scale: f64,
    /// Bytes of messages into all rooms.
    bytes: TokenBucket,
}

impl Common {
    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn take(&self, bucket: &TokenBucket, rate: Rate, cost: f64) -> Result<(), u32> {
        if self.scale == 0.0 {
            Ok(())
        } else {
            bucket.take(rate.times(self.scale), cost, self.now_us())
        }
    }

    fn owe(&self, bucket: &TokenBucket, rate: Rate, cost: f64) {
        if self.scale != 0.0 {
            bucket.owe(rate.times(self.scale), cost, self.now_us());
        }
    }

    fn give_back(&self, bucket: &TokenBucket, rate: Rate, cost: f64) {
        if self.scale != 0.0 {
            bucket.give_back(rate.times(self.scale), cost);
        }
    }
}

/// What one user may still take.
#[derive(Debug)]
pub struct Allowance {
    common: Arc<Common>,
    commands: TokenBucket,
    bytes_now: TokenBucket,
    bytes_of_day: TokenBucket,
    profile: TokenBucket,
    add_members: TokenBucket,
    bad_wraps: TokenBucket,
    changes: TokenBucket,
    reads: TokenBucket,
}

impl Allowance {
    fn new(common: Arc<Common>) -> Self {
        Self {
            common,
            commands: TokenBucket::default(),
            bytes_now: TokenBucket::default(),
            bytes_of_day: TokenBucket::default(),
            profile: TokenBucket::default(),
            add_members: TokenBucket::default(),
            bad_wraps: TokenBucket::default(),
            changes: TokenBucket::default(),
            reads: TokenBucket::default(),
        }
    }

    /// One more command on a connection.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn command(&self, cost: f32) -> Result<()> {
        let text = "Too many commands over all your connections; slow down.";
        self.take(&self.commands, limits::COMMANDS, f64::from(cost), text)
    }

    /// Bytes that are to be stored.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn bytes(&self, bytes: usize) -> Result<()> {
        let cost = bytes as f64;
        let text = "You are sending too much at once. Please wait a moment.";
        self.take(&self.bytes_now, limits::BYTES_A_MINUTE, cost, text)?;
        let text = "You have sent as much as one person may within a day. Please wait.";
        self.take(&self.bytes_of_day, limits::BYTES_A_DAY, cost, text).inspect_err(|_| {
            self.common.give_back(&self.bytes_now, limits::BYTES_A_MINUTE, cost);
        })
    }

    /// Bytes that are to be stored in a room, whose bucket this is, and so in all rooms together.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn bytes_into(&self, room: &TokenBucket, bytes: usize) -> Result<()> {
        let cost = bytes as f64;
        let text = "Too much is being sent into this room. Please wait a moment.";
        self.take(room, limits::ROOM_BYTES_A_MINUTE, cost, text)?;
        let text = "Too much is being sent to this server. Please wait a moment.";
        self.take(&self.common.bytes, limits::TOTAL_BYTES_A_MINUTE, cost, text).inspect_err(|_| {
            self.common.give_back(room, limits::ROOM_BYTES_A_MINUTE, cost);
        })
    }

    /// One more change that is sent to everybody who shares a room with the user.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn profile_change(&self) -> Result<()> {
        let text = "You are changing your profile or status too often. Please wait a moment.";
        self.take(&self.profile, limits::PROFILE_CHANGES, 1.0, text)
    }

    /// People who are to be put into rooms.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn add_members(&self, people: usize, by: Principal) -> Result<()> {
        let text = "You have put as many people into rooms as one may within an hour. Please wait.";
        self.take(&self.add_members, limits::MEMBERS_ADDED, share(people as f64, by), text)
    }

    /// Gives back what [`add_members`](Self::add_members) took for people who did not come in by it.
    pub fn give_members_back(&self, people: usize, by: Principal) {
        self.common.give_back(&self.add_members, limits::MEMBERS_ADDED, share(people as f64, by));
    }

    /// A key of a room that is reported as bad.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn bad_wrap(&self) -> Result<()> {
        let text = "You have reported as many keys as one may within an hour. Please wait.";
        self.take(&self.bad_wraps, limits::BAD_WRAPS, 1.0, text)
    }

    /// A call that changes something.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn change(&self, cost: f64, by: Principal) -> Result<()> {
        let text = "You are changing too much at once. Please wait a moment.";
        self.take(&self.changes, limits::CHANGES, share(cost, by), text)
    }

    /// A call that only reads.
    ///
    /// # Errors
    /// `rate_limited` with the time until there is enough.
    pub fn read(&self, cost: f64, by: Principal) -> Result<()> {
        let text = "You are asking for too much at once. Please wait a moment.";
        self.take(&self.reads, limits::READS, share(cost, by), text)
    }

    /// What a call that only reads has cost more than was known before. It is never refused, but the next one may be.
    pub fn owe_reads(&self, cost: f64, by: Principal) {
        self.common.owe(&self.reads, limits::READS, share(cost, by));
    }

    fn take(&self, bucket: &TokenBucket, rate: Rate, cost: f64, text: &'static str) -> Result<()> {
        self.common
            .take(bucket, rate, cost)
            .map_err(|wait_ms| Error::new(Code::RateLimited, text).retry_after(wait_ms))
    }

    fn is_untouched(&self, now_us: u64) -> bool {
        let buckets = [
            &self.commands,
            &self.bytes_now,
            &self.bytes_of_day,
            &self.profile,
            &self.add_members,
            &self.bad_wraps,
            &self.changes,
            &self.reads,
        ];
        buckets.into_iter().all(|bucket| bucket.is_full(now_us))
    }
}

/// Administrators of the server do for many what others do for themselves.
fn share(cost: f64, by: Principal) -> f64 {
    if by.is_admin() { cost / limits::ADMINS } else { cost }
}

/// The allowances of all users who have done something lately.
#[derive(Debug)]
pub struct Allowances {
    common: Arc<Common>,
    parts: [Mutex<HashMap<Uid, Arc<Allowance>>>; limits::PARTS],
}

impl Allowances {
    /// Rates times `scale`; 0 lifts them.
    pub fn new(scale: f64) -> Self {
        let common = Common { began: Instant::now(), scale, bytes: TokenBucket::default() };
        Self { common: Arc::new(common), parts: Default::default() }
    }

    /// The allowance of this user.
    pub fn of(&self, uid: Uid) -> Arc<Allowance> {
        let new = || Arc::new(Allowance::new(self.common.clone()));
        let part = usize::try_from(uid.0.unsigned_abs() % limits::PARTS as u64).unwrap_or(0);
        let Some(part) = self.parts.get(part) else { return new() };
        let mut part = part.lock_unpoisoned();
        if part.len() >= limits::REMEMBERED / limits::PARTS && !part.contains_key(&uid) {
            self.forget_some(&mut part);
        }
        part.entry(uid).or_insert_with(new).clone()
    }

    /// Forgets users who have taken nothing lately; if that frees no place, all who have no connection.
    fn forget_some(&self, part: &mut HashMap<Uid, Arc<Allowance>>) {
        let now_us = self.common.now_us();
        let is_held = |allowance: &Arc<Allowance>| Arc::strong_count(allowance) > 1;
        part.retain(|_, one| is_held(one) || !one.is_untouched(now_us));
        if part.len() >= limits::REMEMBERED / limits::PARTS {
            part.retain(|_, one| is_held(one));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Principal = Principal::User { uid: Uid(1), is_admin: false };
    const ADMIN: Principal = Principal::User { uid: Uid(2), is_admin: true };

    fn allowances() -> Allowances {
        Allowances::new(1.0)
    }

    /// How many of these pass at once.
    fn passing(mut take: impl FnMut() -> Result<()>) -> usize {
        (0..1_000_000).take_while(|_| take().is_ok()).count()
    }

    /// What it is refused with; a little comes back while a slow machine looks elsewhere.
    fn refusal(mut take: impl FnMut() -> Result<()>) -> Error {
        (0..1_000).find_map(|_| take().err()).expect("an end")
    }

    #[test]
    fn a_user_has_one_allowance_however_often_it_is_asked_for_and_another_user_another() {
        let allowances = allowances();
        let commands = || passing(|| allowances.of(Uid(1)).command(1.0));
        let most = limits::COMMANDS.at_once as usize;
        let passed = commands();
        assert!((most..most + 100).contains(&passed), "{passed}");
        assert!(commands() < 100, "the same user");
        assert!(allowances.of(Uid(17)).command(1.0).is_ok(), "another one in the same part");
    }

    #[test]
    fn bytes_end_within_a_minute_and_within_a_day_and_the_wait_is_named() {
        let allowances = allowances();
        let anna = allowances.of(Uid(1));
        const MESSAGE: usize = 32 * 1024;
        let passed = passing(|| anna.bytes(MESSAGE)) * MESSAGE;
        let most = limits::BYTES_A_MINUTE.at_once as usize;
        assert!((most - MESSAGE..most + 10 * MESSAGE).contains(&passed), "{passed}");
        let refused = refusal(|| anna.bytes(MESSAGE));
        assert_eq!(refused.code(), Code::RateLimited);
        assert!(refused.retry_ms().is_some_and(|ms| (1..2_000).contains(&ms)), "{refused:?}");
        // A day of full minutes in a moment.
        let now_us = anna.common.now_us();
        anna.bytes_now.give_back(limits::BYTES_A_MINUTE, limits::BYTES_A_MINUTE.at_once);
        let day = || anna.bytes_of_day.take(limits::BYTES_A_DAY, MESSAGE as f64, now_us);
        let rest = (0..1_000_000).take_while(|_| day().is_ok()).count() * MESSAGE;
        assert!(rest < limits::BYTES_A_DAY.at_once as usize);
        let refused = anna.bytes(MESSAGE).unwrap_err();
        assert!(refused.message().contains("a day"), "{refused:?}");
        assert!(
            anna.bytes_now.is_full(anna.common.now_us()),
            "nothing is taken by what is refused"
        );
    }

    #[test]
    fn a_room_takes_what_many_users_send_up_to_its_own_bound_and_the_server_up_to_its_own() {
        let allowances = allowances();
        const MESSAGE: usize = 32 * 1024;
        let room = TokenBucket::default();
        let (anna, bert) = (allowances.of(Uid(1)), allowances.of(Uid(2)));
        let passed = passing(|| anna.bytes_into(&room, MESSAGE)) * MESSAGE;
        let most = limits::ROOM_BYTES_A_MINUTE.at_once as usize;
        assert!((most - MESSAGE..most + most / 10).contains(&passed), "{passed}");
        let refused = refusal(|| bert.bytes_into(&room, MESSAGE));
        assert!(refused.message().contains("this room"), "{refused:?}");
        let mut into = passed;
        let refused = (0..1_000).find_map(|_| {
            let room = TokenBucket::default();
            into += passing(|| bert.bytes_into(&room, MESSAGE)) * MESSAGE;
            let refused = bert.bytes_into(&TokenBucket::default(), MESSAGE);
            into += usize::from(refused.is_ok()) * MESSAGE;
            refused.err()
        });
        assert!(refused.unwrap().message().contains("this server"));
        let most = limits::TOTAL_BYTES_A_MINUTE.at_once as usize;
        assert!((most - MESSAGE..most + most / 10).contains(&into), "{into}");
    }

    #[test]
    fn people_changes_calls_and_profiles_have_their_own_bounds_and_admins_wider_ones() {
        let allowances = allowances();
        let (anna, boss) = (allowances.of(Uid(1)), allowances.of(Uid(2)));
        let is_near = |passed: usize, most: f64| {
            assert!((most..most * 1.1 + 20.0).contains(&(passed as f64)), "{passed} of {most}");
        };
        is_near(passing(|| anna.add_members(1, MEMBER)), limits::MEMBERS_ADDED.at_once);
        anna.give_members_back(1, MEMBER);
        is_near(passing(|| anna.add_members(1, MEMBER)) + 1, 1.0);
        is_near(passing(|| anna.change(1.0, MEMBER)), limits::CHANGES.at_once);
        is_near(passing(|| anna.read(1.0, MEMBER)), limits::READS.at_once);
        is_near(passing(|| anna.profile_change()), limits::PROFILE_CHANGES.at_once);
        is_near(passing(|| anna.bad_wrap()), limits::BAD_WRAPS.at_once);
        is_near(
            passing(|| boss.add_members(1, ADMIN)),
            limits::MEMBERS_ADDED.at_once * limits::ADMINS,
        );
    }

    #[test]
    fn scale_zero_lifts_every_bound_and_a_larger_one_widens_it() {
        let lifted = Allowances::new(0.0).of(Uid(1));
        let room = TokenBucket::default();
        for _ in 0..10_000 {
            lifted.command(1.0).unwrap();
            lifted.bytes(1_000_000).unwrap();
            lifted.bytes_into(&room, 1_000_000).unwrap();
            lifted.add_members(1, MEMBER).unwrap();
            lifted.change(1.0, MEMBER).unwrap();
            lifted.read(1.0, MEMBER).unwrap();
            lifted.profile_change().unwrap();
        }
        let wide = Allowances::new(3.0).of(Uid(1));
        assert!(
            passing(|| wide.add_members(1, MEMBER)) >= 3 * limits::MEMBERS_ADDED.at_once as usize
        );
    }

    #[test]
    fn the_table_is_bounded_and_forgets_first_whom_it_makes_no_difference_to() {
        let allowances = allowances();
        let held = allowances.of(Uid(0));
        passing(|| held.add_members(1, MEMBER));
        // Somebody without a connection who has used something up, in the same part.
        passing(|| allowances.of(Uid(limits::PARTS as i64)).add_members(1, MEMBER));
        for uid in 2..limits::REMEMBERED as i64 + 10 {
            allowances.of(Uid(uid * limits::PARTS as i64));
        }
        let known = allowances.parts[0].lock().unwrap().len();
        assert!(known <= limits::REMEMBERED / limits::PARTS, "{known}");
        assert!(allowances.of(Uid(0)).add_members(9, MEMBER).is_err());
        assert!(allowances.of(Uid(limits::PARTS as i64)).add_members(9, MEMBER).is_err());
        // If all have used something up, those with a connection are still known.
        for uid in 2..limits::REMEMBERED as i64 {
            allowances.of(Uid(uid * limits::PARTS as i64)).add_members(1, MEMBER).unwrap();
        }
        let known = allowances.parts[0].lock().unwrap().len();
        assert!(known <= limits::REMEMBERED / limits::PARTS, "{known}");
        assert!(allowances.of(Uid(0)).add_members(9, MEMBER).is_err());
    }
}
