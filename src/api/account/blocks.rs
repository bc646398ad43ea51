//! Whom I have blocked. Only the caller's own list: nobody learns that they are on somebody else's.

use serde_json::json;

use crate::api::context::Call;
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::http::Response;

/// `GET /api/blocks`, newest first.
pub async fn list(Call { services, caller, .. }: Call<'_>) -> Result<Response> {
    let rows = services.rooms.blocks_of(caller.uid);
    let uids: Vec<_> = rows.iter().map(|row| row.uid).collect();
    let profiles = services.profiles.of(&uids).await?;
    let blocks: Vec<_> = rows
        .iter()
        .map(|row| {
            let profile = profiles.iter().find(|profile| profile.uid == row.uid);
            let user = profile.map(|profile| services.profiles.public(profile));
            json!({"uid": row.uid, "at": row.at, "user": user})
        })
        .collect();
    Ok(Response::json(200, &json!({"blocks": blocks})))
}

/// `PUT /api/blocks/{uid}`: once or many times.
pub async fn block(Call { services, caller, ids: uid, .. }: Call<'_, Uid>) -> Result<Response> {
    services.auth.count_block_change(caller.uid)?;
    services.profiles.existing(uid).await?;
    services.rooms.block(caller.uid, uid).await?;
    Ok(Response::empty(204))
}

/// `DELETE /api/blocks/{uid}`
pub async fn unblock(Call { services, caller, ids: uid, .. }: Call<'_, Uid>) -> Result<Response> {
    services.auth.count_block_change(caller.uid)?;
    services.rooms.unblock(caller.uid, uid).await?;
    Ok(Response::empty(204))
}
