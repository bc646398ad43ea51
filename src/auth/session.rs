//! Live sessions by the digest of their token, with a bounded memory in front of the store.
//!
//! A session that was ended here is remembered for longer than anything could have been holding it,
//! so a lookup that was under way when it ended cannot bring it back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::base::error::Result;
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth as limits;
use crate::base::lock::MutexExt as _;
use crate::base::principal::Principal;
use crate::base::random;
use crate::base::time::now_ms;
use crate::protocol::presence::Status;
use crate::store::accounts::{Scope, SessionKind};

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Who.
    pub uid: Uid,
    /// Their name.
    pub username: String,
    /// Whether they are an administrator, and the session may do what one does.
    pub admin: bool,
    /// A browser or a token.
    pub kind: SessionKind,
    /// What it may be used for.
    pub scope: Scope,
    /// When it ends for good, if it does.
    pub expires_at: Option<i64>,
    /// What the user chose to be seen as when the session was looked up.
    pub status: Status,
    /// When the store was asked for it.
    pub asked_at: Instant,
}

impl Session {
    /// The number that stands for whoever runs the server's machine; no user has it.
    pub const OPERATOR: Uid = Uid(0);

    /// Whoever runs the server's machine, from the command line.
    pub fn operator() -> Self {
        Self { admin: true, ..Self::of_user(Self::OPERATOR, "command line") }
    }

    /// Who acts by this session.
    pub fn principal(&self) -> Principal {
        match self.uid {
            Self::OPERATOR => Principal::Operator,
            uid => Principal::User { uid, is_admin: self.admin },
        }
    }

    /// Somebody who acts without being signed in, as the user of a ticket does; for the audit log.
    pub fn of_user(uid: Uid, username: &str) -> Self {
        Self {
            id: SessionId(0),
            uid,
            username: username.to_owned(),
            admin: false,
            kind: SessionKind::Token,
            scope: Scope::Admin,
            expires_at: None,
            status: Status::default(),
            asked_at: Instant::now(),
        }
    }
}

/// The memory.
#[derive(Default)]
pub(super) struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    live: HashMap<[u8; 32], (Arc<Session>, Instant)>,
    ended: HashMap<SessionId, Instant>,
    /// Users who were shut out, or whose rights have changed.
    shut: HashMap<Uid, Instant>,
    /// How often something was forgotten: what was looked up before that is not remembered.
    forgotten: u64,
}

impl Sessions {
    /// The session if it is remembered.
    pub fn get(&self, digest: &[u8; 32]) -> Option<Arc<Session>> {
        let inner = self.inner.lock_unpoisoned();
        let (session, since) = inner.live.get(digest)?;
        let has_ended = session.expires_at.is_some_and(|at| at <= now_ms());
        (since.elapsed() < limits::SESSION_BELIEVED && !has_ended).then(|| session.clone())
    }

    /// To be asked before the store is, and handed to [`Sessions::put`].
    pub fn moment(&self) -> u64 {
        self.inner.lock_unpoisoned().forgotten
    }

    /// Remembers a session the store has confirmed since `moment`; `None` if it has ended since.
    pub fn put(&self, moment: u64, digest: [u8; 32], session: Session) -> Option<Arc<Session>> {
        let mut inner = self.inner.lock_unpoisoned();
        if inner.ended.contains_key(&session.id) {
            return None;
        }
        if inner.forgotten != moment {
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

    /// From now on these sessions are over.
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

    /// Looks a user's sessions up anew from now on: name or rights have changed.
    pub fn forget(&self, uid: Uid) {
        let mut inner = self.inner.lock_unpoisoned();
        inner.forgotten = inner.forgotten.wrapping_add(1);
        inner.live.retain(|_, (session, _)| session.uid != uid);
    }

    /// The same, and nothing that was looked up before may open a socket any more: the user was shut
    /// out, or has other rights. From when on.
    pub fn shut(&self, uid: Uid) -> Instant {
        self.forget(uid);
        let now = Instant::now();
        let mut inner = self.inner.lock_unpoisoned();
        inner.shut.retain(|_, since| since.elapsed() < limits::SESSION_ENDED);
        inner.shut.insert(uid, now);
        now
    }

    /// Whether the session has not been ended here, nor its user shut out, since it was looked up.
    pub fn is_live(&self, session: &Session) -> bool {
        let inner = self.inner.lock_unpoisoned();
        !inner.ended.contains_key(&session.id)
            && inner.shut.get(&session.uid).is_none_or(|since| *since < session.asked_at)
    }
}

/// A new token of 256 bits and the digest that is kept of it.
///
/// # Errors
/// No randomness.
pub fn new_token() -> Result<(String, [u8; 32])> {
    let token = URL_SAFE_NO_PAD.encode(random::bytes::<32>()?);
    let digest = digest(&token);
    Ok((token, digest))
}

/// What is kept of a token.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
        let sessions = Sessions::default();
        assert!(sessions.put(0, [1; 32], session(1)).is_some());
        assert!(sessions.get(&[1; 32]).is_some() && sessions.is_live(&session(1)));
        sessions.end(&[SessionId(1)]);
        assert!(sessions.get(&[1; 32]).is_none() && !sessions.is_live(&session(1)));
        assert!(sessions.put(0, [1; 32], session(1)).is_none());
        assert!(sessions.put(0, [2; 32], session(2)).is_some());
    }

    #[test]
    fn what_was_looked_up_before_somebody_was_forgotten_is_not_remembered() {
        let sessions = Sessions::default();
        let moment = sessions.moment();
        assert!(sessions.put(moment, [1; 32], session(1)).is_some());
        sessions.forget(Uid(1));
        assert!(sessions.get(&[1; 32]).is_none(), "asked for anew");
        assert!(sessions.put(moment, [1; 32], session(1)).is_some(), "good for this once");
        assert!(sessions.get(&[1; 32]).is_none());
        assert!(sessions.put(sessions.moment(), [1; 32], session(1)).is_some());
        assert!(sessions.get(&[1; 32]).is_some() && sessions.is_live(&session(1)));
    }

    #[test]
    fn who_was_shut_out_opens_nothing_with_what_was_looked_up_before() {
        let sessions = Sessions::default();
        let (old, other) = (session(1), Session { uid: Uid(2), ..session(2) });
        sessions.shut(Uid(1));
        assert!(!sessions.is_live(&old) && sessions.is_live(&other));
        std::thread::sleep(Duration::from_millis(2));
        assert!(sessions.is_live(&session(1)), "what the store says now counts");
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, digest_of_one) = new_token().unwrap();
        let (two, _) = new_token().unwrap();
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
        assert_eq!(digest(&one), digest_of_one);
    }

    #[test]
    fn no_more_sessions_are_remembered_than_may_be_and_none_beyond_its_end() {
        let sessions = Sessions::default();
        for n in 0..=limits::SESSIONS_REMEMBERED {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_be_bytes());
            sessions.put(sessions.moment(), digest, session(n as i64)).unwrap();
        }
        assert!(sessions.inner.lock().unwrap().live.len() <= limits::SESSIONS_REMEMBERED);
        let over = Session { expires_at: Some(now_ms()), ..session(1) };
        sessions.put(sessions.moment(), [0xff; 32], over).unwrap();
        assert_eq!(sessions.get(&[0xff; 32]), None);
    }
}
