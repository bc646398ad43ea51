//! Files: uploads in one piece or several, downloads, and the files of a room.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::charge::Charge;
use crate::api::context::{Api, Call};
use crate::api::sent_file::Sent;
use crate::auth::Session;
use crate::base::error::{Code, Error, Result};
use crate::base::hex;
use crate::base::ids::{FileId, RoomId};
use crate::base::limits::api::PAGE_MAX as QUERY;
use crate::base::limits::files as limits;
use crate::files::name::{Disposition, disposition, safe};
use crate::files::{Rendition, kind};
use crate::http::{BodyError, BodyReader, Head, Request, Response, Selection, form_field};
use crate::service::{Announced, Opened, Readable, Services, Start, Upload, Uploaded, Uploader};
use crate::store::chat::files::{FilePlace, ListedFile};

/// What a browser may do with a file that it shows by itself: nothing.
const SANDBOX: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'";
/// What has an address is never changed.
const FOR_EVER: &str = "private, max-age=31536000, immutable";

/// Which bodies of uploads are read as they come. Their handlers bound them, and say what the bound is.
pub fn part_limit(_: &Api, head: &Head) -> Option<u64> {
    (head.method.as_str() == "PUT").then_some(u64::MAX)
}

/// The same of uploads in one request, which name the file in their address.
pub fn whole_limit(_: &Api, head: &Head) -> Option<u64> {
    let name = head.query.as_deref().and_then(|query| form_field(query, "name"));
    let is_whole = head.method.as_str() == "POST" && name.is_some();
    is_whole.then_some(u64::MAX)
}

#[derive(Deserialize)]
struct Announcement {
    name: String,
    #[serde(default, rename = "type")]
    media_type: Option<String>,
    size: u64,
    #[serde(default)]
    keep_metadata: bool,
}

/// `POST /api/files`: announces a file. `POST /api/files?name=…`: brings it whole.
pub async fn announce(call: Call<'_>) -> Result<Response> {
    let Call { services, caller, request, .. } = call;
    if request.query("name").is_some() {
        return bring(services, Uploader::person(caller.uid), Some(caller), request).await;
    }
    let Announcement { name, media_type, size, keep_metadata } = request.json()?;
    let media_type = checked_type(media_type.as_deref().unwrap_or_default())?;
    let announced = Announced { name, media_type, size, keeps_metadata: keep_metadata };
    let uploaded = services.files.announce(caller.uid, &announced).await?;
    Ok(created(&uploaded))
}

/// A whole file in one request, of a person, as long as this session lives, or of a hook.
pub(super) async fn bring(
    services: &Services,
    by: Uploader,
    session: Option<&Session>,
    request: &Request,
) -> Result<Response> {
    check_coding(request)?;
    let body = request.stream()?;
    let size = body.length().ok_or_else(|| Error::field("Content-Length", "is missing"))?;
    let announced = Announced {
        name: request.query("name").unwrap_or_default(),
        media_type: checked_type(&request.media_type())?,
        size,
        keeps_metadata: request.query("keep_metadata").as_deref() == Some("1"),
    };
    let upload = match services.files.bring(&by, &announced).await? {
        Start::Upload(upload) => upload,
        Start::Done { done, .. } => return Ok(created(&done)),
    };
    let id = upload.id();
    let is_allowed = || session.is_none_or(|session| services.auth.is_live(session));
    let brought = receive(body, upload, is_allowed).await;
    if brought.is_err() {
        // Nobody knows its id, so nobody goes on with it.
        let _ = services.files.give_up(by.uid(), id).await;
    }
    Ok(created(&brought?))
}

/// `PUT /api/files/{file}?offset=N`: brings what comes from there on, or a part of it.
pub async fn put(call: Call<'_, FileId>) -> Result<Response> {
    let Call { services, caller, request, ids: id, .. } = call;
    Charge::Read(1.0).take(&services.allowances, caller.principal())?;
    check_coding(request)?;
    let offset = match request.query("offset") {
        None => 0,
        Some(text) => text.parse().map_err(|_| Error::field("offset", "is a whole number"))?,
    };
    let body = request.stream()?;
    let uploaded = match services.files.upload(caller.uid, id, offset).await? {
        Start::Upload(upload) => receive(body, upload, || services.auth.is_live(caller)).await?,
        // It goes on with what is no part of it any more.
        Start::Done { done, may_be_smaller: true } => done,
        Start::Done { done, may_be_smaller: false } => nothing_more(body, done).await?,
    };
    Ok(Response::json(200, &uploaded))
}

/// The answer to a body without a byte.
async fn nothing_more(mut body: BodyReader, done: Uploaded) -> Result<Uploaded> {
    let has_more = match body.length() {
        Some(length) => length > 0,
        None => body.next().await.map_err(cut)?.is_some(),
    };
    if has_more { Err(done.too_many()) } else { Ok(done) }
}

/// Takes a body piece by piece, as long as its sender may bring it. What has arrived of one that is cut stays.
async fn receive(
    mut body: BodyReader,
    mut upload: Upload,
    is_allowed: impl Fn() -> bool,
) -> Result<Uploaded> {
    if body.length().is_some_and(|length| length > upload.rest()) {
        let error = upload.too_many();
        upload.keep().await;
        return Err(error);
    }
    loop {
        let piece = tokio::select! {
            biased;
            () = upload.taken_over() => return upload.finish().await,
            piece = body.next() => piece,
        };
        let written = match piece {
            Ok(_) if !is_allowed() => Err(not_any_more()),
            Ok(Some(piece)) => upload.write(piece).await,
            Ok(None) => return upload.finish().await,
            Err(error) => Err(cut(error)),
        };
        if let Err(error) = written {
            upload.keep().await;
            return Err(error);
        }
    }
}

/// The next request says what has become of the account: it may have other rights only, and go on.
fn not_any_more() -> Error {
    let text =
        "This upload was stopped, because your session has ended or your rights have changed.";
    Error::new(Code::Unavailable, text).retry_after(limits::RETRY_MS)
}

fn cut(error: BodyError) -> Error {
    error.into()
}

/// `GET /api/files/{file}`: how far an upload is.
pub async fn show(call: Call<'_, FileId>) -> Result<Response> {
    let uploaded = call.services.files.progress(call.caller.uid, call.ids).await?;
    Ok(Response::json(200, &uploaded)
        .header("Upload-Offset", uploaded.offset.to_string())
        .header("Upload-Length", uploaded.file.size.to_string()))
}

/// `DELETE /api/files/{file}`: gives up an upload.
pub async fn discard(call: Call<'_, FileId>) -> Result<Response> {
    call.services.files.give_up(call.caller.uid, call.ids).await?;
    Ok(Response::empty(204))
}

/// `GET /files/{file}/{name}?size=`. The name is for whoever saves it; what is in the address does not count.
pub async fn download(call: Call<'_, FileId>) -> Result<Response> {
    let Call { services, caller, request, ids: id, .. } = call;
    let form = match request.query("size") {
        None => Rendition::Original,
        Some(edge) => form_of(&edge)?,
    };
    let turn = services.files.reading(caller.uid).await?;
    let Readable { file, sha256 } = services.files.readable(caller.uid, id).await?;
    let Opened { bytes, size, media_type, form } = services.files.open(&file, form).await?;
    let etag = etag(sha256, form, size);
    let is_shown = ["image/", "audio/", "video/"].iter().any(|kind| media_type.starts_with(kind));
    let how = match is_shown && request.query("download").is_none() {
        true => Disposition::Inline,
        false => Disposition::Attachment,
    };
    let name = match media_type == file.media_type {
        true => file.name,
        false => renamed(&file.name, &media_type),
    };
    let media_type = if is_shown { media_type.as_str() } else { kind::UNKNOWN };
    let selection = Selection::of(&request.head, &etag, size);
    let (session, files, auth) = (caller.clone(), services.files.clone(), services.auth.clone());
    let source =
        selection.bytes().map(|range| Sent::new(files, auth, session, id, bytes.bytes(range)));
    Ok(selection
        .respond(media_type, source)
        .header("Cache-Control", FOR_EVER)
        .header("Content-Disposition", disposition(how, &name))
        .header("Content-Security-Policy", SANDBOX)
        .header("Cross-Origin-Resource-Policy", "same-origin")
        .header("X-Content-Type-Options", "nosniff")
        .holding(turn))
}

/// The form of a picture that fits into a square of so many pixels.
fn form_of(edge: &str) -> Result<Rendition> {
    let is_it = |form: &Rendition| form.edge().is_some_and(|of| of.to_string() == edge);
    let form = Rendition::ALL.into_iter().find(is_it);
    form.ok_or_else(|| Error::field("size", "is 480 or 1280"))
}

/// Each form has its own, which is another one if it is ever drawn differently.
fn etag(sha256: [u8; 32], form: Rendition, size: u64) -> String {
    let digest = hex::encode(sha256.get(..16).unwrap_or_default());
    match form.edge() {
        None => format!("\"{digest}\""),
        Some(edge) => format!("\"{digest}-{edge}-{size:x}\""),
    }
}

/// The name of a form that has another type than its file.
fn renamed(name: &str, media_type: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let extension = if media_type == "image/jpeg" { "jpg" } else { "webp" };
    safe(&format!("{stem}.{extension}"))
}

/// `GET /api/rooms/{room}/files?q=&cursor=&limit=`
pub async fn of_room(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let limit = match request.query("limit") {
        None => limits::PAGE,
        Some(text) => match text.parse() {
            Ok(limit) if (1..=limits::PAGE_MAX).contains(&limit) => limit,
            _ => return Err(Error::field("limit", "must be 1 to 200")),
        },
    };
    let after = request.query("cursor").map(|text| place(&text)).transpose()?;
    let q = request.query("q").unwrap_or_default();
    if q.chars().count() > QUERY || q.contains('\0') {
        return Err(Error::field("q", "is too long"));
    }
    let page = services.files.of_room(caller.principal(), room, q.trim(), after, limit).await?;
    let cursor = page.files.last().filter(|_| page.has_more).map(|last| cursor(last.place));
    let files: Vec<_> = page.files.iter().map(|file| listed(room, file)).collect();
    let mut answer = json!({"files": files});
    if let Some(cursor) = cursor {
        answer["cursor"] = json!(cursor);
    }
    Ok(Response::json(200, &answer))
}

fn listed(room: RoomId, listed: &ListedFile) -> Value {
    let mut entry = json!(listed.file);
    entry["room"] = json!(room);
    entry["mid"] = json!(listed.mid);
    entry["by"] = json!(listed.by);
    entry["at"] = json!(listed.at);
    entry["created_seq"] = json!(listed.place.created_seq);
    entry
}

fn cursor(place: FilePlace) -> String {
    format!("{}.{}", place.created_seq, place.place)
}

fn place(text: &str) -> Result<FilePlace> {
    let place = text.split_once('.').and_then(|(seq, place)| {
        let created_seq = seq.parse::<i64>().ok().and_then(|seq| u64::try_from(seq).ok())?;
        Some(FilePlace { created_seq, place: place.parse().ok()? })
    });
    place.ok_or_else(|| Error::field("cursor", "is one that an answer gave"))
}

fn created(uploaded: &Uploaded) -> Response {
    let location = format!("/api/files/{}", uploaded.file.id);
    Response::json(201, uploaded).header("Location", location)
}

fn check_coding(request: &Request) -> Result<()> {
    if request.header("content-encoding").is_some() {
        let text = "A file is sent as it is, without Content-Encoding.";
        return Err(Error::new(Code::UnsupportedType, text));
    }
    Ok(())
}

/// What somebody says a file is: kept until its bytes say more.
fn checked_type(claim: &str) -> Result<String> {
    if claim.len() > limits::TYPE {
        return Err(Error::field("type", "is too long"));
    }
    match claim.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
        true => Ok(claim.to_ascii_lowercase()),
        false => Ok(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_place_and_nothing_else_is() {
        let there = FilePlace { created_seq: 70, place: 3 };
        assert_eq!(place(&cursor(there)).unwrap(), there);
        for wrong in ["", "70", "70.", ".3", "-1.3", "70.99999", "x.y", "9223372036854775808.1"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_claim_is_one_word_or_nothing() {
        assert_eq!(checked_type("Text/Plain").unwrap(), "text/plain");
        assert_eq!(checked_type("text/plain; x=\n").unwrap(), "");
        assert!(checked_type(&"x".repeat(limits::TYPE + 1)).is_err());
    }
}
