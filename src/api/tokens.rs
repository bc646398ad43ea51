//! Personal access tokens: shown once, kept as SHA-256. Only a browser that signed in makes, lists and
//! revokes them, so a token that was stolen makes no other one that survives it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::auth::{Scope, Session, SessionKind, TokenWish};
use crate::base::error::{Error, Result};
use crate::base::ids::SessionId;
use crate::base::limits;
use crate::base::limits::auth::{TOKEN_LIFE, TOKEN_LIFE_MAX, TOKEN_LIFE_MIN};
use crate::http::{Request, Response};

use super::Api;
use super::fields::present;
use super::record::Target;
use super::sessions::end;
use super::text::line;

/// `GET /api/tokens`
pub(super) async fn list(api: &Api, caller: &Session) -> Result<Response> {
    let tokens = api.auth.tokens(caller.uid).await?;
    let tokens: Vec<_> = tokens
        .iter()
        .map(|token| {
            json!({
                "id": token.id,
                "label": token.label,
                "scope": token.scope,
                "created_at": token.created_at,
                "seen_at": token.seen_at,
                "expires_at": token.expires_at,
            })
        })
        .collect();
    Ok(Response::json(200, &json!({"tokens": tokens})))
}

#[derive(Deserialize)]
struct NewToken {
    #[serde(default)]
    label: String,
    #[serde(default)]
    scope: Wanted,
    /// Absent: ninety days. `null`: for ever.
    #[serde(default, deserialize_with = "present")]
    expires_in_s: Option<Option<u64>>,
}

/// What a token may be made for.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Read,
    #[default]
    Write,
    Admin,
}

/// `POST /api/tokens`
pub(super) async fn create(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let NewToken { label, scope, expires_in_s } = request.json_if_any()?;
    let permit = api.permit(caller)?;
    let label = line("label", &label, limits::api::LABEL)?;
    let scope = match scope {
        Wanted::Read => Scope::Read,
        Wanted::Write => Scope::Write,
        Wanted::Admin => Scope::Admin,
    };
    let wish = TokenWish { label: &label, scope, lives: life(expires_in_s)? };
    let made = api.auth.create_token(caller, wish).await?;
    let target = Target::user(caller.uid, &caller.username);
    let detail = json!({"label": label, "scope": scope, "expires_at": made.expires_at});
    permit.record("token.issue", target, detail).await;
    let answer = json!({
        "id": made.id,
        "label": label,
        "scope": scope,
        "expires_at": made.expires_at,
        "token": made.token,
    });
    Ok(Response::json(201, &answer))
}

fn life(wanted: Option<Option<u64>>) -> Result<Option<Duration>> {
    let Some(wanted) = wanted else { return Ok(Some(TOKEN_LIFE)) };
    let Some(wanted) = wanted.map(Duration::from_secs) else { return Ok(None) };
    if (TOKEN_LIFE_MIN..=TOKEN_LIFE_MAX).contains(&wanted) {
        return Ok(Some(wanted));
    }
    Err(Error::field("expires_in_s", "must be a minute to a year in seconds, or null"))
}

/// `DELETE /api/tokens/{id}`
pub(super) async fn revoke(api: &Api, caller: &Session, id: SessionId) -> Result<Response> {
    end(api, caller, SessionKind::Token, id).await
}
