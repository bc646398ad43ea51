//! All invite links. They are made and revoked as everybody's are (`api::invites`).

use serde_json::json;

use crate::api::context::{AdminCall, Call};
use crate::api::invites::{create_by, entry, revoke_by};
use crate::api::page::{Page, cursor};
use crate::auth::InviteFilter;
use crate::base::error::{Error, Result};
use crate::base::ids::InviteId;
use crate::http::Response;

/// `GET /api/admin/invites?state=live`, newest first.
pub async fn page(Call { services, caller, request, .. }: AdminCall<'_>) -> Result<Response> {
    let page = Page::of(request)?;
    let live = match request.query("state").as_deref() {
        None | Some("") => None,
        Some("live") => Some(services.auth.settings().current().member_invites),
        Some(_) => return Err(Error::field("state", "must be \"live\" or absent")),
    };
    let before = page.after.map(|after| after.parse()).transpose();
    let before = before.map_err(|_| Error::field("after", "is not a cursor of this list"))?;
    let filter = InviteFilter { by: None, live, q: page.q, before };
    // One entry more than requested shows whether there is another page.
    let (mut invites, total) = services.auth.invites(&filter, page.limit + 1).await?;
    let is_last = invites.len() <= page.limit;
    invites.truncate(page.limit);
    let list: Vec<_> =
        invites.iter().map(|invite| entry(&services.rooms, caller, invite)).collect();
    let mut answer = json!({"invites": list, "total": total});
    if let Some(last) = invites.last().filter(|_| !is_last) {
        answer["next"] = json!(cursor(&last.id.to_string()));
    }
    Ok(Response::json(200, &answer))
}

/// `POST /api/admin/invites`
pub async fn create(call: AdminCall<'_>) -> Result<Response> {
    create_by(call.services, call.caller, call.request).await
}

/// `DELETE /api/admin/invites/{id}`
pub async fn revoke(call: AdminCall<'_, InviteId>) -> Result<Response> {
    revoke_by(call.services, call.caller, call.ids).await
}
