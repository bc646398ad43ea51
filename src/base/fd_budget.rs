//! Who gets how many of the process's descriptors: every socket is one, and so is every file.
//!
//! What the database and files need is set aside. Of the rest, WebSockets leave a part to HTTP, so
//! that a server full of chats still answers `/health` and says no to the next one; and HTTP leaves
//! some to the refusals themselves. While there are few WebSockets, HTTP may use their share: in
//! a storm of reconnects every connection is HTTP first.

use crate::base::limits::{descriptors as limits, http, search, store};

/// How the descriptors are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FdBudget {
    /// All there are.
    pub limit: usize,
    /// Kept for the database, files and the threads' own.
    pub own: usize,
    /// WebSockets that fit.
    pub fits: usize,
    /// WebSockets at once: as many as fit, or fewer if fewer are wanted.
    pub websockets: usize,
    /// Sockets of all kinds at once, refusals apart.
    pub sockets: usize,
    /// Connections being refused at once.
    pub refusals: usize,
}

impl FdBudget {
    /// Of `limit` descriptors, for a server of so many shards that was told to take at most `wanted`
    /// WebSockets.
    pub fn of(limit: usize, shards: usize, wanted: Option<usize>) -> Self {
        // Three pools, that of the searches, and for each shard an epoll and what wakes it.
        let databases = 3 * store::POOL + search::AT_ONCE;
        let own = (limits::FILES + databases).saturating_add(shards.saturating_mul(2));
        let rest = limit.saturating_sub(own);
        let spared = limits::HTTP.min(rest / 4);
        let refusals = http::REFUSALS.min(spared / 2).max(1);
        let fits = rest.saturating_sub(spared).max(1);
        let websockets = wanted.unwrap_or(fits).min(fits);
        let sockets = rest.saturating_sub(refusals).max(2);
        Self { limit, own, fits, websockets, sockets, refusals }
    }

    /// Of what this process may have.
    pub fn here(shards: usize, wanted: Option<usize>) -> Self {
        Self::of(limit(), shards, wanted)
    }

    /// Logs how many connections fit, and a warning if that is fewer than were wanted.
    pub fn log(&self, wanted: Option<usize>) {
        let Self { limit, fits, websockets, .. } = self;
        tracing::info!("room for {websockets} connections, with {limit} descriptors");
        if let Some(wanted) = wanted.filter(|wanted| wanted > fits) {
            tracing::warn!(
                "{wanted} connections (--connections-max) will not fit: {limit} descriptors are \
                 enough for {fits}. {HOW}"
            );
        } else if wanted.is_none() && *fits < limits::FEW {
            tracing::warn!(
                "only {fits} connections will fit: that is all {limit} descriptors are enough for. {HOW}"
            );
        }
    }
}

const HOW: &str =
    "Raise the limit of open files (ulimit -n, LimitNOFILE= of systemd, ulimits of Docker).";

/// The limit of this process.
pub fn limit() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1_024, 1_024));
    usize::try_from(soft).unwrap_or(usize::MAX)
}

/// Raises the limit of this process as far as the system allows.
pub fn raise_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_twice() {
        for limit in [128, 256, 1_024, 20_000, 1_048_576] {
            for shards in [1, 4, 16] {
                let share = FdBudget::of(limit, shards, None);
                assert!(share.own + share.sockets + share.refusals <= limit, "{share:?}");
                assert!(share.websockets < share.sockets, "HTTP keeps some: {share:?}");
                assert!(share.refusals >= 1, "{share:?}");
            }
        }
        assert!(FdBudget::of(20_000, 1, None).websockets >= 19_000);
    }

    #[test]
    fn a_wish_is_a_bound_and_never_more_than_fits() {
        let fits = FdBudget::of(1_024, 1, None).fits;
        assert_eq!(FdBudget::of(1_024, 1, Some(100)).websockets, 100);
        assert_eq!(FdBudget::of(1_024, 1, Some(100_000)).websockets, fits);
    }

    #[test]
    fn too_few_descriptors_leave_somebody_a_place() {
        for limit in [0, 10, 64] {
            let share = FdBudget::of(limit, 1, None);
            assert_eq!((share.websockets, share.refusals), (1, 1), "{share:?}");
        }
        assert_eq!(FdBudget::of(usize::MAX, usize::MAX, None).websockets, 1);
    }
}
