//! What calls cost their user, whatever addresses they come from ([`crate::base::allowance`]).
//!
//! What ends sessions and tokens is free: somebody who uses a stolen one must not be able to keep its owner
//! from ending it.

use crate::base::allowance::Allowances;
use crate::base::error::Result;
use crate::base::limits::users as limits;
use crate::base::principal::Principal;

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Charge {
    /// Nothing, or it has limits of its own.
    Free,
    /// So much of what the user may read.
    Read(f64),
    /// So much of what the user may change.
    Change(f64),
}

impl Charge {
    /// For a change that each of these people gets a frame of their own for.
    pub fn fan_out(people: u32) -> Self {
        Self::Change(f64::from(people) / limits::FAN_OUT_PER_COST)
    }

    /// For a search among the names of so many people. It can always be paid: an allowance that is untouched is enough.
    pub fn search(people: usize) -> Self {
        let people = u32::try_from(people).unwrap_or(u32::MAX);
        Self::Read((f64::from(people) / limits::SEARCHED_PER_COST).min(limits::READS.at_once))
    }

    /// Takes it out of what the caller may do. The operator, who could as well lift the limits, pays nothing.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take(self, allowances: &Allowances, by: Principal) -> Result<()> {
        let Principal::User { uid, .. } = by else { return Ok(()) };
        match self {
            Self::Free => Ok(()),
            Self::Read(cost) => allowances.of(uid).read(cost, by),
            Self::Change(cost) => allowances.of(uid).change(cost, by),
        }
    }
}
