//! A TLS client whose every byte is in the hands of the test: what is sent and what is held back, and records that
//! no library makes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ContentType, ProtocolVersion,
    ServerConfig, ServerConnection, SupportedCipherSuite,
};

/// Longest wait for bytes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A handshake without sockets. The server's last bytes are still in its session.
pub struct Sessions {
    pub client: ClientConnection,
    pub server: ServerConnection,
    /// The client's last bytes of the handshake, which the server has not got.
    pub last: Vec<u8>,
}

impl Sessions {
    pub fn new(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        let name = "chat.test".try_into().unwrap();
        let mut client = ClientConnection::new(client.clone(), name).unwrap();
        let mut server = ServerConnection::new(server.clone()).unwrap();
        loop {
            let last = taken(&mut client);
            if !client.is_handshaking() {
                return Self { client, server, last };
            }
            give(&mut server, &last);
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            while !bytes.is_empty() {
                let mut rest = bytes.as_slice();
                client.read_tls(&mut rest).unwrap();
                client.process_new_packets().unwrap();
                bytes = rest.to_vec();
            }
        }
    }
}

/// What a client has to send.
pub fn taken(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Gives bytes to a server, as if they had been read.
pub fn give(server: &mut ServerConnection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        server.read_tls(&mut bytes).unwrap();
        server.process_new_packets().unwrap();
    }
}

/// A client after its handshake.
pub struct RawClient {
    pub stream: TcpStream,
    pub session: ClientConnection,
    plain: Vec<u8>,
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With close_notify.
    Announced,
    /// TCP ended, and TLS did not.
    Cut,
}

impl RawClient {
    pub fn over(stream: TcpStream, session: ClientConnection) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, session, plain: Vec::new() }
    }

    /// Seals bytes without sending them.
    pub fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.session.writer().write_all(bytes).unwrap();
        taken(&mut self.session)
    }

    /// Sends bytes, and what else the session has to send.
    pub fn send(&mut self, bytes: &[u8]) {
        let sealed = self.seal(bytes);
        self.stream.write_all(&sealed).unwrap();
    }

    /// Reads once. `None`: there is more to come.
    fn read(&mut self) -> Option<End> {
        let mut bytes = [0; 4_096];
        match self.session.reader().read(&mut bytes) {
            Ok(0) => return Some(End::Announced),
            Ok(count) => {
                self.plain.extend_from_slice(&bytes[..count]);
                return None;
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Some(End::Cut),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        match self.session.read_tls(&mut self.stream) {
            Ok(_) => self.session.process_new_packets().map(|_| None).unwrap_or(Some(End::Cut)),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(End::Cut),
            Err(error) => panic!("nothing in time: {error}"),
        }
    }

    /// The next text frame.
    pub fn text(&mut self) -> String {
        use impulse::ws::client::{Frame, next};
        loop {
            let mut rest = self.plain.as_slice();
            match next(&mut rest).unwrap() {
                Some(Frame::Text(text)) => {
                    let text = String::from_utf8(text.to_vec()).unwrap();
                    self.plain = rest.to_vec();
                    return text;
                }
                Some(other) => panic!("not a text but {other:?}"),
                None => assert_eq!(self.read(), None, "the end"),
            }
        }
    }

    /// Reads to the end: what else came, and how it ended.
    pub fn end(mut self) -> (Vec<u8>, End) {
        loop {
            if let Some(end) = self.read() {
                return (self.plain, end);
            }
        }
    }
}

/// Seals records of any type and content, with the keys of a session.
pub struct Forge {
    pub stream: TcpStream,
    encrypter: Box<dyn MessageEncrypter>,
    seq: u64,
}

impl Forge {
    pub fn over(stream: TcpStream, session: ClientConnection) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let suite = session.negotiated_cipher_suite().unwrap();
        let (seq, secrets) = session.dangerous_extract_secrets().unwrap().tx;
        let encrypter = match (suite, secrets) {
            (
                SupportedCipherSuite::Tls13(suite),
                ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv },
            ) => suite.aead_alg.encrypter(key, iv),
            (
                SupportedCipherSuite::Tls12(suite),
                ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv },
            ) => suite.aead_alg.encrypter(key, iv.as_ref(), &[]),
            _ => panic!("the tests offer no other suite"),
        };
        Self { stream, encrypter, seq }
    }

    /// One sealed record.
    pub fn record(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let payload = OutboundChunks::Single(payload);
        let plain = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload };
        let sealed = self.encrypter.encrypt(plain, self.seq).unwrap();
        self.seq += 1;
        sealed.encode()
    }

    /// Sends one. False: the server has ended the connection.
    pub fn send(&mut self, typ: ContentType, payload: &[u8]) -> bool {
        let record = self.record(typ, payload);
        self.stream.write_all(&record).is_ok()
    }
}
