//! The browser client: its page, and its files below an address that changes with them.
//!
//! `/v/BUILD/…` is one state of the files, named by a hash of all of them, so a browser keeps what it has from there
//! for ever and asks for nothing again. The page itself is asked for each time and names the build of now. Files of
//! earlier builds are answered from the archive, so that a page that was loaded before an update goes on. The files
//! are those of the program; debug builds read them from `web/` whenever the page is asked for.

mod archive;
mod build;
mod file;
mod link;
mod syntax;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{OnceCell, Semaphore};

use self::archive::{Archive, is_build_id};
use self::build::{Build, PAGE};
use self::file::{File, Form};
use super::head::Head;
use super::response::Response;
use crate::base::error::{Code, Error};
use crate::base::limits::http as limits;
use crate::base::lock::MutexExt as _;

/// Only our own files are loaded, and no string ever becomes script or markup (`e2ee.md` 16.4).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; \
    font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The site.
pub struct Site {
    current: Mutex<Option<Arc<Build>>>,
    archive: Option<Archive>,
    prepared: Mutex<HashMap<String, Arc<Slot>>>,
    /// One file is compressed at a time.
    compressing: Semaphore,
}

/// A file once it is prepared; requests that come earlier wait for it.
type Slot = OnceCell<Arc<File>>;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked<'a> {
    /// The page, whatever it shows.
    Page,
    /// A file of now.
    Present(&'a str),
    /// A file of a build.
    Of(&'a str, &'a str),
}

impl Site {
    /// The site, which keeps the builds that are in use in a data directory, if there is one.
    pub fn new(data_dir: Option<&Path>) -> Self {
        let site = Self {
            current: Mutex::default(),
            archive: data_dir.map(Archive::new),
            prepared: Mutex::default(),
            compressing: Semaphore::new(1),
        };
        // A debug build that reads every file at each start would slow all tests down.
        if !cfg!(debug_assertions) {
            site.put(Build::read());
        }
        site
    }

    /// The name of the build of now, if anybody has asked for the page yet.
    pub fn build(&self) -> Option<String> {
        self.current.lock_unpoisoned().as_ref().map(|build| build.id.clone())
    }

    /// The answer for a page or a file; `None` if there is none of that name.
    pub async fn respond(&self, head: &Head) -> Option<Response> {
        let asked = asked(&head.path)?;
        let file = self.file(&asked).await?;
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            let error = Error::new(Code::MethodNotAllowed, "Pages can only be read.");
            return Some(Response::error(&error).header("Allow", "GET, HEAD"));
        }
        let cached = if matches!(asked, Asked::Of(..)) { FOR_EVER } else { "no-cache" };
        Some(
            file.respond(head)
                .header("Cache-Control", cached)
                .header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                .header("Cross-Origin-Opener-Policy", "same-origin")
                .header("Cross-Origin-Resource-Policy", "same-origin"),
        )
    }

    async fn file(&self, asked: &Asked<'_>) -> Option<Arc<File>> {
        let present = self.present(asked);
        let (of, name) = match asked {
            Asked::Page => (present.id.as_str(), PAGE),
            Asked::Present(name) => (present.id.as_str(), *name),
            Asked::Of(build, name) => (*build, *name),
        };
        let plain = match asked {
            Asked::Page | Asked::Present(_) => Some(present.files.get(name)?.clone()),
            Asked::Of(build, _) if *build == present.id => Some(present.get(name)?.clone()),
            Asked::Of(build, _) if self.archive.as_ref()?.has(build, name) => None,
            Asked::Of(..) => return None,
        };
        let joined = if matches!(asked, Asked::Of(..)) { "joined" } else { "alone" };
        // Only existing files have a slot, which bounds the table.
        let key = format!("{of} {joined} {name}");
        let slot = self.prepared.lock_unpoisoned().entry(key).or_default().clone();
        if let Some(file) = slot.get() {
            return Some(file.clone());
        }
        let preparing =
            slot.get_or_try_init(|| self.prepare(of.to_owned(), name.to_owned(), plain));
        preparing
            .await
            .inspect_err(|error| tracing::error!(%error, name, "cannot prepare a file"))
            .ok()
            .cloned()
    }

    /// `plain` is missing for a file of the archive.
    async fn prepare(
        &self,
        build: String,
        name: String,
        plain: Option<Bytes>,
    ) -> Result<Arc<File>, String> {
        let _permit = self.compressing.acquire().await.map_err(|error| error.to_string())?;
        let archive = self.archive.clone();
        let preparing = tokio::task::spawn_blocking(move || {
            let plain = match (plain, archive) {
                (Some(plain), _) => plain,
                (None, Some(archive)) => archive.read(&build, &name)?,
                (None, None) => return Err(std::io::ErrorKind::NotFound.into()),
            };
            // In a debug build compression takes longer than it saves.
            let form = if cfg!(debug_assertions) { Form::Plain } else { Form::Compressed };
            Ok(Arc::new(File::prepare(&name, plain, form)))
        });
        preparing
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error: std::io::Error| error.to_string())
    }

    /// The build of now. In a debug build the files may have changed since the page was asked for last.
    fn present(&self, asked: &Asked<'_>) -> Arc<Build> {
        let known = self.current.lock_unpoisoned().clone();
        match known {
            Some(known) if !cfg!(debug_assertions) || *asked != Asked::Page => known,
            Some(known) => {
                let build = Build::read();
                if build.id == known.id { known } else { self.put(build) }
            }
            None => self.put(Build::read()),
        }
    }

    fn put(&self, build: Build) -> Arc<Build> {
        let build = Arc::new(build.linked());
        *self.current.lock_unpoisoned() = Some(build.clone());
        self.prepared.lock_unpoisoned().clear();
        if let Some(archive) = self.archive.clone() {
            let build = build.clone();
            std::thread::spawn(move || {
                // The server works without it; only pages of this build depend on it, after the next update.
                if let Err(error) = archive.keep(&build) {
                    tracing::warn!(%error, "the files of this build cannot be kept for later");
                }
            });
        }
        build
    }
}

/// What a decoded path asks for. Pages of the client, which has its own routes, are one file.
fn asked(path: &str) -> Option<Asked<'_>> {
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
        return Some(Asked::Page);
    }
    let is_plain = |segment: &str| !segment.is_empty() && !segment.starts_with('.');
    let is_safe = name.len() <= limits::SITE_PATH
        && name.split('/').all(is_plain)
        && !name.bytes().any(|byte| byte == b'\\' || byte < 0x20);
    if !is_safe {
        return None;
    }
    match name.strip_prefix("v/").and_then(|rest| rest.split_once('/')) {
        Some((build, name)) if is_build_id(build) => Some(Asked::Of(build, name)),
        _ => Some(Asked::Present(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::parse;

    fn get(path: &str, fields: &str) -> Option<Response> {
        let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Site::new(None).respond(&head))
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
        assert!(asked(&name(limits::SITE_PATH)).is_some());
        assert!(asked(&name(limits::SITE_PATH + 1)).is_none());
    }

    #[test]
    fn the_page_names_its_build_whose_files_never_change() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let site = Site::new(None);
        let ask = |path: &str| {
            let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
            let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
            runtime.block_on(site.respond(&head))
        };
        let page = ask("/room/7").unwrap();
        assert_eq!(page.get("cache-control"), Some("no-cache"));
        let build = site.build().unwrap();
        let page = String::from_utf8(page.body().to_vec()).unwrap();
        assert!(page.contains(&format!("src=\"/v/{build}/app.js\"")) && !page.contains("BUILD"));
        for name in ["app.js", "css/app.css", "ui/admin/screen.js", "icons/icon-192.png"] {
            let file = ask(&format!("/v/{build}/{name}")).unwrap();
            assert_eq!(file.get("cache-control"), Some(FOR_EVER), "{name}");
        }
        let joined = String::from_utf8(ask(&format!("/v/{build}/app.js")).unwrap().body().to_vec());
        assert!(joined.unwrap().contains("export { $"), "the modules cannot be joined");
        for path in
            ["/v/0123456789abcdef/app.js", &format!("/v/{build}/gone.js"), "/v/BUILD/app.js"]
        {
            assert!(ask(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_page_that_was_loaded_before_an_update_finds_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = folder.path().join("web/0123456789abcdef/ui");
        std::fs::create_dir_all(&earlier).unwrap();
        std::fs::write(earlier.join("gone.js"), "export const old = true;\n").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let site = Site::new(Some(folder.path()));
        let ask = |path: &str| {
            let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
            let (head, _) = parse(text.as_bytes()).unwrap().unwrap();
            runtime.block_on(site.respond(&head))
        };
        let old = ask("/v/0123456789abcdef/ui/gone.js").unwrap();
        assert_eq!(old.get("cache-control"), Some(FOR_EVER));
        assert_eq!(old.body(), &b"export const old = true;\n"[..]);
        assert!(old.get("content-type").unwrap().starts_with("text/javascript"));
        assert!(ask("/v/0123456789abcdef/ui/never.js").is_none());
        assert!(ask("/v/0123456789abcdef/../../x").is_none());
        // The build of now is kept for the next update.
        ask("/").unwrap();
        let kept = folder.path().join("web").join(site.build().unwrap()).join("app.js");
        for _ in 0..500 {
            if kept.is_file() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the build was not kept");
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
}
