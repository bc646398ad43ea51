//! A bounded cache of sessions in front of the store, by the digest of their token.
//!
//! An ended session stays marked as ended for longer than a read from the store can take, so a read that was under way
//! when it ended cannot bring it back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::session::Session;
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth as limits;
use crate::base::lock::MutexExt as _;
use crate::base::time::now_ms;

/// The cache.
#[derive(Default)]
pub(super) struct SessionCache {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    live: HashMap<[u8; 32], (Arc<Session>, Instant)>,
    ended: HashMap<SessionId, Instant>,
    /// Users who were shut out, or whose rights have changed.
    shut: HashMap<Uid, Instant>,
    /// How often something was forgotten: what was read from the store before that is not cached.
    generation: u64,
}

impl SessionCache {
    /// The session if it is remembered.
    pub fn get(&self, digest: &[u8; 32]) -> Option<Arc<Session>> {
        let inner = self.inner.lock_unpoisoned();
        let (session, since) = inner.live.get(digest)?;
        let has_ended = session.expires_at.is_some_and(|at| at <= now_ms());
        (since.elapsed() < limits::SESSION_BELIEVED && !has_ended).then(|| session.clone())
    }

    /// To be read before the store is queried, and passed to [`SessionCache::put`].
    pub fn generation(&self) -> u64 {
        self.inner.lock_unpoisoned().generation
    }

    /// Remembers a session the store has confirmed since `generation`; `None` if it has ended since.
    pub fn put(&self, generation: u64, digest: [u8; 32], session: Session) -> Option<Arc<Session>> {
        let mut inner = self.inner.lock_unpoisoned();
        if inner.ended.contains_key(&session.id) {
            return None;
        }
        if inner.generation != generation {
            return Some(Arc::new(session));
        }
        if inner.live.len() >= limits::SESSIONS_REMEMBERED {
            inner.live.retain(|_, (_, since)| since.elapsed() < limits::SESSION_BELIEVED);
        }
        if inner.live.len() >= limits::SESSIONS_REMEMBERED {
            inner.live.clear();
        }
        let session = Arc::new(session);
        inner.live.insert(digest, (session.clone(), Instant::now()));
        Some(session)
    }

    /// Marks these sessions as ended.
    pub fn end(&self, ids: &[SessionId]) {
        if ids.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut inner = self.inner.lock_unpoisoned();
        inner.ended.retain(|_, since| since.elapsed() < limits::SESSION_ENDED);
        inner.ended.extend(ids.iter().map(|id| (*id, now)));
        inner.live.retain(|_, (session, _)| !ids.contains(&session.id));
    }

    /// Forgets a user's sessions, so that the store is queried again: name or rights have changed.
    pub fn forget(&self, uid: Uid) {
        let mut inner = self.inner.lock_unpoisoned();
        inner.generation = inner.generation.wrapping_add(1);
        inner.live.retain(|_, (session, _)| session.uid != uid);
    }

    /// The same, and nothing that was read before may open a socket any more: the user was shut out, or has other
    /// rights. Returns from when on.
    pub fn shut(&self, uid: Uid) -> Instant {
        self.forget(uid);
        let now = Instant::now();
        let mut inner = self.inner.lock_unpoisoned();
        inner.shut.retain(|_, since| since.elapsed() < limits::SESSION_ENDED);
        inner.shut.insert(uid, now);
        now
    }

    /// Whether the session has not been ended here, nor its user shut out, since it was read.
    pub fn is_live(&self, session: &Session) -> bool {
        let inner = self.inner.lock_unpoisoned();
        !inner.ended.contains_key(&session.id)
            && inner.shut.get(&session.uid).is_none_or(|since| *since < session.asked_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::presence::Status;
    use crate::store::accounts::{Scope, SessionKind};

    fn session(id: i64) -> Session {
        let kind = SessionKind::Browser;
        Session {
            id: SessionId(id),
            uid: Uid(1),
            username: "a".into(),
            admin: false,
            kind,
            scope: Scope::Full,
            expires_at: None,
            status: Status::default(),
            asked_at: Instant::now(),
        }
    }

    #[test]
    fn an_ended_session_cannot_be_brought_back_by_a_late_lookup() {
        let sessions = SessionCache::default();
        assert!(sessions.put(0, [1; 32], session(1)).is_some());
        assert!(sessions.get(&[1; 32]).is_some() && sessions.is_live(&session(1)));
        sessions.end(&[SessionId(1)]);
        assert!(sessions.get(&[1; 32]).is_none() && !sessions.is_live(&session(1)));
        assert!(sessions.put(0, [1; 32], session(1)).is_none());
        assert!(sessions.put(0, [2; 32], session(2)).is_some());
    }

    #[test]
    fn what_was_looked_up_before_somebody_was_forgotten_is_not_remembered() {
        let sessions = SessionCache::default();
        let generation = sessions.generation();
        assert!(sessions.put(generation, [1; 32], session(1)).is_some());
        sessions.forget(Uid(1));
        assert!(sessions.get(&[1; 32]).is_none(), "asked for anew");
        assert!(sessions.put(generation, [1; 32], session(1)).is_some(), "good for this once");
        assert!(sessions.get(&[1; 32]).is_none());
        assert!(sessions.put(sessions.generation(), [1; 32], session(1)).is_some());
        assert!(sessions.get(&[1; 32]).is_some() && sessions.is_live(&session(1)));
    }

    #[test]
    fn a_user_who_was_shut_out_opens_no_socket_with_a_session_read_before() {
        let sessions = SessionCache::default();
        let (old, other) = (session(1), Session { uid: Uid(2), ..session(2) });
        sessions.shut(Uid(1));
        assert!(!sessions.is_live(&old) && sessions.is_live(&other));
        std::thread::sleep(Duration::from_millis(2));
        assert!(sessions.is_live(&session(1)), "what the store says now counts");
    }

    #[test]
    fn no_more_sessions_are_remembered_than_may_be_and_none_beyond_its_end() {
        let sessions = SessionCache::default();
        for n in 0..=limits::SESSIONS_REMEMBERED {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_be_bytes());
            sessions.put(sessions.generation(), digest, session(n as i64)).unwrap();
        }
        assert!(sessions.inner.lock().unwrap().live.len() <= limits::SESSIONS_REMEMBERED);
        let over = Session { expires_at: Some(now_ms()), ..session(1) };
        sessions.put(sessions.generation(), [0xff; 32], over).unwrap();
        assert_eq!(sessions.get(&[0xff; 32]), None);
    }
}
