//! Invite links: made by people who may add others, opened by anybody who has the secret.
//!
//! A link opens a room as long as its maker may add people there: the right is checked when the link is made
//! and again whenever it is used. The use is counted before the rooms are joined, once for each person, and
//! given back if none could be.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{Api, Call};
use super::fields::{lifetime, present};
use crate::auth::{Invite, InviteFilter, InviteWish};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{InviteId, RoomId};
use crate::base::limits::{api as limits, auth as bounds};
use crate::base::text::line;
use crate::config::Registration;
use crate::http::{Request, Response};
use crate::policy::Action;
use crate::rooms::Rooms;
use crate::service::{Actor, AuditTarget, Services, avatar_urls};

#[derive(Deserialize)]
struct Secret {
    code: String,
}

/// `POST /api/invites/look`, without a session: who invites, and where to.
pub async fn preview(api: &Api, request: &Request) -> Result<Response> {
    api.check_origin_if_any(request)?;
    let Secret { code } = request.json()?;
    let services = &api.services;
    let invite = services.auth.invite(&code, None, request.peer.ip()).await?;
    let settings = services.auth.settings().current();
    let registration = settings.registration != Registration::Closed;
    let open_rooms = services.onboarding.open_rooms(&invite);
    let rooms: Vec<Value> = open_rooms
        .filter_map(|room| services.rooms.summary(room))
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
            "uid": by.map(|by| by.uid),
            "username": by.map_or("", |by| &by.username),
            "display_name": by.map_or(settings.name.as_str(), |by| &by.display_name),
            "avatar": avatar_urls(by.and_then(|by| by.avatar.as_deref())),
        },
        "rooms": rooms,
        "expires_at": invite.expires_at,
        "server": settings.name,
        "registration": registration,
    });
    Ok(Response::json(200, &answer))
}

/// `POST /api/invites/accept`: joins the rooms. Somebody who is in all of them already uses nothing up.
pub async fn accept(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Secret { code } = request.json()?;
    let (peer, onboarding) = (request.peer.ip(), &services.onboarding);
    let invite = services.auth.invite(&code, Some(caller.uid), peer).await?;
    let is_in = |room: &RoomId| services.rooms.is_member(*room, caller.uid);
    if onboarding.open_rooms(&invite).all(|room| is_in(&room)) {
        let rooms: Vec<_> = onboarding.open_rooms(&invite).collect();
        return Ok(Response::json(200, &json!({"rooms": rooms})));
    }
    let already = onboarding.open_rooms(&invite).filter(is_in).count();
    let (invite, is_counted) = services.auth.use_invite(&code, caller.uid, peer).await?;
    let joined = onboarding.join_invited_rooms(&invite, caller.uid).await;
    if is_counted && joined.rooms.len() <= already {
        services.auth.return_invite(invite.id, caller.uid).await?;
    }
    match joined.refusal {
        Some(refusal) if joined.rooms.is_empty() => Err(refusal),
        _ => Ok(Response::json(200, &json!({"rooms": joined.rooms}))),
    }
}

/// `GET /api/invites`: mine.
pub async fn list(call: Call<'_>) -> Result<Response> {
    let Call { services, caller, .. } = call;
    let filter = InviteFilter { by: Some(caller.uid), ..InviteFilter::default() };
    let (invites, _) = services.auth.invites(&filter, limits::PAGE_MAX).await?;
    let actor = call.actor();
    let invites: Vec<_> = invites.iter().map(|one| entry(&services.rooms, &actor, one)).collect();
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

impl NewInvite {
    fn check(&self) -> Result<()> {
        if self.uses_max.is_some_and(|most| !(1..=bounds::INVITE_USES).contains(&most)) {
            let rule = format!("must be 1 to {}, or null", bounds::INVITE_USES);
            return Err(Error::field("uses_max", &rule));
        }
        if self.rooms.len() > bounds::INVITE_ROOMS {
            return Err(Error::field("rooms", "names too many rooms at once"));
        }
        Ok(())
    }
}

/// `POST /api/invites`
pub async fn create(call: Call<'_>) -> Result<Response> {
    create_by(call.services, &call.actor(), call.request).await
}

/// Makes a link for a member, or for an administrator: the secret is in the answer this once.
pub async fn create_by(services: &Services, by: &Actor, request: &Request) -> Result<Response> {
    let new: NewInvite = request.json_if_any()?;
    if !by.is_admin() && !services.auth.settings().current().member_invites {
        return Err(Error::new(Code::Forbidden, "Only admins of the server may invite people."));
    }
    let label = line("label", &new.label, limits::LABEL)?;
    new.check()?;
    for room in &new.rooms {
        services.rooms.authorize(by.principal, *room, Action::Add)?;
    }
    let rooms: Vec<_> = new.rooms.into_iter().collect();
    let allowed = bounds::INVITE_LIFE_MIN..=bounds::INVITE_LIFE_MAX;
    let lives = lifetime(new.expires_in_s, bounds::INVITE_LIFE, allowed)?;
    let wish = InviteWish { label: &label, rooms: &rooms, lives, uses_max: new.uses_max };
    let permit = services.audit.permit(by)?;
    let (invite, code) = services.auth.create_invite(by.uid(), wish).await?;
    let mut answer = entry(&services.rooms, by, &invite);
    let detail = json!({
        "rooms": answer["rooms"],
        "uses_max": invite.uses_max,
        "expires_at": invite.expires_at,
    });
    permit.record("invite.create", AuditTarget::invite(invite.id, &label), detail).await;
    answer["path"] = json!(format!("/invite#{code}"));
    answer["code"] = json!(code);
    Ok(Response::json(201, &answer))
}

/// `DELETE /api/invites/{id}`
pub async fn revoke(call: Call<'_, InviteId>) -> Result<Response> {
    revoke_by(call.services, &call.actor(), call.ids).await
}

/// Revokes a link: one's own, or in the name of an administrator anybody's.
pub async fn revoke_by(services: &Services, by: &Actor, id: InviteId) -> Result<Response> {
    let maker = if by.is_admin() { None } else { by.uid() };
    let label = services.auth.revoke_invite(id, maker).await?;
    // Never refused: there are no more of these entries than links were made.
    let target = AuditTarget::invite(id, &label);
    services.audit.record(by, "invite.revoke", target, json!({})).await;
    Ok(Response::empty(204))
}

/// A link as its maker or an administrator sees it. Rooms that cannot be seen any more are left out.
pub fn entry(rooms: &Rooms, viewer: &Actor, invite: &Invite) -> Value {
    let room = |id: &RoomId| {
        let view = rooms.info(viewer.principal, *id).ok()?;
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
