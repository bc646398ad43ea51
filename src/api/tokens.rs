//! Personal access tokens: shown once, kept as SHA-256.

use serde::Deserialize;
use serde_json::json;

use crate::auth::{Session, SessionKind};
use crate::error::Result;
use crate::http::{Request, Response};
use crate::ids::SessionId;
use crate::limits;

use super::Api;
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
                "created_at": token.created_at,
                "seen_at": token.seen_at,
            })
        })
        .collect();
    Ok(Response::json(200, &json!({"tokens": tokens})))
}

#[derive(Deserialize)]
struct NewToken {
    #[serde(default)]
    label: String,
}

/// `POST /api/tokens`
pub(super) async fn create(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let NewToken { label } = request.json_if_any()?;
    let permit = api.permit(caller)?;
    let label = line("label", &label, limits::api::LABEL)?;
    let (id, token) = api.auth.create_token(caller, &label).await?;
    let target = Target::user(caller.uid, &caller.username);
    permit.record("token.issue", target, json!({"label": label})).await;
    Ok(Response::json(201, &json!({"id": id, "label": label, "token": token})))
}

/// `DELETE /api/tokens/{id}`
pub(super) async fn revoke(api: &Api, caller: &Session, id: SessionId) -> Result<Response> {
    end(api, caller, SessionKind::Token, id).await
}
