//! Leaving for good: one's own account goes, and what it wrote, if so wished.

use serde::Deserialize;

use crate::auth::Session;
use crate::base::error::Result;
use crate::base::principal::Principal;
use crate::http::{Request, Response};

use super::Api;
use super::admin::Messages;
use super::caller::clear_cookie;

#[derive(Deserialize)]
struct Farewell {
    auth: String,
    messages: Messages,
}

/// `DELETE /api/me`: asks for the password, because a browser left open must not be enough. An admin
/// can restore the account for thirty days.
pub(super) async fn delete(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let Farewell { auth, messages } = request.json()?;
    api.auth.check_password(caller.uid, caller.id, &auth, request.peer.ip()).await?;
    let by = Principal::User { uid: caller.uid, is_admin: false };
    api.remove_user(by, caller.uid, messages.erase()).await?;
    Ok(clear_cookie(request, Response::empty(204)))
}
