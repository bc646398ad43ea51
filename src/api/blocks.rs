//! Whom I have blocked. Only the caller's own list: nobody is told that he is on somebody else's.

use serde_json::json;

use crate::auth::Session;
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::http::Response;

use super::Api;
use super::users::{known, public};

/// `GET /api/blocks`, newest first.
pub(super) async fn list(api: &Api, caller: &Session) -> Result<Response> {
    let rows = api.rooms.blocks_of(caller.uid);
    let uids: Vec<_> = rows.iter().map(|row| row.uid).collect();
    let profiles = api.accounts.profiles_of(&uids).await?;
    let blocks: Vec<_> = rows
        .iter()
        .map(|row| {
            let profile = profiles.iter().find(|profile| profile.uid == row.uid);
            let user = profile.map(|profile| public(api, profile));
            json!({"uid": row.uid, "at": row.at, "user": user})
        })
        .collect();
    Ok(Response::json(200, &json!({"blocks": blocks})))
}

/// `PUT /api/blocks/{uid}`: once or many times.
pub(super) async fn block(api: &Api, caller: &Session, uid: Uid) -> Result<Response> {
    api.auth.take_block_change(caller.uid)?;
    known(api, uid).await?;
    api.rooms.block(caller.uid, uid).await?;
    Ok(Response::empty(204))
}

/// `DELETE /api/blocks/{uid}`
pub(super) async fn unblock(api: &Api, caller: &Session, uid: Uid) -> Result<Response> {
    api.auth.take_block_change(caller.uid)?;
    api.rooms.unblock(caller.uid, uid).await?;
    Ok(Response::empty(204))
}
