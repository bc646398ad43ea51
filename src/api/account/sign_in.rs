//! Getting in and out. The server never sees a password: `auth` is what the client derived from it
//! (`e2ee.md` 4.2), and Argon2id of that is all that is kept.

use serde::Deserialize;
use serde_json::json;

use super::keys::add_keys;
use crate::api::caller::{
    clear_cookie, cookie_token, device_cookie, set_cookie, set_device_cookie,
};
use crate::api::context::{Api, Call};
use crate::auth::{Credentials, NewAccount, SignInSource, SignedIn};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::http::{Request, Response};

#[derive(Deserialize)]
struct Name {
    username: String,
}

/// `POST /api/auth/prelogin`: the salt of this name, made up if there is no such user.
pub async fn prelogin(api: &Api, request: &Request) -> Result<Response> {
    let Name { username } = request.json()?;
    let kdf = api.services.auth.prelogin(&username, request.peer.ip()).await?;
    Ok(Response::json(200, &kdf))
}

/// `POST /api/auth/register`: the account, its first session and the rooms everybody is in.
pub async fn register(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let account: NewAccount = request.json()?;
    let wants_token = account.token;
    let signed_in = api.services.auth.register(account, origin(request)).await?;
    api.services.directory.account_made(signed_in.uid).await;
    let onboarding = &api.services.onboarding;
    onboarding.join_default_rooms(signed_in.uid).await;
    if let Some(invite) = &signed_in.invite {
        onboarding.join_invited_rooms(invite, signed_in.uid).await;
    }
    let mut answer = json!({"id": signed_in.uid, "uid": signed_in.uid, "share": signed_in.share});
    add_keys(&mut answer, &api.services.keys, signed_in.uid, signed_in.keys.as_ref());
    if wants_token {
        answer["token"] = json!(signed_in.token);
    }
    Ok(with_cookies(request, Response::json(201, &answer), &signed_in))
}

/// `POST /api/auth/login`
pub async fn login(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let credentials: Credentials = request.json()?;
    let wants_token = credentials.token;
    let signed_in = api.services.auth.login(credentials, origin(request)).await?;
    if !signed_in.has_joined {
        api.services.onboarding.join_default_rooms(signed_in.uid).await;
    }
    api.services.revocation.close_sockets_of(&signed_in.ended).await;
    end_replaced(api, request, signed_in.uid).await;
    let keys = &api.services.keys;
    keys.tell_signed_in(&signed_in).await;
    let mut answer = json!({"uid": signed_in.uid, "share": signed_in.share, "upgrade": false});
    add_keys(&mut answer, keys, signed_in.uid, signed_in.keys.as_ref());
    if wants_token {
        answer["token"] = json!(signed_in.token);
    }
    Ok(with_cookies(request, Response::json(200, &answer), &signed_in))
}

/// `POST /api/auth/logout`: the session is over, and so are its sockets.
pub async fn logout(call: Call<'_>) -> Result<Response> {
    call.services.revocation.sign_out(call.caller).await?;
    Ok(clear_cookie(call.request, Response::empty(204)))
}

/// A browser that logs in anew gives up the session it still carried. If that cannot be done now,
/// the old one is in the list of sessions and ends when it has been idle for long.
async fn end_replaced(api: &Api, request: &Request, uid: Uid) {
    let Some(token) = cookie_token(request) else { return };
    let Ok(Some(old)) = api.services.auth.session(token).await else { return };
    if old.uid == uid
        && let Err(error) = api.services.revocation.end(uid, old.kind, old.id).await
    {
        tracing::debug!(?error, "the session that a login replaces lives on");
    }
}

fn origin(request: &Request) -> SignInSource<'_> {
    SignInSource { peer: request.peer.ip(), device_cookie: device_cookie(request) }
}

fn with_cookies(request: &Request, response: Response, signed_in: &SignedIn) -> Response {
    let response = set_cookie(request, response, &signed_in.token);
    set_device_cookie(request, response, &signed_in.device_cookie)
}
