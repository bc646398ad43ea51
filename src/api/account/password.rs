//! Setting a password, by the old one or by a ticket.
//!
//! Nothing here signs anybody in: the holder of a ticket logs in with the password that was chosen, so a ticket
//! that was read over somebody's shoulder never becomes a session by itself.

use serde::Deserialize;
use serde_json::json;

use crate::api::access::Access;
use crate::api::caller::{device_cookie, set_device_cookie};
use crate::api::context::{Api, Call};
use crate::auth::{NewPassword, Proof};
use crate::base::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::service::{Actor, AuditTarget};

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
}

/// `POST /api/auth/password/prepare`. Nothing has changed yet when it answers.
pub async fn prepare(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Prepare { by, alg, salt, iter, auth } = request.json()?;
    let proof = match (by.auth, by.ticket) {
        (Some(old), None) => {
            let caller = api.session(request).await?;
            Access::Full.check(&caller)?;
            Proof::Old(caller.uid, caller.id, old)
        }
        (None, Some(ticket)) => Proof::Ticket(ticket),
        _ => return Err(Error::field("by", "must have either \"auth\" or \"ticket\"")),
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
}

fn yes() -> bool {
    true
}

/// `POST /api/auth/password/commit`: changes the password, and ends the other sessions if so wished.
pub async fn commit(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Commit { pending, sign_out_others } = request.json()?;
    // The holder of a ticket may still carry the cookie of a session that has ended.
    let session = match api.session(request).await {
        Ok(session) => Some(session),
        Err(error) if error.code() == Code::Unauthorized => None,
        Err(error) => return Err(error),
    };
    let session = session.as_deref().filter(|session| Access::Full.check(session).is_ok());
    let changed =
        api.services.auth.commit(&pending, session, sign_out_others, request.peer.ip()).await?;
    api.services.revocation.close_sockets_of(&changed.ended).await;
    if changed.by_ticket {
        let by = Actor::user(changed.uid, &changed.username);
        let target = AuditTarget::user(changed.uid, &changed.username);
        api.services.audit.record(&by, "password.reset", target, json!({})).await;
    }
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

/// `POST /api/auth/unlock`: the share, for a session that has lost its keys.
pub async fn unlock(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Unlock { auth } = request.json()?;
    let peer = request.peer.ip();
    let share = services.auth.unlock(caller.uid, caller.id, &auth, peer).await?;
    Ok(Response::json(200, &json!({"share": share, "keys": null})))
}
