//! Setting a password, by the old one, by a ticket or by the recovery code.
//!
//! Nothing here signs anybody in: the holder of a ticket logs in with the password that was chosen, so a ticket
//! that was read over somebody's shoulder never becomes a session by itself.

use serde::Deserialize;
use serde_json::json;

use super::keys::add_keys;
use crate::api::access::Access;
use crate::api::caller::{device_cookie, set_device_cookie};
use crate::api::context::{Api, Call};
use crate::auth::{NewKeys, NewPassword, Proof};
use crate::base::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::service::ProvenKeys;

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

/// `POST /api/auth/ticket`: whose password this ticket sets.
pub async fn ticket(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Ticket { ticket } = request.json()?;
    let found = api.services.auth.ticket(&ticket, request.peer.ip()).await?;
    let answer = json!({
        "uid": found.uid,
        "username": found.username,
        "display_name": found.display_name,
        "new": found.is_new,
    });
    Ok(Response::json(200, &answer))
}

#[derive(Deserialize)]
struct Prepare {
    by: By,
    alg: String,
    salt: String,
    iter: u32,
    auth: String,
}

// Named like its field, because a refusal shows the name to the caller.
#[derive(Deserialize)]
struct By {
    auth: Option<String>,
    ticket: Option<String>,
    recovery: Option<String>,
    username: Option<String>,
}

/// `POST /api/auth/password/prepare`. Nothing has changed yet when it answers.
pub async fn prepare(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Prepare { by, alg, salt, iter, auth } = request.json()?;
    let proof = match (by.auth, by.ticket, by.recovery.zip(by.username)) {
        (Some(old), None, None) => {
            let caller = api.session(request).await?;
            Access::Full.check(&caller)?;
            Proof::Old(caller.uid, caller.id, old)
        }
        (None, Some(ticket), None) => Proof::Ticket(ticket),
        (None, None, Some((rauth, username))) => Proof::Recovery { username, rauth },
        _ => {
            let rule = "must have \"auth\", \"ticket\", or \"recovery\" and \"username\"";
            return Err(Error::field("by", rule));
        }
    };
    let new = NewPassword { alg, salt, iter, auth };
    let prepared = api.services.auth.prepare(proof, new, request.peer.ip()).await?;
    Ok(Response::json(200, &json!({"pending": prepared.pending, "share": prepared.share})))
}

#[derive(Deserialize)]
struct Commit {
    pending: String,
    #[serde(default = "yes")]
    sign_out_others: bool,
    keys: Option<NewKeys>,
    rauth_digest: Option<String>,
    challenge: Option<String>,
    proof: Option<String>,
}

impl Commit {
    /// The keys under the new password and the proof for them, which come together or not at all.
    fn keys(&mut self) -> Result<Option<ProvenKeys>> {
        let parts = (self.keys.take(), self.challenge.take(), self.proof.take());
        match parts {
            (Some(keys), Some(challenge), Some(proof)) => {
                let change = keys.check(self.rauth_digest.as_deref())?;
                Ok(Some(ProvenKeys { change, challenge, proof }))
            }
            (None, None, None) => Ok(None),
            _ => Err(Error::field("keys", "needs \"challenge\" and \"proof\", and they need it")),
        }
    }
}

fn yes() -> bool {
    true
}

/// `POST /api/auth/password/commit`: changes the password, and ends the other sessions if so wished.
pub async fn commit(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let mut body: Commit = request.json()?;
    let keys = body.keys()?;
    let Commit { pending, sign_out_others, .. } = body;
    // The holder of a ticket may still carry the cookie of a session that has ended.
    let session = match api.session(request).await {
        Ok(session) => Some(session),
        Err(error) if error.code() == Code::Unauthorized => None,
        Err(error) => return Err(error),
    };
    let session = session.as_deref().filter(|session| Access::Full.check(session).is_ok());
    let peer = request.peer.ip();
    let changed = api.services.keys.commit(&pending, session, sign_out_others, keys, peer).await?;
    let response = Response::empty(204);
    // The new password makes the old entry worthless. If there is none now, the next login makes one.
    match session.filter(|session| session.uid == changed.uid) {
        Some(session) => {
            let cookie =
                api.services.auth.renew_device_cookie(session.uid, device_cookie(request)).await;
            Ok(match cookie {
                Ok(Some(cookie)) => set_device_cookie(request, response, &cookie),
                _ => response,
            })
        }
        None => Ok(response),
    }
}

#[derive(Deserialize)]
struct Unlock {
    auth: String,
}

/// `POST /api/auth/unlock`: the share and the keys, for a browser that has lost its own, and to read back what was
/// written.
pub async fn unlock(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Unlock { auth } = request.json()?;
    let peer = request.peer.ip();
    let unlocked = services.auth.unlock(caller.uid, caller.id, &auth, peer).await?;
    let mut answer = json!({"share": unlocked.share});
    add_keys(&mut answer, &services.keys, caller.uid, unlocked.keys.as_ref());
    Ok(Response::json(200, &answer))
}
