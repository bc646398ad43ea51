//! All invite links. They are made and taken back as everybody's are (`api::invites`).

use serde_json::json;

use crate::api::Api;
use crate::api::invites::told;
use crate::api::page::{Page, cursor};
use crate::auth::{InviteFilter, Session};
use crate::base::error::{Error, Result};
use crate::http::{Request, Response};

/// `GET /api/admin/invites?state=live`, newest first.
pub(super) async fn page(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let page = Page::of(request)?;
    let live = match request.query("state").as_deref() {
        None | Some("") => None,
        Some("live") => Some(api.auth.settings().current().member_invites),
        Some(_) => return Err(Error::field("state", "must be \"live\" or absent")),
    };
    let before = page.after.map(|after| after.parse()).transpose();
    let before = before.map_err(|_| Error::field("after", "is not a cursor of this list"))?;
    let filter = InviteFilter { by: None, live, q: page.q, before };
    // One more than wanted tells whether there is another page.
    let (mut invites, total) = api.auth.invites(&filter, page.limit + 1).await?;
    let is_last = invites.len() <= page.limit;
    invites.truncate(page.limit);
    let list: Vec<_> = invites.iter().map(|invite| told(api, caller, invite)).collect();
    let mut answer = json!({"invites": list, "total": total});
    if let Some(last) = invites.last().filter(|_| !is_last) {
        answer["next"] = json!(cursor(&last.id.to_string()));
    }
    Ok(Response::json(200, &answer))
}
