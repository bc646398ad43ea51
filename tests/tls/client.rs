//! A client over rustls that is driven step by step, so that a test decides what is sent together and what never.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::tls::Certified;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Announced by TLS.
    Announced,
    /// By TCP alone: it may have been cut off.
    Cut,
    /// By an alert, or what is none.
    Failed(String),
}

/// A connection.
pub struct Client {
    pub tcp: TcpStream,
    pub tls: ClientConnection,
}

/// That trusts the authority of the certificate.
pub fn config(certified: &Certified) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certified.authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

impl Client {
    /// Connected, and nothing sent.
    pub async fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        Self::connect_from("127.0.0.1", address, config).await
    }

    pub async fn connect_from(own: &str, address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{own}:0").parse().unwrap()).unwrap();
        let tcp = socket.connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from("chat.test").unwrap();
        let mut tls = ClientConnection::new(config.clone(), name).unwrap();
        // A test sends what it likes in one piece.
        tls.set_buffer_limit(None);
        Self { tcp, tls }
    }

    /// The handshake is done, and what completes it is sent.
    pub async fn open(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let mut client = Self::connect(address, config).await;
        client.handshake().await.unwrap();
        client.send_what_waits().await;
        client
    }

    /// Goes on until nothing but the last bytes of the handshake is to be sent.
    pub async fn handshake(&mut self) -> Result<(), End> {
        while self.tls.is_handshaking() {
            self.send_what_waits().await;
            if self.tls.is_handshaking() {
                self.take_some().await?;
            }
        }
        Ok(())
    }

    /// Sends `bytes` with whatever else waits, in one piece.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.tls.writer().write_all(bytes).unwrap();
        self.send_what_waits().await;
    }

    /// What TLS wants to be sent.
    pub fn waiting(&mut self) -> Vec<u8> {
        let mut waiting = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut waiting).unwrap();
        }
        waiting
    }

    async fn send_what_waits(&mut self) {
        let waiting = self.waiting();
        self.tcp.write_all(&waiting).await.unwrap();
    }

    /// Everything until the end, and how it came.
    pub async fn read_to_end(&mut self) -> (String, End) {
        let mut text = Vec::new();
        loop {
            match self.read_some(&mut text).await {
                Ok(()) => {}
                Err(end) => return (String::from_utf8_lossy(&text).into_owned(), end),
            }
        }
    }

    /// Reads until the text has come.
    pub async fn read_until(&mut self, wanted: &str) -> String {
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains(wanted) {
            if let Err(end) = self.read_some(&mut text).await {
                panic!("{end:?} after {:?}", String::from_utf8_lossy(&text));
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    async fn read_some(&mut self, text: &mut Vec<u8>) -> Result<(), End> {
        let mut some = [0; 4_096];
        match self.tls.reader().read(&mut some) {
            Ok(0) => return Err(End::Announced),
            Ok(length) => {
                text.extend_from_slice(&some[..length]);
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(End::Cut),
            Err(error) => return Err(End::Failed(error.to_string())),
        }
        self.take_some().await
    }

    async fn take_some(&mut self) -> Result<(), End> {
        let mut some = [0; 16_384];
        let read = tokio::time::timeout(PATIENCE, self.tcp.read(&mut some));
        let mut rest = match read.await.expect("something in time") {
            Ok(0) => return Err(End::Cut),
            Ok(length) => &some[..length],
            Err(error) => return Err(End::Failed(error.to_string())),
        };
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest).unwrap();
            let processed = self.tls.process_new_packets();
            processed.map_err(|error| End::Failed(error.to_string()))?;
        }
        Ok(())
    }
}
