//! The audit log: permits for what goes into it, writing it, and reading it.

use std::time::Duration;

use serde_json::Value;

use super::actor::Actor;
use crate::auth::RateLimit;
use crate::base::error::Result;
use crate::base::ids::{HookId, InviteId, RoomId, Uid};
use crate::base::limits::service as limits;
use crate::base::principal::Principal;
use crate::store::accounts::{AccountStore, AuditCheck, AuditEntry, AuditFilter, AuditRow};

/// What an act was done to.
#[derive(Debug)]
pub struct AuditTarget {
    /// `user`, `room`, `invite` or `hook`.
    kind: &'static str,
    /// Its id.
    id: String,
    /// What it was called then.
    name: String,
}

impl AuditTarget {
    /// A room.
    pub fn room(id: RoomId, name: &str) -> Self {
        Self { kind: "room", id: id.to_string(), name: name.to_owned() }
    }

    /// A user.
    pub fn user(uid: Uid, name: &str) -> Self {
        Self { kind: "user", id: uid.to_string(), name: name.to_owned() }
    }

    /// An incoming hook.
    pub fn hook(id: HookId, name: &str) -> Self {
        Self { kind: "hook", id: id.to_string(), name: name.to_owned() }
    }

    /// An invite link.
    pub fn invite(id: InviteId, label: &str) -> Self {
        Self { kind: "invite", id: id.to_string(), name: label.to_owned() }
    }
}

/// The audit log, and how many acts that go into it may be done: by one person, so that nobody makes it grow
/// as fast as they can ask, and by all together, so that many accounts cannot, either. The limit of all does
/// not hold admins of the server, and no limit holds the operator.
pub struct Audit {
    store: AccountStore,
    limits: Limits,
}

struct Limits {
    of_one: RateLimit<Uid>,
    of_all: RateLimit<()>,
}

impl Limits {
    fn new(scale: f64) -> Self {
        let hour = Duration::from_secs(3_600);
        Self {
            of_one: RateLimit::new(limits::AUDITED, limits::AUDITED_IN, scale),
            of_all: RateLimit::new(limits::AUDITED_TOTAL, hour, scale),
        }
    }

    fn take(&self, by: Principal) -> Result<()> {
        let Principal::User { uid, is_admin } = by else { return Ok(()) };
        self.of_one.take(uid)?;
        if is_admin {
            return Ok(());
        }
        self.of_all.take(()).inspect_err(|_| self.of_one.give_back(&uid))
    }

    fn give_back(&self, by: Principal) {
        let Principal::User { uid, is_admin } = by else { return };
        self.of_one.give_back(&uid);
        if !is_admin {
            self.of_all.give_back(&());
        }
    }
}

/// The right to write one entry. It is given back if no entry is written.
pub struct Permit<'a> {
    audit: &'a Audit,
    by: &'a Actor,
    is_used: bool,
}

impl Permit<'_> {
    /// Writes what was done.
    pub async fn record(mut self, action: &'static str, target: AuditTarget, detail: Value) {
        self.is_used = true;
        self.audit.record(self.by, action, target, detail).await;
    }

    /// The entry was written by the transaction that did it.
    pub fn use_up(mut self) {
        self.is_used = true;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.audit.limits.give_back(self.by.principal);
        }
    }
}

impl Audit {
    /// The log in this store. The limits are multiplied by `scale`; a scale of 0 lifts them.
    pub fn new(store: AccountStore, scale: f64) -> Self {
        Self { store, limits: Limits::new(scale) }
    }

    /// The permit for one act that goes into the audit log; taken before anything is done.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn permit<'a>(&'a self, by: &'a Actor) -> Result<Permit<'a>> {
        self.limits.take(by.principal)?;
        Ok(Permit { audit: self, by, is_used: false })
    }

    /// Writes what was done. It is done already and cannot be taken back here, so if the store does not
    /// answer, writing is tried a few times more beside the answer, and the entry is logged in any case.
    pub async fn record(
        &self,
        by: &Actor,
        action: &'static str,
        target: AuditTarget,
        detail: Value,
    ) {
        tracing::info!(by = by.name, action, target = ?target, %detail, "audit");
        let (store, actor, actor_name) = (self.store.clone(), by.uid(), by.name.clone());
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
            for pause in limits::RECORD_PAUSES {
                match store.record(&entry).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(action, ?error, "the audit log did not answer"),
                }
                tokio::time::sleep(pause).await;
            }
            if let Err(error) = store.record(&entry).await {
                tracing::error!(?entry, ?error, "an entry of the audit log was lost");
            }
        };
        // Usually at once; only an outage makes it outlive the request.
        let writing = tokio::spawn(write);
        let _ = tokio::time::timeout(limits::RECORD_WAIT, writing).await;
    }

    /// Entries with a number below `before`, newest first, and whether there are more.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn page(
        &self,
        filter: &AuditFilter,
        before: i64,
        most: usize,
    ) -> Result<(Vec<AuditRow>, bool)> {
        self.store.audit_page(filter, before, most).await
    }

    /// Whether the chain of all entries holds.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn verify(&self) -> Result<AuditCheck> {
        self.store.verify_audit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Code;

    fn user(uid: i64, is_admin: bool) -> Principal {
        Principal::User { uid: Uid(uid), is_admin }
    }

    #[test]
    fn so_much_is_written_for_all_together_and_admins_need_not_wait_for_it() {
        // A thousandth of the bounds: nothing for one alone, and twenty for all.
        let audited = Limits::new(0.001);
        let most = i64::from(limits::AUDITED_TOTAL / 1_000);
        for uid in 1..=most {
            audited.take(user(uid, false)).unwrap();
        }
        let refused = audited.take(user(most + 1, false)).unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        audited.take(user(most + 2, true)).unwrap();
        for _ in 0..3 {
            audited.take(Principal::Operator).unwrap();
        }
        // What led to no entry is given back, and who was refused has lost nothing.
        audited.give_back(user(1, false));
        audited.take(user(most + 1, false)).unwrap();
    }

    #[test]
    fn one_person_has_so_many_and_then_waits() {
        let audited = Limits::new(1.0);
        for _ in 0..limits::AUDITED {
            audited.take(user(1, false)).unwrap();
        }
        assert!(audited.take(user(1, false)).unwrap_err().retry_ms() <= Some(2_000));
        audited.take(user(2, false)).unwrap();
    }
}
