//! Setting a password, by the old one or by a ticket.
//!
//! Nothing here signs anybody in: whoever used a ticket logs in with what he chose, so a ticket that
//! was read over somebody's shoulder never becomes a session by itself.

use serde::Deserialize;
use serde_json::json;

use crate::auth::{NewPassword, Proof, Session};
use crate::base::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::rooms::delivery::ConnectionsOf;

use super::Api;
use super::auth::end_sockets;
use super::caller::{device_cookie, set_device_cookie};
use super::record::Target;
use super::scope::Need;

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

/// `POST /api/auth/ticket`: whose password this ticket sets.
pub(super) async fn ticket(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Ticket { ticket } = request.json()?;
    let found = api.auth.ticket(&ticket, request.peer.ip()).await?;
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

#[derive(Deserialize)]
struct By {
    auth: Option<String>,
    ticket: Option<String>,
}

/// `POST /api/auth/password/prepare`. Nothing has changed yet when it answers.
pub(super) async fn prepare(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Prepare { by, alg, salt, iter, auth } = request.json()?;
    let proof = match (by.auth, by.ticket) {
        (Some(old), None) => {
            let caller = api.caller(request).await?;
            Need::Full.check(&caller)?;
            Proof::Old(caller.uid, caller.id, old)
        }
        (None, Some(ticket)) => Proof::Ticket(ticket),
        _ => return Err(Error::field("by", "must have either \"auth\" or \"ticket\"")),
    };
    let new = NewPassword { alg, salt, iter, auth };
    let prepared = api.auth.prepare(proof, new, request.peer.ip()).await?;
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

/// `POST /api/auth/password/commit`: now it has changed, and who shall be signed out is.
pub(super) async fn commit(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Commit { pending, sign_out_others } = request.json()?;
    // Whoever holds a ticket may still carry the cookie of a session that has ended.
    let session = match api.caller(request).await {
        Ok(session) => Some(session),
        Err(error) if error.code() == Code::Unauthorized => None,
        Err(error) => return Err(error),
    };
    let session = session.as_deref().filter(|session| Need::Full.check(session).is_ok());
    let changed = api.auth.commit(&pending, session, sign_out_others, request.peer.ip()).await?;
    for session in &changed.ended {
        end_sockets(api, ConnectionsOf::Session(*session)).await;
    }
    if changed.by_ticket {
        let target = Target::user(changed.uid, &changed.username);
        let by = Session::of_user(changed.uid, &changed.username);
        api.record(&by, "password.reset", target, json!({})).await;
    }
    let response = Response::empty(204);
    // The new password makes the old entry worthless. If there is none now, the next login makes one.
    match session.filter(|session| session.uid == changed.uid) {
        Some(session) => {
            let cookie = api.auth.renew_devices(session.uid, device_cookie(request)).await;
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
pub(super) async fn unlock(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let Unlock { auth } = request.json()?;
    let share = api.auth.unlock(caller.uid, caller.id, &auth, request.peer.ip()).await?;
    Ok(Response::json(200, &json!({"share": share, "keys": null})))
}
