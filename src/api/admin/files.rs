//! What files take.

use serde_json::{Value, json};

use crate::api::context::{AdminCall, Call};
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::http::Response;
use crate::protocol::room::RoomKind;
use crate::rooms::Rooms;
use crate::store::accounts::Profile;
use crate::store::chat::files::FileCount;

/// `GET /api/admin/files`
pub async fn show(Call { services, .. }: AdminCall<'_>) -> Result<Response> {
    let (usage, free) = services.files.usage().await?;
    let uids: Vec<_> = usage.people.iter().map(|(uid, _)| *uid).collect();
    let profiles = services.profiles.of(&uids).await?;
    let people = usage.people.iter().map(|(uid, count)| {
        let profile = profiles.iter().find(|profile| profile.uid == *uid);
        person(*uid, profile, *count)
    });
    let rooms = usage.rooms.iter().map(|(id, count)| room(&services.rooms, *id, *count));
    let totals = usage.totals;
    Ok(Response::json(
        200,
        &json!({
            "total": sum(totals.used),
            "unsent": sum(totals.unsent),
            "erasing": sum(totals.erasing),
            "free": free,
            "users": people.collect::<Vec<_>>(),
            "rooms": rooms.collect::<Vec<_>>(),
        }),
    ))
}

fn sum(FileCount { files, bytes }: FileCount) -> Value {
    json!({"files": files, "bytes": bytes})
}

/// A person whose account was purged has no name any more.
fn person(uid: Uid, profile: Option<&Profile>, count: FileCount) -> Value {
    json!({
        "id": uid,
        "username": profile.map(|profile| &profile.username),
        "display_name": profile.map(|profile| &profile.display_name),
        "files": count.files,
        "bytes": count.bytes,
    })
}

/// A direct room has no name, and a removed one is not told.
fn room(rooms: &Rooms, id: RoomId, count: FileCount) -> Value {
    let summary = rooms.summary(id).filter(|summary| summary.row.kind != RoomKind::Dm);
    let name = summary.map(|summary| summary.row.listed_name());
    json!({"id": id, "name": name, "files": count.files, "bytes": count.bytes})
}
