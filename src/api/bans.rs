//! Who may not come back into a room.

use serde_json::json;

use crate::auth::Session;
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::http::Response;

use super::Api;
use super::users::public;
use crate::rooms::MemberChange;
use crate::store::chat::BanRow;

/// `GET /api/rooms/{id}/bans`
pub(super) async fn list(api: &Api, caller: &Session, room: RoomId) -> Result<Response> {
    let bans = api.rooms.bans(caller.principal(), room)?;
    let uids: Vec<_> = bans.iter().map(|ban| ban.uid).collect();
    let profiles = api.accounts.profiles_of(&uids).await?;
    let told = |ban: &BanRow| {
        let profile = profiles.iter().find(|profile| profile.uid == ban.uid);
        let user = profile.map(|profile| public(api, profile));
        json!({"uid": ban.uid, "by": ban.by, "at": ban.at, "user": user})
    };
    let bans: Vec<_> = bans.iter().map(told).collect();
    Ok(Response::json(200, &json!({"bans": bans})))
}

/// `PUT /api/rooms/{id}/bans/{uid}`: out, and never in again until unbanned.
pub(super) async fn ban(api: &Api, caller: &Session, room: RoomId, uid: Uid) -> Result<Response> {
    api.rooms.info(caller.principal(), room)?;
    super::users::profile(api, uid).await?;
    let _ = api.change_member(caller, room, uid, MemberChange::Ban).await?;
    Ok(Response::empty(204))
}

/// `DELETE /api/rooms/{id}/bans/{uid}`
pub(super) async fn unban(api: &Api, caller: &Session, room: RoomId, uid: Uid) -> Result<Response> {
    let _ = api.change_member(caller, room, uid, MemberChange::Unban).await?;
    Ok(Response::empty(204))
}
