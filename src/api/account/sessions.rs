//! Where am I signed in? Ending a session closes its sockets at once.

use serde_json::json;

use crate::api::context::Call;
use crate::auth::SessionKind;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::SessionId;
use crate::http::Response;

/// `GET /api/sessions`
pub async fn list(Call { services, caller, .. }: Call<'_>) -> Result<Response> {
    let sessions = services.auth.sessions(caller.uid).await?;
    let sessions: Vec<_> = sessions
        .iter()
        .map(|session| {
            json!({
                "id": session.id,
                "device": session.label,
                "created_at": session.created_at,
                "seen_at": session.seen_at,
                "expires_at": session.expires_at,
                "current": session.id == caller.id,
            })
        })
        .collect();
    Ok(Response::json(200, &json!({"sessions": sessions})))
}

/// `DELETE /api/sessions/{id}`, one's own only: of anybody else's nothing is known.
pub async fn end(call: Call<'_, SessionId>) -> Result<Response> {
    end_one(call, SessionKind::Browser).await
}

/// Ends a login or a token of the caller.
pub async fn end_one(call: Call<'_, SessionId>, kind: SessionKind) -> Result<Response> {
    if !call.services.revocation.end(call.caller.uid, kind, call.ids).await? {
        return Err(Error::new(Code::NotFound, "There is no such session."));
    }
    Ok(Response::empty(204))
}

/// `DELETE /api/sessions`: everywhere but here. Personal access tokens stay.
pub async fn end_others(call: Call<'_>) -> Result<Response> {
    call.services.revocation.end_others(call.caller).await?;
    Ok(Response::empty(204))
}
