//! Personal access tokens: sent once, kept as SHA-256. Only a browser that signed in makes, lists and
//! revokes them, so a token that was stolen makes no other one that survives it.

use serde::Deserialize;
use serde_json::json;

use super::sessions::end_one;
use crate::api::context::Call;
use crate::api::fields::{lifetime, present};
use crate::auth::{Scope, SessionKind, TokenWish};
use crate::base::error::Result;
use crate::base::ids::SessionId;
use crate::base::limits;
use crate::base::limits::auth::{TOKEN_LIFE, TOKEN_LIFE_MAX, TOKEN_LIFE_MIN};
use crate::base::text::line;
use crate::http::Response;
use crate::service::AuditTarget;

/// `GET /api/tokens`
pub async fn list(Call { services, caller, .. }: Call<'_>) -> Result<Response> {
    let tokens = services.auth.tokens(caller.uid).await?;
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
    scope: NewScope,
    /// Absent: ninety days. `null`: for ever.
    #[serde(default, deserialize_with = "present")]
    expires_in_s: Option<Option<u64>>,
}

/// The scope of a new token; that of a browser is none of them.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NewScope {
    Read,
    #[default]
    Write,
    Admin,
}

/// `POST /api/tokens`
pub async fn create(call: Call<'_>) -> Result<Response> {
    let (services, caller, actor) = (call.services, call.caller, call.actor());
    let NewToken { label, scope, expires_in_s } = call.request.json_if_any()?;
    let permit = services.audit.permit(&actor)?;
    let label = line("label", &label, limits::api::LABEL)?;
    let scope = match scope {
        NewScope::Read => Scope::Read,
        NewScope::Write => Scope::Write,
        NewScope::Admin => Scope::Admin,
    };
    let lives = lifetime(expires_in_s, TOKEN_LIFE, TOKEN_LIFE_MIN..=TOKEN_LIFE_MAX)?;
    let wish = TokenWish { label: &label, scope, lives };
    let made = services.auth.create_token(caller, wish).await?;
    let target = AuditTarget::user(caller.uid, &caller.username);
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

/// `DELETE /api/tokens/{id}`
pub async fn revoke(call: Call<'_, SessionId>) -> Result<Response> {
    end_one(call, SessionKind::Token).await
}
