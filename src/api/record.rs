//! The audit log as handlers write it.

use std::time::Duration;

use serde_json::Value;

use crate::auth::{RateLimit, Session};
use crate::base::error::Result;
use crate::base::ids::{InviteId, RoomId, Uid};
use crate::base::limits::api as limits;
use crate::base::principal::Principal;
use crate::store::accounts::AuditEntry;

use super::Api;

/// What was done something to.
#[derive(Debug)]
pub(super) struct Target {
    /// `user`, `room` or `invite`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What it was called then.
    pub name: String,
}

impl Target {
    /// A room.
    pub fn room(id: RoomId, name: &str) -> Self {
        Self { kind: "room", id: id.to_string(), name: name.to_owned() }
    }

    /// A user.
    pub fn user(uid: Uid, name: &str) -> Self {
        Self { kind: "user", id: uid.to_string(), name: name.to_owned() }
    }

    /// An invite link.
    pub fn invite(id: InviteId, label: &str) -> Self {
        Self { kind: "invite", id: id.to_string(), name: label.to_owned() }
    }
}

/// How many acts may be done that go into the audit log: of one person, so that nobody makes it grow as
/// fast as they can ask, and of all together, so that many accounts cannot, either. Admins of the server
/// need not wait for others; whoever runs the server's machine waits for nobody.
pub struct Audited {
    of_one: RateLimit<Uid>,
    of_all: RateLimit<()>,
}

impl Audited {
    /// As many as the bounds say, times `scale`; a scale of 0 lifts them.
    pub fn new(scale: f64) -> Self {
        let hour = Duration::from_secs(3_600);
        Self {
            of_one: RateLimit::new(limits::AUDITED, limits::AUDITED_IN, scale),
            of_all: RateLimit::new(limits::AUDITED_TOTAL, hour, scale),
        }
    }

    fn take(&self, by: &Session) -> Result<()> {
        if by.principal() == Principal::Operator {
            return Ok(());
        }
        self.of_one.take(by.uid)?;
        if by.admin {
            return Ok(());
        }
        self.of_all.take(()).inspect_err(|_| self.of_one.give_back(&by.uid))
    }

    fn give_back(&self, by: &Session) {
        if by.principal() == Principal::Operator {
            return;
        }
        self.of_one.give_back(&by.uid);
        if !by.admin {
            self.of_all.give_back(&());
        }
    }
}

/// Leave to write one entry. It is given back if no entry is written.
pub(super) struct Permit<'a> {
    api: &'a Api,
    by: &'a Session,
    is_used: bool,
}

impl Permit<'_> {
    /// Writes down what was done.
    pub async fn record(mut self, action: &'static str, target: Target, detail: Value) {
        self.is_used = true;
        self.api.record(self.by, action, target, detail).await;
    }

    /// It was written down elsewhere, in the transaction that did it.
    pub fn use_up(mut self) {
        self.is_used = true;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.api.audited.give_back(self.by);
        }
    }
}

/// Between attempts to write an entry down.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

impl Api {
    /// Leave for one act that goes into the audit log; asked for before anything is done.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn permit<'a>(&'a self, by: &'a Session) -> Result<Permit<'a>> {
        self.audited.take(by)?;
        Ok(Permit { api: self, by, is_used: false })
    }

    /// Writes down what was done. It is done already and cannot be taken back here, so a store that
    /// does not answer is asked a few times more, beside the answer, and the entry is logged in any
    /// case.
    pub(super) async fn record(
        &self,
        by: &Session,
        action: &'static str,
        target: Target,
        detail: Value,
    ) {
        tracing::info!(by = by.username, action, target = ?target, %detail, "audit");
        let actor = by.principal().uid();
        let (accounts, actor_name) = (self.accounts.clone(), by.username.clone());
        let write = async move {
            let entry = AuditEntry {
                actor,
                actor_name: &actor_name,
                action,
                target_kind: target.kind,
                target_id: &target.id,
                target_name: &target.name,
                detail: &detail,
            };
            for pause in PAUSES {
                match accounts.record(&entry).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(action, ?error, "the audit log did not answer"),
                }
                tokio::time::sleep(pause).await;
            }
            if let Err(error) = accounts.record(&entry).await {
                tracing::error!(?entry, ?error, "an entry of the audit log was lost");
            }
        };
        // Usually at once; only an outage makes it outlive the request.
        let writing = tokio::spawn(write);
        let _ = tokio::time::timeout(PAUSES[0], writing).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Code;

    fn member(uid: i64) -> Session {
        Session::of_user(Uid(uid), "somebody")
    }

    #[test]
    fn so_much_is_written_down_for_all_together_and_admins_need_not_wait_for_it() {
        // A thousandth of the bounds: nothing for one alone, and twenty for all.
        let audited = Audited::new(0.001);
        let most = i64::from(limits::AUDITED_TOTAL / 1_000);
        for uid in 1..=most {
            audited.take(&member(uid)).unwrap();
        }
        let refused = audited.take(&member(most + 1)).unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        audited.take(&Session { admin: true, ..member(most + 2) }).unwrap();
        for _ in 0..3 {
            audited.take(&Session::operator()).unwrap();
        }
        // What led to no entry is given back, and who was refused has lost nothing.
        audited.give_back(&member(1));
        audited.take(&member(most + 1)).unwrap();
    }

    #[test]
    fn one_person_has_so_many_and_then_waits() {
        let audited = Audited::new(1.0);
        for _ in 0..limits::AUDITED {
            audited.take(&member(1)).unwrap();
        }
        assert!(audited.take(&member(1)).unwrap_err().retry_ms() <= Some(2_000));
        audited.take(&member(2)).unwrap();
    }
}
