//! Handshakes, and what comes with them and after them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use impulse::base::limits::http as limits;
use impulse::http::{Deadlines, Options, RequestLimiter};
use impulse::tls::pem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, End, PATIENCE, config};
use crate::outside::{file, openssl, python};
use crate::running::Running;
use crate::support::tls::Certified;

const LAST: &str = "GET /last HTTP/1.1\r\nHost: chat.test\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn openssl_speaks_both_versions_and_no_older_one() {
    let server = Running::start(Options::default()).await;
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let spoken = openssl(server.address, &server.certified, &[flag], LAST).await;
        assert!(spoken.contains("HTTP/1.1 200 OK") && spoken.contains("/last true"), "{spoken}");
        assert!(spoken.contains(version) && spoken.contains("Verification: OK"), "{spoken}");
    }
    assert_eq!(server.handshakes("full"), 2);
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let refused = openssl(server.address, &server.certified, &old, LAST).await;
    assert!(refused.contains("alert handshake failure"), "{refused}");
    assert_eq!((server.handshakes("failed"), server.witness.seen().len()), (1, 2));
}

#[tokio::test]
async fn handshakes_use_a_new_certificate_while_open_connections_keep_theirs() {
    let server = Running::start(Options::default()).await;
    let mut open = Client::open(server.address, &config(&server.certified)).await;
    let other = Certified::of(&["chat.test"]);
    let (cert, key) = (other.certificate(), other.key());
    server.certificates.replace(pem::parse(cert.as_bytes(), key.as_bytes()).unwrap());
    let mut distrusting = Client::connect(server.address, &config(&server.certified)).await;
    assert!(matches!(distrusting.handshake().await, Err(End::Failed(_))));
    let mut new = Client::open(server.address, &config(&other)).await;
    for client in [&mut open, &mut new] {
        client.send(LAST.as_bytes()).await;
        client.read_until("/last").await;
    }
}

#[tokio::test]
async fn the_protocol_is_agreed_on_by_alpn_and_a_client_that_wants_another_one_is_refused() {
    let server = Running::start(Options::default()).await;
    let agreed = ["-alpn", "acme-tls/1,http/1.1"];
    let agreed = openssl(server.address, &server.certified, &agreed, LAST).await;
    assert!(agreed.contains("ALPN protocol: http/1.1") && agreed.contains("200 OK"), "{agreed}");
    // HTTP/2 is preferred, and begins with SETTINGS of the server.
    let program = "context.set_alpn_protocols(['http/1.1', 'h2'])\n\
                   tls = connect()\n\
                   print(tls.selected_alpn_protocol(), tls.recv(9)[3])\n";
    assert_eq!(python(server.address, &server.certified, program).await.trim(), "h2 4");
    let other = openssl(server.address, &server.certified, &["-alpn", "ftp"], LAST).await;
    assert!(other.contains("no application protocol"), "{other}");
}

#[tokio::test]
async fn a_ticket_resumes_in_both_versions_and_keeps_no_state_at_the_server() {
    let server = Running::start(Options::default()).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let session = file("");
        let path = session.path().to_str().unwrap();
        let first = [version, "-sess_out", path];
        let first = openssl(server.address, &server.certified, &first, LAST).await;
        assert!(first.contains("New, "), "{first}");
        let again = [version, "-sess_in", path];
        let again = openssl(server.address, &server.certified, &again, LAST).await;
        assert!(again.contains("Reused, ") && again.contains("200 OK"), "{again}");
    }
    assert_eq!((server.handshakes("full"), server.handshakes("resumed")), (2, 2));
}

#[tokio::test]
async fn python_reads_to_an_end_that_is_announced() {
    let server = Running::start(Options::default()).await;
    let program = format!(
        "tls = connect()\n\
         tls.sendall({LAST:?}.encode())\n\
         text = b''\n\
         while True:\n\
         \x20   some = tls.recv(4096)\n\
         \x20   if not some: break\n\
         \x20   text += some\n\
         print(text.decode(), tls.version(), 'announced')\n"
    );
    // Without close_notify Python raises SSLEOFError.
    let printed = python(server.address, &server.certified, &program).await;
    assert!(printed.contains("/last true") && printed.contains("announced"), "{printed}");
}

#[tokio::test]
async fn what_comes_with_the_last_bytes_of_the_handshake_is_not_lost() {
    let server = Running::start(Options::default()).await;
    let config = config(&server.certified);
    let mut client = Client::connect(server.address, &config).await;
    client.handshake().await.unwrap();
    // The client's Finished has not been sent yet: it goes with two requests in one write.
    client.send(format!("GET /first HTTP/1.1\r\nHost: chat.test\r\n\r\n{LAST}").as_bytes()).await;
    let (text, end) = client.read_to_end().await;
    assert!(text.contains("/first true") && text.contains("/last true"), "{text}");
    assert_eq!(end, End::Announced);
}

#[tokio::test]
async fn a_request_in_pieces_of_any_size_is_read_as_one() {
    let server = Running::start(Options::default()).await;
    let config = config(&server.certified);
    let body = "x".repeat(40_000);
    let request = format!(
        "POST /body HTTP/1.1\r\nHost: chat.test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for piece in [1_009, 16_384, 1_000_000] {
        let mut client = Client::open(server.address, &config).await;
        let mut sealed = Vec::new();
        for part in request.as_bytes().chunks(5_000) {
            std::io::Write::write_all(&mut client.tls.writer(), part).unwrap();
            sealed.extend(client.waiting());
        }
        for part in sealed.chunks(piece) {
            client.tcp.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        let (text, end) = client.read_to_end().await;
        assert!(text.ends_with(&body), "{} bytes", text.len());
        assert_eq!(end, End::Announced);
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_off_is_never_taken_for_the_end_of_a_body() {
    let server = Running::start(Options::default()).await;
    let config = config(&server.certified);
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        for is_announced in [false, true] {
            let mut client = Client::open(server.address, &config).await;
            let cut = format!("POST /cut HTTP/1.1\r\nHost: chat.test\r\n{head}\r\n\r\n5\r\nabcd");
            client.send(cut.as_bytes()).await;
            if is_announced {
                client.tls.send_close_notify();
                client.send(b"").await;
            }
            client.tcp.shutdown().await.unwrap();
            let (text, end) = client.read_to_end().await;
            assert_eq!((text.as_str(), end), ("", End::Announced));
        }
    }
    let mut whole = Client::open(server.address, &config).await;
    whole.send(LAST.as_bytes()).await;
    whole.read_until("/last").await;
    assert_eq!(server.witness.seen(), ["/last true "], "nothing that was cut off");
}

#[tokio::test]
async fn every_orderly_end_is_announced() {
    let soon = Duration::from_millis(300);
    let deadlines = Deadlines { idle: soon, head: soon, ..Deadlines::default() };
    let server = Running::start(Options { deadlines, ..Options::default() }).await;
    let config = config(&server.certified);
    // Nobody asks for anything.
    let mut silent = Client::open(server.address, &config).await;
    assert_eq!(silent.read_to_end().await, (String::new(), End::Announced));
    // After an answer, and after a refusal.
    let mut idle = Client::open(server.address, &config).await;
    idle.send(b"GET /kept HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    let (text, end) = idle.read_to_end().await;
    assert!(text.contains("/kept") && end == End::Announced, "{text} {end:?}");
    let mut wrong = Client::open(server.address, &config).await;
    wrong.send(b"GET / HTTP/1.1\nHost: chat.test\n\n").await;
    let (text, end) = wrong.read_to_end().await;
    assert!(text.contains("400 Bad Request") && end == End::Announced, "{text} {end:?}");
    // The client ends its side first.
    let mut leaving = Client::open(server.address, &config).await;
    leaving.tls.send_close_notify();
    leaving.send(b"").await;
    assert_eq!(leaving.read_to_end().await, (String::new(), End::Announced));
    // The server stops.
    let mut last = Client::open(server.address, &config).await;
    last.send(b"GET /kept HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    last.read_until("/kept").await;
    server.stop.send_replace(true);
    assert_eq!(last.read_to_end().await, (String::new(), End::Announced));
    server.task.await.unwrap();
}

#[tokio::test]
async fn who_speaks_http_to_the_port_is_told_in_plain_text_and_garbage_gets_an_alert() {
    let server = Running::start(Options::default()).await;
    let told = raw(server.address, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    let text = String::from_utf8(told).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
    assert!(text.contains("put https:// in front"), "{text}");
    assert!(!text.contains("evil") && !text.to_lowercase().contains("location"), "{text}");
    let long = [&[22, 3, 1, 255, 255][..], &[0; 70_000]].concat();
    let hello_of_nothing = [22, 3, 1, 0, 5, 1, 0, 0, 1, 0];
    let not_first = [23, 3, 3, 0, 1, 0];
    for garbage in [&b"\0\0\0\0"[..], &[0x80, 0x2e, 1, 3, 1], &long, &hello_of_nothing, &not_first]
    {
        let answer = raw(server.address, garbage).await;
        assert_eq!((answer.first(), answer.len()), (Some(&21), 7), "{:?}", &garbage[..4]);
    }
    assert_eq!((server.handshakes("failed"), server.handshakes("full")), (6, 0));
    let config = config(&server.certified);
    let mut client = Client::open(server.address, &config).await;
    client.send(LAST.as_bytes()).await;
    client.read_until("/last").await;
}

/// What a socket gets that sends these bytes.
async fn raw(address: std::net::SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    // It may have its answer, and the end, before it has sent everything.
    let _ = tcp.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = tcp.read_to_end(&mut answer);
    let _ = tokio::time::timeout(PATIENCE, reading).await.expect("an end in time");
    answer
}

#[tokio::test]
async fn a_handshake_byte_by_byte_ends_with_the_deadline_that_counts_from_the_accept() {
    assert_eq!(Deadlines::default().handshake, limits::HANDSHAKE_DEADLINE);
    let deadlines = Deadlines { handshake: Duration::from_millis(900), ..Deadlines::default() };
    let server = Running::start(Options { deadlines, ..Options::default() }).await;
    let config = config(&server.certified);
    let began = Instant::now();
    let mut slow = Client::connect(server.address, &config).await;
    let silent = TcpStream::connect(server.address).await.unwrap();
    let hello = slow.waiting();
    for byte in hello.chunks(1) {
        if slow.tcp.write_all(byte).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = began.elapsed();
    assert!(took > Duration::from_millis(850) && took < Duration::from_secs(4), "{took:?}");
    let mut silent = silent;
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0, "it has sent nothing");
    assert_eq!(server.handshakes("late"), 1);
}

#[tokio::test]
async fn a_client_makes_so_many_handshakes_at_once_while_another_one_is_not_affected() {
    let limiter = Arc::new(RequestLimiter::default());
    let server = Running::start(Options { limiter, ..Options::default() }).await;
    let config = config(&server.certified);
    let mut half = Vec::new();
    for _ in 0..limits::HANDSHAKES_PER_ADDRESS {
        let mut client = Client::connect(server.address, &config).await;
        let hello = client.waiting();
        client.tcp.write_all(&hello[..9]).await.unwrap();
        half.push((client, hello));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut next = Client::connect(server.address, &config).await;
    let waits = tokio::time::timeout(Duration::from_millis(300), next.handshake()).await;
    assert!(waits.is_err(), "one more is made");
    let mut other = Client::connect_from("127.0.0.2", server.address, &config).await;
    other.handshake().await.unwrap();
    // One of them goes on, and so the next one does.
    let (mut first, hello) = half.swap_remove(0);
    first.tcp.write_all(&hello[9..]).await.unwrap();
    first.handshake().await.unwrap();
    first.send(LAST.as_bytes()).await;
    first.read_until("/last").await;
    next.handshake().await.unwrap();
}

#[tokio::test]
async fn a_client_beyond_its_rate_or_its_connections_gets_an_alert_and_no_handshake() {
    // Each accept costs 1 and each handshake 10 of so much.
    let scale = 50.0 / f64::from(limits::BURST);
    let limiter = Arc::new(RequestLimiter::new(scale));
    let server = Running::start(Options { limiter, ..Options::default() }).await;
    let config = config(&server.certified);
    let mut ends = Vec::new();
    for _ in 0..6 {
        let mut client = Client::connect(server.address, &config).await;
        ends.push(client.handshake().await);
    }
    let passed = ends.iter().filter(|end| end.is_ok()).count();
    assert!((1..6).contains(&passed), "{ends:?}");
    let refused = ends.last().unwrap().as_ref().unwrap_err();
    assert!(matches!(refused, End::Failed(why) if why.contains("InternalError")), "{refused:?}");

    let few = Options { max_per_client: 1, max_sockets: 2, ..Options::default() };
    let server = Running::start(few).await;
    let _held = TcpStream::connect(server.address).await.unwrap();
    let refused = raw(server.address, b"").await;
    assert_eq!(refused, [21, 3, 3, 0, 2, 2, 80], "no permit, no handshake");
}
