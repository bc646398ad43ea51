//! Something that answers TLS and then whatever a test says: an ACME server that is broken.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::CertificateParams;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::tls::Certified;

/// It runs as long as the test.
pub struct Fake {
    pub port: u16,
    pub root: PathBuf,
    requests: Arc<AtomicUsize>,
}

impl Fake {
    /// Answers every request with what `reply` makes of its path.
    pub async fn start(
        folder: &Path,
        reply: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(folder, |_| (), reply).await
    }

    /// The same with another certificate.
    pub async fn start_with(
        folder: &Path,
        change: impl FnOnce(&mut CertificateParams),
        reply: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let certified = Certified::with(&["127.0.0.1"], change);
        let root = folder.join("fake-root.pem");
        std::fs::write(&root, &certified.authority).unwrap();
        let acceptor = TlsAcceptor::from(certified.server());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, reply) = (requests.clone(), Arc::new(reply));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, counted, reply) = (acceptor.clone(), counted.clone(), reply.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut head = vec![0; 8_192];
                    let count = stream.read(&mut head).await.unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..count]).into_owned();
                    counted.fetch_add(1, Ordering::Relaxed);
                    let bytes = reply(head.split(' ').nth(1).unwrap_or_default());
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { port, root, requests }
    }

    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// A response with a body.
pub fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
