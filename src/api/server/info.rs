//! What a client must know before anybody signs in.

use serde_json::{Value, json};

use crate::api::caller::without_broken_cookie;
use crate::api::context::{Api, Demo};
use crate::base::base64url;
use crate::base::error::Result;
use crate::base::limits;
use crate::http::{Request, Response};
use crate::service::{Profiles, avatar_urls};
use crate::store::accounts::Profile;

/// `GET /api/info`
pub async fn info(api: &Api, request: &Request) -> Result<Response> {
    let auth = &api.services.auth;
    let settings = auth.settings().current();
    let mut info = json!({
        "name": settings.name,
        "version": env!("CARGO_PKG_VERSION"),
        "registration": settings.registration,
        "member_invites": settings.member_invites,
        "room_creation": settings.room_creation,
        "default_locale": settings.default_locale,
        "setup": auth.setup_code().is_some(),
        "secure_address": api.settings.secure_address,
        "limits": {
            "command": limits::chat::COMMAND,
            "text": limits::chat::TEXT,
            "mentions": limits::chat::MENTIONS,
            "files": limits::chat::FILES,
            "alt": limits::chat::ALT,
            "file_size": settings.file_size_max,
            "file_name": limits::files::NAME,
            "emoji": limits::chat::EMOJI,
            "status": limits::chat::STATUS,
            "room_name": limits::chat::ROOM_NAME,
            "room_topic": limits::chat::ROOM_TOPIC,
            "replay": limits::chat::REPLAY,
            "page": limits::chat::PAGE,
            "group_direct": limits::api::GROUP_DIRECT,
            "avatar_bytes": limits::api::AVATAR_BODY,
            "display_name": limits::api::DISPLAY_NAME,
            "bio": limits::api::BIO,
            "encrypted_members": limits::encryption::MEMBERS,
            "encrypted_plain": limits::api::ENCRYPTED_PLAIN,
        },
        // What a proxy in between makes of a request; it concerns nobody but who asks.
        "seen": {"address": request.peer.ip(), "secure": request.secure},
    });
    // The same fields as `/api/e2ee/info`, so that a client asks once.
    if let (Some(info), Some(more)) = (info.as_object_mut(), encryption(api).as_object()) {
        info.extend(more.clone());
        // A browser whose storage was emptied does not know whom its cookie belongs to.
        if let Some(session) = api.cookie_session(request).await {
            info.insert("uid".into(), json!(session.uid.to_string()));
        }
    }
    if let Some(demo) = &api.settings.demo {
        info["demo"] = demo_info(demo, &api.services.profiles).await?;
    }
    Ok(without_broken_cookie(request, Response::json(200, &info)))
}

/// Whom a visitor of a demo may enter as; everybody knows the password.
async fn demo_info(demo: &Demo, profiles: &Profiles) -> Result<Value> {
    let people = profiles.of(&demo.people).await?;
    let person = |profile: &Profile| {
        json!({
            "id": profile.uid,
            "username": profile.username,
            "display_name": profile.display_name,
            "avatar": avatar_urls(profile.avatar.as_deref()),
            "admin": profile.is_admin,
        })
    };
    let mut open: Vec<_> =
        people.iter().filter(|person| !person.is_disabled && !person.is_removed).collect();
    open.sort_by_key(|person| person.uid);
    Ok(
        json!({"password": demo.password, "people": open.into_iter().map(person).collect::<Vec<_>>()}),
    )
}

/// `GET /api/e2ee/info`
pub async fn encryption_info(api: &Api, _: &Request) -> Result<Response> {
    Ok(Response::json(200, &encryption(api)))
}

/// What a client must know to make and check keys (`e2ee.md` 13.1).
fn encryption(api: &Api) -> Value {
    let auth = &api.services.auth;
    json!({
        "instance": base64url::encode(&auth.instance()),
        "dir_key": base64url::encode(&api.services.directory.shared().public_key()),
        "kdf": auth.kdf(),
        "suites": [1],
        "encryption": auth.settings().current().encryption,
    })
}
