//! Getting in and out. The server never sees a password: `auth` is what the client derived from it
//! (`e2ee.md` 4.2), and Argon2id of that is all that is kept.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::{Credentials, NewAccount, Origin, Session, SignedIn};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::http::{Request, Response};
use crate::rooms::delivery::{ConnectionsOf, Delivery};

use super::caller::{clear_cookie, cookie_token, device_cookie, set_cookie, set_device_cookie};
use super::users::settle_names;
use super::{Api, invites};

#[derive(Deserialize)]
struct Name {
    username: String,
}

/// `POST /api/auth/prelogin`: the salt of this name, made up if there is no such user.
pub(super) async fn prelogin(api: &Api, request: &Request) -> Result<Response> {
    let Name { username } = request.json()?;
    let kdf = api.auth.prelogin(&username, request.peer.ip()).await?;
    Ok(Response::json(200, &kdf))
}

/// `POST /api/auth/register`: the account, its first session and the rooms everybody is in.
pub(super) async fn register(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let account: NewAccount = request.json()?;
    let wants_token = account.token;
    let entered = api.auth.register(account, origin(request)).await?;
    join_defaults(api, entered.uid).await;
    if let Some(invite) = &entered.invite {
        invites::let_in(api, invite, entered.uid).await;
    }
    let answer = json!({"id": entered.uid, "uid": entered.uid, "share": entered.share});
    Ok(welcome(request, 201, answer, &entered, wants_token))
}

/// `POST /api/auth/login`
pub(super) async fn login(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let credentials: Credentials = request.json()?;
    let wants_token = credentials.token;
    let entered = api.auth.login(credentials, origin(request)).await?;
    if !entered.has_joined {
        join_defaults(api, entered.uid).await;
    }
    for session in &entered.ended {
        end_sockets(api, ConnectionsOf::Session(*session)).await;
    }
    end_replaced(api, request, entered.uid).await;
    // Keys, and passwords that wait to be wrapped anew, come with the encryption.
    let answer = json!({
        "uid": entered.uid,
        "share": entered.share,
        "keys": null,
        "locked": false,
        "upgrade": false,
    });
    Ok(welcome(request, 200, answer, &entered, wants_token))
}

/// `POST /api/auth/logout`: the session is over, and so are its sockets.
pub(super) async fn logout(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    api.auth.revoke(caller.uid, caller.kind, caller.id).await?;
    end_sockets(api, ConnectionsOf::Session(caller.id)).await;
    Ok(clear_cookie(request, Response::empty(204)))
}

/// A browser that logs in anew gives up the session it still carried. If that cannot be done now,
/// the old one is in the list of sessions and ends when it has been idle for long.
async fn end_replaced(api: &Api, request: &Request, uid: Uid) {
    let Some(token) = cookie_token(request) else { return };
    let Ok(Some(old)) = api.auth.session(token).await else { return };
    if old.uid == uid && api.auth.revoke(uid, old.kind, old.id).await.unwrap_or(false) {
        end_sockets(api, ConnectionsOf::Session(old.id)).await;
    }
}

/// Closes what is open. A shard that is gone has closed its sockets already.
pub(super) async fn end_sockets(api: &Api, whose: ConnectionsOf) {
    end_sockets_until(api, whose, Instant::now()).await;
}

/// The same of what was looked up no later than that.
pub(super) async fn end_sockets_until(api: &Api, whose: ConnectionsOf, until: Instant) {
    let _ = api.rooms.publisher().broadcast(Delivery::Revoke(whose, until)).await;
}

/// The account exists whatever becomes of this: whom the chat store could not take in now it takes
/// in at the next login.
pub(super) async fn join_defaults(api: &Api, uid: Uid) {
    settle_names(api, uid).await;
    let joined = async {
        api.rooms.join_defaults(uid).await?;
        api.accounts.mark_joined(uid).await
    };
    if let Err(error) = joined.await {
        tracing::warn!(%uid, ?error, "the default rooms wait for the next login");
    }
}

fn origin(request: &Request) -> Origin<'_> {
    Origin { peer: request.peer.ip(), devices: device_cookie(request) }
}

fn welcome(
    request: &Request,
    status: u16,
    mut answer: Value,
    entered: &SignedIn,
    wants_token: bool,
) -> Response {
    if wants_token {
        answer["token"] = json!(entered.token);
    }
    let response = set_cookie(request, Response::json(status, &answer), &entered.token);
    set_device_cookie(request, response, &entered.devices)
}
