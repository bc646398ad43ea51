//! Who may not come back into a room.

use serde_json::json;

use crate::api::context::Call;
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::http::Response;
use crate::rooms::MemberChange;
use crate::store::chat::BanRow;

/// `GET /api/rooms/{id}/bans`
pub async fn list(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, ids: room, .. } = call;
    let bans = services.rooms.bans(caller.principal(), room)?;
    let uids: Vec<_> = bans.iter().map(|ban| ban.uid).collect();
    let profiles = services.profiles.of(&uids).await?;
    let entry = |ban: &BanRow| {
        let profile = profiles.iter().find(|profile| profile.uid == ban.uid);
        let user = profile.map(|profile| services.profiles.public(profile));
        json!({"uid": ban.uid, "by": ban.by, "at": ban.at, "user": user})
    };
    let bans: Vec<_> = bans.iter().map(entry).collect();
    Ok(Response::json(200, &json!({"bans": bans})))
}

/// `PUT /api/rooms/{id}/bans/{uid}`: out, and not in again until unbanned.
pub async fn ban(call: Call<'_, (RoomId, Uid)>) -> Result<Response> {
    let Call { services, caller, ids: (room, uid), .. } = call;
    services.rooms.info(caller.principal(), room)?;
    services.profiles.active(uid).await?;
    let change = MemberChange::Ban;
    let _ = services.room_changes.change_member(&call.actor(), room, uid, change).await?;
    Ok(Response::empty(204))
}

/// `DELETE /api/rooms/{id}/bans/{uid}`
pub async fn unban(call: Call<'_, (RoomId, Uid)>) -> Result<Response> {
    let (room, uid) = call.ids;
    let (changes, change) = (&call.services.room_changes, MemberChange::Unban);
    let _ = changes.change_member(&call.actor(), room, uid, change).await?;
    Ok(Response::empty(204))
}
