//! The keys of one's account (`e2ee.md` 13.1). What is in them only browsers know, so tokens are refused.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::caller::{device_cookie, set_device_cookie};
use crate::api::context::{Api, Call};
use crate::auth::{AccountKeys, NewKeys, trust_store};
use crate::base::base64url;
use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::e2ee::directory::SignedEntry;
use crate::http::{Request, Response};
use crate::service::{EnteredKeys, Keys, NewPassword, ProvenKeys};
use crate::store::accounts::{Earlier, KeyEntryKind};

/// Adds `keys` and `locked` to an answer, as sign-in and unlocking tell them.
pub(super) fn add_keys(answer: &mut Value, keys: &Keys, uid: Uid, of_user: Option<&AccountKeys>) {
    let is_lost = of_user.is_none() && keys.are_lost(uid);
    answer["locked"] = json!(is_lost || of_user.is_some_and(|keys| keys.is_locked));
    answer["keys"] = match of_user {
        Some(keys) => json(keys),
        // `null` would say that there were never any.
        None if is_lost => json!({
            "ak_gen": 0,
            "ak_password": null,
            "ak_recovery": null,
            "bundle": null,
            "trust": null,
            "trust_rev": 0,
        }),
        None => Value::Null,
    };
}

fn json(keys: &AccountKeys) -> Value {
    let AccountKeys { ak_gen, ak_password, ak_recovery, bundle, trust, trust_rev, .. } = keys;
    let text = |blob: &Option<Vec<u8>>| blob.as_deref().map(base64url::encode);
    json!({
        "ak_gen": ak_gen,
        "ak_password": text(ak_password),
        "ak_recovery": text(ak_recovery),
        "bundle": base64url::encode(bundle),
        "trust": text(trust),
        "trust_rev": trust_rev,
    })
}

/// `GET /api/keys/challenge`
pub async fn challenge(Call { services, caller, .. }: Call<'_>) -> Result<Response> {
    let challenge = services.auth.new_challenge(caller.uid).await?;
    Ok(Response::json(200, &json!({"challenge": challenge})))
}

#[derive(Deserialize)]
struct Entered {
    auth: Option<String>,
    pending: Option<String>,
    dir: SignedEntry,
    keys: NewKeys,
    rauth_digest: Option<String>,
    #[serde(default)]
    forget_old: bool,
}

impl Entered {
    fn check(self) -> Result<EnteredKeys> {
        let Self { auth, pending, dir, keys, rauth_digest, forget_old } = self;
        let password = match (auth, pending) {
            (Some(auth), None) => NewPassword::Current(auth),
            (None, Some(pending)) => NewPassword::Prepared(pending),
            _ => return Err(Error::field("auth", "or \"pending\" must be there, and not both")),
        };
        let change = keys.check(rauth_digest.as_deref())?;
        let earlier = if forget_old { Earlier::Forget } else { Earlier::Keep };
        Ok(EnteredKeys { password, entry: dir, change, earlier })
    }
}

/// `PUT /api/keys`: the first keys.
pub async fn create(call: Call<'_>) -> Result<Response> {
    enter(call, KeyEntryKind::First, 201).await
}

/// `POST /api/keys/rotate`: the next generation, perhaps under another password.
pub async fn rotate(call: Call<'_>) -> Result<Response> {
    let Call { services, caller, request, .. } = call;
    let response = enter(call, KeyEntryKind::Rotate, 204).await?;
    // Of the same password this makes the same entry again.
    Ok(match services.auth.renew_device_cookie(caller.uid, device_cookie(request)).await {
        Ok(Some(cookie)) => set_device_cookie(request, response, &cookie),
        _ => response,
    })
}

/// `POST /api/keys/reset`: fresh keys for an account that is locked. Others have to let its user back in.
pub async fn reset(call: Call<'_>) -> Result<Response> {
    enter(call, KeyEntryKind::Reset, 204).await
}

async fn enter(call: Call<'_>, kind: KeyEntryKind, status: u16) -> Result<Response> {
    let Call { services, caller, request, .. } = call;
    let new = request.json::<Entered>()?.check()?;
    if kind != KeyEntryKind::Rotate && matches!(new.password, NewPassword::Prepared(_)) {
        return Err(Error::field("pending", "is for rotating the keys"));
    }
    services.keys.enter(caller, kind, new, request.peer.ip()).await?;
    Ok(Response::empty(status))
}

#[derive(Deserialize)]
struct Rewrapped {
    auth: String,
    keys: NewKeys,
    rauth_digest: Option<String>,
    challenge: String,
    proof: String,
}

/// `POST /api/keys/rewrap`: the same keys, under another account key.
pub async fn rewrap(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Rewrapped { auth, keys, rauth_digest, challenge, proof } = request.json()?;
    let change = keys.check(rauth_digest.as_deref())?;
    let new = ProvenKeys { change, challenge, proof };
    services.keys.rewrap(caller, &auth, new, request.peer.ip()).await?;
    Ok(Response::empty(204))
}

#[derive(Deserialize)]
struct Trust {
    rev: u64,
    blob: String,
}

/// `GET /api/keys/trust`: the trust store, which opens with a key that the browser has, and how far the keys are. It is
/// for a browser that was not the first to write, and one that has to know whether its keys are those of now.
pub async fn get_trust(Call { services, caller, .. }: Call<'_>) -> Result<Response> {
    let keys = services.keys.sealed(caller.uid).await?;
    let is_lost = keys.is_none() && services.keys.are_lost(caller.uid);
    let keys = keys.as_ref();
    let trust = keys.and_then(|keys| keys.trust.as_deref()).map(base64url::encode);
    Ok(Response::json(
        200,
        &json!({
            "rev": keys.map_or(0, |keys| keys.trust_rev),
            "blob": trust,
            "ak_gen": keys.map_or(0, |keys| keys.ak_gen),
            "locked": is_lost || keys.is_some_and(|keys| keys.is_locked),
            "has_code": keys.is_some_and(|keys| keys.ak_recovery.is_some()),
        }),
    ))
}

/// `PUT /api/keys/trust`: the trust store, if nobody was faster.
pub async fn put_trust(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Trust { rev, blob } = request.json()?;
    let trust = trust_store(("rev", rev), ("blob", &blob))?;
    services.allowances.of(caller.uid).bytes(trust.len())?;
    services.keys.put_trust(caller.uid, rev, &trust).await?;
    Ok(Response::empty(204))
}

#[derive(Deserialize)]
struct Recovery {
    username: String,
    rauth: String,
}

/// `POST /api/auth/recovery/open`: the keys, for somebody who has the recovery code and no password.
pub async fn open_recovery(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Recovery { username, rauth } = request.json()?;
    let opened = api.services.auth.open_recovery(&username, &rauth, request.peer.ip()).await?;
    let mut keys = json(&opened.keys);
    keys["ak_password"] = Value::Null;
    let answer = json!({"uid": opened.uid, "keys": keys, "challenge": opened.challenge});
    Ok(Response::json(200, &answer))
}
