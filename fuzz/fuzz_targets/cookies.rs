//! A cookie that is found stands in the header under exactly its name.

#![no_main]

use impulse::http::{Request, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let head = [b"GET / HTTP/1.1\r\nHost: h\r\nCookie: ", bytes, b"\r\n\r\n"].concat();
    let Ok(Some((head, _))) = parse(&head) else { return };
    let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let request = Request::new(head, peer, false);
    let Some(value) = request.cookie("impulse_session") else { return };
    assert!(!value.contains(';'));
    let plain = format!("impulse_session={value}");
    let quoted = format!("impulse_session=\"{value}\"");
    let mut headers = request.head.headers.all("cookie");
    assert!(headers.any(|header| header.contains(&plain) || header.contains(&quoted)));
});
