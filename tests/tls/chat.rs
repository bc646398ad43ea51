//! The chat over TLS, from the handshake to the database: whatever is cut and wherever, nothing acknowledged is lost
//! and nothing doubles; and a client that is not ours.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use std::time::Duration;

use impulse::http::client::Trust;
use proptest::strategy::Strategy as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::support::TestServer;
use crate::support::client::{Client, new_mid};
use crate::support::link::Link;
use crate::support::tls::Certified;
use crate::support::wire::{CHAT, TEXT, Wire, masked, upgrade};

/// A server that speaks TLS, and its certificate.
struct Secure {
    server: TestServer,
    certified: Certified,
    folder: tempfile::TempDir,
}

impl Secure {
    async fn start() -> Self {
        let certified = Certified::of(&["127.0.0.1"]);
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let chain = rustls::pki_types::CertificateDer::clone(&certified.chain[0]);
        let chain = pem(&chain);
        let (cert, key) = (file("cert.pem", &chain), file("key.pem", &certified.key()));
        file("ca.pem", &certified.authority);
        let flags = ["--tls", "files", "--tls-cert", &cert, "--tls-key", &key];
        let server = TestServer::start_with(&flags).await;
        Self { server, certified, folder }
    }

    /// A user, with the header lines of a request over TLS.
    async fn user(&self, name: &str) -> (Client, String) {
        let plain = Client::register(self.server.plain_address(), name).await;
        let made = plain.post("/api/tokens", json!({"label": "a test"})).await.expect(201);
        let bearer = plain.with_token(made["token"].as_str().unwrap());
        let fields = Client { address: self.server.address, ..bearer }.fields();
        (plain, fields)
    }
}

/// A certificate as a PEM text.
fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// How bad a connection is.
#[derive(Debug, Clone, Copy)]
struct Weather {
    /// Bytes of one segment, at most.
    piece: usize,
    /// Bytes in both directions until it is cut.
    until: usize,
    /// Whether the client pauses before each read.
    is_slow: bool,
}

/// A connection that sends and receives in small pieces, and is cut after so many bytes.
struct Cut {
    stream: TcpStream,
    weather: Weather,
}

impl Cut {
    /// How much may still pass at once, and the error once nothing may.
    fn allowed(&self) -> io::Result<usize> {
        match self.weather.piece.min(self.weather.until) {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            most => Ok(most),
        }
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.allowed()?.min(buffer.remaining());
        let mut bytes = vec![0; most];
        let mut part = ReadBuf::new(&mut bytes);
        let polled = Pin::new(&mut self.stream).poll_read(context, &mut part);
        buffer.put_slice(part.filled());
        self.weather.until -= part.filled().len();
        polled
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = self.allowed()?.min(bytes.len());
        let polled = Pin::new(&mut self.stream).poll_write(context, &bytes[..most]);
        if let Poll::Ready(Ok(count)) = polled {
            self.weather.until -= count;
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Somebody who sends messages over connections that break.
struct Sender {
    address: SocketAddr,
    trust: Trust,
    fields: String,
    room: String,
    /// What is not acknowledged, by mid; sent again over each connection.
    waiting: Vec<String>,
    /// The seq of each message that was acknowledged.
    acknowledged: BTreeMap<String, u64>,
    /// What the room has published, in the order in which it came.
    seen: Vec<(u64, String)>,
    since: u64,
}

impl Sender {
    /// One connection, until it breaks or everything is acknowledged and seen.
    async fn connect(&mut self, weather: Weather) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let connector = TlsConnector::from(self.trust.config());
        let name = "127.0.0.1".try_into().unwrap();
        let Ok(stream) = connector.connect(name, Cut { stream, weather }).await else { return };
        let _ = self.talk(Link::Other(Box::new(stream)), weather).await;
    }

    async fn talk(&mut self, mut stream: Link, weather: Weather) -> Option<()> {
        use tokio::io::AsyncWriteExt as _;
        let mut bytes = upgrade(&self.fields, "/ws", CHAT).into_bytes();
        let subscribe =
            json!({"op": "room.subscribe", "id": "s", "room": self.room, "since": self.since});
        // Everything with the request, in one piece.
        bytes.extend(masked(&subscribe.to_string()));
        for mid in &self.waiting {
            let msg = json!({"mid": mid, "rev": 0, "kind": "msg", "t": mid});
            let send = json!({"op": "msg.send", "id": mid, "room": self.room, "msg": msg});
            bytes.extend(masked(&send.to_string()));
        }
        stream.write_all(&bytes).await.ok()?;
        stream.flush().await.ok()?;
        let mut wire = Wire::over(stream);
        self.read_head(&mut wire).await?;
        let total = self.waiting.len() + self.acknowledged.len();
        while !self.waiting.is_empty() || self.seen.len() < total {
            if weather.is_slow {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let (opcode, payload) = wire.frame().await?;
            if opcode == TEXT {
                self.take(&serde_json::from_slice(&payload).unwrap());
            }
        }
        Some(())
    }

    /// The answer to the upgrade.
    async fn read_head(&mut self, wire: &mut Wire) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if wire.more(1).await == 0 {
                return None;
            }
            head.extend(wire.rest());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Some(())
    }

    fn take(&mut self, frame: &Value) {
        match frame["op"].as_str() {
            Some("ok") if frame["id"] != "s" => {
                let mid = frame["id"].as_str().unwrap().to_owned();
                self.waiting.retain(|waiting| *waiting != mid);
                let seq = frame["seq"].as_u64().unwrap();
                let before = self.acknowledged.insert(mid, seq);
                assert!(before.is_none_or(|before| before == seq), "another seq: {frame}");
            }
            Some("msg") => {
                let seq = frame["seq"].as_u64().unwrap();
                assert_eq!(seq, self.since + 1, "no gap and nothing twice: {frame}");
                self.since = seq;
                self.seen.push((seq, frame["msg"]["mid"].as_str().unwrap().to_owned()));
            }
            Some("err") => panic!("{frame}"),
            _ => {}
        }
    }
}

#[test]
fn any_cut_of_any_connection_loses_nothing_acknowledged_and_doubles_nothing() {
    const MESSAGES: usize = 12;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let secure = runtime.block_on(Secure::start());
    let (plain, fields) = runtime.block_on(secure.user("anna"));
    let trust = Trust::in_pem(secure.certified.authority.as_bytes()).unwrap();
    let weather = (1usize..700, 1usize..12_000, proptest::bool::ANY)
        .prop_map(|(piece, until, is_slow)| Weather { piece, until, is_slow });
    let strategy = proptest::collection::vec(weather, 1..5);
    let mut runner = TestRunner::new(Config {
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::with_cases(24)
    });
    let ran = runner.run(&strategy, |connections| {
        runtime.block_on(async {
            let body = json!({"name": format!("Cuts {}", new_mid()), "kind": "open"});
            let room = plain.post("/api/rooms", body).await.expect(201);
            let mut sender = Sender {
                address: secure.server.address,
                trust: trust.clone(),
                fields: fields.clone(),
                room: room["id"].as_str().unwrap().to_owned(),
                waiting: (0..MESSAGES).map(|_| new_mid()).collect(),
                acknowledged: BTreeMap::new(),
                seen: Vec::new(),
                since: room["seq"].as_u64().unwrap_or(0),
            };
            let calm = Weather { piece: usize::MAX, until: usize::MAX, is_slow: false };
            for weather in connections.iter().copied().chain([calm]) {
                let connecting = sender.connect(weather);
                timeout(Duration::from_secs(20), connecting).await.expect("in time");
            }
            assert!(sender.waiting.is_empty());
            let seen: BTreeMap<String, u64> =
                sender.seen.iter().map(|(seq, mid)| (mid.clone(), *seq)).collect();
            assert_eq!((seen.len(), sender.seen.len()), (MESSAGES, MESSAGES));
            assert_eq!(seen, sender.acknowledged);
        });
        Ok(())
    });
    ran.unwrap();
    runtime.block_on(secure.server.stop());
}

/// A WebSocket in plain Python: a message is sent, acknowledged and delivered, and the end is announced both ways.
const PYTHON: &str = r#"
import base64, json, os, socket, ssl, struct, sys
address, ca, fields, room = sys.argv[1:5]
host, port = address.split(":")
context = ssl.create_default_context(cafile=ca)
tls = context.wrap_socket(socket.create_connection((host, int(port)), 20), server_hostname=host)
key = base64.b64encode(os.urandom(16)).decode()
tls.sendall((f"GET /ws HTTP/1.1\r\n{fields}Upgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: impulse.v1\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
data = b""
def need(count):
    global data
    while len(data) < count:
        got = tls.recv(65536)
        assert got, "the end"
        data += got
def take(count):
    global data
    need(count)
    taken, data = data[:count], data[count:]
    return taken
def send(opcode, payload):
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    tls.sendall(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)
def frame():
    first, second = take(2)
    length = second if second < 126 else struct.unpack(">H", take(2))[0]
    return first & 15, take(length)
while b"\r\n\r\n" not in data:
    need(len(data) + 1)
head, data = data.split(b"\r\n\r\n", 1)
assert head.startswith(b"HTTP/1.1 101"), head
print(tls.version(), json.loads(frame()[1])["op"])
send(1, json.dumps({"op": "room.subscribe", "id": "s", "room": room, "since": 0}).encode())
mid = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
body = json.dumps({"op": "msg.send", "id": "m", "room": room, "msg": {"mid": mid, "rev": 0, "kind": "msg", "t": "from Python"}})
send(1, body.encode())
got = set()
while not {"ok m", "msg"} <= got:
    value = json.loads(frame()[1])
    got.add("ok m" if value.get("id") == "m" and value["op"] == "ok" else value["op"])
send(8, b"\x03\xe8")
while True:
    opcode, payload = frame()
    if opcode == 8:
        break
assert payload == b"\x03\xe8", payload
# unwrap() waits for the announcement of the other side, and a cut is an error here.
tls.unwrap()
print("closed")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_python_chats_and_the_end_is_announced() {
    let secure = Secure::start().await;
    let (plain, fields) = secure.user("anna").await;
    let body = json!({"name": "Snakes", "kind": "open"});
    let room = plain.post("/api/rooms", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let ca = secure.folder.path().join("ca.pem");
    let address = secure.server.address.to_string();
    let running = tokio::task::spawn_blocking(move || {
        let args = ["-c", PYTHON, &address, ca.to_str().unwrap(), &fields, &room];
        Command::new("python3").args(args).output().expect("python3 runs")
    });
    let output = timeout(Duration::from_secs(60), running).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "TLSv1.3 hello\nclosed\n", "{errors}");
    secure.server.stop().await;
}
