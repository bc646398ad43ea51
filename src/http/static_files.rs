//! The files of the browser client: embedded in the program in release, read from `web/` in debug.
//!
//! A file is hashed and compressed once, at its first request and not on the threads that answer, and
//! then served from memory. Every file is revalidated by ETag: the client has no build step, so a name
//! says nothing about its content, and half an old client with half a new one is worse than a
//! conditional request.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OnceCell, Semaphore};

use super::head::Head;
use super::response::Response;
use crate::base::error::{Code, Error};
use crate::base::hex;
use crate::base::limits::http as limits;
use crate::base::lock::MutexExt as _;

/// Only our own files are loaded, and no string ever becomes script or markup (`e2ee.md` 16.4).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; media-src blob:; connect-src 'self'; worker-src 'self'; \
    font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

/// The site.
pub struct Site {
    prepared: Mutex<HashMap<String, Arc<Slot>>>,
    /// One file is compressed at a time.
    compressing: Semaphore,
}

/// A file once it is prepared; requests that come earlier wait for it.
type Slot = OnceCell<Arc<File>>;

/// A file in its three forms; the compressed ones only where they are smaller.
struct File {
    content_type: String,
    etag: String,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

impl Site {
    /// A site that has read no file yet.
    pub fn new() -> Self {
        Self { prepared: Mutex::default(), compressing: Semaphore::new(1) }
    }

    /// The answer for a page or a file; `None` if there is none of that name.
    pub async fn respond(&self, head: &Head) -> Option<Response> {
        let file = self.file(file_name(&head.path)?).await?;
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            let error = Error::new(Code::MethodNotAllowed, "Pages can only be read.");
            return Some(Response::error(&error).header("Allow", "GET, HEAD"));
        }
        let (encoding, body) = file.choose(head);
        let etag = match encoding {
            Some(encoding) => format!("\"{}-{encoding}\"", file.etag),
            None => format!("\"{}\"", file.etag),
        };
        let response = if is_known(head, &etag) {
            Response::empty(304)
        } else {
            Response::new(200, &file.content_type, body)
        };
        let response = match encoding {
            Some(encoding) if response.status() == 200 => {
                response.header("Content-Encoding", encoding)
            }
            _ => response,
        };
        Some(
            response
                .header("ETag", etag)
                .header("Cache-Control", "no-cache")
                .header("Vary", "Accept-Encoding")
                .header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                .header("Cross-Origin-Opener-Policy", "same-origin")
                .header("Cross-Origin-Resource-Policy", "same-origin"),
        )
    }

    async fn file(&self, name: &str) -> Option<Arc<File>> {
        // A file on disk may have changed since the last request.
        if cfg!(debug_assertions) {
            let plain = Bytes::from(Files::get(name)?.data.into_owned());
            return Some(Arc::new(File::prepare(name, plain, Form::Plain)));
        }
        let slot = self.slot(name)?;
        if let Some(file) = slot.get() {
            return Some(file.clone());
        }
        let preparing = slot.get_or_try_init(|| self.prepare(name.to_owned()));
        preparing
            .await
            .inspect_err(|error| tracing::error!(%error, name, "cannot prepare a file"))
            .ok()
            .cloned()
    }

    /// The slot of a file. Only existing files have one, which bounds the table.
    fn slot(&self, name: &str) -> Option<Arc<Slot>> {
        let mut prepared = self.prepared.lock_unpoisoned();
        if let Some(slot) = prepared.get(name) {
            return Some(slot.clone());
        }
        Files::get(name)?;
        Some(prepared.entry(name.to_owned()).or_default().clone())
    }

    async fn prepare(&self, name: String) -> Result<Arc<File>, String> {
        let _permit = self.compressing.acquire().await.map_err(|error| error.to_string())?;
        let preparing = tokio::task::spawn_blocking(move || {
            let plain = Bytes::from(Files::get(&name)?.data.into_owned());
            Some(Arc::new(File::prepare(&name, plain, Form::Compressed)))
        });
        let file = preparing.await.map_err(|error| error.to_string())?;
        file.ok_or_else(|| "there is no such file".to_owned())
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a file is compressed, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Compressed,
}

impl File {
    fn prepare(name: &str, plain: Bytes, form: Form) -> Self {
        let guess = mime_guess::from_path(name).first_or_octet_stream();
        let is_text = guess.type_() == "text"
            || ["javascript", "json", "manifest+json"].contains(&guess.subtype().as_str())
            || guess.essence_str() == "image/svg+xml";
        let content_type =
            if is_text { format!("{guess}; charset=utf-8") } else { guess.to_string() };
        let etag = hex::encode(&Sha256::digest(&plain)[..12]);
        let smaller = |bytes: Vec<u8>| (bytes.len() < plain.len()).then(|| Bytes::from(bytes));
        let compress = form == Form::Compressed && is_text;
        let brotli = if compress { brotli(&plain).and_then(smaller) } else { None };
        let gzip = if compress { gzip(&plain).and_then(smaller) } else { None };
        Self { content_type, etag, plain, brotli, gzip }
    }

    fn choose(&self, head: &Head) -> (Option<&'static str>, Bytes) {
        match (&self.brotli, &self.gzip) {
            (Some(brotli), _) if accepts(head, "br") => (Some("br"), brotli.clone()),
            (_, Some(gzip)) if accepts(head, "gzip") => (Some("gzip"), gzip.clone()),
            _ => (None, self.plain.clone()),
        }
    }
}

fn brotli(plain: &[u8]) -> Option<Vec<u8>> {
    let mut packed = brotli::CompressorWriter::new(Vec::new(), 4096, 9, 22);
    packed.write_all(plain).ok()?;
    Some(packed.into_inner())
}

fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(plain).ok()?;
    packed.finish().ok()
}

/// The file behind a decoded path. Pages of the client, which has its own routes, are one file.
fn file_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let page = match name.split('/').collect::<Vec<_>>().as_slice() {
        [""] => true,
        ["setup" | "login" | "register" | "invite" | "reset"] => true,
        ["settings" | "rooms" | "people" | "admin"] => true,
        ["invite" | "room" | "user" | "admin", id] => !id.is_empty() && !id.contains('.'),
        ["room", id, at] => !id.is_empty() && !id.contains('.') && !at.contains('.'),
        _ => false,
    };
    if page {
        return Some("index.html");
    }
    let is_plain = |segment: &str| !segment.is_empty() && !segment.starts_with('.');
    let is_safe = name.len() <= limits::SITE_PATH
        && name.split('/').all(is_plain)
        && !name.bytes().any(|byte| byte == b'\\' || byte < 0x20);
    is_safe.then_some(name)
}

fn accepts(head: &Head, coding: &str) -> bool {
    head.headers.all("accept-encoding").flat_map(|list| list.split(',')).any(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let q = parameters.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(coding) && q.unwrap_or(1.0) > 0.0
    })
}

fn is_known(head: &Head, etag: &str) -> bool {
    head.headers.all("if-none-match").flat_map(|list| list.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::parse;

    fn get(path: &str, fields: &str) -> Option<Response> {
        let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Site::new().respond(&head))
    }

    #[test]
    fn pages_of_the_client_are_its_index() {
        let index = get("/", "").unwrap();
        assert!(index.get("content-type").unwrap().starts_with("text/html"));
        assert!(
            index.get("content-security-policy").unwrap().contains("require-trusted-types-for")
        );
        for path in [
            "/setup",
            "/login",
            "/room/7",
            "/invite",
            "/invite/abc",
            "/reset",
            "/admin",
            "/admin/users",
        ] {
            assert_eq!(get(path, "").unwrap().body(), index.body(), "{path}");
        }
    }

    #[test]
    fn nothing_outside_the_site_is_served() {
        for path in [
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/..%2fCargo.toml",
            "/ui/../index.html",
            "/./index.html",
            "//index.html",
            "/ui//element.js",
            "/.git/config",
            "/..%5cCargo.toml",
            "/ui",
            "/ui/",
            "/index.html/",
            "/invite/a.b",
            "/admin/users.js",
            "/admin/users/7",
            "/etc/passwd",
        ] {
            assert!(get(path, "").is_none(), "{path}");
        }
        assert!(get(&format!("/{}", "a".repeat(9_000)), "").is_none());
        let name = |length: usize| format!("/{}", "a".repeat(length));
        assert!(file_name(&name(limits::SITE_PATH)).is_some());
        assert!(file_name(&name(limits::SITE_PATH + 1)).is_none());
    }

    #[test]
    fn a_known_etag_is_not_sent_again() {
        let first = get("/app.js", "").unwrap();
        let etag = first.get("etag").unwrap();
        assert_eq!(
            get("/app.js", &format!("If-None-Match: \"x\", W/{etag}\r\n")).unwrap().status(),
            304
        );
        assert_eq!(get("/app.js", "If-None-Match: \"x\"\r\n").unwrap().status(), 200);
    }

    #[test]
    fn a_coding_of_quality_zero_is_not_accepted() {
        let text = "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br;q=0, gzip;q=0.5\r\n\r\n";
        let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
        assert!(!accepts(&head, "br") && accepts(&head, "gzip") && !accepts(&head, "deflate"));
    }
}
