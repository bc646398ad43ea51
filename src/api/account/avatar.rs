//! Pictures of people: uploading one, removing it, sending it.
//!
//! A picture's address is random and never used for another one, so a browser that has loaded it need not ask
//! again; and nobody can guess it.

use serde_json::json;

use crate::api::access::Access;
use crate::api::context::{Api, Call};
use crate::base::error::{Code, Error, Result};
use crate::http::{BodyPermit, Request, Response};
use crate::service::avatar_urls;

/// The permit for an upload, taken before a byte of it is read: for users who are signed in, one at a time.
pub async fn authorize_body(api: &Api, request: &Request) -> Result<BodyPermit> {
    if request.head.method.as_str() != "PUT" {
        return Ok(Box::new(()));
    }
    let session = api.session(request).await?;
    Access::Write.check(&session)?;
    Ok(Box::new(api.avatars.reserve(session.uid)?))
}

/// `PUT /api/me/avatar`: the body is the picture.
pub async fn put(Call { api, services, caller, request, .. }: Call<'_>) -> Result<Response> {
    if request.header("content-encoding").is_some() {
        let text = "A picture is sent as it is, without Content-Encoding.";
        return Err(Error::new(Code::UnsupportedType, text));
    }
    let content_type = request.header("content-type").unwrap_or_default();
    services.allowances.of(caller.uid).profile_change()?;
    let picture = api.avatars.make(content_type, request.body.clone()).await?;
    let name = services.profiles.set_avatar(caller.uid, &picture).await?;
    Ok(Response::json(200, &json!({"avatar": avatar_urls(Some(&name))})))
}

/// `DELETE /api/me/avatar`
pub async fn remove(Call { services, caller, .. }: Call<'_>) -> Result<Response> {
    services.allowances.of(caller.uid).profile_change()?;
    services.profiles.remove_avatar(caller.uid).await?;
    Ok(Response::empty(204))
}

/// `GET /avatars/{name}-{size}.{extension}`
pub async fn file(api: &Api, request: &Request) -> Result<Response> {
    let none = || Error::new(Code::NotFound, "There is no such picture.");
    let path = request.head.path.strip_prefix("/avatars/").unwrap_or_default();
    let (name, size) = parse(path).ok_or_else(none)?;
    let (content_type, data) = api.services.profiles.avatar(&name, size).await?.ok_or_else(none)?;
    Ok(Response::new(200, &content_type, data)
        .header("Cache-Control", "public, max-age=31536000, immutable")
        .header("Cross-Origin-Resource-Policy", "same-origin"))
}

/// `0123…-96.jpg` is `0123….jpg` in the size 96.
fn parse(file: &str) -> Option<(String, u32)> {
    let (stem, extension) = file.rsplit_once('.')?;
    let (name, size) = stem.split_once('-')?;
    let is_name = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = crate::avatars::SIZES.into_iter().find(|known| known.to_string() == size)?;
    is_name.then(|| (format!("{name}.{extension}"), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sizes_there_are_have_an_address() {
        let name = "0123456789abcdef0123456789abcdef";
        assert_eq!(parse(&format!("{name}-96.jpg")), Some((format!("{name}.jpg"), 96)));
        for wrong in ["", "x", &format!("{name}.jpg"), &format!("{name}-97.jpg"), "../../x-96.jpg"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
