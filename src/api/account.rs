//! Leaving for good: one's own account goes, and what it wrote, if so wished.

use serde::Deserialize;

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::store::accounts::{Authority, UserChange};

use super::Api;
use super::admin::{Messages, take_out};
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
    api.auth.check_password(caller.uid, &auth, request.peer.ip()).await?;
    let by = Authority::Oneself(caller.uid, &caller.username);
    let change = UserChange::Remove { erase: messages == Messages::Erase };
    let removed = api.accounts.change_user(by, caller.uid, &[change]).await;
    removed.map_err(|error| match error.code() {
        Code::Conflict => Error::new(
            Code::Forbidden,
            "You are the last admin. Please make somebody else an admin first.",
        ),
        _ => error,
    })?;
    take_out(api, caller.uid, messages).await?;
    Ok(clear_cookie(request, Response::empty(204)))
}
