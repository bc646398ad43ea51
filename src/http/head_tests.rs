use super::*;

fn head(text: &str) -> Head {
    let (head, length) = parse(text.as_bytes()).unwrap().expect("a complete head");
    assert_eq!(length, text.len());
    head
}

fn refused(text: &str) -> u16 {
    match parse(text.as_bytes()) {
        Err(Refusal::Answer(status, _)) => status,
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn a_plain_request_is_understood() {
    let head = head("GET /a%20b?x=1 HTTP/1.1\r\nHost: h:80\r\nX-A:  v \r\n\r\n");
    assert_eq!((head.path.as_str(), head.query.as_deref()), ("/a b", Some("x=1")));
    assert_eq!(head.headers.get("x-a"), Some("v"));
    assert_eq!(head.framing, Framing::Length(0));
    assert!(head.keep_alive && head.version == Version::Http11);
}

#[test]
fn a_query_that_is_not_well_encoded_is_refused_and_not_taken_for_none() {
    let with = |query: &str| format!("GET /a?{query} HTTP/1.1\r\nHost: h\r\n\r\n");
    for query in ["q=%00", "q=%", "q=%4", "q=%zz", "q=%ff", "a=1&%00=2", "a=1&b=%ED%A0%80"] {
        assert_eq!(refused(&with(query)), 400, "{query}");
    }
    for query in ["", "&", "q", "q=", "q=%25", "q=a+b&r=%D1%8F"] {
        assert_eq!(head(&with(query)).query.as_deref(), Some(query));
    }
}

#[test]
fn an_unfinished_head_is_no_answer_yet_wherever_it_is_cut() {
    let text = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
    for cut in 0..text.len() {
        assert!(matches!(parse(&text.as_bytes()[..cut]), Ok(None)), "cut at {cut}");
    }
}

#[test]
fn keep_alive_follows_version_and_connection() {
    assert!(!head("GET / HTTP/1.0\r\n\r\n").keep_alive);
    assert!(head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    assert!(!head("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n").keep_alive);
}

#[test]
fn ambiguous_framing_is_refused() {
    let with = |fields: &str| refused(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    assert_eq!(with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400);
    assert_eq!(with("Content-Length: 3\r\nContent-Length: 3\r\n"), 400);
    assert_eq!(with("Content-Length: 3\r\nContent-Length: 4\r\n"), 400);
    assert_eq!(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
    assert_eq!(with("Transfer-Encoding: gzip, chunked\r\n"), 501);
    assert_eq!(with("Transfer-Encoding: identity\r\n"), 501);
    assert_eq!(with("Transfer-Encoding: xchunked\r\n"), 501);
    for length in ["+3", "-3", "3, 3", "0x3", "3 3", "", "3.0", "\u{663}"] {
        assert_eq!(with(&format!("Content-Length: {length}\r\n")), 400, "{length:?}");
    }
    assert_eq!(with("Content-Length: 99999999999999999999999\r\n"), 413);
    assert_eq!(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

#[test]
fn raw_bytes_that_httparse_would_forgive_are_refused_at_once() {
    for text in [
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\x0bb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /é HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/x.1\r\nHost: h\r\n\r\n",
        "GET / http/1.1\r\nHost: h\r\n\r\n",
        "\x16\x03\x01",
        "GET / HTTP/1.1\nHost",
    ] {
        assert_eq!(refused(text), 400, "{text:?}");
    }
}

#[test]
fn exactly_one_valid_host_is_needed() {
    for fields in [
        "",
        "Host:\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a/b\r\n",
        "Host: a b\r\n",
        "Host: a:x\r\n",
        "Host: u@a\r\n",
    ] {
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{fields}\r\n")), 400, "{fields:?}");
    }
    for host in ["a", "a.b:1", "1.2.3.4:80", "[::1]", "[::1]:8080"] {
        head(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
}

#[test]
fn versions_and_sizes_have_their_own_answers() {
    assert_eq!(refused("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
    assert_eq!(parse(b"GET /\r\n").unwrap_err(), Refusal::Silent);
    assert_eq!(refused(&format!("GET /{}", "a".repeat(17_000))), 414);
    let fields = "X: y\r\n".repeat(101);
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")), 431);
    let long = format!("X: {}", "y".repeat(70_000));
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: h\r\n{long}")), 431);
    let cookies = format!("Cookie: {}\r\n", "c".repeat(8_000));
    let fields = "X: y\r\n".repeat(48);
    head(&format!("GET / HTTP/1.1\r\nHost: h\r\n{cookies}{fields}\r\n"));
    assert_eq!(refused("POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n"), 417);
}

#[test]
fn only_blanks_and_tabs_are_trimmed_from_a_value() {
    let with = |fields: &str| refused(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    for space in ["\u{a0}", "\u{85}", "\u{3000}", "\u{2028}"] {
        assert_eq!(with(&format!("Content-Length: {space}3\r\n")), 400);
        assert_eq!(with(&format!("Content-Length: 3{space}\r\n")), 400);
        assert_eq!(with(&format!("Transfer-Encoding: {space}chunked\r\n")), 501);
        let head = head(&format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: close{space}\r\n\r\n"));
        assert!(head.keep_alive);
    }
}

#[test]
fn a_head_that_comes_byte_by_byte_is_judged_as_if_it_came_whole() {
    for text in [
        "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n",
        "GET /\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut parser = HeadParser::default();
        let judged = (0..=text.len())
            .map(|cut| parser.parse(&text.as_bytes()[..cut]))
            .find(|judged| !matches!(judged, Ok(None)));
        match (judged, parse(text.as_bytes())) {
            (Some(Ok(Some((_, length)))), Ok(Some((_, whole)))) => assert_eq!(length, whole),
            (Some(Err(one)), Err(other)) => assert_eq!(one, other, "{text:?}"),
            different => panic!("{text:?}: {different:?}"),
        }
    }
}

#[test]
fn an_absolute_target_must_be_for_the_host() {
    assert_eq!(head("GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n").path, "/x");
    assert_eq!(head("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").path, "/");
    assert_eq!(refused("GET http://other/x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

#[test]
fn the_fast_check_of_many_bytes_never_passes_what_the_check_of_each_refuses() {
    const BYTES: [u8; 8] = [b'a', b'\t', b'\r', b'\n', 0, 0x1f, 0x7f, 0x80];
    let mut passed = 0;
    for length in 0..=5_u32 {
        for number in 0..8_usize.pow(length) {
            let bytes: Vec<u8> = (0..length).map(|at| BYTES[number >> (3 * at) & 7]).collect();
            for previous in [0, b'a', b'\r', b'\n'] {
                if passes_at_once(previous, &bytes) {
                    passed += 1;
                    assert_eq!(check_each(previous, &bytes), Ok(()), "{previous} {bytes:?}");
                }
            }
        }
    }
    assert!(passed > 1_000, "the fast check passes hardly anything: {passed}");
    assert!(passes_at_once(0, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"));
}
