//! RFC 6455 against the echo endpoint, which uses the same parser, handshake and frame code as the
//! chat: the cases of the well-known conformance suite.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::TestServer;
use crate::support::wire::{BINARY, CLOSE, FIN, PING, PONG, TEXT, Wire, frame, upgrade};

fn whole(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(FIN | opcode, payload)
}

fn close(code: u16) -> Vec<u8> {
    whole(CLOSE, &code.to_be_bytes())
}

/// A connection to the echo endpoint.
async fn connect(server: &TestServer) -> Wire {
    let stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let request = upgrade(&format!("Host: {}\r\n", server.address), "/echo", "");
    let (wire, head) = Wire::upgraded(stream, request.as_bytes()).await;
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    wire
}

/// Sends a byte at a time, as a bad network would.
async fn drip(peer: &mut Wire, bytes: &[u8]) {
    for byte in bytes {
        peer.send(&[*byte]).await;
    }
}

/// Expects a close frame with this code, then the end of TCP soon.
async fn closes(peer: &mut Wire, code: u16, why: &str) {
    let since = Instant::now();
    let (opcode, payload) = peer.frame().await.unwrap_or_else(|| panic!("{why}: no close"));
    let read = payload.get(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    assert_eq!((opcode, read), (CLOSE, Some(code)), "{why}");
    assert_eq!(peer.frame().await, None, "{why}");
    assert!(since.elapsed() < Duration::from_secs(4), "{why}: TCP ends within 3 s");
}

async fn echo_server() -> TestServer {
    TestServer::start_with(&["--dev-echo", "/echo"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_every_length_come_back() {
    let server = echo_server().await;
    let mut peer = connect(&server).await;
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 1_000_000] {
        for opcode in [TEXT, BINARY] {
            let payload = vec![b'*'; length];
            peer.send(&whole(opcode, &payload)).await;
            peer.expect(opcode, &payload).await;
        }
    }
    for length in [0, 125, 126, 300] {
        let payload = vec![b'*'; length];
        drip(&mut peer, &whole(TEXT, &payload)).await;
        peer.expect(TEXT, &payload).await;
    }
    peer.send(&whole(BINARY, &[0, 0xff, 0x80])).await;
    peer.expect(BINARY, &[0, 0xff, 0x80]).await;
    peer.send(&close(1000)).await;
    closes(&mut peer, 1000, "a normal end").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_are_answered_in_order_and_pongs_are_not() {
    let server = echo_server().await;
    let mut peer = connect(&server).await;
    for payload in [&b""[..], b"Hello", &[0xfe; 125]] {
        peer.send(&whole(PING, payload)).await;
        peer.expect(PONG, payload).await;
    }
    peer.send(&whole(PONG, b"unasked")).await;
    let pings: Vec<u8> = (0..10u8).flat_map(|n| whole(PING, &[n])).collect();
    drip(&mut peer, &pings).await;
    for n in 0..10 {
        peer.expect(PONG, &[n]).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_make_one_message_and_control_frames_pass_between_them() {
    let server = echo_server().await;
    let mut peer = connect(&server).await;
    for first in [TEXT, BINARY] {
        let mut frames = frame(first, b"fragment1");
        frames.extend(whole(PING, b"between"));
        frames.extend(frame(0, b""));
        frames.extend(frame(FIN, b"fragment2"));
        peer.send(&frames).await;
        peer.expect(PONG, b"between").await;
        peer.expect(first, b"fragment1fragment2").await;
    }
    let message = vec![b'x'; 65_536];
    let pieces: Vec<&[u8]> = message.chunks(1_300).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let first = if at == 0 { TEXT } else { 0 };
        let last = if at + 1 == pieces.len() { FIN } else { 0 };
        peer.send(&frame(first | last, piece)).await;
    }
    peer.expect(TEXT, &message).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_errors_close_with_1002_after_the_answers_to_earlier_frames() {
    let server = echo_server().await;
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    for rsv in [0x10, 0x20, 0x40, 0x70] {
        cases.push((format!("RSV {rsv:#x}"), frame(FIN | rsv | TEXT, b"x")));
    }
    for opcode in (3..8).chain(11..16) {
        cases.push((format!("opcode {opcode}"), whole(opcode, b"")));
    }
    cases.push(("a ping of 126".into(), whole(PING, &[0; 126])));
    cases.push(("a close of 126".into(), whole(CLOSE, &[3; 126])));
    cases.push(("a ping in fragments".into(), frame(PING, b"x")));
    cases.push(("a pong in fragments".into(), frame(PONG, b"x")));
    cases.push(("a continuation of nothing".into(), frame(FIN, b"x")));
    cases.push(("an open continuation of nothing".into(), frame(0, b"x")));
    cases.push(("a text within a text".into(), [frame(TEXT, b"a"), whole(TEXT, b"b")].concat()));
    cases.push(("an unmasked text".into(), vec![FIN | TEXT, 1, b'x']));
    cases.push(("a close of one byte".into(), whole(CLOSE, &[3])));
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push((format!("close code {code}"), close(code)));
    }
    for (why, frame) in cases {
        let mut peer = connect(&server).await;
        let mut bytes = whole(TEXT, b"before");
        bytes.extend(frame);
        bytes.extend(whole(TEXT, b"after"));
        peer.send(&bytes).await;
        peer.expect(TEXT, b"before").await;
        closes(&mut peer, 1002, &why).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_utf_8_across_fragments_or_the_end_is_1007() {
    let server = echo_server().await;
    let mut peer = connect(&server).await;
    let good = "Hello-µ@ßöäüàá-UTF-8!! κόσμε 𐀀 \u{10ffff}\u{fffe}";
    drip(&mut peer, &whole(TEXT, good.as_bytes())).await;
    peer.expect(TEXT, good.as_bytes()).await;
    for byte in good.as_bytes() {
        let first = if *byte == b'H' { TEXT } else { 0 };
        peer.send(&frame(first, &[*byte])).await;
    }
    peer.send(&frame(FIN, b"")).await;
    peer.expect(TEXT, good.as_bytes()).await;

    let bad: [&[u8]; 8] = [
        b"\xce\xba\xed\xa0\x80edited",
        b"\xf8\x88\x80\x80\x80",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xed\xbf\xbf",
        b"\xff",
        b"cut \xf0\x90\x80",
    ];
    for bytes in bad {
        let mut peer = connect(&server).await;
        peer.send(&whole(TEXT, bytes)).await;
        closes(&mut peer, 1007, &format!("{}", bytes.escape_ascii())).await;
        let mut peer = connect(&server).await;
        let (one, two) = bytes.split_at(bytes.len() / 2);
        peer.send(&[frame(TEXT, one), frame(FIN, two)].concat()).await;
        closes(&mut peer, 1007, &format!("{} in two", bytes.escape_ascii())).await;
    }
    let mut peer = connect(&server).await;
    peer.send(&whole(CLOSE, b"\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80")).await;
    closes(&mut peer, 1007, "a close reason that is no text").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered_with_its_code_and_nothing_follows() {
    let server = echo_server().await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let mut peer = connect(&server).await;
        peer.send(&[close(code), whole(PING, b"late"), whole(TEXT, b"late")].concat()).await;
        closes(&mut peer, code, &format!("close {code}")).await;
    }
    let mut peer = connect(&server).await;
    let reason = [&1000u16.to_be_bytes()[..], &[b'*'; 123]].concat();
    peer.send(&whole(CLOSE, &reason)).await;
    closes(&mut peer, 1000, "the longest reason").await;
    let mut peer = connect(&server).await;
    peer.send(&whole(CLOSE, b"")).await;
    assert_eq!(peer.frame().await.map(|(opcode, _)| opcode), Some(CLOSE));
    assert_eq!(peer.frame().await, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_pass_up_to_the_limit_and_are_refused_from_the_declared_length() {
    let server = echo_server().await;
    let mut peer = connect(&server).await;
    let message = vec![b'x'; 16 * 1024 * 1024];
    let (mut read, mut write) = tokio::io::split(peer.stream);
    let frame = whole(BINARY, &message);
    let sending = tokio::spawn(async move {
        write.write_all(&frame).await.unwrap();
        write
    });
    let mut got = vec![0; message.len() + 10];
    let reading = read.read_exact(&mut got);
    tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap().unwrap();
    assert!(got.get(10..) == Some(message.as_slice()));
    drop((sending.await.unwrap(), read));

    peer = connect(&server).await;
    let declared = 16 * 1024 * 1024 + 1u64;
    let head = [&[FIN | BINARY, 0x80 | 127][..], &declared.to_be_bytes(), &[0; 4]].concat();
    peer.send(&head).await;
    closes(&mut peer, 1009, "one byte too many, declared").await;
    let mut peer = connect(&server).await;
    let head = [&[FIN | BINARY, 0x80 | 127][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    peer.send(&head).await;
    let (opcode, payload) = peer.frame().await.expect("a close");
    assert_eq!(opcode, CLOSE);
    assert!([b"\x03\xea", b"\x03\xf1"].contains(&payload[..2].try_into().unwrap()), "{payload:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_accepts_64_kib_of_text_and_nothing_else() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    socket.op("hello").await;
    socket.send_frame(TEXT, &vec![b' '; 64 * 1024]).await;
    assert_eq!(socket.op("err").await["code"], "bad_request");
    socket.send_frame(TEXT, &vec![b' '; 64 * 1024 + 1]).await;
    assert_eq!(socket.closed().await, Some(1009));
    let mut socket = anna.socket().await;
    socket.op("hello").await;
    socket.send_frame(BINARY, b"{}").await;
    let ended = socket.closed().await;
    assert!(matches!(ended, Some(1003 | 1002 | 1008)), "{ended:?}");
    server.stop().await;
}
