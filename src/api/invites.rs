//! Invite links: made by whoever may add people, opened by whoever has the secret.
//!
//! A link opens a room as long as its maker may add people there: the right is asked for when the
//! link is made and again whenever it is used. The use is counted before the rooms are joined, once for
//! each person, and given back if none could be.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::{Invite, InviteFilter, InviteWish, Maker, Session};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{InviteId, RoomId, Uid};
use crate::base::limits::{api as limits, auth as bounds};
use crate::base::principal::Principal;
use crate::config::Registration;
use crate::http::{Request, Response};
use crate::policy::Action;

use super::Api;
use super::fields::present;
use super::record::Target;
use super::text::line;
use super::users::picture;

#[derive(Deserialize)]
struct Secret {
    code: String,
}

/// `POST /api/invites/look`, without a session: who invites, and where to.
pub(super) async fn look(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Secret { code } = request.json()?;
    let invite = api.auth.invite(&code, None, request.peer.ip()).await?;
    let settings = api.auth.settings().current();
    let registration = settings.registration != Registration::Closed;
    let rooms: Vec<Value> = open_rooms(api, &invite)
        .filter_map(|room| api.rooms.summary(room))
        .map(|room| {
            json!({
                "id": room.row.id,
                "name": room.row.name,
                "topic": room.row.topic,
                "kind": room.row.kind,
                "members": room.members,
            })
        })
        .collect();
    if rooms.is_empty() && !registration {
        return Err(Error::new(Code::NotFound, "This invitation is not valid any more."));
    }
    let by = invite.by.as_ref();
    let answer = json!({
        "by": {
            "username": by.map_or("", |by| &by.username),
            "display_name": by.map_or(settings.name.as_str(), |by| &by.display_name),
            "avatar": picture(by.and_then(|by| by.avatar.as_deref())),
        },
        "rooms": rooms,
        "expires_at": invite.expires_at,
        "server": settings.name,
        "registration": registration,
    });
    Ok(Response::json(200, &answer))
}

/// `POST /api/invites/accept`: joins the rooms. Who is in all of them already uses nothing up.
pub(super) async fn accept(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let Secret { code } = request.json()?;
    let invite = api.auth.invite(&code, Some(caller.uid), request.peer.ip()).await?;
    let is_in = |room: &RoomId| api.rooms.is_member(*room, caller.uid);
    if open_rooms(api, &invite).all(|room| is_in(&room)) {
        let rooms: Vec<_> = open_rooms(api, &invite).collect();
        return Ok(Response::json(200, &json!({"rooms": rooms})));
    }
    let already = open_rooms(api, &invite).filter(is_in).count();
    let (invite, is_counted) = api.auth.use_invite(&code, caller.uid, request.peer.ip()).await?;
    let (rooms, refusal) = let_in(api, &invite, caller.uid).await;
    if is_counted && rooms.len() <= already {
        api.auth.return_invite(invite.id, caller.uid).await?;
    }
    match refusal {
        Some(refusal) if rooms.is_empty() => Err(refusal),
        _ => Ok(Response::json(200, &json!({"rooms": rooms}))),
    }
}

/// The rooms its maker may still add people to.
fn open_rooms(api: &Api, invite: &Invite) -> impl Iterator<Item = RoomId> {
    let by = match &invite.by {
        Some(Maker { uid, is_admin, .. }) => Principal::User { uid: *uid, is_admin: *is_admin },
        None => Principal::Operator,
    };
    let may = move |room: &RoomId| api.rooms.authorize(by, *room, Action::Add).is_ok();
    invite.rooms.iter().copied().filter(may)
}

/// Puts somebody into the rooms of an invitation that was used; those he is in now, and why not in
/// others.
pub(super) async fn let_in(api: &Api, invite: &Invite, uid: Uid) -> (Vec<RoomId>, Option<Error>) {
    let (mut rooms, mut refusal) = (Vec::new(), None);
    for room in open_rooms(api, invite) {
        let joined = match api.rooms.is_member(room, uid) {
            true => Ok(()),
            false => api.admit(invite, room, uid).await,
        };
        match joined {
            Ok(()) => rooms.push(room),
            Err(error) => {
                tracing::warn!(%uid, %room, ?error, "an invitation did not open a room");
                refusal = Some(error);
            }
        }
    }
    (rooms, refusal)
}

/// `GET /api/invites`: mine.
pub(super) async fn list(api: &Api, caller: &Session) -> Result<Response> {
    let filter = InviteFilter { by: Some(caller.uid), ..InviteFilter::default() };
    let (invites, _) = api.auth.invites(&filter, limits::PAGE_MAX).await?;
    let invites: Vec<_> = invites.iter().map(|invite| told(api, caller, invite)).collect();
    Ok(Response::json(200, &json!({"invites": invites})))
}

#[derive(Deserialize)]
struct NewInvite {
    #[serde(default)]
    label: String,
    #[serde(default)]
    rooms: BTreeSet<RoomId>,
    /// Absent: a week. `null`: for ever.
    #[serde(default, deserialize_with = "present")]
    expires_in_s: Option<Option<u64>>,
    uses_max: Option<i32>,
}

/// `POST /api/invites`, and of administrators `POST /api/admin/invites`: the secret is told this once.
pub(super) async fn create(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let new: NewInvite = request.json_if_any()?;
    if !caller.admin && !api.auth.settings().current().member_invites {
        return Err(Error::new(Code::Forbidden, "Only admins of the server may invite people."));
    }
    let label = line("label", &new.label, limits::LABEL)?;
    if new.uses_max.is_some_and(|most| !(1..=bounds::INVITE_USES).contains(&most)) {
        let rule = format!("must be 1 to {}, or null", bounds::INVITE_USES);
        return Err(Error::field("uses_max", &rule));
    }
    if new.rooms.len() > bounds::INVITE_ROOMS {
        return Err(Error::field("rooms", "names too many rooms at once"));
    }
    for room in &new.rooms {
        api.rooms.authorize(caller.principal(), *room, Action::Add)?;
    }
    let rooms: Vec<_> = new.rooms.into_iter().collect();
    let lives = life(new.expires_in_s)?;
    let wish = InviteWish { label: &label, rooms: &rooms, lives, uses_max: new.uses_max };
    let by = Some(caller.uid).filter(|uid| uid.0 > 0);
    let permit = api.permit(caller)?;
    let (invite, code) = api.auth.create_invite(by, wish).await?;
    let mut told = told(api, caller, &invite);
    let detail = json!({
        "rooms": told["rooms"],
        "uses_max": invite.uses_max,
        "expires_at": invite.expires_at,
    });
    permit.record("invite.create", Target::invite(invite.id, &label), detail).await;
    told["path"] = json!(format!("/invite#{code}"));
    told["code"] = json!(code);
    Ok(Response::json(201, &told))
}

fn life(wanted: Option<Option<u64>>) -> Result<Option<Duration>> {
    let Some(wanted) = wanted else { return Ok(Some(bounds::INVITE_LIFE)) };
    let Some(wanted) = wanted.map(Duration::from_secs) else { return Ok(None) };
    if (bounds::INVITE_LIFE_MIN..=bounds::INVITE_LIFE_MAX).contains(&wanted) {
        return Ok(Some(wanted));
    }
    Err(Error::field("expires_in_s", "must be a minute to a year in seconds, or null"))
}

/// `DELETE /api/invites/{id}`: one's own, or of an administrator anybody's.
pub(super) async fn revoke(api: &Api, caller: &Session, id: InviteId) -> Result<Response> {
    let by = if caller.admin { None } else { Some(caller.uid) };
    let label = api.auth.revoke_invite(id, by).await?;
    // Never refused: there are no more of these entries than links were made.
    api.record(caller, "invite.revoke", Target::invite(id, &label), json!({})).await;
    Ok(Response::empty(204))
}

/// A link as its maker or an administrator sees it. Rooms that cannot be seen any more are left out.
pub(super) fn told(api: &Api, caller: &Session, invite: &Invite) -> Value {
    let room = |id: &RoomId| {
        let view = api.rooms.info(caller.principal(), *id).ok()?;
        Some(json!({"id": id, "name": view.name}))
    };
    let by = invite
        .by
        .as_ref()
        .map(|by| json!({"uid": by.uid, "username": by.username, "display_name": by.display_name}));
    json!({
        "id": invite.id,
        "label": invite.label,
        "by": by,
        "rooms": invite.rooms.iter().filter_map(room).collect::<Vec<_>>(),
        "created_at": invite.created_at,
        "expires_at": invite.expires_at,
        "uses": invite.uses,
        "uses_max": invite.uses_max,
        "revoked": invite.is_revoked,
    })
}
