//! What a browser does, over TLS, from an address of its choice.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::proxies::web_server::NAME;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A browser at an address of its own.
#[derive(Clone)]
pub struct Browser {
    pub from: IpAddr,
    pub proxy: SocketAddr,
    pub tls: Arc<rustls::ClientConfig>,
    /// `name=value`, once it has signed in.
    pub cookie: String,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The values of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.lines().filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Browser {
    pub async fn connect(&self) -> TlsStream<TcpStream> {
        self.connect_with(self.tls.clone()).await
    }

    async fn connect_with(&self, tls: Arc<rustls::ClientConfig>) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(self.from, 0)).unwrap();
        let stream = socket.connect(self.proxy).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        TlsConnector::from(tls).connect(name, stream).await.unwrap()
    }

    /// A request of a page of `origin`; none if that is empty.
    pub async fn request(&self, line: &str, origin: &str, kind: &str, body: &[u8]) -> Answer {
        let stream = self.connect().await;
        let mut head = format!("{line} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n");
        if !origin.is_empty() {
            head.push_str(&format!("Origin: {origin}\r\n"));
        }
        if !self.cookie.is_empty() {
            head.push_str(&format!("Cookie: {}\r\n", self.cookie));
        }
        if !kind.is_empty() {
            head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
        }
        let exchanged = timeout(PATIENCE, async {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let writing = async {
                writer.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
                // Who refuses a body early answers and closes before all of it is written.
                let _ = writer.write_all(body).await;
            };
            let mut bytes = Vec::new();
            // Who refuses a body may also read no more of it, so the answer is read meanwhile, as browsers do.
            {
                let reading = reader.read_to_end(&mut bytes);
                tokio::pin!(reading);
                tokio::select! {
                    _ = &mut reading => {}
                    () = writing => {
                        let _ = reading.await;
                    }
                }
            }
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let text = exchanged.await.expect("an answer in time");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The status of a JSON request by HTTP/2.
    pub async fn by_http2(
        &self,
        method: &str,
        path: &str,
        origin: &str,
        body: &'static str,
    ) -> u16 {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let stream = self.connect_with(Arc::new(tls)).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://{NAME}{path}"))
            .header("origin", origin)
            .header("cookie", &self.cookie)
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let (answer, mut sending) =
            client.ready().await.unwrap().send_request(request, false).unwrap();
        sending.send_data(body.into(), true).unwrap();
        let status = timeout(PATIENCE, answer).await.expect("an answer in time").unwrap().status();
        connection.abort();
        status.as_u16()
    }

    /// Reads a path whose answer does not end, from its first line.
    pub async fn tail(&self, path: &str) -> Lines {
        let mut stream = self.connect().await;
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\nCookie: {}\r\n\r\n", self.cookie);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut lines = Lines(BufReader::new(stream));
        let status = lines.next().await;
        assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
        lines
    }

    /// The upgrade to a WebSocket by a page of `origin`.
    pub async fn upgrade(&self, origin: &str) -> Result<Socket, String> {
        let mut stream = self.connect().await;
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {origin}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: impulse.v1\r\nCookie: {}\r\n\r\n",
            self.cookie
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, stream.read_u8()).await.expect("an answer in time");
            let Ok(byte) = byte else { break };
            head.push(byte);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        if head.starts_with("HTTP/1.1 101 ") { Ok(Socket(stream)) } else { Err(head) }
    }
}

/// An answer that does not end.
pub struct Lines(BufReader<TlsStream<TcpStream>>);

impl Lines {
    /// The next line, also of the head and of chunks.
    pub async fn next(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a line in time");
        assert!(read.unwrap() > 0, "the answer ended");
        line
    }
}

/// A WebSocket.
pub struct Socket(TlsStream<TcpStream>);

impl Socket {
    /// The next frame from the server: its opcode and payload.
    pub async fn frame(&mut self, patience: Duration) -> (u8, Vec<u8>) {
        let read = async {
            let first = self.0.read_u8().await.unwrap();
            let length = match self.0.read_u8().await.unwrap() {
                126 => u64::from(self.0.read_u16().await.unwrap()),
                127 => self.0.read_u64().await.unwrap(),
                length => u64::from(length),
            };
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.unwrap();
            (first & 0x0f, payload)
        };
        timeout(patience, read).await.expect("a frame in time")
    }

    /// The next text, as JSON.
    pub async fn json(&mut self) -> Value {
        loop {
            let (opcode, payload) = self.frame(PATIENCE).await;
            if opcode == 1 {
                return serde_json::from_slice(&payload).unwrap();
            }
        }
    }

    /// Sends a frame, masked with zeros.
    pub async fn send(&mut self, opcode: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | opcode];
        match u8::try_from(payload.len()) {
            Ok(length @ ..126) => frame.push(0x80 | length),
            _ => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// A command that is answered at once.
    pub async fn ping(&mut self, id: &str) {
        self.send(1, format!(r#"{{"op":"ping","id":"{id}"}}"#).as_bytes()).await;
        while self.json().await["id"] != id {}
    }
}
