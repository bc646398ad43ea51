//! The real binary as a child process, and a blocking client for it: what a person with a shell
//! and a script has. No code of the server is used on this side but ids.

#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// How long anything may take before a test gives up. Generous: CI machines are slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running `impulse serve`. Killed when dropped.
pub struct Process {
    child: Child,
    /// `127.0.0.1:port`, for plain HTTP
    pub address: String,
    /// The same for https, if the server speaks TLS.
    pub secure_address: Option<String>,
    /// The code of the `setup:` line, if there was one.
    pub setup: Option<String>,
}

impl Process {
    /// Starts the server with a private database under `data_dir` and waits for `ready:`.
    pub fn start(data_dir: &Path, more: &[(&str, &str)]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_impulse")), data_dir, more)
    }

    /// The same with so many descriptors and not one more; its log goes into `log`.
    pub fn start_with_descriptors(
        most: usize,
        log: &Path,
        data_dir: &Path,
        more: &[(&str, &str)],
    ) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {most} && exec \"$0\" \"$@\""));
        shell.arg(env!("CARGO_BIN_EXE_impulse"));
        shell.stderr(std::fs::File::create(log).expect("a log"));
        Self::run(shell, data_dir, more)
    }

    /// The same where no file can have more than so many bytes: writing more fails, as on a full disk.
    pub fn start_with_file_size(most: usize, data_dir: &Path, more: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        // The unit is 512 bytes. Without the trap the signal would end the server.
        let script = format!("trap '' XFSZ; ulimit -f {} && exec \"$0\" \"$@\"", most / 512);
        shell.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_impulse"));
        Self::run(shell, data_dir, more)
    }

    fn run(mut command: Command, data_dir: &Path, more: &[(&str, &str)]) -> Self {
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .env_remove("DATABASE_URL")
            .env_remove("ACCOUNTS_DATABASE_URL")
            .env("IMPULSE_RATE_LIMIT_SCALE", "0")
            .env("IMPULSE_LOG", "warn")
            .envs(more.iter().copied())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let lines = read_lines(child.stdout.take().expect("stdout is piped"));
        let mut address = None;
        let mut secure_address = None;
        let mut setup = None;
        let deadline = Instant::now() + PATIENCE;
        // `setup:` follows `ready:` at once if it comes at all; 300 ms of silence means it does not.
        loop {
            let wait = if address.is_some() {
                Duration::from_millis(300)
            } else {
                deadline.saturating_duration_since(Instant::now())
            };
            match lines.recv_timeout(wait) {
                Ok(line) => {
                    if let Some(found) = line.strip_prefix("ready: http://") {
                        address = Some(found.to_owned());
                    } else if let Some(found) = line.strip_prefix("ready: https://") {
                        secure_address = Some(found.to_owned());
                        address = Some(plain_address(data_dir));
                    } else if let Some((_, code)) = line.split_once("/setup#") {
                        setup = Some(code.to_owned());
                    }
                }
                Err(_) if address.is_some() => break,
                Err(error) => {
                    let _ = child.kill();
                    let status = child.wait();
                    panic!("no ready: line ({error}), {status:?}");
                }
            }
        }
        Self { child, address: address.unwrap_or_default(), secure_address, setup }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As the kernel does when memory runs out: no warning, no last words.
    pub fn kill_9(mut self) {
        self.child.kill().expect("SIGKILL is delivered");
        self.child.wait().expect("the child is reaped");
    }

    /// Asks it to stop and returns how it ended.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)
            .expect("SIGTERM is delivered");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The exit status of a server that a signal has already ended.
    pub fn terminate_gone(mut self) -> std::process::ExitStatus {
        self.child.wait().expect("the child is reaped")
    }

    /// One JSON request; the status and the body.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        http(&self.address, method, path, token, body).expect("the server answers")
    }

    /// Makes an account and returns its bearer token.
    pub fn register(&self, username: &str) -> String {
        let registration = Some(registration(username));
        let (status, body) = self.request("POST", "/api/auth/register", None, registration);
        assert!(status == 200 || status == 201, "register: {status} {body}");
        body["token"].as_str().expect("a token").to_owned()
    }
}

/// The body of `register`.
pub fn registration(username: &str) -> Value {
    let auth = URL_SAFE_NO_PAD.encode([7u8; 32]);
    let salt = URL_SAFE_NO_PAD.encode([1u8; 16]);
    json!({"username": username, "alg": "pbkdf2-sha256", "salt": salt, "iter": 1_000_000, "auth": auth, "token": true})
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a server that speaks TLS is called by the command line.
fn plain_address(data_dir: &Path) -> String {
    let control = std::fs::read(data_dir.join("server.json")).expect("the file of the server");
    let control: Value = serde_json::from_slice(&control).expect("JSON");
    control["address"].as_str().expect("an address").to_owned()
}

fn read_lines(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if tx.send(line).is_err() {
                break;
            }
        }
    });
    rx
}

/// One HTTP exchange on its own connection.
pub fn http(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = body.map(|value| value.to_string());
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some(token) = token {
        head.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    if let Some(body) = &body {
        head.push_str(&format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    stream.write_all(format!("{head}\r\n{}", body.unwrap_or_default()).as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// A WebSocket client that has read `hello` and sent nothing yet.
pub struct Client {
    socket: WebSocket<TcpStream>,
    pub hello: Value,
    next_id: u64,
    /// Events read while waiting for an answer.
    pub events: Vec<Value>,
}

impl Client {
    pub fn connect(address: &str, token: &str) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let key = STANDARD.encode([9u8; 16]);
        write!(
            stream,
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Protocol: impulse.v1\r\nAuthorization: Bearer {token}\r\n\r\n"
        )?;
        let mut head = Vec::new();
        let mut byte = [0u8];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return Err(std::io::Error::other(String::from_utf8_lossy(&head).into_owned()));
        }
        let socket = WebSocket::from_raw_socket(stream, Role::Client, None);
        let mut client = Self { socket, hello: Value::Null, next_id: 0, events: Vec::new() };
        client.hello = client.read()?;
        assert_eq!(client.hello["op"], "hello", "{}", client.hello);
        Ok(client)
    }

    /// The bare socket, to misbehave on.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }

    /// The next JSON frame. The server's pings are no sign that one will come.
    pub fn read(&mut self) -> std::io::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.socket.read().map_err(std::io::Error::other)? {
                Message::Text(text) => {
                    return serde_json::from_str(text.as_str()).map_err(std::io::Error::other);
                }
                Message::Close(frame) => {
                    return Err(std::io::Error::other(format!("closed: {frame:?}")));
                }
                _ => {}
            }
        }
        Err(std::io::ErrorKind::TimedOut.into())
    }

    /// Sends a command without waiting; returns the id its answer will carry.
    pub fn send(&mut self, mut command: Value) -> std::io::Result<String> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        command["id"] = json!(id);
        self.socket.send(Message::text(command.to_string())).map_err(std::io::Error::other)?;
        Ok(id)
    }

    /// Sends a command and waits for its answer; events met on the way are kept.
    pub fn request(&mut self, command: Value) -> std::io::Result<Value> {
        let id = self.send(command)?;
        loop {
            let frame = self.read()?;
            if frame["id"] == id.as_str() {
                return Ok(frame);
            }
            self.events.push(frame);
        }
    }

    /// The next event for which `wanted` holds, from those kept or from the socket.
    pub fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> std::io::Result<Value> {
        if let Some(at) = self.events.iter().position(&wanted) {
            return Ok(self.events.remove(at));
        }
        loop {
            let frame = self.read()?;
            if wanted(&frame) {
                return Ok(frame);
            }
            self.events.push(frame);
        }
    }
}

/// A fresh message id.
pub fn new_mid() -> String {
    let bytes = impulse::base::random::bytes::<16>().expect("randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `msg.send` of a new text.
pub fn text(room: &str, mid: &str, text: &str) -> Value {
    json!({"op": "msg.send", "room": room, "msg": {"mid": mid, "rev": 0, "kind": "msg", "t": text}})
}
