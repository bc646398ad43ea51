//! A chat user over real sockets: a small HTTP client by hand, so that what is tested is the server's bytes and
//! not a library's idea of them, and the chat's JSON over a WebSocket (`wire`).

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wire::{CHAT, CLOSE, FIN, PING, PONG, TEXT, Wire, frame, upgrade};

/// Longest wait for anything a test expects to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// `error.code`, or nothing if it is no error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The body if the status is the wanted one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.status, status, "{body}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// An error with this status and code, and a sentence.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!((self.status, self.code().as_str()), (status, code), "{body}");
        let sentence = self.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(sentence.ends_with(['.', '!', '?', ')']), "a sentence: {sentence:?}");
    }
}

/// One browser or script: an address and perhaps a login.
#[derive(Debug, Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub cookie: Option<String>,
    pub token: Option<String>,
    /// Sent as `Origin`; by default the server's own.
    pub origin: Option<String>,
    /// Sent as `Impulse-User`; by default not at all.
    pub page_of: Option<String>,
    pub uid: String,
}

impl Client {
    /// Nobody yet.
    pub fn new(address: SocketAddr) -> Self {
        let origin = Some(format!("http://{address}"));
        Self { address, cookie: None, token: None, origin, page_of: None, uid: String::new() }
    }

    /// Registers `name` and is that user from now on.
    pub async fn register(address: SocketAddr, name: &str) -> Self {
        let mut client = Self::new(address);
        let answer = client.post("/api/auth/register", registration(name)).await;
        client.keep_cookie(&answer);
        client.uid = answer.expect(201)["uid"].as_str().expect("uid").to_owned();
        client
    }

    /// Logs `name` in anew, as another browser of the same person would.
    pub async fn login(address: SocketAddr, name: &str) -> Self {
        let mut client = Self::new(address);
        let body = json!({"username": name, "auth": auth_of(name), "device": "test"});
        let answer = client.post("/api/auth/login", body).await;
        client.keep_cookie(&answer);
        client.uid = answer.expect(200)["uid"].as_str().expect("uid").to_owned();
        client
    }

    /// The same user by bearer token: no cookie, no origin.
    pub fn with_token(&self, token: &str) -> Self {
        let token = Some(token.to_owned());
        Self { cookie: None, token, origin: None, ..self.clone() }
    }

    /// The same user at a server that was started anew.
    pub fn at(&self, address: SocketAddr) -> Self {
        let origin = self.origin.as_ref().map(|_| format!("http://{address}"));
        Self { address, origin, ..self.clone() }
    }

    /// Takes the session cookie out of an answer.
    pub fn keep_cookie(&mut self, answer: &Answer) {
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request("PATCH", path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, None).await
    }

    /// One request on a connection of its own.
    pub async fn request(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        let mut head = format!("{method} {path} HTTP/1.1\r\n{}", self.fields());
        head.push_str("Connection: close\r\n");
        if let Some(body) = &body {
            head.push_str("Content-Type: application/json\r\n");
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.push_str(body.as_deref().unwrap_or_default());
        self.raw(head.as_bytes()).await
    }

    /// `Host`, and the headers that carry the session.
    pub fn fields(&self) -> String {
        let mut fields = format!("Host: {}\r\n", self.address);
        for (name, value) in
            [("Cookie", &self.cookie), ("Origin", &self.origin), ("Impulse-User", &self.page_of)]
        {
            if let Some(value) = value {
                fields.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        if let Some(token) = &self.token {
            fields.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        fields
    }

    /// These bytes, and the answer until the server closes.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.expect("connect");
            stream.write_all(bytes).await.expect("write");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("read");
            answer
        };
        let bytes = tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time");
        parse(&bytes)
    }

    /// Opens the chat socket and checks the handshake.
    pub async fn socket(&self) -> Socket {
        match Socket::open(self).await {
            Ok(socket) => socket,
            Err(answer) => panic!("no upgrade: {answer:?}"),
        }
    }
}

/// Splits an answer into head and body; chunked bodies are put together.
pub fn parse(bytes: &[u8]) -> Answer {
    let end = find(bytes, b"\r\n\r\n").unwrap_or_else(|| panic!("no head in {bytes:?}"));
    let head = std::str::from_utf8(&bytes[..end]).expect("an ASCII head");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let body = bytes[end + 4..].to_vec();
    Answer { status: status.parse().expect("a number"), headers, body }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Any 32 bytes stand for a password's AUTH: the server never learns what is behind it.
pub fn auth_of(name: &str) -> String {
    let mut auth = [7u8; 32];
    for (slot, byte) in auth.iter_mut().zip(name.bytes()) {
        *slot = byte;
    }
    URL_SAFE_NO_PAD.encode(auth)
}

/// The body of `register`.
pub fn registration(name: &str) -> Value {
    json!({
        "username": name,
        "alg": "pbkdf2-sha256",
        "salt": URL_SAFE_NO_PAD.encode([3u8; 16]),
        "iter": 1_000_000,
        "auth": auth_of(name),
    })
}

/// A message id nobody used.
pub fn new_mid() -> String {
    URL_SAFE_NO_PAD.encode(impulse::base::random::bytes::<16>().expect("randomness"))
}

/// A chat socket, client side.
pub struct Socket {
    wire: Wire,
    next_id: u32,
    /// Frames read while looking for another one.
    pub aside: Vec<Value>,
}

/// The next frame of a socket, or its end.
#[derive(Debug, PartialEq)]
pub enum Received {
    Frame(Value),
    /// A close frame with its code.
    Closed(u16),
    /// TCP ended without a close frame.
    Ended,
}

impl Socket {
    /// The upgrade of `/ws`; `Err` is the answer when it is not a 101.
    pub async fn open(client: &Client) -> Result<Self, Answer> {
        Self::open_with(client, "/ws", CHAT).await
    }

    /// The upgrade of any path with extra header lines.
    pub async fn open_with(client: &Client, path: &str, extra: &str) -> Result<Self, Answer> {
        let stream = TcpStream::connect(client.address).await.expect("connect");
        let request = upgrade(&client.fields(), path, extra);
        let (mut wire, head) = Wire::upgraded(stream, request.as_bytes()).await;
        let answer = parse(&head);
        if answer.status != 101 {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            let mut body = wire.rest().to_vec();
            let missing = length.unwrap_or(body.len()).saturating_sub(body.len());
            let mut rest = vec![0; missing];
            wire.stream.read_exact(&mut rest).await.expect("the body of a refusal");
            body.extend_from_slice(&rest);
            return Err(Answer { body, ..answer });
        }
        assert_eq!(answer.header("sec-websocket-accept").map(str::len), Some(28));
        Ok(Self { wire, next_id: 0, aside: Vec::new() })
    }

    /// Says something; the server answers when it likes.
    pub async fn send(&mut self, frame: Value) {
        self.send_frame(TEXT, frame.to_string().as_bytes()).await;
    }

    /// Any frame: FIN, opcode, masked payload.
    pub async fn send_frame(&mut self, opcode: u8, payload: &[u8]) {
        self.wire.send(&frame(FIN | opcode, payload)).await;
    }

    /// Sends a command and returns the one answer with the same `id`; other frames go aside.
    pub async fn request(&mut self, mut frame: Value) -> Value {
        self.next_id += 1;
        let id = format!("c{}", self.next_id);
        frame["id"] = json!(id);
        self.send(frame).await;
        loop {
            match self.receive().await {
                Received::Frame(frame) if frame["id"] == json!(id) => return frame,
                Received::Frame(frame) => self.aside.push(frame),
                other => panic!("no answer but {other:?}"),
            }
        }
    }

    /// Sends a command and expects `ok`.
    pub async fn ok(&mut self, frame: Value) -> Value {
        let answer = self.request(frame).await;
        assert_eq!(answer["op"], "ok", "{answer}");
        answer
    }

    /// Sends a command and expects `err` with this code.
    pub async fn err(&mut self, frame: Value, code: &str) -> Value {
        let answer = self.request(frame).await;
        assert_eq!((&answer["op"], &answer["code"]), (&json!("err"), &json!(code)), "{answer}");
        answer
    }

    /// Sends a new message; its `mid` and the `ok`.
    pub async fn send_text(&mut self, room: &str, text: &str) -> (String, Value) {
        let mid = new_mid();
        let msg = json!({"mid": mid, "rev": 0, "kind": "msg", "t": text});
        let ok = self.ok(json!({"op": "msg.send", "room": room, "msg": msg})).await;
        (mid, ok)
    }

    /// The first frame, set aside or yet to come, that `wanted` likes.
    pub async fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.aside.iter().position(&wanted) {
            return self.aside.remove(at);
        }
        loop {
            match self.receive().await {
                Received::Frame(frame) if wanted(&frame) => return frame,
                Received::Frame(frame) => self.aside.push(frame),
                other => panic!("waiting for {what}: {other:?}; aside: {:?}", self.aside),
            }
        }
    }

    /// The next frame with this `op`.
    pub async fn op(&mut self, op: &str) -> Value {
        self.find(op, |frame| frame["op"] == op).await
    }

    /// Nothing that `unwanted` matches for a while.
    pub async fn assert_silent(&mut self, time: Duration, unwanted: impl Fn(&Value) -> bool) {
        let received = tokio::time::timeout(time, self.find("nothing", &unwanted)).await;
        assert!(received.is_err(), "expected nothing, received {received:?}");
    }

    /// Reads on until the socket is closed; its code, or nothing if TCP just ended.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.receive().await {
                Received::Frame(frame) => self.aside.push(frame),
                Received::Closed(code) => return Some(code),
                Received::Ended => return None,
            }
        }
    }

    /// The next frame or the end. Pings are answered on the way, and are no sign that more will come.
    pub async fn receive(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.receive_frame()).await.expect("a frame in time")
    }

    async fn receive_frame(&mut self) -> Received {
        loop {
            let Some((opcode, payload)) = self.wire.frame().await else { return Received::Ended };
            match opcode {
                TEXT => {
                    return Received::Frame(
                        serde_json::from_slice(&payload).expect("a JSON frame"),
                    );
                }
                CLOSE => {
                    let code = payload.get(..2).map(|b| u16::from_be_bytes([b[0], b[1]]));
                    return Received::Closed(code.unwrap_or(1005));
                }
                PING => self.send_frame(PONG, &payload).await,
                PONG => {}
                other => panic!("unexpected opcode {other:#x}"),
            }
        }
    }
}
