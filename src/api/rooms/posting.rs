//! Writing messages over HTTP, for scripts: the same changes as on the socket, by the same room.

use serde_json::json;

use crate::api::context::Call;
use crate::api::script_body::ScriptBody;
use crate::base::error::{Error, Result};
use crate::base::ids::{Mid, RoomId};
use crate::base::limits;
use crate::http::{Request, Response};
use crate::protocol::envelope::SentEnvelope;
use crate::protocol::script::{ScriptEdit, ScriptMessage, rev_of};
use crate::service::Posting;

/// `POST /api/rooms/{id}/messages`: 201 after the commit.
pub async fn post(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let by = caller.principal();
    services.messages.charge(by, request.body.len(), Posting::New)?;
    let key = idempotency_key(request)?;
    let message = match ScriptBody::of(request)? {
        ScriptBody::Json(mut fields) => match fields.remove("env").filter(|json| !json.is_null()) {
            Some(json) => return post_envelope(&call, SentEnvelope(json), key).await,
            None => ScriptMessage::of_json(&fields),
        },
        ScriptBody::Text(text) | ScriptBody::Form(text) => ScriptMessage::of_text(text),
    };
    let posted = services.messages.post(by, room, message?, key).await?;
    Ok(Response::json(201, &posted))
}

/// An envelope may be anything that changes an encrypted room: a message, an edit, a deletion, a reaction. It names its
/// message itself.
async fn post_envelope(
    call: &Call<'_, RoomId>,
    envelope: SentEnvelope,
    key: Option<&str>,
) -> Result<Response> {
    if key.is_some() {
        return Err(Error::field("env", "excludes an Idempotency-Key"));
    }
    let by = call.caller.principal();
    let posted = call.services.messages.post_envelope(by, call.ids, envelope).await?;
    Ok(Response::json(201, &posted))
}

/// `PATCH /api/rooms/{id}/messages/{mid}`
pub async fn edit(call: Call<'_, (RoomId, Mid)>) -> Result<Response> {
    let Call { services, caller, request, ids: (room, mid), .. } = call;
    let by = caller.principal();
    services.messages.charge(by, request.body.len(), Posting::Change)?;
    let edit = match ScriptBody::of(request)? {
        ScriptBody::Json(fields) => ScriptEdit::of_json(&fields),
        ScriptBody::Text(text) | ScriptBody::Form(text) => ScriptEdit::of_text(text),
    };
    let (rev, ack) = services.messages.edit(by, room, mid, edit?).await?;
    let answer = json!({"mid": mid, "room": room, "rev": rev, "seq": ack.seq, "at": ack.at});
    Ok(Response::json(200, &answer))
}

/// `DELETE /api/rooms/{id}/messages/{mid}?rev=N`
pub async fn delete(call: Call<'_, (RoomId, Mid)>) -> Result<Response> {
    let Call { services, caller, request, ids: (room, mid), .. } = call;
    let by = caller.principal();
    let rev = match request.query("rev") {
        Some(rev) => Some(rev_of(rev.parse().unwrap_or(0))?),
        None => None,
    };
    services.messages.charge(by, 0, Posting::Change)?;
    services.messages.delete(by, room, mid, rev).await?;
    Ok(Response::empty(204))
}

/// `PUT /api/rooms/{id}/messages/{mid}/reactions/{emoji}`
pub async fn react(call: Call<'_, (RoomId, Mid)>) -> Result<Response> {
    let Call { services, caller, request, ids: (room, mid), .. } = call;
    let by = caller.principal();
    services.messages.charge(by, 0, Posting::Change)?;
    services.messages.react(by, room, mid, emoji(request)).await?;
    Ok(Response::empty(204))
}

/// `DELETE /api/rooms/{id}/messages/{mid}/reactions/{emoji}`
pub async fn unreact(call: Call<'_, (RoomId, Mid)>) -> Result<Response> {
    let Call { services, caller, request, ids: (room, mid), .. } = call;
    let by = caller.principal();
    services.messages.charge(by, 0, Posting::Change)?;
    services.messages.unreact(by, room, mid, emoji(request)).await?;
    Ok(Response::empty(204))
}

/// The last part of the path.
fn emoji(request: &Request) -> &str {
    request.head.path.rsplit('/').next().unwrap_or_default()
}

/// What makes a repetition of a request the same message: up to 255 printable characters.
///
/// # Errors
/// `bad_request`.
pub fn idempotency_key(request: &Request) -> Result<Option<&str>> {
    let mut keys = request.head.headers.all("idempotency-key");
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None)
            if (1..=limits::api::IDEMPOTENCY_KEY).contains(&key.len())
                && key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) =>
        {
            Ok(Some(key))
        }
        _ => Err(Error::field("Idempotency-Key", "is one text of 1 to 255 printable characters")),
    }
}
