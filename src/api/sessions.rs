//! Where am I signed in? Signing one out closes its sockets at once.

use serde_json::json;

use crate::auth::{Session, SessionKind};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::SessionId;
use crate::http::Response;
use crate::rooms::delivery::ConnectionsOf;

use super::Api;
use super::auth::end_sockets;

/// `GET /api/sessions`
pub(super) async fn list(api: &Api, caller: &Session) -> Result<Response> {
    let sessions = api.auth.sessions(caller.uid).await?;
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
pub(super) async fn revoke(api: &Api, caller: &Session, id: SessionId) -> Result<Response> {
    end(api, caller, SessionKind::Browser, id).await
}

/// Ends a login or a token of the caller.
pub(super) async fn end(
    api: &Api,
    caller: &Session,
    kind: SessionKind,
    id: SessionId,
) -> Result<Response> {
    if !api.auth.revoke(caller.uid, kind, id).await? {
        return Err(Error::new(Code::NotFound, "There is no such session."));
    }
    end_sockets(api, ConnectionsOf::Session(id)).await;
    Ok(Response::empty(204))
}

/// `DELETE /api/sessions`: everywhere but here. Personal access tokens stay.
pub(super) async fn revoke_others(api: &Api, caller: &Session) -> Result<Response> {
    for session in api.auth.end_sessions(caller.uid, Some(caller.id), false).await? {
        end_sockets(api, ConnectionsOf::Session(session)).await;
    }
    Ok(Response::empty(204))
}
