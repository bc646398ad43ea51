//! No path leads out of the site: what is served has a plain name and an answer of ours.

#![no_main]

use std::future::Future as _;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use impulse::http::{Site, parse};
use libfuzzer_sys::fuzz_target;

static SITE: LazyLock<Site> = LazyLock::new(|| Site::new(None));

fuzz_target!(|bytes: &[u8]| {
    let head = [b"GET /", bytes, b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
    let Ok(Some((head, _))) = parse(&head) else { return };
    // With debug assertions, which a fuzzer has, files are read at once.
    let answering = pin!(SITE.respond(&head));
    let Poll::Ready(answer) = answering.poll(&mut Context::from_waker(Waker::noop())) else {
        return;
    };
    let Some(response) = answer else { return };
    assert!(matches!(response.status(), 200 | 304 | 405));
    assert!(!head.path.split('/').any(|segment| segment.starts_with('.')));
    assert!(response.get("content-security-policy").is_some());
});
