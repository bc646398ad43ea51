//! No path leads out of the site: what is served has a plain name and an answer of ours.

#![no_main]

use std::sync::LazyLock;

use impulse::http::{Site, parse};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

static SITE: LazyLock<Site> = LazyLock::new(|| Site::new(None));
// Files are read on a thread of their own.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let head = [b"GET /", bytes, b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
    let Ok(Some((head, _))) = parse(&head) else { return };
    let Some(response) = RUNTIME.block_on(SITE.respond(&head)) else { return };
    assert!(matches!(response.status(), 200 | 304 | 405));
    assert!(!head.path.split('/').any(|segment| segment.starts_with('.')));
    assert!(response.get("content-security-policy").is_some());
});
