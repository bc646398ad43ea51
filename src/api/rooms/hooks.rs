//! The incoming hooks of a room, for its admins, and what hooks bring.

use serde::Deserialize;
use serde_json::{Value, json};

use super::posting::idempotency_key;
use crate::api::context::{Api, Call};
use crate::api::files::bring;
use crate::api::script_body::ScriptBody;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{HookId, RoomId};
use crate::base::limits::api as limits;
use crate::base::text::line;
use crate::http::{Request, Response, form_field};
use crate::protocol::script::ScriptMessage;
use crate::service::{Hook, Uploader, avatar_urls};

/// The addresses of hooks begin so. What follows is a secret.
pub const PREFIX: &str = "/hooks/";

/// `POST /hooks/{secret}`: our JSON, `{"text":…}`, plain text, or a form with such JSON in `payload`.
pub async fn receive(api: &Api, request: &Request) -> Result<Response> {
    let secret = request.head.path.strip_prefix(PREFIX).unwrap_or_default();
    let hooks = &api.services.hooks;
    let hook = hooks.find(secret, request.peer.ip(), request.body.len()).await?;
    let message = match ScriptBody::of(request)? {
        ScriptBody::Json(fields) => ScriptMessage::of_json(&fields),
        ScriptBody::Text(text) => ScriptMessage::of_text(text),
        ScriptBody::Form(form) => match form_field(form, "payload") {
            Some(payload) => of_payload(&payload),
            None => ScriptMessage::of_text(form),
        },
    };
    let posted = hooks.post(&hook, message?, idempotency_key(request)?).await?;
    Ok(Response::json(201, &posted))
}

/// `POST /hooks/{secret}/files?name=…`: a whole file, for a message that the hook brings next.
pub async fn receive_file(api: &Api, request: &Request) -> Result<Response> {
    let rest = request.head.path.strip_prefix(PREFIX).unwrap_or_default();
    let secret = rest.strip_suffix("/files").unwrap_or_default();
    let hook = api.services.hooks.find(secret, request.peer.ip(), 0).await?;
    if request.query("name").is_none() {
        return Err(Error::field("name", "is missing: it is a part of the address"));
    }
    let bots = api.services.hooks.bots(hook.room).await?;
    bring(&api.services, Uploader::one_of(hook.uid, bots), None, request).await
}

fn of_payload(payload: &str) -> Result<ScriptMessage> {
    match serde_json::from_str(payload) {
        Ok(Value::Object(fields)) => ScriptMessage::of_json(&fields),
        _ => Err(Error::field("payload", "is a JSON object")),
    }
}

/// `GET /api/rooms/{id}/hooks`
pub async fn list(call: Call<'_, RoomId>) -> Result<Response> {
    let hooks = call.services.hooks.list(&call.actor(), call.ids).await?;
    let hooks: Vec<_> = hooks.iter().map(entry).collect();
    Ok(Response::json(200, &json!({"hooks": hooks})))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Named {
    fn check(request: &Request) -> Result<String> {
        let Self { name } = request.json()?;
        let name = line("name", &name, limits::DISPLAY_NAME)?;
        if name.is_empty() { Err(Error::field("name", "must not be empty")) } else { Ok(name) }
    }
}

/// `POST /api/rooms/{id}/hooks`: only this answer has the address.
pub async fn create(call: Call<'_, RoomId>) -> Result<Response> {
    let name = Named::check(call.request)?;
    let (hook, secret) = call.services.hooks.create(&call.actor(), call.ids, &name).await?;
    let mut answer = entry(&hook);
    answer["path"] = json!(format!("{PREFIX}{secret}"));
    Ok(Response::json(201, &answer))
}

/// `PATCH /api/rooms/{id}/hooks/{hook}`
pub async fn rename(call: Call<'_, (RoomId, HookId)>) -> Result<Response> {
    let name = Named::check(call.request)?;
    let (room, id) = call.ids;
    let hook = call.services.hooks.rename(&call.actor(), room, id, &name).await?;
    Ok(Response::json(200, &entry(&hook)))
}

/// `DELETE /api/rooms/{id}/hooks/{hook}`
pub async fn revoke(call: Call<'_, (RoomId, HookId)>) -> Result<Response> {
    let (room, id) = call.ids;
    call.services.hooks.revoke(&call.actor(), room, id).await?;
    Ok(Response::empty(204))
}

/// `PUT /api/rooms/{id}/hooks/{hook}/avatar`: the body is the picture.
pub async fn put_picture(call: Call<'_, (RoomId, HookId)>) -> Result<Response> {
    let Call { api, services, caller, request, ids: (room, id) } = call;
    if request.header("content-encoding").is_some() {
        let text = "A picture is sent as it is, without Content-Encoding.";
        return Err(Error::new(Code::UnsupportedType, text));
    }
    services.allowances.of(caller.uid).profile_change()?;
    let content_type = request.header("content-type").unwrap_or_default();
    let picture = api.avatars.make(content_type, request.body.clone()).await?;
    let by = crate::service::Actor::of(caller);
    let avatar = services.hooks.set_picture(&by, room, id, Some(&picture)).await?;
    Ok(Response::json(200, &json!({"avatar": avatar_urls(avatar.as_deref())})))
}

/// `DELETE /api/rooms/{id}/hooks/{hook}/avatar`
pub async fn remove_picture(call: Call<'_, (RoomId, HookId)>) -> Result<Response> {
    let (room, id) = call.ids;
    call.services.hooks.set_picture(&call.actor(), room, id, None).await?;
    Ok(Response::empty(204))
}

fn entry(hook: &Hook) -> Value {
    json!({
        "id": hook.id,
        "uid": hook.uid,
        "room": hook.room,
        "name": hook.name,
        "avatar": avatar_urls(hook.avatar.as_deref()),
        "by": hook.by,
        "created_at": hook.created_at,
        "used_at": hook.used_at,
    })
}
