//! HTTP/2 over TLS, as clients get it that are not ours.

use std::time::Duration;

use bytes::Bytes;
use impulse::http::{Deadlines, Options};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Client, End, config};
use crate::outside::{curl, python};
use crate::running::Running;
use crate::server::Secured;

/// A connection of HTTP/2.
async fn connect(server: &Running) -> TlsStream<TcpStream> {
    let mut config = (*config(&server.certified)).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    connector.connect("chat.test".try_into().unwrap(), tcp).await.unwrap()
}

#[tokio::test]
async fn curl_gets_page_files_and_calls_over_one_connection() {
    let mut secured = Secured::start(&[]).await;
    let paths = ["/", "/health", "/api/info", "/css/app.css", "/nowhere"];
    let all = curl(secured.address(), &secured.certified, &["--http2"], &paths).await;
    let ends: Vec<_> = all.lines().filter(|line| line.starts_with("HTTP/")).collect();
    let wanted = ["2 200 1", "2 200 0", "2 200 0", "2 200 0", "2 404 0"];
    assert_eq!(ends, wanted.map(|end| format!("HTTP/{end}")), "one connection: {all:.500}");
    let head = curl(secured.address(), &secured.certified, &["--http2", "--head"], &["/"]).await;
    assert!(head.contains("strict-transport-security: max-age="), "{head}");
    assert!(head.contains("content-length: ") && !head.contains("<html"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("\nconnection:"), "{head}");
    let side_by_side = ["--http2", "--parallel", "--parallel-immediate"];
    let paths = ["/css/app.css"; 60];
    let all = curl(secured.address(), &secured.certified, &side_by_side, &paths).await;
    assert_eq!(all.matches("\nHTTP/2 200 ").count(), 60, "{all:.2000}");
    secured.server.stop().await;
}

#[tokio::test]
async fn curl_registers_by_http_2_with_the_cookie_of_https() {
    let mut secured = Secured::start(&[]).await;
    let body = crate::support::client::registration("ada").to_string();
    let origin = format!("Origin: https://chat.test:{}", secured.address().port());
    let args = ["--http2", "--include", "-H", &origin, "--json", &body];
    let answer = curl(secured.address(), &secured.certified, &args, &["/api/auth/register"]).await;
    assert!(answer.contains("\nHTTP/2 201 ") && answer.contains("set-cookie: __Host-"), "{answer}");
    secured.server.stop().await;
}

#[tokio::test]
async fn curl_that_asks_for_a_websocket_by_http_2_asks_again_by_http_1_1() {
    let mut secured = Secured::start(&[]).await;
    let answer = curl(secured.address(), &secured.certified, &["--http2"], &["/ws"]).await;
    // It has no upgrade in it, which HTTP/1.1 says.
    assert!(answer.contains("This address speaks WebSocket."), "{answer}");
    assert!(answer.contains("\nHTTP/1.1 400 2\n"), "{answer}");
    secured.server.stop().await;
}

async fn read(answer: h2::client::ResponseFuture) -> Vec<u8> {
    let mut body = answer.await.unwrap().into_body();
    let mut read = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        read.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    read
}

#[tokio::test]
async fn large_bodies_pass_in_both_directions() {
    let server = Running::start(Options::default()).await;
    let (client, connection) = h2::client::handshake(connect(&server).await).await.unwrap();
    let driving = tokio::spawn(connection);
    let body = "abcdefghij".repeat(90_000);
    let mut asked = Vec::new();
    for n in 0..8 {
        let request = http::Request::post(format!("https://chat.test/{n}")).body(()).unwrap();
        let mut client = client.clone().ready().await.unwrap();
        let (answer, mut stream) = client.send_request(request, false).unwrap();
        stream.send_data(Bytes::from(body.clone()), true).unwrap();
        asked.push(answer);
    }
    // All are read at once: what nobody reads would hold the window of the connection.
    let reading = asked.into_iter().map(|answer| tokio::spawn(read(answer)));
    for (n, read) in reading.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(read.await.unwrap(), format!("/{n} true {body}").into_bytes());
    }
    drop(client);
    let ended = tokio::time::timeout(Duration::from_secs(5), driving).await.unwrap();
    ended.unwrap().unwrap();
    assert_eq!(server.witness.seen().len(), 8);
}

#[tokio::test]
async fn an_idle_connection_ends_with_goaway_and_an_end_that_is_announced() {
    let deadlines = Deadlines { head: Duration::from_millis(300), ..Deadlines::default() };
    let server = Running::start(Options { deadlines, ..Options::default() }).await;
    let program = "context.set_alpn_protocols(['h2'])\n\
                   tls = connect()\n\
                   tls.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + bytes([0,0,0,4,0,0,0,0,0]))\n\
                   text = b''\n\
                   while True:\n\
                   \x20   some = tls.recv(4096)\n\
                   \x20   if not some: break\n\
                   \x20   text += some\n\
                   print('goaway', text[-17:-8].hex(), 'announced')\n";
    // Without close_notify Python raises SSLEOFError.
    let printed = python(server.address, &server.certified, program).await;
    assert_eq!(printed.trim(), "goaway 000008070000000000 announced");
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_no_body_however_it_ends() {
    let server = Running::start(Options::default()).await;
    for says_goodbye in [true, false] {
        let (client, connection) = h2::client::handshake(connect(&server).await).await.unwrap();
        let driving = tokio::spawn(connection);
        let request = http::Request::post("https://chat.test/cut").body(()).unwrap();
        let mut client = client.ready().await.unwrap();
        let (_answer, mut stream) = client.send_request(request, false).unwrap();
        stream.send_data(Bytes::from_static(b"half of it"), false).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        if says_goodbye {
            stream.send_reset(h2::Reason::CANCEL);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        driving.abort();
        let _ = driving.await;
    }
    // A client of HTTP/1.1 on the same listener is served as ever.
    let mut client = Client::open(server.address, &config(&server.certified)).await;
    client.send(b"GET /last HTTP/1.1\r\nHost: chat.test\r\nConnection: close\r\n\r\n").await;
    let (text, end) = client.read_to_end().await;
    assert!(text.contains("/last true") && end == End::Announced);
    assert_eq!(server.witness.seen().len(), 1);
}
